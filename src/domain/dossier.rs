//! A ticket's dossier: all that was recorded about it, and its standing computed from that, the policy and the clock.

use super::{
    digest::Digest,
    event::{Decision, Detail, Event, Record, Subject},
    house::HouseDossier,
    ids::{PersonId, TicketId, TicketNumber, VendorId},
    people::{Gate, Roster},
    policy::{Objected, Policy},
    refusal::Refusal,
    ticket::TicketDocument,
    time::Time,
    vendor::VendorDossier,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, PoisonError},
};

/// Where a ticket stands. Derived, never stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nobody may vote: the vendor's keys or assessment are missing.
    OnHold,
    InReview,
    Approved,
    Active,
    /// Was activated; something it rests on no longer holds.
    Suspended,
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
            Self::Approved => "approved",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
        }
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
    questions: Questions,
    objected: Objected,
}

/// What a revision asked the last time somebody wanted to know, and under what. Each listing, open and read wants to know, and a
/// question is a digest over the whole inventory.
#[derive(Default)]
struct Questions(Mutex<Option<Asked>>);

struct Asked {
    policy: Digest,
    assessment: Digest,
    by: BTreeMap<Gate, Digest>,
}

impl Questions {
    fn get(&self, policy: &Policy, assessment: Digest, gate: Gate, ask: impl FnOnce() -> Digest) -> Digest {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |asked: &Asked| asked.policy == policy.digest() && asked.assessment == assessment;
        let asked = match kept.take().filter(same) {
            Some(asked) => kept.insert(asked),
            None => kept.insert(Asked { policy: policy.digest(), assessment, by: BTreeMap::new() }),
        };
        *asked.by.entry(gate).or_insert_with(ask)
    }
}

impl Clone for Questions {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Questions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Questions")
    }
}

#[derive(Clone, Debug)]
pub struct Vote {
    pub gate: Gate,
    pub decision: Decision,
    pub question: Digest,
    pub by: PersonId,
    pub at: Time,
    pub reason: String,
    pub leaf: u64,
}

/// One gate of a ticket, as it stands.
#[derive(Clone, Debug)]
pub struct GateStanding<'a> {
    pub gate: Gate,
    pub question: Digest,
    /// The votes that count, one of a person.
    pub approvals: Vec<&'a Vote>,
    /// How many have to.
    pub needed: u32,
}

impl GateStanding<'_> {
    pub fn is_green(&self) -> bool {
        self.approvals.len() >= self.needed as usize
    }
}

/// Everything recorded about one ticket.
#[derive(Clone, Debug)]
pub struct TicketDossier {
    pub id: TicketId,
    pub number: TicketNumber,
    pub requester: PersonId,
    pub vendor: VendorId,
    /// Oldest first; the last is the current one.
    revisions: Vec<Revision>,
    pub votes: Vec<Vote>,
    pub activated: Option<Time>,
    pub activated_by: Option<PersonId>,
    /// What is on record of gates that were late, and of approvals that grew too old, by their leaves.
    pub(super) overdue: BTreeSet<(Gate, Digest)>,
    pub(super) lapsed: BTreeSet<u64>,
    pub withdrawn: Option<Time>,
    pub revoked: Option<Time>,
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
            activated: None,
            activated_by: None,
            overdue: BTreeSet::new(),
            lapsed: BTreeSet::new(),
            withdrawn: None,
            revoked: None,
        };
        for record in records {
            dossier.apply(record)?;
        }
        Some(dossier)
    }

    fn apply(&mut self, record: &Record) -> Option<()> {
        match &record.event {
            Event::TicketSubmitted { revision, .. } => {
                let Some(Detail::Ticket { document }) = &record.detail else { return None };
                let document = TicketDocument::parse(document).ok().filter(|document| document.digest() == *revision)?;
                self.revisions.push(Revision {
                    digest: *revision,
                    document,
                    submitted_at: record.at,
                    questions: Questions::default(),
                    objected: Objected::default(),
                });
            }
            Event::TicketVoted { gate, decision, question, .. } => {
                let Some(Detail::Signed { reason, .. }) = &record.detail else { return None };
                self.votes.push(Vote {
                    gate: *gate,
                    decision: *decision,
                    question: *question,
                    by: record.by.person()?,
                    at: record.at,
                    reason: reason.clone(),
                    leaf: record.index,
                });
            }
            Event::TicketActivated { .. } => {
                self.activated = self.activated.or(Some(record.at));
                self.activated_by = self.activated_by.or(record.by.person());
            }
            Event::GateOverdue { gate, question, .. } => drop(self.overdue.insert((*gate, *question))),
            Event::ApprovalLapsed { vote, .. } => drop(self.lapsed.insert(*vote)),
            Event::TicketWithdrawn => self.withdrawn = self.withdrawn.or(Some(record.at)),
            Event::TicketRevoked => self.revoked = self.revoked.or(Some(record.at)),
            _ => {}
        }
        Some(())
    }

    pub fn current(&self) -> &Revision {
        self.revisions.last().expect("a dossier begins with a submission")
    }

    pub fn document(&self) -> &TicketDocument {
        &self.current().document
    }

    pub fn revision(&self, digest: Digest) -> Option<&Revision> {
        self.revisions.iter().find(|revision| revision.digest == digest)
    }

    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The question that `gate` asks now.
    pub fn question(&self, gate: Gate, around: &Surroundings<'_>) -> Option<Digest> {
        let vendor = around.vendor.current(around.roster).or(around.vendor.revisions.last())?;
        let ask = || self.document().question(gate, self.vendor, vendor.assessment, around.policy);
        Some(self.current().questions.get(around.policy, vendor.assessment, gate, ask))
    }

    /// The gates that today's policy asks for, each with the votes that count. A vote counts while it answers today's
    /// question, is not too old, its voter is not the requester and may still hold the gate; one person holds at most one gate, and is one
    /// person there however often they vote.
    pub fn gates<'d>(&'d self, around: &Surroundings<'_>) -> Vec<GateStanding<'d>> {
        let mut holders: BTreeMap<PersonId, Gate> = BTreeMap::new();
        for vote in &self.votes {
            holders.entry(vote.by).or_insert(vote.gate);
        }
        let traits = self.document().traits(around.policy);
        let standing = |gate: Gate| {
            let question = self.question(gate, around)?;
            let counts = |vote: &&Vote| {
                vote.gate == gate
                    && vote.decision == Decision::Approve
                    && vote.question == question
                    && !self.has_lapsed(vote, traits.tier, around)
                    && vote.by != self.requester
                    && holders.get(&vote.by) == Some(&gate)
                    && around.roster.person(vote.by).is_some_and(|person| self.admits(person, gate, around).is_ok())
            };
            let approvals: BTreeMap<PersonId, &Vote> = self.votes.iter().filter(counts).map(|vote| (vote.by, vote)).collect();
            let needed = around.policy.votes_needed(gate, traits.tier);
            Some(GateStanding { gate, question, approvals: approvals.into_values().collect(), needed })
        };
        around.policy.gates(&traits).into_iter().filter_map(standing).collect()
    }

    /// The gates of this ticket that have to be green before this one takes votes.
    pub fn waits_for(&self, gate: Gate, around: &Surroundings<'_>) -> Vec<Gate> {
        let open = self.open_gates(around);
        around.policy.after(gate).filter(|before| open.contains(before)).collect()
    }

    /// The gates that are still open.
    pub fn open_gates(&self, around: &Surroundings<'_>) -> BTreeSet<Gate> {
        self.gates(around).into_iter().filter(|standing| !standing.is_green()).map(|standing| standing.gate).collect()
    }

    pub fn rejection(&self) -> Option<&Vote> {
        self.votes.iter().find(|vote| vote.decision == Decision::Reject)
    }

    pub fn state(&self, around: &Surroundings<'_>) -> State {
        if self.revoked.is_some() {
            return State::Revoked;
        }
        if self.withdrawn.is_some() {
            return State::Withdrawn;
        }
        if self.rejection().is_some() {
            return State::Rejected;
        }
        if self.document().window.is_over(around.now) {
            return State::Closed;
        }
        let activated = self.activated.is_some();
        if self.blocked(around).is_some() {
            return if activated { State::Suspended } else { State::OnHold };
        }
        match (self.open_gates(around).is_empty(), activated) {
            (true, true) => State::Active,
            (true, false) => State::Approved,
            (false, true) => State::Suspended,
            (false, false) => State::InReview,
        }
    }

    /// What beyond votes stops this ticket: its vendor, a revoked class, today's bounds.
    pub fn blocked(&self, around: &Surroundings<'_>) -> Option<Refusal> {
        if let Err(refusal) = around.vendor.may_receive(around.policy, around.roster, around.now) {
            return Some(refusal);
        }
        if let Some(field) = self.document().fields.iter().find(|field| around.house.class_revoked(&field.class)) {
            return Some(Refusal::revoked_everywhere("class", &field.class));
        }
        self.current().objected.first(around.policy, self.document())
    }
}

#[cfg(test)]
mod tests;
