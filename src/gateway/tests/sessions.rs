//! What bounds one vendor's sessions, and what a receipt says of them.

use super::*;
use crate::{
    domain::{
        event::{Event, SessionEnd, Subject, TransferEnd},
        limits::{BEGINNINGS_PER_ITEM, SESSIONS_PER_VENDOR},
    },
    gateway::{
        asked::Scope,
        fixture::{Staff, csv},
    },
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::{sync::Notify, task::JoinSet};

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_has_so_many_sessions_and_no_more_and_another_vendor_has_its_own() {
    let house = House::open().await;
    let (acme, umbra) = (house.vendor("acme").await, house.vendor("umbra").await);
    let mut logins = JoinSet::new();
    for _ in 0..SESSIONS_PER_VENDOR {
        let (door, attempt) = (house.door(), attempt(&acme, Ipv4Addr::LOCALHOST));
        logins.spawn(async move { door.login(attempt, line(), Arc::new(Unplugged)).await.unwrap() });
    }
    let mut pickups = logins.join_all().await;
    assert_eq!(code(log_in(&house, &acme).await), 4012);
    log_in(&house, &umbra).await.unwrap().close(SessionEnd::Closed).await;
    pickups.pop().unwrap().close(SessionEnd::Closed).await;
    let back = log_in(&house, &acme).await.unwrap();
    back.close(SessionEnd::Closed).await;
    for pickup in pickups {
        pickup.close(SessionEnd::Closed).await;
    }
}

/// The codes of this session's refusals that stand in the log, each as often as it does.
fn denied(house: &House) -> Vec<u16> {
    let codes = house.log().into_iter().filter_map(|record| match (record.on, record.event) {
        (Subject::Session(_), Event::SessionDenied { code }) => Some(code),
        _ => None,
    });
    codes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_begins_an_item_so_often_and_the_first_refusal_of_a_code_is_its_only_record() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket_within(&acme, "health", "max_downloads = 1\n").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let (file, manifest) = (path(&format!("/{delivery}/orders.csv.age")), path(&format!("/{delivery}/MANIFEST.json")));
    let first = log_in(&house, &acme).await.unwrap();
    // 1. Ranges of one file in one session are one download; another session has none left.
    for _ in 0..BEGINNINGS_PER_ITEM {
        first.open(&file).unwrap().begin().await.unwrap().finish(TransferEnd::Closed).await;
    }
    let second = log_in(&house, &acme).await.unwrap();
    let refused = code(second.open(&file).unwrap().begin().await);
    for _ in 0..4 {
        assert_eq!(code(second.open(&file).unwrap().begin().await), refused);
    }
    assert_eq!(denied(&house), [refused], "five refusals, one record");
    // 2. The first session may not begin this item once more; other items it may, and a new session begins anew.
    for _ in 0..5 {
        assert_eq!(code(first.open(&file).unwrap().begin().await), 4013);
    }
    assert_eq!(denied(&house), [refused, 4013]);
    for pickup in [&first, &second] {
        pickup.open(&manifest).unwrap().begin().await.unwrap().finish(TransferEnd::Closed).await;
    }
    // 3. Counted for each session alone.
    let third = log_in(&house, &acme).await.unwrap();
    assert_eq!(code(third.open(&file).unwrap().begin().await), refused);
    assert_eq!(denied(&house), [refused, 4013, refused]);
    for pickup in [first, second, third] {
        pickup.close(SessionEnd::Closed).await;
    }
}

/// A connection whose task ends when it is severed, as an endpoint's does.
#[derive(Default)]
struct Cord {
    pulled: Notify,
}

impl Severable for Cord {
    fn sever(&self) {
        self.pulled.notify_one();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_receipt_names_every_session_although_the_look_of_every_moment_runs_at_the_same_time() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let looking = Arc::new(AtomicBool::new(true));
    let mut looks = JoinSet::new();
    for _ in 0..2 {
        let (gateway, looking) = (house.gateway().clone(), looking.clone());
        looks.spawn(async move {
            while looking.load(Ordering::SeqCst) {
                gateway.cut_what_no_longer_stands().await;
                tokio::task::yield_now().await;
            }
        });
    }
    for round in 1..=20 {
        let (address, mut opened, mut owners) = (Ipv4Addr::new(127, 0, 2, round), BTreeSet::new(), JoinSet::new());
        for _ in 0..4 {
            let cord = Arc::new(Cord::default());
            let pickup = house.door().login(attempt(&acme, address), line(), cord.clone()).await.unwrap();
            opened.insert(pickup.session());
            owners.spawn(async move {
                cord.pulled.notified().await;
                pickup.close(SessionEnd::Severed).await;
            });
        }
        let receipt = house.revoke(Scope::Address(format!("{address}/32").parse().unwrap())).await.unwrap();
        owners.join_all().await;
        let named: BTreeSet<_> = receipt.sessions.rows.iter().map(|cut| cut.session).collect();
        assert_eq!(named, opened, "round {round}");
    }
    looking.store(false, Ordering::SeqCst);
    looks.join_all().await;
    let ended = house.sessions();
    assert!(ended.iter().all(|(_, how)| *how == Some(SessionEnd::Severed)), "{ended:?}");
    assert!(house.desk().session_list(house.person(Staff::Sam)).await.unwrap().rows.is_empty());
}
