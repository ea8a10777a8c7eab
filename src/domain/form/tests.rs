//! What the form asks, what the linter finds, and that both agree with the types that hold the answers.

use super::{
    lint::{Checklist, Code, lint},
    *,
};
use crate::domain::{
    policy::Policy,
    ticket::{Environment, Kind, TicketDocument, Transfer},
    time::Day,
};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::LazyLock};

const EXAMPLE: &str = include_str!("../../../config/ticket.toml");
const POLICY: &str = include_str!("../../../config/policy.toml");

fn policy() -> &'static Policy {
    static READ: LazyLock<Policy> = LazyLock::new(|| Policy::parse(POLICY).unwrap());
    &READ
}

fn today() -> Day {
    Day::try_from("2026-11-21".to_owned()).unwrap()
}

fn checked(text: &str) -> Checklist {
    lint(text, Some(policy()), Some(today()))
}

fn with(from: &str, to: &str) -> Checklist {
    assert!(EXAMPLE.contains(from), "{from}");
    checked(&EXAMPLE.replacen(from, to, 1))
}

#[test]
fn the_example_is_complete() {
    let checked = checked(EXAMPLE);
    assert!(checked.is_complete() && checked.percent() == 100, "{checked}");
}

#[test]
fn the_same_as_json_is_the_same_revision() {
    let toml = TicketDocument::parse(EXAMPLE).unwrap();
    let json = serde_json::to_string_pretty(&toml).unwrap();
    assert!(checked(&json).is_complete(), "{}", checked(&json));
    assert_eq!(TicketDocument::parse(&json).unwrap().digest(), toml.digest());
    let broken = checked(&json.replace("\"as_is\"", "\"as-is\""));
    assert!(broken.problems.iter().all(|problem| problem.line.is_some_and(|line| line > 50)), "{broken}");
    assert_eq!(broken.problems.len(), toml.fields.len());
}

/// D01, D02–03, D04–05, D15, D69–71: the request that every privacy engineer has seen.
#[test]
fn the_usual_vague_request_is_told_all_that_is_missing_at_once() {
    let vague = "ticket = 1\ntitle = \"Campaign launch\"\nvendor = \"acme\"\npurpose = \"Marketing\"\njustification = \"Leadership approved, six-week launch\"\n\
                 retention_days = 42\n[[field]]\nname = \"customer identifiers and engagement preferences\"\n[[field]]\nname = \"engagement preferences\"\n\
                 [[field]]\nname = \"email, phone etc.\"\n";
    let checked = checked(vague);
    assert!(checked.percent() < 25, "{} %", checked.percent());
    let told = |path: &str, code: Code| {
        assert!(
            checked.problems.iter().any(|problem| problem.path == path && problem.code == code),
            "{path} {code:?}\n{checked}"
        );
    };
    for path in ["purpose", "justification", "field[1].name", "field[2].name", "field[3].name"] {
        told(path, Code::Vague);
    }
    let asked: Vec<_> =
        QUESTIONS.iter().filter(|question| question.need == Need::Always && question.table() != "field").collect();
    for question in asked.iter().filter(|question| !vague.contains(&format!("{} =", question.key()))) {
        told(question.path, Code::Missing);
    }
    assert!(checked.problems.iter().all(|problem| !problem.why.is_empty()), "{checked}");
    assert!(checked.problems.iter().filter(|problem| problem.code == Code::Missing).all(|problem| !problem.example.is_empty()));
}

#[test]
fn each_kind_of_problem_is_found_on_its_line() {
    let cases = [
        ("ticket = 1 #", "ticket = 2 #", Code::OutOfBounds, "ticket"),
        ("kind = \"recurring\"", "kind = \"recuring\"", Code::OutOfBounds, "kind"),
        ("purpose = ", "purpos = ", Code::UnknownKey, "purpos"),
        ("retention_days = 30", "retention_days = \"30\"", Code::WrongForm, "retention_days"),
        ("retention_days = 30", "retention_days = 61", Code::PolicyForbids, "retention_days"),
        ("opens = \"2026-11-01\"", "opens = 2026-11-01", Code::WrongForm, "window.opens"),
        ("closes = \"2027-01-31\"", "closes = \"2026-10-31\"", Code::Contradiction, "window.closes"),
        (
            "not_sending = \"Stock is planned from last year's totals, and a fifth of it stays unsold\"",
            "not_sending = \"n/a\"",
            Code::Vague,
            "alternatives.not_sending",
        ),
        ("basis = \"legitimate_interest\"", "basis = \"not_personal\"", Code::Contradiction, "legal.basis"),
        ("stored_in = \"s3://acme-lake-eu/raw/orders\"", "stored_in = \"their cloud\"", Code::NotAbsolute, "at_vendor.stored_in"),
        ("jurisdictions = [\"DE\"]", "jurisdictions = []", Code::Missing, "legal.jurisdictions"),
        ("source = \"dwh://sales/orders/order_id\"", "source = \"sales.orders.*\"", Code::NotAbsolute, "field[1].source"),
        ("source = \"dwh://sales/orders/order_id\"", "source = \"dwh://sales/*\"", Code::Vague, "field[1].source"),
        ("class = \"business\"", "class = \"busines\"", Code::OutOfBounds, "field[1].class"),
        ("treatment = \"as_is\"", "treatment = \"mask\"", Code::PolicyForbids, "field[1].treatment"),
        ("name = \"customer_token\"", "name = \"order_id\"", Code::Contradiction, "field[2].name"),
        ("min_rows = 1 ", "min_rows = 1000000 ", Code::Contradiction, "limits.min_rows"),
        ("max_deliveries = 100", "# max_deliveries", Code::Missing, "limits.max_deliveries"),
        ("title = \"Fortnightly", "title = \"\u{202e}Fortnightly", Code::WrongForm, "title"),
    ];
    for (from, to, code, path) in cases {
        let checked = with(from, to);
        let found = checked.problems.iter().find(|problem| problem.code == code && problem.path == path);
        let found = found.unwrap_or_else(|| panic!("{to}: no {code:?} at {path}\n{checked}"));
        let line =
            EXAMPLE.replacen(from, to, 1).lines().collect::<Vec<_>>().iter().rposition(|line| line.contains(to)).unwrap() + 1;
        if code != Code::Missing {
            assert_eq!(found.line, Some(line), "{to}: {found:?}");
        }
        assert!(checked.percent() < 100, "{to}");
    }
}

/// A requester's document is read before anybody knows what it is: it costs what its length does, and no more.
#[test]
fn the_worst_documents_of_the_length_that_is_read_are_answered() {
    let most = limits::DOCUMENT_BYTES;
    let keys: String = (0..26_000).map(|n| format!(",\"{n}\":1")).collect();
    let worst = [
        format!("{{\"ticket\":1{keys}}}"),
        (0..24_000).map(|n| format!("k{n} = 1\n")).collect(),
        "=\n".repeat(most / 2),
        "]\n".repeat(most / 2),
        format!("a = [{}]", "1,".repeat(most / 2 - 4)),
        format!("{} = 1", "k".repeat(most - 4)),
        format!("{{\"{}\":1}}", "k".repeat(most - 7)),
        "[[field]]\n".repeat(most / 10),
        format!("a = {}", "[".repeat(most - 4)),
    ];
    for text in worst {
        assert!(text.len() <= most, "{}", text.len());
        let checked = checked(&text);
        assert!(!checked.is_complete() && checked.problems.len() <= limits::PROBLEMS_FOUND);
        assert!(checked.to_string().len() < 100_000, "the answer is short, whatever was asked");
    }
}

#[test]
fn several_mistakes_of_syntax_are_told_at_once_with_what_else_is_wrong() {
    let text =
        EXAMPLE.replacen("vendor = \"acme\"", "vendor = acme", 1).replacen("retention_days = 30", "retention_days = 30 days", 1);
    let checked = checked(&text.replacen("class = \"business\"", "class = \"busines\"", 1));
    let codes: Vec<Code> = checked.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, [Code::Unreadable, Code::Unreadable, Code::OutOfBounds], "{checked}");
}

/// A condition of the policy is not passed by with another spelling of the country.
#[test]
fn a_jurisdiction_has_one_spelling() {
    for other in ["Germany", "D\u{415}", "de", "XX"] {
        let told = with("jurisdictions = [\"DE\"]", &format!("jurisdictions = [\"{other}\"]"));
        assert!(told.problems.iter().any(|problem| problem.path == "legal.jurisdictions"), "{other}: {told}");
        assert!(TicketDocument::parse(&EXAMPLE.replace("[\"DE\"]", &format!("[\"{other}\"]"))).is_err(), "{other}");
    }
}

#[test]
fn a_condition_bounds_the_rows_of_a_request_that_names_no_bound() {
    let text = format!("{POLICY}\n[[condition]]\nname = \"few\"\nclasses = [\"pseudonym\"]\nmax_rows = 1000\n");
    let few = Policy::parse(&text).unwrap();
    let silent = TicketDocument::parse(&EXAMPLE.replace("max_rows = 100000", "# none")).unwrap();
    assert_eq!((silent.most_rows(&few), silent.most_rows(policy())), (Some(1_000), None));
    let narrower = TicketDocument::parse(&EXAMPLE.replace("max_rows = 100000", "max_rows = 10")).unwrap();
    assert_eq!(narrower.most_rows(&few), Some(10));
    let wider = lint(EXAMPLE, Some(&few), Some(today()));
    assert!(
        wider.problems.iter().any(|problem| problem.path == "limits.max_rows" && problem.code == Code::PolicyForbids),
        "{wider}"
    );
}

#[test]
fn the_largest_number_that_is_taken_can_be_digested() {
    let with = |bytes: i64| EXAMPLE.replace("max_bytes = 1073741824", &format!("max_bytes = {bytes}"));
    assert!(checked(&with(LARGEST)).is_complete());
    TicketDocument::parse(&with(LARGEST)).unwrap().digest();
    assert!(!checked(&with(LARGEST + 1)).is_complete() && TicketDocument::parse(&with(LARGEST + 1)).is_err());
}

#[test]
fn a_name_that_looks_like_another_is_refused() {
    for name in ["customer_dat\u{430}", "product_c\u{43e}de", "gro\u{308}sse", "\u{ff49}d"] {
        let told = with("name = \"order_id\"", &format!("name = \"{name}\""));
        assert!(told.problems.iter().any(|problem| problem.path == "field[1].name"), "{name}: {told}");
    }
    for name in ["größe", "страна", "国コード"] {
        assert!(with("name = \"order_id\"", &format!("name = \"{name}\"")).is_complete(), "{name}");
    }
}

#[test]
fn one_slip_is_one_problem_and_not_all_that_follows_from_it() {
    let class = with("class = \"business\"", "class = \"busines\"");
    assert_eq!(class.problems.len(), 1, "{class}");
    let torn = checked("ticket = 1\nx = [\n");
    assert!(torn.problems.iter().all(|problem| problem.code != Code::Missing) && !torn.is_complete(), "{torn}");
    assert!(torn.percent() < 10, "{} %", torn.percent());
}

#[test]
fn a_window_that_has_passed_is_told_against_the_day() {
    let late = lint(EXAMPLE, Some(policy()), Some(Day::try_from("2027-02-01".to_owned()).unwrap()));
    assert_eq!(late.problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), ["window.closes"]);
}

/// D15: test systems are guarded less.
#[test]
fn a_direct_identifier_as_it_is_never_goes_into_a_test_system() {
    let text = EXAMPLE.replace("environment = \"production\"", "environment = \"non_production\"");
    assert!(checked(&text).is_complete(), "{}", checked(&text));
    let named = checked(&text.replacen("class = \"pseudonym\"", "class = \"direct_identifier\"", 1));
    assert!(
        named.problems.iter().any(|problem| problem.path == "field[2].treatment" && problem.code == Code::PolicyForbids),
        "{named}"
    );
}

/// D09–10: a regime's papers are filed before the data leave.
#[test]
fn a_condition_of_the_policy_asks_for_its_papers() {
    let abroad = with("transfer = \"external\"", "transfer = \"cross_border\"");
    let missing: Vec<_> = abroad.problems.iter().map(|problem| (problem.path.as_str(), problem.code)).collect();
    assert_eq!(missing, [("legal.references.transfer_agreement", Code::Missing)], "{abroad}");
    let filed = EXAMPLE.replace("transfer = \"external\"", "transfer = \"cross_border\"");
    let filed = filed.replace("dpia = \"DPIA-2026-7\"", "transfer_agreement = \"SCC-2026-4\"\ndpia = \"DPIA-2026-7\"");
    assert!(checked(&filed).is_complete(), "{}", checked(&filed));
    let gates = TicketDocument::parse(&filed).unwrap().gates(policy());
    assert!(gates.contains(&crate::domain::people::Gate::Legal), "{gates:?}");
}

/// D09: consent that nobody can show is none.
#[test]
fn consent_needs_its_record_and_its_suppression_list() {
    let checked = with("basis = \"legitimate_interest\"", "basis = \"consent\"");
    let missing: Vec<_> = checked.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(missing, ["legal.consent", "legal.suppression"]);
}

/// Every key of a value, `field[0].name` as `field.name`.
fn keys(value: &serde_json::Value, at: &str, into: &mut BTreeSet<String>) {
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match value {
        serde_json::Value::Object(members) if at != "legal.references" => {
            members.iter().for_each(|(key, value)| keys(value, &below(key), into))
        }
        serde_json::Value::Array(values) if values.iter().any(serde_json::Value::is_object) => {
            values.iter().for_each(|value| keys(value, at, into))
        }
        _ => drop(into.insert(at.to_owned())),
    }
}

#[test]
fn the_form_asks_for_exactly_what_the_types_hold() {
    let consent =
        EXAMPLE.replace("basis = \"legitimate_interest\"", "basis = \"consent\"\nconsent = \"CR-1\"\nsuppression = \"S-1\"");
    let own = EXAMPLE.replace("kind = \"recurring\"", "kind = \"portability\"");
    let own = own.replace(
        "[schedule]\nevery",
        "[portability]\nrequested_on = \"2026-11-02\"\ntold = \"by letter on the fourth of November\"\n# every",
    );
    let own = own.replace("late_after_hours = 48", "# 48");
    let mut held = BTreeSet::new();
    for text in [consent.as_str(), own.as_str()] {
        let document = TicketDocument::parse(text).unwrap_or_else(|error| panic!("{error}"));
        keys(&serde_json::to_value(&document).unwrap(), "", &mut held);
    }
    let asked: BTreeSet<String> = QUESTIONS.iter().map(|question| question.path.to_owned()).collect();
    assert_eq!(asked, held);
    assert_eq!(asked.len(), QUESTIONS.len(), "a question stands twice");
}

#[test]
fn the_choices_of_the_form_are_those_of_the_types() {
    fn choices<T: serde::de::DeserializeOwned>(known: &[&str]) {
        for word in known {
            assert!(serde_json::from_value::<T>((*word).into()).is_ok(), "{word}");
        }
        let unlike = serde_json::from_value::<T>("zzz".into()).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(unlike.matches('`').count(), 2 * (known.len() + 1), "{unlike}");
    }
    choices::<Kind>(KINDS);
    choices::<Transfer>(TRANSFERS);
    choices::<Environment>(ENVIRONMENTS);
}

#[test]
fn every_example_is_a_good_answer() {
    for question in QUESTIONS.iter().filter(|question| question.table() != "field") {
        let (table, key, example) = (question.table(), question.key(), question.example);
        let text = if table.is_empty() { format!("{key} = {example}\n") } else { format!("[{table}]\n{key} = {example}\n") };
        let wrong: Vec<_> = checked(&text).problems.into_iter().filter(|problem| problem.path == question.path).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    let fields = QUESTIONS.iter().filter(|question| question.table() == "field");
    let text: String = fields.map(|question| format!("{} = {}\n", question.key(), question.example)).collect();
    let wrong: Vec<_> =
        checked(&format!("[[field]]\n{text}")).problems.into_iter().filter(|problem| problem.path.starts_with("field")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What a careless or hostile requester does to a line.
fn mutated(line: &str, how: u8) -> String {
    let key = line.split('=').next().unwrap_or_default();
    match how % 10 {
        0 => String::new(),
        1 => format!("{key}= 7"),
        2 => format!("{key}= \"\""),
        3 => format!("{key}= [[\"x\"]]"),
        4 => format!("{key}= \"etc.\""),
        5 => format!("{line}\n{line}"),
        6 => line.replace('"', ""),
        7 => line.chars().rev().collect(),
        8 => format!("{key}= {{ a = {{ b = 1979-05-27 }} }}"),
        _ => format!("x{line}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// The linter is no weaker than the reader: what it lets through is read, and what is not read is told with a reason.
    #[test]
    fn a_mutated_request_is_read_or_told_why_not(changes in prop::collection::vec((0usize..200, any::<u8>()), 1..4), json: bool) {
        let text = if json { serde_json::to_string_pretty(&TicketDocument::parse(EXAMPLE).unwrap()).unwrap() } else { EXAMPLE.to_owned() };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (at, how) in changes {
            let at = at % lines.len();
            lines[at] = mutated(&lines[at], how);
        }
        let text = lines.join("\n");
        let checked = checked(&text);
        let read = TicketDocument::parse(&text);
        prop_assert!(checked.percent() <= 100 && (checked.percent() == 100) == checked.is_complete());
        if checked.is_complete() {
            prop_assert!(read.is_ok());
            prop_assert!(read.unwrap().admissible(policy()).is_ok());
        }
        for problem in &checked.problems {
            prop_assert!(!problem.what.is_empty() && !problem.what.contains('\u{1b}'), "{problem:?}");
        }
    }
}

#[test]
fn each_answer_that_is_missing_says_where_it_is_written() {
    let at = |from: &str, to: &str, path: &str| {
        let checked = with(from, to);
        let found = checked.problems.iter().find(|problem| problem.path == path).unwrap_or_else(|| panic!("{checked}"));
        found.place().unwrap_or_else(|| panic!("{found:?}"))
    };
    assert_eq!(at("max_deliveries = 100", "# max_deliveries", "limits.max_deliveries"), "[limits]");
    assert_eq!(at("title = \"", "# title = \"", "title"), "the top of the file, before its first [table]");
    assert_eq!(at("class = \"business\"", "# class", "field[1].class"), "[[field]], number 1");
    let abroad = at("transfer = \"external\"", "transfer = \"cross_border\"", "legal.references.transfer_agreement");
    assert_eq!(abroad, "[legal.references]");
}

#[test]
fn no_treatment_is_offered_that_is_refused() {
    let checked = with("treatment = \"as_is\"", "treatment = \"shredded\"");
    let found = checked.problems.iter().find(|problem| problem.path == "field[1].treatment").unwrap();
    assert!(found.what.ends_with("is none of as_is"), "{found:?}");
    let planned = with("treatment = \"as_is\"", "treatment = \"mask\"");
    assert_eq!(planned.problems.len(), 1, "{planned}");
}
