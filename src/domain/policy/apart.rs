//! Separation of duties beyond what is built in: acts around one ticket of which nobody may do two.

use super::Policy;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// An act on a ticket, or on the vendor that it goes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    Submit,
    Vote,
    Activate,
    FileVendor,
    ConfirmVendor,
}

impl Deed {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submitting a ticket",
            Self::Vote => "voting on it",
            Self::Activate => "activating it",
            Self::FileVendor => "filing its vendor",
            Self::ConfirmVendor => "confirming its vendor",
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apart {
    pub acts: BTreeSet<Deed>,
}

impl Policy {
    pub fn apart(&self) -> &[Apart] {
        &self.apart
    }

    /// What of all that a person has done keeps them from `deed`.
    pub fn keeps_apart(&self, deed: Deed, done: &BTreeSet<Deed>) -> Option<Deed> {
        let rules = self.apart.iter().filter(|rule| rule.acts.contains(&deed));
        rules.flat_map(|rule| &rule.acts).copied().find(|other| *other != deed && done.contains(other))
    }
}
