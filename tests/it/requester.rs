//! The requester's way of docs/requester.md: a wish is refused with all that it lacks, corrected it becomes a delivery.

use crate::house::{House, REQUESTER, day, edit};
use serde_json::Value;
use std::{collections::BTreeSet, fs};

const PAGE: &str = include_str!("../../docs/requester.md");
const WHOLE: &str = include_str!("../../config/ticket.toml");

fn wish() -> &'static str {
    PAGE.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0
}

fn codes(problems: &Value) -> BTreeSet<(String, String)> {
    let text = |problem: &Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    problems.as_array().unwrap().iter().map(|problem| (text(problem, "path"), text(problem, "code"))).collect()
}

#[test]
fn a_vague_request_is_told_all_it_lacks_at_once_and_corrected_it_becomes_a_delivery() {
    let mut house = House::new();
    let (file, policy) = (house.path("wish.toml"), house.path("gateway/policy.toml"));
    fs::write(&file, wish()).unwrap();
    let arguments = ["ticket", "lint", file.to_str().unwrap(), "--policy", policy.to_str().unwrap()];
    // 1. Before anybody is asked: no daemon, no key.
    let told = house.egressctl().env("EGRESSCTL_SOCKET", "/nonexistent").arg("--json").args(arguments).output().unwrap();
    assert_eq!(told.status.code(), Some(1), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let problems = codes(&told["problems"]);
    for (path, code) in [
        ("purpose", "L1004"),
        ("justification", "L1004"),
        ("field[1].name", "L1004"),
        ("field[2].name", "L1004"),
        ("field[1].source", "L1001"),
        ("alternatives.anonymised", "L1001"),
        ("legal.basis", "L1001"),
        ("at_vendor.breach_detection", "L1001"),
        ("at_vendor.deletion", "L1001"),
        ("window.closes", "L1001"),
    ] {
        assert!(problems.contains(&(path.to_owned(), code.to_owned())), "{path} {code} is not in {problems:?}");
    }
    assert!(told["complete_percent"].as_u64().unwrap() < 30, "{told}");
    // 2. Whoever submits it all the same is told the same, and nothing is recorded.
    let before = house.log_size();
    let refused = house.submit(wish()).refused("E2012");
    for problem in told["problems"].as_array().unwrap() {
        assert!(refused.contains(problem["what"].as_str().unwrap()), "{problem} is not in\n{refused}");
    }
    assert_eq!(house.log_size(), before);
    // 3. Corrected, it goes through.
    let days = [
        ("opens = \"2026-11-01\"", format!("opens = \"{}\"", day(-1))),
        ("closes = \"2027-01-31\"", format!("closes = \"{}\"", day(20))),
    ];
    fs::write(&file, WHOLE).unwrap();
    for (from, to) in days {
        edit(&file, from, &to);
    }
    let linted = house.egressctl().env("EGRESSCTL_SOCKET", "/nonexistent").arg("--json").args(arguments).output().unwrap();
    assert!(linted.status.success(), "{}", String::from_utf8_lossy(&linted.stdout));
    let submitted = house.ctl(REQUESTER, ["ticket", "submit", file.to_str().unwrap()]).done();
    let ticket = house.approve_all(&submitted);
    house.ctl(crate::house::OPERATOR, ["ticket", "activate", &ticket]).done();
    let csv = "order_id,customer_token,ordered_on,product_code,quantity,net_amount,currency,postcode_area\n\
               A-1,t1,2026-11-20,P7,2,9.90,EUR,80\n";
    let delivery = house.release(&ticket, "orders.csv", csv);
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), csv.as_bytes());
    house.check();
}

#[test]
fn the_same_request_as_json_is_submitted_and_judged_alike() {
    let mut house = House::new();
    let text = crate::house::ticket_file("acme");
    let json = egressd::domain::ticket::TicketDocument::parse(&text)
        .map(|document| serde_json::to_string_pretty(&document).unwrap())
        .unwrap();
    let refused = house.submit(&json.replace("\"pseudonym\"", "\"pseudonim\"")).refused("E2012");
    assert!(refused.contains("did you mean pseudonym?") && refused.contains("line "), "{refused}");
    let (first, second) = (house.submit(&text).done(), house.submit(&json).done());
    assert_eq!(first["revision"], second["revision"]);
    house.check();
}

#[test]
fn a_draft_from_a_sample_leaves_open_only_what_a_person_answers_and_repeats_no_value() {
    let house = House::new();
    let (file, policy) = (house.path("sample.csv"), house.path("gateway/policy.toml"));
    fs::write(&file, "order_id,contact\nA-9000001,zaphod@example.com\nA-9000002,trillian@example.org\n").unwrap();
    let run = |arguments: &[&str]| house.egressctl().env("EGRESSCTL_SOCKET", "/nonexistent").args(arguments).output().unwrap();
    let drafted =
        run(&["ticket", "draft", "--from", file.to_str().unwrap(), "--policy", policy.to_str().unwrap(), "--vendor", "acme"]);
    let text = String::from_utf8(drafted.stdout).unwrap();
    assert!(drafted.status.success(), "{}", String::from_utf8_lossy(&drafted.stderr));
    assert!(
        text.contains("class = \"direct_identifier\" # suggested: 2 of 2 sampled values look like e-mail addresses"),
        "{text}"
    );
    assert!(!text.contains("A-900000") && !text.contains("zaphod") && !text.contains("trillian"), "{text}");
    let ticket = house.path("draft.toml");
    fs::write(&ticket, &text).unwrap();
    let linted = run(&["--json", "ticket", "lint", ticket.to_str().unwrap(), "--policy", policy.to_str().unwrap()]);
    let linted: Value = serde_json::from_slice(&linted.stdout).unwrap();
    let found = codes(&linted["problems"]);
    assert!(found.len() > 30 && found.iter().all(|(_, code)| code == "L1001"), "{found:?}");
    // The same as JSON, with the same questions open.
    let json = run(&[
        "--json",
        "ticket",
        "draft",
        "--from",
        file.to_str().unwrap(),
        "--policy",
        policy.to_str().unwrap(),
        "--vendor",
        "acme",
    ]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    fs::write(&ticket, json["draft"].to_string()).unwrap();
    let open: BTreeSet<String> =
        json["open"].as_array().unwrap().iter().map(|open| open["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(open, found.into_iter().map(|(path, _)| path).collect());
    let linted = run(&["--json", "ticket", "lint", ticket.to_str().unwrap(), "--policy", policy.to_str().unwrap()]);
    let linted: Value = serde_json::from_slice(&linted.stdout).unwrap();
    assert_eq!(open, codes(&linted["problems"]).into_iter().map(|(path, _)| path).collect());
    // What cannot be drafted from is said, not guessed.
    fs::write(&file, "{\"order_id\": 1}").unwrap();
    let refused = run(&["ticket", "draft", "--from", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("JSON is not inspected yet"));
}

#[test]
fn whoever_has_the_ticket_file_draws_the_diagram_that_the_gateway_draws() {
    let mut house = House::new();
    let text = crate::house::ticket_file("acme");
    let submitted = house.submit(&text).done();
    let (file, ticket) = (house.path("own.toml"), submitted["ticket"].as_str().unwrap().to_owned());
    fs::write(&file, &text).unwrap();
    for format in ["svg", "mermaid"] {
        let alone = ["--json", "ticket", "diagram", "--file", file.to_str().unwrap(), "--format", format];
        let own = house.egressctl().env("EGRESSCTL_SOCKET", "/nonexistent").args(alone).output().unwrap();
        let own: Value = serde_json::from_slice(&own.stdout).unwrap();
        assert_eq!(own, house.ctl(crate::house::AUDITOR, ["ticket", "diagram", &ticket, "--format", format]).done());
        assert_eq!(own["revision"], submitted["revision"]);
        assert!(own["text"].as_str().unwrap().contains(submitted["revision"].as_str().unwrap()));
    }
    house.check();
}
