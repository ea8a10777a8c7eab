//! The file-system side of staging: what lies there, when it is complete, taking it. Others decide and record.
//!
//! `DIR/staging/<ticket>/<file>`, written by producers of whom any may be hostile. Everything here works on descriptors
//! of directories that were opened without following links, so that a path component swapped for a link gains nothing;
//! nothing but a regular file with one name is ever opened; nothing is deleted that was not taken. All calls but
//! [`Watch`]'s block on the disk: they belong on a thread that may.

mod identity;
mod root;
mod scan;
mod settle;
mod take;
mod watch;

pub use identity::{Identity, Kind};
pub use root::Root;
pub use scan::{Candidate, Place, Scan, Unacceptable, tickets};
pub use settle::{Observation, Settled, settled};
pub use take::{Part, Remains, TakeError, Taken, finish_unlink, give_back_manifest, take, unlink_if_same, unlink_ready};
pub use watch::{Mode, Rescan, Scope, Touch, Watch};

#[cfg(test)]
mod tests;
