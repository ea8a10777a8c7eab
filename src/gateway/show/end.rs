//! A ticket's end and its calendar as the staff sees them: what is left to do, and what is late.

use super::{moments::moment, name_of};
use crate::{
    domain::{
        calendar::PersonsClock,
        dossier::{State, Surroundings, TicketDossier},
        event::{Closing, Event, Subject},
        refusal::Refusal,
        shown::many,
        signature::openssh_fingerprint,
        time::Time,
    },
    gateway::{
        answers::{AttestedView, Blocker, CalendarView, EndView, PersonsRequest},
        attest, close,
        facts::{Facts, Source},
        outcome::Refused,
        vault::find,
    },
};

const DAY: u64 = 86_400;

/// What a ticket that closes still waits for.
pub fn blockers<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, around: &Surroundings<'_>) -> Vec<Blocker> {
    if ticket.state(around) != State::Closing {
        return Vec::new();
    }
    let number = ticket.number;
    let mut blockers = Vec::new();
    let left = match facts.find(|conn| find::count_bytes(conn, ticket.id)) {
        Ok(0) => None,
        Ok(left) => Some(format!("not all of its files are destroyed here: {} left", many(left, "file"))),
        Err(fault) => Some(format!("how many of its files are left cannot be read: {fault}")),
    };
    blockers.extend(left.map(|what| Blocker {
        what,
        who: "nobody: each is destroyed when its retention ends".into(),
        command: format!("egressctl file list --ticket {number}"),
    }));
    if ticket.owes_deletion(around) {
        let late = match ticket.attest_by(around) {
            Some(by) if around.now >= by => {
                let refusal = Refusal::AttestationOverdue {
                    vendor: around.vendor.slug.to_string(),
                    ticket: number.to_string(),
                    by: by.to_string(),
                };
                format!(": {}", refusal.what())
            }
            Some(by) => format!(", due by {by}"),
            None => String::new(),
        };
        blockers.extend(unattested(facts, ticket, around, &late));
    }
    if blockers.is_empty() {
        blockers.push(Blocker {
            what: "nothing is left to do: it is closed within a minute".into(),
            who: "nobody".into(),
            command: format!("egressctl ticket show {number}"),
        });
    }
    blockers
}

/// The two ways in which a vendor's deletion is settled; before nothing can be fetched any more, neither.
fn unattested<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, around: &Surroundings<'_>, late: &str) -> Vec<Blocker> {
    let (number, vendor) = (ticket.number, &around.vendor.slug);
    if let Err(Refused::Refusal(refusal @ Refusal::StillFetched { .. })) = attest::owed(facts, ticket, around.vendor) {
        return vec![Blocker { what: refusal.what(), who: refusal.who().into(), command: refusal.command() }];
    }
    vec![
        Blocker {
            what: format!("{vendor} has not attested that it deleted what it got{late}"),
            who: "the vendor, who signs the text with a login key; an operator files it".into(),
            command: format!("egressctl ticket attest {number} --print-text"),
        },
        Blocker {
            what: "where that is not to be had, it is waived with the reason".into(),
            who: "a privacy_reviewer or security_responder who had no part in it".into(),
            command: format!("egressctl ticket waive-deletion {number} --reason \"WHY\""),
        },
    ]
}

pub fn view<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
) -> Result<Option<EndView>, Refused> {
    let Some((since, why)) = ticket.closing(around) else { return Ok(None) };
    let records = facts.source().chain(Subject::Ticket(ticket.id))?;
    let waived = records.iter().find(|record| record.event == Event::DeletionWaived);
    let by = ticket.attest_by(around);
    let attested = ticket.end().attested.last().map(|attested| AttestedView {
        leaf: attested.leaf,
        at: attested.at.to_string(),
        filed_by: attested.by.map_or_else(|| "unknown".to_owned(), |by| name_of(facts, by)),
        key: openssh_fingerprint(attested.key),
        text: attested.text.clone(),
        signature: attested.signature.clone(),
    });
    Ok(Some(EndView {
        closing_since: since.to_string(),
        why: told(why).to_owned(),
        files_left: facts.find(|conn| find::count_bytes(conn, ticket.id))?,
        attest_by: by.map(|by| by.to_string()),
        overdue_days: by.filter(|_| ticket.is_attestation_overdue(around)).map(|by| around.now.since(by).as_secs() / DAY),
        attested,
        waived: waived.map(|record| moment(facts, record)),
        closed_at: ticket.end().closed.map(|at| at.to_string()),
    }))
}

pub const fn told(why: Closing) -> &'static str {
    match why {
        Closing::EndDate => "its end date has passed",
        Closing::DeliveriesUsedUp => "its deliveries are used up",
    }
}

/// None for a ticket that has neither schedule nor clock.
pub fn calendar<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
) -> Result<Option<CalendarView>, Refused> {
    if !ticket.has_calendar() {
        return Ok(None);
    }
    let released = close::released(&close::deliveries(facts, ticket)?);
    let clock = if ticket.state(around).is_over() { None } else { ticket.persons_clock(&released) };
    Ok(Some(CalendarView {
        late_since: ticket.late_now(&released, around).map(|late| late.due.to_string()),
        missed: ticket.missed(&released, around).len() as u64,
        persons_request: clock.map(|clock| persons_request(clock, around.now)),
    }))
}

fn persons_request(clock: PersonsClock, now: Time) -> PersonsRequest {
    let over = clock.is_overdue(now).then(|| now.since(clock.until.ends()).as_secs() / DAY);
    PersonsRequest {
        requested_on: clock.requested_on.to_string(),
        until: clock.until.to_string(),
        days_left: clock.left(now),
        overdue_days: over,
        answered_at: clock.answered.map(|at| at.to_string()),
    }
}

/// The same in sentences, where somebody has to do something about it.
pub fn pressing(calendar: &CalendarView) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(due) = &calendar.late_since {
        told.push(format!("a delivery is late: it was expected by {due}, and none was released"));
    }
    if let Some(PersonsRequest { until, days_left, overdue_days, .. }) = &calendar.persons_request {
        told.extend(
            days_left.map(|left| format!("the person who asked is to have their data by {until}: {} left", many(left, "day"))),
        );
        told.extend(overdue_days.map(|_| format!("the person who asked should have had their data by {until}")));
    }
    told
}
