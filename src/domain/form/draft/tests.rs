//! A draft holds what its sample shows, leaves open what the linter then names, and repeats no more of the file than its columns' names.

use super::*;
use crate::domain::{
    form::lint::{Code, lint},
    ticket::TicketDocument,
    time::Day,
};
use proptest::prelude::*;

fn policy() -> Policy {
    Policy::parse(include_str!("../../../../config/policy.toml")).unwrap()
}

fn today() -> Option<Day> {
    Some(Day::try_from("2026-11-21".to_owned()).unwrap())
}

fn column(name: &str, kind: Option<FieldType>, shapes: &[(Shape, u64)]) -> Column {
    let values = if kind.is_some() { 20 } else { 0 };
    Column { name: name.to_owned(), kind, values, shapes: shapes.iter().copied().collect() }
}

fn draft(columns: Vec<Column>) -> Result<Draft, NotDrafted> {
    Draft::new(Sample { columns, rows: 20, extent: Extent::Whole }, &policy(), None)
}

fn orders() -> Draft {
    draft(vec![
        column("order_id", Some(FieldType::Integer), &[]),
        column("contact", Some(FieldType::Text), &[(Shape::Email, 18)]),
        column("net_price", Some(FieldType::Decimal), &[]),
        column("colour of the box", None, &[]),
    ])
    .unwrap()
}

/// The paths that lint names, and that nothing else is wrong.
fn missing(text: &str) -> Vec<String> {
    let checked = lint(text, Some(&policy()), today());
    assert!(checked.problems.iter().all(|problem| matches!(problem.code, Code::Missing | Code::Vague)), "{checked}");
    checked.problems.into_iter().map(|problem| problem.path).collect()
}

#[test]
fn the_linter_names_exactly_what_a_draft_leaves_open() {
    let draft = orders();
    let mut open: Vec<String> = draft.open().into_iter().map(|(path, _)| path).collect();
    assert!(open.len() > 30 && open.contains(&"field[4].type".to_owned()), "{open:?}");
    let (mut toml, mut json) = (missing(&draft.to_toml()), missing(&draft.to_json().to_string()));
    for list in [&mut open, &mut toml, &mut json] {
        list.sort();
    }
    assert_eq!(open, toml);
    assert_eq!(open, json);
}

/// What a requester does: each line that is open, and the recurring request's, gets the form's example.
fn filled(draft: &str) -> String {
    let (mut out, mut table) = (String::new(), "");
    for line in draft.lines() {
        let plain = line.strip_prefix("# ").unwrap_or(line);
        if plain.starts_with('[') {
            table = plain.trim_matches(['[', ']']);
        }
        let key = plain.split_once(" =").map_or("", |(key, _)| key);
        let question = QUESTIONS.iter().find(|question| question.table() == table && question.key() == key);
        let open = line.ends_with("# OPEN") || line.ends_with('=') || line == "# [schedule]";
        let wanted = !matches!(table, "portability") && !matches!(key, "consent" | "suppression");
        match question {
            Some(question) if open && wanted => out.push_str(&format!("{key} = {}\n", question.example)),
            _ if line == "# [schedule]" => out.push_str("[schedule]\n"),
            _ => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

#[test]
fn a_draft_filled_in_with_the_forms_examples_is_complete() {
    let text = filled(&orders().to_toml());
    let checked = lint(&text, Some(&policy()), today());
    assert!(checked.is_complete(), "{checked}\n{text}");
    assert_eq!(TicketDocument::parse(&text).unwrap().fields.len(), 4);
}

#[test]
fn a_class_is_suggested_with_its_reason_and_in_doubt_the_most_sensitive() {
    let of = |name: &str, kind, shapes: &[(Shape, u64)]| {
        let draft = draft(vec![column(name, kind, shapes)]).unwrap();
        let class = draft.fields[0].class.clone();
        (class.class.unwrap().to_string(), class.confidence, class.reason)
    };
    use Confidence::{Suggested, Unsure};
    let text = Some(FieldType::Text);
    for (name, kind, shapes, class, confidence) in [
        ("contact", text, &[(Shape::Email, 1)][..], "direct_identifier", Suggested),
        ("product", text, &[(Shape::Email, 18)], "direct_identifier", Suggested),
        ("ref", Some(FieldType::Integer), &[(Shape::CardNumber, 20)], "payment_card", Suggested),
        ("ref", Some(FieldType::Integer), &[(Shape::CardNumber, 2)], "quasi_identifier", Unsure),
        ("SSN", text, &[], "government_id", Suggested),
        ("customerSsn", text, &[], "government_id", Suggested),
        ("dateOfBirth", Some(FieldType::Date), &[], "quasi_identifier", Suggested),
        ("since", Some(FieldType::Date), &[(Shape::BirthDate, 20)], "quasi_identifier", Suggested),
        ("zip_code", text, &[], "quasi_identifier", Suggested),
        ("firstname", text, &[], "direct_identifier", Suggested),
        ("api-key", text, &[(Shape::Token, 20)], "credential", Suggested),
        ("x", text, &[(Shape::Token, 20)], "pseudonym", Suggested),
        ("diagnosis_code", text, &[], "health", Suggested),
        ("remark", text, &[(Shape::FreeText, 9)], "direct_identifier", Unsure),
        ("unheard of", text, &[], "direct_identifier", Unsure),
        ("unheard of", Some(FieldType::Boolean), &[], "quasi_identifier", Unsure),
        ("currency", text, &[], "business", Suggested),
    ] {
        let (found, how, reason) = of(name, kind, shapes);
        assert_eq!((found.as_str(), how), (class, confidence), "{name}: {reason}");
    }
    assert_eq!(of("contact", text, &[(Shape::Email, 18)]).2, "18 of 20 sampled values look like e-mail addresses");
}

#[test]
fn a_policy_with_other_classes_gets_the_nearest_by_tier_and_a_mark() {
    let text = include_str!("../../../../config/policy.toml").replace("classes.payment_card", "classes.cards");
    let policy = Policy::parse(&text.replace("\"payment_card\"", "\"cards\"")).unwrap();
    let sample = Sample { columns: vec![column("pan", Some(FieldType::Text), &[])], rows: 20, extent: Extent::Whole };
    let class = Draft::new(sample, &policy, None).unwrap().fields.remove(0).class;
    assert_eq!(class.confidence, Confidence::Unsure);
    assert_eq!(policy.class(&class.class.unwrap()).unwrap().tier, crate::domain::policy::Tier::T3);
}

#[test]
fn more_columns_than_a_request_may_name_are_refused() {
    let columns = |count: usize, name: &str| (0..count).map(|i| column(&format!("{name}{i}"), None, &[])).collect();
    assert!(matches!(draft(columns(10_000, "c")), Err(NotDrafted::TooManyColumns { .. })));
    assert!(matches!(draft(columns(1_000, &"long".repeat(60))), Err(NotDrafted::TooLarge { .. })));
}

proptest! {
    /// Quotes, new lines, brackets, bidirectional marks: the name is the same when it is read again, and changes nothing else.
    #[test]
    fn a_hostile_name_stays_a_name(names in prop::collection::btree_set("[a-z\"\\\\\n\r\t\0\u{7f}\u{85}\u{202e}\u{feff}#\\[\\]='é ]{0,12}", 1..5)) {
        let draft = draft(names.iter().map(|name| column(name, None, &[])).collect()).unwrap();
        let text = draft.to_toml();
        let read: toml::Table = text.parse().unwrap();
        let read: Vec<&str> = read["field"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap()).collect();
        prop_assert_eq!(read, names.iter().map(String::as_str).collect::<Vec<_>>());
        prop_assert!(!text.chars().any(|c| c != '\n' && crate::domain::shown::is_unseen(c)));
    }
}
