//! All that happened to one subject, read so that an edited, deleted or re-pointed row is an error and never an answer.
//!
//! A walk begins at the head that is in memory and follows `prev`. Each leaf's hash must stand in the tree that is in memory, so whoever
//! edits the tables would have to find a second preimage of SHA-256.

use super::{
    fault::{LedgerFault, LogFault},
    heads::{Life, is_mortal},
    rows::{self, ReadLeaf, StoredLeaf},
    shared::Shared,
};
use crate::{
    audit::Tree,
    domain::{
        digest::Digest,
        event::{Record, Subject},
        limits::TILE_LEAVES,
    },
};
use rusqlite::Connection;
use std::{mem::size_of, ops::Range, sync::Arc};

/// The records on one subject, oldest first.
pub type Chain = Arc<Vec<Record>>;

/// A chain that was read and checked, up to a head.
pub(super) struct KeptChain {
    head: u64,
    chain: Chain,
}

/// A part of a chain, oldest first.
pub(super) struct Walked {
    pub(super) records: Vec<Record>,
    /// Roughly what it takes in memory.
    weight: usize,
}

/// The tree that a leaf must be in.
pub(super) trait Ground {
    /// How many leaves it has.
    fn size(&self) -> u64;

    /// Whether the leaf with this index has this hash.
    fn holds(&self, conn: &Connection, index: u64, hash: &Digest) -> Result<bool, LedgerFault>;
}

/// Reads a leaf that must be in the tree.
pub(super) fn believed(conn: &Connection, ground: &impl Ground, index: u64) -> Result<ReadLeaf, LedgerFault> {
    let leaf = rows::leaf(conn, index)?.read()?;
    if ground.holds(conn, index, &leaf.hash)? { Ok(leaf) } else { Err(blame(conn, index, ground.size())?.into()) }
}

/// Finds the row that made a leaf unbelievable: its own, or another of its tile.
fn blame(conn: &Connection, index: u64, size: u64) -> Result<LogFault, LedgerFault> {
    let tile = tile_of(index);
    let closed = tile.end <= size;
    let mut stored = rows::page(conn, tile.clone())?.into_iter().peekable();
    for index in tile.start..tile.end.min(size) {
        match stored.next_if(|row| row.index == index).map(StoredLeaf::read) {
            Some(Ok(_)) => {}
            Some(Err(fault)) => return Ok(fault),
            None => return Ok(LogFault::HashMissing { index }),
        }
    }
    // Every row agrees with itself. Of an open tile each hash is known, of a closed one only its root.
    Ok(if closed { LogFault::TileAltered { first: tile.start, last: tile.end - 1 } } else { LogFault::LeafAltered { index } })
}

/// Reads the leaves of `on` from `head` back to, and without, `until`.
pub(super) fn walk(
    conn: &Connection,
    ground: &impl Ground,
    on: Subject,
    head: u64,
    until: Option<u64>,
) -> Result<Walked, LedgerFault> {
    let mut walked = Walked { records: Vec::new(), weight: 0 };
    let mut next = Some(head);
    while let Some(index) = next.filter(|_| next != until) {
        let ReadLeaf { record, prev, bytes, .. } = believed(conn, ground, index)?;
        if record.on != on {
            return Err(LogFault::Misfiled { index }.into());
        }
        // A walk only goes down, so it ends; and it may not pass by where it is to end.
        if prev.is_some_and(|prev| prev >= index) || (until.is_some() && prev < until) {
            return Err(LogFault::WrongPrev { index }.into());
        }
        walked.weight += bytes + size_of::<Record>();
        walked.records.push(record);
        next = prev;
    }
    walked.records.reverse();
    Ok(walked)
}

const fn tile_of(index: u64) -> Range<u64> {
    let first = index - index % TILE_LEAVES;
    first..first + TILE_LEAVES
}

impl Shared {
    /// All records on a subject, oldest first; empty if nothing was ever recorded on it. `conn` is asked for only if something must be read.
    ///
    /// # Errors
    /// [`LedgerFault::Log`] names what was altered.
    pub(super) fn chain<'c>(&self, conn: impl Fn() -> &'c Connection, on: Subject) -> Result<Chain, LedgerFault> {
        loop {
            let Some(head) = self.published().heads.get(on) else {
                return if is_mortal(on) { self.ended(conn(), on) } else { Ok(Chain::default()) };
            };
            // Of a session or transfer nobody asks twice: it would only push out what is hot.
            if is_mortal(on) {
                return Ok(Arc::new(self.walk(conn(), on, head, None)?.records));
            }
            let known = match self.chains().get(&on) {
                Some(kept) if kept.head >= head => return Ok(kept.chain.clone()),
                Some(kept) => Some(kept.head),
                None => None,
            };
            let walked = self.walk(conn(), on, head, known)?;
            if let Some(chain) = self.keep(on, head, known, walked) {
                return Ok(chain);
            }
        }
    }

    /// Adds what was walked to what is kept. None if that was replaced or forgotten in the meantime.
    fn keep(&self, on: Subject, head: u64, known: Option<u64>, walked: Walked) -> Option<Chain> {
        let mut chains = self.chains();
        let Some(known) = known else {
            let chain = Arc::new(walked.records);
            chains.put(on, KeptChain { head, chain: chain.clone() }, walked.weight);
            return Some(chain);
        };
        let kept = chains.get(&on).filter(|kept| kept.head == known)?;
        Arc::make_mut(&mut kept.chain).extend(walked.records);
        kept.head = head;
        let chain = kept.chain.clone();
        chains.grew(&on, walked.weight);
        Some(chain)
    }

    /// The chain of a session or transfer that has no head. The tables say where it ends, and it must end there with its end.
    fn ended(&self, conn: &Connection, on: Subject) -> Result<Chain, LedgerFault> {
        let mut last = None;
        loop {
            let filed = rows::last_filed(conn, on)?;
            // What was just seen may be newer than the heads were.
            self.settle();
            // Bound first: a guard that lives on into the walk would meet the writer's claim and its own second look.
            let head = self.published().heads.get(on);
            if let Some(head) = head {
                return Ok(Arc::new(self.walk(conn, on, head, None)?.records));
            }
            let Some(index) = filed else { return Ok(Chain::default()) };
            let records = self.walk(conn, on, index, None)?.records;
            let prev = records.len().checked_sub(2).and_then(|i| records.get(i)).map(|record| record.index);
            match records.last() {
                Some(end) if Life::after(on, &end.event, prev) == Life::Ended => return Ok(Arc::new(records)),
                _ if last == filed => return Err(LogFault::EndMissing { index, subject: on }.into()),
                // It may have ended since; a second look decides.
                _ => last = filed,
            }
        }
    }

    fn walk(&self, conn: &Connection, on: Subject, head: u64, until: Option<u64>) -> Result<Walked, LedgerFault> {
        walk(conn, self, on, head, until)
    }
}

/// Durable leaves. A tile that was once found genuine is remembered.
impl Ground for Shared {
    fn size(&self) -> u64 {
        self.published().tree.len()
    }

    fn holds(&self, conn: &Connection, index: u64, hash: &Digest) -> Result<bool, LedgerFault> {
        let (tile, within) = (index / TILE_LEAVES, (index % TILE_LEAVES) as usize);
        if let Some(hashes) = self.tiles().get(&tile) {
            return Ok(hashes.get(within) == Some(hash));
        }
        let closed = tile < self.size() / TILE_LEAVES;
        let stored = if closed { rows::hashes(conn, tile_of(index))? } else { Vec::new() };
        let holds = self.published().tree.holds(index, hash, |range| match closed {
            true => Ok(stored.clone()),
            // It was closed a moment ago.
            false => rows::hashes(conn, range),
        })?;
        if holds && closed {
            self.tiles().put(tile, stored, 1);
        }
        Ok(holds)
    }
}

/// Leaves of the batch that is being written, and all before it. Nothing is remembered: the batch may be rolled back.
impl Ground for Tree {
    fn size(&self) -> u64 {
        self.len()
    }

    fn holds(&self, conn: &Connection, index: u64, hash: &Digest) -> Result<bool, LedgerFault> {
        Ok(Self::holds(self, index, hash, |range| rows::hashes(conn, range))?)
    }
}
