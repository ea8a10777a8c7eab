//! Download: one vendor reading one released file. The one thing that can read sealed bytes, and only after its record is durable.

use super::{
    Gateway,
    core::Core,
    facts::Facts,
    lease::Hold,
    outcome::{Fault, Refused},
    pickup::{self, Entry},
    pulls::{Joining, Share},
    ranges::Ranges,
    vault::{Shelf, Tx, find},
};
use crate::{
    domain::{
        event::{Actor, Detail, Event, Fact, Item, Protocol, Subject, TransferEnd},
        file::SealedFile,
        ids::{DeliveryNumber, FileId, ObjectId, SessionId, TicketNumber, TransferId},
        papers::{Leave, Visitor},
        refusal::Refusal,
    },
    sealing::Reader,
};
use std::{fs::File, sync::Arc};

/// What there is to read.
pub(super) enum Content {
    /// `MANIFEST.json`, `SHA256SUMS`.
    Clear(Vec<u8>),
    Sealed(Box<SealedFile>),
}

/// A file that may be read. No byte of it has been, and nothing is recorded.
pub struct Opened {
    gateway: Gateway,
    hold: Hold,
    place: (TicketNumber, DeliveryNumber),
    entry: Entry,
    item: Item,
    content: Content,
}

/// A file being read: its beginning is durable.
///
/// Dropping one that is shared leaves it to the others who read it; one that is alone is told how it ended by [`Download::finish`].
pub struct Download {
    gateway: Gateway,
    hold: Hold,
    transfer: TransferId,
    by: Actor,
    source: Source,
    account: Account,
    state: Health,
}

/// Where what was handed out is counted. The lease's counter may be one read ahead: it is raised before the second look.
enum Account {
    /// One open file of one session, as SFTP has them.
    Alone { served: u64, ranges: Ranges },
    /// The same file read by the same key, in as many requests and connections as it likes.
    Shared(Share),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Sound,
    Damaged,
}

enum Source {
    Clear(Vec<u8>),
    /// Header and payload are two objects, served as one file.
    Sealed {
        header: Reader<File>,
        header_bytes: u64,
        payload: Reader<File>,
        payload_bytes: u64,
    },
}

/// Why bytes could not be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the session was cut")]
    Cut,
    #[error("the stored object is damaged")]
    Damaged,
}

impl Opened {
    pub(super) fn new(
        gateway: Gateway,
        hold: Hold,
        place: (TicketNumber, DeliveryNumber),
        entry: Entry,
        item: Item,
        content: Content,
    ) -> Self {
        Self { gateway, hold, place, entry, item, content }
    }

    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Everything is checked again, limits are counted and the transfer's beginning is recorded, in one transaction. When
    /// this returns the record is durable, and the first byte may leave.
    pub async fn begin(self) -> Result<Download, Refused> {
        let Self { gateway, hold, place, entry, item, content } = self;
        let (session, visitor) = (hold.lease().session(), *hold.lease().visitor());
        let by = Actor::Vendor { id: visitor.vendor, session };
        let reader = Reading { by, session, visitor, place, item, size: entry.size };
        let begun = match visitor.protocol() {
            Protocol::Sftp => begin_alone(&gateway, &hold, reader).await,
            Protocol::Https => begin_shared(&gateway, &hold, reader).await,
        };
        let (begun, account) = match begun {
            Ok(begun) => begun,
            Err(refused) => {
                if let Refused::Refusal(refusal) = &refused
                    && hold.lease().is_first_refusal(refusal.code())
                {
                    record_denial(&gateway, by, session, refusal).await;
                }
                return Err(refused);
            }
        };
        hold.begin(begun.transfer);
        let source = match content {
            Content::Clear(bytes) => Ok(Source::Clear(bytes)),
            Content::Sealed(sealed) => open(&gateway, &sealed, begun.keys),
        };
        let (source, state) = match source {
            Ok(source) => (source, Health::Sound),
            // The beginning is on record, so its end has to be: nothing was read.
            Err(fault) => {
                tracing::error!(%fault, "a released object cannot be opened");
                (Source::Clear(Vec::new()), Health::Damaged)
            }
        };
        Ok(Download { gateway, hold, transfer: begun.transfer, by, source, account, state })
    }
}

/// What a vendor was refused after its login stands in the log, with the code that only the staff sees.
async fn record_denial(gateway: &Gateway, by: Actor, session: SessionId, refusal: &Refusal) {
    let denied = Event::SessionDenied { code: refusal.code() };
    let recorded = gateway.write(move |_, tx| Ok(tx.append(Fact::new(by, Subject::Session(session), denied)).map(drop)?)).await;
    if let Err(Refused::Fault(fault)) = recorded {
        tracing::error!(%session, %fault, "a denial could not be recorded");
    }
}

/// The record of the beginning, and what it allows.
struct Begun {
    transfer: TransferId,
    keys: Option<(Vec<u8>, Vec<u8>)>,
}

/// Who reads what.
#[derive(Clone, Copy)]
struct Reading {
    by: Actor,
    session: SessionId,
    visitor: Visitor,
    place: (TicketNumber, DeliveryNumber),
    item: Item,
    /// Of the item as served.
    size: u64,
}

async fn begin_alone(gateway: &Gateway, hold: &Hold, reading: Reading) -> Result<(Begun, Account), Refused> {
    hold.lease().count_beginning(reading.item)?;
    let transfer = gateway.core.new_transfer();
    let begun = gateway.write(move |core, tx| begin(core, tx, reading, transfer, |_| Ok(Recorded::No))).await?;
    Ok((begun, Account::Alone { served: 0, ranges: Ranges::default() }))
}

/// Whoever joins goes through the ledger as whoever began: the same checks, and an answer only when beginning and joining are
/// durable. Which session reads, and so from where, is never only in memory.
async fn begin_shared(gateway: &Gateway, hold: &Hold, reading: Reading) -> Result<(Begun, Account), Refused> {
    let core = &gateway.core;
    let Reading { visitor, item, size, .. } = reading;
    let (lease, holding) = (Arc::clone(hold.lease()), hold.holding().clone());
    let share = core.pulls.join(Joining { visitor, item, size, lease, holding }, core);
    // The command runs even when whoever asked has gone: it keeps the pull open until it has.
    let (kept, lease) = (share.clone(), Arc::clone(hold.lease()));
    let begun = gateway.write(move |core, tx| {
        begin(core, tx, reading, kept.transfer(), |tx| {
            // The log is asked, not the memory: a beginning whose commit failed is none.
            if !tx.is_live(Subject::Transfer(kept.transfer())) {
                lease.count_beginning(reading.item)?;
                return Ok(Recorded::No);
            }
            if lease.is_on_record_in(kept.transfer()) {
                return Ok(Recorded::Yes);
            }
            kept.note_joined();
            Ok(Recorded::OfOthers)
        })
    });
    let begun = begun.await?;
    hold.lease().put_on_record_in(begun.transfer);
    Ok((begun, Account::Shared(share)))
}

/// What stands in the log already.
#[derive(PartialEq, Eq)]
enum Recorded {
    No,
    /// The beginning, and not that this session reads too.
    OfOthers,
    Yes,
}

fn begin(
    core: &Core,
    tx: &mut Tx<'_>,
    Reading { by, session, visitor, place: (number, delivery), item, .. }: Reading,
    transfer: TransferId,
    recorded: impl FnOnce(&Tx<'_>) -> Result<Recorded, Refused>,
) -> Result<Begun, Refused> {
    let facts = Facts::read(core, &*tx)?;
    facts.spool_has_room()?;
    let shown = pickup::shown(&facts, &visitor, number, delivery)?;
    let recorded = recorded(tx)?;
    let mut keys = None;
    if let Item::File(id) = item {
        let file = facts.file(id)?;
        let leave = Leave::check(shown.sight, &file, &shown.delivery, &shown.ticket, &facts.around(&shown.vendor))?;
        if recorded == Recorded::No {
            within_limit(tx, leave.file(), session, &visitor, leave.max_downloads())?;
        }
        let sealed = file.sealed.as_ref().ok_or(Refusal::NotYours {})?;
        keys = Some((key(tx, sealed.header)?, key(tx, sealed.payload)?));
    }
    let (on, key) = (Subject::Transfer(transfer), visitor.key());
    match recorded {
        Recorded::Yes => {}
        Recorded::OfOthers => {
            let from = Detail::Address { network: visitor.address.to_string(), reason: String::new() };
            tx.append(Fact::new(by, on, Event::TransferJoined { session, key }).with(from))?;
        }
        Recorded::No => {
            let (vendor, ticket, delivery) = (visitor.vendor, shown.ticket.id, shown.delivery.id);
            tx.append(Fact::new(by, on, Event::TransferBegun { vendor, ticket, delivery, item, session, key }))?;
        }
    }
    Ok(Begun { transfer, keys })
}

/// Over SFTP a file read in several ranges of one session counts once. Commands run one after another, so nobody counts in between.
fn within_limit(tx: &Tx<'_>, file: FileId, session: SessionId, visitor: &Visitor, limit: Option<u32>) -> Result<(), Refused> {
    let Some(limit) = limit else { return Ok(()) };
    let counted = visitor.protocol() == Protocol::Sftp && find::has_downloaded(tx.conn(), file, session)?;
    if !counted && find::downloads(tx.conn(), file)? >= limit {
        return Err(Refusal::DownloadLimit { limit }.into());
    }
    Ok(())
}

fn key(tx: &Tx<'_>, object: ObjectId) -> Result<Vec<u8>, Refused> {
    tx.keys_get(object)?.ok_or_else(|| Refusal::RetentionOver {}.into())
}

fn open(gateway: &Gateway, sealed: &SealedFile, keys: Option<(Vec<u8>, Vec<u8>)>) -> Result<Source, Fault> {
    let (header_key, payload_key) = keys.ok_or_else(|| Fault::new("a sealed object", "it has no key"))?;
    let reader = |object, wrapped: Vec<u8>| {
        let key = gateway.master.unwrap(&wrapped, object).map_err(|error| Fault::new("the key of a sealed object", error))?;
        let file = gateway.objects.open(Shelf::Sealed, object).map_err(|error| Fault::new("a sealed object", error))?;
        Reader::new(key, object, file).map_err(|error| Fault::new("a sealed object", error))
    };
    Ok(Source::Sealed {
        header: reader(sealed.header, header_key)?,
        header_bytes: sealed.header_bytes,
        payload: reader(sealed.payload, payload_key)?,
        payload_bytes: sealed.payload_bytes,
    })
}

impl Download {
    /// Bytes of the file as served.
    pub fn len(&self) -> u64 {
        match &self.source {
            Source::Clear(bytes) => bytes.len() as u64,
            Source::Sealed { header_bytes, payload_bytes, .. } => header_bytes + payload_bytes,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buffer` from `offset`: lease, disk, lease again, then the bytes are handed out. 0 at the end of the file.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if self.hold.is_cut() {
            return Err(ReadError::Cut);
        }
        if self.state == Health::Damaged {
            return Err(ReadError::Damaged);
        }
        let read = match self.source.read_at(offset, buffer) {
            Ok(read) => read,
            Err(fault) => {
                tracing::error!(transfer = %self.transfer, %fault, "a stored byte was not served");
                self.state = Health::Damaged;
                if let Account::Shared(share) = &self.account {
                    share.is_damaged();
                }
                return Err(ReadError::Damaged);
            }
        };
        // Raised before the second look, so that a receipt written after a cut is never short.
        self.hold.progress().raise(offset, read as u64);
        if self.hold.is_cut() {
            buffer.fill(0);
            return Err(ReadError::Cut);
        }
        self.gateway.core.metrics.note_served(self.hold.lease().visitor().protocol(), read as u64);
        match &mut self.account {
            Account::Alone { served, ranges } => {
                *served += read as u64;
                ranges.add(offset, read as u64);
            }
            Account::Shared(share) => share.add(offset, read as u64),
        }
        Ok(read)
    }

    /// Records the end: which ranges were handed out, and why it ended. The end of one that is shared is the gateway's to
    /// record, when nobody has read it for a while or when it is cut.
    pub async fn finish(self, how: TransferEnd) {
        let Account::Alone { served, ranges } = self.account else { return };
        let how = match (self.hold.is_cut(), self.state) {
            (true, _) => TransferEnd::Severed,
            (false, Health::Damaged) => TransferEnd::Damaged,
            (false, Health::Sound) => how,
        };
        let (by, transfer) = (self.by, self.transfer);
        let event = Event::TransferEnded { how, bytes: Some(served), ranges: Some(ranges.into_vec()) };
        let recorded = self
            .gateway
            .write(move |_, tx| {
                tx.append(Fact::new(by, Subject::Transfer(transfer), event))?;
                Ok(())
            })
            .await;
        if let Err(Refused::Fault(fault)) = recorded {
            // The next start finds the transfer open in the log and ends it there.
            tracing::error!(%transfer, %fault, "the end of a transfer could not be recorded");
        }
    }
}

impl Source {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault> {
        match self {
            Self::Clear(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|from| bytes.get(from..)).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Self::Sealed { header, header_bytes, payload, payload_bytes } => {
                let end = (*header_bytes + *payload_bytes).min(offset.saturating_add(buffer.len() as u64));
                let mut done = 0;
                while offset + (done as u64) < end {
                    let at = offset + done as u64;
                    let (reader, from, until) = if at < *header_bytes {
                        (&mut *header, at, *header_bytes)
                    } else {
                        (&mut *payload, at - *header_bytes, end - *header_bytes)
                    };
                    let most = usize::try_from(until - from).unwrap_or(usize::MAX).min(buffer.len() - done);
                    let read =
                        reader.read_at(from, &mut buffer[done..done + most]).map_err(|error| Fault::new("at rest", error))?;
                    if read == 0 {
                        return Err(Fault::new("at rest", "the object is shorter than its record says"));
                    }
                    done += read;
                }
                Ok(done)
            }
        }
    }
}
