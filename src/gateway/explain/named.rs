//! What the log names by an id or a fingerprint alone: people, those who are proposed, and every subject by its UUID.

use super::{Explanation, delivery, file, from_blockers, plain, ticket, vendor};
use crate::{
    domain::{
        digest::Digest,
        event::Subject,
        ids::{DeliveryId, FileId, PersonId, SessionId, Slug, TicketId, TransferId, VendorId},
        people::{Person, Role},
        refusal::Refusal,
        signature::openssh_fingerprint,
    },
    gateway::{
        answers::Blocker,
        facts::{Facts, Source},
        outcome::Refused,
        show::moments,
    },
};
use uuid::Uuid;

/// Somebody who is enrolled, or proposed and not enrolled yet.
pub fn person<S: Source>(facts: &Facts<'_, S>, name: &Slug) -> Option<Explanation> {
    match facts.roster.by_name(name) {
        Some(person) => Some(enrolled(facts, person)),
        None => proposed(facts, |person| person.name == *name),
    }
}

fn enrolled<S: Source>(facts: &Facts<'_, S>, person: &Person) -> Explanation {
    let roles: Vec<String> = person.roles.iter().map(|role| role.to_string()).collect();
    match ended(facts, person) {
        None => plain(person.name.to_string(), "a person on the staff".into(), roles),
        Some(blocker) => {
            let headline = "was on the staff: their key counts no more".into();
            let mut told = from_blockers(person.name.to_string(), headline, vec![blocker]);
            told.because.push(format!("enrolled as {}", roles.join(", ")));
            told
        }
    }
}

/// Why somebody's key on the staff counts no more.
pub fn ended<S: Source>(facts: &Facts<'_, S>, person: &Person) -> Option<Blocker> {
    let refusal = facts.house.key_counts(person, facts.now).err()?;
    // What a revoked key signed falls with it; what another one signed before its last day stands.
    let votes = match refusal {
        Refusal::StaffKeyExpired { .. } => "what it signed before stands",
        _ => "whatever it signed counts no more, whenever that was",
    };
    Some(Blocker {
        what: format!("{}; {votes}", refusal.what()),
        who: "two enrolled people, who enrol a new key under a new name".into(),
        command: "egressctl staff enroll --help".into(),
    })
}

fn proposed<S: Source>(facts: &Facts<'_, S>, is_meant: impl Fn(&Person) -> bool) -> Option<Explanation> {
    let proposal = facts.roster.proposals().find(|proposal| is_meant(&proposal.person))?;
    let Person { name, roles, key, .. } = &proposal.person;
    let roles: Vec<&str> = roles.iter().copied().map(Role::name).collect();
    let key = openssh_fingerprint(key.fingerprint());
    let blocker = Blocker {
        what: format!(
            "{name} ({}) with the key {key} is proposed and waits for a second person: until then nothing is signed by that key",
            roles.join(", ")
        ),
        who: "another enrolled person, who gives the same command; one of the two is a sysadmin or security_responder".into(),
        command: "egressctl staff enroll --help".into(),
    };
    Some(from_blockers(name.to_string(), "proposed for the staff".into(), vec![blocker]))
}

/// The key of somebody who is proposed.
pub fn proposed_key<S: Source>(facts: &Facts<'_, S>, key: Digest) -> Option<Explanation> {
    proposed(facts, |person| person.key.fingerprint() == key)
}

/// Whatever has this UUID in the log.
pub fn by_id<S: Source>(facts: &Facts<'_, S>, uuid: Uuid) -> Result<Option<Explanation>, Refused> {
    let is_known = |subject| Ok::<bool, Refused>(!facts.source().chain(subject)?.is_empty());
    if is_known(Subject::File(FileId::from_uuid(uuid)))? {
        return file(facts, FileId::from_uuid(uuid)).map(Some);
    }
    if is_known(Subject::Ticket(TicketId::from_uuid(uuid)))? {
        return ticket(facts, TicketId::from_uuid(uuid)).map(Some);
    }
    if is_known(Subject::Delivery(DeliveryId::from_uuid(uuid)))? {
        return delivery(facts, DeliveryId::from_uuid(uuid)).map(Some);
    }
    if is_known(Subject::Vendor(VendorId::from_uuid(uuid)))? {
        return vendor(facts, VendorId::from_uuid(uuid)).map(Some);
    }
    for (subject, headline) in [
        (Subject::Session(SessionId::from_uuid(uuid)), "a vendor's session"),
        (Subject::Transfer(TransferId::from_uuid(uuid)), "a transfer"),
    ] {
        let records = facts.source().chain(subject)?;
        if !records.is_empty() {
            let timeline: Vec<_> = records.iter().map(|record| moments::moment(facts, record)).collect();
            let because = timeline.last().map(|moment| moment.what.clone()).into_iter().collect();
            let told = plain(uuid.to_string(), headline.into(), because);
            return Ok(Some(Explanation { timeline, ..told }));
        }
    }
    let id = PersonId::from_uuid(uuid);
    Ok(facts.roster.person(id).map(|person| enrolled(facts, person)).or_else(|| proposed(facts, |person| person.id == id)))
}
