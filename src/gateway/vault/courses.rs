//! How far each ticket has come, as far as its records say it by themselves: in memory beside the heads and from verified leaves, so that whoever
//! edits the tables has no say in which tickets are looked at.
//!
//! It narrows what is looked at and decides nothing: what is open here is judged from its dossier. What has ended here has ended there too.

use crate::domain::{
    digest::Digest,
    dossier::State,
    event::{Decision, Event, Subject},
    ids::{TicketId, TicketNumber},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

/// What one record says of its ticket's course.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Submitted { number: TicketNumber, revision: Digest },
    Revised { revision: Digest },
    Activated { revision: Digest },
    Rejected { revision: Digest },
    Ended(State),
}

impl Step {
    pub(super) fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::TicketSubmitted { number, revision, .. } => Self::Submitted { number: *number, revision: *revision },
            Event::TicketRevised { revision, .. } => Self::Revised { revision: *revision },
            Event::TicketActivated { revision, .. } => Self::Activated { revision: *revision },
            Event::TicketVoted { decision: Decision::Reject, revision, .. } => Self::Rejected { revision: *revision },
            Event::TicketWithdrawn => Self::Ended(State::Withdrawn),
            Event::TicketRevoked => Self::Ended(State::Revoked),
            Event::TicketClosed => Self::Ended(State::Closed),
            _ => return None,
        })
    }
}

/// Whether a revision was activated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Run {
    NotYet,
    Begun,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Course {
    pub(super) number: TicketNumber,
    /// The revision that binds.
    pub(super) binds: Digest,
    pub(super) run: Run,
    pub(super) ended: Option<State>,
}

impl Course {
    /// As `TicketDossier` replays it.
    fn take(&mut self, step: Step) {
        match step {
            Step::Revised { revision } if self.run == Run::NotYet => self.binds = revision,
            // An amendment binds once it is activated.
            Step::Submitted { .. } | Step::Revised { .. } => {}
            Step::Activated { revision } => (self.run, self.binds) = (Run::Begun, revision),
            Step::Rejected { revision } if self.run == Run::NotYet || self.binds == revision => {
                self.ended.get_or_insert(State::Rejected);
            }
            // An amendment that is turned down ends nothing.
            Step::Rejected { .. } => {}
            Step::Ended(state) => drop(self.ended.get_or_insert(state)),
        }
    }
}

/// Of all tickets.
#[derive(Default, Debug)]
pub struct Courses(HashMap<TicketId, Course>);

impl FromIterator<(TicketId, Course)> for Courses {
    fn from_iter<I: IntoIterator<Item = (TicketId, Course)>>(courses: I) -> Self {
        Self(courses.into_iter().collect())
    }
}

impl Courses {
    pub(super) fn take(&mut self, on: Subject, step: Option<Step>) {
        let (Subject::Ticket(id), Some(step)) = (on, step) else { return };
        if let Some(course) = self.0.get_mut(&id) {
            course.take(step);
        } else if let Step::Submitted { number, revision } = step {
            self.0.insert(id, Course { number, binds: revision, run: Run::NotYet, ended: None });
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (TicketId, &Course)> {
        self.0.iter().map(|(id, course)| (*id, course))
    }

    /// The ticket that was submitted under this number.
    pub fn numbered(&self, number: TicketNumber) -> Option<TicketId> {
        self.iter().find(|(_, course)| course.number == number).map(|(id, _)| id)
    }

    /// The highest sequence given out in `year`; 0 before the first.
    pub fn last_sequence(&self, year: u16) -> u32 {
        let of_year = self.0.values().filter(|course| course.number.year == year);
        of_year.map(|course| course.number.sequence).max().unwrap_or(0)
    }

    /// Tickets that no record has ended, newest first.
    pub fn open(&self) -> Vec<TicketId> {
        let open = self.iter().filter(|(_, course)| course.ended.is_none());
        let mut open: Vec<_> = open.map(|(id, course)| (Reverse(course.number), id)).collect();
        open.sort_unstable();
        open.into_iter().map(|(_, id)| id).collect()
    }

    /// All tickets, newest first, each with how a record ended it.
    pub fn all(&self) -> Vec<(TicketId, Option<State>)> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by_key(|(id, course)| (Reverse(course.number), *id));
        all.into_iter().map(|(id, course)| (id, course.ended)).collect()
    }

    /// How many have ended, by how.
    pub fn ended(&self) -> BTreeMap<&'static str, (State, u64)> {
        let mut ended: BTreeMap<&'static str, (State, u64)> = BTreeMap::new();
        for state in self.0.values().filter_map(|course| course.ended) {
            ended.entry(state.name()).or_insert((state, 0)).1 += 1;
        }
        ended
    }
}
