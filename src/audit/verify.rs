//! The verifier: reads a whole log once, leaf by leaf, and either finds it sound or names what is wrong (docs/audit-log.md 6).

mod chain;
mod problem;
mod runs;
mod trunk;

#[cfg(test)]
mod tests;

use super::{
    checkpoint::{Checkpoint, SignedHead, Verifier},
    frame::{FrameError, LeafFrame, OwnEvent},
    leaf::{SALT_BYTES, detail_commitment, leaf_hash},
};
use crate::domain::{digest::Digest, limits::LOG_PROBLEMS};
use chain::Chain;
pub use problem::Problem;
use runs::Runs;
use trunk::Trunk;

/// A detail record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    pub salt: [u8; SALT_BYTES],
    pub bytes: Vec<u8>,
}

/// One leaf as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub index: u64,
    /// None if the leaf expired under a snapshot.
    pub leaf: Option<Vec<u8>>,
    /// The stored leaf hash.
    pub hash: Digest,
    pub detail: Option<Detail>,
}

/// What was read of a log that is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub leaves: u64,
    pub root: Digest,
    pub checkpoints_checked: u64,
    /// 0 if the log is empty.
    pub last_checkpoint_size: u64,
    /// The outside checkpoint's size, if there was one.
    pub outside_size: Option<u64>,
    /// Detail records that open their commitment.
    pub details: u64,
    /// Detail records that are missing and were erased by an event.
    pub details_missing: u64,
    /// Leaves that expired under a snapshot.
    pub expired: u64,
    /// Leaves whose time is earlier than that of the leaf before them: no fault, but worth a look at the clock.
    pub clock_stepped_back: u64,
}

/// What is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsound {
    /// In the order in which they came to light; never empty.
    pub problems: Vec<Problem>,
    /// Where reading stopped because there were too many problems. None: the log was read to its end.
    pub stopped_at: Option<u64>,
    /// Size of the last checkpoint that the key has signed; 0: none that was read.
    pub signed: u64,
}

/// Why there is no [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure<E> {
    #[error("the log cannot be read: {0}")]
    Unreadable(E),
    #[error("the log is not sound: {}", .0.problems.first().map(ToString::to_string).unwrap_or_default())]
    Unsound(Unsound),
}

/// Verifies a log: `rows` by ascending index, `heads` by ascending size, both from one state of the store.
///
/// Memory: an entry per subject, one per run of neighbouring leaves whose detail records are missing and not yet named by an erasure,
/// and a few hashes.
///
/// # Errors
/// [`Failure::Unreadable`] passes on the first error of an iterator; [`Failure::Unsound`] names the problems.
pub fn verify<E>(
    rows: impl IntoIterator<Item = Result<Row, E>>,
    heads: impl IntoIterator<Item = Result<SignedHead, E>>,
    outside: Option<&Checkpoint>,
    key: &Verifier,
) -> Result<Report, Failure<E>> {
    let mut walk = Walk::new(key, outside);
    let mut heads = heads.into_iter();
    let mut head = heads.next().transpose().map_err(Failure::Unreadable)?;
    let mut rows = rows.into_iter();
    loop {
        while let Some(due) = head.take_if(|head| head.size <= walk.next && !walk.is_full()) {
            walk.head(&due);
            head = heads.next().transpose().map_err(Failure::Unreadable)?;
        }
        walk.compare_outside();
        if walk.is_full() {
            return Err(Failure::Unsound(walk.stop()));
        }
        match rows.next().transpose().map_err(Failure::Unreadable)? {
            Some(row) => walk.row(&row),
            None => break,
        }
    }
    // What is left of the checkpoints is beyond the last leaf.
    while let Some(beyond) = head.filter(|_| !walk.is_full()) {
        walk.head(&beyond);
        head = heads.next().transpose().map_err(Failure::Unreadable)?;
    }
    walk.finish().map_err(Failure::Unsound)
}

struct Walk<'a> {
    key: &'a Verifier,
    outside: Option<&'a Checkpoint>,
    /// The index that comes next, and so the number of leaves so far.
    next: u64,
    /// None after a gap: without the hash of a missing leaf no root can be made any more.
    trunk: Option<Trunk>,
    chain: Chain,
    /// Leaves whose detail record is missing and has not been named by an erasure yet.
    missing: Runs,
    /// Size of the last checkpoint that was read, and of the last that is signed.
    last_head: Option<u64>,
    signed: u64,
    /// The largest signed size beyond the log's end.
    beyond: Option<u64>,
    checkpoints: u64,
    details: u64,
    erased: u64,
    expired: u64,
    last_at: i64,
    clock_stepped_back: u64,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    fn new(key: &'a Verifier, outside: Option<&'a Checkpoint>) -> Self {
        Self {
            key,
            outside,
            next: 0,
            trunk: Some(Trunk::default()),
            chain: Chain::default(),
            missing: Runs::default(),
            last_head: None,
            signed: 0,
            beyond: None,
            checkpoints: 0,
            details: 0,
            erased: 0,
            expired: 0,
            last_at: i64::MIN,
            clock_stepped_back: 0,
            problems: Vec::new(),
        }
    }

    fn fault(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn is_full(&self) -> bool {
        self.problems.len() + self.trunk.as_ref().map_or(0, Trunk::suspects) >= LOG_PROBLEMS
    }

    fn row(&mut self, row: &Row) {
        let index = row.index;
        if index < self.next {
            return self.fault(Problem::OutOfOrder { index, expected: self.next });
        }
        if index > self.next {
            self.fault(Problem::Gap { first: self.next, next: index });
            self.chain.unread(self.next..index);
            self.trunk = None;
        }
        self.next = index.saturating_add(1);
        match &row.leaf {
            Some(bytes) => self.leaf(row, bytes),
            None => self.gone(row),
        }
    }

    fn gone(&mut self, row: &Row) {
        if let Some(trunk) = &mut self.trunk {
            trunk.push(row.index, row.hash, row.hash);
        }
        self.chain.gone(row.index);
        self.expired += 1;
        if row.detail.is_some() {
            self.fault(Problem::DetailUnbound { index: row.index });
        }
    }

    fn leaf(&mut self, row: &Row, bytes: &[u8]) {
        let index = row.index;
        let hash = leaf_hash(bytes);
        self.chain.kept(index, &row.hash);
        match &mut self.trunk {
            Some(trunk) => trunk.push(index, hash, row.hash),
            None if hash != row.hash => self.fault(Problem::LeafDiffersFromHash { index }),
            None => {}
        }
        if hash != row.hash {
            // What an altered leaf says about others would only add noise.
            return self.chain.unread(index..index.saturating_add(1));
        }
        match LeafFrame::parse(bytes) {
            Ok(frame) => self.frame(row, &frame),
            Err(why) => self.unreadable(index, why),
        }
    }

    fn unreadable(&mut self, index: u64, why: FrameError) {
        self.chain.unread(index..index.saturating_add(1));
        self.fault(match why {
            FrameError::NotCanonical => Problem::NotCanonical { index },
            why => Problem::Malformed { index, why },
        });
    }

    fn frame(&mut self, row: &Row, frame: &LeafFrame) {
        let index = row.index;
        self.clock_stepped_back += u64::from(frame.at < self.last_at);
        self.last_at = frame.at;
        self.detail(row, frame.detail.as_ref());
        match frame.subject() {
            Ok(subject) => self.problems.extend(self.chain.link(index, subject, frame.prev)),
            Err(why) => return self.unreadable(index, why),
        }
        match frame.own_event() {
            // It speaks of leaves before itself, whatever it says.
            Ok(Some(OwnEvent::DetailsErased(runs))) => {
                self.erased += runs.into_iter().map(|run| self.missing.remove(run.start..run.end.min(index))).sum::<u64>();
            }
            Ok(Some(OwnEvent::Snapshot { kept, keeps })) => self.chain.snapshot(kept, keeps),
            Ok(None) => {}
            Err(why) => self.unreadable(index, why),
        }
    }

    fn detail(&mut self, row: &Row, commitment: Option<&Digest>) {
        let index = row.index;
        match (commitment, &row.detail) {
            (None, None) => {}
            (None, Some(_)) => self.fault(Problem::DetailUnbound { index }),
            (Some(_), None) => self.missing.push(index..index.saturating_add(1)),
            (Some(commitment), Some(detail)) if detail_commitment(&detail.salt, &detail.bytes) == *commitment => {
                self.details += 1
            }
            (Some(_), Some(_)) => self.fault(Problem::DetailAltered { index }),
        }
    }

    fn head(&mut self, head: &SignedHead) {
        let size = head.size;
        if let Some(after) = self.last_head.replace(size).filter(|last| size <= *last) {
            return self.fault(Problem::CheckpointOrder { size, after });
        }
        if self.key.verify_head(head).is_err() {
            return self.fault(Problem::CheckpointSignature { size });
        }
        if size > self.next {
            self.beyond = Some(size);
        } else if let Some(trunk) = &mut self.trunk {
            self.checkpoints += 1;
            self.problems.extend(trunk.judge(size, &head.root));
        }
        self.signed = size;
    }

    fn compare_outside(&mut self) {
        let Some(outside) = self.outside.filter(|outside| outside.size == self.next) else { return };
        let agrees = self.trunk.as_ref().is_none_or(|trunk| trunk.has_root(&outside.root));
        if !agrees || outside.origin != *self.key.origin() {
            self.fault(Problem::OutsideMismatch { size: outside.size });
        }
    }

    fn stop(mut self) -> Unsound {
        self.problems.extend(self.trunk.iter().flat_map(Trunk::unresolved));
        Unsound { problems: self.problems, stopped_at: Some(self.next), signed: self.signed }
    }

    fn finish(mut self) -> Result<Report, Unsound> {
        let leaves = self.next;
        self.problems.extend(self.trunk.iter().flat_map(Trunk::unresolved));
        if let Some(size) = self.beyond {
            self.fault(Problem::Truncated { leaves, size });
        }
        if let Some(outside) = self.outside.filter(|outside| outside.size > leaves) {
            self.fault(Problem::TruncatedOutside { leaves, size: outside.size });
        }
        if self.signed < leaves {
            self.fault(Problem::Unsigned { first: self.signed, leaves });
        }
        self.problems.extend(self.chain.unexplained());
        let room = LOG_PROBLEMS.saturating_sub(self.problems.len());
        self.problems
            .extend(self.missing.iter().take(room).map(|run| Problem::DetailMissing { first: run.start, past: run.end }));
        match self.trunk {
            Some(trunk) if self.problems.is_empty() => Ok(Report {
                leaves,
                root: trunk.root(),
                checkpoints_checked: self.checkpoints,
                last_checkpoint_size: self.signed,
                outside_size: self.outside.map(|outside| outside.size),
                details: self.details,
                details_missing: self.erased,
                expired: self.expired,
                clock_stepped_back: self.clock_stepped_back,
            }),
            _ => Err(Unsound { problems: self.problems, stopped_at: None, signed: self.signed }),
        }
    }
}
