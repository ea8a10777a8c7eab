//! Conditions: what requests that share something need in addition, and what of a request the policy looks at.

use super::{Policy, Tier};
use crate::domain::{
    canonical, form,
    ids::Slug,
    jurisdiction::Jurisdiction,
    limits,
    people::Gate,
    shown::shown,
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

    pub(super) fn check(&self, policy: &Policy) -> Result<(), String> {
        let bad = |what: String| Err(format!("condition \"{}\": {what}", shown(&self.name)));
        if self.name.trim().is_empty() || self.name.chars().count() > limits::NAME_CHARS {
            return bad(format!("its name is 1 to {} characters", limits::NAME_CHARS));
        }
        if let Some(class) = self.classes.iter().find(|class| policy.class(class).is_none()) {
            return bad(format!("there is no class {class}"));
        }
        let open = |path: &String| {
            form::QUESTIONS.iter().any(|question| {
                question.path == path.as_str() && question.need != form::Need::Always && question.table() != "field"
            })
        };
        if let Some(path) = self.answers.iter().find(|path| !open(path)) {
            return bad(format!("answers: {} is no question that the form leaves open", shown(path)));
        }
        let asks = !self.gates.is_empty() || !self.references.is_empty() || !self.answers.is_empty();
        if !asks && self.most_retention_days.is_none() && self.max_rows.is_none() {
            return bad("it asks for nothing".into());
        }
        let least = policy.tiers.iter().filter(|(tier, _)| self.tiers.is_empty() || self.tiers.contains(tier));
        // Beyond what canonical JSON holds a policy has no digest, and no request can name as many.
        if self.max_rows.is_some_and(|most| !(1..=canonical::LARGEST_INTEGER.cast_unsigned()).contains(&most)) {
            return bad(format!("max_rows is 1 to {}", canonical::LARGEST_INTEGER));
        }
        match (self.most_retention_days, least.map(|(tier, rule)| (rule.retention_days.least, tier)).max()) {
            (Some(most), Some((least, tier))) if most < least => bad(format!(
                "most_retention_days = {most} is below the {least} that tiers.{tier} asks for at least: no request could satisfy both"
            )),
            _ => Ok(()),
        }
    }
}
