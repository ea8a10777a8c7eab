//! The private store: what is durable, and how it becomes so.

#[cfg_attr(not(test), expect(dead_code, reason = "the acts that keep objects come after the shelves"))]
mod objects;
