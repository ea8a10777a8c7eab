//! The key that a person acts with: a key file, or one that ssh-agent holds. The agent's keys never come here.
//!
//! RSA keys sign through the agent only: the RSA code in this program verifies and nothing else (RUSTSEC-2023-0071).

use super::trouble::Trouble;
use crate::domain::{ids::Slug, limits};
use russh::keys::{
    agent::{AgentIdentity, client::AgentClient},
    ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig, public::KeyData},
};
use std::{
    io::Read,
    path::{Path, PathBuf},
};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// Signs as one person.
pub enum Signer {
    File(Box<PrivateKey>),
    Agent { client: Box<AgentClient<UnixStream>>, key: Box<PublicKey> },
}

/// A key that the agent holds.
struct Held {
    key: PublicKey,
    comment: String,
}

impl Held {
    fn shown(&self) -> String {
        format!("{} ({})", self.key.fingerprint(HashAlg::Sha256), self.comment)
    }
}

impl Signer {
    /// A private key in `file` signs itself. A public one, or a private one that must not or cannot be used from its file, names a key of
    /// the agent. Without a file it is the agent's key with `name`'s comment, or its only one.
    pub async fn choose(file: Option<&Path>, name: Option<&Slug>, agent: Option<&Path>) -> Result<Self, Trouble> {
        let Some(file) = file else {
            let (client, held) = open_agent(agent).await?;
            return pick(held, name).map(|key| Self::Agent { client, key: Box::new(key) });
        };
        match read_key(file)? {
            KeyFile::Usable(key) => Ok(Self::File(key)),
            KeyFile::AgentOnly { public, cause } => match held_by_agent(agent, &public).await {
                Ok(signer) => Ok(signer),
                Err(_) => Err(Trouble::KeyNeedsAgent { file: file.to_owned(), cause }),
            },
            KeyFile::Public(public) => held_by_agent(agent, &public).await,
        }
    }

    /// An armoured SSHSIG over `message` in `namespace`.
    pub async fn sign(&mut self, namespace: &str, message: &[u8]) -> Result<String, Trouble> {
        let refused = |cause: String| Trouble::AgentRefused { cause };
        let signature = match self {
            Self::File(key) => SshSig::sign(&**key, namespace, HashAlg::Sha512, message),
            Self::Agent { client, key } => {
                let data = SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(|e| refused(e.to_string()))?;
                let signature = client.sign_request_signature(key, Some(HashAlg::Sha512), &data).await;
                let signature = signature.map_err(|e| refused(format!("ssh-agent: {e}")))?;
                SshSig::new(key.key_data().clone(), namespace, HashAlg::Sha512, signature)
            }
        };
        signature.and_then(|signature| signature.to_pem(LineEnding::LF)).map_err(|e| refused(e.to_string()))
    }
}

enum KeyFile {
    Usable(Box<PrivateKey>),
    AgentOnly { public: KeyData, cause: &'static str },
    Public(KeyData),
}

fn read_key(file: &Path) -> Result<KeyFile, Trouble> {
    let bad = |cause: &str| Trouble::KeyFile { file: file.to_owned(), cause: cause.to_owned() };
    let text = Zeroizing::new(read_bounded(file, limits::KEY_FILE_BYTES).map_err(|cause| bad(&cause))?);
    let text = std::str::from_utf8(&text).map_err(|_| bad("not an SSH key"))?;
    if let Ok(public) = PublicKey::from_openssh(text.trim()) {
        return Ok(KeyFile::Public(public.key_data().clone()));
    }
    if text.contains("PRIVATE KEY") && !text.contains("BEGIN OPENSSH PRIVATE KEY") {
        return Err(bad("a private key in another format than OpenSSH's: ssh-keygen -p -f FILE rewrites it"));
    }
    let key = PrivateKey::from_openssh(text).map_err(|_| bad("not an SSH key in OpenSSH's format"))?;
    let public = key.public_key().key_data().clone();
    if key.is_encrypted() {
        return Ok(KeyFile::AgentOnly { public, cause: "the key is protected by a passphrase, which is ssh-agent's to ask for" });
    }
    if public.is_rsa() {
        return Ok(KeyFile::AgentOnly { public, cause: "RSA keys sign through ssh-agent" });
    }
    Ok(KeyFile::Usable(Box::new(key)))
}

/// The bytes of a file that a person named; not more than `most` of them.
pub fn read_bounded(file: &Path, most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    open(file)?.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() > most { Err(format!("longer than {most} bytes")) } else { Ok(bytes) }
}

/// A file that a person named, or standard input for `-`.
#[expect(clippy::disallowed_methods, reason = "the command line reads the files that its user names")]
pub fn open(file: &Path) -> Result<Box<dyn Read>, String> {
    if file == Path::new("-") {
        Ok(Box::new(std::io::stdin().lock()))
    } else {
        Ok(Box::new(std::fs::File::open(file).map_err(|e| e.to_string())?))
    }
}

async fn open_agent(socket: Option<&Path>) -> Result<(Box<AgentClient<UnixStream>>, Vec<Held>), Trouble> {
    let no_key = |cause: String| Trouble::NoKey { cause };
    let socket = socket.ok_or_else(|| no_key("no --key was given and SSH_AUTH_SOCK names no ssh-agent".to_owned()))?;
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|e| no_key(format!("the ssh-agent at {} cannot be reached: {e}", socket.display())))?;
    let mut client = Box::new(AgentClient::connect(stream));
    let identities = client.request_identities().await.map_err(|e| no_key(format!("ssh-agent did not list its keys: {e}")))?;
    let held = identities.into_iter().filter_map(|identity| match identity {
        AgentIdentity::PublicKey { key, comment } => Some(Held { key, comment }),
        // A certificate's key is listed beside it; who its authority says it is means nothing here.
        AgentIdentity::Certificate { .. } => None,
    });
    Ok((client, held.collect()))
}

async fn held_by_agent(socket: Option<&Path>, wanted: &KeyData) -> Result<Signer, Trouble> {
    let (client, held) = open_agent(socket).await?;
    let shown = held.iter().map(Held::shown).collect();
    match held.into_iter().find(|held| held.key.key_data() == wanted) {
        Some(held) => Ok(Signer::Agent { client, key: Box::new(held.key) }),
        None => Err(Trouble::NoSuchKey { wanted: wanted.fingerprint(HashAlg::Sha256).to_string(), keys: shown }),
    }
}

/// With a name: the key whose comment is it, or begins with it and `@`. Without: the only key.
fn pick(held: Vec<Held>, name: Option<&Slug>) -> Result<PublicKey, Trouble> {
    let shown: Vec<String> = held.iter().map(Held::shown).collect();
    let is_named = |held: &Held, name: &Slug| held.comment.split('@').next() == Some(name.as_str());
    let mut fitting: Vec<Held> = held.into_iter().filter(|held| name.is_none_or(|name| is_named(held, name))).collect();
    match (fitting.pop(), fitting.is_empty(), name) {
        (Some(only), true, _) => Ok(only.key),
        (Some(last), false, _) => {
            let keys = fitting.iter().map(Held::shown).chain([last.shown()]).collect();
            Err(Trouble::SeveralKeys { keys })
        }
        (None, _, Some(name)) => {
            Err(Trouble::NoSuchKey { wanted: format!("a key with the comment {name} or {name}@…"), keys: shown })
        }
        (None, _, None) => Err(Trouble::NoKey { cause: "no --key was given and ssh-agent holds no key".to_owned() }),
    }
}

/// Where ssh-agent listens, by the environment.
#[expect(clippy::disallowed_methods, reason = "SSH_AUTH_SOCK is how every SSH program finds the agent")]
pub fn agent_socket() -> Option<PathBuf> {
    std::env::var("SSH_AUTH_SOCK").ok().filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
#[path = "signer_tests.rs"]
mod tests;
