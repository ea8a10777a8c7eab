//! Reload: what a configuration on disk makes of the daemon, read whole or not at all, at the start and at each SIGHUP.

use super::{senders::Senders, supervisor};
use crate::{
    config::{Config, KeyMarks, Secrets},
    endpoints::{
        https::Tls,
        listener::{Running, draining},
        sftp::Transport,
    },
    gateway::{Gateway, Rules},
};
use anyhow::{Context, ensure};
use std::{convert::Infallible, path::Path};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// A configuration and everything that it names. All that can be wrong with it has been found.
pub(super) struct Prepared {
    pub(super) config: Config,
    pub(super) secrets: Secrets,
    pub(super) transport: Transport,
}

impl Prepared {
    /// # Errors
    /// The first thing that is wrong, with its file and, where there is one, its line.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let config = Config::read(path)?;
        let secrets = config.secrets()?;
        let transport = Transport::new(secrets.host_keys.clone(), config.ciphers).context("keys.ssh_host")?;
        Ok(Self { config, secrets, transport })
    }
}

/// What each new connection begins with. A change here cannot fail; connections that are there keep what they have.
pub(super) struct Doors {
    pub(super) transport: watch::Sender<Transport>,
    /// None where HTTPS is not served.
    pub(super) tls: Option<watch::Sender<Tls>>,
}

impl Doors {
    pub(super) fn new(transport: Transport, tls: Option<Tls>) -> Self {
        Self { transport: watch::Sender::new(transport), tls: tls.map(watch::Sender::new) }
    }

    fn change(&self, transport: Transport, tls: Option<Tls>) {
        self.transport.send_replace(transport);
        if let (Some(door), Some(tls)) = (&self.tls, tls) {
            door.send_replace(tls);
        }
    }
}

/// From here on SIGHUP asks for a reload and ends nothing. One that comes while the gateway is opening is answered once it serves.
pub(super) fn hangups() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("SIGHUP")
}

/// Answers SIGHUP. Signals that come while one is being answered are one more.
pub(super) struct Reloads {
    hangup: Signal,
    /// What runs: what cannot change is compared with it.
    running: Config,
    marks: KeyMarks,
    doors: Doors,
}

impl Reloads {
    pub(super) const fn new(hangup: Signal, running: Config, marks: KeyMarks, doors: Doors) -> Self {
        Self { hangup, running, marks, doors }
    }

    /// Reloads at each signal for as long as the daemon serves; afterwards only says that it does not.
    pub(super) async fn serve(
        mut self,
        gateway: &Gateway,
        senders: &mut Senders,
        mut running: watch::Receiver<Running>,
    ) -> Infallible {
        loop {
            let serving = tokio::select! {
                heard = self.hangup.recv() => heard.is_some(),
                () = draining(&mut running) => false,
            };
            if !serving {
                break;
            }
            supervisor::reloading();
            self.reload(gateway, senders).await;
            supervisor::ready();
        }
        while self.hangup.recv().await.is_some() {
            tracing::warn!("the daemon is stopping: not reloaded");
        }
        std::future::pending().await
    }

    async fn reload(&mut self, gateway: &Gateway, senders: &mut Senders) {
        let path = self.running.path().to_owned();
        let read = tokio::task::spawn_blocking(move || Prepared::read(&path)).await;
        let prepared = read.context("reading the configuration").flatten().and_then(|prepared| self.admissible(prepared));
        let Prepared { config, transport, secrets } = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::error!(error = %format_args!("{error:#}"), "not reloaded: everything stays as it was");
                return gateway.reload_refused(format!("{error:#}"));
            }
        };
        let rules = Rules::clone(&config.rules);
        let (configuration, policy) = rules.digests();
        // The record first: a door that changes without one could not be explained afterwards.
        match gateway.reload(rules, config.syslog.announcements()).await {
            Ok(leaf) => {
                self.doors.change(transport, secrets.tls);
                if let Err(error) = senders.tell(gateway, &config.syslog.destinations).await {
                    tracing::error!(error = %format_args!("{error:#}"), "not everybody is told");
                }
                self.running = config;
                tracing::info!(leaf, configuration = configuration.short(), policy = policy.short(), "reloaded");
            }
            Err(fault) => tracing::error!(%fault, "not reloaded: everything stays as it was"),
        }
    }

    /// What cannot change while the daemon runs must not have: half a reload would run what no file says.
    fn admissible(&self, prepared: Prepared) -> anyhow::Result<Prepared> {
        let mut fixed = prepared.config.needs_restart(&self.running);
        fixed.extend(prepared.secrets.marks.needs_restart(&self.marks));
        fixed.sort_unstable();
        fixed.dedup();
        let path = self.running.path().display();
        ensure!(fixed.is_empty(), "{path}: {} changed, which only a restart can change", fixed.join(", "));
        Ok(prepared)
    }
}
