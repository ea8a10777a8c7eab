//! Whatever sequence of records: time gives nothing, a second name is no second person, and the log read again says the same.

use super::*;
use crate::domain::event::{LEAF_VERSION, Leaf};

/// What can happen beside [`Step`].
#[derive(Clone, Debug)]
enum More {
    Step(Step),
    /// The same key under another name and id, with every role: as if the checks before an enrolment had failed.
    Alias {
        of: u128,
    },
    /// An id that is enrolled, under another name, with another key and every role.
    Renamed {
        of: u128,
    },
    /// A vote under the second name, or with the other key.
    VoteAs {
        alias: u128,
        gate: usize,
    },
    RevokeKey {
        of: u128,
    },
}

const ALIAS: u128 = 40;

fn more() -> impl Strategy<Value = More> {
    prop_oneof![
        12 => step().prop_map(More::Step),
        1 => (1_u128..=EVERYTHING).prop_map(|of| More::Alias { of }),
        1 => (1_u128..=EVERYTHING).prop_map(|of| More::Renamed { of }),
        3 => (1_u128..=EVERYTHING, 0..Gate::ALL.len()).prop_map(|(alias, gate)| More::VoteAs { alias, gate }),
        1 => (1_u128..=EVERYTHING).prop_map(|of| More::RevokeKey { of }),
    ]
}

fn enrol_again(world: &mut World, id: u128, key_of: u128, name: String) {
    let public = key(key_of as u8);
    let roles = Role::ALL.to_vec();
    let detail = Detail::Person { name: name.parse().unwrap(), key: public.to_string() };
    let proposed = Event::PersonProposed { person: person(id), key: public.fingerprint(), roles, until: None };
    world.record(Actor::Owner, Subject::Staff, proposed, Some(detail));
    let enrolled = Event::PersonEnrolled { person: person(id), key: public.fingerprint() };
    world.record(Actor::Owner, Subject::Staff, enrolled, None);
}

fn take_more(world: &mut World, step: &More) {
    match step {
        More::Step(step) => take(world, step),
        More::Alias { of } => enrol_again(world, ALIAS + of, *of, format!("alias{of}")),
        More::Renamed { of } => enrol_again(world, *of, ALIAS + of, format!("renamed{of}")),
        More::RevokeKey { of } => {
            world.record(World::by(20), Subject::House, Event::KeyRevoked { key: key(*of as u8).fingerprint() }, None);
        }
        More::VoteAs { alias, gate } => {
            let gate = Gate::ALL[*gate];
            let by = Actor::Person { id: person(ALIAS + alias), key: key(*alias as u8).fingerprint() };
            let ballot = said(gate, Decision::Approve);
            let asked = world.asked(ALIAS + alias, world.question(gate));
            let text = ballot.text(&asked);
            let signed = SshSig::sign(&private(*alias as u8), NAMESPACE_VOTE, HashAlg::Sha512, text.as_bytes()).unwrap();
            let event = Event::TicketVoted {
                gate,
                decision: ballot.decision,
                because: None,
                question: asked.question,
                revision: asked.revision,
                policy: asked.policy,
            };
            let signature = signed.to_pem(LineEnding::LF).unwrap();
            let detail = Detail::Vote { reason: ballot.reason, comments: Vec::new(), terms: Vec::new(), signature };
            world.record(by, Subject::Ticket(World::ticket_id()), event, Some(detail));
        }
    }
}

fn world(steps: &[More]) -> World {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    steps.iter().for_each(|step| take_more(&mut world, step));
    world
}

/// As it is written into the log and read from it again.
fn read_back(record: &Record) -> Record {
    let Record { index, at, by, on, event, detail } = record.clone();
    let leaf = Leaf { v: LEAF_VERSION, at, by, on, prev: None, detail: None, event };
    let leaf: Leaf = serde_json::from_slice(&serde_json::to_vec(&leaf).unwrap()).unwrap();
    let detail = detail.map(|detail| serde_json::from_slice(&serde_json::to_vec(&detail).unwrap()).unwrap());
    Record { index, at: leaf.at, by: leaf.by, on: leaf.on, event: leaf.event, detail }
}

/// What a ticket's standing comes to: its state, who opened which gate, who is waited for where, what binds.
fn told(world: &World, now: Time) -> String {
    world.judged(now, told_of)
}

fn told_of(ticket: &TicketDossier, around: &Surroundings<'_>) -> String {
    let gates = ticket.gates(ticket.under_review(), around);
    let holders: Vec<_> =
        gates.iter().map(|gate| (gate.gate, gate.approvals.iter().map(|vote| vote.by).collect::<Vec<_>>())).collect();
    let waited: Vec<_> = around.roster.people().map(|person| (person.id, ticket.awaits(person, around))).collect();
    let (state, waits, bounds) = (ticket.state(around), ticket.waits(around), ticket.standing(around).bounds);
    format!("{state:?} {holders:?} {waited:?} {waits:?} {bounds:?}")
}

/// The same world before the last of its records.
fn before(world: &World, left: usize) -> World {
    World { records: world.records[..left].to_vec(), policy: world.policy.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Nothing is opened by waiting: what is approved or runs later was approved or ran before, as long as nobody did anything.
    #[test]
    fn time_alone_never_approves_never_activates_and_leads_out_of_no_end(steps in prop::collection::vec(more(), 0..30), waits in prop::collection::vec(1_u32..120, 1..6)) {
        let mut world = world(&steps);
        world.policy = Policy::parse(&format!("{POLICY}\n[sla]\nprivacy = 24\n[review]\nevery_days = {{ T1 = 20, T2 = 20 }}\n")).unwrap();
        let (mut now, mut before) = (today(), world.state());
        for wait in waits {
            now = now + days(wait);
            let after = world.judged(now, TicketDossier::state);
            match after {
                State::Approved | State::Active => prop_assert_eq!(after, before),
                _ => {}
            }
            prop_assert!(!before.is_terminal() || after == before, "{before:?} became {after:?}");
            before = after;
        }
    }

    /// A second name for a key, or another key for a name, is nobody new: no two gates are opened by one key, and none by the requester's.
    #[test]
    fn no_key_opens_two_gates_or_its_own_request_under_whatever_name(steps in prop::collection::vec(more(), 0..40)) {
        let world = world(&steps);
        let roster = world.roster();
        let opened: Vec<Digest> = world.judged(today(), |ticket, around| {
            let gates = ticket.gates(ticket.current(), around);
            gates.iter().flat_map(|gate| gate.approvals.iter().map(|vote| vote.key)).collect()
        });
        for (i, one) in opened.iter().enumerate() {
            prop_assert!(*one != key(1).fingerprint(), "the requester's key");
            prop_assert!(!opened[..i].contains(one), "one key at two gates");
        }
        let mut keys: Vec<Digest> = roster.people().map(|person| person.key.fingerprint()).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), roster.len());
    }

    /// The log is all there is: read again, and read again from its bytes, it says the same, now and later.
    #[test]
    fn the_log_read_again_gives_the_same_standing(steps in prop::collection::vec(more(), 0..30), later in 0_u32..200) {
        let world = world(&steps);
        let again = World {
            records: world.records.iter().map(read_back).collect(),
            policy: Policy::parse(POLICY).unwrap(),
        };
        prop_assert_eq!(&world.records, &again.records);
        for now in [today(), today() + days(later)] {
            prop_assert_eq!(told(&world, now), told(&again, now));
        }
    }

    /// Whoever is said to be waited for may vote there, and nobody waits for who has no right to.
    #[test]
    fn who_is_waited_for_may_answer(steps in prop::collection::vec(more(), 0..30)) {
        let world = world(&steps);
        let roster = world.roster();
        for person in roster.people() {
            let awaited = world.judged(today(), |ticket, around| ticket.awaits(person, around));
            for gate in awaited {
                let may = world.judged(today(), |ticket, around| ticket.admits(person, ticket.under_review(), gate, around).is_ok());
                let ticket = world.ticket();
                prop_assert!(may && person.id != ticket.requester && person.has(gate.role()));
                prop_assert!(ticket.votes.iter().all(|vote| vote.by != person.id || vote.ballot.gate == gate));
                prop_assert_eq!(world.state() == State::InReview || ticket.is_activated(), true);
            }
        }
    }

    /// What is kept of one look is in the way of no other: under another policy, another roster, house or vendor, earlier or later.
    #[test]
    fn a_ticket_that_was_looked_at_before_stands_as_one_that_never_was(
        steps in prop::collection::vec(more(), 0..30),
        looks in prop::collection::vec((0..3_usize, 0..2_usize, 0..2_usize, 0..2_usize, 0_u32..60), 2..12),
    ) {
        let (short, full) = (world(&[]).records.len(), world(&steps));
        let worlds = [before(&full, short + (full.records.len() - short) / 2), full];
        let (rosters, houses) = (worlds.each_ref().map(World::roster), worlds.each_ref().map(World::house));
        let vendors = worlds.each_ref().map(|world| world.vendor_dossier(1));
        let every = format!("{POLICY}\n[review]\nevery_days = {{ T1 = 20, T2 = 20 }}\n");
        let policies = [Policy::parse(POLICY).unwrap(), Policy::parse(&every).unwrap(), two_for_privacy()];
        let ticket = worlds[1].ticket();
        for (policy, vendor, roster, house, later) in looks {
            let now = today() + days(later);
            let (policy, vendor, roster, house) = (&policies[policy], &vendors[vendor], &rosters[roster], &houses[house]);
            let around = Surroundings { now, policy, vendor, roster, house };
            prop_assert_eq!(told_of(&ticket, &around), told_of(&ticket.clone(), &around));
        }
    }
}
