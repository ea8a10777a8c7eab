//! Policy: classes of data → tier → gates and retention bounds. An organisation's file, within a compiled-in floor.

mod apart;
mod check;
mod closing;
mod condition;
mod objection;
mod pace;
mod reasons;
mod red_flags;
mod scope;

pub use apart::{Apart, Deed};
pub use condition::{Condition, Traits};
pub use objection::{Against, Answers, FieldAnswers, Objected, Objection};
pub use pace::Review;
pub use reasons::Reasons;
pub use red_flags::Consequence;
pub use scope::Scope;

use super::{
    digest::Digest,
    document::{self, DocumentError},
    form::wording::Wording,
    ids::Slug,
    people::Gate,
    vendor::RedFlag,
};
use closing::Closing;
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

impl Tier {
    pub const ALL: [Self; 4] = [Self::T0, Self::T1, Self::T2, Self::T3];
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

/// How a gate opens.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRule {
    /// How many people have to approve a ticket of this tier; one where nothing is said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    votes: BTreeMap<Tier, u32>,
    /// Gates that come first, where a ticket has them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    after: BTreeSet<Gate>,
    /// Whether approvals are shown before the gate has all of them: so that each is its voter's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    blind: bool,
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
    #[serde(default, rename = "gates", skip_serializing_if = "BTreeMap::is_empty")]
    gate_rules: BTreeMap<Gate, GateRule>,
    #[serde(default, rename = "condition", skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Condition>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    red_flags: BTreeMap<RedFlag, Consequence>,
    #[serde(default, rename = "scope", skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<Scope>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    apart: Vec<Apart>,
    /// Hours within which a gate should answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sla: BTreeMap<Gate, u32>,
    #[serde(default, skip_serializing_if = "Review::is_never")]
    review: Review,
    #[serde(default, skip_serializing_if = "Closing::asks_nothing")]
    closing: Closing,
    #[serde(default)]
    reasons: Reasons,
    #[serde(default)]
    wording: Wording,
    /// Every decision names it.
    #[serde(skip)]
    digest: OnceLock<Digest>,
}

/// How a policy is written, for whoever made a mistake in one.
const EXAMPLE: &str = include_str!("../../config/policy.toml");

impl Policy {
    /// Reads and checks a policy file.
    ///
    /// # Errors
    /// The first of what [`Policy::read`] names.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        Self::read(text).map_err(|mut problems| problems.swap_remove(0))
    }

    /// # Errors
    /// All that can be named at once, each on its line where it has one; never none.
    pub fn read(text: &str) -> Result<Self, Vec<DocumentError>> {
        let policy: Self = document::parse(text, EXAMPLE).map_err(|first| check::unreadable(text, first))?;
        match check::located(text, check::flaws(&policy)) {
            flaws if flaws.is_empty() => Ok(policy),
            flaws => Err(flaws),
        }
    }

    /// How many people have to approve at this gate.
    pub fn votes_needed(&self, gate: Gate, tier: Tier) -> u32 {
        self.gate_rules.get(&gate).and_then(|rule| rule.votes.get(&tier)).copied().unwrap_or(1)
    }

    /// Whether this gate's approvals are hidden until it has all of them.
    pub fn is_blind(&self, gate: Gate) -> bool {
        self.gate_rules.get(&gate).is_some_and(|rule| rule.blind)
    }

    /// The gates that come before this one, where a ticket has them.
    pub fn after(&self, gate: Gate) -> impl Iterator<Item = Gate> {
        self.gate_rules.get(&gate).into_iter().flat_map(|rule| rule.after.iter().copied())
    }

    /// What a vote that does not approve may give as its reason: code and meaning.
    pub fn reasons(&self) -> &BTreeMap<Slug, String> {
        &self.reasons.0
    }

    pub fn wording(&self) -> &Wording {
        &self.wording
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The gates that have a rule of their own.
    pub fn ruled_gates(&self) -> impl Iterator<Item = Gate> {
        self.gate_rules.keys().copied()
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
    use crate::domain::canonical;

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
    fn a_policy_whose_gates_could_never_open_is_refused() {
        let with = |text: &str| Policy::parse(&format!("{EXAMPLE}\n[gates.business]\n{text}\n")).map_err(|error| error.what);
        assert!(with("after = [\"business\"]").unwrap_err().contains("wait for itself"));
        let round =
            "after = [\"security\"]\n[gates.security]\nafter = [\"data_owner\"]\n[gates.data_owner]\nafter = [\"business\"]";
        assert!(with(round).unwrap_err().contains("wait for itself"));
        assert!(with("votes = { T3 = 0 }").unwrap_err().contains("1 to"));
        assert!(with("votes = { T3 = 99 }").unwrap_err().contains("1 to"));
        assert_eq!(with("votes = { T3 = 2 }").unwrap().votes_needed(Gate::Business, Tier::T3), 2);
    }

    #[test]
    fn a_condition_that_nothing_can_meet_or_that_asks_for_nothing_is_refused() {
        let with =
            |text: &str| Policy::parse(&format!("{EXAMPLE}\n[[condition]]\nname = \"x\"\n{text}\n")).map_err(|error| error.what);
        for (text, told) in [
            ("", "asks for nothing"),
            ("classes = [\"never-heard-of\"]\ngates = [\"legal\"]", "no class never-heard-of"),
            ("answers = [\"purpose\"]", "no question that the form leaves open"),
            ("most_retention_days = 0", "no request could satisfy both"),
        ] {
            let refused = with(text).unwrap_err();
            assert!(refused.contains(told), "{text}: {refused}");
        }
        assert!(with("answers = [\"limits.max_rows\"]\nmax_rows = 5").is_ok());
    }

    #[test]
    fn whatever_number_a_policy_bounds_rows_by_it_is_refused_or_has_a_digest() {
        let with = |most: i64| Policy::parse(&format!("{EXAMPLE}\n[[condition]]\nname = \"x\"\nmax_rows = {most}\n"));
        for most in [1, canonical::LARGEST_INTEGER] {
            with(most).unwrap().digest();
        }
        for most in [0, canonical::LARGEST_INTEGER + 1, i64::MAX] {
            let refused = with(most).unwrap_err().what;
            assert!(refused.contains("max_rows is 1 to"), "{most}: {refused}");
        }
    }

    #[test]
    fn a_choice_that_the_form_does_not_have_is_refused_on_its_line() {
        for (key, meant, all) in [
            ("kinds = [\"recuring\"]", "did you mean recurring?", "one_off, portability, recurring"),
            ("transfers = [\"crossborder\"]", "did you mean cross_border?", "cross_border, external, internal"),
            ("environments = [\"produktion\"]", "did you mean production?", "non_production, production"),
        ] {
            let with =
                |key: &str| Policy::parse(&format!("{EXAMPLE}\n[[condition]]\nname = \"x\"\n{key}\ngates = [\"legal\"]\n"));
            let refused = with(key).unwrap_err();
            assert_eq!((refused.line, refused.hint.as_deref()), (Some(EXAMPLE.lines().count() + 4), Some(meant)), "{refused}");
            let (name, _) = key.split_once(' ').unwrap();
            let unlike = with(&format!("{name} = [\"zzzzzzzz\"]")).unwrap_err();
            assert!(unlike.to_string().contains(all), "{unlike}");
        }
    }

    #[test]
    fn the_digest_of_a_policy_rests_on_the_words_and_not_on_how_they_are_held() {
        let condition = "[[condition]]\nname = \"x\"\nkinds = [\"recurring\", \"one_off\", \"portability\"]\n\
                         transfers = [\"internal\", \"external\", \"cross_border\"]\n\
                         environments = [\"production\", \"non_production\"]\ngates = [\"legal\"]\n";
        let text = serde_json::to_string(&Policy::parse(&format!("{EXAMPLE}\n{condition}")).unwrap()).unwrap();
        for sorted in [
            "\"kinds\":[\"one_off\",\"portability\",\"recurring\"]",
            "\"transfers\":[\"cross_border\",\"external\",\"internal\"]",
            "\"environments\":[\"non_production\",\"production\"]",
        ] {
            assert!(text.contains(sorted), "{text}");
        }
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
