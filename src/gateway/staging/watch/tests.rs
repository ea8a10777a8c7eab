//! Hints, real and made up, and what they call for.

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
