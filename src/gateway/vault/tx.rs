//! What a command may do: record facts, read chains, keep and destroy object keys. All of it becomes durable together, or none.

use super::{
    chain::{self, Chain},
    courses::{Courses, Step},
    fault::LedgerFault,
    heads::{self, Appended, Life, Pending, is_mortal},
    index, rows,
    shared::Shared,
    spool::{self, Wording},
};
use crate::{
    audit::{LeafFrame, Mark, SALT_BYTES, Tree, detail_commitment, leaf_hash},
    domain::{
        canonical,
        digest::Digest,
        event::{Detail, Fact, LEAF_VERSION, Leaf, Record, Subject},
        ids::{ObjectId, VendorId},
        limits::DETAIL_BYTES,
        time::Time,
    },
};
use aws_lc_rs::rand;
use rusqlite::Connection;
use std::sync::Arc;

/// The log including the batch that is being written. Only the writer has it.
pub(super) struct Working {
    pub(super) tree: Tree,
    pub(super) pending: Pending,
}

impl Working {
    pub(super) fn roll_back(&mut self, mark: Mark, pending: usize) {
        self.tree.roll_back(mark);
        self.pending.roll_back(pending);
    }
}

/// One command's part of a transaction. It never awaits, and lives on the writer's thread.
pub struct Tx<'a> {
    conn: &'a Connection,
    working: &'a mut Working,
    shared: &'a Shared,
    /// In which words what this command records is told to others.
    wording: Option<Wording>,
    now: Time,
    /// Where the tree stood before this command's first leaf.
    mark: Option<Mark>,
    /// The first fault of an `append`. Rows may be half written then, so the command is rolled back whatever it answers.
    torn: Option<LedgerFault>,
}

/// A detail record on its way into the table.
struct Sealed {
    salt: [u8; SALT_BYTES],
    bytes: Vec<u8>,
}

impl Sealed {
    fn new(detail: &Detail) -> Result<Self, LedgerFault> {
        let bytes = canonical::to_bytes(detail)?;
        if bytes.len() > DETAIL_BYTES {
            return Err(LedgerFault::DetailTooLong(bytes.len()));
        }
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).map_err(|_| LedgerFault::Randomness)?;
        Ok(Self { salt, bytes })
    }

    fn commitment(&self) -> Digest {
        detail_commitment(&self.salt, &self.bytes)
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a Connection, working: &'a mut Working, shared: &'a Shared) -> Self {
        let now = working.pending.last().map_or_else(|| shared.now(), |last| shared.now().max(last.at));
        Self { conn, working, shared, wording: shared.wording(), now, mark: None, torn: None }
    }

    /// What the writer needs to undo this command.
    pub(super) fn into_marks(self) -> (Option<Mark>, Option<LedgerFault>) {
        (self.mark, self.torn)
    }

    /// The time of everything that this command records: the clock's, or the last leaf's if that is later.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// The connection, for the index's static SQL. It sees what this command and those before it have written.
    pub const fn conn(&self) -> &Connection {
        self.conn
    }

    /// What this command records from here on is told in these words. For later commands [`super::Ledger::teller`] says it.
    pub fn tell(&mut self, wording: Option<Wording>) {
        self.wording = wording;
    }

    /// Records a fact as the next leaf, and brings the index up to it.
    ///
    /// # Errors
    /// Any error rolls the command back, even if the command does not pass it on.
    pub fn append(&mut self, fact: Fact) -> Result<Record, LedgerFault> {
        let appended = self.try_append(fact);
        if let Err(fault) = &appended {
            self.torn.get_or_insert_with(|| fault.clone());
        }
        appended
    }

    fn try_append(&mut self, fact: Fact) -> Result<Record, LedgerFault> {
        let Fact { by, on, event, detail } = fact;
        // 1. The place in the log and in the subject's chain.
        let index = self.working.tree.len();
        let prev = self.prev(on)?;
        // 2. The bytes, checked as a verifier will check them: a leaf that does not verify could never be taken out again.
        let sealed = detail.as_ref().map(Sealed::new).transpose()?;
        let leaf = Leaf { v: LEAF_VERSION, at: self.now, by, on, prev, detail: sealed.as_ref().map(Sealed::commitment), event };
        let bytes = canonical::to_bytes(&leaf)?;
        LeafFrame::parse(&bytes)?;
        // 3. Rows, tree and heads.
        let life = Life::after(on, &leaf.event, prev);
        let (rules, step) = (heads::rules(index, &leaf.event), Step::of(&leaf.event));
        let appended = Appended { index, hash: leaf_hash(&bytes), on, life, at: self.now, rules, step };
        rows::insert(self.conn, &appended, &bytes, sealed.as_ref().map(|sealed| (&sealed.salt, &sealed.bytes[..])))?;
        self.mark.get_or_insert_with(|| self.working.tree.mark());
        self.working.tree.push(appended.hash);
        self.working.pending.push(appended, leaf.event.clone());
        // 4. The index.
        let record = Record { index, at: self.now, by, on, event: leaf.event, detail };
        index::apply(self.conn, &record)?;
        // 5. What others are told of it: durable with it, or not at all.
        if let Some(wording) = &self.wording {
            self.drop_strays(index)?;
            spool::append(self.conn, index, &wording(&record, &appended.hash))?;
        }
        Ok(record)
    }

    /// Drops what somebody put into the spool at leaf `end` or later, where the log ends, and notes it. It stays noted if the command is undone.
    ///
    /// # Errors
    /// The database's.
    pub fn drop_strays(&self, end: u64) -> Result<(), LedgerFault> {
        let count = spool::drop_strays(self.conn, end)?;
        if count > 0 {
            self.shared.note_spool_edited();
            tracing::error!(
                leaf = end,
                count,
                "the spool was edited: what stood in it for leaves that the log does not have yet was dropped"
            );
        }
        Ok(())
    }

    /// The last leaf on a subject that may get another.
    fn prev(&self, on: Subject) -> Result<Option<u64>, LedgerFault> {
        if let Some(head) = self.working.pending.head(on) {
            return match head.life {
                Life::Open => Ok(Some(head.index)),
                Life::Ended => Err(LedgerFault::Ended(on)),
            };
        }
        let head = self.shared.published().heads.get(on);
        if head.is_none() && is_mortal(on) && rows::last_filed(self.conn, on)?.is_some() {
            return Err(LedgerFault::Ended(on));
        }
        Ok(head)
    }

    /// All records on a subject, oldest first, those of this transaction included. Each was checked against the tree.
    ///
    /// # Errors
    /// [`LedgerFault::Log`] names the leaf that was altered.
    pub fn chain(&self, on: Subject) -> Result<Chain, LedgerFault> {
        let Some(head) = self.working.pending.head(on) else { return self.shared.chain(|| self.conn, on) };
        let durable = self.shared.published().heads.get(on);
        let tail = chain::walk(self.conn, &self.working.tree, on, head.index, durable)?;
        let mut chain = match durable {
            Some(_) => self.shared.chain(|| self.conn, on)?,
            None => Chain::default(),
        };
        Arc::make_mut(&mut chain).extend(tail.records);
        Ok(chain)
    }

    /// The last leaf on a subject that may get another, those of this transaction included. None for one that has ended or never was.
    pub fn head(&self, on: Subject) -> Option<u64> {
        match self.working.pending.head(on) {
            Some(head) => (head.life == Life::Open).then_some(head.index),
            None => self.shared.published().heads.get(on),
        }
    }

    /// Whether anything is on record on a subject that has not ended, by this transaction too.
    pub fn is_live(&self, on: Subject) -> bool {
        self.head(on).is_some()
    }

    /// Every vendor that was ever filed: as of the last commit.
    pub fn vendors(&self) -> Vec<VendorId> {
        self.shared.published().heads.vendors()
    }

    /// How far each ticket has come: as of the last commit.
    pub fn courses<T>(&self, look: impl FnOnce(&Courses) -> T) -> T {
        look(&self.shared.published().courses)
    }

    /// Leaves, those of this transaction included.
    pub fn size(&self) -> u64 {
        self.working.tree.len()
    }

    /// Whether a leaf was durable before this transaction: one of the batch that is being written can still be undone.
    pub fn is_durable(&self, leaf: u64) -> bool {
        leaf < self.shared.published().tree.len()
    }

    /// Keeps the wrapped key of a new object.
    ///
    /// # Errors
    /// The database's; also if the object has a key already.
    pub fn keys_put(&self, object: ObjectId, wrapped: &[u8]) -> Result<(), LedgerFault> {
        Ok(rows::insert_key(self.conn, object, wrapped)?)
    }

    /// The wrapped key of an object, unless it was destroyed.
    ///
    /// # Errors
    /// The database's.
    pub fn keys_get(&self, object: ObjectId) -> Result<Option<Vec<u8>>, LedgerFault> {
        Ok(rows::key(self.conn, object)?)
    }

    /// Every object that has a key.
    ///
    /// # Errors
    /// The database's.
    pub fn keys(&self) -> Result<Vec<ObjectId>, LedgerFault> {
        Ok(rows::keys(self.conn)?)
    }

    /// Destroys an object's key; says whether there was one. It is gone from the disk after [`super::ledger::Ledger::truncate_wal`].
    ///
    /// # Errors
    /// The database's.
    pub fn keys_delete(&self, object: ObjectId) -> Result<bool, LedgerFault> {
        Ok(rows::delete_key(self.conn, object)?)
    }
}
