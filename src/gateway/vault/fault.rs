//! What can be wrong with the ledger, and what a caller of `write` may be told.

use crate::{
    audit::{CheckpointError, FrameError},
    domain::{canonical::CanonicalError, event::Subject},
};
use std::{path::PathBuf, sync::Arc};

/// The log is not what was written. Each names the leaf; nothing that rests on it is answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    #[error("leaf {index} is missing")]
    LeafMissing { index: u64 },
    #[error("the hash of leaf {index} is missing")]
    HashMissing { index: u64 },
    #[error("leaf {index} does not hash to its stored hash: one of the two was altered")]
    LeafDiffersFromHash { index: u64 },
    #[error("leaf {index} is not in the tree that was signed: leaf and hash were altered together")]
    LeafAltered { index: u64 },
    /// `audit verify` locates it further, by the checkpoints.
    #[error("one of the leaves {first} to {last} is not in the tree that was signed: leaf and hash were altered together")]
    TileAltered { first: u64, last: u64 },
    #[error("leaf {index} is no leaf that this version reads: {what}")]
    Malformed { index: u64, what: String },
    #[error("leaf {index} is filed under another subject than its own")]
    Misfiled { index: u64 },
    #[error("leaf {index} names another leaf before it than the last one on its subject")]
    WrongPrev { index: u64 },
    #[error("the detail record of leaf {index} was altered")]
    DetailAltered { index: u64 },
    #[error("the detail record of leaf {index} is missing")]
    DetailMissing { index: u64 },
    #[error("leaf {index} has a detail record that it does not commit to")]
    DetailUnbound { index: u64 },
    #[error("after leaf {index} the end of {subject:?} is missing")]
    EndMissing { index: u64, subject: Subject },
    #[error("the tree over the first {size} leaves is not the one that was signed; it was over the first {agreed}")]
    RootMismatch { agreed: u64, size: u64 },
    #[error("there is no signed checkpoint")]
    NoCheckpoint,
    #[error("checkpoint {size} is not readable as one")]
    CheckpointMalformed { size: u64 },
    #[error("the newest checkpoint: {0}")]
    CheckpointSignature(CheckpointError),
    #[error("the log was cut off: {leaves} leaves are left of {size} that were signed")]
    Truncated { leaves: u64, size: u64 },
    #[error("{leaves} leaves, of which only the first {size} were signed")]
    Unsigned { leaves: u64, size: u64 },
    #[error(
        "the log was put back to an earlier state: it has {leaves} leaves, and ledger.head beside it knows {size}; a backup that was restored on purpose starts after ledger.head is removed, and every revocation since it has to be given again"
    )]
    RolledBack { leaves: u64, size: u64 },
    #[error(
        "{} was cut or altered: it no longer says how long the log was; compare the log with a checkpoint that was kept elsewhere (egressctl audit verify --dir DIR --vkey VKEY_FILE --checkpoint NOTE_FILE), and remove the file if it agrees", .0.display()
    )]
    HeadUnreadable(PathBuf),
    #[error("{table} holds rows that belong to no leaf")]
    Strays { table: &'static str },
}

impl LogFault {
    /// The leaf that it names, if it names one.
    pub const fn leaf(&self) -> Option<u64> {
        match self {
            Self::LeafMissing { index }
            | Self::HashMissing { index }
            | Self::LeafDiffersFromHash { index }
            | Self::LeafAltered { index }
            | Self::Malformed { index, .. }
            | Self::Misfiled { index }
            | Self::WrongPrev { index }
            | Self::DetailAltered { index }
            | Self::DetailMissing { index }
            | Self::DetailUnbound { index }
            | Self::EndMissing { index, .. }
            | Self::TileAltered { first: index, .. } => Some(*index),
            Self::RootMismatch { .. }
            | Self::NoCheckpoint
            | Self::CheckpointMalformed { .. }
            | Self::CheckpointSignature(_)
            | Self::Truncated { .. }
            | Self::Unsigned { .. }
            | Self::RolledBack { .. }
            | Self::HeadUnreadable(_)
            | Self::Strays { .. } => None,
        }
    }
}

/// Why the ledger did not do something. For the operator's log; callers branch on none but [`LedgerFault::Poisoned`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerFault {
    #[error("there is no ledger at {}", .0.display())]
    Missing(PathBuf),
    #[error("there is something at {} already", .0.display())]
    Exists(PathBuf),
    #[error("{} is not a ledger of egressd: {found}", path.display())]
    Foreign { path: PathBuf, found: &'static str },
    #[error(
        "the ledger has schema {found}, this program knows schemas up to {known}: it was written by a newer version, use that one"
    )]
    Newer { found: i64, known: i64 },
    #[error("schema {version} was not made by the statements that this program has for it")]
    OtherMigration { version: i64 },
    #[error("another process has the ledger open ({} is locked)", .0.display())]
    InUse(PathBuf),
    #[error("SQLite did not accept {name} = {wanted}: it answers {found}")]
    Pragma { name: &'static str, wanted: &'static str, found: String },
    #[error("{what}: {why}")]
    File { what: &'static str, why: Arc<std::io::Error> },

    #[error(transparent)]
    Log(#[from] LogFault),

    #[error("the leaf cannot be written: {0}")]
    Leaf(#[from] FrameError),
    #[error("the leaf cannot be written: {0}")]
    Canonical(#[from] CanonicalError),
    #[error("a detail record of {0} bytes is too long")]
    DetailTooLong(usize),
    #[error("{0:?} has ended: nothing can be recorded on it")]
    Ended(Subject),
    #[error("the system gave no randomness")]
    Randomness,

    #[error("database: {0}")]
    Sqlite(Arc<rusqlite::Error>),
    #[error("the transaction was rolled back under a batch of commands; none of them was done")]
    RolledBack,
    #[error("a reader kept the write-ahead log from being truncated")]
    WalBusy,
    #[error("the command panicked and was rolled back")]
    Panicked,
    #[error("the ledger is closed")]
    Closed,
    /// It is unknown what of the last batch is durable. The process must exit; the next start finds out.
    #[error("the ledger is poisoned: {0}")]
    Poisoned(Arc<str>),
}

impl From<rusqlite::Error> for LedgerFault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// Why a command was not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError<E> {
    /// The command's own answer; what it wrote is rolled back.
    #[error("{0}")]
    Refused(E),
    /// The ledger's. After [`LedgerFault::Poisoned`] it is unknown whether the command is durable, after all others it is not.
    #[error("{0}")]
    Fault(LedgerFault),
}

impl From<WriteError<LedgerFault>> for LedgerFault {
    fn from(error: WriteError<LedgerFault>) -> Self {
        match error {
            WriteError::Refused(fault) | WriteError::Fault(fault) => fault,
        }
    }
}
