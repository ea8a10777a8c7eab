//! The configuration: one TOML file, read strictly, and the key files that it names.

mod credentials;
mod https;
mod internal;
mod kept;
mod marks;
mod syslog;

pub use internal::InternalAddress;
pub use marks::KeyMarks;
pub use syslog::Syslog;

use crate::{
    audit::{Origin, Signer},
    domain::{
        digest::Digest,
        document::{self, DocumentError},
        limits,
        policy::Policy,
        time::days,
    },
    endpoints::{
        https::{Host, Tls},
        sftp::Ciphers,
    },
    gateway::{Rules, Settings},
    sealing::{Identity, MasterKey, NotAnIdentity},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use credentials::key_path;
use https::Https;
use internal::Internal;
use russh::keys::PrivateKey;
use rustix::{
    fs::{Mode, OFlags, fstat, open},
    process::geteuid,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf, absolute},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// What stands in front of a log key file's two words: the origin and the PKCS #8 in base64.
const LOG_KEY: &str = "egressd-log-key-v1";

/// SHA-256 of the key files in keys-example/. They are published, so whoever serves with them serves everybody.
const EXAMPLE_KEYS: [&str; 5] = [
    "4b74fd03149f3be9c02a201d1e6c4a7793d555be0c863c35ed7da6eb412d89c2", // master.key
    "ea0cb4235222adac22e7a8c372dad41e77a276d64ccddbc4a56cf408a2732ab1", // log.key
    "2a7f57eb684d113f6d04a43913ac7e2949df5c2c2b50582a68c9ab42ddb79bc6", // ssh_host_ed25519
    "9a85980f6f099a0a255c1e4ee70a181607cd72c0acebc90556f8c5a6dff6b7e0", // staging.age
    "0308b7590ae7db9236a4c4ade313260f4006a8166260fe029293a3c0348fdc07", // tls.key
];

/// What is wrong with a configuration, in which file, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {error}", path.display())]
    Document { path: PathBuf, error: Box<DocumentError> },
    #[error("{}: {what}", path.display())]
    Value { path: PathBuf, what: String },
    #[error("{}: the key file may be read by others (mode {mode:o}): chmod 400 {}", path.display(), path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{}: the key file belongs to user {owner}, who could change it: chown it to the daemon's user", path.display())]
    Foreign { path: PathBuf, owner: u32 },
    #[error("{}: this key is published in keys-example/: make one of your own with egressd init", path.display())]
    Example { path: PathBuf },
    #[error("{}: {what}", path.display())]
    Key { path: PathBuf, what: String },
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    egressd: u32,
    paths: Paths,
    keys: Keys,
    #[serde(default)]
    sftp: Sftp,
    #[serde(default)]
    internal: Internal,
    #[serde(default)]
    https: Https,
    #[serde(default)]
    files: Files,
    #[serde(default)]
    syslog: syslog::Document,
}

/// Relative ones are seen from the configuration's directory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paths {
    policy: PathBuf,
    staging: PathBuf,
    state: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control_socket: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    master: PathBuf,
    log: PathBuf,
    staging: PathBuf,
    ssh_host: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls_certificate: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls_key: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CipherChoice {
    AesGcm,
    Aes,
    AesAndChacha20,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sftp {
    listen: Vec<SocketAddr>,
    ciphers: CipherChoice,
}

impl Default for Sftp {
    fn default() -> Self {
        Self { listen: vec![SocketAddr::from(([127, 0, 0, 1], 2222))], ciphers: CipherChoice::Aes }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Files {
    settle_seconds: u32,
    rescan_seconds: u32,
    delivery_quiet_minutes: u32,
    waiting_days: u32,
    held_hours: u32,
    max_bytes: u64,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            settle_seconds: 10,
            rescan_seconds: 120,
            delivery_quiet_minutes: 0,
            waiting_days: 30,
            held_hours: 72,
            max_bytes: 1 << 40,
        }
    }
}

/// A configuration that was read and makes sense by itself. Keys are read by [`Config::secrets`].
#[derive(Debug)]
pub struct Config {
    pub state: PathBuf,
    pub staging: PathBuf,
    pub control_socket: PathBuf,
    pub sftp: Vec<SocketAddr>,
    pub internal: Vec<InternalAddress>,
    pub ciphers: Ciphers,
    pub https: Vec<SocketAddr>,
    /// The names that HTTPS answers to; none: those of the certificate.
    pub hosts: Vec<Host>,
    /// Its digest is of the values as read: comments and layout do not change it.
    pub rules: Rules,
    pub syslog: Syslog,
    keys: Keys,
    path: PathBuf,
}

/// The keys that a configuration names.
pub struct Secrets {
    pub master: MasterKey,
    pub signer: Signer,
    /// What producers may encrypt staged files to.
    pub identity: Identity,
    pub host_keys: Vec<PrivateKey>,
    pub marks: KeyMarks,
    /// What HTTPS is served with, if it is.
    pub tls: Option<Tls>,
}

impl Config {
    /// Reads a configuration and the policy that it names.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let document: Document = parsed(path)?;
        let value = |what: &str| ConfigError::Value { path: path.to_owned(), what: what.into() };
        if document.egressd != 1 {
            return Err(value("egressd is the version of this file's format: this program reads 1"));
        }
        if document.sftp.listen.is_empty() {
            return Err(value("sftp.listen is empty: without a listener no vendor can pull"));
        }
        if document.keys.ssh_host.is_empty() {
            return Err(value("keys.ssh_host is empty: a server without a host key cannot prove who it is"));
        }
        if !document.https.listen.is_empty() && (document.keys.tls_certificate.is_none() || document.keys.tls_key.is_none()) {
            return Err(value("https.listen needs keys.tls_certificate and keys.tls_key; without HTTPS it is []"));
        }
        let hosts = document.https.hosts.iter().map(|host| Host::parse(host)).collect::<Result<_, _>>();
        let hosts = hosts.map_err(|error| value(&format!("https.hosts: {error}")))?;
        let settings = settings(&document.files).map_err(|what| value(&what))?;
        let syslog = document.syslog.read().map_err(|what| value(&what))?;
        // Seen from the root: the kernel's notifications name what was watched as it was named, and are compared with it.
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let base = absolute(path).map_err(unreadable)?.parent().unwrap_or(Path::new("/")).to_owned();
        let at = |path: &Path| base.join(path);
        let internal = document.internal.addresses(&base).map_err(|what| value(&what))?;
        let Paths { policy, staging, state, control_socket } = &document.paths;
        let policy_path = at(policy);
        let policy = Policy::parse(&text(&policy_path)?)
            .map_err(|error| ConfigError::Document { path: policy_path, error: error.into() })?;
        let configuration = Digest::of_canonical(&document).map_err(|error| value(&error.to_string()))?;
        let key_at = |path: &Path| key_path(&base, path, credentials::directory().as_deref()).map_err(|what| value(&what));
        let keys = Keys {
            master: key_at(&document.keys.master)?,
            log: key_at(&document.keys.log)?,
            staging: key_at(&document.keys.staging)?,
            ssh_host: document.keys.ssh_host.iter().map(|path| key_at(path)).collect::<Result<_, _>>()?,
            tls_certificate: document.keys.tls_certificate.as_deref().map(key_at).transpose()?,
            tls_key: document.keys.tls_key.as_deref().map(key_at).transpose()?,
        };
        Ok(Self {
            control_socket: control_socket.as_ref().map_or_else(|| at(state).join("control.sock"), |path| at(path)),
            state: at(state),
            staging: at(staging),
            sftp: document.sftp.listen,
            internal,
            ciphers: match document.sftp.ciphers {
                CipherChoice::AesGcm => Ciphers::AesGcm,
                CipherChoice::Aes => Ciphers::Aes,
                CipherChoice::AesAndChacha20 => Ciphers::AesAndChaCha20,
            },
            https: document.https.listen,
            hosts,
            rules: Rules { policy: Arc::new(policy), settings, configuration },
            syslog,
            keys,
            path: path.to_owned(),
        })
    }

    /// The file that this was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys of this configuration that differ from those of `running` and cannot change while the gateway runs.
    pub fn needs_restart(&self, running: &Self) -> Vec<&'static str> {
        let fixed = [
            ("paths.state", self.state != running.state),
            ("paths.staging", self.staging != running.staging),
            ("paths.control_socket", self.control_socket != running.control_socket),
            ("keys.master", self.keys.master != running.keys.master),
            ("keys.log", self.keys.log != running.keys.log),
            ("keys.staging", self.keys.staging != running.keys.staging),
            ("sftp.listen", self.sftp != running.sftp),
            ("internal.listen", self.internal != running.internal),
            ("https.listen", self.https != running.https),
            // A listener that runs cannot lose what it serves with, nor one that does not begin with it.
            ("keys.tls_certificate", self.serves_tls() != running.serves_tls()),
        ];
        fixed.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// Reads the keys. Each file is the owner's alone, and none is one of the published examples.
    pub fn secrets(&self) -> Result<Secrets, ConfigError> {
        let key = |path: &Path, what: String| ConfigError::Key { path: path.to_owned(), what };
        let (master, log, staging) = (secret(&self.keys.master)?, secret(&self.keys.log)?, secret(&self.keys.staging)?);
        let mark = |text: &str| Digest::of(text.trim_end().as_bytes());
        let marks = KeyMarks { master: mark(&master), log: mark(&log), staging: mark(&staging) };
        let master = MasterKey::from_text(&master).map_err(|error| key(&self.keys.master, error.to_string()))?;
        let signer = log_signer(&log).map_err(|what| key(&self.keys.log, what))?;
        let identity = staging.parse().map_err(|error: NotAnIdentity| key(&self.keys.staging, error.to_string()))?;
        let mut host_keys = Vec::new();
        for path in &self.keys.ssh_host {
            let text = secret(path)?;
            let private = PrivateKey::from_openssh(text.as_bytes()).map_err(|error| key(path, error.to_string()))?;
            if private.is_encrypted() {
                return Err(key(path, "the host key has a passphrase: a daemon has nobody to ask".into()));
            }
            host_keys.push(private);
        }
        Ok(Secrets { master, signer, identity, host_keys, marks, tls: self.tls()? })
    }

    fn serves_tls(&self) -> bool {
        self.keys.tls_certificate.is_some() && self.keys.tls_key.is_some()
    }

    /// The gateway's certificate and its key, as the next connections are to begin with them.
    pub fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        let (Some(certificate), Some(key)) = (&self.keys.tls_certificate, &self.keys.tls_key) else { return Ok(None) };
        let unfit = |path: &Path, what: String| ConfigError::Key { path: path.to_owned(), what };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(text(certificate)?.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| unfit(certificate, format!("not a certificate in PEM: {error}")))?;
        let private = PrivateKeyDer::from_pem_slice(secret(key)?.as_bytes())
            .map_err(|error| unfit(key, format!("not a private key in PEM: {error}")))?;
        let tls = Tls::new(chain, private).and_then(|tls| tls.answering_to(&self.hosts));
        tls.map(Some).map_err(|error| unfit(certificate, error.to_string()))
    }
}

fn settings(files: &Files) -> Result<Settings, String> {
    if files.settle_seconds == 0 || files.rescan_seconds == 0 {
        return Err("files.settle_seconds and files.rescan_seconds must be at least 1".into());
    }
    if files.waiting_days == 0 || files.held_hours == 0 || files.max_bytes == 0 {
        return Err("files.waiting_days, files.held_hours and files.max_bytes must be at least 1".into());
    }
    if files.max_bytes > limits::AT_REST_OBJECT_BYTES {
        return Err(format!("files.max_bytes is above {}, the largest object that can be stored", limits::AT_REST_OBJECT_BYTES));
    }
    let quiet = Duration::from_secs(u64::from(files.delivery_quiet_minutes) * 60);
    Ok(Settings {
        settle: Duration::from_secs(files.settle_seconds.into()),
        rescan: Duration::from_secs(files.rescan_seconds.into()),
        delivery_quiet: (!quiet.is_zero()).then_some(quiet),
        waiting: days(files.waiting_days),
        held: Duration::from_secs(u64::from(files.held_hours) * 3_600),
        max_file_bytes: files.max_bytes,
    })
}

fn parsed(path: &Path) -> Result<Document, ConfigError> {
    document::parse(&text(path)?, include_str!("../config/egressd.toml"))
        .map_err(|error| ConfigError::Document { path: path.to_owned(), error: error.into() })
}

fn text(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(|error| unreadable(error.into()))?;
    read(File::from(file)).map_err(unreadable).map(|text| text.to_string())
}

/// A key file's text, if nobody but its owner can read it and it is not one of the published examples.
fn secret(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(|error| unreadable(error.into()))?;
    let stat = fstat(&file).map_err(|error| unreadable(error.into()))?;
    let credentials = credentials::directory();
    kept::by_its_owner(path, stat.st_uid, geteuid().as_raw(), stat.st_mode, credentials.as_deref())?;
    let text = read(File::from(file)).map_err(unreadable)?;
    if is_example(&text) {
        return Err(ConfigError::Example { path: path.to_owned() });
    }
    Ok(text)
}

fn read(file: File) -> std::io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    file.take(limits::DOCUMENT_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether this is the text of a published example key.
pub fn is_example(text: &str) -> bool {
    EXAMPLE_KEYS.contains(&Digest::of(text.trim_end().as_bytes()).to_string().as_str())
}

/// A log key file's text. The origin names the log for ever; it stands in every checkpoint.
pub fn log_key_text(origin: &Origin, pkcs8: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(format!("{LOG_KEY} {origin} {}\n", STANDARD.encode(pkcs8)))
}

fn log_signer(text: &str) -> Result<Signer, String> {
    let mut words = text.split_whitespace();
    let (Some(LOG_KEY), Some(origin), Some(key), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err(format!("not a log key: it begins with {LOG_KEY}, then the origin and the key"));
    };
    let der = Zeroizing::new(STANDARD.decode(key).map_err(|_| "the key is not base64".to_owned())?);
    let origin: Origin = origin.parse().map_err(|error| format!("the origin: {error}"))?;
    Signer::from_pkcs8(origin, &der).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
