//! A gateway whose people bring tickets into every situation, each by what an office would do: no record is written by hand.

use super::{asks, situations::Situation};
use crate::{
    domain::{
        digest::Digest,
        event::{Actor, Decision},
        ids::{FileId, TicketNumber},
        limits,
        people::{Gate, Role},
        signature::{NAMESPACE_DELETION, PublicKey},
        time::{Day, Time},
        vote::Ballot,
    },
    endpoints::control::{request::Request, serve::Answering},
    gateway::{
        Refused,
        answers::{FileState, TicketView},
        asked::{DeliveryPath, Scope},
        fixture::{
            Clock, Enrolled, House, ManualClock, Staff, TlsPair, Vendor, approval, csv, key, signed, ticket_document, until,
        },
    },
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// 2026-11-21T10:00:00Z.
const TODAY: Time = Time::from_micros(1_795_255_200_000_000);
/// One for each request about a file that may be granted, and one that stays.
const FILES: usize = 5;
const LAST: &str = "2099-12-31";
/// The class of most tickets' fields, and one that is revoked everywhere once the gateway rests: both need four gates. The third needs all.
const CLASSES: [&str; 3] = ["business", "aggregate", "health"];

/// A ticket in its situation.
pub(super) struct Subject {
    pub(super) ticket: TicketNumber,
    pub(super) delivery: Option<DeliveryPath>,
    /// Each for one request that may be granted.
    pub(super) files: Vec<FileId>,
    closes: Day,
    /// Whose vote at security it rests on, if that is to fall.
    falls_with: Option<Digest>,
}

/// Who has which part in a ticket.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) requester: &'a Enrolled,
    pub(super) business: &'a Enrolled,
    /// Whether that vote is given before anything else, in situations in which nobody else has voted too.
    pub(super) votes_first: VotesFirst,
    pub(super) operator: Actor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum VotesFirst {
    Yes,
    No,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    None,
    /// In staging since before the ticket came into its situation.
    Some,
}

pub(super) struct Scene {
    pub(super) house: House,
    clock: Arc<ManualClock>,
    pub(super) acme: Vendor,
    unconfirmed: Vendor,
    /// Who asks: each has one role, and no part in any ticket but that the requester requested it.
    pub(super) only: BTreeMap<Role, Enrolled>,
    /// Whose votes bring tickets into their situations.
    voters: BTreeMap<Gate, Enrolled>,
    acceptor: Enrolled,
    another_requester: Enrolled,
    /// Has every role but break_glass, and a key that counted on the first day.
    pub(super) expired: Enrolled,
    /// So that no two revisions and no two names are the same.
    count: AtomicU32,
    /// The last that was looked at.
    seen: Mutex<Option<(Moment, TicketView)>>,
}

/// Who looks at which ticket, how long the log is and how late it is: the same again shows the same.
type Moment = (Actor, TicketNumber, u64, Time);

impl Scene {
    pub(super) async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(TODAY));
        let house = House::with(clock.clone()).await;
        house.reload_policy(&policy()).await;
        let acme = house.vendor("acme").await;
        let unconfirmed = Vendor { id: "umbra".parse().unwrap(), login: key(), recipient: key(), tls: TlsPair::new(&["umbra"]) };
        house.put_forward(&unconfirmed).await.unwrap();
        let mut only = BTreeMap::new();
        for role in Role::ALL {
            only.insert(role, house.enrolled(&format!("only-{}", role.name().replace('_', "-")), &[role], None).await);
        }
        let mut voters = BTreeMap::new();
        for gate in Gate::ALL {
            let name = format!("votes-{}", gate.name().replace('_', "-"));
            voters.insert(gate, house.enrolled(&name, &[gate.role()], None).await);
        }
        let acceptor = house.executive("accepts", &[]).await;
        let another_requester = house.enrolled("another-requester", &[Role::Requester], None).await;
        let expired = house.enrolled("expired", Role::DAILY, Some(Day::of(TODAY))).await;
        let count = AtomicU32::new(0);
        Self {
            house,
            clock,
            acme,
            unconfirmed,
            only,
            voters,
            acceptor,
            another_requester,
            expired,
            count,
            seen: Mutex::default(),
        }
    }

    /// Everybody who asks in the first table, with their role.
    pub(super) fn askers(&self) -> impl Iterator<Item = (&'static str, Role, &Enrolled)> {
        let another = ("another requester", Role::Requester, &self.another_requester);
        self.only.iter().map(|(role, who)| (role.name(), *role, who)).chain([another])
    }

    /// From here on nothing happens by itself, and the log grows by what somebody does alone.
    pub(super) async fn rest(&mut self) {
        self.house.rest().await;
        self.house.revoke(Scope::Class(CLASSES[1].parse().unwrap())).await.unwrap();
    }

    pub(super) fn usual(&self) -> Parts<'_> {
        Parts {
            requester: &self.only[&Role::Requester],
            business: &self.voters[&Gate::Business],
            votes_first: VotesFirst::No,
            operator: self.house.person(Staff::Olga),
        }
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) fn next(&self) -> u32 {
        self.count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// What the socket does before it reads a request: it looks up whose key this is. From then on the use of a sealed identity is on record.
    pub(super) async fn heard(&self, who: &Enrolled) {
        // Of a key that nobody enrolled there is nobody to tell.
        self.house.desk().who(&PublicKey::new(who.key.public_key()).unwrap()).await.ok();
    }

    /// Whatever a sealed identity does then is another use.
    pub(super) fn a_use_passes(&self) {
        self.clock.advance(limits::BREAK_GLASS_USE);
    }

    pub(super) async fn ask(&self, by: Actor, request: Request) -> Result<Value, Refused> {
        self.house.desk().act(by, request).await
    }

    /// What somebody who may does.
    pub(super) async fn does(&self, by: Actor, request: Request) -> Value {
        self.ask(by, request.clone()).await.unwrap_or_else(|refused| panic!("{request:?}: {refused:?}"))
    }

    /// As this person sees it; as somebody else does where nothing is shown to them, or where they have no part that would show.
    pub(super) async fn show(&self, who: &Enrolled, ticket: TicketNumber) -> TicketView {
        let has_no_part = self.only.values().any(|only| only.actor == who.actor);
        let by = if has_no_part { self.only[&Role::Auditor].actor } else { who.actor };
        let moment = (by, ticket, self.house.leaves(), self.now());
        let seen = self.seen.lock().unwrap().clone();
        if let Some((_, view)) = seen.filter(|(before, _)| *before == moment) {
            return view;
        }
        let desk = self.house.desk();
        let view = match desk.ticket_show(by, ticket).await {
            Ok(view) => view,
            Err(_) => desk.ticket_show(self.house.person(Staff::Pia), ticket).await.unwrap(),
        };
        *self.seen.lock().unwrap() = Some((moment, view.clone()));
        view
    }

    /// The document of a ticket or of a further revision of it.
    pub(super) fn document(&self, situation: Situation, closes: Day) -> String {
        let vendor = if situation == Situation::Unconfirmed { &self.unconfirmed } else { &self.acme };
        let class = match situation {
            Situation::Objected => CLASSES[1],
            Situation::EveryGate => CLASSES[2],
            _ => CLASSES[0],
        };
        let deliveries = if situation == Situation::UsedUp { "max_deliveries = 1\n" } else { "" };
        let limits = format!("{deliveries}max_rows = {}", 1_000 + self.next());
        ticket_document(vendor, class, &limits, r#""sftp""#).replace(LAST, &closes.to_string())
    }

    /// The document of a further revision. It asks for more time: what is over is not refused for its date.
    pub(super) fn amendment(&self, situation: Situation) -> String {
        self.document(situation, last())
    }

    pub(super) async fn fresh(&self, situation: Situation, parts: &Parts<'_>) -> Subject {
        let subject = self.begin(situation, parts, Files::None).await;
        self.finish(situation, parts, subject).await
    }

    /// As far as files have to be taken in, inspected and released for it.
    pub(super) async fn begin(&self, situation: Situation, parts: &Parts<'_>, files: Files) -> Subject {
        let closes = match situation.ends_by_date() {
            true => Day::of(self.clock.now()).plus_days(1),
            false => last(),
        };
        let document = self.document(situation, closes);
        let submitted = self.house.desk().ticket_submit(parts.requester.actor, document).await.unwrap();
        let ticket = submitted.ticket;
        let mut subject = Subject { ticket, delivery: None, files: Vec::new(), closes, falls_with: None };
        if !matches!(situation, Situation::Unconfirmed | Situation::Unaccepted) {
            let accept = asks::acceptance(self, &self.acceptor, ticket).await;
            self.does(self.acceptor.actor, accept).await;
            if parts.votes_first == VotesFirst::Yes {
                self.vote(parts.business, ticket, approval(Gate::Business)).await;
            }
        }
        if situation == Situation::Fallen {
            let passing = self.house.enrolled(&format!("passing-{}", self.next()), &[Role::SecurityReviewer], None).await;
            self.vote(&passing, ticket, approval(Gate::Security)).await;
            let Actor::Person { key, .. } = passing.actor else { unreachable!("they are enrolled") };
            subject.falls_with = Some(key);
        }
        if situation.ran() {
            self.approve(parts, ticket).await;
            self.does(parts.operator, Request::TicketActivate { ticket }).await;
        }
        if files == Files::Some || situation == Situation::UsedUp {
            self.stage(situation, &mut subject).await;
        }
        subject
    }

    async fn stage(&self, situation: Situation, subject: &mut Subject) {
        let (ticket, house) = (subject.ticket, &self.house);
        if situation == Situation::UsedUp {
            subject.delivery = Some(house.deliver(ticket, &[("orders.csv", &csv(200))]).await);
        }
        // Two columns that nobody approved: they are held, or wait until somebody may look at them.
        for number in 0..FILES {
            house.drop_file(ticket, &format!("wrong-{number}.csv"), b"order_id,nonsense\n1,x\n");
        }
        let expected = if situation.ran() { FileState::Held } else { FileState::Waiting };
        let rows = until("the files that stay", async || {
            let mut rows = house.desk().file_list(house.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
            rows.retain(|row| row.state == expected);
            (rows.len() == FILES).then_some(rows)
        })
        .await;
        subject.delivery = subject.delivery.or(rows[0].delivery);
        subject.files = rows.into_iter().filter_map(|row| row.id).collect();
    }

    /// The rest of the way: by what people do, and by the clock.
    pub(super) async fn finish(&self, situation: Situation, parts: &Parts<'_>, subject: Subject) -> Subject {
        let (ticket, reason) = (subject.ticket, "it has to be".to_owned());
        let (sam, olga) = (self.house.person(Staff::Sam), self.house.person(Staff::Olga));
        match situation {
            Situation::Unconfirmed
            | Situation::Unaccepted
            | Situation::InReview
            | Situation::EveryGate
            | Situation::Objected
            | Situation::Active
            | Situation::UsedUp => {}
            Situation::SentBack => {
                self.vote(&self.voters[&Gate::Privacy], ticket, ballot(Gate::Privacy, Decision::RequestChanges)).await
            }
            Situation::Approved => self.approve(parts, ticket).await,
            Situation::Amended | Situation::AmendmentApproved => self.amend(situation, parts, &subject).await,
            Situation::SuspendedBefore => {
                self.approve(parts, ticket).await;
                self.does(sam, Request::TicketSuspend { ticket, reason }).await;
            }
            Situation::Suspended => drop(self.does(sam, Request::TicketSuspend { ticket, reason }).await),
            Situation::Fallen => {
                let key = subject.falls_with.unwrap();
                self.does(sam, Request::Revoke { scope: Scope::Key(key), reason }).await;
                self.house.a_minute_passes();
            }
            Situation::Rejected => {
                self.vote(&self.voters[&Gate::Security], ticket, ballot(Gate::Security, Decision::Reject)).await
            }
            Situation::Withdrawn => drop(self.does(parts.requester.actor, Request::TicketWithdraw { ticket, reason }).await),
            Situation::Revoked | Situation::RevokedBefore => {
                self.does(sam, Request::Revoke { scope: Scope::Ticket(ticket), reason }).await;
            }
            Situation::LastDay | Situation::Closed | Situation::NeverRan => {
                self.clock.advance(subject.closes.ends().since(self.clock.now()));
            }
        }
        if situation == Situation::Closed {
            for file in subject.files.iter().copied() {
                self.does(olga, Request::FileDiscard { file, reason: "it is not needed".to_owned() }).await;
            }
            let text = self.does(olga, Request::TicketStatement { ticket, on: None }).await["text"].as_str().unwrap().to_owned();
            let signature = signed(&self.acme.login, NAMESPACE_DELETION, &text);
            self.does(olga, Request::TicketAttest { ticket, on: None, signature }).await;
        }
        let state = self.show(&self.only[&Role::Auditor], ticket).await.state;
        assert_eq!(state, situation.state(), "{situation:?}");
        subject
    }

    async fn amend(&self, situation: Situation, parts: &Parts<'_>, subject: &Subject) {
        let ticket = subject.ticket;
        let base = self.show(parts.requester, ticket).await.under_review;
        let document = self.amendment(situation);
        self.does(parts.requester.actor, Request::TicketRevise { ticket, base, document }).await;
        let accept = asks::acceptance(self, &self.acceptor, ticket).await;
        self.does(self.acceptor.actor, accept).await;
        if situation == Situation::AmendmentApproved {
            self.approve(parts, ticket).await;
        }
    }

    /// Every gate that is open is answered.
    async fn approve(&self, parts: &Parts<'_>, ticket: TicketNumber) {
        let view = self.show(parts.requester, ticket).await;
        for open in view.gates.iter().filter(|gate| gate.have < gate.needed) {
            let voter = if open.gate == Gate::Business { parts.business } else { &self.voters[&open.gate] };
            // Who votes again names the last vote, which they alone are shown.
            let own = match view.amendment {
                Some(_) => self.show(voter, ticket).await,
                None => view.clone(),
            };
            self.does(voter.actor, asks::vote_on(&own, voter, approval(open.gate))).await;
        }
    }

    async fn vote(&self, who: &Enrolled, ticket: TicketNumber, ballot: Ballot) {
        let vote = asks::vote(self, who, ticket, ballot).await;
        self.does(who.actor, vote).await;
    }
}

fn last() -> Day {
    Day::try_from(LAST.to_owned()).unwrap()
}

/// A vote that says this and what has to be said with it.
pub(super) fn ballot(gate: Gate, decision: Decision) -> Ballot {
    let comment = || crate::domain::vote::Comment { on: "field.note".into(), text: "which forecast reads notes?".into() };
    let mut ballot = Ballot { decision, ..approval(gate) };
    if decision != Decision::Approve {
        ballot.because = Some("excess_fields".parse().unwrap());
        ballot.reason = "the note is not needed".into();
        ballot.comments = vec![comment()];
    }
    ballot
}

/// The example policy, under which most of these tickets need four gates, one after another, and all of them an acceptance.
fn policy() -> String {
    let example = include_str!("../../../../../config/policy.toml");
    let flagged = example.replace("[red_flags]\n", "[red_flags]\nno_soc2 = \"accept\"\n");
    let once = flagged.replace("votes = { T2 = 2, T3 = 2 }", "votes = { T2 = 1, T3 = 1 }");
    assert!(flagged != example && once != flagged, "the example policy has changed");
    let [plain, revoked, sensitive] = CLASSES;
    format!(
        "{once}\n[[condition]]\nname = \"Four gates\"\nclasses = [\"{plain}\", \"{revoked}\"]\ngates = [\"privacy\", \"legal\"]\n\
         [[condition]]\nname = \"Every gate\"\nclasses = [\"{sensitive}\"]\ngates = [\"executive\"]\n"
    )
}
