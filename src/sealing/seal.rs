//! Sealing: one pass from plaintext to an age v1 file for its recipients, header and payload apart (C2SP age).

use super::{
    chunks::{self, ChunkWriter},
    recipient::Recipient,
};
use crate::domain::digest::{Digest, Hasher};
use age_core::{
    format::{FileKey, Stanza},
    secrecy::ExposeSecret,
};
use aws_lc_rs::{
    aead::{CHACHA20_POLY1305, LessSafeKey, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    hmac, rand,
};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use std::io::{self, Write};
use zeroize::Zeroizing;

/// Bytes of the nonce that a payload begins with.
const PAYLOAD_NONCE: usize = 16;
/// Characters of a full line in a stanza's body.
const STANZA_LINE: usize = 64;

/// Why nothing was sealed. What the sinks have by then is no file.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("there is no recipient to seal to")]
    NoRecipients,
    #[error("recipient {recipient} cannot be sealed to: {reason}")]
    Recipient { recipient: Digest, reason: String },
    #[error("the sealed bytes could not be written: {0}")]
    Io(#[from] io::Error),
}

/// Bytes of the payload for `plain` bytes of plaintext, known before the first is read; `None` beyond what is stored.
pub fn payload_len(plain: u64) -> Option<u64> {
    chunks::sealed_len(plain).map(|sealed| PAYLOAD_NONCE as u64 + sealed)
}

/// What a finished sealing made. Only [`Sealer::finish`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Ciphertext {
    plain_len: u64,
    plain_sha256: Digest,
    header_len: u64,
    payload_len: u64,
    sha256: Digest,
}

impl Ciphertext {
    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    pub fn plain_sha256(&self) -> Digest {
        self.plain_sha256
    }

    pub fn header_len(&self) -> u64 {
        self.header_len
    }

    pub fn payload_len(&self) -> u64 {
        self.payload_len
    }

    /// Bytes of the file as it is served: header, then payload.
    pub fn len(&self) -> u64 {
        self.header_len + self.payload_len
    }

    /// A header is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Of the file as it is served: header, then payload.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }
}

/// Encrypts what is written to it for all its recipients. Dropped without [`Sealer::finish`], it leaves no file: the payload
/// has no last chunk.
///
/// Holds two chunks, whatever the length. After an error nothing more is written; a repeated sealing draws new keys.
#[must_use = "only finish() makes a file of it"]
pub struct Sealer<H, P> {
    header_sink: H,
    header_len: u64,
    plain: Hasher,
    payload: ChunkWriter<Served<P>>,
}

impl<H: Write, P: Write> Sealer<H, P> {
    /// Writes the whole header, up to and including the line of its MAC, and the nonce of the payload.
    pub fn new(recipients: &[Recipient], mut header_sink: H, payload_sink: P) -> Result<Self, SealError> {
        // 1. One file key, wrapped for each recipient; it lives until the end of this function.
        let file_key = FileKey::init_with_mut(|key| fill(key));
        let header = header(recipients, &file_key)?;

        // 2. One payload key for this file key and this nonce: neither is ever used for a second plaintext.
        let mut nonce = [0; PAYLOAD_NONCE];
        fill(&mut nonce);
        let payload_key = derive(&Salt::new(HKDF_SHA256, &nonce), &file_key, b"payload");
        let cipher = UnboundKey::new(&CHACHA20_POLY1305, &payload_key[..]).expect("ChaCha20-Poly1305 takes 32 bytes");

        // 3. The hash of the ciphertext begins with the header, as a client will get it.
        let mut served = Served { sink: payload_sink, hasher: Hasher::new(), len: 0 };
        served.hasher.update(&header);
        header_sink.write_all(&header)?;
        served.write_all(&nonce)?;
        let payload = ChunkWriter::new(LessSafeKey::new(cipher), Vec::new(), served);
        Ok(Self { header_sink, header_len: header.len() as u64, plain: Hasher::new(), payload })
    }

    /// Writes the last chunk and flushes both sinks; returns them.
    pub fn finish(mut self) -> Result<(H, P, Ciphertext), SealError> {
        let (served, plain_len) = self.payload.finish()?;
        self.header_sink.flush()?;
        let ciphertext = Ciphertext {
            plain_len,
            plain_sha256: self.plain.finish(),
            header_len: self.header_len,
            payload_len: served.len,
            sha256: served.hasher.finish(),
        };
        Ok((self.header_sink, served.sink, ciphertext))
    }
}

impl<H, P: Write> Write for Sealer<H, P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.payload.write(bytes)?;
        self.plain.update(bytes);
        Ok(bytes.len())
    }

    /// Flushes the payload's sink. The chunk that may be the last stays here until it is known.
    fn flush(&mut self) -> io::Result<()> {
        self.payload.flush()
    }
}

/// Hashes and counts what its sink took.
struct Served<P> {
    sink: P,
    hasher: Hasher,
    len: u64,
}

impl<P: Write> Write for Served<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.sink.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        self.len += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// `age-encryption.org/v1`, the stanzas, and `--- ` with the MAC of everything up to and including `---`.
fn header(recipients: &[Recipient], file_key: &FileKey) -> Result<Vec<u8>, SealError> {
    if recipients.is_empty() {
        return Err(SealError::NoRecipients);
    }
    let mut header = b"age-encryption.org/v1\n".to_vec();
    for recipient in recipients {
        let refuse = |e: age::EncryptError| SealError::Recipient { recipient: recipient.fingerprint(), reason: e.to_string() };
        for stanza in recipient.wrap(file_key).map_err(refuse)? {
            write_stanza(&stanza, &mut header);
        }
    }
    header.extend_from_slice(b"---");
    let mac_key = derive(&Salt::none(HKDF_SHA256), file_key, b"header");
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &mac_key[..]), &header);
    header.push(b' ');
    header.extend_from_slice(BASE64_STANDARD_NO_PAD.encode(mac).as_bytes());
    header.push(b'\n');
    Ok(header)
}

/// `-> type arguments`, then the body in lines of 64 characters, of which the last is always shorter, if need be empty.
fn write_stanza(stanza: &Stanza, header: &mut Vec<u8>) {
    header.extend_from_slice(b"->");
    for word in std::iter::once(&stanza.tag).chain(&stanza.args) {
        header.push(b' ');
        header.extend_from_slice(word.as_bytes());
    }
    header.push(b'\n');
    let body = BASE64_STANDARD_NO_PAD.encode(&stanza.body);
    for line in body.as_bytes().chunks(STANZA_LINE) {
        header.extend_from_slice(line);
        header.push(b'\n');
    }
    if body.len().is_multiple_of(STANZA_LINE) {
        header.push(b'\n');
    }
}

/// HKDF-SHA-256 of the file key, 32 bytes.
fn derive(salt: &Salt, file_key: &FileKey, label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let prk = salt.extract(file_key.expose_secret());
    prk.expand(&[label], HKDF_SHA256).and_then(|okm| okm.fill(&mut key[..])).expect("32 bytes are what HKDF-SHA-256 yields");
    key
}

fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("aws-lc ends the process itself when the system has no randomness");
}

#[cfg(test)]
mod tests;
