//! The log as a format: leaves, the Merkle tree over them, signed checkpoints, proofs, and the verifier. Bytes in, bytes out.
//!
//! docs/audit-log.md specifies every byte that is made or read here. The ledger stores them and decides what is written.

pub mod checkpoint;
mod frame;
mod leaf;
mod merkle;
pub mod proof;
mod tree;
mod verify;

pub use checkpoint::{Checkpoint, CheckpointError, KeyError, Origin, SignedHead, Signer, Verifier};
pub use frame::{FrameError, LeafFrame};
pub use leaf::{Keeps, SALT_BYTES, detail_commitment, leaf_hash};
pub use merkle::{Peaks, empty_root};
pub use tree::{Mark, Tree};
pub use verify::{Detail, Failure, Problem, Report, Row, Unsound, verify};

#[cfg(test)]
mod vectors;
