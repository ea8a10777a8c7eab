//! What stands between a delivery and its release.

use super::{delivery_path, tickets};
use crate::{
    domain::{file::DeliveryDossier, limits, refusal::Refusal},
    gateway::{
        answers::Blocker,
        facts::{Facts, Source},
        outcome::Refused,
        purge::ended,
        release::grant,
        vault::find,
    },
};

/// In the order in which it has to be removed; empty once it is released or revoked.
pub fn why_not_released<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Vec<Blocker>, Refused> {
    if delivery.released.is_some() || delivery.revoked.is_some() {
        return Ok(Vec::new());
    }
    let ticket = facts.ticket(delivery.ticket)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let mut blockers = tickets::blockers(facts, &ticket, &facts.around(&vendor));
    if ended(facts, &ticket, &vendor).is_some() {
        return Ok(blockers);
    }
    let path = delivery_path(facts, delivery.id)?;
    let files = facts.find(|conn| find::files_of(conn, delivery.id))?;
    if files.is_empty() {
        let refusal = Refusal::DeliveryEmpty { delivery: path.to_string() };
        blockers.push(Blocker { what: refusal.what(), who: refusal.who().into(), command: refusal.command() });
    } else if delivery.closed.is_none() {
        let refusal = Refusal::DeliveryOpen { delivery: path.to_string() };
        let command = format!("egressctl delivery close {path}");
        blockers.push(Blocker { what: format!("{path} is not closed: more files may come"), who: refusal.who().into(), command });
    }
    for row in files {
        if row.held_at.is_some() {
            let command = format!("egressctl file show {}", row.id);
            blockers.push(Blocker { what: format!("{} is held", row.name), who: "an operator".into(), command });
        }
    }
    if blockers.is_empty()
        && let Err(Refused::Refusal(refusal)) = grant(facts, delivery)
    {
        blockers.push(Blocker { what: refusal.what(), who: refusal.who().into(), command: refusal.command() });
    }
    Ok(blockers)
}

/// The files of a delivery that keep it from its release because they are held, as one.
pub fn held<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Option<Blocker>, Refused> {
    let files = facts.find(|conn| find::files_of(conn, delivery.id))?;
    let held: Vec<&str> =
        files.iter().filter(|row| row.held_at.is_some() && row.purge_at.is_none()).map(|row| row.name.as_str()).collect();
    let named = held.iter().take(limits::NAMED_ONE_BY_ONE).copied().collect::<Vec<_>>().join(", ");
    let path = delivery_path(facts, delivery.id)?;
    let what = match held.len() {
        0 => return Ok(None),
        1 => format!("{path} waits: {named} is held"),
        count if count > limits::NAMED_ONE_BY_ONE => format!("{path} waits: {count} files are held: {named} …"),
        count => format!("{path} waits: {count} files are held: {named}"),
    };
    Ok(Some(Blocker { what, who: "an operator".into(), command: format!("egressctl explain {path}") }))
}
