//! Calendar: which deliveries a schedule expects and which are late, and the thirty days of a person's request. Time approves nothing.

use super::{
    dossier::{State, Surroundings, TicketDossier},
    event::Event,
    limits,
    ticket::{Period, Schedule},
    time::{Day, Time, days},
};
use std::time::Duration;

/// A delivery that a schedule expects: one in each period, counted from the first day of the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    pub from: Day,
    /// The day after the period's last: when the next one begins.
    pub due: Day,
    /// When it is late.
    pub late: Time,
}

/// The clock of a person's request for their own data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PersonsClock {
    pub requested_on: Day,
    /// The last day.
    pub until: Day,
    /// When something was released to answer it.
    pub answered: Option<Time>,
}

impl PersonsClock {
    pub fn is_overdue(&self, now: Time) -> bool {
        self.answered.is_none() && now >= self.until.ends()
    }

    /// Days that are left, this one counted; none once it is answered or over.
    pub fn left(&self, now: Time) -> Option<u64> {
        let ends = self.until.ends();
        (self.answered.is_none() && now < ends).then(|| ends.since(now).as_secs().div_ceil(86_400))
    }
}

impl Schedule {
    /// The periods of a feed that begin within the window, the first one first.
    fn periods(self, opens: Day, closes: Day) -> impl Iterator<Item = Expected> {
        let grace = Duration::from_secs(u64::from(self.late_after_hours) * 3_600);
        let begin = move |n: u32| match self.every {
            Period::Day => opens.plus_days(n),
            Period::Week => opens.plus_days(n.saturating_mul(7)),
            Period::Month => opens.plus_months(n),
            Period::Quarter => opens.plus_months(n.saturating_mul(3)),
        };
        let expected = move |n: u32| {
            let due = begin(n + 1);
            Expected { from: begin(n), due, late: due.begins() + grace }
        };
        (0..limits::EXPECTED_DELIVERIES).map(expected).take_while(move |one| one.due <= closes && one.from < one.due)
    }
}

impl TicketDossier {
    /// Whether it recurs, or ever answered a person's request: a revision that says otherwise ends no clock.
    pub fn has_calendar(&self) -> bool {
        self.document().schedule.is_some() || self.revisions().iter().any(|revision| revision.document.portability.is_some())
    }

    /// The deliveries that were expected by now and not released in time, the oldest first. `released`: when deliveries of it were, in
    /// that order. One release answers for one period; what was released before a period began answers for none of it.
    pub fn missed(&self, released: &[Time], around: &Surroundings<'_>) -> Vec<Expected> {
        let document = self.document();
        let (Some(schedule), Some(activated)) = (document.schedule, self.activated_at) else { return Vec::new() };
        let most = self.standing(around).bounds.max_deliveries.map_or(usize::MAX, |most| most as usize);
        let periods = schedule.periods(document.window.opens, document.window.closes);
        // Nobody expects what was due before anything could leave.
        let periods = periods.skip_while(|one| one.due.begins() <= activated).take(most);
        let mut left = released.iter().copied().peekable();
        let mut missed = Vec::new();
        for expected in periods.take_while(|one| one.late <= around.now) {
            while left.next_if(|at| *at < expected.from.begins()).is_some() {}
            if left.next_if(|at| *at < expected.late).is_none() {
                missed.push(expected);
            }
        }
        missed
    }

    /// The delivery that is late now: the last one that was expected, if nothing was released since it was late.
    pub fn late_now(&self, released: &[Time], around: &Surroundings<'_>) -> Option<Expected> {
        let last = self.missed(released, around).pop()?;
        (self.runs(around) && released.last().is_none_or(|at| *at < last.late)).then_some(last)
    }

    fn runs(&self, around: &Surroundings<'_>) -> bool {
        matches!(self.state(around), State::Active | State::Suspended)
    }

    /// The clock of a person's request. It runs from the earliest day that any revision names: no revision sets it back.
    pub fn persons_clock(&self, released: &[Time]) -> Option<PersonsClock> {
        let asked = self.revisions().iter().filter_map(|revision| Some(revision.document.portability.as_ref()?.requested_on));
        let requested_on = asked.min()?;
        let until = requested_on.plus_days(limits::PORTABILITY_DAYS);
        Some(PersonsClock { requested_on, until, answered: released.first().copied() })
    }

    /// What the calendar has to say and has not said: each late delivery once, each notice of a person's clock once.
    pub fn calendar_due(&self, released: &[Time], around: &Surroundings<'_>) -> Vec<Event> {
        let mut due = Vec::new();
        if self.runs(around) {
            let missed = self.missed(released, around).into_iter();
            due.extend(missed.filter(|one| !self.late.contains(&one.due)).map(|one| Event::DeliveryLate { due: one.due }));
        }
        if !self.state(around).is_over() {
            due.extend(self.persons_clock(released).and_then(|clock| self.notice(clock, around.now)));
        }
        due
    }

    /// Of several notices that are due the tightest alone.
    fn notice(&self, clock: PersonsClock, now: Time) -> Option<Event> {
        let (until, ends) = (clock.until, clock.until.ends());
        if clock.answered.is_some() {
            return None;
        }
        if now >= ends {
            return (!self.notices.contains(&(until, 0))).then_some(Event::PortabilityOverdue { until });
        }
        let days = limits::PORTABILITY_NOTICE_DAYS.into_iter().filter(|left| now >= ends - days(*left)).min()?;
        let given = self.notices.iter().any(|(of, given)| *of == until && *given <= days);
        (!given).then_some(Event::PortabilityNear { until, days })
    }
}
