//! Enrol: how a person comes to be on the staff. The machine's owner enrols the first two, two of the staff every other.

use super::{
    answers::{Blocker, Completion, Done},
    core::{self, Core},
    desk::Desk,
    facts::Facts,
    outcome::Refused,
    vault::Tx,
};
use crate::domain::{
    authority::Act,
    event::{Actor, Detail, Event, Fact, Subject},
    ids::{PersonId, Slug},
    limits,
    people::{Person, Proposal, Proposer, Role, Roster},
    refusal::{Fingerprint, Refusal},
    signature::PublicKey,
    time::{Day, Time},
};
use std::collections::BTreeSet;

/// So many people the machine's owner enrols alone; from then on the staff enrols.
pub const FIRST_PEOPLE: usize = 2;

struct Enrolment {
    name: Slug,
    roles: BTreeSet<Role>,
    key: PublicKey,
    until: Option<Day>,
}

impl Desk {
    /// Proposes a person, or completes the proposal that another made with the same name, roles, key and last day.
    pub async fn staff_enroll(
        &self,
        by: Actor,
        name: Slug,
        roles: BTreeSet<Role>,
        key: PublicKey,
        until: Option<Day>,
    ) -> Result<Done, Refused> {
        self.act(move |core, tx| enrol(core, tx, by, Enrolment { name, roles, key, until })).await
    }
}

fn enrol(core: &Core, tx: &mut Tx<'_>, by: Actor, new: Enrolment) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let roster = facts.roster.clone();
    // Who asks comes first: what is taken is told to nobody else.
    match by {
        Actor::Owner if roster.len() >= FIRST_PEOPLE => return Err(Refusal::NotInTheFirstTwo {}.into()),
        // The first two enrol everybody else.
        Actor::Owner if new.roles.contains(&Role::BreakGlass) => return Err(Refusal::BreakGlassAlone {}.into()),
        Actor::Owner => {}
        _ => Act::EnrolStaff.allowed(facts.person(by)?)?,
    }
    free(&roster, &new, facts.now)?;
    if facts.confirmed_owner(new.key.fingerprint(), None)?.is_some() {
        return Err(Refusal::KeyTaken { key: Fingerprint(new.key.fingerprint()) }.into());
    }
    if by == Actor::Owner {
        let person = propose(tx, by, &new)?;
        return complete(tx, by, person, &new);
    }
    let actor = facts.person(by)?.clone();
    let stands = |proposal: &&Proposal| match proposal.by {
        Proposer::Owner => true,
        Proposer::Person(id) => facts.acting(id).is_some(),
    };
    match roster.proposals().filter(stands).find(|proposal| is_same(proposal, &new)) {
        None => {
            let of_theirs = roster.proposals().filter(|proposal| proposal.by == Proposer::Person(actor.id)).count();
            if of_theirs >= limits::PROPOSALS_EACH {
                return Err(Refusal::TooMany { what: "proposals of one person that wait", limit: limits::PROPOSALS_EACH }.into());
            }
            let person = propose(tx, by, &new)?;
            let headline = format!("{} is proposed: a second person gives the same command", new.name);
            let next = Blocker {
                what: format!("{} waits for a second person's same command", new.name),
                who: "another enrolled person; one of the two must be a sysadmin or security_responder".into(),
                command: command(&new),
            };
            let subject = new.name.to_string();
            Ok(Done { subject, state: Completion::WaitsForSecond, headline, leaf: person.1, next: vec![next] })
        }
        Some(proposal) => {
            second(&roster, proposal, &actor)?;
            complete(tx, by, (proposal.person.id, 0), &new)
        }
    }
}

/// A name or key that is enrolled is taken for ever. A mere proposal is not: whoever disagrees with it proposes anew.
fn free(roster: &Roster, new: &Enrolment, now: Time) -> Result<(), Refusal> {
    if roster.by_name(&new.name).is_some() {
        return Err(Refusal::NameTaken { name: new.name.to_string() });
    }
    let key = new.key.fingerprint();
    if roster.by_key(key).is_some() {
        return Err(Refusal::KeyTaken { key: Fingerprint(key) });
    }
    if let Some(until) = new.until.filter(|until| now >= until.ends()) {
        return Err(Refusal::PersonUntil { until: until.to_string() });
    }
    if new.roles.contains(&Role::BreakGlass) && new.roles.len() > 1 {
        return Err(Refusal::BreakGlassAlone {});
    }
    if new.roles.is_empty() {
        return Err(Refusal::RequestUnreadable { why: "a person has at least one role".into() });
    }
    Ok(())
}

/// Several proposals of one name may stand side by side, with other roles or another key: each is completed by its own.
fn is_same(proposal: &Proposal, new: &Enrolment) -> bool {
    let person = &proposal.person;
    person.name == new.name && person.roles == new.roles && person.key == new.key && person.until == new.until
}

fn second(roster: &Roster, proposal: &Proposal, actor: &Person) -> Result<(), Refusal> {
    let trusted = |person: &Person| person.has(Role::Sysadmin) || person.has(Role::SecurityResponder);
    let proposer = match proposal.by {
        Proposer::Person(id) if id == actor.id => {
            return Err(Refusal::SamePerson { act: format!("enrolling {}", proposal.person.name) });
        }
        Proposer::Person(id) => roster.person(id),
        Proposer::Owner => None,
    };
    if trusted(actor) || proposer.is_some_and(trusted) { Ok(()) } else { Err(Refusal::TrustedRoleNeeded {}) }
}

fn propose(tx: &mut Tx<'_>, by: Actor, new: &Enrolment) -> Result<(PersonId, u64), Refused> {
    let person = core::new_person();
    let roles = new.roles.iter().copied().collect();
    let event = Event::PersonProposed { person, key: new.key.fingerprint(), roles, until: new.until };
    let detail = Detail::Person { name: new.name.clone(), key: new.key.to_string() };
    let record = tx.append(Fact::new(by, Subject::Staff, event).with(detail))?;
    Ok((person, record.index))
}

fn complete(tx: &mut Tx<'_>, by: Actor, (person, _): (PersonId, u64), new: &Enrolment) -> Result<Done, Refused> {
    let event = Event::PersonEnrolled { person, key: new.key.fingerprint() };
    let record = tx.append(Fact::new(by, Subject::Staff, event))?;
    let roles: Vec<_> = new.roles.iter().map(|role| role.name()).collect();
    let until = new.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let headline = format!("{} is enrolled as {}{until}", new.name, roles.join(", "));
    Ok(Done { subject: new.name.to_string(), state: Completion::Done, headline, leaf: record.index, next: Vec::new() })
}

fn command(new: &Enrolment) -> String {
    let roles: Vec<_> = new.roles.iter().map(|role| role.name()).collect();
    let until = new.until.map(|until| format!(" --until {until}")).unwrap_or_default();
    format!("egressctl staff enroll {} --roles {} --public-key FILE.pub{until}", new.name, roles.join(","))
}
