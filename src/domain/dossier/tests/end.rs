//! How a ticket ends: what closes it, what keeps it closing, and that nothing leads back.

use super::{papers::file_and_delivery, *};
use crate::domain::{
    deletion::{Handed, Statement},
    event::ReleasedFile,
    signature::{NAMESPACE_DELETION, openssh_fingerprint},
};

const ON: Subject = Subject::Ticket(TicketId::from_uuid(Uuid::from_u128(7)));

fn after(day: &str) -> Time {
    Day::try_from(day.to_owned()).unwrap().ends()
}

fn sign(seed: u8, namespace: &str, text: &str) -> String {
    let signed = SshSig::sign(&private(seed), namespace, HashAlg::Sha512, text.as_bytes()).unwrap();
    signed.to_pem(LineEnding::LF).unwrap()
}

fn statement(number: &str) -> Statement {
    Statement {
        ticket: number.parse().unwrap(),
        vendor: "vendor1".parse().unwrap(),
        revision: Digest::of(b"revision"),
        handed: Vec::new(),
        on: Day::try_from("2027-01-02".to_owned()).unwrap(),
    }
}

impl World {
    fn ends(&mut self, event: Event) {
        self.record(Actor::System, ON, event, None);
    }

    /// As the gateway would record it after its checks, which are not made here.
    fn attested(&mut self, seed: u8, of: &Statement) {
        let text = of.text();
        let event = Event::DeletionAttested {
            revision: of.revision,
            statement: Digest::of(text.as_bytes()),
            key: key(seed).fingerprint(),
        };
        let signature = sign(seed, NAMESPACE_DELETION, &text);
        self.record(Self::by(21), ON, event, Some(Detail::Signed { text, signature, reason: String::new() }));
    }

    fn end_due(&self, now: Time, deliveries: Deliveries, bytes: Bytes) -> Vec<Event> {
        self.judged(now, |ticket, around| ticket.end_due(deliveries, || Ok::<_, ()>(bytes), around)).unwrap()
    }
}

/// D70: a ticket is closed only when our bytes are gone and the vendor's deletion is attested, or waived.
#[test]
fn what_was_activated_is_closed_only_when_bytes_are_gone_here_and_deletion_there_is_attested_or_waived() {
    let later = after("2026-12-31");
    let closing = || {
        let mut world = World::active();
        assert_eq!(world.end_due(later - days(1), Deliveries::Left, Bytes::Gone), []);
        assert_eq!(
            world.end_due(later, Deliveries::Left, Bytes::Gone),
            [Event::TicketClosing { why: Closing::EndDate }],
            "and nothing is closed by that"
        );
        world.ends(Event::TicketClosing { why: Closing::EndDate });
        world
    };
    let world = closing();
    for bytes in [Bytes::Here, Bytes::Gone] {
        assert_eq!(world.end_due(later, Deliveries::Left, bytes), [], "nobody has attested");
    }
    let mut waived = closing();
    waived.ends(Event::DeletionWaived);
    let mut attested = closing();
    attested.attested(101, &statement("EGR-2026-0001"));
    for world in [waived, attested] {
        assert_eq!(world.end_due(later, Deliveries::Left, Bytes::Here), [], "bytes are here");
        assert_eq!(world.end_due(later, Deliveries::Left, Bytes::Gone), [Event::TicketClosed]);
    }
}

#[test]
fn what_was_never_activated_closes_with_its_end_date_and_waits_for_nobody() {
    let mut world = World::new();
    world.vendor(1, "2027-12-31");
    world.submit("behaviour");
    world.approve();
    let later = after("2026-12-31");
    assert_eq!(world.judged(later, TicketDossier::state), State::Closed);
    assert_eq!(world.end_due(later, Deliveries::Left, Bytes::Here), []);
    assert_eq!(world.end_due(later, Deliveries::Left, Bytes::Gone), [Event::TicketClosed]);
    assert!(!world.judged(later, TicketDossier::owes_deletion));
    world.ends(Event::TicketClosed);
    assert_eq!(world.judged(today(), TicketDossier::state), State::Closed, "for good, whatever the clock says");
}

#[test]
fn an_attestation_counts_for_its_ticket_and_by_a_key_of_the_vendors_and_an_altered_one_for_nothing() {
    let later = after("2026-12-31");
    let settled = |spoil: &dyn Fn(&mut World)| {
        let mut world = World::active();
        spoil(&mut world);
        world.judged(later, TicketDossier::is_settled)
    };
    assert!(settled(&|world| world.attested(101, &statement("EGR-2026-0001"))));
    assert!(!settled(&|world| world.attested(101, &statement("EGR-2026-0002"))), "another ticket's, put here");
    assert!(!settled(&|world| world.attested(21, &statement("EGR-2026-0001"))), "one of the staff signs for the vendor");
    let altered = |change: &dyn Fn(&mut String, &mut String)| {
        settled(&|world| {
            world.attested(101, &statement("EGR-2026-0001"));
            if let Some(Record { detail: Some(Detail::Signed { text, signature, .. }), .. }) = world.records.last_mut() {
                change(text, signature);
            }
        })
    };
    assert!(!altered(&|text, _| text.push('x')));
    assert!(!altered(&|_, signature| *signature = sign(101, NAMESPACE_VOTE, &statement("EGR-2026-0001").text())));
    assert!(!settled(&|world| {
        world.attested(101, &statement("EGR-2026-0001"));
        world.records.last_mut().unwrap().detail = None;
    }));
}

#[test]
fn a_statement_is_the_vendors_only_by_a_login_key_that_counts_today_over_this_text_in_its_namespace() {
    let mut world = World::active();
    let of = statement("EGR-2026-0001");
    let signed = |world: &World, armoured: &str| of.signer(&world.vendor_dossier(1), &world.roster(), armoured);
    let good = sign(101, NAMESPACE_DELETION, &of.text());
    assert_eq!(signed(&world, &good), Ok(key(101).fingerprint()));
    assert!(matches!(signed(&world, "nonsense"), Err(Refusal::SignatureRefused { .. })));
    assert_eq!(signed(&world, &sign(101, NAMESPACE_VOTE, &of.text())), Err(Refusal::AttestedElsewhere {}));
    assert!(matches!(
        signed(&world, &sign(21, NAMESPACE_DELETION, &of.text())),
        Err(Refusal::AttestedByStranger { vendor, .. }) if vendor == "vendor1"
    ));
    let other = statement("EGR-2026-0002");
    for text in [other.text(), of.text().replace("date 2027-01-02", "date 2027-01-03"), of.text().replace("everything", "some")] {
        assert!(matches!(signed(&world, &sign(101, NAMESPACE_DELETION, &text)), Err(Refusal::AttestsOther { .. })), "{text}");
    }
    let on = Subject::Vendor(World::vendor_id(1));
    world.record(World::by(22), on, Event::KeyRevoked { key: key(101).fingerprint() }, None);
    assert!(matches!(signed(&world, &good), Err(Refusal::AttestedByRevoked { .. })));
}

#[test]
fn the_statement_names_each_delivery_until_there_are_too_many_to_read() {
    let handed = |number: u32| Handed {
        number: DeliveryNumber(number),
        released: Day::of(today()),
        files: 2,
        fetched: 1,
        manifest: Digest::of(&number.to_be_bytes()),
    };
    let mut of = statement("EGR-2026-0001");
    of.handed = (1..=60).map(handed).collect();
    let text = of.text();
    assert!(text.starts_with("egressd deletion attestation 1\nticket EGR-2026-0001\nvendor vendor1\nrevision "), "{text}");
    assert!(text.contains("\ndelivery 0001 of 2026-11-21, 2 files, 1 fetched, manifest ") && text.ends_with("nothing of it\n"));
    of.handed = (1..=65).map(handed).collect();
    let long = of.text();
    assert!(long.contains("\ndeliveries 0001 to 0005: 10 files, 5 fetched, lines "), "{long}");
    assert!(long.contains("\ndelivery 0006 of ") && !long.contains("\ndelivery 0005 of "), "{long}");
    of.handed[2].fetched = 2;
    assert_ne!(long, of.text(), "what is joined is stated all the same");
}

/// What was released stays to be fetched while the ticket closes because its deliveries are used up, and no longer than its end date.
#[test]
fn used_up_deliveries_are_served_until_their_retention_or_the_end_date_and_nothing_new_is_released() {
    let mut world = World::active();
    let (file, delivery) = file_and_delivery(&mut world);
    let files = vec![ReleasedFile { file, name: "a.csv.age".into(), bytes: 30, sha256: Digest::of(b"cipher"), rows: 1 }];
    let event = Event::DeliveryReleased {
        revision: world.ticket().current().digest,
        files: 1,
        list: Digest::of_canonical(&files).unwrap(),
        until: today() + days(60),
    };
    world.record(Actor::System, Subject::Delivery(delivery), event, Some(Detail::Release { files }));
    let due = world.end_due(today(), Deliveries::UsedUp, Bytes::Here);
    assert_eq!(due, [Event::TicketClosing { why: Closing::DeliveriesUsedUp }]);
    world.ends(due[0].clone());
    assert_eq!(world.end_due(today(), Deliveries::UsedUp, Bytes::Here), [], "once");
    let served = |world: &World, now: Time| {
        let delivery = world.on(Subject::Delivery(delivery), crate::domain::file::DeliveryDossier::replay).unwrap();
        world.judged(now, |ticket, around| Sight::stands(ticket, &delivery, around))
    };
    assert_eq!(world.state(), State::Closing);
    assert_eq!(served(&world, today() + days(30)), Ok(()));
    assert!(matches!(served(&world, after("2026-12-31")), Err(Refusal::NotActive { .. })), "its last day is over");
    let approved = world.judged(today(), |ticket, around| Approved::check(ticket, around).map(drop));
    assert!(matches!(approved, Err(Refusal::NotActive { .. })), "nothing new: {approved:?}");
    // What would have suspended it ends the serving all the same.
    world.record(World::by(22), Subject::House, Event::ClassRevoked { class: "behaviour".parse().unwrap() }, None);
    assert_eq!(world.state(), State::Closing);
    assert!(served(&world, today()).is_err());
}

#[test]
fn a_ticket_that_closes_takes_no_vote_and_no_further_day_brings_it_back() {
    let mut world = World::active();
    world.ends(Event::TicketClosing { why: Closing::EndDate });
    assert_eq!(world.state(), State::Closing, "a term that no longer counts does not widen what was over");
    assert_eq!(world.judged(today(), |ticket, around| ticket.standing(around)).serves, Serves::No);
    assert!(world.judged(today(), |ticket, around| ticket.waits(around)).is_empty());
    assert!(matches!(world.judged(today(), TicketDossier::goes_on), Err(Refusal::TicketCloses { .. })));
    world.record(World::by(22), ON, Event::TicketRevoked, None);
    assert_eq!(world.state(), State::Revoked, "security ends it at any time");
    world.ends(Event::TicketClosed);
    assert_eq!(world.state(), State::Revoked);
}

/// D70: overdue blocks new tickets.
#[test]
fn an_overdue_attestation_holds_the_vendors_other_tickets_until_it_is_settled() {
    let mut world = World::active();
    world.ends(Event::TicketClosing { why: Closing::EndDate });
    let by = world.judged(today(), TicketDossier::attest_by).unwrap();
    assert_eq!(by, today() + days(90 + 30), "the vendor may keep it for 90 days, and has 30 more");
    assert!(!world.judged(by - days(1), TicketDossier::is_attestation_overdue));
    assert!(world.judged(by, TicketDossier::is_attestation_overdue));
    let without = Policy::parse(&POLICY.replace("attest_within_days = 30", "")).unwrap();
    let strict = std::mem::replace(&mut world.policy, without);
    assert!(!world.judged(by + days(9_999), TicketDossier::is_attestation_overdue), "the policy sets no time");
    world.policy = strict;

    let mut other = World::new();
    other.vendor(1, "2027-12-31");
    let on = Subject::Vendor(World::vendor_id(1));
    let first = TicketId::from_uuid(Uuid::from_u128(70));
    let overdue = Event::AttestationOverdue { ticket: first, number: "EGR-2026-0070".parse().unwrap(), by };
    other.submit("behaviour");
    other.approve();
    assert_eq!(other.state(), State::Approved);
    other.record(Actor::System, on, overdue.clone(), None);
    assert_eq!(other.state(), State::OnHold);
    let told = other.judged(today(), TicketDossier::blocked);
    assert!(matches!(told, Some(Refusal::AttestationOverdue { ticket, .. }) if ticket == "EGR-2026-0070"));
    other.record(Actor::System, on, Event::AttestationSettled { ticket: first }, None);
    assert_eq!(other.state(), State::Approved);
    other.activate();
    other.record(Actor::System, on, overdue, None);
    assert_eq!(other.state(), State::Active, "what runs goes on");
    assert!(openssh_fingerprint(key(1).fingerprint()).starts_with("SHA256:"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: the system closes nothing that owes something, and what is terminal stays so.
    #[test]
    fn nothing_is_closed_that_owes_something_and_no_terminal_is_left(steps in prop::collection::vec((step(), 0_u32..200), 0..30)) {
        let mut world = World::new();
        world.vendor(1, "2027-12-31");
        world.submit("behaviour");
        world.approve();
        let mut ended: Option<State> = None;
        let mut now = today();
        for (step, later) in &steps {
            now = now + days(*later);
            // The system's own word comes from what is due alone.
            match step {
                Step::Ends(_) => for event in world.end_due(now, Deliveries::UsedUp, Bytes::Gone) {
                    let owes = world.judged(now, TicketDossier::owes_deletion);
                    prop_assert!(event != Event::TicketClosed || !owes);
                    world.record_at(now, Actor::System, ON, event, None);
                },
                step => {
                    let before = world.records.len();
                    take(&mut world, step);
                    world.records[before..].iter_mut().for_each(|record| record.at = now);
                }
            }
            let state = world.judged(now, TicketDossier::state);
            if let Some(ended) = ended {
                prop_assert!(state == ended || state.is_terminal());
            }
            ended = ended.or(state.is_terminal().then_some(state));
            // Replayed, it is the same.
            prop_assert_eq!(state, world.judged(now, TicketDossier::state));
            let paper = world.judged(now, |ticket, around| Approved::check(ticket, around).is_ok());
            prop_assert!(!paper || state == State::Active);
        }
    }
}
