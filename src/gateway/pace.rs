//! Pace: what is late, too old, over or at its end is recorded, once each: gates and approvals, deliveries, a person's request, a ticket's end.

use super::{
    Gateway, close,
    facts::{Facts, Source},
    outcome::Refused,
};
use crate::domain::{ids::TicketId, limits};

impl Gateway {
    /// Records what is late. It cannot be taken back: while the clock cannot be believed nothing is.
    pub(super) fn say_what_is_late(&self) -> Result<(), Refused> {
        if self.core.clock.jumped() {
            return Ok(());
        }
        let open: Vec<TicketId> = self.look(|facts| Ok(facts.source().courses(|courses| courses.open())))?;
        // A page after another: a reader of the ledger is held by nobody for long.
        for page in open.chunks(limits::TICKETS_AT_ONCE) {
            for id in self.look(|facts| Ok(late(facts, page)))? {
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
fn late<S: Source>(facts: &Facts<'_, S>, page: &[TicketId]) -> Vec<TicketId> {
    let mut late = Vec::new();
    for id in page {
        // One that cannot be read is told by whoever asks for it, and by the verification of the log.
        let Ok(ticket) = facts.ticket(*id) else { continue };
        let Ok(vendor) = facts.vendor(ticket.vendor) else { continue };
        if close::due(facts, &ticket, &vendor).is_ok_and(|due| !due.is_empty()) {
            late.push(*id);
        }
    }
    late
}
