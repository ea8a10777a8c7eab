//! What a vendor proves itself by: an SSH key, the key of a TLS certificate, a token. Each has a digest, and is a kind of its own.

use super::{
    digest::Digest,
    event::Protocol,
    signature::{openssh_fingerprint, parse_fingerprint},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// What was proven at a login.
///
/// The kind is a part of it: an SSH key's wire form and a certificate's key are public, and whoever sent one of them as a
/// token would present exactly the bytes whose SHA-256 is filed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Credential {
    /// The SHA-256 of an SSH public key's wire form.
    SshKey(Digest),
    /// The SHA-256 of a certificate's SubjectPublicKeyInfo in DER (RFC 7469 section 2.4).
    TlsKey(Digest),
    /// The SHA-256 of a token's text.
    Token(Digest),
}

impl Credential {
    /// What it is filed, shown and revoked by.
    pub const fn key(self) -> Digest {
        match self {
            Self::SshKey(key) | Self::TlsKey(key) | Self::Token(key) => key,
        }
    }

    /// Where it is good.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::SshKey(_) => Protocol::Sftp,
            Self::TlsKey(_) | Self::Token(_) => Protocol::Https,
        }
    }
}

/// A pinned TLS key as a vendor file names it: `SHA256:` and the base64 of its SubjectPublicKeyInfo's SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TlsKey(pub Digest);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the fingerprint of a TLS key: SHA256: and the base64 of its SubjectPublicKeyInfo's SHA-256")]
pub struct NotATlsKey;

impl fmt::Display for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&openssh_fingerprint(self.0))
    }
}

impl TryFrom<String> for TlsKey {
    type Error = NotATlsKey;

    fn try_from(text: String) -> Result<Self, NotATlsKey> {
        parse_fingerprint(&text).map(Self).ok_or(NotATlsKey)
    }
}

impl From<TlsKey> for String {
    fn from(key: TlsKey) -> Self {
        key.to_string()
    }
}

/// What a token begins with, so that people and scanners of repositories recognise one.
const TOKEN: &str = "egressd_";
/// Random bytes of a token.
pub const TOKEN_BYTES: usize = 32;

/// The text of a token: what its vendor keeps secret.
pub fn token_text(random: &[u8; TOKEN_BYTES]) -> Zeroizing<String> {
    Zeroizing::new(format!("{TOKEN}{}", URL_SAFE_NO_PAD.encode(random)))
}

/// The digest that a token is known by; none for what has not the form of one.
pub fn token_digest(text: &str) -> Option<Digest> {
    let random = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(TOKEN)?).ok()?);
    (random.len() == TOKEN_BYTES).then(|| Digest::of(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_text_and_nothing_else_has_the_form_of_one() {
        let text = token_text(&[7; TOKEN_BYTES]);
        assert_eq!(token_digest(&text), Some(Digest::of(text.as_bytes())));
        for other in ["", "egressd_", "egressd_abc", &text[1..], &format!("{}A", *text), &format!("{} ", *text)] {
            assert_eq!(token_digest(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_tls_key_is_written_as_it_is_shown() {
        let key = TlsKey(Digest::of(b"spki"));
        assert_eq!(TlsKey::try_from(key.to_string()), Ok(key));
        assert_eq!(TlsKey::try_from("SHA256:abc".to_owned()), Err(NotATlsKey));
    }
}
