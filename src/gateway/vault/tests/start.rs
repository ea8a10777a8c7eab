//! Where a start begins: it saves reading, and whoever edits the file or the rows before it gains nothing.
#![expect(clippy::disallowed_methods, reason = "plays whoever edits files beside a ledger")]

use super::*;
use std::fs;

/// 300 leaves, 10 on each of 30 tickets; what a start begins from stands behind 270 of them.
fn filled() -> Shelf {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    for round in 0..10 {
        batch(&ledger, (0..30).map(|n| record(withdrawn(ticket(n), &format!("round {round}")))).collect());
        if round == 8 {
            ledger.keep_start(1).unwrap();
        }
    }
    shelf
}

fn start(shelf: &Shelf) -> PathBuf {
    shelf.path().with_extension("start")
}

/// Whoever edits this leaf has not reached what a start reads that begins where it was kept.
fn edit_leaf(shelf: &Shelf, index: u64) {
    let sql = "UPDATE leaves SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"v\":1', '\"v\":2') AS BLOB) WHERE leaf = ?1";
    shelf.intruder().execute(sql, [index]).unwrap();
}

fn chain_fault(ledger: &Ledger, on: Subject) -> LogFault {
    match ledger.read(|view| view.chain(on)) {
        Err(LedgerFault::Log(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_start_reads_what_came_since_and_a_row_before_it_is_refused_when_it_is_asked_for() {
    let shelf = filled();
    let whole = |ledger: &Ledger| {
        let heads = |n| ledger.read(|view| Ok::<_, LedgerFault>((view.head(ticket(n)), view.chain(ticket(n))?.len()))).unwrap();
        (ledger.checkpoint(), (0..31).map(heads).collect::<Vec<_>>())
    };
    let begun = whole(&shelf.open());
    let file = fs::read(start(&shelf)).unwrap();
    fs::remove_file(start(&shelf)).unwrap();
    assert_eq!(whole(&shelf.open()), begun, "with the file and without it");
    fs::write(start(&shelf), file).unwrap();
    edit_leaf(&shelf, 123);
    let ledger = shelf.open();
    assert_eq!(chain_fault(&ledger, ticket(3)), LogFault::LeafDiffersFromHash { index: 123 });
    assert_eq!(ledger.read(|view| view.chain(ticket(4))).unwrap().len(), 10, "others stand");
    drop(ledger);
    let archive = Archive::open(&shelf.path()).unwrap();
    let (rows, heads) = archive.log();
    assert!(audit::verify(rows, heads, None, shelf.signer().verifier()).is_err(), "the verifier reads everything");
    drop(archive);
    fs::remove_file(start(&shelf)).unwrap();
    assert_eq!(shelf.log_fault(), LogFault::LeafDiffersFromHash { index: 123 });
}

#[test]
fn what_came_since_is_checked_as_ever_and_its_fault_is_located() {
    for index in [270, 299] {
        let shelf = filled();
        edit_leaf(&shelf, index);
        assert_eq!(shelf.log_fault(), LogFault::LeafDiffersFromHash { index });
    }
    let shelf = filled();
    let conn = shelf.intruder();
    for table in ["details", "leaves", "leaf_hashes"] {
        conn.execute(&format!("DELETE FROM {table} WHERE leaf = 299"), []).unwrap();
    }
    assert_eq!(shelf.log_fault(), LogFault::Truncated { leaves: 299, size: 300 });
}

#[test]
fn a_last_leaf_that_was_taken_away_is_missed_although_no_start_has_read_it() {
    let shelf = filled();
    let ledger = shelf.open();
    // Ticket 30 has one leaf, and it is behind the place from then on.
    append(&ledger, withdrawn(ticket(30), "revoked, say")).unwrap();
    ledger.keep_start(1).unwrap();
    drop(ledger);
    shelf.intruder().execute_batch("DELETE FROM details WHERE leaf = 300; DELETE FROM leaves WHERE leaf = 300").unwrap();
    let ledger = shelf.open();
    assert_eq!(chain_fault(&ledger, ticket(30)), LogFault::LeafMissing { index: 300 });
}

#[test]
fn a_file_that_was_cut_altered_made_by_another_key_or_for_another_history_is_not_believed() {
    let other = filled();
    let foreign = fs::read(start(&other)).unwrap();
    let shelf = filled();
    let genuine = fs::read(start(&shelf)).unwrap();
    let flipped = |at: usize| {
        let mut bytes = genuine.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut files = vec![Vec::new(), genuine[..genuine.len() - 1].to_vec(), [&genuine[..], b"x"].concat(), foreign];
    files.extend([0, 16, 20, 40, 300, genuine.len() - 70, genuine.len() - 1].map(flipped));
    // A fault before the place is found by a start that reads everything, and only by it.
    edit_leaf(&shelf, 123);
    for file in files {
        fs::write(start(&shelf), file).unwrap();
        assert_eq!(shelf.log_fault(), LogFault::LeafDiffersFromHash { index: 123 });
    }
    fs::write(start(&shelf), &genuine).unwrap();
    shelf.open();
}

#[test]
fn a_start_of_a_longer_history_does_not_bring_back_what_was_rolled_back() {
    let shelf = Shelf::new();
    fill(&shelf.open(), 3);
    let older = ["db", "db-wal"].map(|end| {
        let path = shelf.path().with_extension(end);
        let bytes = fs::read(&path).unwrap_or_default();
        (path, bytes)
    });
    let ledger = shelf.open();
    fill(&ledger, 4);
    ledger.keep_start(1).unwrap();
    drop(ledger);
    older.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    assert_eq!(shelf.log_fault(), LogFault::RolledBack { leaves: 3, size: 7 });
    // On purpose, as an operator restores a backup: the log is what the tables hold, also when it has grown past that place.
    fs::remove_file(shelf.path().with_extension("head")).unwrap();
    let ledger = shelf.open();
    assert_eq!(ledger.checkpoint().size, 3);
    fill(&ledger, 9);
    drop(ledger);
    let ledger = shelf.open();
    assert_eq!((ledger.checkpoint().size, ledger.read(|view| view.chain(ticket(8))).unwrap().len()), (12, 1));
}

#[test]
fn a_head_from_before_the_place_is_compared_with_the_tree_and_not_with_a_stored_checkpoint() {
    let shelf = Shelf::new();
    fill(&shelf.open(), 3);
    let head = shelf.path().with_extension("head");
    let early = fs::read(&head).unwrap();
    let ledger = shelf.open();
    fill(&ledger, 9);
    ledger.keep_start(1).unwrap();
    drop(ledger);
    fs::write(&head, &early).unwrap();
    shelf.open();
    // Another history's head of that size, and its checkpoint put into the tables.
    let forged = shelf.signer().sign(3, Digest::of(b"another history"));
    let line: String = forged.signature.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(&head, format!("{:020} {} {line}\n", forged.size, forged.root)).unwrap();
    let sql = "UPDATE checkpoints SET root = ?1, signature = ?2 WHERE size = 3";
    shelf.intruder().execute(sql, (&forged.root.as_bytes()[..], &forged.signature[..])).unwrap();
    assert_eq!(shelf.log_fault(), LogFault::RolledBack { leaves: 12, size: 3 });
}

#[test]
fn what_was_open_and_by_what_the_daemon_went_is_known_from_before_the_place() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let started = Event::Started { configuration: Digest::of(b"c"), policy: Digest::of(b"p"), told: Vec::new() };
    append(&ledger, Fact::new(Actor::System, Subject::Daemon, started.clone())).unwrap();
    append(&ledger, opened(session(1))).unwrap();
    append(&ledger, opened(session(2))).unwrap();
    append(&ledger, closed(session(2))).unwrap();
    ledger.keep_start(1).unwrap();
    drop(ledger);
    let ledger = shelf.open();
    assert_eq!(ledger.live_subjects(), [session(1)]);
    let rules = ledger.read(|view| view.last_rules()).unwrap().map(|record| (record.index, record.event));
    assert_eq!(rules, Some((0, started)));
    assert!(append(&ledger, closed(session(2))).is_err(), "it has ended");
}

#[test]
fn the_place_is_kept_anew_only_when_the_log_has_grown() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 5);
    ledger.keep_start(6).unwrap();
    assert!(!start(&shelf).exists());
    ledger.keep_start(5).unwrap();
    let first = fs::read(start(&shelf)).unwrap();
    fill(&ledger, 4);
    ledger.keep_start(5).unwrap();
    assert_eq!(fs::read(start(&shelf)).unwrap(), first);
    drop(ledger);
    // The next start counts from where it began.
    let ledger = shelf.open();
    fill(&ledger, 1);
    ledger.keep_start(5).unwrap();
    assert_ne!(fs::read(start(&shelf)).unwrap(), first);
}
