//! The daemon: reads the configuration, opens the gateway, then the doors, and ends them in the other order.

mod listeners;
mod passed;
mod reload;
mod senders;
mod supervisor;

use crate::{
    clock::SystemClock,
    config::Secrets,
    endpoints::{
        control, https,
        internal::{self, Watched},
        listener::{Entrance, Places, Running},
        sftp,
    },
    gateway::{Fault, Gateway, Panicked, Parts, Rules},
};
use anyhow::{Context, ensure};
use listeners::Made;
use passed::Passed;
use reload::{Doors, Prepared, Reloads};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use senders::Senders;
use std::{future::Future, panic, path::Path, sync::Arc, thread};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

/// Reads a configuration and everything that it names, opens nothing, and says what it found.
///
/// # Errors
/// The first thing that `serve` would stop at, located.
pub fn check(path: &Path) -> anyhow::Result<String> {
    let Prepared { config, secrets, .. } = Prepared::read(path)?;
    let (configuration, policy) = config.rules.digests();
    for (name, directory) in [("paths.state", &config.state), ("paths.staging", &config.staging)] {
        ensure!(directory.is_dir(), "{name}: {} is no directory: egressd init makes one", directory.display());
    }
    ensure!(
        config.state.join("ledger.db").is_file(),
        "{} holds no ledger.db: egressd init makes the first; a lost one is restored from backup, never made anew",
        config.state.display()
    );
    let https = match &secrets.tls {
        Some(tls) if !config.https.is_empty() => format!("{} as {}", listed(&config.https), listed(tls.hosts().iter())),
        _ => "none".to_owned(),
    };
    let told = config.syslog.destinations.iter().map(|destination| format!("{} at {}", destination.name, destination.address));
    let found = [
        ("configuration", configuration.short()),
        ("policy", policy.short()),
        ("log", secrets.signer.verifier().to_string()),
        ("sftp", listed(&config.sftp)),
        ("https", https),
        ("internal", listed(&config.internal)),
        ("control", config.control_socket.display().to_string()),
        ("syslog", listed(told)),
    ];
    let lines: Vec<_> = found.iter().map(|(what, is)| format!("\n  {what:13} {is}")).collect();
    Ok(format!("{} is good{}", path.display(), lines.concat()))
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

/// Runs until SIGTERM or SIGINT, or until the log can no longer be written.
///
/// # Errors
/// Whatever keeps it from opening; whatever ended it before it was asked to end.
pub fn serve(path: &Path) -> anyhow::Result<()> {
    // Before there is a second thread: it changes the environment.
    let passed = Passed::take()?;
    let prepared = Prepared::read(path)?;
    passed.fit(&prepared.secrets)?;
    // Neither a core file nor another process of this user reads keys out of this one's memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("PR_SET_DUMPABLE")?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).context("RLIMIT_CORE")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")?;
    runtime.block_on(run(prepared, passed))
}

/// Who may still come, and who is told when nobody may.
struct Gate {
    tell: watch::Sender<Running>,
    running: watch::Receiver<Running>,
    doors: JoinSet<()>,
}

impl Gate {
    fn new() -> Self {
        let (tell, running) = watch::channel(Running::Serving);
        Self { tell, running, doors: JoinSet::new() }
    }

    /// Nobody new; returns when all who were there have left.
    async fn close(&mut self) {
        self.tell.send_replace(Running::Draining);
        all_ended(&mut self.doors).await;
    }
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while let Some(task) = tasks.join_next().await {
        if let Err(error) = task {
            tracing::error!(%error, "a door or a sender ended in a panic");
        }
    }
}

async fn run(prepared: Prepared, passed: Passed) -> anyhow::Result<()> {
    let Prepared { config, secrets, transport } = prepared;
    let Secrets { master, signer, identity, marks, tls, .. } = secrets;
    let Passed { sftp: sftp_passed, https: https_passed, internal: internal_passed, control: control_passed } = passed;
    let hangup = reload::hangups()?;
    let (mut vendors, mut staff) = (Gate::new(), Gate::new());
    let mut made = Made::default();
    // 1. Monitoring, which can then tell that the rest is starting.
    let observer = watch::Sender::new(None);
    for listener in listeners::internal(&config, internal_passed, &mut made)? {
        tracing::info!(at = %listener, "internal is open");
        let watched = Watched { gateway: observer.subscribe(), vendors: vendors.running.clone() };
        staff.doors.spawn(internal::run(listener, watched, staff.running.clone()));
    }
    // 2. The gateway: the log is read and verified, what a crash left is mended. Revocations hold from here on.
    let parts = Parts {
        state: config.state.clone(),
        staging: config.staging.clone(),
        rules: Rules::clone(&config.rules),
        master,
        signer,
        identity,
        clock: Arc::new(SystemClock::new()),
        announcements: config.syslog.announcements(),
    };
    let gateway = tokio::task::spawn_blocking(move || Gateway::open(parts)).await.context("opening the gateway")??;
    count_panics(gateway.note_panics());
    observer.send_replace(Some(gateway.observer()));
    // 3. Who is told of what happens, from the first record on.
    let mut senders = Senders::new();
    senders.tell(&gateway, &config.syslog.destinations).await?;
    // 4. The doors.
    let doors = Doors::new(transport, tls);
    let control = listeners::control(&config, control_passed, &mut made)?;
    let places = Places::default();
    let entrance = |listener| Entrance { listener, places: places.clone(), running: vendors.running.clone() };
    for listener in listeners::sftp(&config, sftp_passed)? {
        let address = listener.local_addr().context("sftp.listen")?;
        tracing::info!(%address, "sftp is open");
        vendors.doors.spawn(sftp::run(entrance(listener), gateway.door(), doors.transport.subscribe()));
    }
    for listener in listeners::https(&config, https_passed)? {
        let tls = doors.tls.as_ref().context("keys.tls_certificate")?;
        let address = listener.local_addr().context("https.listen")?;
        tracing::info!(%address, "https is open");
        vendors.doors.spawn(https::run(entrance(listener), gateway.door(), tls.subscribe()));
    }
    staff.doors.spawn(control::run(control, Arc::new(gateway.desk()), draining(staff.running.clone())));
    tracing::info!(socket = %config.control_socket.display(), "the control socket is open");
    // 5. The work, then the doors, so that every session records its end; then the log.
    let reloads = Reloads::new(hangup, config, marks, doors);
    let alive = gateway.observer();
    let ended = tokio::select! {
        ended = work(&gateway, reloads, &mut senders, &mut vendors, &mut staff) => ended,
        never = supervisor::watchdog(alive) => match never {},
    };
    // Monitoring holds on to the gateway for as long as it can look at it.
    drop(observer);
    let stopped = gateway.stop(senders.flush()).await;
    ended?;
    stopped?;
    Ok(())
}

/// Until it is asked to stop or cannot go on; then until everybody has left.
async fn work(
    gateway: &Gateway,
    reloads: Reloads,
    senders: &mut Senders,
    vendors: &mut Gate,
    staff: &mut Gate,
) -> Result<(), Fault> {
    let running = vendors.running.clone();
    let ended = {
        let asked = asked_to_stop().map_err(|error| Fault::new("signals", error))?;
        supervisor::ready();
        // While the last transfers run out, expiry is still watched and security can still revoke.
        let leave = async {
            asked.await;
            tracing::info!("stopping");
            supervisor::stopping();
            vendors.close().await;
        };
        tokio::select! {
            ended = gateway.run(leave) => ended,
            never = reloads.serve(gateway, senders, running) => match never {},
        }
    };
    vendors.close().await;
    staff.close().await;
    ended
}

/// Every panic of this process from here on, whoever catches it, is counted and said as before.
fn count_panics(note: impl Fn(Panicked) + Send + Sync + 'static) {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let file = panicked.location().map_or("", panic::Location::file);
        note(place(thread::current().name().unwrap_or_default(), file));
        say(panicked);
    }));
}

/// Our own sources are compiled by their path from the crate's root, those of others by an absolute one.
fn place(thread: &str, file: &str) -> Panicked {
    match (thread, file.starts_with("src/")) {
        ("ledger", _) => Panicked::Command,
        (_, true) => Panicked::Task,
        (_, false) => Panicked::Library,
    }
}

async fn draining(mut running: watch::Receiver<Running>) {
    crate::endpoints::listener::draining(&mut running).await;
}

fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_placed_by_its_thread_and_its_source() {
        assert_eq!(place("ledger", "src/gateway/revoke.rs"), Panicked::Command);
        assert_eq!(place("tokio-rt-worker", "src/gateway/revoke.rs"), Panicked::Task);
        assert_eq!(place("tokio-rt-worker", "/home/x/.cargo/registry/src/russh-0.65.1/src/lib.rs"), Panicked::Library);
    }
}
