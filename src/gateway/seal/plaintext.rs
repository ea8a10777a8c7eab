//! The plaintext of a staged copy, read once: decrypted from its envelope and, if it came encrypted to the gateway, from that too.

use crate::{
    domain::{
        digest::{Digest, Hasher},
        file::FileDossier,
    },
    gateway::{
        Gateway,
        core::Core,
        outcome::Fault,
        progress::Work,
        vault::{ObjectError, Shelf},
    },
    inspection::FindingCode,
    sealing::{AtRestError, OpenError, Reader, Unsealed},
};
use std::{
    cell::RefCell,
    io::{self, Read},
    rc::Rc,
    sync::Arc,
};

/// Why the pass came to no end.
pub(super) enum Unread {
    /// The staged copy is not what was stored, and will not be again: only the producer can mend that.
    Damaged(String),
    /// It came encrypted, and not so that the gateway could decrypt it. That is the producer's to mend too.
    Found(FindingCode),
    /// The disk or the ledger did not answer: another time they may.
    Fault(Fault),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<AtRestError> for Unread {
    fn from(error: AtRestError) -> Self {
        match error {
            AtRestError::Io(error) => Self::Fault(Fault::new("the staged copy", error)),
            damage => Self::Damaged(damage.to_string()),
        }
    }
}

impl From<ObjectError> for Unread {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Missing(_) | ObjectError::Foreign(_) => Self::Damaged(error.to_string()),
            error => Self::Fault(Fault::new("the staged copy", error)),
        }
    }
}

impl From<OpenError> for Unread {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotAge | OpenError::ForSomebodyElse | OpenError::HeaderTooLong => {
                Self::Found(FindingCode::NotEncryptedToUs)
            }
            OpenError::Damaged => Self::Found(FindingCode::EncryptionDamaged),
            OpenError::Io(error) => stored(error),
        }
    }
}

/// An envelope's reader says by what its error carries whether it is damaged or the disk did not answer.
fn stored(error: io::Error) -> Unread {
    match error.downcast::<AtRestError>() {
        Ok(damage) => damage.into(),
        Err(error) => Unread::Fault(Fault::new("the staged copy", error)),
    }
}

/// Ends where the daemon stops, wherever in the file that is, and says of each read that the file gets on.
struct Heeding {
    from: Box<dyn Read>,
    core: Arc<Core>,
    work: Work,
}

impl Read for Heeding {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.core.is_stopping() {
            return Err(io::Error::other("the daemon stops"));
        }
        let count = self.from.read(buffer)?;
        self.core.progress.moved(self.work, self.core.clock.elapsed());
        Ok(count)
    }
}

/// Takes the digest of what passes.
pub(super) struct Digesting {
    from: Box<dyn Read>,
    hasher: Rc<RefCell<Hasher>>,
}

impl Read for Digesting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.hasher.borrow_mut().update(&buffer[..count]);
        Ok(count)
    }
}

pub(super) enum Plaintext {
    Clear(Box<dyn Read>),
    /// With the digest of the staged bytes so far.
    Encrypted(Box<Unsealed<Digesting>>, Rc<RefCell<Hasher>>),
}

impl Plaintext {
    /// Fills the beginning of `buffer`; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Unread> {
        match self {
            Self::Clear(staged) => staged.read(buffer).map_err(stored),
            Self::Encrypted(unsealed, _) => unsealed.read(buffer).map_err(|error| OpenError::from(error).into()),
        }
    }

    /// The digest of what was staged, once all of it has been read; `content` is that of the plaintext.
    pub(super) fn staged_sha256(self, content: Digest) -> Digest {
        match self {
            Self::Clear(_) => content,
            Self::Encrypted(_, staged) => staged.take().finish(),
        }
    }
}

impl Gateway {
    pub(super) fn plaintext(&self, file: &FileDossier) -> Result<Plaintext, Unread> {
        let object = file.staged.object;
        let wrapped = self
            .ledger
            .read(|view| view.keys_get(object).map_err(Fault::from))?
            .ok_or_else(|| Unread::Damaged("its key is gone".into()))?;
        let key = self.master.unwrap(&wrapped, object).map_err(|error| Unread::Damaged(error.to_string()))?;
        let stored = self.objects.open(Shelf::Incoming, object)?;
        let from = Box::new(Reader::new(key, object, stored)?.sequential());
        let staged = Box::new(Heeding { from, core: Arc::clone(&self.core), work: Work::Seal(file.id) });
        if !file.is_encrypted() {
            return Ok(Plaintext::Clear(staged));
        }
        let hasher = Rc::new(RefCell::new(Hasher::new()));
        let unsealed = self.identity.open(Digesting { from: staged, hasher: Rc::clone(&hasher) })?;
        Ok(Plaintext::Encrypted(Box::new(unsealed), hasher))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        gateway::{
            answers::FileState,
            fixture::{House, Staff, csv, until},
        },
        sealing::{Recipient, Sealer},
    };
    use std::{io::Write, sync::atomic::Ordering};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stop_is_seen_within_the_header_of_an_encrypted_file() {
        let mut house = House::open().await;
        let acme = house.vendor("acme").await;
        // Nobody has voted on it: the file stays as it was staged.
        let ticket = house.submit(&acme, "health", "").await;
        let recipient = house.desk().key_show_recipient(house.person(Staff::Olga)).await.unwrap().recipient;
        let recipient: Recipient = recipient.parse().unwrap();
        let (mut header, mut payload) = (Vec::new(), Vec::new());
        let mut sealer = Sealer::new(&[recipient], &mut header, &mut payload).unwrap();
        sealer.write_all(&csv(1_000)).unwrap();
        sealer.finish().unwrap();
        house.drop_file(ticket, "orders.csv.age", &[header, payload].concat());
        until("the file is staged", async || {
            let rows = house.desk().file_list(house.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
            rows.iter().any(|row| row.state == FileState::Waiting).then_some(())
        })
        .await;
        house.rest().await;
        let (id, gateway) = (house.file(ticket, "orders.csv.age").await, house.gateway());
        let file = gateway.look(|facts| facts.file(id)).unwrap();
        assert!(gateway.plaintext(&file).is_err(), "its header was read all the same");
        gateway.core.stopping.store(false, Ordering::SeqCst);
        assert!(gateway.plaintext(&file).is_ok());
    }
}
