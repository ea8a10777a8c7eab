//! Risk acceptance: an executive answers for a vendor's red flags, for one revision of one ticket, until a day. It adds to the gates and
//! replaces none.

use super::{
    digest::Digest,
    document::{self, DocumentError},
    ids::{PersonId, Slug, TicketNumber},
    limits,
    people::Person,
    shown::unseen_in,
    signature::NAMESPACE_VOTE,
    time::{Day, Time},
    vendor::{Entry, RedFlag},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::OnceLock};

/// A risk file as somebody wrote it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptanceDocument {
    /// The version of this file's format.
    pub acceptance: u32,
    /// What is accepted.
    pub red_flags: Named,
    /// What may happen, and to whom.
    pub risk: Prose,
    /// Why it has to be taken.
    pub need: Prose,
    /// What makes it smaller.
    pub mitigations: Mitigations,
    /// What is done when it happens.
    pub fallback: Prose,
    /// Who watches it.
    pub owner: Entry,
    /// The last day on which the acceptance counts.
    pub expires: Day,
}

/// How a risk file is written, for whoever made a mistake in one.
const EXAMPLE: &str = include_str!("../../config/risk.toml");

impl AcceptanceDocument {
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let document: Self = document::parse(text, EXAMPLE)?;
        match document.acceptance {
            1 => Ok(document),
            other => Err(DocumentError::whole(format!("acceptance = {other} is not a version this program reads: it reads 1"))),
        }
    }

    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self).expect("an acceptance holds only integers and strings")
    }
}

/// The red flags that are accepted: at least one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<RedFlag>")]
pub struct Named(BTreeSet<RedFlag>);

impl Named {
    pub fn iter(&self) -> impl Iterator<Item = RedFlag> {
        self.0.iter().copied()
    }

    pub fn contains(&self, flag: RedFlag) -> bool {
        self.0.contains(&flag)
    }
}

impl TryFrom<Vec<RedFlag>> for Named {
    type Error = String;

    fn try_from(flags: Vec<RedFlag>) -> Result<Self, String> {
        match flags.is_empty() {
            true => Err("no red flag is named: what nobody names nobody accepts".into()),
            false => Ok(Self(flags.into_iter().collect())),
        }
    }
}

/// Text of several lines: not empty, of a bounded length, nothing in it that nobody sees.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Prose(String);

impl Prose {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Prose {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.split_whitespace().count() < limits::ACCEPTANCE_WORDS || text.chars().count() > limits::TEXT_CHARS {
            return Err(format!(
                "a text of {} words or more is expected here, of at most {} characters",
                limits::ACCEPTANCE_WORDS,
                limits::TEXT_CHARS
            ));
        }
        match unseen_in(&text) {
            Some(c) => Err(format!("the text has the character {}, which nobody sees", c.escape_unicode())),
            None => Ok(Self(text)),
        }
    }
}

impl From<Prose> for String {
    fn from(prose: Prose) -> Self {
        prose.0
    }
}

/// At least one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Prose>")]
pub struct Mitigations(Vec<Prose>);

impl Mitigations {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Prose::as_str)
    }
}

impl TryFrom<Vec<Prose>> for Mitigations {
    type Error = String;

    fn try_from(mitigations: Vec<Prose>) -> Result<Self, String> {
        match mitigations.len() {
            1..=limits::MITIGATIONS => Ok(Self(mitigations)),
            _ => Err(format!("1 to {} mitigations are expected here", limits::MITIGATIONS)),
        }
    }
}

/// What an acceptance is about: it counts for exactly this.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Accepted {
    pub ticket: TicketNumber,
    pub revision: Digest,
    pub vendor: Slug,
    pub assessment: Digest,
}

/// The text that an executive signs, short enough to be read before it is signed.
pub fn acceptance_text(accepted: &Accepted, document: &AcceptanceDocument) -> String {
    let Accepted { ticket, revision, vendor, assessment } = accepted;
    let flags: Vec<&str> = document.red_flags.iter().map(RedFlag::name).collect();
    format!(
        "egressd risk acceptance 1\nticket {ticket}\nrevision {revision}\nvendor {vendor}\nassessment {assessment}\nred flags {}\n\
         until {}\ndocument {}\nI accept these risks, as the document describes them; no gate is answered by that\n",
        flags.join(", "),
        document.expires,
        document.digest()
    )
}

/// An acceptance as it was recorded.
#[derive(Clone, Debug)]
pub struct Acceptance {
    pub by: PersonId,
    pub at: Time,
    pub revision: Digest,
    pub assessment: Digest,
    pub document: AcceptanceDocument,
    pub leaf: u64,
    pub signature: String,
    pub(super) genuine: OnceLock<bool>,
}

impl Acceptance {
    /// Whether `person` signed it, for this ticket and vendor, as it stands here. As with votes, it is checked wherever it counts.
    pub fn is_genuine(&self, person: &Person, ticket: TicketNumber, vendor: &Slug) -> bool {
        let accepted = || Accepted { ticket, revision: self.revision, vendor: vendor.clone(), assessment: self.assessment };
        let signed = || acceptance_text(&accepted(), &self.document);
        person.id == self.by
            && *self.genuine.get_or_init(|| person.key.verify(NAMESPACE_VOTE, signed().as_bytes(), &self.signature).is_ok())
    }
}
