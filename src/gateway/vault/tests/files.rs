//! What is a ledger and what is not, what each connection must answer, and what is left on the disk.

#![expect(clippy::disallowed_methods, reason = "looks at the ledger's files from outside")]

use super::*;
use crate::gateway::vault::{schema, store};
use std::os::unix::fs::PermissionsExt;

fn asked<T: rusqlite::types::FromSql>(conn: &Connection, pragma: &str) -> T {
    conn.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
}

#[test]
fn every_connection_answers_the_settings_that_durability_and_erasure_rest_on() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let check = |conn: &Connection| {
        assert_eq!(asked::<String>(conn, "journal_mode"), "wal");
        for (name, value) in [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 5_000),
            ("secure_delete", 1),
            ("trusted_schema", 0),
            ("temp_store", 2),
        ] {
            assert_eq!(asked::<i64>(conn, name), value, "{name}");
        }
    };
    ledger
        .write_blocking(move |tx| {
            check(tx.conn());
            assert_eq!(asked::<i64>(tx.conn(), "wal_autocheckpoint"), 0);
            assert_eq!(asked::<i64>(tx.conn(), "query_only"), 0);
            Ok::<_, LedgerFault>(())
        })
        .unwrap();
    // All connections of the pool at once, so that each is another one.
    let pool = store::Pool::open(&shelf.path()).unwrap();
    let lent: Vec<_> = (0..crate::domain::limits::LEDGER_READERS).map(|_| pool.lend()).collect();
    for conn in &lent {
        check(conn);
        assert_eq!(asked::<i64>(conn, "query_only"), 1);
        assert!(conn.execute("DELETE FROM object_keys", []).is_err());
    }
}

#[test]
fn a_destroyed_key_is_in_neither_file_after_the_log_is_truncated() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let object = ObjectId::from_uuid(id(5));
    let canary = b"canary: a wrapped key that has to go away, all of it";
    ledger.write_blocking(move |tx| tx.keys_put(object, canary)).map_err(LedgerFault::from).unwrap();
    assert_eq!(ledger.read(|view| view.keys_get(object)).unwrap().as_deref(), Some(&canary[..]));
    let holds = |extension: &str| {
        let bytes = std::fs::read(shelf.path().with_extension(extension)).unwrap_or_default();
        bytes.windows(canary.len()).any(|window| window == canary)
    };
    ledger.truncate_wal_blocking().unwrap();
    assert!(holds("db"));
    assert!(ledger.write_blocking(move |tx| tx.keys_delete(object)).map_err(LedgerFault::from).unwrap());
    assert!(!ledger.write_blocking(move |tx| tx.keys_delete(object)).map_err(LedgerFault::from).unwrap());
    ledger.truncate_wal_blocking().unwrap();
    assert!(!holds("db") && !holds("db-wal"));
    assert_eq!(std::fs::metadata(shelf.path().with_extension("db-wal")).unwrap().len(), 0);
    assert_eq!(ledger.read(|view| view.keys_get(object)).unwrap(), None);
}

#[test]
fn a_reader_in_the_way_of_emptying_the_log_keeps_no_command_waiting() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 3);
    let reader = shelf.intruder();
    reader.execute_batch("BEGIN").unwrap();
    reader.query_row("SELECT count(*) FROM leaves", [], |row| row.get::<_, u64>(0)).unwrap();
    append(&ledger, withdrawn(ticket(9), "after what the reader sees")).unwrap();
    let (begin, begun) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let emptied = scope.spawn(|| {
            begin.send(()).unwrap();
            ledger.truncate_wal_blocking()
        });
        begun.recv().unwrap();
        // Commands go on all the while; where they waited for the reader, the emptying would have given up by now.
        for n in 10..210 {
            append(&ledger, withdrawn(ticket(n), "meanwhile")).unwrap();
        }
        reader.execute_batch("COMMIT").unwrap();
        emptied.join().unwrap().unwrap();
    });
    assert_eq!(std::fs::metadata(shelf.path().with_extension("db-wal")).unwrap().len(), 0);
}

#[test]
fn an_object_has_one_key_for_ever() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let object = ObjectId::from_uuid(id(5));
    ledger.write_blocking(move |tx| tx.keys_put(object, b"one")).unwrap();
    assert_eq!(ledger.write_blocking(move |tx| tx.keys_get(object)).unwrap().as_deref(), Some(&b"one"[..]));
    ledger.write_blocking(move |tx| tx.keys_put(object, b"two")).unwrap_err();
    assert_eq!(ledger.read(|view| view.keys_get(object)).unwrap().as_deref(), Some(&b"one"[..]));
}

#[test]
fn a_planted_trigger_does_not_run() {
    let shelf = Shelf::new();
    shelf
        .intruder()
        .execute_batch(
            "CREATE TABLE kept (wrapped BLOB);
             CREATE TRIGGER spy AFTER INSERT ON object_keys BEGIN INSERT INTO kept VALUES (new.wrapped); END;",
        )
        .unwrap();
    let ledger = shelf.open();
    ledger.write_blocking(|tx| tx.keys_put(ObjectId::from_uuid(id(5)), b"wrapped")).unwrap();
    let kept = ledger.read(|view| view.sql(|conn| conn.query_row("SELECT count(*) FROM kept", [], |row| row.get::<_, i64>(0))));
    assert_eq!(kept.unwrap(), 0);
}

#[test]
fn only_its_owner_reads_a_ledger() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 1);
    for extension in ["db", "db-wal", "db-shm", "lock"] {
        let mode = std::fs::metadata(shelf.path().with_extension(extension)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{extension}");
    }
}

#[test]
fn a_ledger_is_reopened_after_it_was_dropped_without_a_close() {
    let shelf = Shelf::new();
    fill(&shelf.open(), 5);
    let ledger = shelf.open();
    assert_eq!(append(&ledger, withdrawn(ticket(0), "again")).unwrap().index, 5);
    assert_eq!(ledger.read(|view| view.chain(ticket(0))).unwrap().len(), 2);
}

#[test]
fn a_missing_ledger_is_not_an_empty_one() {
    let shelf = Shelf::new();
    std::fs::remove_file(shelf.path()).unwrap();
    assert!(matches!(shelf.try_open(), Err(LedgerFault::Missing(_))));
    std::fs::write(shelf.path(), b"").unwrap();
    assert!(matches!(shelf.try_open(), Err(LedgerFault::Foreign { .. })));
    // What `create` left when it was interrupted, it finishes.
    fill(&Ledger::create(&shelf.path(), shelf.signer(), shelf.clock()).unwrap(), 1);
    assert!(matches!(Ledger::create(&shelf.path(), shelf.signer(), shelf.clock()), Err(LedgerFault::Exists(_))));
    assert_eq!(shelf.open().checkpoint().size, 1);
}

#[test]
fn a_foreign_file_is_refused_and_left_as_it_was() {
    let shelf = Shelf::new();
    let foreign = shelf.dir.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE customers (name TEXT)").unwrap();
    let text = shelf.dir.path().join("text.db");
    std::fs::write(&text, "not a database, but long enough to look like a file of one ".repeat(100)).unwrap();
    for path in [foreign, text] {
        let before = std::fs::read(&path).unwrap();
        let opened = Ledger::open(&path, shelf.signer(), shelf.clock());
        assert!(matches!(opened, Err(LedgerFault::Foreign { .. })));
        assert!(matches!(Ledger::create(&path, shelf.signer(), shelf.clock()), Err(LedgerFault::Foreign { .. })));
        assert!(matches!(Archive::open(&path), Err(LedgerFault::Foreign { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_newer_schema_is_refused_with_words() {
    let shelf = Shelf::new();
    shelf.intruder().execute("INSERT INTO migrations VALUES (99, 'from the future', x'00', 0)", []).unwrap();
    let Err(fault) = shelf.try_open() else { panic!("opened") };
    assert!(matches!(fault, LedgerFault::Newer { found: 99, .. }));
    assert!(fault.to_string().contains("newer version"));
}

#[test]
fn a_schema_that_other_statements_made_is_refused() {
    let shelf = Shelf::new();
    shelf.intruder().execute("UPDATE migrations SET sha256 = x'00' WHERE version = 1", []).unwrap();
    assert!(matches!(shelf.try_open(), Err(LedgerFault::OtherMigration { version: 1 })));
}

#[test]
fn a_second_process_is_kept_out() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    assert!(matches!(shelf.try_open(), Err(LedgerFault::InUse(_))));
    drop(ledger);
    shelf.open();
}

#[test]
fn another_key_opens_nothing() {
    let shelf = Shelf::new();
    let (other, _) = Signer::generate("egress.example.com/log".parse().unwrap()).unwrap();
    let opened = Ledger::open(&shelf.path(), other, shelf.clock());
    assert!(matches!(opened, Err(LedgerFault::Log(LogFault::CheckpointSignature(_)))));
}

#[test]
fn a_copied_directory_verifies_offline_with_and_without_its_write_ahead_log() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 300);
    ledger.truncate_wal_blocking().unwrap();
    append(&ledger, withdrawn(ticket(0), "in the write-ahead log only")).unwrap();
    for (files, leaves) in [(&["db", "db-wal"][..], 301), (&["db"][..], 300)] {
        let copy = Shelf { dir: tempfile::tempdir().unwrap(), key: shelf.key.clone(), clock: Arc::clone(&shelf.clock) };
        for extension in files {
            std::fs::copy(shelf.path().with_extension(extension), copy.path().with_extension(extension)).unwrap();
        }
        let before: Vec<_> = files.iter().map(|e| std::fs::read(copy.path().with_extension(e)).unwrap()).collect();
        let report = copy.verify();
        assert_eq!(Archive::open(&copy.path()).unwrap().conn().is_readonly("main"), Ok(true));
        assert_eq!((report.leaves, report.last_checkpoint_size), (leaves, leaves));
        let after: Vec<_> = files.iter().map(|e| std::fs::read(copy.path().with_extension(e)).unwrap()).collect();
        assert!(before == after, "the evidence was changed");
    }
    let missing = Archive::open(&shelf.dir.path().join("nothing.db"));
    assert!(matches!(missing, Err(LedgerFault::Missing(_))));
}

#[test]
fn the_application_id_is_in_the_file() {
    let shelf = Shelf::new();
    assert_eq!(asked::<i32>(&shelf.intruder(), "application_id"), schema::APPLICATION_ID);
}
