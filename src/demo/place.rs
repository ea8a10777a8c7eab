//! The demonstration's directory: what lies where, made once, known again by its marker, used by one demonstration at a time.

use super::{documents, keys, lines, screen::Screen};
use crate::{
    config::{Config, InternalAddress},
    forward::Address,
};
use anyhow::{Context, bail, ensure};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{DirBuilder, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::{DirBuilderExt, symlink},
    path::{Path, PathBuf},
};

/// Says that a directory is a demonstration's, so that no other gateway's directory is ever taken for one.
const MARKER: &str = "DEMO.txt";
const MARKED: &str = "\
`egressd demo` made this directory and goes on with it. It holds the private keys of everybody who plays in it, the
staff and both vendors: a real gateway never has those in one place. Put no real data here. To remove it: rm -r.
";
/// A path of a Unix socket has at most so many bytes (sun_path, less its terminating zero).
const SOCKET_PATH: usize = 107;

/// Where vendors reach the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Doors {
    pub sftp: SocketAddr,
    pub https: SocketAddr,
}

pub struct Place {
    root: PathBuf,
    shown: String,
    /// Its lock keeps a second demonstration out for as long as this one runs.
    _marker: File,
}

impl Place {
    /// Makes the directory, or recognises one that was made.
    pub fn open(directory: &Path, screen: &Screen) -> anyhow::Result<Self> {
        make(directory)?;
        let root = directory.canonicalize().with_context(|| directory.display().to_string())?;
        ensure!(root.to_str().is_some(), "{}: the path is not UTF-8, as demo.json has to be", root.display());
        let marker = mark(&root)?;
        let place = Self { root, shown: directory.display().to_string(), _marker: marker };
        ensure!(
            place.socket().as_os_str().len() <= SOCKET_PATH,
            "{} is longer than the path of a socket may be ({SOCKET_PATH} bytes): choose a shorter directory",
            place.socket().display()
        );
        // Who waits for it must not find the last run's.
        remove(&place.description())?;
        if place.config().exists() {
            screen.done(&format!("{}: found again, with all its keys and its log", place.shown));
        } else {
            crate::init::init(&place.root)
                .with_context(|| format!("{} is not complete: rm -r {0} and start again", place.shown))?;
            screen.done(&format!("{}: configuration, policy, keys, an empty log", place.shown));
        }
        for name in ["bin", "staff", "vendors", "produced", "inbox"] {
            make(&place.root.join(name))?;
        }
        place.link()?;
        place.configure(&[("settle_seconds", "1"), ("rescan_seconds", "30")])?;
        Ok(place)
    }

    /// As it was typed.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn config(&self) -> PathBuf {
        self.root.join("egressd.toml")
    }

    pub fn socket(&self) -> PathBuf {
        self.root.join("state/control.sock")
    }

    pub fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub fn egressctl(&self) -> PathBuf {
        self.root.join("bin/egressctl")
    }

    /// The private keys of the staff, by name.
    pub fn staff(&self) -> PathBuf {
        self.root.join("staff")
    }

    pub fn vendor(&self, id: &str) -> PathBuf {
        self.root.join("vendors").join(id)
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.root.join("vendors/known_hosts")
    }

    /// Local copies of what was dropped into staging, to compare with.
    pub fn produced(&self) -> PathBuf {
        self.root.join("produced")
    }

    /// Where the printed lines put what they pull.
    pub fn inbox(&self) -> PathBuf {
        self.root.join("inbox")
    }

    pub fn log(&self) -> PathBuf {
        self.root.join("serve.log")
    }

    pub fn description(&self) -> PathBuf {
        self.root.join("demo.json")
    }

    pub fn host_key(&self) -> anyhow::Result<russh::keys::PublicKey> {
        Ok(keys::read_ssh(&self.root.join("keys/ssh_host_ed25519"))?.public_key().clone())
    }

    /// The gateway's certificate, which vendors trust by itself.
    pub fn certificate(&self) -> PathBuf {
        self.root.join("keys/tls.crt")
    }

    /// Where vendors reach the gateway.
    pub fn doors(&self) -> anyhow::Result<Doors> {
        let config = Config::read(&self.config())?;
        let first = |addresses: &[SocketAddr], what| addresses.first().copied().context(what);
        Ok(Doors { sftp: first(&config.sftp, "sftp.listen is empty")?, https: first(&config.https, "https.listen is empty")? })
    }

    /// The configured ports if they are free, else others. Between this look and the daemon's own somebody else can take
    /// one: whoever starts the daemon tries again then.
    pub fn listen_on_free_ports(&self) -> anyhow::Result<Doors> {
        let Doors { sftp, https } = self.doors()?;
        // Both are held until both are found, so that they differ.
        let (sftp, _held) = self.free(sftp)?;
        let (https, _held_too) = self.free(https)?;
        let path = self.config();
        let mut text = read(&path)?;
        for (table, address) in [("sftp", sftp), ("https", https)] {
            let listen = format!("[\"{address}\"]");
            text = documents::with_in(&text, table, "listen", &listen).with_context(|| path.display().to_string())?;
        }
        replace(&path, text.as_bytes())?;
        let key = self.host_key()?.to_openssh()?;
        let line = format!("[{}]:{} {key}\n", sftp.ip(), sftp.port());
        replace(&self.known_hosts(), line.as_bytes())?;
        Ok(Doors { sftp, https })
    }

    /// What this machine's monitoring asks for.
    pub fn metrics(&self) -> anyhow::Result<String> {
        let config = Config::read(&self.config())?;
        match config.internal.first() {
            Some(InternalAddress::Tcp(address)) => Ok(format!("http://{address}/metrics")),
            _ => bail!("{}: internal.listen is not an address", self.config().display()),
        }
    }

    fn free(&self, configured: SocketAddr) -> anyhow::Result<(SocketAddr, TcpListener)> {
        // A new directory has the default port, which is somebody's who meant it.
        if self.known_hosts().exists()
            && let Ok(kept) = TcpListener::bind(configured)
        {
            return Ok((configured, kept));
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a free port")?;
        Ok((free.local_addr().context("a free port")?, free))
    }

    /// The same for the machine's own monitoring, which nobody has to remember.
    pub fn monitor_on_a_free_port(&self) -> anyhow::Result<SocketAddr> {
        let path = self.config();
        let Some(InternalAddress::Tcp(configured)) = Config::read(&path)?.internal.first().cloned() else {
            bail!("{}: internal.listen is not an address", path.display());
        };
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).context("a free port")?;
        let text = read(&path)?.replacen(&format!("\"{configured}\""), &format!("\"{free}\""), 1);
        replace(&path, text.as_bytes())?;
        Ok(free)
    }

    /// Names the log server that is told of every event, in place of the one that was named before.
    pub fn tell(&self, address: &Address) -> anyhow::Result<()> {
        let path = self.config();
        replace(&path, documents::telling(&read(&path)?, &address.to_string()).as_bytes())
    }

    /// Who is told of every event, by this start's wish or an earlier one's.
    pub fn log_servers(&self) -> anyhow::Result<Vec<String>> {
        let config = Config::read(&self.config())?;
        Ok(config.syslog.destinations.iter().map(|destination| destination.address.to_string()).collect())
    }

    fn configure(&self, values: &[(&str, &str)]) -> anyhow::Result<()> {
        let path = self.config();
        let mut text = read(&path)?;
        for (key, value) in values {
            text = documents::with(&text, key, value).with_context(|| path.display().to_string())?;
        }
        replace(&path, text.as_bytes())
    }

    /// `egressctl` is this very program under its other name.
    fn link(&self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("the path of this program")?;
        remove(&self.egressctl())?;
        symlink(&program, self.egressctl()).with_context(|| self.egressctl().display().to_string())
    }
}

fn mark(root: &Path) -> anyhow::Result<File> {
    let path = root.join(MARKER);
    if !path.exists() {
        let mut others = root.read_dir().with_context(|| root.display().to_string())?;
        ensure!(others.next().is_none(), "{} is not empty, and no demonstration made it: give another directory", root.display());
        replace(&path, MARKED.as_bytes())?;
    }
    #[expect(clippy::disallowed_methods, reason = "the demonstration's own directory")]
    let marker = File::open(&path).with_context(|| path.display().to_string())?;
    match flock(&marker, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(marker),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            bail!("another demonstration runs in {}: give another directory, or end that one", lines::quoted_path(root))
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// A directory of its owner alone: below it lie everybody's private keys.
pub fn make(directory: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(|| directory.display().to_string())
}

#[expect(clippy::disallowed_methods, reason = "the demonstration's own directory")]
pub fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Writes a file whole or not at all.
#[expect(clippy::disallowed_methods, reason = "the demonstration's own directory")]
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_added_extension("part");
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.with_context(|| path.display().to_string())
}

#[expect(clippy::disallowed_methods, reason = "the demonstration's own directory")]
pub fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_context(|| path.display().to_string()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_no_demonstration_made_is_not_touched() {
        let directory = tempfile::tempdir().unwrap();
        let theirs = directory.path().join("egressd.toml");
        replace(&theirs, b"theirs").unwrap();
        let refused = Place::open(directory.path(), &Screen::of_stdout()).err().unwrap();
        assert!(refused.to_string().contains("no demonstration made it"), "{refused:#}");
        assert_eq!((read(&theirs).unwrap().as_str(), directory.path().read_dir().unwrap().count()), ("theirs", 1));
    }

    #[test]
    fn a_directory_is_used_by_one_demonstration_at_a_time_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let open = || Place::open(&directory.path().join("demo"), &Screen::of_stdout());
        let first = open().unwrap();
        let doors = first.listen_on_free_ports().unwrap();
        assert_ne!(doors.sftp, doors.https);
        assert!(open().err().unwrap().to_string().contains("another demonstration"));
        drop(first);
        let again = open().unwrap();
        assert_eq!(again.listen_on_free_ports().unwrap(), doors);
        let taken = TcpListener::bind(doors.https).unwrap();
        let moved = again.listen_on_free_ports().unwrap();
        assert_eq!((moved.sftp, moved.https == doors.https), (doors.sftp, false));
        drop(taken);
    }
}
