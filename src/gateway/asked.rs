//! What a desk act is asked about: the scope of a revocation, the subject of an explanation, a delivery by its path.

use crate::domain::{
    digest::Digest,
    ids::{DeliveryNumber, FileId, NotAnId, Slug, TicketNumber},
    network::Network,
    signature::{openssh_fingerprint, parse_fingerprint},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

fn refuse(text: &str, expected: &'static str) -> NotAnId {
    NotAnId { text: text.chars().take(80).collect(), expected }
}

/// A delivery as its vendor sees it: `EGR-2026-0042/0001`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DeliveryPath {
    pub ticket: TicketNumber,
    pub number: DeliveryNumber,
}

impl fmt::Display for DeliveryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ticket, self.number)
    }
}

impl FromStr for DeliveryPath {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let expected = "a delivery such as EGR-2026-0042/0001";
        let (ticket, number) = text.trim_start_matches('/').split_once('/').ok_or_else(|| refuse(text, expected))?;
        Ok(Self { ticket: ticket.parse()?, number: number.trim_end_matches('/').parse()? })
    }
}

impl TryFrom<String> for DeliveryPath {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<DeliveryPath> for String {
    fn from(path: DeliveryPath) -> Self {
        path.to_string()
    }
}

/// Whose answer the tickets of a list wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaiting {
    /// Of whoever asks for the list.
    Me,
}

impl Awaiting {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Me => "me",
        }
    }
}

/// What kind of thing a revocation names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// Everything of one vendor, by its name
    Vendor,
    /// One login key, recipient key or token, by its fingerprint SHA256:…
    Key,
    /// One ticket, by its number
    Ticket,
    /// One delivery, as EGR-2026-0042/0001
    Delivery,
    /// One file, by its id
    File,
    /// A source address or block
    Address,
    /// Everything with a field of one data class
    Class,
}

impl ScopeKind {
    pub const ALL: [Self; 7] = [Self::Vendor, Self::Key, Self::Ticket, Self::Delivery, Self::File, Self::Address, Self::Class];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Key => "key",
            Self::Ticket => "ticket",
            Self::Delivery => "delivery",
            Self::File => "file",
            Self::Address => "address",
            Self::Class => "class",
        }
    }
}

/// What a revocation ends. On the wire: `{"kind":"vendor","id":"acme"}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "ScopeText", try_from = "ScopeText")]
pub enum Scope {
    Vendor(Slug),
    Key(Digest),
    Ticket(TicketNumber),
    Delivery(DeliveryPath),
    File(FileId),
    Address(Network),
    Class(Slug),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeText {
    kind: ScopeKind,
    id: String,
}

impl Scope {
    /// The one parser of a scope: the command line and the socket both come through here.
    pub fn parse(kind: ScopeKind, id: &str) -> Result<Self, NotAnId> {
        Ok(match kind {
            ScopeKind::Vendor => Self::Vendor(id.parse()?),
            ScopeKind::Key => Self::Key(parse_fingerprint(id).ok_or_else(|| refuse(id, "a fingerprint SHA256:…"))?),
            ScopeKind::Ticket => Self::Ticket(id.parse()?),
            ScopeKind::Delivery => Self::Delivery(id.parse()?),
            ScopeKind::File => Self::File(id.parse()?),
            ScopeKind::Address => {
                Self::Address(id.parse().map_err(|_| refuse(id, "an address or network such as 203.0.113.0/24"))?)
            }
            ScopeKind::Class => Self::Class(id.parse()?),
        })
    }

    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::Vendor(_) => ScopeKind::Vendor,
            Self::Key(_) => ScopeKind::Key,
            Self::Ticket(_) => ScopeKind::Ticket,
            Self::Delivery(_) => ScopeKind::Delivery,
            Self::File(_) => ScopeKind::File,
            Self::Address(_) => ScopeKind::Address,
            Self::Class(_) => ScopeKind::Class,
        }
    }

    /// What names it beside its kind.
    pub fn id(&self) -> String {
        match self {
            Self::Vendor(name) | Self::Class(name) => name.to_string(),
            Self::Key(key) => openssh_fingerprint(*key),
            Self::Ticket(number) => number.to_string(),
            Self::Delivery(path) => path.to_string(),
            Self::File(file) => file.to_string(),
            Self::Address(network) => network.to_string(),
        }
    }
}

/// `vendor acme`, `key SHA256:…`: as it is typed.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().name(), self.id())
    }
}

impl From<Scope> for ScopeText {
    fn from(scope: Scope) -> Self {
        Self { kind: scope.kind(), id: scope.id() }
    }
}

impl TryFrom<ScopeText> for Scope {
    type Error = NotAnId;

    fn try_from(text: ScopeText) -> Result<Self, NotAnId> {
        Self::parse(text.kind, &text.id)
    }
}

/// What somebody wants explained: whatever a person may have at hand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Subject {
    /// A refusal's, a finding's or the linter's code: `E2101`, `F3101`, `L1004`.
    Code(String),
    Ticket(TicketNumber),
    Delivery(DeliveryPath),
    /// A file by ticket or delivery and name: `EGR-2026-0042/customers.csv`, `EGR-2026-0042/0001/customers.csv`.
    Path(String),
    /// Anything that the log has by its UUID: a ticket, delivery, file, vendor, session, transfer or person.
    Id(Uuid),
    Key(Digest),
    /// A vendor or a member of the staff.
    Name(Slug),
}

impl FromStr for Subject {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (letter, rest) = text.split_at_checked(1).unwrap_or_default();
        if matches!(letter, "E" | "F" | "L") && rest.len() == 4 && rest.bytes().all(|c| c.is_ascii_digit()) {
            return Ok(Self::Code(text.to_owned()));
        }
        if let Ok(number) = text.parse() {
            return Ok(Self::Ticket(number));
        }
        if let Ok(path) = text.parse() {
            return Ok(Self::Delivery(path));
        }
        if let Ok(id) = Uuid::try_parse(text) {
            return Ok(Self::Id(id));
        }
        if let Some(key) = parse_fingerprint(text) {
            return Ok(Self::Key(key));
        }
        if text.trim_start_matches('/').split_once('/').is_some_and(|(ticket, _)| ticket.parse::<TicketNumber>().is_ok()) {
            return Ok(Self::Path(text.trim_start_matches('/').to_owned()));
        }
        let expected = "a code, a ticket, delivery, file, session or transfer, a fingerprint, or the name of a vendor or person";
        text.parse().map(Self::Name).map_err(|_| refuse(text, expected))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(text) | Self::Path(text) => f.write_str(text),
            Self::Ticket(number) => number.fmt(f),
            Self::Delivery(path) => path.fmt(f),
            Self::Id(id) => id.hyphenated().fmt(f),
            Self::Key(key) => f.write_str(&openssh_fingerprint(*key)),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl TryFrom<String> for Subject {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_survives_the_wire_and_refuses_another_kinds_id() {
        let key = openssh_fingerprint(Digest::of(b"key"));
        for (kind, id) in [
            (ScopeKind::Vendor, "acme"),
            (ScopeKind::Key, &key),
            (ScopeKind::Ticket, "EGR-2026-0042"),
            (ScopeKind::Delivery, "EGR-2026-0042/0001"),
            (ScopeKind::File, "01890a5d-ac96-774b-bcce-b302099a8057"),
            (ScopeKind::Address, "192.0.2.0/24"),
            (ScopeKind::Class, "ssn"),
        ] {
            let scope = Scope::parse(kind, id).unwrap();
            let text = serde_json::to_string(&scope).unwrap();
            assert_eq!(text, format!(r#"{{"kind":"{}","id":"{id}"}}"#, kind.name()));
            assert_eq!(serde_json::from_str::<Scope>(&text).unwrap(), scope);
        }
        assert!(Scope::parse(ScopeKind::Ticket, "acme").is_err());
        assert!(Scope::parse(ScopeKind::Vendor, "../acme").is_err());
        assert!(serde_json::from_str::<Scope>(r#"{"kind":"vendor","id":"acme","also":"x"}"#).is_err());
    }

    #[test]
    fn a_subject_is_recognised_by_its_form() {
        let parse = |text: &str| text.parse::<Subject>().unwrap();
        assert!(matches!(parse("E2101"), Subject::Code(_)));
        assert!(matches!(parse("EGR-2026-0042"), Subject::Ticket(_)));
        assert!(matches!(parse("/EGR-2026-0042/0001/"), Subject::Delivery(_)));
        assert!(matches!(parse("EGR-2026-0042/0001/a b.csv"), Subject::Path(_)));
        assert!(matches!(parse("01890a5d-ac96-774b-bcce-b302099a8057"), Subject::Id(_)));
        assert!(matches!(parse("acme"), Subject::Name(_)));
        assert!("What now?".parse::<Subject>().is_err());
        assert!("".parse::<Subject>().is_err());
    }
}
