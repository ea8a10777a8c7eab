//! What is true: ids, tickets, votes, vendors, policy, standing. No I/O, no clock, no async.

pub mod canonical;
pub mod digest;
pub mod file_name;
pub mod ids;
pub mod limits;
pub mod time;
