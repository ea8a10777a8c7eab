//! Pace: how soon a gate should answer, and how long its approval counts.

use super::{Policy, Tier};
use crate::domain::{
    people::Gate,
    time::{Time, days},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// When what was approved is looked at again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Days that an approval counts; for ever where nothing is said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) every_days: BTreeMap<Tier, u32>,
}

impl Review {
    pub(super) fn is_never(&self) -> bool {
        self.every_days.is_empty()
    }
}

impl Policy {
    /// Within how many hours a gate should answer. Nothing follows from being late but that it is said.
    pub fn answer_hours(&self, gate: Gate) -> Option<u32> {
        self.sla.get(&gate).copied()
    }

    /// For how many days an approval counts.
    pub fn approval_days(&self, tier: Tier) -> Option<u32> {
        self.review.every_days.get(&tier).copied()
    }

    /// Until when an approval given at `at` counts.
    pub fn approval_until(&self, tier: Tier, at: Time) -> Option<Time> {
        self.approval_days(tier).map(|most| at + days(most))
    }

    pub fn answer_by(&self, gate: Gate, asked: Time) -> Option<Time> {
        self.answer_hours(gate).map(|hours| asked + Duration::from_secs(u64::from(hours) * 3_600))
    }
}
