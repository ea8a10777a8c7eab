//! Recipient encryption and the at-rest envelope: bytes in, bytes out. No file system, no clock, no async.

pub mod at_rest;
mod chunks;
pub mod identity;
pub mod recipient;
pub mod seal;
mod tags;

pub use at_rest::{AtRestError, MasterKey, ObjectKey, Reader, Writer};
pub use identity::{Identity, NotAnIdentity, OpenError, Unsealed};
pub use recipient::{Recipient, RecipientError};
pub use seal::{Ciphertext, SealError, Sealer};
pub use tags::Tags;
