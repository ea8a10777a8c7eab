//! The newest signed head, in a file beside the database: a database that was put back to an earlier state, by whoever
//! edits it or by a restored backup, would otherwise start as if what came since had not happened.
//!
//! Overwritten in place after each commit and never synced by itself: after a power cut it may be older than the log, which
//! is fine; younger it is only if the log was rolled back.

use super::fault::{LedgerFault, LogFault};
use crate::{
    audit::{SignedHead, Verifier},
    domain::digest::Digest,
};
use rustix::fs::{CWD, Mode, OFlags, openat};
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// `size`, root and signature in hexadecimal, each of one length for ever: writing it needs no room on the disk.
const LENGTH: usize = 20 + 1 + 64 + 1 + 128 + 1;

pub(super) struct HeadFile {
    file: File,
    path: PathBuf,
}

impl HeadFile {
    /// `ledger.head` beside `ledger.db`. One that is not there is made: whoever restores a backup removes it, knowing that
    /// every revocation since then has to be given again.
    pub(super) fn beside(database: &Path) -> Result<Self, LedgerFault> {
        let path = database.with_extension("head");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| fault(error.into()))?;
        Ok(Self { file: File::from(file), path })
    }

    /// What the log must still contain; nothing in a file that was just made. One that was cut or altered is no head: taking it
    /// for none would let whoever puts the log back cut this file too, and nobody would notice.
    pub(super) fn read(&self, verifier: &Verifier) -> Result<Option<SignedHead>, LedgerFault> {
        let unreadable = || LogFault::HeadUnreadable(self.path.clone());
        let mut line = [0; LENGTH];
        match self.file.read_exact_at(&mut line, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => match self.file.metadata().map_err(fault)?.len() {
                0 => return Ok(None),
                _ => return Err(unreadable().into()),
            },
            Err(error) => return Err(fault(error)),
        }
        let head = parse(&line).filter(|head| verifier.verify_head(head).is_ok());
        Ok(Some(head.ok_or_else(unreadable)?))
    }

    pub(super) fn write(&self, head: &SignedHead) -> io::Result<()> {
        let signature: String = head.signature.iter().map(|byte| format!("{byte:02x}")).collect();
        self.file.write_all_at(format!("{:020} {} {signature}\n", head.size, head.root).as_bytes(), 0)
    }
}

fn fault(error: io::Error) -> LedgerFault {
    LedgerFault::File { what: "the newest head beside the ledger", why: Arc::new(error) }
}

fn parse(line: &[u8]) -> Option<SignedHead> {
    let mut words = std::str::from_utf8(line).ok()?.trim_end().split(' ');
    let size = words.next()?.parse().ok()?;
    let root: Digest = words.next()?.parse().ok()?;
    let digits = words.next()?;
    let mut signature = [0; 64];
    for (i, byte) in signature.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(SignedHead { size, root, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back_and_one_that_was_cut_or_altered_is_a_fault_and_not_none() {
        let directory = tempfile::tempdir().unwrap();
        let (signer, _) = crate::audit::Signer::generate("test.example/log".parse().unwrap()).unwrap();
        let file = HeadFile::beside(&directory.path().join("ledger.db")).unwrap();
        assert!(file.read(signer.verifier()).unwrap().is_none());
        let head = signer.sign(42, Digest::of(b"root"));
        file.write(&head).unwrap();
        let read = file.read(signer.verifier()).unwrap().unwrap();
        assert_eq!((read.size, read.root, read.signature), (head.size, head.root, head.signature));
        let unreadable = || match file.read(signer.verifier()) {
            Err(fault @ LedgerFault::Log(LogFault::HeadUnreadable(_))) => fault.to_string(),
            other => panic!("{other:?}"),
        };
        for at in [0, 19, 21, LENGTH as u64 - 2] {
            let mut digit = [0];
            file.file.read_exact_at(&mut digit, at).unwrap();
            let other = if digit == *b"7" { b"8" } else { b"7" };
            file.file.write_all_at(other, at).unwrap();
            let said = unreadable();
            assert!(said.contains("ledger.head") && said.contains("remove") && said.contains("--checkpoint"), "{said}");
            file.write(&head).unwrap();
        }
        file.file.set_len(LENGTH as u64 - 1).unwrap();
        unreadable();
    }
}
