//! Pulls: a file that one key reads in many requests over many connections is one transfer, from its first byte to its last.
//!
//! A client that goes on after a break, or that fetches eight ranges at a time, downloads a file once: the record says so, and
//! the ticket's limit counts it so. A pull stays open while somebody reads it and for [`limits::PULL_GAP`] after; a cut ends it.
//!
//! Its transfer is in the book from before its beginning is on record until after its end is.

use super::{
    Gateway,
    core::Core,
    lease::{Holding, Lease, Scope},
    outcome::Refused,
    ranges::Ranges,
};
use crate::domain::{
    digest::Digest,
    event::{Event, Fact, Item, Subject, TransferEnd},
    ids::{DeliveryId, TransferId, VendorId},
    limits,
    papers::Visitor,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What makes two readings one: who reads, and what. Released bytes never change, so the item stands for them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Of {
    vendor: VendorId,
    key: Digest,
    delivery: DeliveryId,
    item: Item,
}

#[derive(Default)]
struct Book {
    open: HashMap<Of, Arc<Pull>>,
    /// Closed for everybody; the record of the end is being written.
    ending: BTreeSet<TransferId>,
}

/// Every pull that is open.
#[derive(Clone, Default)]
pub struct Pulls(Arc<Mutex<Book>>);

struct Pull {
    of: Of,
    transfer: TransferId,
    state: Mutex<State>,
}

struct State {
    /// What the first reader held, and where from: what a revocation of an idle pull is matched with.
    visitor: Visitor,
    holding: Holding,
    readers: usize,
    /// Since when nobody reads it, by the monotonic clock.
    idle: Duration,
    served: u64,
    ranges: Ranges,
    end: TransferEnd,
    gap: Gap,
}

/// How long an idle pull waits for the next reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Whole,
    /// Its vendor has too many open, or it was cut.
    Over,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pulls {
    /// Joins the pull of this file by this key, or opens one.
    pub(super) fn join(&self, visitor: Visitor, item: Item, lease: Arc<Lease>, holding: Holding, core: &Core) -> Share {
        let of = Of { vendor: visitor.vendor, key: visitor.key(), delivery: holding.delivery, item };
        let mut book = lock(&self.0);
        if !book.open.contains_key(&of) {
            book.make_room(of.vendor);
        }
        let pull = book.open.entry(of).or_insert_with(|| {
            let state = State {
                visitor,
                holding,
                readers: 0,
                idle: Duration::ZERO,
                served: 0,
                ranges: Ranges::default(),
                end: TransferEnd::Closed,
                gap: Gap::Whole,
            };
            Arc::new(Pull { of, transfer: core.new_transfer(), state: Mutex::new(state) })
        });
        let pull = Arc::clone(pull);
        let mut state = lock(&pull.state);
        state.readers += 1;
        state.gap = Gap::Whole;
        drop(state);
        drop(book);
        Share { pull, lease, clock: Arc::clone(&core.clock) }
    }

    /// Every transfer that is open here, or whose end is being written.
    pub(super) fn transfers(&self) -> BTreeSet<TransferId> {
        let book = lock(&self.0);
        book.open.values().map(|pull| pull.transfer).chain(book.ending.iter().copied()).collect()
    }

    /// How much of an open pull was served so far, and which ranges.
    pub(super) fn progress(&self, transfer: TransferId) -> Option<(u64, Vec<(u64, u64)>)> {
        let book = lock(&self.0);
        let state = lock(&book.open.values().find(|pull| pull.transfer == transfer)?.state);
        Some((state.served, state.ranges.clone().into_vec()))
    }

    /// Takes out what nobody reads and `which` names.
    fn close(&self, which: impl Fn(&State) -> bool) -> Vec<Arc<Pull>> {
        let mut book = lock(&self.0);
        let closed: Vec<Arc<Pull>> = book
            .open
            .values()
            .filter(|pull| {
                let state = lock(&pull.state);
                state.readers == 0 && which(&state)
            })
            .cloned()
            .collect();
        for pull in &closed {
            book.open.remove(&pull.of);
            book.ending.insert(pull.transfer);
        }
        closed
    }

    /// A revocation of `scope` ends what is open in it, idle or not.
    fn sever(&self, scope: &Scope) {
        for pull in lock(&self.0).open.values() {
            let mut state = lock(&pull.state);
            if state.readers == 0 && state.is_in(scope) {
                state.end = TransferEnd::Severed;
                state.gap = Gap::Over;
            }
        }
    }
}

impl Book {
    /// One vendor's idle pulls must not fill the memory: the one that is idle for longest makes room.
    fn make_room(&mut self, vendor: VendorId) {
        let mine = self.open.values().filter(|pull| pull.of.vendor == vendor);
        if mine.clone().count() < limits::PULLS_PER_VENDOR {
            return;
        }
        let idle = mine.filter(|pull| lock(&pull.state).readers == 0);
        if let Some(oldest) = idle.min_by_key(|pull| lock(&pull.state).idle) {
            lock(&oldest.state).gap = Gap::Over;
        }
    }
}

impl State {
    fn ended(&self) -> Event {
        Event::TransferEnded { how: self.end, bytes: Some(self.served), ranges: Some(self.ranges.clone().into_vec()) }
    }

    fn is_in(&self, scope: &Scope) -> bool {
        scope.names_visitor(&self.visitor) || scope.names_reading(&self.holding)
    }
}

/// One reader's part in a pull. It leaves when it is dropped.
pub(super) struct Share {
    pull: Arc<Pull>,
    lease: Arc<Lease>,
    clock: Arc<dyn crate::clock::Clock>,
}

impl Clone for Share {
    fn clone(&self) -> Self {
        lock(&self.pull.state).readers += 1;
        Self { pull: Arc::clone(&self.pull), lease: Arc::clone(&self.lease), clock: Arc::clone(&self.clock) }
    }
}

impl Share {
    pub(super) fn transfer(&self) -> TransferId {
        self.pull.transfer
    }

    pub(super) fn is_damaged(&self) {
        lock(&self.pull.state).end = TransferEnd::Damaged;
    }

    pub(super) fn add(&self, offset: u64, bytes: u64) {
        let mut state = lock(&self.pull.state);
        state.served += bytes;
        state.ranges.add(offset, bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = lock(&self.pull.state);
        state.readers -= 1;
        if state.readers > 0 {
            return;
        }
        state.idle = self.clock.elapsed();
        if self.lease.is_cut() {
            // The last one to leave was cut. One of several that was cut leaves the rest reading.
            state.end = TransferEnd::Severed;
            state.gap = Gap::Over;
        }
    }
}

impl Gateway {
    /// Ends what nobody has read for too long, and what was cut. Called every moment, and by each session that was cut.
    pub(super) async fn end_pulls_that_are_over(&self) {
        let now = self.core.clock.elapsed();
        let over = |state: &State| state.gap == Gap::Over || now.saturating_sub(state.idle) >= limits::PULL_GAP;
        self.record_ends(self.core.pulls.close(over)).await;
    }

    /// A revocation ends at once what it names and nobody reads just now. What somebody reads, the cut of its sessions ends.
    pub(super) async fn end_pulls_in(&self, scope: &Scope) {
        self.core.pulls.sever(scope);
        self.end_pulls_that_are_over().await;
    }

    /// The daemon stops: no session is left.
    pub(super) async fn end_every_pull(&self) {
        self.record_ends(self.core.pulls.close(|_| true)).await;
    }

    async fn record_ends(&self, closed: Vec<Arc<Pull>>) {
        if closed.is_empty() {
            return;
        }
        let transfers: Vec<TransferId> = closed.iter().map(|pull| pull.transfer).collect();
        // Owned by the command: it runs even when whoever asked has gone.
        let pulls = self.core.pulls.clone();
        let recorded = self
            .write(move |_, tx| {
                for pull in &closed {
                    let on = Subject::Transfer(pull.transfer);
                    // One whose beginning was refused has no record, and none of its end.
                    let Some(by) = tx.chain(on)?.first().map(|begun| begun.by) else { continue };
                    let ended = lock(&pull.state).ended();
                    tx.append(Fact::new(by, on, ended))?;
                }
                Ok(())
            })
            .await;
        if let Err(Refused::Fault(fault)) = recorded {
            // Whoever looks for what nobody holds finds them open in the log, and ends them there.
            tracing::error!(%fault, "the end of a transfer could not be recorded");
        }
        let mut book = lock(&pulls.0);
        for transfer in transfers {
            book.ending.remove(&transfer);
        }
    }
}
