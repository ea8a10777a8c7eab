//! What is answered about tickets: rows, views, gates, votes, what was submitted.

use super::{
    AcceptanceView, AnswerView, Blocker, CalendarView, DeliveryRow, EndView, FieldView, FileState, Moment, RedFlagView,
    TicketState, Tier, VoteStanding,
};
use crate::domain::{
    change::Change,
    diagram::{Diagram, Drawing},
    digest::Digest,
    event::{Decision, Protocol},
    ids::{Slug, TicketNumber},
    people::Gate,
    refusal::Refusal,
    ticket::TicketDocument,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TicketRow {
    pub ticket: TicketNumber,
    pub title: String,
    pub state: TicketState,
    pub tier: Tier,
    pub vendor: Slug,
    pub requester: Slug,
    /// The last day, by whatever sets the earliest: the request, or a term of an approval that counts.
    pub until: String,
    /// The gates that are not green yet.
    pub open_gates: Vec<Gate>,
    /// Those that are asked, and since when.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waits: Vec<GateWait>,
    /// Those that wait for whoever asks.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub awaits_you: Vec<Gate>,
    /// What else of it waits for whoever asks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to_do: Option<Blocker>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calendar: Option<CalendarView>,
}

/// A gate that is asked and has not opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GateWait {
    pub gate: Gate,
    pub asked: String,
    pub asked_hours: u64,
    /// When it should have answered, where the policy sets a time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// Absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overdue_hours: Option<u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TicketView {
    pub ticket: TicketNumber,
    pub title: String,
    pub state: TicketState,
    pub why_not_active: Vec<Blocker>,
    pub tier: Tier,
    pub revision: Digest,
    pub revision_number: u32,
    /// The revision that votes are about: this one, or its amendment.
    pub under_review: Digest,
    /// Today's policy: a vote's text names it.
    pub policy: Digest,
    /// The leaf of the last vote of whoever looks: the text of the next one names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub your_last_vote: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amendment: Option<AmendmentView>,
    pub requester: Slug,
    pub vendor: Slug,
    pub purpose: String,
    pub justification: String,
    /// Days in UTC, both included.
    pub from: String,
    pub until: String,
    pub protocols: Vec<Protocol>,
    pub retention_days: u32,
    /// Name and value, as the ticket and the policy set them: `rows_per_file`, `downloads_per_file`, …
    pub limits: BTreeMap<String, u64>,
    /// What approvals that count are tied to, each with its gate.
    #[serde(default)]
    pub terms: Vec<String>,
    /// The rest of the form, in its order.
    #[serde(default)]
    pub answers: Vec<AnswerView>,
    /// The policy's conditions that hold for it, by name.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// What speaks against its vendor now.
    #[serde(default)]
    pub red_flags: Vec<RedFlagView>,
    /// Of the vendor's revision that counts: what an acceptance of its red flags is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assessment: Option<Digest>,
    /// The oldest first.
    #[serde(default)]
    pub acceptances: Vec<AcceptanceView>,
    /// Why whoever looks may accept no risk of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refuses_acceptance: Option<Certain>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub end: Option<EndView>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub calendar: Option<CalendarView>,
    pub gates: Vec<GateView>,
    pub fields: Vec<FieldView>,
    pub files: BTreeMap<FileState, u64>,
    pub deliveries: Vec<DeliveryRow>,
    pub timeline: Vec<Moment>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GateView {
    pub gate: Gate,
    pub needed: u32,
    /// Votes that count today.
    pub have: u32,
    pub votes: Vec<VoteView>,
    /// Votes that the policy does not show before the gate has all of them.
    #[serde(default)]
    pub hidden: u32,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wait: Option<GateWait>,
    /// What a vote answers: its text names it.
    pub question: Digest,
    /// Why whoever looks may not say this here, before they are shown a text to sign.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub refuses: Vec<RefusedBallot>,
}

/// A refusal that is certain before anything is signed: its code and its five sentences.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certain {
    /// `E2103`
    pub code: String,
    pub what: String,
    pub why: String,
    pub who: String,
    pub command: String,
}

impl From<&Refusal> for Certain {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: format!("E{:04}", refusal.code()),
            what: refusal.what(),
            why: refusal.why().into(),
            who: refusal.who().into(),
            command: refusal.command(),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusedBallot {
    pub decision: Decision,
    pub refusal: Certain,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VoteView {
    pub who: Slug,
    pub decision: Decision,
    pub at: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub because: Option<Slug>,
    pub reason: String,
    #[serde(default)]
    pub comments: Vec<CommentView>,
    /// As they are written: `max_rows=1000`.
    #[serde(default)]
    pub terms: Vec<String>,
    /// The revision that was looked at.
    #[serde(default)]
    pub revision_number: u32,
    /// Until when it counts, where the policy sets an end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
    pub standing: VoteStanding,
    /// Where it is asked again: what has changed since, in words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_again: Option<String>,
    #[serde(default)]
    pub leaf: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommentView {
    /// `purpose`, `field.email.treatment`
    pub on: String,
    pub text: String,
}

/// What a ticket's gates ask, and whether they ask the person who looks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TicketReview {
    pub ticket: TicketNumber,
    pub title: String,
    /// How far the review of this revision has got.
    pub state: TicketState,
    /// The ticket's own state, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ticket_state: Option<TicketState>,
    pub tier: Tier,
    pub vendor: Slug,
    /// As its confirmed revision calls it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub vendor_name: String,
    /// On what the gates are asked: reference and last day.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub assessment: String,
    pub requester: Slug,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub purpose: String,
    pub revision: Digest,
    pub revision_number: u32,
    pub policy: Digest,
    pub fields: Vec<ReviewedField>,
    pub conditions: Vec<String>,
    /// What speaks against the vendor now.
    #[serde(default)]
    pub red_flags: Vec<RedFlagView>,
    /// The oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub acceptances: Vec<AcceptanceView>,
    /// The number of the revision that runs, or else of the one before this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compared_with: Option<u32>,
    pub changes: Vec<ChangeView>,
    /// What inspection has found so far.
    pub held: Vec<HeldFor>,
    pub gates: Vec<GateReview>,
    /// Those that wait for whoever asks.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub awaits_you: Vec<Gate>,
    /// Of a ticket that has ended: how.
    pub waits_for: Vec<Blocker>,
    /// The policy's codes for votes that do not approve, and what each means.
    pub reasons: BTreeMap<String, String>,
}

/// A field, with what the policy says of its class.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewedField {
    #[serde(flatten)]
    pub field: FieldView,
    /// Absent: the policy does not know the class any more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tier: Option<Tier>,
    pub describes: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldFor {
    pub code: String,
    pub what: String,
    pub files: u64,
}

/// One gate's question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GateReview {
    pub gate: Gate,
    /// Beside the fields, which every gate is asked.
    pub answers: Vec<AnswerView>,
    /// Canonical JSON: the question's digest is its SHA-256.
    pub question_text: String,
    /// Why the person who looks may not vote here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_you: Option<String>,
    /// What that person may type.
    pub commands: Vec<String>,
    pub standing: GateView,
}

/// A vote with all that its verification takes, anywhere and without us: `ssh-keygen -Y verify`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedVote {
    pub leaf: u64,
    pub at: String,
    pub who: Slug,
    /// The voter's public key, in OpenSSH's one-line form.
    pub key: String,
    pub gate: Gate,
    pub decision: Decision,
    /// What was signed, in the namespace `egressd-vote`.
    pub text: String,
    /// An armoured SSHSIG.
    pub signature: String,
}

/// The text that a vote signs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VoteText {
    pub text: String,
}

/// A newer revision of a ticket than the one that runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AmendmentView {
    pub revision: Digest,
    pub revision_number: u32,
    /// How far its review has got.
    pub state: TicketState,
    /// Against what runs.
    pub changes: Vec<ChangeView>,
    pub next: Vec<Blocker>,
}

/// One answer that two revisions give differently.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChangeView {
    pub path: String,
    /// Absent: it was not there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<String>,
    /// Absent: it is gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<String>,
}

impl From<Change> for ChangeView {
    fn from(Change { path, before, after }: Change) -> Self {
        Self { path, before, after }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Voted {
    pub ticket: TicketNumber,
    pub gate: Gate,
    pub decision: Decision,
    /// The ticket's state now.
    pub state: TicketState,
    pub open_gates: Vec<Gate>,
    pub leaf: u64,
    pub next: Vec<Blocker>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Submitted {
    pub ticket: TicketNumber,
    pub revision: Digest,
    #[serde(default)]
    pub revision_number: u32,
    /// The ticket's state now.
    pub state: TicketState,
    pub tier: Tier,
    pub gates: Vec<Gate>,
    /// Those that have not approved this revision's questions.
    #[serde(default)]
    pub open_gates: Vec<Gate>,
    pub leaf: u64,
    pub next: Vec<Blocker>,
}

/// A revision's solution diagram.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TicketDiagram {
    pub revision: Digest,
    pub drawing: Drawing,
    /// The whole file: the same bytes for the same revision.
    pub text: String,
}

impl TicketDiagram {
    pub fn of(ticket: &TicketDocument, drawing: Drawing) -> Self {
        Self { revision: ticket.digest(), drawing, text: Diagram::of(ticket).draw(drawing) }
    }
}
