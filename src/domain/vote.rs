//! Votes: what a reviewer says at a gate, the text that is signed, and what a recorded one proves.

use super::{
    canonical,
    digest::Digest,
    event::{Decision, Protocol},
    form::QUESTIONS,
    ids::{PersonId, Slug, TicketNumber},
    limits,
    nearest::nearest,
    network::Network,
    people::{Gate, Person},
    policy::Policy,
    refusal::Refusal,
    shown::{shown, unseen_in},
    signature::NAMESPACE_VOTE,
    ticket::TicketDocument,
    time::{Day, Time},
};
use serde::{Deserialize, Serialize};
use std::{fmt, fmt::Write, str::FromStr, sync::OnceLock};

/// A remark on one answer of the request: `at_vendor.backup`, `field.email`, `field.email.treatment`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    pub on: String,
    pub text: String,
}

/// What an approval is tied to. It only narrows what the request asks for, and binds from the vote on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Rows of one file.
    MaxRows(u64),
    /// Bytes of one file, before it is sealed.
    MaxBytes(u64),
    MaxDeliveries(u32),
    /// How often the vendor may begin to read one file.
    MaxDownloads(u32),
    /// Several of one vote: any of them.
    Protocol(Protocol),
    /// Where the vendor pulls from. Several of one vote: any of them.
    Address(Network),
    /// The last day.
    Until(Day),
    /// A field that does not leave: a file that has its column is held.
    Without(String),
}

/// The terms there are, as they are written.
pub const TERMS: [&str; 8] =
    ["max_rows", "max_bytes", "max_deliveries", "max_downloads", "protocol", "address", "until", "without"];

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRows(most) => write!(f, "max_rows={most}"),
            Self::MaxBytes(most) => write!(f, "max_bytes={most}"),
            Self::MaxDeliveries(most) => write!(f, "max_deliveries={most}"),
            Self::MaxDownloads(most) => write!(f, "max_downloads={most}"),
            Self::Protocol(protocol) => write!(f, "protocol={}", protocol.name()),
            Self::Address(network) => write!(f, "address={network}"),
            Self::Until(day) => write!(f, "until={day}"),
            Self::Without(field) => write!(f, "without={field}"),
        }
    }
}

impl FromStr for Term {
    type Err = String;

    /// `max_rows=1000`, `without=birth_date`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or_else(|| format!("a term is written as {}=VALUE", TERMS[0]))?;
        let whole = || value.parse::<u64>().map_err(|_| format!("{key} takes a whole number"));
        let few = || value.parse::<u32>().map_err(|_| format!("{key} takes a whole number"));
        Ok(match key {
            "max_rows" => Self::MaxRows(whole()?),
            "max_bytes" => Self::MaxBytes(whole()?),
            "max_deliveries" => Self::MaxDeliveries(few()?),
            "max_downloads" => Self::MaxDownloads(few()?),
            "protocol" => Self::Protocol(Protocol::named(value).ok_or("protocol is sftp or https")?),
            "address" => Self::Address(value.parse().map_err(|error| format!("{error}"))?),
            "until" => Self::Until(Day::try_from(value.to_owned())?),
            "without" => Self::Without(value.to_owned()),
            _ => return Err(format!("there is no term {}: there are {}", shown(key), TERMS.join(", "))),
        })
    }
}

/// What a person says at a gate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ballot {
    pub gate: Gate,
    pub decision: Decision,
    /// One of the policy's reasons. Needed for whatever is no approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Slug>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
}

/// What a vote answers, and under what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asked {
    pub ticket: TicketNumber,
    pub question: Digest,
    pub revision: Digest,
    pub policy: Digest,
    /// The leaf of the vote that its voter gave on this ticket before. A text that was signed once is never the next one again.
    pub after: Option<u64>,
}

impl Ballot {
    /// The text that the voter signs, short enough to be read before: one statement a line, free text as a JSON string (RFC 8785).
    pub fn text(&self, asked: &Asked) -> String {
        let mut text =
            format!("egressd vote 2\nticket {}\ngate {}\ndecision {}\n", asked.ticket, self.gate, self.decision.name());
        let quoted = |text: &str| {
            let bytes = canonical::to_bytes(text).expect("a string has a canonical form");
            String::from_utf8(bytes).expect("canonical JSON is UTF-8")
        };
        if let Some(code) = &self.because {
            writeln!(text, "because {code}").expect("a string takes whatever is written");
        }
        if !self.reason.is_empty() {
            writeln!(text, "reason {}", quoted(&self.reason)).expect("a string takes whatever is written");
        }
        for Comment { on, text: comment } in &self.comments {
            writeln!(text, "comment {} {}", quoted(on), quoted(comment)).expect("a string takes whatever is written");
        }
        for term in &self.terms {
            writeln!(text, "term {}", quoted(&term.to_string())).expect("a string takes whatever is written");
        }
        let Asked { question, revision, policy, after, .. } = asked;
        if let Some(leaf) = after {
            writeln!(text, "after leaf {leaf}").expect("a string takes whatever is written");
        }
        writeln!(text, "question {question}\nrevision {revision}\npolicy {policy}").expect("a string takes whatever is written");
        text
    }

    /// Whether it says what a ballot on this request has to say, and nothing that means nothing there.
    pub fn check(&self, document: &TicketDocument, policy: &Policy) -> Result<(), Refusal> {
        self.check_reason(policy)?;
        let mut written = self.comments.iter().flat_map(|comment| [&comment.on, &comment.text]).chain([&self.reason]);
        if written.any(|text| unseen_in(text).is_some()) {
            return Err(Refusal::InvisibleText {});
        }
        if self.comments.len() > limits::VOTE_COMMENTS {
            return Err(Refusal::TooMany { what: "comments", limit: limits::VOTE_COMMENTS });
        }
        for comment in &self.comments {
            if comment.text.trim().is_empty() {
                return Err(Refusal::CommentNeeded {});
            }
            if comment.text.chars().count() > limits::TEXT_CHARS {
                return Err(Refusal::TooLong { text: "a comment".into(), limit: limits::TEXT_CHARS });
            }
            is_there(&comment.on, document)?;
        }
        if self.terms.len() > limits::VOTE_TERMS {
            return Err(Refusal::TooMany { what: "terms", limit: limits::VOTE_TERMS });
        }
        let refuse = |term: &Term, why: &str| Err(Refusal::TermRefused { term: shown(&term.to_string()), why: why.into() });
        let without = self.terms.iter().filter(|term| matches!(term, Term::Without(_))).count();
        for term in &self.terms {
            if self.decision != Decision::Approve {
                return refuse(term, "only an approval has terms");
            }
            match term {
                Term::MaxRows(0) | Term::MaxBytes(0) | Term::MaxDeliveries(0) | Term::MaxDownloads(0) => {
                    return refuse(term, "nothing could leave: reject instead");
                }
                Term::MaxRows(most) | Term::MaxBytes(most) if *most > canonical::LARGEST_INTEGER.cast_unsigned() => {
                    return refuse(term, "it is larger than 2^53 - 1");
                }
                Term::MaxRows(most) if document.limits.min_rows.is_some_and(|least| *most < least) => {
                    return refuse(term, "the request says that every file has more rows: ask for changes, or reject");
                }
                Term::Protocol(protocol) if !document.protocols.contains(protocol) => {
                    return refuse(term, "the request does not ask for that protocol");
                }
                Term::Until(day) if *day < document.window.opens => return refuse(term, "the window opens later"),
                Term::Without(name) if !document.fields.iter().any(|field| field.name == *name) => {
                    return refuse(term, "the request has no such field");
                }
                Term::Without(_) if without >= document.fields.len() => {
                    return refuse(term, "no field would be left: reject instead");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_reason(&self, policy: &Policy) -> Result<(), Refusal> {
        if self.reason.chars().count() > limits::TEXT_CHARS {
            return Err(Refusal::TooLong { text: "the reason".into(), limit: limits::TEXT_CHARS });
        }
        let known = || policy.reasons().keys().map(Slug::as_str).collect::<Vec<_>>().join(", ");
        match &self.because {
            Some(code) if !policy.reasons().contains_key(code) => {
                return Err(Refusal::ReasonCodeUnknown { code: code.to_string(), known: known() });
            }
            None if self.decision != Decision::Approve => return Err(Refusal::ReasonCodeNeeded { known: known() }),
            _ => {}
        }
        if self.decision != Decision::Approve && self.reason.trim().is_empty() {
            return Err(Refusal::ReasonNeeded { act: "ticket vote" });
        }
        if self.decision == Decision::RequestChanges && self.comments.is_empty() {
            return Err(Refusal::CommentNeeded {});
        }
        Ok(())
    }
}

/// `purpose`, `at_vendor.backup`, `field.NAME`, `field.NAME.KEY`. A field's name may itself have points in it.
fn is_there(on: &str, document: &TicketDocument) -> Result<(), Refusal> {
    let keys = || QUESTIONS.iter().filter(|question| question.table() == "field").map(|question| question.key());
    let nowhere = |near: Option<String>| {
        let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        Err(Refusal::CommentNowhere { on: shown(on), hint })
    };
    let Some(place) = on.strip_prefix("field.") else {
        return match QUESTIONS.iter().any(|question| question.table() != "field" && question.path == on) {
            true => Ok(()),
            false => nowhere(nearest(on, QUESTIONS.iter().map(|question| question.path)).map(str::to_owned)),
        };
    };
    let named = |name: &str| document.fields.iter().any(|field| field.name == name);
    if named(place) || place.rsplit_once('.').is_some_and(|(name, key)| named(name) && keys().any(|known| known == key)) {
        return Ok(());
    }
    nowhere(nearest(place, document.fields.iter().map(|field| field.name.as_str())).map(|near| format!("field.{}", shown(near))))
}

/// A recorded vote.
#[derive(Clone, Debug)]
pub struct Vote {
    pub ballot: Ballot,
    pub asked: Asked,
    pub by: PersonId,
    /// The key that it says it was signed with.
    pub key: Digest,
    pub at: Time,
    pub leaf: u64,
    pub signature: String,
    genuine: OnceLock<bool>,
}

impl Vote {
    pub fn new(ballot: Ballot, asked: Asked, (by, key): (PersonId, Digest), at: Time, leaf: u64, signature: String) -> Self {
        Self { ballot, asked, by, key, at, leaf, signature, genuine: OnceLock::new() }
    }

    /// Whether `person` signed it, as it stands here. Checked wherever a vote opens something: that it was checked when it came
    /// says nothing about what stands in the ledger now. A person's key never changes, so once is enough.
    pub fn is_genuine(&self, person: &Person) -> bool {
        person.id == self.by
            && person.key.fingerprint() == self.key
            && *self.genuine.get_or_init(|| {
                person.key.verify(NAMESPACE_VOTE, self.ballot.text(&self.asked).as_bytes(), &self.signature).is_ok()
            })
    }
}

#[cfg(test)]
mod tests;
