//! The daemon's listeners: passed ones, else those that the configuration names.

use super::passed::Either;
use crate::{
    config::{Config, InternalAddress},
    endpoints::internal::Listener,
};
use anyhow::{Context, bail};
use rustix::fs::{AtFlags, CWD, Mode, chmodat, unlinkat};
use std::{
    io, net,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};
use tokio::net::{TcpListener, UnixListener};

/// The vendors' SFTP.
pub(super) fn sftp(config: &Config, passed: Vec<net::TcpListener>) -> anyhow::Result<Vec<TcpListener>> {
    bound_or_passed(&config.sftp, passed, "sftp.listen")
}

/// The vendors' HTTPS.
pub(super) fn https(config: &Config, passed: Vec<net::TcpListener>) -> anyhow::Result<Vec<TcpListener>> {
    bound_or_passed(&config.https, passed, "https.listen")
}

/// A vendors' protocol: what was passed, or what the key of the configuration names.
fn bound_or_passed(
    addresses: &[net::SocketAddr],
    passed: Vec<net::TcpListener>,
    key: &'static str,
) -> anyhow::Result<Vec<TcpListener>> {
    if passed.is_empty() {
        let bind = |address| net::TcpListener::bind(address).and_then(tcp).with_context(|| format!("{key}: {address}"));
        return addresses.iter().map(bind).collect();
    }
    passed.into_iter().map(|listener| tcp(listener).context(key)).collect()
}

/// For the machine's own monitoring.
pub(super) fn internal(config: &Config, passed: Vec<Either>, made: &mut Made) -> anyhow::Result<Vec<Listener>> {
    if passed.is_empty() {
        return config.internal.iter().map(|address| monitoring(address, made)).collect();
    }
    passed.into_iter().map(|listener| from_passed(listener).context("internal.listen")).collect()
}

/// For staff.
pub(super) fn control(
    config: &Config,
    passed: Option<std::os::unix::net::UnixListener>,
    made: &mut Made,
) -> anyhow::Result<UnixListener> {
    match passed {
        Some(control) => unix(control).context("paths.control_socket"),
        None => bind_unix(&config.control_socket, made),
    }
}

/// Sockets in the file system that were made here, and are removed at the end. A passed one is the service manager's.
#[derive(Default)]
pub(super) struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for path in &self.0 {
            unlinkat(CWD, path, AtFlags::empty()).ok();
        }
    }
}

fn monitoring(address: &InternalAddress, made: &mut Made) -> anyhow::Result<Listener> {
    match address {
        InternalAddress::Tcp(tcp_address) => {
            let bound = net::TcpListener::bind(tcp_address).and_then(tcp);
            bound.map(Listener::Tcp).with_context(|| format!("internal.listen: {address}"))
        }
        InternalAddress::Unix(path) => bind_unix(path, made).map(Listener::Unix).context("internal.listen"),
    }
}

fn from_passed(passed: Either) -> io::Result<Listener> {
    match passed {
        Either::Tcp(listener) => tcp(listener).map(Listener::Tcp),
        Either::Unix(listener) => unix(listener).map(Listener::Unix),
    }
}

fn tcp(listener: net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn unix(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// A socket for the daemon's user and group. One that a dead daemon left is replaced; a live one is not.
fn bind_unix(path: &Path, made: &mut Made) -> anyhow::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        bail!("{}: another egressd serves here", path.display());
    }
    match unlinkat(CWD, path, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    }
    let listener = UnixListener::bind(path).with_context(|| path.display().to_string())?;
    made.0.push(path.to_owned());
    chmodat(CWD, path, Mode::from_raw_mode(0o660), AtFlags::empty()).with_context(|| path.display().to_string())?;
    Ok(listener)
}
