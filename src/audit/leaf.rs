//! The hashes that name a leaf, bind its detail record, and bind the leaves that a snapshot keeps (docs/audit-log.md 1, 2, 5).

use crate::domain::digest::{Digest, Hasher};

/// First byte of what is hashed, by kind: RFC 6962 section 2.1 gives the first two, the others keep ours apart from them.
pub(super) const LEAF: u8 = 0x00;
pub(super) const NODE: u8 = 0x01;
const DETAIL: u8 = 0x02;
const KEEPS: u8 = 0x03;

/// Bytes of a detail record's salt.
pub const SALT_BYTES: usize = 32;

/// The hash of a leaf's bytes (RFC 6962 section 2.1).
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&[LEAF]);
    hasher.update(bytes);
    hasher.finish()
}

/// What a leaf's `detail` says of its detail record. `salt` is drawn at random for each record and erased with it.
pub fn detail_commitment(salt: &[u8; SALT_BYTES], record: &[u8]) -> Digest {
    let mut hasher = Hasher::new();
    hasher.update(&[DETAIL]);
    hasher.update(salt);
    hasher.update(record);
    hasher.finish()
}

/// The exact set of leaves that a snapshot keeps: how many, and a digest of their indexes and hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeps {
    kept: u64,
    digest: Digest,
}

impl Keeps {
    pub const fn none() -> Self {
        Self { kept: 0, digest: Digest::from_bytes([0; 32]) }
    }

    /// What a snapshot leaf says it keeps.
    pub const fn stated(kept: u64, digest: Digest) -> Self {
        Self { kept, digest }
    }

    /// Adds the next kept leaf; they come by ascending index.
    pub fn keep(&mut self, index: u64, leaf: &Digest) {
        let mut hasher = Hasher::new();
        hasher.update(&[KEEPS]);
        hasher.update(self.digest.as_bytes());
        hasher.update(&index.to_be_bytes());
        hasher.update(leaf.as_bytes());
        self.digest = hasher.finish();
        self.kept += 1;
    }

    pub const fn kept(&self) -> u64 {
        self.kept
    }

    pub const fn digest(&self) -> &Digest {
        &self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_kinds_of_hash_never_meet() {
        let record = [7; 40];
        let salt = [0; SALT_BYTES];
        let salted = [&salt[..], &record[..]].concat();
        assert_ne!(detail_commitment(&salt, &record), leaf_hash(&salted));
        assert_ne!(detail_commitment(&salt, &record), Digest::of(&salted));
        let mut keeps = Keeps::none();
        keeps.keep(0, &leaf_hash(b""));
        let same_bytes = [&[0; 40][..], leaf_hash(b"").as_bytes()].concat();
        assert_ne!(*keeps.digest(), leaf_hash(&same_bytes));
    }

    #[test]
    fn another_salt_or_another_record_is_another_commitment() {
        let commitment = detail_commitment(&[1; SALT_BYTES], b"{}");
        assert_ne!(commitment, detail_commitment(&[2; SALT_BYTES], b"{}"));
        assert_ne!(commitment, detail_commitment(&[1; SALT_BYTES], b"[]"));
    }

    #[test]
    fn what_is_kept_depends_on_index_hash_and_order() {
        let of = |pairs: &[(u64, &[u8])]| {
            let mut keeps = Keeps::none();
            pairs.iter().for_each(|(index, bytes)| keeps.keep(*index, &leaf_hash(bytes)));
            keeps
        };
        let keeps = of(&[(1, b"a"), (5, b"b")]);
        assert_eq!(keeps.kept(), 2);
        for other in [of(&[(1, b"a")]), of(&[(1, b"a"), (6, b"b")]), of(&[(1, b"a"), (5, b"c")]), of(&[(5, b"b"), (1, b"a")])] {
            assert_ne!(keeps.digest(), other.digest());
        }
    }
}
