//! What a vendor's client is answered (SFTP version 3), and what a refusal looks like from outside.

use super::{handles::HandleId, request::kind};
use crate::{
    domain::{limits, refusal::Outside},
    gateway::{Entry, EntryKind, Refused},
};
use bytes::Bytes;
use russh_sftp::{
    extensions::{self, LimitsExtension},
    protocol::{self as wire, FileAttributes, StatusCode},
    ser,
};
use std::sync::{Arc, Mutex, PoisonError};

/// SSH_FX codes (draft-ietf-secsh-filexfer-02, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    Eof,
    NoSuchFile,
    PermissionDenied,
    Failure,
    Unsupported,
}

/// An answer that cannot be written down. Every length in ours is far below the format's, so this is a fault of our own,
/// and still no reason to panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an answer could not be encoded")]
pub(super) struct Unencodable;

/// What the client hears instead.
impl From<Unencodable> for Status {
    fn from(_: Unencodable) -> Self {
        Self::Failure
    }
}

/// The one place that decides what a vendor learns of a refusal. Of a fault it learns nothing.
pub(super) fn refused(refused: &Refused) -> Status {
    match refused {
        Refused::Refusal(refusal) => outside(refusal.outside()),
        Refused::Fault(_) => outside(Outside::TryLater),
    }
}

pub(super) fn outside(outside: Outside) -> Status {
    match outside {
        Outside::NoSuchFile => Status::NoSuchFile,
        Outside::Denied => Status::PermissionDenied,
        Outside::TryLater | Outside::TooMany => Status::Failure,
    }
}

fn encoded(packet: impl Into<wire::Packet>) -> Result<Bytes, Unencodable> {
    Bytes::try_from(packet.into()).map_err(|_| Unencodable)
}

pub(super) fn version() -> Result<Bytes, Unencodable> {
    let mut version = wire::Version::new();
    version.extensions.insert(extensions::LIMITS.to_owned(), "1".to_owned());
    encoded(version)
}

pub(super) fn status(id: u32, status: Status) -> Result<Bytes, Unencodable> {
    let (status_code, message) = match status {
        Status::Ok => (StatusCode::Ok, "Success"),
        Status::Eof => (StatusCode::Eof, "End of file"),
        Status::NoSuchFile => (StatusCode::NoSuchFile, "No such file"),
        Status::PermissionDenied => (StatusCode::PermissionDenied, "Permission denied"),
        Status::Failure => (StatusCode::Failure, "Failure, try again later"),
        Status::Unsupported => (StatusCode::OpUnsupported, "Operation unsupported"),
    };
    encoded(wire::Packet::status(id, status_code, message, ""))
}

pub(super) fn handle(id: u32, handle: HandleId) -> Result<Bytes, Unencodable> {
    encoded(wire::Handle { id, handle: handle.to_string() })
}

pub(super) fn attributes(id: u32, attributes: Attributes) -> Result<Bytes, Unencodable> {
    encoded(wire::Attrs { id, attrs: attributes.into() })
}

pub(super) fn names(id: u32, entries: &[Entry]) -> Result<Bytes, Unencodable> {
    let file = |entry: &Entry| {
        let attrs = Attributes::from(entry).into();
        wire::File { filename: entry.name.clone(), longname: long_name(entry), attrs }
    };
    encoded(wire::Name { id, files: entries.iter().map(file).collect() })
}

/// The answer to REALPATH: a name without attributes.
pub(super) fn real_path(id: u32, path: &str) -> Result<Bytes, Unencodable> {
    let file = wire::File { filename: path.to_owned(), longname: path.to_owned(), attrs: FileAttributes::empty() };
    encoded(wire::Name { id, files: vec![file] })
}

/// The answer to `limits@openssh.com` (OpenSSH, PROTOCOL section 4.8).
pub(super) fn our_limits(id: u32) -> Result<Bytes, Unencodable> {
    let limits = LimitsExtension {
        max_packet_len: limits::SFTP_PACKET_BYTES as u64,
        max_read_len: limits::SFTP_READ_BYTES as u64,
        // Nothing is ever written; clients that ask want a number that is not zero.
        max_write_len: limits::SFTP_READ_BYTES as u64,
        max_open_handles: limits::SFTP_HANDLES as u64,
    };
    let data = ser::to_bytes(&limits).map_err(|_| Unencodable)?.to_vec();
    encoded(wire::ExtendedReply { id, data })
}

/// What is told about a file or directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    pub(super) size: u64,
    mode: u32,
    /// Seconds since 1970
    modified: u32,
}

impl From<&Entry> for Attributes {
    fn from(entry: &Entry) -> Self {
        let mode = match entry.kind {
            EntryKind::Directory => 0o040_550,
            EntryKind::File => 0o100_440,
        };
        Self { size: entry.size, mode, modified: u32::try_from(entry.modified.seconds()).unwrap_or(0) }
    }
}

/// Size, permissions and times. Nobody's uid is told.
impl From<Attributes> for FileAttributes {
    fn from(Attributes { size, mode, modified }: Attributes) -> Self {
        let (size, permissions, modified) = (Some(size), Some(mode), Some(modified));
        Self { size, permissions, atime: modified, mtime: modified, ..Self::empty() }
    }
}

/// A line as `ls -l` writes it: what some clients show as it is.
fn long_name(entry: &Entry) -> String {
    let (mode, links) = match entry.kind {
        EntryKind::Directory => ("dr-xr-x---", 2),
        EntryKind::File => ("-r--r-----", 1),
    };
    let day = jiff::Timestamp::from_second(entry.modified.seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{mode} {links:>4} egressd  vendor {:>12} {} {}", entry.size, day.strftime("%b %e  %Y"), entry.name)
}

/// Length, type, id and the length of the data: what stands before a READ's bytes. This one packet is written by hand: the
/// crate's would copy every byte of every file twice.
const DATA_HEADER: usize = 13;

/// Buffers for READ's answers. They come back when the SSH layer has encrypted what they held, so that a download costs
/// no allocation and no zeroing for each answer.
#[derive(Clone, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A DATA packet being filled.
pub(super) struct Data {
    buffer: Vec<u8>,
    filled: usize,
    home: Buffers,
}

impl Buffers {
    pub(super) fn take(&self) -> Data {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let buffer = spare.unwrap_or_else(|| vec![0; DATA_HEADER + limits::SFTP_READ_BYTES]);
        Data { buffer, filled: 0, home: self.clone() }
    }

    /// Gives the memory back: no file is open.
    pub(super) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Data {
    /// Room for `length` more bytes, at most [`limits::SFTP_READ_BYTES`] in all. [`Data::filled`] says how many came.
    pub(super) fn room(&mut self, length: usize) -> &mut [u8] {
        let from = DATA_HEADER + self.filled;
        let to = (from + length).min(self.buffer.len());
        &mut self.buffer[from..to]
    }

    pub(super) fn filled(&mut self, more: usize) {
        self.filled += more;
    }

    pub(super) fn len(&self) -> usize {
        self.filled
    }

    pub(super) fn finish(mut self, id: u32) -> Bytes {
        let filled = self.filled as u32;
        self.buffer[0..4].copy_from_slice(&(filled + DATA_HEADER as u32 - 4).to_be_bytes());
        self.buffer[4] = kind::DATA;
        self.buffer[5..9].copy_from_slice(&id.to_be_bytes());
        self.buffer[9..13].copy_from_slice(&filled.to_be_bytes());
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..DATA_HEADER + self.filled]
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let mut spares = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() <= limits::SFTP_ANSWERS_AHEAD {
            spares.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests;
