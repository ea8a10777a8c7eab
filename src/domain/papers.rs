//! Papers: proofs as values. Each has private fields and one constructor that checks; no paper can be copied or forged.

use super::{
    bounds::Bounds,
    credential::Credential,
    digest::Digest,
    dossier::{Serves, Standing, State, Surroundings, TicketDossier},
    event::{Protocol, ReleasedFile},
    file::{DeliveryDossier, FileDossier},
    ids::{DeliveryId, FileId, TicketId, TicketNumber, VendorId},
    refusal::Refusal,
    time::{Time, days},
};
use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

/// A ticket that is approved, active and in its window right now, for one vendor.
#[derive(Debug)]
pub struct Approved {
    ticket: TicketId,
    number: TicketNumber,
    revision: Digest,
    vendor: VendorId,
    retention_days: u32,
    bounds: Arc<Bounds>,
}

impl Approved {
    pub fn check(ticket: &TicketDossier, around: &Surroundings<'_>) -> Result<Self, Refusal> {
        Self::standing(ticket, around, |standing| standing.state == State::Active)
    }

    /// The same for what was released already: it is served while its ticket closes for want of deliveries, and no further day.
    fn to_serve(ticket: &TicketDossier, around: &Surroundings<'_>) -> Result<Self, Refusal> {
        Self::standing(ticket, around, |standing| standing.serves == Serves::Yes)
    }

    fn standing(
        ticket: &TicketDossier,
        around: &Surroundings<'_>,
        holds: impl FnOnce(&Standing) -> bool,
    ) -> Result<Self, Refusal> {
        around.house.is_frozen()?;
        if ticket.vendor != around.vendor.id {
            return Err(Refusal::PapersDisagree { reason: "the ticket names another vendor".into() });
        }
        if ticket.document().vendor != around.vendor.slug {
            return Err(Refusal::PapersDisagree { reason: "the ticket was written for another vendor".into() });
        }
        let standing = ticket.standing(around);
        let holds = holds(&standing);
        let Standing { state, bounds, .. } = standing;
        if !holds {
            let is_final = state.is_terminal() || bounds.is_over(around.now);
            return Err(match (ticket.blocked(around), &ticket.suspension) {
                (Some(refusal), _) if !is_final => refusal,
                (None, Some(suspension)) if !is_final => Refusal::suspended(ticket.number, suspension),
                _ => Refusal::NotActive { ticket: ticket.number.to_string(), state: state.name().into() },
            });
        }
        let window = ticket.document().window;
        if !window.is_open(around.now) {
            return Err(Refusal::WindowNotOpen { ticket: ticket.number.to_string(), opens: window.opens.to_string() });
        }
        Ok(Self {
            ticket: ticket.id,
            number: ticket.number,
            revision: ticket.current().digest,
            vendor: ticket.vendor,
            retention_days: ticket.document().retention_days,
            bounds,
        })
    }

    /// What binds whatever is done under it.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub fn revision(&self) -> Digest {
        self.revision
    }

    pub fn vendor(&self) -> VendorId {
        self.vendor
    }

    pub fn ticket(&self) -> TicketId {
        self.ticket
    }
}

/// A file whose whole content was inspected under a revision and has no finding.
#[derive(Debug)]
pub struct Clean {
    file: FileId,
    ticket: TicketId,
    delivery: DeliveryId,
    revision: Digest,
    bounds: Option<Digest>,
    rows: u64,
}

impl Clean {
    pub fn check(file: &FileDossier) -> Result<Self, Refusal> {
        let disagree = |reason: &str| Refusal::PapersDisagree { reason: reason.into() };
        let cleared = file.cleared.ok_or_else(|| disagree("the file was not cleared"))?;
        if file.held.is_some() {
            return Err(disagree("the file is held"));
        }
        if cleared.sha256 != file.staged.sha256 {
            return Err(disagree("what was inspected is not what was staged"));
        }
        let ticket = file.ticket.ok_or_else(|| disagree("the file belongs to no ticket"))?;
        let delivery = file.delivery.ok_or_else(|| disagree("the file belongs to no delivery"))?;
        Ok(Self { file: file.id, ticket, delivery, revision: cleared.revision, bounds: cleared.bounds, rows: cleared.rows })
    }
}

/// A file that is encrypted to its vendor, stored, and of which no plaintext is left.
#[derive(Debug)]
pub struct Sealed {
    file: FileId,
    name: String,
    bytes: u64,
    sha256: Digest,
    revision: Digest,
    vendor: VendorId,
    recipients: Vec<Digest>,
}

impl Sealed {
    pub fn check(file: &FileDossier) -> Result<Self, Refusal> {
        let disagree = |reason: &str| Refusal::PapersDisagree { reason: reason.into() };
        let sealed = file.sealed.as_ref().ok_or_else(|| disagree("the file is not sealed"))?;
        if !file.staged_copy_gone {
            return Err(disagree("the staged copy still exists"));
        }
        if file.revoked.is_some() {
            return Err(Refusal::revoked("file", file.id));
        }
        if file.purge_begun.is_some() {
            return Err(Refusal::RetentionOver {});
        }
        Ok(Self {
            file: file.id,
            name: file.served_name(),
            bytes: sealed.bytes(),
            sha256: sealed.sha256,
            revision: sealed.revision,
            vendor: sealed.vendor,
            recipients: sealed.recipients.clone(),
        })
    }
}

/// Leave to make a delivery visible: every paper names the same files, the same revision, the same vendor.
#[derive(Debug)]
pub struct Release {
    delivery: DeliveryId,
    revision: Digest,
    files: Vec<ReleasedFile>,
    until: Time,
}

impl Release {
    pub fn grant(
        delivery: &DeliveryDossier,
        approved: &Approved,
        files: Vec<(Clean, Sealed)>,
        around: &Surroundings<'_>,
    ) -> Result<Self, Refusal> {
        let disagree = |reason: &str| Refusal::PapersDisagree { reason: reason.into() };
        let number = format!("{}/{}", approved.number, delivery.number);
        if delivery.ticket != approved.ticket {
            return Err(disagree("the delivery is another ticket's"));
        }
        if delivery.closed.is_none() {
            return Err(Refusal::DeliveryOpen { delivery: number });
        }
        if delivery.revoked.is_some() {
            return Err(Refusal::revoked("delivery", number));
        }
        if files.is_empty() {
            return Err(Refusal::DeliveryEmpty { delivery: number });
        }
        let recipients: BTreeSet<Digest> =
            around.vendor.recipients(around.roster, around.now)?.into_iter().map(|(key, _)| key).collect();
        let bounds = approved.bounds.content.digest();
        for (clean, sealed) in &files {
            if clean.file != sealed.file {
                return Err(disagree("one file was cleared and another sealed"));
            }
            if clean.ticket != approved.ticket || clean.delivery != delivery.id {
                return Err(disagree("the file was cleared for another ticket or delivery"));
            }
            if clean.revision != approved.revision || sealed.revision != approved.revision {
                return Err(disagree("the file was checked against another revision than the approved one"));
            }
            if clean.bounds != Some(bounds) {
                return Err(disagree("the file was checked against other bounds than the ones that hold now"));
            }
            if sealed.vendor != approved.vendor || sealed.recipients.is_empty() {
                return Err(disagree("the file was sealed for another vendor"));
            }
            // Exactly today's keys: a file sealed to a key that was rotated away is staged again.
            if sealed.recipients.iter().copied().collect::<BTreeSet<_>>() != recipients {
                return Err(disagree("the file was sealed to other keys than the vendor has now"));
            }
        }
        let listed = |(clean, sealed): (Clean, Sealed)| ReleasedFile {
            file: clean.file,
            name: sealed.name,
            bytes: sealed.bytes,
            sha256: sealed.sha256,
            rows: clean.rows,
        };
        let files = files.into_iter().map(listed).collect();
        Ok(Self { delivery: delivery.id, revision: approved.revision, files, until: around.now + days(approved.retention_days) })
    }

    /// What the record of the release says.
    pub fn into_parts(self) -> (DeliveryId, Digest, Vec<ReleasedFile>, Time) {
        (self.delivery, self.revision, self.files, self.until)
    }
}

/// Who stands at the door: a vendor's session as its login fixed it.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    pub vendor: VendorId,
    pub credential: Credential,
    pub address: IpAddr,
}

impl Visitor {
    pub const fn key(&self) -> Digest {
        self.credential.key()
    }

    pub const fn protocol(&self) -> Protocol {
        self.credential.protocol()
    }
}

/// Leave for one visitor to see one released delivery right now.
#[derive(Debug)]
pub struct Sight {
    max_downloads: Option<u32>,
    /// The revision that runs, and the digest of what its files may hold now.
    running: (Digest, Digest),
}

impl Sight {
    /// Everything that must hold while a delivery is shown or served: nothing revoked, nothing expired, the ticket active.
    pub fn check(
        visitor: &Visitor,
        ticket: &TicketDossier,
        delivery: &DeliveryDossier,
        around: &Surroundings<'_>,
    ) -> Result<Self, Refusal> {
        if ticket.vendor != visitor.vendor || around.vendor.id != visitor.vendor || delivery.ticket != ticket.id {
            return Err(Refusal::NotYours {});
        }
        around.house.admits(visitor.address)?;
        around.vendor.admits(visitor.credential, visitor.address, around.roster, around.now)?;
        let bounds = Self::bounds(ticket, delivery, around)?;
        bounds.admits(visitor.protocol(), visitor.address)?;
        let running = (ticket.current().digest, bounds.content.digest());
        Ok(Self { max_downloads: bounds.max_downloads, running })
    }

    /// The part of it that holds or fails for every visitor alike. It gives nobody leave: it says why nobody has it.
    pub fn stands(ticket: &TicketDossier, delivery: &DeliveryDossier, around: &Surroundings<'_>) -> Result<(), Refusal> {
        Self::bounds(ticket, delivery, around).map(drop)
    }

    fn bounds(ticket: &TicketDossier, delivery: &DeliveryDossier, around: &Surroundings<'_>) -> Result<Arc<Bounds>, Refusal> {
        around.house.is_frozen()?;
        let released = delivery.released.as_ref().ok_or(Refusal::NotYours {})?;
        if delivery.revoked.is_some() {
            return Err(Refusal::revoked("delivery", format_args!("{}/{}", ticket.number, delivery.number)));
        }
        if around.now >= released.until {
            return Err(Refusal::RetentionOver {});
        }
        // It was released under this one; the ticket may have been amended since.
        let revision = ticket.revision(released.revision).ok_or(Refusal::NotYours {})?;
        if let Some(field) = revision.document.fields.iter().find(|field| around.house.class_revoked(&field.class)) {
            return Err(Refusal::revoked_everywhere("class", &field.class));
        }
        Ok(Approved::to_serve(ticket, around)?.bounds)
    }
}

/// Leave for one visitor to read one released file right now.
#[derive(Debug)]
pub struct Leave {
    file: FileId,
    max_downloads: Option<u32>,
}

impl Leave {
    pub fn check(
        sight: Sight,
        file: &FileDossier,
        delivery: &DeliveryDossier,
        ticket: &TicketDossier,
        around: &Surroundings<'_>,
    ) -> Result<Self, Refusal> {
        let released = delivery.released.as_ref().ok_or(Refusal::NotYours {})?;
        if file.delivery != Some(delivery.id) || !released.files.iter().any(|listed| listed.file == file.id) {
            return Err(Refusal::NotYours {});
        }
        let (clean, sealed) = (Clean::check(file)?, Sealed::check(file)?);
        // A released delivery keeps the revision it was released under.
        if clean.revision != released.revision || sealed.revision != released.revision || sealed.vendor != ticket.vendor {
            return Err(Refusal::PapersDisagree {
                reason: "the file was not sealed under the revision that was released".into(),
            });
        }
        // Its gates may have been asked again since, and an approval be tied to less: what was cleared for more is served no longer.
        let (running, content) = sight.running;
        if clean.revision == running && clean.bounds != Some(content) {
            return Err(Refusal::PapersDisagree {
                reason: "the ticket's approval is tied to less now than when the file was checked".into(),
            });
        }
        if let Some(key) = sealed.recipients.iter().find(|key| around.vendor.is_revoked_key(**key)) {
            return Err(Refusal::revoked("key", super::signature::openssh_fingerprint(*key)));
        }
        Ok(Self { file: file.id, max_downloads: sight.max_downloads })
    }

    /// How often the file may be begun to be read.
    pub fn max_downloads(&self) -> Option<u32> {
        self.max_downloads
    }

    pub fn file(&self) -> FileId {
        self.file
    }
}
