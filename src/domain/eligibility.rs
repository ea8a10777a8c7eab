//! Eligibility: who may hold a gate of a ticket, and what somebody has done around it that the policy keeps apart from the next act.
//! Asked when somebody acts, and again whenever votes are counted.

use super::{
    dossier::{Revision, Surroundings, TicketDossier},
    ids::PersonId,
    people::{Gate, Person, Roster},
    policy::{Deed, Policy},
    refusal::Refusal,
    vendor::VendorDossier,
};
use std::collections::BTreeSet;

impl TicketDossier {
    /// Whether the policy lets this person hold the gate of a revision: by role, scope and what they have done. That the requester holds none, and
    /// everybody one at most, is not the policy's to say.
    pub fn admits(&self, person: &Person, revision: &Revision, gate: Gate, around: &Surroundings<'_>) -> Result<(), Refusal> {
        let role = gate.role();
        if !person.has(role) {
            return Err(Refusal::RoleNeeded { role: role.to_string(), act: format!("voting at the gate {gate}") });
        }
        if !around.policy.is_in_scope(role, person, &revision.document) {
            return Err(Refusal::OutOfScope { ticket: self.number.to_string(), role: role.to_string() });
        }
        self.kept_apart(Deed::Vote, person.id, around)
    }

    /// Whether the policy keeps `deed` apart from what this person has done around the ticket.
    pub fn kept_apart(&self, deed: Deed, person: PersonId, around: &Surroundings<'_>) -> Result<(), Refusal> {
        // Most policies have no rule, and votes are counted at every open and read.
        if around.policy.apart().is_empty() {
            return Ok(());
        }
        let mut done = around.vendor.deeds_of(person, around.roster);
        done.extend(self.deeds_of(person));
        apart(around.policy, deed, &done)
    }

    /// What this person did on the ticket itself.
    pub fn deeds_of(&self, person: PersonId) -> BTreeSet<Deed> {
        let done = [
            (Deed::Submit, self.requester == person),
            (Deed::Vote, self.votes.iter().any(|vote| vote.by == person)),
            (Deed::Activate, self.was_activated_by(person)),
        ];
        done.into_iter().filter(|(_, done)| *done).map(|(deed, _)| deed).collect()
    }
}

impl VendorDossier {
    /// What this person did on the revision that counts, and on the one that waits.
    pub fn deeds_of(&self, person: PersonId, roster: &Roster) -> BTreeSet<Deed> {
        let mut done = BTreeSet::new();
        for revision in self.current(roster).into_iter().chain(self.pending(roster)) {
            if revision.filed_by == Some(person) {
                done.insert(Deed::FileVendor);
            }
            if revision.confirmed_by.contains(person) {
                done.insert(Deed::ConfirmVendor);
            }
        }
        done
    }
}

/// # Errors
/// The policy keeps `deed` apart from one of those that are done.
pub fn apart(policy: &Policy, deed: Deed, done: &BTreeSet<Deed>) -> Result<(), Refusal> {
    match policy.keeps_apart(deed, done) {
        Some(other) => Err(Refusal::KeptApart { act: deed.name(), done: other.name() }),
        None => Ok(()),
    }
}
