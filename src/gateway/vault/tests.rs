//! The ledger under refusal, panic, full disks, edited tables and restarts. kill -9 and power cuts are elsewhere.

mod batches;
mod faults;
mod files;
mod reads;
mod rollback;
mod spool;
mod start;
mod tampering;

use super::{
    archive::Archive,
    fault::{LedgerFault, LogFault, WriteError},
    ledger::Ledger,
    shared::Clock,
    tx::Tx,
    writer::{Commit, commit},
};
use crate::{
    audit::{self, Report, Signer},
    domain::{
        digest::Digest,
        event::{Actor, Detail, Event, Fact, Protocol, Record, SessionEnd, Subject},
        ids::{ObjectId, SessionId, TicketId, VendorId},
        time::Time,
    },
};
use rusqlite::Connection;
use std::{
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    task::{Context, Waker},
};
use uuid::Uuid;

const START: i64 = 1_795_255_200_000_000;

/// A directory with a ledger, its key, and a clock that is set by hand.
struct Shelf {
    dir: tempfile::TempDir,
    key: Vec<u8>,
    clock: Arc<AtomicI64>,
}

impl Shelf {
    fn new() -> Self {
        let (_, key) = Signer::generate("egress.example.com/log".parse().unwrap()).unwrap();
        let shelf = Self { dir: tempfile::tempdir().unwrap(), key: key.to_vec(), clock: Arc::new(AtomicI64::new(START)) };
        Ledger::create(&shelf.path(), shelf.signer(), shelf.clock()).unwrap();
        shelf
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }

    fn signer(&self) -> Signer {
        Signer::from_pkcs8("egress.example.com/log".parse().unwrap(), &self.key).unwrap()
    }

    fn clock(&self) -> Clock {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || Time::from_micros(clock.load(Ordering::Relaxed)))
    }

    fn open(&self) -> Ledger {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Ledger, LedgerFault> {
        Ledger::open(&self.path(), self.signer(), self.clock())
    }

    fn open_committing(&self, commit: Commit) -> Ledger {
        Ledger::open_with(&self.path(), self.signer(), self.clock(), commit).unwrap()
    }

    /// What opening says of the log.
    fn log_fault(&self) -> LogFault {
        match self.try_open() {
            Err(LedgerFault::Log(fault)) => fault,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("the ledger opened"),
        }
    }

    /// A database administrator's connection.
    fn intruder(&self) -> Connection {
        let conn = Connection::open(self.path()).unwrap();
        conn.pragma_update(None, "foreign_keys", "OFF").unwrap();
        conn
    }

    /// The auditor's verifier over the file as it lies there.
    fn verify(&self) -> Report {
        let archive = Archive::open(&self.path()).unwrap();
        let (rows, heads) = archive.log();
        audit::verify(rows, heads, None, self.signer().verifier()).unwrap()
    }
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0199_f0c2_0000_7000_8000_0000_0000_0000 + n)
}

fn ticket(n: u128) -> Subject {
    Subject::Ticket(TicketId::from_uuid(id(n)))
}

fn session(n: u128) -> Subject {
    Subject::Session(SessionId::from_uuid(id(n)))
}

/// An event with a detail record.
fn withdrawn(on: Subject, why: &str) -> Fact {
    Fact::new(Actor::System, on, Event::TicketWithdrawn).with(Detail::Reason { text: why.to_owned() })
}

fn opened(on: Subject) -> Fact {
    let vendor = VendorId::from_uuid(id(1));
    Fact::new(Actor::System, on, Event::SessionOpened { vendor, key: Digest::of(b"key"), protocol: Protocol::Sftp })
}

fn closed(on: Subject) -> Fact {
    Fact::new(Actor::System, on, Event::SessionClosed { how: SessionEnd::Closed, denied: 0 })
}

type Work = Box<dyn FnOnce(&mut Tx<'_>) -> Result<Record, LedgerFault> + Send>;
type Answer = Result<Record, WriteError<LedgerFault>>;

fn record(fact: Fact) -> Work {
    Box::new(move |tx| tx.append(fact))
}

fn append(ledger: &Ledger, fact: Fact) -> Answer {
    ledger.write_blocking(record(fact))
}

/// Appends `count` leaves on different tickets, one commit each.
fn fill(ledger: &Ledger, count: u128) {
    (0..count).for_each(|n| drop(append(ledger, withdrawn(ticket(n), "filled")).unwrap()));
}

/// Runs all of `works` in one batch: the writer is kept busy until they are queued.
fn batch(ledger: &Ledger, works: Vec<Work>) -> Vec<Answer> {
    let (go, wait) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel::<()>();
    let block = move |_: &mut Tx<'_>| {
        begin.send(()).unwrap();
        wait.recv().unwrap();
        Ok::<_, LedgerFault>(())
    };
    let mut queued: Vec<Pin<Box<dyn Future<Output = Answer> + '_>>> = Vec::new();
    let mut busy = Box::pin(ledger.write(block));
    let mut queue = Context::from_waker(Waker::noop());
    assert!(busy.as_mut().poll(&mut queue).is_pending());
    begun.recv().unwrap();
    for work in works {
        let mut answer: Pin<Box<dyn Future<Output = Answer> + '_>> = Box::pin(ledger.write(work));
        assert!(answer.as_mut().poll(&mut queue).is_pending());
        queued.push(answer);
    }
    go.send(()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        busy.await.unwrap();
        let mut answers = Vec::new();
        for answer in queued {
            answers.push(answer.await);
        }
        answers
    })
}

fn sqlite_failure(code: i32) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
}
