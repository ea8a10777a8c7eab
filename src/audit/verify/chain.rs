//! What a leaf's `prev` is held against: the last leaf of each subject, across leaves that are faulty, missing or expired.

use super::super::{frame::Subject, leaf::Keeps};
use super::{Problem, runs::Runs};
use crate::domain::digest::Digest;
use std::{collections::HashMap, ops::Range};

#[derive(Debug)]
pub(super) struct Chain {
    heads: HashMap<Subject, u64>,
    /// Leaves that could not be read and are already named as problems. As many as problems, so few.
    unread: Runs,
    /// The leaves with bytes so far, and those before the latest of them: what a snapshot leaf speaks of ends before itself.
    keeps: Keeps,
    before: Keeps,
    /// The first leaf that is gone and not covered by a snapshot yet, and the first `prev` that nothing but such a leaf can explain.
    uncovered: Option<u64>,
    unlinked: Option<Problem>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            heads: HashMap::new(),
            unread: Runs::default(),
            keeps: Keeps::none(),
            before: Keeps::none(),
            uncovered: None,
            unlinked: None,
        }
    }
}

impl Chain {
    pub(super) fn unread(&mut self, leaves: Range<u64>) {
        self.unread.push(leaves);
    }

    pub(super) fn gone(&mut self, index: u64) {
        self.uncovered.get_or_insert(index);
    }

    pub(super) fn kept(&mut self, index: u64, hash: &Digest) {
        self.before = self.keeps;
        self.keeps.keep(index, hash);
    }

    pub(super) fn link(&mut self, index: u64, subject: Subject, says: Option<u64>) -> Option<Problem> {
        let last = self.heads.insert(subject, index);
        if says == last {
            return None;
        }
        let problem = Problem::WrongPrev { index, says, last };
        let later = says.filter(|says| last.is_none_or(|last| *says > last) && *says < index);
        match later {
            Some(says) if self.unread.contains(says) => None,
            Some(says) if self.uncovered.is_some_and(|first| says >= first) => {
                self.unlinked.get_or_insert(problem);
                None
            }
            _ => Some(problem),
        }
    }

    /// A snapshot whose kept leaves are exactly those that still stand before it explains all that is gone before it.
    pub(super) fn snapshot(&mut self, kept: u64, keeps: Digest) {
        if self.before == Keeps::stated(kept, keeps) {
            self.uncovered = None;
            self.unlinked = None;
        }
    }

    /// What no snapshot explained.
    pub(super) fn unexplained(&mut self) -> impl Iterator<Item = Problem> {
        let missing = self.uncovered.map(|index| Problem::LeafMissing { index });
        missing.into_iter().chain(self.unlinked.take())
    }
}
