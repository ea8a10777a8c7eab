//! Pace: what is late, too old, over or at its end is recorded, once each: gates and approvals, deliveries, a person's request, a ticket's end.

use super::{Gateway, close, facts::Facts, outcome::Refused, vault::find};
use crate::domain::{ids::TicketId, limits};
use std::collections::HashSet;

/// Tickets that have ended: no state leads out of that, and nobody looks at them again.
#[derive(Default)]
pub struct Ended(HashSet<TicketId>);

impl Gateway {
    /// Records what is late. It cannot be taken back: while the clock cannot be believed nothing is.
    pub(super) fn say_what_is_late(&self, ended: &mut Ended) -> Result<(), Refused> {
        if self.core.clock.jumped() {
            return Ok(());
        }
        let open: Vec<TicketId> = self.look(|facts| Ok(facts.find(find::tickets)?))?;
        let open: Vec<TicketId> = open.into_iter().filter(|id| !ended.0.contains(id)).collect();
        // A page after another: a reader of the ledger is held by nobody for long.
        for page in open.chunks(limits::TICKETS_AT_ONCE) {
            for id in self.look(|facts| Ok(late(facts, page, ended)))? {
                // One ticket's trouble keeps nobody from hearing of another's.
                if let Err(refused) = self.record_late(id) {
                    tracing::warn!(ticket = %id, ?refused, "what is late of it is not on record");
                }
            }
        }
        Ok(())
    }

    fn record_late(&self, id: TicketId) -> Result<(), Refused> {
        self.write_blocking(move |core, tx| {
            let facts = Facts::read(core, &*tx)?;
            let ticket = facts.ticket(id)?;
            let vendor = facts.vendor(ticket.vendor)?;
            for fact in close::due(&facts, &ticket, &vendor)? {
                tx.append(fact)?;
            }
            Ok(())
        })
    }
}

/// The tickets of which something is late. Nothing is at most turns, and the ledger's one writer need not hear of that.
fn late<S: super::facts::Source>(facts: &Facts<'_, S>, page: &[TicketId], ended: &mut Ended) -> Vec<TicketId> {
    let mut late = Vec::new();
    for id in page {
        // One that cannot be read is told by whoever asks for it, and by the verification of the log.
        let Ok(ticket) = facts.ticket(*id) else { continue };
        let Ok(vendor) = facts.vendor(ticket.vendor) else { continue };
        match close::due(facts, &ticket, &vendor) {
            Ok(due) if !due.is_empty() => late.push(*id),
            Ok(_) if close::is_final(&ticket, &facts.around(&vendor)) => drop(ended.0.insert(*id)),
            _ => {}
        }
    }
    late
}
