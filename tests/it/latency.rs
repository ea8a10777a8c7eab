//! Revocation under load: fifty sessions pull, one of them stopped, and a ticket is revoked. What each client has is never
//! more than its receipt says; how long it took is printed.

use crate::house::{House, RESPONDER, orders, ticket_file, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    fs,
    process::Child,
    time::{Duration, Instant},
};

const SESSIONS: usize = 50;
/// Large enough that nobody has finished when the revocation comes: 30 MB at 1 MB/s.
const ROWS: usize = 850_000;
const KBIT_PER_SECOND: &str = "8192";
/// Bytes of each that must have arrived before it is cut.
const ARRIVED: u64 = 300_000;
