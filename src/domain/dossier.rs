//! A ticket's dossier: all that was recorded about it, and its standing computed from that, the policy and the clock.

mod acceptance;
mod end;
mod gates;
mod standing;
mod suspension;

pub use acceptance::AcceptanceStanding;
pub use end::{Bytes, Deliveries, End};
pub use gates::GateStanding;
pub use standing::{Serves, Standing};
pub use suspension::{Suspension, may_resume};

use super::{
    acceptance::Acceptance,
    digest::Digest,
    event::{Actor, Decision, Detail, Event, Record, Subject},
    house::HouseDossier,
    ids::{PersonId, TicketId, TicketNumber, VendorId},
    people::{Gate, Roster},
    policy::{Objected, Policy},
    ticket::TicketDocument,
    time::{Day, Time},
    vendor::VendorDossier,
    vote::{Asked, Ballot, Vote},
};
use gates::Found;
use std::collections::BTreeSet;

/// Where a ticket stands. Derived, never stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nobody may vote: the vendor's keys or assessment are missing.
    OnHold,
    InReview,
    /// Waits for another revision: a gate asked for changes, or the policy no longer takes it as it is.
    Returned,
    Approved,
    Active,
    /// Was approved or ran; something it rests on does not hold, or has not held and nobody has let it go on since.
    Suspended,
    /// Nothing new begins under it: what is left is to destroy the bytes here, and to hear that they are deleted there.
    Closing,
    Closed,
    Rejected,
    Withdrawn,
    Revoked,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnHold => "on_hold",
            Self::InReview => "in_review",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
        }
    }

    /// Nothing new begins under it: no vote, no file, no release. It has ended, or it closes.
    pub const fn is_over(self) -> bool {
        self.is_terminal() || matches!(self, Self::Closing)
    }

    /// No state leads out of a terminal.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Closed | Self::Rejected | Self::Withdrawn | Self::Revoked)
    }
}

/// What a ticket's standing depends on beside its own records.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub now: Time,
    pub policy: &'a Policy,
    pub vendor: &'a VendorDossier,
    pub roster: &'a Roster,
    pub house: &'a HouseDossier,
}

#[derive(Clone, Debug)]
pub struct Revision {
    pub digest: Digest,
    pub document: TicketDocument,
    pub submitted_at: Time,
    found: Found,
    objected: Objected,
}

/// Everything recorded about one ticket.
#[derive(Clone, Debug)]
pub struct TicketDossier {
    pub id: TicketId,
    pub number: TicketNumber,
    pub requester: PersonId,
    pub vendor: VendorId,
    /// Oldest first.
    revisions: Vec<Revision>,
    pub votes: Vec<Vote>,
    /// What was activated and by whom, oldest first.
    activations: Vec<(Option<PersonId>, Digest)>,
    /// The first time.
    pub(super) activated_at: Option<Time>,
    /// Ends the ticket: which of the votes.
    rejected_by: Option<usize>,
    /// Amendments that a gate rejected.
    dropped: BTreeSet<Digest>,
    /// What is on record of gates that were late, and of approvals that grew too old, by their leaves.
    pub(super) overdue: BTreeSet<(Gate, Digest)>,
    pub(super) lapsed: BTreeSet<u64>,
    /// What its calendar has said: deliveries that were late, and for a person's clock its last day with the days that were left.
    pub(super) late: BTreeSet<Day>,
    pub(super) notices: BTreeSet<(Day, u32)>,
    end: End,
    /// The first of what ends it for good: whatever comes after changes nothing of that.
    ended: Option<State>,
    pub suspension: Option<Suspension>,
    pub revoked: Option<Time>,
    /// Of the vendor's red flags, oldest first.
    pub acceptances: Vec<Acceptance>,
}

impl TicketDossier {
    /// Replays a ticket's records, oldest first. `None` when they are not a ticket's or its details are erased.
    pub fn replay(records: &[Record]) -> Option<Self> {
        let first = records.first()?;
        let (Subject::Ticket(id), Event::TicketSubmitted { number, vendor, .. }) = (first.on, &first.event) else { return None };
        let mut dossier = Self {
            id,
            number: *number,
            requester: first.by.person()?,
            vendor: *vendor,
            revisions: Vec::new(),
            votes: Vec::new(),
            activations: Vec::new(),
            activated_at: None,
            rejected_by: None,
            dropped: BTreeSet::new(),
            overdue: BTreeSet::new(),
            lapsed: BTreeSet::new(),
            late: BTreeSet::new(),
            notices: BTreeSet::new(),
            end: End::default(),
            ended: None,
            suspension: None,
            revoked: None,
            acceptances: Vec::new(),
        };
        for record in records {
            dossier.apply(record)?;
        }
        Some(dossier)
    }

    fn apply(&mut self, record: &Record) -> Option<()> {
        match &record.event {
            Event::TicketSubmitted { revision, .. } | Event::TicketRevised { revision, .. } => self.add(record, *revision)?,
            Event::TicketVoted { .. } => self.count(record)?,
            Event::RiskAccepted { .. } => self.accept(record)?,
            Event::TicketActivated { revision, .. } => {
                self.activated_at = self.activated_at.or(Some(record.at));
                self.activations.push((record.by.person(), *revision));
            }
            Event::GateOverdue { gate, question, .. } => drop(self.overdue.insert((*gate, *question))),
            Event::ApprovalLapsed { vote, .. } => drop(self.lapsed.insert(*vote)),
            Event::TicketWithdrawn => drop(self.ended.get_or_insert(State::Withdrawn)),
            Event::TicketSuspended { .. } => self.suspend(record),
            Event::TicketResumeAsked => self.ask_to_resume(record),
            Event::TicketResumed => self.resume(record),
            Event::TicketRevoked => {
                self.revoked = self.revoked.or(Some(record.at));
                self.ended.get_or_insert(State::Revoked);
            }
            Event::DeliveryLate { due } => drop(self.late.insert(*due)),
            Event::PortabilityNear { until, days } => drop(self.notices.insert((*until, *days))),
            Event::PortabilityOverdue { until } => drop(self.notices.insert((*until, 0))),
            Event::TicketClosed => {
                self.end.apply(record);
                self.ended.get_or_insert(State::Closed);
            }
            _ => self.end.apply(record),
        }
        Some(())
    }

    fn add(&mut self, record: &Record, digest: Digest) -> Option<()> {
        let Some(Detail::Ticket { document }) = &record.detail else { return None };
        let document = TicketDocument::parse(document).ok().filter(|document| document.digest() == digest)?;
        let (found, objected) = (Found::default(), Objected::default());
        self.revisions.push(Revision { digest, document, submitted_at: record.at, found, objected });
        Some(())
    }

    fn count(&mut self, record: &Record) -> Option<()> {
        let Event::TicketVoted { gate, decision, because, question, revision, policy } = &record.event else { return None };
        let Some(Detail::Vote { reason, comments, terms, signature }) = &record.detail else { return None };
        let Actor::Person { id, key } = record.by else { return None };
        let ballot = Ballot {
            gate: *gate,
            decision: *decision,
            because: because.clone(),
            reason: reason.clone(),
            comments: comments.clone(),
            terms: terms.clone(),
        };
        let after = self.last_vote_of(id);
        let asked = Asked { ticket: self.number, question: *question, revision: *revision, policy: *policy, after };
        if *decision == Decision::Reject {
            // What runs goes on without an amendment that was turned down.
            match self.is_activated() && self.current().digest != *revision {
                true => drop(self.dropped.insert(*revision)),
                false => {
                    self.rejected_by = self.rejected_by.or(Some(self.votes.len()));
                    self.ended.get_or_insert(State::Rejected);
                }
            }
        }
        self.votes.push(Vote::new(ballot, asked, (id, key), record.at, record.index, signature.clone()));
        Some(())
    }

    /// The leaf of this person's last vote: the next one's text names it.
    pub fn last_vote_of(&self, person: PersonId) -> Option<u64> {
        self.votes.iter().rfind(|vote| vote.by == person).map(|vote| vote.leaf)
    }

    pub fn is_activated(&self) -> bool {
        !self.activations.is_empty()
    }

    pub fn was_activated_by(&self, person: PersonId) -> bool {
        self.activations.iter().any(|(by, _)| *by == Some(person))
    }

    /// The revision that binds: the one that was activated last; before that, the newest.
    pub fn current(&self) -> &Revision {
        let running = self.activations.last().and_then(|(_, digest)| self.revision(*digest));
        running.unwrap_or_else(|| self.newest())
    }

    pub fn newest(&self) -> &Revision {
        self.revisions.last().expect("a dossier begins with a submission")
    }

    /// A newer revision than the one that runs, which would replace it.
    pub fn amendment(&self) -> Option<&Revision> {
        let newest = self.newest();
        (newest.digest != self.current().digest && !self.dropped.contains(&newest.digest)).then_some(newest)
    }

    /// The revision that votes are about.
    pub fn under_review(&self) -> &Revision {
        self.amendment().unwrap_or_else(|| self.current())
    }

    /// What binds, as its requester wrote it.
    pub fn document(&self) -> &TicketDocument {
        &self.current().document
    }

    pub fn revision(&self, digest: Digest) -> Option<&Revision> {
        self.revisions.iter().find(|revision| revision.digest == digest)
    }

    /// From 1.
    pub fn revision_number(&self, digest: Digest) -> Option<usize> {
        Some(self.revisions.iter().position(|revision| revision.digest == digest)? + 1)
    }

    /// Oldest first.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The vote that ended it.
    pub fn rejection(&self) -> Option<&Vote> {
        self.votes.get(self.rejected_by?)
    }
}

#[cfg(test)]
mod tests;
