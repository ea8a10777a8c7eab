//! The situations that a ticket can be in: each state, more than once where the way into it or what waits there makes a difference.

use crate::gateway::answers::TicketState;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Situation {
    Unconfirmed,
    Unaccepted,
    InReview,
    EveryGate,
    SentBack,
    Objected,
    Approved,
    Active,
    Amended,
    AmendmentApproved,
    Suspended,
    SuspendedBefore,
    Fallen,
    LastDay,
    UsedUp,
    Closed,
    NeverRan,
    Rejected,
    Withdrawn,
    Revoked,
    RevokedBefore,
}

impl Situation {
    pub(super) const ALL: [Self; 21] = [
        Self::Unconfirmed,
        Self::Unaccepted,
        Self::InReview,
        Self::EveryGate,
        Self::SentBack,
        Self::Objected,
        Self::Approved,
        Self::Active,
        Self::Amended,
        Self::AmendmentApproved,
        Self::Suspended,
        Self::SuspendedBefore,
        Self::Fallen,
        Self::LastDay,
        Self::UsedUp,
        Self::Closed,
        Self::NeverRan,
        Self::Rejected,
        Self::Withdrawn,
        Self::Revoked,
        Self::RevokedBefore,
    ];

    pub(super) const fn state(self) -> TicketState {
        match self {
            Self::Unconfirmed | Self::Unaccepted => TicketState::OnHold,
            Self::InReview | Self::EveryGate => TicketState::InReview,
            Self::SentBack | Self::Objected => TicketState::Returned,
            Self::Approved => TicketState::Approved,
            Self::Active | Self::Amended | Self::AmendmentApproved => TicketState::Active,
            Self::Suspended | Self::SuspendedBefore | Self::Fallen => TicketState::Suspended,
            Self::LastDay | Self::UsedUp => TicketState::Closing,
            Self::Closed | Self::NeverRan => TicketState::Closed,
            Self::Rejected => TicketState::Rejected,
            Self::Withdrawn => TicketState::Withdrawn,
            Self::Revoked | Self::RevokedBefore => TicketState::Revoked,
        }
    }

    /// What the page says of it.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Unconfirmed => "nobody has confirmed its vendor",
            Self::Unaccepted => "a red flag of its vendor waits for an acceptance",
            Self::InReview => "nobody has voted",
            Self::EveryGate => "nobody has voted, and the policy asks every gate",
            Self::SentBack => "privacy asked for changes",
            Self::Objected => "a class of its fields is revoked: only another revision helps",
            Self::Approved => "every gate has approved",
            Self::Active => "nothing else waits",
            Self::Amended => "an amendment of it is in review",
            Self::AmendmentApproved => "an amendment of it is approved and not activated",
            Self::Suspended => "security suspended it; what it rests on holds",
            Self::SuspendedBefore => "security suspended it when it was approved and not activated",
            Self::Fallen => "the key behind its vote at security was revoked, and its fall is on record",
            Self::LastDay => "its last day is over",
            Self::UsedUp => "its deliveries are used up; what it released can be fetched",
            Self::Closed => "its bytes are gone and its vendor has attested the deletion",
            Self::NeverRan => "its last day passed before it was activated",
            Self::Rejected => "security rejected it",
            Self::Withdrawn => "its requester withdrew it",
            Self::Revoked => "when it was active",
            Self::RevokedBefore => "when nobody had voted",
        }
    }

    /// Whether it was activated.
    pub(super) const fn ran(self) -> bool {
        matches!(
            self,
            Self::Active
                | Self::Amended
                | Self::AmendmentApproved
                | Self::Suspended
                | Self::Fallen
                | Self::LastDay
                | Self::UsedUp
                | Self::Closed
                | Self::Revoked
        )
    }

    /// Whether time leads there. Such are tried after the others: no ticket of another situation grows older meanwhile.
    pub(super) const fn ends_by_date(self) -> bool {
        matches!(self, Self::LastDay | Self::Closed | Self::NeverRan)
    }

    /// How many tickets with files are made before the gateway's own work rests: one for each request that may end what it is about.
    pub(super) const fn stock(self) -> usize {
        match self {
            // None of these is made later: what is released, the gateway releases.
            Self::UsedUp => 8,
            _ => 2,
        }
    }
}
