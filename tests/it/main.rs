//! The integration tests: a whole gateway of real processes, asked by real clients.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests start processes, read clocks and files, and end at the first surprise"
)]

mod audit;
mod closing;
mod crash;
mod doors;
mod encrypted;
mod examples;
mod faults;
mod freeze;
mod house;
mod https;
mod init;
mod internal;
mod kills;
mod large;
mod latency;
mod malformed;
mod order;
mod policy;
mod power_cut;
mod refusals;
mod reload;
mod requester;
mod review;
mod side_by_side;
mod story;
mod syslog;
mod systemd;
mod under_fire;
