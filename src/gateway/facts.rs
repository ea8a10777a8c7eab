//! Facts: dossiers as decisions read them: replayed from verified records, never from the index.

use super::{
    cache::Cache,
    core::Core,
    outcome::{Fault, Refused},
    vault::{Courses, Tx, View, find},
};
use crate::domain::{
    digest::Digest,
    dossier::{Surroundings, TicketDossier},
    event::{Actor, Record, Subject},
    file::{DeliveryDossier, FileDossier},
    house::HouseDossier,
    ids::{DeliveryId, DeliveryNumber, FileId, PersonId, Slug, TicketId, TicketNumber, TransferId, VendorId},
    limits,
    people::{Person, Roster},
    policy::Policy,
    refusal::{Fingerprint, Refusal},
    time::Time,
    vendor::VendorDossier,
};
use rusqlite::Connection;
use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
};

/// Where records are read from: a transaction or a committed view. Each chain is verified against the log's tree.
pub trait Source {
    /// All records on a subject, oldest first; empty if there are none.
    fn chain(&self, subject: Subject) -> Result<Arc<Vec<Record>>, Fault>;
    /// The index of the last record on a subject, from memory; none for one that has ended or never was.
    fn head(&self, subject: Subject) -> Option<u64>;
    /// Every vendor that was ever filed: from verified records.
    fn vendors(&self) -> Vec<VendorId>;
    /// How far each ticket has come: from verified records, and good for what to look at.
    fn courses<T>(&self, look: impl FnOnce(&Courses) -> T) -> T;
    /// Asks the index. What it answers names things; it proves nothing about them.
    fn find<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault>;
    fn now(&self) -> Time;
    /// Whether this leaf can still be undone. What was replayed with one that can may not be kept: another may get its number.
    fn is_durable(&self, leaf: u64) -> bool;
}

impl Source for Tx<'_> {
    fn chain(&self, subject: Subject) -> Result<Arc<Vec<Record>>, Fault> {
        Ok(Tx::chain(self, subject)?)
    }

    fn head(&self, subject: Subject) -> Option<u64> {
        Tx::head(self, subject)
    }

    fn vendors(&self) -> Vec<VendorId> {
        Tx::vendors(self)
    }

    fn courses<T>(&self, look: impl FnOnce(&Courses) -> T) -> T {
        Tx::courses(self, look)
    }

    fn find<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        Ok(ask(self.conn())?)
    }

    fn now(&self) -> Time {
        Tx::now(self)
    }

    fn is_durable(&self, leaf: u64) -> bool {
        Tx::is_durable(self, leaf)
    }
}

impl Source for View<'_> {
    fn chain(&self, subject: Subject) -> Result<Arc<Vec<Record>>, Fault> {
        Ok(View::chain(self, subject)?)
    }

    fn head(&self, subject: Subject) -> Option<u64> {
        View::head(self, subject)
    }

    fn vendors(&self) -> Vec<VendorId> {
        View::vendors(self)
    }

    fn courses<T>(&self, look: impl FnOnce(&Courses) -> T) -> T {
        View::courses(self, look)
    }

    fn find<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        Ok(self.sql(ask)?)
    }

    fn now(&self) -> Time {
        View::now(self)
    }

    fn is_durable(&self, _: u64) -> bool {
        true
    }
}

/// Dossiers by subject, each good for the chain whose last record it was replayed from. Which record is the last is asked of the heads in
/// memory, so that one that is kept costs no row; a record more makes another.
pub struct Dossiers {
    cached: Mutex<Cache<Subject, Kept>>,
}

/// The index of the chain's last record, and what was replayed from it.
#[derive(Clone)]
struct Kept(u64, Arc<dyn Any + Send + Sync>);

impl Default for Dossiers {
    fn default() -> Self {
        Self { cached: Mutex::new(Cache::new(limits::CACHED_DOSSIER_BYTES)) }
    }
}

impl Dossiers {
    fn kept<T: Any + Send + Sync>(&self, subject: Subject, head: u64) -> Option<Arc<T>> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept(_, dossier) = cached.get(&subject).filter(|Kept(at, _)| *at == head)?.clone();
        dossier.downcast::<T>().ok()
    }

    fn replay<T: Any + Send + Sync>(
        &self,
        source: &impl Source,
        subject: Subject,
        replay: fn(&[Record]) -> Option<T>,
    ) -> Result<Option<Arc<T>>, Fault> {
        if let Some(dossier) = source.head(subject).and_then(|head| self.kept(subject, head)) {
            return Ok(Some(dossier));
        }
        let records = source.chain(subject)?;
        let head = records.last().map_or(u64::MAX, |record| record.index);
        let Some(dossier) = replay(&records).map(Arc::new) else { return Ok(None) };
        if source.is_durable(head) {
            let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
            cached.put(subject, Kept(head, dossier.clone()), records.iter().map(weight).sum());
        }
        Ok(Some(dossier))
    }
}

/// Roughly the bytes that a record adds to a dossier: what its detail says is most of it, and stands there as text and once more as read.
fn weight(record: &Record) -> usize {
    const OF_A_RECORD: usize = 512;
    let said = record.detail.as_ref().and_then(|detail| serde_json::to_vec(detail).ok());
    OF_A_RECORD + 2 * said.map_or(0, |said| said.len())
}

/// The index was edited: what it names is not what its records say. Nothing is done about the wrong thing.
fn misled(what: String) -> Fault {
    Fault::new("the index does not say what the log says; the row is named by egressctl audit verify", what)
}

/// A transfer that runs.
pub struct Underway {
    /// Connections that read it now.
    pub readers: usize,
    pub bytes: u64,
    /// Half-open; over SFTP they are known at its end.
    pub ranges: Option<Vec<(u64, u64)>>,
}

/// What every decision needs, as of one moment.
pub struct Facts<'s, S> {
    source: &'s S,
    core: &'s Core,
    pub now: Time,
    pub policy: Arc<Policy>,
    pub house: Arc<HouseDossier>,
    pub roster: Arc<Roster>,
}

impl<'s, S: Source> Facts<'s, S> {
    pub fn read(core: &'s Core, source: &'s S) -> Result<Self, Fault> {
        let dossiers = &core.dossiers;
        let mut house =
            dossiers.replay(source, Subject::House, |records| Some(HouseDossier::replay(records)))?.unwrap_or_default();
        if core.stopped_by_file() {
            house = Arc::new(house.frozen_at(source.now()));
        }
        let roster = dossiers.replay(source, Subject::Staff, |records| Some(Roster::replay(records)))?.unwrap_or_default();
        Ok(Self { source, core, now: source.now(), policy: Arc::clone(&core.rules().policy), house, roster })
    }

    pub(super) fn announcing(&self) -> &'s super::announce::Announcing {
        &self.core.announcing
    }

    /// How much of a transfer that runs was served so far.
    pub fn underway(&self, transfer: TransferId) -> Option<Underway> {
        if let Some(underway) = self.core.pulls.underway(transfer) {
            return Some(underway);
        }
        let live = self.core.leases.live();
        let held = live.iter().flat_map(|session| &session.transfers).find(|(id, ..)| *id == transfer)?;
        Some(Underway { readers: 1, bytes: held.3, ranges: None })
    }

    pub fn source(&self) -> &'s S {
        self.source
    }

    pub fn find<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        self.source.find(ask)
    }

    pub fn around<'a>(&'a self, vendor: &'a VendorDossier) -> Surroundings<'a> {
        Surroundings { now: self.now, policy: &self.policy, vendor, roster: &self.roster, house: &self.house }
    }

    /// The person who acts. An actor that is nobody on the staff does nothing.
    pub fn person(&self, by: Actor) -> Result<&Person, Refusal> {
        let Actor::Person { id, key } = by else { return Err(Refusal::SignatureMissing {}) };
        let person = self.roster.person(id).filter(|person| person.key.fingerprint() == key);
        let person = person.ok_or(Refusal::KeyUnknown { key: Fingerprint(key) })?;
        self.house.key_counts(person, self.now)?;
        Ok(person)
    }

    /// Who began what takes two, while their key still counts. What a key began that is revoked since, or over, nobody completes.
    pub fn acting(&self, first: PersonId) -> Option<&Person> {
        let key = self.roster.person(first)?.key.fingerprint();
        self.person(Actor::Person { id: first, key }).ok()
    }

    /// A vendor by its name. The index finds it; its own records say what it is called.
    pub fn vendor_named(&self, slug: &Slug) -> Result<Option<Arc<VendorDossier>>, Refused> {
        let Some(id) = self.find(|conn| find::vendor(conn, slug))? else { return Ok(None) };
        let vendor = self.vendor(id)?;
        if vendor.slug == *slug { Ok(Some(vendor)) } else { Err(misled(format!("{slug} leads to {}", vendor.slug)).into()) }
    }

    /// The vendor, other than `besides`, behind whose use of this key people stand. What somebody merely filed blocks nobody: it may
    /// be a slip, or meant to keep the key's owner out.
    pub fn confirmed_owner(&self, key: Digest, besides: Option<VendorId>) -> Result<Option<VendorId>, Refused> {
        for id in self.find(|conn| find::vendors_of_key(conn, key))? {
            if Some(id) != besides && self.vendor(id)?.has_confirmed(key, &self.roster) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The vendor behind whose login by this key or token people stand. The index finds it; its own records say so.
    pub fn vendor_with(&self, key: Digest) -> Result<Option<Arc<VendorDossier>>, Refused> {
        let mut owner = None;
        for id in self.find(|conn| find::vendors_of_key(conn, key))? {
            let vendor = self.vendor(id)?;
            if !vendor.has_ever_had(key) {
                return Err(misled(format!("a key leads to {}", vendor.slug)).into());
            }
            if vendor.has_confirmed(key, &self.roster) {
                owner = Some(vendor);
            }
        }
        Ok(owner)
    }

    /// A delivery by its number within a ticket, as its own records have it.
    pub fn delivery_numbered(
        &self,
        ticket: &TicketDossier,
        number: DeliveryNumber,
    ) -> Result<Option<Arc<DeliveryDossier>>, Refused> {
        let Some(id) = self.find(|conn| find::delivery(conn, ticket.id, number))? else { return Ok(None) };
        let delivery = self.delivery(id)?;
        if delivery.ticket == ticket.id && delivery.number == number {
            Ok(Some(delivery))
        } else {
            Err(misled(format!("{}/{number} leads to another delivery", ticket.number)).into())
        }
    }

    pub fn vendor(&self, id: VendorId) -> Result<Arc<VendorDossier>, Refused> {
        let vendor = self.core.dossiers.replay(self.source, Subject::Vendor(id), VendorDossier::replay)?;
        let vendor = vendor.ok_or_else(|| Refusal::UnknownVendor { vendor: id.to_string() })?;
        // A key is revoked for whoever has it or will have it: that stands with the house.
        Ok(vendor.within(&self.house))
    }

    pub fn ticket(&self, id: TicketId) -> Result<Arc<TicketDossier>, Refused> {
        self.core
            .dossiers
            .replay(self.source, Subject::Ticket(id), TicketDossier::replay)?
            .ok_or_else(|| Refusal::NoSuchTicket { ticket: id.to_string() }.into())
    }

    pub fn ticket_numbered(&self, number: TicketNumber) -> Result<Arc<TicketDossier>, Refused> {
        let missing = || Refused::from(Refusal::NoSuchTicket { ticket: number.to_string() });
        let id = self.find(|conn| find::ticket(conn, number))?.ok_or_else(missing)?;
        // The index may be edited; the dossier says which number is its own.
        let ticket = self.ticket(id)?;
        if ticket.number == number { Ok(ticket) } else { Err(missing()) }
    }

    /// Whether every stored object of a ticket was there at the last start. Bytes that were taken may stand anywhere: nothing
    /// more of that ticket leaves.
    pub fn intact(&self, ticket: &TicketDossier) -> Result<(), Refusal> {
        match self.core.lost.lock().unwrap_or_else(PoisonError::into_inner).contains(&ticket.id) {
            true => Err(Refusal::BytesLost { ticket: ticket.number.to_string() }),
            false => Ok(()),
        }
    }

    pub fn delivery(&self, id: DeliveryId) -> Result<Arc<DeliveryDossier>, Refused> {
        self.core
            .dossiers
            .replay(self.source, Subject::Delivery(id), DeliveryDossier::replay)?
            .ok_or_else(|| Refusal::NoSuchDelivery { delivery: id.to_string() }.into())
    }

    pub fn file(&self, id: FileId) -> Result<Arc<FileDossier>, Refused> {
        self.core
            .dossiers
            .replay(self.source, Subject::File(id), FileDossier::replay)?
            .ok_or_else(|| Refusal::NoSuchFile { file: id.to_string() }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{Origin, Signer},
        clock::{Clock, ManualClock},
        domain::{
            digest::Digest,
            event::{Detail, Event, Fact},
        },
        gateway::{
            core::{Rules, Settings},
            vault::{Ledger, WriteError},
        },
    };

    #[test]
    fn a_dossier_of_a_leaf_that_was_rolled_back_is_never_used() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Time::from_micros(1_795_255_200_000_000)));
        let origin: Origin = "test.example/log".parse().unwrap();
        let (signer, _) = Signer::generate(origin).unwrap();
        let at = clock.clone();
        let ledger = Ledger::create(&dir.path().join("ledger.db"), signer, Arc::new(move || at.now())).unwrap();
        let policy = Policy::parse(include_str!("../../config/policy.toml")).unwrap();
        let rules = Rules { policy: Arc::new(policy), settings: Settings::default(), configuration: Digest::of(b"") };
        let core = Arc::new(Core::new(rules, clock));
        let frozen = || Fact::new(Actor::System, Subject::House, Event::Frozen).with(Detail::Reason { text: "x".into() });
        let asked = || Fact::new(Actor::System, Subject::House, Event::UnfreezeAsked).with(Detail::Reason { text: "x".into() });
        let c = core.clone();
        let undone = ledger.write_blocking(move |tx| -> Result<(), Fault> {
            tx.append(asked())?;
            assert!(Facts::read(&c, &*tx)?.house.is_frozen().is_ok());
            Err(Fault::new("undone", "on purpose"))
        });
        assert!(matches!(undone, Err(WriteError::Refused(_))));
        ledger
            .write_blocking(move |tx| -> Result<(), Fault> {
                tx.append(frozen())?;
                Ok(())
            })
            .map_err(|_| ())
            .unwrap();
        let refused =
            ledger.read(|view| -> Result<bool, Fault> { Ok(Facts::read(&core, view)?.house.is_frozen().is_err()) }).unwrap();
        assert!(refused, "a freeze that is durable is not seen");
    }
}
