//! Activate: an operator starts an approved ticket; everything is evaluated again, now.

use super::{
    answers::{Blocker, Completion, Done},
    core::Core,
    desk::Desk,
    facts::Facts,
    outcome::Refused,
    suspend::fall,
    suspend::resumed,
    vault::Tx,
};
use crate::domain::{
    authority::Act,
    dossier::{State, Surroundings, TicketDossier},
    event::{Actor, Event, Fact, Subject},
    ids::TicketNumber,
    policy::Deed,
    refusal::Refusal,
};

impl Desk {
    pub async fn ticket_activate(&self, by: Actor, ticket: TicketNumber) -> Result<Done, Refused> {
        let done = self.act(move |core, tx| activate(core, tx, by, ticket)).await?;
        // An amendment may allow less than what it replaces.
        self.cut_what_no_longer_stands().await;
        Ok(done)
    }
}

fn activate(core: &Core, tx: &mut Tx<'_>, by: Actor, number: TicketNumber) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::ActivateTicket.allowed(person)?;
    facts.house.is_frozen()?;
    let ticket = facts.ticket_numbered(number)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let text = number.to_string();
    ticket.kept_apart(Deed::Activate, person.id, &around)?;
    let state = ticket.goes_on(&around)?;
    if ticket.is_activated() && ticket.amendment().is_none() {
        return Err(activated(&ticket, &around, state).into());
    }
    // What runs, and is suspended, may be amended meanwhile: it stays so.
    if let Some(suspension) = ticket.suspension.as_ref().filter(|_| !ticket.is_activated()) {
        return Err(Refusal::suspended(number, suspension).into());
    }
    // An amendment replaces what runs the moment that this is recorded.
    let revision = ticket.under_review();
    if ticket.review(revision, &around) != State::Approved {
        return Err(unapproved(&ticket, &around).into());
    }
    let window = revision.document.window;
    if !window.is_open(facts.now) {
        return Err(Refusal::WindowNotOpen { ticket: text, opens: window.opens.to_string() }.into());
    }
    let event = Event::TicketActivated { revision: revision.digest, policy: facts.policy.digest() };
    // An amendment may take away what made it fall.
    let fallen = fall(&ticket, &around);
    let is_suspended = fallen.is_some() || ticket.suspension.is_some();
    if let Some(fact) = fallen {
        tx.append(fact)?;
    }
    let record = tx.append(Fact::new(by, Subject::Ticket(ticket.id), event))?;
    if is_suspended {
        let headline = format!("{number} is amended, and suspended still");
        let next = vec![resumed(number)];
        return Ok(Done { subject: text, state: Completion::Done, headline, leaf: record.index, next });
    }
    let headline = format!("{number} is active: files staged under it are inspected, sealed and released");
    Ok(Done { subject: text, state: Completion::Done, headline, leaf: record.index, next: vec![to_be_dropped(number)] })
}

/// The gateway makes no directory in staging: who may write there is not its to say.
fn to_be_dropped(number: TicketNumber) -> Blocker {
    Blocker {
        what: format!("files of it are dropped into {number}/ in the staging directory, and a file _READY ends each delivery"),
        who: "whoever produces the files makes that directory, before or after; the machine's administrator lets them".into(),
        command: format!("egressctl file list --ticket {number}"),
    }
}

/// Nothing of it is left to activate: it runs, or two people resume it once its cause is gone.
fn activated(ticket: &TicketDossier, around: &Surroundings<'_>, state: State) -> Refusal {
    let text = ticket.number.to_string();
    match &ticket.suspension {
        Some(suspension) => Refusal::suspended(ticket.number, suspension),
        None if state == State::Active => Refusal::ActiveAlready { ticket: text },
        // It has fallen, and that is not on record yet.
        None => ticket.falls(around).unwrap_or_else(|| Refusal::NotActive { ticket: text, state: state.name().into() }),
    }
}

fn unapproved(ticket: &TicketDossier, around: &Surroundings<'_>) -> Refusal {
    let revision = ticket.under_review();
    let text = ticket.number.to_string();
    if let Some(refusal) = ticket.blocked_in(revision, around) {
        return refusal;
    }
    Refusal::NotApproved { ticket: text, missing: ticket.missing(revision, around) }
}
