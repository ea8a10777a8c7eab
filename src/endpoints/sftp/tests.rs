//! The SFTP endpoint on the real gateway: Debian's own clients, hostile ones, and revocation of all of them.
#![expect(clippy::disallowed_methods, reason = "the tests run clients and measure")]

mod clients;
mod hostile;
mod raw;
mod revocation;

use super::{Ciphers, Transport};
use crate::{
    domain::{
        digest::Digest,
        event::{Event, SessionEnd, TransferEnd},
        ids::TicketNumber,
    },
    endpoints::listener::{Entrance, Places, Running},
    gateway::{
        asked::DeliveryPath,
        fixture::{self, Clock, Ended, House, SystemClock, Vendor},
    },
};
use russh::keys::{PrivateKey, ssh_key::LineEnding};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch, task::JoinSet};

/// A house with an open SFTP listener, and one vendor with an active ticket.
struct Served {
    house: House,
    vendor: Vendor,
    ticket: TicketNumber,
    port: u16,
    running: watch::Sender<Running>,
    listening: JoinSet<()>,
    /// Dropped last: everything above has tasks in it.
    runtime: Arc<Runtime>,
}

impl Served {
    fn new() -> Self {
        Self::with(Arc::new(SystemClock::new()))
    }

    fn with(clock: Arc<dyn Clock>) -> Self {
        let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
        let (running, heard) = watch::channel(Running::Serving);
        let mut listening = JoinSet::new();
        let (house, vendor, ticket, port) = runtime.block_on(async {
            let house = House::with(clock).await;
            let vendor = house.vendor("acme").await;
            let ticket = house.ticket(&vendor, "health").await;
            let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let transport = watch::Sender::new(Transport::new(vec![fixture::key()], Ciphers::Aes).unwrap());
            let entrance = Entrance { listener, places: Places::default(), running: heard };
            listening.spawn(super::run(entrance, house.door(), transport.subscribe()));
            (house, vendor, ticket, port)
        });
        write_key(&house.path("id"), &vendor.login);
        write_key(&house.path("recipient"), &vendor.recipient);
        Self { house, vendor, ticket, port, running, listening, runtime }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.house.path(name)
    }

    fn deliver(&self, files: &[(&str, &[u8])]) -> DeliveryPath {
        self.runtime.block_on(self.house.deliver(self.ticket, files))
    }

    /// One released file of about `bytes` bytes.
    fn file(&self, bytes: usize) -> Remote {
        let plaintext = fixture::csv(bytes);
        let delivery = self.deliver(&[("orders.csv", &plaintext)]);
        let id = self.runtime.block_on(self.house.file(self.ticket, "orders.csv"));
        let (sha256, bytes) = self.house.sealed(id);
        Remote { path: format!("/{delivery}/orders.csv.age"), delivery, id, sha256, bytes, plaintext }
    }

    fn options(&self) -> Vec<String> {
        let identity = self.path("id").display().to_string();
        let mut options: Vec<String> = ["-F", "none", "-i", &identity].map(Into::into).into();
        for option in
            ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        {
            options.extend(["-o".into(), option.into()]);
        }
        options
    }

    /// A client of OpenSSH's with the vendor's key. `timeout` ends one that hangs.
    fn client(&self, program: &str) -> Command {
        let port = self.port.to_string();
        let mut command = Command::new("timeout");
        command.args(["60", program, if program == "ssh" { "-p" } else { "-P" }, &port]).args(self.options());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, program: &str, more: &[&str], input: &str) -> Output {
        let mut child = self.client(program).args(more).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn sftp(&self, more: &[&str], batch: &str) -> Output {
        self.run("sftp", &[more, &["-b", "-", "acme@127.0.0.1"]].concat(), batch)
    }

    fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        self.runtime.block_on(fixture::until(what, async || look()))
    }

    /// How every session ended; waits until they have.
    fn sessions(&self) -> Vec<SessionEnd> {
        self.until("the sessions' ends", || self.house.sessions().into_iter().map(|(_, how)| how).collect())
    }

    /// How much each ended session was refused.
    fn denied(&self) -> Vec<u32> {
        let denied = |record: crate::domain::event::Record| match record.event {
            Event::SessionClosed { denied, .. } => Some(denied),
            _ => None,
        };
        self.house.log().into_iter().filter_map(denied).collect()
    }

    /// How every transfer ended; waits until they have.
    fn transfers(&self) -> Vec<Ended> {
        self.until("the transfers' ends", || self.house.transfers().into_iter().map(|transfer| transfer.end).collect())
    }

    fn until_a_transfer_runs(&self) {
        self.until("a transfer", || (!self.house.transfers().is_empty()).then_some(()));
    }

    /// Waits until so many connections were turned away, and no more.
    fn until_rejected(&self, count: u32) {
        let rejected = async || {
            let so_far = self.house.rejected().await;
            assert!(so_far <= count, "{so_far}");
            (so_far == count).then_some(())
        };
        self.runtime.block_on(fixture::until("the rejections", rejected));
    }

    /// Waits for every session, and for the listener.
    fn drain(&mut self) {
        self.running.send_replace(Running::Draining);
        self.runtime.block_on(async { while self.listening.join_next().await.is_some() {} });
    }
}

/// A released file as its vendor names it.
struct Remote {
    path: String,
    delivery: DeliveryPath,
    id: crate::domain::ids::FileId,
    /// Of what is served, like `bytes`.
    sha256: Digest,
    bytes: u64,
    plaintext: Vec<u8>,
}

fn write_key(path: &Path, key: &PrivateKey) {
    fs::write(path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn fine(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn whole(ended: &Ended, bytes: u64) -> bool {
    ended.how == TransferEnd::Closed && ended.ranges == Some(vec![(0, bytes)])
}

fn soon(begun: Instant) {
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
