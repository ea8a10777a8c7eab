//! What may happen: the acts, each in its file.

pub mod staging;
