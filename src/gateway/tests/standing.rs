//! When an act comes too late or too early: votes, revocations of what has ended, a freeze that is lifted by two.

use super::*;
use crate::{
    domain::time::Time,
    gateway::{
        answers::Completion,
        asked::Scope,
        fixture::{ManualClock, Staff, approval},
    },
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_lift_a_freeze_is_worth_nothing_after_an_hour() {
    let clock = Arc::new(ManualClock::at(Time::from_micros(1_795_255_200_000_000)));
    let house = House::with(clock.clone()).await;
    let (desk, sam, olga) = (house.desk(), house.person(Staff::Sam), house.person(Staff::Olga));
    desk.freeze(sam, "a drill".into()).await.unwrap();
    let unfreeze = async |by| desk.unfreeze(by, "over".into()).await.unwrap().state;
    assert_eq!(unfreeze(olga).await, Completion::WaitsForSecond);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(unfreeze(sam).await, Completion::WaitsForSecond, "the first request is over");
    clock.advance(Duration::from_secs(3_599));
    assert_eq!(unfreeze(olga).await, Completion::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_count_only_while_a_ticket_is_in_review_or_suspended() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (active, withdrawn) = (house.ticket(&acme, "health").await, house.submit(&acme, "health", "").await);
    let rita = house.person(Staff::Rita);
    let vote = async |number| {
        let gate = house.desk().ticket_show(rita, number).await.unwrap().gates.remove(0).gate;
        house.vote(number, approval(gate)).await
    };
    vote(withdrawn).await.unwrap();
    house.desk().ticket_withdraw(rita, withdrawn, "no longer needed".into()).await.unwrap();
    for ended in [active, withdrawn] {
        assert_eq!(code(vote(ended).await), 2106);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_cannot_be_revoked_and_what_is_revoked_not_again() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (withdrawn, revoked) = (house.submit(&acme, "health", "").await, house.ticket(&acme, "health").await);
    house.desk().ticket_withdraw(house.person(Staff::Rita), withdrawn, "no longer needed".into()).await.unwrap();
    let before = house.log().len();
    assert_eq!(code(house.revoke(Scope::Ticket(withdrawn)).await), 2008);
    assert_eq!(house.log().len(), before, "nothing is recorded of it");
    house.revoke(Scope::Ticket(revoked)).await.unwrap();
    assert_eq!(code(house.revoke(Scope::Ticket(revoked)).await), 5001);
}
