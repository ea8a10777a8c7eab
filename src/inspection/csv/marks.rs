//! Which bytes of a block a CSV reader has to look at, as one bit each.

/// Bytes of one block: as many as bits of the answer.
pub(super) const BLOCK: usize = 64;

/// One bit per byte of `block` that is a comma, quote, line feed, carriage return or NUL; bit 0 is the first byte.
///
/// Written so that the compiler compares many bytes at once: first a byte of 0 or 1 for each, then each eight of them
/// gathered by one multiplication. Byte `i` of a word stands at bit `8i`; the factor has bits `56 - 7i`, so that their
/// product carries it to bit `56 + i`, and no other product meets it there.
pub(super) fn marks(block: &[u8; BLOCK]) -> u64 {
    let mut hits = [0_u8; BLOCK];
    for (hit, &byte) in hits.iter_mut().zip(block) {
        *hit = u8::from((byte == b',') | (byte == b'"') | (byte == b'\n') | (byte == b'\r') | (byte == 0));
    }
    let (words, _) = hits.as_chunks::<8>();
    words.iter().rev().fold(0, |mask, word| mask << 8 | u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_at_every_place_is_marked_only_if_it_means_something() {
        for place in 0..BLOCK {
            for byte in 0..=u8::MAX {
                let mut block = [b'x'; BLOCK];
                block[place] = byte;
                let expected = if b",\"\n\r\0".contains(&byte) { 1 << place } else { 0 };
                assert_eq!(marks(&block), expected, "byte {byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn crowded_blocks_are_marked_as_by_looking_at_each_byte(picks in prop::collection::vec(0_usize..8, BLOCK)) {
            let mut block = [0; BLOCK];
            for (byte, pick) in block.iter_mut().zip(&picks) {
                *byte = b",\"\n\r\0xy\xff"[*pick];
            }
            let slow = picks.iter().enumerate().fold(0, |mask, (i, &pick)| mask | u64::from(pick < 5) << i);
            prop_assert_eq!(marks(&block), slow);
        }
    }
}
