//! Metrics: what has happened since the start, counted where it is recorded, and how much there is now.
//!
//! Names follow Prometheus' convention. Labels are closed sets of words: no vendor, no ticket and no address stands in one, so
//! that neither what is told nor how much of it depends on who comes. The names of destinations are the operator's own, in the configuration.

mod described;
mod forwarding;
mod labels;
mod text;

use super::{
    answers::ReloadOutcome,
    login::Rejected,
    observer::{Reading, Trouble},
    vault::Witness,
};
use crate::{
    clock::Clock,
    domain::{
        event::{Event, Protocol, PurgeReason, Subject},
        ids::{SessionId, TransferId},
    },
    inspection::FindingCode,
};
pub use described::described;
use forwarding::Forwarding;
use labels::{
    Label, OVERDUE, PROTOCOLS, PURGES, REJECTIONS, SESSION_ENDS, TRANSFER_ENDS, overdue, panicked, protocol, purged, rejected,
    session_end, transfer_end, troubled,
};
use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};
use text::classic;

type Count = Counter<u64, AtomicU64>;
type Counts<const N: usize> = Family<[Label; N], Count>;
type Amount = Gauge<i64>;
type Amounts<const N: usize> = Family<[Label; N], Amount>;

/// All that is counted. One value, owned by the gateway's core.
pub struct Metrics {
    registry: Registry,
    clock: Arc<dyn Clock>,
    commits: Histogram,
    revocations: Histogram,
    leaves: Count,
    sessions_opened: Counts<1>,
    sessions_ended: Counts<2>,
    sessions_cut: Count,
    logins_rejected: Counts<1>,
    requests_denied: Count,
    transfers_begun: Counts<1>,
    transfers_joined: Count,
    transfers_ended: Counts<2>,
    bytes_served: Counts<1>,
    files_staged: Count,
    files_held: Count,
    findings: Counts<1>,
    files_sealed: Count,
    deliveries_released: Count,
    overdue: Counts<1>,
    files_purged: Counts<1>,
    panics: Counts<1>,
    reloads: Counts<1>,
    now: Now,
    /// One scrape at a time: what is read anew is cleared and set.
    scrape: Mutex<Forwarding>,
    /// By what protocol those that live came, so that their end can be counted.
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    sessions: HashMap<SessionId, Protocol>,
    transfers: HashMap<TransferId, Protocol>,
    purging: HashMap<Subject, PurgeReason>,
}

/// What is read anew at each scrape.
#[derive(Default)]
struct Now {
    started: Amount,
    build: Amounts<1>,
    trouble: Amounts<2>,
    sessions: Amounts<1>,
    transfers: Amounts<1>,
    files: Amounts<1>,
    staging: Amount,
    queue: Amount,
    log_bytes: Amount,
    wal_bytes: Amount,
    disk_free: Amounts<1>,
    disk_size: Amounts<1>,
}

/// Where a panic happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Panicked {
    /// A command of the ledger: it was undone.
    Command,
    /// A library: one session or one request ended.
    Library,
    /// Our own code anywhere else.
    Task,
}

impl Metrics {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        // From a tenth of a millisecond to three seconds, from a millisecond to half a minute.
        let (fast, slow) = (exponential_buckets(0.000_1, 2.0, 16), exponential_buckets(0.001, 2.0, 16));
        let metrics = Self {
            registry: Registry::with_prefix("egressd"),
            clock,
            commits: Histogram::new(fast),
            revocations: Histogram::new(slow),
            leaves: Count::default(),
            sessions_opened: Counts::default(),
            sessions_ended: Counts::default(),
            sessions_cut: Count::default(),
            logins_rejected: Counts::default(),
            requests_denied: Count::default(),
            transfers_begun: Counts::default(),
            transfers_joined: Count::default(),
            transfers_ended: Counts::default(),
            bytes_served: Counts::default(),
            files_staged: Count::default(),
            files_held: Count::default(),
            findings: Counts::default(),
            files_sealed: Count::default(),
            deliveries_released: Count::default(),
            overdue: Counts::default(),
            files_purged: Counts::default(),
            panics: Counts::default(),
            reloads: Counts::default(),
            now: Now::default(),
            scrape: Mutex::default(),
            live: Mutex::default(),
        };
        metrics.begin_at_zero();
        metrics.registered()
    }

    /// Every series is there from the start: one that appears with its first event would hide that event from `rate()`.
    fn begin_at_zero(&self) {
        for at in PROTOCOLS.map(protocol) {
            drop(self.sessions_opened.get_or_create(&[at]));
            drop(self.transfers_begun.get_or_create(&[at]));
            drop(self.bytes_served.get_or_create(&[at]));
            drop(self.now.sessions.get_or_create(&[at]));
            drop(self.now.transfers.get_or_create(&[at]));
            for how in SESSION_ENDS {
                drop(self.sessions_ended.get_or_create(&[at, session_end(how)]));
            }
            for how in TRANSFER_ENDS {
                drop(self.transfers_ended.get_or_create(&[at, transfer_end(how)]));
            }
        }
        for why in REJECTIONS {
            drop(self.logins_rejected.get_or_create(&[rejected(why)]));
        }
        for code in FindingCode::ALL {
            drop(self.findings.get_or_create(&[("code", code.code())]));
        }
        for why in PURGES {
            drop(self.files_purged.get_or_create(&[purged(why)]));
        }
        for what in OVERDUE {
            drop(self.overdue.get_or_create(&[what]));
        }
        for place in [Panicked::Command, Panicked::Library, Panicked::Task] {
            drop(self.panics.get_or_create(&[panicked(place)]));
        }
        for outcome in [ReloadOutcome::Done, ReloadOutcome::Refused] {
            drop(self.reloads.get_or_create(&[("outcome", outcome.name())]));
        }
        for trouble in Trouble::ALL {
            drop(self.now.trouble.get_or_create(&troubled(trouble)));
        }
        for state in super::observer::FILE_STATES {
            drop(self.now.files.get_or_create(&[("state", state.name())]));
        }
        for directory in super::observer::DIRECTORIES {
            drop(self.now.disk_free.get_or_create(&[("directory", directory)]));
            drop(self.now.disk_size.get_or_create(&[("directory", directory)]));
        }
        self.now.build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    }

    /// Every name and what it says. docs/metrics.md is made from this.
    fn registered(mut self) -> Self {
        let mut registry = std::mem::take(&mut self.registry);
        let now = &self.now;
        let r = &mut registry;
        r.register("build_info", "The version that runs, as a label", now.build.clone());
        r.register("start_time_seconds", "When the gateway started, in seconds since 1970", now.started.clone());
        r.register(
            "trouble",
            "1 while something is wrong. blocks=\"yes\": no vendor is served and /readyz answers 503",
            now.trouble.clone(),
        );
        r.register("panics", "Panics. Each is a bug: one command, session or request ended", self.panics.clone());
        r.register("reloads", "Attempts to reload the configuration", self.reloads.clone());
        r.register("sessions", "Vendors' sessions that are open", now.sessions.clone());
        r.register("sessions_opened", "Vendors' sessions that were opened", self.sessions_opened.clone());
        r.register("sessions_ended", "Vendors' sessions that ended, by how", self.sessions_ended.clone());
        r.register("sessions_cut", "Vendors' sessions that a revocation, an expiry or a reload cut", self.sessions_cut.clone());
        r.register("logins_rejected", "Connections that did not become a session, by why", self.logins_rejected.clone());
        r.register("requests_denied", "Refusals after login that were recorded", self.requests_denied.clone());
        r.register("transfers", "Transfers that are running", now.transfers.clone());
        r.register("transfers_begun", "Transfers whose beginning was recorded", self.transfers_begun.clone());
        let joined = "Sessions that read in a transfer that another one had begun, over HTTPS";
        r.register("transfers_joined", joined, self.transfers_joined.clone());
        r.register("transfers_ended", "Transfers whose end was recorded, by how", self.transfers_ended.clone());
        r.register("served_bytes", "Bytes of released files handed to vendors' connections", self.bytes_served.clone());
        r.register("files_staged", "Files taken from staging", self.files_staged.clone());
        r.register("files_held", "Files held with findings or without a ticket", self.files_held.clone());
        r.register("findings", "Findings of inspection, by code (docs/refusals.md)", self.findings.clone());
        r.register("files_sealed", "Files sealed to their vendor's keys", self.files_sealed.clone());
        r.register("deliveries_released", "Deliveries released", self.deliveries_released.clone());
        let overdue = "What became late and was recorded, once each: an expected delivery, a gate's answer, a person's request, an attestation";
        r.register("overdue", overdue, self.overdue.clone());
        r.register("files_purged", "Files whose bytes were destroyed, by why", self.files_purged.clone());
        let files = "Files whose bytes are here, by state. staged: waits for its ticket's approval or for inspection";
        r.register("files", files, now.files.clone());
        r.register("staging_entries", "Entries in staging that are not taken: settling, or refused", now.staging.clone());
        r.register("ledger_queue_commands", "Commands that wait for the ledger's writer", now.queue.clone());
        r.register("commit_duration_seconds", "From the begin of a batch of commands until it was durable", self.commits.clone());
        r.register(
            "revocation_duration_seconds",
            "From the request of a revocation or freeze until its fact was durable and every session in its scope had ended",
            self.revocations.clone(),
        );
        r.register("log_leaves", "Leaves that became durable since the start", self.leaves.clone());
        r.register("log_size_bytes", "Bytes of the ledger's database", now.log_bytes.clone());
        r.register("wal_size_bytes", "Bytes of the ledger's write-ahead log", now.wal_bytes.clone());
        r.register("disk_free_bytes", "Bytes that are free where the directory lies", now.disk_free.clone());
        r.register("disk_size_bytes", "Bytes of the file system where the directory lies", now.disk_size.clone());
        self.scrape.get_mut().unwrap_or_else(PoisonError::into_inner).register(r);
        self.registry = registry;
        self
    }

    pub fn note_rejected(&self, why: Rejected) {
        self.logins_rejected.get_or_create(&[rejected(why)]).inc();
    }

    pub fn note_served(&self, by: Protocol, bytes: u64) {
        self.bytes_served.get_or_create(&[protocol(by)]).inc_by(bytes);
    }

    pub fn note_findings(&self, codes: impl IntoIterator<Item = FindingCode>) {
        for code in codes {
            self.findings.get_or_create(&[("code", code.code())]).inc();
        }
    }

    pub fn note_revocation(&self, took: Duration) {
        self.revocations.observe(took.as_secs_f64());
    }

    pub fn note_reload(&self, outcome: ReloadOutcome) {
        self.reloads.get_or_create(&[("outcome", outcome.name())]).inc();
    }

    pub fn note_panic(&self, place: Panicked) {
        self.panics.get_or_create(&[panicked(place)]).inc();
    }

    fn count(&self, on: Subject, event: &Event) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        self.leaves.inc();
        match (on, event) {
            (Subject::Session(id), Event::SessionOpened { protocol: by, .. }) => {
                live.sessions.insert(id, *by);
                self.sessions_opened.get_or_create(&[protocol(*by)]).inc();
            }
            // What another run of the daemon opened is ended by this one's start, and was never counted here.
            (Subject::Session(id), Event::SessionClosed { how, .. }) => {
                if let Some(by) = live.sessions.remove(&id) {
                    self.sessions_ended.get_or_create(&[protocol(by), session_end(*how)]).inc();
                }
            }
            (Subject::Transfer(id), Event::TransferBegun { session, .. }) => {
                if let Some(by) = live.sessions.get(session).copied() {
                    live.transfers.insert(id, by);
                    self.transfers_begun.get_or_create(&[protocol(by)]).inc();
                }
            }
            (_, Event::TransferJoined { .. }) => {
                self.transfers_joined.inc();
            }
            (Subject::Transfer(id), Event::TransferEnded { how, .. }) => {
                if let Some(by) = live.transfers.remove(&id) {
                    self.transfers_ended.get_or_create(&[protocol(by), transfer_end(*how)]).inc();
                }
            }
            (_, Event::SessionDenied { .. }) => {
                self.requests_denied.inc();
            }
            (_, Event::Cut { sessions }) => {
                self.sessions_cut.inc_by(u64::from(*sessions));
            }
            (_, Event::FileStaged { .. }) => {
                self.files_staged.inc();
            }
            (_, Event::FileHeld { .. }) => {
                self.files_held.inc();
            }
            (_, Event::FileSealed { .. }) => {
                self.files_sealed.inc();
            }
            (_, Event::DeliveryReleased { .. }) => {
                self.deliveries_released.inc();
            }
            (_, Event::PurgeBegun { why }) => {
                live.purging.insert(on, *why);
            }
            (_, Event::Purged) => {
                if let Some(why) = live.purging.remove(&on) {
                    self.files_purged.get_or_create(&[purged(why)]).inc();
                }
            }
            (_, event) => {
                if let Some(what) = overdue(event) {
                    self.overdue.get_or_create(&[what]).inc();
                }
            }
        }
    }

    /// Everything, in Prometheus' text format 0.0.4.
    pub fn text(&self, reading: &Reading) -> Result<String, std::fmt::Error> {
        let forwarding = self.scrape.lock().unwrap_or_else(PoisonError::into_inner);
        forwarding.take_in(&reading.destinations);
        self.take_in(reading);
        let mut open_metrics = String::new();
        encode_registry(&mut open_metrics, &self.registry)?;
        Ok(classic(&open_metrics))
    }

    fn take_in(&self, reading: &Reading) {
        let now = &self.now;
        now.started.set(reading.started.micros() / 1_000_000);
        for trouble in Trouble::ALL {
            now.trouble.get_or_create(&troubled(trouble)).set(i64::from(reading.trouble.contains(&trouble)));
        }
        for by in PROTOCOLS {
            let these = || reading.live.iter().filter(|session| session.visitor.protocol() == by);
            now.sessions.get_or_create(&[protocol(by)]).set(amount(these().count()));
            // Ranges of one file are read by several sessions and are one transfer.
            let transfers = these().flat_map(|session| &session.transfers).map(|(id, ..)| id);
            now.transfers.get_or_create(&[protocol(by)]).set(amount(transfers.collect::<HashSet<_>>().len()));
        }
        for (state, count) in &reading.files {
            now.files.get_or_create(&[("state", state.name())]).set(amount(*count));
        }
        now.staging.set(amount(reading.staging_entries));
        now.queue.set(amount(reading.queued));
        now.log_bytes.set(amount(reading.log_bytes));
        now.wal_bytes.set(amount(reading.wal_bytes));
        for (directory, free, size) in &reading.disks {
            now.disk_free.get_or_create(&[("directory", directory)]).set(amount(*free));
            now.disk_size.get_or_create(&[("directory", directory)]).set(amount(*size));
        }
    }
}

impl Witness for Metrics {
    fn begun(&self) -> Duration {
        self.clock.elapsed()
    }

    fn durable(&self, begun: Duration, recorded: &[(Subject, Event)]) {
        self.commits.observe(self.clock.elapsed().saturating_sub(begun).as_secs_f64());
        for (on, event) in recorded {
            self.count(*on, event);
        }
    }
}

fn amount<T: TryInto<i64>>(count: T) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
