//! What keeps a ticket from moving and whose it is: as `explain` tells it for each state, and as the list tells whoever can move it.

use super::*;
use crate::{
    domain::{
        event::{Actor, Decision},
        ids::TicketNumber,
        people::{Gate, Role},
        signature::PublicKey,
        time::{Day, days},
        vote::{Ballot, Comment},
    },
    gateway::{
        answers::{Explanation, TicketState},
        asked::{Awaiting, Subject},
        fixture::{Staff, TlsPair, approval, key, ticket_document},
    },
};
use std::collections::BTreeSet;

const SOC2: &str = "[assessment.soc2]\ntype = 2\nfrom = \"2099-01-01\"\nuntil = \"2099-12-31\"\n";

async fn explained(house: &House, number: TicketNumber) -> Explanation {
    house.desk().explain(house.person(Staff::Olga), Subject::Ticket(number)).await.unwrap()
}

/// What the list says is this person's to do, votes aside.
async fn to_do(house: &House, by: Actor) -> Vec<(TicketNumber, String)> {
    let listed = house.desk().ticket_list(by, Some(Awaiting::Me), BTreeSet::new()).await.unwrap();
    listed.rows.into_iter().filter_map(|row| Some((row.ticket, row.to_do?.command))).collect()
}

fn sent_back(gate: Gate) -> Ballot {
    Ballot {
        decision: Decision::RequestChanges,
        because: Some("excess_fields".parse().unwrap()),
        reason: "the note is not needed".into(),
        comments: vec![Comment { on: "field.note".into(), text: "which forecast reads notes?".into() }],
        ..approval(gate)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_asks_again_says_on_which_assessment_it_was_answered_and_which_one_counts_now() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "health", "").await;
    house.vote(number, approval(Gate::Privacy)).await.unwrap();
    house.assess(&acme, SOC2).await;
    let pia = house.person(Staff::Pia);
    let review = house.desk().ticket_review(pia, number).await.unwrap();
    let privacy = review.gates.iter().find(|review| review.gate == Gate::Privacy).unwrap();
    let why = privacy.standing.votes[0].asked_again.as_deref().unwrap();
    assert!(why.contains("acme's assessment has changed") && !why.contains("request"), "{why}");
    assert!(explained(&house, number).await.because.iter().any(|line| line.contains("acme's assessment has changed")));
    let vendor = privacy.answers.iter().find(|answer| answer.path == "vendor").unwrap();
    assert!(vendor.answer.starts_with("acme ("), "{vendor:?}");
    assert!(review.awaits_you == [Gate::Privacy] && !review.vendor_name.is_empty() && !review.assessment.is_empty());
    // A request that changes is told as what it is.
    house.vote(number, approval(Gate::Security)).await.unwrap();
    house.revise(number, ticket_document(&acme, "health", "", r#""sftp""#)).await.unwrap();
    let review = house.desk().ticket_review(pia, number).await.unwrap();
    let security = review.gates.iter().find(|review| review.gate == Gate::Security).unwrap();
    assert_eq!(security.standing.votes[0].asked_again.as_deref(), Some("the request has changed since revision 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_somebody_beside_votes_is_in_their_list_and_in_nobody_elses() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "business", "").await;
    let (rita, olga, sam) = (house.person(Staff::Rita), house.person(Staff::Olga), house.person(Staff::Sam));
    assert_eq!((to_do(&house, rita).await, to_do(&house, olga).await), (vec![], vec![]));
    house.vote(number, sent_back(Gate::Business)).await.unwrap();
    assert_eq!(to_do(&house, rita).await, [(number, format!("egressctl ticket revise {number} FILE"))]);
    assert_eq!(to_do(&house, olga).await, []);
    let told = explained(&house, number).await;
    assert!(told.who == "rita" && told.commands == [format!("egressctl ticket revise {number} FILE")], "{told:?}");
    house.vote(number, approval(Gate::Business)).await.unwrap();
    house.vote(number, approval(Gate::Security)).await.unwrap();
    assert_eq!(to_do(&house, rita).await, []);
    assert_eq!(to_do(&house, olga).await, [(number, format!("egressctl ticket activate {number}"))]);
    house.desk().freeze(sam, "drill".into()).await.unwrap();
    assert_eq!(to_do(&house, olga).await, [], "nothing is activated while everything is frozen");
    let told = explained(&house, number).await;
    assert!(told.commands.iter().any(|command| command.contains(" unfreeze ")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_active_ticket_tells_of_its_amendment_and_a_suspended_one_who_is_missing() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    assert!(explained(&house, number).await.commands.is_empty());
    house.revise(number, ticket_document(&acme, "business", "", r#""sftp""#)).await.unwrap();
    let told = explained(&house, number).await;
    assert!(told.because[0].starts_with("every gate has approved it"), "{told:?}");
    assert!(told.because.iter().any(|line| line.starts_with("its amendment, revision 2, is in_review: the gate ")), "{told:?}");
    assert!(told.commands.iter().any(|command| command.contains("ticket review")) && !told.who.is_empty(), "{told:?}");
    let sam = house.person(Staff::Sam);
    house.desk().ticket_suspend(sam, number, "looks odd".into()).await.unwrap();
    let told = explained(&house, number).await;
    assert!(told.who.contains("two people") && told.because[0].contains("by sam: looks odd"), "{told:?}");
    house.desk().ticket_resume(sam, number, "it was not".into()).await.unwrap();
    let told = explained(&house, number).await;
    assert!(told.because[0].contains("sam has asked") && told.who.starts_with("one more person; neither sam"), "{told:?}");
    assert_eq!(to_do(&house, sam).await, [], "the second is another");
    assert_eq!(to_do(&house, house.person(Staff::Rita)).await, [], "who requested it does not let it go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_red_flag_that_waits_for_an_executive_is_told_at_once_and_to_the_executive() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    house.flag("no_soc2 = \"accept\"\nno_security_contact = \"accept\"").await;
    let number = house.submit(&acme, "business", "").await;
    let erik = house.executive("erik", &[]).await;
    let told = explained(&house, number).await;
    assert!(told.because[0].contains("no_soc2") && told.because[0].contains("no_security_contact"), "{told:?}");
    assert_eq!(to_do(&house, erik.actor).await, [(number, format!("egressctl risk accept {number} --file RISK_FILE"))]);
    let until = Day::of(house.gateway().core.clock.now() + days(30));
    let example = include_str!("../../../config/risk.toml");
    let both = example.replace("[\"no_iso27001\"]", "[\"no_soc2\", \"no_security_contact\"]");
    let both = both.replace("\"2027-03-31\"", &format!("\"{until}\""));
    house.accept(&erik, number, &both).await.unwrap();
    assert_eq!(to_do(&house, erik.actor).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_ticket_lists_no_open_gates() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "health", "").await;
    let no = Ballot { decision: Decision::Reject, comments: Vec::new(), ..sent_back(Gate::Security) };
    assert_eq!(house.vote(number, no).await.unwrap().open_gates, []);
    let listed = house.desk().ticket_list(house.person(Staff::Rita), None, BTreeSet::new()).await.unwrap();
    assert!(listed.rows[0].state == TicketState::Rejected && listed.rows[0].open_gates.is_empty(), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_keys_wait_for_those_who_may_confirm_them_and_have_not() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    house.file_assessment(&acme, SOC2).await;
    let waits = async |staff| house.desk().status(house.person(staff)).await.unwrap().waits_for_you;
    assert!(waits(Staff::Olga).await.iter().any(|blocker| blocker.command == "egressctl vendor show acme"));
    assert_eq!(waits(Staff::Rita).await, []);
    assert_eq!(waits(Staff::Vera).await, [], "who filed it does not confirm it");
    // Of two who are not of security the second helps nobody.
    let umbra = Vendor { id: "umbra".parse().unwrap(), login: key(), recipient: key(), tls: TlsPair::new(&["umbra"]) };
    let revision = house.put_forward(&umbra).await.unwrap();
    let roles = BTreeSet::from([Role::VendorRiskAnalyst]);
    let analyst = PublicKey::new(key().public_key()).unwrap();
    for staff in [Staff::Olga, Staff::Sam] {
        let by = house.person(staff);
        house.desk().staff_enroll(by, "another".parse().unwrap(), roles.clone(), analyst.clone(), None).await.unwrap();
    }
    let id = house.desk().who(&analyst).await.unwrap().id;
    let another = Actor::Person { id, key: analyst.fingerprint() };
    let is_told = async |by| {
        let waits = house.desk().status(by).await.unwrap().waits_for_you;
        waits.iter().any(|blocker| blocker.command == "egressctl vendor show umbra")
    };
    assert!(is_told(another).await && is_told(house.person(Staff::Sam)).await);
    house.confirm(&umbra, revision, Staff::Olga).await.unwrap();
    assert!(!is_told(another).await && !is_told(house.person(Staff::Olga)).await);
    assert!(is_told(house.person(Staff::Sam)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_freeze_waits_for_whoever_may_be_the_second() {
    let house = House::open().await;
    let erik = house.executive("erik", &[]).await;
    house.desk().freeze(house.person(Staff::Sam), "a drill".into()).await.unwrap();
    let is_told = async |by| {
        let waits = house.desk().status(by).await.unwrap().waits_for_you;
        waits.iter().any(|blocker| blocker.command.contains(" unfreeze --reason"))
    };
    assert!(!is_told(house.person(Staff::Sam)).await, "nobody has asked");
    house.desk().unfreeze(house.person(Staff::Olga), "it is over".into()).await.unwrap();
    assert!(is_told(house.person(Staff::Sam)).await);
    assert!(!is_told(house.person(Staff::Olga)).await && !is_told(house.person(Staff::Pia)).await);
    assert!(!is_told(erik.actor).await, "neither of the two would be of security");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_submitted_twice_is_told_of_its_other_ticket_while_that_goes_on() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (desk, rita) = (house.desk(), house.person(Staff::Rita));
    let document = || ticket_document(&acme, "business", "", r#""sftp""#);
    let first = desk.ticket_submit(rita, document()).await.unwrap();
    assert!(first.next.iter().all(|next| !next.what.contains("the same")));
    let second = desk.ticket_submit(rita, document()).await.unwrap();
    let told = second.next.iter().find(|next| next.what.contains(&format!("{} asks for exactly the same", first.ticket)));
    assert!(told.is_some_and(|next| next.command.contains(&second.ticket.to_string())), "{:?}", second.next);
    for ticket in [first.ticket, second.ticket] {
        desk.ticket_withdraw(rita, ticket, "by mistake".into()).await.unwrap();
    }
    let third = desk.ticket_submit(rita, document()).await.unwrap();
    assert!(third.next.iter().all(|next| !next.what.contains("the same")), "{:?}", third.next);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_refused_for_certain_is_known_before_anything_is_signed() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "business", "").await;
    let erik = house.executive("erik", &[]).await;
    let shown = async |by| house.desk().ticket_show(by, number).await.unwrap();
    let codes = |view: &crate::gateway::answers::TicketView, gate| {
        let gate = view.gates.iter().find(|view| view.gate == gate).unwrap();
        gate.refuses.iter().map(|refused| refused.refusal.code.clone()).collect::<Vec<_>>()
    };
    let rita = shown(house.person(Staff::Rita)).await;
    assert_eq!(codes(&rita, Gate::Business), ["E2101", "E2101", "E2101"], "who requested it");
    assert!(rita.refuses_acceptance.is_some());
    let sam = shown(house.person(Staff::Sam)).await;
    assert_eq!(codes(&sam, Gate::Security), [""; 0]);
    assert!(!codes(&sam, Gate::Business).is_empty());
    assert_eq!(shown(erik.actor).await.refuses_acceptance, None);
}
