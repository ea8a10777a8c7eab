//! Reasons: the codes that a vote gives when it does not approve.

use crate::domain::{ids::Slug, limits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Code and what it means.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reasons(pub(super) BTreeMap<Slug, String>);

/// Those of config/policy.toml, for a policy that lists none.
impl Default for Reasons {
    fn default() -> Self {
        let reasons = [
            ("excess_fields", "more fields, rows or recipients than the purpose needs"),
            ("purpose_unclear", "what it is for, or why this way, does not follow from the answers"),
            ("legal_basis", "the legal ground, consent or a reference is missing or does not fit"),
            ("wrong_class", "a field's class or treatment does not fit what it holds"),
            ("vendor_risk", "what is known of the vendor does not bear this data"),
            ("at_vendor", "what becomes of the data at the vendor is not good enough"),
            ("other", "something else: the text says what"),
        ];
        let slug = |code: &str| code.parse().expect("these codes are slugs");
        Self(reasons.into_iter().map(|(code, means)| (slug(code), means.to_owned())).collect())
    }
}

impl Reasons {
    /// What cannot be said of reasons, and where it is said.
    pub(super) fn flaw(&self) -> Option<(String, String)> {
        if self.0.is_empty() || self.0.len() > limits::REASON_CODES {
            let what = format!("reasons: there are 1 to {}: without one nobody could reject anything", limits::REASON_CODES);
            return Some(("reasons".into(), what));
        }
        let (code, _) = self.0.iter().find(|(_, means)| means.trim().is_empty() || means.chars().count() > limits::NAME_CHARS)?;
        Some((format!("reasons.{code}"), format!("reasons.{code}: its meaning is 1 to {} characters", limits::NAME_CHARS)))
    }
}
