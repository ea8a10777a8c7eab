//! Who may do what around one ticket, where the policy narrows a role or keeps acts apart.

use super::*;
use crate::{
    domain::{
        event::Actor,
        ids::TicketNumber,
        people::{Gate, Role},
        signature::PublicKey,
    },
    gateway::{
        answers::TicketState,
        fixture::{self, Staff, approval},
    },
};
use std::collections::BTreeSet;

const POLICY: &str = include_str!("../../../config/policy.toml");

async fn under(house: &House, more: &str) {
    house.reload_policy(&format!("{POLICY}\n{more}\n")).await;
}

async fn vote(house: &House, number: TicketNumber, gate: Gate) -> Result<(), Refused> {
    house.vote(number, approval(gate)).await.map(drop)
}

async fn state(house: &House, number: TicketNumber) -> TicketState {
    house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_out_of_scope_cannot_vote_and_a_vote_that_falls_out_of_it_suspends() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (active, submitted) = (house.ticket(&acme, "behaviour").await, house.submit(&acme, "behaviour", "").await);
    under(
        &house,
        "[[scope]]\nrole = \"data_owner\"\npeople = [\"somebody-else\"]\n[[scope]]\nrole = \"data_owner\"\nvendors = [\"other\"]",
    )
    .await;
    assert_eq!(code(vote(&house, submitted, Gate::DataOwner).await), 2121);
    vote(&house, submitted, Gate::Privacy).await.unwrap();
    assert_eq!(state(&house, active).await, TicketState::Suspended);
    under(&house, "[[scope]]\nrole = \"data_owner\"\npeople = [\"dora\"]\nvendors = [\"acme\"]").await;
    assert_eq!(state(&house, active).await, TicketState::Active, "her vote answers the same question still");
    vote(&house, submitted, Gate::DataOwner).await.unwrap();
}

/// Vera filed the vendor, Olga and Sam confirmed it.
#[tokio::test(flavor = "multi_thread")]
async fn acts_that_the_policy_keeps_apart_take_two_people_in_either_order() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let approved = house.submit(&acme, "business", "").await;
    vote(&house, approved, Gate::Business).await.unwrap();
    vote(&house, approved, Gate::Security).await.unwrap();
    assert_eq!(state(&house, approved).await, TicketState::Approved);
    let activate = async || house.desk().ticket_activate(house.person(Staff::Olga), approved).await;

    under(&house, "[[apart]]\nacts = [\"activate\", \"confirm_vendor\"]").await;
    assert_eq!(code(activate().await), 2122);
    under(&house, "[[apart]]\nacts = [\"vote\", \"file_vendor\"]").await;
    let cards = house.submit(&acme, "direct_identifier", "").await;
    assert_eq!(code(vote(&house, cards, Gate::VendorRisk).await), 2122);
    under(&house, "").await;
    activate().await.unwrap();

    // The other way round: who acted on a ticket of the vendor neither files nor confirms it anew.
    vote(&house, cards, Gate::VendorRisk).await.unwrap();
    let anew = fixture::Vendor { login: fixture::key(), ..acme };
    let sub_rule = "[[apart]]\nacts = [\"vote\", \"file_vendor\"]\n[[apart]]\nacts = [\"activate\", \"confirm_vendor\"]";
    under(&house, sub_rule).await;
    assert_eq!(code(house.put_forward(&anew).await), 2122);
    under(&house, "[[apart]]\nacts = [\"activate\", \"confirm_vendor\"]").await;
    let revision = house.put_forward(&anew).await.unwrap();
    assert_eq!(code(house.confirm(&anew, revision, Staff::Olga).await), 2122);
    house.confirm(&anew, revision, Staff::Sam).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_files_a_vendor_may_be_kept_from_asking_for_it() {
    let house = House::open().await;
    house.vendor("acme").await;
    let public = PublicKey::new(fixture::key().public_key()).unwrap();
    for by in [Staff::Olga, Staff::Sam] {
        let roles = BTreeSet::from([Role::Requester, Role::Operator]);
        house.desk().staff_enroll(house.person(by), "both".parse().unwrap(), roles, public.clone(), None).await.unwrap();
    }
    let both = Actor::Person { id: house.desk().who(&public).await.unwrap().id, key: public.fingerprint() };
    let document = || include_str!("../../../config/ticket.toml").to_owned();
    under(&house, "[[apart]]\nacts = [\"submit\", \"file_vendor\"]").await;
    let first = house.desk().ticket_submit(both, document()).await.unwrap();
    let filed = house.desk().vendor_add(both, include_str!("../../../config/vendor.toml").to_owned()).await;
    assert_eq!(code(filed), 2122);
    under(&house, "").await;
    house.desk().vendor_add(both, include_str!("../../../config/vendor.toml").to_owned()).await.unwrap();
    under(&house, "[[apart]]\nacts = [\"submit\", \"file_vendor\"]").await;
    assert_eq!(code(house.desk().ticket_submit(both, document()).await), 2122);
    let fewer = document().replace("max_rows = 100000", "max_rows = 90000");
    assert_eq!(code(house.desk().ticket_revise(both, first.ticket, first.revision, fewer).await), 2122);
}
