//! What is true: ids, tickets, votes, vendors, policy, standing. No I/O, no clock, no async.

pub mod canonical;
pub mod digest;
pub mod event;
pub mod finding;
pub mod ids;
pub mod limits;
pub mod people;
pub mod signature;
pub mod time;
