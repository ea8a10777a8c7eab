//! The staging directory as a descriptor, and the only ways down from it.

use super::identity::Identity;
use crate::domain::ids::TicketNumber;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, openat2, statat};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

/// What no step below staging may do: leave it, pass a link, pass a mount.
pub(super) const STRICTLY_BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_XDEV);

/// The staging directory, opened. It stays the directory that it was: after a mount over it, open it again.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// Opens the configured path. The operator's own links on the way to it are followed.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat2(CWD, path, flags, Mode::empty(), ResolveFlags::empty())?))
    }

    /// A ticket's directory: a real one right below, on the same file system. Errors: ENOENT; ELOOP or ENOTDIR if it is
    /// a link or no directory; EXDEV if it is a mount.
    pub(super) fn ticket(&self, ticket: TicketNumber) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat2(&self.0, ticket.to_string(), flags, Mode::empty(), STRICTLY_BENEATH)?)
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The entry `name` of an open directory, not followed, not opened.
pub(super) fn identity_at(directory: impl AsFd, name: impl rustix::path::Arg) -> io::Result<Identity> {
    Ok(Identity::from(&statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?))
}
