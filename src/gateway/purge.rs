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
    dossier::{State, TicketDossier},
    event::{Actor, Detail, Event, Fact, PurgeReason, Subject},
    file::FileDossier,
    ids::{FileId, ObjectId, TicketId},
    refusal::Refusal,
    vendor::VendorDossier,
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
        let reason = super::reason("file discard", reason)?;
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
        let mut complain = |id: FileId, refused: Refused| match refused {
            Refused::Refusal(refusal) => tracing::warn!(file = %id, %refusal, "not purged"),
            Refused::Fault(fault) => {
                tracing::error!(file = %id, %fault, "could not be purged");
                failed.push(Blocker {
                    what: format!("{id} is due and its bytes could not be destroyed: {fault}"),
                    who: "the machine's administrator".into(),
                    command: "egressctl purge".into(),
                });
            }
        };
        // 1. A leaf before, for each: what is going to be destroyed, and why.
        let mut begun = Vec::new();
        for row in self.look(|facts| Ok(facts.find(find::unpurged)?))? {
            if self.core.is_stopping() {
                break;
            }
            self.core.turn();
            match self.begin_purge_if_due(row.id) {
                Ok(Due::Now) => begun.push(row.id),
                Ok(Due::NotYet) => {}
                Err(refused) => complain(row.id, refused),
            }
        }
        for (id, finished) in self.finish_purges(&begun) {
            match finished {
                Ok(certificate) => certificates.push(certificate),
                Err(refused) => complain(id, refused),
            }
        }
        Ok(PurgeReport { certificates: Listing::of(certificates), failed })
    }

    fn begin_purge_if_due(&self, id: FileId) -> Result<Due, Refused> {
        // Most files stay, and the ledger's one writer has better to do than to hear that of each at every turn.
        let seems_due = self.look(|facts| {
            let file = facts.file(id)?;
            Ok(file.purge_begun.is_some() || due(facts, &self.core, &file)?.is_some())
        })?;
        if !seems_due {
            return Ok(Due::NotYet);
        }
        self.write_blocking(move |core, tx| {
            let facts = Facts::read(core, &*tx)?;
            let file = facts.file(id)?;
            if file.purge_begun.is_some() {
                return Ok(Due::Now);
            }
            let Some(why) = due(&facts, core, &file)? else { return Ok(Due::NotYet) };
            tx.append(Fact::new(Actor::System, Subject::File(id), Event::PurgeBegun { why }))?;
            Ok(Due::Now)
        })
    }

    pub(super) fn finish_purge(&self, id: FileId) -> Result<PurgeCertificate, Refused> {
        let finished = self.finish_purges(&[id]).pop().map(|(_, finished)| finished);
        finished.unwrap_or_else(|| Err(Refusal::NoSuchFile { file: id.to_string() }.into()))
    }

    /// From the leaves before to the leaves after. Live code and recovery both come here; twice is as good as once. However many
    /// files there are, the write-ahead log is emptied once.
    pub(super) fn finish_purges(&self, files: &[FileId]) -> Vec<(FileId, Result<PurgeCertificate, Refused>)> {
        if files.is_empty() {
            return Vec::new();
        }
        // 2. The keys: from here on nobody can read the bytes.
        let keyless: Vec<_> = files.iter().map(|id| (*id, self.destroy_keys(*id))).collect();
        // They may still stand in the write-ahead log: it is emptied before any purge is called done.
        let emptied = self.ledger.truncate_wal_blocking();
        // 3. The bytes, and the leaf after.
        let finish = |(id, keyless): (FileId, Result<Vec<ObjectId>, Refused>)| {
            let finished = keyless.and_then(|objects| {
                emptied.clone()?;
                self.destroy_bytes(id, objects)
            });
            (id, finished)
        };
        keyless.into_iter().map(finish).collect()
    }

    fn destroy_keys(&self, id: FileId) -> Result<Vec<ObjectId>, Refused> {
        {
            // Whoever still reads it has lost the leave to: no open survives the leaf before. A revocation that has just written
            // its fact cuts first, so that its receipt names the sessions.
            let _cutting = self.core.cutting.blocking_lock();
            self.core.leases.cut(&Scope::File(id));
        }
        self.write_blocking(move |core, tx| {
            let objects = Facts::read(core, &*tx)?.file(id)?.objects();
            for object in &objects {
                tx.keys_delete(*object)?;
            }
            Ok(objects)
        })
    }

    fn destroy_bytes(&self, id: FileId, objects: Vec<ObjectId>) -> Result<PurgeCertificate, Refused> {
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

/// Whether a file's purge has begun, now or before.
enum Due {
    Now,
    NotYet,
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
        let over = match ended(facts, &ticket, &vendor) {
            // What was released stays until its retention ends, although nobody can fetch it; what was held waits for a person.
            Some(State::Closing | State::Closed) => !is_released && file.held.is_none(),
            ended => ended.is_some(),
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
        // While it is not active nobody knows which bounds it will have: votes that count may be given again.
        let standing = ticket.standing(&facts.around(&vendor));
        let outdated = outdated
            || standing.state == State::Active
                && file.cleared.is_some_and(|cleared| cleared.bounds != Some(standing.bounds.content.digest()));
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

/// The state of a ticket under which nothing will be released any more, whatever anybody does.
pub(super) fn ended<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, vendor: &VendorDossier) -> Option<State> {
    let state = ticket.state(&facts.around(vendor));
    (state.is_over() || vendor.revoked.is_some()).then_some(state)
}

/// # Errors
/// Nothing of the ticket will be released any more: its own state says so, or its vendor's revocation.
pub(super) fn moves<S: Source>(facts: &Facts<'_, S>, ticket: TicketId) -> Result<(), Refused> {
    let ticket = facts.ticket(ticket)?;
    let vendor = facts.vendor(ticket.vendor)?;
    ticket.goes_on(&facts.around(&vendor))?;
    match vendor.revoked {
        Some(_) => Err(Refusal::VendorRevoked { vendor: vendor.slug.to_string() }.into()),
        None => Ok(()),
    }
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
