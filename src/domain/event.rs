//! What can happen: every event, what its leaf says, what its detail record says.
//!
//! A leaf holds ids, digests, enums, numbers and times. Names, addresses and free text stand in the detail record, which
//! the leaf commits to and which can be erased alone (docs/audit-log.md).

mod parts;

pub use parts::{
    ClosedBy, Closing, CutSession, CutTransfer, Decision, Item, Protocol, PurgeReason, ReleasedFile, SessionEnd, TransferEnd,
};

use super::{
    digest::Digest,
    finding::Finding,
    ids::{
        DeliveryId, DeliveryNumber, FileId, ObjectId, PersonId, SessionId, Slug, TicketId, TicketNumber, TransferId, VendorId,
    },
    people::{Gate, Role},
    time::{Day, Time},
    vendor::{Ending, RedFlag},
    vote::{Comment, Term},
};
use serde::{Deserialize, Serialize};

/// Who did it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Actor {
    /// An enrolled person, by the key whose signature admitted the request.
    Person { id: PersonId, key: Digest },
    /// The daemon, by a rule that an earlier event or the configuration set.
    System,
    /// The daemon's own user or root, on the machine: only for the first two people.
    Owner,
    /// A vendor, in one of its sessions.
    Vendor { id: VendorId, session: SessionId },
}

impl Actor {
    pub fn person(self) -> Option<PersonId> {
        match self {
            Self::Person { id, .. } => Some(id),
            Self::System | Self::Owner | Self::Vendor { .. } => None,
        }
    }
}

/// What it happened to. Leaves about one subject are chained by their `prev`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// What holds for everybody at once: freeze, revoked networks and classes.
    House,
    /// Who is enrolled.
    Staff,
    /// Starts, stops, rejected logins: nothing that a decision rests on.
    Daemon,
    Vendor(VendorId),
    Ticket(TicketId),
    Delivery(DeliveryId),
    File(FileId),
    Session(SessionId),
    Transfer(TransferId),
}

/// What happened: the part that stands in the leaf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    // The daemon
    Started {
        configuration: Digest,
        policy: Digest,
        /// Who is told of what happens: SHA-256 of each destination's name.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        told: Vec<Digest>,
    },
    /// From this leaf on decisions go by this policy.
    Reloaded {
        configuration: Digest,
        policy: Digest,
        /// As of [`Event::Started`].
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        told: Vec<Digest>,
    },
    Stopped,
    /// One record per address and minute.
    LoginsRejected {
        count: u32,
    },
    /// Somebody asks whether those who are told of events hear of this one.
    LogTested,

    // The house
    Frozen,
    UnfreezeAsked,
    Unfrozen,
    AddressRevoked,
    ClassRevoked {
        class: Slug,
    },

    // The staff
    PersonProposed {
        person: PersonId,
        key: Digest,
        roles: Vec<Role>,
        /// The last day on which the key counts.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<Day>,
    },
    PersonEnrolled {
        person: PersonId,
        key: Digest,
    },
    /// A sealed identity asked for something, whatever came of it. Open until two people have looked into it.
    BreakGlassUsed,
    /// `used` is the leaf of that.
    BreakGlassReviewed {
        used: u64,
    },

    // Vendors
    /// `logins` are SSH keys and TLS keys.
    VendorFiled {
        revision: Digest,
        assessment: Digest,
        logins: Vec<Digest>,
        recipients: Vec<Digest>,
    },
    VendorConfirmed {
        revision: Digest,
    },
    /// `token` is the SHA-256 of its text, which stands nowhere.
    TokenIssued {
        token: Digest,
        until: Day,
    },
    TokenConfirmed {
        token: Digest,
    },
    /// What the vendor's standing rests on ends after `until`, in at most so many days.
    ExpiryNear {
        ending: Ending,
        until: Day,
        days: u32,
    },
    /// It should have attested by then that it deleted what it got under a ticket. Once for each; new tickets wait for it.
    AttestationOverdue {
        ticket: TicketId,
        number: TicketNumber,
        by: Time,
    },
    /// What was overdue is attested or waived.
    AttestationSettled {
        ticket: TicketId,
    },
    VendorRevoked,
    KeyRevoked {
        key: Digest,
    },

    // Tickets
    TicketSubmitted {
        number: TicketNumber,
        revision: Digest,
        vendor: VendorId,
        policy: Digest,
    },
    /// A further revision. Until the ticket was activated the newest one counts, afterwards the one that was activated last.
    TicketRevised {
        revision: Digest,
        /// The one that it changes: what votes were about until then.
        base: Digest,
        policy: Digest,
    },
    TicketVoted {
        gate: Gate,
        decision: Decision,
        /// A reason's code, as the policy has it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        because: Option<Slug>,
        question: Digest,
        revision: Digest,
        policy: Digest,
    },
    TicketActivated {
        revision: Digest,
        policy: Digest,
    },
    TicketWithdrawn,
    /// Nothing of it leaves until two people let it go on. `code`: of the refusal for which the gateway did it; none where a person did.
    TicketSuspended {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        code: Option<u16>,
    },
    TicketResumeAsked,
    TicketResumed,
    TicketRevoked,
    /// Nothing new begins under it.
    TicketClosing {
        why: Closing,
    },
    /// Its vendor has deleted what it got. `statement` is the digest of the text that it signed, by its login `key`.
    DeletionAttested {
        revision: Digest,
        statement: Digest,
        key: Digest,
    },
    /// Nobody waits for the vendor's attestation any more.
    DeletionWaived,
    /// Its bytes are destroyed here, and there the deletion is attested or waived. What was never activated closes with its end date.
    TicketClosed,
    /// The schedule expected a delivery by this day, and its grace is over. Once for each.
    DeliveryLate {
        due: Day,
    },
    /// A person who asked for their own data is to have them by the end of `until`, in at most so many days.
    PortabilityNear {
        until: Day,
        days: u32,
    },
    PortabilityOverdue {
        until: Day,
    },
    /// An executive answers for red flags of the vendor, for this revision under this assessment. `document` is what they signed.
    RiskAccepted {
        document: Digest,
        revision: Digest,
        assessment: Digest,
        flags: Vec<RedFlag>,
        until: Day,
    },
    /// A gate has not answered within the policy's time. Once for each question; it decides nothing.
    GateOverdue {
        gate: Gate,
        question: Digest,
        asked: Time,
    },
    /// An approval is older than the policy lets it count. `vote` is its leaf.
    ApprovalLapsed {
        gate: Gate,
        question: Digest,
        vote: u64,
    },

    // Deliveries
    DeliveryOpened {
        ticket: TicketId,
        number: DeliveryNumber,
    },
    FileJoined {
        file: FileId,
    },
    DeliveryClosed {
        by: ClosedBy,
    },
    /// `list` is the digest of the files named in the detail record.
    DeliveryReleased {
        revision: Digest,
        files: u32,
        list: Digest,
        until: Time,
    },
    DeliveryRevoked,

    // Files
    FileStaged {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ticket: Option<TicketId>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        delivery: Option<DeliveryId>,
        object: ObjectId,
        sha256: Digest,
        bytes: u64,
    },
    FileHeld {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        revision: Option<Digest>,
        findings: u32,
    },
    FileRecheckAsked,
    /// `sha256` is of what was staged; `content` of the plaintext, where that came encrypted. `bytes` and `rows` are of the plaintext.
    FileCleared {
        revision: Digest,
        /// Of the bounds that it was held against. A file that names none was cleared before votes had terms.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        bounds: Option<Digest>,
        sha256: Digest,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        content: Option<Digest>,
        bytes: u64,
        rows: u64,
    },
    FileSealed {
        revision: Digest,
        vendor: VendorId,
        header: ObjectId,
        payload: ObjectId,
        header_bytes: u64,
        payload_bytes: u64,
        sha256: Digest,
        recipients: Vec<Digest>,
    },
    StagedCopyGone,
    FileRevoked,
    PurgeBegun {
        why: PurgeReason,
    },
    Purged,

    // Vendors' sessions and transfers
    SessionOpened {
        vendor: VendorId,
        key: Digest,
        protocol: Protocol,
    },
    SessionDenied {
        code: u16,
    },
    /// `denied` counts what was asked for in it and refused.
    SessionClosed {
        how: SessionEnd,
        denied: u32,
    },
    TransferBegun {
        vendor: VendorId,
        ticket: TicketId,
        delivery: DeliveryId,
        item: Item,
        session: SessionId,
        key: Digest,
    },
    /// Another session reads in a transfer that has begun. One record for each, before its first byte.
    TransferJoined {
        session: SessionId,
        key: Digest,
    },
    /// Without `bytes` and `ranges` nobody knows what was served: at most the whole item. Whoever counted died.
    TransferEnded {
        how: TransferEnd,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        bytes: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ranges: Option<Vec<(u64, u64)>>,
    },

    /// Follows each event that ends a standing: what was cut. On the same subject.
    Cut {
        sessions: u32,
    },
}

/// The part of an event that can be erased alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Detail {
    Person {
        name: Slug,
        key: String,
    },
    /// The vendor file as it was filed.
    Vendor {
        document: String,
    },
    /// The ticket file as it was submitted.
    Ticket {
        document: String,
    },
    /// The rest of a vote, and the armoured signature over its text (`domain::vote`), which leaf and detail spell out.
    Vote {
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        comments: Vec<Comment>,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        terms: Vec<Term>,
        signature: String,
    },
    /// The text that was signed, and the armoured signature over it.
    Signed {
        text: String,
        signature: String,
        #[serde(default)]
        reason: String,
    },
    Reason {
        text: String,
    },
    /// The risk file as it was sent, the text that was signed, and the armoured signature over it.
    Acceptance {
        document: String,
        text: String,
        signature: String,
    },
    Address {
        network: String,
        reason: String,
    },
    /// Where a file came from.
    Source {
        directory: String,
        name: String,
        device: u64,
        inode: u64,
        bytes: u64,
        modified_ns: String,
        /// The producer's manifest, as it lay beside the file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        manifest: Option<String>,
    },
    Findings {
        findings: Vec<Finding>,
        more: u32,
    },
    /// The line a session came over.
    Line {
        address: String,
        algorithms: String,
        client: String,
    },
    Release {
        files: Vec<ReleasedFile>,
    },
    Cut {
        sessions: Vec<CutSession>,
        #[serde(default)]
        reason: String,
    },
}

/// Something to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    pub by: Actor,
    pub on: Subject,
    pub event: Event,
    pub detail: Option<Detail>,
}

impl Fact {
    pub fn new(by: Actor, on: Subject, event: Event) -> Self {
        Self { by, on, event, detail: None }
    }

    pub fn with(mut self, detail: Detail) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// A fact as recorded: the leaf's number and time, and its detail unless that was erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub index: u64,
    pub at: Time,
    pub by: Actor,
    pub on: Subject,
    pub event: Event,
    pub detail: Option<Detail>,
}

/// The leaf as encoded: canonical JSON of this (docs/audit-log.md).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    pub v: u8,
    pub at: Time,
    pub by: Actor,
    pub on: Subject,
    /// The index of the previous leaf on the same subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prev: Option<u64>,
    /// The commitment to the detail record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<Digest>,
    pub event: Event,
}

/// The version of the leaf format that this program writes.
pub const LEAF_VERSION: u8 = 1;

#[cfg(test)]
mod tests;
