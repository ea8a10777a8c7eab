//! Scopes: which of a role's holders may hold it for which tickets. They narrow; nothing here grants.

use super::Policy;
use crate::domain::{
    ids::Slug,
    people::{Person, Role},
    ticket::TicketDocument,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One entry: where a role has any, its holders hold it for a ticket that one of them fits. What an entry does not name it does not
/// look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub role: Role,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub people: BTreeSet<Slug>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub vendors: BTreeSet<Slug>,
    /// Every field's class is one of these: with a field of theirs nobody lets in somebody else's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<Slug>,
    /// Business units. A ticket that names none is nobody's.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<Slug>,
}

impl Scope {
    fn fits(&self, person: &Person, ticket: &TicketDocument) -> bool {
        let among = |named: &BTreeSet<Slug>, one: Option<&Slug>| named.is_empty() || one.is_some_and(|one| named.contains(one));
        among(&self.people, Some(&person.name))
            && among(&self.vendors, Some(&ticket.vendor))
            && among(&self.units, ticket.unit.as_ref())
            && ticket.fields.iter().all(|field| among(&self.classes, Some(&field.class)))
    }
}

impl Policy {
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// The entries of a role.
    pub fn scopes_of(&self, role: Role) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(move |scope| scope.role == role)
    }

    /// Whether a holder of the role holds it for this ticket.
    pub fn is_in_scope(&self, role: Role, person: &Person, ticket: &TicketDocument) -> bool {
        let mut entries = self.scopes_of(role).peekable();
        entries.peek().is_none() || entries.any(|scope| scope.fits(person, ticket))
    }
}
