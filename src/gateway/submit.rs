//! Submit: a ticket file becomes a ticket with a number; revise: it becomes its next revision; withdraw: its requester takes it back.

use super::{
    answers::{Blocker, Completion, Done, Submitted},
    core::Core,
    desk::Desk,
    facts::{Facts, Source},
    outcome::{Fault, Refused},
    show::{tickets, words},
    vault::{Tx, find},
};
use crate::domain::{
    authority::Act,
    digest::Digest,
    dossier::{State, TicketDossier},
    eligibility::apart,
    event::{Actor, Detail, Event, Fact, Subject},
    form::lint::lint,
    ids::{TicketId, TicketNumber},
    limits,
    policy::Deed,
    refusal::Refusal,
    ticket::TicketDocument,
    time::Day,
};
use std::sync::Arc;

impl Desk {
    pub async fn ticket_submit(&self, by: Actor, document: String) -> Result<Submitted, Refused> {
        self.look(|facts| Ok(Act::SubmitTicket.allowed(facts.person(by)?)?))?;
        self.complete(&document).await?;
        self.act(move |core, tx| submit(core, tx, by, document)).await
    }

    /// A further revision of a ticket, by its requester. Votes on what it leaves as it was stand; an active ticket goes on under its
    /// old revision until the new one is approved and activated.
    pub async fn ticket_revise(
        &self,
        by: Actor,
        ticket: TicketNumber,
        base: Digest,
        document: String,
    ) -> Result<Submitted, Refused> {
        self.look(|facts| Ok(Act::SubmitTicket.allowed(facts.person(by)?)?))?;
        self.complete(&document).await?;
        self.act(move |core, tx| revise(core, tx, by, ticket, base, document)).await
    }

    /// Refuses a request that lacks something, with all that it lacks.
    async fn complete(&self, document: &str) -> Result<(), Refused> {
        let core = &self.gateway.core;
        let (policy, today) = (Arc::clone(&core.rules().policy), Day::of(core.clock.now()));
        // Reading takes as long as whoever wrote it likes: one after another, and never on the ledger's only writer, where a revocation
        // may wait behind it.
        let turn = core.linting.lock().await;
        let text = document.to_owned();
        let linted = tokio::task::spawn_blocking(move || lint(&text, Some(&policy), Some(today))).await;
        drop(turn);
        let checked = linted.map_err(|error| Fault::new("reading a ticket", error))?;
        if !checked.is_complete() {
            return Err(Refusal::Incomplete { percent: checked.percent(), problems: checked.to_string() }.into());
        }
        Ok(())
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
    let document = read(&text, &facts, "ticket submit")?;
    let unknown = || Refusal::UnknownVendor { vendor: document.vendor.to_string() };
    let dossier = facts.vendor_named(&document.vendor)?.ok_or_else(unknown)?;
    let vendor = dossier.id;
    if dossier.revoked.is_some() {
        return Err(Refusal::VendorRevoked { vendor: document.vendor.to_string() }.into());
    }
    if let Some(arrears) = dossier.in_arrears(&facts.policy) {
        return Err(arrears.into());
    }
    apart(&facts.policy, Deed::Submit, &dossier.deeds_of(facts.person(by)?.id, &facts.roster))?;
    let year = facts.now.year();
    // Of this batch the index knows, and of rows that somebody removed the log.
    let last = find::last_sequence(tx.conn(), year)?.max(tx.courses(|courses| courses.last_sequence(year)));
    let number = TicketNumber { year, sequence: last + 1 };
    let id = core.new_ticket();
    let revision = document.digest();
    let event = Event::TicketSubmitted { number, revision, vendor, policy: facts.policy.digest() };
    let record = tx.append(Fact::new(by, Subject::Ticket(id), event).with(Detail::Ticket { document: text }))?;
    submitted(&Facts::read(core, &*tx)?, id, record.index)
}

fn read<S: Source>(text: &str, facts: &Facts<'_, S>, act: &'static str) -> Result<TicketDocument, Refusal> {
    let document = TicketDocument::parse(text).map_err(|error| Refusal::BadDocument { reason: error.to_string(), act })?;
    // The policy may have been reloaded since it was linted.
    document.admissible(&facts.policy)?;
    Ok(document)
}

fn revise(
    core: &Core,
    tx: &mut Tx<'_>,
    by: Actor,
    number: TicketNumber,
    base: Digest,
    text: String,
) -> Result<Submitted, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::SubmitTicket.allowed(person)?;
    let ticket = facts.ticket_numbered(number)?;
    if ticket.requester != person.id {
        return Err(Refusal::NotRequester { ticket: number.to_string() }.into());
    }
    let vendor = facts.vendor(ticket.vendor)?;
    ticket.goes_on(&facts.around(&vendor))?;
    ticket.kept_apart(Deed::Submit, person.id, &facts.around(&vendor))?;
    let document = read(&text, &facts, "ticket revise")?;
    if document.vendor != vendor.slug {
        return Err(Refusal::OtherVendor { ticket: number.to_string(), vendor: vendor.slug.to_string() }.into());
    }
    let revision = document.digest();
    if let Some(same) = ticket.revision_number(revision) {
        return Err(Refusal::UnchangedTicket { ticket: number.to_string(), number: same }.into());
    }
    if ticket.under_review().digest != base {
        return Err(Refusal::RevisedMeanwhile { ticket: number.to_string(), number: ticket.revisions().len() }.into());
    }
    if ticket.revisions().len() >= limits::TICKET_REVISIONS {
        return Err(Refusal::TooMany { what: "revisions of one ticket", limit: limits::TICKET_REVISIONS }.into());
    }
    let event = Event::TicketRevised { revision, base, policy: facts.policy.digest() };
    let record = tx.append(Fact::new(by, Subject::Ticket(ticket.id), event).with(Detail::Ticket { document: text }))?;
    submitted(&Facts::read(core, &*tx)?, ticket.id, record.index)
}

fn submitted<S: Source>(facts: &Facts<'_, S>, id: TicketId, leaf: u64) -> Result<Submitted, Refused> {
    let ticket = facts.ticket(id)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let revision = ticket.newest();
    let review = ticket.review(revision, &around);
    let mut next = match review {
        State::OnHold | State::Returned | State::Approved => tickets::blockers(facts, &ticket, &around),
        _ => vec![Blocker {
            what: "its gates vote".into(),
            who: "the holders of the gates' roles; not the requester".into(),
            command: format!("egressctl ticket show {}", ticket.number),
        }],
    };
    next.extend(same_again(facts, &ticket)?);
    Ok(Submitted {
        ticket: ticket.number,
        revision: revision.digest,
        revision_number: u32::try_from(ticket.revisions().len()).unwrap_or(u32::MAX),
        state: words::ticket_state(ticket.state(&around)),
        tier: words::tier(revision.document.tier(&facts.policy)),
        gates: revision.document.gates(&facts.policy).iter().copied().collect(),
        open_gates: ticket.open_gates(revision, &around).into_iter().collect(),
        leaf,
        next,
    })
}

/// Another ticket of this requester's that goes on and asks for exactly the same. Looked for among the vendor's last ones.
fn same_again<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier) -> Result<Option<Blocker>, Refused> {
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let others = facts.find(|conn| find::tickets_of(conn, ticket.vendor))?;
    for id in others.into_iter().rev().filter(|id| *id != ticket.id).take(limits::TICKETS_AT_ONCE) {
        let other = facts.ticket(id)?;
        if other.under_review().digest != ticket.newest().digest || other.requester != ticket.requester {
            continue;
        }
        let state = other.state(&around);
        if !state.is_over() {
            return Ok(Some(Blocker {
                what: format!("{} asks for exactly the same and is {}: one of the two is enough", other.number, state.name()),
                who: "its requester".into(),
                command: format!("egressctl ticket withdraw {} --reason \"WHY\"", ticket.number),
            }));
        }
    }
    Ok(None)
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
    if ticket.is_activated() && !state.is_terminal() {
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
