//! Break-glass: what a sealed identity may do, that its use is seen, and by whom it is closed.

use super::*;
use crate::{
    domain::{
        event::{Actor, Event, Fact, Subject as On},
        ids::TicketNumber,
        people::Role,
        signature::PublicKey,
        time::Time,
    },
    gateway::{
        answers::{BrokenGlassRow, Completion, Done, TicketState},
        fixture::{ManualClock, Staff, key},
    },
};
use std::{collections::BTreeSet, time::Duration};

async fn enrol(house: &House, name: &str, roles: &[Role]) -> Result<(Actor, PublicKey), Refused> {
    let public = PublicKey::new(key().public_key()).unwrap();
    for by in [Staff::Olga, Staff::Sam] {
        let roles: BTreeSet<Role> = roles.iter().copied().collect();
        house.desk().staff_enroll(house.person(by), name.parse().unwrap(), roles, public.clone(), None).await?;
    }
    let listed = house.desk().staff_list(house.person(Staff::Olga)).await.unwrap().rows;
    let id = listed.iter().find(|row| row.name.as_str() == name).unwrap().id;
    Ok((Actor::Person { id, key: public.fingerprint() }, public))
}

async fn house() -> (House, Arc<ManualClock>, Actor, PublicKey) {
    let clock = Arc::new(ManualClock::at(Time::from_micros(1_795_255_200_000_000)));
    let house = House::with(clock.clone()).await;
    let (sealed, key) = enrol(&house, "sealed", &[Role::BreakGlass]).await.unwrap();
    (house, clock, sealed, key)
}

fn uses(house: &House) -> Vec<u64> {
    house.log().iter().filter(|record| record.event == Event::BreakGlassUsed).map(|record| record.index).collect()
}

async fn list(house: &House) -> Vec<BrokenGlassRow> {
    house.desk().break_glass_list(house.person(Staff::Pia)).await.unwrap().rows
}

async fn review(house: &House, by: Actor, used: u64) -> Result<Done, Refused> {
    house.desk().break_glass_review(by, used, "the responders were out of reach".into()).await
}

async fn state(house: &House, number: TicketNumber) -> TicketState {
    house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_use_is_on_record_before_what_it_asks_for_and_is_closed_by_two_others() {
    let (house, clock, sealed, key) = house().await;
    assert!(uses(&house).is_empty());
    let asks = async || drop(house.desk().who(&key).await.unwrap());
    asks().await;
    house.desk().freeze(sealed, "nobody answers".into()).await.unwrap();
    asks().await;
    let [used] = uses(&house)[..] else { panic!("{:?}", uses(&house)) };
    let frozen = house.log().into_iter().find(|record| record.event == Event::Frozen).unwrap();
    assert!(used < frozen.index && frozen.by == sealed);
    let problems =
        |status: crate::gateway::answers::Status| status.problems.into_iter().map(|problem| problem.command).collect::<Vec<_>>();
    let command = format!("egressctl break-glass review {used} --reason \"WHAT IT WAS\"");
    let seen = problems(house.desk().status(house.person(Staff::Olga)).await.unwrap());
    assert!(seen.contains(&command), "{seen:?}");

    // Later, or once somebody has looked, it is another use.
    clock.advance(Duration::from_secs(3_600));
    asks().await;
    assert_eq!(uses(&house).len(), 2);
    review(&house, house.person(Staff::Pia), uses(&house)[1]).await.unwrap();
    asks().await;
    assert_eq!(uses(&house).len(), 3);

    for staff in [Staff::Olga, Staff::Rita, Staff::Bela, Staff::Vera] {
        assert_eq!(code(review(&house, house.person(staff), used).await), 1006, "{staff:?}");
    }
    assert_eq!(code(review(&house, sealed, used).await), 1006, "nobody closes their own");
    assert_eq!(code(review(&house, house.person(Staff::Pia), used + 1).await), 1021);
    assert_eq!(review(&house, house.person(Staff::Pia), used).await.unwrap().state, Completion::WaitsForSecond);
    assert_eq!(code(review(&house, house.person(Staff::Pia), used).await), 1022);
    assert!(list(&house).await.iter().all(|row| row.open));
    assert_eq!(review(&house, house.person(Staff::Sam), used).await.unwrap().state, Completion::Done);
    assert_eq!(code(review(&house, house.person(Staff::Sam), used).await), 1022);
    assert!(list(&house).await.iter().all(|row| row.open == (row.leaf != used)));
    let seen = problems(house.desk().status(house.person(Staff::Olga)).await.unwrap());
    assert!(!seen.contains(&command), "{seen:?}");
    assert_eq!(list(&house).await.last().unwrap().reviewed_by.len(), 2);
}

/// Whoever can write the ledger writes what closes it.
#[tokio::test(flavor = "multi_thread")]
async fn reviews_by_its_own_holder_and_twice_by_one_person_close_nothing() {
    let (house, _, sealed, key) = house().await;
    house.desk().who(&key).await.unwrap();
    let used = uses(&house)[0];
    let pia = house.person(Staff::Pia);
    for by in [sealed, pia, pia, Actor::System] {
        let write = house.gateway().write(move |_, tx| {
            tx.append(Fact::new(by, On::Staff, Event::BreakGlassReviewed { used }))?;
            Ok(())
        });
        write.await.unwrap();
    }
    assert!(list(&house).await[0].open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_identity_stops_and_restores_with_another_and_approves_enrols_and_reads_no_log() {
    let (house, _, sealed, _) = house().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    let desk = house.desk();
    assert_eq!(code(enrol(&house, "sealed-2", &[Role::BreakGlass, Role::Operator]).await), 1020);
    let public = PublicKey::new(key().public_key()).unwrap();
    assert_eq!(code(desk.staff_enroll(sealed, "x".parse().unwrap(), [Role::Operator].into(), public, None).await), 1006);
    assert_eq!(code(desk.ticket_activate(sealed, number).await), 1006);
    assert_eq!(code(desk.audit_tail(sealed, None, 1).await), 1006);

    let (why, (other, _)) = (|| "nobody answers".to_owned(), enrol(&house, "sealed-2", &[Role::BreakGlass]).await.unwrap());
    desk.ticket_suspend(sealed, number, why()).await.unwrap();
    desk.ticket_resume(sealed, number, why()).await.unwrap();
    assert_eq!(code(desk.ticket_resume(other, number, why()).await), 2209, "two envelopes are one cupboard");
    desk.ticket_resume(house.person(Staff::Olga), number, why()).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
    desk.freeze(sealed, why()).await.unwrap();
    desk.unfreeze(other, why()).await.unwrap();
    assert_eq!(code(desk.unfreeze(sealed, why()).await), 5005);
    desk.unfreeze(house.person(Staff::Olga), why()).await.unwrap();
    desk.revoke(sealed, crate::gateway::asked::Scope::Ticket(number), why()).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Revoked);
}
