//! Sealed files against those who must open them: the age crate, and the `age` that vendors have.

use super::*;
use age::{Decryptor, Identity};
use proptest::prelude::*;
use std::{io::Read, path::Path, process::Command, process::Stdio};

const CHUNK: usize = chunks::CHUNK;
const SIZES: [usize; 8] = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 3_500_000];

/// Byte i is i mod 251: no chunk looks like its neighbour.
fn plaintext(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// The file as it is served, with everything that `finish` says about it checked.
fn seal(recipients: &[Recipient], plain: &[u8]) -> Vec<u8> {
    let mut sealer = Sealer::new(recipients, Vec::new(), Vec::new()).unwrap();
    sealer.write_all(plain).unwrap();
    let (header, payload, ciphertext) = sealer.finish().unwrap();
    let chunks = plain.len().div_ceil(CHUNK).max(1);
    assert_eq!(payload.len(), 16 + plain.len() + 16 * chunks);
    assert_eq!(payload_len(plain.len() as u64), Some(payload.len() as u64));
    assert_eq!((ciphertext.header_len(), ciphertext.payload_len()), (header.len() as u64, payload.len() as u64));
    assert!(header.starts_with(b"age-encryption.org/v1\n-> "));
    let mac_line = &header[header.len() - 48..];
    assert!(mac_line.starts_with(b"--- ") && mac_line.ends_with(b"\n"));
    let file = [header, payload].concat();
    assert_eq!(ciphertext.len(), file.len() as u64);
    assert_eq!(ciphertext.sha256(), Digest::of(&file));
    assert_eq!((ciphertext.plain_len(), ciphertext.plain_sha256()), (plain.len() as u64, Digest::of(plain)));
    file
}

fn open(file: &[u8], identity: &dyn Identity) -> Result<Vec<u8>, String> {
    let decryptor = Decryptor::new(file).map_err(|e| e.to_string())?;
    let mut plain = Vec::new();
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(|e| e.to_string())?;
    reader.read_to_end(&mut plain).map_err(|e| e.to_string())?;
    Ok(plain)
}

fn x25519() -> (age::x25519::Identity, Recipient) {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string().parse().unwrap();
    (identity, recipient)
}

#[expect(clippy::disallowed_methods, reason = "a test that starts the vendor's own tools")]
fn run(command: &str, args: &[&str], stdin: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new(command)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command} is needed here: {e}"));
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        // A tool that refuses stops reading: not our error.
        scope.spawn(move || input.write_all(stdin));
        child.wait_with_output().unwrap()
    });
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[expect(clippy::disallowed_methods, reason = "a test that reads the key files it had made")]
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A new SSH key pair: the private half's path, the public half's text.
fn ssh_key(dir: &Path, kind: &str, bits: &str) -> (String, String) {
    let path = dir.join(kind).to_str().unwrap().to_owned();
    run("ssh-keygen", &["-q", "-N", "", "-C", "ops@acme", "-t", kind, "-b", bits, "-f", &path], b"").unwrap();
    let public = read(&format!("{path}.pub"));
    (path, public)
}

/// Every identity that a vendor may have, as a file for `age -i`, with its recipient.
fn vendors_keys(dir: &Path) -> Vec<(String, Recipient)> {
    let native = dir.join("native").to_str().unwrap().to_owned();
    run("age-keygen", &["-o", &native], b"").unwrap();
    let public = String::from_utf8(run("age-keygen", &["-y", &native], b"").unwrap()).unwrap();
    [(native, public), ssh_key(dir, "ed25519", "256"), ssh_key(dir, "rsa", "3072")]
        .into_iter()
        .map(|(path, public)| (path, public.parse().unwrap()))
        .collect()
}

#[test]
fn every_recipient_opens_the_file_with_debians_age_and_with_the_crate() {
    let dir = tempfile::tempdir().unwrap();
    let keys = vendors_keys(dir.path());
    let all: Vec<Recipient> = keys.iter().map(|(_, recipient)| recipient.clone()).collect();
    for (path, recipient) in &keys {
        for recipients in [std::slice::from_ref(recipient), &all] {
            let plain = plaintext(CHUNK + 1_000);
            let file = seal(recipients, &plain);
            assert!(run("age", &["-d", "-i", path], &file).unwrap() == plain, "{path}");
            let key = read(path);
            let opened = if key.contains("BEGIN OPENSSH") {
                open(&file, &age::ssh::Identity::from_buffer(key.as_bytes(), None).unwrap())
            } else {
                open(&file, &key.lines().last().unwrap().parse::<age::x25519::Identity>().unwrap())
            };
            assert!(opened.unwrap() == plain, "{path}");
        }
    }
}

#[test]
fn ssh_keygen_and_we_name_a_key_alike() {
    let dir = tempfile::tempdir().unwrap();
    for (path, recipient) in &vendors_keys(dir.path())[1..] {
        let listed = String::from_utf8(run("ssh-keygen", &["-l", "-f", path], b"").unwrap()).unwrap();
        assert!(listed.contains(&recipient.ssh_fingerprint().unwrap()), "{listed}");
    }
}

#[test]
fn files_of_every_size_open_with_both() {
    let dir = tempfile::tempdir().unwrap();
    let (path, recipient) = vendors_keys(dir.path()).remove(0);
    let identity: age::x25519::Identity = read(&path).lines().last().unwrap().parse().unwrap();
    for size in SIZES {
        let plain = plaintext(size);
        let file = seal(std::slice::from_ref(&recipient), &plain);
        assert!(run("age", &["-d", "-i", &path], &file).unwrap() == plain, "age: {size} bytes");
        assert!(open(&file, &identity).unwrap() == plain, "crate: {size} bytes");
    }
}

#[test]
fn a_wrong_byte_anywhere_is_refused() {
    let (identity, recipient) = x25519();
    let good = seal(&[recipient], &plaintext(CHUNK + 10));
    let header = good.len() - payload_len(CHUNK as u64 + 10).unwrap() as usize;
    let in_payload = [header, header + 15, header + 16, header + CHUNK, good.len() - 27, good.len() - 1];
    for at in (0..header).chain(in_payload) {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        assert!(open(&damaged, &identity).is_err(), "byte {at}");
    }
    for cut in [header, header + 16, header + 16 + CHUNK + 16, good.len() - 1] {
        assert!(open(&good[..cut], &identity).is_err(), "cut at {cut}");
    }
}

#[test]
fn debians_age_refuses_a_wrong_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (path, recipient) = vendors_keys(dir.path()).remove(0);
    let mut file = seal(&[recipient], &plaintext(1_000));
    assert!(run("age", &["-d", "-i", &path], &file).is_ok());
    *file.last_mut().unwrap() ^= 1;
    assert!(run("age", &["-d", "-i", &path], &file).is_err());
}

#[test]
fn nobody_else_opens_it() {
    let (_, recipient) = x25519();
    let (stranger, _) = x25519();
    assert!(open(&seal(&[recipient], b"for one only"), &stranger).is_err());
}

#[test]
fn without_a_recipient_nothing_is_written() {
    let (mut header, mut payload) = (Vec::new(), Vec::new());
    assert!(matches!(Sealer::new(&[], &mut header, &mut payload), Err(SealError::NoRecipients)));
    assert!(header.is_empty() && payload.is_empty());
}

#[test]
fn a_sealer_that_never_finished_leaves_no_file() {
    let (identity, recipient) = x25519();
    for len in [0, 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 9] {
        let (mut header, mut payload) = (Vec::new(), Vec::new());
        let mut sealer = Sealer::new(std::slice::from_ref(&recipient), &mut header, &mut payload).unwrap();
        sealer.write_all(&plaintext(len)).unwrap();
        drop(sealer);
        assert!(open(&[header, payload].concat(), &identity).is_err(), "{len} bytes");
    }
}

#[test]
fn sealing_twice_shares_no_byte_of_payload_key_or_nonce() {
    let (_, recipient) = x25519();
    let (first, second) = (seal(std::slice::from_ref(&recipient), &[0; 64]), seal(&[recipient], &[0; 64]));
    let payload = |file: &[u8]| file[file.len() - 96..].to_vec();
    assert_ne!(payload(&first)[..16], payload(&second)[..16]);
    assert_ne!(payload(&first)[16..], payload(&second)[16..]);
}

#[test]
fn a_sink_that_fails_ends_the_sealing() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_, recipient) = x25519();
    assert!(matches!(Sealer::new(std::slice::from_ref(&recipient), Full, io::sink()), Err(SealError::Io(_))));
    assert!(matches!(Sealer::new(&[recipient], io::sink(), Full), Err(SealError::Io(_))));
}

#[test]
fn a_body_that_fills_its_last_line_is_followed_by_an_empty_one() {
    for (bytes, lines) in [(0, 1), (32, 1), (47, 1), (48, 2), (49, 2), (384, 9)] {
        let mut header = Vec::new();
        write_stanza(&Stanza { tag: "kind".into(), args: vec!["argument".into()], body: vec![7; bytes] }, &mut header);
        let text = String::from_utf8(header).unwrap();
        assert!(text.starts_with("-> kind argument\n"));
        assert_eq!(text.lines().count() - 1, lines, "{bytes} bytes");
        assert!(text.lines().last().unwrap().len() < 64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn however_the_writes_are_cut_the_plaintext_is_the_same(
        len in 0..3 * CHUNK + 2,
        cuts in prop::collection::vec(1..2 * CHUNK + 3, 1..6),
    ) {
        let (identity, recipient) = x25519();
        let plain = plaintext(len);
        let mut sealer = Sealer::new(&[recipient], Vec::new(), Vec::new()).unwrap();
        let mut rest = &plain[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at(rest.len().min(*cut));
            sealer.write_all(piece).unwrap();
            rest = more;
        }
        let (header, payload, ciphertext) = sealer.finish().unwrap();
        prop_assert_eq!(ciphertext.plain_sha256(), Digest::of(&plain));
        prop_assert!(open(&[header, payload].concat(), &identity).unwrap() == plain);
    }
}
