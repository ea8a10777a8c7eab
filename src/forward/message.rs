//! A record as an RFC 5424 message: what its leaf says, and nothing of its detail record.
//!
//! Details hold names, addresses, free text, what a hostile client calls itself, and can be erased; what was told to others cannot. So a
//! message holds ids, digests, numbers, closed sets of words and times, all of which stand in the leaf for ever.

use super::catalogue::{self, Severity};
use crate::domain::{
    digest::Digest,
    event::{Actor, Record, Subject},
    limits::{SYSLOG_LISTED, SYSLOG_VALUE_BYTES},
};
use serde_json::Value;
use std::collections::BTreeMap;
use syslog::{Facility, Formatter5424, LogFormat};

/// The enterprise number that RFC 5612 keeps for documentation. An organisation that has one of its own configures that.
pub const DOCUMENTATION_ENTERPRISE: u32 = 32_473;
/// The largest sequenceId (RFC 5424 section 7.3.1); the next is 1 again.
const SEQUENCE_IDS: u64 = 2_147_483_647;

/// Who speaks: the header of every message.
pub struct Speaker {
    formatter: Formatter5424,
    /// `egressd@32473`
    element: String,
}

impl Speaker {
    /// `hostname` and `app` become what RFC 5424 allows: printable ASCII without spaces, at most 255 and 48 of them.
    pub fn new(facility: Facility, hostname: &str, app: &str, enterprise: u32) -> Self {
        let formatter =
            Formatter5424 { facility, hostname: Some(header(hostname, 255)), process: header(app, 48), pid: std::process::id() };
        Self { formatter, element: format!("egressd@{enterprise}") }
    }

    /// One message, without any framing. `hash` is the leaf's: whoever keeps the message can hold the log to it.
    pub fn message(&self, record: &Record, hash: &Digest) -> Vec<u8> {
        let entry = catalogue::entry(&record.event);
        let sequence = BTreeMap::from([("sequenceId".to_owned(), sequence_id(record.index).to_string())]);
        let elements = BTreeMap::from([("meta".to_owned(), sequence), (self.element.clone(), parameters(record, hash))]);
        let severity = match entry.severity {
            Severity::Alert => syslog::Severity::LOG_ALERT,
            Severity::Warning => syslog::Severity::LOG_WARNING,
            Severity::Notice => syslog::Severity::LOG_NOTICE,
            Severity::Info => syslog::Severity::LOG_INFO,
        };
        let text = match subject(record.on) {
            (kind, Some(id)) => format!("{}: {kind} {id}", entry.sentence),
            (_, None) => entry.sentence.to_owned(),
        };
        let mut message = Vec::new();
        self.formatter
            .format(&mut message, severity, (entry.number, elements, text))
            .expect("a message is formatted into memory, which takes it");
        message
    }
}

/// Rises by one with each leaf, from 1, and begins again at 1 after 2147483647.
pub const fn sequence_id(leaf: u64) -> u64 {
    leaf % SEQUENCE_IDS + 1
}

fn parameters(record: &Record, hash: &Digest) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    let mut put = |name: &str, value: String| parameters.insert(name.to_owned(), plain(&value));
    if let Ok(Value::Object(event)) = serde_json::to_value(&record.event) {
        for (name, value) in event.iter().filter(|(_, value)| !value.is_null()) {
            put(if name == "kind" { "event" } else { name }, flat(value));
        }
    }
    put("leaf", record.index.to_string());
    put("hash", hash.to_string());
    put("at", record.at.to_string());
    match record.by {
        Actor::Person { id, key } => {
            put("actor", "person".into());
            put("actor-id", id.to_string());
            put("actor-key", key.to_string());
        }
        Actor::Vendor { id, session } => {
            put("actor", "vendor".into());
            put("actor-id", id.to_string());
            put("actor-session", session.to_string());
        }
        Actor::System => drop(put("actor", "system".into())),
        Actor::Owner => drop(put("actor", "owner".into())),
    }
    let (kind, id) = subject(record.on);
    put("subject", kind.into());
    if let Some(id) = id {
        put("subject-id", id);
    }
    parameters
}

fn subject(on: Subject) -> (&'static str, Option<String>) {
    match on {
        Subject::House => ("house", None),
        Subject::Staff => ("staff", None),
        Subject::Daemon => ("daemon", None),
        Subject::Vendor(id) => ("vendor", Some(id.to_string())),
        Subject::Ticket(id) => ("ticket", Some(id.to_string())),
        Subject::Delivery(id) => ("delivery", Some(id.to_string())),
        Subject::File(id) => ("file", Some(id.to_string())),
        Subject::Session(id) => ("session", Some(id.to_string())),
        Subject::Transfer(id) => ("transfer", Some(id.to_string())),
    }
}

/// A value of a leaf in one word: lists as `a,b,c`, the longest ones as `a,b,c,+17`; an item as `file:ID`, a range as `0-900`.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(pair) if pair.len() == 2 && pair.iter().all(Value::is_number) => {
            pair.iter().map(flat).collect::<Vec<_>>().join("-")
        }
        Value::Array(all) => {
            let mut listed: Vec<String> = all.iter().take(SYSLOG_LISTED).map(flat).collect();
            if all.len() > SYSLOG_LISTED {
                listed.push(format!("+{}", all.len() - SYSLOG_LISTED));
            }
            listed.join(",")
        }
        Value::Object(members) => {
            let ends = ["kind", "id"].map(|name| members.get(name).map(flat));
            ends.into_iter().flatten().collect::<Vec<_>>().join(":")
        }
        other => other.to_string(),
    }
}

/// Without control characters, which the formatter would let through, and within [`SYSLOG_VALUE_BYTES`].
fn plain(text: &str) -> String {
    let mut plain: String = text.chars().filter(|c| !c.is_control()).collect();
    plain.truncate(plain.floor_char_boundary(SYSLOG_VALUE_BYTES));
    plain
}

/// What the header's fields may hold; `-` if nothing of it is left.
fn header(text: &str, most: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
