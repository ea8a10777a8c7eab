//! What the policy makes of a vendor's red flags.

use super::Policy;
use crate::domain::vendor::RedFlag;
use serde::{Deserialize, Serialize};

/// What follows from a red flag that is up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// Reviewers see it.
    Note,
    /// A ticket to the vendor waits, or is suspended, until an executive's acceptance of the risk stands.
    Accept,
    /// The vendor receives nothing: its tickets wait, and those that run are suspended.
    Hold,
}

impl Policy {
    /// What follows from a red flag. One of which nothing is said is shown.
    pub fn consequence(&self, flag: RedFlag) -> Consequence {
        self.red_flags.get(&flag).copied().unwrap_or(Consequence::Note)
    }

    /// Whether the vendor receives nothing while this is up.
    pub fn stops_for(&self, flag: RedFlag) -> bool {
        self.consequence(flag) == Consequence::Hold
    }
}
