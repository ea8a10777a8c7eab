//! Which file an entry is, and in which state: what two looks at it compare.

use rustix::fs::{FileType, Stat};

/// What kind of thing has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Regular,
    Directory,
    Symlink,
    Fifo,
    Socket,
    Device,
    Unknown,
}

/// A directory entry's inode as stat(2) shows it. Two equal ones mean: the same file, not written to in between.
///
/// `ctime` is the one field that no producer can set, so it is compared wherever the gateway itself has not changed it
/// (renaming does). Blind spot: writes through a shared memory mapping may reach the times only later; what counts is
/// the copy, which is what is hashed and inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    pub dev: u64,
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970; beyond the year 2262 the last such.
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub nlink: u64,
    pub kind: Kind,
}

impl Identity {
    /// Whether both are the same inode with the same content, as far as a rename leaves that visible.
    pub fn is_same_file(&self, other: &Self) -> bool {
        let content = |i: &Self| (i.dev, i.ino, i.size, i.mtime_ns, i.kind);
        content(self) == content(other)
    }
}

impl From<&Stat> for Identity {
    #[allow(clippy::useless_conversion, reason = "the fields' widths differ between architectures")]
    fn from(stat: &Stat) -> Self {
        Self {
            dev: stat.st_dev,
            ino: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            ctime_ns: nanoseconds(stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
            nlink: u64::try_from(stat.st_nlink).unwrap_or(u64::MAX),
            kind: Kind::from(FileType::from_raw_mode(stat.st_mode)),
        }
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::Regular,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice | FileType::BlockDevice => Self::Device,
            FileType::Unknown => Self::Unknown,
        }
    }
}
