//! What is answered about a ticket's end and its calendar.

use super::Moment;
use serde::{Deserialize, Serialize};

/// The text that a vendor signs when it has deleted what it got, in the namespace `egressd-deletion`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeletionText {
    pub text: String,
}

/// How far a ticket's end has got. Absent from a view until nothing new begins under it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EndView {
    pub closing_since: String,
    /// `its end date has passed`, `its deliveries are used up`
    pub why: String,
    /// Files whose bytes are stored here.
    pub files_left: u64,
    /// When its vendor should have attested its deletion, where the policy sets a time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attest_by: Option<String>,
    /// Absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overdue_days: Option<u64>,
    /// The newest, and who filed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attested: Option<AttestedView>,
    /// Who waived it, when and why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waived: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub closed_at: Option<String>,
}

/// An attestation, with all that its verification takes: `ssh-keygen -Y verify -n egressd-deletion`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AttestedView {
    pub leaf: u64,
    pub at: String,
    pub filed_by: String,
    /// The login key that signed it.
    pub key: String,
    pub text: String,
    /// An armoured SSHSIG.
    pub signature: String,
}

/// What the calendar says of a ticket that recurs, or that answers a person.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct CalendarView {
    /// A delivery that was due by this day is late now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub late_since: Option<String>,
    /// How many were not released in time, this one counted.
    #[serde(default)]
    pub missed: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub persons_request: Option<PersonsRequest>,
}

/// The clock of a person's request for their own data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PersonsRequest {
    pub requested_on: String,
    /// The last day.
    pub until: String,
    /// Absent once it is answered or overdue.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days_left: Option<u64>,
    /// Absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overdue_days: Option<u64>,
    /// When something was first released.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answered_at: Option<String>,
}
