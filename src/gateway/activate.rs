//! Activate: an operator starts an approved ticket; everything is evaluated again, now.

use super::{answers::Completion, answers::Done, core::Core, desk::Desk, facts::Facts, outcome::Refused, vault::Tx};
use crate::domain::{
    authority::Act,
    dossier::State,
    event::{Actor, Event, Fact, Subject},
    ids::TicketNumber,
    policy::Deed,
    refusal::Refusal,
};

impl Desk {
    pub async fn ticket_activate(&self, by: Actor, ticket: TicketNumber) -> Result<Done, Refused> {
        self.act(move |core, tx| activate(core, tx, by, ticket)).await
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
    match ticket.state(&around) {
        State::Approved => {}
        State::Active => return Err(Refusal::ActiveAlready { ticket: text }.into()),
        State::OnHold | State::Suspended if let Some(refusal) = ticket.blocked(&around) => return Err(refusal.into()),
        state if state.is_terminal() => return Err(Refusal::TicketEnded { ticket: text, state: state.name().into() }.into()),
        _ => {
            let open: Vec<_> = ticket.open_gates(&around).iter().map(|gate| gate.name()).collect();
            return Err(
                Refusal::NotApproved { ticket: text, missing: format!("these gates are open: {}", open.join(", ")) }.into()
            );
        }
    }
    let window = ticket.document().window;
    if !window.is_open(facts.now) {
        return Err(Refusal::WindowNotOpen { ticket: text, opens: window.opens.to_string() }.into());
    }
    let event = Event::TicketActivated { revision: ticket.current().digest, policy: facts.policy.digest() };
    let record = tx.append(Fact::new(by, Subject::Ticket(ticket.id), event))?;
    let headline = format!("{number} is active: files staged under it are inspected, sealed and released");
    Ok(Done { subject: text, state: Completion::Done, headline, leaf: record.index, next: Vec::new() })
}
