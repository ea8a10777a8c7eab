//! What the writer publishes and everybody reads: the tree and the heads of what is durable, and whether the ledger still serves.

use super::{
    chain::KeptChain,
    courses::Courses,
    fault::LedgerFault,
    heads::{Heads, Pending},
    spool::Wording,
};
use crate::{
    audit::{SignedHead, Tree, Verifier},
    domain::{
        digest::Digest,
        event::{Event, Subject},
        limits::{CACHED_CHAIN_BYTES, CACHED_TILES},
        time::Time,
    },
    gateway::cache::Cache,
};
use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// Who hears, on the writer's thread, of every batch that became durable.
pub trait Witness: Send + Sync {
    /// A batch begins. What this answers is handed back at its end: a moment to measure from.
    fn begun(&self) -> Duration;
    /// It is durable, and this is what it recorded, oldest first.
    fn durable(&self, begun: Duration, recorded: &[(Subject, Event)]);
}

/// Where the wall clock's time comes from.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// The log as far as it is durable.
pub(super) struct Published {
    pub(super) tree: Tree,
    pub(super) heads: Heads,
    pub(super) courses: Courses,
    /// The latest time in the log.
    pub(super) at: Time,
    /// The newest leaf that says by what the daemon goes.
    pub(super) rules: Option<u64>,
    /// The newest checkpoint.
    pub(super) head: SignedHead,
}

impl Published {
    /// Adds what was made durable. From here on readers see it.
    fn add(&mut self, pending: &mut Pending, head: Option<SignedHead>) {
        for leaf in pending.drain() {
            self.tree.push(leaf.hash);
            self.heads.set(leaf.on, leaf.index, leaf.life);
            self.at = self.at.max(leaf.at);
            self.rules = leaf.rules.or(self.rules);
            self.courses.take(leaf.on, leaf.step);
        }
        self.head = head.unwrap_or(self.head);
    }
}

/// Whether a commit is between SQLite's and ours: visible in the tables, not yet in the heads.
#[derive(Default)]
struct Gate {
    committing: bool,
    /// How many commits have gone through.
    commits: u64,
}

/// Opens the gate again, whatever became of the commit.
struct Passing<'a>(&'a Shared);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        let mut gate = self.0.gate();
        gate.committing = false;
        gate.commits += 1;
        self.0.passed.notify_all();
    }
}

pub(super) struct Shared {
    published: RwLock<Published>,
    gate: Mutex<Gate>,
    passed: Condvar,
    chains: Mutex<Cache<Subject, KeptChain>>,
    tiles: Mutex<Cache<u64, Vec<Digest>>>,
    poison: watch::Sender<Option<Arc<str>>>,
    /// Leaves that are durable.
    size: watch::Sender<u64>,
    /// None: nobody is told anything.
    wording: RwLock<Option<Wording>>,
    /// Something was in the spool that this program did not put there.
    spool_edited: AtomicBool,
    panics: AtomicU64,
    pub(super) witness: OnceLock<Arc<dyn Witness>>,
    clock: Clock,
    verifier: Verifier,
}

impl Shared {
    pub(super) fn new(published: Published, clock: Clock, verifier: Verifier) -> Self {
        Self {
            size: watch::Sender::new(published.tree.len()),
            wording: RwLock::default(),
            published: RwLock::new(published),
            gate: Mutex::default(),
            passed: Condvar::new(),
            chains: Mutex::new(Cache::new(CACHED_CHAIN_BYTES)),
            tiles: Mutex::new(Cache::new(CACHED_TILES)),
            poison: watch::Sender::new(None),
            spool_edited: AtomicBool::new(false),
            panics: AtomicU64::new(0),
            witness: OnceLock::new(),
            clock,
            verifier,
        }
    }

    /// Held for look-ups in memory only, never across SQL: the writer waits for it to publish.
    pub(super) fn published(&self) -> RwLockReadGuard<'_, Published> {
        self.published.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn chains(&self) -> MutexGuard<'_, Cache<Subject, KeptChain>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tiles(&self) -> MutexGuard<'_, Cache<u64, Vec<Digest>>> {
        self.tiles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Time never goes back: the clock's, or the log's if that is later.
    pub(super) fn now(&self) -> Time {
        (self.clock)().max(self.published().at)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs SQLite's commit and, if it succeeds, publishes. [`Shared::settle`] waits for both.
    pub(super) fn commit(
        &self,
        pending: &mut Pending,
        head: Option<SignedHead>,
        commit: impl FnOnce() -> Result<(), LedgerFault>,
    ) -> Result<(), LedgerFault> {
        self.gate().committing = true;
        let _passing = Passing(self);
        commit()?;
        let size = {
            let mut published = self.published.write().unwrap_or_else(PoisonError::into_inner);
            published.add(pending, head);
            published.tree.len()
        };
        self.size.send_if_modified(|known| std::mem::replace(known, size) != size);
        Ok(())
    }

    /// Returns once every row that this thread has already seen is published: waits for the commit in flight, if there is one.
    pub(super) fn settle(&self) {
        let gate = self.gate();
        let seen = gate.commits;
        drop(self.passed.wait_while(gate, |gate| gate.committing && gate.commits == seen));
    }

    #[cfg(test)]
    pub(super) fn commits(&self) -> u64 {
        self.gate().commits
    }

    /// Ends the ledger's service for good. The first reason stays.
    pub(super) fn poison(&self, reason: &str) -> LedgerFault {
        self.poison.send_if_modified(|poison| {
            let first = poison.is_none();
            poison.get_or_insert_with(|| reason.into());
            first
        });
        LedgerFault::Poisoned(self.poison.borrow().clone().unwrap_or_else(|| reason.into()))
    }

    /// # Errors
    /// [`LedgerFault::Poisoned`], once it is.
    pub(super) fn serving(&self) -> Result<(), LedgerFault> {
        self.poison.borrow().clone().map_or(Ok(()), |reason| Err(LedgerFault::Poisoned(reason)))
    }

    pub(super) fn watch_poison(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.poison.subscribe()
    }

    pub(super) fn watch_size(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }

    pub(super) fn set_wording(&self, wording: Option<Wording>) {
        *self.wording.write().unwrap_or_else(PoisonError::into_inner) = wording;
    }

    pub(super) fn wording(&self) -> Option<Wording> {
        self.wording.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_spool_edited(&self) {
        self.spool_edited.store(true, Ordering::Relaxed);
    }

    pub(super) fn spool_was_edited(&self) -> bool {
        self.spool_edited.load(Ordering::Relaxed)
    }

    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    pub(super) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}
