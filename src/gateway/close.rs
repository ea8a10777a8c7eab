//! Close: that a ticket closes, that it is closed, and what its calendar says, is recorded when it is so. Each once, by the system.

use super::{
    core::Core,
    facts::{Facts, Source},
    outcome::Refused,
    suspend::fall,
    vault::{Tx, find},
};
use crate::domain::{
    dossier::{Bytes, Deliveries, Standing, State, Surroundings, TicketDossier},
    event::{Actor, Event, Fact, Subject},
    file::DeliveryDossier,
    ids::TicketId,
    time::Time,
    vendor::VendorDossier,
};
use std::sync::Arc;

/// Everything that is due of a ticket and not yet on record.
pub(super) fn due<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, vendor: &VendorDossier) -> Result<Vec<Fact>, Refused> {
    let around = facts.around(vendor);
    let on = |event| Fact::new(Actor::System, Subject::Ticket(ticket.id), event);
    let mut due: Vec<Fact> = fall(ticket, &around).into_iter().chain(ticket.late(&around).into_iter().map(on)).collect();
    let Standing { state, bounds, .. } = ticket.standing(&around);
    let ends = matches!(state, State::Closing | State::Closed);
    // Most tickets have no calendar and no end in sight: they cost no row.
    if ends || bounds.max_deliveries.is_some() || ticket.has_calendar() {
        let deliveries = deliveries(facts, ticket)?;
        due.extend(ticket.calendar_due(&released(&deliveries), &around).into_iter().map(on));
        due.extend(end(facts, ticket, &deliveries, &around)?.into_iter().map(on));
    }
    if ends
        && !vendor.has_owed(ticket.id)
        && ticket.is_attestation_overdue(&around)
        && let Some(by) = ticket.attest_by(&around)
    {
        // On the vendor's own chain: what it owes keeps others of its tickets waiting.
        let event = Event::AttestationOverdue { ticket: ticket.id, number: ticket.number, by };
        due.push(Fact::new(Actor::System, Subject::Vendor(vendor.id), event));
    }
    Ok(due)
}

/// Records that a ticket closes, or is closed, in the transaction of the act that brought it there.
pub(super) fn record_end(core: &Core, tx: &mut Tx<'_>, id: TicketId) -> Result<(), Refused> {
    let facts = Facts::read(core, &*tx)?;
    let ticket = facts.ticket(id)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let deliveries = deliveries(&facts, &ticket)?;
    for event in end(&facts, &ticket, &deliveries, &facts.around(&vendor))? {
        tx.append(Fact::new(Actor::System, Subject::Ticket(id), event))?;
    }
    Ok(())
}

fn end<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    deliveries: &[Arc<DeliveryDossier>],
    around: &Surroundings<'_>,
) -> Result<Vec<Event>, Refused> {
    let is_spent = |delivery: &Arc<DeliveryDossier>| delivery.released.is_some() || delivery.revoked.is_some();
    let most = ticket.standing(around).bounds.max_deliveries;
    let used_up = most.is_some_and(|most| deliveries.len() >= most as usize) && deliveries.iter().all(is_spent);
    let left = if used_up { Deliveries::UsedUp } else { Deliveries::Left };
    ticket.end_due(left, || bytes(facts, ticket, deliveries), around)
}

/// Whether bytes of any of its files are here: by the index, and by the records of every file that a delivery names.
fn bytes<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, deliveries: &[Arc<DeliveryDossier>]) -> Result<Bytes, Refused> {
    if facts.find(|conn| find::count_bytes(conn, ticket.id))? > 0 {
        return Ok(Bytes::Here);
    }
    for file in deliveries.iter().flat_map(|delivery| &delivery.files) {
        if facts.file(*file)?.purged.is_none() {
            return Ok(Bytes::Here);
        }
    }
    Ok(Bytes::Gone)
}

/// Its deliveries, in the order of their numbers. What never was activated has none that matter, and is not asked for them.
pub(super) fn deliveries<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier) -> Result<Vec<Arc<DeliveryDossier>>, Refused> {
    if !ticket.is_activated() {
        return Ok(Vec::new());
    }
    let ids = facts.find(|conn| find::deliveries(conn, Some(ticket.id)))?;
    let all: Vec<_> = ids.into_iter().map(|id| facts.delivery(id)).collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(|delivery| delivery.ticket == ticket.id).collect())
}

/// When they were released, in that order.
pub(super) fn released(deliveries: &[Arc<DeliveryDossier>]) -> Vec<Time> {
    let mut at: Vec<Time> = deliveries.iter().filter_map(|delivery| Some(delivery.released.as_ref()?.at)).collect();
    at.sort_unstable();
    at
}
