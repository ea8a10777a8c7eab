//! Whatever has an id is explained: why it does not move, who can move it, what to type; or that nothing stops it.

use super::*;
use crate::{
    domain::{
        digest::Digest,
        event::{Actor, Event, Subject as On},
        people::Role,
        signature::{PublicKey, openssh_fingerprint},
    },
    gateway::{
        answers::Explanation,
        asked::{Scope, Subject},
        fixture::{Staff, csv, key},
    },
};
use std::collections::BTreeSet;

async fn explained(house: &House, asked: &str) -> Explanation {
    let subject: Subject = asked.parse().unwrap();
    let told = house.desk().explain(house.person(Staff::Olga), subject).await.unwrap_or_else(|why| panic!("{asked}: {why:?}"));
    assert!(!told.headline.is_empty() && !told.because.is_empty(), "{asked}: {told:?}");
    assert!(told.because.iter().all(|line| !line.is_empty()), "{asked}: {told:?}");
    assert_eq!(told.who.is_empty(), told.commands.is_empty(), "whoever can move it is told how: {asked}: {told:?}");
    told
}

/// The UUID of a record's subject.
fn uuid(on: On) -> Option<String> {
    match on {
        On::Vendor(id) => Some(id.to_string()),
        On::Ticket(id) => Some(id.to_string()),
        On::Delivery(id) => Some(id.to_string()),
        On::File(id) => Some(id.to_string()),
        On::Session(id) => Some(id.to_string()),
        On::Transfer(id) => Some(id.to_string()),
        On::House | On::Staff | On::Daemon => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_the_log_names_is_explained_by_the_name_that_the_log_has() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let pickup = log_in(&house, &acme).await.unwrap();
    drop(pickup.open(&path(&format!("/{delivery}/orders.csv.age"))));
    drop(pickup);
    let waiting = house.submit(&acme, "health", "").await;
    let mut asked: BTreeSet<String> = house.log().iter().filter_map(|record| uuid(record.on)).collect();
    let people = house.log().into_iter().filter_map(|record| match record.event {
        Event::PersonEnrolled { person, .. } => Some(person.to_string()),
        _ => None,
    });
    asked.extend(people);
    let kinds = asked.len();
    assert!(kinds > 8 + 5, "staff, a vendor, tickets, a delivery, a file, a session: {kinds}");
    asked.extend(house.desk().key_list(house.person(Staff::Olga), None).await.unwrap().rows.into_iter().map(|row| row.key));
    asked.extend(["acme".into(), "olga".into(), ticket.to_string(), waiting.to_string(), delivery.to_string()]);
    asked.extend([format!("{delivery}/orders.csv"), "E2205".into(), "F3101".into()]);
    for subject in &asked {
        explained(&house, subject).await;
    }
    assert!(explained(&house, "E2205").await.page.is_some_and(|page| page == "docs/refusals/E2205.md"));
    assert!(explained(&house, &waiting.to_string()).await.commands.iter().any(|command| command.contains("ticket review")));
    let vendor = explained(&house, "acme").await;
    assert!(vendor.because.iter().any(|line| line.starts_with("red flag no_soc2: ")), "{vendor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_is_proposed_and_a_key_that_is_revoked_are_explained() {
    let house = House::open().await;
    let public = PublicKey::new(key().public_key()).unwrap();
    let roles = BTreeSet::from([Role::Executive]);
    house.desk().staff_enroll(house.person(Staff::Olga), "erik".parse().unwrap(), roles, public.clone(), None).await.unwrap();
    for asked in ["erik".to_owned(), openssh_fingerprint(public.fingerprint())] {
        let told = explained(&house, &asked).await;
        assert!(told.because[0].contains("waits for a second person") && told.who.contains("another"), "{told:?}");
    }
    let unknown = Digest::of(b"a key of nobody");
    let ask = Subject::Key(unknown);
    assert_eq!(code(house.desk().explain(house.person(Staff::Olga), ask.clone()).await), 1013);
    let acme = house.vendor("acme").await;
    let login = PublicKey::new(acme.login.public_key()).unwrap().fingerprint();
    house.revoke(Scope::Key(login)).await.unwrap();
    let told = explained(&house, &openssh_fingerprint(login)).await;
    assert!(told.headline.contains("revoked"), "{told:?}");
    let Actor::Person { key: pias, .. } = house.person(Staff::Pia) else { panic!("pia is a person") };
    assert!(explained(&house, "pia").await.commands.is_empty(), "nothing is to be done about her");
    house.revoke(Scope::Key(pias)).await.unwrap();
    for asked in ["pia".to_owned(), openssh_fingerprint(pias)] {
        let told = explained(&house, &asked).await;
        assert!(told.headline.contains("counts no more") && told.because[0].contains("is revoked"), "{told:?}");
        assert_eq!(told.commands, ["egressctl staff enroll --help"], "{told:?}");
    }
}
