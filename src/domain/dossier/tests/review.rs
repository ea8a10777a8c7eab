//! Sent back, revised, amended, tied to terms; and votes that nobody signed.

use super::{
    papers::{file_and_delivery, release},
    *,
};

/// D16 to D18, D20: a request comes back with comments; a new revision keeps the votes whose question it leaves as it was.
#[test]
fn a_request_that_comes_back_waits_for_another_revision_and_keeps_the_votes_on_what_has_not_changed() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    world.vote(2, Gate::Business, Decision::Approve, world.question(Gate::Business));
    world.vote(5, Gate::Security, Decision::Approve, world.question(Gate::Security));
    world.vote(4, Gate::Privacy, Decision::RequestChanges, world.question(Gate::Privacy));
    assert_eq!(world.state(), State::Returned);
    // The protocols are asked of security alone.
    world.revise(|text| text.replace("[\"sftp\"]", "[\"https\"]"));
    assert_eq!(world.state(), State::InReview);
    let open = |world: &World| world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around));
    assert_eq!(open(&world), BTreeSet::from([Gate::DataOwner, Gate::Privacy, Gate::Security]));
    // Whoever asked for changes answers anew, although the question is the same.
    world.vote(4, Gate::Privacy, Decision::Approve, world.question(Gate::Privacy));
    assert_eq!(open(&world), BTreeSet::from([Gate::DataOwner, Gate::Security]));
    // And may take it back as long as nothing runs.
    world.vote(4, Gate::Privacy, Decision::RequestChanges, world.question(Gate::Privacy));
    assert_eq!(world.state(), State::Returned);
    world.vote(4, Gate::Privacy, Decision::Approve, world.question(Gate::Privacy));
    world.vote(3, Gate::DataOwner, Decision::Approve, world.question(Gate::DataOwner));
    world.vote(5, Gate::Security, Decision::Approve, world.question(Gate::Security));
    assert_eq!(world.state(), State::Approved);
}

#[test]
fn an_active_ticket_runs_on_under_its_revision_until_its_amendment_is_approved_and_activated() {
    let mut world = World::active();
    let first = world.ticket().current().digest;
    world.revise(|text| text.replace("purpose = \"p\"", "purpose = \"another\""));
    let ticket = world.ticket();
    assert_eq!((world.state(), ticket.current().digest), (State::Active, first));
    let review = |world: &World| world.judged(today(), |ticket, around| ticket.review(ticket.under_review(), around));
    assert_eq!(review(&world), State::InReview);
    assert_ne!(ticket.under_review().digest, first);
    world.approve();
    assert_eq!((review(&world), world.ticket().current().digest), (State::Approved, first), "approved, and nobody activated it");
    world.activate();
    assert_eq!(world.state(), State::Active);
    assert_ne!(world.ticket().current().digest, first);
    assert!(world.ticket().amendment().is_none());
    // What was sealed under the old one is no longer what is approved.
    let (file, delivery) = file_and_delivery(&mut world);
    assert_eq!(release(&world, file, delivery), Ok(()));
    world.revise(|text| text.replace("purpose = \"p\"", "purpose = \"a third\""));
    world.approve();
    world.activate();
    assert!(release(&world, file, delivery).is_err());
}

#[test]
fn an_amendment_that_is_rejected_ends_nothing_that_runs() {
    let mut world = World::active();
    let first = world.ticket().current().digest;
    world.revise(|text| text.replace("purpose = \"p\"", "purpose = \"another\""));
    world.vote(4, Gate::Privacy, Decision::Reject, world.question(Gate::Privacy));
    let ticket = world.ticket();
    assert_eq!((world.state(), ticket.current().digest), (State::Active, first));
    assert!(ticket.amendment().is_none() && ticket.rejection().is_none());
    world.revise(|text| text.replace("purpose = \"p\"", "purpose = \"a third\""));
    world.approve();
    world.activate();
    assert_eq!(world.state(), State::Active, "the earlier no was about another revision");
    // A no to what runs does end it.
    world.vote(4, Gate::Privacy, Decision::Reject, world.question(Gate::Privacy));
    assert_eq!(world.state(), State::Rejected);
}

/// D24: conditional approvals bind from the vote on, and never widen.
#[test]
fn terms_narrow_what_runs_and_a_file_that_was_cleared_without_them_is_not_released() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    world.approve();
    let before = world.judged(today(), |ticket, around| ticket.standing(around).bounds);
    let terms = vec![
        Term::MaxRows(10),
        Term::MaxDeliveries(2),
        Term::Until("2026-12-01".to_owned().try_into().unwrap()),
        Term::Address("127.0.0.1".parse().unwrap()),
    ];
    world.cast(4, Ballot { terms, ..said(Gate::Privacy, Decision::Approve) }, world.question(Gate::Privacy));
    let wider = vec![Term::MaxRows(1_000), Term::MaxDeliveries(9), Term::Until("2030-01-01".to_owned().try_into().unwrap())];
    world.cast(5, Ballot { terms: wider, ..said(Gate::Security, Decision::Approve) }, world.question(Gate::Security));
    world.activate();
    let bounds = world.judged(today(), |ticket, around| ticket.standing(around).bounds);
    assert_eq!(
        (bounds.content.max_rows, bounds.max_deliveries, bounds.closes.to_string()),
        (Some(10), Some(2), "2026-12-01".into())
    );
    assert_ne!(bounds.content.digest(), before.content.digest());
    assert!(bounds.admits(crate::domain::event::Protocol::Sftp, "127.0.0.1".parse().unwrap()).is_ok());
    assert!(bounds.admits(crate::domain::event::Protocol::Sftp, "127.0.0.2".parse().unwrap()).is_err());
    assert!(bounds.admits(crate::domain::event::Protocol::Https, "127.0.0.1".parse().unwrap()).is_err(), "never approved");
    let closes = Day::try_from("2026-12-02".to_owned()).unwrap().begins();
    assert_eq!(world.judged(closes, TicketDossier::state), State::Closing);
    let (file, delivery) = file_and_delivery(&mut world);
    assert_eq!(release(&world, file, delivery), Ok(()));
    let cleared = |record: &mut Record| {
        if let Event::FileCleared { bounds, .. } = &mut record.event {
            *bounds = Some(before.content.digest());
        }
    };
    world.records.iter_mut().for_each(cleared);
    assert!(release(&world, file, delivery).is_err());
}

fn max_rows(world: &World) -> Option<u64> {
    world.judged(today(), |ticket, around| ticket.standing(around).bounds.content.max_rows)
}

/// What is said of an amendment touches what runs only once it is activated; what an approval is tied to goes with no key.
#[test]
fn a_term_holds_until_its_voter_says_otherwise_of_what_runs() {
    let mut world = World::new();
    world.policy = two_for_privacy();
    world.enrol(10, vec![Role::PrivacyReviewer]);
    world.enrol(11, vec![Role::PrivacyReviewer]);
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    world.approve();
    world.vote(10, Gate::Privacy, Decision::Approve, world.question(Gate::Privacy));
    let tied = Ballot { terms: vec![Term::MaxRows(10)], ..said(Gate::Privacy, Decision::Approve) };
    world.cast(11, tied, world.question(Gate::Privacy));
    world.activate();
    assert_eq!((world.state(), max_rows(&world)), (State::Active, Some(10)));
    // The protocols are asked of security alone: the question of privacy stays what it was.
    world.revise(|text| text.replace("[\"sftp\"]", "[\"https\"]"));
    world.vote(11, Gate::Privacy, Decision::RequestChanges, world.question(Gate::Privacy));
    assert_eq!((world.state(), max_rows(&world)), (State::Active, Some(10)), "asked for changes of the amendment");
    world.vote(11, Gate::Privacy, Decision::Approve, world.question(Gate::Privacy));
    assert_eq!((world.state(), max_rows(&world)), (State::Active, Some(10)), "approved the amendment without the term");
    world.vote(11, Gate::Privacy, Decision::Reject, world.question(Gate::Privacy));
    assert_eq!((world.state(), max_rows(&world)), (State::Active, Some(10)), "rejected the amendment");
    world.record(World::by(20), Subject::House, Event::KeyRevoked { key: key(11).fingerprint() }, None);
    assert_eq!((world.state(), max_rows(&world)), (State::Active, Some(10)), "two others approve, and nobody lifted the term");
}

/// Only who said no, or a request that asks their gate something else, opens that gate again.
#[test]
fn a_no_outlives_a_new_title_and_the_key_that_gave_it() {
    let mut world = World::new();
    world.enrol(10, vec![Role::PrivacyReviewer]);
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    world.approve();
    world.vote(10, Gate::Privacy, Decision::RequestChanges, world.question(Gate::Privacy));
    assert_eq!(world.state(), State::Returned);
    world.revise(|text| text.replace("title = \"t\"", "title = \"t.\""));
    let open = |world: &World| world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around));
    assert_eq!(open(&world), BTreeSet::from([Gate::Privacy]), "another of the gate has approved");
    let waits = world.judged(today(), |ticket, around| {
        let objector = around.roster.person(person(10)).unwrap();
        ticket.awaits(objector, around)
    });
    assert_eq!(waits, [Gate::Privacy]);
    world.record(World::by(20), Subject::House, Event::KeyRevoked { key: key(10).fingerprint() }, None);
    assert_eq!(open(&world), BTreeSet::from([Gate::Privacy]), "the key is revoked, and what it said was no");
    world.revise(|text| text.replace("purpose = \"p\"", "purpose = \"another\""));
    world.approve();
    assert_eq!(world.state(), State::Approved, "privacy was asked something else");
}

#[test]
fn an_amendment_that_was_rejected_is_not_filed_again_with_another_title() {
    let mut world = World::active();
    world.enrol(10, vec![Role::PrivacyReviewer]);
    world.revise(|text| text.replace("purpose = \"p\"", "purpose = \"another\""));
    world.vote(10, Gate::Privacy, Decision::Reject, world.question(Gate::Privacy));
    world.revise(|text| text.replace("purpose = \"p\"", "purpose = \"another\"").replace("title = \"t\"", "title = \"t.\""));
    world.approve();
    let review = |world: &World| world.judged(today(), |ticket, around| ticket.review(ticket.under_review(), around));
    assert_eq!(review(&world), State::InReview);
    world.vote(10, Gate::Privacy, Decision::Approve, world.question(Gate::Privacy));
    assert_eq!(review(&world), State::Approved, "whoever rejected it says otherwise");
}

/// Whoever can write the ledger still has nobody's key.
#[test]
fn a_vote_that_nobody_signed_as_it_stands_opens_no_gate() {
    let question = |world: &World| world.question(Gate::Privacy);
    let open = |world: &World| world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around));
    let mut honest = World::new();
    honest.vendor(1, "2027-01-31");
    honest.submit("behaviour");
    let (asked, ballot) = (honest.asked(4, question(&honest)), said(Gate::Privacy, Decision::Approve));
    let sign = |by: u8, namespace: &str, text: &str| {
        SshSig::sign(&private(by), namespace, HashAlg::Sha512, text.as_bytes()).unwrap().to_pem(LineEnding::LF).unwrap()
    };
    let text = ballot.text(&asked);
    let rejected = said(Gate::Privacy, Decision::Reject).text(&asked);
    let other = ballot.text(&Asked { question: Digest::of(b"another question"), ..asked });
    for (what, signature) in [
        ("none", String::new()),
        ("another's key", sign(5, NAMESPACE_VOTE, &text)),
        ("another namespace", sign(4, "egressd-request", &text)),
        ("a rejection's", sign(4, NAMESPACE_VOTE, &rejected)),
        ("replayed from another question", sign(4, NAMESPACE_VOTE, &other)),
    ] {
        let mut world = World { records: honest.records.clone(), policy: honest.policy.clone() };
        world.recorded(4, ballot.clone(), asked, signature);
        assert!(open(&world).contains(&Gate::Privacy), "{what}");
    }
    // A term that was taken out of the ledger takes the vote with it.
    let tied = Ballot { terms: vec![Term::MaxRows(10)], ..ballot.clone() };
    let mut world = World { records: honest.records.clone(), policy: honest.policy.clone() };
    world.recorded(4, ballot.clone(), asked, sign(4, NAMESPACE_VOTE, &tied.text(&asked)));
    assert!(open(&world).contains(&Gate::Privacy));
    let mut world = World { records: honest.records.clone(), policy: honest.policy.clone() };
    world.recorded(4, tied.clone(), asked, sign(4, NAMESPACE_VOTE, &tied.text(&asked)));
    assert!(!open(&world).contains(&Gate::Privacy));
}

/// Whoever has the log's key and an old signature has a text that names an older leaf.
#[test]
fn an_approval_that_was_taken_back_cannot_be_put_forward_again() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    let question = world.question(Gate::Privacy);
    world.vote(4, Gate::Privacy, Decision::Approve, question);
    let approved = world.ticket().votes[0].clone();
    let open = |world: &World| world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around));
    assert!(!open(&world).contains(&Gate::Privacy));
    world.vote(4, Gate::Privacy, Decision::RequestChanges, question);
    assert!(open(&world).contains(&Gate::Privacy));
    world.recorded(4, approved.ballot, approved.asked, approved.signature);
    assert!(open(&world).contains(&Gate::Privacy), "the same words, signed before");
    assert_eq!(world.state(), State::Returned);
}
