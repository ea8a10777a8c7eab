//! What a vendor's client asks, parsed at the wire into the few things that we understand (SFTP version 3).
//!
//! Answers are written with russh-sftp's packet types; requests are not read with them. Those decode names lossily, so that
//! two names which differ in their bytes become one, where a name that is not UTF-8 has to be nobody's; and they make owned
//! strings of whatever a client sends, where a queued request here costs a few bytes.

use super::{Violation, handles::HandleId};
use crate::domain::vendor_path::{NoSuchPath, VendorPath};

/// One packet of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    Init,
    Request(Request),
}

/// One request. Small whatever the packet's size: a queue of them costs little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) id: u32,
    pub(super) act: Act,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Open {
        path: Result<VendorPath, NoSuchPath>,
        access: Access,
    },
    Close(Option<HandleId>),
    Read {
        handle: Option<HandleId>,
        offset: u64,
        length: u32,
    },
    /// STAT and LSTAT: there are no links.
    Stat(Result<VendorPath, NoSuchPath>),
    Fstat(Option<HandleId>),
    OpenDir(Result<VendorPath, NoSuchPath>),
    ReadDir(Option<HandleId>),
    RealPath(Result<VendorPath, NoSuchPath>),
    /// `limits@openssh.com`
    Limits,
    /// Everything that would change something.
    Write,
    Unsupported,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    ReadOnly,
    Other,
}

/// SSH_FXF_READ; every other flag of OPEN writes, creates or truncates.
const FXF_READ: u32 = 1;

impl Packet {
    /// Parses a packet without its length. A truncated field is a violation; bytes after the last field are ignored, as
    /// the draft's clients may send attributes that we do not read.
    pub(super) fn parse(packet: &[u8]) -> Result<Self, Violation> {
        let mut fields = Fields(packet);
        let kind = fields.byte()?;
        if kind == kind::INIT {
            fields.word()?;
            return Ok(Self::Init);
        }
        let id = fields.word()?;
        let act = match kind {
            kind::OPEN => {
                let path = fields.path()?;
                let access = if fields.word()? == FXF_READ { Access::ReadOnly } else { Access::Other };
                fields.word()?;
                Act::Open { path, access }
            }
            kind::CLOSE => Act::Close(fields.handle()?),
            kind::READ => Act::Read { handle: fields.handle()?, offset: fields.long()?, length: fields.word()? },
            kind::LSTAT | kind::STAT => Act::Stat(fields.path()?),
            kind::FSTAT => Act::Fstat(fields.handle()?),
            kind::OPENDIR => Act::OpenDir(fields.path()?),
            kind::READDIR => Act::ReadDir(fields.handle()?),
            kind::REALPATH => Act::RealPath(fields.path()?),
            kind::EXTENDED if fields.string()? == b"limits@openssh.com" => Act::Limits,
            kind::WRITE
            | kind::SETSTAT
            | kind::FSETSTAT
            | kind::REMOVE
            | kind::MKDIR
            | kind::RMDIR
            | kind::RENAME
            | kind::SYMLINK => Act::Write,
            _ => Act::Unsupported,
        };
        Ok(Self::Request(Request { id, act }))
    }
}

/// Packet types (draft-ietf-secsh-filexfer-02, section 3).
pub(super) mod kind {
    pub const INIT: u8 = 1;
    pub const OPEN: u8 = 3;
    pub const CLOSE: u8 = 4;
    pub const READ: u8 = 5;
    pub const WRITE: u8 = 6;
    pub const LSTAT: u8 = 7;
    pub const FSTAT: u8 = 8;
    pub const SETSTAT: u8 = 9;
    pub const FSETSTAT: u8 = 10;
    pub const OPENDIR: u8 = 11;
    pub const READDIR: u8 = 12;
    pub const REMOVE: u8 = 13;
    pub const MKDIR: u8 = 14;
    pub const RMDIR: u8 = 15;
    pub const REALPATH: u8 = 16;
    pub const STAT: u8 = 17;
    pub const RENAME: u8 = 18;
    pub const SYMLINK: u8 = 20;
    pub const DATA: u8 = 103;
    pub const EXTENDED: u8 = 200;
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(Violation::Truncated)?;
        self.0 = rest;
        Ok(*field)
    }

    fn byte(&mut self) -> Result<u8, Violation> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn word(&mut self) -> Result<u32, Violation> {
        self.take().map(u32::from_be_bytes)
    }

    fn long(&mut self) -> Result<u64, Violation> {
        self.take().map(u64::from_be_bytes)
    }

    fn string(&mut self) -> Result<&'a [u8], Violation> {
        let length = self.word()? as usize;
        let (string, rest) = self.0.split_at_checked(length).ok_or(Violation::Truncated)?;
        self.0 = rest;
        Ok(string)
    }

    fn path(&mut self) -> Result<Result<VendorPath, NoSuchPath>, Violation> {
        self.string().map(VendorPath::parse)
    }

    fn handle(&mut self) -> Result<Option<HandleId>, Violation> {
        self.string().map(HandleId::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use russh_sftp::protocol as theirs;

    /// A request as another implementation writes it, without its length.
    fn written(packet: impl Into<theirs::Packet>) -> Vec<u8> {
        Bytes::try_from(packet.into()).unwrap().to_vec().split_off(4)
    }

    fn samples() -> Vec<(Vec<u8>, Act)> {
        let handle = HandleId::nth(3);
        let text = handle.to_string();
        let file = "/EGR-2026-0042/0001/a.csv.age".to_owned();
        let place = || VendorPath::parse(file.as_bytes());
        let read_only = theirs::OpenFlags::READ;
        let open = |pflags| theirs::Open { id: 7, filename: file.clone(), pflags, attrs: theirs::FileAttributes::empty() };
        vec![
            (written(open(read_only)), Act::Open { path: place(), access: Access::ReadOnly }),
            (written(open(read_only | theirs::OpenFlags::WRITE)), Act::Open { path: place(), access: Access::Other }),
            (written(open(read_only | theirs::OpenFlags::CREATE)), Act::Open { path: place(), access: Access::Other }),
            (written(theirs::Close { id: 7, handle: text.clone() }), Act::Close(Some(handle))),
            (
                written(theirs::Read { id: 7, handle: text.clone(), offset: 1 << 40, len: 99 }),
                Act::Read { handle: Some(handle), offset: 1 << 40, length: 99 },
            ),
            (written(theirs::Stat { id: 7, path: file.clone() }), Act::Stat(place())),
            (written(theirs::Lstat { id: 7, path: file.clone() }), Act::Stat(place())),
            (written(theirs::Fstat { id: 7, handle: text.clone() }), Act::Fstat(Some(handle))),
            (written(theirs::OpenDir { id: 7, path: file.clone() }), Act::OpenDir(place())),
            (written(theirs::ReadDir { id: 7, handle: text.clone() }), Act::ReadDir(Some(handle))),
            (written(theirs::RealPath { id: 7, path: "/etc".into() }), Act::RealPath(Err(NoSuchPath))),
            (written(theirs::Extended { id: 7, request: "limits@openssh.com".into(), data: vec![] }), Act::Limits),
            (written(theirs::Extended { id: 7, request: "copy-data".into(), data: vec![1] }), Act::Unsupported),
            (written(theirs::Remove { id: 7, filename: file.clone() }), Act::Write),
            (written(theirs::ReadLink { id: 7, path: file.clone() }), Act::Unsupported),
        ]
    }

    #[test]
    fn requests_as_another_implementation_writes_them_are_understood() {
        for (packet, act) in samples() {
            assert_eq!(Packet::parse(&packet), Ok(Packet::Request(Request { id: 7, act })));
        }
        assert_eq!(Packet::parse(&written(theirs::Init::default())), Ok(Packet::Init));
    }

    #[test]
    fn a_request_cut_anywhere_is_a_violation_unless_all_we_read_is_there() {
        for (packet, act) in samples() {
            let needed = match act {
                Act::Write | Act::Unsupported => continue,
                _ => packet.len(),
            };
            for cut in 0..needed {
                assert_eq!(Packet::parse(&packet[..cut]), Err(Violation::Truncated), "{act:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn foreign_and_malformed_handles_are_nobodys() {
        let close = |handle: &str| Packet::parse(&written(theirs::Close { id: 1, handle: handle.into() })).unwrap();
        for handle in
            ["", "3", "000000000000000g", "0000000000000003 ", "+000000000000003", "00000000000000003", "000000000000000A"]
        {
            assert_eq!(close(handle), Packet::Request(Request { id: 1, act: Act::Close(None) }), "{handle:?}");
        }
    }

    #[test]
    fn answers_and_unknown_types_sent_by_a_client_are_unsupported() {
        for kind in [0, 2, 19, 21, 99, 101, kind::DATA, 105, 201, 255] {
            let parsed = Packet::parse(&[kind, 0, 0, 0, 9]);
            assert_eq!(parsed, Ok(Packet::Request(Request { id: 9, act: Act::Unsupported })), "{kind}");
        }
    }
}
