//! Tags: what waits in the database beside the log carries one, so that nobody without the master key can word it.

use super::at_rest::MasterKey;
use crate::domain::digest::Digest;
use aws_lc_rs::{
    hkdf::{HKDF_SHA256, Salt},
    hmac::{self, HMAC_SHA256},
};

const LABEL: &[u8] = b"egressd spool tag v1";
const TAG: usize = 32;

/// Tags messages about leaves: HMAC-SHA-256 (RFC 2104) under a key that is derived from the master key (RFC 5869).
pub struct Tags(hmac::Key);

impl MasterKey {
    pub fn tags(&self) -> Tags {
        let key = Salt::new(HKDF_SHA256, &[]).extract(self.bytes());
        Tags(key.expand(&[LABEL], HMAC_SHA256).expect("a key of the digest's own length").into())
    }
}

impl Tags {
    /// The message behind its tag, for this leaf only.
    pub fn seal(&self, leaf: u64, hash: &Digest, message: &[u8]) -> Vec<u8> {
        [hmac::sign(&self.0, &bound(leaf, hash, message)).as_ref(), message].concat()
    }

    /// What [`Tags::seal`] made for this leaf. None: it is something else.
    pub fn open(&self, leaf: u64, hash: &Digest, sealed: &[u8]) -> Option<Vec<u8>> {
        let (tag, message) = sealed.split_at_checked(TAG)?;
        hmac::verify(&self.0, &bound(leaf, hash, message), tag).is_ok().then(|| message.to_vec())
    }
}

fn bound(leaf: u64, hash: &Digest, message: &[u8]) -> Vec<u8> {
    [&leaf.to_be_bytes(), &hash.as_bytes()[..], message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_opens_for_its_leaf_under_its_master_key_and_unaltered_only() {
        let master = MasterKey::generate();
        let (hash, other) = (Digest::of(b"a leaf"), Digest::of(b"another"));
        let sealed = master.tags().seal(7, &hash, b"said");
        assert_eq!(master.tags().open(7, &hash, &sealed).as_deref(), Some(&b"said"[..]));
        assert_eq!(master.tags().open(8, &hash, &sealed), None);
        assert_eq!(master.tags().open(7, &other, &sealed), None);
        assert_eq!(MasterKey::generate().tags().open(7, &hash, &sealed), None);
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(master.tags().open(7, &hash, &altered), None, "{at}");
            assert_eq!(master.tags().open(7, &hash, &sealed[..at]), None, "{at}");
        }
    }
}
