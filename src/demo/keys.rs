//! Keys for the demonstration's people: SSH keys in OpenSSH's format, age identities as `age-keygen` writes them.

use crate::init::{new_certificate, new_ssh_key, write_new};
use age::secrecy::ExposeSecret;
use anyhow::Context;
use russh::keys::{PrivateKey, ssh_key::LineEnding};
use rustix::fs::Mode;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{path::Path, str::FromStr};

const SECRET: Mode = Mode::RUSR.union(Mode::WUSR);
const PUBLIC: Mode = SECRET.union(Mode::RGRP).union(Mode::ROTH);

/// The SSH key in `file`, made if there is none, with its public half beside it. Answers that half, as one line.
pub fn ssh(file: &Path, comment: &str) -> anyhow::Result<String> {
    if !file.exists() {
        let key = new_ssh_key(comment)?;
        write_new(file, key.to_openssh(LineEnding::LF)?.as_bytes(), SECRET)?;
    }
    let line = read_ssh(file)?.public_key().to_openssh()?;
    let public = file.with_added_extension("pub");
    if !public.exists() {
        write_new(&public, format!("{line}\n").as_bytes(), PUBLIC)?;
    }
    Ok(line)
}

#[expect(clippy::disallowed_methods, reason = "the demonstration keeps the keys of all its people")]
pub fn read_ssh(file: &Path) -> anyhow::Result<PrivateKey> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    PrivateKey::from_openssh(text).with_context(|| file.display().to_string())
}

/// The age identity in `file`, made if there is none. Answers its recipient: age1….
pub fn age(file: &Path, comment: &str) -> anyhow::Result<String> {
    if !file.exists() {
        let identity = age::x25519::Identity::generate();
        let (public, secret) = (identity.to_public(), identity.to_string());
        let text = format!("# {comment}\n# public key: {public}\n{}\n", secret.expose_secret());
        write_new(file, text.as_bytes(), SECRET)?;
    }
    Ok(read_age(file)?.to_public().to_string())
}

/// The TLS certificate and key in these files, made if there are none. Answers the fingerprint of its key.
pub fn tls(certificate: &Path, key: &Path, name: &str) -> anyhow::Result<String> {
    if !certificate.exists() {
        let (pem, secret) = new_certificate(&[name])?;
        write_new(key, secret.as_bytes(), SECRET)?;
        write_new(certificate, pem.as_bytes(), PUBLIC)?;
    }
    let der = CertificateDer::from_pem_file(certificate).with_context(|| certificate.display().to_string())?;
    Ok(crate::endpoints::https::pin(&der)?.to_string())
}

/// A token, alone in its file.
pub fn token(file: &Path, token: &str) -> anyhow::Result<()> {
    write_new(file, format!("{token}\n").as_bytes(), SECRET)
}

#[expect(clippy::disallowed_methods, reason = "the demonstration keeps the keys of all its people")]
pub fn read_age(file: &Path) -> anyhow::Result<age::x25519::Identity> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-"));
    let line = line.with_context(|| format!("{}: no age identity", file.display()))?;
    age::x25519::Identity::from_str(line).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_private_halves_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        for (name, make) in [("ssh", ssh as fn(&Path, &str) -> anyhow::Result<String>), ("age", age)] {
            let file = directory.path().join(name);
            let public = make(&file, "a comment").unwrap();
            assert_eq!(make(&file, "a comment").unwrap(), public);
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
