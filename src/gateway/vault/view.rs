//! What may be read beside the writer: durable state only, on read-only connections.

use super::{
    chain::{self, Chain},
    courses::Courses,
    fault::{LedgerFault, LogFault},
    rows,
    shared::Shared,
    store::{Lent, Pool},
};
use crate::{
    audit::{Tree, leaf_hash},
    domain::{
        digest::Digest,
        event::{Event, Leaf, Record, Subject},
        ids::{FileId, ObjectId, VendorId},
        time::Time,
    },
};
use rusqlite::Connection;
use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

/// What stands in each leaf that can name an object.
const FILE_EVENT: &[u8] = b"\"kind\":\"file_";

fn named_by(event: &Event) -> impl Iterator<Item = ObjectId> + use<> {
    let objects = match event {
        Event::FileStaged { object, .. } => [Some(*object), None],
        Event::FileSealed { header, payload, .. } => [Some(*header), Some(*payload)],
        _ => [None, None],
    };
    objects.into_iter().flatten()
}

/// One reader's look at the ledger. A connection is borrowed from the pool only if something is not in memory.
pub struct View<'a> {
    shared: &'a Shared,
    pool: &'a Pool,
    lent: OnceCell<Lent<'a>>,
}

impl<'a> View<'a> {
    pub(super) const fn new(shared: &'a Shared, pool: &'a Pool) -> Self {
        Self { shared, pool, lent: OnceCell::new() }
    }

    fn conn(&self) -> &Connection {
        self.lent.get_or_init(|| self.pool.lend())
    }

    /// The time by which access is judged: the clock's, or the last leaf's if that is later.
    pub fn now(&self) -> Time {
        self.shared.now()
    }

    /// The last leaf on a subject that may get another: in memory, and no row has a say in it. None for one that has ended or never was.
    pub fn head(&self, on: Subject) -> Option<u64> {
        self.shared.published().heads.get(on)
    }

    /// Every vendor that was ever filed: from memory, too.
    pub fn vendors(&self) -> Vec<VendorId> {
        self.shared.published().heads.vendors()
    }

    /// How far each ticket has come. `look` runs while the writer waits to publish, and asks nothing else.
    pub fn courses<T>(&self, look: impl FnOnce(&Courses) -> T) -> T {
        look(&self.shared.published().courses)
    }

    /// All records on a subject, oldest first; empty if nothing was recorded on it. Each was checked against the tree. It may be newer
    /// than what an earlier call saw, never older.
    ///
    /// # Errors
    /// [`LedgerFault::Log`] names the leaf that was altered.
    pub fn chain(&self, on: Subject) -> Result<Chain, LedgerFault> {
        self.shared.chain(|| self.conn(), on)
    }

    /// Asks the index, in one state of the database. Whatever it names, [`View::chain`] then knows.
    ///
    /// # Errors
    /// The database's.
    pub fn sql<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LedgerFault> {
        let tx = self.conn().unchecked_transaction()?;
        let answer = ask(&tx)?;
        tx.commit()?;
        // A commit becomes visible in the tables a moment before it does in the heads.
        self.shared.settle();
        Ok(answer)
    }

    /// The wrapped key of an object, unless it was destroyed.
    ///
    /// # Errors
    /// The database's.
    pub fn keys_get(&self, object: ObjectId) -> Result<Option<Vec<u8>>, LedgerFault> {
        Ok(rows::key(self.conn(), object)?)
    }

    /// How many wrapped keys there are if `opens` opens none of them; 0 if it opens one, or if there are none.
    ///
    /// # Errors
    /// The database's.
    pub fn unopened_keys(&self, opens: impl Fn(ObjectId, &[u8]) -> bool) -> Result<u64, LedgerFault> {
        Ok(rows::unopened_keys(self.conn(), opens)?)
    }

    /// Of these objects those that a leaf names, with the file it is about. The log is read once, whole, and must be the one in memory: who
    /// asks is about to destroy what nobody names.
    ///
    /// # Errors
    /// [`LogFault::RootMismatch`]: the tables do not hold the log.
    pub fn naming(&self, objects: &BTreeSet<ObjectId>) -> Result<BTreeMap<ObjectId, FileId>, LedgerFault> {
        let (size, root) = {
            let published = self.shared.published();
            (published.tree.len(), published.tree.root())
        };
        let (mut tree, mut named) = (Tree::new(), BTreeMap::new());
        rows::each_leaf(self.conn(), size, |bytes| {
            tree.push(leaf_hash(bytes));
            let read = || serde_json::from_slice::<Leaf>(bytes).ok();
            let about_a_file = bytes.windows(FILE_EVENT.len()).any(|window| window == FILE_EVENT);
            if let Some((Subject::File(file), event)) = about_a_file.then(read).flatten().map(|leaf| (leaf.on, leaf.event)) {
                named.extend(named_by(&event).filter(|object| objects.contains(object)).map(|object| (object, file)));
            }
        })?;
        match (tree.len(), tree.root()) == (size, root) {
            true => Ok(named),
            false => Err(LogFault::RootMismatch { agreed: 0, size }.into()),
        }
    }

    /// The newest record of a start or a reload.
    ///
    /// # Errors
    /// [`LedgerFault::Log`] names the leaf that was altered.
    pub fn last_rules(&self) -> Result<Option<Record>, LedgerFault> {
        let index = self.shared.published().rules;
        index.map(|index| Ok(chain::believed(self.conn(), self.shared, index)?.record)).transpose()
    }

    /// At most `count` records, each with its leaf's hash, from leaf `from` on, each checked against the tree.
    ///
    /// # Errors
    /// [`LedgerFault::Log`] names the leaf that was altered.
    pub fn tail(&self, from: u64, count: u64) -> Result<Vec<(Record, Digest)>, LedgerFault> {
        let end = self.shared.published().tree.len().min(from.saturating_add(count));
        let believed = |index| chain::believed(self.conn(), self.shared, index);
        (from..end).map(|index| believed(index).map(|leaf| (leaf.record, leaf.hash))).collect()
    }
}
