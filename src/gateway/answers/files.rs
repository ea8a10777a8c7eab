//! Answers about what leaves: deliveries, files, transfers, sessions, receipts and purge certificates.

use super::{Blocker, DeliveryState, Durable, FileState, Listing, Moment, Served};
use crate::{
    domain::{
        digest::Digest,
        event::{ClosedBy, Protocol, PurgeReason, TransferEnd},
        finding::Finding,
        ids::{FileId, SessionId, Slug, TicketNumber, TransferId},
    },
    gateway::asked::DeliveryPath,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeliveryRow {
    pub delivery: DeliveryPath,
    pub vendor: Slug,
    pub state: DeliveryState,
    pub files: u64,
    pub bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub released_at: Option<String>,
    /// When its files are due to be purged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
    /// When they were. Absent until all are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purged_at: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeliveryView {
    pub delivery: DeliveryRow,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed_by: Option<ClosedBy>,
    pub why_not_released: Vec<Blocker>,
    /// Why its vendor gets nothing of it, or not all, although it is released.
    #[serde(default)]
    pub why_not_served: Vec<Blocker>,
    /// What ended it or what it rests on, the oldest first: revocations, the ticket's end, the purge.
    #[serde(default)]
    pub ended_by: Vec<Moment>,
    pub files: Listing<FileRow>,
    pub transfers: Listing<TransferRow>,
    pub timeline: Vec<Moment>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileRow {
    /// Absent where it never entered staging.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<FileId>,
    /// Absent where no such ticket exists: then `directory` says where it was dropped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ticket: Option<TicketNumber>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery: Option<DeliveryPath>,
    pub directory: String,
    pub name: String,
    pub state: FileState,
    pub bytes: u64,
    pub since: String,
    /// Why it is held, waits or was refused: one sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FileView {
    pub file: FileRow,
    /// Of the plaintext.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sealed: Option<SealedView>,
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub more_findings: u32,
    pub next: Vec<Blocker>,
    pub timeline: Vec<Moment>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SealedView {
    /// As its vendor names it: `/EGR-2026-0042/0001/customers.csv.age`.
    pub path: String,
    pub bytes: u64,
    /// Of the ciphertext: what `SHA256SUMS` says.
    pub sha256: Digest,
    pub revision: Digest,
    pub recipients: Vec<String>,
}

// --- transfers, sessions

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TransferRow {
    pub transfer: TransferId,
    pub vendor: Slug,
    pub path: String,
    pub session: SessionId,
    pub protocol: Protocol,
    pub address: String,
    /// What the connection negotiated: key exchange, cipher, integrity, host key.
    #[serde(default)]
    pub algorithms: String,
    pub key: String,
    /// Sessions that read in it besides the first one.
    #[serde(default)]
    pub joined: u64,
    /// Where those came from, if from elsewhere than the first; the first few.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub joined_from: Vec<String>,
    /// Connections that read it now.
    #[serde(default)]
    pub readers: u64,
    pub began: String,
    /// Absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub how: Option<TransferEnd>,
    /// Absent where `served` is unknown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    pub of_bytes: u64,
    /// Half-open byte ranges that were served. Absent where `served` is unknown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ranges: Option<Vec<(u64, u64)>>,
    /// How much of the item was served in this transfer. It says nothing of what the vendor kept.
    pub served: Served,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionRow {
    pub session: SessionId,
    pub vendor: Slug,
    pub address: String,
    pub protocol: Protocol,
    pub key: String,
    pub client: String,
    pub since: String,
    pub transfers: u64,
    pub bytes: u64,
}

// --- revocation, purge

/// What a revocation, a freeze or the end of a session did. Printed word for word: it is the proof.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// `vendor acme`, `session …`, `everything`.
    pub scope: String,
    /// What it means from now on, in one sentence.
    #[serde(default)]
    pub means: String,
    pub durable: Durable,
    /// The leaf that records the fact; absent if it could not be made durable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub leaf: Option<u64>,
    pub at: String,
    pub sessions: Listing<CutSessionView>,
    pub took_ms: u64,
    /// What the tickets concerned name as the fallback (D71).
    pub fallbacks: Vec<String>,
    /// How it can be lifted, where it can be.
    #[serde(default)]
    pub next: Vec<Blocker>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CutSessionView {
    pub session: SessionId,
    pub vendor: Slug,
    pub address: String,
    pub transfers: Vec<CutTransferView>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CutTransferView {
    pub path: String,
    /// One past the last byte that was handed to the connection: the client has no more than this.
    pub last_offset: u64,
    pub bytes: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PurgeReport {
    pub certificates: Listing<PurgeCertificate>,
    /// What should be gone and is not.
    pub failed: Vec<Blocker>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PurgeCertificate {
    pub file: FileId,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivery: Option<DeliveryPath>,
    pub why: PurgeReason,
    pub at: String,
    pub leaf_before: u64,
    pub leaf_after: u64,
}
