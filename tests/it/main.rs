//! The integration tests: a whole gateway of real processes, asked by real clients.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests start processes, read clocks and files, and end at the first surprise"
)]

mod crash;
mod faults;
mod house;
mod kills;
mod large;
mod latency;
mod story;
mod under_fire;
