//! The pause between two attempts: longer each time, never above a limit, at random so that gateways do not knock together.

use crate::domain::limits::{SYSLOG_FIRST_PAUSE, SYSLOG_LONGEST_PAUSE};
use aws_lc_rs::rand;
use std::time::Duration;

#[derive(Default)]
pub struct Pauses {
    failures: u32,
}

impl Pauses {
    /// After a success the next pause is a short one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after this failure.
    pub fn next(&mut self) -> Duration {
        let whole = SYSLOG_FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(SYSLOG_LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        let mut random = [0];
        // Without randomness pauses are merely all alike.
        rand::fill(&mut random).ok();
        whole - whole * u32::from(random[0]) / 512
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_are_short_again_after_a_success() {
        let mut pauses = Pauses::default();
        for _ in 0..3 {
            let first = pauses.next();
            assert!(first <= SYSLOG_FIRST_PAUSE && first > SYSLOG_FIRST_PAUSE / 3, "{first:?}");
            let last = (0..100).map(|_| pauses.next()).last().unwrap();
            assert!(last <= SYSLOG_LONGEST_PAUSE && last >= SYSLOG_LONGEST_PAUSE / 2, "{last:?}");
            pauses.reset();
        }
    }
}
