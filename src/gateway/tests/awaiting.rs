//! `ticket list --awaiting me`: whoever asks is told what waits for them and nothing else, and may vote on all of it.

use super::*;
use crate::{
    domain::{
        event::{Actor, Decision},
        ids::TicketNumber,
        people::{Gate, Role},
        signature::PublicKey,
        vote::Ballot,
    },
    gateway::{
        answers::{TicketRow, TicketState},
        asked::Awaiting,
        fixture::{Staff, approval, key},
        review::eligible,
    },
};
use std::collections::BTreeSet;

const POLICY: &str = include_str!("../../../config/policy.toml");

async fn rows(house: &House, by: Actor, states: &[TicketState]) -> Vec<TicketRow> {
    house.desk().ticket_list(by, Some(Awaiting::Me), states.iter().copied().collect()).await.unwrap().rows
}

/// What waits for this member of the staff: the tickets, each with the gates.
async fn waiting(house: &House, staff: Staff) -> Vec<(TicketNumber, Vec<Gate>)> {
    let by = house.person(staff);
    let told: Vec<_> = rows(house, by, &[]).await.into_iter().map(|row| (row.ticket, row.awaits_you)).collect();
    // Each of them takes an approval, and no other of this person's gates would be listed.
    let looked = house.gateway().look(|facts| {
        let person = facts.person(by)?;
        for (number, gates) in &told {
            let ticket = facts.ticket_numbered(*number)?;
            let vendor = facts.vendor(ticket.vendor)?;
            for gate in gates {
                assert!(eligible(person, &ticket, &facts.around(&vendor), *gate, Decision::Approve).is_ok(), "{number} {gate}");
            }
        }
        Ok(())
    });
    looked.unwrap();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_is_told_what_waits_for_them_until_they_have_answered_it() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (first, second) = (house.submit(&acme, "health", "").await, house.submit(&acme, "health", "").await);
    let pia = [(second, vec![Gate::Privacy]), (first, vec![Gate::Privacy])];
    assert_eq!(waiting(&house, Staff::Pia).await, pia, "the newest first");
    assert_eq!(waiting(&house, Staff::Rita).await, [], "who asked for it holds no gate of it");
    assert_eq!(waiting(&house, Staff::Olga).await, [], "an operator holds no gate");
    house.vote(second, approval(Gate::Privacy)).await.unwrap();
    assert_eq!(waiting(&house, Staff::Pia).await, [(first, vec![Gate::Privacy])]);
    // Others are waited for as before.
    assert_eq!(waiting(&house, Staff::Sam).await.len(), 2);
    let no = Ballot {
        decision: Decision::Reject,
        because: Some("excess_fields".parse().unwrap()),
        reason: "not like this".into(),
        ..approval(Gate::Security)
    };
    house.vote(first, no).await.unwrap();
    assert_eq!(waiting(&house, Staff::Pia).await, [], "it has ended");
    assert_eq!(waiting(&house, Staff::Sam).await, [(second, vec![Gate::Security])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_comes_later_and_a_scope_that_does_not_fit_wait_for_nobody() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "health", "").await;
    house.reload_policy(&format!("{POLICY}\n[gates.security]\nafter = [\"business\"]\n")).await;
    assert_eq!(waiting(&house, Staff::Sam).await, []);
    house.vote(number, approval(Gate::Business)).await.unwrap();
    assert_eq!(waiting(&house, Staff::Sam).await, [(number, vec![Gate::Security])]);
    let elsewhere = "[[scope]]\nrole = \"security_reviewer\"\npeople = [\"sam\"]\nvendors = [\"umbra\"]\n";
    house.reload_policy(&format!("{POLICY}\n{elsewhere}")).await;
    assert_eq!(waiting(&house, Staff::Sam).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_two_roles_is_told_of_both_gates_and_after_a_vote_at_one_of_none() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "health", "").await;
    let both = PublicKey::new(key().public_key()).unwrap();
    for by in [Staff::Olga, Staff::Sam] {
        let roles = BTreeSet::from([Role::DataOwner, Role::LegalReviewer, Role::PrivacyReviewer]);
        house.desk().staff_enroll(house.person(by), "both".parse().unwrap(), roles, both.clone(), None).await.unwrap();
    }
    let by = Actor::Person { id: house.desk().who(&both).await.unwrap().id, key: both.fingerprint() };
    let told = rows(&house, by, &[]).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].awaits_you.len() >= 2, "{told:?}");
    // Whoever holds a gate by a vote holds no other: the domain's own question, since this person's key signs nothing here.
    house.vote(number, approval(Gate::Privacy)).await.unwrap();
    let told = rows(&house, by, &[]).await;
    assert!(!told[0].awaits_you.contains(&Gate::Privacy), "it has opened");
    assert_eq!(waiting(&house, Staff::Pia).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_of_the_states_that_are_asked_for_and_counts_the_same() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let active = house.ticket(&acme, "business").await;
    let waits = house.submit(&acme, "health", "").await;
    let rita = house.person(Staff::Rita);
    let list = async |states: &[TicketState]| {
        let listed = house.desk().ticket_list(rita, None, states.iter().copied().collect()).await.unwrap();
        assert_eq!(listed.left_off, 0);
        listed.rows.into_iter().map(|row| (row.ticket, row.state)).collect::<Vec<_>>()
    };
    let all = [(waits, TicketState::InReview), (active, TicketState::Active)];
    assert_eq!(list(&[]).await, all);
    assert_eq!(list(&[TicketState::Active]).await, all[1..]);
    assert_eq!(list(&[TicketState::Active, TicketState::InReview]).await, all);
    assert_eq!(list(&[TicketState::Closed]).await, []);
    assert_eq!(rows(&house, house.person(Staff::Pia), &[TicketState::Active]).await, []);
}
