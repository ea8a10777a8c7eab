//! RFC 6962 hashing: node, empty root, and the peaks from which the root of a growing tree is read at any size.

use super::leaf::NODE;
use crate::domain::digest::{Digest, Hasher};

/// The hash of an inner node.
pub(super) fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&[NODE]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    hasher.finish()
}

/// The root of a tree without leaves.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// The largest power of two smaller than `size`: where a tree of `size` > 1 leaves divides.
pub(super) fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The roots of the full subtrees of a growing tree, largest first: one for each bit that is set in its length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peaks {
    len: u64,
    roots: Vec<Digest>,
}

impl Peaks {
    pub fn new() -> Self {
        Self::default()
    }

    pub const fn len(&self) -> u64 {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn push(&mut self, leaf: Digest) {
        let mut root = leaf;
        // Two peaks of one height make a higher one, as a carry does.
        for _ in 0..self.len.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.roots.push(root);
        self.len += 1;
    }

    pub fn root(&self) -> Digest {
        self.root_with(None).unwrap_or_else(empty_root)
    }

    /// The root of these peaks with a smaller tree, if there is one, on their right. None if there is nothing at all.
    ///
    /// The caller sees to it that the tree on the right is not larger than one of the units that were pushed here.
    pub(super) fn root_with(&self, right: Option<Digest>) -> Option<Digest> {
        self.roots.iter().rev().fold(right, |right, left| {
            Some(match right {
                Some(right) => node_hash(left, &right),
                None => *left,
            })
        })
    }
}

impl FromIterator<Digest> for Peaks {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaves: I) -> Self {
        let mut peaks = Self::new();
        leaves.into_iter().for_each(|leaf| peaks.push(leaf));
        peaks
    }
}

/// RFC 6962 section 2.1 word for word, quadratic and plain: what everything else in this room is held against.
#[cfg(test)]
pub(super) fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

/// The leaf hashes of `0`, `1`, … as decimal text.
#[cfg(test)]
pub(super) fn numbered(count: u64) -> Vec<Digest> {
    (0..count).map(|i| super::leaf_hash(i.to_string().as_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_are_those_of_the_certificate_transparency_test_tree() {
        // The eight inputs and three of the roots that implementations of RFC 6962 share as test data.
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let root =
            |n: usize| inputs[..n].iter().map(|input| super::super::leaf_hash(input)).collect::<Peaks>().root().to_string();
        assert_eq!(root(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(root(1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(root(8), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn peaks_give_the_root_of_the_definition_at_every_size() {
        let leaves = numbered(600);
        let mut peaks = Peaks::new();
        for size in 0..=leaves.len() {
            assert_eq!(peaks.root(), naive_root(&leaves[..size]), "size {size}");
            if let Some(leaf) = leaves.get(size) {
                peaks.push(*leaf);
            }
        }
    }

    #[test]
    fn a_tree_divides_at_the_largest_power_of_two_below_its_size() {
        for (size, at) in [(2, 1), (3, 2), (4, 2), (5, 4), (256, 128), (257, 256), (u64::MAX, 1 << 63)] {
            assert_eq!(split(size), at);
        }
    }
}
