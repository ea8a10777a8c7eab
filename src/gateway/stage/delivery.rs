//! Which delivery a staged file joins, and what closes one.

use super::{Copy, Source, changed_after};
use crate::{
    domain::{
        dossier::{Standing, State},
        event::{Actor, ClosedBy, Detail, Event, Fact, Subject},
        finding::Finding,
        ids::{DeliveryId, DeliveryNumber, FileId, TicketId, TicketNumber},
        limits,
        refusal::Refusal,
    },
    gateway::{
        Gateway,
        core::Core,
        facts::{self, Facts},
        outcome::{Fault, Refused},
        progress::Work,
        staging::{self, Identity, Root},
        vault::{Tx, find},
    },
};

/// Which ticket and delivery a new file joins, or why it is held at once.
enum Joins {
    Delivery(TicketId, DeliveryId),
    Held(Option<TicketId>, Refusal),
}

/// Records a staged copy with its key, in the delivery that it joins.
pub(super) fn record(
    core: &Core,
    tx: &mut Tx<'_>,
    file: FileId,
    source: &Source,
    copy: Copy,
    manifest: Option<String>,
) -> Result<(), Refused> {
    tx.keys_put(copy.object, &copy.wrapped)?;
    let joins = joins(core, tx, source)?;
    let (ticket, delivery) = match &joins {
        Joins::Delivery(ticket, delivery) => (Some(*ticket), Some(*delivery)),
        Joins::Held(ticket, _) => (*ticket, None),
    };
    let event = Event::FileStaged { ticket, delivery, object: copy.object, sha256: copy.sha256, bytes: copy.bytes };
    let identity = &source.identity;
    let detail = Detail::Source {
        directory: source.directory.clone(),
        name: source.name.to_string(),
        device: identity.dev,
        inode: identity.ino,
        bytes: identity.size,
        modified_ns: identity.mtime_ns.to_string(),
        manifest,
    };
    tx.append(Fact::new(Actor::System, Subject::File(file), event).with(detail))?;
    if let Some(delivery) = delivery {
        // What a delivery consists of stands in its own chain, so that no edited row can leave a file out.
        tx.append(Fact::new(Actor::System, Subject::Delivery(delivery), Event::FileJoined { file }))?;
    }
    if let Joins::Held(_, refusal) = joins {
        let finding = Finding { code: format!("E{:04}", refusal.code()), what: refusal.what(), fix: refusal.who().to_owned() };
        let held = Event::FileHeld { revision: None, findings: 1 };
        let detail = Detail::Findings { findings: vec![finding], more: 0 };
        tx.append(Fact::new(Actor::System, Subject::File(file), held).with(detail))?;
    }
    Ok(())
}

fn joins(core: &Core, tx: &mut Tx<'_>, source: &Source) -> Result<Joins, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let directory = source.directory.clone();
    let ticket = match directory.parse().map(|number| facts.ticket_numbered(number)) {
        Ok(Ok(ticket)) => ticket,
        Ok(Err(fault @ Refused::Fault(_))) => return Err(fault),
        _ => return Ok(Joins::Held(None, Refusal::TicketUnknown { directory })),
    };
    let vendor = facts.vendor(ticket.vendor)?;
    let Standing { state, bounds, .. } = ticket.standing(&facts.around(&vendor));
    let number = ticket.number.to_string();
    if state.is_over() {
        return Ok(Joins::Held(Some(ticket.id), Refusal::TicketOver { ticket: number, state: State::name(state).into() }));
    }
    let conn = tx.conn();
    let delivery = match find::open_delivery(conn, ticket.id)? {
        Some(open) => {
            if find::file_served_as(conn, open, source.name.as_str())?.is_some() {
                return Ok(Joins::Held(Some(ticket.id), Refusal::SameName { ticket: number }));
            }
            if find::count_joined(conn, open)? >= limits::FILES_PER_DELIVERY {
                return Ok(Joins::Held(
                    Some(ticket.id),
                    Refusal::DeliveryFull { ticket: number, limit: limits::FILES_PER_DELIVERY },
                ));
            }
            open
        }
        None => {
            let last = find::last_delivery_number(conn, ticket.id)?;
            if bounds.max_deliveries.is_some_and(|most| last >= most) {
                return Ok(Joins::Held(Some(ticket.id), Refusal::DeliveriesUsedUp { ticket: number, limit: last }));
            }
            let delivery = core.new_delivery();
            let event = Event::DeliveryOpened { ticket: ticket.id, number: DeliveryNumber(last + 1) };
            tx.append(Fact::new(Actor::System, Subject::Delivery(delivery), event))?;
            delivery
        }
    };
    Ok(Joins::Delivery(ticket.id, delivery))
}

/// Whether a delivery of the ticket was closed by `_READY` after this one was put there: then it is the one, and a crash
/// kept it from being unlinked.
fn has_closed<S: facts::Source>(facts: &Facts<'_, S>, ticket: TicketId, ready: &Identity) -> Result<bool, Refused> {
    for delivery in facts.find(|conn| find::deliveries(conn, Some(ticket)))? {
        if let Some((at, ClosedBy::Ready)) = facts.delivery(delivery)?.closed
            && !changed_after(ready, at)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The producer said that all is there: its open delivery closes.
pub(super) fn close_by_ready(gateway: &Gateway, root: &Root, number: TicketNumber, identity: &Identity) -> Result<(), Fault> {
    let ready = *identity;
    let closed = gateway.write_blocking(move |core, tx| {
        let facts = Facts::read(core, &*tx)?;
        let ticket = facts.ticket_numbered(number)?;
        if has_closed(&facts, ticket.id, &ready)? {
            return Ok(());
        }
        let open = find::open_delivery(tx.conn(), ticket.id)?;
        let open = open.ok_or(Refusal::DeliveryEmpty { delivery: number.to_string() })?;
        if find::files_of(tx.conn(), open)?.is_empty() {
            return Err(Refusal::DeliveryEmpty { delivery: number.to_string() }.into());
        }
        tx.append(Fact::new(Actor::System, Subject::Delivery(open), Event::DeliveryClosed { by: ClosedBy::Ready }))?;
        Ok(())
    });
    match closed {
        Ok(()) => {}
        // Nothing to close yet: the mark stays and is looked at again.
        Err(Refused::Refusal(_)) => return Ok(()),
        Err(Refused::Fault(fault)) => return Err(fault),
    }
    staging::unlink_ready(root, number, identity).map_err(|error| Fault::new("_READY", error))
}

impl Gateway {
    /// Closes deliveries into which nothing has come for the configured time.
    pub(in crate::gateway) fn close_what_is_quiet(&self) -> Result<(), Refused> {
        let Some(quiet) = self.core.rules().settings.delivery_quiet else { return Ok(()) };
        let due = self.look(|facts| Ok(facts.find(|conn| find::quiet_deliveries(conn, facts.now - quiet))?))?;
        for delivery in due {
            self.core.progress.moved(Work::Release, self.core.clock.elapsed());
            self.write_blocking(move |core, tx| {
                if Facts::read(core, &*tx)?.delivery(delivery)?.closed.is_none() {
                    let event = Event::DeliveryClosed { by: ClosedBy::Quiet };
                    tx.append(Fact::new(Actor::System, Subject::Delivery(delivery), event))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
