//! A gateway that ends and opens again: with everything it had, and with no other master key.

use super::*;
use crate::gateway::fixture::csv;

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_is_refused_at_the_start_and_the_right_one_finds_everything_as_it_was() {
    let mut house = House::open().await;
    let vendor = house.vendor("acme").await;
    let ticket = house.ticket(&vendor, "health").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    house.stop().await;
    let fault = house.refusal_of_another_master().await;
    assert!(fault.contains("keys.master") && fault.contains("none of the 2 keys"), "{fault}");
    house.start().await;
    assert_eq!(house.deliveries(ticket).await, [delivery]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_takes_a_file_from_staging_to_release_and_reopens() {
    let mut house = House::open().await;
    let vendor = house.vendor("acme").await;
    let ticket = house.ticket(&vendor, "health").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(10_000))]).await;
    assert_eq!(delivery.to_string(), format!("{ticket}/0001"));
    house.stop().await;
    house.start().await;
    assert_eq!(house.deliveries(ticket).await, [delivery]);
}
