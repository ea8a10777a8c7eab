//! What a document that may still be incomplete says: single answers by their question, and what the policy looks at.

use super::{
    Case, QUESTIONS, Question,
    located::{Line, Located, Table, Value},
};
use crate::domain::{
    limits,
    policy::{Answers, FieldAnswers},
};
use serde::de::{
    DeserializeOwned, IntoDeserializer,
    value::{self, StrDeserializer},
};
use std::collections::BTreeSet;

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
fn choice<T: DeserializeOwned>(document: &Table, table: &str, key: &str) -> Option<T> {
    text(document, table, key).and_then(|(_, word)| chosen(word))
}

fn chosen<T: DeserializeOwned>(word: &str) -> Option<T> {
    T::deserialize::<StrDeserializer<'_, value::Error>>(word.into_deserializer()).ok()
}

/// What the policy looks at, as far as it is written.
pub(super) fn answers(document: &Table) -> Answers {
    let legal = |key| match &document.get("legal")?.value {
        Value::Table(legal) => legal.get(key).map(|found| &found.value),
        _ => None,
    };
    let codes = match legal("jurisdictions") {
        Some(Value::List(codes)) => codes.as_slice(),
        _ => &[],
    };
    let code = |code: &Located| if let Value::Text(code) = &code.value { code.parse().ok() } else { None };
    let filed = match legal("references") {
        Some(Value::Table(filed)) => filed.0.iter().filter_map(|(name, _)| name.parse().ok()).collect(),
        _ => BTreeSet::new(),
    };
    let whole = |table, key| whole(document, table, key).and_then(|(_, whole)| u64::try_from(whole).ok());
    // A list or table that holds nothing says nothing.
    let says = |found: &Located| !matches!(&found.value, Value::Table(Table(members)) if members.is_empty());
    let others = QUESTIONS.iter().filter(|question| question.table() != "field");
    Answers {
        fields: fields(document),
        kind: choice(document, "", "kind"),
        transfer: choice(document, "", "transfer"),
        environment: choice(document, "", "environment"),
        jurisdictions: codes.iter().filter_map(code).collect(),
        basis: choice(document, "legal", "basis"),
        retention_days: whole("", "retention_days").and_then(|days| u32::try_from(days).ok()),
        max_rows: whole("limits", "max_rows"),
        references: filed,
        answered: others.filter(|question| given(document, question).is_some_and(says)).map(|question| question.path).collect(),
    }
}

fn fields(document: &Table) -> Vec<FieldAnswers> {
    let field = |(nth, table): (usize, &Table)| {
        let word = |key| match &table.get(key)?.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        };
        FieldAnswers {
            nth,
            name: word("name").map_or_else(|| format!("[{nth}]"), str::to_owned),
            class: word("class").and_then(|class| class.parse().ok()),
            treatment: word("treatment").and_then(chosen),
        }
    };
    field_tables(document).map(field).collect()
}

/// Each field with its place, counted from one.
pub(super) fn field_tables(document: &Table) -> impl Iterator<Item = (usize, &Table)> {
    let fields = match document.get("field").map(|fields| &fields.value) {
        Some(Value::List(fields)) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().take(limits::INVENTORY_FIELDS).enumerate().filter_map(|(i, field)| match &field.value {
        Value::Table(table) => Some((i + 1, table)),
        _ => None,
    })
}
