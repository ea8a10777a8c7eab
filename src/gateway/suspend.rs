//! Suspend: security stops a ticket for now, or the gateway puts on record that it has fallen; resume: two people let it go on.

use super::{
    Gateway,
    answers::{Blocker, Completion, Done},
    core::Core,
    desk::Desk,
    facts::{Facts, Source},
    outcome::Refused,
    vault::{Tx, find},
};
use crate::domain::{
    authority::Act,
    dossier::{Serves, Standing, State, Surroundings, TicketDossier, may_resume},
    event::{Actor, Detail, Event, Fact, Subject},
    ids::{TicketId, TicketNumber, VendorId},
    limits,
    refusal::Refusal,
};

impl Desk {
    /// Nothing of it leaves from now on; what is pulled at this moment is cut before the answer.
    pub async fn ticket_suspend(&self, by: Actor, ticket: TicketNumber, reason: String) -> Result<Done, Refused> {
        let reason = super::reason("ticket suspend", reason)?;
        let done = self.act(move |core, tx| suspend(core, tx, by, ticket, reason)).await?;
        self.cut_what_no_longer_stands().await;
        Ok(done)
    }

    /// One person asks, a second one completes it, one of the two of security; everything is evaluated again, at both times.
    pub async fn ticket_resume(&self, by: Actor, ticket: TicketNumber, reason: String) -> Result<Done, Refused> {
        let reason = super::reason("ticket resume", reason)?;
        self.act(move |core, tx| resume(core, tx, by, ticket, reason)).await
    }
}

fn suspend(core: &Core, tx: &mut Tx<'_>, by: Actor, number: TicketNumber, reason: String) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    Act::SuspendTicket.allowed(facts.person(by)?)?;
    let ticket = facts.ticket_numbered(number)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let Standing { state, serves, .. } = ticket.standing(&facts.around(&vendor));
    let stopped_by_somebody = ticket.suspension.as_ref().is_some_and(|suspension| suspension.by.is_some());
    // What closes and is served meanwhile can be stopped too.
    if stopped_by_somebody || (state != State::Approved && serves == Serves::No) {
        return Err(Refusal::NotSuspendable { ticket: number.to_string(), state: state.name().into() }.into());
    }
    let event = Event::TicketSuspended { code: None };
    let fact = Fact::new(by, Subject::Ticket(ticket.id), event).with(Detail::Reason { text: reason });
    let record = tx.append(fact)?;
    let headline = format!("{number} is suspended: nothing of it is taken in, released or served until two people resume it");
    Ok(Done { subject: number.to_string(), state: Completion::Done, headline, leaf: record.index, next: vec![resumed(number)] })
}

fn resume(core: &Core, tx: &mut Tx<'_>, by: Actor, number: TicketNumber, reason: String) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::ResumeTicket.allowed(person)?;
    let text = number.to_string();
    let ticket = facts.ticket_numbered(number)?;
    if ticket.requester == person.id {
        return Err(Refusal::RequesterMayNotResume { ticket: text }.into());
    }
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let state = ticket.state(&around);
    let suspension = ticket.suspension.as_ref().filter(|_| !state.is_terminal());
    let Some(suspension) = suspension else {
        return Err(Refusal::NotSuspended { ticket: text, state: state.name().into() }.into());
    };
    ticket.holds_again(&around)?;
    let (on, detail) = (Subject::Ticket(ticket.id), Detail::Reason { text: reason });
    let Some(first) = suspension.resume_asked_by(facts.now).and_then(|first| facts.acting(first)) else {
        let record = tx.append(Fact::new(by, on, Event::TicketResumeAsked).with(detail))?;
        let headline = "asked; a second person gives the same command, one of the two of security".to_owned();
        let next = vec![resumed(number)];
        return Ok(Done { subject: text, state: Completion::WaitsForSecond, headline, leaf: record.index, next });
    };
    if first.id == person.id {
        return Err(Refusal::SamePerson { act: "resuming a ticket".into() }.into());
    }
    if !may_resume(first, person) {
        return Err(Refusal::SecurityNeeded { ticket: text }.into());
    }
    let record = tx.append(Fact::new(by, on, Event::TicketResumed).with(detail))?;
    let headline = format!("{number} goes on");
    Ok(Done { subject: text, state: Completion::Done, headline, leaf: record.index, next: Vec::new() })
}

/// How a suspension ends.
pub(super) fn resumed(number: TicketNumber) -> Blocker {
    Blocker {
        what: "once its cause is gone, each of two people gives the same command within the hour".into(),
        who: "two people, one of them a security_responder or security_reviewer".into(),
        command: format!("egressctl ticket resume {number} --reason \"WHY\""),
    }
}

/// The same, told by what is known: the cause of what the gateway stopped is gone once all of it holds again; why a person did, they
/// know.
pub(super) fn resumption(ticket: &TicketDossier, around: &Surroundings<'_>) -> Blocker {
    let resumed = resumed(ticket.number);
    let by_gateway = ticket.suspension.as_ref().is_some_and(|suspension| suspension.by.is_none());
    if !by_gateway || ticket.holds_again(around).is_err() {
        return resumed;
    }
    let what = "its cause is gone: it goes on once each of two people gives the same command within the hour".into();
    Blocker { what, ..resumed }
}

/// That a ticket has fallen: goes on record before an act that may take the cause away.
pub(super) fn fall(ticket: &TicketDossier, around: &Surroundings<'_>) -> Option<Fact> {
    let refusal = ticket.falls(around)?;
    let event = Event::TicketSuspended { code: Some(refusal.code()) };
    let fact = Fact::new(Actor::System, Subject::Ticket(ticket.id), event);
    Some(fact.with(Detail::Reason { text: refusal.what() }))
}

impl Gateway {
    /// The same for all tickets of a vendor, before it may come to stand again.
    pub(super) async fn record_what_fell_with(&self, vendor: VendorId) -> Result<(), Refused> {
        let ids: Vec<TicketId> = self.look(|facts| Ok(facts.find(|conn| find::tickets_of(conn, vendor))?))?;
        // A page after another: a reader of the ledger is held by nobody for long.
        for page in ids.chunks(limits::TICKETS_AT_ONCE) {
            for id in self.look(|facts| Ok(fallen(facts, page)))? {
                self.write(move |core, tx| record_fallen(core, tx, id)).await?;
            }
        }
        Ok(())
    }
}

/// Looks again, within the transaction.
fn record_fallen(core: &Core, tx: &mut Tx<'_>, id: TicketId) -> Result<(), Refused> {
    let facts = Facts::read(core, &*tx)?;
    let ticket = facts.ticket(id)?;
    let vendor = facts.vendor(ticket.vendor)?;
    if let Some(fact) = fall(&ticket, &facts.around(&vendor)) {
        tx.append(fact)?;
    }
    Ok(())
}

/// The tickets that have fallen and are not on record as suspended. One that cannot be read runs nowhere.
fn fallen<S: Source>(facts: &Facts<'_, S>, page: &[TicketId]) -> Vec<TicketId> {
    let has_fallen = |id: &&TicketId| {
        let Ok(ticket) = facts.ticket(**id) else { return false };
        let Ok(vendor) = facts.vendor(ticket.vendor) else { return false };
        ticket.falls(&facts.around(&vendor)).is_some()
    };
    page.iter().filter(has_fallen).copied().collect()
}
