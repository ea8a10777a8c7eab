//! A ticket: what keeps it from moving; and while it runs, what moves beside it or stands against its vendor elsewhere.

use super::{Explanation, from_blockers};
use crate::{
    domain::{
        dossier::{State, Surroundings, TicketDossier},
        event::Subject,
        ids::TicketId,
        refusal::Refusal,
        shown::many,
    },
    gateway::{
        answers::Blocker,
        facts::{Facts, Source},
        outcome::Refused,
        show::{self, end, gates, tickets, words},
        vault::find,
    },
};

pub fn ticket<S: Source>(facts: &Facts<'_, S>, id: TicketId) -> Result<Explanation, Refused> {
    let ticket = facts.ticket(id)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let state = ticket.state(&around);
    let headline = format!(
        "{} ({}), requested by {}, is {}",
        ticket.number,
        ticket.document().title,
        gates::requester(facts, &ticket),
        words::ticket_state(state).name()
    );
    let mut blockers: Vec<Blocker> = frozen(facts, state).into_iter().collect();
    blockers.extend(tickets::blockers(facts, &ticket, &around));
    let is_stopped = !blockers.is_empty();
    blockers.extend(beside(facts, &ticket, &around, state)?);
    let mut told = from_blockers(ticket.number.to_string(), headline, blockers);
    if !is_stopped {
        told.because.insert(0, "every gate has approved it and an operator has activated it: files staged under it leave".into());
    }
    told.because.extend(end::calendar(facts, &ticket, &around)?.iter().flat_map(end::pressing));
    told.timeline = show::timeline(facts, Subject::Ticket(id))?;
    Ok(told)
}

/// A freeze is no state of a ticket, and stops what runs or is to be activated all the same.
fn frozen<S: Source>(facts: &Facts<'_, S>, state: State) -> Option<Blocker> {
    let refusal = facts.house.is_frozen().err().filter(|_| !state.is_terminal())?;
    let who = refusal.who().into();
    Some(Blocker { what: refusal.what(), who, command: refusal.command() })
}

/// What the state of a ticket that runs does not say: its amendment, files that are held, what its vendor owes for others.
fn beside<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    state: State,
) -> Result<Vec<Blocker>, Refused> {
    let mut beside = Vec::new();
    if let Some(amendment) = tickets::amendment(facts, ticket, around) {
        let (number, review) = (amendment.revision_number, amendment.state.name());
        beside.extend(
            amendment
                .next
                .into_iter()
                .map(|next| Blocker { what: format!("its amendment, revision {number}, is {review}: {}", next.what), ..next }),
        );
    }
    if state != State::Active {
        return Ok(beside);
    }
    let held = facts.find(|conn| find::held_files(conn, ticket.id))?.len() as u64;
    if held > 0 {
        beside.push(Blocker {
            what: format!("{} of it held: their deliveries are not released", are(held, "file")),
            who: "whoever produces the files; or an operator, who discards them".into(),
            command: format!("egressctl file list --ticket {}", ticket.number),
        });
    }
    if let Some(refusal) = around.vendor.in_arrears(around.policy)
        && let Refusal::AttestationOverdue { ticket: elsewhere, .. } = &refusal
        && *elsewhere != ticket.number.to_string()
    {
        let what = format!("nothing of this ticket waits for it, but {}", refusal.what());
        beside.push(Blocker { what, who: refusal.who().into(), command: refusal.command() });
    }
    Ok(beside)
}

/// `1 file is`, `2 files are`
fn are(count: u64, what: &str) -> String {
    format!("{} {}", many(count, what), if count == 1 { "is" } else { "are" })
}
