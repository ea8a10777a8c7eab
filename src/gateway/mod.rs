//! What may happen: one file per act, the handles that endpoints hold, and the vault that only this room can name.

pub mod lease;
pub mod staging;
