//! Key marks: whether the keys that cannot change while the gateway runs have changed.

use crate::domain::digest::Digest;

/// By what two readings of the keys that cannot change while the gateway runs are compared: digests, so that nothing of the keys is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyMarks {
    pub(super) master: Digest,
    pub(super) log: Digest,
    pub(super) staging: Digest,
}

impl KeyMarks {
    /// The keys of the configuration whose files hold another key than those of `running`.
    pub fn needs_restart(&self, running: &Self) -> Vec<&'static str> {
        let keys = [
            ("keys.master", self.master != running.master),
            ("keys.log", self.log != running.log),
            ("keys.staging", self.staging != running.staging),
        ];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}
