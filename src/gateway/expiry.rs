//! Expiry notices: what vendors' standing rests on and ends soon is recorded, once for each number of days that is left.

use super::{Gateway, facts::Facts, outcome::Refused, vault::find};
use crate::domain::{
    event::{Actor, Fact, Subject},
    ids::VendorId,
};

impl Gateway {
    /// Records the notices that are due. A notice cannot be taken back: while the clock cannot be believed none is given.
    pub(super) fn notice_what_ends_soon(&self) -> Result<(), Refused> {
        if self.core.clock.jumped() {
            return Ok(());
        }
        for id in self.look(|facts| Ok(facts.find(find::vendors)?))? {
            // One vendor's trouble keeps nobody from hearing of another's.
            match self.notice(id) {
                Err(Refused::Refusal(refusal)) => tracing::warn!(vendor = %id, %refusal, "no notice of what ends soon"),
                Err(Refused::Fault(fault)) => tracing::error!(vendor = %id, %fault, "no notice of what ends soon"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn notice(&self, id: VendorId) -> Result<(), Refused> {
        // Nothing is due at most turns, and the ledger's one writer need not hear of that.
        if self.look(|facts| Ok(facts.vendor(id)?.due_notices(&facts.roster, facts.now).is_empty()))? {
            return Ok(());
        }
        self.write_blocking(move |core, tx| {
            let facts = Facts::read(core, &*tx)?;
            let due = facts.vendor(id)?.due_notices(&facts.roster, facts.now);
            for notice in due {
                tx.append(Fact::new(Actor::System, Subject::Vendor(id), notice.event()))?;
            }
            Ok(())
        })
    }
}
