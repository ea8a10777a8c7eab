//! What is said of that which is released and not served, or will never move: the truth, and whose move it is.

use super::*;
use crate::gateway::{
    answers::{Blocker, DeliveryView},
    asked::{DeliveryPath, Scope, ScopeKind, Subject},
    fixture::{Staff, csv},
};

async fn view(house: &House, delivery: DeliveryPath) -> DeliveryView {
    house.desk().delivery_show(house.person(Staff::Olga), delivery.ticket, delivery.number).await.unwrap()
}

fn whats(blockers: &[Blocker]) -> String {
    blockers.iter().map(|blocker| format!("{} ({}); ", blocker.what, blocker.who)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_delivery_that_nobody_can_fetch_says_why_in_the_words_of_the_door() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket_over(&acme, "health", "\"https\"").await;
    let delivery = house.deliver(ticket, &[("a.csv", &csv(100))]).await;
    assert_eq!(view(&house, delivery).await.why_not_served, []);
    // Over SSH it was never to be had: whose certificate is revoked gets nothing.
    let keys = house.desk().key_list(house.person(Staff::Olga), Some(acme.id.clone())).await.unwrap().rows;
    let tls = keys.iter().find(|row| row.algorithm.contains("TLS")).unwrap();
    house.revoke(Scope::parse(ScopeKind::Key, &tls.key).unwrap()).await.unwrap();
    let why = whats(&view(&house, delivery).await.why_not_served);
    assert!(why.contains("does not allow sftp"), "{why}");
    house.desk().freeze(house.person(Staff::Sam), "a drill".into()).await.unwrap();
    let why = whats(&view(&house, delivery).await.why_not_served);
    assert!(why.contains("the gateway is frozen"), "{why}");
    let told = house.desk().explain(house.person(Staff::Olga), Subject::Delivery(delivery)).await.unwrap();
    assert!(told.headline.contains("cannot fetch") && told.who.contains("two people"), "{told:?}");
    // What is revoked is ended, and says that once.
    house.revoke(Scope::Delivery(delivery)).await.unwrap();
    let revoked = view(&house, delivery).await;
    assert!(revoked.why_not_served.is_empty() && !revoked.ended_by.is_empty(), "{revoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_file_of_a_delivery_is_named_and_the_rest_of_it_has_not_ended() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let delivery = house.deliver(ticket, &[("a.csv", &csv(100)), ("b.csv", &csv(100))]).await;
    let file = house.file(ticket, "a.csv").await;
    house.revoke(Scope::File(file)).await.unwrap();
    let shown = view(&house, delivery).await;
    let why = whats(&shown.why_not_served);
    assert!(why.contains("a.csv.age: ") && !why.contains("b.csv"), "{why}");
    assert!(shown.ended_by.is_empty(), "one file of two ends nothing: {shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rests_on_a_revoked_vendor_waits_for_nobody() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.submit(&acme, "health", "").await;
    house.drop_file(ticket, "a.csv", &csv(100));
    let olga = house.person(Staff::Olga);
    let waiting =
        async || house.desk().file_list(olga, Some(ticket)).await.unwrap().rows.into_iter().find(|row| row.id.is_some());
    crate::gateway::fixture::until("the file waits", waiting).await;
    house.revoke(Scope::Vendor(acme.id.clone())).await.unwrap();
    let file = house.desk().explain(olga, format!("{ticket}/a.csv").parse().unwrap()).await.unwrap();
    let delivery = house.desk().explain(olga, format!("{ticket}/0001").parse().unwrap()).await.unwrap();
    for told in [file, delivery] {
        let words = format!("{} {} {}", told.because.join("; "), told.who, told.commands.join("; "));
        assert!(!words.contains("reviewers") && !words.contains("operator") && !words.contains("close"), "{words}");
    }
}
