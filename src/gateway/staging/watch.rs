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
mod tests {
    use super::*;
    use notify::event::{CreateKind, DataChange, Flag};
    use std::fs;

    const LONG: Duration = Duration::from_secs(3_600);
    const TICKET: &str = "EGR-2026-0042";

    fn ticket() -> TicketNumber {
        TICKET.parse().unwrap()
    }

    fn key(name: &str) -> (TicketNumber, FileName) {
        (ticket(), name.parse().unwrap())
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), test).await.expect("a hint arrives in time") })
    }

    fn event(kind: EventKind, names: &[&str]) -> notify::Result<Event> {
        Ok(names.iter().fold(Event::new(kind), |event, name| event.add_path(Path::new("/s").join(name))))
    }

    fn taken_in(events: impl IntoIterator<Item = notify::Result<Event>>) -> Pending {
        let hints = Hints::default();
        events.into_iter().for_each(|event| hints.take_in(Path::new("/s"), event));
        mem::take(&mut *hints.lock())
    }

    const TO: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));
    const BOTH: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
    const CLOSE: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const WRITE: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    const CREATE: EventKind = EventKind::Create(CreateKind::File);

    #[test]
    fn an_overflow_calls_for_everything_though_it_names_no_path() {
        let pending = taken_in([Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))]);
        assert!(pending.everything);
    }

    #[test]
    fn writing_wakes_nobody_and_takes_an_earlier_close_back() {
        let a = "EGR-2026-0042/a.csv";
        assert!(taken_in([event(WRITE, &[a])]).is_empty());
        let pending = taken_in([event(CREATE, &[a]), event(CLOSE, &[a]), event(WRITE, &[a])]);
        assert_eq!(pending.touched[&key("a.csv")], Touch::BeingWritten);
        assert!(pending.tickets.contains(&ticket()));
    }

    #[test]
    fn what_a_scan_itself_causes_is_not_answered() {
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let read = EventKind::Access(AccessKind::Close(AccessMode::Read));
        assert_eq!(taken_in([event(opened, &[TICKET]), event(read, &[TICKET])]), Pending::default());
    }

    #[test]
    fn a_file_that_the_gateway_gave_its_name_back_is_not_thereby_complete() {
        let aside = format!("{TICKET}/.egressd-taken-{}", uuid::Uuid::nil());
        let pending = taken_in([event(TO, &["EGR-2026-0042/a.csv"]), event(BOTH, &[&aside, "EGR-2026-0042/a.csv"])]);
        assert_eq!(pending.touched[&key("a.csv")], Touch::BeingWritten);
    }

    #[test]
    fn a_flood_of_names_is_remembered_as_everything() {
        let pending = taken_in((0..3 * STAGING_HINTS).map(|i| event(CLOSE, &[&format!("{TICKET}/f{i}.csv")])));
        assert!(pending.everything);
        assert!(pending.touched.len() <= STAGING_HINTS);
    }

    #[test]
    fn a_new_directory_and_a_file_renamed_into_it_are_seen_and_nothing_more_is_asked() {
        run(async {
            let staging = tempfile::tempdir().unwrap();
            let mut watch = Watch::start(staging.path(), LONG, LONG);
            assert_eq!(watch.mode(), Mode::Events);
            assert_eq!(watch.next().await.scope, Scope::Everything);
            let directory = staging.path().join(TICKET);
            fs::create_dir(&directory).unwrap();
            assert_eq!(watch.next().await.scope, Scope::Tickets([ticket()].into()));
            watch.watch_ticket(ticket());
            fs::File::create_new(directory.join("a.part")).unwrap();
            watch.next().await;
            rustix::fs::rename(directory.join("a.part"), directory.join("a.csv")).unwrap();
            let rescan = watch.next().await;
            assert_eq!(rescan.scope, Scope::Tickets([ticket()].into()));
            assert_eq!(rescan.touched[&key("a.csv")], Touch::RenamedInto);
            // A scan opens the directory; that must not call for the next scan.
            assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
            assert!(tokio::time::timeout(Duration::from_millis(500), watch.next()).await.is_err());
        });
    }

    #[test]
    fn a_closed_file_is_seen_also_when_its_directory_was_removed_and_made_again() {
        run(async {
            let staging = tempfile::tempdir().unwrap();
            let directory = staging.path().join(TICKET);
            let mut watch = Watch::start(staging.path(), LONG, LONG);
            watch.next().await;
            for _ in 0..2 {
                fs::create_dir(&directory).unwrap();
                watch.next().await;
                watch.watch_ticket(ticket());
                drop(fs::File::create_new(directory.join("a.csv")).unwrap());
                assert_eq!(watch.next().await.touched[&key("a.csv")], Touch::ClosedAfterWriting);
                fs::remove_dir_all(&directory).unwrap();
                watch.next().await;
            }
        });
    }

    #[test]
    fn a_full_rescan_comes_though_hints_never_stop() {
        run(async {
            let staging = tempfile::tempdir().unwrap();
            let mut watch = Watch::start(staging.path(), Duration::from_millis(300), LONG);
            watch.next().await;
            for _ in 0..200 {
                watch.hints.take_in(staging.path(), Ok(Event::new(CREATE).add_path(staging.path().join(TICKET))));
                if watch.next().await.scope == Scope::Everything {
                    return;
                }
            }
            panic!("only hints were answered");
        });
    }

    #[test]
    fn without_a_watcher_staging_is_polled_and_the_watcher_tried_again() {
        run(async {
            let parent = tempfile::tempdir().unwrap();
            let staging = parent.path().join("staging");
            let mut watch = Watch::start(&staging, Duration::from_millis(400), Duration::from_millis(150));
            assert!(matches!(watch.mode(), Mode::Polling(_)));
            for _ in 0..3 {
                assert_eq!(watch.next().await.scope, Scope::Everything);
            }
            fs::create_dir(&staging).unwrap();
            while watch.mode() != Mode::Events {
                assert_eq!(watch.next().await.scope, Scope::Everything);
            }
            // No watches left (ENOSPC), as the watcher's thread reports it.
            watch.hints.take_in(&staging, Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
            assert_eq!(watch.next().await.scope, Scope::Everything);
            assert_eq!(watch.mode(), Mode::Polling("OS file watch limit reached.".to_owned()));
        });
    }

    #[test]
    fn dropping_the_watch_ends_its_thread() {
        run(async {
            let staging = tempfile::tempdir().unwrap();
            let watch = Watch::start(staging.path(), LONG, LONG);
            let held_by_thread = Arc::downgrade(&watch.hints);
            drop(watch);
            assert!(held_by_thread.upgrade().is_none());
        });
    }
}
