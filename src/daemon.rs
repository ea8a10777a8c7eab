//! The daemon: reads the configuration, opens the gateway, then the doors, and ends them in the other order.

mod reload;

use crate::{
    clock::SystemClock,
    config::Secrets,
    endpoints::{control, listener::Running, sftp},
    forward,
    gateway::{Gateway, Parts, Rules},
};
use anyhow::{Context, bail, ensure};
use reload::{Doors, Prepared, Reloads};
use rustix::{
    fs::{AtFlags, CWD, Mode, chmodat, unlinkat},
    process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit},
};
use std::{future::Future, os::unix::net::UnixStream, path::Path, sync::Arc};
use tokio::{
    net::{TcpListener, UnixListener},
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
    let listeners: Vec<_> = config.sftp.iter().map(ToString::to_string).collect();
    let told = config.syslog.destinations.iter().map(|destination| format!("{} at {}", destination.name, destination.address));
    let told: Vec<_> = told.collect();
    Ok(format!(
        "{} is good\n  configuration {}\n  policy        {}\n  log           {}\n  sftp          {}\n  syslog        {}",
        path.display(),
        configuration.short(),
        policy.short(),
        secrets.signer.verifier(),
        listeners.join(", "),
        if told.is_empty() { "nobody".to_owned() } else { told.join(", ") }
    ))
}

/// Runs until SIGTERM or SIGINT, or until the log can no longer be written.
///
/// # Errors
/// Whatever keeps it from opening; whatever ended it before it was asked to end.
pub fn serve(path: &Path) -> anyhow::Result<()> {
    let prepared = Prepared::read(path)?;
    // Neither a core file nor another process of this user reads keys out of this one's memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("PR_SET_DUMPABLE")?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).context("RLIMIT_CORE")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime")?;
    runtime.block_on(run(prepared))
}

async fn run(prepared: Prepared) -> anyhow::Result<()> {
    let Prepared { config, secrets: Secrets { master, signer, identity, marks, .. }, transport } = prepared;
    let hangup = reload::hangups()?;
    // 1. The gateway: the log is read and verified, what a crash left is mended. Revocations hold from here on.
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
    // 2. Who is told of what happens, from the first record on.
    let (stop_telling, telling) = watch::channel(forward::Running::Telling);
    let mut told = JoinSet::new();
    for destination in &config.syslog.destinations {
        let outbox = gateway.outbox(&destination.name).context("a destination that the gateway does not know")?;
        told.spawn(forward::run(outbox, destination.clone(), telling.clone()));
    }
    // 3. The doors.
    let control_socket = config.control_socket.clone();
    let control = control_listener(&control_socket)?;
    let doors = Doors::new(transport);
    let (stop_vendors, vendors_running) = watch::channel(Running::Serving);
    let (stop_staff, staff_running) = watch::channel(Running::Serving);
    let (mut vendors, mut staff) = (JoinSet::new(), JoinSet::new());
    for address in &config.sftp {
        let listener = TcpListener::bind(address).await.with_context(|| format!("sftp.listen: {address}"))?;
        let address = listener.local_addr().context("sftp.listen")?;
        tracing::info!(%address, "sftp is open");
        vendors.spawn(sftp::run(listener, gateway.door(), doors.transport.subscribe(), vendors_running.clone()));
    }
    staff.spawn(control::run(control, Arc::new(gateway.desk()), draining(staff_running)));
    tracing::info!(socket = %control_socket.display(), "the control socket is open");
    // 4. The work. While the last transfers run out, expiry is still watched and security can still revoke.
    let reloads = Reloads::new(hangup, config, marks, doors);
    let ended = {
        let asked = asked_to_stop()?;
        let leave = async {
            asked.await;
            tracing::info!("stopping");
            stop_vendors.send_replace(Running::Draining);
            all_ended(&mut vendors).await;
        };
        tokio::select! {
            ended = gateway.run(leave) => ended,
            never = reloads.serve(&gateway, vendors_running) => match never {},
        }
    };
    // 5. The doors, so that every session records its end; then the log.
    stop_vendors.send_replace(Running::Draining);
    all_ended(&mut vendors).await;
    stop_staff.send_replace(Running::Draining);
    all_ended(&mut staff).await;
    unlinkat(CWD, &control_socket, AtFlags::empty()).ok();
    let all_told = async {
        stop_telling.send_replace(forward::Running::Flushing);
        all_ended(&mut told).await;
    };
    let stopped = gateway.stop(all_told).await;
    ended?;
    stopped?;
    Ok(())
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while let Some(task) = tasks.join_next().await {
        if let Err(error) = task {
            tracing::error!(%error, "a door or a sender ended in a panic");
        }
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

/// The control socket, for the daemon's user and group. One that a dead daemon left is replaced; a live one is not.
fn control_listener(path: &Path) -> anyhow::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        bail!("{}: another egressd serves here", path.display());
    }
    match unlinkat(CWD, path, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    }
    let listener = UnixListener::bind(path).with_context(|| path.display().to_string())?;
    chmodat(CWD, path, Mode::from_raw_mode(0o660), AtFlags::empty()).with_context(|| path.display().to_string())?;
    Ok(listener)
}
