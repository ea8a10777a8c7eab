//! Chains, tails, live subjects: what readers are answered, and how fast.

use super::*;

#[test]
fn a_chain_is_all_that_happened_to_its_subject_with_details_oldest_first() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let mut expected = Vec::new();
    for n in 0..700 {
        let record = append(&ledger, withdrawn(ticket(n % 7), &format!("number {n}"))).unwrap();
        if n % 7 == 3 {
            expected.push(record);
        }
        // Read in between, so that what is kept grows step by step.
        if n % 50 == 0 {
            let have = ledger.read(|view| view.chain(ticket(3))).unwrap();
            assert_eq!(*have, expected);
        }
    }
    assert_eq!(*ledger.read(|view| view.chain(ticket(3))).unwrap(), expected);
    drop(ledger);
    assert_eq!(*shelf.open().read(|view| view.chain(ticket(3))).unwrap(), expected);
    assert_eq!(*shelf.open().write_blocking(|tx| tx.chain(ticket(3))).unwrap(), expected);
}

#[test]
fn who_holds_a_chain_keeps_it_as_it_was() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 1);
    let held = ledger.read(|view| view.chain(ticket(0))).unwrap();
    append(&ledger, withdrawn(ticket(0), "later")).unwrap();
    assert_eq!(ledger.read(|view| view.chain(ticket(0))).unwrap().len(), 2);
    assert_eq!(held.len(), 1);
}

#[test]
fn an_unknown_subject_has_an_empty_chain() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    for on in [ticket(1), session(1), Subject::House] {
        assert!(ledger.read(|view| view.chain(on)).unwrap().is_empty());
    }
}

#[test]
fn sessions_live_until_they_are_closed_and_can_still_be_read_then() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    for n in 1..=3 {
        append(&ledger, opened(session(n))).unwrap();
    }
    append(&ledger, closed(session(2))).unwrap();
    let both: Work = Box::new(|tx| {
        tx.append(opened(session(4)))?;
        let end = tx.append(closed(session(4)))?;
        assert_eq!(tx.chain(session(4))?.len(), 2);
        Ok(end)
    });
    ledger.write_blocking(both).unwrap();
    append(&ledger, Fact::new(Actor::System, session(5), Event::SessionDenied { code: 2101 })).unwrap();
    let check = |ledger: &Ledger| {
        assert_eq!(ledger.live_subjects(), [session(1), session(3)]);
        for (n, events) in [(1, 1), (2, 2), (3, 1), (4, 2), (5, 1)] {
            assert_eq!(ledger.read(|view| view.chain(session(n))).unwrap().len(), events, "{n}");
        }
    };
    check(&ledger);
    drop(ledger);
    check(&shelf.open());
}

#[test]
fn a_denial_in_an_open_session_does_not_end_it() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    append(&ledger, opened(session(1))).unwrap();
    append(&ledger, Fact::new(Actor::System, session(1), Event::SessionDenied { code: 2101 })).unwrap();
    assert_eq!(ledger.live_subjects(), [session(1)]);
    append(&ledger, closed(session(1))).unwrap();
    assert!(ledger.live_subjects().is_empty());
}

#[test]
fn nothing_can_be_recorded_on_what_has_ended() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    append(&ledger, opened(session(1))).unwrap();
    append(&ledger, closed(session(1))).unwrap();
    let ended = |answer: Answer| matches!(answer, Err(WriteError::Refused(LedgerFault::Ended(on))) if on == session(1));
    assert!(ended(append(&ledger, closed(session(1)))));
    let within: Work = Box::new(|tx| {
        tx.append(opened(session(2)))?;
        tx.append(closed(session(2)))?;
        tx.append(opened(session(2)))
    });
    assert!(ledger.write_blocking(within).is_err());
    drop(ledger);
    assert!(ended(append(&shelf.open(), opened(session(1)))));
}

#[test]
fn a_tail_is_the_records_from_a_place_on() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 300);
    let indexes = |from, count| -> Vec<u64> {
        ledger.read(|view| view.tail(from, count)).unwrap().iter().map(|(record, _)| record.index).collect()
    };
    assert_eq!(indexes(298, 10), [298, 299]);
    assert_eq!(indexes(254, 4), [254, 255, 256, 257]);
    assert!(indexes(300, 10).is_empty());
    assert!(indexes(u64::MAX, u64::MAX).is_empty());
}

#[test]
fn a_running_ledger_verifies_and_its_checkpoint_is_a_note() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 600);
    let archive = Archive::open(&shelf.path()).unwrap();
    let (rows, heads) = archive.log();
    let report = audit::verify(rows, heads, None, shelf.signer().verifier()).unwrap();
    assert_eq!((report.leaves, report.details, report.checkpoints_checked), (600, 600, 601));
    let read = shelf.signer().verifier().verify(&ledger.checkpoint_note()).unwrap();
    assert_eq!((read.size, read.root), (600, report.root));
}

#[test]
fn what_the_index_names_has_a_chain_even_while_commits_run() {
    let shelf = Shelf::new();
    let ledger = Arc::new(shelf.open());
    let writing = Arc::clone(&ledger);
    let writer = std::thread::Builder::new().spawn(move || {
        for n in 0..400 {
            append(&writing, withdrawn(ticket(n), "new")).unwrap();
            append(&writing, opened(session(n))).unwrap();
            append(&writing, closed(session(n))).unwrap();
        }
    });
    let writer = writer.unwrap();
    let newest = |conn: &Connection| {
        conn.query_row("SELECT leaf, bytes FROM leaves ORDER BY leaf DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
    };
    while !writer.is_finished() {
        ledger
            .read(|view| {
                let Ok((index, bytes)) = view.sql(newest) else { return Ok(()) };
                let leaf: crate::domain::event::Leaf = serde_json::from_slice(&bytes).unwrap();
                assert!(view.chain(leaf.on)?.iter().any(|record| record.index == index));
                Ok::<_, LedgerFault>(())
            })
            .unwrap();
    }
    writer.join().unwrap();
}

#[test]
fn more_readers_than_connections_wait_for_one() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    fill(&ledger, 64);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for n in 0..64 {
                    ledger.read(|view| view.tail(n, 8).and_then(|_| view.chain(ticket(u128::from(n))))).unwrap();
                }
            });
        }
    });
}
