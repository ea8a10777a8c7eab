//! A set of leaf indexes, kept as runs of neighbours.

use std::{collections::BTreeMap, ops::Range};

/// Indexes as `first → past`, never touching one another.
#[derive(Debug, Default)]
pub(super) struct Runs(BTreeMap<u64, u64>);

impl Runs {
    /// Adds indexes that lie after all others.
    pub(super) fn push(&mut self, run: Range<u64>) {
        match self.0.last_entry() {
            Some(mut last) if *last.get() == run.start => {
                last.insert(run.end);
            }
            _ => {
                self.0.insert(run.start, run.end);
            }
        }
    }

    pub(super) fn contains(&self, index: u64) -> bool {
        self.0.range(..=index).next_back().is_some_and(|(_, past)| index < *past)
    }

    /// Takes out what lies within `gone`, and says how many that were.
    pub(super) fn remove(&mut self, gone: Range<u64>) -> u64 {
        if gone.is_empty() {
            return 0;
        }
        let mut removed = 0;
        while let Some((&first, &past)) = self.0.range(..gone.end).next_back().filter(|(_, past)| **past > gone.start) {
            self.0.remove(&first);
            if past > gone.end {
                self.0.insert(gone.end, past);
            }
            if first < gone.start {
                self.0.insert(first, gone.start);
            }
            removed += past.min(gone.end) - first.max(gone.start);
        }
        removed
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().map(|(first, past)| *first..*past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn runs_are_a_set(
            present in proptest::collection::vec(any::<bool>(), 0..60),
            cuts in proptest::collection::vec((0u64..60, 0u64..60), 0..6),
        ) {
            let (mut runs, mut set) = (Runs::default(), BTreeSet::new());
            for index in (0..present.len() as u64).filter(|i| present[*i as usize]) {
                runs.push(index..index + 1);
                set.insert(index);
            }
            for (first, past) in cuts {
                let before = set.len();
                set.retain(|index| !(first..past).contains(index));
                prop_assert_eq!(runs.remove(first..past), (before - set.len()) as u64);
            }
            prop_assert_eq!(runs.iter().flatten().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
            for index in 0..60 {
                prop_assert_eq!(runs.contains(index), set.contains(&index));
            }
        }
    }

    #[test]
    fn taking_out_nothing_divides_nothing() {
        let mut runs = Runs::default();
        runs.push(0..10);
        assert_eq!(runs.remove(5..5), 0);
        assert_eq!(runs.iter().count(), 1);
    }

    #[test]
    fn neighbours_are_one_run() {
        let mut runs = Runs::default();
        (0..1_000).for_each(|index| runs.push(index..index + 1));
        assert_eq!(runs.iter().collect::<Vec<_>>(), vec![0..1_000]);
    }
}
