//! A ticket's end: since when nothing new begins under it, what its vendor still owes, and when it is closed for good.

use super::{State, Surroundings, TicketDossier};
use crate::domain::{
    deletion::Attestation,
    event::{Closing, Event, Record},
    ids::PersonId,
    refusal::Refusal,
    time::{Time, days},
};

/// What is on record of a ticket's end.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// Since when it closes, and why.
    pub closing: Option<(Time, Closing)>,
    /// Each of the vendor's attestations, the oldest first.
    pub attested: Vec<Attestation>,
    pub waived: Option<(Time, Option<PersonId>)>,
    pub closed: Option<Time>,
}

impl End {
    pub(super) fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::TicketClosing { why } => self.closing = self.closing.or(Some((record.at, *why))),
            Event::DeletionAttested { .. } => self.attested.extend(Attestation::new(record)),
            Event::DeletionWaived => self.waived = self.waived.or(Some((record.at, record.by.person()))),
            Event::TicketClosed => self.closed = self.closed.or(Some(record.at)),
            _ => {}
        }
    }
}

impl TicketDossier {
    pub fn end(&self) -> &End {
        &self.end
    }

    /// Its state, while something new may begin under it.
    ///
    /// # Errors
    /// It has ended, or it closes.
    pub fn goes_on(&self, around: &Surroundings<'_>) -> Result<State, Refusal> {
        let ticket = self.number.to_string();
        match self.state(around) {
            State::Closing => Err(Refusal::TicketCloses { ticket }),
            state if state.is_terminal() => Err(Refusal::TicketEnded { ticket, state: state.name().into() }),
            state => Ok(state),
        }
    }

    /// Since when nothing new begins under it, and why; none before that, and for what was never activated.
    pub fn closing(&self, around: &Surroundings<'_>) -> Option<(Time, Closing)> {
        let over = || {
            let standing = self.standing(around);
            (standing.state == State::Closing).then(|| (standing.bounds.closes.ends(), Closing::EndDate))
        };
        match self.end.closing {
            // It was so before it was on record, if the gateway was down meanwhile.
            Some((at, Closing::EndDate)) => Some((at.min(self.standing(around).bounds.closes.ends()), Closing::EndDate)),
            recorded => recorded.or_else(over),
        }
    }

    /// When the last byte of it can have left: with the end date, or with the retention of what was released until the deliveries were used up.
    pub fn last_byte(&self, around: &Surroundings<'_>) -> Option<Time> {
        let (since, why) = self.closing(around)?;
        Some(match why {
            Closing::EndDate => since,
            Closing::DeliveriesUsedUp => {
                let kept = self.revisions().iter().map(|revision| revision.document.retention_days).max().unwrap_or(0);
                (since + days(kept)).min(self.standing(around).bounds.closes.ends())
            }
        })
    }

    /// When the vendor should have attested that it deleted what it got: so many days after it may keep it no longer. None where the
    /// policy sets no time, and where nothing is owed.
    pub fn attest_by(&self, around: &Surroundings<'_>) -> Option<Time> {
        let within = around.policy.attest_within_days()?;
        Some(self.last_byte(around)? + days(self.document().at_vendor.kept_days) + days(within))
    }

    /// Whether the vendor's deletion is attested by a key of its own, or somebody waived that.
    pub fn is_settled(&self, around: &Surroundings<'_>) -> bool {
        self.end.waived.is_some() || self.end.attested.iter().any(|attested| attested.is_genuine(self.number, around.vendor))
    }

    /// Whether an attestation is waited for: it was activated, nothing new begins under it, and nothing is attested or waived. A
    /// revocation ends what the vendor may fetch and nothing of what it has.
    pub fn owes_deletion(&self, around: &Surroundings<'_>) -> bool {
        let state = self.state(around);
        self.is_activated() && matches!(state, State::Closing | State::Revoked) && !self.is_settled(around)
    }

    /// Whether it closes and its attestation is late.
    pub fn is_attestation_overdue(&self, around: &Surroundings<'_>) -> bool {
        self.state(around) == State::Closing
            && !self.is_settled(around)
            && self.attest_by(around).is_some_and(|by| around.now >= by)
    }

    /// What of its end is due and not yet on record. `bytes`, asked for only where it decides: whether anything of it is stored here.
    pub fn end_due<E>(
        &self,
        deliveries: Deliveries,
        bytes: impl FnOnce() -> Result<Bytes, E>,
        around: &Surroundings<'_>,
    ) -> Result<Vec<Event>, E> {
        let state = self.state(around);
        let mut due = Vec::new();
        if self.end.closed.is_some() {
            return Ok(due);
        }
        let used_up = deliveries == Deliveries::UsedUp && matches!(state, State::Active | State::Suspended);
        if self.end.closing.is_none() && (used_up || state == State::Closing) {
            let why = if state == State::Closing { Closing::EndDate } else { Closing::DeliveriesUsedUp };
            due.push(Event::TicketClosing { why });
        }
        let is_settled = match state {
            State::Closing => self.is_settled(around),
            // It never was activated, and its end date has passed: there is nothing to delete anywhere but here.
            State::Closed => true,
            _ => false,
        };
        if is_settled && bytes()? == Bytes::Gone {
            due.push(Event::TicketClosed);
        }
        Ok(due)
    }
}

/// How many of the deliveries that a ticket allows there have been.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deliveries {
    /// As many as it allows, and each is released or revoked.
    UsedUp,
    Left,
}

/// Whether bytes of a ticket's files are stored here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bytes {
    Here,
    Gone,
}
