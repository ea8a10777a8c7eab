//! What both formats share: chunks of 64 KiB under a counter nonce whose last byte marks the last chunk (STREAM).

use crate::domain::limits::{AT_REST_CHUNK, AT_REST_OBJECT_BYTES};
use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use std::io::{self, Write};
use zeroize::Zeroizing;

/// Bytes of plaintext in every chunk but the last. age v1 and docs/at-rest.md agree on it.
pub(super) const CHUNK: usize = AT_REST_CHUNK;
/// Bytes of an authentication tag, of AES-256-GCM and of ChaCha20-Poly1305.
pub(super) const TAG: usize = 16;
/// Bytes of a whole chunk once encrypted.
pub(super) const SEALED_CHUNK: usize = CHUNK + TAG;

/// Where a chunk stands; the value is the last byte of its nonce.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Inner = 0,
    Last = 1,
}

/// 11 bytes of big-endian counter, of which 8 can be other than zero, and the place.
pub(super) fn nonce(index: u64, place: Place) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[3..11].copy_from_slice(&index.to_be_bytes());
    bytes[11] = place as u8;
    Nonce::assume_unique_for_key(bytes)
}

/// Encrypted bytes for `plain` bytes; `None` beyond [`AT_REST_OBJECT_BYTES`].
pub(super) fn sealed_len(plain: u64) -> Option<u64> {
    let chunks = plain.div_ceil(CHUNK as u64).max(1);
    (plain <= AT_REST_OBJECT_BYTES).then(|| plain + chunks * TAG as u64)
}

/// Plaintext bytes of `sealed` encrypted ones; `None` if no plaintext comes out at that length.
pub(super) fn plain_len(sealed: u64) -> Option<u64> {
    let (whole, rest) = (sealed / SEALED_CHUNK as u64, sealed % SEALED_CHUNK as u64);
    // `whole` is at most 2^48: nothing below can overflow. The way back refuses whatever has an empty or a torn chunk.
    let plain = whole * CHUNK as u64 + rest.saturating_sub(TAG as u64);
    (sealed_len(plain) == Some(sealed)).then_some(plain)
}

/// Cuts what it is given into chunks and writes them encrypted. Without [`ChunkWriter::finish`] the last one is missing.
pub(super) struct ChunkWriter<W> {
    /// Plaintext that may turn out to be the last chunk: up to one whole chunk, because only more bytes make it an inner one.
    held: Zeroizing<Vec<u8>>,
    plain_len: u64,
    output: Output<W>,
}

impl<W: Write> ChunkWriter<W> {
    /// `key` must never have encrypted before: the counter begins at zero.
    pub(super) fn new(key: LessSafeKey, aad: Vec<u8>, sink: W) -> Self {
        let output = Output { key, aad, sink, index: 0, sealed: vec![0; SEALED_CHUNK].into(), state: State::Open };
        Self { held: Zeroizing::new(Vec::with_capacity(CHUNK)), plain_len: 0, output }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.grow(bytes.len())?;
        while !bytes.is_empty() {
            if self.held.len() == CHUNK {
                self.output.emit(&self.held, Place::Inner)?;
                self.held.clear();
            }
            if self.held.is_empty() && bytes.len() > CHUNK {
                let (chunk, more) = bytes.split_at(CHUNK);
                self.output.emit(chunk, Place::Inner)?;
                bytes = more;
            } else {
                let (piece, more) = bytes.split_at(bytes.len().min(CHUNK - self.held.len()));
                self.held.extend_from_slice(piece);
                bytes = more;
            }
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.sink.flush()
    }

    /// Writes the last chunk; returns the sink and how many bytes of plaintext there were.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        self.output.emit(&self.held, Place::Last)?;
        self.output.sink.flush()?;
        Ok((self.output.sink, self.plain_len))
    }

    fn grow(&mut self, more: usize) -> io::Result<()> {
        let plain_len = self.plain_len.saturating_add(more as u64);
        if plain_len > AT_REST_OBJECT_BYTES {
            self.output.state = State::Failed;
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than any stored object may be"));
        }
        self.plain_len = plain_len;
        Ok(())
    }
}

/// Encrypts chunks in order, each counter value once.
struct Output<W> {
    key: LessSafeKey,
    aad: Vec<u8>,
    sink: W,
    index: u64,
    sealed: Box<[u8]>,
    state: State,
}

/// After an error nobody knows which bytes the sink has: going on would write something else under a used nonce, or
/// finish an object with a hole.
#[derive(PartialEq, Eq)]
enum State {
    Open,
    Failed,
}

impl<W: Write> Output<W> {
    fn emit(&mut self, plain: &[u8], place: Place) -> io::Result<()> {
        if std::mem::replace(&mut self.state, State::Failed) == State::Failed {
            return Err(io::Error::other("an earlier write failed; this object can only be begun again, under another key"));
        }
        let sealed = &mut self.sealed[..plain.len() + TAG];
        let (ciphertext, tag) = sealed.split_at_mut(plain.len());
        self.key
            .seal_out_of_place_scatter(nonce(self.index, place), Aad::from(&self.aad), plain, ciphertext, &[], tag)
            .map_err(|_| io::Error::other("the cipher refused a chunk"))?;
        self.index += 1;
        self.sink.write_all(sealed)?;
        self.state = State::Open;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::aead::{AES_256_GCM, UnboundKey};

    fn writer<W: Write>(sink: W) -> ChunkWriter<W> {
        ChunkWriter::new(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap()), Vec::new(), sink)
    }

    /// Takes `room` bytes, then one error, then everything: a disk that was full for a moment.
    struct FullOnce {
        room: usize,
        failed: usize,
    }

    impl Write for FullOnce {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room < bytes.len() && self.failed == 0 {
                self.failed += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room = self.room.saturating_sub(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_failed_writes_no_more_even_when_the_disk_recovers() {
        let mut chunks = writer(FullOnce { room: 2 * SEALED_CHUNK, failed: 0 });
        assert!(chunks.write(&vec![1; 4 * CHUNK]).is_err());
        assert!(chunks.write(&vec![2; 2 * CHUNK]).is_err());
        assert!(chunks.finish().is_err());
    }

    #[test]
    fn more_bytes_than_an_object_may_have_are_refused_and_end_it() {
        let mut chunks = writer(io::sink());
        chunks.plain_len = AT_REST_OBJECT_BYTES - 1;
        chunks.write(&[0]).unwrap();
        assert_eq!(chunks.write(&[0]).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(chunks.finish().is_err());
    }

    #[test]
    fn the_counter_is_big_endian_before_the_last_byte() {
        assert_eq!(nonce(0x0102_0304, Place::Last).as_ref(), &[0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 1]);
        assert_eq!(nonce(0, Place::Inner).as_ref(), &[0; 12]);
    }
}
