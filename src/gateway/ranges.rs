//! Ranges: which bytes of a file were handed out, in little memory however a client reads.

use crate::domain::limits;

/// Which bytes were handed out, as half-open ranges, joined where they touch.
#[derive(Clone, Default, Debug)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    pub(super) fn add(&mut self, offset: u64, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let (mut from, mut to) = (offset, offset + bytes);
        // Clients read forwards: the last range is nearly always the one that grows.
        if let Some(last) = self.0.last_mut()
            && last.1 == from
        {
            last.1 = to;
            return;
        }
        self.0.retain(|&(start, end)| {
            let touches = start <= to && from <= end;
            if touches {
                (from, to) = (from.min(start), to.max(end));
            }
            !touches
        });
        let place = self.0.partition_point(|&(start, _)| start < from);
        self.0.insert(place, (from, to));
        if self.0.len() > limits::TRANSFER_RANGES {
            self.join_nearest();
        }
    }

    /// Too many islands: the two with the smallest gap become one. A record may say more than was read, never less.
    fn join_nearest(&mut self) {
        let nearest = self.0.windows(2).enumerate().min_by_key(|(_, pair)| pair[1].0 - pair[0].1).map(|(i, _)| i);
        if let Some(i) = nearest {
            self.0[i].1 = self.0[i + 1].1;
            self.0.remove(i + 1);
        }
    }

    /// Whether every byte of something of `size` was handed out.
    pub(super) fn hold_all_of(&self, size: u64) -> bool {
        matches!(self.clone().into_vec().first(), Some(&(0, end)) if end >= size)
    }

    /// Ascending; what grew in place may have come to touch its neighbour.
    pub(super) fn into_vec(self) -> Vec<(u64, u64)> {
        let mut sorted = self.0;
        sorted.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (from, to) in sorted {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_hold_exactly_the_bytes_that_were_read(reads in prop::collection::vec((0_u64..200, 0_u64..20), 0..40)) {
            let mut ranges = Ranges::default();
            let mut bytes = std::collections::BTreeSet::new();
            for (offset, count) in reads {
                ranges.add(offset, count);
                bytes.extend(offset..offset + count);
            }
            let whole = ranges.clone();
            let ranges = ranges.into_vec();
            let covered: std::collections::BTreeSet<u64> = ranges.iter().flat_map(|&(from, to)| from..to).collect();
            prop_assert_eq!(&covered, &bytes);
            prop_assert!((1..220).all(|size| whole.hold_all_of(size) == (0..size).all(|byte| bytes.contains(&byte))));
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    #[test]
    fn a_scattered_reader_cannot_make_the_record_grow_without_end() {
        let mut ranges = Ranges::default();
        for i in 0..100_000 {
            ranges.add(i * 10, 1);
        }
        assert!(ranges.into_vec().len() <= limits::TRANSFER_RANGES);
    }
}
