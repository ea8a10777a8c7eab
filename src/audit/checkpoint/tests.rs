//! Checkpoints against forgery, against other spellings, and against an independent implementation.

use super::*;
use signed_note::{Note, StandardVerifier, VerifierList};

fn origin(text: &str) -> Origin {
    text.parse().unwrap()
}

fn signer() -> Signer {
    Signer::generate(origin("egress.example.com/log")).unwrap().0
}

#[test]
fn an_independent_implementation_reads_and_verifies_our_notes() {
    let signer = signer();
    let root = Digest::of(b"root");
    let note = signer.verifier().note(&signer.sign(42, root));
    let theirs = StandardVerifier::new(&signer.verifier().to_string()).unwrap();
    let parsed = Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, unverified) = parsed.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(parsed.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.hash().0), ("egress.example.com/log", 42, *root.as_bytes()));
}

#[test]
fn we_verify_what_an_independent_implementation_signed() {
    let seed = [9; 32];
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let verifier = Verifier { origin: origin("peter"), key: pair.public_key().as_ref().try_into().unwrap() };
    let key = format!("PRIVATE+KEY+peter+{}+{}", verifier.id_text(), STANDARD.encode([&[ED25519_TYPE][..], &seed[..]].concat()));
    let theirs = signed_note::StandardSigner::new(&key).unwrap();
    let text = Checkpoint { origin: origin("peter"), size: 7, root: Digest::of(b"r") }.text();
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&theirs]).unwrap();
    let checkpoint = verifier.verify(std::str::from_utf8(&note.to_bytes()).unwrap()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (7, Digest::of(b"r")));
}

#[test]
fn what_is_stored_gives_the_note_again() {
    let signer = signer();
    let head = signer.sign(3, Digest::of(b"x"));
    let note = signer.verifier().note(&head);
    assert_eq!(signer.verifier().verify(&note), Ok(signer.verifier().checkpoint(&head)));
    assert_eq!(signer.verifier().verify_head(&head), Ok(()));
}

#[test]
fn a_key_survives_being_stored() {
    let (signer, der) = Signer::generate(origin("a/b")).unwrap();
    let again = Signer::from_pkcs8(origin("a/b"), &der).unwrap();
    assert_eq!(again.verifier(), signer.verifier());
    assert_eq!(Verifier::parse(&signer.verifier().to_string()).as_ref(), Ok(signer.verifier()));
    assert!(matches!(Signer::from_pkcs8(origin("a"), &der[1..]), Err(KeyError::Pkcs8)));
}

#[test]
fn a_stored_checkpoint_with_anything_changed_does_not_verify() {
    let signer = signer();
    let head = signer.sign(3, Digest::of(b"x"));
    let mut signature = head.signature;
    signature[63] ^= 1;
    for forged in [
        SignedHead { size: 4, ..head },
        SignedHead { root: Digest::of(b"y"), ..head },
        SignedHead { signature, ..head },
        SignedHead { signature: [0; 64], ..head },
    ] {
        assert!(matches!(signer.verifier().verify_head(&forged), Err(CheckpointError::Signature(_))));
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_note_is_noticed() {
    let signer = signer();
    let note = signer.verifier().note(&signer.sign(1_234, Digest::of(b"x"))).into_bytes();
    for place in 0..note.len() {
        for bit in 0..8 {
            let mut flipped = note.clone();
            flipped[place] ^= 1 << bit;
            if let Ok(text) = std::str::from_utf8(&flipped) {
                assert!(signer.verifier().verify(text).is_err(), "byte {place} bit {bit}");
            }
        }
    }
}

#[test]
fn signatures_of_witnesses_are_passed_over_but_do_not_stand_in_for_ours() {
    let (signer, witness) = (signer(), Signer::generate(origin("witness.example.org")).unwrap().0);
    let head = signer.sign(9, Digest::of(b"x"));
    let note = signer.verifier().note(&head);
    let (text, ours) = note.rsplit_once("\n\n").unwrap();
    let theirs = format!("\u{2014} witness.example.org {}\n", STANDARD.encode([&witness.verifier().id()[..], &[7; 72]].concat()));
    assert!(signer.verifier().verify(&format!("{text}\n\n{ours}{theirs}")).is_ok());
    assert!(signer.verifier().verify(&format!("{text}\n\n{theirs}{ours}")).is_ok());
    assert!(matches!(signer.verifier().verify(&format!("{text}\n\n{theirs}")), Err(CheckpointError::NotOurs(_))));
    let bad = format!(
        "\u{2014} {} {}\n",
        signer.verifier().origin(),
        STANDARD.encode([&signer.verifier().id()[..], &[7; 64]].concat())
    );
    for both in [format!("{text}\n\n{ours}{bad}"), format!("{text}\n\n{bad}{ours}")] {
        assert!(matches!(signer.verifier().verify(&both), Err(CheckpointError::Signature(_))));
    }
}

#[test]
fn another_log_under_the_same_key_and_odd_spellings_are_no_checkpoint() {
    let (signer, _) = Signer::generate(origin("one")).unwrap();
    let root = STANDARD.encode(Digest::of(b"x").as_bytes());
    let signed = |text: &str| {
        let signature = [&signer.verifier().id()[..], signer.pair.sign(text.as_bytes()).as_ref()].concat();
        format!("{text}\n\u{2014} one {}\n", STANDARD.encode(signature))
    };
    assert!(signer.verifier().verify(&signed(&format!("one\n5\n{root}\n"))).is_ok());
    for text in [
        format!("two\n5\n{root}\n"),
        format!("one\n05\n{root}\n"),
        format!("one\n+5\n{root}\n"),
        format!("one\n-0\n{root}\n"),
        format!("one\n5\n{root}\nextension\n"),
        format!("one\n5\n{}\n", &root[..40]),
        format!("one\n5\n{}\n", root.trim_end_matches('=')),
        format!("one\n99999999999999999999\n{root}\n"),
        "one\n5\n".to_owned(),
    ] {
        assert_eq!(signer.verifier().verify(&signed(&text)), Err(CheckpointError::NotACheckpoint(origin("one"))), "{text:?}");
    }
}

#[test]
fn what_is_not_a_note_is_said_to_be_none() {
    let signer = signer();
    let note = signer.verifier().note(&signer.sign(1, Digest::of(b"x")));
    for text in [
        "",
        "\n\n",
        "a\n\n",
        note.trim_end(),
        &note.replace('\u{2014}', "-"),
        &note.replace("\n\n", "\n"),
        &format!("\r{note}"),
        &format!("{note}\u{2014} x AAAA\n"),
        &format!("{note}{}", "\u{2014} x AAAAAAAA\n".repeat(2_000)),
    ] {
        assert_eq!(signer.verifier().verify(text), Err(CheckpointError::NotANote));
    }
}

#[test]
fn an_origin_cannot_be_misread() {
    for good in ["egress.example.com", "egress.example.com/log", "a", "localhost/a_b-c/1"] {
        assert_eq!(origin(good).to_string(), good);
    }
    for bad in
        ["", "/", "a/", "/a", "a//b", "a b", "a+b", "A", "a\n1", ".a", "a/..", "a/.b", "\u{e4}", "http://a", &"a".repeat(129)]
    {
        assert!(bad.parse::<Origin>().is_err(), "{bad:?} passed");
    }
}

#[test]
fn a_verifier_key_with_a_wrong_digit_or_name_is_refused() {
    let key = signer().verifier().to_string();
    let (name, rest) = key.split_once('+').unwrap();
    let (id, bytes) = rest.split_once('+').unwrap();
    assert_eq!(Verifier::parse(&format!("{name}2+{id}+{bytes}")), Err(KeyError::Id));
    assert_eq!(Verifier::parse(&format!("{name}+0{}+{bytes}", &id[1..])).is_ok(), id.starts_with('0'));
    assert_eq!(Verifier::parse(&format!("{name}+{}+{bytes}", id.to_uppercase())).is_ok(), id.to_uppercase() == id);
    assert_eq!(Verifier::parse(&format!("{name}+{id}+{}", STANDARD.encode([2; 33]))), Err(KeyError::Algorithm));
    for shape in ["", "a", "a+b", "a b+00000000+AQ==", "a+00000000+AQ==", "a+00000000+", "a+00000000+!", "+00000000+AQ=="] {
        assert_eq!(Verifier::parse(shape), Err(KeyError::Shape), "{shape:?}");
    }
}
