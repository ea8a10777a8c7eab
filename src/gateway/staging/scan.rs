//! What lies in staging, entry by entry: looked at, never opened, never followed, never deleted.

use super::{
    identity::{Identity, Kind},
    root::{Root, identity_at},
    take::{Part, set_aside_for},
};
use crate::domain::{
    file_name::{FileName, NotAFileName, READY},
    ids::{FileId, TicketNumber},
    limits::{STAGING_DIRECTORIES, STAGING_ENTRIES},
};
use rustix::fs::Dir;
use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt,
};

/// One entry of staging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// A file to be settled, then taken.
    File { ticket: TicketNumber, name: FileName, identity: Identity },
    /// A file whose name says that it is still being written. It waits.
    Partial { ticket: TicketNumber, name: FileName, identity: Identity },
    /// The producer's manifest of the file `of`, which may lie there or not.
    Manifest { ticket: TicketNumber, of: FileName, identity: Identity },
    /// `_READY`: the producer closes the delivery.
    Ready { ticket: TicketNumber, identity: Identity },
    /// A taken file whose unlinking a crash interrupted: [`super::finish_unlink`] ends it.
    SetAside { ticket: TicketNumber, file: FileId, part: Part, identity: Identity },
    /// Nothing that can be taken. It stays where it is, and is shown with its reason once it has settled: a client's
    /// temporary file is gone by then.
    Unacceptable(Unacceptable),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unacceptable {
    pub place: Place,
    /// Absent if even stat(2) failed, or if the reason concerns no single entry.
    pub identity: Option<Identity>,
    pub reason: Reason,
}

/// Names as the file system has them: any bytes. Escape them before showing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Right in the staging directory.
    InRoot(OsString),
    InTicket(TicketNumber, OsString),
    /// The ticket's directory itself.
    Ticket(TicketNumber),
    /// The staging directory itself.
    Root,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("only directories named after a ticket, such as EGR-2026-0042, belong here")]
    NotATicketDirectory,
    #[error("{0}")]
    Name(#[from] NotAFileName),
    #[error("it is a symbolic link; links are never followed")]
    Symlink,
    #[error("it is a directory; files lie right in their ticket's directory")]
    Directory,
    #[error("it is a named pipe")]
    Fifo,
    #[error("it is a socket")]
    Socket,
    #[error("it is a device")]
    Device,
    #[error("it is of a kind that is not known")]
    UnknownKind,
    #[error("it has {0} names (hard links), so others can still change or keep it")]
    HardLinks(u64),
    #[error("it has {size} bytes, more than the {most} that may be staged")]
    TooLarge { size: u64, most: u64 },
    #[error("there are more than {0} entries; those beyond are not looked at until these are gone")]
    TooMany(usize),
    #[error("it cannot be looked at: {0}")]
    Unreadable(io::ErrorKind),
}

/// The tickets that have a directory in staging, empty ones included: what is to be watched before it is scanned.
pub fn tickets(root: &Root) -> io::Result<Vec<TicketNumber>> {
    let mut listing = Listing::new(Dir::read_from(root.descriptor())?, STAGING_DIRECTORIES);
    let mut tickets = Vec::new();
    loop {
        match listing.step() {
            Step::Entry(name) => tickets.extend(name.to_str().and_then(|name| name.parse::<TicketNumber>().ok())),
            Step::Failed(error) => return Err(error),
            Step::Full | Step::End => return Ok(tickets),
        }
    }
}

/// Looks at everything in staging, one entry at each step, with memory for one directory buffer at each level.
pub struct Scan<'r> {
    root: &'r Root,
    max_bytes: u64,
    /// Entries that are looked at in one ticket's directory.
    pub(super) entries: usize,
    /// None for a scan of one ticket.
    directories: Option<Listing>,
    ticket: Option<(TicketNumber, Listing)>,
}

impl<'r> Scan<'r> {
    /// Everything. Files of more than `max_bytes` are unacceptable.
    pub fn everything(root: &'r Root, max_bytes: u64) -> io::Result<Self> {
        let directories = Some(Listing::new(Dir::read_from(root.descriptor())?, STAGING_DIRECTORIES));
        Ok(Self { root, max_bytes, entries: STAGING_ENTRIES, directories, ticket: None })
    }

    /// One ticket's directory.
    pub fn ticket(root: &'r Root, ticket: TicketNumber, max_bytes: u64) -> io::Result<Self> {
        let listing = Listing::new(Dir::new(root.ticket(ticket)?)?, STAGING_ENTRIES);
        Ok(Self { root, max_bytes, entries: STAGING_ENTRIES, directories: None, ticket: Some((ticket, listing)) })
    }

    /// An entry of the staging directory itself: enters a ticket's directory, reports anything else.
    fn enter(&mut self, name: &OsStr) -> Option<Candidate> {
        let identity = match identity_at(self.root.descriptor(), name) {
            Ok(identity) => identity,
            Err(error) => return vanished_or(error, || Place::InRoot(name.to_owned())),
        };
        let ticket = name.to_str().and_then(|name| name.parse().ok()).filter(|_| identity.kind == Kind::Directory);
        let Some(ticket) = ticket else {
            let reason = if identity.kind == Kind::Symlink { Reason::Symlink } else { Reason::NotATicketDirectory };
            let place = Place::InRoot(name.to_owned());
            return Some(Candidate::Unacceptable(Unacceptable { place, identity: Some(identity), reason }));
        };
        match self.root.ticket(ticket).and_then(|directory| Ok(Dir::new(directory)?)) {
            Ok(directory) => {
                self.ticket = Some((ticket, Listing::new(directory, self.entries)));
                None
            }
            Err(error) => vanished_or(error, || Place::Ticket(ticket)),
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = io::Result<Candidate>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((ticket, listing)) = &mut self.ticket {
                let ticket = *ticket;
                let found = match listing.step() {
                    Step::Entry(name) => look(&listing.directory, ticket, &name, self.max_bytes),
                    Step::Full => Some(too_many(Place::Ticket(ticket), self.entries)),
                    Step::Failed(error) => vanished_or(error, || Place::Ticket(ticket)),
                    Step::End => {
                        self.ticket = None;
                        None
                    }
                };
                match found {
                    Some(candidate) => return Some(Ok(candidate)),
                    None => continue,
                }
            }
            let found = match self.directories.as_mut()?.step() {
                Step::Entry(name) => self.enter(&name),
                Step::Full => Some(too_many(Place::Root, STAGING_DIRECTORIES)),
                Step::Failed(error) => return Some(Err(error)),
                Step::End => return None,
            };
            if let Some(candidate) = found {
                return Some(Ok(candidate));
            }
        }
    }
}

/// An entry of a ticket's directory; none if it is gone already.
fn look(directory: &Dir, ticket: TicketNumber, name: &OsStr, max_bytes: u64) -> Option<Candidate> {
    let place = || Place::InTicket(ticket, name.to_owned());
    let identity = match directory.fd().map_err(io::Error::from).and_then(|fd| identity_at(fd, name)) {
        Ok(identity) => identity,
        Err(error) => return vanished_or(error, place),
    };
    if let Some((file, part)) = set_aside_for(name) {
        return Some(Candidate::SetAside { ticket, file, part, identity });
    }
    let classified = check_kind(&identity, max_bytes).and_then(|()| classify(ticket, name, identity));
    let refused = |reason| Candidate::Unacceptable(Unacceptable { place: place(), identity: Some(identity), reason });
    Some(classified.unwrap_or_else(refused))
}

fn classify(ticket: TicketNumber, name: &OsStr, identity: Identity) -> Result<Candidate, Reason> {
    if name == READY {
        return Ok(Candidate::Ready { ticket, identity });
    }
    let name = FileName::from_bytes(name.as_bytes())?;
    Ok(match name.manifest_of() {
        Some(of) => Candidate::Manifest { ticket, of, identity },
        None if name.is_partial() => Candidate::Partial { ticket, name, identity },
        None => Candidate::File { ticket, name, identity },
    })
}

/// Whether an entry may be opened at all: a regular file with one name and no more than `max_bytes`.
pub(super) fn check_kind(identity: &Identity, max_bytes: u64) -> Result<(), Reason> {
    match identity.kind {
        Kind::Symlink => Err(Reason::Symlink),
        Kind::Directory => Err(Reason::Directory),
        Kind::Fifo => Err(Reason::Fifo),
        Kind::Socket => Err(Reason::Socket),
        Kind::Device => Err(Reason::Device),
        Kind::Unknown => Err(Reason::UnknownKind),
        Kind::Regular if identity.nlink != 1 => Err(Reason::HardLinks(identity.nlink)),
        Kind::Regular if identity.size > max_bytes => Err(Reason::TooLarge { size: identity.size, most: max_bytes }),
        Kind::Regular => Ok(()),
    }
}

fn vanished_or(error: io::Error, place: impl FnOnce() -> Place) -> Option<Candidate> {
    if error.kind() == io::ErrorKind::NotFound {
        return None;
    }
    let reason = Reason::Unreadable(error.kind());
    Some(Candidate::Unacceptable(Unacceptable { place: place(), identity: None, reason }))
}

fn too_many(place: Place, most: usize) -> Candidate {
    Candidate::Unacceptable(Unacceptable { place, identity: None, reason: Reason::TooMany(most) })
}

/// A directory's entries up to a limit.
struct Listing {
    directory: Dir,
    left: usize,
    ended: bool,
}

enum Step {
    Entry(OsString),
    /// The limit was reached with entries left. Said once.
    Full,
    Failed(io::Error),
    End,
}

impl Listing {
    fn new(directory: Dir, most: usize) -> Self {
        Self { directory, left: most, ended: false }
    }

    fn step(&mut self) -> Step {
        while !self.ended {
            match self.directory.read() {
                None => self.ended = true,
                Some(Err(error)) => {
                    self.ended = true;
                    return Step::Failed(error.into());
                }
                Some(Ok(entry)) => {
                    let name = OsStr::from_bytes(entry.file_name().to_bytes());
                    if name == "." || name == ".." {
                        continue;
                    }
                    if self.left == 0 {
                        self.ended = true;
                        return Step::Full;
                    }
                    self.left -= 1;
                    return Step::Entry(name.to_owned());
                }
            }
        }
        Step::End
    }
}
