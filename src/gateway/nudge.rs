//! A nudge: something changed that may let a file move on. Said often, heard once.

use tokio::sync::Notify;

/// Wakes the loop that moves files. A nudge while it is at work is kept for its next turn.
#[derive(Default)]
pub struct Nudge {
    files: Notify,
}

impl Nudge {
    pub fn files(&self) {
        self.files.notify_one();
    }

    pub async fn of_files(&self) {
        self.files.notified().await;
    }
}
