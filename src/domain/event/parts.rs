//! What events are made of: how things were decided, ended and destroyed, and what of a delivery.

use crate::domain::{
    digest::Digest,
    ids::{FileId, SessionId, TransferId},
};
use serde::{Deserialize, Serialize};

/// A reviewer's decision.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    /// Sends the revision back to its requester.
    RequestChanges,
    /// Ends the ticket, or the amendment of an active one.
    Reject,
}

impl Decision {
    pub const ALL: [Self; 3] = [Self::Approve, Self::RequestChanges, Self::Reject];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::RequestChanges => "request_changes",
            Self::Reject => "reject",
        }
    }
}

/// How a delivery was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedBy {
    /// The producer dropped `_READY`.
    Ready,
    Command,
    /// Nothing arrived for the configured time.
    Quiet,
}

/// Why nothing new begins under a ticket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// Its last day has passed.
    EndDate,
    /// As many deliveries as it allows are released or revoked.
    DeliveriesUsedUp,
}

/// Why bytes are destroyed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurgeReason {
    /// The retention that runs from release has passed.
    Retention,
    /// Somebody discarded the file.
    Discarded,
    /// Held or waiting longer than staging allows.
    TimedOut,
    /// Sealed under a revision that is no longer the current one.
    Superseded,
    /// Its ticket, delivery, vendor or itself was revoked, or its ticket ended before release.
    Ended,
}

/// How a vendor's connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    Closed,
    Lost,
    Idle,
    /// The peer broke the protocol.
    Protocol,
    /// A revocation, an expiry or an operator cut it.
    Severed,
    /// The daemon ended before the session did: the next start writes this. Or what served it broke.
    Interrupted,
}

/// How a transfer ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferEnd {
    /// The vendor is done: over SFTP it closed the file, over HTTPS it was served every byte.
    Closed,
    /// The connection ended with the file open; over HTTPS nobody came back for the rest.
    SessionEnded,
    /// A revocation, an expiry or an operator cut it.
    Severed,
    /// A stored byte did not authenticate.
    Damaged,
    /// The daemon ended before the transfer did: the next start writes this. Or what served it broke.
    Interrupted,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Sftp,
    Https,
}

impl Protocol {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sftp => "sftp",
            Self::Https => "https",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Sftp, Self::Https].into_iter().find(|protocol| protocol.name() == name)
    }
}

/// Which object of a released delivery a transfer reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case", deny_unknown_fields)]
pub enum Item {
    File(FileId),
    /// `MANIFEST.json`
    Manifest,
    /// `SHA256SUMS`
    Checksums,
}

/// One file of a released delivery, as its manifest names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasedFile {
    pub file: FileId,
    /// As served: `customers.csv.age`.
    pub name: String,
    /// Bytes as served.
    pub bytes: u64,
    /// Of what is served.
    pub sha256: Digest,
    pub rows: u64,
}

/// One session that a cut ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutSession {
    pub session: SessionId,
    /// The transfers that were open in it.
    pub transfers: Vec<CutTransfer>,
}

/// The furthest that an ended transfer can have got. The client may have received less, never more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutTransfer {
    pub transfer: TransferId,
    /// One past the last byte handed to the connection.
    pub last_offset: u64,
    /// Bytes handed to the connection in all.
    pub bytes: u64,
}
