//! What a document that may still be incomplete says: single answers by their question, and what the policy looks at.

use super::{
    Case, QUESTIONS, Question,
    located::{Line, Located, Table, Value},
};
use crate::domain::{
    ids::Slug,
    limits,
    policy::{Policy, Traits},
};
use serde::de::{
    DeserializeOwned, IntoDeserializer,
    value::{self, StrDeserializer},
};

pub(super) fn given<'t>(document: &'t Table, question: &Question) -> Option<&'t Located> {
    match question.table() {
        "" => document.get(question.key()),
        table => match &document.get(table)?.value {
            Value::Table(table) => table.get(question.key()),
            _ => None,
        },
    }
}

pub(super) fn text<'t>(document: &'t Table, table: &str, key: &str) -> Option<(Line, &'t str)> {
    let question = QUESTIONS.iter().find(|question| question.table() == table && question.key() == key)?;
    match given(document, question)? {
        Located { line, value: Value::Text(text) } => Some((*line, text)),
        _ => None,
    }
}

pub(super) fn whole(document: &Table, table: &str, key: &str) -> Option<(Line, i64)> {
    let question = QUESTIONS.iter().find(|question| question.table() == table && question.key() == key)?;
    match given(document, question)? {
        Located { line, value: Value::Whole(whole) } => Some((*line, *whole)),
        _ => None,
    }
}

pub(super) fn field_tables(document: &Table) -> impl Iterator<Item = &Table> {
    let fields = match document.get("field").map(|fields| &fields.value) {
        Some(Value::List(fields)) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().take(limits::INVENTORY_FIELDS).filter_map(|field| match &field.value {
        Value::Table(table) => Some(table),
        _ => None,
    })
}

pub(super) fn cases(document: &Table) -> Vec<Case> {
    let mut cases = Vec::new();
    match text(document, "", "kind") {
        Some((_, "recurring")) => cases.push(Case::Recurring),
        Some((_, "portability")) => cases.push(Case::Portability),
        _ => {}
    }
    if let Some((_, "consent")) = text(document, "legal", "basis") {
        cases.push(Case::Consent);
    }
    cases
}

/// A choice among those there are.
fn choice<T: DeserializeOwned>(document: &Table, key: &str) -> Option<T> {
    let (_, word) = text(document, "", key)?;
    T::deserialize::<StrDeserializer<'_, value::Error>>(word.into_deserializer()).ok()
}

/// What the policy looks at, as far as it is written.
pub(super) fn traits(document: &Table, policy: &Policy) -> Traits {
    let classes = field_tables(document).filter_map(|field| match &field.get("class")?.value {
        Value::Text(class) => class.parse().ok(),
        _ => None,
    });
    let jurisdictions = match document.get("legal").map(|legal| &legal.value) {
        Some(Value::Table(legal)) => match legal.get("jurisdictions").map(|list| &list.value) {
            Some(Value::List(codes)) => codes
                .iter()
                .filter_map(|code| if let Value::Text(code) = &code.value { code.parse().ok() } else { None })
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let classes: Vec<Slug> = classes.collect();
    Traits {
        // One that the policy does not know is told as that, and not as whatever its tier would bring.
        tier: policy.tier(classes.iter().filter(|class| policy.class(class).is_some())),
        classes: classes.into_iter().collect(),
        kind: choice(document, "kind"),
        transfer: choice(document, "transfer"),
        environment: choice(document, "environment"),
        jurisdictions,
    }
}
