//! Where a start begins: the tree, the heads and the courses as they stood at one size of the log, in a file beside the database, signed by
//! the log's key.
//!
//! A start that has it reads only what came since, each leaf as ever, and must arrive at the newest checkpoint's root. What lies before is
//! believed leaf by leaf, when it is asked for: each must stand in the tree. The file is no part of the log and proves nothing to anybody
//! else. One that is missing, cut, another log's or newer than the log costs a start that reads everything, and nothing more.

use super::{
    courses::{Course, Run},
    fault::LedgerFault,
    heads::Heads,
    rows,
    shared::Published,
};
use crate::{
    audit::{SignedHead, Signer, Tree, Verifier},
    domain::{
        digest::Digest,
        dossier::State,
        event::Subject,
        ids::{TicketId, TicketNumber},
        limits::{START_FILE_BYTES, TILE_LEAVES},
        time::Time,
    },
};
use rustix::fs::{CWD, Mode, OFlags, fsync, openat, renameat};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use uuid::Uuid;

const MAGIC: &[u8] = b"egressd start 1\n";
const SIGNATURE_BYTES: usize = 64;
/// A kind, an id or zeros, an index.
const HEAD_BYTES: usize = 1 + 16 + 8;
/// In place of an index that there is not.
const NONE: u64 = u64::MAX;

pub(super) struct StartFile {
    path: PathBuf,
}

impl StartFile {
    /// `ledger.start` beside `ledger.db`.
    pub(super) fn beside(database: &Path) -> Self {
        Self { path: database.with_extension("start") }
    }

    /// What a start may begin from, under the newest checkpoint. None: it reads everything.
    pub(super) fn read(&self, verifier: &Verifier, head: SignedHead) -> Option<Published> {
        let open = |flags| openat(CWD, &self.path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        let file = File::from(open(OFlags::RDONLY).ok()?);
        let mut bytes = Vec::new();
        file.take(START_FILE_BYTES).read_to_end(&mut bytes).ok()?;
        let (said, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>()?;
        if verifier.verify_start(Digest::of(said), signature).is_err() {
            tracing::warn!(path = %self.path.display(), "this log's key has not signed what a start begins from: the whole log is read");
            return None;
        }
        // What its own program signed it also reads, or another version did: then everything is read too.
        let published = parse(said, head)?;
        (published.tree.len() <= head.size).then_some(published)
    }

    /// Keeps what is durable now. `bytes` was made by [`encode`].
    ///
    /// openat of another name, write, fsync, renameat: after a crash there is the old file or the new one. The directory is not synced:
    /// the old one is as good.
    pub(super) fn write(&self, mut bytes: Vec<u8>, signer: &Signer) -> Result<(), LedgerFault> {
        let fault = |why: io::Error| LedgerFault::File { what: "where a start begins, beside the ledger", why: Arc::new(why) };
        bytes.extend(signer.sign_start(Digest::of(&bytes)));
        let unfinished = self.path.with_extension("start-new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(CWD, &unfinished, flags, Mode::RUSR | Mode::WUSR).map_err(|error| fault(error.into()))?);
        file.write_all(&bytes).map_err(fault)?;
        fsync(&file).map_err(|error| fault(error.into()))?;
        renameat(CWD, &unfinished, CWD, &self.path).map_err(|error| fault(error.into()))
    }
}

/// How a ticket can have ended by a record, each by its number here and one; 0 is none.
const ENDS: [State; 4] = [State::Closed, State::Rejected, State::Withdrawn, State::Revoked];

/// All but the signature: magic, size, time, leaf of the rules, tile roots, hashes of the open tile, how many heads, heads, courses. Integers
/// are big-endian.
pub(super) fn encode(published: &Published) -> Vec<u8> {
    let (closed, open) = published.tree.parts();
    let heads = published.heads.all();
    let mut bytes = Vec::with_capacity(256 + 32 * (closed.len() + open.len()) + 4 * HEAD_BYTES * heads.len());
    bytes.extend(MAGIC);
    bytes.extend(published.tree.len().to_be_bytes());
    bytes.extend(published.at.micros().to_be_bytes());
    bytes.extend(published.rules.unwrap_or(NONE).to_be_bytes());
    closed.iter().chain(open).for_each(|hash| bytes.extend(hash.as_bytes()));
    bytes.extend((heads.len() as u64).to_be_bytes());
    for (on, index) in heads {
        let mut key = rows::subject_key(on);
        key.resize(1 + 16, 0);
        bytes.extend(key);
        bytes.extend(index.to_be_bytes());
    }
    published.courses.iter().for_each(|(id, course)| encode_course(&mut bytes, id, course));
    bytes
}

fn encode_course(bytes: &mut Vec<u8>, id: TicketId, course: &Course) {
    let ended = course.ended.and_then(|state| ENDS.iter().position(|end| *end == state)).map_or(0, |at| at + 1);
    bytes.extend(id.uuid().as_bytes());
    bytes.extend(course.number.year.to_be_bytes());
    bytes.extend(course.number.sequence.to_be_bytes());
    bytes.extend([ended as u8, u8::from(course.run == Run::Begun)]);
    bytes.extend(course.binds.as_bytes());
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn time(&mut self) -> Option<Time> {
        self.take().map(|bytes| Time::from_micros(i64::from_be_bytes(bytes)))
    }

    fn digest(&mut self) -> Option<Digest> {
        self.take().map(Digest::from_bytes)
    }

    fn head(&mut self) -> Option<(Subject, u64)> {
        Some((rows::subject_of(&self.take::<17>()?)?, self.number()?))
    }

    fn course(&mut self) -> Option<(TicketId, Course)> {
        let id = TicketId::from_uuid(Uuid::from_bytes(self.take()?));
        let number = TicketNumber { year: u16::from_be_bytes(self.take()?), sequence: u32::from_be_bytes(self.take()?) };
        let [ended, run] = self.take()?;
        let ended = usize::from(ended).checked_sub(1).map(|at| ENDS.get(at).copied());
        let ended = match ended {
            Some(unknown) => Some(unknown?),
            None => None,
        };
        let run = if run == 0 { Run::NotYet } else { Run::Begun };
        Some((id, Course { number, binds: self.digest()?, run, ended }))
    }
}

/// None for what another version of this program wrote.
fn parse(said: &[u8], head: SignedHead) -> Option<Published> {
    let mut rest = Rest(said.strip_prefix(MAGIC)?);
    let (size, at, rules) = (rest.number()?, rest.time()?, rest.number()?);
    let closed: Vec<Digest> = (0..size / TILE_LEAVES).map(|_| rest.digest()).collect::<Option<_>>()?;
    let open: Vec<Digest> = (0..size % TILE_LEAVES).map(|_| rest.digest()).collect::<Option<_>>()?;
    let count = rest.number()?;
    let heads: Heads = (0..count).map(|_| rest.head()).collect::<Option<_>>()?;
    let mut courses = Vec::new();
    while !rest.0.is_empty() {
        courses.push(rest.course()?);
    }
    let (tree, courses) = (Tree::of(closed, &open), courses.into_iter().collect());
    Some(Published { tree, heads, courses, at, rules: (rules != NONE).then_some(rules), head })
}
