//! SFTP packets out of a stream of bytes, however it is cut into pieces.

use super::Violation;
use crate::domain::limits;

/// A length of four bytes stands before each packet (draft-ietf-secsh-filexfer-02, section 3).
const LENGTH: usize = 4;

/// The beginning of a packet whose rest has not arrived.
#[derive(Default)]
pub(super) struct Frames {
    partial: Vec<u8>,
}

impl Frames {
    /// Gives each packet that `bytes` completes to `each`, in order. After an error the stream has no meaning any more.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        loop {
            if self.partial.is_empty()
                && let Some(packet) = whole(bytes)?
            {
                each(packet)?;
                bytes = &bytes[LENGTH + packet.len()..];
                continue;
            }
            if bytes.is_empty() {
                return Ok(());
            }
            let wanted = match length(&self.partial)? {
                Some(length) => LENGTH + length,
                None => LENGTH,
            };
            let taken = bytes.len().min(wanted - self.partial.len());
            self.partial.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if let Some(packet) = whole(&self.partial)? {
                each(packet)?;
                // Not `clear`: one large packet should not keep its memory for a whole session.
                self.partial = Vec::new();
            }
        }
    }
}

fn length(bytes: &[u8]) -> Result<Option<usize>, Violation> {
    let Some(length) = bytes.first_chunk::<LENGTH>() else { return Ok(None) };
    match u32::from_be_bytes(*length) as usize {
        length @ 1..=limits::SFTP_PACKET_BYTES => Ok(Some(length)),
        _ => Err(Violation::PacketLength),
    }
}

fn whole(bytes: &[u8]) -> Result<Option<&[u8]>, Violation> {
    Ok(length(bytes)?.and_then(|length| bytes.get(LENGTH..LENGTH + length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(packets: &[Vec<u8>]) -> Vec<u8> {
        packets.iter().flat_map(|packet| [&(packet.len() as u32).to_be_bytes()[..], packet].concat()).collect()
    }

    fn fed(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, Violation> {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        for piece in pieces {
            frames.feed(piece, |packet| {
                out.push(packet.to_vec());
                Ok(())
            })?;
        }
        Ok(out)
    }

    #[test]
    fn packets_come_out_whole_when_they_are_cut_at_any_two_bytes_and_one_byte_at_a_time() {
        let packets = vec![vec![1, 2, 3], vec![9], vec![7; 40]];
        let stream = framed(&packets);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(fed(&pieces).unwrap(), packets, "cut at {first} and {second}");
            }
        }
        assert_eq!(fed(&stream.chunks(1).collect::<Vec<_>>()).unwrap(), packets);
    }

    #[test]
    fn a_length_of_zero_and_one_over_the_limit_end_the_stream_at_the_fourth_byte() {
        for length in [0, limits::SFTP_PACKET_BYTES as u32 + 1, u32::MAX] {
            let bytes = length.to_be_bytes();
            assert_eq!(fed(&[&bytes]), Err(Violation::PacketLength));
            assert_eq!(fed(&bytes.chunks(1).collect::<Vec<_>>()), Err(Violation::PacketLength));
            assert_eq!(fed(&[&bytes[..3]]), Ok(vec![]));
        }
        let longest = framed(&[vec![5; limits::SFTP_PACKET_BYTES]]);
        assert_eq!(fed(&[&longest]).unwrap()[0].len(), limits::SFTP_PACKET_BYTES);
    }

    proptest! {
        #[test]
        fn any_packets_in_any_pieces(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..12), size in 1usize..700) {
            let stream = framed(&packets);
            prop_assert_eq!(fed(&stream.chunks(size).collect::<Vec<_>>()).unwrap(), packets);
        }

        #[test]
        fn what_is_kept_is_never_more_than_one_packet(bytes in prop::collection::vec(any::<u8>(), 0..2000), size in 1usize..50) {
            let mut frames = Frames::default();
            for piece in bytes.chunks(size) {
                let fed = frames.feed(piece, |_| Ok(()));
                prop_assert!(frames.partial.len() <= LENGTH + limits::SFTP_PACKET_BYTES);
                if fed.is_err() { break }
            }
        }
    }
}
