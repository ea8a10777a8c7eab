//! Conditions: what requests that share something need in addition, and what of a request the policy looks at.

use super::Tier;
use crate::domain::{
    ids::Slug,
    jurisdiction::Jurisdiction,
    people::Gate,
    ticket::{Environment, Kind, Transfer},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A rule for requests that share something: what it looks at, all of which must hold, and what it then asks for in addition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What reviewers and requesters read.
    pub name: String,
    /// Holds when a field has one of these classes. Like each of those below, it is not looked at when it is absent.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<Slug>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tiers: BTreeSet<Tier>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<Kind>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub transfers: BTreeSet<Transfer>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub environments: BTreeSet<Environment>,
    /// `US` means `US-CA` too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub jurisdictions: BTreeSet<Jurisdiction>,
    /// Gates beside the tier's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gates: BTreeSet<Gate>,
    /// Papers that have to be filed under `legal.references`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub references: BTreeSet<Slug>,
    /// Questions of the form that have to be answered although the form leaves them open.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub answers: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_retention_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
}

/// What of a request the policy looks at. Absent: not written yet.
#[derive(Clone, Debug)]
pub struct Traits {
    pub tier: Tier,
    pub classes: BTreeSet<Slug>,
    pub kind: Option<Kind>,
    pub transfer: Option<Transfer>,
    pub environment: Option<Environment>,
    pub jurisdictions: Vec<Jurisdiction>,
}

impl Traits {
    pub fn is_personal(&self) -> bool {
        self.tier > Tier::T0
    }

    pub fn is_non_production(&self) -> bool {
        self.environment == Some(Environment::NonProduction)
    }
}

/// Whether a choice is one that a condition looks at. One that is not written yet is none.
fn among<T: Ord>(looked_at: &BTreeSet<T>, choice: Option<T>) -> bool {
    looked_at.is_empty() || choice.is_some_and(|choice| looked_at.contains(&choice))
}

impl Condition {
    pub(super) fn holds(&self, traits: &Traits) -> bool {
        let within = |law: &Jurisdiction| self.jurisdictions.iter().any(|known| law.is_within(known));
        (self.classes.is_empty() || !self.classes.is_disjoint(&traits.classes))
            && (self.tiers.is_empty() || self.tiers.contains(&traits.tier))
            && among(&self.kinds, traits.kind)
            && among(&self.transfers, traits.transfer)
            && among(&self.environments, traits.environment)
            && (self.jurisdictions.is_empty() || traits.jurisdictions.iter().any(within))
    }
}
