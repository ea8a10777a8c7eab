//! People on the staff: their roles, the gates they may hold, the roster.

use super::{
    digest::Digest,
    event::{Detail, Event, Record},
    ids::{PersonId, Slug},
    limits,
    memo::Edition,
    signature::PublicKey,
    time::{Day, Time},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, collections::BTreeSet, fmt};

/// What a person may do. Deny by default; there is no role that may do everything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Requester,
    BusinessApprover,
    DataOwner,
    PrivacyReviewer,
    SecurityReviewer,
    VendorRiskAnalyst,
    LegalReviewer,
    Executive,
    Operator,
    SecurityResponder,
    Auditor,
    Sysadmin,
    /// A key in a sealed envelope, for when those who may stop or restore are out of reach. Whoever has it has no other role.
    BreakGlass,
}

impl Role {
    pub const ALL: [Self; 13] = [
        Self::Requester,
        Self::BusinessApprover,
        Self::DataOwner,
        Self::PrivacyReviewer,
        Self::SecurityReviewer,
        Self::VendorRiskAnalyst,
        Self::LegalReviewer,
        Self::Executive,
        Self::Operator,
        Self::SecurityResponder,
        Self::Auditor,
        Self::Sysadmin,
        Self::BreakGlass,
    ];

    /// Those whose holders work here every day.
    pub const DAILY: &'static [Self] = Self::ALL.split_at(Self::ALL.len() - 1).0;

    pub const fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::BusinessApprover => "business_approver",
            Self::DataOwner => "data_owner",
            Self::PrivacyReviewer => "privacy_reviewer",
            Self::SecurityReviewer => "security_reviewer",
            Self::VendorRiskAnalyst => "vendor_risk_analyst",
            Self::LegalReviewer => "legal_reviewer",
            Self::Executive => "executive",
            Self::Operator => "operator",
            Self::SecurityResponder => "security_responder",
            Self::Auditor => "auditor",
            Self::Sysadmin => "sysadmin",
            Self::BreakGlass => "break_glass",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One review that a ticket needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    Business,
    DataOwner,
    Privacy,
    Security,
    VendorRisk,
    Legal,
    Executive,
}

impl Gate {
    pub const ALL: [Self; 7] =
        [Self::Business, Self::DataOwner, Self::Privacy, Self::Security, Self::VendorRisk, Self::Legal, Self::Executive];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::DataOwner => "data_owner",
            Self::Privacy => "privacy",
            Self::Security => "security",
            Self::VendorRisk => "vendor_risk",
            Self::Legal => "legal",
            Self::Executive => "executive",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gate| gate.name() == name)
    }

    /// The one role whose holder may vote at this gate. A business or executive vote never opens another gate.
    pub const fn role(self) -> Role {
        match self {
            Self::Business => Role::BusinessApprover,
            Self::DataOwner => Role::DataOwner,
            Self::Privacy => Role::PrivacyReviewer,
            Self::Security => Role::SecurityReviewer,
            Self::VendorRisk => Role::VendorRiskAnalyst,
            Self::Legal => Role::LegalReviewer,
            Self::Executive => Role::Executive,
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An enrolled person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    pub id: PersonId,
    pub name: Slug,
    pub roles: BTreeSet<Role>,
    pub key: PublicKey,
    /// The last day on which the key counts; without one it counts until it is revoked.
    pub until: Option<Day>,
}

impl Person {
    /// Whether this is the sealed identity, or one of them.
    pub fn is_sealed(&self) -> bool {
        self.has(Role::BreakGlass)
    }

    /// Whether two people together let go on what was stopped: one of them is of security or is a sealed identity, and one has a role of every day.
    pub fn restores_with(&self, other: &Self, is_of_security: impl Fn(&Self) -> bool) -> bool {
        let speaks = |person: &Self| person.is_sealed() || is_of_security(person);
        (speaks(self) || speaks(other)) && !(self.is_sealed() && other.is_sealed())
    }

    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// A proposed person, waiting for a second member of the staff.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    pub person: Person,
    pub by: Proposer,
}

/// Who proposed an enrolment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proposer {
    Owner,
    Person(PersonId),
}

/// A use of a sealed identity. It stays open until two people have looked into it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokenGlass {
    /// Of the record that it began.
    pub leaf: u64,
    pub by: PersonId,
    pub at: Time,
    pub reviewed: Vec<PersonId>,
}

impl BrokenGlass {
    /// So many look into it.
    pub const REVIEWERS: usize = 2;

    pub fn is_open(&self) -> bool {
        self.reviewed.len() < Self::REVIEWERS
    }

    /// Whether what its holder does now is part of it: nobody has looked into it yet, and it is not long ago.
    pub fn goes_on(&self, now: Time) -> bool {
        self.reviewed.is_empty() && now < self.at + limits::BREAK_GLASS_USE
    }
}

/// Everybody who is enrolled or proposed.
#[derive(Clone, Default, Debug)]
pub struct Roster {
    pub(super) edition: Edition,
    enrolled: BTreeMap<PersonId, Person>,
    proposed: BTreeMap<PersonId, Proposal>,
    /// Oldest first.
    broken: Vec<BrokenGlass>,
}

impl Roster {
    /// Replays the staff's records, oldest first. A record that does not fit its own digest enrols nobody.
    pub fn replay(records: &[Record]) -> Self {
        let mut roster = Self::default();
        for record in records {
            match (&record.event, &record.detail) {
                (Event::PersonProposed { person, key, roles, until }, Some(Detail::Person { name, key: text })) => {
                    let Ok(public) = text.parse::<PublicKey>() else { continue };
                    if public.fingerprint() == *key {
                        let roles = roles.iter().copied().collect();
                        let by = record.by.person().map_or(Proposer::Owner, Proposer::Person);
                        let person = Person { id: *person, name: name.clone(), roles, key: public, until: *until };
                        roster.propose(Proposal { person, by });
                    }
                }
                (Event::PersonEnrolled { person, .. }, _) => roster.enrol(*person),
                (Event::BreakGlassUsed, _) => {
                    let by = record.by.person();
                    roster.broken.extend(by.map(|by| BrokenGlass {
                        leaf: record.index,
                        by,
                        at: record.at,
                        reviewed: Vec::new(),
                    }));
                }
                (Event::BreakGlassReviewed { used }, _) => roster.review(*used, record),
                _ => {}
            }
        }
        roster
    }

    fn propose(&mut self, proposal: Proposal) {
        self.proposed.insert(proposal.person.id, proposal);
    }

    /// Whoever is enrolled has their name and their key for ever: under another name or with another key they are nobody new.
    fn enrol(&mut self, id: PersonId) {
        let taken = |person: &Person| {
            let key = person.key.fingerprint();
            self.enrolled.contains_key(&id) || self.by_name(&person.name).is_some() || self.by_key(key).is_some()
        };
        if let Some(proposal) = self.proposed.get(&id).filter(|proposal| !taken(&proposal.person)) {
            let person = proposal.person.clone();
            self.proposed.remove(&id);
            self.enrolled.insert(id, person);
        }
    }

    /// A review by whom it is about, by another sealed identity or by the same person again is none.
    fn review(&mut self, used: u64, record: &Record) {
        let by = record.by.person().filter(|by| self.person(*by).is_some_and(|person| !person.is_sealed()));
        let broken = self.broken.iter_mut().find(|broken| broken.leaf == used);
        if let (Some(by), Some(broken)) = (by, broken)
            && !broken.reviewed.contains(&by)
        {
            broken.reviewed.push(by);
        }
    }

    /// Every use of a sealed identity, oldest first.
    pub fn broken_glass(&self) -> &[BrokenGlass] {
        &self.broken
    }

    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.enrolled.get(&id)
    }

    pub fn by_key(&self, fingerprint: Digest) -> Option<&Person> {
        self.enrolled.values().find(|person| person.key.fingerprint() == fingerprint)
    }

    pub fn by_name(&self, name: &Slug) -> Option<&Person> {
        self.enrolled.values().find(|person| person.name == *name)
    }

    /// Those that can still be completed: no longer one whose name or key somebody has by now.
    pub fn proposals(&self) -> impl Iterator<Item = &Proposal> {
        let taken = |person: &Person| self.by_name(&person.name).is_some() || self.by_key(person.key.fingerprint()).is_some();
        self.proposed.values().filter(move |proposal| !taken(&proposal.person))
    }

    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.enrolled.values()
    }

    pub fn len(&self) -> usize {
        self.enrolled.len()
    }

    pub fn is_empty(&self) -> bool {
        self.enrolled.is_empty()
    }
}
