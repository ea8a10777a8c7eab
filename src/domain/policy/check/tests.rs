//! What a policy file cannot say, and that whatever somebody writes is answered.

use super::*;
use crate::domain::{policy::Answers, ticket::TicketDocument};
use proptest::prelude::*;

const TICKET: &str = include_str!("../../../../config/ticket.toml");

/// The line on which `text` stands, and what is told there.
fn told(text: &str) -> Vec<(Option<usize>, String)> {
    Policy::read(text).err().unwrap_or_default().into_iter().map(|error| (error.line, error.what)).collect()
}

fn with(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "{from}");
    EXAMPLE.replacen(from, to, 1)
}

fn line_of(text: &str, part: &str) -> Option<usize> {
    text.lines().position(|line| !line.starts_with('#') && line.contains(part)).map(|at| at + 1)
}

fn plus(condition: &str) -> String {
    format!("{EXAMPLE}\n[[condition]]\nname = \"x\"\n{condition}\n")
}

#[test]
fn each_thing_that_a_policy_cannot_say_is_told_on_its_line() {
    let cases = [
        (with("policy = 1", "policy = 2"), "policy = 2", "it reads 1"),
        (with("quasi_identifiers = 3", "quasi_identifiers = 0"), "quasi_identifiers = 0", "at least 1"),
        (with("quasi_identifiers = 3", "quasi_identifiers = 1001"), "quasi_identifiers = 1001", "at most 1000"),
        (with("tier = \"T2\"", "tier = \"T0\""), "tier = \"T0\"", "lifts no request"),
        (with("gates = [\"business\", \"security\"]", "gates = [\"security\"]"), "gates = [\"security\"]", "lacks business"),
        (with("least = 1, most = 90", "least = 91, most = 90"), "least = 91", "at least least"),
        (with("after = [\"privacy\"]", "after = [\"legal\"]"), "after = [\"legal\"]", "wait for itself"),
        (with("{ T2 = 2, T3 = 2 }", "{ T2 = 2, T3 = 10 }"), "T3 = 10", "1 to 9"),
        (with("classes = [\"health\"]", "classes = [\"helth\"]"), "[\"helth\"]", "did you mean health?"),
        (with("classes = [\"health\"]", "tiers = [\"T2\"]\nclasses = [\"health\"]"), "tiers = [\"T2\"]", "never holds"),
        (plus("answers = [\"limits.max_row\"]"), "limits.max_row\"", "did you mean limits.max_rows?"),
        (plus("answers = [\"schedule.every\"]"), "schedule.every", "kinds = [\"recurring\"]"),
        (plus("kinds = [\"one_off\"]\nanswers = [\"portability.told\"]"), "portability.told", "kinds = [\"portability\"]"),
        (plus("max_rows = 9007199254740992"), "max_rows = 9007199254740992", "max_rows is 1 to"),
        (plus("classes = [\"health\"]\nmost_retention_days = 0"), "days = 0", "no request could satisfy both"),
        (with("least_words = 4", "least_words = 51"), "least_words = 51", "at most 50"),
        (with("\"everything\"", "\"Every Thing\""), "collective = [", "no name could end in it"),
        (with("\"as agreed\"", "\"As agreed\""), "non_answers = [", "no answer could be it"),
        (format!("{EXAMPLE}\n[[scope]]\nrole = \"operator\"\nvendors = [\"acme\"]\n"), "role = \"operator\"", "holds no gate"),
        (format!("{EXAMPLE}\n[[scope]]\nrole = \"data_owner\"\n"), "role = \"data_owner\"", "narrows nothing"),
        (
            format!("{EXAMPLE}\n[[scope]]\nrole = \"data_owner\"\nclasses = [\"helth\"]\n"),
            "classes = [\"helth\"]",
            "did you mean health?",
        ),
        (format!("{EXAMPLE}\n[sla]\nprivacy = 0\n"), "privacy = 0", "1 to 8784 hours"),
        (format!("{EXAMPLE}\n[review]\nevery_days = {{ T3 = 3661 }}\n"), "T3 = 3661", "1 to 3660 days"),
        (format!("{EXAMPLE}\n[[apart]]\nacts = [\"vote\"]\n"), "acts = [\"vote\"]", "keeps nothing apart"),
        (format!("{EXAMPLE}\n[[apart]]\nacts = [\"vote\", \"pay\"]\n"), "acts = [\"vote\", \"pay\"]", "\"pay\" is none of"),
    ];
    for (text, part, what) in cases {
        let told = told(&text);
        assert_eq!(told.len(), 1, "{part}: {told:?}");
        assert!(told[0].1.contains(what), "{part}: {told:?}");
        assert_eq!(told[0].0, line_of(&text, part), "{part}: {told:?}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = with("quasi_identifiers = 3", "quasi_identifiers = 0")
        .replacen("{ T2 = 2, T3 = 2 }", "{ T2 = 0, T3 = 10 }", 1)
        .replacen("least = 1, most = 14", "least = 20, most = 14", 1)
        .replacen("[\"payment_card\"]", "[\"cards\"]", 1);
    assert_eq!(told(&text).len(), 5 + 1, "{:?}", told(&text));
    let unread = with("quasi_identifiers = 3", "quasi_identifers = 3\nquasi_identifiers = 3")
        .replacen("least_words = 4", "least_words = 4\nlast_words = 4", 1)
        .replacen("transfers = [\"cross_border\"]", "transfers = [\"abroad\"]", 1);
    let lines: Vec<_> = told(&unread).into_iter().map(|(line, _)| line).collect();
    assert_eq!(
        std::collections::BTreeSet::from_iter(lines),
        ["quasi_identifers", "[\"abroad\"]", "last_words"].map(|part| line_of(&unread, part)).into(),
        "{:?}",
        told(&unread)
    );
    let torn = with("policy = 1", "policy = = 1").replacen("least_words = 4", "least_words = 4 4", 1);
    assert!(told(&torn).len() >= 2 && told(&torn).iter().all(|(line, _)| line.is_some()), "{:?}", told(&torn));
}

#[test]
fn a_round_of_gates_is_one_mistake() {
    let text = format!(
        "{EXAMPLE}\n[gates.business]\nafter = [\"security\"]\n[gates.security]\nafter = [\"data_owner\"]\n\
         [gates.data_owner]\nafter = [\"business\"]\n"
    );
    assert_eq!(told(&text).len(), 1, "{:?}", told(&text));
}

#[test]
fn a_condition_of_high_tiers_only_is_measured_by_their_retention() {
    let long = with("least = 1, most = 90", "least = 20, most = 90");
    assert_eq!(told(&long), [], "the seven days for cards concern no request of T0");
}

#[test]
fn the_same_policy_as_json_is_told_on_its_lines_too() {
    let json = serde_json::to_string_pretty(&Policy::parse(EXAMPLE).unwrap()).unwrap();
    assert_eq!(told(&json), []);
    let broken = json.replacen("\"quasi_identifiers\": 3", "\"quasi_identifiers\": 0", 1);
    assert_eq!(told(&broken)[0].0, line_of(&broken, "\"quasi_identifiers\": 0"));
}

/// What the example has only as comments.
const MORE: &str = "[[scope]]\nrole = \"data_owner\"\npeople = [\"dora\"]\nvendors = [\"acme\"]\nclasses = [\"health\"]\nunits = [\"marketing\"]\n\
                    [[apart]]\nacts = [\"vote\", \"activate\"]\n[sla]\nprivacy = 72\n[review]\nevery_days = { T2 = 365, T3 = 180 }\n";

/// What a careless or hostile sysadmin does to a line.
fn mutated(line: &str, how: u8) -> String {
    let key = line.split('=').next().unwrap_or_default();
    match how % 14 {
        0 => String::new(),
        1 => format!("{key}= 9223372036854775807"),
        2 => format!("{key}= \"\""),
        3 => format!("{key}= [[\"x\"]]"),
        4 => format!("{key}= [\"legal\", \"legal\"]"),
        5 => format!("{line}\n{line}"),
        6 => line.replace('"', ""),
        7 => line.chars().rev().collect(),
        8 => format!("{key}= {{ a = {{ b = 1979-05-27 }} }}"),
        9 => format!("{key}= -1"),
        10 => format!("{key}= 0"),
        11 => line.replace('T', "t"),
        12 => format!("{key}= []"),
        _ => format!("x{line}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// A policy is read and can be gone by, or it is told why not, on a line or by the key that is missing.
    #[test]
    fn a_mutated_policy_is_read_or_told_why_not(changes in prop::collection::vec((0usize..400, any::<u8>()), 1..4), json: bool) {
        let whole = format!("{EXAMPLE}{MORE}");
        let text = if json { serde_json::to_string_pretty(&Policy::parse(&whole).unwrap()).unwrap() } else { whole };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (at, how) in changes {
            let at = at % lines.len();
            lines[at] = mutated(&lines[at], how);
        }
        let text = lines.join("\n");
        match Policy::read(&text) {
            Ok(policy) => {
                policy.digest();
                let ticket = TicketDocument::parse(TICKET).unwrap();
                policy.objections(&Answers::from(&ticket));
                prop_assert!(!ticket.gates(&policy).is_empty());
                // What was read is read again, and is the same.
                let again = Policy::parse(&serde_json::to_string(&policy).unwrap()).unwrap();
                prop_assert_eq!(again.digest(), policy.digest());
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty() && problems.len() <= limits::PROBLEMS_SHOWN);
                for problem in problems {
                    prop_assert!(problem.line.is_some() || problem.what.contains("is missing"), "{problem:?}");
                    prop_assert!(problem.line.is_none_or(|line| line <= text.split('\n').count()), "{problem:?}");
                    prop_assert!(!problem.what.is_empty() && !problem.to_string().contains('\u{1b}'), "{problem:?}");
                }
            }
        }
    }
}

#[test]
fn a_line_that_stops_the_reader_hides_nothing_that_the_rest_says_wrongly() {
    let text = with("policy = 1", "policy = 1\npolcy = 2").replacen("quasi_identifiers = 3", "quasi_identifiers = 0", 1);
    let told = told(&text);
    let lines: Vec<_> = told.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [line_of(&text, "polcy = 2"), line_of(&text, "quasi_identifiers = 0")], "{told:?}");
}
