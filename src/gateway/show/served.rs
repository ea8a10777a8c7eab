//! Why a vendor gets nothing of a delivery that is released: asked of the papers that serving takes, never judged here.

use super::tickets;
use crate::{
    domain::{
        credential::Credential,
        dossier::TicketDossier,
        file::DeliveryDossier,
        papers::{Leave, Sight, Visitor},
        people::Roster,
        refusal::Refusal,
        vendor::VendorDossier,
    },
    gateway::{
        answers::Blocker,
        facts::{Facts, Source},
        outcome::Refused,
        vault::find,
    },
};

/// Empty where it is served, and where nothing is left to serve: then what ended it says why.
pub fn why_not_served<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Vec<Blocker>, Refused> {
    let is_over = delivery.released.is_none() || delivery.revoked.is_some();
    if is_over || facts.find(|conn| find::files_of(conn, delivery.id))?.is_empty() {
        return Ok(Vec::new());
    }
    let ticket = facts.ticket(delivery.ticket)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let stands = Sight::stands(&ticket, delivery, &facts.around(&vendor)).and_then(|()| facts.intact(&ticket));
    match stands.map_err(Refused::from).and_then(|()| facts.spool_has_room()) {
        Ok(()) => of_its_visitors(facts, delivery, &ticket, &vendor),
        Err(Refused::Refusal(refusal)) => Ok(of_everybody(facts, refusal, &ticket, &vendor)),
        Err(fault) => Err(fault),
    }
}

/// What keeps everybody out. Where that is the ticket's standing, what its standing lacks says more.
fn of_everybody<S: Source>(
    facts: &Facts<'_, S>,
    refusal: Refusal,
    ticket: &TicketDossier,
    vendor: &VendorDossier,
) -> Vec<Blocker> {
    let of_ticket = tickets::blockers(facts, ticket, &facts.around(vendor));
    let is_told = matches!(refusal, Refusal::NotActive { .. } | Refusal::OnHold { .. }) && !of_ticket.is_empty()
        || of_ticket.iter().any(|blocker| blocker.what == refusal.what());
    (!is_told).then(|| blocker(refusal.what(), &refusal)).into_iter().chain(of_ticket).collect()
}

/// What keeps out each of its logins, or, where one may come, what keeps single files from it.
fn of_its_visitors<S: Source>(
    facts: &Facts<'_, S>,
    delivery: &DeliveryDossier,
    ticket: &TicketDossier,
    vendor: &VendorDossier,
) -> Result<Vec<Blocker>, Refused> {
    let around = facts.around(vendor);
    let mut refusals: Vec<Refusal> = Vec::new();
    for visitor in visitors(vendor, &facts.roster) {
        match Sight::check(&visitor, ticket, delivery, &around) {
            Ok(_) => return of_its_files(facts, delivery, ticket, vendor, &visitor),
            Err(refusal) if refusals.contains(&refusal) => {}
            Err(refusal) => refusals.push(refusal),
        }
    }
    let told = refusals.iter().map(Refusal::what).collect::<Vec<_>>().join("; ");
    let first = refusals.into_iter().next().unwrap_or(Refusal::LoginRefused {});
    Ok(vec![blocker(format!("no login of {} may fetch it: {told}", vendor.slug), &first)])
}

fn of_its_files<S: Source>(
    facts: &Facts<'_, S>,
    delivery: &DeliveryDossier,
    ticket: &TicketDossier,
    vendor: &VendorDossier,
    visitor: &Visitor,
) -> Result<Vec<Blocker>, Refused> {
    let around = facts.around(vendor);
    let mut blockers = Vec::new();
    for listed in delivery.released.iter().flat_map(|released| &released.files) {
        let sight = Sight::check(visitor, ticket, delivery, &around)?;
        if let Err(refusal) = Leave::check(sight, &*facts.file(listed.file)?, delivery, ticket, &around) {
            blockers.push(blocker(format!("{}: {}", listed.name, refusal.what()), &refusal));
        }
    }
    Ok(blockers)
}

/// Whoever may come for a vendor: each of its logins, from the first address of each of its networks.
fn visitors(vendor: &VendorDossier, roster: &Roster) -> Vec<Visitor> {
    let Some(current) = vendor.current(roster) else { return Vec::new() };
    let document = &current.document;
    let keys = document.login_keys.iter().map(|key| Credential::SshKey(key.fingerprint()));
    let certificates = document.tls_keys.iter().map(|key| Credential::TlsKey(key.0));
    let tokens = vendor.tokens.iter().map(|token| Credential::Token(token.digest));
    let from_each = |credential| {
        let at = |network: &crate::domain::network::Network| Visitor { vendor: vendor.id, credential, address: network.first() };
        document.addresses.iter().map(at).collect::<Vec<_>>()
    };
    keys.chain(certificates).chain(tokens).flat_map(from_each).collect()
}

fn blocker(what: String, refusal: &Refusal) -> Blocker {
    Blocker { what, who: refusal.who().into(), command: refusal.command() }
}
