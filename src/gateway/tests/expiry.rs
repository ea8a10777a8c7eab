//! What ends soon is said in time, once for each number of days; what has ended stops what rests on it.

use super::*;
use crate::{
    domain::{
        digest::Digest,
        event::{Actor, Event},
        time::{Day, Time, days},
        vendor::Ending,
    },
    gateway::{
        answers::TicketState,
        fixture::{Clock, ManualClock, Staff, csv},
    },
};
use std::time::Duration;

/// 2026-11-21T10:00:00Z.
const TODAY: Time = Time::from_micros(1_795_255_200_000_000);

/// The ISO certificate ends with 2027-01-21: the sixtieth day before is tomorrow.
const ISO: &str = "[assessment.iso27001]\nnumber = \"IS 1\"\nexpires = \"2027-01-21\"\n";

fn day(text: &str) -> Day {
    Day::try_from(text.to_owned()).unwrap()
}

/// What the gateway does every minute.
fn turn(house: &House) {
    tokio::task::block_in_place(|| house.gateway().notice_what_ends_soon()).unwrap();
}

/// The notices on record, oldest first.
fn noticed(house: &House) -> Vec<(Ending, Day, u32)> {
    let all = house.log().into_iter().filter_map(|record| match record.event {
        Event::ExpiryNear { ending, until, days } => {
            assert_eq!(record.by, Actor::System);
            Some((ending, until, days))
        }
        _ => None,
    });
    all.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_notice_is_given_once_and_after_a_pause_the_tightest_alone() {
    let clock = Arc::new(ManualClock::at(TODAY));
    let mut house = House::with(clock.clone()).await;
    let acme = house.vendor("acme").await;
    house.assess(&acme, ISO).await;
    house.rest().await;
    let until = day("2027-01-21");
    let (mut given, mut before) = (Vec::new(), Vec::new());
    // Hour by hour down to the end and beyond it: each is given when its time comes, and no other.
    for _ in 0..64 * 24 {
        turn(&house);
        turn(&house);
        let now = noticed(&house);
        if now.len() > before.len() {
            given.push((now.len() - before.len(), until.ends().since(clock.now())));
            before = now;
        }
        clock.advance(Duration::from_secs(3_600));
    }
    assert_eq!(before, [60, 30, 14, 7, 1].map(|left| (Ending::Iso27001, until, left)));
    for ((count, left), notice) in given.into_iter().zip([60, 30, 14, 7, 1]) {
        assert!(count == 1 && left <= days(notice) && left > days(notice) - Duration::from_secs(3_600), "{notice}: {left:?}");
    }
    // Another end is another matter; of five that are due one is given.
    house.assess(&acme, &ISO.replace("2027-01-21", "2027-02-02")).await;
    turn(&house);
    let late = noticed(&house).pop().unwrap();
    assert_eq!((late.0, late.1, noticed(&house).len()), (Ending::Iso27001, day("2027-02-02"), 6));
    assert_eq!(late.2, 14, "of 60, 30 and 14 that are due the tightest alone");
    // Nothing of it is forgotten over a restart.
    house.stop().await;
    house.start().await;
    house.rest().await;
    turn(&house);
    assert_eq!(noticed(&house).len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_soc2_and_the_assessment_have_notices_and_what_counts_for_nobody_has_none() {
    let clock = Arc::new(ManualClock::at(TODAY));
    let mut house = House::with(clock.clone()).await;
    let (acme, umbra) = (house.vendor("acme").await, house.vendor("umbra").await);
    house.rest().await;
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    let until = day("2026-12-01");
    let mut tokens = Vec::new();
    for vendor in [&acme, &acme, &umbra] {
        let token = Digest::of(format!("token {}", tokens.len()).as_bytes());
        desk.vendor_token(olga, vendor.id.clone(), token, until).await.unwrap();
        tokens.push(token);
    }
    // The second one nobody confirmed; the third one's vendor is revoked.
    house.confirm_token(Staff::Sam, &acme, tokens[0], until).await.unwrap();
    house.confirm_token(Staff::Sam, &umbra, tokens[2], until).await.unwrap();
    house.assess(&acme, "[assessment.soc2]\ntype = 2\nfrom = \"2024-12-01\"\nuntil = \"2025-11-25\"\n").await;
    house.revoke(crate::gateway::asked::Scope::Vendor(umbra.id.clone())).await.unwrap();
    turn(&house);
    assert_eq!(noticed(&house), [(Ending::Soc2, day("2026-11-25"), 7), (Ending::Token(tokens[0]), until, 14)]);
    // What is revoked meanwhile is told no more.
    house.revoke(crate::gateway::asked::Scope::Key(tokens[0])).await.unwrap();
    clock.advance(days(5));
    turn(&house);
    assert_eq!(noticed(&house).len(), 2, "the report has ended, the token is revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_certificate_suspends_what_runs_if_the_policy_says_so() {
    let clock = Arc::new(ManualClock::at(TODAY));
    let house = House::with(clock.clone()).await;
    let acme = house.vendor("acme").await;
    house.assess(&acme, &ISO.replace("2027-01-21", "2026-11-30")).await;
    let ticket = house.ticket(&acme, "business").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let place = path(&format!("/{delivery}/orders.csv.age"));
    let state = async || house.desk().ticket_show(house.person(Staff::Rita), ticket).await.unwrap().state;
    let pickup = log_in(&house, &acme).await.unwrap();
    clock.advance(days(9));
    assert!(pickup.open(&place).is_ok(), "its last day counts");
    clock.advance(days(1));
    assert!(pickup.open(&place).is_ok(), "the policy says nothing of it");
    assert_eq!(state().await, TicketState::Active);
    house.flag("iso27001_expired = \"hold\"").await;
    assert_eq!(state().await, TicketState::Suspended);
    assert!(pickup.open(&place).is_err());
    // By the clock alone as well.
    house.assess(&acme, &ISO.replace("2027-01-21", "2026-12-01")).await;
    let renewed = house.ticket(&acme, "business").await;
    let state = async || house.desk().ticket_show(house.person(Staff::Rita), renewed).await.unwrap().state;
    assert_eq!(state().await, TicketState::Active);
    clock.advance(days(1));
    assert_eq!(state().await, TicketState::Suspended);
}
