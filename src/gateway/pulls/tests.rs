//! The bounds of what many connections share, without sockets.

use super::*;
use crate::{
    domain::{
        credential::Credential,
        ids::{FileId, SessionId, TicketId},
    },
    gateway::{Severable, fixture::House},
};
use std::net::Ipv4Addr;
use uuid::Uuid;

struct Unplugged;

impl Severable for Unplugged {
    fn sever(&self) {}
}

fn joining(core: &Core, vendor: VendorId, file: u128) -> Joining {
    let credential = Credential::Token(Digest::of(b"token"));
    let visitor = Visitor { vendor, credential, address: Ipv4Addr::LOCALHOST.into() };
    let (ticket, delivery) = (TicketId::from_uuid(Uuid::from_u128(1)), DeliveryId::from_uuid(Uuid::from_u128(2)));
    let file = FileId::from_uuid(Uuid::from_u128(file));
    let lease = core.leases.take(SessionId::from_uuid(Uuid::now_v7()), visitor, core.clock.now(), Arc::new(Unplugged));
    let holding = Holding { ticket, delivery, file: Some(file), classes: Vec::new(), recipients: Vec::new() };
    Joining { visitor, item: Item::File(file), size: 100, lease: Arc::new(lease), holding }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_vendors_idle_transfers_the_one_that_is_idle_for_longest_makes_room_and_no_others() {
    let mut house = House::open().await;
    house.rest().await;
    let core = &house.gateway().core;
    let [acme, umbra] = [1, 2].map(|n| VendorId::from_uuid(Uuid::from_u128(n)));
    let most = limits::PULLS_PER_VENDOR as u128;
    let theirs = core.pulls.join(joining(core, umbra, 0), core);
    let oldest_read = core.pulls.join(joining(core, acme, 0), core);
    let open: Vec<TransferId> = (1..most).map(|n| core.pulls.join(joining(core, acme, n), core).transfer()).collect();
    assert_eq!(core.pulls.transfers().len(), limits::PULLS_PER_VENDOR + 1);
    // Before anybody has looked which ones are over, several come.
    for n in 0..3 {
        drop(core.pulls.join(joining(core, acme, most + n), core));
    }
    house.gateway().end_pulls_that_are_over().await;
    let left = core.pulls.transfers();
    assert_eq!(left.len(), limits::PULLS_PER_VENDOR + 1);
    assert!(open.iter().take(3).all(|first| !left.contains(first)) && open.iter().skip(3).all(|other| left.contains(other)));
    assert!([&theirs, &oldest_read].iter().all(|read| left.contains(&read.transfer())), "what is read stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_sessions_join_a_transfer_and_the_next_begins_another() {
    let mut house = House::open().await;
    house.rest().await;
    let core = &house.gateway().core;
    let vendor = VendorId::from_uuid(Uuid::from_u128(1));
    let first = core.pulls.join(joining(core, vendor, 0), core);
    for _ in 0..limits::PULL_JOINS {
        let next = core.pulls.join(joining(core, vendor, 0), core);
        assert_eq!(next.transfer(), first.transfer());
        next.note_joined();
    }
    assert_ne!(core.pulls.join(joining(core, vendor, 0), core).transfer(), first.transfer());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_is_cut_is_severed_although_the_file_was_served_whole_before() {
    let mut house = House::open().await;
    house.rest().await;
    let core = &house.gateway().core;
    let vendor = VendorId::from_uuid(Uuid::from_u128(1));
    let first = core.pulls.join(joining(core, vendor, 0), core);
    let pull = Arc::clone(&first.pull);
    let end = || lock(&pull.state).end;
    first.add(0, 100);
    drop(first);
    assert_eq!(end(), TransferEnd::Closed);
    // Nobody reads: a cut ends nothing of it.
    core.pulls.sever(&Scope::Vendor(vendor));
    assert_eq!(end(), TransferEnd::Closed);
    lock(&pull.state).next = Next::Awaited;
    let again = core.pulls.join(joining(core, vendor, 0), core);
    assert!(Arc::ptr_eq(&again.pull, &pull));
    core.leases.cut(&Scope::Vendor(vendor));
    drop(again);
    assert_eq!(end(), TransferEnd::Severed, "the vendor closed nothing: it was cut off");
}
