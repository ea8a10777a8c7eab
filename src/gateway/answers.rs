//! What desk acts answer: one struct for each, rich enough for a table and stable enough for a script.
//!
//! Times are RFC 3339 in UTC. Optional members are absent, not null. New members may be added, none is renamed.

mod end;
mod files;
mod form;
mod forwarding;
mod simulation;
mod tickets;
mod tokens;
mod vendors;
mod words;

pub use end::*;
pub use files::*;
pub use form::*;
pub use forwarding::*;
pub use simulation::*;
pub use tickets::*;
pub use tokens::*;
pub use vendors::*;
pub use words::*;

use crate::domain::{
    digest::Digest,
    ids::{PersonId, Slug},
    people::Role,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of a table: at most `limits::LISTED_ROWS`, and fewer where the answer would not fit its frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listing<T> {
    pub rows: Vec<T>,
    /// How many more there are.
    pub left_off: u64,
}

impl<T> Listing<T> {
    /// The first rows, as many as one answer may hold.
    pub fn of(mut rows: Vec<T>) -> Self {
        let most = crate::domain::limits::LISTED_ROWS as usize;
        let left_off = rows.len().saturating_sub(most) as u64;
        rows.truncate(most);
        Self { rows, left_off }
    }

    pub fn is_full(&self) -> bool {
        self.rows.len() >= crate::domain::limits::LISTED_ROWS as usize
    }

    /// One more row. Where one answer holds no more it is counted, and not made.
    pub fn add<E>(&mut self, row: impl FnOnce() -> Result<T, E>) -> Result<(), E> {
        if self.is_full() {
            self.left_off += 1;
        } else {
            self.rows.push(row()?);
        }
        Ok(())
    }
}

/// Something that stands in the way, who can remove it, and what that person types.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Blocker {
    pub what: String,
    pub who: String,
    pub command: String,
}

/// One line of a history. A history holds its newest `limits::HISTORY_ROWS`, the oldest of them first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moment {
    pub leaf: u64,
    pub at: String,
    pub who: String,
    pub what: String,
}

/// An act that needs no answer of its own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// What it was done to, as people write it.
    pub subject: String,
    pub state: Completion,
    /// One sentence.
    pub headline: String,
    /// The leaf that records it.
    pub leaf: u64,
    /// What remains, and whose it is.
    pub next: Vec<Blocker>,
}

// --- whoami, status

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Who {
    /// The daemon's own user or root, on the machine.
    Owner,
    Person {
        id: PersonId,
        name: Slug,
        roles: BTreeSet<Role>,
        key: String,
    },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub since: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frozen: Option<Frozen>,
    /// Digests as the log has them: what the gateway goes by.
    pub configuration: Digest,
    pub policy: Digest,
    /// The last attempt to change them while it runs; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reload: Option<ReloadAttempt>,
    pub log: LogStatus,
    pub people: u64,
    pub vendors: u64,
    pub tickets: BTreeMap<TicketState, u64>,
    pub files: BTreeMap<FileState, u64>,
    pub sessions: u64,
    pub transfers: u64,
    /// Who is told of what happens.
    #[serde(default)]
    pub destinations: Vec<DestinationRow>,
    /// What in staging, the configuration or the machine needs somebody.
    pub problems: Vec<Blocker>,
    /// What waits for whoever asks and is no ticket: keys to confirm, a freeze to lift, a sealed identity's use to look into.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waits_for_you: Vec<Blocker>,
    pub disks: Vec<Disk>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Frozen {
    pub since: String,
    pub reason: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReloadAttempt {
    pub at: String,
    pub outcome: ReloadOutcome,
    /// Why it was refused: everything then stayed as it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
    /// The leaf that records it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub leaf: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogStatus {
    pub size: u64,
    pub root: Digest,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_checkpoint: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disk {
    pub directory: String,
    pub free_bytes: u64,
    pub total_bytes: u64,
}

// --- staff, keys

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StaffRow {
    pub id: PersonId,
    pub name: Slug,
    pub state: StaffState,
    pub roles: BTreeSet<Role>,
    pub key: String,
    /// The last day on which the key counts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<String>,
    pub proposed_by: String,
}

/// A use of a sealed identity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BrokenGlassRow {
    pub leaf: u64,
    pub who: Slug,
    pub at: String,
    pub reviewed_by: Vec<Slug>,
    /// Until two people have looked into it.
    pub open: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyRow {
    /// `SHA256:…`
    pub key: String,
    /// The person or vendor it belongs to.
    pub owner: Slug,
    pub r#use: KeyUse,
    pub algorithm: String,
    pub state: KeyState,
    pub since: String,
}

/// What producers may encrypt staged files to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StagingRecipient {
    /// `age1…`
    pub recipient: String,
}

// --- explain, audit

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Explanation {
    pub subject: String,
    pub headline: String,
    pub because: Vec<String>,
    pub who: String,
    pub commands: Vec<String>,
    /// Where the documentation has more of it: `docs/refusals/E2101.md`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<String>,
    pub timeline: Vec<Moment>,
}

impl Explanation {
    /// What a code means, with its page.
    pub fn of_code(code: &str, means: &str, because: Vec<String>, who: &str, commands: Vec<String>) -> Self {
        Self {
            subject: code.to_owned(),
            headline: means.to_owned(),
            because,
            who: who.to_owned(),
            commands,
            page: Some(format!("docs/refusals/{code}.md")),
            timeline: Vec::new(),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditVerdict {
    pub verdict: Soundness,
    pub size: u64,
    pub root: Digest,
    /// What was compared: `leaves`, `checkpoints`, `index`, `details`, `outside checkpoint`.
    pub checked: Vec<String>,
    /// The first one first.
    pub problems: Vec<AuditProblem>,
    pub took_ms: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditProblem {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub leaf: Option<u64>,
    pub what: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckpointNote {
    pub size: u64,
    pub root: Digest,
    pub at: String,
    /// The C2SP signed note, to be kept where the gateway's operator cannot reach it.
    pub note: String,
    /// The C2SP verifier key that checks it.
    pub verifier_key: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TailRow {
    pub leaf: u64,
    pub at: String,
    pub who: String,
    pub subject: String,
    /// The subject by the name that people give it: a vendor's or a file's, a ticket's number, a delivery's path.
    #[serde(default)]
    pub about: String,
    /// The event's kind as the leaf writes it.
    pub event: String,
    /// In words, from the leaf and its detail record.
    pub what: String,
    pub hash: Digest,
}
