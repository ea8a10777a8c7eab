//! Pickup: what one vendor's session holds. It can list, open and acknowledge, and nothing else.

use super::{
    Gateway,
    download::{Content, Opened},
    facts::{Facts, Source},
    lease::{Holding, Lease},
    outcome::Refused,
    release::Notes,
    vault::{View, find},
};
use crate::domain::{
    digest::Digest,
    dossier::TicketDossier,
    event::{Actor, Event, Fact, Item, ReleasedFile, SessionEnd, Subject},
    file::DeliveryDossier,
    ids::{DeliveryNumber, SessionId, TicketNumber},
    papers::{Leave, Sight, Visitor},
    refusal::Refusal,
    time::Time,
    vendor::VendorDossier,
    vendor_path::VendorPath,
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryKind {
    Directory,
    File,
}

/// One line of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub name: String,
    pub kind: EntryKind,
    /// Bytes as served; 0 for directories.
    pub size: u64,
    /// When it was released.
    pub modified: Time,
    /// Of the bytes as served; none for directories.
    pub sha256: Option<Digest>,
}

impl Entry {
    fn directory(name: String, modified: Time) -> Self {
        Self { name, kind: EntryKind::Directory, size: 0, modified, sha256: None }
    }

    fn file(name: &str, size: u64, modified: Time, sha256: Digest) -> Self {
        Self { name: name.to_owned(), kind: EntryKind::File, size, modified, sha256: Some(sha256) }
    }

    fn note(name: &str, text: &str, modified: Time) -> Self {
        Self::file(name, text.len() as u64, modified, Digest::of(text.as_bytes()))
    }
}

/// A logged-in vendor's handle. The session has ended when it is dropped.
pub struct Pickup {
    gateway: Gateway,
    lease: Arc<Lease>,
    /// What this session asked for and was refused.
    denied: AtomicU32,
}

/// One delivery that this visitor may see right now.
pub(super) struct Shown {
    pub(super) ticket: Arc<TicketDossier>,
    pub(super) vendor: Arc<VendorDossier>,
    pub(super) delivery: Arc<DeliveryDossier>,
    pub(super) released_at: Time,
    pub(super) sight: Sight,
}

impl Pickup {
    pub(super) fn new(gateway: Gateway, lease: Arc<Lease>) -> Self {
        Self { gateway, lease, denied: AtomicU32::new(0) }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.lease.is_cut()
    }

    pub fn session(&self) -> SessionId {
        self.lease.session()
    }

    /// What stands in a directory, as of now.
    pub fn list(&self, directory: &VendorPath) -> Result<Vec<Entry>, Refused> {
        let visitor = *self.lease.visitor();
        self.asked(|facts| match directory {
            VendorPath::Root => root(facts, &visitor),
            VendorPath::Ticket(ticket) => deliveries(facts, &visitor, *ticket),
            VendorPath::Delivery(ticket, delivery) => files(&shown(facts, &visitor, *ticket, *delivery)?),
            VendorPath::File(..) => Err(Refusal::NotYours {}.into()),
        })
    }

    pub fn stat(&self, path: &VendorPath) -> Result<Entry, Refused> {
        let visitor = *self.lease.visitor();
        self.asked(|facts| match path {
            VendorPath::Root => Ok(Entry::directory("/".into(), facts.now)),
            VendorPath::Ticket(ticket) => {
                let newest = deliveries(facts, &visitor, *ticket)?.into_iter().map(|entry| entry.modified).max();
                Ok(Entry::directory(ticket.to_string(), newest.ok_or(Refusal::NotYours {})?))
            }
            VendorPath::Delivery(ticket, number) => {
                let shown = shown(facts, &visitor, *ticket, *number)?;
                Ok(Entry::directory(number.to_string(), shown.released_at))
            }
            VendorPath::File(ticket, number, name) => {
                let shown = shown(facts, &visitor, *ticket, *number)?;
                files(&shown)?.into_iter().find(|entry| entry.name == *name).ok_or_else(|| Refusal::NotYours {}.into())
            }
        })
    }

    /// Opens a released file: no byte yet, and no record before the first.
    pub fn open(&self, path: &VendorPath) -> Result<Opened, Refused> {
        let VendorPath::File(number, delivery_number, name) = path else { return Err(Refusal::NotYours {}.into()) };
        let visitor = *self.lease.visitor();
        // 1. What is it? Only to know what the lease has to name.
        let (holding, item) = self.asked(|facts| {
            let shown = shown(facts, &visitor, *number, *delivery_number)?;
            facts.spool_has_room()?;
            let item = item(&shown, name)?;
            Ok((holding(facts, &shown, &item)?, item))
        })?;
        // 2. The lease names it. From here on a revocation of any of it reaches this session.
        let hold = self.lease.hold(holding);
        // 3. The facts.
        let (entry, content) = self.asked(|facts| {
            let shown = shown(facts, &visitor, *number, *delivery_number)?;
            content(facts, shown, &item, name)
        })?;
        Ok(Opened::new(self.gateway.clone(), hold, (*number, *delivery_number), entry, item, content))
    }

    /// Ends the session with a durable record. Every opened file has been finished before.
    pub async fn close(self, how: SessionEnd) {
        let how = if self.lease.is_cut() { SessionEnd::Severed } else { how };
        if how == SessionEnd::Severed {
            self.gateway.end_pulls_that_are_over().await;
        }
        let (session, denied) = (self.lease.session(), self.denied.load(Ordering::Relaxed));
        let by = Actor::Vendor { id: self.lease.visitor().vendor, session };
        let recorded = self
            .gateway
            .write(move |_, tx| {
                tx.append(Fact::new(by, Subject::Session(session), Event::SessionClosed { how, denied }))?;
                Ok(())
            })
            .await;
        if let Err(Refused::Fault(fault)) = recorded {
            // The next start finds the session open in the log and ends it there.
            tracing::error!(%session, %fault, "the end of a session could not be recorded");
        }
    }

    fn asked<T>(&self, look: impl FnOnce(&Facts<'_, View<'_>>) -> Result<T, Refused>) -> Result<T, Refused> {
        let answer = if self.lease.is_cut() { Err(Refusal::NotYours {}.into()) } else { self.gateway.look(look) };
        if let Err(Refused::Refusal(_)) = &answer {
            self.denied.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }
}

/// The delivery, if this visitor may see it now. The one gate of every list, stat, open and read, whatever the protocol.
pub(super) fn shown<S: Source>(
    facts: &Facts<'_, S>,
    visitor: &Visitor,
    number: TicketNumber,
    delivery: DeliveryNumber,
) -> Result<Shown, Refused> {
    let hidden = |_| Refused::from(Refusal::NotYours {});
    let ticket = facts.ticket_numbered(number).map_err(unknown_as_hidden)?;
    let delivery = facts.delivery_numbered(&ticket, delivery).map_err(unknown_as_hidden)?.ok_or(()).map_err(hidden)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let sight = Sight::check(visitor, &ticket, &delivery, &facts.around(&vendor))?;
    facts.intact(&ticket)?;
    let released_at = delivery.released.as_ref().map(|released| released.at).ok_or(()).map_err(hidden)?;
    Ok(Shown { ticket, vendor, delivery, released_at, sight })
}

fn unknown_as_hidden(refused: Refused) -> Refused {
    match refused {
        Refused::Refusal(_) => Refusal::NotYours {}.into(),
        fault @ Refused::Fault(_) => fault,
    }
}

fn root<S: Source>(facts: &Facts<'_, S>, visitor: &Visitor) -> Result<Vec<Entry>, Refused> {
    let mut entries = Vec::new();
    for id in facts.find(|conn| find::tickets_served(conn, visitor.vendor, facts.now))? {
        let ticket = facts.ticket(id)?;
        let shown = match deliveries(facts, visitor, ticket.number) {
            Ok(shown) => shown,
            Err(Refused::Refusal(_)) => continue,
            Err(fault) => return Err(fault),
        };
        if let Some(newest) = shown.iter().map(|entry| entry.modified).max() {
            entries.push(Entry::directory(ticket.number.to_string(), newest));
        }
    }
    Ok(entries)
}

fn deliveries<S: Source>(facts: &Facts<'_, S>, visitor: &Visitor, number: TicketNumber) -> Result<Vec<Entry>, Refused> {
    let ticket = facts.ticket_numbered(number).map_err(unknown_as_hidden)?;
    let mut entries = Vec::new();
    for id in facts.find(|conn| find::visible_deliveries(conn, ticket.id, facts.now))? {
        let delivery = facts.delivery(id)?;
        match shown(facts, visitor, number, delivery.number) {
            Ok(shown) => entries.push(Entry::directory(delivery.number.to_string(), shown.released_at)),
            Err(Refused::Refusal(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    // A ticket without anything to see does not exist for a vendor.
    if entries.is_empty() { Err(Refusal::NotYours {}.into()) } else { Ok(entries) }
}

fn files(shown: &Shown) -> Result<Vec<Entry>, Refused> {
    let notes = Notes::of(shown.ticket.number, &shown.delivery)?;
    let at = shown.released_at;
    let clear = [(Notes::MANIFEST, &notes.manifest), (Notes::CHECKSUMS, &notes.checksums)];
    let clear = clear.into_iter().map(|(name, text)| Entry::note(name, text, at));
    let released = shown.delivery.released.iter().flat_map(|released| &released.files);
    Ok(clear.chain(released.map(|file| Entry::file(&file.name, file.bytes, at, file.sha256))).collect())
}

fn item(shown: &Shown, name: &str) -> Result<Item, Refusal> {
    match name {
        Notes::MANIFEST => Ok(Item::Manifest),
        Notes::CHECKSUMS => Ok(Item::Checksums),
        _ => listed(shown, name).map(|file| Item::File(file.file)),
    }
}

fn listed<'a>(shown: &'a Shown, name: &str) -> Result<&'a ReleasedFile, Refusal> {
    let mut files = shown.delivery.released.iter().flat_map(|released| &released.files);
    files.find(|file| file.name == name).ok_or(Refusal::NotYours {})
}

fn holding<S: Source>(facts: &Facts<'_, S>, shown: &Shown, item: &Item) -> Result<Holding, Refused> {
    let (file, recipients) = match item {
        Item::File(id) => {
            (Some(*id), facts.file(*id)?.sealed.as_ref().map(|sealed| sealed.recipients.clone()).unwrap_or_default())
        }
        Item::Manifest | Item::Checksums => (None, Vec::new()),
    };
    let revision = shown.delivery.released.as_ref().and_then(|released| shown.ticket.revision(released.revision));
    let now = &shown.ticket.document().fields;
    let classes = revision.map(|then| &then.document.fields).into_iter().flatten().chain(now).map(|field| field.class.clone());
    let classes = classes.collect();
    Ok(Holding { ticket: shown.ticket.id, delivery: shown.delivery.id, file, classes, recipients })
}

/// What there is to read, with the leave to read it.
fn content<S: Source>(facts: &Facts<'_, S>, shown: Shown, item: &Item, name: &str) -> Result<(Entry, Content), Refused> {
    let at = shown.released_at;
    match item {
        Item::File(id) => {
            let file = facts.file(*id)?;
            Leave::check(shown.sight, &file, &shown.delivery, &shown.ticket, &facts.around(&shown.vendor))?;
            let sealed = file.sealed.clone().ok_or(Refusal::NotYours {})?;
            Ok((Entry::file(name, sealed.bytes(), at, sealed.sha256), Content::Sealed(Box::new(sealed))))
        }
        Item::Manifest | Item::Checksums => {
            let notes = Notes::of(shown.ticket.number, &shown.delivery)?;
            let text = if *item == Item::Manifest { notes.manifest } else { notes.checksums };
            Ok((Entry::note(name, &text, at), Content::Clear(text.into_bytes())))
        }
    }
}
