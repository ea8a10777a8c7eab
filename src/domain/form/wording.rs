//! Words that say nothing: what stands for anything, and what is no answer.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the policy takes for vague. Compared in lower case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// Nouns that stand for any number of fields. A name that is one, or ends in one, is refused.
    pub collective: BTreeSet<String>,
    /// Answers that are none, alone or at the beginning of a short one.
    pub non_answers: BTreeSet<String>,
    /// Words of a sentence that a reviewer can judge.
    pub least_words: u32,
}

/// Those of config/policy.toml, for whoever has no policy at hand.
impl Default for Wording {
    fn default() -> Self {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            collective: set(&[
                "all",
                "attributes",
                "columns",
                "data",
                "demographics",
                "details",
                "etc",
                "everything",
                "fields",
                "identifiers",
                "info",
                "information",
                "insights",
                "interests",
                "metrics",
                "misc",
                "other",
                "others",
                "preferences",
                "profile",
                "profiles",
                "records",
                "signals",
                "various",
            ]),
            non_answers: set(&[
                "-",
                "as agreed",
                "as discussed",
                "as usual",
                "business need",
                "leadership approved",
                "management approved",
                "n/a",
                "na",
                "none",
                "no",
                "not applicable",
                "ok",
                "see above",
                "see email",
                "tba",
                "tbc",
                "tbd",
                "todo",
                "unknown",
                "urgent",
                "yes",
            ]),
            least_words: 4,
        }
    }
}

/// A noun's words, in lower case: `customer_data`, `customer data` and `customerData` have the same two.
pub fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("it begins with one").extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Wording {
    /// The collective noun that a field's name is, or ends in.
    pub fn collective_in(&self, name: &str) -> Option<String> {
        words(name).pop().filter(|last| self.collective.contains(last))
    }

    /// What makes a sentence no answer.
    pub fn no_answer(&self, text: &str) -> Option<String> {
        let plain = text.trim().trim_end_matches(['.', '!', '…']).to_lowercase();
        let least = self.least_words as usize;
        // What has neither letter nor digit is no word.
        let said = plain.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
        let phrase = self.non_answers.iter().find(|phrase| {
            plain
                .strip_prefix(phrase.as_str())
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric) && rest.split_whitespace().count() <= least)
        });
        match phrase {
            Some(phrase) => Some(format!("\"{phrase}\" is no answer that a reviewer can judge")),
            None if said.count() < least => Some(format!("an answer has at least {least} words")),
            None => self.open_end(text).map(|end| format!("\"{end}\" leaves open what else is meant")),
        }
    }

    /// A list that does not end: "etc.", "and so on", "…".
    pub fn open_end(&self, text: &str) -> Option<&'static str> {
        const OPEN: [&str; 6] = ["etc", "and so on", "and more", "and others", "among others", "…"];
        let lower = text.to_lowercase();
        OPEN.into_iter().find(|end| {
            lower.match_indices(end).any(|(at, _)| {
                let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                !letter(lower[..at].chars().next_back()) && !letter(lower[at + end.len()..].chars().next())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_hold_anything_is_found_however_it_is_written() {
        let wording = Wording::default();
        for vague in ["customer identifiers", "engagement_preferences", "customerData", "all", "misc.", "Various Fields"] {
            assert!(wording.collective_in(vague).is_some(), "{vague}");
        }
        for exact in ["order_id", "data_source", "other_income", "identifier", "preferences.newsletter", "profile_id"] {
            assert_eq!(wording.collective_in(exact), None, "{exact}");
        }
    }

    #[test]
    fn what_a_reviewer_cannot_judge_is_no_answer() {
        let wording = Wording::default();
        for none in [
            "TBD",
            "n/a",
            "Leadership approved.",
            "leadership approved this in May",
            "as discussed",
            "for marketing",
            "names, mails etc. are sent to them",
            ", , , ,",
            "\u{2800} \u{2800} \u{2800} \u{2800}",
        ] {
            assert!(wording.no_answer(none).is_some(), "{none}");
        }
        for some in [
            "Plan the stock of the next quarter",
            "No access outlives the contract: they disable the role",
            "They fetch it by hand",
        ] {
            assert_eq!(wording.no_answer(some), None, "{some}");
        }
    }
}
