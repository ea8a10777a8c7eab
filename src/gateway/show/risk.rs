//! What vendor risk found out about a vendor, and what speaks against it now.

use super::slug_of;
use crate::{
    domain::{
        acceptance::Acceptance,
        dossier::{AcceptanceStanding, Revision, Surroundings, TicketDossier},
        vendor::{Assessment, Contact, Raised, VendorDossier},
    },
    gateway::{
        answers::{AcceptanceView, AcceptedBy, RecordLine, RedFlagView},
        facts::{Facts, Source},
    },
};

pub fn red_flags<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier) -> Vec<RedFlagView> {
    let view = |raised: &Raised| RedFlagView {
        flag: raised.flag,
        consequence: facts.policy.consequence(raised.flag),
        what: raised.what.clone(),
        accepted: None,
    };
    vendor.red_flags(&facts.roster, facts.now).iter().map(view).collect()
}

/// The same for a revision of a ticket: with whoever answers for a red flag longest.
pub fn red_flags_of<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    revision: &Revision,
    around: &Surroundings<'_>,
) -> Vec<RedFlagView> {
    let counts = |one: &&Acceptance| ticket.acceptance_standing(one, revision, around) == AcceptanceStanding::Stands;
    let standing: Vec<&Acceptance> = ticket.acceptances.iter().filter(counts).collect();
    let accepted = |raised: &RedFlagView| {
        let covering = standing.iter().filter(|one| one.document.red_flags.contains(raised.flag));
        let longest = covering.max_by_key(|one| one.document.expires)?;
        Some(AcceptedBy { who: slug_of(facts, Some(longest.by)), until: longest.document.expires.to_string() })
    };
    let raised = red_flags(facts, around.vendor).into_iter();
    raised.map(|raised| RedFlagView { accepted: accepted(&raised), ..raised }).collect()
}

/// Every acceptance of a ticket's, whether it counts or not: what was answered for stays shown.
pub fn acceptances<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, around: &Surroundings<'_>) -> Vec<AcceptanceView> {
    let view = |acceptance: &Acceptance| {
        let document = &acceptance.document;
        let revision = [ticket.under_review(), ticket.current()].into_iter().find(|one| one.digest == acceptance.revision);
        let lapsed = match ticket.acceptance_standing(acceptance, revision.unwrap_or(ticket.current()), around) {
            AcceptanceStanding::Stands => None,
            AcceptanceStanding::Over => Some("its last day is over"),
            AcceptanceStanding::AskedAgain => Some("the ticket's revision or the vendor's assessment is another one now"),
            AcceptanceStanding::NotTheirs => Some("whoever signed it is no executive any more, or has voted on the ticket"),
        };
        AcceptanceView {
            red_flags: document.red_flags.iter().collect(),
            who: slug_of(facts, Some(acceptance.by)),
            at: acceptance.at.to_string(),
            until: document.expires.to_string(),
            lapsed: lapsed.map(str::to_owned),
            risk: document.risk.as_str().to_owned(),
            need: document.need.as_str().to_owned(),
            mitigations: document.mitigations.iter().map(str::to_owned).collect(),
            fallback: document.fallback.as_str().to_owned(),
            owner: document.owner.to_string(),
        }
    };
    ticket.acceptances.iter().map(view).collect()
}

/// Everything that an assessment says beyond its first three keys: no part of what a gate is asked may stand where nobody looks.
pub fn record(assessment: &Assessment) -> Vec<RecordLine> {
    let Assessment { reference: _, valid_until: _, contract: _, dpa, baa, soc2, iso27001, encryption, breaches, contacts } =
        assessment;
    let line = |what: &str, says: String| RecordLine { what: what.into(), says };
    let mut lines = Vec::new();
    lines.extend(dpa.as_ref().map(|dpa| line("DPA", dpa.to_string())));
    lines.extend(baa.as_ref().map(|baa| line("BAA", baa.to_string())));
    lines.extend(
        soc2.as_ref().map(|soc2| line("SOC 2", format!("type {}, {} to {}", u8::from(soc2.r#type), soc2.from, soc2.until))),
    );
    lines.extend(iso27001.as_ref().map(|iso| line("ISO 27001", format!("{}, until {}", iso.number, iso.expires))));
    if let Some(encryption) = encryption {
        let joined = |names: Vec<&str>| names.join(", ");
        lines.push(line("in transit", joined(encryption.in_transit.iter().collect())));
        lines.push(line("at rest", joined(encryption.at_rest.iter().collect())));
    }
    lines.extend(breaches.iter().map(|breach| {
        let end = breach.resolved.map_or_else(|| "not resolved".to_owned(), |day| format!("resolved {day}"));
        line("breach", format!("{}: {}; {end}", breach.on, breach.what))
    }));
    let contact = |contact: &Contact| {
        let ways: Vec<String> = contact.mail.iter().chain(&contact.phone).map(ToString::to_string).collect();
        line(contact.role.name(), format!("{}, {}", contact.name, ways.join(", ")))
    };
    lines.extend(contacts.iter().map(contact));
    lines
}
