//! The one executable: `egressd`, or `egressctl` when called by that name.
fn main() {}
