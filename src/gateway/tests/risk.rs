//! A vendor's red flags: who sees them, what the policy makes of them, and how what they held goes on.

use super::*;
use crate::{
    domain::{policy::Consequence, vendor::RedFlag},
    gateway::{
        answers::{TicketState, VendorState},
        fixture::{Staff, approval, csv},
    },
};

const SOC2: &str = "[assessment.soc2]\ntype = 2\nfrom = \"2099-01-01\"\nuntil = \"2099-12-31\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn red_flags_are_shown_with_the_vendor_and_with_each_of_its_tickets_and_stop_nothing_by_themselves() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let (desk, rita) = (house.desk(), house.person(Staff::Rita));
    let vendor = desk.vendor_show(rita, acme.id.clone()).await.unwrap();
    assert!(vendor.red_flags.iter().any(|raised| raised.flag == RedFlag::NoSoc2 && raised.consequence == Consequence::Note));
    assert_eq!(desk.vendor_list(rita).await.unwrap().rows[0].red_flags, vendor.red_flags.len() as u64);
    let shown = desk.ticket_show(rita, ticket).await.unwrap();
    assert_eq!((shown.red_flags, shown.state), (vendor.red_flags, TicketState::Active));
    house.assess(&acme, SOC2).await;
    let after = desk.vendor_show(rita, acme.id.clone()).await.unwrap();
    assert!(after.red_flags.iter().all(|raised| raised.flag != RedFlag::NoSoc2));
    assert!(after.record.iter().any(|line| line.what == "SOC 2" && line.says == "type 2, 2099-01-01 to 2099-12-31"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_red_flag_that_the_policy_holds_for_puts_tickets_on_hold_until_a_confirmed_record_cures_it() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    house.flag("no_soc2 = \"hold\"").await;
    let ticket = house.submit(&acme, "business", "").await;
    let (desk, rita) = (house.desk(), house.person(Staff::Rita));
    let show = async || desk.ticket_show(rita, ticket).await.unwrap();
    let held = show().await;
    assert_eq!(held.state, TicketState::OnHold);
    assert!(held.why_not_active[0].what.contains("red flag no_soc2"), "{:?}", held.why_not_active);
    assert!(held.red_flags.iter().any(|raised| raised.flag == RedFlag::NoSoc2 && raised.consequence == Consequence::Hold));
    let vendor = desk.vendor_show(rita, acme.id.clone()).await.unwrap();
    assert_eq!(vendor.state, VendorState::Suspended);
    // Nobody votes on it meanwhile.
    let gate = held.gates.into_iter().next().unwrap();
    let voted = house.vote(ticket, approval(gate.gate)).await;
    assert_eq!(code(voted), 2205);
    // A record that was filed and not confirmed cures nothing; confirmed, the ticket goes on by itself.
    let filed = house.file_assessment(&acme, SOC2).await;
    assert_eq!(show().await.state, TicketState::OnHold);
    for staff in [Staff::Olga, Staff::Sam] {
        house.confirm(&acme, filed, staff).await.unwrap();
    }
    assert_eq!(show().await.state, TicketState::InReview);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_begins_to_hold_for_a_red_flag_suspends_what_runs_and_cuts_who_reads() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let place = path(&format!("/{delivery}/orders.csv.age"));
    let pickup = log_in(&house, &acme).await.unwrap();
    assert!(pickup.open(&place).is_ok());
    house.flag("no_security_contact = \"hold\"").await;
    let show = async || house.desk().ticket_show(house.person(Staff::Rita), ticket).await.unwrap();
    assert_eq!(show().await.state, TicketState::Suspended);
    assert!(pickup.open(&place).is_err());
    // Its votes stand: with the policy as it was it goes on.
    house.flag("no_security_contact = \"note\"").await;
    assert_eq!(show().await.state, TicketState::Active);
}
