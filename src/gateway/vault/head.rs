//! The newest signed head, in a file beside the database: a database that was put back to an earlier state, by whoever
//! edits it or by a restored backup, would otherwise start as if what came since had not happened.
//!
//! Overwritten in place after each commit and never synced by itself: after a power cut it may be older than the log, which
//! is fine; younger it is only if the log was rolled back.

use super::fault::{LedgerFault, LogFault};
use crate::{audit::SignedHead, domain::digest::Digest};
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

    /// What the log must still contain; nothing in a file that was just made.
    pub(super) fn read(&self) -> Result<Option<SignedHead>, LedgerFault> {
        let mut line = [0; LENGTH];
        match self.file.read_exact_at(&mut line, 0) {
            Ok(()) => parse(&line).map(Some).ok_or_else(|| LogFault::HeadUnreadable(self.path.clone()).into()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(fault(error)),
        }
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
    fn a_head_is_read_back_and_a_garbled_one_is_no_head() {
        let directory = tempfile::tempdir().unwrap();
        let file = HeadFile::beside(&directory.path().join("ledger.db")).unwrap();
        assert!(file.read().unwrap().is_none());
        let head = SignedHead { size: 42, root: Digest::of(b"root"), signature: [7; 64] };
        file.write(&head).unwrap();
        let read = file.read().unwrap().unwrap();
        assert_eq!((read.size, read.root, read.signature), (head.size, head.root, head.signature));
        file.file.write_all_at(b"x", 0).unwrap();
        assert!(file.read().is_err());
    }
}
