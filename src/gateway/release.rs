//! Release: a whole delivery becomes visible to its vendor, because every paper agrees.

use super::{
    Gateway, close,
    core::Core,
    facts::{Facts, Source},
    outcome::Refused,
    progress::Work,
    vault::Tx,
    vault::find,
};
use crate::domain::{
    canonical,
    digest::Digest,
    event::{Actor, Detail, Event, Fact, PurgeReason, ReleasedFile, Subject},
    file::DeliveryDossier,
    ids::{DeliveryId, TicketNumber},
    papers::{Approved, Clean, Release, Sealed},
    refusal::Refusal,
};
use serde::Serialize;

impl Gateway {
    /// Releases every delivery that is closed and whose files are all sealed. What cannot be released yet stays as it is.
    pub(super) fn release_what_is_ready(&self) -> Result<(), Refused> {
        let ready = self.look(|facts| Ok(facts.find(find::unreleased_deliveries)?))?;
        for delivery in ready {
            self.core.progress.moved(Work::Release, self.core.clock.elapsed());
            match self.write_blocking(move |core, tx| release(core, tx, delivery)) {
                Ok(()) => tracing::info!(%delivery, "released"),
                Err(Refused::Refusal(refusal)) => tracing::debug!(%delivery, %refusal, "not released"),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

pub(super) fn release(core: &Core, tx: &mut Tx<'_>, id: DeliveryId) -> Result<(), Refused> {
    let facts = Facts::read(core, &*tx)?;
    let delivery = facts.delivery(id)?;
    // The index may name it again; what was released stays as it was released.
    if delivery.released.is_some() {
        return Ok(());
    }
    // Durable with this record, and visible from then on: a crash before the commit has released nothing.
    let (id, revision, files, until) = grant(&facts, &delivery)?.into_parts();
    let list = Digest::of_canonical(&files).map_err(|error| super::outcome::Fault::new("the list of released files", error))?;
    let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
    let event = Event::DeliveryReleased { revision, files: count, list, until };
    tx.append(Fact::new(Actor::System, Subject::Delivery(id), event).with(Detail::Release { files }))?;
    // The last delivery that its ticket allows ends what it may begin, with the same record.
    close::record_end(core, tx, delivery.ticket)
}

/// Leave to release a delivery as of now, or what stands in the way.
pub(super) fn grant<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Release, Refused> {
    let ticket = facts.ticket(delivery.ticket)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    // 1. The ticket, as of now.
    let approved = Approved::check(&ticket, &around)?;
    facts.intact(&ticket)?;
    // 2. Every file of the delivery, as the delivery's own records name them.
    let mut papers = Vec::with_capacity(delivery.files.len());
    for id in &delivery.files {
        let file = facts.file(*id)?;
        match file.purge_begun {
            // Somebody decided that the delivery goes without it.
            Some((_, PurgeReason::Discarded)) => continue,
            Some(_) => {
                let delivery = format!("{}/{}", ticket.number, delivery.number);
                return Err(Refusal::DeliveryBroken { delivery, file: file.name.clone() }.into());
            }
            None => {}
        }
        if file.held.is_some() {
            return Err(Refusal::DeliveryHeld { delivery: format!("{}/{}", ticket.number, delivery.number) }.into());
        }
        papers.push((Clean::check(&file)?, Sealed::check(&file)?));
    }
    // 3. Do they agree?
    Ok(Release::grant(delivery, &approved, papers, &around)?)
}

/// What accompanies the files of a released delivery, in clear and without a value of the data.
pub(super) struct Notes {
    /// Canonical JSON.
    pub(super) manifest: String,
    /// As `sha256sum -c` reads it.
    pub(super) checksums: String,
}

#[derive(Serialize)]
struct Manifest<'a> {
    v: u8,
    ticket: TicketNumber,
    delivery: String,
    revision: Digest,
    released: String,
    until: String,
    files: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    bytes: u64,
    sha256: Digest,
    rows: u64,
}

impl Notes {
    pub(super) const MANIFEST: &str = "MANIFEST.json";
    pub(super) const CHECKSUMS: &str = "SHA256SUMS";

    /// The same for the same release, for ever: made of its record alone.
    pub(super) fn of<'a>(ticket: TicketNumber, delivery: &'a DeliveryDossier) -> Result<Self, Refusal> {
        let released = delivery.released.as_ref().ok_or(Refusal::NotYours {})?;
        let listed = |file: &'a ReleasedFile| {
            let ReleasedFile { name, bytes, sha256, rows, .. } = file;
            Listed { name, bytes: *bytes, sha256: *sha256, rows: *rows }
        };
        let manifest = Manifest {
            v: 1,
            ticket,
            delivery: delivery.number.to_string(),
            revision: released.revision,
            released: released.at.to_string(),
            until: released.until.to_string(),
            files: released.files.iter().map(listed).collect(),
        };
        let manifest = canonical::to_bytes(&manifest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let manifest = manifest.ok_or(Refusal::NotYours {})?;
        let checksums = released.files.iter().map(|file| format!("{}  {}\n", file.sha256, file.name)).collect();
        Ok(Self { manifest: manifest + "\n", checksums })
    }
}
