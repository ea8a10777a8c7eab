//! The closed sets of words that answers use: states, uses, verdicts.

use serde::{Deserialize, Serialize};

/// A closed set of words: each has one name, on the wire and on the screen.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
            pub enum $name {
                $(#[serde(rename = $text)] $variant,)*
            }

            impl $name {
                pub const ALL: &[Self] = &[$(Self::$variant,)*];

                pub const fn name(self) -> &'static str {
                    match self { $(Self::$variant => $text,)* }
                }
            }
        )*
    };
}

impl TicketState {
    /// Those that a ticket in the ledger can have. A draft is a file of its requester's, and what is submitted is in review, or held, at once.
    pub const RECORDED: &[Self] = &[
        Self::Returned,
        Self::OnHold,
        Self::InReview,
        Self::Approved,
        Self::Active,
        Self::Suspended,
        Self::Closing,
        Self::Closed,
        Self::Rejected,
        Self::Withdrawn,
        Self::Revoked,
    ];
}

impl KeyUse {
    /// What people call a key of this use.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Staff => "staff key",
            Self::Login => "login key",
            Self::Tls => "certificate",
            Self::Token => "token",
            Self::Recipient => "recipient",
        }
    }
}

words! {
    /// A ticket's life (product.md). Derived from its events, never stored.
    TicketState {
        Draft = "draft", Submitted = "submitted", Returned = "returned", OnHold = "on_hold", InReview = "in_review",
        Approved = "approved", Active = "active", Suspended = "suspended", Closing = "closing", Closed = "closed",
        Rejected = "rejected", Withdrawn = "withdrawn", Revoked = "revoked",
    }
    /// A file's life. `refused` never entered staging: its source still lies where it was dropped.
    FileState {
        Detected = "detected", Settling = "settling", Staged = "staged", Waiting = "waiting", Inspecting = "inspecting",
        Held = "held", Sealed = "sealed", Released = "released", Purging = "purging", Purged = "purged", Refused = "refused",
    }
    DeliveryState { Open = "open", Closed = "closed", Released = "released", Revoked = "revoked", Purged = "purged" }
    VendorState { Filed = "filed", Approved = "approved", Suspended = "suspended", Revoked = "revoked" }
    StaffState { Proposed = "proposed", Enrolled = "enrolled", Expired = "expired", Revoked = "revoked" }
    KeyState { Proposed = "proposed", Active = "active", Expired = "expired", Revoked = "revoked" }
    KeyUse { Staff = "staff", Login = "login", Tls = "tls", Token = "token", Recipient = "recipient" }
    /// Computed from the fields' classes; nobody sets it.
    Tier { T0 = "T0", T1 = "T1", T2 = "T2", T3 = "T3" }
    /// Whether an act is done or waits for the second person.
    Completion { Done = "done", WaitsForSecond = "waits_for_second" }
    /// Whether the fact of a revocation is on disk. `no`: cut all the same, and to be repeated.
    Durable { Yes = "yes", No = "no" }
    ReloadOutcome { Done = "done", Refused = "refused" }
    Soundness { Sound = "sound", Broken = "broken" }
    /// Whether a vote counts. `asked_again`: the question has changed since an approval. `lapsed`: it is too old. `replaced`: its voter
    /// has voted anew. `answered`: it was about an earlier revision. `not_admitted`: the policy does not let its voter hold the gate.
    /// `not_genuine`: nobody on the staff has signed it as it stands in the ledger.
    VoteStanding {
        Counts = "counts", AskedAgain = "asked_again", Lapsed = "lapsed", Replaced = "replaced", Answered = "answered",
        NotAdmitted = "not_admitted", NotGenuine = "not_genuine",
    }
    /// How it stands between the gateway and one who is told of what happens. `waiting`: an attempt failed, and there will be another.
    LinkState { Idle = "idle", Connecting = "connecting", Sending = "sending", Confirming = "confirming", Waiting = "waiting" }
    Arrived { Yes = "yes", NotYet = "not_yet" }
    /// `unknown`: it has not ended, or it was interrupted before it could be recorded. At most the whole item.
    Served { Whole = "whole", Part = "part", Nothing = "nothing", Unknown = "unknown" }
}
