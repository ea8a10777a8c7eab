//! The states of a ticket, found out by asking the code: every combination of what can be true of one, and what each change leads to.

use egressd::domain::{
    digest::Digest,
    dossier::{State, Surroundings, TicketDossier},
    event::{Actor, Closing, Decision, Detail, Event, Record, Subject},
    house::HouseDossier,
    ids::{PersonId, TicketId, TicketNumber, VendorId},
    people::{Gate, Role, Roster},
    policy::Policy,
    signature::{NAMESPACE_VOTE, PublicKey},
    ticket::TicketDocument,
    time::{Time, days},
    vendor::{VendorDocument, VendorDossier},
    vote::{Asked, Ballot},
};
use russh::keys::ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};
use uuid::Uuid;

const POLICY: &str = include_str!("../../config/policy.toml");

const TICKET: &str = r#"
ticket = 1
title = "Prices"
vendor = "acme"
purpose = "a price comparison"
justification = "agreed in the contract"
format = "csv"
protocols = ["sftp"]
retention_days = 30
kind = "one_off"
benefit = "customers compare"
transfer = "external"
environment = "production"
window = { opens = "2026-11-01", closes = "2026-11-30" }
alternatives = { not_sending = "no comparison", anonymised = "nothing to anonymise", in_house = "no reach" }
legal = { basis = "not_personal", jurisdictions = ["CH"] }
[at_vendor]
stored_in = "s3://acme/prices"
access = ["editors"]
kept_days = 30
encryption = "by the store"
breach_detection = "they watch"
breach_contact = "soc@acme.example"
backup = "none needed"
revocation = "by call"
deletion = "attested"
[[field]]
name = "price"
type = "decimal"
class = "business"
source = "warehouse.prices.price"
destination = "acme.prices.price"
necessity = "it is compared"
treatment = "as_is"
"#;

fn vendor_text() -> String {
    let key = key(100);
    format!(
        "vendor = 1\nid = \"acme\"\nname = \"Acme\"\ncontact = \"ops@acme.example\"\nlogin_keys = [\"{key}\"]\n\
         recipients = [\"{key}\"]\naddresses = [\"192.0.2.0/24\"]\n\
         [assessment]\nreference = \"VR-1\"\nvalid_until = \"2027-11-30\"\ncontract = \"DPA-1\"\n"
    )
}

/// Which answers to the gates' questions are on record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Votes {
    None,
    All,
    /// The policy asks another question now.
    Outdated,
}

/// What can be true of a ticket and of what it rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    vendor_stands: bool,
    class_revoked: bool,
    votes: Votes,
    /// A gate asked for changes of the newest revision.
    returned: bool,
    rejected: bool,
    activated: bool,
    /// On record.
    suspended: bool,
    withdrawn: bool,
    revoked: bool,
    window_over: bool,
    /// As many deliveries as it allows are released or revoked.
    used_up: bool,
    closed: bool,
}

/// What changes a world, who does it, and in which states the gateway lets it happen.
struct Change {
    what: &'static str,
    /// The file of `src/gateway/` whose guard this is; empty for what no guard holds back.
    act: &'static str,
    allowed: fn(State, World) -> bool,
    apply: fn(World) -> World,
}

/// The guards are written out from the files they name. The states are computed.
const CHANGES: &[Change] = &[
    Change {
        what: "the last open gate approves",
        act: "review.rs",
        allowed: takes_votes,
        apply: |w| World { votes: Votes::All, returned: false, ..w },
    },
    Change {
        what: "a gate asks for changes",
        act: "review.rs",
        allowed: |s, w| takes_votes(s, w) && !w.activated,
        apply: |w| World { returned: true, ..w },
    },
    Change {
        what: "the requester submits a further revision",
        act: "submit.rs",
        allowed: |s, w| !s.is_over() && !w.activated,
        apply: |w| World { returned: false, ..w },
    },
    Change { what: "a gate rejects", act: "review.rs", allowed: takes_votes, apply: |w| World { rejected: true, ..w } },
    Change {
        what: "an operator activates",
        act: "activate.rs",
        allowed: |s, _| s == State::Approved,
        apply: |w| World { activated: true, ..w },
    },
    Change {
        what: "security suspends",
        act: "suspend.rs",
        allowed: |s, _| matches!(s, State::Approved | State::Active),
        apply: |w| World { suspended: true, ..w },
    },
    Change {
        what: "two people resume, one of them of security",
        act: "suspend.rs",
        allowed: |s, w| s == State::Suspended && w.suspended && holds_again(w),
        apply: |w| World { suspended: false, ..w },
    },
    Change {
        what: "the requester withdraws",
        act: "submit.rs",
        allowed: |s, w| !s.is_terminal() && !w.activated,
        apply: |w| World { withdrawn: true, ..w },
    },
    Change {
        what: "a security_responder revokes",
        act: "revoke.rs",
        allowed: |s, _| !s.is_terminal(),
        apply: |w| World { revoked: true, ..w },
    },
    Change { what: "its vendor stops standing", act: "", allowed: |_, _| true, apply: |w| World { vendor_stands: false, ..w } },
    Change { what: "its vendor stands (again)", act: "", allowed: |_, _| true, apply: |w| World { vendor_stands: true, ..w } },
    Change {
        what: "a class of its fields is revoked",
        act: "",
        allowed: |_, _| true,
        apply: |w| World { class_revoked: true, ..w },
    },
    Change { what: "the policy asks another question", act: "", allowed: |_, _| true, apply: ask_otherwise },
    Change { what: "its last day is over", act: "", allowed: |_, _| true, apply: |w| World { window_over: true, ..w } },
    Change {
        what: "the deliveries that it allows are used up",
        act: "close.rs",
        allowed: |s, _| matches!(s, State::Active | State::Suspended),
        apply: |w| World { used_up: true, ..w },
    },
    Change {
        what: "its bytes are destroyed, and its vendor's deletion is attested or waived",
        act: "close.rs",
        allowed: |s, _| s == State::Closing,
        apply: |w| World { closed: true, ..w },
    },
];

fn takes_votes(state: State, world: World) -> bool {
    let answered = world.activated && world.votes == Votes::All;
    !state.is_over() && state != State::OnHold && !world.class_revoked && !answered
}

fn holds_again(world: World) -> bool {
    matches!(state(World { suspended: false, ..world }), State::Approved | State::Active)
}

/// The gateway puts on record that a ticket has fallen, before anything can take the cause away.
fn recorded(world: World) -> World {
    World { suspended: world.suspended || state(world) == State::Suspended, ..world }
}

fn ask_otherwise(world: World) -> World {
    World { votes: if world.votes == Votes::All { Votes::Outdated } else { world.votes }, ..world }
}

fn person(n: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(n))
}

fn by(n: u128) -> Actor {
    Actor::Person { id: person(n), key: key(n).fingerprint() }
}

fn private(n: u128) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[n as u8; 32]))
}

fn key(n: u128) -> PublicKey {
    PublicKey::new(private(n).public_key()).expect("a key")
}

fn now(world: World) -> Time {
    let day = TicketDocument::parse(TICKET).expect("a ticket").window.opens.begins();
    if world.window_over { day + days(90) } else { day + days(1) }
}

/// Numbers records as a chain would.
fn chain(on: Subject, facts: Vec<(Actor, Event, Option<Detail>)>) -> Vec<Record> {
    let record = |(index, (by, event, detail))| Record { index, at: Time::from_micros(0), by, on, event, detail };
    (0..).zip(facts).map(record).collect()
}

const STAFF: [(u128, &str, Role); 5] = [
    (1, "requester", Role::Requester),
    (2, "business", Role::BusinessApprover),
    (3, "security", Role::SecurityReviewer),
    (4, "operator", Role::Operator),
    (5, "risk", Role::VendorRiskAnalyst),
];

fn roster() -> Roster {
    let enrolled = STAFF.iter().flat_map(|(n, name, role)| {
        let (person, key) = (person(*n), key(*n));
        let detail = Detail::Person { name: name.parse().expect("a name"), key: key.to_string() };
        let fingerprint = key.fingerprint();
        [
            (Actor::Owner, Event::PersonProposed { person, key: fingerprint, roles: vec![*role], until: None }, Some(detail)),
            (Actor::Owner, Event::PersonEnrolled { person, key: fingerprint }, None),
        ]
    });
    Roster::replay(&chain(Subject::Staff, enrolled.collect()))
}

fn vendor(world: World) -> VendorDossier {
    let document = VendorDocument::parse(&vendor_text()).expect("a vendor");
    let revision = document.digest();
    let filed = Event::VendorFiled {
        revision,
        assessment: document.assessment_digest(),
        logins: vec![key(100).fingerprint()],
        recipients: vec![key(100).fingerprint()],
    };
    let mut facts = vec![(by(4), filed, Some(Detail::Vendor { document: vendor_text() }))];
    if world.vendor_stands {
        facts.extend([3, 5].map(|n| (by(n), Event::VendorConfirmed { revision }, None)));
    }
    VendorDossier::replay(&chain(Subject::Vendor(vendor_id()), facts)).expect("a vendor's dossier")
}

fn vendor_id() -> VendorId {
    VendorId::from_uuid(Uuid::from_u128(7))
}

/// The state that the code gives a ticket in this world.
fn state(world: World) -> State {
    let first = Policy::parse(POLICY).expect("the example policy");
    let other = Policy::parse(&POLICY.replacen("most = 90", "most = 80", 1)).expect("another policy");
    let (roster, vendor) = (roster(), vendor(world));
    let revoked = Event::ClassRevoked { class: "business".parse().expect("a class") };
    let house = chain(Subject::House, if world.class_revoked { vec![(by(4), revoked, None)] } else { Vec::new() });
    let house = HouseDossier::replay(&house);
    let around = |policy| Surroundings { now: now(world), policy, vendor: &vendor, roster: &roster, house: &house };
    let dossier = |facts: &[_]| {
        TicketDossier::replay(&chain(Subject::Ticket(TicketId::from_uuid(Uuid::from_u128(8))), facts.to_vec()))
            .expect("a ticket's dossier")
    };
    let revision = TicketDocument::parse(TICKET).expect("a ticket").digest();
    let submitted = Event::TicketSubmitted {
        number: TicketNumber { year: 2026, sequence: 1 },
        revision,
        vendor: vendor_id(),
        policy: first.digest(),
    };
    let mut facts = vec![(by(1), submitted, Some(Detail::Ticket { document: TICKET.to_owned() }))];
    let asked = dossier(&facts);
    let number = TicketNumber { year: 2026, sequence: 1 };
    let vote = |facts: &[_], n, gate, decision| {
        let after = dossier(facts).last_vote_of(person(n));
        let question: Digest = asked.question(asked.under_review(), gate, &around(&first)).expect("a question");
        let ballot = Ballot { gate, decision, because: None, reason: String::new(), comments: Vec::new(), terms: Vec::new() };
        let text = ballot.text(&Asked { ticket: number, question, revision, policy: first.digest(), after });
        let signed = SshSig::sign(&private(n), NAMESPACE_VOTE, HashAlg::Sha512, text.as_bytes()).expect("a signature");
        let signature = signed.to_pem(LineEnding::LF).expect("an armoured signature");
        let event = Event::TicketVoted { gate, decision, because: None, question, revision, policy: first.digest() };
        (by(n), event, Some(Detail::Vote { reason: String::new(), comments: Vec::new(), terms: Vec::new(), signature }))
    };
    if world.votes != Votes::None {
        let votes = [vote(&facts, 2, Gate::Business, Decision::Approve), vote(&facts, 3, Gate::Security, Decision::Approve)];
        facts.extend(votes);
    }
    if world.returned {
        facts.push(vote(&facts, 3, Gate::Security, Decision::RequestChanges));
    }
    if world.rejected {
        facts.push(vote(&facts, 3, Gate::Security, Decision::Reject));
    }
    for (holds, event) in [
        (world.activated, Event::TicketActivated { revision, policy: first.digest() }),
        (world.suspended, Event::TicketSuspended { code: None }),
        (world.withdrawn, Event::TicketWithdrawn),
        (world.used_up, Event::TicketClosing { why: Closing::DeliveriesUsedUp }),
        (world.closed, Event::TicketClosed),
        (world.revoked, Event::TicketRevoked),
    ] {
        facts.extend(holds.then_some((by(4), event, None)));
    }
    dossier(&facts).state(&around(if world.votes == Votes::Outdated { &other } else { &first }))
}

type Arrows = BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>;

/// Every world that can come about from a submission, and what each change leads to.
fn explore() -> (BTreeSet<&'static str>, Arrows) {
    let submitted = |vendor_stands| World {
        vendor_stands,
        class_revoked: false,
        votes: Votes::None,
        returned: false,
        rejected: false,
        activated: false,
        suspended: false,
        withdrawn: false,
        revoked: false,
        window_over: false,
        used_up: false,
        closed: false,
    };
    let mut todo = vec![submitted(false), submitted(true)];
    let begins = todo.iter().map(|world| state(*world).name()).collect();
    let (mut seen, mut arrows) = (BTreeSet::new(), Arrows::new());
    while let Some(world) = todo.pop() {
        if !seen.insert(world) {
            continue;
        }
        let from = state(world);
        for change in CHANGES.iter().filter(|change| (change.allowed)(from, world)) {
            let next = recorded((change.apply)(world));
            let to = state(next);
            if from != to {
                arrows.entry((from.name(), to.name())).or_default().insert(change.what);
            }
            todo.push(next);
        }
    }
    (begins, arrows)
}

/// `docs/ticket-states.md`.
pub fn page() -> String {
    let (begins, arrows) = explore();
    let mut page = String::from(
        "<!-- Generated from src/domain/dossier.rs by tests/docs.rs: edit there. -->\n\
         # The states of a ticket\n\n\
         A state is never stored. `TicketDossier::state` computes it from the ticket's records, the policy, the vendor, the roster, the house\n\
         and the clock, each time it is asked. So this page is made by asking it: for every combination of what can be true of a ticket, and for\n\
         every change that the gateway lets happen. What falls is put on record as suspended within a minute, and before any act that could take\n\
         the cause away: only two people let it go on. An act's guard stands in the file that is named; what has no file is not an act on the ticket,\n\
         and nothing holds it back. A freeze is no state: while it lasts, nothing is released or served whatever the state is. Neither is a window that has\n\
         not opened yet. The amendment of an active ticket goes through its own review meanwhile, and changes the ticket's state only by replacing what\n\
         runs when it is activated. While it is closing, what was released is served until its retention if its deliveries are used up, and no longer if\n\
         its last day is over. What was never activated is closed by its last day alone.\n\n```mermaid\nstateDiagram-v2\n",
    );
    for begin in &begins {
        writeln!(page, "    [*] --> {begin}: submitted").unwrap();
    }
    for (from, to) in arrows.keys() {
        writeln!(page, "    {from} --> {to}").unwrap();
    }
    page.push_str("```\n\n| from | to | when | guard |\n|---|---|---|---|\n");
    for ((from, to), whats) in &arrows {
        for what in whats {
            let act = CHANGES.iter().find(|change| change.what == *what).map_or("", |change| change.act);
            let guard = if act.is_empty() { String::new() } else { format!("`gateway/{act}`") };
            writeln!(page, "| {from} | {to} | {what} | {guard} |").unwrap();
        }
    }
    page
}
