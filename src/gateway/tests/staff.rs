//! The staff's keys: until when one counts, what is left of one that is over, and of one that is revoked.

use super::*;
use crate::{
    domain::{
        event::{Actor, Decision, Detail, Event, Fact, Subject as On},
        ids::TicketNumber,
        limits,
        people::{Gate, Role},
        signature::{NAMESPACE_VOTE, PublicKey},
        time::{Day, Time, days},
    },
    gateway::{
        answers::{Completion, StaffState, TicketState, VoteStanding},
        asked::Scope,
        fixture::{ManualClock, Staff, approval, key, signed},
    },
};
use russh::keys::PrivateKey;
use std::collections::BTreeSet;

/// 2026-11-21T10:00:00Z.
const TODAY: Time = Time::from_micros(1_795_255_200_000_000);

fn day(text: &str) -> Option<Day> {
    Some(Day::try_from(text.to_owned()).unwrap())
}

/// A business approver until the end of 2026-11-30.
async fn house() -> (House, Arc<ManualClock>, Actor, PrivateKey) {
    let clock = Arc::new(ManualClock::at(TODAY));
    let house = House::with(clock.clone()).await;
    let private = key();
    let public = PublicKey::new(private.public_key()).unwrap();
    let enrol = async |by: Staff, until| {
        let roles = BTreeSet::from([Role::BusinessApprover]);
        house.desk().staff_enroll(house.person(by), "bruno".parse().unwrap(), roles, public.clone(), until).await
    };
    assert_eq!(code(enrol(Staff::Olga, day("2026-11-20")).await), 1019, "over before it began");
    enrol(Staff::Olga, day("2026-11-30")).await.unwrap();
    // Another last day is another proposal.
    assert_eq!(enrol(Staff::Sam, None).await.unwrap().state, Completion::WaitsForSecond);
    enrol(Staff::Sam, day("2026-11-30")).await.unwrap();
    let id = house.desk().who(&public).await.unwrap().id;
    (house, clock, Actor::Person { id, key: public.fingerprint() }, private)
}

async fn state(house: &House, number: TicketNumber) -> TicketState {
    house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap().state
}

async fn vote(house: &House, (by, private): (Actor, &PrivateKey), number: TicketNumber) -> Result<(), Refused> {
    let (asked, ballot) = (house.asked(number, Gate::Business).await, approval(Gate::Business));
    let signature = signed(private, NAMESPACE_VOTE, &ballot.text(&asked));
    house.desk().ticket_vote(by, asked, ballot, signature).await.map(drop)
}

fn its_key(by: Actor) -> Scope {
    let Actor::Person { key, .. } = by else { panic!("{by:?}") };
    Scope::Key(key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_last_day_is_over_signs_nothing_more_and_what_it_signed_before_stands() {
    let (house, clock, by, private) = house().await;
    let acme = house.vendor("acme").await;
    let (early, late) = (house.submit(&acme, "business", "").await, house.submit(&acme, "business", "").await);
    clock.advance(days(9));
    vote(&house, (by, &private), early).await.unwrap();
    house.vote(early, approval(Gate::Security)).await.unwrap();
    house.vote(late, approval(Gate::Security)).await.unwrap();
    clock.advance(days(1));
    assert_eq!(state(&house, early).await, TicketState::Approved);
    assert_eq!(code(vote(&house, (by, &private), late).await), 1018);
    assert_eq!(code(house.desk().vendor_list(by).await), 1018, "nor does it look");
    let listed = house.desk().staff_list(house.person(Staff::Olga)).await.unwrap().rows;
    let bruno = listed.iter().find(|row| row.name.as_str() == "bruno" && row.state != StaffState::Proposed).unwrap();
    assert_eq!((bruno.state, bruno.until.as_deref()), (StaffState::Expired, Some("2026-11-30")));
    let told = house.desk().explain(house.person(Staff::Olga), "bruno".parse().unwrap()).await.unwrap();
    assert!(told.because[0].contains("counted until 2026-11-30; what it signed before stands"), "{told:?}");

    // Whoever has the old key and can write the ledger puts a genuine signature there, and nothing opens.
    let (asked, ballot) = (house.asked(late, Gate::Business).await, approval(Gate::Business));
    let signature = signed(&private, NAMESPACE_VOTE, &ballot.text(&crate::domain::vote::Asked { after: None, ..asked }));
    let write = house.gateway().write(move |core, tx| {
        let id = crate::gateway::facts::Facts::read(core, &*tx)?.ticket_numbered(late)?.id;
        let crate::domain::vote::Asked { question, revision, policy, .. } = asked;
        let event =
            Event::TicketVoted { gate: Gate::Business, decision: Decision::Approve, because: None, question, revision, policy };
        let detail = Detail::Vote { reason: ballot.reason, comments: Vec::new(), terms: Vec::new(), signature };
        tx.append(Fact::new(by, On::Ticket(id), event).with(detail))?;
        Ok(())
    });
    write.await.unwrap();
    assert_eq!(state(&house, late).await, TicketState::InReview);
    let gates = house.desk().ticket_show(house.person(Staff::Rita), late).await.unwrap().gates;
    let business = gates.iter().find(|gate| gate.gate == Gate::Business).unwrap();
    assert_eq!((business.have, business.votes[0].standing), (0, VoteStanding::NotAdmitted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_staff_key_does_nothing_more_and_its_votes_and_what_rests_on_them_fall() {
    let (house, _, by, private) = house().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "business", "").await;
    vote(&house, (by, &private), number).await.unwrap();
    house.vote(number, approval(Gate::Security)).await.unwrap();
    house.desk().ticket_activate(house.person(Staff::Olga), number).await.unwrap();
    assert_eq!(code(house.desk().revoke(house.person(Staff::Olga), its_key(by), "x".into()).await), 1006);
    house.revoke(its_key(by)).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Suspended);
    assert_eq!(code(house.desk().vendor_list(by).await), 4003);
    assert_eq!(code(house.revoke(its_key(by)).await), 5001);
    let listed = house.desk().staff_list(house.person(Staff::Olga)).await.unwrap().rows;
    assert!(listed.iter().any(|row| row.name.as_str() == "bruno" && row.state == StaffState::Revoked));
    // Somebody else answers for it.
    house.vote(number, approval(Gate::Business)).await.unwrap();
    house.resume(number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
}

/// A stolen key proposes somebody; once it counts no more, whoever completes has proposed them first.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_completes_what_a_key_proposed_that_counts_no_more() {
    let (house, clock, bruno, _) = house().await;
    let enrol = async |by: Actor, name: &str, public: &PublicKey| {
        let roles = BTreeSet::from([Role::Sysadmin]);
        house.desk().staff_enroll(by, name.parse().unwrap(), roles, public.clone(), None).await.unwrap().state
    };
    let (mallory, malo) = (PublicKey::new(key().public_key()).unwrap(), PublicKey::new(key().public_key()).unwrap());
    let (olga, sam) = (house.person(Staff::Olga), house.person(Staff::Sam));
    assert_eq!(enrol(bruno, "mallory", &mallory).await, Completion::WaitsForSecond);
    clock.advance(days(10));
    assert_eq!(enrol(sam, "mallory", &mallory).await, Completion::WaitsForSecond, "its last day is over");
    assert_eq!(enrol(olga, "mallory", &mallory).await, Completion::Done);

    let by = Actor::Person { id: house.desk().who(&mallory).await.unwrap().id, key: mallory.fingerprint() };
    assert_eq!(enrol(by, "malo", &malo).await, Completion::WaitsForSecond);
    house.revoke(its_key(by)).await.unwrap();
    assert_eq!(enrol(house.person(Staff::Rita), "malo", &malo).await, Completion::WaitsForSecond, "it is revoked");
    assert!(house.desk().who(&malo).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_persons_proposals_only_so_many_wait_and_others_propose_on() {
    let house = House::open().await;
    let public = PublicKey::new(key().public_key()).unwrap();
    let propose = async |by: Staff, name: String| {
        let roles = BTreeSet::from([Role::Auditor]);
        house.desk().staff_enroll(house.person(by), name.parse().unwrap(), roles, public.clone(), None).await
    };
    for n in 0..limits::PROPOSALS_EACH {
        propose(Staff::Rita, format!("p{n}")).await.unwrap();
    }
    assert_eq!(code(propose(Staff::Rita, "one-more".into()).await), 2114);
    propose(Staff::Pia, "another".into()).await.unwrap();
    // What another began is completed all the same.
    assert_eq!(propose(Staff::Sam, "p0".into()).await.unwrap().state, Completion::Done);
}
