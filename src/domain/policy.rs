//! Policy: classes of data → tier → gates and retention bounds. An organisation's file, within a compiled-in floor.

use super::{
    digest::Digest,
    document::{self, DocumentError},
    form::{self, wording::Wording},
    ids::Slug,
    limits,
    people::Gate,
    shown::shown,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, collections::BTreeSet, fmt, sync::OnceLock};

/// How much harm a field can do: computed from classes, never lowered by hand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Tier {
    /// Not about persons.
    T0,
    /// Pseudonymous.
    T1,
    /// Direct identifiers, or enough others to identify.
    T2,
    /// Special: health, government ids, card data, children, credentials.
    T3,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    pub tier: Tier,
    /// What belongs in it, for whoever fills in a ticket.
    pub describes: String,
    /// Counts towards the combination rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quasi_identifier: bool,
}

impl Class {
    /// Whether its values name or reach a person, or are worse.
    pub fn is_direct(&self) -> bool {
        self.tier >= Tier::T2
    }
}

/// Days a vendor may find a released file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionDays {
    pub least: u32,
    pub most: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierRule {
    pub gates: BTreeSet<Gate>,
    pub retention_days: RetentionDays,
}

/// So many quasi-identifiers together lift a ticket to a tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Combination {
    pub quasi_identifiers: u32,
    pub tier: Tier,
}

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
    pub kinds: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub transfers: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub environments: BTreeSet<String>,
    /// `US` means `US-CA` too.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub jurisdictions: BTreeSet<String>,
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
    pub kind: Option<String>,
    pub transfer: Option<String>,
    pub environment: Option<String>,
    pub jurisdictions: Vec<String>,
}

impl Traits {
    pub fn is_personal(&self) -> bool {
        self.tier > Tier::T0
    }

    pub fn is_non_production(&self) -> bool {
        self.environment.as_deref() == Some("non_production")
    }
}

impl Condition {
    fn holds(&self, traits: &Traits) -> bool {
        let among = |words: &BTreeSet<String>, word: &Option<String>| {
            words.is_empty() || word.as_ref().is_some_and(|word| words.contains(word))
        };
        let within = |law: &String| {
            self.jurisdictions
                .iter()
                .any(|known| law == known || law.strip_prefix(known).is_some_and(|rest| rest.starts_with('-')))
        };
        (self.classes.is_empty() || !self.classes.is_disjoint(&traits.classes))
            && (self.tiers.is_empty() || self.tiers.contains(&traits.tier))
            && among(&self.kinds, &traits.kind)
            && among(&self.transfers, &traits.transfer)
            && among(&self.environments, &traits.environment)
            && (self.jurisdictions.is_empty() || traits.jurisdictions.iter().any(within))
    }

    fn check(&self, policy: &Policy) -> Result<(), String> {
        let bad = |what: String| Err(format!("condition \"{}\": {what}", shown(&self.name)));
        if self.name.trim().is_empty() || self.name.chars().count() > limits::NAME_CHARS {
            return bad(format!("its name is 1 to {} characters", limits::NAME_CHARS));
        }
        if let Some(class) = self.classes.iter().find(|class| policy.class(class).is_none()) {
            return bad(format!("there is no class {class}"));
        }
        let words = [
            ("kinds", &self.kinds, form::KINDS),
            ("transfers", &self.transfers, form::TRANSFERS),
            ("environments", &self.environments, form::ENVIRONMENTS),
        ];
        for (key, given, known) in words {
            if let Some(word) = given.iter().find(|word| !known.contains(&word.as_str())) {
                return bad(format!("{key}: {} is none of {}", shown(word), known.join(", ")));
            }
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
        match (self.most_retention_days, least.map(|(tier, rule)| (rule.retention_days.least, tier)).max()) {
            (Some(most), Some((least, tier))) if most < least => bad(format!(
                "most_retention_days = {most} is below the {least} that tiers.{tier} asks for at least: no request could satisfy both"
            )),
            _ => Ok(()),
        }
    }
}

/// The policy file, checked: every tier has a rule, every rule a gate. Nobody changes one once it is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The version of this file's format.
    pub(super) policy: u32,
    pub(super) combination: Combination,
    pub(super) classes: BTreeMap<Slug, Class>,
    pub(super) tiers: BTreeMap<Tier, TierRule>,
    #[serde(default, rename = "condition", skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Condition>,
    #[serde(default)]
    wording: Wording,
    /// Every decision names it.
    #[serde(skip)]
    digest: OnceLock<Digest>,
}

/// Gates that no policy can take from a tier. Everywhere at least one approver who is not the requester.
const fn floor(tier: Tier) -> &'static [Gate] {
    match tier {
        Tier::T0 | Tier::T1 => &[Gate::Business],
        Tier::T2 | Tier::T3 => &[Gate::Business, Gate::Privacy, Gate::Security],
    }
}

const TIERS: [Tier; 4] = [Tier::T0, Tier::T1, Tier::T2, Tier::T3];

/// Longest retention any policy may allow (days): D73's 30 to 90 with room for a regulator's year.
const RETENTION_CEILING: u32 = 366;

impl Policy {
    /// Reads and checks a policy file.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let policy: Self = document::parse(text, include_str!("../../config/policy.toml"))?;
        policy.check().map_err(DocumentError::whole)?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), String> {
        if self.policy != 1 {
            return Err(format!("policy = {} is not a version this program reads: it reads 1", self.policy));
        }
        if self.combination.quasi_identifiers == 0 {
            return Err("combination.quasi_identifiers must be at least 1".into());
        }
        for tier in TIERS {
            let rule = self.tiers.get(&tier).ok_or_else(|| format!("tiers.{tier} is missing: every tier needs its gates"))?;
            for gate in floor(tier) {
                if !rule.gates.contains(gate) {
                    return Err(format!("tiers.{tier}.gates lacks {gate}: no policy may leave that gate out of {tier}"));
                }
            }
            let RetentionDays { least, most } = rule.retention_days;
            if least == 0 || least > most || most > RETENTION_CEILING {
                return Err(format!(
                    "tiers.{tier}.retention_days: least must be at least 1, most at least least and at most {RETENTION_CEILING}"
                ));
            }
        }
        let mut names = BTreeSet::new();
        for condition in &self.conditions {
            condition.check(self)?;
            if !names.insert(&condition.name) {
                return Err(format!("two conditions have the name \"{}\"", shown(&condition.name)));
            }
        }
        Ok(())
    }

    pub fn wording(&self) -> &Wording {
        &self.wording
    }

    pub fn class_names(&self) -> impl Iterator<Item = &Slug> {
        self.classes.keys()
    }

    /// The conditions that hold for such a request.
    pub fn conditions_on(&self, traits: &Traits) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(|condition| condition.holds(traits))
    }

    /// The gates of such a request: its tier's, and those of each condition.
    pub fn gates(&self, traits: &Traits) -> BTreeSet<Gate> {
        let more = self.conditions_on(traits).flat_map(|condition| condition.gates.iter().copied());
        self.rule(traits.tier).gates.iter().copied().chain(more).collect()
    }

    /// The tier's bounds, narrowed by each condition.
    pub fn retention(&self, traits: &Traits) -> RetentionDays {
        let RetentionDays { least, most } = self.rule(traits.tier).retention_days;
        let most = self.conditions_on(traits).filter_map(|condition| condition.most_retention_days).fold(most, u32::min);
        RetentionDays { least, most }
    }

    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of_canonical(self).expect("a policy holds only integers, strings and booleans"))
    }

    pub fn class(&self, name: &Slug) -> Option<&Class> {
        self.classes.get(name)
    }

    pub fn rule(&self, tier: Tier) -> &TierRule {
        self.tiers.get(&tier).expect("a parsed policy has a rule for every tier")
    }

    /// The tier of fields of these classes. A class that the policy no longer knows counts as the highest.
    pub fn tier<'a>(&self, classes: impl IntoIterator<Item = &'a Slug>) -> Tier {
        let mut tier = Tier::T0;
        let mut quasi = 0;
        for name in classes {
            let class = self.class(name);
            tier = tier.max(class.map_or(Tier::T3, |class| class.tier));
            quasi += u32::from(class.is_some_and(|class| class.quasi_identifier));
        }
        if quasi >= self.combination.quasi_identifiers { tier.max(self.combination.tier) } else { tier }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../config/policy.toml");

    fn slug(text: &str) -> Slug {
        text.parse().unwrap()
    }

    #[test]
    fn the_example_policy_is_read_and_its_digest_ignores_comments() {
        let policy = Policy::parse(EXAMPLE).unwrap();
        assert_eq!(policy.digest(), Policy::parse(&format!("# hello\n{EXAMPLE}")).unwrap().digest());
    }

    #[test]
    fn no_policy_can_leave_the_floor_out() {
        let text = EXAMPLE.replace("\"privacy\", ", "");
        assert!(Policy::parse(&text).unwrap_err().what.contains("lacks privacy"));
    }

    #[test]
    fn tiers_rise_with_the_worst_class_with_combinations_and_with_unknown_classes() {
        let policy = Policy::parse(EXAMPLE).unwrap();
        assert_eq!(policy.tier([&slug("business")]), Tier::T0);
        assert_eq!(policy.tier([&slug("business"), &slug("health")]), Tier::T3);
        let quasi = slug("quasi_identifier");
        assert_eq!(policy.tier([&quasi]), Tier::T1);
        assert_eq!(policy.tier(std::iter::repeat_n(&quasi, 3)), Tier::T2);
        assert_eq!(policy.tier([&slug("never-heard-of")]), Tier::T3);
    }
}
