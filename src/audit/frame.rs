//! A leaf as a verifier sees it: its frame of known members, and in it values of which only the shape is checked (docs/audit-log.md 1).

use crate::domain::{
    canonical,
    digest::Digest,
    limits::{LEAF_BYTES, LEAF_TOKEN_BYTES},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::ops::Range;

/// The members of a leaf. What `by` and `event` mean is the domain's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafFrame {
    pub v: u64,
    /// Microseconds since 1970.
    pub at: i64,
    pub by: Value,
    pub on: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Digest>,
    pub event: Value,
}

/// Why bytes are no leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("{0} bytes are more than a leaf has")]
    TooLong(usize),
    #[error("the bytes are not their own canonical form")]
    NotCanonical,
    #[error("the members are not a leaf's: {0}")]
    Members(String),
    #[error("version {0} is unknown")]
    Version(u64),
    #[error("`{0}` is not an object with a `kind`")]
    NoKind(&'static str),
    #[error("`{0}` holds something else than names, tokens and integers")]
    NotTokens(&'static str),
    #[error("`on` names no subject")]
    Subject,
    #[error("`{0}` is an event of the log's own whose members are wrong")]
    OwnEvent(&'static str),
}

/// What a leaf is about, in as many bytes as a verifier has to remember for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Subject {
    /// Place in [`SUBJECTS`]; one past its end is the house.
    kind: u8,
    id: [u8; 16],
}

/// The kinds of subject that have an id. `house`, the gateway itself, has none.
const SUBJECTS: [&str; 7] = ["ticket", "vendor", "file", "delivery", "person", "transfer", "session"];

impl Subject {
    pub(super) const HOUSE: Self = Self { kind: SUBJECTS.len() as u8, id: [0; 16] };
}

/// The events that the format itself knows; all others are the domain's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnEvent {
    /// The detail records of these leaves are erased.
    DetailsErased(Vec<Range<u64>>),
    /// Of the leaves before this one, these are kept.
    Snapshot { kept: u64, keeps: Digest },
}

impl LeafFrame {
    /// Reads a leaf's bytes and checks all that can be checked in one leaf alone.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() > LEAF_BYTES {
            return Err(FrameError::TooLong(bytes.len()));
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|_| FrameError::NotCanonical)?;
        if canonical::to_bytes(&value).ok().as_deref() != Some(bytes) {
            return Err(FrameError::NotCanonical);
        }
        let frame = Self::deserialize(value).map_err(|e| FrameError::Members(e.to_string()))?;
        frame.check()?;
        Ok(frame)
    }

    fn check(&self) -> Result<(), FrameError> {
        if self.v != 1 {
            return Err(FrameError::Version(self.v));
        }
        for (name, value) in [("by", &self.by), ("on", &self.on), ("event", &self.event)] {
            if !value.get("kind").and_then(Value::as_str).is_some_and(is_name) {
                return Err(FrameError::NoKind(name));
            }
            if !holds_tokens_only(value) {
                return Err(FrameError::NotTokens(name));
            }
        }
        self.subject()?;
        self.own_event()?;
        Ok(())
    }

    pub(super) fn subject(&self) -> Result<Subject, FrameError> {
        let on = self.on.as_object().ok_or(FrameError::Subject)?;
        let kind = text(on, "kind").ok_or(FrameError::Subject)?;
        if kind == "house" {
            return if on.len() == 1 { Ok(Subject::HOUSE) } else { Err(FrameError::Subject) };
        }
        let id = text(on, "id").ok_or(FrameError::Subject)?;
        let uuid = uuid::Uuid::try_parse(id).map_err(|_| FrameError::Subject)?;
        let place = SUBJECTS.iter().position(|name| *name == kind).ok_or(FrameError::Subject)?;
        // One subject, one spelling.
        if on.len() == 2 && uuid.hyphenated().to_string() == id {
            Ok(Subject { kind: place as u8, id: uuid.into_bytes() })
        } else {
            Err(FrameError::Subject)
        }
    }

    pub(super) fn own_event(&self) -> Result<Option<OwnEvent>, FrameError> {
        match self.event.get("kind").and_then(Value::as_str) {
            Some("details_erased") => {
                self.erased().map(OwnEvent::DetailsErased).map(Some).ok_or(FrameError::OwnEvent("details_erased"))
            }
            Some("snapshot") => self.snapshot().map(Some).ok_or(FrameError::OwnEvent("snapshot")),
            _ => Ok(None),
        }
    }

    fn erased(&self) -> Option<Vec<Range<u64>>> {
        let runs = self.event.get("runs")?.as_array()?;
        runs.iter()
            .map(|run| match run.as_array()?.as_slice() {
                [first, count] => {
                    let (first, count) = (first.as_u64()?, count.as_u64()?);
                    Some(first..first.saturating_add(count))
                }
                _ => None,
            })
            .collect()
    }

    fn snapshot(&self) -> Option<OwnEvent> {
        let kept = self.event.get("kept")?.as_u64()?;
        let keeps = self.event.get("keeps")?.as_str()?.parse().ok()?;
        (self.subject() == Ok(Subject::HOUSE)).then_some(OwnEvent::Snapshot { kept, keeps })
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// `[a-z][a-z0-9_]{0,63}`
fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
}

/// Free text has spaces and accents, and may one day have to be erased. A leaf cannot be, so it cannot hold any.
fn holds_tokens_only(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => (1..=LEAF_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic()),
        Value::Array(items) => items.iter().all(holds_tokens_only),
        Value::Object(members) => members.iter().all(|(key, member)| is_name(key) && holds_tokens_only(member)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0199f0c2-0000-7000-8000-000000000001";

    fn leaf() -> Value {
        json!({"v": 1, "at": 5, "by": {"kind": "system"}, "on": {"kind": "ticket", "id": ID}, "event": {"kind": "ticket_filed"}})
    }

    fn with(changes: &[(&str, Value)]) -> Result<LeafFrame, FrameError> {
        let mut leaf = leaf();
        for (key, value) in changes {
            leaf[*key] = value.clone();
        }
        LeafFrame::parse(&canonical::to_bytes(&leaf).unwrap())
    }

    #[test]
    fn a_leaf_reads_back_as_the_bytes_it_was() {
        let full = [("prev", json!(7)), ("detail", json!(Digest::of(b"d"))), ("at", json!(-1))];
        for frame in [with(&[]).unwrap(), with(&full).unwrap()] {
            let bytes = canonical::to_bytes(&frame).unwrap();
            assert_eq!(LeafFrame::parse(&bytes).unwrap(), frame);
        }
    }

    #[test]
    fn a_second_spelling_of_a_leaf_is_refused() {
        let bytes = String::from_utf8(canonical::to_bytes(&leaf()).unwrap()).unwrap();
        for other in [
            format!("{bytes}\n"),
            format!(" {bytes}"),
            bytes.replace("\"v\":1", "\"v\":1.0"),
            bytes.replace("\"v\":1", "\"v\": 1"),
            bytes.replace("\"at\":5", "\"at\":5,\"at\":5"),
            bytes.replace("\"at\":5", "\"at\":5e0"),
            bytes.replace("ticket_filed", "ticket\\u005ffiled"),
            bytes.replace("\"v\":1", "\"prev\":null,\"v\":1"),
            bytes[..bytes.len() - 1].to_owned(),
            "[".repeat(10_000),
        ] {
            assert_eq!(LeafFrame::parse(other.as_bytes()), Err(FrameError::NotCanonical), "{other}");
        }
        assert_eq!(LeafFrame::parse(b"\xff"), Err(FrameError::NotCanonical));
    }

    #[test]
    fn an_over_long_leaf_is_refused_before_it_is_parsed() {
        assert_eq!(LeafFrame::parse(&vec![b'['; LEAF_BYTES + 1]), Err(FrameError::TooLong(LEAF_BYTES + 1)));
    }

    #[test]
    fn unknown_missing_and_mistyped_members_are_refused() {
        for change in [("note", json!("x")), ("prev", json!(-1)), ("detail", json!("AB")), ("at", json!("5")), ("v", json!("1"))]
        {
            assert!(matches!(with(&[change]), Err(FrameError::Members(_))));
        }
        for key in ["v", "at", "by", "on", "event"] {
            let mut short = leaf();
            short.as_object_mut().unwrap().remove(key);
            assert!(matches!(LeafFrame::parse(&canonical::to_bytes(&short).unwrap()), Err(FrameError::Members(_))), "{key}");
        }
        assert_eq!(with(&[("v", json!(2))]), Err(FrameError::Version(2)));
    }

    #[test]
    fn free_text_has_no_place_in_a_leaf() {
        for text in ["Jane Doe", "", "M\u{fc}ller", "a\tb", &"x".repeat(LEAF_TOKEN_BYTES + 1)] {
            for deep in [json!({"kind": "x", "a": text}), json!({"kind": "x", "a": [{"b": text}]})] {
                assert_eq!(with(&[("event", deep.clone())]), Err(FrameError::NotTokens("event")));
                assert_eq!(with(&[("by", deep)]), Err(FrameError::NotTokens("by")));
            }
        }
        let odd_key = json!({"kind": "x", "Jane Doe": 1});
        assert_eq!(with(&[("event", odd_key)]), Err(FrameError::NotTokens("event")));
        assert!(
            with(&[("event", json!({"kind": "x", "key": "SHA256:abc+/=", "kex": "mlkem768x25519-sha256@openssh.com"}))]).is_ok()
        );
    }

    #[test]
    fn actor_and_event_say_of_what_kind_they_are() {
        for value in
            [json!({}), json!({"kind": "Upper"}), json!({"kind": 1}), json!("x"), json!({"kind": ""}), json!({"kind": "1a"})]
        {
            assert_eq!(with(&[("by", value.clone())]), Err(FrameError::NoKind("by")));
            assert_eq!(with(&[("event", value)]), Err(FrameError::NoKind("event")));
        }
    }

    #[test]
    fn a_subject_is_a_known_kind_and_one_spelling_of_its_id() {
        for on in [
            json!({"kind": "house", "id": ID}),
            json!({"kind": "ticket"}),
            json!({"kind": "castle", "id": ID}),
            json!({"kind": "ticket", "id": ID.to_uppercase()}),
            json!({"kind": "ticket", "id": ID.replace('-', "")}),
            json!({"kind": "ticket", "id": ID, "name": "x"}),
        ] {
            assert_eq!(with(&[("on", on)]), Err(FrameError::Subject));
        }
        let ticket = with(&[]).unwrap().subject().unwrap();
        let vendor = with(&[("on", json!({"kind": "vendor", "id": ID}))]).unwrap().subject().unwrap();
        let house = with(&[("on", json!({"kind": "house"}))]).unwrap().subject().unwrap();
        assert!(ticket != vendor && vendor != house && house == Subject::HOUSE);
    }

    #[test]
    fn the_logs_own_events_are_read_or_refused() {
        let erased =
            |runs: Value| with(&[("event", json!({"kind": "details_erased", "runs": runs}))]).map(|f| f.own_event().unwrap());
        assert_eq!(erased(json!([[3, 2], [9, 1]])), Ok(Some(OwnEvent::DetailsErased(vec![3..5, 9..10]))));
        for runs in [json!(1), json!([1]), json!([[1]]), json!([[1, 2, 3]]), json!([[-1, 2]])] {
            assert_eq!(erased(runs), Err(FrameError::OwnEvent("details_erased")));
        }
        let event = json!({"kind": "snapshot", "kept": 2, "keeps": Digest::of(b"k")});
        let on_house = with(&[("on", json!({"kind": "house"})), ("event", event.clone())]).unwrap();
        assert_eq!(on_house.own_event(), Ok(Some(OwnEvent::Snapshot { kept: 2, keeps: Digest::of(b"k") })));
        assert_eq!(with(&[("event", event)]), Err(FrameError::OwnEvent("snapshot")));
    }
}
