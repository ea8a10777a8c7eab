//! The clock: the only place that reads time. Tests bring one that they move by hand.

use crate::domain::time::Time;
use rustix::time::{ClockId, clock_gettime};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Wall time, and whether it can be believed for what cannot be undone.
pub trait Clock: Send + Sync {
    fn now(&self) -> Time;

    /// Time passed since the clock was made, by a clock that nobody sets and that does not stand still in a suspended machine.
    fn elapsed(&self) -> Duration;

    /// The wall clock has moved against the other by more than [`JUMP`] since the start and not come back.
    fn jumped(&self) -> bool;
}

/// A difference between wall and monotonic time above this is a jump, not drift.
pub const JUMP: Duration = Duration::from_secs(300);

pub struct SystemClock {
    started: Duration,
    started_at: Time,
}

impl SystemClock {
    pub fn new() -> Self {
        Self { started: since_boot(), started_at: wall() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "this is the room that owns the clocks")]
fn wall() -> Time {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
        Err(before) => Time::from_micros(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX)),
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        wall()
    }

    fn elapsed(&self) -> Duration {
        since_boot().saturating_sub(self.started)
    }

    fn jumped(&self) -> bool {
        let expected = self.started_at + self.elapsed();
        let now = self.now();
        now.since(expected).max(expected.since(now)) > JUMP
    }
}

/// A clock that stands still until it is moved.
pub struct ManualClock {
    started_at: Time,
    now: AtomicI64,
}

impl ManualClock {
    pub fn at(now: Time) -> Self {
        Self { started_at: now, now: AtomicI64::new(now.micros()) }
    }

    pub fn advance(&self, span: Duration) {
        self.now.fetch_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.now().since(self.started_at)
    }

    fn jumped(&self) -> bool {
        false
    }
}
