//! What bounds one vendor's sessions, and what a receipt says of them.

use super::*;
use crate::{
    domain::{
        event::{Detail, Event, SessionEnd, Subject, TransferEnd},
        limits::{BEGINNINGS_PER_ITEM, SESSIONS_PER_VENDOR},
    },
    gateway::{
        Rejected,
        asked::Scope,
        fixture::{Staff, csv},
        vault::Shelf,
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

#[tokio::test(flavor = "multi_thread")]
async fn rejected_logins_are_one_record_for_an_address_and_it_says_why() {
    let house = House::open().await;
    let (door, here, there) = (house.door(), Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    for _ in 0..3 {
        door.note_rejected(here, Rejected::UnknownOrForeign);
    }
    door.note_rejected(here, Rejected::Protocol);
    door.note_rejected(there, Rejected::GraceExpired);
    assert_eq!(house.rejected().await, 5);
    let mut told: Vec<(String, String)> = house
        .log()
        .into_iter()
        .filter_map(|record| match (record.event, record.detail) {
            (Event::LoginsRejected { .. }, Some(Detail::Address { network, reason })) => Some((network, reason)),
            _ => None,
        })
        .collect();
    told.sort();
    let text = |network: &str, reason: &str| (network.to_owned(), reason.to_owned());
    let both = "3 by an unknown user, a foreign key or from a foreign address, 1 by breaking the protocol";
    assert_eq!(told, [text("127.0.0.1", both), text("192.0.2.1", "1 without a login in time")]);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_receipt_names_every_session_although_what_it_revoked_is_purged_at_the_same_time() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let names: Vec<String> = (0..12).map(|n| format!("f{n}.csv")).collect();
    let content = csv(1_000);
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &content[..])).collect();
    let delivery = house.deliver(ticket, &files).await;
    let purging = Arc::new(AtomicBool::new(true));
    let mut purges = JoinSet::new();
    let (gateway, goes_on) = (house.gateway().clone(), purging.clone());
    purges.spawn_blocking(move || {
        while goes_on.load(Ordering::SeqCst) {
            gateway.purge_what_is_due().unwrap();
        }
    });
    for name in &names {
        let (mut opened, mut owners) = (BTreeSet::new(), JoinSet::new());
        for _ in 0..3 {
            let cord = Arc::new(Cord::default());
            let attempt = attempt(&acme, Ipv4Addr::LOCALHOST);
            let pickup = house.door().login(attempt, line(), cord.clone()).await.unwrap();
            let download = pickup.open(&path(&format!("/{delivery}/{name}.age"))).unwrap().begin().await.unwrap();
            opened.insert(pickup.session());
            owners.spawn(async move {
                cord.pulled.notified().await;
                download.finish(TransferEnd::SessionEnded).await;
                pickup.close(SessionEnd::Severed).await;
            });
        }
        let receipt = house.revoke(Scope::File(house.file(ticket, name).await)).await.unwrap();
        owners.join_all().await;
        let named: BTreeSet<_> = receipt.sessions.rows.iter().map(|cut| cut.session).collect();
        assert_eq!(named, opened, "{name}");
    }
    purging.store(false, Ordering::SeqCst);
    purges.join_all().await;
}

impl House {
    /// How many keys and stored objects of a file there still are.
    fn objects_of(&self, file: crate::domain::ids::FileId) -> usize {
        let gateway = self.gateway();
        let objects = gateway.look(|facts| Ok(facts.file(file)?.objects())).unwrap();
        let keys = objects.iter().filter(|id| gateway.ledger.read(|view| view.keys_get(**id)).unwrap().is_some()).count();
        let stored = objects.iter().filter(|id| gateway.objects.open(Shelf::Sealed, **id).is_ok()).count();
        keys + stored
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_that_are_due_lose_their_keys_together_before_the_first_is_called_purged() {
    let mut house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let content = csv(1_000);
    let names: Vec<String> = (0..20).map(|n| format!("f{n}.csv")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &content[..])).collect();
    let delivery = house.deliver(ticket, &files).await;
    // Its own turns are over: one purge is all there is.
    house.rest().await;
    house.gateway().core.stopping.store(false, Ordering::SeqCst);
    house.revoke(Scope::Delivery(delivery)).await.unwrap();
    let report = house.desk().purge(house.person(Staff::Olga)).await.unwrap();
    assert_eq!((report.certificates.rows.len(), report.failed.len()), (20, 0));
    // Every leaf before stands before every leaf after: in between the log was emptied once, for all of them.
    let log: Vec<_> = house.log().into_iter().map(|record| record.event).collect();
    let last_begun = log.iter().rposition(|event| matches!(event, Event::PurgeBegun { .. })).unwrap();
    let purged = log[last_begun..].iter().filter(|event| matches!(event, Event::Purged)).count();
    assert_eq!(purged, 20);
    for name in &names {
        let file = house.file(ticket, name).await;
        assert_eq!(house.objects_of(file), 0, "{name}");
    }
}
