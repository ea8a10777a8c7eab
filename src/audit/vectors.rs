//! tests/vectors/audit-log.json: made by another program from docs/audit-log.md, read and recomputed here.

use super::{proof::Head, *};
use crate::domain::digest::Digest;
use serde::Deserialize;
use std::convert::Infallible;

#[derive(Deserialize)]
struct Vectors {
    key: Key,
    rows: Vec<StoredRow>,
    roots: Vec<Digest>,
    checkpoints: Vec<StoredCheckpoint>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
    snapshot: Snapshot,
}

#[derive(Deserialize)]
struct Key {
    pkcs8: String,
    origin: String,
    verifier: String,
}

#[derive(Deserialize)]
struct StoredRow {
    leaf: String,
    hash: Digest,
    detail: Option<StoredDetail>,
}

#[derive(Deserialize)]
struct StoredDetail {
    commitment: Digest,
    salt: Option<Digest>,
    record: Option<String>,
}

#[derive(Deserialize)]
struct StoredCheckpoint {
    size: u64,
    root: Digest,
    signature: String,
    note: String,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    path: Vec<Digest>,
}

#[derive(Deserialize)]
struct Consistency {
    old: u64,
    new: u64,
    path: Vec<Digest>,
}

#[derive(Deserialize)]
struct Snapshot {
    index: u64,
    keeps: Vec<u64>,
    digest: Digest,
}

impl Vectors {
    fn read() -> Self {
        serde_json::from_str(include_str!("../../tests/vectors/audit-log.json")).unwrap()
    }

    fn signer(&self) -> Signer {
        Signer::from_pkcs8(self.key.origin.parse().unwrap(), &from_hex(&self.key.pkcs8)).unwrap()
    }

    fn heads(&self) -> Vec<SignedHead> {
        let head = |c: &StoredCheckpoint| SignedHead {
            size: c.size,
            root: c.root,
            signature: from_hex(&c.signature).try_into().unwrap(),
        };
        self.checkpoints.iter().map(head).collect()
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.rows.iter().enumerate().map(|(index, row)| Row {
            index: index as u64,
            leaf: Some(row.leaf.clone().into_bytes()),
            hash: row.hash,
            detail: row
                .detail
                .as_ref()
                .and_then(|detail| Some(Detail { salt: *detail.salt?.as_bytes(), bytes: detail.record.clone()?.into_bytes() })),
        });
        rows.collect()
    }

    fn verify(&self, rows: Vec<Row>) -> Report {
        let key = Verifier::parse(&self.key.verifier).unwrap();
        let outside = key.verify(&self.checkpoints[3].note).unwrap();
        let heads = self.heads().into_iter().map(Ok::<_, Infallible>);
        verify(rows.into_iter().map(Ok), heads, Some(&outside), &key).unwrap()
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn leaves_hash_and_detail_records_open_as_the_vectors_say() {
    for row in Vectors::read().rows {
        let frame = LeafFrame::parse(row.leaf.as_bytes()).unwrap();
        assert_eq!(leaf_hash(row.leaf.as_bytes()), row.hash);
        assert_eq!(frame.detail, row.detail.as_ref().map(|detail| detail.commitment));
        if let Some(StoredDetail { commitment, salt: Some(salt), record: Some(record) }) = &row.detail {
            assert_eq!(detail_commitment(salt.as_bytes(), record.as_bytes()), *commitment);
        }
    }
}

#[test]
fn tree_and_peaks_have_the_roots_of_the_vectors() {
    let vectors = Vectors::read();
    let mut tree = Tree::new();
    assert_eq!(tree.root(), vectors.roots[0]);
    for (row, root) in vectors.rows.iter().zip(&vectors.roots[1..]) {
        tree.push(row.hash);
        assert_eq!(tree.root(), *root);
    }
    assert_eq!(vectors.rows.iter().map(|row| row.hash).collect::<Peaks>().root(), tree.root());
}

#[test]
fn proofs_are_those_of_the_vectors_and_verify() {
    let vectors = Vectors::read();
    let mut tree = Tree::new();
    vectors.rows.iter().for_each(|row| tree.push(row.hash));
    let closed = |_| -> Result<Vec<Digest>, Infallible> { panic!("the tile is open") };
    let path = |ranges: Option<Vec<_>>| -> Vec<_> {
        ranges.unwrap().into_iter().map(|range| tree.subtree(range, closed).unwrap()).collect()
    };
    for Inclusion { index, size, path: expected } in vectors.inclusion {
        assert_eq!(path(proof::inclusion(index, size)), expected);
        let leaf = &vectors.rows[index as usize].hash;
        proof::verify_inclusion(index, size, leaf, &expected, &vectors.roots[size as usize]).unwrap();
    }
    for Consistency { old, new, path: expected } in vectors.consistency {
        assert_eq!(path(proof::consistency(old, new)), expected);
        let head = |size: u64| Head { size, root: vectors.roots[size as usize] };
        proof::verify_consistency(head(old), head(new), &expected).unwrap();
    }
}

#[test]
fn checkpoints_are_the_notes_of_the_vectors_to_the_byte() {
    let vectors = Vectors::read();
    let signer = vectors.signer();
    assert_eq!(signer.verifier().to_string(), vectors.key.verifier);
    for (head, stored) in vectors.heads().into_iter().zip(&vectors.checkpoints) {
        // Ed25519 is deterministic: the same text has the same signature.
        assert_eq!(signer.sign(head.size, head.root), head);
        assert_eq!(signer.verifier().note(&head), stored.note);
        assert_eq!(signer.verifier().verify(&stored.note), Ok(signer.verifier().checkpoint(&head)));
    }
}

#[test]
fn the_verifier_finds_the_log_of_the_vectors_sound_before_and_after_its_snapshot() {
    let vectors = Vectors::read();
    let report = vectors.verify(vectors.rows());
    assert_eq!((report.leaves, report.checkpoints_checked, report.details, report.details_missing), (8, 5, 1, 1));
    assert_eq!(report.root, vectors.roots[8]);

    let Snapshot { index, keeps, digest } = &vectors.snapshot;
    let mut kept = Keeps::none();
    keeps.iter().for_each(|index| kept.keep(*index, &vectors.rows[*index as usize].hash));
    assert_eq!(kept, Keeps::stated(keeps.len() as u64, *digest));
    let mut rows = vectors.rows();
    for row in rows.iter_mut().filter(|row| row.index < *index && !keeps.contains(&row.index)) {
        (row.leaf, row.detail) = (None, None);
    }
    assert_eq!(vectors.verify(rows).expired, 4);
}
