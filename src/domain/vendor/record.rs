//! The vendor risk record: what vendor risk found out about a vendor, read strictly. All of it is what every gate's question rests on.

use crate::domain::{
    limits,
    shown::is_unseen,
    time::{Day, days},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What vendor risk found out about a vendor. Its digest is part of every gate's question. One that says nothing beyond its first
/// three keys digests as before there were more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    pub reference: String,
    /// The last day on which it counts. Afterwards nothing is released and nothing served.
    pub valid_until: Day,
    /// Contract, data processing agreement or similar.
    pub contract: String,
    /// The data processing agreement's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpa: Option<Entry>,
    /// The business associate agreement's: for health data of people in the United States.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baa: Option<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soc2: Option<Soc2>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iso27001: Option<Iso27001>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Breaches that the vendor had, or somebody reported.
    #[serde(default, rename = "breach", skip_serializing_if = "Breaches::is_empty")]
    pub breaches: Breaches,
    #[serde(default, rename = "contact", skip_serializing_if = "Contacts::is_empty")]
    pub contacts: Contacts,
}

/// One line of text that a person reads: not empty, of a bounded length, nothing in it that nobody sees.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Entry(String);

impl Entry {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Entry {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim().is_empty() || text.chars().count() > limits::NAME_CHARS {
            return Err(format!("a text of 1 to {} characters is expected here", limits::NAME_CHARS));
        }
        match text.chars().find(|c| is_unseen(*c)) {
            Some(c) => Err(format!("the text has the character {}, which nobody sees", c.escape_unicode())),
            None => Ok(Self(text)),
        }
    }
}

impl From<Entry> for String {
    fn from(entry: Entry) -> Self {
        entry.0
    }
}

/// What an auditor's report is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Soc2Type {
    /// That controls are designed, on one day.
    Design,
    /// That they worked, over a period.
    Operation,
}

impl TryFrom<u8> for Soc2Type {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            1 => Ok(Self::Design),
            2 => Ok(Self::Operation),
            other => Err(format!("{other} is no type of a SOC 2 report: it is 1 or 2")),
        }
    }
}

impl From<Soc2Type> for u8 {
    fn from(kind: Soc2Type) -> Self {
        match kind {
            Soc2Type::Design => 1,
            Soc2Type::Operation => 2,
        }
    }
}

/// The vendor's SOC 2 report: its type, the first and the last day that it speaks of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Soc2Written")]
pub struct Soc2 {
    pub r#type: Soc2Type,
    pub from: Day,
    pub until: Day,
}

impl Soc2 {
    /// The last day on which the report counts: after its period it speaks of the past.
    pub fn counts_until(&self) -> Day {
        Day::of(self.until.begins() + days(limits::SOC2_COUNTS_DAYS))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Soc2Written {
    r#type: Soc2Type,
    from: Day,
    until: Day,
}

impl TryFrom<Soc2Written> for Soc2 {
    type Error = String;

    fn try_from(written: Soc2Written) -> Result<Self, String> {
        let Soc2Written { r#type, from, until } = written;
        if until < from {
            return Err(format!("the SOC 2 report's period ends on {until}, before it begins on {from}"));
        }
        Ok(Self { r#type, from, until })
    }
}

/// The vendor's ISO 27001 certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Iso27001 {
    pub number: Entry,
    /// The last day on which it counts.
    pub expires: Day,
}

/// The encryption standards that the vendor says it uses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    pub in_transit: Standards,
    pub at_rest: Standards,
}

/// Names of standards: ASCII, so that one that looks like another is the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Entry>")]
pub struct Standards(Vec<Entry>);

impl Standards {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Entry::as_str)
    }
}

impl TryFrom<Vec<Entry>> for Standards {
    type Error = String;

    fn try_from(names: Vec<Entry>) -> Result<Self, String> {
        if names.is_empty() || names.len() > limits::STANDARDS {
            return Err(format!("1 to {} standards are expected here, such as [\"TLS 1.3\"]", limits::STANDARDS));
        }
        match names.iter().find(|name| !name.0.is_ascii()) {
            Some(name) => {
                Err(format!("{name:?} is no standard's name: letters of the Latin alphabet, digits and signs", name = name.0))
            }
            None => Ok(Self(names)),
        }
    }
}

/// One breach of the vendor's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "BreachWritten")]
pub struct Breach {
    /// The day it happened, or was found.
    pub on: Day,
    pub what: Entry,
    /// The day from which on nothing of it is open. Absent: unresolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreachWritten {
    on: Day,
    what: Entry,
    #[serde(default)]
    resolved: Option<Day>,
}

impl TryFrom<BreachWritten> for Breach {
    type Error = String;

    fn try_from(written: BreachWritten) -> Result<Self, String> {
        let BreachWritten { on, what, resolved } = written;
        match resolved {
            Some(resolved) if resolved < on => Err(format!("the breach is resolved on {resolved}, before it happened on {on}")),
            resolved => Ok(Self { on, what, resolved }),
        }
    }
}

/// The vendor's breaches, as many as a record may have.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Breach>")]
pub struct Breaches(Vec<Breach>);

impl Breaches {
    pub fn iter(&self) -> impl Iterator<Item = &Breach> {
        self.0.iter()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Breach>> for Breaches {
    type Error = String;

    fn try_from(breaches: Vec<Breach>) -> Result<Self, String> {
        if breaches.len() > limits::BREACHES_PER_VENDOR {
            return Err(format!("more than {} breaches: name the latest and the unresolved ones", limits::BREACHES_PER_VENDOR));
        }
        Ok(Self(breaches))
    }
}

/// What somebody at the vendor answers for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactRole {
    /// Breaches, keys, anything at night.
    Security,
    /// What the data of people is used for.
    Privacy,
    Business,
}

impl ContactRole {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Privacy => "privacy",
            Self::Business => "business",
        }
    }
}

/// Somebody at the vendor who can be reached.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "ContactWritten")]
pub struct Contact {
    pub role: ContactRole,
    pub name: Entry,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactWritten {
    role: ContactRole,
    name: Entry,
    #[serde(default)]
    mail: Option<Entry>,
    #[serde(default)]
    phone: Option<Entry>,
}

impl TryFrom<ContactWritten> for Contact {
    type Error = String;

    fn try_from(written: ContactWritten) -> Result<Self, String> {
        let ContactWritten { role, name, mail, phone } = written;
        if mail.is_none() && phone.is_none() {
            return Err(format!("{name} has neither mail nor phone, so nobody can reach them"));
        }
        let is_address = |mail: &Entry| {
            let parts = mail.0.split_once('@').filter(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'));
            parts.is_some() && !mail.0.contains(char::is_whitespace)
        };
        if let Some(mail) = mail.as_ref().filter(|mail| !is_address(mail)) {
            return Err(format!("{mail} is no mail address such as security@acme.example"));
        }
        if let Some(phone) = phone.as_ref().filter(|phone| phone.0.chars().filter(char::is_ascii_digit).count() < 3) {
            return Err(format!("{phone} is no telephone number such as +44 20 7946 0000"));
        }
        Ok(Self { role, name, mail, phone })
    }
}

/// Whom to reach at the vendor, as many as a record may have.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Contact>")]
pub struct Contacts(Vec<Contact>);

impl Contacts {
    pub fn iter(&self) -> impl Iterator<Item = &Contact> {
        self.0.iter()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Contact>> for Contacts {
    type Error = String;

    fn try_from(contacts: Vec<Contact>) -> Result<Self, String> {
        if contacts.len() > limits::CONTACTS_PER_VENDOR {
            return Err(format!("more than {} contacts: name those who answer", limits::CONTACTS_PER_VENDOR));
        }
        Ok(Self(contacts))
    }
}
