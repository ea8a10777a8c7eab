//! When to look at staging again: the kernel's events as hints, and a full scan every few minutes whatever happens.
//!
//! Nothing depends on an event arriving. When the kernel's queue overflows everything is scanned; when there are no
//! watches left (ENOSPC, EMFILE) or the watcher fails, staging is polled and the watcher tried again at each full scan.
//! The watches are one on staging and one on each ticket's directory, none deeper, so that a producer's tree of
//! directories uses none up.

use super::take::set_aside_for;
use crate::domain::{
    file_name::FileName,
    ids::TicketNumber,
    limits::{STAGING_COALESCE, STAGING_DIRECTORIES, STAGING_HINTS, WATCHER_END},
};
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Interval, MissedTickBehavior, interval},
};

/// What the watcher last saw happen to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    RenamedInto,
    ClosedAfterWriting,
    BeingWritten,
}

/// What to look at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    Everything,
    Tickets(BTreeSet<TicketNumber>),
}

/// One call to look again, with what was seen of files since the last one (incomplete by nature).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescan {
    pub scope: Scope,
    pub touched: BTreeMap<(TicketNumber, FileName), Touch>,
}

/// How staging is being watched: for `status` and the operator's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    Events,
    /// Without events, for this reason.
    Polling(String),
}

/// The owned handle. Dropping it ends the watcher's thread before it returns.
pub struct Watch {
    root: PathBuf,
    source: Source,
    hints: Arc<Hints>,
    /// Full scans.
    full: Interval,
    poll: Interval,
}

enum Source {
    Events { watcher: RecommendedWatcher, ended: mpsc::Receiver<()> },
    Polling(String),
}

impl Watch {
    /// Watches the staging directory: a full rescan at once and then each `full`; without events also each `poll`.
    ///
    /// Needs a tokio runtime with time. Never fails: what cannot be watched is polled, see [`Watch::mode`].
    pub fn start(root: &Path, full: Duration, poll: Duration) -> Self {
        let hints = Arc::new(Hints::default());
        let source = Source::start(root, &hints);
        Self { root: root.to_owned(), source, hints, full: every(full), poll: every(poll) }
    }

    /// Rescans at once, and from now on each `full`.
    pub fn rescan_every(&mut self, full: Duration) {
        self.full = every(full);
    }

    pub fn mode(&self) -> Mode {
        match &self.source {
            Source::Events { .. } => Mode::Events,
            Source::Polling(why) => Mode::Polling(why.clone()),
        }
    }

    /// Watches a ticket's directory too. To be called before it is scanned, in each scan: then no file falls between
    /// the two, and a directory that was removed and made again is watched again.
    pub fn watch_ticket(&mut self, ticket: TicketNumber) {
        let Source::Events { watcher, .. } = &mut self.source else { return };
        match watcher.watch(&self.root.join(ticket.to_string()), RecursiveMode::NonRecursive) {
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
            Err(error) => self.fall_back(error.to_string()),
            Ok(()) => {}
        }
    }

    /// Waits for the next reason to look. Dropping the future loses nothing, so it can stand in a `select!` beside the
    /// caller's own timer for files that are settling.
    pub async fn next(&mut self) -> Rescan {
        loop {
            tokio::select! {
                biased;
                _ = self.full.tick() => {
                    self.poll.reset();
                    if let Source::Polling(_) = self.source {
                        self.source = Source::start(&self.root, &self.hints);
                    }
                    self.hints.everything();
                }
                _ = self.poll.tick(), if matches!(self.source, Source::Polling(_)) => self.hints.everything(),
                () = self.hints.wake.notified(), if self.hints.lock().is_empty() => continue,
                // More hints are gathered before the first is answered.
                () = tokio::time::sleep(STAGING_COALESCE), if !self.hints.lock().is_empty() => {}
            }
            let pending = mem::take(&mut *self.hints.lock());
            if let Some(why) = pending.failed {
                self.fall_back(why);
            }
            if pending.everything {
                return Rescan { scope: Scope::Everything, touched: pending.touched };
            }
            if !pending.tickets.is_empty() {
                return Rescan { scope: Scope::Tickets(pending.tickets), touched: pending.touched };
            }
        }
    }

    fn fall_back(&mut self, why: String) {
        tracing::warn!(why, "staging is polled: the watcher failed");
        self.source = Source::Polling(why);
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period.max(STAGING_COALESCE));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

impl Source {
    fn start(root: &Path, hints: &Arc<Hints>) -> Self {
        let (alive, ended) = mpsc::channel();
        let (hints, below) = (Arc::clone(hints), root.to_owned());
        let handler = move |event: notify::Result<Event>| {
            hints.take_in(&below, event);
            // Captured last, hence dropped last when the watcher's thread ends: what our own `drop` waits for.
            let _alive: &mpsc::Sender<()> = &alive;
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        let started = RecommendedWatcher::new(handler, config).and_then(|mut watcher| {
            watcher.watch(root, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match started {
            Ok(watcher) => Self::Events { watcher, ended },
            Err(error) => Self::Polling(error.to_string()),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Source::Events { watcher, ended } = mem::replace(&mut self.source, Source::Polling(String::new())) {
            drop(watcher);
            let _disconnected = ended.recv_timeout(WATCHER_END);
        }
    }
}

/// What the watcher's thread leaves for the caller. Bounded: beyond a limit it says "everything".
#[derive(Default)]
struct Hints {
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Pending {
    everything: bool,
    tickets: BTreeSet<TicketNumber>,
    touched: BTreeMap<(TicketNumber, FileName), Touch>,
    failed: Option<String>,
}

impl Pending {
    /// Whether nothing calls for a rescan. That a file is being written does not: else each write would.
    fn is_empty(&self) -> bool {
        !self.everything && self.tickets.is_empty() && self.failed.is_none()
    }
}

impl Hints {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn everything(&self) {
        self.lock().everything = true;
    }

    /// On the watcher's thread: never blocks for long, never grows.
    fn take_in(&self, root: &Path, event: notify::Result<Event>) {
        let mut pending = self.lock();
        match event {
            // An overflow comes without paths: look for it first.
            Ok(event) if event.need_rescan() => pending.everything = true,
            Ok(event) => pending.take_in(root, &event),
            Err(error) => {
                pending.everything = true;
                pending.failed = Some(error.to_string());
            }
        }
        if !pending.is_empty() {
            self.wake.notify_one();
        }
    }
}

impl Pending {
    fn take_in(&mut self, root: &Path, event: &Event) {
        let touch = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Touch::ClosedAfterWriting),
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Touch::RenamedInto),
            EventKind::Modify(ModifyKind::Data(_)) => Some(Touch::BeingWritten),
            // The gateway gives a file its name back: that says nothing about whether it is complete.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) if came_from_aside(event) => Some(Touch::BeingWritten),
            // Both halves were told before.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return,
            EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => None,
            // Opening, reading and attributes: also what a scan itself causes. Answering them would never end.
            _ => return,
        };
        for path in &event.paths {
            match path.strip_prefix(root) {
                Ok(below) => self.note(below, touch),
                Err(_) => self.everything = true,
            }
        }
    }

    fn note(&mut self, below: &Path, touch: Option<Touch>) {
        let mut parts = below.iter();
        let ticket = parts.next().and_then(|directory| directory.to_str()).and_then(|name| name.parse().ok());
        let (Some(ticket), file) = (ticket, parts.next()) else {
            self.everything = true;
            return;
        };
        if file.is_some_and(|name| set_aside_for(name).is_some()) {
            return;
        }
        if touch != Some(Touch::BeingWritten) {
            self.tickets.insert(ticket);
        }
        let name = file.and_then(|name| FileName::from_bytes(name.as_bytes()).ok());
        match (name, touch) {
            (Some(name), Some(touch)) => drop(self.touched.insert((ticket, name), touch)),
            (Some(name), None) => drop(self.touched.remove(&(ticket, name))),
            (None, _) => {}
        }
        if self.touched.len() > STAGING_HINTS || self.tickets.len() > STAGING_DIRECTORIES {
            *self = Self { everything: true, failed: self.failed.take(), ..Self::default() };
        }
    }
}

fn came_from_aside(event: &Event) -> bool {
    event.paths.first().and_then(|from| from.file_name()).is_some_and(|name| set_aside_for(name).is_some())
}

#[cfg(test)]
mod tests;
