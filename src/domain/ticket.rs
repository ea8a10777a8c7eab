//! Tickets: the request as its requester writes it. What each answer is for, and what a good one looks like, is in [`super::form`].

use super::{
    digest::Digest,
    document::{self, DocumentError},
    event::Protocol,
    form,
    ids::Slug,
    jurisdiction::Jurisdiction,
    limits,
    people::Gate,
    policy::{Answers, Policy, Tier, Traits},
    refusal::Refusal,
    shown::shown,
    time::{Day, Time},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The types a field may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    Text,
    Integer,
    Decimal,
    Boolean,
    Date,
    Timestamp,
}

/// What is done to a field's values before they leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    AsIs,
    Drop,
    Mask,
    Hmac,
    Tokenise,
    Generalise,
    TruncateDate,
}

/// How the data is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Csv,
}

/// One field of the inventory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The column's name, exactly as in the file.
    pub name: String,
    #[serde(rename = "type")]
    pub kind: FieldType,
    pub class: Slug,
    /// Where the values come from.
    pub source: String,
    /// Where the vendor stores them.
    pub destination: String,
    /// What it is needed for.
    pub necessity: String,
    pub treatment: Treatment,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub opens: Day,
    /// The last day.
    pub closes: Day,
}

impl Window {
    pub fn is_open(&self, now: Time) -> bool {
        self.opens.begins() <= now && now < self.closes.ends()
    }

    pub fn is_over(&self, now: Time) -> bool {
        now >= self.closes.ends()
    }
}

/// What a delivery and its files may not exceed. Absent: no limit of the ticket's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_deliveries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// How often the vendor may begin to read one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_downloads: Option<u32>,
}

/// Whether it is sent once, again and again, or because a person asked for their own data.
///
/// This and the next two stand in the order of their words: a policy's digest rests on the order of its lists of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    OneOff,
    Portability,
    Recurring,
}

/// How far it goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    CrossBorder,
    External,
    Internal,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    NonProduction,
    Production,
}

/// On what ground personal data leave (GDPR Art. 6 (1), LGPD Art. 7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    NotPersonal,
    Consent,
    Contract,
    LegalObligation,
    VitalInterest,
    PublicTask,
    LegitimateInterest,
}

/// Why what harms less was not chosen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternatives {
    pub not_sending: String,
    pub anonymised: String,
    pub in_house: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Legal {
    pub basis: Basis,
    /// ISO 3166 codes: `DE`, `US-CA`.
    pub jurisdictions: Vec<Jurisdiction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<String>,
    /// What a regime asks for, and under which number it is filed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<Slug, String>,
}

/// What becomes of the data where they go. All of it is part of what every gate is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtVendor {
    pub stored_in: String,
    pub access: Vec<String>,
    pub kept_days: u32,
    pub encryption: String,
    pub breach_detection: String,
    pub breach_contact: String,
    /// What is done when the delivery has to be stopped.
    pub backup: String,
    pub revocation: String,
    pub deletion: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    Week,
    Month,
    Quarter,
}

/// When a recurring request's deliveries are due.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub every: Period,
    pub late_after_hours: u32,
}

/// A person's request for their own data: the 30 days run from `requested_on`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portability {
    pub requested_on: Day,
    pub told: String,
}

/// A ticket file as its requester wrote it. Submitted, it is an immutable revision named by its digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketDocument {
    /// The version of this file's format.
    pub ticket: u32,
    pub title: String,
    pub vendor: Slug,
    /// The business unit that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Slug>,
    pub kind: Kind,
    pub purpose: String,
    pub justification: String,
    pub benefit: String,
    pub transfer: Transfer,
    pub environment: Environment,
    pub format: Format,
    pub protocols: Vec<Protocol>,
    pub retention_days: u32,
    pub window: Window,
    pub alternatives: Alternatives,
    pub legal: Legal,
    pub at_vendor: AtVendor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portability: Option<Portability>,
    #[serde(default)]
    pub limits: Limits,
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
}

/// How a ticket is written, for whoever made a mistake in one.
const EXAMPLE: &str = include_str!("../../config/ticket.toml");

impl TicketDocument {
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let document: Self = document::parse(text, EXAMPLE)?;
        document.check().map_err(DocumentError::whole)?;
        Ok(document)
    }

    /// What a reader of the log relies on. Whether the answers are good ones is [`super::form::lint`]'s to say, once: when it is submitted.
    fn check(&self) -> Result<(), String> {
        if self.ticket != 1 {
            return Err(format!("ticket = {} is not a version this program reads: it reads 1", self.ticket));
        }
        for (what, text) in [("title", &self.title), ("purpose", &self.purpose), ("justification", &self.justification)] {
            if text.trim().is_empty() || text.chars().count() > limits::TEXT_CHARS {
                return Err(format!("{what} must be 1 to {} characters", limits::TEXT_CHARS));
            }
        }
        if self.protocols.is_empty() {
            return Err("protocols is empty: name at least one".into());
        }
        if self.window.closes < self.window.opens {
            return Err("window.closes is before window.opens".into());
        }
        if self.fields.is_empty() || self.fields.len() > limits::INVENTORY_FIELDS {
            return Err(format!("a ticket names 1 to {} fields, each as [[field]]", limits::INVENTORY_FIELDS));
        }
        if self.fields.iter().map(|field| &field.name).collect::<BTreeSet<_>>().len() != self.fields.len() {
            return Err("a field is named twice".into());
        }
        // Treatments are verified on every row by inspection; until it can, only untouched fields may be promised.
        if let Some(field) = self.fields.iter().find(|field| field.treatment != Treatment::AsIs) {
            return Err(format!("field {}: its treatment cannot be verified yet", shown(&field.name)));
        }
        if (self.kind == Kind::Recurring) != self.schedule.is_some() {
            return Err("a recurring request, and no other, has a [schedule]".into());
        }
        if (self.kind == Kind::Portability) != self.portability.is_some() {
            return Err("a person's request for their own data, and no other, has [portability]".into());
        }
        if let (Some(min), Some(max)) = (self.limits.min_rows, self.limits.max_rows)
            && min > max
        {
            return Err("limits.min_rows is above limits.max_rows".into());
        }
        let largest = form::LARGEST.cast_unsigned();
        if [self.limits.max_bytes, self.limits.min_rows, self.limits.max_rows].into_iter().flatten().any(|n| n > largest) {
            return Err("a limit is larger than 2^53 - 1".into());
        }
        Ok(())
    }

    /// Whether today's policy would still take it: it may have changed since it was submitted.
    ///
    /// # Errors
    /// The first of what the policy has against it.
    pub fn admissible(&self, policy: &Policy) -> Result<(), Refusal> {
        policy.objections(&Answers::from(self)).into_iter().next().map_or(Ok(()), |first| Err(first.refusal()))
    }

    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self).expect("a ticket holds only integers and strings")
    }

    pub fn tier(&self, policy: &Policy) -> Tier {
        policy.tier(self.fields.iter().map(|field| &field.class))
    }

    /// What the policy looks at.
    pub fn traits(&self, policy: &Policy) -> Traits {
        Traits {
            tier: self.tier(policy),
            classes: self.fields.iter().map(|field| field.class.clone()).collect(),
            kind: Some(self.kind),
            transfer: Some(self.transfer),
            environment: Some(self.environment),
            jurisdictions: self.legal.jurisdictions.clone(),
        }
    }

    /// How many rows a file may have: the ticket's own limit, and no more than any condition that holds for it.
    pub fn most_rows(&self, policy: &Policy) -> Option<u64> {
        let traits = self.traits(policy);
        policy.conditions_on(&traits).filter_map(|condition| condition.max_rows).chain(self.limits.max_rows).min()
    }

    /// The gates that this ticket needs under `policy`.
    pub fn gates(&self, policy: &Policy) -> BTreeSet<Gate> {
        policy.gates(&self.traits(policy))
    }
}

/// A choice as the form writes it.
pub fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
