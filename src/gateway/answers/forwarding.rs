//! What is answered about those who are told of what happens.

use super::{Arrived, LinkState};
use crate::domain::ids::Slug;
use serde::{Deserialize, Serialize};

/// How far one who is told of what happens has heard it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DestinationRow {
    pub destination: Slug,
    /// Where it is, as configured.
    pub to: String,
    pub state: LinkState,
    /// Messages that it has not confirmed.
    pub lag: u64,
    /// Of the oldest of them, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub oldest_seconds: Option<u64>,
    /// Messages sent since the daemon started, those that were sent again included.
    pub sent: u64,
    /// The first leaf that it has not confirmed.
    pub next_leaf: u64,
    /// What kept the last failed attempt from succeeding. Absent once one has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_error: Option<String>,
}

/// Whether a test's record has arrived.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogTest {
    /// The leaf of the test's own record.
    pub leaf: u64,
    pub destinations: Vec<Arrival>,
}

/// Whether one destination has a test's record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Arrival {
    pub arrived: Arrived,
    #[serde(flatten)]
    pub destination: DestinationRow,
}
