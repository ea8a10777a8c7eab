//! The cast: one person for each role of the staff, so that nobody is asked twice, and the two vendors.

use crate::domain::people::{Gate, Role};

/// A member of the demonstration's staff. Each has one role: who finds a role has found its person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Player {
    pub name: &'static str,
    pub role: Role,
}

const fn player(name: &'static str, role: Role) -> Player {
    Player { name, role }
}

/// In the order of their enrolment: the machine's owner enrols the first two, these two enrol the others.
pub const CAST: [Player; 12] = [
    player("sam", Role::Sysadmin),
    player("rosa", Role::SecurityResponder),
    player("alice", Role::Requester),
    player("bruno", Role::BusinessApprover),
    player("dana", Role::DataOwner),
    player("priya", Role::PrivacyReviewer),
    player("sven", Role::SecurityReviewer),
    player("vera", Role::VendorRiskAnalyst),
    player("leo", Role::LegalReviewer),
    player("emma", Role::Executive),
    player("omar", Role::Operator),
    player("ada", Role::Auditor),
];

/// The person with this role.
pub fn the(role: Role) -> Player {
    CAST.into_iter().find(|player| player.role == role).expect("the cast has a person for each role")
}

/// Who votes at this gate.
pub fn at(gate: Gate) -> Player {
    the(gate.role())
}

/// Which of the two vendors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Party {
    /// The one that the ticket names.
    Vendor,
    /// One that no ticket names, and that therefore sees nothing.
    Other,
}

impl Party {
    pub const fn id(self) -> &'static str {
        match self {
            Self::Vendor => "acme",
            Self::Other => "globex",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Vendor => "Acme Analytics Ltd",
            Self::Other => "Globex Research GmbH",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_daily_role_has_one_person_and_every_person_one_role() {
        let roles: BTreeSet<Role> = CAST.iter().map(|player| player.role).collect();
        let names: BTreeSet<&str> = CAST.iter().map(|player| player.name).collect();
        assert_eq!((roles.len(), names.len()), (Role::DAILY.len(), CAST.len()));
    }

    #[test]
    fn the_first_two_can_enrol_the_others() {
        assert!(CAST[..2].iter().any(|player| matches!(player.role, Role::Sysadmin | Role::SecurityResponder)));
    }
}
