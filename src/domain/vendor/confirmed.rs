//! Who stands behind what was filed for a vendor, and who no longer does: a confirmation falls with the key that signed it, as a vote does.

use crate::domain::{
    digest::Digest,
    event::{Actor, Record},
    ids::PersonId,
    time::Time,
};
use std::collections::{BTreeMap, BTreeSet};

/// The people who confirmed one thing, each with their key of then.
#[derive(Clone, Default, Debug)]
pub struct Confirmations {
    by: BTreeMap<PersonId, Digest>,
    /// Whose key was revoked since.
    fallen: BTreeSet<PersonId>,
}

impl Confirmations {
    pub(super) fn add(&mut self, record: &Record) {
        if let Actor::Person { id, key } = record.by {
            self.by.insert(id, key);
        }
    }

    /// Everybody who ever did.
    pub fn people(&self) -> impl Iterator<Item = PersonId> {
        self.by.keys().copied()
    }

    pub fn contains(&self, person: PersonId) -> bool {
        self.by.contains_key(&person)
    }

    /// Those who still stand behind it.
    pub fn standing(&self) -> impl Iterator<Item = PersonId> {
        self.people().filter(|person| !self.fallen.contains(person))
    }

    pub(super) fn falls_with(&self, revoked: &BTreeMap<Digest, Time>) -> bool {
        self.by.values().any(|key| revoked.contains_key(key))
    }

    pub(super) fn fall_with(&mut self, revoked: &BTreeMap<Digest, Time>) {
        let fallen = self.by.iter().filter(|(_, key)| revoked.contains_key(key));
        self.fallen = fallen.map(|(person, _)| *person).collect();
    }
}
