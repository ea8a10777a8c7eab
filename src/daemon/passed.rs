//! Sockets that the service manager passes: each by its name, each in the place of the configured listeners of that name.

use crate::{config::Secrets, domain::limits};
use anyhow::{Context, bail, ensure};
use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use std::{
    net::TcpListener,
    os::{fd::AsFd, unix::net::UnixListener},
    process,
};

/// What a socket unit's `FileDescriptorName=` may say.
pub(super) const NAMES: [&str; 4] = ["sftp", "https", "internal", "control"];

/// All that was passed. Where nothing was, the configuration's addresses are opened.
#[derive(Default)]
pub(super) struct Passed {
    pub(super) sftp: Vec<TcpListener>,
    pub(super) https: Vec<TcpListener>,
    pub(super) internal: Vec<Either>,
    pub(super) control: Option<UnixListener>,
}

pub(super) enum Either {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Passed {
    /// Takes what `LISTEN_FDS` counts, if it is meant for this process. To be called while there is one thread: the variables are removed,
    /// so that nobody takes the descriptors a second time.
    ///
    /// # Errors
    /// A name that says nothing here, or a socket of the wrong kind: a passed socket that nobody serves would accept and never answer. One
    /// that does not listen, which would be asked for connections for ever.
    pub(super) fn take() -> anyhow::Result<Self> {
        let Some(count) = variable("LISTEN_FDS") else { return Ok(Self::default()) };
        // Before anything is made of so many.
        let few = count.parse().is_ok_and(|count: usize| count <= limits::PASSED_SOCKETS);
        ensure!(few, "LISTEN_FDS={count:?}: at most {} sockets can be passed", limits::PASSED_SOCKETS);
        let names = variable("LISTEN_FDNAMES");
        let mut descriptors = ListenFd::from_env();
        if descriptors.len() == 0 {
            return Ok(Self::default());
        }
        let names: Vec<&str> = names.as_deref().unwrap_or_default().split(':').collect();
        let count = descriptors.len();
        ensure!(names.len() == count, "{count} sockets were passed and LISTEN_FDNAMES names {}", names.len());
        let mut passed = Self::default();
        for (at, name) in names.into_iter().enumerate() {
            passed.sort_in(name, &mut descriptors, at).with_context(|| format!("the passed socket {name:?}"))?;
        }
        Ok(passed)
    }

    /// # Errors
    /// A socket for what the configuration has no keys for.
    pub(super) fn fit(&self, secrets: &Secrets) -> anyhow::Result<()> {
        let served = self.https.is_empty() || secrets.tls.is_some();
        ensure!(served, "the passed socket \"https\": it needs keys.tls_certificate and keys.tls_key in the configuration");
        Ok(())
    }

    fn sort_in(&mut self, name: &str, descriptors: &mut ListenFd, at: usize) -> anyhow::Result<()> {
        match name {
            "sftp" => self.sftp.push(tcp(descriptors, at)?),
            "https" => self.https.push(tcp(descriptors, at)?),
            "internal" => {
                let unix = descriptors.take_unix_listener(at).ok().flatten();
                self.internal.push(match unix {
                    Some(unix) => Either::Unix(listening(unix)?),
                    None => Either::Tcp(tcp(descriptors, at)?),
                });
            }
            "control" => {
                let control = listening(descriptors.take_unix_listener(at)?.context("it was taken already")?)?;
                ensure!(self.control.replace(control).is_none(), "a second one");
            }
            _ => bail!("FileDescriptorName= is one of {}", NAMES.join(", ")),
        }
        Ok(())
    }
}

fn tcp(descriptors: &mut ListenFd, at: usize) -> anyhow::Result<TcpListener> {
    listening(descriptors.take_tcp_listener(at)?.context("it was taken already")?)
}

fn listening<L: AsFd>(listener: L) -> anyhow::Result<L> {
    let listens = socket_acceptconn(&listener).context("SO_ACCEPTCONN")?;
    ensure!(listens, "it does not listen: its unit needs ListenStream=, and Accept=no, which is the default");
    Ok(listener)
}

#[expect(clippy::disallowed_methods, reason = "the service manager says it in no other way")]
fn variable(name: &str) -> Option<String> {
    // Of another process's descriptors the names are not ours either.
    let ours = std::env::var("LISTEN_PID").is_ok_and(|pid| pid == process::id().to_string());
    if ours { std::env::var(name).ok() } else { None }
}
