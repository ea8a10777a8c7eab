//! Submit: a ticket file becomes a ticket with a number; withdraw: its requester takes it back.

use super::{
    answers::{Blocker, Completion, Done, Submitted},
    core::Core,
    desk::Desk,
    facts::Facts,
    outcome::{Fault, Refused},
    show::{tickets, words},
    vault::{Tx, find},
};
use crate::domain::{
    authority::Act,
    dossier::State,
    eligibility::apart,
    event::{Actor, Detail, Event, Fact, Subject},
    form::lint::lint,
    ids::TicketNumber,
    policy::Deed,
    refusal::Refusal,
    ticket::TicketDocument,
    time::Day,
};
use std::sync::Arc;

impl Desk {
    pub async fn ticket_submit(&self, by: Actor, document: String) -> Result<Submitted, Refused> {
        self.look(|facts| Ok(Act::SubmitTicket.allowed(facts.person(by)?)?))?;
        let core = &self.gateway.core;
        let (policy, today) = (Arc::clone(&core.rules().policy), Day::of(core.clock.now()));
        // Reading takes as long as whoever wrote it likes: one after another, and never on the ledger's only writer, where a revocation
        // may wait behind it.
        let turn = core.linting.lock().await;
        let text = document.clone();
        let linted = tokio::task::spawn_blocking(move || lint(&text, Some(&policy), Some(today))).await;
        drop(turn);
        let checked = linted.map_err(|error| Fault::new("reading a ticket", error))?;
        if !checked.is_complete() {
            return Err(Refusal::Incomplete { percent: checked.percent(), problems: checked.to_string() }.into());
        }
        self.act(move |core, tx| submit(core, tx, by, document)).await
    }

    /// Ends the ticket. Files that wait for it are purged; released ones can no longer be fetched.
    pub async fn ticket_withdraw(&self, by: Actor, ticket: TicketNumber, reason: String) -> Result<Done, Refused> {
        let done = self.act(move |core, tx| withdraw(core, tx, by, ticket, reason)).await?;
        self.cut_what_no_longer_stands().await;
        Ok(done)
    }
}

fn submit(core: &Core, tx: &mut Tx<'_>, by: Actor, text: String) -> Result<Submitted, Refused> {
    let facts = Facts::read(core, &*tx)?;
    Act::SubmitTicket.allowed(facts.person(by)?)?;
    let document =
        TicketDocument::parse(&text).map_err(|error| Refusal::BadDocument { reason: error.to_string(), act: "ticket submit" })?;
    // The policy may have been reloaded since it was linted.
    document.admissible(&facts.policy)?;
    let unknown = || Refusal::UnknownVendor { vendor: document.vendor.to_string() };
    let dossier = facts.vendor_named(&document.vendor)?.ok_or_else(unknown)?;
    let vendor = dossier.id;
    if dossier.revoked.is_some() {
        return Err(Refusal::VendorRevoked { vendor: document.vendor.to_string() }.into());
    }
    apart(&facts.policy, Deed::Submit, &dossier.deeds_of(facts.person(by)?.id, &facts.roster))?;
    let year = facts.now.year();
    let number = TicketNumber { year, sequence: find::last_sequence(tx.conn(), year)? + 1 };
    let id = core.new_ticket();
    let revision = document.digest();
    let event = Event::TicketSubmitted { number, revision, vendor, policy: facts.policy.digest() };
    let record = tx.append(Fact::new(by, Subject::Ticket(id), event).with(Detail::Ticket { document: text }))?;
    let facts = Facts::read(core, &*tx)?;
    let ticket = facts.ticket(id)?;
    let around = facts.around(&dossier);
    let next = match ticket.state(&around) {
        State::OnHold => tickets::blockers(&facts, &ticket, &around),
        _ => vec![Blocker {
            what: "its gates vote".into(),
            who: "the holders of the gates' roles; not the requester".into(),
            command: format!("egressctl ticket show {number}"),
        }],
    };
    Ok(Submitted {
        ticket: number,
        revision,
        state: words::ticket_state(ticket.state(&around)),
        tier: words::tier(document.tier(&facts.policy)),
        gates: document.gates(&facts.policy).iter().copied().collect(),
        leaf: record.index,
        next,
    })
}

fn withdraw(core: &Core, tx: &mut Tx<'_>, by: Actor, number: TicketNumber, reason: String) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::WithdrawTicket.allowed(person)?;
    let ticket = facts.ticket_numbered(number)?;
    if ticket.requester != person.id {
        return Err(Refusal::NotRequester { ticket: number.to_string() }.into());
    }
    let vendor = facts.vendor(ticket.vendor)?;
    let state = ticket.state(&facts.around(&vendor));
    if ticket.activated.is_some() && !state.is_terminal() {
        return Err(Refusal::NotWithdrawable { ticket: number.to_string(), state: state.name().into() }.into());
    }
    if state.is_terminal() {
        return Err(Refusal::TicketEnded { ticket: number.to_string(), state: state.name().into() }.into());
    }
    let reason = super::reason("ticket withdraw", reason)?;
    let record =
        tx.append(Fact::new(by, Subject::Ticket(ticket.id), Event::TicketWithdrawn).with(Detail::Reason { text: reason }))?;
    let headline = format!("{number} is withdrawn");
    Ok(Done { subject: number.to_string(), state: Completion::Done, headline, leaf: record.index, next: Vec::new() })
}
