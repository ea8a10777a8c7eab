//! What is to be told to others: with every record that lasts, of none that was undone, in ledgers of an earlier schema too.

use super::{super::spool, *};

fn wording() -> Option<spool::Wording> {
    Some(Arc::new(|record: &Record, hash: &Digest| format!("{} {hash}", record.index).into_bytes()))
}

fn spooled(ledger: &Ledger) -> Vec<spool::Message> {
    ledger.read(|view| view.sql(|conn| spool::batch(conn, 0))).unwrap()
}

fn register(ledger: &Ledger, names: &[&str]) {
    let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
    ledger.write_blocking::<_, LedgerFault, _>(move |tx| Ok(spool::register(tx.conn(), &names, tx.size())?)).unwrap();
}

#[test]
fn every_record_that_lasts_is_spooled_with_its_hash_and_what_was_undone_is_not() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 2);
    ledger.tell(wording());
    register(&ledger, &["siem"]);
    fill(&ledger, 2);
    let refused = ledger.write_blocking(|tx| {
        tx.append(Fact::new(Actor::System, Subject::Daemon, Event::Stopped)).unwrap();
        Err::<(), _>("refused")
    });
    assert!(matches!(refused, Err(WriteError::Refused("refused"))));
    fill(&ledger, 1);
    let hashes: Vec<Digest> = ledger.read(|view| view.tail(2, 10)).unwrap().into_iter().map(|(_, hash)| hash).collect();
    let expected: Vec<String> = hashes.iter().zip(2..).map(|(hash, leaf)| format!("{leaf} {hash}")).collect();
    let told: Vec<String> = spooled(&ledger).into_iter().map(|message| String::from_utf8(message.bytes).unwrap()).collect();
    assert_eq!((told.len(), told), (3, expected));
    drop(ledger);
    // It survives, and the log is what it would be without it.
    let ledger = shelf.open();
    assert_eq!(spooled(&ledger).len(), 3);
    drop(ledger);
    assert_eq!(shelf.verify().leaves, 5);
    assert_eq!(super::super::compare::index(&Archive::open(&shelf.path()).unwrap()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_ledger_of_the_first_schema_is_brought_up_and_keeps_its_log() {
    let shelf = Shelf::new();
    fill(&shelf.open(), 3);
    shelf
        .intruder()
        .execute_batch("DROP TABLE spool; DROP TABLE forward_cursor; DELETE FROM migrations WHERE version = 2")
        .unwrap();
    let ledger = shelf.open();
    ledger.tell(wording());
    register(&ledger, &["siem"]);
    fill(&ledger, 1);
    assert_eq!(spooled(&ledger).iter().map(|message| message.leaf).collect::<Vec<_>>(), [3]);
    drop(ledger);
    assert_eq!(shelf.verify().leaves, 4);
}

#[test]
fn whoever_waits_for_news_hears_of_durable_leaves_only() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let mut size = ledger.watch_size();
    assert_eq!(*size.borrow_and_update(), 0);
    ledger.write_blocking(|_| Ok::<_, LedgerFault>(())).unwrap();
    assert!(!size.has_changed().unwrap(), "a command without a leaf is no news");
    fill(&ledger, 2);
    assert_eq!(*size.borrow_and_update(), 2);
}
