//! Attest: the vendor's signed statement that it deleted what it got is filed, or somebody waives it with a reason.

use super::{
    answers::{Completion, DeletionText, Done},
    close,
    core::Core,
    desk::Desk,
    facts::{Facts, Source},
    outcome::{Fault, Refused},
    release::Notes,
    show::end,
    vault::{Tx, find},
};
use crate::domain::{
    authority::Act,
    deletion::{Handed, Statement},
    digest::Digest,
    dossier::TicketDossier,
    event::{Actor, Detail, Event, Fact, Subject},
    file::DeliveryDossier,
    ids::TicketNumber,
    people::{Person, Role},
    refusal::Refusal,
    time::{Day, Time},
    vendor::VendorDossier,
};
use std::sync::Arc;

impl Desk {
    /// The text that the vendor signs, dated today or on `on`.
    pub async fn ticket_statement(&self, by: Actor, ticket: TicketNumber, on: Option<Day>) -> Result<DeletionText, Refused> {
        self.look(|facts| {
            Act::FileAttestation.allowed(facts.person(by)?)?;
            let ticket = facts.ticket_numbered(ticket)?;
            let vendor = facts.vendor(ticket.vendor)?;
            Ok(DeletionText { text: statement(facts, &ticket, &vendor, on)?.text() })
        })
    }

    /// Files the vendor's signature over that text. Who files it states nothing: the vendor's key does.
    pub async fn ticket_attest(
        &self,
        by: Actor,
        ticket: TicketNumber,
        on: Option<Day>,
        signature: String,
    ) -> Result<Done, Refused> {
        self.act(move |core, tx| attest(core, tx, by, ticket, on, signature)).await
    }

    /// Nobody waits for the attestation any more.
    pub async fn ticket_waive_deletion(&self, by: Actor, ticket: TicketNumber, reason: String) -> Result<Done, Refused> {
        self.act(move |core, tx| waive(core, tx, by, ticket, reason)).await
    }
}

fn attest(
    core: &Core,
    tx: &mut Tx<'_>,
    by: Actor,
    number: TicketNumber,
    on: Option<Day>,
    signature: String,
) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    Act::FileAttestation.allowed(facts.person(by)?)?;
    let ticket = facts.ticket_numbered(number)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let statement = statement(&facts, &ticket, &vendor, on)?;
    if vendor.revoked.is_some() {
        return Err(Refusal::VendorRevoked { vendor: vendor.slug.to_string() }.into());
    }
    let key = statement.signer(&vendor, &facts.roster, &signature)?;
    let text = statement.text();
    let event = Event::DeletionAttested { revision: statement.revision, statement: Digest::of(text.as_bytes()), key };
    let detail = Detail::Signed { text, signature, reason: String::new() };
    let leaf = tx.append(Fact::new(by, Subject::Ticket(ticket.id), event).with(detail))?.index;
    settled(core, tx, &ticket, &vendor)?;
    done(core, tx, number, leaf, format!("{} attests that it deleted what it got under {number}", vendor.slug))
}

fn waive(core: &Core, tx: &mut Tx<'_>, by: Actor, number: TicketNumber, reason: String) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::WaiveDeletion.allowed(person)?;
    let ticket = facts.ticket_numbered(number)?;
    let vendor = facts.vendor(ticket.vendor)?;
    has_no_part(person, &ticket)?;
    owed(&facts, &ticket, &vendor)?;
    let reason = super::reason("ticket waive-deletion", reason)?;
    let fact = Fact::new(by, Subject::Ticket(ticket.id), Event::DeletionWaived).with(Detail::Reason { text: reason });
    let leaf = tx.append(fact)?.index;
    settled(core, tx, &ticket, &vendor)?;
    done(core, tx, number, leaf, format!("nobody waits any more for {} to attest its deletion under {number}", vendor.slug))
}

/// Who wanted the data to leave, and who runs what lets them leave, waives nothing.
fn has_no_part(person: &Person, ticket: &TicketDossier) -> Result<(), Refusal> {
    let how = match () {
        () if ticket.requester == person.id => "you requested it",
        () if person.has(Role::Operator) => "you are an operator",
        () if ticket.was_activated_by(person.id) => "you activated it",
        () => return Ok(()),
    };
    Err(Refusal::WaiverNotYours { ticket: ticket.number.to_string(), how })
}

/// What the vendor signs now.
fn statement<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    vendor: &VendorDossier,
    on: Option<Day>,
) -> Result<Statement, Refused> {
    let (deliveries, from) = owed(facts, ticket, vendor)?;
    let today = Day::of(facts.now);
    let (on, from) = (on.unwrap_or(today), Day::of(from));
    if on < from || on > today {
        let refusal = Refusal::AttestationDated { on: on.to_string(), from: from.to_string(), to: today.to_string() };
        return Err(refusal.into());
    }
    let handed = deliveries.iter().filter_map(|delivery| handed(facts, ticket, delivery).transpose());
    Ok(Statement {
        ticket: ticket.number,
        vendor: vendor.slug.clone(),
        revision: ticket.current().digest,
        handed: handed.collect::<Result<_, _>>()?,
        on,
    })
}

fn handed<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    delivery: &DeliveryDossier,
) -> Result<Option<Handed>, Refused> {
    let Some(released) = &delivery.released else { return Ok(None) };
    let mut fetched = 0;
    for file in &released.files {
        fetched += u64::from(facts.find(|conn| find::downloads(conn, file.file))? > 0);
    }
    Ok(Some(Handed {
        number: delivery.number,
        released: Day::of(released.at),
        files: released.files.len() as u64,
        fetched,
        manifest: Digest::of(Notes::of(ticket.number, delivery)?.manifest.as_bytes()),
    }))
}

/// Its deliveries, and since when nothing of them can be fetched any more.
///
/// # Errors
/// No attestation is waited for, or something can still be fetched.
pub(super) fn owed<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    vendor: &VendorDossier,
) -> Result<(Vec<Arc<DeliveryDossier>>, Time), Refused> {
    let around = facts.around(vendor);
    let state = ticket.state(&around);
    if !ticket.owes_deletion(&around) {
        let told = if ticket.is_settled(&around) { "attested or waived already" } else { state.name() };
        return Err(Refusal::NothingOwed { ticket: ticket.number.to_string(), state: told.into() }.into());
    }
    let deliveries = close::deliveries(facts, ticket)?;
    let standing = ticket.standing(&around);
    // Whichever comes first: its retention, the last day, or that somebody revoked it, the ticket or the vendor.
    let ends = |at: Time, revoked: Option<Time>| revoked.map_or(at, |revoked| at.min(revoked));
    let cut = |at: Time| ends(ends(at, ticket.revoked), vendor.revoked);
    let until = deliveries.iter().filter_map(|delivery| {
        let until = delivery.released.as_ref()?.until.min(standing.bounds.closes.ends());
        Some(cut(ends(until, delivery.revoked)))
    });
    let last = until.max().or(ticket.last_byte(&around).map(cut)).or(ticket.revoked);
    let last = last.ok_or_else(|| Fault::new("a ticket that closes", "nobody knows since when"))?;
    // What its own standing keeps from being served today may be served tomorrow: only what is over for good counts.
    if last > facts.now {
        return Err(Refusal::StillFetched { ticket: ticket.number.to_string(), until: last.to_string() }.into());
    }
    Ok((deliveries, last))
}

/// What was overdue no longer keeps the vendor's other tickets waiting, and what is done closes.
fn settled(core: &Core, tx: &mut Tx<'_>, ticket: &TicketDossier, vendor: &VendorDossier) -> Result<(), Refused> {
    if vendor.owes(ticket.id) {
        let event = Event::AttestationSettled { ticket: ticket.id };
        tx.append(Fact::new(Actor::System, Subject::Vendor(vendor.id), event))?;
    }
    close::record_end(core, tx, ticket.id)
}

fn done(core: &Core, tx: &Tx<'_>, number: TicketNumber, leaf: u64, headline: String) -> Result<Done, Refused> {
    let facts = Facts::read(core, tx)?;
    let ticket = facts.ticket_numbered(number)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let next = end::blockers(&facts, &ticket, &facts.around(&vendor));
    Ok(Done { subject: number.to_string(), state: Completion::Done, headline, leaf, next })
}
