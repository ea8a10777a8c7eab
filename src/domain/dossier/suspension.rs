//! Suspension: what stops a ticket until two people let it go on, though its cause be gone.

use super::{Revision, Serves, State, Surroundings, TicketDossier};
use crate::domain::{
    event::{Detail, Record},
    ids::PersonId,
    limits,
    people::{Person, Role},
    refusal::Refusal,
    time::Time,
};

/// A suspension on record.
#[derive(Clone, Debug)]
pub struct Suspension {
    pub at: Time,
    /// Nobody: the gateway saw that what the ticket rests on had ended.
    pub by: Option<PersonId>,
    /// In words.
    pub why: String,
    /// Who has asked to let it go on, since then.
    resume_asked: Option<(PersonId, Time)>,
}

impl Suspension {
    /// Who asked, as long as that is an answer to how things stand.
    pub fn resume_asked_by(&self, now: Time) -> Option<PersonId> {
        self.resume_asked.filter(|(_, at)| now < *at + limits::RESUME_ASKED).map(|(person, _)| person)
    }
}

impl TicketDossier {
    pub(super) fn suspend(&mut self, record: &Record) {
        let why = match &record.detail {
            Some(Detail::Reason { text }) => text.clone(),
            _ => String::new(),
        };
        self.suspension = Some(Suspension { at: record.at, by: record.by.person(), why, resume_asked: None });
    }

    pub(super) fn ask_to_resume(&mut self, record: &Record) {
        if let Some(suspension) = &mut self.suspension {
            suspension.resume_asked = record.by.person().map(|person| (person, record.at));
        }
    }

    /// A second person's; one alone ends nothing, nor does the gateway.
    pub(super) fn resume(&mut self, record: &Record) {
        let asked = self.suspension.as_ref().and_then(|suspension| suspension.resume_asked);
        if asked.zip(record.by.person()).is_some_and(|((first, _), second)| first != second) {
            self.suspension = None;
        }
    }

    /// Why it has to be put on record as suspended: it ran, and what it rests on does not hold.
    pub fn falls(&self, around: &Surroundings<'_>) -> Option<Refusal> {
        let fell = self.suspension.is_none() && self.standing(around).serves == Serves::Fallen;
        fell.then(|| self.shortfall(around))
    }

    /// Whether whatever it rests on holds again, its suspension aside.
    ///
    /// # Errors
    /// The first that does not.
    pub fn holds_again(&self, around: &Surroundings<'_>) -> Result<(), Refusal> {
        match self.review(self.current(), around) {
            State::Approved => Ok(()),
            _ => Err(self.shortfall(around)),
        }
    }

    /// What the revision that binds lacks for being approved.
    fn shortfall(&self, around: &Surroundings<'_>) -> Refusal {
        self.blocked(around).unwrap_or_else(|| Refusal::NotApproved {
            ticket: self.number.to_string(),
            missing: self.missing(self.current(), around),
        })
    }

    /// Which gates keep a revision from being approved, in words.
    pub fn missing(&self, revision: &Revision, around: &Surroundings<'_>) -> String {
        match self.asks_for_changes(revision, around).first() {
            Some(vote) => format!("the gate {} asked for changes", vote.ballot.gate),
            None => {
                let open: Vec<_> = self.open_gates(revision, around).iter().map(|gate| gate.name()).collect();
                format!("these gates are open: {}", open.join(", "))
            }
        }
    }
}

/// Whether two people may let go on what was suspended.
pub fn may_resume(first: &Person, second: &Person) -> bool {
    first.restores_with(second, |person| person.has(Role::SecurityResponder) || person.has(Role::SecurityReviewer))
}
