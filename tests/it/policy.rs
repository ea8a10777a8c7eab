//! Policy: a changed file asks other gates, and what it asks anew it asks before another byte leaves.

use crate::house::{House, OPERATOR, gate_keeper, orders, ticket_file};
use serde_json::Value;

const T0: &str = "[tiers.T0]\ngates = [\"business\", \"security\"]";
const T1: &str = "[tiers.T1]\ngates = [\"business\", \"data_owner\", \"privacy\", \"security\"]";
const T3: &str = "[tiers.T3]\ngates = [\"business\", \"data_owner\", \"privacy\", \"security\", \"vendor_risk\", \"legal\"]";

#[test]
fn a_changed_policy_asks_other_gates() {
    let mut house = House::new();
    let gates = |house: &House| house.submit(&ticket_file("acme")).done()["gates"].clone();
    assert_eq!(gates(&house), serde_json::json!(["business", "data_owner", "privacy", "security"]));
    // A class that is more sensitive lifts the ticket to its tier; more sensitive fields ask more gates.
    house.change_policy("[classes.pseudonym]\ntier = \"T1\"", "[classes.pseudonym]\ntier = \"T3\"");
    house.change_policy("retention_days = { least = 1, most = 14 }", "retention_days = { least = 1, most = 30 }");
    house.restart();
    assert_eq!(gates(&house), serde_json::json!(["business", "data_owner", "privacy", "security", "vendor_risk", "legal"]));
    // And a policy that asks less is asked less of, down to what no policy may leave out.
    house.change_policy("[classes.pseudonym]\ntier = \"T3\"", "[classes.pseudonym]\ntier = \"T0\"");
    house.change_policy(T0, "[tiers.T0]\ngates = [\"business\"]");
    house.restart();
    assert_eq!(gates(&house), serde_json::json!(["business"]));
    house.check();
}

#[test]
fn a_ticket_whose_policy_was_tightened_serves_nothing_until_the_new_gates_have_voted() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let csv = orders(10);
    let delivery = house.release(&ticket, "orders.csv", &csv);
    house.change_policy(T1, "[tiers.T1]\ngates = [\"business\", \"data_owner\", \"privacy\", \"security\", \"vendor_risk\"]");
    house.restart();
    let shown = house.ctl(OPERATOR, ["ticket", "show", &ticket]).done();
    assert_eq!(shown["state"], "suspended", "{shown}");
    let told = house.explain(&ticket);
    assert!(told.contains("suspended") && told.contains("--gate vendor_risk"), "{told}");
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("asked again, the question has changed since"), "{told}");
    let status = house.ctl(OPERATOR, ["status"]).done();
    assert!(status["problems"].to_string().contains(&format!("{ticket} is suspended")), "{status}");
    // Nothing is shown, nothing is served, and what is dropped now waits.
    assert!(!house.pull("acme", "ls /\n").contains("EGR-"));
    assert!(!house.sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &[]).status.success());
    let shown = house.ctl(OPERATOR, ["delivery", "show", &delivery]).done();
    assert!(shown["why_not_served"].to_string().contains("--gate vendor_risk"), "{shown}");
    let told = house.explain(&delivery);
    assert!(told.contains("cannot fetch") && told.contains("--gate vendor_risk"), "{told}");
    house.stage(&ticket, "more.csv", &csv);
    house.until_file(&ticket, "more.csv", &["waiting"]);
    house.check();
    // The gates whose question has changed are asked again; then two people let it go on.
    let gates = house.ctl(OPERATOR, ["ticket", "show", &ticket]).done()["gates"].clone();
    for gate in gates.as_array().unwrap().iter().filter(|gate| gate["have"] == 0) {
        let gate = gate["gate"].as_str().unwrap();
        house.approve(gate_keeper(gate), &ticket, gate).done();
    }
    house.resume(&ticket);
    assert_eq!(house.ctl(OPERATOR, ["ticket", "show", &ticket]).done()["state"], "active");
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), csv.as_bytes());
    house.until_file(&ticket, "more.csv", &["sealed"]);
    house.check();
}

#[test]
fn a_vote_counts_on_while_the_question_that_it_answers_is_the_same() {
    let mut house = House::new();
    let ticket = house.submit(&ticket_file("acme")).done()["ticket"].as_str().unwrap().to_owned();
    for gate in ["business", "data_owner"] {
        house.approve(gate_keeper(gate), &ticket, gate).done();
    }
    let standing = |house: &House| -> Vec<Value> {
        let shown = house.ctl(OPERATOR, ["ticket", "show", &ticket]).done();
        shown["gates"].as_array().unwrap().iter().map(|gate| gate["have"].clone()).collect()
    };
    assert_eq!(standing(&house), [1, 1, 0, 0]);
    // Rules of other tiers and classes, and comments, are none of this ticket's rules.
    house.change_policy(T3, &format!("# asked by legal\n{}", T3.replace("\"legal\"", "\"legal\", \"executive\"")));
    house.change_policy("describes = \"passwords, keys, tokens\"", "describes = \"passwords, keys, tokens, seeds\"");
    house.restart();
    assert_eq!(standing(&house), [1, 1, 0, 0]);
    // Its own class's rule is: everybody is asked again, by a question of another digest.
    house.change_policy("an id that only we can turn back into a person", "an id that may be turned back into a person");
    house.restart();
    assert_eq!(standing(&house), [0, 0, 0, 0]);
    let shown = house.ctl(OPERATOR, ["ticket", "show", &ticket]).done();
    assert_eq!(shown["gates"][0]["votes"][0]["standing"], "asked_again", "{}", shown["gates"][0]);
    house.approve("dave", &ticket, "business").done();
    assert_eq!(standing(&house), [1, 0, 0, 0]);
    house.check();
}
