//! Public keys that files are sealed to: age's X25519, and the SSH keys that vendors have already.

use crate::domain::{
    digest::Digest,
    limits::{RECIPIENT_BYTES, RSA_BITS, RSA_RECIPIENT_BITS},
};
use age_core::format::{FileKey, Stanza};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use curve25519_dalek::{edwards::CompressedEdwardsY, montgomery::MontgomeryPoint};
use std::{fmt, str::FromStr};

const ED25519: &str = "ssh-ed25519";
const RSA: &str = "ssh-rsa";

/// Why a text is no recipient. The message never holds what may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    #[error(
        "this is a private key, and whoever could read it must be thought to have it: make a new one, and send its public half"
    )]
    PrivateKey,
    #[error("{kind:?} is not accepted; accepted are {}", Accepted)]
    Unsupported { kind: String },
    #[error("not a {kind} recipient: {why}; accepted are {}", Accepted)]
    Malformed { kind: &'static str, why: &'static str },
    #[error("an RSA key of {bits} bits is not accepted; accepted are {}", Accepted)]
    RsaBits { bits: usize },
    #[error("a {kind} key that every file would be readable with: its point has a small order")]
    SmallOrder { kind: &'static str },
}

/// What an error says is accepted.
struct Accepted;

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "age1… (X25519), ssh-ed25519 …, and ssh-rsa … of {RSA_BITS} to {RSA_RECIPIENT_BITS} bits")
    }
}

/// A public key to seal to. Its text is canonical: one key, one spelling, no comment.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    /// The key, and its SSH wire form (RFC 4253 section 6.6), which OpenSSH's fingerprint is taken of.
    Ssh(age::ssh::Recipient, Vec<u8>),
}

impl Recipient {
    /// The SHA-256 of the canonical text: how records and revocations name this key.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    /// What `ssh-keygen -l` shows, `SHA256:…`; `None` for a key that is not an SSH key.
    pub fn ssh_fingerprint(&self) -> Option<String> {
        match &self.key {
            Key::X25519(_) => None,
            Key::Ssh(_, wire) => Some(format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Digest::of(wire).as_bytes()))),
        }
    }

    /// The stanzas that let this recipient's holder recover `file_key`. The labels that age returns with them are
    /// dropped: none of the accepted kinds has any.
    pub(super) fn wrap(&self, file_key: &FileKey) -> Result<Vec<Stanza>, age::EncryptError> {
        let key: &dyn age::Recipient = match &self.key {
            Key::X25519(key) => key,
            Key::Ssh(key, _) => key,
        };
        key.wrap_file_key(file_key).map(|(stanzas, _)| stanzas)
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    /// One line as `age-keygen -y` or an SSH `.pub` file has it; white space around it and an SSH comment are dropped.
    fn from_str(text: &str) -> Result<Self, RecipientError> {
        if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY") {
            return Err(RecipientError::PrivateKey);
        }
        let text = text.trim_ascii();
        if text.len() > RECIPIENT_BYTES || text.contains(|c: char| c.is_control() && c != '\t') {
            return Err(RecipientError::Malformed { kind: "one-line", why: "it has several lines, or is far too long" });
        }
        let mut words = text.split_ascii_whitespace();
        match (words.next().unwrap_or_default(), words.next()) {
            (ED25519, Some(digits)) => ssh(ED25519, digits, check_ed25519),
            (RSA, Some(digits)) => ssh(RSA, digits, check_rsa),
            (ED25519 | RSA, None) => Err(RecipientError::Malformed { kind: "SSH", why: "the key after its type is missing" }),
            (word, None) if is_x25519(word) => x25519(word),
            (word, Some(_)) if is_x25519(word) => Err(malformed_x25519("something follows the key")),
            (word, _) => Err(RecipientError::Unsupported { kind: word.chars().take(32).collect() }),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

/// The characters of Bech32's data part (BIP 173), in the order of their values.
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const X25519_PREFIX: &str = "age1";

/// `age1` and 58 characters of Bech32, in which no other `1` can occur: those of plugins and of age's newer kinds
/// have another one or another length.
fn is_x25519(word: &str) -> bool {
    word.strip_prefix(X25519_PREFIX).is_some_and(|data| data.len() == 58 && !data.contains('1'))
}

fn malformed_x25519(why: &'static str) -> RecipientError {
    RecipientError::Malformed { kind: "X25519", why }
}

fn x25519(word: &str) -> Result<Recipient, RecipientError> {
    let key = age::x25519::Recipient::from_str(word).map_err(|_| malformed_x25519("a character is wrong or missing"))?;
    if key.to_string() != word {
        return Err(malformed_x25519("it is not written the usual way, in lower case"));
    }
    let point = bech32_bytes(&word[X25519_PREFIX.len()..]).ok_or(malformed_x25519("a character is wrong or missing"))?;
    if !is_reduced(&point) {
        return Err(malformed_x25519("no key has such a number"));
    }
    refuse_small_order("X25519", MontgomeryPoint(point))?;
    Ok(Recipient { text: word.to_owned(), key: Key::X25519(key) })
}

/// The 32 bytes in front of the checksum, which age has verified; its type for the key does not lend them.
fn bech32_bytes(data: &str) -> Option<[u8; 32]> {
    let (mut bytes, mut filled) = ([0; 32], 0);
    let (mut bits, mut pending) = (0u32, 0);
    for digit in data.bytes() {
        let value = BECH32.iter().position(|&c| c == digit)?;
        bits = bits << 5 | value as u32;
        pending += 5;
        if pending >= 8 && filled < bytes.len() {
            pending -= 8;
            bytes[filled] = (bits >> pending) as u8;
            filled += 1;
            bits &= (1 << pending) - 1;
        }
        if filled == bytes.len() {
            return Some(bytes);
        }
    }
    None
}

/// Below 2^255 - 19, little-endian. Others are second names of the same keys, which a revocation would not know.
fn is_reduced(point: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = point;
    *last < 0x7f || (*last == 0x7f && !(*first >= 0xed && middle.iter().all(|&byte| byte == 0xff)))
}

/// With such a point every agreement yields zero: anyone could compute the file's key (RFC 7748 section 6.1). The age
/// crate would panic on an X25519 one, and encrypt to an Ed25519 one.
fn refuse_small_order(kind: &'static str, point: MontgomeryPoint) -> Result<(), RecipientError> {
    // Any clamped scalar is a multiple of the cofactor.
    if point.mul_clamped([1; 32]).to_bytes() == [0; 32] { Err(RecipientError::SmallOrder { kind }) } else { Ok(()) }
}

/// `check` must read the wire form to its end before the age crate may see it: that one panics on an integer of zeros.
fn ssh(kind: &'static str, digits: &str, check: fn(Wire<'_>) -> Result<(), RecipientError>) -> Result<Recipient, RecipientError> {
    let malformed = |why| RecipientError::Malformed { kind, why };
    let wire = BASE64_STANDARD.decode(digits).map_err(|_| malformed("the key is not base64"))?;
    let mut rest = Wire { kind, bytes: &wire };
    if rest.string()? != kind.as_bytes() {
        return Err(malformed("the key is of another type than the word before it"));
    }
    check(rest)?;
    let text = format!("{kind} {}", BASE64_STANDARD.encode(&wire));
    let key = age::ssh::Recipient::from_str(&text).map_err(|_| malformed("age does not accept it"))?;
    Ok(Recipient { text, key: Key::Ssh(key, wire) })
}

/// RFC 8709 section 4: one string of 32 bytes, a point on the curve.
fn check_ed25519(mut wire: Wire<'_>) -> Result<(), RecipientError> {
    let malformed = |why| RecipientError::Malformed { kind: ED25519, why };
    let encoded = wire.string()?;
    wire.end()?;
    let compressed = CompressedEdwardsY::from_slice(encoded).map_err(|_| malformed("the key is not 32 bytes long"))?;
    let point =
        compressed.decompress().filter(|point| point.compress() == compressed).ok_or(malformed("no point of the curve"))?;
    refuse_small_order(ED25519, point.to_montgomery())
}

/// RFC 4253 section 6.6: exponent, then modulus.
fn check_rsa(mut wire: Wire<'_>) -> Result<(), RecipientError> {
    let malformed = |why| RecipientError::Malformed { kind: RSA, why };
    let (exponent, modulus) = (wire.positive()?, wire.positive()?);
    wire.end()?;
    let bits = modulus.len() * 8 - modulus[0].leading_zeros() as usize;
    if !(RSA_BITS..=RSA_RECIPIENT_BITS).contains(&bits) {
        return Err(RecipientError::RsaBits { bits });
    }
    // Other implementations end at 2^31 - 1. What is even or too small, the age crate refuses.
    match exponent {
        [] | [_] | [_, _] | [_, _, _] | [..0x80, _, _, _] => Ok(()),
        _ => Err(malformed("the exponent is too large")),
    }
}

/// What is left to read of an SSH key's wire form (RFC 4251 section 5).
struct Wire<'a> {
    kind: &'static str,
    bytes: &'a [u8],
}

impl<'a> Wire<'a> {
    fn string(&mut self) -> Result<&'a [u8], RecipientError> {
        let (len, rest) = self.bytes.split_first_chunk().ok_or_else(|| self.malformed("the key ends early"))?;
        let len = u32::from_be_bytes(*len) as usize;
        let (string, rest) = rest.split_at_checked(len).ok_or_else(|| self.malformed("the key ends early"))?;
        self.bytes = rest;
        Ok(string)
    }

    /// A positive `mpint` in its only spelling, without the zero byte that keeps it positive; never empty.
    fn positive(&mut self) -> Result<&'a [u8], RecipientError> {
        match self.string()? {
            [0, rest @ ..] if rest.first().is_some_and(|&byte| byte >= 0x80) => Ok(rest),
            number @ [1..0x80, ..] => Ok(number),
            _ => Err(self.malformed("a number in it is zero, negative or oddly written")),
        }
    }

    fn end(&self) -> Result<(), RecipientError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(self.malformed("something follows the key")) }
    }

    fn malformed(&self, why: &'static str) -> RecipientError {
        RecipientError::Malformed { kind: self.kind, why }
    }
}

#[cfg(test)]
mod tests;
