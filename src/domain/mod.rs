//! What is true: ids, tickets, votes, vendors, policy, standing. No I/O, no clock, no async.

pub mod authority;
pub mod canonical;
pub mod credential;
pub mod digest;
pub mod document;
pub mod dossier;
pub mod event;
pub mod file;
pub mod file_name;
pub mod finding;
pub mod house;
pub mod ids;
pub mod limits;
pub mod nearest;
pub mod network;
pub mod papers;
pub mod people;
pub mod policy;
pub mod refusal;
pub mod shown;
pub mod signature;
pub mod ticket;
pub mod time;
pub mod vendor;
pub mod vendor_path;
