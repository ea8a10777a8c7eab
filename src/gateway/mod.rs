//! What may happen: one file per act, and the vault that only they can name.

mod vault;
