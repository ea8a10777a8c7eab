//! A database administrator swaps rows of the index under the running gateway: nobody gets to another vendor or delivery by it.
#![expect(clippy::disallowed_methods, reason = "removes the file that a start begins from")]

use super::*;
use crate::{
    domain::ids::TicketNumber,
    gateway::{
        answers::TicketState,
        asked::{Awaiting, DeliveryPath, Scope},
        fixture::{Staff, TlsPair, csv},
    },
};
use std::collections::{BTreeMap, BTreeSet};

const MISLED: &str = "the index does not say what the log says";

fn edit(house: &House, sql: &str) {
    rusqlite::Connection::open(house.path("state/ledger.db")).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_re_pointed_to_another_vendor_is_a_fault_and_no_login() {
    let mut house = House::open().await;
    let (acme, umbra) = (house.vendor("acme").await, house.vendor("umbra").await);
    edit(
        &house,
        "UPDATE vendor SET slug = 'x' WHERE slug = 'acme'; UPDATE vendor SET slug = 'acme' WHERE slug = 'umbra'; \
         UPDATE vendor SET slug = 'umbra' WHERE slug = 'x'",
    );
    for _ in 0..2 {
        let (desk, sam) = (house.desk(), house.person(Staff::Sam));
        for name in ["acme", "umbra"] {
            let shown = fault(desk.vendor_show(sam, name.parse().unwrap()).await);
            assert!(shown.contains(MISLED), "{shown}");
        }
        // Neither with the key that the name once had, nor with that of the vendor it leads to now.
        for login in [&acme.login, &umbra.login] {
            let vendor = Vendor {
                id: acme.id.clone(),
                login: login.clone(),
                recipient: acme.recipient.clone(),
                tls: TlsPair::new(&["acme"]),
            };
            assert!(!house.door().would_admit(&attempt(&vendor, Ipv4Addr::LOCALHOST)));
            assert!(fault(log_in(&house, &vendor).await).contains(MISLED));
        }
        drop(desk);
        house.stop().await;
        house.start().await;
    }
    assert!(house.sessions().is_empty());
    // Revoking by that name ends its owner, and not whom it leads to.
    house.revoke(Scope::Vendor(acme.id.clone())).await.unwrap();
    edit(&house, "UPDATE vendor SET slug = 'x' || rowid; UPDATE vendor SET slug = 'umbra' WHERE rowid = 2");
    assert!(log_in(&house, &umbra).await.is_ok());
    assert_eq!(code(house.revoke(Scope::Vendor(acme.id.clone())).await), 5001);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_lost_its_row_is_revoked_all_the_same() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let delivery = house.deliver(ticket, &[("one.csv", &csv(100_000))]).await;
    let pickup = log_in(&house, &acme).await.unwrap();
    let pull = pickup.open(&path(&format!("/{delivery}/one.csv.age"))).unwrap();
    edit(&house, "DELETE FROM vendor_key; DELETE FROM delivery; DELETE FROM ticket; DELETE FROM vendor");
    let login = crate::domain::signature::PublicKey::new(acme.login.public_key()).unwrap().fingerprint();
    let receipt = house.revoke(Scope::Key(login)).await.unwrap();
    assert_eq!(receipt.sessions.rows.len(), 1, "the session that runs by it is cut");
    for scope in [Scope::Ticket(ticket), Scope::Vendor(acme.id.clone())] {
        house.revoke(scope).await.unwrap();
    }
    assert_eq!(code(house.revoke(Scope::Vendor("nobody".parse().unwrap())).await), 2007);
    drop((pull, pickup));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_re_pointed_to_another_delivery_is_a_fault_and_shows_nothing() {
    let mut house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let first = house.deliver(ticket, &[("one.csv", &csv(1_000))]).await;
    let second = house.deliver(ticket, &[("two.csv", &csv(1_000))]).await;
    edit(&house, "UPDATE delivery SET number = 9 WHERE number = 1; UPDATE delivery SET number = 1 WHERE number = 2");
    for _ in 0..2 {
        let (desk, olga) = (house.desk(), house.person(Staff::Olga));
        let shown = fault(desk.delivery_show(olga, ticket, first.number).await);
        assert!(shown.contains(MISLED), "{shown}");
        let closed = fault(desk.delivery_close(olga, ticket, Some(first.number)).await);
        assert!(closed.contains(MISLED), "{closed}");
        let revoked = fault(house.revoke(Scope::Delivery(first)).await);
        assert!(revoked.contains(MISLED), "{revoked}");
        let gone = house.revoke(Scope::Delivery(DeliveryPath { ticket, number: second.number })).await;
        assert_eq!(code(gone), 3002, "what has lost its row is not found");
        let pickup = log_in(&house, &acme).await.unwrap();
        for name in ["one.csv.age", "two.csv.age", "MANIFEST.json"] {
            assert!(fault(pickup.open(&path(&format!("/{first}/{name}")))).contains(MISLED));
            assert_eq!(
                pickup.open(&path(&format!("/{second}/{name}"))).err().map(|refused| code::<()>(Err(refused))),
                Some(4001)
            );
        }
        pickup.close(crate::domain::event::SessionEnd::Closed).await;
        drop(desk);
        house.stop().await;
        house.start().await;
    }
    assert!(house.transfers().is_empty());
}

/// A second vendor or ticket of one name would be revoked in the first one's stead.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_lost_its_row_leaves_no_room_for_another_of_its_name() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "business").await;
    edit(&house, "DELETE FROM ticket");
    let next = house.submit(&acme, "business", "").await;
    assert_eq!(next.sequence, ticket.sequence + 1);
    edit(&house, "DELETE FROM vendor_key; DELETE FROM vendor");
    let decoy = Vendor { id: acme.id.clone(), ..house.vendor("decoy").await };
    let _ = house.put_forward(&decoy).await;
    house.revoke(Scope::Vendor(acme.id.clone())).await.unwrap();
    let revoked = house.gateway().look(|facts| {
        let all = facts.source().vendors().into_iter().map(|id| facts.vendor(id));
        let named: Vec<_> = all.filter_map(Result::ok).filter(|vendor| vendor.slug == acme.id).collect();
        Ok((named.len(), named.iter().all(|vendor| vendor.revoked.is_some())))
    });
    assert_eq!(revoked.unwrap(), (1, true));
}

/// What the list and `status` tell of tickets.
async fn told(house: &House) -> (Vec<(TicketNumber, TicketState)>, BTreeMap<TicketState, u64>) {
    let olga = house.person(Staff::Olga);
    let listing = house.desk().ticket_list(olga, None, BTreeSet::new()).await.unwrap();
    let rows = listing.rows.into_iter().map(|row| (row.ticket, row.state)).collect();
    (rows, house.desk().status(olga).await.unwrap().tickets)
}

#[tokio::test(flavor = "multi_thread")]
async fn which_tickets_are_looked_at_is_no_row_of_the_index_and_the_same_however_the_gateway_starts() {
    let mut house = House::open().await;
    let acme = house.vendor("acme").await;
    let active = house.ticket(&acme, "business").await;
    let waits = house.submit(&acme, "health", "").await;
    let gone = house.submit(&acme, "health", "").await;
    house.revoke(Scope::Ticket(gone)).await.unwrap();
    let before = told(&house).await;
    assert_eq!(before.0, [(gone, TicketState::Revoked), (waits, TicketState::InReview), (active, TicketState::Active)]);
    edit(&house, "DELETE FROM ticket");
    assert_eq!(told(&house).await, before);
    let pia = house.person(Staff::Pia);
    let awaiting = house.desk().ticket_list(pia, Some(Awaiting::Me), BTreeSet::new()).await.unwrap().rows;
    assert_eq!(awaiting.iter().map(|row| row.ticket).collect::<Vec<_>>(), [waits], "hidden from nobody who votes");
    // What has lost its row is found by no name any more, and nobody can vote on it by mistake.
    assert_eq!(code(house.desk().ticket_activate(house.person(Staff::Olga), waits).await), 2002);
    for _ in 0..2 {
        house.gateway().ledger.keep_start(1).unwrap();
        house.stop().await;
        house.start().await;
        assert_eq!(told(&house).await, before, "from where the start begins");
        house.stop().await;
        std::fs::remove_file(house.path("state/ledger.start")).unwrap();
        house.start().await;
        assert_eq!(told(&house).await, before, "from the first leaf");
    }
}
