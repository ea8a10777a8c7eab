//! Bytes that are damaged or gone, as no crash of ours leaves them, but a disk or an administrator can.
#![expect(clippy::disallowed_methods, reason = "the tests damage stored objects")]

use super::*;
use crate::{
    domain::event::{Actor, Event, Fact, Subject},
    gateway::{
        answers::FileState,
        asked::Scope,
        fixture::{Staff, csv, until},
        release,
        vault::Shelf,
    },
    sealing::{ObjectKey, Reader},
};
use std::{collections::BTreeSet, fs, io::Read};

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_copy_stays_readable_when_the_sealed_objects_of_its_record_are_gone() {
    let mut house = House::open().await;
    let vendor = house.vendor("acme").await;
    let ticket = house.ticket(&vendor, "health").await;
    let content = b"order_id,another\n1,2\n";
    house.drop_file(ticket, "orders.csv", content);
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    let file = until("the file is held", async || {
        let rows = desk.file_list(olga, Some(ticket)).await.unwrap().rows;
        rows.into_iter().find(|row| row.state == FileState::Held).and_then(|row| row.id)
    })
    .await;
    drop(desk);
    // S6 without its sealed file: recorded as sealed, the copy's key not destroyed yet, and the two objects lost.
    let gateway = house.gateway().clone();
    let sealed = gateway
        .write(move |core, tx| {
            let facts = crate::gateway::facts::Facts::read(core, &*tx)?;
            let dossier = facts.file(file)?;
            let ticket = facts.ticket(dossier.ticket.unwrap())?;
            // To today's keys: else it is due to be purged.
            let vendor = facts.vendor(ticket.vendor)?;
            let recipients = vendor.recipients(&facts.roster, facts.now)?.into_iter().map(|(key, _)| key).collect();
            let (revision, sha256) = (ticket.current().digest, dossier.staged.sha256);
            let (header, payload) = (core.new_object(), core.new_object());
            let bounds = Some(ticket.standing(&facts.around(&vendor)).bounds.content.digest());
            let cleared = Event::FileCleared { revision, bounds, sha256, content: None, bytes: dossier.staged.bytes, rows: 1 };
            let recorded = Event::FileSealed {
                revision,
                vendor: ticket.vendor,
                header,
                payload,
                header_bytes: 1,
                payload_bytes: 1,
                sha256,
                recipients,
            };
            for event in [cleared, recorded] {
                tx.append(Fact::new(Actor::System, Subject::File(file), event))?;
            }
            Ok(BTreeSet::from([header, payload]))
        })
        .await
        .unwrap();
    for object in sealed.clone() {
        let wrapped = gateway.master.wrap(&ObjectKey::generate(), object);
        gateway.write(move |_, tx| Ok(tx.keys_put(object, &wrapped)?)).await.unwrap();
    }
    drop(gateway);
    for _ in 0..2 {
        house.stop().await;
        house.start().await;
        let gateway = house.gateway();
        assert_eq!(gateway.recovered().missing.iter().copied().collect::<BTreeSet<_>>(), sealed, "both are named");
        let dossier = gateway.look(|facts| facts.file(file)).unwrap();
        assert!(!dossier.staged_copy_gone);
        let wrapped = gateway.ledger.read(|view| view.keys_get(dossier.staged.object)).unwrap().expect("the key is there");
        let key = gateway.master.unwrap(&wrapped, dossier.staged.object).unwrap();
        let object = gateway.objects.open(Shelf::Incoming, dossier.staged.object).unwrap();
        let mut read = Vec::new();
        Reader::new(key, dossier.staged.object, object).unwrap().sequential().read_to_end(&mut read).unwrap();
        assert_eq!(read, content, "it is all that is left of the file");
        let status = house.desk().status(house.person(Staff::Olga)).await.unwrap();
        assert!(status.problems.iter().any(|problem| problem.what.contains("2 stored objects missing")), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_lost_bytes_releases_and_serves_nothing_more_until_the_delivery_is_revoked() {
    let mut house = House::open().await;
    let vendor = house.vendor("acme").await;
    let ticket = house.ticket(&vendor, "health").await;
    let first = house.deliver(ticket, &[("one.csv", &csv(1_000)), ("two.csv", &csv(1_000))]).await;
    let other = house.ticket(&vendor, "health").await;
    let untouched = house.deliver(other, &[("three.csv", &csv(1_000))]).await;
    let payload = house.payload(house.file(ticket, "one.csv").await);
    house.stop().await;
    fs::remove_file(payload).unwrap();
    house.start().await;
    let pickup = log_in(&house, &vendor).await.unwrap();
    for name in ["one.csv.age", "two.csv.age", "MANIFEST.json"] {
        assert_eq!(pickup.open(&path(&format!("/{first}/{name}"))).err().map(|refused| code::<()>(Err(refused))), Some(4011));
    }
    assert!(pickup.open(&path(&format!("/{untouched}/three.csv.age"))).is_ok(), "another ticket's");
    house.drop_file(ticket, "four.csv", &csv(1_000));
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    until("the file is sealed", async || {
        let rows = desk.file_list(olga, Some(ticket)).await.unwrap().rows;
        rows.into_iter().find(|row| row.name == "four.csv" && row.state == FileState::Sealed)
    })
    .await;
    let closed = desk.delivery_close(olga, ticket, None).await.unwrap();
    let refused = house.try_release(closed.subject.parse().unwrap()).await;
    assert!(refused.contains("E4011"), "{refused}");
    // What was lost is given up, and the start after that finds nothing missing.
    house.revoke(Scope::Delivery(first)).await.unwrap();
    desk.purge(olga).await.unwrap();
    pickup.close(crate::domain::event::SessionEnd::Closed).await;
    drop(desk);
    house.stop().await;
    house.start().await;
    assert!(house.gateway().recovered().missing.is_empty());
    until("the release", async || {
        let rows = house.desk().delivery_list(house.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
        rows.into_iter().find(|row| row.released_at.is_some() && row.delivery != first)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_staged_copy_is_held_with_a_finding_that_says_to_drop_it_again() {
    let house = House::open().await;
    let vendor = house.vendor("acme").await;
    let ticket = house.ticket(&vendor, "health").await;
    house.drop_file(ticket, "orders.csv", b"order_id,note\n");
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    let held = async |code: &str| {
        until("the file is held", async || {
            let rows = desk.file_list(olga, Some(ticket)).await.unwrap().rows;
            let row = rows.into_iter().find(|row| row.state == FileState::Held)?;
            let shown = desk.file_show(olga, row.id?).await.unwrap();
            shown.findings.iter().any(|finding| finding.code == code).then_some(row.id?)
        })
        .await
    };
    let file = held("F3103").await;
    let copy = house.staged_copy(file);
    let mut bytes = fs::read(&copy).unwrap();
    bytes[0] ^= 1;
    fs::write(&copy, bytes).unwrap();
    desk.file_recheck(olga, file).await.unwrap();
    held("F3151").await;
    // What is gone is as damaged as what was changed.
    fs::remove_file(&copy).unwrap();
    desk.file_recheck(olga, file).await.unwrap();
    held("F3151").await;
    desk.file_discard(olga, file, "damaged".into()).await.unwrap();
    house.deliver(ticket, &[("again.csv", b"order_id,note\n1,2\n")]).await;
}

impl House {
    /// Why a closed delivery is not released, with its code.
    pub(super) async fn try_release(&self, delivery: crate::gateway::asked::DeliveryPath) -> String {
        let released = self.gateway().write(move |core, tx| {
            let facts = crate::gateway::facts::Facts::read(core, &*tx)?;
            let ticket = facts.ticket_numbered(delivery.ticket)?;
            let id = facts.delivery_numbered(&ticket, delivery.number)?.unwrap().id;
            release::release(core, tx, id)
        });
        match released.await {
            Err(Refused::Refusal(refusal)) => format!("E{:04} {refusal}", refusal.code()),
            other => panic!("{other:?}"),
        }
    }
}
