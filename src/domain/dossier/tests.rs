//! A ticket's standing over whatever sequence of records.

mod calendar;
mod end;
mod papers;
mod policy;
mod review;
mod sequences;

use super::*;
use crate::domain::{
    credential::Credential,
    event::{Actor, Closing},
    form::sample,
    ids::{DeliveryId, DeliveryNumber, FileId, ObjectId, Slug},
    network::Network,
    papers::{Approved, Clean, Leave, Release, Sealed, Sight, Visitor},
    people::Role,
    policy::Deed,
    refusal::Refusal,
    signature::{NAMESPACE_VOTE, PublicKey},
    time::{Day, days},
    vendor::VendorDocument,
    vote::Term,
};
use proptest::prelude::*;
use russh::keys::ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};
use uuid::Uuid;

const POLICY: &str = include_str!("../../../config/policy.toml");

/// 2026-11-21T00:00:00Z.
fn today() -> Time {
    Day::try_from("2026-11-21".to_owned()).unwrap().begins()
}

fn person(n: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(n))
}

fn private(n: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[n; 32]))
}

fn key(n: u8) -> PublicKey {
    PublicKey::new(private(n).public_key()).unwrap()
}

/// What a vote says, and nothing else.
fn said(gate: Gate, decision: Decision) -> Ballot {
    Ballot { gate, decision, because: None, reason: "because".into(), comments: Vec::new(), terms: Vec::new() }
}

/// Everything that happened, as records; whatever the house decides is read off them.
struct World {
    records: Vec<Record>,
    policy: Policy,
}

/// Person 1 requests; 2 to 8 hold one gate's role each, in the order of [`Gate::ALL`]; 9 holds all of them.
const EVERYTHING: u128 = 9;

impl World {
    fn new() -> Self {
        let mut world = Self { records: Vec::new(), policy: Policy::parse(POLICY).unwrap() };
        world.enrol(1, vec![Role::Requester, Role::BusinessApprover]);
        for (i, gate) in Gate::ALL.into_iter().enumerate() {
            world.enrol(i as u128 + 2, vec![gate.role()]);
        }
        world.enrol(EVERYTHING, Gate::ALL.map(Gate::role).to_vec());
        world
    }

    fn record(&mut self, by: Actor, on: Subject, event: Event, detail: Option<Detail>) {
        self.record_at(today(), by, on, event, detail);
    }

    fn record_at(&mut self, at: Time, by: Actor, on: Subject, event: Event, detail: Option<Detail>) {
        let index = self.records.len() as u64;
        self.records.push(Record { index, at, by, on, event, detail });
    }

    fn by(n: u128) -> Actor {
        Actor::Person { id: person(n), key: key(n as u8).fingerprint() }
    }

    fn enrol(&mut self, n: u128, roles: Vec<Role>) {
        let (public, name) = (key(n as u8), format!("p{n}").parse().unwrap());
        let proposed = Event::PersonProposed { person: person(n), key: public.fingerprint(), roles, until: None };
        self.record(Actor::Owner, Subject::Staff, proposed, Some(Detail::Person { name, key: public.to_string() }));
        let enrolled = Event::PersonEnrolled { person: person(n), key: public.fingerprint() };
        self.record(Actor::Owner, Subject::Staff, enrolled, None);
    }

    fn vendor_id(n: u128) -> VendorId {
        VendorId::from_uuid(Uuid::from_u128(100 + n))
    }

    fn recipient(n: u128) -> Digest {
        Digest::of(format!("recipient {n}").as_bytes())
    }

    fn vendor(&mut self, n: u128, valid_until: &str) {
        let document = format!(
            "vendor = 1\nid = \"vendor{n}\"\nname = \"Vendor\"\ncontact = \"x\"\nlogin_keys = [\"{}\"]\nrecipients = [\"age1x\"]\n\
             addresses = [\"127.0.0.0/8\"]\n[assessment]\nreference = \"A\"\nvalid_until = \"{valid_until}\"\ncontract = \"C\"\n",
            key(100 + n as u8)
        );
        let parsed = VendorDocument::parse(&document).unwrap();
        let revision = parsed.digest();
        let filed = Event::VendorFiled {
            revision,
            assessment: parsed.assessment_digest(),
            logins: parsed.login_keys.iter().map(PublicKey::fingerprint).collect(),
            recipients: vec![Self::recipient(n)],
        };
        let on = Subject::Vendor(Self::vendor_id(n));
        self.record(Self::by(20), on, filed, Some(Detail::Vendor { document }));
        for confirmer in [5, 6] {
            self.record(Self::by(confirmer), on, Event::VendorConfirmed { revision }, None);
        }
    }

    fn ticket_id() -> TicketId {
        TicketId::from_uuid(Uuid::from_u128(7))
    }

    fn document(class: &str, closes: &str) -> String {
        format!(
            "ticket = 1\ntitle = \"t\"\nvendor = \"vendor1\"\npurpose = \"p\"\njustification = \"j\"\nformat = \"csv\"\n\
             protocols = [\"sftp\"]\nretention_days = 7\n{}[window]\nopens = \"2026-11-01\"\ncloses = \"{closes}\"\n{}\
             [[field]]\nname = \"a\"\ntype = \"text\"\nclass = \"{class}\"\nsource = \"db://a\"\ndestination = \"s3://b\"\n\
             necessity = \"n\"\ntreatment = \"as_is\"\n",
            sample::KEYS,
            sample::TABLES,
        )
    }

    fn submit(&mut self, class: &str) {
        self.submit_as(Self::document(class, "2026-12-31"));
    }

    fn submit_as(&mut self, document: String) {
        let parsed = TicketDocument::parse(&document).unwrap();
        let event = Event::TicketSubmitted {
            number: "EGR-2026-0001".parse().unwrap(),
            revision: parsed.digest(),
            vendor: Self::vendor_id(1),
            policy: self.policy.digest(),
        };
        self.record(Self::by(1), Subject::Ticket(Self::ticket_id()), event, Some(Detail::Ticket { document }));
    }

    fn on<T>(&self, subject: Subject, replay: impl Fn(&[Record]) -> Option<T>) -> Option<T> {
        let records: Vec<Record> = self.records.iter().filter(|record| record.on == subject).cloned().collect();
        replay(&records)
    }

    fn ticket(&self) -> TicketDossier {
        self.on(Subject::Ticket(Self::ticket_id()), TicketDossier::replay).unwrap()
    }

    fn roster(&self) -> Roster {
        self.on(Subject::Staff, |records| Some(Roster::replay(records))).unwrap()
    }

    fn house(&self) -> HouseDossier {
        self.on(Subject::House, |records| Some(HouseDossier::replay(records))).unwrap()
    }

    fn vendor_dossier(&self, n: u128) -> VendorDossier {
        self.on(Subject::Vendor(Self::vendor_id(n)), VendorDossier::replay).unwrap()
    }

    /// Judges as of `now`.
    fn judged<T>(&self, now: Time, judge: impl FnOnce(&TicketDossier, &Surroundings<'_>) -> T) -> T {
        let (ticket, vendor, roster, house) = (self.ticket(), self.vendor_dossier(1), self.roster(), self.house());
        judge(&ticket, &Surroundings { now, policy: &self.policy, vendor: &vendor, roster: &roster, house: &house })
    }

    fn state(&self) -> State {
        self.judged(today(), TicketDossier::state)
    }

    fn vote(&mut self, by: u128, gate: Gate, decision: Decision, question: Digest) {
        self.cast(by, said(gate, decision), question);
    }

    fn asked(&self, by: u128, question: Digest) -> Asked {
        let ticket = self.ticket();
        let after = ticket.last_vote_of(person(by));
        Asked { ticket: ticket.number, question, revision: ticket.under_review().digest, policy: self.policy.digest(), after }
    }

    fn cast(&mut self, by: u128, ballot: Ballot, question: Digest) {
        let asked = self.asked(by, question);
        let signed = SshSig::sign(&private(by as u8), NAMESPACE_VOTE, HashAlg::Sha512, ballot.text(&asked).as_bytes());
        self.recorded(by, ballot, asked, signed.unwrap().to_pem(LineEnding::LF).unwrap());
    }

    /// As the gateway would record it after its checks, which are not made here.
    fn recorded(&mut self, by: u128, ballot: Ballot, asked: Asked, signature: String) {
        let Asked { question, revision, policy, .. } = asked;
        let Ballot { gate, decision, because, reason, comments, terms } = ballot;
        let event = Event::TicketVoted { gate, decision, because, question, revision, policy };
        let detail = Detail::Vote { reason, comments, terms, signature };
        self.record(Self::by(by), Subject::Ticket(Self::ticket_id()), event, Some(detail));
    }

    /// A further revision: the example with another purpose, or whatever `change` does.
    fn revise(&mut self, change: impl FnOnce(String) -> String) {
        let document = change(Self::document("behaviour", "2026-12-31"));
        let parsed = TicketDocument::parse(&document).unwrap();
        let base = self.ticket().under_review().digest;
        let event = Event::TicketRevised { revision: parsed.digest(), base, policy: self.policy.digest() };
        self.record(Self::by(1), Subject::Ticket(Self::ticket_id()), event, Some(Detail::Ticket { document }));
    }

    fn question(&self, gate: Gate) -> Digest {
        self.judged(today(), |ticket, around| ticket.question(ticket.under_review(), gate, around)).unwrap()
    }

    fn approve(&mut self) {
        let gates: Vec<Gate> =
            self.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around)).into_iter().collect();
        for gate in gates {
            let holder = Gate::ALL.iter().position(|other| *other == gate).unwrap() as u128 + 2;
            self.vote(holder, gate, Decision::Approve, self.question(gate));
        }
    }

    fn activate(&mut self) {
        let event = Event::TicketActivated { revision: self.ticket().under_review().digest, policy: self.policy.digest() };
        self.record(Self::by(21), Subject::Ticket(Self::ticket_id()), event, None);
    }

    fn active() -> Self {
        let mut world = Self::new();
        world.vendor(1, "2027-01-31");
        world.submit("behaviour");
        world.approve();
        world.activate();
        world
    }
}

#[test]
fn a_ticket_goes_from_review_to_approved_to_active_to_closing() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    assert_eq!(world.state(), State::InReview);
    world.approve();
    assert_eq!(world.state(), State::Approved);
    world.activate();
    assert_eq!(world.state(), State::Active);
    assert_eq!(world.judged(today() + days(60), TicketDossier::state), State::Closing);
}

#[test]
fn one_person_opens_one_gate_and_the_requester_none() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    for gate in Gate::ALL {
        world.vote(EVERYTHING, gate, Decision::Approve, world.question(gate));
        world.vote(1, gate, Decision::Approve, world.question(gate));
    }
    // Of all the votes one counts: the first of the one person who is not the requester.
    assert_eq!(world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around)).len(), 3);
    assert_eq!(world.state(), State::InReview);
}

/// The example policy, with two approvals at the privacy gate of T1 and T2.
fn two_for_privacy() -> Policy {
    Policy::parse(&format!("{POLICY}\n[gates.privacy]\nvotes = {{ T1 = 2, T2 = 2 }}\n")).unwrap()
}

/// D23: N of M approvers.
#[test]
fn a_gate_that_needs_two_opens_by_two_people_and_not_by_one_who_votes_twice() {
    let mut world = World::new();
    world.policy = two_for_privacy();
    world.enrol(10, vec![Role::PrivacyReviewer]);
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    world.approve();
    let question = world.question(Gate::Privacy);
    let open = |world: &World| world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around));
    assert_eq!(open(&world), BTreeSet::from([Gate::Privacy]));
    world.vote(4, Gate::Privacy, Decision::Approve, question);
    assert_eq!(open(&world), BTreeSet::from([Gate::Privacy]), "the same person again");
    world.vote(10, Gate::Privacy, Decision::Approve, question);
    assert_eq!(world.state(), State::Approved);
    // Asking for one more than approved opens the gate again, for everybody: it is another question.
    world.policy = Policy::parse(&format!("{POLICY}\n[gates.privacy]\nvotes = {{ T1 = 3 }}\n")).unwrap();
    assert_eq!(open(&world), BTreeSet::from([Gate::Privacy]));
}

#[test]
fn a_gate_waits_for_those_that_the_policy_puts_before_it_where_the_ticket_has_them() {
    let mut world = World::new();
    world.policy = Policy::parse(&format!("{POLICY}\n[gates.security]\nafter = [\"business\", \"vendor_risk\"]\n")).unwrap();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    let waits =
        |world: &World| world.judged(today(), |ticket, around| ticket.waits_for(ticket.under_review(), Gate::Security, around));
    assert_eq!(waits(&world), [Gate::Business], "this ticket has no gate vendor_risk");
    world.vote(2, Gate::Business, Decision::Approve, world.question(Gate::Business));
    assert_eq!(waits(&world), []);
}

#[test]
fn a_vote_on_another_question_and_a_vote_without_the_role_count_nothing() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    world.vote(2, Gate::Business, Decision::Approve, Digest::of(b"another question"));
    world.vote(3, Gate::Privacy, Decision::Approve, world.question(Gate::Privacy));
    assert_eq!(world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around)).len(), 4);
}

#[test]
fn a_stricter_policy_suspends_what_was_active_and_an_untouched_question_keeps_its_vote() {
    let mut world = World::active();
    world.policy = Policy::parse(&POLICY.replace(
        "gates = [\"business\", \"data_owner\", \"privacy\", \"security\"]\n",
        "gates = [\"business\", \"data_owner\", \"legal\", \"privacy\", \"security\"]\n",
    ))
    .unwrap();
    assert_eq!(world.state(), State::Suspended);
    // The rule that every gate of this tier rests on has changed: all of them are asked again.
    assert_eq!(world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around)).len(), 5);
    // A change to another tier's rule changes no question of this one.
    let mut world = World::active();
    world.policy = Policy::parse(&POLICY.replace("most = 14", "most = 13")).unwrap();
    assert_eq!(world.state(), State::Active);
}

#[test]
fn the_vendors_assessment_keys_and_revocation_decide_whether_a_ticket_stands() {
    let mut world = World::active();
    let later = Day::try_from("2027-02-01".to_owned()).unwrap().begins();
    let vendor = world.vendor_dossier(1);
    assert!(vendor.stands(&world.roster(), today()).is_ok());
    assert!(vendor.stands(&world.roster(), later).is_err(), "the assessment has ended");
    let on = Subject::Vendor(World::vendor_id(1));
    world.record(World::by(22), on, Event::KeyRevoked { key: World::recipient(1) }, None);
    assert_eq!(world.state(), State::Suspended, "no recipient is left to seal to");
    world.record(World::by(22), on, Event::VendorRevoked, None);
    assert_eq!(world.state(), State::Suspended);
    let mut world = World::active();
    world.record(World::by(22), Subject::House, Event::ClassRevoked { class: "behaviour".parse().unwrap() }, None);
    assert_eq!(world.state(), State::Suspended);
}

#[test]
fn a_vendor_needs_two_more_people_one_of_them_a_security_reviewer() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    let filed = |world: &World| world.vendor_dossier(1).revisions[0].clone();
    let complete = filed(&world);
    assert!(complete.confirmed(&world.roster()));
    let on = Subject::Vendor(World::vendor_id(1));
    let revision = complete.digest;
    // Without person 5, the security reviewer: others may confirm as often as they like.
    world.records.retain(|record| !(record.on == on && record.by == World::by(5)));
    for confirmer in [6, 7, 20] {
        world.record(World::by(confirmer), on, Event::VendorConfirmed { revision }, None);
    }
    assert_eq!(filed(&world).missing(&world.roster()), ["a security_reviewer's confirmation"]);
    // The reviewer alone is one person too few.
    world.records.retain(|record| !(record.on == on && record.event == Event::VendorConfirmed { revision }));
    world.record(World::by(5), on, Event::VendorConfirmed { revision }, None);
    assert_eq!(filed(&world).missing(&world.roster()), ["a second person's confirmation"]);
}

/// What can happen to a ticket, in any order, by anybody.
#[derive(Clone, Debug)]
enum Step {
    Vote {
        by: u128,
        gate: usize,
        decision: Decision,
        right_question: bool,
    },
    /// Somebody with the ledger in hand, and without the voter's key.
    Forge {
        by: u128,
        gate: usize,
    },
    Revise(u8),
    Activate,
    Withdraw,
    Revoke,
    RevokeVendor,
    Freeze,
    /// Of its end, whatever the system would say.
    Ends(Event),
}

fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![90 => Just(Decision::Approve), 6 => Just(Decision::RequestChanges), 4 => Just(Decision::Reject)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => (1_u128..=EVERYTHING, 0..Gate::ALL.len(), decision(), prop::bool::weighted(0.9))
            .prop_map(|(by, gate, decision, right_question)| Step::Vote { by, gate, decision, right_question }),
        4 => (2_u128..=EVERYTHING, 0..Gate::ALL.len()).prop_map(|(by, gate)| Step::Forge { by, gate }),
        2 => (0_u8..4).prop_map(Step::Revise),
        6 => Just(Step::Activate),
        1 => Just(Step::Withdraw),
        1 => Just(Step::Revoke),
        1 => Just(Step::RevokeVendor),
        1 => Just(Step::Freeze),
        2 => prop_oneof![
            Just(Event::TicketClosing { why: Closing::DeliveriesUsedUp }),
            Just(Event::DeletionWaived),
            Just(Event::TicketClosed),
            Just(Event::PortabilityOverdue { until: Day::of(today()) }),
        ]
        .prop_map(Step::Ends),
    ]
}

fn take(world: &mut World, step: &Step) {
    let on = Subject::Ticket(World::ticket_id());
    match step {
        Step::Vote { by, gate, decision, right_question } => {
            let gate = Gate::ALL[*gate];
            let question = if *right_question { world.question(gate) } else { Digest::of(b"not asked") };
            world.vote(*by, gate, *decision, question);
        }
        Step::Forge { by, gate } => {
            let gate = Gate::ALL[*gate];
            let asked = world.asked(*by, world.question(gate));
            world.recorded(*by, said(gate, Decision::Approve), asked, "-----BEGIN SSH SIGNATURE-----".into());
        }
        // The gateway refuses one that is not new.
        Step::Revise(n) => {
            let change = |text: String| {
                text.replace("purpose = \"p\"", &format!("purpose = \"p{n}\"")).replace("behaviour", "direct_identifier")
            };
            let digest = TicketDocument::parse(&change(World::document("behaviour", "2026-12-31"))).unwrap().digest();
            if world.ticket().revision(digest).is_none() {
                world.revise(change);
            }
        }
        Step::Activate => world.activate(),
        Step::Withdraw => world.record(World::by(1), on, Event::TicketWithdrawn, None),
        Step::Revoke => world.record(World::by(22), on, Event::TicketRevoked, None),
        Step::RevokeVendor => world.record(World::by(22), Subject::Vendor(World::vendor_id(1)), Event::VendorRevoked, None),
        Step::Freeze => world.record(World::by(22), Subject::House, Event::Frozen, None),
        Step::Ends(event) => world.record(Actor::System, on, event.clone(), None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever is recorded, in whatever order, even if every check before the record had failed.
    #[test]
    fn no_sequence_of_records_approves_without_every_gate_by_another_person(steps in prop::collection::vec(step(), 0..40)) {
        let mut world = World::new();
        world.policy = two_for_privacy();
        world.enrol(10, vec![Role::PrivacyReviewer]);
        world.vendor(1, "2027-01-31");
        world.submit("direct_identifier");
        let mut ended: Option<State> = None;
        for step in &steps {
            take(&mut world, step);
            let state = world.state();
            if let Some(ended) = ended {
                // A later revocation may add to a terminal; nothing leads out of one.
                prop_assert!(state == ended || state.is_terminal());
            }
            ended = ended.or(state.is_terminal().then_some(state));
            let (ticket, roster) = (world.ticket(), world.roster());
            if matches!(state, State::Approved | State::Active) {
                let holders: Vec<(Gate, PersonId)> = world.judged(today(), |ticket, around| {
                    let by = |gate: &GateStanding<'_>| gate.approvals.iter().map(|vote| (gate.gate, vote.by)).collect::<Vec<_>>();
                    ticket.gates(ticket.current(), around).iter().flat_map(by).collect()
                });
                // Two of them for privacy.
                prop_assert!(holders.len() >= 6, "{holders:?}");
                for (i, (gate, by)) in holders.iter().enumerate() {
                    prop_assert!(*by != ticket.requester);
                    prop_assert!(roster.person(*by).unwrap().has(gate.role()));
                    prop_assert!(holders[..i].iter().all(|(_, other)| other != by));
                }
                prop_assert!(ticket.rejection().is_none() && ticket.revoked.is_none());
                // Nobody who wants changes is passed over while nothing runs.
                prop_assert!(ticket.is_activated() || world.judged(today(), |ticket, around| ticket.asks_for_changes(ticket.current(), around).is_empty()));
            }
            let paper = world.judged(today(), |ticket, around| Approved::check(ticket, around).is_ok());
            prop_assert!(!paper || state == State::Active);
            prop_assert!(!paper || !steps.iter().take_while(|other| !std::ptr::eq(*other, step)).any(|step| matches!(step, Step::Freeze)));
        }
    }
}
