//! Seal: one streaming pass from the staged copy: inspect, encrypt to the vendor, store. Then the staged copy's key is destroyed.

mod lanes;
mod plaintext;

use super::{
    Gateway,
    core::Core,
    facts::Facts,
    inspect,
    outcome::{Fault, Refused},
    progress::Work,
    vault::{Shelf, Tx, Unfinished, find},
};
use crate::{
    domain::{
        digest::Digest,
        event::{Actor, Event, Fact, Subject},
        file::FileDossier,
        ids::{FileId, ObjectId, TicketId, VendorId},
        limits,
        papers::Approved,
        refusal::Refusal,
    },
    inspection::{self, Expectation, FindingCode, Inspected, Inspector},
    sealing::{Ciphertext, ObjectKey, Recipient, Sealer, Writer},
};
use lanes::Turn;
pub(super) use lanes::{Due, Lanes};
use plaintext::Unread;
use std::{io::Write, sync::Arc};

/// Bytes that go through the pass at once.
const PASS_BYTES: usize = 1 << 20;

/// What sealing one file rests on: read once before the pass, compared again when its result is recorded.
struct Order {
    file: Arc<FileDossier>,
    revision: Digest,
    vendor: VendorId,
    expectation: Expectation,
    /// Of what the file is held against.
    bounds: Digest,
    recipients: Vec<(Digest, Recipient)>,
}

/// A file that went through the pass without a finding: two durable objects that no record names yet.
struct Product {
    header: (ObjectId, Vec<u8>),
    payload: (ObjectId, Vec<u8>),
    ciphertext: Ciphertext,
    inspected: Inspected,
}

enum Passed {
    Sealed(Box<Product>),
    Found(Inspected),
    /// The daemon is stopping: nothing was kept.
    Stopped,
}

impl Gateway {
    /// Every file that may have to be inspected and sealed, oldest first, with its ticket.
    pub(super) fn unsealed(&self) -> Result<Vec<(Option<TicketId>, FileId)>, Refused> {
        self.look(|facts| Ok(facts.find(find::uninspected)?))
    }

    /// A ticket's turn: inspects and seals its files that may be, in their order, until it has had its time. Others wait.
    fn seal_in_turn(&self, files: &[FileId]) -> Turn {
        let (begun, mut turn) = (self.core.clock.elapsed(), Turn::Nothing);
        for &id in files {
            let now = self.core.clock.elapsed();
            if self.core.is_stopping() {
                break;
            }
            // Of a turn in which nothing moved the next would begin with the same files.
            if turn == Turn::Done && now.saturating_sub(begun) >= limits::SEALING_TURN {
                turn = Turn::Unfinished;
                break;
            }
            if !self.core.retries.is_due(id, now) {
                continue;
            }
            match self.seal(id) {
                Ok(()) => {
                    self.core.retries.done(id);
                    turn = Turn::Done;
                }
                // It waits, or changed under the pass: the next turn looks again.
                Err(Refused::Refusal(refusal)) => tracing::debug!(file = %id, %refusal, "not sealed"),
                // One unreadable copy must not keep the others from moving; the ledger's own faults end the daemon elsewhere.
                Err(Refused::Fault(fault)) => {
                    let again = self.core.retries.failed(id, self.core.clock.elapsed());
                    tracing::error!(file = %id, %fault, ?again, "could not be inspected");
                }
            }
        }
        if turn != Turn::Nothing {
            // The staged copies' keys are destroyed; now they are not in the write-ahead log any more either. A reader in the way
            // only delays that: the next file's turn, or the next purge, does it again.
            if let Err(fault) = self.ledger.truncate_wal_blocking() {
                tracing::warn!(%fault, "the write-ahead log was not emptied");
            }
        }
        turn
    }

    fn seal(&self, id: FileId) -> Result<(), Refused> {
        let _moving = self.core.progress.begin(Work::Seal(id), self.core.clock.elapsed());
        let order = match self.order(id)? {
            Ok(order) => order,
            Err((revision, finding)) => return self.hold(id, Some(revision), vec![finding], 0),
        };
        let passed = match self.pass(&order) {
            Ok(passed) => passed,
            // What was read of it ends where the stop was seen, and says nothing of the file.
            Err(_) if self.core.is_stopping() => Passed::Stopped,
            Err(Unread::Fault(fault)) => return Err(fault.into()),
            Err(Unread::Found(code)) => return self.hold_whole(id, order.revision, code),
            Err(Unread::Damaged(why)) => {
                tracing::error!(file = %id, why, "the staged copy is damaged: the file is held");
                return self.hold_whole(id, order.revision, FindingCode::CopyDamaged);
            }
        };
        match passed {
            Passed::Stopped => Ok(()),
            Passed::Found(inspected) => {
                let findings = inspected.findings.iter().map(inspect::told).collect();
                self.hold(id, Some(order.revision), findings, inspected.more_findings)
            }
            Passed::Sealed(product) => {
                let objects = [product.header.0, product.payload.0];
                if let Err(refused) = self.write_blocking(move |core, tx| record(core, tx, &order, *product)) {
                    // The revision, the vendor or the file itself changed meanwhile: what was made is of no use.
                    self.take_back(Shelf::Sealed, &objects);
                    return Err(refused);
                }
                self.destroy_staged_copy(id)
            }
        }
    }

    /// Holds a file for what is wrong with the whole of it.
    fn hold_whole(&self, id: FileId, revision: Digest, code: FindingCode) -> Result<(), Refused> {
        self.hold(id, Some(revision), vec![inspect::told(&inspection::Finding::whole_file(code))], 0)
    }

    /// Unlinks durable objects whose record did not come about. From a poisoned ledger nobody knows whether it did: then
    /// they stay, and the next start deletes what no record names. What cannot be unlinked waits for it too.
    pub(super) fn take_back(&self, shelf: Shelf, objects: &[ObjectId]) {
        if self.ledger.is_poisoned() {
            return;
        }
        for object in objects {
            if let Err(error) = self.objects.unlink(shelf, *object) {
                tracing::warn!(%object, %error, "an unused object stays until the next start");
            }
        }
    }

    /// What the pass needs, or the finding that makes it needless.
    fn order(&self, id: FileId) -> Result<Result<Order, (Digest, crate::domain::finding::Finding)>, Refused> {
        self.look(|facts| {
            let file = facts.file(id)?;
            if file.held.is_some() || file.sealed.is_some() || file.purge_begun.is_some() || file.revoked.is_some() {
                return Err(Refusal::NotHeld { file: id.to_string(), state: "not to be inspected".into() }.into());
            }
            let ticket = facts.ticket(file.ticket.ok_or(Refusal::TicketUnknown { directory: file.directory.clone() })?)?;
            let vendor = facts.vendor(ticket.vendor)?;
            let approved = Approved::check(&ticket, &facts.around(&vendor))?;
            let revision = approved.revision();
            let expectation = match inspect::expectation(ticket.document(), &approved.bounds().content, &file) {
                Ok(expectation) => expectation,
                Err(finding) => return Ok(Err((revision, finding))),
            };
            let mut recipients = Vec::new();
            for (fingerprint, text) in vendor.recipients(&facts.roster, facts.now)? {
                let recipient: Recipient = text.parse().map_err(|error| Fault::new("a confirmed recipient key", error))?;
                recipients.push((fingerprint, recipient));
            }
            let bounds = approved.bounds().content.digest();
            Ok(Ok(Order { file, revision, bounds, vendor: approved.vendor(), expectation, recipients }))
        })
    }

    /// The pass itself: memory is bounded by a few buffers, whatever the file's size.
    fn pass(&self, order: &Order) -> Result<Passed, Unread> {
        let fault = |error| Fault::new("sealing", error);
        let mut plaintext = self.plaintext(&order.file)?;
        let mut header = self.sink()?;
        let mut payload = self.sink()?;
        let recipients: Vec<Recipient> = order.recipients.iter().map(|(_, recipient)| recipient.clone()).collect();
        let mut sealer =
            Sealer::new(&recipients, &mut header.writer, &mut payload.writer).map_err(|error| Fault::new("sealing", error))?;
        let mut inspector = Inspector::new(order.expectation.clone());
        let mut buffer = vec![0; PASS_BYTES];
        loop {
            let count = plaintext.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            inspector.update(&buffer[..count]);
            sealer.write_all(&buffer[..count]).map_err(fault)?;
        }
        let (_, _, ciphertext) = sealer.finish().map_err(|error| Fault::new("sealing", error))?;
        let inspected = inspector.finish();
        // Unfinished objects that are dropped leave nothing behind.
        if inspected.has_findings() {
            return Ok(Passed::Found(inspected));
        }
        if plaintext.staged_sha256(inspected.sha256) != order.file.staged.sha256 {
            return Err(Unread::Damaged("it is not what was staged".into()));
        }
        let (header, payload) = (header.keep()?, payload.keep()?);
        Ok(Passed::Sealed(Box::new(Product { header, payload, ciphertext, inspected })))
    }

    fn sink(&self) -> Result<Sink, Fault> {
        let object = self.core.new_object();
        let key = ObjectKey::generate();
        let wrapped = self.master.wrap(&key, object);
        let unfinished = self.objects.create(Shelf::Sealed).map_err(|error| Fault::new("sealed/", error))?;
        Ok(Sink { object, wrapped, writer: Writer::new(key, object, unfinished) })
    }

    /// The key first, durably; then the bytes, which nobody can read any more. Live code and recovery both come here.
    pub(super) fn destroy_staged_copy(&self, id: FileId) -> Result<(), Refused> {
        let object = self.write_blocking(move |core, tx| {
            let file = Facts::read(core, &*tx)?.file(id)?;
            let object = file.staged.object;
            tx.keys_delete(object)?;
            if !file.staged_copy_gone {
                tx.append(Fact::new(Actor::System, Subject::File(id), Event::StagedCopyGone))?;
            }
            Ok(object)
        })?;
        self.objects.unlink(Shelf::Incoming, object).map_err(|error| Fault::new("incoming/", error))?;
        Ok(())
    }
}

/// An object in the making.
struct Sink {
    object: ObjectId,
    wrapped: Vec<u8>,
    writer: Writer<Unfinished>,
}

impl Sink {
    fn keep(self) -> Result<(ObjectId, Vec<u8>), Fault> {
        let (unfinished, _) = self.writer.finish().map_err(|error| Fault::new("sealed/", error))?;
        unfinished.keep(self.object).map_err(|error| Fault::new("sealed/", error))?;
        Ok((self.object, self.wrapped))
    }
}

/// Records what the pass made, if what it rested on still holds.
fn record(core: &Core, tx: &mut Tx<'_>, order: &Order, product: Product) -> Result<(), Refused> {
    let facts = Facts::read(core, &*tx)?;
    let file = facts.file(order.file.id)?;
    let disagree = |reason: &str| Refused::from(Refusal::PapersDisagree { reason: reason.into() });
    if file.sealed.is_some() || file.held.is_some() || file.purge_begun.is_some() || file.revoked.is_some() {
        return Err(disagree("the file changed while it was being sealed"));
    }
    let ticket = facts.ticket(file.ticket.ok_or_else(|| disagree("the file belongs to no ticket"))?)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let approved = Approved::check(&ticket, &facts.around(&vendor))?;
    if approved.revision() != order.revision || approved.vendor() != order.vendor {
        return Err(disagree("another revision was approved meanwhile"));
    }
    if approved.bounds().content.digest() != order.bounds {
        return Err(disagree("other bounds hold than the file was inspected against"));
    }
    let keys = vendor.recipients(&facts.roster, facts.now)?;
    if !order.recipients.iter().map(|(key, _)| *key).eq(keys.into_iter().map(|(key, _)| key)) {
        return Err(disagree("the vendor's recipient keys changed meanwhile"));
    }
    tx.keys_put(product.header.0, &product.header.1)?;
    tx.keys_put(product.payload.0, &product.payload.1)?;
    let Inspected { sha256, bytes, rows, .. } = product.inspected;
    let content = file.is_encrypted().then_some(sha256);
    let (revision, bounds) = (order.revision, Some(order.bounds));
    let cleared = Event::FileCleared { revision, bounds, sha256: file.staged.sha256, content, bytes, rows };
    tx.append(Fact::new(Actor::System, Subject::File(file.id), cleared))?;
    let sealed = Event::FileSealed {
        revision: order.revision,
        vendor: order.vendor,
        header: product.header.0,
        payload: product.payload.0,
        header_bytes: product.ciphertext.header_len(),
        payload_bytes: product.ciphertext.payload_len(),
        sha256: product.ciphertext.sha256(),
        recipients: order.recipients.iter().map(|(key, _)| *key).collect(),
    };
    tx.append(Fact::new(Actor::System, Subject::File(file.id), sealed))?;
    Ok(())
}
