//! The keys of stored objects, and the master key that wraps them (docs/at-rest.md).

use crate::domain::ids::ObjectId;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

const KEY: usize = 32;
const TAG: usize = super::chunks::TAG;
/// Version of the wrapped form, and its length: version, nonce, key, tag.
const WRAP_VERSION: u8 = 1;
const WRAPPED: usize = 1 + NONCE_LEN + KEY + TAG;
const WRAP_LABEL: &[u8; 21] = b"egressd object key v1";
const MASTER_PREFIX: &str = "egressd-master-key-v1 ";
/// Characters of 32 bytes in base64 with padding.
const MASTER_DIGITS: usize = 44;

/// Why a key is none. No message repeats what was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("not a master key file: expected one line, \"{MASTER_PREFIX}\" and {MASTER_DIGITS} characters of base64")]
    NotAMasterKey,
    #[error("the key of object {0} does not open: damaged, of another object, or wrapped by another master key")]
    NotUnwrapped(ObjectId),
}

/// Encrypts one object, once. It cannot be copied: a [`Writer`] or [`Reader`] consumes it, so no two writers share one.
///
/// In a box, so that moving it leaves no copy behind; zeroized when dropped.
///
/// [`Writer`]: super::Writer
/// [`Reader`]: super::Reader
pub struct ObjectKey(Box<Zeroizing<[u8; KEY]>>);

impl ObjectKey {
    pub fn generate() -> Self {
        Self(random())
    }

    pub(super) fn cipher(&self) -> LessSafeKey {
        cipher(&self.0)
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }
}

/// Wraps the keys of all objects. Zeroized when dropped.
pub struct MasterKey(Box<Zeroizing<[u8; KEY]>>);

impl MasterKey {
    pub fn generate() -> Self {
        Self(random())
    }

    /// Reads what [`MasterKey::to_text`] writes; the final newline may be missing.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let digits = text.strip_suffix('\n').unwrap_or(text).strip_prefix(MASTER_PREFIX).ok_or(KeyError::NotAMasterKey)?;
        if digits.len() != MASTER_DIGITS {
            return Err(KeyError::NotAMasterKey);
        }
        // One byte longer than a key, because 44 characters could stand for 33 bytes.
        let mut bytes = Zeroizing::new([0; KEY + 1]);
        let decoded = BASE64_STANDARD.decode_slice(digits, &mut bytes[..]).map_err(|_| KeyError::NotAMasterKey)?;
        if decoded != KEY {
            return Err(KeyError::NotAMasterKey);
        }
        let mut key = empty();
        key.copy_from_slice(&bytes[..KEY]);
        Ok(Self(key))
    }

    /// The content of the master key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        // With its full capacity at once: a growing string would leave pieces of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(MASTER_PREFIX.len() + MASTER_DIGITS + 1));
        text.push_str(MASTER_PREFIX);
        BASE64_STANDARD.encode_string(self.0.as_slice(), &mut text);
        text.push('\n');
        text
    }

    /// What other keys are derived from.
    pub(in crate::sealing) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The key as the table `object_keys` holds it: 61 bytes, openable for this id only.
    pub fn wrap(&self, key: &ObjectKey, id: ObjectId) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce);
        let mut wrapped = vec![0; WRAPPED];
        wrapped[0] = WRAP_VERSION;
        wrapped[1..1 + NONCE_LEN].copy_from_slice(&nonce);
        let (ciphertext, tag) = wrapped[1 + NONCE_LEN..].split_at_mut(KEY);
        cipher(&self.0)
            .seal_out_of_place_scatter(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(wrap_aad(id)),
                &key.0[..],
                ciphertext,
                &[],
                tag,
            )
            .expect("the lengths are the cipher's own");
        wrapped
    }

    /// Opens what [`MasterKey::wrap`] made for this id.
    pub fn unwrap(&self, wrapped: &[u8], id: ObjectId) -> Result<ObjectKey, KeyError> {
        let refuse = || KeyError::NotUnwrapped(id);
        let Some((&WRAP_VERSION, rest)) = wrapped.split_first().filter(|_| wrapped.len() == WRAPPED) else {
            return Err(refuse());
        };
        let (nonce, sealed) = rest.split_at(NONCE_LEN);
        let (ciphertext, tag) = sealed.split_at(KEY);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refuse())?;
        let mut key = empty();
        cipher(&self.0)
            .open_separate_gather(nonce, Aad::from(wrap_aad(id)), ciphertext, tag, &mut key[..])
            .map_err(|_| refuse())?;
        Ok(ObjectKey(key))
    }
}

fn wrap_aad(id: ObjectId) -> [u8; WRAP_LABEL.len() + 16] {
    let mut aad = [0; WRAP_LABEL.len() + 16];
    aad[..WRAP_LABEL.len()].copy_from_slice(WRAP_LABEL);
    aad[WRAP_LABEL.len()..].copy_from_slice(id.uuid().as_bytes());
    aad
}

fn cipher(key: &[u8; KEY]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes"))
}

fn empty() -> Box<Zeroizing<[u8; KEY]>> {
    Box::new(Zeroizing::new([0; KEY]))
}

fn random() -> Box<Zeroizing<[u8; KEY]>> {
    let mut key = empty();
    fill(&mut key[..]);
    key
}

fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("aws-lc ends the process itself when the system has no randomness");
}
