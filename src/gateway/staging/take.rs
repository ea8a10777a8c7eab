//! Taking a staged file: opened once, compared with what was seen, and unlinked only while it is still that file.

use super::{
    identity::Identity,
    root::{Root, STRICTLY_BENEATH, identity_at},
    scan::{Reason, check_kind},
};
use crate::domain::{
    file_name::{FileName, READY},
    ids::{FileId, TicketNumber},
};
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, fstat, openat2, renameat_with, unlinkat};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
};

/// Why a file could not be taken. Nothing has happened to it.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error("the file is gone")]
    Gone,
    /// Another file has the name, or this one was written to: look again later.
    #[error("the file is not as it was seen")]
    Changed,
    #[error("{0}")]
    Unacceptable(Reason),
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for TakeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Gone,
            _ => Self::Io(error),
        }
    }
}

/// A file being taken: its content as it was when it was seen, read once, and the question whether it stayed so.
///
/// Reading ends at the size that was seen, whatever is appended meanwhile.
#[derive(Debug)]
pub struct Taken {
    file: File,
    identity: Identity,
    left: u64,
}

impl Taken {
    /// To be asked after the copy: whether all of it was read and nothing about it has changed, not even its number of
    /// names. If not, the copy is worth nothing: discard it and let the file settle again.
    pub fn unchanged(&self) -> io::Result<bool> {
        Ok(self.left == 0 && Identity::from(&fstat(&self.file)?) == self.identity)
    }
}

impl Read for Taken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..most])?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Opens the file `name` of `ticket`, if it is still as `expected` says.
///
/// ```text
/// openat2(staging, ticket, O_DIRECTORY|O_NOFOLLOW, BENEATH|NO_SYMLINKS|NO_MAGICLINKS|NO_XDEV)
/// fstatat(ticket, name, AT_SYMLINK_NOFOLLOW)         a pipe or device is not even opened
/// openat2(ticket, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, BENEATH|…)
/// fstat(file)                                        what was opened is what was seen
/// ```
/// Between the second step and the third the name may come to mean a pipe or a device: O_NONBLOCK keeps that from
/// blocking, and the fourth step refuses it.
pub fn take(root: &Root, ticket: TicketNumber, name: &FileName, expected: &Identity) -> Result<Taken, TakeError> {
    let directory = root.ticket(ticket)?;
    let seen = identity_at(&directory, name.as_str())?;
    accept(&seen, expected)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = openat2(&directory, name.as_str(), flags, Mode::empty(), STRICTLY_BENEATH).map_err(io::Error::from)?;
    let opened = Identity::from(&fstat(&file).map_err(io::Error::from)?);
    accept(&opened, expected)?;
    Ok(Taken { file: File::from(file), identity: opened, left: opened.size })
}

fn accept(found: &Identity, expected: &Identity) -> Result<(), TakeError> {
    check_kind(found, u64::MAX).map_err(TakeError::Unacceptable)?;
    if found == expected { Ok(()) } else { Err(TakeError::Changed) }
}

/// What became of the source of a file that was taken and recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    /// Unlinked, by this call.
    Nothing,
    /// The name was not there.
    AlreadyGone,
    /// The name belongs to another file, or this one was written to after the copy. It has its name (again): the next
    /// scan meets it as a new file.
    AnotherFile,
    /// As before, but the name was taken meanwhile, so that it could not be given back. The file stays set aside under
    /// its private name, and each scan reports it.
    SetAside,
}

/// Beginning of the name under which a taken file waits for its unlinking. No producer's file can have it: it is hidden.
const SET_ASIDE: &str = ".egressd-taken-";

/// Its end, if it was the file's manifest.
const MANIFEST_PART: &str = ".manifest";

/// What was set aside for a taken file: they come under different names, so that neither ever gets the other's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    File,
    Manifest,
}

impl Part {
    fn of(name: &FileName) -> Self {
        if name.manifest_of().is_some() { Self::Manifest } else { Self::File }
    }
}

fn set_aside_name(file: FileId, part: Part) -> String {
    match part {
        Part::File => format!("{SET_ASIDE}{file}"),
        Part::Manifest => format!("{SET_ASIDE}{file}{MANIFEST_PART}"),
    }
}

/// The file that an entry was set aside for, by its name.
pub(super) fn set_aside_for(name: &OsStr) -> Option<(FileId, Part)> {
    let rest = name.to_str()?.strip_prefix(SET_ASIDE)?;
    let (file, part) = match rest.strip_suffix(MANIFEST_PART) {
        Some(file) => (file.parse().ok()?, Part::Manifest),
        None => (rest.parse().ok()?, Part::File),
    };
    // One file, one spelling.
    (name == set_aside_name(file, part).as_str()).then_some((file, part))
}

/// Unlinks the source of `file`, which was copied from `expected` and recorded, if it is still that file.
///
/// ```text
/// fstatat(name)                                      another one: left alone
/// renameat2(name → .egressd-taken-<file>, RENAME_NOREPLACE)
/// fstatat(.egressd-taken-<file>)
/// unlinkat(.egressd-taken-<file>)                    the same file
/// renameat2(.egressd-taken-<file> → name, RENAME_NOREPLACE)   another one
/// ```
/// Looking first and unlinking then would delete a file that is renamed to `name` in between: a producer's next file,
/// unread. Under the private name nobody replaces it by accident. Who does so on purpose could have deleted his own
/// file without us: the directory is his to write. What remains: bytes that a writer who kept the file open appends
/// between the third step and the fourth are lost with it; it had said, by every sign there is, that it was done.
pub fn unlink_if_same(
    root: &Root,
    ticket: TicketNumber,
    name: &FileName,
    file: FileId,
    expected: &Identity,
) -> io::Result<Remains> {
    let directory = match root.ticket(ticket) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Remains::AlreadyGone),
        directory => directory?,
    };
    let private = set_aside_name(file, Part::of(name));
    match identity_at(&directory, name.as_str()) {
        // A file that is plainly another one is not moved at all: its writer may be about to look for it.
        Ok(seen) if seen.is_same_file(expected) => set_aside(directory.as_fd(), name, &private)?,
        Ok(_) if !exists(directory.as_fd(), &private)? => return Ok(Remains::AnotherFile),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // A crash here leaves the private name; recovery goes on with the same function.
    finish(directory.as_fd(), name, &private, expected)
}

fn set_aside(directory: BorrowedFd<'_>, name: &FileName, private: &str) -> io::Result<()> {
    match renameat_with(directory, name.as_str(), directory, private, RenameFlags::NOREPLACE) {
        // Gone since, or an earlier attempt's file still waits under the private name: that one is ended first.
        Ok(()) | Err(rustix::io::Errno::NOENT | rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn exists(directory: BorrowedFd<'_>, name: &str) -> io::Result<bool> {
    match identity_at(directory, name) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Unlinks `_READY` after the delivery that it closed is recorded, if it is still the one that was seen.
///
/// It has no content that could be lost: a `_READY` that is put there between the look and the unlinking says what the
/// first one said.
pub fn unlink_ready(root: &Root, ticket: TicketNumber, expected: &Identity) -> io::Result<()> {
    let directory = match root.ticket(ticket) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        directory => directory?,
    };
    match identity_at(&directory, READY) {
        Ok(seen) if seen.is_same_file(expected) => Ok(unlinkat(&directory, READY, AtFlags::empty())?),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Ends what [`unlink_if_same`] began before a crash, for a [`super::Candidate::SetAside`].
pub fn finish_unlink(
    root: &Root,
    ticket: TicketNumber,
    name: &FileName,
    file: FileId,
    expected: &Identity,
) -> io::Result<Remains> {
    finish(root.ticket(ticket)?.as_fd(), name, &set_aside_name(file, Part::of(name)), expected)
}

/// Gives a manifest that [`unlink_if_same`] had set aside before a crash its name back: whether it is the one that was read
/// is found out by reading it again.
pub fn give_back_manifest(root: &Root, ticket: TicketNumber, manifest: &FileName, file: FileId) -> io::Result<Remains> {
    give_back(root.ticket(ticket)?.as_fd(), &set_aside_name(file, Part::Manifest), manifest)
}

fn finish(directory: BorrowedFd<'_>, name: &FileName, private: &str, expected: &Identity) -> io::Result<Remains> {
    let found = match identity_at(directory, private) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Remains::AlreadyGone),
        found => found?,
    };
    // Not the whole identity: the rename changed its ctime, and a second name does no harm to unlinking this one.
    if found.is_same_file(expected) {
        unlinkat(directory, private, AtFlags::empty())?;
        return Ok(Remains::Nothing);
    }
    give_back(directory, private, name)
}

fn give_back(directory: BorrowedFd<'_>, private: &str, name: &FileName) -> io::Result<Remains> {
    match renameat_with(directory, private, directory, name.as_str(), RenameFlags::NOREPLACE) {
        Ok(()) => Ok(Remains::AnotherFile),
        Err(rustix::io::Errno::NOENT) => Ok(Remains::AlreadyGone),
        Err(rustix::io::Errno::EXIST) => Ok(Remains::SetAside),
        Err(error) => Err(error.into()),
    }
}
