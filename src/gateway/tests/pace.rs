//! Gates that are late and approvals that grow old: said once, shown, and never an approval.

use super::*;
use crate::{
    domain::{
        event::{Actor, Event},
        ids::TicketNumber,
        people::Gate,
        time::Time,
    },
    gateway::{
        answers::{GateView, TicketState, VoteStanding},
        fixture::{ManualClock, Staff, approval},
    },
};
use std::{collections::BTreeSet, time::Duration};

const POLICY: &str = include_str!("../../../config/policy.toml");
const HOUR: Duration = Duration::from_secs(3_600);

async fn house(more: &str) -> (House, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Time::from_micros(1_795_255_200_000_000)));
    let mut house = House::with(clock.clone()).await;
    house.reload_policy(&format!("{POLICY}\n{more}\n")).await;
    house.rest().await;
    (house, clock)
}

/// What the gateway does every minute, twice.
fn turns(house: &House) {
    for _ in 0..2 {
        tokio::task::block_in_place(|| house.gateway().say_what_is_late()).unwrap();
    }
}

fn said(house: &House) -> Vec<Event> {
    let late = |event: &Event| matches!(event, Event::GateOverdue { .. } | Event::ApprovalLapsed { .. });
    let records = house.log().into_iter().filter(|record| late(&record.event));
    records.inspect(|record| assert_eq!(record.by, Actor::System)).map(|record| record.event).collect()
}

async fn gates(house: &House, number: TicketNumber) -> Vec<GateView> {
    house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap().gates
}

async fn state(house: &House, number: TicketNumber) -> TicketState {
    house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_late_is_on_record_once_and_shown_with_its_hours() {
    let (house, clock) = house("[sla]\nsecurity = 72").await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "business", "").await;
    clock.advance(71 * HOUR);
    turns(&house);
    assert_eq!(said(&house), []);
    let security = |gates: Vec<GateView>| gates.into_iter().find(|view| view.gate == Gate::Security).unwrap().wait.unwrap();
    let wait = security(gates(&house, number).await);
    assert_eq!((wait.asked_hours, wait.overdue_hours, wait.by.is_some()), (71, None, true));
    clock.advance(3 * HOUR);
    turns(&house);
    assert!(matches!(said(&house)[..], [Event::GateOverdue { gate: Gate::Security, .. }]), "{:?}", said(&house));
    assert_eq!(security(gates(&house, number).await).overdue_hours, Some(2));
    let rows = house.desk().ticket_list(house.person(Staff::Rita), None, BTreeSet::new()).await.unwrap().rows;
    let waits: Vec<_> = rows[0].waits.iter().map(|wait| (wait.gate, wait.asked_hours, wait.overdue_hours)).collect();
    assert_eq!(waits, [(Gate::Business, 74, None), (Gate::Security, 74, Some(2))]);
    assert_eq!(state(&house, number).await, TicketState::InReview, "time never approves");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_grows_too_old_suspends_until_its_gate_has_answered_again_and_two_people_resume() {
    let (house, clock) = house("[review]\nevery_days = { T0 = 10 }").await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    let vote = async |view: GateView| house.vote(number, approval(view.gate)).await;
    clock.advance(239 * HOUR);
    turns(&house);
    assert_eq!((state(&house, number).await, said(&house)), (TicketState::Active, Vec::new()));
    clock.advance(HOUR);
    turns(&house);
    assert_eq!(state(&house, number).await, TicketState::Suspended);
    assert_eq!(said(&house).len(), 2, "{:?}", said(&house));
    for view in gates(&house, number).await {
        assert_eq!((view.have, view.votes[0].standing), (0, VoteStanding::Lapsed), "{view:?}");
        vote(view.clone()).await.unwrap();
        assert!(matches!(code(vote(view).await), 2106 | 2107), "once again, and not twice");
    }
    assert_eq!(state(&house, number).await, TicketState::Suspended, "two people let it go on");
    house.resume(number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
    turns(&house);
    assert_eq!(said(&house).len(), 2);
}
