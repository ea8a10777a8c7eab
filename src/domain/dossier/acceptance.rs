//! Which risk acceptances of a ticket stand, and which red flags wait for one.

use super::{Revision, Surroundings, TicketDossier};
use crate::domain::{
    acceptance::{Acceptance, AcceptanceDocument},
    event::{Detail, Event, Record},
    people::{Person, Role},
    policy::Consequence,
    refusal::Refusal,
};
use std::sync::OnceLock;

/// Whether an acceptance counts. Derived, never stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AcceptanceStanding {
    Stands,
    Over,
    /// The ticket has another revision now, or the vendor another assessment.
    AskedAgain,
    /// Whoever is said to have signed it has not, is no executive any more, or none for such tickets, requested the ticket, or has voted
    /// on it.
    NotTheirs,
}

impl TicketDossier {
    pub(super) fn accept(&mut self, record: &Record) -> Option<()> {
        let Event::RiskAccepted { document, revision, assessment, .. } = &record.event else { return None };
        let Some(Detail::Acceptance { document: text, signature, .. }) = &record.detail else { return None };
        let parsed = AcceptanceDocument::parse(text).ok().filter(|parsed| parsed.digest() == *document)?;
        self.acceptances.push(Acceptance {
            by: record.by.person()?,
            at: record.at,
            revision: *revision,
            assessment: *assessment,
            document: parsed,
            leaf: record.index,
            signature: signature.clone(),
            genuine: OnceLock::new(),
        });
        Some(())
    }

    /// Whether an acceptance counts for a revision now.
    pub fn acceptance_standing(
        &self,
        acceptance: &Acceptance,
        revision: &Revision,
        around: &Surroundings<'_>,
    ) -> AcceptanceStanding {
        let may = |person: &Person| {
            person.has(Role::Executive)
                && around.house.key_counts(person, acceptance.at).is_ok()
                && acceptance.is_genuine(person, self.number, &around.vendor.slug)
                && around.policy.is_in_scope(Role::Executive, person, &revision.document)
        };
        let is_involved = acceptance.by == self.requester || self.votes.iter().any(|vote| vote.by == acceptance.by);
        let assessment = around.vendor.current(around.roster).map(|current| current.assessment);
        if around.now >= acceptance.document.expires.ends() {
            AcceptanceStanding::Over
        } else if acceptance.revision != revision.digest || Some(acceptance.assessment) != assessment {
            AcceptanceStanding::AskedAgain
        } else if is_involved || !around.roster.person(acceptance.by).is_some_and(may) {
            AcceptanceStanding::NotTheirs
        } else {
            AcceptanceStanding::Stands
        }
    }

    /// Every red flag that today's policy lets pass only with an acceptance, and that has none for this revision.
    pub fn unaccepted(&self, revision: &Revision, around: &Surroundings<'_>) -> Option<Refusal> {
        let asks = |flag| around.policy.consequence(flag) == Consequence::Accept;
        let covers =
            |acceptance: &&Acceptance| self.acceptance_standing(acceptance, revision, around) == AcceptanceStanding::Stands;
        let standing: Vec<&Acceptance> = self.acceptances.iter().filter(covers).collect();
        let is_accepted = |flag| standing.iter().any(|acceptance| acceptance.document.red_flags.contains(flag));
        let raised = around.vendor.red_flags(around.roster, around.now);
        let waits = raised.iter().filter(|raised| asks(raised.flag) && !is_accepted(raised.flag));
        let flags: Vec<String> = waits.map(|raised| format!("{} ({})", raised.flag, raised.what)).collect();
        (!flags.is_empty()).then(|| Refusal::RiskNotAccepted { ticket: self.number.to_string(), flags: flags.join("; ") })
    }
}
