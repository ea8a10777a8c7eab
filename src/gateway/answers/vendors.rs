//! Vendors as lists and as one: keys, assessment, red flags.

use super::{Blocker, ChangeView, KeyRow, KeyUse, Moment, VendorState, VendorToken};
use crate::domain::{digest::Digest, ids::Slug, policy::Consequence, vendor::RedFlag};
use serde::{Deserialize, Serialize};

/// A red flag that is up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RedFlagView {
    pub flag: RedFlag,
    /// What today's policy makes of it.
    pub consequence: Consequence,
    pub what: String,
    /// Of a ticket: whose acceptance lets it pass.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted: Option<AcceptedBy>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AcceptedBy {
    pub who: Slug,
    /// The last day.
    pub until: String,
}

/// One thing that a vendor's assessment says: `SOC 2`, `type 2, 2025-10-01 to 2026-09-30`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordLine {
    pub what: String,
    pub says: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VendorRow {
    pub vendor: Slug,
    pub name: String,
    pub state: VendorState,
    pub revision: Digest,
    pub keys: u64,
    pub active_tickets: u64,
    /// How many red flags are up.
    #[serde(default)]
    pub red_flags: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VendorView {
    pub vendor: Slug,
    pub name: String,
    pub state: VendorState,
    pub why_not_approved: Vec<Blocker>,
    /// The newest last.
    pub revisions: Vec<VendorRevision>,
    pub keys: Vec<KeyRow>,
    /// Bearer tokens, the oldest first.
    #[serde(default)]
    pub tokens: Vec<VendorToken>,
    pub addresses: Vec<String>,
    pub assessment: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assessment_until: Option<String>,
    /// The rest of the assessment, in its order.
    #[serde(default)]
    pub record: Vec<RecordLine>,
    #[serde(default)]
    pub red_flags: Vec<RedFlagView>,
    pub timeline: Vec<Moment>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VendorRevision {
    pub revision: Digest,
    pub filed_at: String,
    pub filed_by: Slug,
    pub confirmed_by: Vec<Slug>,
    /// The keys this revision brings, as fingerprints: what a second person compares out of band.
    pub keys: Vec<String>,
    /// The same in the same order, each with its use.
    #[serde(default)]
    pub brings: Vec<FiledKey>,
    /// While it waits: against the revision that counts, or all that it says. Whoever confirms it answers for this too.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub changes: Vec<ChangeView>,
    /// What a confirmation signs in the namespace `egressd-vote`; absent once nothing is missing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm_text: Option<String>,
}

/// A key as it was filed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FiledKey {
    pub r#use: KeyUse,
    /// `SHA256:…`
    pub key: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VendorFiled {
    pub vendor: Slug,
    pub revision: Digest,
    pub keys: Vec<String>,
    /// The same in the same order, each with its use.
    #[serde(default)]
    pub brings: Vec<FiledKey>,
    pub leaf: u64,
    pub next: Vec<Blocker>,
}

/// What an executive answered for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AcceptanceView {
    pub red_flags: Vec<RedFlag>,
    pub who: Slug,
    pub at: String,
    /// The last day.
    pub until: String,
    /// Why it does not count; absent while it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lapsed: Option<String>,
    pub risk: String,
    pub need: String,
    pub mitigations: Vec<String>,
    pub fallback: String,
    pub owner: String,
}
