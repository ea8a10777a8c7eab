//! Many commands, one commit: who is answered, what stands, and what an answer means.

use super::*;

#[test]
fn concurrent_writers_share_commits_and_everything_acknowledged_is_there_after_a_restart() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let commands = 500;
    let answers = runtime.block_on(async {
        let set = tokio::task::LocalSet::new();
        let ledger = &Arc::new(ledger);
        let tasks: Vec<_> = (0..commands)
            .map(|n| {
                let ledger = Arc::clone(ledger);
                set.spawn_local(async move { ledger.write(record(withdrawn(ticket(n % 50), "many"))).await.unwrap() })
            })
            .collect();
        set.await;
        let commits = ledger.commits();
        assert!(commits < commands as u64 / 10, "{commits} commits for {commands} commands");
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        answers
    });
    let mut indexes: Vec<u64> = answers.iter().map(|record| record.index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, (0..commands as u64).collect::<Vec<_>>());
    let reopened = shelf.open();
    for answer in answers {
        let chain = reopened.read(|view| view.chain(answer.on)).unwrap();
        assert!(chain.contains(&answer));
    }
    assert_eq!(reopened.checkpoint().size, commands as u64);
    assert_eq!(shelf.verify().leaves, commands as u64);
}

#[test]
fn a_refused_command_in_the_middle_leaves_the_others_and_no_gap() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let refused: Work = Box::new(|tx| {
        tx.append(withdrawn(ticket(2), "will not stand"))?;
        tx.append(withdrawn(ticket(1), "neither"))?;
        tx.keys_put(ObjectId::from_uuid(id(9)), b"wrapped")?;
        Err(LedgerFault::Closed)
    });
    let works = vec![record(withdrawn(ticket(1), "first")), refused, record(withdrawn(ticket(1), "third"))];
    let answers = batch(&ledger, works);
    assert_eq!(answers[0].as_ref().unwrap().index, 0);
    assert!(matches!(answers[1], Err(WriteError::Refused(LedgerFault::Closed))));
    assert_eq!(answers[2].as_ref().unwrap().index, 1);
    assert_eq!(ledger.read(|view| view.chain(ticket(1))).unwrap().len(), 2);
    assert!(ledger.read(|view| view.chain(ticket(2))).unwrap().is_empty());
    assert_eq!(ledger.read(|view| view.keys_get(ObjectId::from_uuid(id(9)))).unwrap(), None);
    drop(ledger);
    shelf.open();
    assert_eq!(shelf.verify().leaves, 2);
}

#[test]
fn a_panic_undoes_its_command_is_counted_and_the_writer_lives() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let panics: Work = Box::new(|tx| {
        tx.append(withdrawn(ticket(1), "half"))?;
        panic!("a bug in a command");
    });
    let answers = batch(&ledger, vec![record(withdrawn(ticket(1), "before")), panics, record(withdrawn(ticket(1), "after"))]);
    assert!(matches!(answers[1], Err(WriteError::Fault(LedgerFault::Panicked))));
    assert_eq!(answers[2].as_ref().unwrap().index, 1);
    assert_eq!(ledger.panics(), 1);
    assert_eq!(append(&ledger, withdrawn(ticket(1), "later")).unwrap().index, 2);
    drop(ledger);
    assert_eq!(shelf.verify().leaves, 3);
}

#[test]
fn a_command_that_swallows_a_failed_append_is_rolled_back_all_the_same() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let answer: Result<(), WriteError<LedgerFault>> = ledger.write_blocking(|tx| {
        tx.append(withdrawn(ticket(1), "fine"))?;
        drop(tx.append(withdrawn(ticket(1), &"x".repeat(crate::domain::limits::DETAIL_BYTES))));
        Ok(())
    });
    assert!(matches!(answer, Err(WriteError::Fault(LedgerFault::DetailTooLong(_)))));
    assert!(ledger.read(|view| view.chain(ticket(1))).unwrap().is_empty());
}

#[test]
fn free_text_cannot_get_into_a_leaf() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let ranges = vec![(0, 1); 20_000];
    let on = Subject::Transfer(crate::domain::ids::TransferId::from_uuid(id(3)));
    let long = Fact::new(
        Actor::System,
        on,
        Event::TransferEnded { how: crate::domain::event::TransferEnd::Closed, bytes: Some(1), ranges: Some(ranges) },
    );
    assert!(matches!(append(&ledger, long), Err(WriteError::Refused(LedgerFault::Leaf(audit::FrameError::TooLong(_))))));
}

#[test]
fn a_command_sees_what_the_ones_before_it_in_the_batch_wrote() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    append(&ledger, withdrawn(ticket(1), "durable")).unwrap();
    let counts: Work = Box::new(|tx| {
        assert_eq!(tx.chain(ticket(1))?.len(), 2);
        let record = tx.append(withdrawn(ticket(1), "third"))?;
        let chain = tx.chain(ticket(1))?;
        assert_eq!(chain.iter().map(|record| record.index).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(chain.last(), Some(&record));
        Ok(record)
    });
    let answers = batch(&ledger, vec![record(withdrawn(ticket(1), "second")), counts]);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[test]
fn readers_see_nothing_of_a_batch_before_it_is_durable() {
    let shelf = Shelf::new();
    let ledger = Arc::new(shelf.open());
    let (begun, seen) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
    let (b, s) = (Arc::clone(&begun), Arc::clone(&seen));
    let writing = Arc::clone(&ledger);
    let writer = std::thread::Builder::new().spawn(move || {
        writing.write_blocking(move |tx| {
            let record = tx.append(withdrawn(ticket(1), "soon"))?;
            b.wait();
            s.wait();
            Ok::<_, LedgerFault>(record)
        })
    });
    begun.wait();
    assert!(ledger.read(|view| view.chain(ticket(1))).unwrap().is_empty());
    seen.wait();
    let record = writer.unwrap().join().unwrap().unwrap();
    assert_eq!(*ledger.read(|view| view.chain(ticket(1))).unwrap(), [record]);
}

#[test]
fn time_does_not_go_back_when_the_clock_does_not_even_over_a_restart() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let first = append(&ledger, withdrawn(ticket(1), "now")).unwrap();
    assert_eq!(first.at, Time::from_micros(START));
    shelf.clock.store(START - 3_600_000_000, Ordering::Relaxed);
    assert_eq!(ledger.read(|view| Ok::<_, LedgerFault>(view.now())).unwrap(), first.at);
    assert_eq!(ledger.write_blocking(|tx| Ok::<_, LedgerFault>(tx.now())).unwrap(), first.at);
    assert_eq!(append(&ledger, withdrawn(ticket(1), "an hour earlier")).unwrap().at, first.at);
    drop(ledger);
    let ledger = shelf.open();
    assert_eq!(ledger.read(|view| Ok::<_, LedgerFault>(view.now())).unwrap(), first.at);
    assert_eq!(append(&ledger, withdrawn(ticket(1), "still")).unwrap().at, first.at);
    shelf.clock.store(START + 5, Ordering::Relaxed);
    assert_eq!(append(&ledger, withdrawn(ticket(1), "later")).unwrap().at, Time::from_micros(START + 5));
}

#[test]
fn closing_does_what_is_queued_and_refuses_what_comes_later() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let mut waiting = Vec::new();
    let mut queue = Context::from_waker(Waker::noop());
    for n in 0..300 {
        let mut answer = Box::pin(ledger.write(record(withdrawn(ticket(n), "queued"))));
        assert!(answer.as_mut().poll(&mut queue).is_pending());
        waiting.push(answer);
    }
    ledger.close();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for answer in waiting {
        runtime.block_on(answer).unwrap();
    }
    assert!(matches!(append(&ledger, withdrawn(ticket(1), "late")), Err(WriteError::Fault(LedgerFault::Closed))));
    assert_eq!(shelf.verify().leaves, 300);
}

#[test]
fn a_dropped_future_does_not_take_its_command_back() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let mut asked = Box::pin(ledger.write(record(withdrawn(ticket(1), "revoked, and gone away"))));
    assert!(asked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(asked);
    ledger.close();
    assert_eq!(shelf.verify().leaves, 1);
}

#[test]
fn a_full_queue_waits_and_loses_nothing() {
    let shelf = Shelf::new();
    let ledger = Arc::new(shelf.open());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let commands = crate::domain::limits::LEDGER_QUEUE as u128 * 3;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..commands {
            let ledger = Arc::clone(&ledger);
            tasks.spawn(async move { ledger.write(record(withdrawn(ticket(n), "many"))).await.unwrap() });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    });
    assert_eq!(ledger.checkpoint().size, commands as u64);
}

#[test]
fn what_follows_a_command_runs_between_it_and_everything_after_it_and_only_if_it_is_durable() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    let done = Arc::new(AtomicI64::new(0));
    let seen = |at: i64| -> Work {
        let done = done.clone();
        Box::new(move |tx| {
            assert_eq!(done.load(Ordering::SeqCst), at);
            tx.append(withdrawn(ticket(1), "seen"))
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let follow = |value: i64| {
            let done = done.clone();
            move || done.store(value, Ordering::SeqCst)
        };
        let refused: Work = Box::new(|_| Err(LedgerFault::Closed));
        // All are queued before the first has run: without an end of its own the batch would take them together.
        let (held, holding) = mpsc::channel::<()>();
        let hold: Work = Box::new(move |tx| {
            holding.recv().unwrap();
            tx.append(withdrawn(ticket(1), "holds the writer"))
        });
        let first = ledger.write(hold);
        let before = ledger.write(seen(0));
        let turn = ledger.write_then(record(withdrawn(ticket(1), "turn")), follow(1));
        let after = ledger.write(seen(1));
        let undone = ledger.write_then(refused, follow(2));
        let last = ledger.write(seen(1));
        let release = async { held.send(()).unwrap() };
        let answers = tokio::join!(biased; first, before, turn, after, undone, last, release);
        assert!(answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok() && answers.3.is_ok() && answers.5.is_ok());
        assert!(matches!(answers.4, Err(WriteError::Refused(LedgerFault::Closed))));
    });
    assert_eq!(done.load(Ordering::SeqCst), 1);
}
