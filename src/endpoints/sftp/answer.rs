//! What a vendor's client is answered (SFTP version 3), and what a refusal looks like from outside.

use super::{handles::HandleId, request::kind};
use crate::{
    domain::{limits, refusal::Outside},
    gateway::{Entry, EntryKind, Refused},
};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// SSH_FX codes (draft-ietf-secsh-filexfer-02, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok = 0,
    Eof = 1,
    NoSuchFile = 2,
    PermissionDenied = 3,
    Failure = 4,
    Unsupported = 8,
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
        Outside::TryLater => Status::Failure,
    }
}

pub(super) fn version() -> Bytes {
    let mut packet = Packet::new(kind::VERSION);
    packet.word(3);
    packet.string(b"limits@openssh.com");
    packet.string(b"1");
    packet.finish()
}

pub(super) fn status(id: u32, status: Status) -> Bytes {
    let message = match status {
        Status::Ok => "Success",
        Status::Eof => "End of file",
        Status::NoSuchFile => "No such file",
        Status::PermissionDenied => "Permission denied",
        Status::Failure => "Failure, try again later",
        Status::Unsupported => "Operation unsupported",
    };
    let mut packet = Packet::answer(kind::STATUS, id);
    packet.word(status as u32);
    packet.string(message.as_bytes());
    packet.string(b"");
    packet.finish()
}

pub(super) fn handle(id: u32, handle: HandleId) -> Bytes {
    let mut packet = Packet::answer(kind::HANDLE, id);
    packet.string(handle.to_string().as_bytes());
    packet.finish()
}

pub(super) fn attributes(id: u32, attributes: Attributes) -> Bytes {
    let mut packet = Packet::answer(kind::ATTRS, id);
    packet.attributes(attributes);
    packet.finish()
}

pub(super) fn names(id: u32, entries: &[Entry]) -> Bytes {
    let mut packet = Packet::answer(kind::NAME, id);
    packet.word(entries.len() as u32);
    for entry in entries {
        packet.string(entry.name.as_bytes());
        packet.string(long_name(entry).as_bytes());
        packet.attributes(entry.into());
    }
    packet.finish()
}

/// The answer to REALPATH: a name without attributes.
pub(super) fn real_path(id: u32, path: &str) -> Bytes {
    let mut packet = Packet::answer(kind::NAME, id);
    packet.word(1);
    packet.string(path.as_bytes());
    packet.string(path.as_bytes());
    packet.word(0);
    packet.finish()
}

/// The answer to `limits@openssh.com` (OpenSSH, PROTOCOL section 4.8): packet, read, write, handles.
pub(super) fn our_limits(id: u32) -> Bytes {
    let mut packet = Packet::answer(kind::EXTENDED_REPLY, id);
    for limit in [limits::SFTP_PACKET_BYTES, limits::SFTP_READ_BYTES, limits::SFTP_READ_BYTES, limits::SFTP_HANDLES] {
        packet.long(limit as u64);
    }
    packet.finish()
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

/// A line as `ls -l` writes it: what some clients show as it is.
fn long_name(entry: &Entry) -> String {
    let (mode, links) = match entry.kind {
        EntryKind::Directory => ("dr-xr-x---", 2),
        EntryKind::File => ("-r--r-----", 1),
    };
    let day = jiff::Timestamp::from_second(entry.modified.seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{mode} {links:>4} egressd  vendor {:>12} {} {}", entry.size, day.strftime("%b %e  %Y"), entry.name)
}

struct Packet(Vec<u8>);

impl Packet {
    fn new(kind: u8) -> Self {
        Self(vec![0, 0, 0, 0, kind])
    }

    fn answer(kind: u8, id: u32) -> Self {
        let mut packet = Self::new(kind);
        packet.word(id);
        packet
    }

    fn word(&mut self, word: u32) {
        self.0.extend_from_slice(&word.to_be_bytes());
    }

    fn long(&mut self, long: u64) {
        self.0.extend_from_slice(&long.to_be_bytes());
    }

    fn string(&mut self, string: &[u8]) {
        self.word(string.len() as u32);
        self.0.extend_from_slice(string);
    }

    /// SSH_FILEXFER_ATTR_SIZE, _PERMISSIONS and _ACMODTIME: nobody's uid is told.
    fn attributes(&mut self, attributes: Attributes) {
        self.word(0x1 | 0x4 | 0x8);
        self.long(attributes.size);
        self.word(attributes.mode);
        self.word(attributes.modified);
        self.word(attributes.modified);
    }

    fn finish(mut self) -> Bytes {
        let length = (self.0.len() - 4) as u32;
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0.into()
    }
}

/// Length, type, id and the length of the data: what stands before a READ's bytes.
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
mod tests {
    use super::*;
    use crate::domain::time::Time;
    use russh_sftp::protocol as theirs;

    fn read_back(answer: Bytes) -> theirs::Packet {
        assert_eq!(u32::from_be_bytes(answer[..4].try_into().unwrap()) as usize, answer.len() - 4);
        assert!(answer.len() - 4 <= limits::SFTP_PACKET_BYTES);
        theirs::Packet::try_from(&mut answer.slice(4..)).unwrap()
    }

    fn file(name: &str) -> Entry {
        Entry { name: name.into(), kind: EntryKind::File, size: 5 << 32, modified: Time::from_micros(1_764_000_000_500_000) }
    }

    #[test]
    fn another_implementation_reads_our_attributes_and_names() {
        let theirs::Packet::Attrs(theirs::Attrs { id: 4, attrs }) = read_back(attributes(4, (&file("a")).into())) else {
            panic!()
        };
        assert_eq!((attrs.size, attrs.mtime, attrs.permissions), (Some(5 << 32), Some(1_764_000_000), Some(0o100_440)));
        assert_eq!((attrs.uid, attrs.gid), (None, None));

        let directory = Entry { kind: EntryKind::Directory, size: 0, ..file("0001") };
        let theirs::Packet::Name(name) = read_back(names(9, &[file("ä.csv.age"), directory])) else { panic!() };
        assert_eq!(name.files[0].filename, "ä.csv.age");
        assert_eq!(name.files[0].longname, "-r--r-----    1 egressd  vendor  21474836480 Nov 24  2025 ä.csv.age");
        assert_eq!(name.files[1].attrs.permissions, Some(0o040_550));
        assert!(name.files[1].attrs.is_dir());
    }

    #[test]
    fn a_page_of_the_longest_names_fits_one_packet() {
        let longest = file(&"n".repeat(limits::VENDOR_FILE_NAME_BYTES));
        read_back(names(1, &vec![longest; limits::SFTP_NAMES_PER_PAGE]));
    }

    #[test]
    fn every_status_is_read_back_with_its_code() {
        for code in [Status::Ok, Status::Eof, Status::NoSuchFile, Status::PermissionDenied, Status::Failure, Status::Unsupported]
        {
            let theirs::Packet::Status(read) = read_back(status(3, code)) else { panic!() };
            assert_eq!((read.id, read.status_code as u32), (3, code as u32));
        }
    }

    #[test]
    fn data_carries_what_was_filled_and_its_buffer_comes_home() {
        let buffers = Buffers::default();
        let mut data = buffers.take();
        data.room(5).copy_from_slice(b"hello");
        data.filled(5);
        assert_eq!(data.room(usize::MAX / 2).len(), limits::SFTP_READ_BYTES - 5);
        let theirs::Packet::Data(read) = read_back(data.finish(8)) else { panic!() };
        assert_eq!((read.id, &read.data[..]), (8, &b"hello"[..]));
        assert_eq!(buffers.0.lock().unwrap().len(), 1);
        assert_eq!(buffers.take().len(), 0, "and is empty again");
        buffers.release();
        assert!(buffers.0.lock().unwrap().is_empty());
    }

    #[test]
    fn what_is_not_there_and_what_is_not_yours_look_the_same() {
        assert_eq!(outside(Outside::NoSuchFile), Status::NoSuchFile);
        assert_eq!(outside(Outside::Denied), Status::PermissionDenied);
        assert_eq!(outside(Outside::TryLater), Status::Failure);
    }
}
