//! A database administrator swaps rows of the index under the running gateway: nobody gets to another vendor or delivery by it.

use super::*;
use crate::gateway::{
    asked::{DeliveryPath, Scope},
    fixture::{Staff, TlsPair, csv},
};

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
            // Revoking by that name must not end the other one.
            let revoked = fault(house.revoke(Scope::Vendor(name.parse().unwrap())).await);
            assert!(revoked.contains(MISLED), "{revoked}");
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
