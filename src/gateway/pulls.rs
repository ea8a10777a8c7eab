//! Pulls: a file that one key reads in many requests over many connections is one transfer, from its first byte to its last.
//!
//! A client that goes on after a break, or that fetches eight ranges at a time, downloads a file once: the record says so, and
//! the ticket's limit counts it so. A pull stays open while somebody reads it and for [`limits::PULL_GAP`] after, or
//! [`limits::PULL_GRACE`] once every byte was served; a cut ends it. One that is old, or has served its file several times over, is
//! joined by nobody any more: the next reading is another transfer, and counts.
//!
//! Its transfer is in the book from before its beginning is on record until after its end is.

use super::{
    Gateway,
    core::Core,
    facts::Underway,
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

/// One reading of it, as whoever joins brings it.
pub(super) struct Joining {
    pub(super) visitor: Visitor,
    pub(super) item: Item,
    /// Of the item as served.
    pub(super) size: u64,
    pub(super) lease: Arc<Lease>,
    pub(super) holding: Holding,
}

#[derive(Default)]
struct Book {
    open: HashMap<Of, Arc<Pull>>,
    /// Another was begun in their place. They end when the last of their readers has left.
    left: Vec<Arc<Pull>>,
    /// Closed for everybody; the record of the end is being written.
    ending: BTreeSet<TransferId>,
}

/// Every pull that is open.
#[derive(Clone, Default)]
pub struct Pulls(Arc<Mutex<Book>>);

struct Pull {
    of: Of,
    transfer: TransferId,
    size: u64,
    /// By the monotonic clock.
    began: Duration,
    state: Mutex<State>,
}

struct State {
    /// What the first reader held, and where from: what a revocation of an idle pull is matched with.
    visitor: Visitor,
    holding: Holding,
    readers: usize,
    /// Sessions that joined.
    joined: u32,
    /// Since when nobody reads it, by the monotonic clock.
    idle: Duration,
    served: u64,
    ranges: Ranges,
    /// How it would end now.
    end: TransferEnd,
    next: Next,
}

/// Whether an idle pull waits for another reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Awaited,
    /// Its vendor has too many open, or it was cut, or another was begun in its place.
    None,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pulls {
    /// Joins the pull of this file by this key, or opens one.
    pub(super) fn join(&self, joining: Joining, core: &Core) -> Share {
        let Joining { visitor, item, size, lease, holding } = joining;
        let of = Of { vendor: visitor.vendor, key: visitor.key(), delivery: holding.delivery, item };
        let now = core.clock.elapsed();
        let mut book = lock(&self.0);
        book.leave_what_is_over(&of, now);
        if !book.open.contains_key(&of) {
            book.make_room(of.vendor);
        }
        let open = book.open.entry(of).or_insert_with(|| {
            let state = Mutex::new(State::new(visitor, holding));
            Arc::new(Pull { of, transfer: core.new_transfer(), size, began: now, state })
        });
        let pull = Arc::clone(open);
        lock(&pull.state).readers += 1;
        drop(book);
        Share { pull, lease, clock: Arc::clone(&core.clock) }
    }

    /// Every transfer that is open here, or whose end is being written.
    pub(super) fn transfers(&self) -> BTreeSet<TransferId> {
        let book = lock(&self.0);
        book.all().map(|pull| pull.transfer).chain(book.ending.iter().copied()).collect()
    }

    /// How much of an open pull was served so far, and how many read it.
    pub(super) fn underway(&self, transfer: TransferId) -> Option<Underway> {
        let book = lock(&self.0);
        let state = lock(&book.all().find(|pull| pull.transfer == transfer)?.state);
        Some(Underway { readers: state.readers, bytes: state.served, ranges: Some(state.ranges.clone().into_vec()) })
    }

    /// Takes out what nobody reads and `which` names.
    fn close(&self, which: impl Fn(&State) -> bool) -> Vec<Arc<Pull>> {
        let mut book = lock(&self.0);
        let is_over = |pull: &&Arc<Pull>| {
            let state = lock(&pull.state);
            state.readers == 0 && which(&state)
        };
        let closed: Vec<Arc<Pull>> = book.all().filter(is_over).cloned().collect();
        for pull in &closed {
            book.remove(pull);
            book.ending.insert(pull.transfer);
        }
        closed
    }

    /// A revocation of `scope` ends what is open in it, idle or not.
    fn sever(&self, scope: &Scope) {
        for pull in lock(&self.0).all() {
            let mut state = lock(&pull.state);
            if state.readers == 0 && state.is_in(scope) {
                state.sever();
            }
        }
    }
}

impl Book {
    fn all(&self) -> impl Iterator<Item = &Arc<Pull>> {
        self.open.values().chain(&self.left)
    }

    fn remove(&mut self, pull: &Arc<Pull>) {
        if self.open.get(&pull.of).is_some_and(|open| Arc::ptr_eq(open, pull)) {
            self.open.remove(&pull.of);
        } else {
            self.left.retain(|left| !Arc::ptr_eq(left, pull));
        }
    }

    /// Whoever reads it goes on; whoever comes now begins another.
    fn leave_what_is_over(&mut self, of: &Of, now: Duration) {
        if let Some(pull) = self.open.get(of).filter(|pull| pull.takes_nobody(now)).cloned() {
            lock(&pull.state).next = Next::None;
            self.open.remove(of);
            self.left.push(pull);
        }
    }

    /// One vendor's idle pulls must not fill the memory: the one that is idle for longest makes room.
    fn make_room(&mut self, vendor: VendorId) {
        let is_awaited = |pull: &&Arc<Pull>| pull.of.vendor == vendor && lock(&pull.state).next == Next::Awaited;
        let mine = self.open.values().filter(is_awaited);
        if mine.clone().count() < limits::PULLS_PER_VENDOR {
            return;
        }
        let idle = mine.filter(|pull| lock(&pull.state).readers == 0);
        if let Some(oldest) = idle.min_by_key(|pull| lock(&pull.state).idle) {
            lock(&oldest.state).next = Next::None;
        }
    }
}

impl Pull {
    fn takes_nobody(&self, now: Duration) -> bool {
        let state = lock(&self.state);
        state.next == Next::None
            || state.joined >= limits::PULL_JOINS
            || state.served >= self.size.saturating_mul(limits::PULL_FACTOR)
            || now.saturating_sub(self.began) >= limits::PULL_AGE
    }
}

impl State {
    fn new(visitor: Visitor, holding: Holding) -> Self {
        Self {
            visitor,
            holding,
            readers: 0,
            joined: 0,
            idle: Duration::ZERO,
            served: 0,
            ranges: Ranges::default(),
            end: TransferEnd::SessionEnded,
            next: Next::Awaited,
        }
    }

    fn ended(&self) -> Event {
        Event::TransferEnded { how: self.end, bytes: Some(self.served), ranges: Some(self.ranges.clone().into_vec()) }
    }

    fn is_in(&self, scope: &Scope) -> bool {
        scope.names_visitor(&self.visitor) || scope.names_reading(&self.holding)
    }

    /// Somebody read on after it had been served whole.
    fn reopen(&mut self) {
        if self.end == TransferEnd::Closed {
            self.end = TransferEnd::SessionEnded;
        }
    }

    /// One that was served whole has ended already, and damage says more than a cut.
    fn sever(&mut self) {
        if self.end == TransferEnd::SessionEnded {
            self.end = TransferEnd::Severed;
        }
        self.next = Next::None;
    }

    /// Whether nobody is awaited any more, or not for longer.
    fn is_over(&self, now: Duration) -> bool {
        let gap = if self.end == TransferEnd::Closed { limits::PULL_GRACE } else { limits::PULL_GAP };
        self.next == Next::None || now.saturating_sub(self.idle) >= gap
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

    /// The session of this reader joins those that are on record.
    pub(super) fn note_joined(&self) {
        lock(&self.pull.state).joined += 1;
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
            // The last one to leave was cut. One of several that was cut leaves the rest reading. That the file had been served whole
            // before does not make this reading an end of the vendor's.
            state.reopen();
            state.sever();
        } else if state.end == TransferEnd::SessionEnded && state.ranges.hold_all_of(self.pull.size) {
            state.end = TransferEnd::Closed;
        }
    }
}

impl Gateway {
    /// Ends what nobody has read for too long, and what was cut. Called every moment, and by each session that was cut.
    pub(super) async fn end_pulls_that_are_over(&self) {
        let now = self.core.clock.elapsed();
        self.record_ends(self.core.pulls.close(|state| state.is_over(now))).await;
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

#[cfg(test)]
mod tests;
