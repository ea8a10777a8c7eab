//! What every act shares: policy, clock, leases, the caches. Owns neither the ledger nor a thread, so that a transaction may hold it.

use super::{
    announce::Announcing, answers::ReloadAttempt, facts::Dossiers, lease::LeaseBook, metrics::Metrics, nudge::Nudge,
    progress::Progress, pulls::Pulls, retries::Retries, staging::Mode,
};
use crate::{
    clock::Clock,
    domain::{digest::Digest, ids::*, policy::Policy, time::Time},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use uuid::{NoContext, Timestamp, Uuid};

/// What an organisation sets in its configuration (config/egressd.toml).
#[derive(Clone, Debug)]
pub struct Settings {
    /// A file that was neither renamed into place nor closed counts as complete after being unchanged for so long.
    pub settle: Duration,
    /// How often staging is read whole, whatever notifications say.
    pub rescan: Duration,
    /// A delivery closes by itself when nothing arrived for so long. None: only `_READY` and the command close it.
    pub delivery_quiet: Option<Duration>,
    /// A file whose ticket is not approved is purged after so long.
    pub waiting: Duration,
    /// A held file is purged after so long.
    pub held: Duration,
    pub max_file_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(10),
            rescan: Duration::from_secs(120),
            delivery_quiet: None,
            waiting: crate::domain::time::days(30),
            held: crate::domain::time::days(3),
            max_file_bytes: 1 << 40,
        }
    }
}

/// What a configuration decides and a reload changes, always as a whole.
#[derive(Clone, Debug)]
pub struct Rules {
    pub policy: Arc<Policy>,
    pub settings: Settings,
    /// Of the configuration as read; stands in the log at each start and each reload.
    pub configuration: Digest,
}

impl Rules {
    /// As they stand in the log: of the configuration, of the policy.
    pub fn digests(&self) -> (Digest, Digest) {
        (self.configuration, self.policy.digest())
    }
}

/// A file in staging that cannot be taken, and why: shown in `file list`, never touched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TurnedAway {
    pub reason: String,
    pub bytes: u64,
    pub since: Time,
}

pub struct Core {
    rules: RwLock<Arc<Rules>>,
    /// The last attempt to change the rules.
    pub reload: Mutex<Option<ReloadAttempt>>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    /// When the gateway's own work last came round, by the monotonic clock, in milliseconds.
    turned: AtomicU64,
    pub leases: LeaseBook,
    pub pulls: Pulls,
    /// Held from a fact until its cut: otherwise the look that runs every moment could cut first, and the receipt would not name
    /// what the revocation ended.
    pub cutting: tokio::sync::Mutex<()>,
    pub dossiers: Dossiers,
    pub nudge: Nudge,
    pub progress: Progress,
    /// Staged copies that could not be read the last time.
    pub retries: Retries,
    /// (directory, name) → why it was turned away, as of the last look at staging.
    pub turned_away: Mutex<BTreeMap<(String, String), TurnedAway>>,
    /// Why staging is polled, if it is.
    pub polling: Mutex<Option<String>>,
    pub logins: super::login::Logins,
    /// Rejected logins of the running minute.
    pub rejected: super::login::Rejections,
    /// Held while a request is read: one at a time.
    pub linting: tokio::sync::Mutex<()>,
    /// Tickets of which a stored object is missing: nothing of them is released or served until that is understood.
    pub lost: Mutex<BTreeSet<TicketId>>,
    pub announcing: Announcing,
    stopped_by_file: AtomicBool,
    /// Sealing and copying look here between chunks.
    pub stopping: AtomicBool,
}

impl Core {
    pub fn new(rules: Rules, clock: Arc<dyn Clock>) -> Self {
        Self {
            rules: RwLock::new(Arc::new(rules)),
            reload: Mutex::default(),
            metrics: Arc::new(Metrics::new(Arc::clone(&clock))),
            turned: AtomicU64::new(millis(clock.elapsed())),
            clock,
            leases: LeaseBook::default(),
            pulls: Pulls::default(),
            cutting: tokio::sync::Mutex::default(),
            dossiers: Dossiers::default(),
            nudge: Nudge::default(),
            progress: Progress::default(),
            retries: Retries::default(),
            turned_away: Mutex::default(),
            polling: Mutex::default(),
            logins: super::login::Logins::default(),
            rejected: super::login::Rejections::default(),
            linting: tokio::sync::Mutex::default(),
            lost: Mutex::default(),
            announcing: Announcing::default(),
            stopped_by_file: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// The rules of now. A decision takes them once.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From here on every decision goes by `rules`. Called on the writer's thread, right after their record is durable: a decision
    /// that is recorded before that leaf went by the old ones, one that is recorded after it goes by these.
    pub fn govern_by(&self, rules: Arc<Rules>) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    /// The gateway's own work has come round, or gets on with what takes long.
    pub fn turn(&self) {
        self.turned.store(millis(self.clock.elapsed()), Ordering::Relaxed);
    }

    pub fn last_turn(&self) -> Duration {
        Duration::from_millis(self.turned.load(Ordering::Relaxed))
    }

    /// The freeze file outside the ledger says stop: a cut that could not be made durable in the log.
    pub fn stopped_by_file(&self) -> bool {
        self.stopped_by_file.load(Ordering::SeqCst)
    }

    pub fn set_stopped_by_file(&self, state: Stopped) {
        self.stopped_by_file.store(state == Stopped::Yes, Ordering::SeqCst);
    }

    pub fn note_staging_mode(&self, mode: Mode) {
        *self.polling.lock().unwrap_or_else(PoisonError::into_inner) = match mode {
            Mode::Events => None,
            Mode::Polling(why) => Some(why),
        };
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn v7(&self) -> Uuid {
        let now = self.clock.now();
        let micros = now.micros().max(0) as u64;
        Uuid::new_v7(Timestamp::from_unix(NoContext, micros / 1_000_000, (micros % 1_000_000) as u32 * 1_000))
    }

    pub fn new_vendor(&self) -> VendorId {
        VendorId::from_uuid(self.v7())
    }

    pub fn new_ticket(&self) -> TicketId {
        TicketId::from_uuid(self.v7())
    }

    pub fn new_delivery(&self) -> DeliveryId {
        DeliveryId::from_uuid(self.v7())
    }

    pub fn new_file(&self) -> FileId {
        FileId::from_uuid(self.v7())
    }

    pub fn new_object(&self) -> ObjectId {
        ObjectId::from_uuid(self.v7())
    }

    pub fn new_transfer(&self) -> TransferId {
        TransferId::from_uuid(self.v7())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the freeze file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stopped {
    Yes,
    No,
}

/// People and sessions have random ids: they stand in leaves or are told to clients.
pub fn new_person() -> PersonId {
    PersonId::from_uuid(Uuid::new_v4())
}

pub fn new_session() -> SessionId {
    SessionId::from_uuid(Uuid::new_v4())
}
