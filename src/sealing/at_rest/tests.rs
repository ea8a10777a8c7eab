//! The envelope against its vectors and against those who write to the disk.

use super::*;
use crate::domain::{digest::Digest, limits::AT_REST_OBJECT_BYTES};
use proptest::prelude::*;
use serde_json::Value;
use std::{
    cell::Cell,
    io::{self, Read, Write},
};
use uuid::Uuid;

const CHUNK: usize = chunks::CHUNK;
const SEALED: usize = chunks::SEALED_CHUNK;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/at-rest.json")).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

fn key_of(value: &Value) -> ObjectKey {
    ObjectKey::from_bytes(hex(value).try_into().unwrap())
}

fn master_of(value: &Value) -> MasterKey {
    let bytes: [u8; 32] = hex(value).try_into().unwrap();
    let text = format!("egressd-master-key-v1 {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes));
    MasterKey::from_text(&text).unwrap()
}

fn id_of(value: &Value) -> ObjectId {
    value.as_str().unwrap().parse().unwrap()
}

/// Byte i of every plaintext here is i mod 251: no chunk looks like its neighbour.
fn plaintext(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

fn id(n: u128) -> ObjectId {
    ObjectId::from_uuid(Uuid::from_u128(n))
}

fn key() -> ObjectKey {
    ObjectKey::from_bytes([9; 32])
}

fn stored(plain: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(key(), id(1), Vec::new());
    writer.write_all(plain).unwrap();
    let (bytes, written) = writer.finish().unwrap();
    assert_eq!(written, Written { plain_len: plain.len() as u64, stored_len: bytes.len() as u64 });
    bytes
}

/// A disk whose faults are named: hands out at most `at_most` bytes at once, and `fails` once when told to.
struct Disk {
    bytes: Vec<u8>,
    at_most: usize,
    fails: Cell<Option<io::ErrorKind>>,
    ends_at: Cell<usize>,
    reads: Cell<usize>,
}

impl Disk {
    fn new(bytes: Vec<u8>) -> Self {
        let ends_at = Cell::new(bytes.len());
        Self { bytes, at_most: usize::MAX, fails: Cell::new(None), ends_at, reads: Cell::new(0) }
    }
}

impl ReadAt for &Disk {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        if let Some(kind) = self.fails.take() {
            return Err(kind.into());
        }
        let from = (offset as usize).min(self.ends_at.get());
        let n = buf.len().min(self.at_most).min(self.ends_at.get() - from);
        buf[..n].copy_from_slice(&self.bytes[from..from + n]);
        Ok(n)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }
}

fn read_all(bytes: Vec<u8>, key: ObjectKey, id: ObjectId) -> Result<Vec<u8>, AtRestError> {
    let disk = Disk::new(bytes);
    let mut reader = Reader::new(key, id, &disk)?;
    let mut plain = vec![0; reader.plain_len() as usize];
    let n = reader.read_at(0, &mut plain)?;
    assert_eq!(n, plain.len());
    Ok(plain)
}

#[test]
fn objects_are_the_bytes_of_the_vectors() {
    for vector in vectors()["objects"].as_array().unwrap() {
        let plain = plaintext(vector["plain_len"].as_u64().unwrap() as usize);
        let mut writer = Writer::new(key_of(&vector["key"]), id_of(&vector["object"]), Vec::new());
        writer.write_all(&plain).unwrap();
        let (bytes, written) = writer.finish().unwrap();
        assert_eq!(written.stored_len, vector["stored_len"].as_u64().unwrap());
        assert_eq!(Digest::of(&bytes).to_string(), vector["stored_sha256"].as_str().unwrap());
        if vector["stored"].is_string() {
            assert_eq!(bytes, hex(&vector["stored"]));
        }
        assert_eq!(read_all(bytes, key_of(&vector["key"]), id_of(&vector["object"])).unwrap(), plain);
    }
}

#[test]
fn lengths_are_those_of_the_vectors_both_ways() {
    let vectors = vectors();
    for pair in vectors["lengths"].as_array().unwrap() {
        let (plain, stored) = (pair[0].as_u64().unwrap(), pair[1].as_u64().unwrap());
        assert_eq!((stored_len(plain), plain_len(stored)), (Some(stored), Some(plain)));
    }
    for stored in vectors["not_lengths"].as_array().unwrap() {
        assert_eq!(plain_len(stored.as_u64().unwrap()), None, "{stored}");
    }
    assert_eq!(stored_len(AT_REST_OBJECT_BYTES + 1), None);
    assert_eq!(stored_len(u64::MAX), None);
}

#[test]
fn wrapped_keys_of_the_vectors_open_to_their_keys() {
    for vector in vectors()["wraps"].as_array().unwrap() {
        let id = id_of(&vector["object"]);
        let key = master_of(&vector["master"]).unwrap(&hex(&vector["wrapped"]), id).unwrap();
        let mut writer = Writer::new(key, id, Vec::new());
        writer.write_all(b"the same key").unwrap();
        let (bytes, _) = writer.finish().unwrap();
        assert_eq!(read_all(bytes, key_of(&vector["key"]), id).unwrap(), b"the same key");
    }
}

#[test]
fn a_wrapped_key_opens_for_its_own_object_and_master_only() {
    let master = MasterKey::generate();
    let wrapped = master.wrap(&ObjectKey::generate(), id(1));
    assert_eq!(wrapped.len(), 61);
    assert!(master.unwrap(&wrapped, id(1)).is_ok());
    assert_eq!(master.unwrap(&wrapped, id(2)).err(), Some(KeyError::NotUnwrapped(id(2))));
    assert!(MasterKey::generate().unwrap(&wrapped, id(1)).is_err());
    for i in 0..wrapped.len() {
        let mut damaged = wrapped.clone();
        damaged[i] ^= 1;
        assert!(master.unwrap(&damaged, id(1)).is_err(), "byte {i}");
    }
    for cut in 0..wrapped.len() {
        assert!(master.unwrap(&wrapped[..cut], id(1)).is_err());
    }
    assert!(master.unwrap(&[wrapped, vec![0]].concat(), id(1)).is_err());
}

#[test]
fn wrapping_twice_draws_two_nonces() {
    let (master, key) = (MasterKey::generate(), ObjectKey::generate());
    assert_ne!(master.wrap(&key, id(1)), master.wrap(&key, id(1)));
}

#[test]
fn a_master_key_file_has_one_form_and_its_error_repeats_nothing() {
    for vector in vectors()["master_keys"].as_array().unwrap() {
        let text = vector["text"].as_str().unwrap();
        assert_eq!(MasterKey::from_text(text).unwrap().to_text().as_str(), text);
        assert_eq!(master_of(&vector["bytes"]).to_text().as_str(), text);
    }
    let good = MasterKey::generate().to_text().to_string();
    let digits = &good[22..66];
    for bad in [
        String::new(),
        digits.to_owned(),
        format!("egressd-master-key-v2 {digits}"),
        format!("egressd-master-key-v1  {digits}"),
        format!("{good}\n"),
        format!(" {good}"),
        format!("egressd-master-key-v1 {}", &digits[..43]),
        format!("egressd-master-key-v1 {}A", &digits[..43]),
        format!("egressd-master-key-v1 {}==", &digits[..42]),
        format!("egressd-master-key-v1 {}", "AAAA".repeat(11)),
    ] {
        let error = MasterKey::from_text(&bad).err().unwrap_or_else(|| panic!("{bad:?} passed"));
        assert!(!error.to_string().contains(&digits[..8]));
    }
}

#[test]
fn a_writer_that_never_finished_leaves_no_object() {
    for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        let mut left = Vec::new();
        let mut writer = Writer::new(key(), id(1), &mut left);
        writer.write_all(&plaintext(len)).unwrap();
        writer.flush().unwrap();
        drop(writer);
        assert!(read_all(left, key(), id(1)).is_err(), "{len} bytes");
    }
}

#[test]
fn every_flipped_byte_is_refused_and_nothing_of_its_chunk_is_served() {
    let good = stored(&plaintext(2 * CHUNK + 40));
    for at in [0, 1, CHUNK - 1, CHUNK, SEALED - 1, SEALED, 2 * SEALED - 1, 2 * SEALED, good.len() - 1] {
        let mut damaged = good.clone();
        damaged[at] ^= 0x80;
        let disk = Disk::new(damaged);
        let chunk = (at / SEALED) as u64;
        let mut reader = match Reader::new(key(), id(1), &disk) {
            Err(AtRestError::Damaged { chunk: 2 }) if chunk == 2 => continue,
            other => other.unwrap(),
        };
        for (offset, len) in [(0, 2 * CHUNK + 40), (chunk * CHUNK as u64 + 7, 100), (chunk * CHUNK as u64, CHUNK)] {
            let mut buf = vec![0xAA; len];
            let error = reader.read_at(offset, &mut buf).unwrap_err();
            assert!(matches!(error, AtRestError::Damaged { chunk: c } if c == chunk), "{error}");
            assert!(buf.iter().all(|&b| b == 0), "bytes of a damaged chunk were served");
        }
    }
}

#[test]
fn a_cut_or_lengthened_object_is_refused_before_its_first_byte() {
    for len in [0, 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 40] {
        let good = stored(&plaintext(len));
        for cut in [0, 1, 15, 16, 17, SEALED - 1, SEALED, 2 * SEALED, good.len() - 1] {
            if cut < good.len() {
                assert!(read_all(good[..cut].to_vec(), key(), id(1)).is_err(), "{len} cut to {cut}");
            }
        }
        for more in [vec![0; 1], vec![0; 16], vec![0; 17], good.clone(), stored(b"")] {
            assert!(read_all([good.clone(), more].concat(), key(), id(1)).is_err());
        }
    }
}

#[test]
fn swapped_and_foreign_chunks_are_refused() {
    let good = stored(&plaintext(3 * CHUNK));
    let swapped = [&good[SEALED..2 * SEALED], &good[..SEALED], &good[2 * SEALED..]].concat();
    assert!(matches!(read_all(swapped, key(), id(1)), Err(AtRestError::Damaged { chunk: 0 })));
    assert!(matches!(read_all(good.clone(), key(), id(2)), Err(AtRestError::Damaged { chunk: 2 })));
    assert!(matches!(read_all(good, ObjectKey::generate(), id(1)), Err(AtRestError::Damaged { chunk: 2 })));
}

#[test]
fn an_error_or_a_missing_end_of_the_disk_is_never_the_end_of_the_object() {
    let plain = plaintext(3 * CHUNK);
    let mut disk = Disk::new(stored(&plain));
    disk.at_most = 1_000;
    let mut reader = Reader::new(key(), id(1), &disk).unwrap();
    let mut buf = vec![0; plain.len()];
    disk.fails.set(Some(io::ErrorKind::Interrupted));
    assert_eq!(reader.read_at(0, &mut buf).unwrap(), plain.len());
    assert!(buf == plain, "short and interrupted reads go on");

    disk.fails.set(Some(io::ErrorKind::Other));
    assert!(matches!(reader.read_at(0, &mut buf), Err(AtRestError::Io(_))));
    disk.ends_at.set(2 * SEALED - 5);
    assert!(matches!(reader.read_at(0, &mut buf), Err(AtRestError::CutShort { chunk: 1 })));
    assert!(reader.sequential().read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn reads_of_any_size_decrypt_each_chunk_once() {
    let plain = plaintext(5 * CHUNK + 100);
    let disk = Disk::new(stored(&plain));
    for step in [1_000, 32 * 1024, CHUNK, 255 * 1024, 300_000] {
        let mut reader = Reader::new(key(), id(1), &disk).unwrap();
        disk.reads.set(0);
        let (mut got, mut buf) = (Vec::new(), vec![0; step]);
        loop {
            let n = reader.read_at(got.len() as u64, &mut buf).unwrap();
            got.extend_from_slice(&buf[..n]);
            if n < step {
                break;
            }
        }
        assert!(got == plain);
        assert_eq!(disk.reads.get(), 6, "in steps of {step}");
    }
}

#[test]
fn an_object_of_one_chunk_is_read_from_the_disk_once() {
    let disk = Disk::new(stored(&plaintext(4_096)));
    let mut reader = Reader::new(key(), id(1), &disk).unwrap();
    let mut buf = vec![0; 10_000];
    assert_eq!(reader.read_at(0, &mut buf).unwrap(), 4_096);
    assert_eq!(reader.read_at(4_096, &mut buf).unwrap(), 0);
    assert_eq!(reader.read_at(u64::MAX, &mut buf).unwrap(), 0);
    assert_eq!(disk.reads.get(), 1);
}

#[test]
fn a_file_is_read_through_its_descriptor() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&stored(&plaintext(CHUNK + 1))).unwrap();
    let mut got = Vec::new();
    Reader::new(key(), id(1), file).unwrap().sequential().read_to_end(&mut got).unwrap();
    assert!(got == plaintext(CHUNK + 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_the_writes_are_cut_and_wherever_it_is_read_the_bytes_are_the_same(
        len in 0..3 * CHUNK + 2,
        cuts in prop::collection::vec(1..2 * CHUNK + 3, 1..6),
        reads in prop::collection::vec((0..3 * CHUNK as u64 + 9, 0..2 * CHUNK + 9), 1..6),
    ) {
        let plain = plaintext(len);
        let mut writer = Writer::new(key(), id(1), Vec::new());
        let mut rest = &plain[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at(rest.len().min(*cut));
            writer.write_all(piece).unwrap();
            rest = more;
        }
        let disk = Disk::new(writer.finish().unwrap().0);
        prop_assert!(disk.bytes == stored(&plain));
        let mut reader = Reader::new(key(), id(1), &disk).unwrap();
        for (offset, size) in reads {
            let mut buf = vec![0; size];
            let n = reader.read_at(offset, &mut buf).unwrap();
            let from = (offset as usize).min(len);
            prop_assert!(buf[..n] == plain[from..(from + size).min(len)]);
        }
    }
}
