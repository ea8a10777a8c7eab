//! Pace: gates that have not answered in time, approvals that have grown too old and tickets that have fallen are recorded, once each.

use super::{Gateway, facts::Facts, outcome::Refused, suspend::fall, vault::find};
use crate::domain::{
    event::{Actor, Fact, Subject},
    ids::TicketId,
    limits,
};
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
            let around = facts.around(&vendor);
            let late = ticket.late(&around).into_iter().map(|event| Fact::new(Actor::System, Subject::Ticket(id), event));
            let facts: Vec<Fact> = fall(&ticket, &around).into_iter().chain(late).collect();
            for fact in facts {
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
        let around = facts.around(&vendor);
        if ticket.state(&around).is_terminal() {
            ended.0.insert(*id);
        } else if ticket.falls(&around).is_some() || !ticket.late(&around).is_empty() {
            late.push(*id);
        }
    }
    late
}
