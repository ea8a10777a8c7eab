//! Bounds: what a ticket's own limits, the policy and the terms of the votes that count allow together, as one value.

use super::{
    digest::Digest,
    event::Protocol,
    network::{Network, canonical as spelled},
    policy::Policy,
    refusal::Refusal,
    ticket::TicketDocument,
    time::{Day, Time},
    vote::{Ballot, Term},
};
use serde::Serialize;
use std::{collections::BTreeSet, net::IpAddr};

/// Made once for a decision, and looked at by whatever lets bytes on: staging, inspection, release, download.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    pub content: Content,
    pub max_deliveries: Option<u32>,
    pub max_downloads: Option<u32>,
    /// The last day.
    pub closes: Day,
    protocols: BTreeSet<Protocol>,
    /// Of each approval that names any: one of them has to fit.
    addresses: Vec<Vec<Network>>,
}

/// The part of it that inspection holds a file against.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Content {
    /// The columns, in their order.
    pub columns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

impl Content {
    /// Stands in the record of a file that was cleared: one that was cleared against others is not released.
    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self).expect("bounds hold strings, and integers up to 2^53 - 1")
    }
}

/// `old`, and no more than `most`.
fn narrow<N: Ord + Copy>(old: &mut Option<N>, most: N) {
    *old = Some(old.map_or(most, |old| old.min(most)));
}

impl Bounds {
    /// Of a request under a policy, and the approvals that count for it.
    pub fn of<'a>(document: &TicketDocument, policy: &Policy, approvals: impl IntoIterator<Item = &'a Ballot>) -> Self {
        let limits = document.limits;
        let mut bounds = Self {
            content: Content {
                columns: document.fields.iter().map(|field| field.name.clone()).collect(),
                min_rows: limits.min_rows,
                max_rows: document.most_rows(policy),
                max_bytes: limits.max_bytes,
            },
            max_deliveries: limits.max_deliveries,
            max_downloads: limits.max_downloads,
            closes: document.window.closes,
            protocols: document.protocols.iter().copied().collect(),
            addresses: Vec::new(),
        };
        for ballot in approvals {
            bounds.tie(&ballot.terms);
        }
        bounds
    }

    /// Narrows by the terms of one vote. None widens.
    fn tie(&mut self, terms: &[Term]) {
        let (mut protocols, mut addresses) = (BTreeSet::new(), Vec::new());
        for term in terms {
            match term {
                Term::MaxRows(most) => narrow(&mut self.content.max_rows, *most),
                Term::MaxBytes(most) => narrow(&mut self.content.max_bytes, *most),
                Term::MaxDeliveries(most) => narrow(&mut self.max_deliveries, *most),
                Term::MaxDownloads(most) => narrow(&mut self.max_downloads, *most),
                Term::Until(day) => self.closes = self.closes.min(*day),
                Term::Without(name) => self.content.columns.retain(|column| column != name),
                Term::Protocol(protocol) => drop(protocols.insert(*protocol)),
                Term::Address(network) => addresses.push(*network),
            }
        }
        if !protocols.is_empty() {
            self.protocols = self.protocols.intersection(&protocols).copied().collect();
        }
        if !addresses.is_empty() {
            self.addresses.push(addresses);
        }
    }

    pub fn is_over(&self, now: Time) -> bool {
        now >= self.closes.ends()
    }

    /// May something of it be read over `protocol` from `address`?
    pub fn admits(&self, protocol: Protocol, address: IpAddr) -> Result<(), Refusal> {
        if !self.protocols.contains(&protocol) {
            return Err(Refusal::ProtocolNotApproved { protocol: protocol.name().into() });
        }
        let address = spelled(address);
        if self.addresses.iter().all(|one_of| one_of.iter().any(|network| network.contains(address))) {
            Ok(())
        } else {
            Err(Refusal::AddressNotAllowed { address: address.to_string() })
        }
    }
}
