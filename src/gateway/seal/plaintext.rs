//! The plaintext of a staged copy, read once: decrypted from its envelope and, if it came encrypted to the gateway, from that too.

use crate::{
    domain::{
        digest::{Digest, Hasher},
        file::FileDossier,
    },
    gateway::{
        Gateway,
        outcome::Fault,
        vault::{ObjectError, Shelf},
    },
    inspection::FindingCode,
    sealing::{AtRestError, OpenError, Reader, Unsealed},
};
use std::{
    cell::RefCell,
    io::{self, Read},
    rc::Rc,
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
        let staged = Box::new(Reader::new(key, object, stored)?.sequential());
        if !file.is_encrypted() {
            return Ok(Plaintext::Clear(staged));
        }
        let hasher = Rc::new(RefCell::new(Hasher::new()));
        let unsealed = self.identity.open(Digesting { from: staged, hasher: Rc::clone(&hasher) })?;
        Ok(Plaintext::Encrypted(Box::new(unsealed), hasher))
    }
}
