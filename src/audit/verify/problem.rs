//! What can be wrong with a log, each with the leaf or the range of leaves where it is.

use super::super::frame::FrameError;

/// One fault of a log. Indexes count leaves from 0; `past` and `size` are exclusive ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("leaf {index} was altered: its stored hash is the one that was signed, its bytes are not")]
    LeafAltered { index: u64 },
    #[error("the stored hash of leaf {index} was altered: the leaf itself is the one that was signed")]
    HashAltered { index: u64 },
    #[error("leaf {index} differs from its stored hash, and no checkpoint says which of the two was altered")]
    LeafDiffersFromHash { index: u64 },
    #[error("leaves are missing from {first} up to {next}")]
    Gap { first: u64, next: u64 },
    #[error("leaf {index} stands where leaf {expected} belongs")]
    OutOfOrder { index: u64, expected: u64 },
    #[error("leaf {index} is not in canonical form")]
    NotCanonical { index: u64 },
    #[error("leaf {index} is not a leaf: {why}")]
    Malformed { index: u64, why: FrameError },
    #[error("leaf {index} says that {} came before it on its subject, but it was {}", or_none(.says), or_none(.last))]
    WrongPrev { index: u64, says: Option<u64>, last: Option<u64> },
    #[error("the detail record of leaf {index} is not the one that the leaf commits to")]
    DetailAltered { index: u64 },
    #[error("a detail record stands at leaf {index}, which commits to none")]
    DetailUnbound { index: u64 },
    #[error("the detail records of the leaves {first}..{past} are missing, and no event says that they were erased")]
    DetailMissing { first: u64, past: u64 },
    #[error("leaf {index} is gone, and no snapshot after it covers what is left")]
    LeafMissing { index: u64 },
    #[error("the signature of the checkpoint at size {size} does not verify")]
    CheckpointSignature { size: u64 },
    #[error("the checkpoint at size {size} comes after the one at size {after}")]
    CheckpointOrder { size: u64, after: u64 },
    #[error("the log does not lead to the signed root at size {size}: {}", first_bad(*.agreed, *.size))]
    RootMismatch {
        /// Size of the last checkpoint before it that agreed; 0 if there is none.
        agreed: u64,
        size: u64,
    },
    #[error("the log ends after {leaves} leaves, but a checkpoint for {size} is signed: the end was cut off")]
    Truncated { leaves: u64, size: u64 },
    #[error("the log ends after {leaves} leaves, but the outside checkpoint knows {size}: the end was cut off")]
    TruncatedOutside { leaves: u64, size: u64 },
    #[error("the log is not the one that the outside checkpoint at size {size} was taken of: its history was rewritten")]
    OutsideMismatch { size: u64 },
    #[error("the leaves {first}..{leaves} stand under no checkpoint: nobody signed them")]
    Unsigned { first: u64, leaves: u64 },
}

impl Problem {
    /// The leaf that is meant, where one is known; of a range the first.
    pub const fn leaf(&self) -> Option<u64> {
        match self {
            Self::LeafAltered { index }
            | Self::HashAltered { index }
            | Self::LeafDiffersFromHash { index }
            | Self::OutOfOrder { index, .. }
            | Self::NotCanonical { index }
            | Self::Malformed { index, .. }
            | Self::WrongPrev { index, .. }
            | Self::DetailAltered { index }
            | Self::DetailUnbound { index }
            | Self::LeafMissing { index } => Some(*index),
            Self::Gap { first, .. } | Self::DetailMissing { first, .. } | Self::Unsigned { first, .. } => Some(*first),
            Self::RootMismatch { agreed, .. } => Some(*agreed),
            Self::Truncated { leaves, .. } | Self::TruncatedOutside { leaves, .. } => Some(*leaves),
            Self::CheckpointSignature { .. } | Self::CheckpointOrder { .. } | Self::OutsideMismatch { .. } => None,
        }
    }
}

fn or_none(index: &Option<u64>) -> String {
    index.map_or_else(|| "no leaf".to_owned(), |index| format!("leaf {index}"))
}

fn first_bad(agreed: u64, size: u64) -> String {
    match size - agreed {
        1 => format!("leaf {agreed} is not the one that was signed"),
        _ => format!("the first leaf that is not the one that was signed is one of {agreed}..{size}"),
    }
}
