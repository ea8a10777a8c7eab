//! Risk acceptance: what it lets pass and until when, what it never replaces, and what is tried with one that is not one.

use super::*;
use crate::{
    domain::{
        acceptance::AcceptanceDocument,
        event::{Detail, Event, Fact, Subject as On},
        people::{Gate, Role},
        signature::NAMESPACE_VOTE,
        time::{Time, days},
    },
    gateway::{
        answers::{TicketState, TicketView},
        fixture::{Enrolled, ManualClock, Staff, approval, csv, key, signed},
    },
};

/// 2026-11-21T10:00:00Z.
const TODAY: Time = Time::from_micros(1_795_255_200_000_000);

/// A risk file that names these flags.
fn risk(flags: &str, expires: &str) -> String {
    let example = include_str!("../../../config/risk.toml");
    example.replace("[\"no_iso27001\"]", flags).replace("\"2027-03-31\"", &format!("\"{expires}\""))
}

fn soc2() -> String {
    risk("[\"no_soc2\"]", "2026-11-30")
}

async fn show(house: &House, ticket: crate::domain::ids::TicketNumber) -> TicketView {
    house.desk().ticket_show(house.person(Staff::Rita), ticket).await.unwrap()
}

/// Who answers for the missing SOC 2 report, and until when.
fn flagged(view: &TicketView) -> Option<(String, String)> {
    let raised = view.red_flags.iter().find(|raised| raised.flag == crate::domain::vendor::RedFlag::NoSoc2).unwrap();
    raised.accepted.as_ref().map(|accepted| (accepted.who.to_string(), accepted.until.clone()))
}

/// A house whose policy lets a missing SOC 2 report pass only with an acceptance, a vendor without one, and a ticket to it.
async fn held() -> (House, Arc<ManualClock>, Vendor, crate::domain::ids::TicketNumber) {
    let clock = Arc::new(ManualClock::at(TODAY));
    let house = House::with(clock.clone()).await;
    let acme = house.vendor("acme").await;
    house.flag("no_soc2 = \"accept\"").await;
    let ticket = house.submit(&acme, "business", "").await;
    (house, clock, acme, ticket)
}

/// A business approver's vote.
async fn vote(house: &House, by: &Enrolled, ticket: crate::domain::ids::TicketNumber) {
    let (asked, ballot) = (house.asked(ticket, Gate::Business).await, approval(Gate::Business));
    let signature = signed(&by.key, NAMESPACE_VOTE, &ballot.text(&asked));
    house.desk().ticket_vote(by.actor, asked, ballot, signature).await.unwrap();
}

async fn approve_all(house: &House, ticket: crate::domain::ids::TicketNumber) {
    for gate in show(house, ticket).await.gates {
        house.vote(ticket, approval(gate.gate)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_waits_for_an_acceptance_then_for_every_gate_and_is_suspended_when_the_acceptance_ends() {
    let (house, clock, acme, ticket) = held().await;
    let erik = house.executive("erik", &[]).await;
    let before = show(&house, ticket).await;
    assert_eq!(before.state, TicketState::OnHold);
    assert!(before.why_not_active[0].command.contains(&format!("risk accept {ticket} --file")), "{:?}", before.why_not_active);
    let gate = before.gates[0].clone();
    assert_eq!(code(house.vote(ticket, approval(gate.gate)).await), 2211);
    house.accept(&erik, ticket, &soc2()).await.unwrap();
    let accepted = show(&house, ticket).await;
    assert_eq!(accepted.state, TicketState::InReview);
    let review = house.desk().ticket_review(house.person(Staff::Pia), ticket).await.unwrap();
    assert_eq!((&review.acceptances, &review.red_flags), (&accepted.acceptances, &accepted.red_flags));
    assert_eq!(flagged(&before), None);
    assert_eq!(flagged(&accepted), Some(("erik".to_owned(), "2026-11-30".to_owned())));
    // It adds: every gate is asked as before, and none is answered by it.
    let asked = |view: &TicketView| view.gates.iter().map(|gate| (gate.gate, gate.question, gate.needed)).collect::<Vec<_>>();
    assert_eq!(asked(&accepted), asked(&before));
    assert!(accepted.gates.iter().all(|gate| gate.have == 0));
    assert_eq!(code(house.desk().ticket_activate(house.person(Staff::Olga), ticket).await), 2201);
    approve_all(&house, ticket).await;
    house.desk().ticket_activate(house.person(Staff::Olga), ticket).await.unwrap();
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let place = path(&format!("/{delivery}/orders.csv.age"));
    let pickup = log_in(&house, &acme).await.unwrap();
    clock.advance(days(9));
    assert!(pickup.open(&place).is_ok(), "its last day counts");
    clock.advance(days(1));
    assert!(pickup.open(&place).is_err());
    let over = show(&house, ticket).await;
    assert_eq!((over.state, flagged(&over)), (TicketState::Suspended, None));
    assert!(
        over.acceptances[0].lapsed.is_some() && over.acceptances[0].risk.contains("Nobody outside"),
        "{:?}",
        over.acceptances
    );
    // With another one two people let it go on: its gates have not changed.
    house.accept(&erik, ticket, &risk("[\"no_soc2\"]", "2027-02-28")).await.unwrap();
    assert_eq!(show(&house, ticket).await.state, TicketState::Suspended);
    house.resume(ticket).await.unwrap();
    assert_eq!(show(&house, ticket).await.state, TicketState::Active);
    // Another assessment is another risk.
    house.assess(&acme, "dpa = \"DPA-1\"\n").await;
    let again = show(&house, ticket).await;
    assert_eq!(again.state, TicketState::Suspended);
    assert!(again.acceptances.iter().all(|acceptance| acceptance.lapsed.is_some()));
    // Restarted, the log says the same.
    let mut house = house;
    drop(pickup);
    house.stop().await;
    house.start().await;
    assert_eq!(show(&house, ticket).await.acceptances.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_executive_who_has_no_part_in_the_ticket_accepts() {
    let (house, _, acme, ticket) = held().await;
    let document = soc2();
    let text = house.acceptance_of(ticket, &document).await;
    // Whoever is no executive, by whomever it is signed.
    let erik = house.executive("erik", &[]).await;
    let signature = signed(&erik.key, NAMESPACE_VOTE, &text);
    for staff in [Staff::Sam, Staff::Pia, Staff::Vera, Staff::Olga, Staff::Rita] {
        let tried = house.desk().risk_accept(house.person(staff), ticket, document.clone(), signature.clone()).await;
        assert_eq!(code(tried), 1006, "{staff:?}");
    }
    // Another executive's signature is not one's own.
    let eva = house.executive("eva", &[]).await;
    assert_eq!(code(house.desk().risk_accept(eva.actor, ticket, document.clone(), signature).await), 1016);
    // An executive who asks, and one who judges.
    let rena = house.executive("rena", &[Role::Requester]).await;
    let own = house.request_of(rena.actor, &acme).await;
    assert_eq!(code(house.accept(&rena, own, &document).await), 2212);
    house.accept(&erik, own, &document).await.unwrap();
    let bert = house.executive("bert", &[Role::BusinessApprover]).await;
    vote(&house, &bert, own).await;
    assert_eq!(code(house.accept(&bert, own, &document).await), 2212);
    // An executive for other vendors than this one.
    let scope = "[[scope]]\nrole = \"executive\"\npeople = [\"eva\"]\nvendors = [\"umbra\"]\n";
    house.flag_with("no_soc2 = \"accept\"", scope).await;
    assert_eq!(code(house.accept(&eva, own, &document).await), 2121);
    house.flag("no_soc2 = \"accept\"").await;
    // The other way round: whoever votes after having accepted has accepted nothing.
    house.accept(&bert, ticket, &document).await.unwrap();
    vote(&house, &bert, ticket).await;
    let after = show(&house, ticket).await;
    assert!(after.state == TicketState::OnHold && after.acceptances[0].lapsed.is_some(), "{:?}", after.acceptances);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_counts_for_one_ticket_one_document_and_one_namespace() {
    let (house, _, acme, ticket) = held().await;
    let erik = house.executive("erik", &[]).await;
    let other = house.submit(&acme, "business", "").await;
    let document = soc2();
    let signature = signed(&erik.key, NAMESPACE_VOTE, &house.acceptance_of(ticket, &document).await);
    let send = async |ticket, document: &str, signature: &str| {
        house.desk().risk_accept(erik.actor, ticket, document.to_owned(), signature.to_owned()).await
    };
    let before = house.log().len();
    assert_eq!(code(send(other, &document, &signature).await), 1003, "replayed on another ticket");
    for altered in
        [document.replace("in house", "by mail"), document.replace("2026-11-30", "2026-12-01"), document.replace("Ines", "Anna")]
    {
        assert_ne!(altered, document);
        assert_eq!(code(send(ticket, &altered, &signature).await), 1003, "of another document");
    }
    let elsewhere = signed(&erik.key, "file", &house.acceptance_of(ticket, &document).await);
    assert_eq!(code(send(ticket, &document, &elsewhere).await), 1015, "in another namespace");
    assert_eq!(code(send(ticket, &document, "").await), 1003);
    assert_eq!(house.log().len(), before, "nothing of it is recorded");
    send(ticket, &document, &signature).await.unwrap();
    // A new assessment between text and signature asks again.
    let stale = signed(&erik.key, NAMESPACE_VOTE, &house.acceptance_of(other, &document).await);
    house.assess(&acme, "dpa = \"DPA-1\"\n").await;
    assert_eq!(code(send(other, &document, &stale).await), 1003);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_names_what_is_up_and_waits_for_one_and_ends_in_time() {
    let (house, _, _, ticket) = held().await;
    house.flag("no_soc2 = \"accept\"\nno_dpa = \"hold\"").await;
    let erik = house.executive("erik", &[]).await;
    let send = async |document: String| {
        let tried = house.desk().risk_accept(erik.actor, ticket, document, "unsigned".into()).await;
        code(tried)
    };
    for (document, expected) in [
        (risk("[]", "2026-12-01"), 2001),
        (risk("[\"no_sock2\"]", "2026-12-01"), 2001),
        (soc2().replace("need = ", "ned = "), 2001),
        (soc2().replace("owner = \"Ines Roth, head of sales planning\"", "owner = \" \""), 2001),
        (risk("[\"recent_breach\"]", "2026-12-01"), 2213),
        (risk("[\"no_iso27001\"]", "2026-12-01"), 2213),
        (risk("[\"no_soc2\", \"no_dpa\"]", "2026-12-01"), 2213),
        (risk("[\"no_soc2\"]", "2026-11-20"), 2214),
        (risk("[\"no_soc2\"]", "2027-11-23"), 2214),
        (risk("[\"no_soc2\"]", "2026-11-21"), 1003),
    ] {
        assert_eq!(send(document.clone()).await, expected, "{document}");
    }
    // What is accepted lifts no hold.
    house.accept(&erik, ticket, &soc2()).await.unwrap();
    assert_eq!(show(&house, ticket).await.state, TicketState::OnHold);
    house.flag("no_soc2 = \"accept\"\nno_iso27001 = \"accept\"").await;
    assert_eq!(show(&house, ticket).await.state, TicketState::OnHold, "one of two flags is accepted");
    house.accept(&erik, ticket, &risk("[\"no_iso27001\"]", "2026-12-01")).await.unwrap();
    assert_eq!(show(&house, ticket).await.state, TicketState::InReview);
    house.desk().ticket_withdraw(house.person(Staff::Rita), ticket, "no longer needed".into()).await.unwrap();
    assert_eq!(send(soc2()).await, 2008);
}

/// Whoever can write the ledger still has no executive's key.
#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_that_nobody_signed_as_it_stands_lets_nothing_pass() {
    let (house, _, _, ticket) = held().await;
    let (erik, document) = (house.executive("erik", &[]).await, soc2());
    let text = house.acceptance_of(ticket, &document).await;
    let view = show(&house, ticket).await;
    for (signature, state) in [
        (signed(&key(), NAMESPACE_VOTE, &text), TicketState::OnHold),
        (signed(&erik.key, NAMESPACE_VOTE, "yes"), TicketState::OnHold),
        (signed(&erik.key, NAMESPACE_VOTE, &text), TicketState::InReview),
    ] {
        let parsed = AcceptanceDocument::parse(&document).unwrap();
        let event = Event::RiskAccepted {
            document: parsed.digest(),
            revision: view.revision,
            assessment: view.assessment.unwrap(),
            flags: parsed.red_flags.iter().collect(),
            until: parsed.expires,
        };
        let detail = Detail::Acceptance { document: document.clone(), text: text.clone(), signature };
        let by = erik.actor;
        let write = house.gateway().write(move |core, tx| {
            let id = crate::gateway::facts::Facts::read(core, &*tx)?.ticket_numbered(ticket)?.id;
            tx.append(Fact::new(by, On::Ticket(id), event).with(detail))?;
            Ok(())
        });
        write.await.unwrap();
        assert_eq!(show(&house, ticket).await.state, state);
    }
}
