//! Changes: what two revisions of a request, or of a vendor's file, answer differently.

use super::{ticket::TicketDocument, vendor::VendorDocument};
use serde_json::Value;
use std::collections::BTreeMap;

/// One answer that differs, as people read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// `window.closes`, `field.email.treatment`. A field is named by its name: its place in the list is no answer.
    pub path: String,
    /// None: it was not there.
    pub before: Option<String>,
    /// None: it is gone.
    pub after: Option<String>,
}

/// By path.
pub fn changes(before: &TicketDocument, after: &TicketDocument) -> Vec<Change> {
    let mut changes = between(&answers(before), &answers(after));
    let order = |document: &TicketDocument| document.fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    let (old, new) = (order(before), order(after));
    let mut sorted = (old.clone(), new.clone());
    sorted.0.sort();
    sorted.1.sort();
    // The same fields in another order are other files.
    if sorted.0 == sorted.1 && old != new {
        changes.push(Change { path: "field".into(), before: Some(old.join(", ")), after: Some(new.join(", ")) });
    }
    changes
}

/// The same of a vendor's file. Against none: all that it says.
pub fn vendor_changes(before: Option<&VendorDocument>, after: &VendorDocument) -> Vec<Change> {
    let said = |document: &VendorDocument| {
        let mut said = BTreeMap::new();
        if let Ok(Value::Object(tree)) = serde_json::to_value(document) {
            tree.into_iter().for_each(|(key, value)| flatten(&key, value, &mut said));
        }
        said
    };
    between(&before.map(said).unwrap_or_default(), &said(after))
}

fn between(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Change> {
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differs = |path: &&String| old.get(*path) != new.get(*path);
    let change = |path: &String| Change { path: path.clone(), before: old.get(path).cloned(), after: new.get(path).cloned() };
    paths.into_iter().filter(differs).map(change).collect()
}

fn answers(document: &TicketDocument) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    let Ok(Value::Object(mut tree)) = serde_json::to_value(document) else { return answers };
    if let Some(Value::Array(fields)) = tree.remove("field") {
        for field in fields {
            let name = field.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            flatten(&format!("field.{name}"), field, &mut answers);
        }
    }
    for (key, value) in tree {
        flatten(&key, value, &mut answers);
    }
    answers
}

fn flatten(path: &str, value: Value, answers: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            members.into_iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, answers));
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            answers.insert(path.to_owned(), items.join(", "));
        }
        other => drop(answers.insert(path.to_owned(), plain(&other))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_by_its_answer_and_a_field_by_its_name() {
        let text = include_str!("../../config/ticket.toml");
        let before = TicketDocument::parse(text).unwrap();
        assert_eq!(changes(&before, &before), []);
        let mut after = before.clone();
        after.purpose = "another purpose".into();
        after.limits.max_rows = None;
        let dropped = after.fields.remove(0);
        after.fields[0].necessity = "another need".into();
        let told = changes(&before, &after);
        let at = |path: &str| told.iter().find(|change| change.path == path);
        assert_eq!(at("purpose").unwrap().after.as_deref(), Some("another purpose"));
        assert_eq!(at("limits.max_rows").map(|change| change.after.clone()), before.limits.max_rows.map(|_| None));
        assert_eq!(at(&format!("field.{}.class", dropped.name)).unwrap().after, None);
        assert_eq!(at(&format!("field.{}.necessity", after.fields[0].name)).unwrap().after.as_deref(), Some("another need"));
        let mut turned = before.clone();
        turned.fields.reverse();
        assert_eq!(changes(&before, &turned).iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["field"]);
    }
}
