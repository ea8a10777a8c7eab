//! Inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4): which subtrees make one, and how one is checked.
//!
//! A proof is a list of subtree roots. The functions that plan one name the subtrees as ranges of leaves;
//! [`super::Tree::subtree`] turns each into its root, so that this file needs no store.

use super::merkle::{node_hash, split};
use crate::domain::digest::Digest;
use std::ops::Range;

/// A proof that does not prove what it was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to this root")]
pub struct NotProven;

/// The subtrees whose roots prove that leaf `index` stands in the log of `size` leaves, in the proof's order. None if it cannot.
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = tree.start + split(tree.end - tree.start);
        let (inside, beside) =
            if index < middle { (tree.start..middle, middle..tree.end) } else { (middle..tree.end, tree.start..middle) };
        path.push(beside);
        tree = inside;
    }
    path.reverse();
    Some(path)
}

/// The subtrees whose roots prove that the log of `new` leaves begins with the log of `old` leaves. None if `old` is 0 or
/// larger than `new`: every log begins with the empty one, and none with a longer one.
pub fn consistency(old: u64, new: u64) -> Option<Vec<Range<u64>>> {
    if old == 0 || old > new {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..new;
    while tree.end != old {
        let middle = tree.start + split(tree.end - tree.start);
        let (inside, beside) =
            if old <= middle { (tree.start..middle, middle..tree.end) } else { (middle..tree.end, tree.start..middle) };
        path.push(beside);
        tree = inside;
    }
    // Only a subtree that is not the whole old log has to be told: that one's root the verifier has.
    if tree.start > 0 {
        path.push(tree);
    }
    path.reverse();
    Some(path)
}

/// Checks that leaf `index` with hash `leaf` stands in the log of `size` leaves with this `root` (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// [`NotProven`], whatever is wrong.
pub fn verify_inclusion(index: u64, size: u64, leaf: &Digest, path: &[Digest], root: &Digest) -> Result<(), NotProven> {
    if index >= size {
        return Err(NotProven);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut reached = *leaf;
    for hash in path {
        if last == 0 {
            return Err(NotProven);
        }
        if node & 1 == 1 || node == last {
            reached = node_hash(hash, &reached);
            // At the right edge a node without a sibling rises unchanged.
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            reached = node_hash(&reached, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && reached == *root { Ok(()) } else { Err(NotProven) }
}

/// A log's size and root: one side of a consistency proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: Digest,
}

/// Checks that the log `new` begins with the log `old` (RFC 9162 section 2.1.4.2). With equal sizes the roots are equal and
/// the path is empty; an old size of 0 needs no proof and has none.
///
/// # Errors
/// [`NotProven`], whatever is wrong.
pub fn verify_consistency(old: Head, new: Head, path: &[Digest]) -> Result<(), NotProven> {
    if old.size == new.size {
        return if path.is_empty() && old.root == new.root { Ok(()) } else { Err(NotProven) };
    }
    if old.size == 0 || old.size > new.size {
        return Err(NotProven);
    }
    // Where the old log is one full subtree, its root is where both ways begin, and the path leaves it out.
    let (start, path) = if old.size.is_power_of_two() { (&old.root, path) } else { path.split_first().ok_or(NotProven)? };
    let (mut node, mut last) = (old.size - 1, new.size - 1);
    let risen = node.trailing_ones();
    node >>= risen;
    last >>= risen;
    let (mut to_old, mut to_new) = (*start, *start);
    for hash in path {
        if last == 0 {
            return Err(NotProven);
        }
        if node & 1 == 1 || node == last {
            to_old = node_hash(hash, &to_old);
            to_new = node_hash(hash, &to_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            to_new = node_hash(&to_new, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && to_old == old.root && to_new == new.root { Ok(()) } else { Err(NotProven) }
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{naive_root, numbered};
    use super::*;
    use proptest::prelude::*;
    use tlog_tiles::{Hash, HashReader, check_record, check_tree, prove_record, prove_tree, stored_hashes_for_record_hash};

    /// The other implementation's storage: every complete subtree's hash, in its own order.
    struct Theirs(Vec<Hash>);

    impl HashReader for Theirs {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
        }
    }

    fn theirs(leaves: &[Digest]) -> Theirs {
        let mut store = Theirs(Vec::new());
        for (n, leaf) in leaves.iter().enumerate() {
            let new = stored_hashes_for_record_hash(n as u64, Hash(*leaf.as_bytes()), &store).unwrap();
            store.0.extend(new);
        }
        store
    }

    fn roots(ranges: Vec<Range<u64>>, leaves: &[Digest]) -> Vec<Digest> {
        ranges.into_iter().map(|r| naive_root(&leaves[r.start as usize..r.end as usize])).collect()
    }

    fn foreign(path: &[Digest]) -> Vec<Hash> {
        path.iter().map(|hash| Hash(*hash.as_bytes())).collect()
    }

    fn head(leaves: &[Digest], size: u64) -> Head {
        Head { size, root: naive_root(&leaves[..size as usize]) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn inclusion_proofs_are_those_of_an_independent_implementation(size in 1u64..600, pick in any::<u64>()) {
            let leaves = numbered(size);
            let (index, root) = (pick % size, naive_root(&leaves));
            let path = roots(inclusion(index, size).unwrap(), &leaves);
            let leaf = leaves[index as usize];
            prop_assert_eq!(foreign(&path), prove_record(size, index, &theirs(&leaves)).unwrap());
            prop_assert!(check_record(&foreign(&path), size, Hash(*root.as_bytes()), index, Hash(*leaf.as_bytes())).is_ok());
            prop_assert_eq!(verify_inclusion(index, size, &leaf, &path, &root), Ok(()));
        }

        #[test]
        fn consistency_proofs_are_those_of_an_independent_implementation(new in 1u64..600, pick in any::<u64>()) {
            let leaves = numbered(new);
            let old = 1 + pick % new;
            let path = roots(consistency(old, new).unwrap(), &leaves);
            let (old, new) = (head(&leaves, old), head(&leaves, new));
            prop_assert_eq!(foreign(&path), prove_tree(new.size, old.size, &theirs(&leaves)).unwrap());
            let (old_root, new_root) = (Hash(*old.root.as_bytes()), Hash(*new.root.as_bytes()));
            prop_assert!(check_tree(&foreign(&path), new.size, new_root, old.size, old_root).is_ok());
            prop_assert_eq!(verify_consistency(old, new, &path), Ok(()));
        }
    }

    #[test]
    fn a_proof_with_anything_changed_proves_nothing() {
        let leaves = numbered(21);
        let other = Digest::of(b"other");
        for size in 1..=21 {
            let root = head(&leaves, size).root;
            for index in 0..size {
                let leaf = &leaves[index as usize];
                let path = roots(inclusion(index, size).unwrap(), &leaves);
                assert!(verify_inclusion(index, size, &other, &path, &root).is_err());
                assert!(verify_inclusion(index, size, leaf, &path, &other).is_err());
                for wrong in (0..=size).filter(|wrong| *wrong != index) {
                    assert!(verify_inclusion(wrong, size, leaf, &path, &root).is_err(), "{index} as {wrong} of {size}");
                }
                for damaged in damages(&path, other) {
                    assert!(verify_inclusion(index, size, leaf, &damaged, &root).is_err());
                }
            }
        }
    }

    #[test]
    fn a_history_that_was_rewritten_is_not_consistent() {
        let leaves = numbered(21);
        let other = Digest::of(b"other");
        for new in 1..=21 {
            for old in 1..=new {
                let path = roots(consistency(old, new).unwrap(), &leaves);
                let (old, new) = (head(&leaves, old), head(&leaves, new));
                assert_eq!(verify_consistency(old, new, &path), Ok(()));
                assert!(verify_consistency(Head { root: other, ..old }, new, &path).is_err());
                assert!(verify_consistency(old, Head { root: other, ..new }, &path).is_err());
                for damaged in damages(&path, other) {
                    assert!(verify_consistency(old, new, &damaged).is_err());
                }
            }
        }
    }

    #[test]
    fn a_path_that_ends_below_the_root_proves_nothing() {
        let leaves = numbered(4);
        let path = roots(consistency(2, 4).unwrap(), &leaves);
        let (old, new) = (head(&leaves, 2), head(&leaves, 4));
        assert_eq!(verify_consistency(old, new, &path), Ok(()));
        assert!(verify_consistency(old, Head { size: 5, ..new }, &path).is_err());
    }

    #[test]
    fn what_cannot_be_proven_has_no_proof() {
        assert_eq!(inclusion(0, 0), None);
        assert_eq!(inclusion(5, 5), None);
        assert_eq!(consistency(0, 5), None);
        assert_eq!(consistency(6, 5), None);
        let head = |size| Head { size, root: super::super::empty_root() };
        assert!(verify_consistency(head(0), head(3), &[]).is_err());
        assert!(verify_consistency(head(3), head(2), &[]).is_err());
        assert!(verify_inclusion(0, 0, &Digest::of(b""), &[], &Digest::of(b"")).is_err());
    }

    /// The path with one hash changed, one more at either end, and one fewer.
    fn damages(path: &[Digest], other: Digest) -> Vec<Vec<Digest>> {
        let mut all = vec![[path, &[other]].concat(), [&[other], path].concat()];
        for i in 0..path.len() {
            let mut changed = path.to_vec();
            changed[i] = other;
            all.push(changed);
            let mut shorter = path.to_vec();
            shorter.remove(i);
            all.push(shorter);
        }
        all
    }
}
