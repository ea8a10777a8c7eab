//! The solution diagram: what a ticket says of the way that its data takes, from the source to the vendor's storage.
//!
//! It is drawn from one revision alone, without policy, clock or number: whoever has the ticket file draws the same bytes as the
//! gateway does, and the digest in them says of which revision they are.

mod mermaid;
mod svg;

use super::{
    digest::Digest,
    event::Protocol,
    ids::Slug,
    shown::{many, visible},
    ticket::{Field, Schedule, TicketDocument, word},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a diagram is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawing {
    /// SVG 1.1 without scripts, links, or anything from elsewhere.
    Svg,
    /// A Mermaid flowchart.
    Mermaid,
}

impl Drawing {
    pub const ALL: [Self; 2] = [Self::Svg, Self::Mermaid];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|drawing| drawing.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Mermaid => "mermaid",
        }
    }
}

/// A place on the way, and what is true of the data there.
struct Stop {
    title: String,
    lines: Vec<String>,
}

/// What is drawn: stops, and between each two of them what happens on the way.
pub struct Diagram {
    title: String,
    revision: Digest,
    stops: [Stop; 4],
    ways: [Vec<String>; 3],
}

impl Diagram {
    pub fn of(ticket: &TicketDocument) -> Self {
        let classes = Classes::of(&ticket.fields);
        Self {
            title: ticket.title.clone(),
            revision: ticket.digest(),
            stops: [source(ticket), staging(), gateway(ticket), storage(ticket)],
            ways: [dropped(ticket, &classes), taken(ticket, &classes), pulled(ticket, &classes)],
        }
    }

    /// The whole drawing as text.
    pub fn draw(&self, drawing: Drawing) -> String {
        match drawing {
            Drawing::Svg => svg::draw(self),
            Drawing::Mermaid => mermaid::draw(self),
        }
    }
}

/// The fields by their classes.
struct Classes<'t>(BTreeMap<&'t Slug, Vec<&'t Field>>);

impl<'t> Classes<'t> {
    fn of(fields: &'t [Field]) -> Self {
        let mut classes: BTreeMap<&Slug, Vec<&Field>> = BTreeMap::new();
        for field in fields {
            classes.entry(&field.class).or_default().push(field);
        }
        Self(classes)
    }

    /// One line for each class: which fields are of it.
    fn named(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(class, fields)| {
            let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            format!("{class}: {}", names.join(", "))
        })
    }

    /// `behaviour (3 fields), business (1 field)`
    fn counted(&self) -> String {
        let counted = |(class, fields): (&&Slug, &Vec<&Field>)| format!("{class} ({})", many(fields.len() as u64, "field"));
        self.0.iter().map(counted).collect::<Vec<_>>().join(", ")
    }
}

fn source(ticket: &TicketDocument) -> Stop {
    let lines = ticket.fields.iter().map(|field| format!("{}: {}", field.name, field.source)).collect();
    Stop { title: "Source".to_owned(), lines }
}

fn staging() -> Stop {
    let lines = vec!["The ticket's own directory: a file is taken once it is complete, and its source is unlinked.".to_owned()];
    Stop { title: "Staging".to_owned(), lines }
}

fn gateway(ticket: &TicketDocument) -> Stop {
    let mut lines = vec![
        "Each file is inspected, sealed to the vendor's own keys and released with its whole delivery.".to_owned(),
        format!("Retention: {} from its release, then its bytes are destroyed.", many(ticket.retention_days.into(), "day")),
    ];
    let limits = ticket.limits;
    let set = [
        ("deliveries in all, at most", limits.max_deliveries.map(u64::from)),
        ("bytes in one file, at most", limits.max_bytes),
        ("rows in one file, at least", limits.min_rows),
        ("rows in one file, at most", limits.max_rows),
        ("sessions that read one file, at most", limits.max_downloads.map(u64::from)),
    ];
    lines.extend(set.into_iter().filter_map(|(what, limit)| Some(format!("Limit: {what}: {}", limit?))));
    Stop { title: "Gateway".to_owned(), lines }
}

fn storage(ticket: &TicketDocument) -> Stop {
    let there = &ticket.at_vendor;
    let mut lines = vec![
        format!("Place: {}", there.stored_in),
        format!("Access: {}", there.access.join("; ")),
        format!("Encryption: {}", there.encryption),
        format!("Retention: {}, then deleted: {}", many(there.kept_days.into(), "day"), there.deletion),
    ];
    lines.extend(ticket.fields.iter().map(|field| format!("{}: {}", field.name, field.destination)));
    Stop { title: format!("Storage of the vendor {}", ticket.vendor), lines }
}

/// From the source to staging.
fn dropped(ticket: &TicketDocument, classes: &Classes<'_>) -> Vec<String> {
    let often = match &ticket.schedule {
        Some(Schedule { every, late_after_hours }) => {
            format!("every {}, late after {}", word(every), many((*late_after_hours).into(), "hour"))
        }
        None => word(&ticket.kind).replace('_', " "),
    };
    let mut lines = vec![
        format!("Dropped by its producer as {}: {often}", word(&ticket.format)),
        "Encryption: as its producer chooses, in clear or to the gateway's own key (age)".to_owned(),
    ];
    lines.extend(classes.named());
    lines
}

/// From staging to the gateway's store.
fn taken(ticket: &TicketDocument, classes: &Classes<'_>) -> Vec<String> {
    let mut treatments: BTreeMap<String, u64> = BTreeMap::new();
    for field in &ticket.fields {
        *treatments.entry(word(&field.treatment)).or_default() += 1;
    }
    let treatments: Vec<String> = treatments.iter().map(|(name, n)| format!("{name} ({})", many(*n, "field"))).collect();
    vec![
        "Copied on one machine; only these fields pass, under exactly these names".to_owned(),
        "Encryption: at rest, under the gateway's master key".to_owned(),
        format!("Treatment: {}", treatments.join(", ")),
        format!("Classes: {}", classes.counted()),
    ]
}

/// From the gateway to the vendor.
fn pulled(ticket: &TicketDocument, classes: &Classes<'_>) -> Vec<String> {
    let jurisdictions: Vec<String> = ticket.legal.jurisdictions.iter().map(ToString::to_string).collect();
    let protocols: Vec<&str> = ticket
        .protocols
        .iter()
        .map(|protocol| match protocol {
            Protocol::Sftp => "SFTP",
            Protocol::Https => "HTTPS",
        })
        .collect();
    vec![
        format!("Pulled by the vendor over {}", protocols.join(" or ")),
        "Encryption: each file to the vendor's recipient keys (age), within SSH or TLS 1.3".to_owned(),
        format!("Window: {} to {} (UTC), both included", ticket.window.opens, ticket.window.closes),
        format!(
            "Transfer: {}, into {}; legal basis: {}; jurisdictions: {}",
            word(&ticket.transfer).replace('_', " "),
            word(&ticket.environment).replace('_', " "),
            word(&ticket.legal.basis).replace('_', " "),
            jurisdictions.join(", ")
        ),
        format!("Classes: {}", classes.counted()),
    ]
}

#[cfg(test)]
mod tests;
