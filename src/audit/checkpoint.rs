//! Checkpoints: C2SP tlog-checkpoint as C2SP signed note, Ed25519 (docs/audit-log.md 4).

use crate::domain::{
    digest::Digest,
    limits::{CHECKPOINT_NOTE_BYTES, ORIGIN_BYTES},
};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// The signature type of Ed25519 in signed notes.
const ED25519_TYPE: u8 = 0x01;
/// What each signature line begins with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// The name of a log and of its key: segments of `[a-z0-9][a-z0-9._-]*`, joined by `/`, 128 bytes at most.
///
/// C2SP allows more (anything without spaces and plus signs); what cannot be misread is enough for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an origin looks like `egress.example.com/log`: a-z 0-9 . _ - in parts joined by `/`, at most {ORIGIN_BYTES} bytes")]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let start = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let inner = |c: u8| start(c) || matches!(c, b'.' | b'_' | b'-');
        let part = |part: &str| part.bytes().next().is_some_and(start) && part.bytes().all(inner);
        if text.len() <= ORIGIN_BYTES && text.split('/').all(part) { Ok(Self(text.to_owned())) } else { Err(NotAnOrigin) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a checkpoint says: the log of this origin has, at this size, this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: Origin,
    pub size: u64,
    pub root: Digest,
}

impl Checkpoint {
    /// The three lines that are signed.
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next()?.parse().ok()?;
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let read = Self { origin, size, root: Digest::from_bytes(root) };
        // A sign, a leading zero or a line more is not what we write.
        (read.text() == text).then_some(read)
    }
}

/// A signed checkpoint as it is stored: origin and key are the log's, the note is made again when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    pub size: u64,
    pub root: Digest,
    /// Ed25519 (RFC 8032) over the checkpoint's three lines.
    pub signature: [u8; 64],
}

/// Why a note is not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("this is not a signed note")]
    NotANote,
    #[error("the note is not signed by the key {0}")]
    NotOurs(String),
    #[error("the signature by {0} does not verify")]
    Signature(String),
    #[error("the signed text is not a checkpoint of the log {0}")]
    NotACheckpoint(Origin),
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a verifier key looks like <origin>+<8 hexadecimal digits>+<base64>")]
    Shape,
    #[error("a checkpoint key is Ed25519")]
    Algorithm,
    #[error("the key's id is not that of its name and bytes: a digit is wrong, or the name was changed")]
    Id,
    #[error("this is not an Ed25519 private key in PKCS #8")]
    Pkcs8,
    #[error("the system gave no randomness")]
    Randomness,
}

/// The log's public key and name. It checks checkpoints and writes stored ones as notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    origin: Origin,
    key: [u8; 32],
}

impl Verifier {
    /// Reads a verifier key (`name+id+base64`, C2SP signed-note).
    ///
    /// # Errors
    /// [`KeyError`], if it has not that form, another algorithm, or an id that is not its own.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (origin, rest) = text.split_once('+').ok_or(KeyError::Shape)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Shape)?;
        let origin = origin.parse().map_err(|_| KeyError::Shape)?;
        let key = STANDARD.decode(key).map_err(|_| KeyError::Shape)?;
        let (&[ED25519_TYPE], key) = key.split_at_checked(1).ok_or(KeyError::Shape)? else {
            return Err(KeyError::Algorithm);
        };
        let verifier = Self { origin, key: key.try_into().map_err(|_| KeyError::Shape)? };
        if verifier.id_text() == id { Ok(verifier) } else { Err(KeyError::Id) }
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ key).
    fn id(&self) -> [u8; 4] {
        let named = Digest::of(&[self.origin.0.as_bytes(), b"\n", &[ED25519_TYPE], &self.key].concat());
        let [a, b, c, d, ..] = *named.as_bytes();
        [a, b, c, d]
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }

    /// Checks a note: every signature by this key verifies and there is at least one, the text is a checkpoint, and of this log.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        if note.len() > CHECKPOINT_NOTE_BYTES || note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(CheckpointError::NotANote);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(CheckpointError::NotANote)?;
        let text = format!("{text}\n");
        let mut ours = 0;
        for line in lines.strip_suffix('\n').ok_or(CheckpointError::NotANote)?.split('\n') {
            let (name, id, signature) = signature_line(line).ok_or(CheckpointError::NotANote)?;
            if name == self.origin.0 && id == self.id() {
                self.check(&text, &signature)?;
                ours += 1;
            }
        }
        if ours == 0 {
            return Err(CheckpointError::NotOurs(self.to_string()));
        }
        // Only now: what nobody signed is not worth parsing.
        Checkpoint::parse(&text)
            .filter(|read| read.origin == self.origin)
            .ok_or_else(|| CheckpointError::NotACheckpoint(self.origin.clone()))
    }

    /// Checks a stored checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Signature`].
    pub fn verify_head(&self, head: &SignedHead) -> Result<(), CheckpointError> {
        self.check(&self.checkpoint(head).text(), &head.signature)
    }

    /// Checks what [`Signer::sign_start`] signed.
    ///
    /// # Errors
    /// [`CheckpointError::Signature`].
    pub fn verify_start(&self, digest: Digest, signature: &[u8; 64]) -> Result<(), CheckpointError> {
        self.check(&self.start_text(digest), signature)
    }

    /// Its first line has spaces and is no origin: it can be taken for no checkpoint, nor a checkpoint for it.
    fn start_text(&self, digest: Digest) -> String {
        format!("egressd start 1\n{}\n{digest}\n", self.origin)
    }

    fn check(&self, text: &str, signature: &[u8]) -> Result<(), CheckpointError> {
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(text.as_bytes(), signature)
            .map_err(|_| CheckpointError::Signature(self.to_string()))
    }

    /// What a stored checkpoint says.
    pub fn checkpoint(&self, head: &SignedHead) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), size: head.size, root: head.root }
    }

    /// A stored checkpoint as the note that was signed.
    pub fn note(&self, head: &SignedHead) -> String {
        let signature = [&self.id()[..], &head.signature[..]].concat();
        format!("{}\n{SIGNATURE_MARK}{} {}\n", self.checkpoint(head).text(), self.origin, STANDARD.encode(signature))
    }
}

/// The verifier key as text.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_TYPE][..], &self.key[..]].concat();
        write!(f, "{}+{}+{}", self.origin, self.id_text(), STANDARD.encode(key))
    }
}

/// Name, key id and signature of one signature line.
fn signature_line(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (!name.is_empty() && !signature.is_empty()).then(|| (name, *id, signature.to_vec()))
}

/// The log's private key.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl Signer {
    /// Reads a private key (PKCS #8, DER). The public key in it, if any, must be its own.
    ///
    /// # Errors
    /// [`KeyError::Pkcs8`].
    pub fn from_pkcs8(origin: Origin, der: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Pkcs8)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Pkcs8)?;
        Ok(Self { pair, verifier: Verifier { origin, key } })
    }

    /// A new key, and its PKCS #8 to be kept. The bytes are wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::Randomness`].
    pub fn generate(origin: Origin) -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let der = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| KeyError::Randomness)?;
        let der = Zeroizing::new(der.as_ref().to_vec());
        Ok((Self::from_pkcs8(origin, &der)?, der))
    }

    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs the checkpoint of this size and root. Sign nothing that is not about to be durable together with its leaves:
    /// two signed roots for one size are a fork, whoever made them.
    pub fn sign(&self, size: u64, root: Digest) -> SignedHead {
        let text = Checkpoint { origin: self.verifier.origin.clone(), size, root }.text();
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        SignedHead { size, root, signature }
    }
}

impl Signer {
    /// Signs where a start of this log may begin: the digest of a file that never leaves the house.
    pub fn sign_start(&self, digest: Digest) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(self.verifier.start_text(digest).as_bytes()).as_ref());
        signature
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

#[cfg(test)]
mod tests;
