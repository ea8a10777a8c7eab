//! What can be asked on the control socket: one variant for each act of the desk, every member already of its type.

use crate::{
    domain::{
        diagram::Drawing,
        digest::Digest,
        ids::{DeliveryNumber, FileId, SessionId, Slug, TicketNumber},
        people::Role,
        signature::PublicKey,
        time::Day,
        vote::Ballot,
    },
    gateway::{
        answers::TicketState,
        asked::{Awaiting, Scope, Subject},
    },
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A request: `{"do":"ticket_show","ticket":"EGR-2026-0042"}`. Unknown acts and members are refused.
///
/// Each variant is a method of `gateway::Desk` with the same name and arguments (`translate.rs`).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    Whoami {},
    Status {},

    StaffEnroll {
        name: Slug,
        roles: BTreeSet<Role>,
        key: PublicKey,
        /// The last day on which the key counts.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<Day>,
    },
    StaffList {},

    BreakGlassList {},
    /// `used` is the leaf of the use. Once by each of two people.
    BreakGlassReview {
        used: u64,
        reason: String,
    },

    VendorAdd {
        document: String,
    },
    VendorConfirm {
        vendor: Slug,
        revision: Digest,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        signature: Option<String>,
    },
    /// `token` is the SHA-256 of its text. The text is not told.
    VendorToken {
        vendor: Slug,
        token: Digest,
        until: Day,
    },
    VendorConfirmToken {
        vendor: Slug,
        token: Digest,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        signature: Option<String>,
    },
    VendorList {},
    VendorShow {
        vendor: Slug,
    },
    KeyList {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        vendor: Option<Slug>,
    },
    /// What producers may encrypt staged files to.
    KeyShowRecipient {},

    TicketSubmit {
        document: String,
    },
    /// Without members: all of them. No states: whatever state.
    TicketList {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        awaiting: Option<Awaiting>,
        #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
        states: BTreeSet<TicketState>,
    },
    TicketShow {
        ticket: TicketNumber,
    },
    /// The way that the current revision's data takes, drawn.
    TicketDiagram {
        ticket: TicketNumber,
        drawing: Drawing,
    },
    /// `base` is the revision that it changes: the ticket's `under_review`.
    TicketRevise {
        ticket: TicketNumber,
        base: Digest,
        document: String,
    },
    /// What the gates ask whoever asks this, and what they may answer.
    TicketReview {
        ticket: TicketNumber,
    },
    /// Every vote with its text and signature.
    TicketVotes {
        ticket: TicketNumber,
    },
    /// `question` is the gate's, `revision` the ticket's `under_review`, `policy` its `policy`. `signature` is an armoured SSHSIG in
    /// `egressd-vote` over the ballot's text (docs/control-protocol.md).
    TicketVote {
        ticket: TicketNumber,
        question: Digest,
        revision: Digest,
        policy: Digest,
        ballot: Ballot,
        signature: String,
    },
    TicketActivate {
        ticket: TicketNumber,
    },
    TicketWithdraw {
        ticket: TicketNumber,
        reason: String,
    },
    TicketSuspend {
        ticket: TicketNumber,
        reason: String,
    },
    /// Once by each of two people.
    TicketResume {
        ticket: TicketNumber,
        reason: String,
    },

    /// What the vendor signs when it has deleted what it got, dated `on` or today.
    TicketStatement {
        ticket: TicketNumber,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        on: Option<Day>,
    },
    /// `signature` is an armoured SSHSIG by a login key of the vendor over that text, in `egressd-deletion`.
    TicketAttest {
        ticket: TicketNumber,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        on: Option<Day>,
        signature: String,
    },
    TicketWaiveDeletion {
        ticket: TicketNumber,
        reason: String,
    },

    /// `document` is a risk file, `signature` an armoured SSHSIG over its acceptance text in `egressd-vote`.
    RiskAccept {
        ticket: TicketNumber,
        document: String,
        signature: String,
    },

    /// Records nothing.
    PolicySimulate {
        document: String,
    },

    DeliveryList {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ticket: Option<TicketNumber>,
    },
    DeliveryShow {
        ticket: TicketNumber,
        delivery: DeliveryNumber,
    },
    /// Without a number: the ticket's open delivery.
    DeliveryClose {
        ticket: TicketNumber,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        delivery: Option<DeliveryNumber>,
    },

    FileList {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ticket: Option<TicketNumber>,
    },
    FileShow {
        file: FileId,
    },
    FileRecheck {
        file: FileId,
    },
    FileDiscard {
        file: FileId,
        reason: String,
    },

    Explain {
        subject: Subject,
    },
    TransferList {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        vendor: Option<Slug>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ticket: Option<TicketNumber>,
    },
    SessionList {},
    SessionKill {
        session: SessionId,
        reason: String,
    },

    Revoke {
        scope: Scope,
        reason: String,
    },
    Freeze {
        reason: String,
    },
    Unfreeze {
        reason: String,
    },
    Purge {},

    /// `checkpoint` is a signed note that was kept outside: the log must be an extension of it.
    AuditVerify {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        checkpoint: Option<String>,
    },
    /// The newest `count` leaves, or the first `count` after leaf `after`.
    AuditTail {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<u64>,
        count: u32,
    },
    AuditCheckpoint {},

    /// Records a test, and says which destinations have heard of it. Without a name: all of them.
    LogTest {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        destination: Option<Slug>,
    },
}
