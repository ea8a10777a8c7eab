//! The SSH layer's settings: which algorithms, which limits, and what is said about us (nothing).

use crate::domain::limits;
use russh::{
    Limits, MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex,
    keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey, PublicKey},
    mac,
    server::Config,
};
use std::{borrow::Cow, sync::Arc, time::Duration};

pub(super) const CHACHA20: &str = "chacha20-poly1305@openssh.com";
pub(super) const STRICT_CLIENT: &str = "kex-strict-c-v00@openssh.com";

/// Finite-field groups are absent because a stranger could make us compute with 8,192 bits. The extension names have to be
/// here: without them strict key exchange is silently off.
static KEX: [kex::Name; 7] = [
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];
static CIPHERS: [cipher::Name; 4] = [cipher::AES_256_GCM, cipher::AES_128_GCM, cipher::AES_256_CTR, cipher::CHACHA20_POLY1305];
static MACS: [mac::Name; 2] = [mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM];
/// Host keys and what clients are told that they may sign with. What they did sign with is checked by [`fit_to_log_in`].
static KEYS: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Which ciphers vendors are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ciphers {
    /// AES-GCM alone: a third of the work for each byte. OpenSSH clients would choose AES-CTR where it is offered; some
    /// clients of before 2024 have nothing else.
    AesGcm,
    #[default]
    Aes,
    /// For machines without AES instructions. OpenSSH clients then choose ChaCha20, and re-key every GiB.
    AesAndChaCha20,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitHostKey {
    #[error("a vendors' listener needs a host key")]
    Missing,
    #[error("{0} host keys are not used: make one with `ssh-keygen -t ed25519`")]
    Algorithm(String),
}

/// What a connection begins with. Made once, or again when the host key changes.
#[derive(Clone)]
pub struct Transport {
    config: Arc<Config>,
    offer: Arc<Offer>,
}

/// Names as they stand in our KEXINIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) kex: Vec<String>,
    pub(super) host_key: Vec<String>,
    pub(super) cipher: Vec<String>,
    pub(super) mac: Vec<String>,
}

impl Transport {
    /// RSA host keys are refused: this house only ever verifies RSA (RUSTSEC-2023-0071).
    pub fn new(host_keys: Vec<PrivateKey>, ciphers: Ciphers) -> Result<Self, UnfitHostKey> {
        if host_keys.is_empty() {
            return Err(UnfitHostKey::Missing);
        }
        let host_key: Vec<_> = host_keys.iter().map(PrivateKey::algorithm).collect();
        if let Some(unfit) = host_key.iter().find(|algorithm| !KEYS[..2].contains(algorithm)) {
            return Err(UnfitHostKey::Algorithm(unfit.to_string()));
        }
        let ciphers = match ciphers {
            Ciphers::AesGcm => &CIPHERS[..2],
            Ciphers::Aes => &CIPHERS[..3],
            Ciphers::AesAndChaCha20 => &CIPHERS[..],
        };
        let offer = Offer {
            // The extensions are no algorithms.
            kex: names(&KEX[..3]),
            host_key: host_key.iter().map(ToString::to_string).collect(),
            cipher: names(ciphers),
            mac: names(&MACS),
        };
        Ok(Self { config: Arc::new(config(host_keys, ciphers)), offer: Arc::new(offer) })
    }

    pub(super) fn config(&self) -> Arc<Config> {
        self.config.clone()
    }

    pub(super) fn offer(&self) -> Arc<Offer> {
        self.offer.clone()
    }
}

fn names<N: AsRef<str>>(names: &[N]) -> Vec<String> {
    names.iter().map(|name| name.as_ref().to_owned()).collect()
}

fn config(keys: Vec<PrivateKey>, ciphers: &'static [cipher::Name]) -> Config {
    let bytes = match ciphers.contains(&cipher::CHACHA20_POLY1305) {
        true => limits::SSH_REKEY_BYTES_CHACHA,
        false => limits::SSH_REKEY_BYTES,
    };
    Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-egressd")),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        keys,
        preferred: Preferred {
            kex: Cow::Borrowed(&KEX),
            key: Cow::Borrowed(&KEYS),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(ciphers),
            mac: Cow::Borrowed(&MACS),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        // `none`, which every client asks first, is answered at once.
        auth_rejection_time: limits::KEY_REFUSAL_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        // russh counts `none` and refusals, we count offers, and ours comes first: see `Conversation::consider`.
        max_auth_attempts: limits::KEY_OFFERS + 2,
        limits: Limits { rekey_write_limit: bytes, rekey_read_limit: bytes, rekey_time_limit: limits::SSH_REKEY_TIME },
        window_size: limits::SSH_WINDOW,
        // Each waits in memory with an answer in it.
        event_buffer_size: limits::SFTP_ANSWERS_AHEAD,
        inactivity_timeout: Some(limits::SSH_SILENCE),
        keepalive_interval: Some(limits::SSH_KEEPALIVE),
        keepalive_max: limits::SSH_KEEPALIVES,
        ..Config::default()
    }
}

pub(super) fn is_aead(cipher: &str) -> bool {
    cipher == CHACHA20 || cipher.ends_with("-gcm@openssh.com")
}

/// Whether a key may log in with a signature of this kind: no SHA-1, no short RSA, no security keys (russh does not tell
/// whether their user was present), nothing unknown.
pub(super) fn fit_to_log_in(key: &PublicKey, signature: &Algorithm) -> bool {
    match signature {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => key.algorithm() == *signature,
        Algorithm::Rsa { hash: Some(HashAlg::Sha256 | HashAlg::Sha512) } => {
            key.key_data().rsa().is_some_and(|rsa| rsa.key_size() as usize >= limits::RSA_BITS)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::key::safe_rng;

    fn key(algorithm: Algorithm) -> PrivateKey {
        PrivateKey::random(&mut safe_rng(), algorithm).unwrap()
    }

    #[test]
    fn nothing_is_offered_that_was_not_decided() {
        let transport = Transport::new(vec![key(Algorithm::Ed25519)], Ciphers::Aes).unwrap();
        let config = transport.config();
        assert_eq!(names(&config.preferred.cipher), ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr"]);
        assert_eq!(names(&config.preferred.mac), ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"]);
        assert_eq!(names(&config.preferred.compression), ["none"]);
        let kex = names(&config.preferred.kex);
        assert_eq!(kex[..3], ["mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org"]);
        for strict in [STRICT_CLIENT, "kex-strict-s-v00@openssh.com"] {
            assert!(kex.iter().any(|name| name == strict), "{strict} is missing: prefix truncation is possible");
        }
        assert_eq!(config.methods, MethodSet::from(&[MethodKind::PublicKey][..]));
        assert!(matches!(&config.server_id, SshId::Standard(id) if id == "SSH-2.0-egressd"));
    }

    #[test]
    fn gcm_alone_is_gcm_alone() {
        let transport = Transport::new(vec![key(Algorithm::Ed25519)], Ciphers::AesGcm).unwrap();
        assert!(transport.offer().cipher.iter().all(|name| is_aead(name) && name != CHACHA20));
    }

    #[test]
    fn chacha_brings_its_own_limit() {
        let limit = |ciphers| Transport::new(vec![key(Algorithm::Ed25519)], ciphers).unwrap().config().limits.rekey_write_limit;
        assert_eq!(limit(Ciphers::Aes), 16 << 30);
        assert_eq!(limit(Ciphers::AesAndChaCha20), 1 << 30);
    }

    #[test]
    fn an_rsa_host_key_or_none_is_refused() {
        assert_eq!(Transport::new(vec![], Ciphers::Aes).err(), Some(UnfitHostKey::Missing));
        let keys = vec![key(Algorithm::Ed25519), key(Algorithm::Rsa { hash: None })];
        assert!(matches!(Transport::new(keys, Ciphers::Aes).err(), Some(UnfitHostKey::Algorithm(_))));
    }

    #[test]
    fn sha1_short_rsa_and_mismatched_signatures_do_not_log_in() {
        let rsa = |bits| {
            let pair = russh::keys::ssh_key::private::RsaKeypair::random(&mut safe_rng(), bits).unwrap();
            PrivateKey::from(pair).public_key().clone()
        };
        let sha512 = Algorithm::Rsa { hash: Some(HashAlg::Sha512) };
        let (long, short) = (rsa(3072), rsa(2048));
        assert!(fit_to_log_in(&long, &sha512));
        assert!(!fit_to_log_in(&short, &sha512));
        assert!(!fit_to_log_in(&long, &Algorithm::Rsa { hash: None }), "SHA-1");
        assert!(!fit_to_log_in(&long, &Algorithm::Ed25519));
        let ed25519 = key(Algorithm::Ed25519).public_key().clone();
        assert!(fit_to_log_in(&ed25519, &Algorithm::Ed25519));
        assert!(!fit_to_log_in(&ed25519, &sha512));
        assert!(!fit_to_log_in(&ed25519, &Algorithm::SkEd25519));
    }
}
