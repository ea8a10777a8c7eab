//! Reload: other rules while everything runs. The leaf first, on its thread the change, then the cut of what no longer stands.

use super::{
    Gateway,
    announce::{Announcements, Telling},
    answers::{ReloadAttempt, ReloadOutcome},
    core::Rules,
    outcome::{Fault, Refused},
};
use crate::domain::event::{Actor, Event, Fact, Subject};
use std::sync::{Arc, PoisonError};

impl Gateway {
    /// Goes by `rules` from its leaf on, which is durable when this returns; whatever rests on the old ones alone is cut by then. That leaf is the first
    /// that those are told of who are new in `announcements`, and the first that those are not who stand there no more. An [`super::Outbox`] for
    /// a destination that is gone, or elsewhere now, is withdrawn.
    ///
    /// # Errors
    /// The leaf could not be written: everything stayed as it was.
    pub async fn reload(&self, rules: Rules, announcements: Option<Announcements>) -> Result<u64, Fault> {
        let (configuration, policy) = rules.digests();
        let (core, rules) = (Arc::clone(&self.core), Arc::new(rules));
        let (telling, say) = (Arc::new(Telling::new(announcements, self.master.tags())), self.ledger.teller());
        let (begins, before) = (Arc::clone(&telling), Arc::clone(&core));
        let cutting = self.core.cutting.lock().await;
        // 1. The leaf, and with it the change: whoever decides in a later transaction decides by these rules.
        let recorded = self.ledger.write_then(
            move |tx| -> Result<u64, Refused> {
                begins.begin_with_the_next_record(tx, &before.announcing)?;
                let event = Event::Reloaded { configuration, policy, told: begins.names() };
                Ok(tx.append(Fact::new(Actor::System, Subject::Daemon, event))?.index)
            },
            move || {
                core.govern_by(rules);
                telling.hold(&core.announcing, say);
            },
        );
        let leaf = match recorded.await.map_err(super::desk::undone) {
            Ok(leaf) => leaf,
            Err(refused) => {
                let fault = super::as_fault(refused);
                self.note_reload(ReloadOutcome::Refused, Some(fault.to_string()), None);
                return Err(fault);
            }
        };
        // 2. Whoever opened before saw the old rules, but has a lease that this finds.
        self.cut_fallen(cutting).await;
        self.core.nudge.files();
        self.drop_what_nobody_waits_for().await;
        self.note_reload(ReloadOutcome::Done, None, Some(leaf));
        Ok(leaf)
    }

    /// A reload that came to nothing before any rule was touched: shown to whoever asks how things stand.
    pub fn reload_refused(&self, why: String) {
        self.note_reload(ReloadOutcome::Refused, Some(why), None);
    }

    fn note_reload(&self, outcome: ReloadOutcome, why: Option<String>, leaf: Option<u64>) {
        let attempt = ReloadAttempt { at: self.core.clock.now().to_string(), outcome, why, leaf };
        *self.core.reload.lock().unwrap_or_else(PoisonError::into_inner) = Some(attempt);
        // Whoever has seen the count rise finds its attempt.
        self.core.metrics.note_reload(outcome);
    }
}
