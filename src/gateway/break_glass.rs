//! Break-glass: that a sealed identity is used is on record before it gets anything, and stays open until two people have looked into it.

use super::{
    answers::{BrokenGlassRow, Completion, Done, Listing},
    core::Core,
    desk::Desk,
    facts::{Facts, Source},
    outcome::Refused,
    show::slug_of,
    vault::Tx,
};
use crate::domain::{
    authority::Act,
    event::{Actor, Detail, Event, Fact, Subject},
    people::{BrokenGlass, Person},
    refusal::Refusal,
};

impl Desk {
    /// Comes before whatever is asked for, once for each use. What cannot be recorded, on a full disk, stops no revocation.
    pub(super) async fn say_if_glass_breaks(&self, sealed: &Person) {
        let by = Actor::Person { id: sealed.id, key: sealed.key.fingerprint() };
        match self.look(|facts| Ok(breaks(facts, by))) {
            Ok(false) => {}
            Ok(true) => {
                if self.act(move |core, tx| say(core, tx, by)).await.is_err() {
                    tracing::error!(?by, "a sealed identity is used, and that could not be recorded");
                }
            }
            Err(_) => tracing::error!(?by, "whether a sealed identity is used could not be read"),
        }
    }

    /// The newest first.
    pub async fn break_glass_list(&self, by: Actor) -> Result<Listing<BrokenGlassRow>, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            Ok(Listing::of(facts.roster.broken_glass().iter().rev().map(|broken| row(facts, broken)).collect()))
        })
    }

    /// One of two has looked into it. `used` is its leaf.
    pub async fn break_glass_review(&self, by: Actor, used: u64, reason: String) -> Result<Done, Refused> {
        let reason = super::reason("break-glass review", reason)?;
        self.act(move |core, tx| review(core, tx, by, used, reason)).await
    }
}

fn breaks<S: Source>(facts: &Facts<'_, S>, by: Actor) -> bool {
    // A key that counts no more gets nothing, and says so to whoever tries.
    let Ok(person) = facts.person(by) else { return false };
    let goes_on = |broken: &BrokenGlass| broken.by == person.id && broken.goes_on(facts.now);
    !facts.roster.broken_glass().iter().any(goes_on)
}

fn say(core: &Core, tx: &mut Tx<'_>, by: Actor) -> Result<(), Refused> {
    // Another request of theirs may have said it meanwhile.
    if breaks(&Facts::read(core, &*tx)?, by) {
        tx.append(Fact::new(by, Subject::Staff, Event::BreakGlassUsed))?;
    }
    Ok(())
}

fn review(core: &Core, tx: &mut Tx<'_>, by: Actor, used: u64, reason: String) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::ReviewBreakGlass.allowed(person)?;
    let broken = facts.roster.broken_glass().iter().find(|broken| broken.leaf == used);
    let broken = broken.ok_or(Refusal::NoSuchUse { used })?;
    if !broken.is_open() || broken.reviewed.contains(&person.id) {
        return Err(Refusal::UseReviewed { used }.into());
    }
    let (state, headline) = match broken.reviewed.len() + 1 < BrokenGlass::REVIEWERS {
        true => (Completion::WaitsForSecond, "noted; a second person looks into it too"),
        false => (Completion::Done, "two people have looked into it: it is closed"),
    };
    let event = Event::BreakGlassReviewed { used };
    let record = tx.append(Fact::new(by, Subject::Staff, event).with(Detail::Reason { text: reason }))?;
    Ok(Done { subject: format!("leaf {used}"), state, headline: headline.into(), leaf: record.index, next: Vec::new() })
}

fn row<S: Source>(facts: &Facts<'_, S>, broken: &BrokenGlass) -> BrokenGlassRow {
    BrokenGlassRow {
        leaf: broken.leaf,
        who: slug_of(facts, Some(broken.by)),
        at: broken.at.to_string(),
        reviewed_by: broken.reviewed.iter().map(|id| slug_of(facts, Some(*id))).collect(),
        open: broken.is_open(),
    }
}
