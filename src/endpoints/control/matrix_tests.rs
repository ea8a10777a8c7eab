//! Who may ask for what, as a page: every role puts every request to a real gateway, and the answers are tests/golden/policy-matrix.txt.

mod by_state;

use super::{request::Request, serve::Answering};
use crate::{
    domain::{
        event::Actor,
        ids::Slug,
        people::{Gate, Role},
        refusal::Refusal,
        signature::PublicKey,
    },
    gateway::{
        Refused,
        fixture::{self, House, Staff},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

/// A request of each kind, on things that are not there: who may not even ask must be told so first. Freezing comes last,
/// since nothing is as it was after it.
fn samples(ticket: &str) -> Vec<(String, Value)> {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let none = "EGR-2026-9999";
    let key = fixture::key().public_key().to_openssh().unwrap();
    let digest = "0".repeat(64);
    let ask = |name: &str, mut members: Value| {
        members["do"] = name.into();
        (name.to_owned(), members)
    };
    let mut samples = vec![
        ask("whoami", json!({})),
        ask("status", json!({})),
        ask("staff_enroll", json!({"name": "newcomer", "roles": ["auditor"], "key": key})),
        ask("staff_list", json!({})),
        ask("vendor_add", json!({"document": include_str!("../../../config/vendor.toml").replace("\"acme\"", "\"other\"")})),
        ask("vendor_confirm", json!({"vendor": "nobody", "revision": digest})),
        ask("vendor_token", json!({"vendor": "nobody", "token": digest, "until": "2027-06-30"})),
        ask("vendor_confirm_token", json!({"vendor": "nobody", "token": digest})),
        ask("vendor_list", json!({})),
        ask("vendor_show", json!({"vendor": "acme"})),
        ask("key_list", json!({})),
        ask("key_show_recipient", json!({})),
        ask("ticket_submit", json!({"document": include_str!("../../../config/ticket.toml")})),
        ask("ticket_revise", json!({"ticket": none, "base": digest, "document": include_str!("../../../config/ticket.toml")})),
        ask("ticket_review", json!({"ticket": ticket})),
        ask("ticket_votes", json!({"ticket": ticket})),
        ask("ticket_list", json!({})),
        ask("ticket_show", json!({"ticket": ticket})),
        ask("ticket_diagram", json!({"ticket": ticket, "drawing": "mermaid"})),
        ask("ticket_activate", json!({"ticket": none})),
        ask("ticket_withdraw", json!({"ticket": none, "reason": "x"})),
        ask("ticket_suspend", json!({"ticket": none, "reason": "x"})),
        ask("ticket_resume", json!({"ticket": none, "reason": "x"})),
        ask("ticket_statement", json!({"ticket": none})),
        ask("ticket_attest", json!({"ticket": none, "signature": ""})),
        ask("ticket_waive_deletion", json!({"ticket": none, "reason": "x"})),
        ask("risk_accept", json!({"ticket": none, "document": include_str!("../../../config/risk.toml"), "signature": ""})),
        ask("policy_simulate", json!({"document": include_str!("../../../config/policy.toml")})),
        ask("delivery_list", json!({})),
        ask("delivery_show", json!({"ticket": none, "delivery": 1})),
        ask("delivery_close", json!({"ticket": none})),
        ask("file_list", json!({})),
        ask("file_show", json!({"file": id})),
        ask("file_recheck", json!({"file": id})),
        ask("file_discard", json!({"file": id, "reason": "x"})),
        ask("explain", json!({"subject": "E2101"})),
        ask("transfer_list", json!({})),
        ask("session_list", json!({})),
        ask("session_kill", json!({"session": id, "reason": "x"})),
        ask("log_test", json!({})),
        ask("break_glass_list", json!({})),
        ask("break_glass_review", json!({"used": 0, "reason": "x"})),
        ask("purge", json!({})),
        ask("audit_verify", json!({})),
        ask("audit_tail", json!({"count": 1})),
        ask("audit_checkpoint", json!({})),
        ask("revoke", json!({"scope": {"kind": "ticket", "id": none}, "reason": "x"})),
        ask("unfreeze", json!({"reason": "x"})),
        ask("freeze", json!({"reason": "x"})),
    ];
    let gates = Gate::ALL.map(|gate| {
        let ballot = json!({"gate": gate, "decision": "approve"});
        let members =
            json!({"ticket": ticket, "question": digest, "revision": digest, "policy": digest, "ballot": ballot, "signature": ""});
        (format!("ticket_vote at {gate}"), ask("ticket_vote", members).1)
    });
    let votes = samples.iter().position(|(name, _)| name == "ticket_activate").unwrap();
    samples.splice(votes..votes, gates);
    samples
}

/// The names that the socket knows, as its own parser tells them to whoever asks for another.
fn every_request() -> BTreeSet<String> {
    let error = serde_json::from_value::<Request>(json!({"do": "no such request"})).unwrap_err().to_string();
    error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

/// One person for each role, who has no other.
async fn one_each(house: &House) -> Vec<Actor> {
    let mut actors = Vec::new();
    for role in Role::ALL {
        let public = PublicKey::new(fixture::key().public_key()).unwrap();
        let name: Slug = format!("only-{}", role.name().replace('_', "-")).parse().unwrap();
        for by in [Staff::Olga, Staff::Sam] {
            let roles = BTreeSet::from([role]);
            house.desk().staff_enroll(house.person(by), name.clone(), roles, public.clone(), None).await.unwrap();
        }
        let id = house.desk().who(&public).await.unwrap().id;
        actors.push(Actor::Person { id, key: public.fingerprint() });
    }
    actors
}

/// Whether this actor may ask for that at all. What becomes of it afterwards is another matter.
async fn may(house: &House, by: Actor, request: &Value) -> bool {
    let request: Request = serde_json::from_value(request.clone()).unwrap();
    match house.desk().act(by, request).await {
        Err(Refused::Refusal(
            Refusal::RoleNeeded { .. } | Refusal::SignatureMissing {} | Refusal::KeyUnknown { .. } | Refusal::NotInTheFirstTwo {},
        )) => false,
        Err(Refused::Fault(fault)) => panic!("{fault}"),
        Ok(_) | Err(Refused::Refusal(_)) => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_ask_for_what_is_a_page_that_is_reviewed() {
    let house = House::open().await;
    house.vendor("acme").await;
    let document = include_str!("../../../config/ticket.toml").to_owned();
    let ticket = house.desk().ticket_submit(house.person(Staff::Rita), document).await.unwrap().ticket.to_string();
    let people = one_each(&house).await;
    let samples = samples(&ticket);

    let tried: BTreeSet<String> = samples.iter().map(|(_, request)| request["do"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tried, every_request(), "a request without a row of the matrix, or a row without a request");

    // A request that carries no signature, the machine's owner once two are enrolled, and whoever is no longer on the roster.
    let stranger = PublicKey::new(fixture::key().public_key()).unwrap().fingerprint();
    let Actor::Person { id, .. } = people[0] else { unreachable!("people are persons") };
    let others = [("unsigned", Actor::System), ("owner", Actor::Owner), ("foreign_key", Actor::Person { id, key: stranger })];
    let columns: Vec<(&str, Actor)> =
        Role::ALL.iter().map(|role| role.name()).zip(people.iter().copied()).chain(others).collect();

    let mut page = String::from(
        "Who may ask for what. `yes`: the role alone suffices to ask; more may be asked for then (a second person, another gate's holder).\n\
         `-`: refused for want of the role, before anything is looked up. Vendors have no row: theirs is another handle, with list, stat and\n\
         open. Written by src/endpoints/control/matrix_tests.rs: EGRESSD_REGENERATE=1 cargo test --release --lib matrix\n\n",
    );
    for row in 0..columns.iter().map(|(name, _)| name.len()).max().unwrap_or(0) {
        let letters = columns.iter().map(|(name, _)| {
            let letter = name.as_bytes().get(row).copied().unwrap_or(b' ');
            format!("   {}", char::from(letter))
        });
        writeln!(page, "{:26}{}", "", letters.collect::<String>()).unwrap();
    }
    for (name, request) in &samples {
        let mut cells = String::new();
        for (_, by) in &columns {
            cells.push_str(if may(&house, *by, request).await { " yes" } else { "   -" });
        }
        writeln!(page, "{name:26}{cells}").unwrap();
    }
    let page: String = page.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    golden("policy-matrix.txt", &page);
}

#[expect(clippy::disallowed_methods, reason = "compares the page with the one in the tree, or writes it anew")]
fn golden(file: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var("EGRESSD_REGENERATE").is_ok() {
        fs::write(&path, page).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == page, "the matrix has changed: EGRESSD_REGENERATE=1 writes it anew; look at the difference\n{page}");
}
