//! What a vendor owes: attestations of deletion that are late. New tickets wait for them.

use super::VendorDossier;
use crate::domain::{
    event::{Event, Record},
    ids::{TicketId, TicketNumber},
    policy::Policy,
    refusal::Refusal,
    time::Time,
};
use std::collections::BTreeMap;

/// The tickets whose attestations became late, as they were recorded.
#[derive(Clone, Default, Debug)]
pub struct Owed(BTreeMap<TicketId, Overdue>);

#[derive(Clone, Copy, Debug)]
struct Overdue {
    number: TicketNumber,
    by: Time,
    settled: Option<Time>,
}

impl Owed {
    pub(super) fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::AttestationOverdue { ticket, number, by } => {
                self.0.entry(*ticket).or_insert(Overdue { number: *number, by: *by, settled: None });
            }
            Event::AttestationSettled { ticket } => {
                if let Some(overdue) = self.0.get_mut(ticket) {
                    overdue.settled = overdue.settled.or(Some(record.at));
                }
            }
            _ => {}
        }
    }
}

impl VendorDossier {
    /// Whether it is on record that this ticket's attestation is late, and not yet that it is settled.
    pub fn owes(&self, ticket: TicketId) -> bool {
        self.owed.0.get(&ticket).is_some_and(|overdue| overdue.settled.is_none())
    }

    /// Whether it was ever on record.
    pub fn has_owed(&self, ticket: TicketId) -> bool {
        self.owed.0.contains_key(&ticket)
    }

    /// Why it gets no new ticket: the attestation that is late the longest.
    pub fn in_arrears(&self, policy: &Policy) -> Option<Refusal> {
        policy.attest_within_days()?;
        let late = self.owed.0.values().filter(|overdue| overdue.settled.is_none()).min_by_key(|overdue| overdue.by)?;
        Some(Refusal::AttestationOverdue {
            vendor: self.slug.to_string(),
            ticket: late.number.to_string(),
            by: late.by.to_string(),
        })
    }
}
