//! A whole gateway for tests: its own directory, a staff that can do everything together, and verbs that take a vendor from
//! its file to a released delivery. Everything goes through the desk and the staging directory, as it would in an office.
#![expect(clippy::disallowed_methods, reason = "the fixture plays the producer and waits by the wall clock")]

pub(crate) use crate::clock::{Clock, ManualClock, SystemClock};
pub(crate) use crate::sealing::Recipient;

mod kept;
mod records;
mod risk;
mod tls_pair;

pub(crate) use kept::private;
pub(crate) use records::Ended;
pub(crate) use risk::{Enrolled, signed};
pub(crate) use tls_pair::TlsPair;

use super::{
    Announcements, Desk, Door, Gateway, Outbox, Parts, Refused, Rules, Settings,
    answers::{Done, FileState, GateView, Submitted, Voted},
    asked::{DeliveryPath, Scope},
};
use crate::{
    audit::Signer,
    domain::{
        digest::Digest,
        event::{Actor, Decision},
        form::sample,
        ids::{FileId, Slug, TicketNumber},
        people::{Gate, Role},
        policy::Policy,
        signature::{NAMESPACE_VOTE, PublicKey, openssh_fingerprint},
        time::Day,
        vendor::{confirmation_text, token_confirmation_text},
        vote::{Asked, Ballot},
    },
    sealing::{Identity, MasterKey},
};
use russh::keys::{
    Algorithm, HashAlg, PrivateKey,
    key::safe_rng,
    ssh_key::{LineEnding, SshSig},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinSet};
use zeroize::Zeroizing;

/// Nothing that a test waits for takes longer, on the slowest machine that builds this.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

/// The staff: who files, confirms, asks, votes and ends. Roles are spread as separation of duties wants them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Staff {
    /// operator, sysadmin
    Olga,
    /// security_reviewer, security_responder
    Sam,
    /// requester
    Rita,
    /// business_approver
    Bela,
    /// data_owner
    Dora,
    /// privacy_reviewer
    Pia,
    /// vendor_risk_analyst
    Vera,
    /// legal_reviewer
    Lena,
}

impl Staff {
    pub(crate) const ALL: [Self; 8] =
        [Self::Olga, Self::Sam, Self::Rita, Self::Bela, Self::Dora, Self::Pia, Self::Vera, Self::Lena];

    const fn roles(self) -> &'static [Role] {
        match self {
            Self::Olga => &[Role::Operator, Role::Sysadmin],
            Self::Sam => &[Role::SecurityReviewer, Role::SecurityResponder],
            Self::Rita => &[Role::Requester],
            Self::Bela => &[Role::BusinessApprover],
            Self::Dora => &[Role::DataOwner],
            Self::Pia => &[Role::PrivacyReviewer],
            Self::Vera => &[Role::VendorRiskAnalyst],
            Self::Lena => &[Role::LegalReviewer],
        }
    }

    pub(crate) fn holding(gate: Gate) -> Self {
        Self::ALL
            .into_iter()
            .find(|staff| staff.roles().contains(&gate.role()))
            .expect("every gate of the example policy is held")
    }
}

/// A vendor and its private halves.
pub(crate) struct Vendor {
    pub(crate) id: Slug,
    pub(crate) login: PrivateKey,
    /// An SSH key too: `age -d -i` reads it.
    pub(crate) recipient: PrivateKey,
    pub(crate) tls: TlsPair,
}

/// The gateway, everything that it stands on, and everybody who works with it.
pub(crate) struct House {
    directory: TempDir,
    origin: String,
    log_key: Zeroizing<Vec<u8>>,
    master: Zeroizing<String>,
    identity: Identity,
    clock: Arc<dyn Clock>,
    keys: Vec<PrivateKey>,
    people: Vec<Actor>,
    /// Who is told of what happens, from the next [`House::start`] on.
    pub(crate) announcements: Option<Announcements>,
    running: Option<Running>,
}

struct Running {
    gateway: Gateway,
    /// The gateway's own work; ends when `stop` is dropped.
    work: JoinSet<()>,
    stop: Option<oneshot::Sender<()>>,
}

/// Rules with this policy. Files come whole, by a rename: there is nothing to wait for, whichever clock this is.
fn rules(policy: &str) -> Rules {
    Rules {
        policy: Arc::new(Policy::parse(policy).unwrap()),
        settings: Settings { settle: Duration::ZERO, ..Settings::default() },
        configuration: Digest::of(b"fixture"),
    }
}

/// A new Ed25519 key.
pub(crate) fn key() -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).unwrap()
}

/// A CSV of [`House::ticket`]'s columns with at least `bytes` bytes, different in every row.
pub(crate) fn csv(bytes: usize) -> Vec<u8> {
    let mut text = String::with_capacity(bytes + 200);
    text.push_str("order_id,note\n");
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for row in 0_u64.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&format!("{row},"));
        for _ in 0..8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(&format!("{state:016x}"));
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// Waits for something, by looking again and again: there is nobody to tell.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(LOOK).await;
    }
}

impl House {
    /// A running gateway with its staff, on the system's clock.
    pub(crate) async fn open() -> Self {
        Self::with(Arc::new(SystemClock::new())).await
    }

    pub(crate) async fn with(clock: Arc<dyn Clock>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["state", "staging"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let origin = "gateway.example/fixture".to_owned();
        let (_, log_key) = Signer::generate(origin.parse().unwrap()).unwrap();
        let master = MasterKey::generate().to_text();
        let keys = Staff::ALL.map(|_| key()).into();
        let identity = Identity::generate();
        let mut house = Self {
            directory,
            origin,
            log_key,
            master,
            identity,
            clock,
            keys,
            people: Vec::new(),
            announcements: None,
            running: None,
        };
        let parts = house.parts();
        blocking(move || Gateway::create(parts)).await.unwrap();
        house.start().await;
        house.enrol().await;
        house
    }

    fn parts(&self) -> Parts {
        Parts {
            announcements: self.announcements.clone(),
            state: self.directory.path().join("state"),
            staging: self.directory.path().join("staging"),
            rules: rules(include_str!("../../config/policy.toml")),
            master: MasterKey::from_text(&self.master).unwrap(),
            identity: self.identity.clone(),
            signer: Signer::from_pkcs8(self.origin.parse().unwrap(), &self.log_key).unwrap(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Opens the gateway again, after [`House::stop`] or a crash.
    pub(crate) async fn start(&mut self) {
        // Another test's child holds a copy of each descriptor between fork and exec: the lock of the ledger too.
        let gateway = until("the ledger's lock", async || {
            let parts = self.parts();
            match blocking(move || Gateway::open(parts)).await {
                Err(fault) if fault.to_string().contains("ledger.lock") => None,
                opened => Some(opened.unwrap()),
            }
        })
        .await;
        let (stop, stopped) = oneshot::channel::<()>();
        let mut work = JoinSet::new();
        let working = gateway.clone();
        work.spawn(async move {
            working
                .run(async {
                    let _ = stopped.await;
                })
                .await
                .unwrap();
        });
        self.running = Some(Running { gateway, work, stop: Some(stop) });
    }

    /// Why the stopped gateway does not open with a master key that is not its own.
    pub(crate) async fn refusal_of_another_master(&self) -> String {
        self.refusal(|| Parts { master: MasterKey::generate(), ..self.parts() }).await
    }

    /// Why the stopped gateway does not open.
    pub(crate) async fn refusal_to_start(&self) -> String {
        self.refusal(|| self.parts()).await
    }

    async fn refusal(&self, parts: impl Fn() -> Parts) -> String {
        until("the ledger's lock", async || {
            let parts = parts();
            let fault = blocking(move || Gateway::open(parts)).await.err().expect("it opens").to_string();
            (!fault.contains("ledger.lock")).then_some(fault)
        })
        .await
    }

    /// The gateway's own work ends: nothing is staged, sealed, released, expired or purged from here on. Its handles live.
    pub(crate) async fn rest(&mut self) {
        let running = self.running.as_mut().expect("the gateway is open");
        running.stop = None;
        while let Some(ended) = running.work.join_next().await {
            ended.unwrap();
        }
    }

    /// An orderly end. Sessions have ended, and nobody holds a desk or a door.
    pub(crate) async fn stop(&mut self) {
        self.rest().await;
        let running = self.running.take().expect("the gateway is open");
        running.gateway.stop(std::future::ready(())).await.unwrap();
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.running.as_ref().expect("the gateway is open").gateway
    }

    pub(crate) fn desk(&self) -> Desk {
        self.gateway().desk()
    }

    pub(crate) fn outbox(&self, destination: &str) -> Outbox {
        self.gateway().outbox(&destination.parse().unwrap()).unwrap()
    }

    pub(crate) fn observer(&self) -> super::Observer {
        self.gateway().observer()
    }

    /// The same rules, and others who are told.
    pub(crate) async fn reload(&self, announcements: Option<Announcements>) -> u64 {
        let rules = Rules::clone(&self.gateway().core.rules());
        self.gateway().reload(rules, announcements).await.unwrap()
    }

    /// The same settings, and another policy.
    pub(crate) async fn reload_policy(&self, policy: &str) {
        self.gateway().reload(rules(policy), self.announcements.clone()).await.unwrap();
    }

    pub(crate) fn door(&self) -> Door {
        self.gateway().door()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn person(&self, staff: Staff) -> Actor {
        self.people[staff as usize]
    }

    pub(crate) fn sign(&self, staff: Staff, text: &str) -> String {
        self.sign_for(NAMESPACE_VOTE, staff, text)
    }

    pub(crate) fn sign_for(&self, namespace: &str, staff: Staff, text: &str) -> String {
        let signature = SshSig::sign(&self.keys[staff as usize], namespace, HashAlg::Sha512, text.as_bytes()).unwrap();
        signature.to_pem(LineEnding::LF).unwrap()
    }

    /// The machine's owner enrols the first two; they propose and complete the others.
    async fn enrol(&mut self) {
        for staff in Staff::ALL {
            let public = PublicKey::new(self.keys[staff as usize].public_key()).unwrap();
            let name: Slug = format!("{staff:?}").to_lowercase().parse().unwrap();
            let roles: std::collections::BTreeSet<_> = staff.roles().iter().copied().collect();
            let by = if self.people.len() < 2 { vec![Actor::Owner] } else { self.people[..2].to_vec() };
            for by in by {
                self.desk().staff_enroll(by, name.clone(), roles.clone(), public.clone(), None).await.unwrap();
            }
            let key = public.fingerprint();
            let id = self.desk().who(&public).await.unwrap().id;
            self.people.push(Actor::Person { id, key });
        }
    }

    /// A vendor whose keys three people stand behind, and who comes from this machine.
    pub(crate) async fn vendor(&self, name: &str) -> Vendor {
        let vendor = Vendor { id: name.parse().unwrap(), login: key(), recipient: key(), tls: TlsPair::new(&[name]) };
        self.file_vendor(&vendor).await;
        vendor
    }

    /// Files the vendor's keys, as they are now, and confirms them.
    pub(crate) async fn file_vendor(&self, vendor: &Vendor) {
        let revision = self.put_forward(vendor).await.unwrap();
        for staff in [Staff::Olga, Staff::Sam] {
            self.confirm(vendor, revision, staff).await.unwrap();
        }
    }

    /// Files the vendor's keys alone.
    pub(crate) async fn put_forward(&self, vendor: &Vendor) -> Result<Digest, Refused> {
        let filed = self.desk().vendor_add(self.person(Staff::Vera), vendor_document(vendor)).await;
        filed.map(|filed| filed.revision)
    }

    pub(crate) async fn confirm(&self, vendor: &Vendor, revision: Digest, by: Staff) -> Result<(), Refused> {
        let signature = self.sign(by, &confirmation_text(&vendor.id, revision));
        self.desk().vendor_confirm(self.person(by), vendor.id.clone(), revision, Some(signature)).await.map(drop)
    }

    /// Confirms a token of this vendor.
    pub(crate) async fn confirm_token(&self, staff: Staff, vendor: &Vendor, token: Digest, until: Day) -> Result<(), Refused> {
        let signature = self.sign(staff, &token_confirmation_text(&vendor.id, token, until));
        self.desk().vendor_confirm_token(self.person(staff), vendor.id.clone(), token, Some(signature)).await.map(drop)
    }

    /// As if the vendor had logged in as often as it may within a minute.
    pub(crate) fn crowd(&self, vendor: &Vendor) {
        let core = &self.gateway().core;
        let id = self.gateway().look(|facts| Ok(facts.vendor_named(&vendor.id)?.unwrap().id)).unwrap();
        while core.logins.count(id, core.clock.elapsed()).is_ok() {}
    }

    /// What a stop does to transfers that nobody reads any more.
    pub(crate) async fn end_every_pull(&self) {
        self.gateway().end_every_pull().await;
    }

    /// An active ticket for `vendor`: two columns, `order_id` of class business and `note` of `class`.
    pub(crate) async fn ticket(&self, vendor: &Vendor, class: &str) -> TicketNumber {
        self.ticket_within(vendor, class, "").await
    }

    /// The same with lines of the document's table `limits`.
    pub(crate) async fn ticket_within(&self, vendor: &Vendor, class: &str, limits: &str) -> TicketNumber {
        self.activated(self.submit(vendor, class, limits).await).await
    }

    /// The same for these protocols only.
    pub(crate) async fn ticket_over(&self, vendor: &Vendor, class: &str, protocols: &str) -> TicketNumber {
        let document = ticket_document(vendor, class, "", protocols);
        let number = self.desk().ticket_submit(self.person(Staff::Rita), document).await.unwrap().ticket;
        self.activated(number).await
    }

    pub(crate) async fn activated(&self, number: TicketNumber) -> TicketNumber {
        let desk = self.desk();
        let gates = desk.ticket_show(self.person(Staff::Rita), number).await.unwrap().gates;
        for GateView { gate, .. } in gates {
            self.vote(number, approval(gate)).await.unwrap();
        }
        desk.ticket_activate(self.person(Staff::Olga), number).await.unwrap();
        number
    }

    /// A ticket that nobody has voted on.
    pub(crate) async fn submit(&self, vendor: &Vendor, class: &str, limits: &str) -> TicketNumber {
        let document = ticket_document(vendor, class, limits, r#""sftp", "https""#);
        self.desk().ticket_submit(self.person(Staff::Rita), document).await.unwrap().ticket
    }

    /// What a gate of the ticket asks now.
    pub(crate) async fn asked(&self, number: TicketNumber, gate: Gate) -> Asked {
        let view = self.desk().ticket_show(self.person(Staff::holding(gate)), number).await.unwrap();
        let question = view.gates.iter().find(|view| view.gate == gate).map_or(Digest::of(b"not asked"), |view| view.question);
        Asked { ticket: number, question, revision: view.under_review, policy: view.policy, after: view.your_last_vote }
    }

    /// The vote of whoever holds the gate.
    pub(crate) async fn vote(&self, number: TicketNumber, ballot: Ballot) -> Result<Voted, Refused> {
        let (staff, asked) = (Staff::holding(ballot.gate), self.asked(number, ballot.gate).await);
        let signature = self.sign(staff, &ballot.text(&asked));
        self.desk().ticket_vote(self.person(staff), asked, ballot, signature).await
    }

    /// Olga asks, Sam agrees.
    pub(crate) async fn resume(&self, number: TicketNumber) -> Result<Done, Refused> {
        let reason = || "its cause is gone".to_owned();
        self.desk().ticket_resume(self.person(Staff::Olga), number, reason()).await?;
        self.desk().ticket_resume(self.person(Staff::Sam), number, reason()).await
    }

    /// A further revision by the ticket's requester.
    pub(crate) async fn revise(&self, number: TicketNumber, document: String) -> Result<Submitted, Refused> {
        let rita = self.person(Staff::Rita);
        let base = self.desk().ticket_show(rita, number).await.unwrap().under_review;
        self.desk().ticket_revise(rita, number, base, document).await
    }

    /// Puts a file into staging whole, as a careful producer does: written elsewhere, then renamed.
    pub(crate) fn drop_file(&self, ticket: TicketNumber, name: &str, content: &[u8]) {
        let elsewhere = self.path("elsewhere");
        fs::write(&elsewhere, content).unwrap();
        self.drop_path(ticket, name, &elsewhere);
    }

    /// The same with a file that is there already: it is moved.
    pub(crate) fn drop_path(&self, ticket: TicketNumber, name: &str, from: &Path) {
        let directory = self.path("staging").join(ticket.to_string());
        fs::create_dir_all(&directory).unwrap();
        fs::rename(from, directory.join(name)).unwrap();
    }

    /// Stages the files as one delivery and waits until it is released.
    pub(crate) async fn deliver(&self, ticket: TicketNumber, files: &[(&str, &[u8])]) -> DeliveryPath {
        for (name, content) in files {
            self.drop_file(ticket, name, content);
        }
        let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
        self.release(ticket, &names).await
    }

    /// Waits until files of these names are taken, closes their delivery and waits until it is released.
    pub(crate) async fn release(&self, ticket: TicketNumber, names: &[&str]) -> DeliveryPath {
        let before = self.deliveries(ticket).await;
        // The command and not `_READY`: it is refused until the first file is there, and names the delivery.
        until("the staged files", async || {
            let rows = self.desk().file_list(self.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
            if let Some(held) = rows.iter().find(|row| matches!(row.state, FileState::Held | FileState::Refused)) {
                panic!("{held:?}");
            }
            let taken = |name: &str| rows.iter().any(|row| row.name == name && row.state != FileState::Settling);
            names.iter().all(|name| taken(name)).then_some(())
        })
        .await;
        self.desk().delivery_close(self.person(Staff::Olga), ticket, None).await.unwrap();
        until("the release", async || {
            let released = self.deliveries(ticket).await;
            released.into_iter().find(|delivery| !before.contains(delivery))
        })
        .await
    }

    /// The ticket's deliveries that are released.
    pub(crate) async fn deliveries(&self, ticket: TicketNumber) -> Vec<DeliveryPath> {
        let rows = self.desk().delivery_list(self.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
        rows.into_iter().filter(|row| row.released_at.is_some()).map(|row| row.delivery).collect()
    }

    /// The id of a file of this ticket.
    pub(crate) async fn file(&self, ticket: TicketNumber, name: &str) -> FileId {
        let rows = self.desk().file_list(self.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
        rows.into_iter().find(|row| row.name == name).and_then(|row| row.id).expect("the file is staged")
    }

    pub(crate) async fn revoke(&self, scope: Scope) -> Result<super::answers::Receipt, Refused> {
        self.desk().revoke(self.person(Staff::Sam), scope, "a drill".to_owned()).await
    }

    pub(crate) async fn end_what_nobody_holds(&self) {
        self.gateway().end_what_nobody_holds().await.unwrap();
    }
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| match path.is_dir() {
        true => find(&path, name),
        false => path.file_name().is_some_and(|file| file == name).then_some(path),
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn public(key: &PrivateKey) -> String {
    PublicKey::new(key.public_key()).unwrap().to_string()
}

fn vendor_document(Vendor { id, login, recipient, tls }: &Vendor) -> String {
    format!(
        r#"vendor = 1
id = "{id}"
name = "{id} Ltd"
contact = "ops@{id}.example"
login_keys = ["{}"]
tls_keys = ["{}"]
recipients = ["{}"]
addresses = ["127.0.0.0/8"]
[assessment]
reference = "VR-1"
valid_until = "2100-01-01"
contract = "C-1"
"#,
        public(login),
        openssh_fingerprint(tls.pin),
        public(recipient),
    )
}

/// A plain yes.
pub(crate) fn approval(gate: Gate) -> Ballot {
    Ballot { gate, decision: Decision::Approve, because: None, reason: String::new(), comments: Vec::new(), terms: Vec::new() }
}

pub(crate) fn ticket_document(vendor: &Vendor, class: &str, limits: &str, protocols: &str) -> String {
    let field = |name, class| {
        format!(
            "[[field]]\nname = \"{name}\"\ntype = \"text\"\nclass = \"{class}\"\nsource = \"db://orders/{name}\"\n\
             destination = \"s3://lake/{name}\"\nnecessity = \"the forecast\"\ntreatment = \"as_is\"\n"
        )
    };
    format!(
        "ticket = 1\ntitle = \"Orders\"\nvendor = \"{}\"\npurpose = \"forecast the demand for each product\"\n\
         justification = \"we have nobody who could do it\"\n\
         format = \"csv\"\nprotocols = [{protocols}]\nretention_days = 14\n{}[window]\nopens = \"2020-01-01\"\ncloses = \"2099-12-31\"\n\
         {}[limits]\n{limits}\n{}{}",
        vendor.id,
        sample::KEYS,
        sample::TABLES,
        field("order_id", "business"),
        field("note", class),
    )
}
