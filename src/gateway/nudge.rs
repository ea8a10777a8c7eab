//! A nudge: something changed that may let a file move on. Said often, heard once.

use tokio::sync::Notify;

/// Wakes the loops that move files. A nudge while a loop is at work is kept for its next turn.
#[derive(Default)]
pub struct Nudge {
    staging: Notify,
    files: Notify,
}

impl Nudge {
    pub fn staging(&self) {
        self.staging.notify_one();
    }

    pub fn files(&self) {
        self.files.notify_one();
    }

    pub async fn of_staging(&self) {
        self.staging.notified().await;
    }

    pub async fn of_files(&self) {
        self.files.notified().await;
    }
}
