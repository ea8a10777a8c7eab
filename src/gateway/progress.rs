//! Progress: what is on its way to a vendor, and since when nothing of it has moved.

use crate::domain::ids::FileId;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What can stand still.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Work {
    /// A staged file is being copied.
    Copy,
    /// What is quiet is closed, what is ready is released.
    Release,
    /// This file is inspected and sealed.
    Seal(FileId),
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy => f.write_str("copying a staged file"),
            Self::Release => f.write_str("closing and releasing deliveries"),
            Self::Seal(file) => write!(f, "sealing {file}"),
        }
    }
}

/// What is at work, with the moment of its last byte or step by the monotonic clock.
#[derive(Default)]
pub struct Progress(Mutex<BTreeMap<Work, Duration>>);

/// Until it is dropped, its work is on its way.
pub struct Moving<'p> {
    progress: &'p Progress,
    work: Work,
}

impl Progress {
    fn moments(&self) -> MutexGuard<'_, BTreeMap<Work, Duration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, work: Work, now: Duration) -> Moving<'_> {
        self.moments().insert(work, now);
        Moving { progress: self, work }
    }

    /// A byte or a step of it. What has not begun does not move.
    pub fn moved(&self, work: Work, now: Duration) {
        if let Some(moment) = self.moments().get_mut(&work) {
            *moment = now;
        }
    }

    /// What has stood still for longer than `most`.
    pub fn still(&self, now: Duration, most: Duration) -> Vec<Work> {
        self.moments().iter().filter(|(_, moment)| now.saturating_sub(**moment) > most).map(|(work, _)| *work).collect()
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.progress.moments().remove(&self.work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_never_still_however_long_it_takes_and_what_is_over_is_forgotten() {
        let progress = Progress::default();
        let at = Duration::from_secs;
        let file = Work::Seal(FileId::from_uuid(uuid::Uuid::from_u128(1)));
        let (slow, stuck) = (progress.begin(file, at(0)), progress.begin(Work::Release, at(0)));
        for second in 0..1_000 {
            progress.moved(file, at(second));
        }
        assert_eq!(progress.still(at(1_000), at(100)), [Work::Release]);
        assert_eq!(progress.still(at(2_000), at(100)), [Work::Release, file]);
        drop((slow, stuck));
        progress.moved(file, at(1));
        assert_eq!(progress.still(at(9_000), at(100)), []);
    }
}
