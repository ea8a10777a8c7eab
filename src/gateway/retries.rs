//! Retries: what failed is tried again later and later, so that one bad sector neither fills the log nor keeps the disk busy.

use crate::domain::{
    ids::FileId,
    limits::{FILES_TURN, RETRY_AT_MOST},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// By file: the wait after its last failure, and when that wait is over. Held in memory only: a start tries everything.
#[derive(Default)]
pub struct Retries(Mutex<HashMap<FileId, (Duration, Duration)>>);

impl Retries {
    fn waiting(&self) -> MutexGuard<'_, HashMap<FileId, (Duration, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_due(&self, file: FileId, now: Duration) -> bool {
        self.waiting().get(&file).is_none_or(|(_, until)| now >= *until)
    }

    /// Says how long it waits now: twice as long as before, up to [`RETRY_AT_MOST`].
    pub fn failed(&self, file: FileId, now: Duration) -> Duration {
        let mut waiting = self.waiting();
        let wait = waiting.get(&file).map_or(FILES_TURN, |(wait, _)| (*wait * 2).min(RETRY_AT_MOST));
        waiting.insert(file, (wait, now + wait));
        wait
    }

    pub fn done(&self, file: FileId) {
        self.waiting().remove(&file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_and_again_is_tried_less_and_less_often_and_others_are_not_kept() {
        let (retries, mut now) = (Retries::default(), Duration::from_secs(1_000));
        let [bad, good] = [1, 2].map(|n| FileId::from_uuid(uuid::Uuid::from_u128(n)));
        let mut tries = Vec::new();
        for _ in 0..100 {
            assert!(retries.is_due(good, now));
            if retries.is_due(bad, now) {
                tries.push(now.as_secs() - 1_000);
                retries.failed(bad, now);
            }
            now += FILES_TURN;
        }
        assert_eq!(tries, [0, 5, 15, 35, 75, 135, 195, 255, 315, 375, 435, 495]);
        retries.done(bad);
        assert!(retries.is_due(bad, now));
        assert_eq!(retries.failed(bad, now), FILES_TURN, "a success forgets what was before");
    }
}
