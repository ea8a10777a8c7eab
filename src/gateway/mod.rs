//! What may happen: one file per act, the handles that endpoints hold, and the vault that only this room can name.

mod accept;
mod activate;
mod announce;
pub mod answers;
mod apart;
pub mod asked;
mod attest;
mod audit;
mod break_glass;
mod cache;
mod close;
mod core;
mod desk;
mod download;
mod enrol;
mod expiry;
mod explain;
mod facts;
#[cfg(test)]
pub(crate) mod fixture;
mod freeze_file;
mod inspect;
pub mod lease;
mod login;
mod metrics;
mod nudge;
mod observer;
mod on_record;
mod outbox;
mod outcome;
mod pace;
mod pickup;
mod progress;
mod pulls;
mod purge;
mod ranges;
mod recover;
mod release;
mod reload;
mod retries;
mod review;
mod revoke;
mod seal;
mod show;
mod simulate;
mod stage;
mod staging;
mod submit;
mod suspend;
#[cfg(test)]
mod tests;
mod tokens;
mod unfreeze;
mod vault;
mod vendors;

pub use self::core::{Rules, Settings};
pub use announce::{Announcements, Spool, Told, WhenFull, Wording};
pub use audit::verify_offline;
pub use desk::Desk;
pub use download::{Download, Opened, ReadError};
pub use explain::code as explained;
pub use lease::Severable;
pub use login::{Attempt, Door, Line, Offered, Rejected};
pub use metrics::{Panicked, described as described_metrics};
pub use observer::{Observer, Trouble};
pub use outbox::{Message, Outbox, Unheard};
pub use outcome::{Fault, Refused};
pub use pickup::{Entry, EntryKind, Pickup};
pub use recover::Recovered;

use self::core::{Core, Stopped};
use crate::{
    audit::Signer,
    clock::Clock,
    domain::{
        event::{Actor, Event, Fact, Subject},
        ids::Slug,
        limits,
        refusal::Refusal,
        time::Time,
    },
    sealing::{Identity, MasterKey},
};
use freeze_file::FreezeFile;
use progress::Work;
use seal::{Due, Lanes};
use stage::Stage;
use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, timeout};
use vault::{Ledger, Objects};

/// What a gateway is made of.
pub struct Parts {
    /// `state/`: the ledger, the stored objects, the freeze file.
    pub state: PathBuf,
    pub staging: PathBuf,
    pub rules: Rules,
    pub master: MasterKey,
    pub signer: Signer,
    /// What producers may encrypt staged files to.
    pub identity: Identity,
    pub clock: Arc<dyn Clock>,
    /// None: nobody is told of what happens.
    pub announcements: Option<Announcements>,
}

/// The gateway. Cheap to clone; private to this room: others get a [`Desk`] or a [`Door`].
#[derive(Clone)]
pub struct Gateway {
    core: Arc<Core>,
    ledger: Arc<Ledger>,
    objects: Arc<Objects>,
    master: Arc<MasterKey>,
    identity: Arc<Identity>,
    freeze_file: Arc<FreezeFile>,
    state: PathBuf,
    staging: PathBuf,
    started: Time,
    recovered: Arc<Recovered>,
}

/// How often everything is looked at that time alone can change: expiry, retention, rejected logins.
const MOMENT: Duration = Duration::from_millis(500);
const MINUTE: Duration = Duration::from_secs(60);

impl Gateway {
    /// Makes an empty log, the stored objects' shelves and the freeze file, and closes them again. For `init`.
    ///
    /// # Errors
    /// A ledger that is there already: none is ever replaced.
    pub fn create(parts: Parts) -> Result<(), Fault> {
        let clock = Arc::clone(&parts.clock);
        let ledger = Ledger::create(&parts.state.join("ledger.db"), parts.signer, Arc::new(move || clock.now()))?;
        Objects::at(&parts.state).map_err(|error| Fault::new("the stored objects", error))?;
        FreezeFile::at(&parts.state).prepare()?;
        ledger.close();
        Ok(())
    }

    /// Opens ledger and vault and recovers. Revocations are facts of the ledger, so they hold before any listener opens.
    ///
    /// # Errors
    /// A ledger that does not verify, a disk that does not answer: nothing opens.
    pub fn open(parts: Parts) -> Result<Self, Fault> {
        let clock = Arc::clone(&parts.clock);
        let ledger = Ledger::open(&parts.state.join("ledger.db"), parts.signer, Arc::new(move || clock.now()))?;
        fits(&ledger, &parts.master)?;
        let objects = Objects::at(&parts.state).map_err(|error| Fault::new("the stored objects", error))?;
        let freeze_file = FreezeFile::at(&parts.state);
        let started = parts.clock.now();
        let core = Core::new(parts.rules, parts.clock);
        ledger.show(core.metrics.clone());
        if freeze_file.says_stop() {
            core.set_stopped_by_file(Stopped::Yes);
        }
        let mut gateway = Self {
            core: Arc::new(core),
            ledger: Arc::new(ledger),
            objects: Arc::new(objects),
            master: Arc::new(parts.master),
            identity: Arc::new(parts.identity),
            freeze_file: Arc::new(freeze_file),
            state: parts.state,
            staging: parts.staging,
            started,
            recovered: Arc::default(),
        };
        // From the first record on, and what a crash left to be recorded is news too.
        gateway.announce(parts.announcements)?;
        let recovered = gateway.recover().map_err(as_fault)?;
        if recovered != Recovered::default() {
            tracing::warn!(?recovered, "recovered from an interrupted run");
        }
        gateway.recovered = Arc::new(recovered);
        let (configuration, policy) = gateway.core.rules().digests();
        gateway
            .write_blocking(move |core, tx| {
                let told = core.announcing.names();
                tx.append(Fact::new(Actor::System, Subject::Daemon, Event::Started { configuration, policy, told }))?;
                Ok(())
            })
            .map_err(as_fault)?;
        Ok(gateway)
    }

    /// For staff-facing endpoints.
    pub fn desk(&self) -> Desk {
        Desk { gateway: self.clone() }
    }

    /// For vendor-facing listeners.
    pub fn door(&self) -> Door {
        Door { gateway: self.clone() }
    }

    /// For whoever tells `destination` what happens. None: it is not configured.
    pub fn outbox(&self, destination: &Slug) -> Option<Outbox> {
        Outbox::of(self, destination)
    }

    /// What the last start had to mend.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Moves files, ends what has expired, purges what is due: until `shutdown`, or until ledger or disk no longer say what is durable.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Result<(), Fault> {
        let stage = Stage::open(&self.staging, self.core.rules().settings.rescan)?;
        let mut lanes = Lanes::default();
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            ended = stage.run(self.clone()) => ended,
            ended = self.move_files(&mut lanes) => ended,
            ended = self.watch_time() => ended,
            reason = self.ledger.poisoned() => Err(Fault::new("the ledger can no longer be written", reason.to_string())),
            reason = self.objects.in_doubt() => Err(Fault::new("the stored objects", reason.to_string())),
        };
        self.core.stopping.store(true, Ordering::SeqCst);
        if let Err(fault) = &ended {
            tracing::error!(%fault, "the gateway ends");
            // Nothing is served by a process that cannot say what is durable, not even what it serves already.
            self.core.set_stopped_by_file(Stopped::Yes);
            self.core.leases.cut(&lease::Scope::Everything);
        }
        if timeout(limits::SEALING_END, lanes.all_ended()).await.is_err() {
            tracing::error!("a file that is being sealed does not hear that the daemon stops: the disk does not answer");
        }
        ended
    }

    /// Records the stop, gives `told` its time, since that record is news too, and closes the ledger. Sessions have ended before.
    pub async fn stop(self, told: impl Future<Output = ()>) -> Result<(), Fault> {
        self.end_every_pull().await;
        let recorded = self
            .write(|_, tx| {
                tx.append(Fact::new(Actor::System, Subject::Daemon, Event::Stopped))?;
                Ok(())
            })
            .await
            .map_err(as_fault);
        told.await;
        let ledger = Arc::clone(&self.ledger);
        tokio::task::spawn_blocking(move || ledger.close()).await.map_err(|error| Fault::new("the ledger", error))?;
        recorded
    }

    async fn move_files(&self, lanes: &mut Lanes) -> Result<(), Fault> {
        let mut turns = tokio::time::interval(limits::FILES_TURN);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let gateway = self.clone();
            let look = move || {
                let _moving = gateway.core.progress.begin(Work::Release, gateway.core.clock.elapsed());
                gateway.close_what_is_quiet()?;
                gateway.release_what_is_ready()?;
                gateway.unsealed()
            };
            if let Some(unsealed) = carried(tokio::task::spawn_blocking(look).await)? {
                lanes.line_up(unsealed);
            }
            loop {
                lanes.fill(self);
                tokio::select! {
                    () = self.core.nudge.of_files() => lanes.hear(),
                    _ = turns.tick() => lanes.hear(),
                    due = lanes.one_ended() => match due? {
                        Due::Look => {}
                        Due::Nothing => continue,
                    }
                }
                break;
            }
        }
    }

    /// For as long as it lasts, and by its name: the disk under it, or what fills it, is for a person to look at.
    fn say_what_stands_still(&self) {
        for work in self.core.progress.still(self.core.clock.elapsed(), limits::FILE_STILL) {
            tracing::error!(%work, "has not moved forward for {} seconds and more", limits::FILE_STILL.as_secs());
        }
    }

    async fn watch_time(&self) -> Result<(), Fault> {
        let mut since_purge = MINUTE;
        loop {
            self.core.turn();
            self.cut_what_no_longer_stands().await;
            self.end_pulls_that_are_over().await;
            if since_purge >= limits::PURGE_TURN {
                since_purge = Duration::ZERO;
                let gateway = self.clone();
                carried(tokio::task::spawn_blocking(move || gateway.purge_what_is_due().map(drop)).await)?;
                let gateway = self.clone();
                carried(tokio::task::spawn_blocking(move || gateway.notice_what_ends_soon()).await)?;
                let gateway = self.clone();
                carried(tokio::task::spawn_blocking(move || gateway.say_what_is_late()).await)?;
                let ledger = Arc::clone(&self.ledger);
                let kept = tokio::task::spawn_blocking(move || ledger.keep_start(limits::START_LEAVES).map_err(Refused::from));
                carried(kept.await)?;
                carried(Ok(self.record_rejections().await))?;
                carried(Ok(self.end_what_nobody_holds().await))?;
                self.say_if_the_spool_is_full();
                self.say_what_stands_still();
            }
            tokio::time::sleep(MOMENT).await;
            since_purge += MOMENT;
        }
    }
}

/// Whether this is the master key that wrapped what is stored: found out before anything is touched, and not at a vendor's
/// first read. One key that opens proves it; single rows that do not are their files' damage.
fn fits(ledger: &Ledger, master: &MasterKey) -> Result<(), Fault> {
    match ledger.read(|view| view.unopened_keys(|object, wrapped| master.unwrap(wrapped, object).is_ok()))? {
        0 => Ok(()),
        unopened => {
            let why = format!("it opens none of the {unopened} keys in ledger.db: put back the key file they were wrapped with");
            Err(Fault::new("keys.master is another gateway's master key, or a new one", why))
        }
    }
}

/// A turn that was refused is tried again at the next; one that failed is reported and tried again too, since a poisoned
/// ledger and a disk that does not confirm end the daemon by themselves. A panic in a turn ends it here.
fn carried<T>(turn: Result<Result<T, Refused>, tokio::task::JoinError>) -> Result<Option<T>, Fault> {
    match turn.map_err(|error| Fault::new("a turn of the gateway", error))? {
        Ok(done) => Ok(Some(done)),
        Err(Refused::Refusal(refusal)) => {
            tracing::debug!(%refusal, "a turn was refused");
            Ok(None)
        }
        Err(Refused::Fault(fault)) => {
            tracing::error!(%fault, "a turn failed");
            Ok(None)
        }
    }
}

fn as_fault(refused: Refused) -> Fault {
    match refused {
        Refused::Fault(fault) => fault,
        Refused::Refusal(refusal) => Fault::new("the daemon's own record", refusal),
    }
}

/// A reason that is one: not empty, not a novel. `act` as it is typed.
fn reason(act: &'static str, text: String) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::ReasonNeeded { act });
    }
    if text.chars().count() > limits::TEXT_CHARS {
        return Err(Refusal::TooLong { text: "the reason".into(), limit: limits::TEXT_CHARS });
    }
    Ok(text)
}
