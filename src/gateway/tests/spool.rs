//! A spool that is full stops what the organisation says it stops, and one that somebody emptied silences nobody.

use super::*;
use crate::{
    domain::{
        digest::Digest,
        event::{Event, Record, SessionEnd, TransferEnd},
    },
    gateway::{
        Announcements, Outbox, Spool, Told, Trouble, Unheard, WhenFull,
        fixture::{Staff, csv},
    },
};
use rusqlite::Connection;

fn announcements(when_full: WhenFull) -> Option<Announcements> {
    let wording = Arc::new(|record: &Record, hash: &Digest| format!("{} {hash}", record.index).into_bytes());
    let destinations = vec![Told { name: "siem".parse().unwrap(), to: "nowhere".into() }];
    // The first record after a start fills it.
    Some(Announcements { wording, destinations, spool: Spool { most_bytes: 1, when_full } })
}

/// Hears everything.
async fn hear(outbox: &Outbox) {
    loop {
        let batch = outbox.batch(outbox.next().unwrap()).unwrap();
        let Some(last) = batch.last() else { return };
        outbox.confirm(last.leaf + 1).await.unwrap();
    }
}

async fn problems(house: &House) -> String {
    let status = house.desk().status(house.person(Staff::Olga)).await.unwrap();
    status.problems.into_iter().map(|problem| problem.what).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_stops_egress_where_that_is_configured_until_it_was_heard() {
    let mut house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let file = path(&format!("/{delivery}/orders.csv.age"));
    for when_full in [WhenFull::Keep, WhenFull::StopEgress] {
        house.stop().await;
        house.announcements = announcements(when_full);
        house.start().await;
        let outbox = house.outbox("siem");
        let pickup = log_in(&house, &acme).await.unwrap();
        assert!(problems(&house).await.contains("wait to be forwarded"));
        if when_full == WhenFull::Keep {
            pickup.open(&file).unwrap().begin().await.unwrap().finish(TransferEnd::Closed).await;
        } else {
            assert_eq!(code(pickup.open(&file)), 4014);
            hear(&outbox).await;
            assert!(!problems(&house).await.contains("wait to be forwarded"));
            let opened = [pickup.open(&file).unwrap(), pickup.open(&file).unwrap()];
            // The first beginning fills the spool again: what was opened before does not begin any more.
            let [first, second] = opened;
            let first = first.begin().await.unwrap();
            assert_eq!(code(second.begin().await), 4014);
            // What runs goes on, and its end is recorded.
            first.finish(TransferEnd::Closed).await;
            hear(&outbox).await;
            pickup.open(&file).unwrap().begin().await.unwrap().finish(TransferEnd::Closed).await;
        }
        pickup.close(SessionEnd::Closed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_took_out_of_the_spool_is_worded_again_from_the_log() {
    let mut house = House::open().await;
    house.stop().await;
    house.announcements = announcements(WhenFull::Keep);
    house.start().await;
    let outbox = house.outbox("siem");
    house.vendor("acme").await;
    let first = outbox.next().unwrap();
    let whole = outbox.batch(first).unwrap();
    assert!(whole.len() >= 4, "{whole:?}");
    let intruder = Connection::open(house.path("state/ledger.db")).unwrap();
    // In the middle, and all of it.
    for cut in [format!("leaf = {}", first + 2), "1 = 1".to_owned()] {
        intruder.execute(&format!("DELETE FROM spool WHERE {cut}"), []).unwrap();
        let (mut told, mut next) = (Vec::new(), first);
        while told.len() < whole.len() {
            let batch = outbox.batch(next).unwrap();
            next = batch.last().expect("more of it").leaf + 1;
            told.extend(batch);
        }
        assert_eq!(told, whole);
    }
    assert!(house.observer().trouble().contains(&Trouble::SpoolEdited));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_altered_or_put_into_the_spool_goes_out_as_the_log_has_it_and_is_reported() {
    let mut house = House::open().await;
    house.stop().await;
    house.announcements = announcements(WhenFull::Keep);
    house.start().await;
    let outbox = house.outbox("siem");
    house.vendor("acme").await;
    let first = outbox.next().unwrap();
    let whole = outbox.batch(first).unwrap();
    let edited = |house: &House| house.observer().trouble().contains(&Trouble::SpoolEdited);
    assert!(whole.len() >= 4 && !edited(&house), "{whole:?}");
    let intruder = Connection::open(house.path("state/ledger.db")).unwrap();
    for (sql, leaf) in [
        ("UPDATE spool SET message = CAST('nothing happened' AS BLOB) WHERE leaf = ?1", first),
        ("UPDATE spool SET message = x'' WHERE leaf = ?1", first + 1),
        // One that was made here, in another's place.
        ("UPDATE spool SET message = (SELECT message FROM spool WHERE leaf = ?1) WHERE leaf = ?1 - 1", first + 3),
        ("INSERT INTO spool (leaf, upto, message) VALUES (?1, 0, CAST('all is well' AS BLOB))", first + 1_000),
    ] {
        assert_eq!(intruder.execute(sql, [leaf]).unwrap(), 1, "{sql}");
    }
    assert_eq!(outbox.batch(first).unwrap(), whole);
    assert!(edited(&house) && problems(&house).await.contains("somebody changed what waits"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_put_into_the_spool_where_the_log_goes_on_undoes_no_fact_keeps_no_start_and_is_reported() {
    let mut house = House::open().await;
    house.stop().await;
    house.announcements = announcements(WhenFull::Keep);
    house.start().await;
    let edited = |house: &House| house.observer().trouble().contains(&Trouble::SpoolEdited);
    for (edit, vendor) in [
        ("INSERT INTO spool SELECT max(leaf) + 1, 0, x'78' FROM leaf_hashes", "acme"),
        ("INSERT INTO spool SELECT max(leaf) + 2, 0, x'78' FROM leaf_hashes", "umbra"),
        ("INSERT INTO spool VALUES (9223372036854775807, 9223372036854775807, x'78')", "initech"),
        ("UPDATE spool SET upto = 9223372036854775807", "hooli"),
    ] {
        let ledger = house.path("state/ledger.db");
        let edit = || {
            let intruder = Connection::open(&ledger).unwrap();
            assert!(intruder.execute(edit, []).unwrap() > 0, "{edit}");
        };
        assert!(!edited(&house), "{vendor}");
        edit();
        house.vendor(vendor).await;
        assert!(problems(&house).await.contains("somebody changed what waits"), "{vendor}");
        assert!(edited(&house), "{vendor}");
        // What is told is what the log says, and nothing that was put there stays.
        let outbox = house.outbox("siem");
        let first = outbox.next().unwrap();
        let told = outbox.batch(first).unwrap();
        assert!(told.iter().zip(first..).all(|(message, leaf)| message.bytes.starts_with(format!("{leaf} ").as_bytes())));
        drop(outbox);
        house.stop().await;
        edit();
        house.start().await;
        assert!(problems(&house).await.contains("somebody changed what waits"), "{vendor}");
        assert!(edited(&house), "{vendor}");
        hear(&house.outbox("siem")).await;
        house.stop().await;
        house.start().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_edits_how_much_waits_does_not_open_what_a_full_spool_stops() {
    let mut house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let file = path(&format!("/{delivery}/orders.csv.age"));
    house.stop().await;
    house.announcements = announcements(WhenFull::StopEgress);
    for edit in ["UPDATE spool SET upto = 1 << 40 WHERE leaf = (SELECT min(leaf) FROM spool)", "DELETE FROM spool"] {
        house.start().await;
        let pickup = log_in(&house, &acme).await.unwrap();
        assert_eq!(code(pickup.open(&file)), 4014);
        assert!(!house.observer().trouble().contains(&Trouble::SpoolEdited));
        let intruder = Connection::open(house.path("state/ledger.db")).unwrap();
        assert!(intruder.execute(edit, []).unwrap() > 0);
        assert_eq!(code(pickup.open(&file)), 4014, "{edit}");
        assert!(house.observer().trouble().contains(&Trouble::SpoolEdited), "{edit}");
        assert!(problems(&house).await.contains("nobody knows how many bytes"), "{edit}");
        // It is over when all was heard, from the log.
        hear(&house.outbox("siem")).await;
        pickup.open(&file).unwrap().begin().await.unwrap().finish(TransferEnd::Closed).await;
        pickup.close(SessionEnd::Closed).await;
        hear(&house.outbox("siem")).await;
        house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_somebody_took_is_a_fault_while_it_runs_at_a_reload_and_at_a_start() {
    let mut house = House::open().await;
    house.stop().await;
    house.announcements = announcements(WhenFull::Keep);
    house.start().await;
    // What still waits is worded alike by the same master key, in another life too.
    house.vendor("acme").await;
    house.stop().await;
    house.start().await;
    let outbox = house.outbox("siem");
    assert!(outbox.batch(outbox.next().unwrap()).unwrap().len() >= 4);
    assert!(!house.observer().trouble().contains(&Trouble::SpoolEdited));
    let intruder = Connection::open(house.path("state/ledger.db")).unwrap();
    intruder.execute("DELETE FROM forward_cursor", []).unwrap();
    let lost = |said: &str| said.contains("siem's place is gone");
    assert!(matches!(outbox.next(), Err(Unheard::Fault(fault)) if lost(&fault.to_string())));
    let rules = crate::gateway::Rules::clone(&house.gateway().core.rules());
    let refused = house.gateway().reload(rules, announcements(WhenFull::StopEgress)).await;
    assert!(lost(&refused.unwrap_err().to_string()));
    drop(outbox);
    house.stop().await;
    assert!(lost(&house.refusal_to_start().await));
    // Out of the configuration and in again it begins anew, and the log says so.
    house.announcements = None;
    house.start().await;
    house.reload(announcements(WhenFull::Keep)).await;
    assert!(house.outbox("siem").next().is_ok());
    let told: Vec<usize> = house
        .log()
        .into_iter()
        .filter_map(|record| match record.event {
            Event::Started { told, .. } | Event::Reloaded { told, .. } => Some(told.len()),
            _ => None,
        })
        .collect();
    assert_eq!(told[told.len() - 2..], [0, 1]);
}

/// These are told, by name and address, each record in these words and its number.
fn telling(destinations: &[(&str, &str)], words: &'static str) -> Option<Announcements> {
    let wording = Arc::new(move |record: &Record, _: &Digest| format!("{words} {}", record.index).into_bytes());
    let told = |(name, to): &(&str, &str)| Told { name: name.parse().unwrap(), to: (*to).to_owned() };
    let spool = Spool { most_bytes: 1 << 20, when_full: WhenFull::Keep };
    Some(Announcements { wording, destinations: destinations.iter().map(told).collect(), spool })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_who_is_told_with_its_leaf_and_an_outbox_of_before_takes_nothing_any_more() {
    let mut house = House::open().await;
    house.stop().await;
    house.announcements = telling(&[("stays", "here"), ("moves", "here"), ("goes", "here")], "old");
    house.start().await;
    let [stays, moves, goes] = ["stays", "moves", "goes"].map(|name| house.outbox(name));
    house.vendor("acme").await;
    hear(&stays).await;
    let waits = moves.next().unwrap();
    let leaf = house.reload(telling(&[("stays", "here"), ("moves", "there"), ("comes", "here")], "new")).await;
    // Gone: it is given nothing and keeps nothing waiting. Elsewhere: what is heard at the old address counts no more.
    for outbox in [&goes, &moves] {
        assert!(matches!(outbox.next(), Err(Unheard::Withdrawn)));
        assert!(matches!(outbox.batch(waits), Err(Unheard::Withdrawn)));
        assert!(matches!(outbox.confirm(leaf + 1).await, Err(Unheard::Withdrawn)));
    }
    let [moved, comes] = ["moves", "comes"].map(|name| house.outbox(name));
    assert_eq!((moved.next().unwrap(), comes.next().unwrap(), stays.next().unwrap()), (waits, leaf, leaf));
    // What waits stands as it was worded; from the leaf of the reload on it is worded anew.
    let said = |outbox: &Outbox, from| {
        let batch = outbox.batch(from).unwrap();
        batch.into_iter().map(|message| String::from_utf8(message.bytes).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(said(&comes, leaf)[0], format!("new {leaf}"));
    assert_eq!(said(&moved, waits)[..2], [format!("old {waits}"), format!("old {}", waits + 1)]);
    // With the last one what waited goes, too.
    let spooled = || -> u64 {
        let ledger = Connection::open(house.path("state/ledger.db")).unwrap();
        ledger.query_row("SELECT count(*) FROM spool", [], |row| row.get(0)).unwrap()
    };
    assert!(spooled() > 0);
    house.reload(None).await;
    house.vendor("umbra").await;
    assert_eq!(spooled(), 0);
    assert!(matches!(stays.next(), Err(Unheard::Withdrawn)));
}
