//! Files and deliveries: all that was recorded about one, and where it stands.

use super::{
    digest::Digest,
    event::{ClosedBy, Detail, Event, PurgeReason, Record, ReleasedFile, Subject},
    file_name,
    finding::Finding,
    ids::{DeliveryId, DeliveryNumber, FileId, ObjectId, TicketId, VendorId},
    time::Time,
};

/// The encrypted staged copy.
#[derive(Clone, Debug)]
pub struct Staged {
    pub at: Time,
    pub object: ObjectId,
    pub sha256: Digest,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct Cleared {
    pub revision: Digest,
    /// Of the bounds that it was held against.
    pub bounds: Option<Digest>,
    pub sha256: Digest,
    pub rows: u64,
}

#[derive(Clone, Debug)]
pub struct SealedFile {
    pub revision: Digest,
    pub vendor: VendorId,
    pub header: ObjectId,
    pub payload: ObjectId,
    pub header_bytes: u64,
    pub payload_bytes: u64,
    /// Of header and payload as served.
    pub sha256: Digest,
    pub recipients: Vec<Digest>,
    pub at: Time,
}

impl SealedFile {
    /// Bytes as served.
    pub fn bytes(&self) -> u64 {
        self.header_bytes + self.payload_bytes
    }
}

#[derive(Clone, Debug)]
pub struct Held {
    pub at: Time,
    pub revision: Option<Digest>,
    pub findings: Vec<Finding>,
    pub more: u32,
}

/// Everything recorded about one file.
#[derive(Clone, Debug)]
pub struct FileDossier {
    pub id: FileId,
    pub ticket: Option<TicketId>,
    pub delivery: Option<DeliveryId>,
    pub directory: String,
    pub name: String,
    /// The producer's manifest, as it lay beside the file.
    pub manifest: Option<String>,
    pub staged: Staged,
    /// The newest holding, unless a recheck was asked for since.
    pub held: Option<Held>,
    pub cleared: Option<Cleared>,
    pub sealed: Option<SealedFile>,
    pub staged_copy_gone: bool,
    pub revoked: Option<Time>,
    pub purge_begun: Option<(Time, PurgeReason)>,
    pub purged: Option<Time>,
}

impl FileDossier {
    /// Replays a file's records, oldest first.
    pub fn replay(records: &[Record]) -> Option<Self> {
        let first = records.first()?;
        let (Subject::File(id), Event::FileStaged { ticket, delivery, object, sha256, bytes }) = (first.on, &first.event) else {
            return None;
        };
        // An erased detail leaves a file without a name: it is never released again, but it can still be purged.
        let (directory, name, manifest) = match &first.detail {
            Some(Detail::Source { directory, name, manifest, .. }) => (directory.clone(), name.clone(), manifest.clone()),
            _ => (String::new(), String::new(), None),
        };
        let mut file = Self {
            id,
            ticket: *ticket,
            delivery: *delivery,
            directory,
            name,
            manifest,
            staged: Staged { at: first.at, object: *object, sha256: *sha256, bytes: *bytes },
            held: None,
            cleared: None,
            sealed: None,
            staged_copy_gone: false,
            revoked: None,
            purge_begun: None,
            purged: None,
        };
        for record in records {
            file.apply(record);
        }
        Some(file)
    }

    fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::FileHeld { revision, .. } => {
                let (findings, more) = match &record.detail {
                    Some(Detail::Findings { findings, more }) => (findings.clone(), *more),
                    _ => (Vec::new(), 0),
                };
                self.held = Some(Held { at: record.at, revision: *revision, findings, more });
            }
            Event::FileRecheckAsked => self.held = None,
            Event::FileCleared { revision, bounds, sha256, rows, .. } => {
                self.held = None;
                self.cleared = Some(Cleared { revision: *revision, bounds: *bounds, sha256: *sha256, rows: *rows });
            }
            Event::FileSealed { revision, vendor, header, payload, header_bytes, payload_bytes, sha256, recipients } => {
                self.sealed = Some(SealedFile {
                    revision: *revision,
                    vendor: *vendor,
                    header: *header,
                    payload: *payload,
                    header_bytes: *header_bytes,
                    payload_bytes: *payload_bytes,
                    sha256: *sha256,
                    recipients: recipients.clone(),
                    at: record.at,
                });
            }
            Event::StagedCopyGone => self.staged_copy_gone = true,
            Event::FileRevoked => self.revoked = self.revoked.or(Some(record.at)),
            Event::PurgeBegun { why } => self.purge_begun = self.purge_begun.or(Some((record.at, *why))),
            Event::Purged => self.purged = self.purged.or(Some(record.at)),
            _ => {}
        }
    }

    /// The name the vendor sees.
    pub fn served_name(&self) -> String {
        file_name::served(&self.name)
    }

    /// The name of what is in it.
    pub fn content_name(&self) -> &str {
        file_name::content(&self.name)
    }

    /// Whether it came encrypted to the gateway.
    pub fn is_encrypted(&self) -> bool {
        self.content_name() != self.name
    }

    /// Every stored object that may still hold bytes of this file.
    pub fn objects(&self) -> Vec<ObjectId> {
        let sealed = self.sealed.iter().flat_map(|sealed| [sealed.header, sealed.payload]);
        let staged = (!self.staged_copy_gone).then_some(self.staged.object);
        staged.into_iter().chain(sealed).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Released {
    pub at: Time,
    pub revision: Digest,
    pub files: Vec<ReleasedFile>,
    /// When retention ends.
    pub until: Time,
}

/// Everything recorded about one delivery.
#[derive(Clone, Debug)]
pub struct DeliveryDossier {
    pub id: DeliveryId,
    pub ticket: TicketId,
    pub number: DeliveryNumber,
    pub opened_at: Time,
    /// Every file that joined it, in that order.
    pub files: Vec<FileId>,
    pub closed: Option<(Time, ClosedBy)>,
    pub released: Option<Released>,
    pub revoked: Option<Time>,
}

impl DeliveryDossier {
    pub fn replay(records: &[Record]) -> Option<Self> {
        let first = records.first()?;
        let (Subject::Delivery(id), Event::DeliveryOpened { ticket, number }) = (first.on, &first.event) else { return None };
        let mut delivery = Self {
            id,
            ticket: *ticket,
            number: *number,
            opened_at: first.at,
            files: Vec::new(),
            closed: None,
            released: None,
            revoked: None,
        };
        for record in records {
            match &record.event {
                Event::FileJoined { file } => delivery.files.push(*file),
                Event::DeliveryClosed { by } => delivery.closed = delivery.closed.or(Some((record.at, *by))),
                Event::DeliveryReleased { revision, list, until, .. } => {
                    // Without its list a release shows nothing.
                    let files = match &record.detail {
                        Some(Detail::Release { files }) if Digest::of_canonical(files).ok() == Some(*list) => files.clone(),
                        _ => Vec::new(),
                    };
                    delivery.released = Some(Released { at: record.at, revision: *revision, files, until: *until });
                }
                Event::DeliveryRevoked => delivery.revoked = delivery.revoked.or(Some(record.at)),
                _ => {}
            }
        }
        Some(delivery)
    }

    /// Whether it was released with this file.
    pub fn has_released(&self, file: FileId) -> bool {
        self.released.as_ref().is_some_and(|released| released.files.iter().any(|listed| listed.file == file))
    }

    pub fn retention_over(&self, now: Time) -> bool {
        self.released.as_ref().is_some_and(|released| now >= released.until)
    }
}
