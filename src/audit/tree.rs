//! The log's tree in memory, an eighth of a byte per leaf for a million leaves: the root of every closed tile, the leaf hashes of the open one.

use super::merkle::Peaks;
use crate::domain::{digest::Digest, limits::TILE_LEAVES};
use std::ops::Range;

/// The Merkle tree of the log. It holds no leaf, and of the closed tiles only their roots; the rest is fetched and checked against those.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The root of each closed tile of 256 leaves.
    closed: Vec<Digest>,
    /// Peaks over `closed`. A closed tile is full, so the tree above the tiles is a Merkle tree whose leaves are their roots.
    above: Peaks,
    /// Leaf hashes of the open tile: always fewer than 256.
    open: Vec<Digest>,
    /// Peaks over `open`.
    below: Peaks,
}

/// Where a tree stood before a transaction. It goes back there with [`Tree::roll_back`].
#[derive(Debug, Clone)]
pub struct Mark {
    closed: usize,
    above: Peaks,
    open: Vec<Digest>,
    below: Peaks,
}

impl Tree {
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree with these closed tiles and, in the open one, these leaf hashes: fewer than 256.
    pub fn of(closed: Vec<Digest>, open: &[Digest]) -> Self {
        let mut tree = Self { above: closed.iter().copied().collect(), closed, ..Self::default() };
        open.iter().for_each(|hash| tree.push(*hash));
        tree
    }

    /// What [`Tree::of`] takes.
    pub fn parts(&self) -> (&[Digest], &[Digest]) {
        (&self.closed, &self.open)
    }

    /// How many leaves there are, and so the next leaf's index.
    pub fn len(&self) -> u64 {
        self.above.len() * TILE_LEAVES + self.below.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn push(&mut self, leaf: Digest) {
        self.open.push(leaf);
        self.below.push(leaf);
        if self.below.len() == TILE_LEAVES {
            let tile = self.below.root();
            self.closed.push(tile);
            self.above.push(tile);
            self.open.clear();
            self.below = Peaks::new();
        }
    }

    pub fn root(&self) -> Digest {
        let open = (!self.below.is_empty()).then(|| self.below.root());
        self.above.root_with(open).unwrap_or_else(super::empty_root)
    }

    /// To be taken before a transaction pushes its first leaf.
    pub fn mark(&self) -> Mark {
        Mark { closed: self.closed.len(), above: self.above.clone(), open: self.open.clone(), below: self.below.clone() }
    }

    /// Forgets every leaf pushed since `mark` was taken. A mark of another tree, or one taken before a rollback to an earlier mark, is a
    /// programming error that the next checkpoint's comparison shows.
    pub fn roll_back(&mut self, mark: Mark) {
        self.closed.truncate(mark.closed);
        self.above = mark.above;
        self.open = mark.open;
        self.below = mark.below;
    }

    /// Whether the leaf with this index has this hash. In a closed tile, `tile` is asked for the leaf hashes of the range, and what it
    /// says is believed only if it gives the tile's root.
    ///
    /// # Errors
    /// Those of `tile`.
    pub fn holds<E>(
        &self,
        index: u64,
        leaf: &Digest,
        tile: impl FnOnce(Range<u64>) -> Result<Vec<Digest>, E>,
    ) -> Result<bool, E> {
        let within = (index % TILE_LEAVES) as usize;
        match self.closed.get(to_index(index / TILE_LEAVES)) {
            Some(root) => {
                let first = index - index % TILE_LEAVES;
                let hashes = tile(first..first + TILE_LEAVES)?;
                let genuine = hashes.len() as u64 == TILE_LEAVES && hashes.iter().copied().collect::<Peaks>().root() == *root;
                Ok(genuine && hashes[within] == *leaf)
            }
            None => Ok(index < self.len() && self.open.get(within) == Some(leaf)),
        }
    }

    /// The root over the leaves of `range`, as [`super::proof`] asks for it: within the log and beginning at a multiple of a power of two not smaller
    /// than its length. Where the range covers part of a closed tile, `hashes` is asked for that part's leaf hashes, at most once; a wrong
    /// answer makes a proof that does not verify.
    ///
    /// # Errors
    /// Those of `hashes`.
    pub fn subtree<E>(&self, range: Range<u64>, hashes: impl FnOnce(Range<u64>) -> Result<Vec<Digest>, E>) -> Result<Digest, E> {
        let (first, last) = (range.start / TILE_LEAVES, range.end / TILE_LEAVES);
        // Whole closed tiles first, then what is left of the range.
        let tiles = if range.start.is_multiple_of(TILE_LEAVES) { first..last.max(first) } else { first..first };
        let known = self.closed.get(to_index(tiles.start)..to_index(tiles.end)).unwrap_or_default();
        let whole = known.iter().copied().collect::<Peaks>();
        let rest = range.start.max(tiles.end * TILE_LEAVES)..range.end;
        let right = if rest.is_empty() {
            None
        } else if rest.start / TILE_LEAVES == self.above.len() {
            let from = (rest.start % TILE_LEAVES) as usize;
            let open = self.open.iter().skip(from).take((rest.end - rest.start) as usize);
            Some(open.copied().collect::<Peaks>().root())
        } else {
            Some(hashes(rest)?.into_iter().collect::<Peaks>().root())
        };
        Ok(whole.root_with(right).unwrap_or_else(super::empty_root))
    }
}

/// A position in a vector that holds one entry per tile. What does not fit a usize is beyond any vector.
fn to_index(tile: u64) -> usize {
    usize::try_from(tile).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{naive_root, numbered};
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn tree_of(leaves: &[Digest]) -> Tree {
        let mut tree = Tree::new();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree
    }

    /// Leaf hashes as a ledger would give them.
    fn stored(leaves: &[Digest]) -> impl Fn(Range<u64>) -> Result<Vec<Digest>, Infallible> + '_ {
        |range| Ok(leaves[range.start as usize..range.end as usize].to_vec())
    }

    #[test]
    fn the_root_is_that_of_the_definition_across_tile_borders() {
        let leaves = numbered(1_100);
        let mut tree = Tree::new();
        for size in 0..=leaves.len() {
            if size % 37 == 0 || size % 256 < 2 || size % 256 == 255 {
                assert_eq!(tree.root(), naive_root(&leaves[..size]), "size {size}");
            }
            assert_eq!(tree.len(), size as u64);
            if let Some(leaf) = leaves.get(size) {
                tree.push(*leaf);
            }
        }
    }

    #[test]
    fn a_leaf_is_held_at_its_own_index_only() {
        let leaves = numbered(700);
        let tree = tree_of(&leaves);
        for index in [0, 1, 255, 256, 511, 512, 699] {
            assert!(tree.holds(index, &leaves[index as usize], stored(&leaves)).unwrap());
            assert!(!tree.holds(index, &leaves[(index as usize + 1) % 700], stored(&leaves)).unwrap());
        }
        let nobody = |_| -> Result<Vec<Digest>, Infallible> { panic!("asked for a tile that is not closed") };
        assert!(!tree.holds(700, &leaves[0], nobody).unwrap());
        assert!(!tree.holds(u64::MAX, &leaves[0], nobody).unwrap());
        // As deep in a tile that does not exist as leaf 699 is in the open one.
        assert!(!tree.holds(699 + 256, &leaves[699], nobody).unwrap());
        assert!(tree.holds(699, &leaves[699], nobody).unwrap());
    }

    #[test]
    fn a_tile_from_an_edited_table_convinces_nobody() {
        let leaves = numbered(300);
        let tree = tree_of(&leaves);
        let forged = Digest::of(b"forged");
        let edited = |range: Range<u64>| {
            let mut tile = stored(&leaves)(range).unwrap();
            tile[7] = forged;
            Ok::<_, Infallible>(tile)
        };
        assert!(!tree.holds(7, &forged, edited).unwrap());
        // A neighbour of the edited row is refused as well: the tile as a whole is not believed.
        assert!(!tree.holds(8, &leaves[8], edited).unwrap());
        assert!(!tree.holds(7, &leaves[7], |_| Ok::<_, Infallible>(leaves[..8].to_vec())).unwrap());
        assert!(!tree.holds(7, &leaves[7], |_| Ok::<_, Infallible>(Vec::new())).unwrap());
        // One hash that is the tile's root has the right root, and is not the tile.
        let root = naive_root(&leaves[..256]);
        assert!(!tree.holds(0, &root, |_| Ok::<_, Infallible>(vec![root])).unwrap());
        assert!(!tree.holds(7, &root, |_| Ok::<_, Infallible>(vec![root])).unwrap());
        assert!(tree.holds(7, &leaves[7], |_| Err("unreadable")).is_err());
    }

    #[test]
    fn a_tree_made_of_its_parts_is_the_same_and_grows_the_same() {
        for size in [0, 1, 255, 256, 257, 700, 1_024] {
            let leaves = numbered(size + 300);
            let (mut tree, first) = (tree_of(&leaves[..size as usize]), size as usize);
            let (closed, open) = tree.parts();
            let mut made = Tree::of(closed.to_vec(), open);
            assert_eq!((made.len(), made.root()), (tree.len(), tree.root()));
            for leaf in &leaves[first..] {
                tree.push(*leaf);
                made.push(*leaf);
            }
            assert_eq!((made.len(), made.root()), (tree.len(), tree.root()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_rolled_back_tree_is_the_tree_before(kept in 0u64..600, dropped in 0u64..600, after in 0u64..300) {
            let leaves = numbered(kept + dropped + after);
            let mut tree = tree_of(&leaves[..kept as usize]);
            let mark = tree.mark();
            leaves[kept as usize..(kept + dropped) as usize].iter().for_each(|leaf| tree.push(*leaf));
            tree.roll_back(mark);
            let mut history = leaves[..kept as usize].to_vec();
            prop_assert_eq!(tree.root(), naive_root(&history));
            history.extend_from_slice(&leaves[(kept + dropped) as usize..]);
            history[kept as usize..].iter().for_each(|leaf| tree.push(*leaf));
            prop_assert_eq!(tree.len(), history.len() as u64);
            prop_assert_eq!(tree.root(), naive_root(&history));
            for (index, leaf) in history.iter().enumerate().step_by(41) {
                prop_assert!(tree.holds(index as u64, leaf, stored(&history)).unwrap());
            }
        }

        #[test]
        fn a_subtree_has_the_root_of_its_leaves(len in 1u64..1_300, level in 0u32..11, pick in any::<u64>(), cut in any::<u64>()) {
            let leaves = numbered(len);
            let width = 1 << level;
            let start = pick % len.div_ceil(width) * width;
            let most = width.min(len - start);
            let range = start..start + 1 + cut % most;
            let root = tree_of(&leaves).subtree(range.clone(), stored(&leaves)).unwrap();
            prop_assert_eq!(root, naive_root(&leaves[range.start as usize..range.end as usize]));
        }
    }
}
