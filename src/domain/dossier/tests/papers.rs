//! What a release and a read rest on.

use super::*;

/// A file of the world's ticket, cleared and sealed under its revision, and a delivery that holds it.
pub(super) fn file_and_delivery(world: &mut World) -> (FileId, DeliveryId) {
    let (file, delivery) = (FileId::from_uuid(Uuid::from_u128(31)), DeliveryId::from_uuid(Uuid::from_u128(32)));
    let object = |n| ObjectId::from_uuid(Uuid::from_u128(n));
    let revision = world.ticket().current().digest;
    let bounds = Some(world.judged(today(), |ticket, around| ticket.standing(around).bounds.content.digest()));
    let opened = Event::DeliveryOpened { ticket: World::ticket_id(), number: DeliveryNumber(1) };
    world.record(Actor::System, Subject::Delivery(delivery), opened, None);
    let sha256 = Digest::of(b"plain");
    let staged =
        Event::FileStaged { ticket: Some(World::ticket_id()), delivery: Some(delivery), object: object(40), sha256, bytes: 5 };
    let on = Subject::File(file);
    world.record(Actor::System, on, staged, None);
    world.record(Actor::System, on, Event::FileCleared { revision, bounds, sha256, content: None, bytes: 5, rows: 1 }, None);
    let sealed = Event::FileSealed {
        revision,
        vendor: World::vendor_id(1),
        header: object(41),
        payload: object(42),
        header_bytes: 10,
        payload_bytes: 20,
        sha256: Digest::of(b"cipher"),
        recipients: vec![World::recipient(1)],
    };
    world.record(Actor::System, on, sealed, None);
    world.record(Actor::System, on, Event::StagedCopyGone, None);
    let closed = Event::DeliveryClosed { by: crate::domain::event::ClosedBy::Ready };
    world.record(Actor::System, Subject::Delivery(delivery), closed, None);
    (file, delivery)
}

pub(super) fn release(world: &World, file: FileId, delivery: DeliveryId) -> Result<(), Refusal> {
    let file = world.on(Subject::File(file), crate::domain::file::FileDossier::replay).unwrap();
    let delivery = world.on(Subject::Delivery(delivery), crate::domain::file::DeliveryDossier::replay).unwrap();
    world.judged(today(), |ticket, around| {
        let approved = Approved::check(ticket, around)?;
        Release::grant(&delivery, &approved, vec![(Clean::check(&file)?, Sealed::check(&file)?)], around).map(drop)
    })
}

#[test]
fn a_release_needs_papers_that_agree() {
    let mut world = World::active();
    let (file, delivery) = file_and_delivery(&mut world);
    assert_eq!(release(&world, file, delivery), Ok(()));
    let spoil = |spoil: &dyn Fn(&mut Record)| {
        let mut world = World { records: world.records.clone(), policy: world.policy.clone() };
        world.records.iter_mut().for_each(spoil);
        release(&world, file, delivery)
    };
    type Spoil<'a> = (&'a str, &'a dyn Fn(&mut Record));
    let spoilt: [Spoil<'_>; 9] = [
        ("inspected under another revision", &|record| {
            if let Event::FileCleared { revision, .. } = &mut record.event {
                *revision = Digest::of(b"another");
            }
        }),
        ("held against other bounds", &|record| {
            if let Event::FileCleared { bounds, .. } = &mut record.event {
                *bounds = Some(Digest::of(b"another"));
            }
        }),
        ("held against bounds that nobody knows", &|record| {
            if let Event::FileCleared { bounds, .. } = &mut record.event {
                *bounds = None;
            }
        }),
        ("other bytes were inspected than were staged", &|record| {
            if let Event::FileCleared { sha256, .. } = &mut record.event {
                *sha256 = Digest::of(b"another");
            }
        }),
        ("sealed under another revision", &|record| {
            if let Event::FileSealed { revision, .. } = &mut record.event {
                *revision = Digest::of(b"another");
            }
        }),
        ("sealed for another vendor", &|record| {
            if let Event::FileSealed { vendor, .. } = &mut record.event {
                *vendor = World::vendor_id(2);
            }
        }),
        ("staged for another ticket", &|record| {
            if let Event::FileStaged { ticket, .. } = &mut record.event {
                *ticket = Some(TicketId::from_uuid(Uuid::from_u128(99)));
            }
        }),
        ("staged for another delivery", &|record| {
            if let Event::FileStaged { delivery, .. } = &mut record.event {
                *delivery = Some(DeliveryId::from_uuid(Uuid::from_u128(99)));
            }
        }),
        ("the delivery is another ticket's", &|record| {
            if let Event::DeliveryOpened { ticket, .. } = &mut record.event {
                *ticket = TicketId::from_uuid(Uuid::from_u128(99));
            }
        }),
    ];
    for (what, change) in spoilt {
        assert!(matches!(spoil(change), Err(Refusal::PapersDisagree { .. })), "{what}: {:?}", spoil(change));
    }
}

#[test]
fn a_release_needs_a_closed_delivery_and_no_plaintext_left() {
    for gone in [Event::StagedCopyGone, Event::DeliveryClosed { by: crate::domain::event::ClosedBy::Ready }] {
        let mut world = World::active();
        let (file, delivery) = file_and_delivery(&mut world);
        world.records.retain(|record| record.event != gone);
        assert!(release(&world, file, delivery).is_err(), "without {gone:?}");
    }
    for (on, event) in [
        (Subject::File(FileId::from_uuid(Uuid::from_u128(31))), Event::FileRevoked),
        (Subject::Delivery(DeliveryId::from_uuid(Uuid::from_u128(32))), Event::DeliveryRevoked),
        (Subject::House, Event::Frozen),
        (Subject::Vendor(World::vendor_id(1)), Event::KeyRevoked { key: World::recipient(1) }),
    ] {
        let mut world = World::active();
        let (file, delivery) = file_and_delivery(&mut world);
        world.record(World::by(22), on, event.clone(), None);
        assert!(release(&world, file, delivery).is_err(), "after {event:?}");
    }
}

fn leave(world: &World, visitor: &Visitor, now: Time) -> Result<(), Refusal> {
    let file = world.on(Subject::File(FileId::from_uuid(Uuid::from_u128(31))), crate::domain::file::FileDossier::replay).unwrap();
    let on = Subject::Delivery(DeliveryId::from_uuid(Uuid::from_u128(32)));
    let delivery = world.on(on, crate::domain::file::DeliveryDossier::replay).unwrap();
    world.judged(now, |ticket, around| {
        let sight = Sight::check(visitor, ticket, &delivery, around)?;
        Leave::check(sight, &file, &delivery, ticket, around).map(drop)
    })
}

#[test]
fn reading_needs_everything_to_hold_at_that_moment() {
    let mut world = World::active();
    let (file, delivery) = file_and_delivery(&mut world);
    let released = vec![crate::domain::event::ReleasedFile {
        file,
        name: "a.csv.age".into(),
        bytes: 30,
        sha256: Digest::of(b"cipher"),
        rows: 1,
    }];
    let event = Event::DeliveryReleased {
        revision: world.ticket().current().digest,
        files: 1,
        list: Digest::of_canonical(&released).unwrap(),
        until: today() + days(7),
    };
    world.record(Actor::System, Subject::Delivery(delivery), event, Some(Detail::Release { files: released }));
    let visitor = Visitor {
        vendor: World::vendor_id(1),
        credential: Credential::SshKey(key(101).fingerprint()),
        address: "127.0.0.1".parse().unwrap(),
    };
    assert_eq!(leave(&world, &visitor, today()), Ok(()));
    assert_eq!(leave(&world, &visitor, today() + days(7)), Err(Refusal::RetentionOver {}));
    let stranger = Visitor { vendor: World::vendor_id(2), ..visitor };
    assert_eq!(leave(&world, &stranger, today()), Err(Refusal::NotYours {}));
    assert!(leave(&world, &Visitor { credential: Credential::SshKey(key(102).fingerprint()), ..visitor }, today()).is_err());
    assert!(leave(&world, &Visitor { address: "10.0.0.1".parse().unwrap(), ..visitor }, today()).is_err());
    assert!(leave(&world, &Visitor { credential: Credential::Token(visitor.key()), ..visitor }, today()).is_err());
    let network: Network = "127.0.0.1".parse().unwrap();
    let class: Slug = "behaviour".parse().unwrap();
    let reason = || Some(Detail::Address { network: network.to_string(), reason: String::new() });
    for (on, event, detail) in [
        (Subject::House, Event::Frozen, None),
        (Subject::House, Event::AddressRevoked, reason()),
        (Subject::House, Event::ClassRevoked { class }, None),
        (Subject::Vendor(World::vendor_id(1)), Event::VendorRevoked, None),
        (Subject::Vendor(World::vendor_id(1)), Event::KeyRevoked { key: visitor.key() }, None),
        (Subject::Vendor(World::vendor_id(1)), Event::KeyRevoked { key: World::recipient(1) }, None),
        (Subject::Ticket(World::ticket_id()), Event::TicketRevoked, None),
        (Subject::Delivery(delivery), Event::DeliveryRevoked, None),
        (Subject::File(file), Event::FileRevoked, None),
        (Subject::File(file), Event::PurgeBegun { why: crate::domain::event::PurgeReason::Retention }, None),
    ] {
        let mut after = World { records: world.records.clone(), policy: world.policy.clone() };
        after.record(World::by(22), on, event.clone(), detail);
        assert!(leave(&after, &visitor, today()).is_err(), "after {event:?}");
    }
}
