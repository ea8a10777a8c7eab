//! The tree while it is being verified: held against each checkpoint, it tells an altered leaf from an altered hash.

use super::super::merkle::Peaks;
use super::Problem;
use crate::domain::digest::Digest;

/// The tree over the leaves as their bytes are; from the first leaf that differs from its stored hash until the next checkpoint,
/// also the tree over the stored hashes. Whichever of the two the checkpoint knows is the one that was signed.
#[derive(Debug, Default)]
pub(super) struct Trunk {
    leaves: Peaks,
    hashes: Option<Peaks>,
    /// Leaves that differ from their stored hash, since the last checkpoint.
    suspects: Vec<u64>,
    /// Size of the last checkpoint that agreed.
    agreed: u64,
    /// A checkpoint did not agree, and none has since: all later ones will say the same again.
    astray: bool,
}

impl Trunk {
    pub(super) fn push(&mut self, index: u64, leaf: Digest, stored: Digest) {
        if leaf != stored {
            self.suspects.push(index);
            self.hashes.get_or_insert_with(|| self.leaves.clone());
        }
        self.leaves.push(leaf);
        if let Some(hashes) = &mut self.hashes {
            hashes.push(stored);
        }
    }

    pub(super) fn suspects(&self) -> usize {
        self.suspects.len()
    }

    pub(super) fn root(&self) -> Digest {
        self.leaves.root()
    }

    /// Whether one of the two trees has this root.
    pub(super) fn has_root(&self, root: &Digest) -> bool {
        self.leaves.root() == *root || self.hashes.as_ref().is_some_and(|hashes| hashes.root() == *root)
    }

    /// Holds the tree against a signed root for as many leaves as it has.
    pub(super) fn judge(&mut self, size: u64, root: &Digest) -> Vec<Problem> {
        let hashes = self.hashes.take();
        let suspects = std::mem::take(&mut self.suspects);
        if self.leaves.root() == *root {
            self.agree(size);
            return suspects.into_iter().map(|index| Problem::HashAltered { index }).collect();
        }
        if let Some(hashes) = hashes.filter(|hashes| hashes.root() == *root) {
            self.leaves = hashes;
            self.agree(size);
            return suspects.into_iter().map(|index| Problem::LeafAltered { index }).collect();
        }
        let mut problems: Vec<_> = suspects.into_iter().map(|index| Problem::LeafDiffersFromHash { index }).collect();
        if !self.astray {
            problems.push(Problem::RootMismatch { agreed: self.agreed, size });
        }
        self.astray = true;
        problems
    }

    fn agree(&mut self, size: u64) {
        self.agreed = size;
        self.astray = false;
    }

    /// What no checkpoint decided.
    pub(super) fn unresolved(&self) -> impl Iterator<Item = Problem> + '_ {
        self.suspects.iter().map(|index| Problem::LeafDiffersFromHash { index: *index })
    }
}
