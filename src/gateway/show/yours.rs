//! What waits for whoever asks, beside their votes: a request to revise, a ticket to activate or to let go on, a risk to answer for;
//! a vendor's keys to confirm, a freeze to lift, a sealed identity's use to look into.

use super::name_of;
use crate::{
    domain::{
        authority::Act,
        dossier::{State, Surroundings, TicketDossier, may_resume},
        people::{Person, Role},
        policy::Deed,
        signature::openssh_fingerprint,
        vendor::VendorDossier,
    },
    gateway::{
        answers::Blocker,
        facts::{Facts, Source},
        outcome::Refused,
        vault::find,
    },
};

fn yours(what: String, command: String) -> Blocker {
    Blocker { what, who: "you".into(), command }
}

/// What of this ticket waits for this person, votes aside. Asked of every open ticket: who they are comes before how it stands.
pub fn on_ticket<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    person: &Person,
) -> Option<Blocker> {
    if ticket.requester == person.id {
        return revise(ticket, around, person);
    }
    resume(facts, ticket, around, person)
        .or_else(|| activate(facts, ticket, around, person))
        .or_else(|| accept(ticket, around, person))
}

fn revise(ticket: &TicketDossier, around: &Surroundings<'_>, person: &Person) -> Option<Blocker> {
    Act::SubmitTicket.allowed(person).ok()?;
    let waits = ticket.review(ticket.under_review(), around) == State::Returned && !ticket.state(around).is_over();
    let command = || format!("egressctl ticket revise {} FILE", ticket.number);
    waits.then(|| yours("it is returned: revise it, or withdraw it".into(), command()))
}

/// Somebody has asked already, and this person would be the second.
fn resume<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    person: &Person,
) -> Option<Blocker> {
    let asked = ticket.suspension.as_ref()?.resume_asked_by(around.now)?;
    let first = facts.acting(asked)?;
    Act::ResumeTicket.allowed(person).ok()?;
    let is_second = first.id != person.id && may_resume(first, person);
    if !is_second || ticket.state(around).is_terminal() || ticket.holds_again(around).is_err() {
        return None;
    }
    let command = format!("egressctl ticket resume {} --reason \"WHY\"", ticket.number);
    Some(yours(format!("{} asks to let it go on: you may be the second", first.name), command))
}

fn activate<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    person: &Person,
) -> Option<Blocker> {
    let (revision, amends) = (ticket.under_review(), ticket.is_activated());
    let runs_as_it_is = amends && ticket.amendment().is_none();
    let is_stopped = ticket.suspension.is_some() && !amends;
    if !person.has(Role::Operator) || runs_as_it_is || is_stopped || !revision.document.window.is_open(around.now) {
        return None;
    }
    Act::ActivateTicket.allowed(person).ok()?;
    let waits = facts.house.is_frozen().is_ok()
        && ticket.review(revision, around) == State::Approved
        && ticket.goes_on(around).is_ok()
        && ticket.kept_apart(Deed::Activate, person.id, around).is_ok();
    let what = if amends { "its amendment is approved: activate it" } else { "it is approved: activate it" };
    waits.then(|| yours(what.into(), format!("egressctl ticket activate {}", ticket.number)))
}

fn accept(ticket: &TicketDossier, around: &Surroundings<'_>, person: &Person) -> Option<Blocker> {
    let revision = ticket.under_review();
    if !person.has(Role::Executive) || ticket.votes.iter().any(|vote| vote.by == person.id) {
        return None;
    }
    Act::AcceptRisk.allowed(person).ok()?;
    let refusal = ticket.unaccepted(revision, around)?;
    let may = around.policy.is_in_scope(Role::Executive, person, &revision.document) && ticket.goes_on(around).is_ok();
    may.then(|| yours(refusal.what(), refusal.command()))
}

/// What waits for this person and is no ticket.
pub fn in_the_house<S: Source>(facts: &Facts<'_, S>, person: &Person) -> Result<Vec<Blocker>, Refused> {
    let mut waiting: Vec<Blocker> = unfreeze(facts, person).into_iter().collect();
    if Act::ReviewBreakGlass.allowed(person).is_ok() {
        let open = facts.roster.broken_glass().iter().filter(|broken| broken.is_open() && !broken.reviewed.contains(&person.id));
        waiting.extend(open.map(|broken| {
            let what = format!("{} used a sealed identity at {}: look into it", name_of(facts, broken.by), broken.at);
            yours(what, format!("egressctl break-glass review {} --reason \"WHAT IT WAS\"", broken.leaf))
        }));
    }
    let (keys, tokens) = (Act::ConfirmVendor.allowed(person).is_ok(), Act::ConfirmToken.allowed(person).is_ok());
    if keys || tokens {
        for id in facts.find(find::vendors)? {
            let vendor = facts.vendor(id)?;
            waiting.extend(confirm(facts, &vendor, person).filter(|_| keys));
            waiting.extend(confirm_tokens(facts, &vendor, person).into_iter().filter(|_| tokens));
        }
    }
    Ok(waiting)
}

fn unfreeze<S: Source>(facts: &Facts<'_, S>, person: &Person) -> Option<Blocker> {
    facts.house.is_frozen().err()?;
    Act::Unfreeze.allowed(person).ok()?;
    let first = facts.acting(facts.house.unfreeze_asked_by(facts.now)?).filter(|first| first.id != person.id)?;
    let what = format!("{} asks to lift the freeze: you may be the second", first.name);
    let may = first.restores_with(person, |person| person.has(Role::SecurityResponder));
    may.then(|| yours(what, "egressctl unfreeze --reason \"WHY\"".into()))
}

fn confirm<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, person: &Person) -> Option<Blocker> {
    let pending = vendor.pending(&facts.roster).filter(|_| vendor.revoked.is_none())?;
    let missing = pending.missing(&facts.roster).join(" and ");
    let what = format!("{} waits for {missing}: compare its keys with the vendor", vendor.slug);
    let command = format!("egressctl vendor show {}", vendor.slug);
    pending.gains_by(person.id, &facts.roster).then(|| yours(what, command))
}

fn confirm_tokens<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, person: &Person) -> Vec<Blocker> {
    let waits = vendor.tokens.iter().filter(|token| {
        let counts = vendor.revoked.is_none() && !token.expired(facts.now) && !vendor.is_revoked_key(token.digest);
        counts && !token.confirmed() && token.issued_by != Some(person.id)
    });
    let waiting = waits.map(|token| {
        let shown = openssh_fingerprint(token.digest);
        let what = format!("a token of {} waits for a second person", vendor.slug);
        yours(what, format!("egressctl vendor confirm-token {} {shown}", vendor.slug))
    });
    waiting.collect()
}
