//! The question that a ticket puts to a gate, and its digest.

use super::{
    canonical,
    digest::Digest,
    event::Protocol,
    ids::{Slug, VendorId},
    people::Gate,
    policy::{Class, Combination, Condition, Policy, Tier, TierRule},
    ticket::{
        Alternatives, AtVendor, Environment, Field, Format, Kind, Legal, Limits, Portability, Schedule, TicketDocument, Transfer,
        Window,
    },
};
use serde::Serialize;
use std::collections::BTreeMap;

impl TicketDocument {
    /// The question that `gate` is asked: its inputs and the policy rules it rests on. Always fields, vendor, assessment, purpose, and
    /// what becomes of the data where they go; never keys. A vote counts while the current revision under today's policy asks
    /// the same question.
    pub fn question(&self, gate: Gate, vendor: VendorId, assessment: Digest, policy: &Policy) -> Digest {
        Digest::of(self.question_text(gate, vendor, assessment, policy).as_bytes())
    }

    /// What that is the digest of: canonical JSON (RFC 8785) of everything that the gate is asked.
    pub fn question_text(&self, gate: Gate, vendor: VendorId, assessment: Digest, policy: &Policy) -> String {
        let traits = self.traits(policy);
        let classes = self.fields.iter().filter_map(|field| Some((&field.class, policy.class(&field.class)?))).collect();
        let question = Question {
            v: 1,
            gate,
            vendor,
            unit: self.unit.as_ref(),
            assessment,
            purpose: &self.purpose,
            kind: self.kind,
            transfer: self.transfer,
            environment: self.environment,
            fields: &self.fields,
            format: self.format,
            at_vendor: &self.at_vendor,
            legal: &self.legal,
            asks: Asks::of(gate, self),
            tier: traits.tier,
            rule: policy.rule(traits.tier),
            votes: policy.votes_needed(gate, traits.tier),
            classes,
            combination: policy.combination,
            conditions: policy.conditions_on(&traits).collect(),
        };
        let bytes = canonical::to_bytes(&question).expect("a question holds only integers, strings and booleans");
        String::from_utf8(bytes).expect("canonical JSON is UTF-8")
    }
}

/// A gate's question as digested: canonical JSON of this.
#[derive(Serialize)]
struct Question<'a> {
    v: u8,
    gate: Gate,
    vendor: VendorId,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a Slug>,
    assessment: Digest,
    purpose: &'a str,
    kind: Kind,
    transfer: Transfer,
    environment: Environment,
    fields: &'a [Field],
    format: Format,
    at_vendor: &'a AtVendor,
    legal: &'a Legal,
    asks: Asks<'a>,
    tier: Tier,
    rule: &'a TierRule,
    votes: u32,
    classes: BTreeMap<&'a Slug, &'a Class>,
    combination: Combination,
    conditions: Vec<&'a Condition>,
}

/// What a gate looks at beyond what all look at.
#[derive(Serialize, Default)]
struct Asks<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    benefit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternatives: Option<&'a Alternatives>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<Window>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    portability: Option<&'a Portability>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocols: Option<&'a [Protocol]>,
}

impl<'a> Asks<'a> {
    fn of(gate: Gate, ticket: &'a TicketDocument) -> Self {
        let time = Self {
            window: Some(ticket.window),
            schedule: ticket.schedule,
            retention_days: Some(ticket.retention_days),
            ..Self::default()
        };
        match gate {
            Gate::Business | Gate::DataOwner | Gate::Privacy | Gate::Legal | Gate::Executive => Self {
                justification: Some(&ticket.justification),
                benefit: Some(&ticket.benefit),
                alternatives: Some(&ticket.alternatives),
                portability: ticket.portability.as_ref(),
                limits: Some(ticket.limits),
                ..time
            },
            Gate::Security => Self { limits: Some(ticket.limits), protocols: Some(&ticket.protocols), ..time },
            Gate::VendorRisk => time,
        }
    }
}
