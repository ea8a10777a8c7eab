//! Vendors' bearer tokens, as desk acts answer them.

use super::{Blocker, KeyState};
use crate::domain::{ids::Slug, time::Day};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VendorToken {
    /// The fingerprint that it is known and revoked by.
    pub token: String,
    /// The last day on which it counts.
    pub until: Day,
    pub state: KeyState,
    pub issued_by: Slug,
    pub issued_at: String,
    pub confirmed_by: Vec<Slug>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenIssued {
    pub vendor: Slug,
    pub token: String,
    pub until: Day,
    /// The token itself. The daemon never has it: egressctl made it, and adds it here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<String>,
    pub leaf: u64,
    pub next: Vec<Blocker>,
}
