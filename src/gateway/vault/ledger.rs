//! The ledger: what happened, in one file, written by one thread and read by many.
//!
//! Every command is a closure that runs inside a transaction. Many share one transaction and one fsync; each has a savepoint of its own, so that a refused
//! one takes nothing with it. Nobody is answered before the batch is durable and under a signed checkpoint.

use super::{
    command::{Job, Reply},
    fault::{LedgerFault, WriteError},
    head::HeadFile,
    heads::Pending,
    load,
    schema::{self, Identity},
    shared::{Clock, Shared, Witness},
    spool::Wording,
    start::{self, StartFile},
    store::{self, Lock, Pool},
    tx::{Tx, Working},
    view::View,
    writer::{self, Commit, Message, Writer},
};
use crate::{
    audit::{SignedHead, Signer, Verifier, empty_root},
    domain::{
        event::Subject,
        limits::{LEDGER_QUEUE, START_LEAVES, WAL_PAUSE, WAL_TRIES},
    },
};
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};
use tokio::sync::{mpsc, oneshot, watch};

pub struct Ledger {
    shared: Arc<Shared>,
    pool: Pool,
    queue: mpsc::Sender<Message>,
    /// Taken by whoever closes the ledger.
    end: Mutex<Option<End>>,
    starts: Starts,
    /// Dropped last: nobody else opens the file before the writer is gone.
    _lock: Lock,
}

/// What closes the ledger: a place in the queue that is always free, and the thread to wait for.
struct End {
    place: mpsc::OwnedPermit<Message>,
    thread: JoinHandle<()>,
}

/// Where the next start begins.
struct Starts {
    file: StartFile,
    signer: Arc<Signer>,
    /// The size that was kept last. 0: none, or not by this start.
    kept: Mutex<u64>,
}

impl Ledger {
    /// Makes a new ledger: an empty log under its first checkpoint. A half-made one is made again.
    ///
    /// # Errors
    /// [`LedgerFault::Exists`], [`LedgerFault::Foreign`], or the database's.
    pub fn create(path: &Path, signer: Signer, clock: Clock) -> Result<Self, LedgerFault> {
        let lock = Lock::take(path)?;
        store::blank(path)?;
        let mut conn = store::writer(path, Identity::Blank)?;
        let head = signer.sign(0, empty_root());
        schema::found(&mut conn, clock(), &head)?;
        drop(conn);
        Self::start(path, lock, signer, clock, writer::commit())
    }

    /// Opens a ledger and reads its whole log. A missing ledger is an error and not an empty one: revocations would be forgotten with it.
    ///
    /// # Errors
    /// [`LedgerFault`]: what is wrong with the file, or [`LedgerFault::Log`] for the first leaf that is not what was signed.
    pub fn open(path: &Path, signer: Signer, clock: Clock) -> Result<Self, LedgerFault> {
        Self::open_with(path, signer, clock, writer::commit())
    }

    pub(super) fn open_with(path: &Path, signer: Signer, clock: Clock, commit: Commit) -> Result<Self, LedgerFault> {
        if !path.is_file() {
            return Err(LedgerFault::Missing(path.to_owned()));
        }
        Self::start(path, Lock::take(path)?, signer, clock, commit)
    }

    fn start(path: &Path, lock: Lock, signer: Signer, clock: Clock, commit: Commit) -> Result<Self, LedgerFault> {
        let mut conn = store::writer(path, Identity::Ledger)?;
        schema::migrate(&mut conn, clock())?;
        let begin = StartFile::beside(path);
        let mut from = 0;
        let published = load::load(&conn, signer.verifier(), |head| {
            let begin = begin.read(signer.verifier(), head)?;
            from = begin.tree.len();
            Some(begin)
        })?;
        let kept = HeadFile::beside(path)?;
        load::extends(&conn, &published, kept.read(signer.verifier())?)?;
        let pool = Pool::open(path)?;
        let working = Working { tree: published.tree.clone(), pending: Pending::default() };
        let shared = Arc::new(Shared::new(published, clock, signer.verifier().clone()));
        let signer = Arc::new(signer);
        let wal_pages = count_wal_pages(&mut conn)?;
        // One place more than commands may take: the one for closing.
        let (queue, receiver) = mpsc::channel(LEDGER_QUEUE + 1);
        let place = queue.clone().try_reserve_owned().map_err(|_| LedgerFault::Closed)?;
        let writer = Writer {
            conn,
            working,
            shared: Arc::clone(&shared),
            signer: Arc::clone(&signer),
            queue: receiver,
            wal_pages,
            commit,
            kept,
        };
        let thread = thread::Builder::new().name("ledger".to_owned()).spawn(|| writer.run());
        let thread = thread.map_err(|e| LedgerFault::File { what: "the ledger's thread cannot be started", why: Arc::new(e) })?;
        let starts = Starts { file: begin, signer, kept: Mutex::new(from) };
        Ok(Self { shared, pool, queue, end: Mutex::new(Some(End { place, thread })), starts, _lock: lock })
    }

    /// Runs `work` on the writer's thread and answers once what it did is durable, or undone. A full queue waits.
    ///
    /// Once queued, the command runs even if the future is dropped: whoever asked for a revocation and went away has revoked.
    ///
    /// # Errors
    /// [`WriteError::Refused`] is `work`'s own answer, with everything it did undone; [`WriteError::Fault`] is the ledger's.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.queue.send(message(work, reply)).await.map_err(|_| WriteError::Fault(self.gone()))?;
        answer.await.unwrap_or_else(|_| Err(WriteError::Fault(self.gone())))
    }

    /// [`Ledger::write`], and once that is durable `then`, on the writer's thread: every command before this one ran before `then`, every later
    /// one runs after it. Nothing follows a command that was undone.
    ///
    /// # Errors
    /// As [`Ledger::write`].
    pub async fn write_then<T, E, F>(&self, work: F, then: impl FnOnce() + Send + 'static) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let last = Message::Last(Box::new(Job::new(work, reply).followed_by(Box::new(then))));
        self.queue.send(last).await.map_err(|_| WriteError::Fault(self.gone()))?;
        answer.await.unwrap_or_else(|_| Err(WriteError::Fault(self.gone())))
    }

    /// [`Ledger::write`] for threads that are not async. It panics within an async task.
    ///
    /// # Errors
    /// As [`Ledger::write`].
    pub fn write_blocking<T, E, F>(&self, work: F) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.queue.blocking_send(message(work, reply)).map_err(|_| WriteError::Fault(self.gone()))?;
        answer.blocking_recv().unwrap_or_else(|_| Err(WriteError::Fault(self.gone())))
    }

    /// Looks at what is durable. `look` runs here and may wait for a connection and the disk; what is in memory costs neither. It must not call
    /// `read` itself: four that wait for each other's connection would wait for ever.
    ///
    /// # Errors
    /// [`LedgerFault::Poisoned`]: nothing may be served. Otherwise `look`'s own.
    pub fn read<T, E: From<LedgerFault>>(&self, look: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        self.shared.serving()?;
        look(&View::new(&self.shared, &self.pool))
    }

    /// Empties the write-ahead log into the database: a key destroyed before is then nowhere in either file. Before this returns no purge is done.
    ///
    /// # Errors
    /// [`LedgerFault::WalBusy`] if a reader was in the way at each of [`WAL_TRIES`]: the next turn asks again.
    pub fn truncate_wal_blocking(&self) -> Result<(), LedgerFault> {
        for _ in 1..WAL_TRIES {
            match self.try_to_truncate_wal() {
                // Between two tries the writer serves whoever waits.
                Err(LedgerFault::WalBusy) => thread::sleep(WAL_PAUSE),
                answer => return answer,
            }
        }
        self.try_to_truncate_wal()
    }

    fn try_to_truncate_wal(&self) -> Result<(), LedgerFault> {
        let (reply, answer) = oneshot::channel();
        self.queue.blocking_send(Message::TruncateWal(reply)).map_err(|_| self.gone())?;
        answer.blocking_recv().unwrap_or_else(|_| Err(self.gone()))
    }

    /// Every record from now on is also put into these words, in its own transaction, for whoever is told. None: nobody is.
    pub fn tell(&self, wording: Option<Wording>) {
        self.teller()(wording);
    }

    /// [`Ledger::tell`] for what follows a command ([`Ledger::write_then`]): it does not hold the ledger, whose thread it runs on.
    pub fn teller(&self) -> impl FnOnce(Option<Wording>) + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move |wording| shared.set_wording(wording)
    }

    pub fn wording(&self) -> Option<Wording> {
        self.shared.wording()
    }

    /// Whether, since the start, the spool had messages for leaves that the log did not have yet: somebody put them there.
    pub fn spool_was_edited(&self) -> bool {
        self.shared.spool_was_edited()
    }

    /// How many leaves are durable, whenever that changes.
    pub fn watch_size(&self) -> watch::Receiver<u64> {
        self.shared.watch_size()
    }

    /// Shows every batch from now on to `witness`. The first one that is named stays.
    pub fn show(&self, witness: Arc<dyn Witness>) {
        self.shared.witness.get_or_init(|| witness);
    }

    /// Commands that wait for the writer.
    pub fn queued(&self) -> usize {
        // One place is kept for closing.
        LEDGER_QUEUE.saturating_sub(self.queue.capacity())
    }

    /// Sessions and transfers that have begun and not ended. At start: those that the last end of the daemon interrupted.
    pub fn live_subjects(&self) -> Vec<Subject> {
        self.shared.published().heads.live()
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> SignedHead {
        self.shared.published().head
    }

    /// What checks the log's checkpoints.
    pub fn verifier(&self) -> &Verifier {
        self.shared.verifier()
    }

    /// The newest checkpoint as a signed note.
    pub fn checkpoint_note(&self) -> String {
        self.shared.verifier().note(&self.checkpoint())
    }

    /// Commands that panicked and were undone. Each is a bug.
    pub fn panics(&self) -> u64 {
        self.shared.panics()
    }

    /// Transactions, also those without a leaf and those that failed at their commit.
    #[cfg(test)]
    pub(super) fn commits(&self) -> u64 {
        self.shared.commits()
    }

    /// Returns, with the reason, once the ledger is poisoned: the process must then end, and find out at its next start what is durable.
    pub async fn poisoned(&self) -> Arc<str> {
        let mut poison = self.shared.watch_poison();
        match poison.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
            Ok(Some(reason)) => reason,
            // The sender lives as long as `self`, and the condition was met.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Whether it is unknown what of the last batch is durable.
    pub fn is_poisoned(&self) -> bool {
        self.shared.serving().is_err()
    }

    /// Keeps where the next start may begin, if since the last time the log grew by `leaves` or more.
    ///
    /// # Errors
    /// The file's: the next start reads more.
    pub fn keep_start(&self, leaves: u64) -> Result<(), LedgerFault> {
        let mut kept = self.starts.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, bytes) = {
            let published = self.shared.published();
            let size = published.tree.len();
            if size.saturating_sub(*kept) < leaves {
                return Ok(());
            }
            (size, start::encode(&published))
        };
        self.starts.file.write(bytes, &self.starts.signer)?;
        *kept = size;
        Ok(())
    }

    /// Does what is queued, then ends the writer's thread and waits for it. Later commands are told [`LedgerFault::Closed`].
    pub fn close(&self) {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(End { place, thread }) = end {
            place.send(Message::Close);
            if thread.join().is_err() {
                self.shared.poison("the writer's thread panicked");
            }
            if let Err(fault) = self.shared.serving().and_then(|()| self.keep_start(START_LEAVES)) {
                tracing::warn!(%fault, "the next start reads more of the log");
            }
        }
    }

    /// Why the writer does not answer. If nobody closed it, it died; then the batch it held is in doubt.
    fn gone(&self) -> LedgerFault {
        let closed = self.end.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        match self.shared.serving() {
            Err(fault) => fault,
            Ok(()) if closed => LedgerFault::Closed,
            Ok(()) => self.shared.poison("the writer's thread ended"),
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

fn message<T, E, F>(work: F, reply: Reply<T, E>) -> Message
where
    T: Send + 'static,
    E: Send + 'static,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    Message::Command(Box::new(Job::new(work, reply)))
}

fn count_wal_pages(conn: &mut Connection) -> Result<Arc<AtomicU64>, LedgerFault> {
    let pages = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&pages);
    conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
        counted.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))?;
    Ok(pages)
}
