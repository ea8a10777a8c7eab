//! The writer: one thread, one connection, one transaction for as many commands as wait.

use super::{
    command::{Command, Verdict},
    fault::LedgerFault,
    head::HeadFile,
    rows,
    shared::Shared,
    store::BUSY,
    tx::{Tx, Working},
};
use crate::{
    audit::{SignedHead, Signer},
    domain::limits::{COMMANDS_PER_COMMIT, WAL_PAGES},
};
use rusqlite::{Connection, ErrorCode};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// What the writer is asked to do.
pub(super) enum Message {
    Command(Box<dyn Command>),
    /// A command that is the last of its batch: what comes after it runs when this one is durable and settled.
    Last(Box<dyn Command>),
    TruncateWal(oneshot::Sender<Result<(), LedgerFault>>),
    /// Do what waits, then end.
    Close,
}

pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) working: Working,
    pub(super) shared: Arc<Shared>,
    pub(super) signer: Arc<Signer>,
    pub(super) queue: mpsc::Receiver<Message>,
    /// How many pages the write-ahead log had after the last commit; SQLite's hook tells.
    pub(super) wal_pages: Arc<AtomicU64>,
    /// COMMIT, or what a test puts in its place.
    pub(super) commit: Commit,
    /// The newest head, beside the database.
    pub(super) kept: HeadFile,
}

/// Makes the open transaction durable.
pub(super) type Commit = Box<dyn FnMut(&Connection) -> rusqlite::Result<()> + Send>;

/// SQLite's own.
pub(super) fn commit() -> Commit {
    Box::new(|conn| execute(conn, "COMMIT"))
}

#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

/// Poisons the ledger if the thread ends by a panic of its own.
struct Alive<'a>(&'a Shared);

impl Drop for Alive<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison("the writer's thread panicked");
        }
    }
}

impl Writer {
    /// Serves the queue until it is closed.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let _alive = Alive(&shared);
        while let Some(message) = self.queue.blocking_recv() {
            if self.serve(message) == Then::End {
                // What was queued before the end is done; whoever comes now is told that the ledger is closed.
                self.queue.close();
                while let Ok(message) = self.queue.try_recv() {
                    self.serve(message);
                }
                break;
            }
        }
    }

    fn serve(&mut self, message: Message) -> Then {
        let mut then = Then::GoOn;
        let mut batch = Vec::new();
        let mut next = Some(message);
        while let Some(message) = next.take() {
            match message {
                Message::Command(command) => {
                    batch.push(command);
                    if batch.len() < COMMANDS_PER_COMMIT {
                        next = self.queue.try_recv().ok();
                    }
                }
                Message::Last(command) => batch.push(command),
                Message::TruncateWal(reply) => {
                    self.batch(std::mem::take(&mut batch));
                    drop(reply.send(self.truncate_wal()));
                }
                Message::Close => then = Then::End,
            }
        }
        self.batch(batch);
        self.checkpoint_wal();
        then
    }

    /// Does a batch, and answers everyone once it is durable or undone.
    fn batch(&mut self, mut commands: Vec<Box<dyn Command>>) {
        if commands.is_empty() {
            return;
        }
        match self.shared.serving().and_then(|()| self.transact(&mut commands)) {
            Ok(faults) => commands.into_iter().zip(faults).for_each(|(command, fault)| command.settle(fault)),
            Err(fault) => commands.into_iter().for_each(|command| command.settle(Some(fault.clone()))),
        }
    }

    /// One transaction. Ok: all that the commands left standing is durable, signed and published; for each command its fault, if it has one.
    /// Err: nothing of the batch happened, unless the ledger is poisoned.
    fn transact(&mut self, commands: &mut [Box<dyn Command>]) -> Result<Vec<Option<LedgerFault>>, LedgerFault> {
        let mark = self.working.tree.mark();
        let begun = self.shared.witness.get().map(|witness| witness.begun());
        let done = self.run_all(commands).and_then(|faults| {
            let head = self.seal()?;
            let recorded = self.working.pending.take_events();
            self.commit(head)?;
            if let (Some(witness), Some(begun)) = (self.shared.witness.get(), begun) {
                witness.durable(begun, &recorded);
            }
            if let Some(head) = head
                && let Err(error) = self.kept.write(&head)
            {
                // The commit stands; the file is then older than the log, as after a power cut.
                tracing::error!(%error, "the newest head could not be kept beside the ledger");
            }
            // From here on every leaf of the batch is durable and under a signed checkpoint. A crash now loses the answers, not the facts.
            Ok(faults)
        });
        done.inspect_err(|_| self.undo(mark))
    }

    fn run_all(&mut self, commands: &mut [Box<dyn Command>]) -> Result<Vec<Option<LedgerFault>>, LedgerFault> {
        self.execute("BEGIN IMMEDIATE")?;
        commands.iter_mut().map(|command| self.run_one(command.as_mut())).collect()
    }

    /// Runs a command in a savepoint. Err: the whole transaction is lost.
    fn run_one(&mut self, command: &mut dyn Command) -> Result<Option<LedgerFault>, LedgerFault> {
        self.execute("SAVEPOINT command")?;
        let pending = self.working.pending.len();
        let mut tx = Tx::new(&self.conn, &mut self.working, &self.shared);
        let ran = catch_unwind(AssertUnwindSafe(|| command.run(&mut tx)));
        let (mark, torn) = tx.into_marks();
        // After SQLITE_FULL, an I/O error or no memory SQLite may have rolled back everything, those before this command included.
        if self.conn.is_autocommit() {
            return Err(torn.unwrap_or(LedgerFault::RolledBack));
        }
        let fault = match &ran {
            Ok(Verdict::Keep) => torn,
            Ok(Verdict::RollBack) => None,
            Err(_) => {
                self.shared.count_panic();
                Some(LedgerFault::Panicked)
            }
        };
        if fault.is_some() || ran.is_ok_and(|verdict| verdict == Verdict::RollBack) {
            self.execute("ROLLBACK TO command")?;
            if let Some(mark) = mark {
                self.working.roll_back(mark, pending);
            }
        }
        self.execute("RELEASE command")?;
        Ok(fault)
    }

    /// Signs the log as it will be. None if nothing was recorded.
    fn seal(&self) -> Result<Option<SignedHead>, LedgerFault> {
        if self.working.pending.len() == 0 {
            return Ok(None);
        }
        let head = self.signer.sign(self.working.tree.len(), self.working.tree.root());
        rows::insert_head(&self.conn, &head)?;
        Ok(Some(head))
    }

    fn commit(&mut self, head: Option<SignedHead>) -> Result<(), LedgerFault> {
        let Self { conn, working, shared, commit, .. } = self;
        shared.commit(&mut working.pending, head, || {
            commit(conn).map_err(|error| match error.sqlite_error_code() {
                // Nothing reached the disk as a commit; when there is room again, the next batch will.
                Some(ErrorCode::DiskFull | ErrorCode::ConstraintViolation | ErrorCode::DatabaseBusy) => error.into(),
                // A failed fsync may have dropped the pages it was to write; another would succeed without them. Only a start knows.
                _ => shared.poison(&format!("commit: {error}")),
            })
        })
    }

    /// After a batch that failed: nothing of it is left, in SQLite or in memory.
    fn undo(&mut self, mark: crate::audit::Mark) {
        self.working.roll_back(mark, 0);
        let rolled_back = if self.conn.is_autocommit() { Ok(()) } else { self.execute("ROLLBACK") };
        let end = rolled_back.and_then(|()| Ok(rows::end(&self.conn)?));
        match end {
            Ok(end) if end == self.working.tree.len() => {}
            Ok(end) => {
                self.shared.poison(&format!(
                    "{end} leaves are stored after a batch was undone, {} were before",
                    self.working.tree.len()
                ));
            }
            Err(fault) => {
                self.shared.poison(&format!("a failed batch could not be undone: {fault}"));
            }
        }
    }

    fn execute(&self, sql: &'static str) -> Result<(), LedgerFault> {
        Ok(execute(&self.conn, sql)?)
    }

    /// Copies the write-ahead log into the database once it has grown, after the answers went out.
    fn checkpoint_wal(&self) {
        let grown = self.wal_pages.swap(0, Ordering::Relaxed) >= WAL_PAGES;
        if grown
            && self.shared.serving().is_ok()
            && let Err(fault) = self.wal_checkpoint("PRAGMA wal_checkpoint(PASSIVE)")
        {
            tracing::warn!(%fault, "the write-ahead log was not copied into the ledger");
        }
    }

    /// Empties the write-ahead log: what was destroyed is not in it any more. A reader in the way is not waited for here, where
    /// every command would wait too: whoever asked asks again.
    fn truncate_wal(&self) -> Result<(), LedgerFault> {
        self.shared.serving()?;
        self.conn.busy_timeout(Duration::ZERO)?;
        let truncated = self.wal_checkpoint("PRAGMA wal_checkpoint(TRUNCATE)");
        self.conn.busy_timeout(BUSY)?;
        if truncated? { Err(LedgerFault::WalBusy) } else { Ok(()) }
    }

    /// Whether a reader was in the way.
    fn wal_checkpoint(&self, sql: &'static str) -> Result<bool, LedgerFault> {
        match self.conn.query_row(sql, [], |row| row.get::<_, bool>(0)) {
            Ok(busy) => Ok(busy),
            Err(error) if matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)) => {
                Err(error.into())
            }
            // A checkpoint syncs too, and a failed fsync is final here as well.
            Err(error) => Err(self.shared.poison(&format!("checkpoint of the write-ahead log: {error}"))),
        }
    }
}

fn execute(conn: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(|_| ())
}
