//! SSH public keys and signatures by them (SSHSIG, OpenSSH's PROTOCOL.sshsig): who a person is.

use super::{digest::Digest, limits};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use russh::keys::ssh_key::{self, Algorithm, HashAlg, SshSig, public::KeyData};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The namespace of a signed request on the control socket.
pub const NAMESPACE_REQUEST: &str = "egressd-request";
/// The namespace of a vote: on a ticket's gate, on a vendor's keys.
pub const NAMESPACE_VOTE: &str = "egressd-vote";
/// The namespace of a vendor's statement that it deleted what it got.
pub const NAMESPACE_DELETION: &str = "egressd-deletion";

/// An SSH public key that this gateway accepts: Ed25519, ECDSA P-256, RSA of at least 3,072 bits, or their FIDO kinds.
///
/// Written in OpenSSH's one-line form without a comment: two spellings of one key are one key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey(
    ssh_key::PublicKey,
    /// Of it. Asked for at every count of a vote.
    Digest,
);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    #[error("not an SSH public key in OpenSSH's one-line form (ssh-ed25519 AAAA…)")]
    Unreadable,
    #[error("{0} keys are not accepted: use ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa of at least 3072 bits")]
    Algorithm(String),
    #[error("an RSA key of {0} bits is too short: at least 3072 are needed")]
    Short(usize),
    #[error("a private key was given where a public key is needed: nothing of it was stored; give the .pub file")]
    Private,
}

impl PublicKey {
    pub fn new(key: &ssh_key::PublicKey) -> Result<Self, KeyRefused> {
        match key.algorithm() {
            Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Ecdsa { curve: ssh_key::EcdsaCurve::NistP256 } => {}
            Algorithm::Rsa { .. } => {
                let bits = rsa_bits(key.key_data());
                if bits < limits::RSA_BITS {
                    return Err(KeyRefused::Short(bits));
                }
            }
            other => return Err(KeyRefused::Algorithm(other.to_string())),
        }
        let key = ssh_key::PublicKey::new(key.key_data().clone(), "");
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(key.fingerprint(HashAlg::Sha256).as_bytes());
        Ok(Self(key, Digest::from_bytes(fingerprint)))
    }

    /// The SHA-256 of the key's wire form: what OpenSSH prints as `SHA256:…`.
    pub const fn fingerprint(&self) -> Digest {
        self.1
    }

    /// A FIDO key, which proves the touch of a person.
    pub fn is_fido(&self) -> bool {
        matches!(self.0.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256)
    }

    pub fn as_ssh(&self) -> &ssh_key::PublicKey {
        &self.0
    }

    /// Checks an armoured SSHSIG by this key over `message` in `namespace`.
    pub fn verify(&self, namespace: &str, message: &[u8], armoured: &str) -> Result<(), SignatureRefused> {
        let signature = Signature::parse(armoured)?;
        if signature.0.public_key() != self.0.key_data() {
            return Err(SignatureRefused::OtherKey);
        }
        signature.check(namespace, message)
    }
}

fn rsa_bits(key: &KeyData) -> usize {
    let Some(rsa) = key.rsa() else { return 0 };
    let modulus = rsa.n().as_positive_bytes().unwrap_or_default();
    modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize)
}

/// An SSHSIG that names the key it was made with. Checked or not: [`Signature::check`] says.
pub struct Signature(SshSig);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    #[error("not an armoured SSH signature (-----BEGIN SSH SIGNATURE-----)")]
    Unreadable,
    #[error("the signature is for another purpose: its namespace is not the one asked for")]
    Namespace,
    #[error("the signature was made with another key")]
    OtherKey,
    #[error("SHA-1 and bare-touch-less signatures are not accepted")]
    Weak,
    #[error("the signature does not fit what was signed")]
    Wrong,
    #[error(transparent)]
    Key(#[from] KeyRefused),
}

impl Signature {
    pub fn parse(armoured: &str) -> Result<Self, SignatureRefused> {
        SshSig::from_pem(armoured).map(Self).map_err(|_| SignatureRefused::Unreadable)
    }

    /// The key that the signature names. Nothing is proven by it before [`Signature::check`].
    pub fn key(&self) -> Result<PublicKey, KeyRefused> {
        PublicKey::new(&ssh_key::PublicKey::new(self.0.public_key().clone(), ""))
    }

    pub fn check(&self, namespace: &str, message: &[u8]) -> Result<(), SignatureRefused> {
        if self.0.namespace() != namespace {
            return Err(SignatureRefused::Namespace);
        }
        let weak = matches!(self.0.signature().algorithm(), Algorithm::Rsa { hash: None });
        if weak || !person_was_present(&self.0) {
            return Err(SignatureRefused::Weak);
        }
        self.key()?.0.verify(namespace, message, &self.0).map_err(|_| SignatureRefused::Wrong)
    }
}

/// A FIDO key's signature carries flags and a counter; bit 0 says that somebody touched the key (FIDO U2F, section 5.4).
fn person_was_present(signature: &SshSig) -> bool {
    match signature.signature().algorithm() {
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => {
            let bytes = signature.signature().as_bytes();
            bytes.len().checked_sub(5).and_then(|flags| bytes.get(flags)).is_some_and(|flags| flags & 1 == 1)
        }
        _ => true,
    }
}

impl FromStr for PublicKey {
    type Err = KeyRefused;

    fn from_str(text: &str) -> Result<Self, KeyRefused> {
        if text.contains("PRIVATE KEY") {
            return Err(KeyRefused::Private);
        }
        ssh_key::PublicKey::from_openssh(text.trim()).map_err(|_| KeyRefused::Unreadable).and_then(|key| Self::new(&key))
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyRefused;

    fn try_from(text: String) -> Result<Self, KeyRefused> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_openssh().map_err(|_| fmt::Error)?.trim_end())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", openssh_fingerprint(self.fingerprint()))
    }
}

/// A key's digest as OpenSSH prints it: `SHA256:` and unpadded base64.
pub fn openssh_fingerprint(digest: Digest) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(digest.as_bytes()))
}

/// Reads `SHA256:…` as OpenSSH prints it.
pub fn parse_fingerprint(text: &str) -> Option<Digest> {
    let bytes = STANDARD_NO_PAD.decode(text.strip_prefix("SHA256:")?.trim_end_matches('=')).ok()?;
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};

    fn private(seed: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
    }

    fn public(key: &PrivateKey) -> PublicKey {
        PublicKey::new(key.public_key()).unwrap()
    }

    fn sign(key: &PrivateKey, namespace: &str, message: &[u8]) -> String {
        SshSig::sign(key, namespace, HashAlg::Sha512, message).unwrap().to_pem(LineEnding::LF).unwrap()
    }

    #[test]
    fn a_signature_counts_for_its_key_its_namespace_and_its_message_only() {
        let (alice, bob) = (private(1), private(2));
        let signature = sign(&alice, NAMESPACE_VOTE, b"yes");
        assert_eq!(public(&alice).verify(NAMESPACE_VOTE, b"yes", &signature), Ok(()));
        assert_eq!(public(&alice).verify(NAMESPACE_VOTE, b"no", &signature), Err(SignatureRefused::Wrong));
        assert_eq!(public(&alice).verify(NAMESPACE_REQUEST, b"yes", &signature), Err(SignatureRefused::Namespace));
        assert_eq!(public(&bob).verify(NAMESPACE_VOTE, b"yes", &signature), Err(SignatureRefused::OtherKey));
        assert_eq!(public(&bob).verify(NAMESPACE_VOTE, b"yes", "nonsense"), Err(SignatureRefused::Unreadable));
    }

    #[test]
    fn a_comment_does_not_make_another_key() {
        let text = public(&private(3)).to_string();
        let commented = format!("{text} alice@laptop");
        assert_eq!(commented.parse::<PublicKey>().unwrap(), text.parse().unwrap());
        assert_eq!(
            parse_fingerprint(&openssh_fingerprint(public(&private(3)).fingerprint())),
            Some(public(&private(3)).fingerprint())
        );
    }

    #[test]
    fn private_keys_short_keys_and_nonsense_are_refused_with_what_to_do() {
        assert_eq!("-----BEGIN OPENSSH PRIVATE KEY-----".parse::<PublicKey>(), Err(KeyRefused::Private));
        assert_eq!("hello".parse::<PublicKey>(), Err(KeyRefused::Unreadable));
    }
}
