//! Full disks, failed commits, transactions that SQLite gave up: each with what is left and whether it heals.

use super::*;
use rusqlite::ffi;

/// A command that fills the database to the limit that it was given.
fn until_full(tx: &mut Tx<'_>) -> Result<Record, LedgerFault> {
    let pages: i64 = tx.conn().pragma_query_value(None, "page_count", |row| row.get(0))?;
    tx.conn().pragma(None, "max_page_count", pages + 20, |_| Ok(()))?;
    loop {
        tx.append(withdrawn(ticket(7), &"full ".repeat(2_000)))?;
    }
}

/// Room again.
fn widen(tx: &mut Tx<'_>) -> Result<(), LedgerFault> {
    tx.conn().pragma(None, "max_page_count", 1_000_000, |_| Ok(()))?;
    Ok(())
}

fn is_full(fault: &LedgerFault) -> bool {
    matches!(fault, LedgerFault::Sqlite(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
}

/// Whether SQLite or the ledger says that the disk is full.
fn met_a_full_disk(answer: &Answer) -> bool {
    matches!(answer, Err(WriteError::Refused(fault) | WriteError::Fault(fault)) if is_full(fault))
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_batch_fails_every_command_and_heals() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 3);
    let works = vec![record(withdrawn(ticket(1), "a")), Box::new(until_full) as Work, record(withdrawn(ticket(1), "b"))];
    // SQLite rolled the whole transaction back, so the first one is undone too.
    let answers = batch(&ledger, works);
    assert!(answers.iter().all(met_a_full_disk), "{answers:?}");
    assert_eq!(ledger.read(|view| view.chain(ticket(1))).unwrap().len(), 1);
    ledger.write_blocking(widen).unwrap();
    assert_eq!(append(&ledger, withdrawn(ticket(1), "room again")).unwrap().index, 3);
    drop(ledger);
    shelf.open();
    assert_eq!(shelf.verify().leaves, 4);
}

#[test]
fn a_disk_that_is_full_for_a_while_undoes_what_did_not_fit_and_heals() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 3);
    let narrow = |tx: &mut Tx<'_>| {
        let pages: i64 = tx.conn().pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok::<_, LedgerFault>(tx.conn().pragma(None, "max_page_count", pages, |_| Ok(()))?)
    };
    ledger.write_blocking(narrow).unwrap();
    // Each table's last page has room for another number of rows; at some leaf it is the checkpoint's that does not fit.
    let mut fitted = 3;
    for n in 0..400 {
        match append(&ledger, Fact::new(Actor::System, ticket(n), Event::TicketWithdrawn)) {
            Ok(record) => {
                assert_eq!(record.index, fitted);
                fitted += 1;
            }
            full => assert!(met_a_full_disk(&full), "{full:?}"),
        }
    }
    assert!((4..400).contains(&fitted), "{fitted}");
    ledger.write_blocking(widen).unwrap();
    assert_eq!(append(&ledger, withdrawn(ticket(1), "room again")).unwrap().index, fitted);
    drop(ledger);
    shelf.open();
    assert_eq!(shelf.verify().leaves, fitted + 1);
}

#[test]
fn a_batch_that_cannot_be_signed_is_undone_and_heals() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 3);
    // Somebody else's row stands where the next checkpoint has to go: the batch cannot be signed.
    shelf.intruder().execute("INSERT INTO checkpoints VALUES (5, x'00', x'00')", []).unwrap();
    let answers = batch(&ledger, vec![record(withdrawn(ticket(1), "a")), record(withdrawn(ticket(2), "b"))]);
    assert!(answers.iter().all(|answer| matches!(answer, Err(WriteError::Fault(LedgerFault::Sqlite(_))))), "{answers:?}");
    shelf.intruder().execute("DELETE FROM checkpoints WHERE size = 5", []).unwrap();
    assert_eq!(append(&ledger, withdrawn(ticket(1), "again")).unwrap().index, 3);
    drop(ledger);
    shelf.open();
    assert_eq!(shelf.verify().leaves, 4);
}

/// A ledger whose next commits fail with these codes, the last one first.
fn failing(shelf: &Shelf, codes: &[i32]) -> Ledger {
    let mut codes = codes.to_vec();
    let mut commit = commit();
    shelf.open_committing(Box::new(move |conn| codes.pop().map_or_else(|| commit(conn), |code| Err(sqlite_failure(code)))))
}

#[test]
fn a_commit_that_finds_the_disk_full_fails_every_command_and_heals() {
    let shelf = Shelf::new();
    // The first commit is the one that holds the writer until the batch is queued.
    let mut calls = 0;
    let mut commit = commit();
    let ledger = shelf.open_committing(Box::new(move |conn| {
        calls += 1;
        if calls == 2 { Err(sqlite_failure(ffi::SQLITE_FULL)) } else { commit(conn) }
    }));
    let refused: Work = Box::new(|_| Err(LedgerFault::Closed));
    let answers = batch(&ledger, vec![record(withdrawn(ticket(1), "a")), refused, record(withdrawn(ticket(2), "b"))]);
    for answer in &answers {
        assert!(matches!(answer, Err(WriteError::Fault(fault)) if is_full(fault)), "{answer:?}");
    }
    assert!(ledger.read(|view| view.chain(ticket(1))).unwrap().is_empty());
    assert_eq!(append(&ledger, withdrawn(ticket(2), "again")).unwrap().index, 0);
    drop(ledger);
    shelf.open();
    assert_eq!(shelf.verify().leaves, 1);
}

#[test]
fn a_transaction_that_sqlite_rolled_back_fails_every_command_of_its_batch() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 2);
    let gives_up: Work = Box::new(|tx| {
        tx.append(withdrawn(ticket(1), "b"))?;
        tx.conn().execute_batch("ROLLBACK")?;
        Err(LedgerFault::RolledBack)
    });
    let answers = batch(&ledger, vec![record(withdrawn(ticket(1), "a")), gives_up, record(withdrawn(ticket(1), "c"))]);
    for answer in &answers {
        assert!(matches!(answer, Err(WriteError::Fault(LedgerFault::RolledBack))), "{answer:?}");
    }
    assert_eq!(append(&ledger, withdrawn(ticket(1), "d")).unwrap().index, 2);
    drop(ledger);
    shelf.open();
    assert_eq!(shelf.verify().leaves, 3);
}

#[test]
fn a_failed_fsync_at_commit_poisons_the_ledger_for_writing_and_reading_until_it_is_opened_again() {
    for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_CORRUPT] {
        let shelf = Shelf::new();
        let ledger = failing(&shelf, &[code]);
        let poisoned = |answer: &Answer| matches!(answer, Err(WriteError::Fault(LedgerFault::Poisoned(_))));
        assert!(poisoned(&append(&ledger, withdrawn(ticket(1), "lost?"))));
        assert!(poisoned(&append(&ledger, withdrawn(ticket(1), "next"))));
        assert!(matches!(ledger.read(|view| view.chain(ticket(1))), Err(LedgerFault::Poisoned(_))));
        assert!(matches!(ledger.truncate_wal_blocking(), Err(LedgerFault::Poisoned(_))));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(ledger.poisoned()).starts_with("commit:"));
        drop(ledger);
        fill(&shelf.open(), 1);
        assert_eq!(shelf.verify().leaves, 1);
    }
}

#[test]
fn a_commit_that_failed_and_happened_all_the_same_poisons_the_ledger() {
    let shelf = Shelf::new();
    let mut commit = commit();
    let ledger = shelf.open_committing(Box::new(move |conn| {
        commit(conn)?;
        Err(sqlite_failure(ffi::SQLITE_FULL))
    }));
    append(&ledger, withdrawn(ticket(1), "there")).unwrap_err();
    assert!(matches!(append(&ledger, withdrawn(ticket(1), "next")), Err(WriteError::Fault(LedgerFault::Poisoned(_)))));
    drop(ledger);
    assert_eq!(shelf.open().checkpoint().size, 1);
}

#[test]
fn a_writer_that_dies_poisons_the_ledger() {
    let shelf = Shelf::new();
    let ledger = shelf.open_committing(Box::new(|_| panic!("a bug in the writer itself")));
    assert!(matches!(append(&ledger, withdrawn(ticket(1), "lost")), Err(WriteError::Fault(LedgerFault::Poisoned(_)))));
    assert!(matches!(ledger.read(|view| view.chain(ticket(1))), Err(LedgerFault::Poisoned(_))));
    drop(ledger);
    assert_eq!(shelf.open().checkpoint().size, 0);
}

/// Says to the process that runs the test again that it stands on a small file system.
const SMALL: &str = "EGRESSD_TEST_ON_SMALL_DISK";

/// A small file system of the test's own takes a mount, and a mount a namespace: the test runs itself again in one.
#[test]
#[expect(clippy::disallowed_methods, reason = "takes and gives back room on a disk, in a process of its own")]
fn a_really_full_disk_fails_what_does_not_fit_and_heals() {
    if std::env::var(SMALL).is_ok() {
        return fill_and_empty_the_disk();
    }
    let mount = tempfile::tempdir().unwrap();
    let (test, name) = (std::env::current_exe().unwrap(), std::thread::current().name().unwrap().to_owned());
    let script = "mount -t tmpfs -o size=4m none \"$TMPDIR\" && exec \"$0\" --exact \"$1\" --nocapture";
    let ran = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .arg(test)
        .arg(name)
        .env("TMPDIR", mount.path())
        .env(SMALL, "yes")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
}

#[expect(clippy::disallowed_methods, reason = "takes and gives back room on the disk")]
fn fill_and_empty_the_disk() {
    let shelf = Shelf::new();
    let ballast = shelf.dir.path().join("ballast");
    std::fs::write(&ballast, vec![1; 1024 * 1024]).unwrap();
    let ledger = shelf.open();
    let mut fitted = 0;
    let full = loop {
        match append(&ledger, withdrawn(ticket(fitted.into()), &"text ".repeat(2_000))) {
            Ok(record) => assert_eq!(record.index, fitted),
            full => break full,
        }
        fitted += 1;
        assert!(fitted < 10_000, "this file system is not small");
    };
    assert!(met_a_full_disk(&full), "{full:?}");
    let many: Vec<_> = (0..20).map(|n| record(withdrawn(ticket(n), &"text ".repeat(2_000)))).collect();
    assert!(batch(&ledger, many).iter().all(met_a_full_disk));
    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(append(&ledger, withdrawn(ticket(0), "room again")).unwrap().index, fitted);
    drop(ledger);
    shelf.open();
    assert_eq!(shelf.verify().leaves, fitted + 1);
}

#[test]
fn a_locked_database_fails_the_batch_and_heals() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 1);
    ledger.write_blocking(|tx| Ok::<_, LedgerFault>(tx.conn().busy_timeout(std::time::Duration::from_millis(20))?)).unwrap();
    let other = shelf.intruder();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let busy = append(&ledger, withdrawn(ticket(1), "locked"));
    assert!(
        matches!(&busy, Err(WriteError::Fault(LedgerFault::Sqlite(e))) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy))
    );
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(append(&ledger, withdrawn(ticket(1), "free")).unwrap().index, 1);
}

#[test]
fn the_write_ahead_log_stays_bounded_under_load() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    for _ in 0..40 {
        batch(&ledger, (0..40).map(|n| record(withdrawn(ticket(n), &"text ".repeat(1_000)))).collect());
    }
    let wal = std::fs::metadata(shelf.path().with_extension("db-wal")).unwrap().len();
    assert!(wal < 3 * 4_096 * crate::domain::limits::WAL_PAGES, "{wal} bytes");
}
