//! All that happened to one subject, read so that an edited, deleted or re-pointed row is an error and never an answer.
//!
//! A walk begins at the head that is in memory and follows `prev`. Each leaf's hash must stand in the tree that is in memory, so whoever
//! edits the tables would have to find a second preimage of SHA-256.

use super::{
    fault::{LedgerFault, LogFault},
    heads::{Life, is_mortal},
    rows::{self, ReadLeaf},
    shared::Shared,
};
use crate::{
    audit::{Tree, leaf_hash},
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

/// Reads the leaves of `on` from `head` back to, and without, `until`. `genuine` says whether a leaf's hash stands in the tree.
pub(super) fn walk(
    conn: &Connection,
    on: Subject,
    head: u64,
    until: Option<u64>,
    genuine: impl Fn(u64, &Digest) -> Result<bool, LedgerFault>,
) -> Result<Walked, LedgerFault> {
    let mut walked = Walked { records: Vec::new(), weight: 0 };
    let mut next = Some(head);
    while let Some(index) = next.filter(|_| next != until) {
        let ReadLeaf { record, prev, hash, bytes } = rows::leaf(conn, index)?.read().or_else(|fault| blame(conn, index, fault))?;
        if !genuine(index, &hash)? {
            blame(conn, index, LogFault::LeafAltered { index })?;
        }
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

/// Finds the row that made a leaf unbelievable: its own, or another of its tile.
fn blame<T>(conn: &Connection, index: u64, fault: LogFault) -> Result<T, LedgerFault> {
    if !matches!(fault, LogFault::LeafAltered { .. }) {
        return Err(fault.into());
    }
    for row in rows::page(conn, tile_of(index))? {
        row.read()?;
    }
    Err(fault.into())
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
            if let Some(head) = self.published().heads.get(on) {
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
        walk(conn, on, head, until, |index, hash| self.genuine(conn, index, hash))
    }

    /// Whether a durable leaf has this hash. A tile that was once found genuine is remembered.
    pub(super) fn genuine(&self, conn: &Connection, index: u64, hash: &Digest) -> Result<bool, LedgerFault> {
        let (tile, within) = (index / TILE_LEAVES, (index % TILE_LEAVES) as usize);
        if let Some(hashes) = self.tiles().get(&tile) {
            return Ok(hashes.get(within) == Some(hash));
        }
        let closed = tile < self.published().tree.len() / TILE_LEAVES;
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

/// Whether a leaf of the batch that is being written has this hash. Nothing is remembered: the batch may be rolled back.
pub(super) fn genuine_in(tree: &Tree, conn: &Connection, index: u64, hash: &Digest) -> Result<bool, LedgerFault> {
    Ok(tree.holds(index, hash, |range| rows::hashes(conn, range))?)
}
