//! Init: a gateway's directory is made: configuration, policy, keys, an empty log. On the machine, never on the network.

use crate::{
    audit::{Origin, Signer},
    clock::SystemClock,
    config::{Config, log_key_text},
    gateway::{Gateway, Parts},
    sealing::{Identity, MasterKey},
};
use anyhow::{Context, bail, ensure};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use russh::keys::{
    PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat};
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

/// The files of `config/` that a new directory begins with.
const CONFIGURATION: &str = include_str!("../config/egressd.toml");
const POLICY: &str = include_str!("../config/policy.toml");

/// Makes `directory` and everything in it. What is there already is not touched: then it says so and stops.
///
/// # Errors
/// A directory that is not empty; whatever the disk answers.
pub fn init(directory: &Path) -> anyhow::Result<PathBuf> {
    let configuration = directory.join("egressd.toml");
    ensure!(!configuration.exists(), "{} exists already: init makes a new directory and changes none", configuration.display());
    make_directory(directory, Mode::from_raw_mode(0o750))?;
    for (name, mode) in [("keys", 0o700), ("staging", 0o770), ("state", 0o750)] {
        make_directory(&directory.join(name), Mode::from_raw_mode(mode))?;
    }
    let keys = directory.join("keys");
    write_new(&keys.join("master.key"), MasterKey::generate().to_text().as_bytes(), SECRET)?;
    let origin: Origin = format!("egressd.invalid/{}", uuid::Uuid::new_v4()).parse().context("the log's origin")?;
    let (signer, pkcs8) = Signer::generate(origin.clone()).context("the log's key")?;
    write_new(&keys.join("log.key"), log_key_text(&origin, &pkcs8).as_bytes(), SECRET)?;
    write_new(&keys.join("log.vkey"), format!("{}\n", signer.verifier()).as_bytes(), PUBLIC)?;
    write_new(&keys.join("staging.age"), Identity::generate().to_text().as_bytes(), SECRET)?;
    let host_key = new_ssh_key("egressd host key")?;
    write_new(&keys.join("ssh_host_ed25519"), host_key.to_openssh(LineEnding::LF)?.as_bytes(), SECRET)?;
    write_new(&keys.join("ssh_host_ed25519.pub"), format!("{}\n", host_key.public_key().to_openssh()?).as_bytes(), PUBLIC)?;
    let (certificate, key) = new_certificate(&["localhost", "127.0.0.1", "::1"])?;
    write_new(&keys.join("tls.crt"), certificate.as_bytes(), PUBLIC)?;
    write_new(&keys.join("tls.key"), key.as_bytes(), SECRET)?;
    write_new(&directory.join("policy.toml"), POLICY.as_bytes(), PUBLIC)?;
    // The configuration last: a directory with one is a whole one.
    write_new(&configuration, CONFIGURATION.as_bytes(), PUBLIC)?;
    found(&configuration)?;
    Ok(configuration)
}

/// The empty log, under its first checkpoint, and the freeze file.
fn found(configuration: &Path) -> anyhow::Result<()> {
    let config = Config::read(configuration)?;
    let secrets = config.secrets()?;
    Gateway::create(Parts {
        announcements: None,
        state: config.state,
        staging: config.staging,
        rules: config.rules,
        master: secrets.master,
        signer: secrets.signer,
        identity: secrets.identity,
        clock: Arc::new(SystemClock::new()),
    })?;
    Ok(())
}

/// What to do after `init`, word for word as it can be typed.
pub fn next_steps(directory: &Path) -> String {
    let at = directory.display();
    format!(
        "\
{at} is ready. Next:

1. Start the gateway, in a terminal of its own:
       egressd serve --config {at}/egressd.toml

2. Enrol the first two of the staff, as the user that the gateway runs as. Each makes a key of their own (one with a
   passphrase signs through ssh-agent: ssh-add alice):
       ssh-keygen -t ed25519 -C alice -f alice
       ssh-keygen -t ed25519 -C bob -f bob
       export EGRESSCTL_SOCKET={at}/state/control.sock
       egressctl staff enroll alice --unsigned --roles sysadmin,security_responder --public-key alice.pub
       egressctl staff enroll bob --unsigned --roles operator,vendor_risk_analyst --public-key bob.pub

3. Everybody else is enrolled by two of the staff, with the same command:
       ssh-keygen -t ed25519 -C carol -f carol
       egressctl --key alice staff enroll carol --roles requester --public-key carol.pub
       egressctl --key bob staff enroll carol --roles requester --public-key carol.pub

4. Give the log's verifier key to whoever audits, where nobody here can change it:
       {at}/keys/log.vkey

5. See how it stands:
       egressctl --key alice status
"
    )
}

/// A new Ed25519 key, from the system's randomness.
pub fn new_ssh_key(comment: &str) -> anyhow::Result<PrivateKey> {
    let mut seed = Zeroizing::new([0; 32]);
    if aws_lc_rs::rand::fill(&mut *seed).is_err() {
        bail!("the system gave no randomness");
    }
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    key.set_comment(comment);
    Ok(key)
}

/// A new certificate for these names, signed by itself, and its private key: both in PEM.
///
/// It has no end that anybody would wait for: whoever trusts it trusts this very one (RFC 5280 section 4.1.2.5).
pub fn new_certificate(names: &[&str]) -> anyhow::Result<(String, Zeroizing<String>)> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().context("a TLS key")?;
    let mut parameters = CertificateParams::new(names).context("the certificate's names")?;
    parameters.distinguished_name.push(DnType::CommonName, "egressd");
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(9999, 12, 31);
    let certificate = parameters.self_signed(&key).context("the certificate")?;
    Ok((certificate.pem(), Zeroizing::new(key.serialize_pem())))
}

const SECRET: Mode = Mode::RUSR;
const PUBLIC: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::ROTH);

fn make_directory(path: &Path, mode: Mode) -> anyhow::Result<()> {
    match mkdirat(CWD, path, mode) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Writes a file that was not there, durably; nothing is left of it if that fails.
pub fn write_new(path: &Path, bytes: &[u8], mode: Mode) -> anyhow::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = openat(CWD, path, flags, mode).with_context(|| path.display().to_string())?;
    let mut file = File::from(file);
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // It is ours and incomplete; a second attempt would otherwise stop at it.
        unlinkat(CWD, path, AtFlags::empty()).ok();
    }
    written.with_context(|| path.display().to_string())
}
