//! What the policy asks for when a ticket ends.

use super::Policy;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// Days in which a vendor attests its deletion, from when it may keep the data no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attest_within_days: Option<u32>,
}

impl Closing {
    pub(super) fn asks_nothing(&self) -> bool {
        self.attest_within_days.is_none()
    }
}

impl Policy {
    /// Within how many days a vendor's attestation is due. None: it is never late, and no ticket waits for another one's.
    pub fn attest_within_days(&self) -> Option<u32> {
        self.closing.attest_within_days
    }
}
