//! Objections: what a policy has against a request, whoever approves it. The linter tells all of them on their lines; a submitted
//! ticket stands while there is none.

use super::{Condition, Policy, RetentionDays, Tier, Traits};
use crate::domain::{
    digest::Digest,
    form::QUESTIONS,
    ids::Slug,
    jurisdiction::Jurisdiction,
    memo::Memo,
    nearest::nearest,
    refusal::Refusal,
    ticket::{Basis, Environment, Kind, TicketDocument, Transfer, Treatment},
};
use std::collections::BTreeSet;

/// A request as a policy reads it. Absent: not written yet, or not as the form asks for it.
#[derive(Clone, Default, Debug)]
pub struct Answers {
    pub fields: Vec<FieldAnswers>,
    pub kind: Option<Kind>,
    pub transfer: Option<Transfer>,
    pub environment: Option<Environment>,
    pub jurisdictions: Vec<Jurisdiction>,
    pub basis: Option<Basis>,
    pub retention_days: Option<u32>,
    pub max_rows: Option<u64>,
    /// What is filed under `legal.references`.
    pub references: BTreeSet<Slug>,
    /// The questions outside `[[field]]` that have an answer.
    pub answered: BTreeSet<&'static str>,
}

#[derive(Clone, Debug)]
pub struct FieldAnswers {
    /// Where it stands among the request's fields, counted from one.
    pub nth: usize,
    /// What people call it: its name, or its place where it has none yet.
    pub name: String,
    pub class: Option<Slug>,
    pub treatment: Option<Treatment>,
}

/// One thing that a policy does not allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Objection {
    /// The question of the form whose answer it is about: `field[3].class`, `legal.references.dpia`.
    pub path: String,
    pub against: Against,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Against {
    /// The policy knows no such class; `nearest` is one that it knows.
    Class {
        field: String,
        class: Slug,
        nearest: Option<String>,
    },
    Retention {
        days: u32,
        bounds: RetentionDays,
        tier: Tier,
    },
    /// Fields of this tier are about persons, and the request says that they are not.
    Basis {
        tier: Tier,
    },
    /// A direct identifier as it is, in an environment that is guarded less.
    Treatment {
        field: String,
    },
    NoReference {
        condition: String,
        reference: Slug,
    },
    NoAnswer {
        condition: String,
        question: String,
    },
    Rows {
        condition: String,
        rows: u64,
        most: u64,
    },
}

impl Objection {
    fn new(path: impl Into<String>, against: Against) -> Self {
        Self { path: path.into(), against }
    }

    pub fn refusal(self) -> Refusal {
        match self.against {
            Against::Class { field, class, nearest } => Refusal::UnknownClass {
                field,
                class: class.to_string(),
                nearest: nearest.map(|class| format!("; did you mean {class}?")).unwrap_or_default(),
            },
            Against::Retention { days, bounds: RetentionDays { least, most }, tier } => {
                Refusal::RetentionOutOfBounds { days, least, most, tier: tier.to_string() }
            }
            Against::Basis { tier } => Refusal::BasisNeeded { tier: tier.to_string() },
            Against::Treatment { field } => Refusal::DirectInNonProduction { field },
            Against::NoReference { condition, reference } => {
                Refusal::ReferenceMissing { condition, reference: reference.to_string() }
            }
            Against::NoAnswer { condition, question } => Refusal::AnswerMissing { condition, question },
            Against::Rows { condition, rows, most } => Refusal::RowsOutOfBounds { condition, rows, most },
        }
    }
}

impl Answers {
    /// What decides which rules hold. A class that the policy does not know is objected to as that, and not for whatever its tier
    /// would bring.
    pub fn traits(&self, policy: &Policy) -> Traits {
        let known = || self.fields.iter().filter_map(|field| field.class.as_ref()).filter(|class| policy.class(class).is_some());
        Traits {
            tier: policy.tier(known()),
            classes: known().cloned().collect(),
            kind: self.kind,
            transfer: self.transfer,
            environment: self.environment,
            jurisdictions: self.jurisdictions.clone(),
        }
    }
}

/// A submitted ticket answers by its types.
impl From<&TicketDocument> for Answers {
    fn from(document: &TicketDocument) -> Self {
        let value = serde_json::to_value(document).unwrap_or_default();
        let given = |path: &&str| value.pointer(&format!("/{}", path.replace('.', "/"))).is_some();
        let paths = QUESTIONS.iter().filter(|question| question.table() != "field").map(|question| question.path);
        let field = |(i, field): (usize, &crate::domain::ticket::Field)| FieldAnswers {
            nth: i + 1,
            name: field.name.clone(),
            class: Some(field.class.clone()),
            treatment: Some(field.treatment),
        };
        Self {
            fields: document.fields.iter().enumerate().map(field).collect(),
            kind: Some(document.kind),
            transfer: Some(document.transfer),
            environment: Some(document.environment),
            jurisdictions: document.legal.jurisdictions.clone(),
            basis: Some(document.legal.basis),
            retention_days: Some(document.retention_days),
            max_rows: document.limits.max_rows,
            references: document.legal.references.keys().cloned().collect(),
            answered: paths.filter(given).collect(),
        }
    }
}

impl Policy {
    /// All that this policy has against such a request, what is wrong in itself before what a condition asks for.
    pub fn objections(&self, answers: &Answers) -> Vec<Objection> {
        let traits = answers.traits(self);
        let mut all: Vec<Objection> = answers.fields.iter().filter_map(|field| self.against_class(field)).collect();
        all.extend(self.against_retention(answers, &traits));
        if answers.basis == Some(Basis::NotPersonal) && traits.is_personal() {
            all.push(Objection::new("legal.basis", Against::Basis { tier: traits.tier }));
        }
        if traits.is_non_production() {
            all.extend(answers.fields.iter().filter_map(|field| self.against_treatment(field)));
        }
        all.extend(self.conditions_on(&traits).flat_map(|condition| condition.objections(answers)));
        all
    }

    fn against_class(&self, field: &FieldAnswers) -> Option<Objection> {
        let class = field.class.as_ref().filter(|class| self.class(class).is_none())?;
        let near = nearest(class.as_str(), self.class_names().map(Slug::as_str)).map(str::to_owned);
        let against = Against::Class { field: field.name.clone(), class: class.clone(), nearest: near };
        Some(Objection::new(format!("field[{}].class", field.nth), against))
    }

    fn against_retention(&self, answers: &Answers, traits: &Traits) -> Option<Objection> {
        let (days, bounds) = (answers.retention_days?, self.retention(traits));
        let out = !(bounds.least..=bounds.most).contains(&days);
        out.then(|| Objection::new("retention_days", Against::Retention { days, bounds, tier: traits.tier }))
    }

    /// Test systems are guarded less.
    fn against_treatment(&self, field: &FieldAnswers) -> Option<Objection> {
        let direct = field.class.as_ref().and_then(|class| self.class(class)).is_some_and(|class| class.is_direct());
        let bare = direct && field.treatment == Some(Treatment::AsIs);
        bare.then(|| Objection::new(format!("field[{}].treatment", field.nth), Against::Treatment { field: field.name.clone() }))
    }
}

impl Condition {
    fn objections(&self, answers: &Answers) -> Vec<Objection> {
        let name = || self.name.clone();
        let missing = self.references.iter().filter(|reference| !answers.references.contains(*reference));
        let missing = missing.map(|reference| {
            let against = Against::NoReference { condition: name(), reference: reference.clone() };
            Objection::new(format!("legal.references.{reference}"), against)
        });
        let open = self.answers.iter().filter(|path| !answers.answered.contains(path.as_str()));
        let open = open.map(|path| Objection::new(path, Against::NoAnswer { condition: name(), question: path.clone() }));
        // A request without a bound of its own has the condition's: see `TicketDocument::most_rows`.
        let rows = self.max_rows.zip(answers.max_rows).filter(|(most, rows)| rows > most);
        let rows = rows.map(|(most, rows)| Objection::new("limits.max_rows", Against::Rows { condition: name(), rows, most }));
        missing.chain(open).chain(rows).collect()
    }
}

/// What the policy that was asked last has against a revision first. Each listing, open and read wants to know, and it takes a look at
/// every answer.
#[derive(Clone, Default, Debug)]
pub struct Objected(Memo<Digest, Option<Refusal>>);

impl Objected {
    pub fn first(&self, policy: &Policy, document: &TicketDocument) -> Option<Refusal> {
        self.0.get(policy.digest(), || document.admissible(policy).err())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::form::lint::lint;

    const TICKET: &str = include_str!("../../../config/ticket.toml");
    const POLICY: &str = include_str!("../../../config/policy.toml");

    /// What a policy has against a request that it would have taken before.
    fn objections(policy: &str, ticket: &str) -> Vec<Objection> {
        let (policy, document) = (Policy::parse(policy).unwrap(), TicketDocument::parse(ticket).unwrap());
        policy.objections(&Answers::from(&document))
    }

    #[test]
    fn a_ticket_and_the_file_that_it_was_written_in_are_objected_to_for_the_same() {
        let condition = |asks: &str| format!("{POLICY}\n[[condition]]\nname = \"x\"\nclasses = [\"pseudonym\"]\n{asks}\n");
        let public = TICKET.replace("basis = \"legitimate_interest\"", "basis = \"not_personal\"");
        let test = TICKET.replace("environment = \"production\"", "environment = \"non_production\"");
        let with = |from: &str, to: &str| {
            assert!(POLICY.contains(from), "{from}");
            POLICY.replacen(from, to, 1)
        };
        let cases = [
            (with("[classes.pseudonym]", "[classes.pseudonyms]"), TICKET, "field[2].class", 2004),
            (with("most = 60", "most = 20"), TICKET, "retention_days", 2005),
            (POLICY.to_owned(), &public, "legal.basis", 2022),
            (with("[classes.pseudonym]\ntier = \"T1\"", "[classes.pseudonym]\ntier = \"T2\""), &test, "field[2].treatment", 2023),
            (condition("references = [\"baa\"]"), TICKET, "legal.references.baa", 2013),
            (condition("answers = [\"legal.consent\"]"), TICKET, "legal.consent", 2021),
            (condition("max_rows = 1000"), TICKET, "limits.max_rows", 2014),
        ];
        for (policy, ticket, path, code) in cases {
            let found = objections(&policy, ticket);
            let objection = found.iter().find(|objection| objection.path == path).unwrap_or_else(|| panic!("{path}: {found:?}"));
            assert_eq!(objection.clone().refusal().code(), code, "{path}");
            let linted = lint(ticket, Some(&Policy::parse(&policy).unwrap()), None);
            let on_lines: Vec<_> =
                linted.problems.iter().map(|problem| (problem.path.as_str(), problem.line.is_some())).collect();
            let expected: Vec<_> = found.iter().map(|objection| (objection.path.as_str(), true)).collect();
            assert_eq!(BTreeSet::from_iter(on_lines), BTreeSet::from_iter(expected), "{path}");
        }
        assert_eq!(objections(POLICY, TICKET), []);
    }

    #[test]
    fn an_unknown_class_is_objected_to_and_not_what_its_tier_would_bring() {
        let found = objections(&POLICY.replace("[classes.pseudonym]", "[classes.pseudonyms]"), TICKET);
        assert_eq!(found.iter().map(|objection| objection.path.as_str()).collect::<Vec<_>>(), ["field[2].class"]);
    }

    #[test]
    fn what_is_kept_is_kept_for_the_policy_that_was_asked() {
        let (lax, strict) =
            (Policy::parse(POLICY).unwrap(), Policy::parse(&POLICY.replacen("most = 60", "most = 20", 1)).unwrap());
        let (document, objected) = (TicketDocument::parse(TICKET).unwrap(), Objected::default());
        for (policy, code) in [(&lax, None), (&strict, Some(2005)), (&strict, Some(2005)), (&lax, None)] {
            assert_eq!(objected.first(policy, &document).map(|refusal| refusal.code()), code);
        }
    }
}
