//! A ticket's standing: its gates with the votes that count, the state that follows, and what binds meanwhile.

use super::{GateStanding, Revision, State, Surroundings, TicketDossier};
use crate::domain::{
    bounds::Bounds,
    event::{Closing, Decision},
    ids::PersonId,
    people::Gate,
    refusal::Refusal,
    vote::Vote,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Where a ticket stands, and within what.
#[derive(Clone, Debug)]
pub struct Standing {
    pub state: State,
    pub bounds: Arc<Bounds>,
    pub serves: Serves,
}

/// Whether what was released may be fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Serves {
    /// It is active, or closes for no other reason than that its deliveries are used up.
    Yes,
    /// It would, if what it rests on held.
    Fallen,
    No,
}

impl TicketDossier {
    /// The gates of a revision that have to be green before this one takes votes.
    pub fn waits_for(&self, revision: &Revision, gate: Gate, around: &Surroundings<'_>) -> Vec<Gate> {
        let open = self.open_gates(revision, around);
        around.policy.after(gate).filter(|before| open.contains(before)).collect()
    }

    /// The gates of a revision that are still open.
    pub fn open_gates(&self, revision: &Revision, around: &Surroundings<'_>) -> BTreeSet<Gate> {
        self.gates(revision, around).into_iter().filter(|standing| !standing.is_green()).map(|standing| standing.gate).collect()
    }

    /// Those who asked for changes of this very revision and have not said otherwise since. A revoked key takes back no "no".
    pub fn asks_for_changes(&self, revision: &Revision, around: &Surroundings<'_>) -> Vec<&Vote> {
        if !self.votes.iter().any(|vote| vote.ballot.decision == Decision::RequestChanges) {
            return Vec::new();
        }
        let genuine = |vote: &&Vote| around.roster.person(vote.by).is_some_and(|person| vote.is_genuine(person));
        let on_it = self.votes.iter().filter(|vote| vote.asked.revision == revision.digest).filter(genuine);
        let last: BTreeMap<PersonId, &Vote> = on_it.map(|vote| (vote.by, vote)).collect();
        last.into_values().filter(|vote| vote.ballot.decision == Decision::RequestChanges).collect()
    }

    pub fn state(&self, around: &Surroundings<'_>) -> State {
        self.standing(around).state
    }

    pub fn standing(&self, around: &Surroundings<'_>) -> Standing {
        let revision = self.current();
        let tally = self.tally(revision, around);
        let bounds = Arc::clone(&tally.bounds);
        let reviewed = || self.reviewed(revision, &self.standing_at(&tally), around);
        let running = || match self.is_activated() {
            _ if self.suspension.is_some() => State::Suspended,
            true if reviewed() == State::Approved => State::Active,
            true => State::Suspended,
            false => reviewed(),
        };
        let is_over = bounds.is_over(around.now);
        // An activation after the last day is none: what has ended by its date alone stays so.
        let ran = self.activated_at.is_some_and(|at| !bounds.is_over(at));
        let state = if let Some(ended) = self.ended {
            ended
        } else if is_over && !ran {
            State::Closed
        } else if is_over || self.end.closing.is_some() {
            State::Closing
        } else {
            running()
        };
        let serves = match (state, self.end.closing) {
            (State::Active, _) => Serves::Yes,
            (State::Suspended, _) => Serves::Fallen,
            (State::Closing, Some((_, Closing::DeliveriesUsedUp))) if !is_over => match running() {
                State::Active => Serves::Yes,
                _ => Serves::Fallen,
            },
            _ => Serves::No,
        };
        Standing { state, bounds, serves }
    }

    /// How far the review of a revision has got: returned, on hold, in review or approved.
    pub fn review(&self, revision: &Revision, around: &Surroundings<'_>) -> State {
        self.reviewed(revision, &self.gates(revision, around), around)
    }

    /// [`TicketDossier::review`] for whoever has its gates already.
    pub(in crate::domain) fn reviewed(
        &self,
        revision: &Revision,
        gates: &[GateStanding<'_>],
        around: &Surroundings<'_>,
    ) -> State {
        if !self.asks_for_changes(revision, around).is_empty() || objection(revision, around).is_some() {
            return State::Returned;
        }
        let may_receive = around.vendor.may_receive(around.policy, around.roster, around.now);
        if may_receive.is_err() || self.unaccepted(revision, around).is_some() || self.in_arrears(around).is_some() {
            return State::OnHold;
        }
        if gates.iter().all(GateStanding::is_green) { State::Approved } else { State::InReview }
    }

    /// What beyond votes stops the revision that binds: its vendor, a revoked class, today's policy.
    pub fn blocked(&self, around: &Surroundings<'_>) -> Option<Refusal> {
        self.blocked_in(self.current(), around)
    }

    /// The same for any revision of it.
    pub fn blocked_in(&self, revision: &Revision, around: &Surroundings<'_>) -> Option<Refusal> {
        let vendor = around.vendor.may_receive(around.policy, around.roster, around.now).err();
        vendor
            .or_else(|| objection(revision, around))
            .or_else(|| self.unaccepted(revision, around))
            .or_else(|| self.in_arrears(around))
    }

    /// What its vendor owes for others. What runs goes on; nothing new begins.
    fn in_arrears(&self, around: &Surroundings<'_>) -> Option<Refusal> {
        if self.is_activated() { None } else { around.vendor.in_arrears(around.policy) }
    }
}

/// Why a revision cannot be approved as it is, whoever its vendor: only another revision helps.
fn objection(revision: &Revision, around: &Surroundings<'_>) -> Option<Refusal> {
    if let Some(field) = revision.document.fields.iter().find(|field| around.house.class_revoked(&field.class)) {
        return Some(Refusal::revoked_everywhere("class", &field.class));
    }
    revision.objected.first(around.policy, &revision.document)
}
