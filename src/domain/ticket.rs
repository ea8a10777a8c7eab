//! Tickets: the request as its requester writes it, and the questions it puts to each gate.

use super::{
    digest::Digest,
    document::{self, DocumentError},
    event::{Decision, Protocol},
    ids::{Slug, TicketNumber, VendorId},
    limits,
    nearest::nearest,
    people::Gate,
    policy::{Policy, RetentionDays, Tier},
    refusal::Refusal,
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

/// A ticket file as its requester wrote it. Submitted, it is an immutable revision named by its digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketDocument {
    /// The version of this file's format.
    pub ticket: u32,
    pub title: String,
    pub vendor: Slug,
    pub purpose: String,
    pub justification: String,
    pub format: Format,
    pub protocols: Vec<Protocol>,
    pub retention_days: u32,
    pub window: Window,
    #[serde(default)]
    pub limits: Limits,
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
}

/// How a ticket is written, for whoever made a mistake in one.
const EXAMPLE: &str = include_str!("../../config/ticket.toml");

/// Names that could hold anything: reviewers approve fields, not collections of them.
const COLLECTIVE: [&str; 10] =
    ["all", "everything", "data", "fields", "columns", "various", "misc", "other", "etc", "customer_data"];

impl TicketDocument {
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let document: Self = document::parse(text, EXAMPLE)?;
        document.check().map_err(DocumentError::whole)?;
        Ok(document)
    }

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
        if let (Some(min), Some(max)) = (self.limits.min_rows, self.limits.max_rows)
            && min > max
        {
            return Err("limits.min_rows is above limits.max_rows".into());
        }
        // SQLite and JSON both hold it exactly; nobody stages eight pebibytes.
        if [self.limits.max_bytes, self.limits.min_rows, self.limits.max_rows].into_iter().flatten().any(|n| n > 1 << 53) {
            return Err("a limit is larger than 2^53".into());
        }
        Ok(())
    }

    /// Checks what depends on the policy and the day.
    pub fn admissible(&self, policy: &Policy, now: Time) -> Result<(), Refusal> {
        let mut names = BTreeSet::new();
        for field in &self.fields {
            field.exact(&mut names)?;
            if policy.class(&field.class).is_none() {
                let near = nearest(field.class.as_str(), policy.classes.keys().map(Slug::as_str));
                return Err(Refusal::UnknownClass {
                    field: field.name.clone(),
                    class: field.class.to_string(),
                    nearest: near.map(|class| format!("; did you mean {class}?")).unwrap_or_default(),
                });
            }
        }
        let tier = self.tier(policy);
        let RetentionDays { least, most } = policy.rule(tier).retention_days;
        if !(least..=most).contains(&self.retention_days) {
            return Err(Refusal::RetentionOutOfBounds { days: self.retention_days, least, most, tier: tier.to_string() });
        }
        if self.window.is_over(now) {
            return Err(Refusal::WindowPassed { closes: self.window.closes.to_string() });
        }
        Ok(())
    }

    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self).expect("a ticket holds only integers and strings")
    }

    pub fn tier(&self, policy: &Policy) -> Tier {
        policy.tier(self.fields.iter().map(|field| &field.class))
    }

    /// The gates that this ticket needs under `policy`.
    pub fn gates<'p>(&self, policy: &'p Policy) -> &'p BTreeSet<Gate> {
        &policy.rule(self.tier(policy)).gates
    }

    /// The question that `gate` is asked: its inputs and the policy rules it rests on. Always fields, vendor, assessment,
    /// purpose and destination; never keys, so that a key rotation asks nobody again.
    pub fn question(&self, gate: Gate, vendor: VendorId, assessment: Digest, policy: &Policy) -> Digest {
        let tier = self.tier(policy);
        let classes: BTreeMap<&Slug, _> =
            self.fields.iter().filter_map(|field| Some((&field.class, policy.class(&field.class)?))).collect();
        let question = Question {
            v: 1,
            gate,
            vendor,
            assessment,
            purpose: &self.purpose,
            fields: &self.fields,
            format: self.format,
            asks: Asks::of(gate, self),
            tier,
            rule: policy.rule(tier),
            classes,
            combination: policy.combination,
        };
        Digest::of_canonical(&question).expect("a question holds only integers, strings and booleans")
    }
}

impl Field {
    fn exact<'a>(&'a self, names: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
        let vague = |reason: &str| Refusal::VagueField { field: self.name.chars().take(60).collect(), reason: reason.into() };
        let name = self.name.as_str();
        if name.is_empty() || name.len() > 128 || name.trim() != name || name.chars().any(char::is_control) {
            return Err(vague("a field's name is 1 to 128 characters, exactly as in the file's header"));
        }
        if name.contains(['*', '?', '%', '…']) || name.contains("..") {
            return Err(vague("wildcards could mean anything: name each field"));
        }
        if COLLECTIVE.contains(&name.to_lowercase().trim_end_matches('.')) {
            return Err(vague("a collective name could hold anything: name each field"));
        }
        if !names.insert(name) {
            return Err(vague("named twice"));
        }
        if self.source.trim().is_empty() || self.destination.trim().is_empty() {
            return Err(vague("source and destination are both needed"));
        }
        // Treatments are verified on every row by inspection; until it can, only untouched fields may be promised.
        if self.treatment != Treatment::AsIs {
            let treatment = serde_json::to_string(&self.treatment).unwrap_or_default();
            return Err(Refusal::TreatmentNotSupported { field: name.into(), treatment: treatment.trim_matches('"').into() });
        }
        Ok(())
    }
}

/// A gate's question as digested: canonical JSON of this.
#[derive(Serialize)]
struct Question<'a> {
    v: u8,
    gate: Gate,
    vendor: VendorId,
    assessment: Digest,
    purpose: &'a str,
    fields: &'a [Field],
    format: Format,
    asks: Asks<'a>,
    tier: Tier,
    rule: &'a super::policy::TierRule,
    classes: BTreeMap<&'a Slug, &'a super::policy::Class>,
    combination: super::policy::Combination,
}

/// What a gate looks at beyond what all look at.
#[derive(Serialize, Default)]
struct Asks<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocols: Option<&'a [Protocol]>,
}

impl<'a> Asks<'a> {
    fn of(gate: Gate, ticket: &'a TicketDocument) -> Self {
        let justification = Some(ticket.justification.as_str());
        let window = Some(ticket.window);
        let retention_days = Some(ticket.retention_days);
        let limits = Some(ticket.limits);
        let protocols = Some(ticket.protocols.as_slice());
        match gate {
            Gate::Business | Gate::DataOwner | Gate::Privacy | Gate::Legal | Gate::Executive => {
                Self { justification, window, retention_days, limits, protocols: None }
            }
            Gate::Security => Self { justification: None, window, retention_days, limits, protocols },
            Gate::VendorRisk => Self { window, retention_days, ..Self::default() },
        }
    }
}

/// The text that a voter signs, short enough to be read before it is signed.
pub fn vote_text(
    number: TicketNumber,
    gate: Gate,
    decision: Decision,
    question: Digest,
    revision: Digest,
    policy: Digest,
) -> String {
    let decision = match decision {
        Decision::Approve => "approve",
        Decision::Reject => "reject",
    };
    format!(
        "egressd vote 1\nticket {number}\ngate {gate}\ndecision {decision}\nquestion {question}\nrevision {revision}\npolicy {policy}\n"
    )
}
