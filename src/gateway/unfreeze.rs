//! Unfreeze: two people lift a freeze, one of them a security_responder.

use super::{
    answers::{Blocker, Completion, Done},
    core::{Core, Stopped},
    desk::Desk,
    facts::Facts,
    outcome::Refused,
    vault::Tx,
};
use crate::domain::{
    authority::Act,
    event::{Actor, Detail, Event, Fact, Subject},
    people::Role,
    refusal::Refusal,
};

impl Desk {
    /// Lifts a freeze: one person asks, a second one of whom the two is a security_responder completes it.
    pub async fn unfreeze(&self, by: Actor, reason: String) -> Result<Done, Refused> {
        let reason = super::reason("unfreeze", reason)?;
        let done = self.act(move |core, tx| unfreeze(core, tx, by, reason)).await?;
        if done.state == Completion::Done {
            // The log says that it is lifted; the file outside it may say so too.
            self.gateway.freeze_file.clear()?;
            self.gateway.core.set_stopped_by_file(Stopped::No);
            self.gateway.core.nudge.files();
        }
        Ok(done)
    }
}

fn unfreeze(core: &Core, tx: &mut Tx<'_>, by: Actor, reason: String) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::Unfreeze.allowed(person)?;
    if facts.house.is_frozen().is_ok() {
        return Err(Refusal::NotFrozen {}.into());
    }
    let subject = "everything".to_owned();
    let detail = Detail::Reason { text: reason };
    let Some(first) = facts.house.unfreeze_asked_by(facts.now).and_then(|first| facts.acting(first)) else {
        let record = tx.append(Fact::new(by, Subject::House, Event::UnfreezeAsked).with(detail))?;
        let headline = "asked; a second person gives the same command, one of the two a security_responder".to_owned();
        return Ok(Done { subject, state: Completion::WaitsForSecond, headline, leaf: record.index, next: vec![lift()] });
    };
    if first.id == person.id {
        return Err(Refusal::SamePerson { act: "lifting a freeze".into() }.into());
    }
    if !first.restores_with(person, |person| person.has(Role::SecurityResponder)) {
        return Err(Refusal::ResponderNeeded {}.into());
    }
    let record = tx.append(Fact::new(by, Subject::House, Event::Unfrozen).with(detail))?;
    let headline = "the freeze is lifted".to_owned();
    Ok(Done { subject, state: Completion::Done, headline, leaf: record.index, next: Vec::new() })
}

/// How a freeze is lifted.
pub(super) fn lift() -> Blocker {
    Blocker {
        what: "to lift the freeze, each of two people gives the same command within the hour".into(),
        who: "two people, one of them a security_responder".into(),
        command: "egressctl unfreeze --reason \"WHY\"".into(),
    }
}
