//! Purge: the bytes are destroyed, the record stays. A leaf before, the key, the bytes, a leaf after.

use super::{
    Gateway,
    answers::{Blocker, Completion, Done, Listing, PurgeCertificate, PurgeReport},
    core::Core,
    desk::Desk,
    facts::{Facts, Source},
    lease::Scope,
    outcome::{Fault, Refused},
    show,
    vault::{Shelf, Tx, find},
};
use crate::domain::{
    authority::Act,
    digest::Digest,
    dossier::State,
    event::{Actor, Detail, Event, Fact, PurgeReason, Subject},
    file::FileDossier,
    ids::FileId,
    refusal::Refusal,
};
use std::collections::BTreeSet;

impl Desk {
    /// Purges what is due now, without waiting for the next turn.
    pub async fn purge(&self, by: Actor) -> Result<PurgeReport, Refused> {
        self.look(|facts| Ok(Act::Purge.allowed(facts.person(by)?)?))?;
        if self.gateway.core.clock.jumped() {
            return Err(Refusal::ClockJumped {}.into());
        }
        let gateway = self.gateway.clone();
        let purged = tokio::task::spawn_blocking(move || gateway.purge_what_is_due());
        purged.await.map_err(|error| Fault::new("purging", error))?
    }

    /// Destroys a file that was not released, with the reason on record.
    pub async fn file_discard(&self, by: Actor, file: FileId, reason: String) -> Result<Done, Refused> {
        let reason = super::reason(reason)?;
        let (leaf, name) = self.act(move |core, tx| discard(core, tx, by, file, reason)).await?;
        let gateway = self.gateway.clone();
        let purged = tokio::task::spawn_blocking(move || gateway.finish_purge(file));
        purged.await.map_err(|error| Fault::new("discarding", error))??;
        self.gateway.core.nudge.files();
        let headline = format!("{name} is discarded: its bytes are destroyed");
        Ok(Done { subject: file.to_string(), state: Completion::Done, headline, leaf, next: Vec::new() })
    }
}

fn discard(core: &Core, tx: &mut Tx<'_>, by: Actor, id: FileId, reason: String) -> Result<(u64, String), Refused> {
    let facts = Facts::read(core, &*tx)?;
    Act::DiscardFile.allowed(facts.person(by)?)?;
    let file = facts.file(id)?;
    let released = match file.delivery {
        Some(delivery) => facts.delivery(delivery)?.has_released(id),
        None => false,
    };
    if released || file.purge_begun.is_some() {
        return Err(Refusal::NotDiscardable { file: id.to_string(), state: show::file_state(&file).name().into() }.into());
    }
    let event = Event::PurgeBegun { why: PurgeReason::Discarded };
    let record = tx.append(Fact::new(by, Subject::File(id), event).with(Detail::Reason { text: reason }))?;
    Ok((record.index, file.name.clone()))
}

impl Gateway {
    /// Destroys the bytes of everything whose time has come. While the clock cannot be believed nothing is begun.
    pub(super) fn purge_what_is_due(&self) -> Result<PurgeReport, Refused> {
        let (mut certificates, mut failed) = (Vec::new(), Vec::new());
        if self.core.clock.jumped() {
            return Ok(PurgeReport { certificates: Listing::of(certificates), failed });
        }
        let files = self.look(|facts| Ok(facts.find(find::unpurged)?))?;
        for row in files {
            if self.core.is_stopping() {
                break;
            }
            match self.purge_if_due(row.id) {
                Ok(Some(certificate)) => certificates.push(certificate),
                Ok(None) => {}
                Err(Refused::Refusal(refusal)) => tracing::warn!(file = %row.id, %refusal, "not purged"),
                Err(Refused::Fault(fault)) => {
                    tracing::error!(file = %row.id, %fault, "could not be purged");
                    failed.push(Blocker {
                        what: format!("{} is due and its bytes could not be destroyed: {fault}", row.id),
                        who: "the machine's administrator".into(),
                        command: "egressctl purge".into(),
                    });
                }
            }
        }
        Ok(PurgeReport { certificates: Listing::of(certificates), failed })
    }

    fn purge_if_due(&self, id: FileId) -> Result<Option<PurgeCertificate>, Refused> {
        // 1. A leaf before: what is going to be destroyed, and why.
        let begun = self.write_blocking(move |core, tx| {
            let facts = Facts::read(core, &*tx)?;
            let file = facts.file(id)?;
            if file.purge_begun.is_some() {
                return Ok(true);
            }
            let Some(why) = due(&facts, core, &file)? else { return Ok(false) };
            tx.append(Fact::new(Actor::System, Subject::File(id), Event::PurgeBegun { why }))?;
            Ok(true)
        })?;
        if begun { self.finish_purge(id).map(Some) } else { Ok(None) }
    }

    /// From the leaf before to the leaf after. Live code and recovery both come here; twice is as good as once.
    pub(super) fn finish_purge(&self, id: FileId) -> Result<PurgeCertificate, Refused> {
        // Whoever still reads it has lost the leave to: no open survives the leaf before.
        self.core.leases.cut(&Scope::File(id));
        // 2. The keys: from here on nobody can read the bytes.
        let objects = self.write_blocking(move |core, tx| {
            let file = Facts::read(core, &*tx)?.file(id)?;
            let objects = file.objects();
            for object in &objects {
                tx.keys_delete(*object)?;
            }
            Ok(objects)
        })?;
        // The destroyed keys may still stand in the write-ahead log: it is emptied before the purge is called done.
        self.ledger.truncate_wal_blocking()?;
        // 3. The bytes.
        for object in objects {
            for shelf in [Shelf::Incoming, Shelf::Sealed] {
                self.objects.unlink(shelf, object).map_err(|error| Fault::new("a purged object", error))?;
            }
        }
        // 4. The leaf after: the certificate.
        self.write_blocking(move |core, tx| {
            let file = Facts::read(core, &*tx)?.file(id)?;
            if file.purged.is_none() {
                tx.append(Fact::new(Actor::System, Subject::File(id), Event::Purged))?;
            }
            Ok(())
        })?;
        self.look(|facts| certificate(facts, id))
    }
}

/// Why a file's bytes have to go now, if they do.
fn due<S: Source>(facts: &Facts<'_, S>, core: &Core, file: &FileDossier) -> Result<Option<PurgeReason>, Refused> {
    if file.revoked.is_some() {
        return Ok(Some(PurgeReason::Ended));
    }
    let delivery = match file.delivery {
        Some(delivery) => Some(facts.delivery(delivery)?),
        None => None,
    };
    let is_released = delivery.as_ref().is_some_and(|delivery| delivery.has_released(file.id));
    if is_released && delivery.as_ref().is_some_and(|delivery| delivery.retention_over(facts.now)) {
        return Ok(Some(PurgeReason::Retention));
    }
    if delivery.as_ref().is_some_and(|delivery| delivery.revoked.is_some()) {
        return Ok(Some(PurgeReason::Ended));
    }
    if let Some(ticket) = file.ticket {
        let ticket = facts.ticket(ticket)?;
        let vendor = facts.vendor(ticket.vendor)?;
        let state = ticket.state(&facts.around(&vendor));
        let over = match state {
            State::Revoked | State::Withdrawn | State::Rejected => true,
            // What was released stays until its retention ends, although nobody can fetch it; what was held waits for a person.
            State::Closed => !is_released && file.held.is_none(),
            _ => vendor.revoked.is_some(),
        };
        if over {
            return Ok(Some(PurgeReason::Ended));
        }
        let today: Option<BTreeSet<Digest>> =
            vendor.recipients(&facts.roster, facts.now).ok().map(|keys| keys.into_iter().map(|(key, _)| key).collect());
        let outdated = file.sealed.as_ref().is_some_and(|sealed| {
            let keys: BTreeSet<Digest> = sealed.recipients.iter().copied().collect();
            sealed.revision != ticket.current().digest || today.is_some_and(|today| today != keys)
        });
        if outdated && !is_released {
            return Ok(Some(PurgeReason::Superseded));
        }
    }
    let settings = &core.rules().settings;
    let late = match (&file.held, &file.sealed) {
        (Some(held), _) => facts.now >= held.at + settings.held,
        (None, None) => facts.now >= file.staged.at + settings.waiting,
        (None, Some(_)) => false,
    };
    Ok(late.then_some(PurgeReason::TimedOut))
}

fn certificate<S: Source>(facts: &Facts<'_, S>, id: FileId) -> Result<PurgeCertificate, Refused> {
    let file = facts.file(id)?;
    let records = facts.source().chain(Subject::File(id))?;
    let leaf = |wanted: fn(&Event) -> bool| records.iter().find(|record| wanted(&record.event)).map_or(0, |record| record.index);
    let (_, why) = file.purge_begun.ok_or(Refusal::NoSuchFile { file: id.to_string() })?;
    let at = file.purged.ok_or(Refusal::NoSuchFile { file: id.to_string() })?;
    let delivery = match file.delivery {
        Some(delivery) => Some(show::delivery_path(facts, delivery)?),
        None => None,
    };
    Ok(PurgeCertificate {
        file: id,
        name: file.name.clone(),
        delivery,
        why,
        at: at.to_string(),
        leaf_before: leaf(|event| matches!(event, Event::PurgeBegun { .. })),
        leaf_after: leaf(|event| matches!(event, Event::Purged)),
    })
}
