//! Recipients that are accepted in one spelling, and all that are not.

use super::*;

const X25519: &str = "age1l8w0cv0jmw75fg24y0mn7gm8kevfr0nhtvy60jpgnpsv8jdkwveqrdvk7c";
const ED25519_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICFzSx35RDNV+Wle77Nr+g46mCansqZ0rxcxAfLRcmuR";
const P256_KEY: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKVu8dIPDVAIE6w/jpxM966a8HFl4sPMuFAYd6alnQzoxnxWhRNElJettuTI2idsK4y/ZPgWFE7gbL4/lXXyUjQ=";

fn parse(text: &str) -> Result<Recipient, RecipientError> {
    text.parse()
}

fn wire(kind: &str, strings: &[&[u8]]) -> String {
    let mut bytes = Vec::new();
    for string in std::iter::once(&kind.as_bytes()).chain(strings) {
        bytes.extend_from_slice(&u32::try_from(string.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(string);
    }
    format!("{kind} {}", BASE64_STANDARD.encode(bytes))
}

/// No product of two primes; nothing here asks for that.
fn modulus(bits: usize) -> Vec<u8> {
    let mut number = vec![0xff; bits.div_ceil(8)];
    number[0] >>= number.len() * 8 - bits;
    if number[0] >= 0x80 {
        number.insert(0, 0);
    }
    number
}

fn rsa(exponent: &[u8], modulus: &[u8]) -> String {
    wire(RSA, &[exponent, modulus])
}

#[test]
fn each_kind_has_one_spelling_whatever_stood_around_it() {
    let rsa = rsa(&[1, 0, 1], &modulus(3_072));
    for text in [X25519, ED25519_KEY, &rsa] {
        let plain = parse(text).unwrap();
        assert_eq!(plain.to_string(), text);
        assert_eq!(parse(&format!("  {text}\r\n")).unwrap(), plain);
        assert_eq!(plain.fingerprint(), Digest::of(text.as_bytes()));
    }
    for text in [ED25519_KEY, &rsa] {
        let commented = text.replacen(' ', "  ", 1) + "\tops@acme the second";
        assert_eq!(parse(&commented).unwrap().to_string(), text);
    }
}

#[test]
fn ssh_fingerprints_are_those_of_ssh_keygen() {
    let expected = "SHA256:JAS3mOsJckV+xZ/eAw27J9Nz50qDbJ+M19M+2d2WiWU";
    assert_eq!(parse(ED25519_KEY).unwrap().ssh_fingerprint().as_deref(), Some(expected));
    assert_eq!(parse(X25519).unwrap().ssh_fingerprint(), None);
}

#[test]
fn rsa_keys_have_3072_to_4096_bits() {
    for bits in [3_072, 3_073, 4_095, 4_096] {
        assert!(parse(&rsa(&[1, 0, 1], &modulus(bits))).is_ok(), "{bits}");
    }
    for bits in [8, 2_048, 3_071, 4_097, 8_192, 16_384] {
        assert_eq!(parse(&rsa(&[1, 0, 1], &modulus(bits))), Err(RecipientError::RsaBits { bits }));
    }
}

#[test]
fn rsa_numbers_that_no_private_key_belongs_to_are_refused() {
    let good = modulus(3_072);
    let even: Vec<u8> = [&good[..good.len() - 1], &[0xfe]].concat();
    let padded: Vec<u8> = [&[0], &good[..]].concat();
    let none: &[&[u8]] = &[&[], &[0], &[0, 0], &[0x81], &[0, 1], &[1], &[2], &[1, 0, 0], &[0, 0x80, 0, 0, 1], &[1, 0, 0, 0, 1]];
    for exponent in none {
        assert!(parse(&rsa(exponent, &good)).is_err(), "exponent {exponent:?}");
    }
    for modulus in [&even, &padded, &good[1..].to_vec(), &vec![0; 400], &vec![]] {
        assert!(parse(&rsa(&[1, 0, 1], modulus)).is_err());
    }
}

#[test]
fn keys_that_everyone_could_open_are_refused_before_they_can_do_harm() {
    for point in [
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
        "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
        "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
        "age1t7wft09r2zxzfvwsk92eeql0tvzyghxytqwgapkcyf8dm5ylz9ts6wm9s8",
        "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
    ] {
        assert_eq!(parse(point), Err(RecipientError::SmallOrder { kind: "X25519" }), "{point}");
    }
    let order_8: [u8; 32] = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05,
        0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    let (mut one, mut minus_one) = ([0; 32], [0xff; 32]);
    one[0] = 1;
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    for point in [one, minus_one, [0; 32], order_8] {
        assert_eq!(parse(&wire(ED25519, &[&point])), Err(RecipientError::SmallOrder { kind: ED25519 }));
    }
}

#[test]
fn second_names_of_a_key_are_refused() {
    // p and p + 1 are 0 and 1 again; a point's y of p + 1 likewise.
    for point in [
        "age1ahlllllllllllllllllllllllllllllllllllllllllllllllalsn46ayy",
        "age1amlllllllllllllllllllllllllllllllllllllllllllllllalselrwrv",
    ] {
        assert!(matches!(parse(point), Err(RecipientError::Malformed { kind: "X25519", .. })), "{point}");
    }
    let mut y = [0xff; 32];
    (y[0], y[31]) = (0xee, 0x7f);
    assert!(matches!(parse(&wire(ED25519, &[&y])), Err(RecipientError::Malformed { .. })));
    assert!(parse(&X25519.to_uppercase()).is_err());
    let (mut largest, mut set_bit) = ([0xff; 32], [0; 32]);
    (largest[0], largest[31], set_bit[31]) = (0xec, 0x7f, 0x80);
    assert!(is_reduced(&largest) && !is_reduced(&set_bit));
}

#[test]
fn everything_else_is_refused_with_what_is_accepted() {
    let ed25519 = BASE64_STANDARD.decode(ED25519_KEY.split_once(' ').unwrap().1).unwrap();
    let longer = format!("ssh-ed25519 {}", BASE64_STANDARD.encode([&ed25519[..], &[0]].concat()));
    let huge = format!("{ED25519_KEY} {}", "x".repeat(RECIPIENT_BYTES));
    for bad in [
        "",
        "age1",
        "ssh-ed25519",
        "ssh-ed25519 ?",
        "ssh-rsa AAAA",
        "ssh-rsa AAAAB3NzaC1yc2H/////",
        P256_KEY,
        "sk-ssh-ed25519@openssh.com AAAA",
        "age1pq1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
        "age1yubikey1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
        "age1tag1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqar8jk6",
        &X25519.replace("l8w0", "l8w9"),
        &format!("{X25519} comment"),
        &format!("{X25519}\n{X25519}"),
        &format!("{ED25519_KEY}\n{ED25519_KEY}"),
        &format!("restrict {ED25519_KEY}"),
        &ED25519_KEY.replace("ssh-ed25519", RSA),
        &format!("{ED25519_KEY}=="),
        &longer,
        &wire(ED25519, &[&[7; 31]]),
        &wire(ED25519, &[&[2; 32]]),
        &huge,
        "\0",
    ] {
        let error = parse(bad).unwrap_err();
        assert!(error.to_string().contains("accepted are age1… (X25519), ssh-ed25519"), "{bad:?}: {error}");
    }
}

#[test]
fn a_private_key_is_recognised_and_never_repeated() {
    let identity = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    for secret in
        [identity, &identity.to_lowercase(), &format!("# created\n{identity}"), "-----BEGIN OPENSSH PRIVATE KEY-----\nb3"]
    {
        let error = parse(secret).unwrap_err();
        assert_eq!(error, RecipientError::PrivateKey);
        assert!(!error.to_string().contains("GQ97"));
    }
}
