//! The observer: what the internal listener and the service manager hold. It can look at how the gateway is, and at nothing in it.

use super::{
    Gateway,
    answers::{DestinationRow, FileState, ReloadOutcome},
    lease::LiveSession,
    metrics::{Metrics, Panicked},
    outcome::{Fault, Refused},
    vault::find,
};
use crate::domain::{limits, time::Time};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError},
};

/// A handle that looks.
#[derive(Clone)]
pub struct Observer {
    gateway: Gateway,
}

/// What can be wrong with a gateway that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The log can no longer be written: the daemon is about to end.
    LogPoisoned,
    /// A cut could not be recorded; the file outside the log stops everything.
    StoppedByFile,
    Frozen,
    /// The gateway's own work has not come round for [`limits::TURN_MISSED`].
    Stalled,
    /// Something on its way to a vendor has not moved forward for [`limits::FILE_STILL`].
    FileStill,
    StagingPolled,
    DiskNearlyFull,
    BytesLost,
    ClockJumped,
    ReloadRefused,
    /// What waited to be told to others was changed by somebody else.
    SpoolEdited,
    CommandPanicked,
}

impl Trouble {
    pub const ALL: [Self; 12] = [
        Self::LogPoisoned,
        Self::StoppedByFile,
        Self::Frozen,
        Self::Stalled,
        Self::FileStill,
        Self::StagingPolled,
        Self::DiskNearlyFull,
        Self::BytesLost,
        Self::ClockJumped,
        Self::ReloadRefused,
        Self::SpoolEdited,
        Self::CommandPanicked,
    ];

    /// As `/readyz` and the metric `egressd_trouble` say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogPoisoned => "log_poisoned",
            Self::StoppedByFile => "stopped_by_file",
            Self::Frozen => "frozen",
            Self::Stalled => "stalled",
            Self::FileStill => "file_still",
            Self::StagingPolled => "staging_polled",
            Self::DiskNearlyFull => "disk_nearly_full",
            Self::BytesLost => "bytes_lost",
            Self::ClockJumped => "clock_jumped",
            Self::ReloadRefused => "reload_refused",
            Self::SpoolEdited => "spool_edited",
            Self::CommandPanicked => "command_panicked",
        }
    }

    /// The same for a person: one sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Self::LogPoisoned => "the log can no longer be written: the daemon ends",
            Self::StoppedByFile => "a cut could not be recorded, and the freeze file stops everything",
            Self::Frozen => "everything is frozen until two people lift it",
            Self::Stalled => "the gateway's own work has not come round for a minute",
            Self::FileStill => "a file on its way has not moved forward for two minutes: the daemon's log names it",
            Self::StagingPolled => "staging is polled, not watched: files are seen later",
            Self::DiskNearlyFull => "a disk is nearly full: without room nothing is recorded, and so nothing leaves",
            Self::BytesLost => "stored objects are missing; their tickets' files are not served",
            Self::ClockJumped => "the wall clock has jumped: nothing is purged until it returns",
            Self::ReloadRefused => "the last reload was refused: what runs is not what the files say",
            Self::SpoolEdited => "somebody changed what waits to be told to others; the log's own words were sent",
            Self::CommandPanicked => "a command panicked and was undone: a bug",
        }
    }

    /// Whether no vendor is served because of it. Everything else is somebody's work and nobody's outage.
    pub const fn blocks(self) -> bool {
        matches!(self, Self::LogPoisoned | Self::StoppedByFile | Self::Frozen)
    }
}

/// How the gateway is, read at one time.
pub struct Reading {
    pub started: Time,
    pub trouble: Vec<Trouble>,
    pub live: Vec<LiveSession>,
    pub files: BTreeMap<FileState, u64>,
    pub staging_entries: usize,
    pub queued: usize,
    pub log_bytes: u64,
    pub wal_bytes: u64,
    /// (`state` or `staging`, bytes free, bytes in all)
    pub disks: Vec<(&'static str, u64, u64)>,
    pub destinations: Vec<DestinationRow>,
}

impl Gateway {
    /// For listeners that are not for vendors and not for staff.
    pub fn observer(&self) -> Observer {
        Observer { gateway: self.clone() }
    }

    /// For whoever notices a panic: the process's hook.
    pub fn note_panics(&self) -> impl Fn(Panicked) + Send + Sync + 'static {
        let metrics: Arc<Metrics> = Arc::clone(&self.core.metrics);
        move |place| metrics.note_panic(place)
    }
}

impl Observer {
    /// What is wrong now; what blocks stands first. It reads no row and waits for nobody.
    pub fn trouble(&self) -> Vec<Trouble> {
        let Gateway { core, ledger, recovered, .. } = &self.gateway;
        let frozen = || self.gateway.look(|facts| Ok(facts.house.is_frozen().is_err()));
        let reload_refused = || {
            let last = core.reload.lock().unwrap_or_else(PoisonError::into_inner);
            last.as_ref().is_some_and(|attempt| attempt.outcome == ReloadOutcome::Refused)
        };
        let is = |trouble: &Trouble| match trouble {
            Trouble::LogPoisoned => ledger.is_poisoned(),
            Trouble::StoppedByFile => core.stopped_by_file(),
            // A stop by the file reads as a freeze too. Who cannot tell does not say that all is well.
            Trouble::Frozen => frozen().unwrap_or(true),
            Trouble::Stalled => core.clock.elapsed().saturating_sub(core.last_turn()) > limits::TURN_MISSED,
            Trouble::FileStill => !core.progress.still(core.clock.elapsed(), limits::FILE_STILL).is_empty(),
            Trouble::StagingPolled => core.polling.lock().unwrap_or_else(PoisonError::into_inner).is_some(),
            Trouble::DiskNearlyFull => self.disks().iter().any(|(_, free, size)| nearly_full(*free, *size)),
            Trouble::BytesLost => !recovered.missing.is_empty(),
            Trouble::ClockJumped => core.clock.jumped(),
            Trouble::ReloadRefused => reload_refused(),
            Trouble::SpoolEdited => self.gateway.spool_was_edited(),
            Trouble::CommandPanicked => ledger.panics() > 0,
        };
        Trouble::ALL.into_iter().filter(is).collect()
    }

    /// Everything that is counted, in Prometheus' text format 0.0.4. It reads rows: not for the async threads.
    ///
    /// # Errors
    /// The ledger could not be read.
    pub fn metrics(&self) -> Result<String, Fault> {
        let gateway = &self.gateway;
        let files = gateway.look(|facts| Ok(facts.find(find::file_states)?)).map_err(fault)?;
        let reading = Reading {
            started: gateway.started,
            trouble: self.trouble(),
            live: gateway.core.leases.live(),
            files: files_by_state(files),
            staging_entries: gateway.core.turned_away.lock().unwrap_or_else(PoisonError::into_inner).len(),
            queued: gateway.ledger.queued(),
            log_bytes: size(&gateway.state.join("ledger.db")),
            wal_bytes: size(&gateway.state.join("ledger.db-wal")),
            disks: self.disks(),
            destinations: gateway.destinations()?,
        };
        gateway.core.metrics.text(&reading).map_err(|error| Fault::new("the metrics", error))
    }

    /// Returns when the ledger has answered: its writer took a command, and what waited before it is durable.
    ///
    /// # Errors
    /// It will not answer any more.
    pub async fn answers(&self) -> Result<(), Fault> {
        self.gateway.write(|_, _| Ok(())).await.map_err(fault)
    }

    fn disks(&self) -> Vec<(&'static str, u64, u64)> {
        let read = |(name, directory): (&'static str, &Path)| {
            let stat = rustix::fs::statvfs(directory).ok()?;
            Some((name, stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
        };
        DIRECTORIES.into_iter().zip([self.gateway.state.as_path(), self.gateway.staging.as_path()]).filter_map(read).collect()
    }
}

/// Less than a twentieth, and less than [`limits::DISK_LOW_BYTES`]: a large disk is not full with room for weeks.
const fn nearly_full(free: u64, size: u64) -> bool {
    free < size / 20 && free < limits::DISK_LOW_BYTES
}

/// The states of files whose bytes are here, as the index tells them apart.
pub const FILE_STATES: [FileState; 5] =
    [FileState::Staged, FileState::Held, FileState::Sealed, FileState::Released, FileState::Purging];
/// What the disks' metrics name.
pub const DIRECTORIES: [&str; 2] = ["state", "staging"];

fn files_by_state(counts: find::FileStates) -> BTreeMap<FileState, u64> {
    let find::FileStates { staged, held, sealed, released, purging } = counts;
    FILE_STATES.into_iter().zip([staged, held, sealed, released, purging]).collect()
}

fn size(path: &Path) -> u64 {
    rustix::fs::stat(path).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
}

fn fault(refused: Refused) -> Fault {
    super::as_fault(refused)
}
