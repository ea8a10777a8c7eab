//! The at-rest envelope: AES-256-GCM by chunks under a key of its own for each object (docs/at-rest.md).

mod keys;
mod reader;
mod writer;

pub use keys::{KeyError, MasterKey, ObjectKey};
pub use reader::{AtRestError, ReadAt, Reader, Sequential};
pub use writer::{Writer, Written};

use super::chunks;
use crate::domain::ids::ObjectId;

/// The version of the format: part of what every chunk authenticates.
const VERSION: u8 = 1;

/// Object id and version: no chunk opens under another id or another format.
fn aad(id: ObjectId) -> [u8; 17] {
    let mut aad = [VERSION; 17];
    aad[..16].copy_from_slice(id.uuid().as_bytes());
    aad
}

/// Bytes that a plaintext of `plain` bytes takes in the store; `None` beyond [`AT_REST_OBJECT_BYTES`].
///
/// [`AT_REST_OBJECT_BYTES`]: crate::domain::limits::AT_REST_OBJECT_BYTES
pub fn stored_len(plain: u64) -> Option<u64> {
    chunks::sealed_len(plain)
}

/// Bytes of plaintext in an object of `stored` bytes; `None` if no object has that length.
pub fn plain_len(stored: u64) -> Option<u64> {
    chunks::plain_len(stored)
}

#[cfg(test)]
mod tests;
