//! The HTTPS endpoint on the real gateway: a client that says exactly what a test wants, curl, and revocation of both.
#![expect(clippy::disallowed_methods, reason = "the tests run clients and measure")]

mod certificates;
mod client;
mod hostile;
mod pulls;
mod revocation;
mod serving;

use super::Tls;
use crate::{
    domain::{
        credential::{token_digest, token_text},
        digest::Digest,
        event::{SessionEnd, TransferEnd},
        ids::{FileId, TicketNumber},
        time::{Day, days},
    },
    endpoints::listener::{Entrance, Places, Running},
    gateway::{
        asked::{DeliveryPath, Scope},
        fixture::{self, Clock, Ended, House, Staff, SystemClock, TlsPair, Vendor},
    },
};
use client::Client;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::Arc,
};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch, task::JoinSet};

/// A house with an open HTTPS listener, and one vendor with an active ticket.
struct Served {
    house: House,
    vendor: Vendor,
    ticket: TicketNumber,
    port: u16,
    /// The gateway's own certificate.
    pair: TlsPair,
    tls: watch::Sender<Tls>,
    running: watch::Sender<Running>,
    listening: JoinSet<()>,
    /// Dropped last: everything above has tasks in it.
    runtime: Arc<Runtime>,
}

/// A released file as its vendor names it.
struct Remote {
    path: String,
    delivery: DeliveryPath,
    id: FileId,
    /// Of what is served, like `bytes`.
    sha256: Digest,
    bytes: u64,
}

fn tls(pair: &TlsPair) -> Tls {
    let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
    Tls::new(chain, PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap()).unwrap()
}

impl Served {
    fn new() -> Self {
        Self::with(Arc::new(SystemClock::new()), "")
    }

    /// With this clock, and these limits in the ticket.
    fn with(clock: Arc<dyn Clock>, limits: &str) -> Self {
        let runtime = Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());
        let (running, heard) = watch::channel(Running::Serving);
        let pair = TlsPair::new(&["localhost", "127.0.0.1"]);
        let (tls, newest) = watch::channel(tls(&pair));
        let mut listening = JoinSet::new();
        let (house, vendor, ticket, port) = runtime.block_on(async {
            let house = House::with(clock).await;
            let vendor = house.vendor("acme").await;
            let ticket = house.ticket_within(&vendor, "health", limits).await;
            let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let entrance = Entrance { listener, places: Places::default(), running: heard };
            listening.spawn(super::run(entrance, house.door(), newest));
            (house, vendor, ticket, port)
        });
        fs::write(house.path("ca.pem"), &pair.certificate).unwrap();
        Self { house, vendor, ticket, port, pair, tls, running, listening, runtime }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.house.path(name)
    }

    /// One released file of about `bytes` bytes.
    fn file(&self, bytes: usize) -> Remote {
        let delivery = self.runtime.block_on(self.house.deliver(self.ticket, &[("orders.csv", &fixture::csv(bytes))]));
        let id = self.runtime.block_on(self.house.file(self.ticket, "orders.csv"));
        let (sha256, bytes) = self.house.sealed(id);
        Remote { path: format!("/{delivery}/orders.csv.age"), delivery, id, sha256, bytes }
    }

    /// A token that another person has confirmed.
    fn token(&self, seed: u8) -> String {
        let text = self.unconfirmed(seed);
        let digest = token_digest(&text).unwrap();
        self.runtime.block_on(self.house.confirm_token(Staff::Olga, &self.vendor, digest, until())).unwrap();
        text
    }

    fn unconfirmed(&self, seed: u8) -> String {
        let text = token_text(&[seed; 32]).to_string();
        let (desk, by) = (self.house.desk(), self.house.person(Staff::Vera));
        let digest = token_digest(&text).unwrap();
        self.runtime.block_on(desk.vendor_token(by, self.vendor.id.clone(), digest, until())).unwrap();
        text
    }

    /// A connection with the vendor's certificate.
    fn client(&self) -> Client {
        Client::connect(self.port, &self.pair, Some(&self.vendor.tls)).unwrap()
    }

    /// A connection without a certificate.
    fn nobody(&self) -> Client {
        Client::connect(self.port, &self.pair, None).unwrap()
    }

    /// curl, with the vendor's certificate.
    fn curl(&self) -> Command {
        fs::write(self.path("acme.crt"), &self.vendor.tls.certificate).unwrap();
        fs::write(self.path("acme.key"), &self.vendor.tls.key).unwrap();
        let mut command = self.bare_curl();
        command.arg("--cert").arg(self.path("acme.crt")).arg("--key").arg(self.path("acme.key"));
        command
    }

    fn bare_curl(&self) -> Command {
        let mut command = Command::new("curl");
        command.args(["--disable", "--silent", "--show-error", "--max-time", "120", "--noproxy", "*"]);
        command.arg("--cacert").arg(self.path("ca.pem")).stdin(Stdio::null());
        command
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        self.runtime.block_on(fixture::until(what, async || look()))
    }

    /// How every session ended; waits until they have.
    fn sessions(&self) -> Vec<SessionEnd> {
        self.until("the sessions' ends", || self.house.sessions().into_iter().map(|(_, how)| how).collect())
    }

    /// How every transfer ended; waits until they have.
    fn transfers(&self) -> Vec<Ended> {
        self.until("the transfers' ends", || self.house.transfers().into_iter().map(|transfer| transfer.end).collect())
    }

    fn begun(&self) -> usize {
        self.house.transfers().len()
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

    fn revoke(&self, scope: Scope) -> crate::gateway::answers::Receipt {
        self.runtime.block_on(self.house.revoke(scope)).unwrap()
    }

    /// Waits for every session, for the listener, and for the end of every transfer.
    fn stop(&mut self) {
        self.running.send_replace(Running::Draining);
        self.runtime.block_on(async {
            while self.listening.join_next().await.is_some() {}
            self.house.end_every_pull().await;
        });
    }
}

fn until() -> Day {
    Day::of(SystemClock::new().now() + days(30))
}

fn fine(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
