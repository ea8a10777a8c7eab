//! Names of things: UUIDs inside, slugs for people and vendors, numbers for tickets and deliveries.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct NotAnId {
    pub text: String,
    pub expected: &'static str,
}

impl NotAnId {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), expected }
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId::new(text, "a UUID"))
            }
        }
    };
}

uuid_id!(
    /// A person on the staff. Random (UUIDv4): it stands in leaves and must tell nothing.
    PersonId
);
uuid_id!(
    /// A vendor (UUIDv7). People know it by its [`Slug`].
    VendorId
);
uuid_id!(
    /// A ticket (UUIDv7). People know it by its [`TicketNumber`].
    TicketId
);
uuid_id!(
    /// A delivery of a ticket (UUIDv7). People know it by its ticket's number and its own.
    DeliveryId
);
uuid_id!(
    /// A file, from the moment it was staged (UUIDv7).
    FileId
);
uuid_id!(
    /// One stored object: a staged copy, a recipient header, a payload (UUIDv7).
    ObjectId
);
uuid_id!(
    /// One vendor's connection after login (UUIDv4: nobody outside can guess it).
    SessionId
);
uuid_id!(
    /// One vendor reading one released file (UUIDv7).
    TransferId
);

/// The longest slug, in characters.
pub const SLUG_MAX: usize = 64;

/// The name of a person, vendor or account: `[a-z0-9][a-z0-9._-]{0,63}`.
///
/// Being so in the type, no name reaches a path, a script or a log with anything else in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Slug(String);

impl Slug {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_' | b'-');
        let bytes = text.as_bytes();
        let starts_well = bytes.first().is_some_and(|&c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if starts_well && bytes.len() <= SLUG_MAX && bytes.iter().all(|&c| inner(c)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnId::new(text, "a name of 1 to 64 of the characters a-z 0-9 . _ - that begins with a letter or digit"))
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A ticket as people write it: `EGR-2026-0042`. The sequence is at least four digits and widens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TicketNumber {
    pub year: u16,
    pub sequence: u32,
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EGR-{:04}-{:04}", self.year, self.sequence)
    }
}

impl FromStr for TicketNumber {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let refuse = || NotAnId::new(text, "a ticket number such as EGR-2026-0042");
        let (year, sequence) = text.strip_prefix("EGR-").and_then(|rest| rest.split_once('-')).ok_or_else(refuse)?;
        let number = Self { year: digits(year, 4).ok_or_else(refuse)? as u16, sequence: digits(sequence, 4).ok_or_else(refuse)? };
        // One ticket, one spelling: EGR-2026-00042 is nobody's number.
        if number.to_string() == text { Ok(number) } else { Err(refuse()) }
    }
}

fn digits(text: &str, least: usize) -> Option<u32> {
    (text.len() >= least && text.bytes().all(|c| c.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

impl TryFrom<String> for TicketNumber {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<TicketNumber> for String {
    fn from(number: TicketNumber) -> Self {
        number.to_string()
    }
}

/// A delivery within its ticket: `0001`, counted from one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryNumber(pub u32);

impl fmt::Display for DeliveryNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl FromStr for DeliveryNumber {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let refuse = || NotAnId::new(text, "a delivery number such as 0001");
        let number = Self(digits(text, 4).filter(|&n| n > 0).ok_or_else(refuse)?);
        if number.to_string() == text { Ok(number) } else { Err(refuse()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_lower_case_and_starts_with_a_letter_or_digit() {
        for good in ["acme", "a", "0x", "acme-analytics.eu_2"] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        for bad in ["", "Acme", ".acme", "-rf", "a/b", "a\0b", "a b", "ä", &"a".repeat(65), "..", "a\n"] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn a_ticket_number_has_one_spelling_and_widens() {
        for good in ["EGR-2026-0042", "EGR-2026-12345"] {
            assert_eq!(good.parse::<TicketNumber>().unwrap().to_string(), good);
        }
        for bad in [
            "EGR-2026-42",
            "EGR-2026-00042",
            "egr-2026-0042",
            "EGR-2026-0042/..",
            "EGR-99999-0001",
            "EGR-2026-99999999999",
            "EGR--0001",
            "EGR-2026-+042",
        ] {
            assert!(bad.parse::<TicketNumber>().is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn deliveries_count_from_one() {
        assert_eq!("0001".parse::<DeliveryNumber>().unwrap(), DeliveryNumber(1));
        assert_eq!("12345".parse::<DeliveryNumber>().unwrap().to_string(), "12345");
        for bad in ["0000", "1", "00001", "-001", "..", ""] {
            assert!(bad.parse::<DeliveryNumber>().is_err(), "{bad:?} passed");
        }
    }
}
