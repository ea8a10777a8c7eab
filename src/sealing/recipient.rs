//! Public keys that files are sealed to: age's X25519, and the SSH keys that vendors have already.

use crate::domain::{
    digest::Digest,
    limits::{RECIPIENT_BYTES, RSA_BITS, RSA_RECIPIENT_BITS},
};
use age_core::format::{FileKey, Stanza};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use curve25519_dalek::{edwards::CompressedEdwardsY, montgomery::MontgomeryPoint};
use std::{fmt, str::FromStr};

const ED25519: &str = "ssh-ed25519";
const RSA: &str = "ssh-rsa";

/// Why a text is no recipient. The message never holds what may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    #[error(
        "this is a private key, and whoever could read it must be thought to have it: make a new one, and send its public half"
    )]
    PrivateKey,
    #[error("{kind:?} is not accepted; accepted are {}", Accepted)]
    Unsupported { kind: String },
    #[error("not a {kind} recipient: {why}; accepted are {}", Accepted)]
    Malformed { kind: &'static str, why: &'static str },
    #[error("an RSA key of {bits} bits is not accepted; accepted are {}", Accepted)]
    RsaBits { bits: usize },
    #[error("a {kind} key that every file would be readable with: its point has a small order")]
    SmallOrder { kind: &'static str },
}

/// What an error says is accepted.
struct Accepted;

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "age1… (X25519), ssh-ed25519 …, and ssh-rsa … of {RSA_BITS} to {RSA_RECIPIENT_BITS} bits")
    }
}

/// A public key to seal to. Its text is canonical: one key, one spelling, no comment.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    /// The key, and its SSH wire form (RFC 4253 section 6.6), which OpenSSH's fingerprint is taken of.
    Ssh(age::ssh::Recipient, Vec<u8>),
}

impl Recipient {
    /// The SHA-256 of the canonical text: how records and revocations name this key.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    /// What `ssh-keygen -l` shows, `SHA256:…`; `None` for a key that is not an SSH key.
    pub fn ssh_fingerprint(&self) -> Option<String> {
        match &self.key {
            Key::X25519(_) => None,
            Key::Ssh(_, wire) => Some(format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Digest::of(wire).as_bytes()))),
        }
    }

    /// The stanzas that let this recipient's holder recover `file_key`. The labels that age returns with them are
    /// dropped: none of the accepted kinds has any.
    pub(super) fn wrap(&self, file_key: &FileKey) -> Result<Vec<Stanza>, age::EncryptError> {
        let key: &dyn age::Recipient = match &self.key {
            Key::X25519(key) => key,
            Key::Ssh(key, _) => key,
        };
        key.wrap_file_key(file_key).map(|(stanzas, _)| stanzas)
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    /// One line as `age-keygen -y` or an SSH `.pub` file has it; white space around it and an SSH comment are dropped.
    fn from_str(text: &str) -> Result<Self, RecipientError> {
        if text.to_ascii_uppercase().contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY") {
            return Err(RecipientError::PrivateKey);
        }
        let text = text.trim_ascii();
        if text.len() > RECIPIENT_BYTES || text.contains(|c: char| c.is_control() && c != '\t') {
            return Err(RecipientError::Malformed { kind: "one-line", why: "it has several lines, or is far too long" });
        }
        let mut words = text.split_ascii_whitespace();
        match (words.next().unwrap_or_default(), words.next()) {
            (ED25519, Some(digits)) => ssh(ED25519, digits, check_ed25519),
            (RSA, Some(digits)) => ssh(RSA, digits, check_rsa),
            (ED25519 | RSA, None) => Err(RecipientError::Malformed { kind: "SSH", why: "the key after its type is missing" }),
            (word, None) if is_x25519(word) => x25519(word),
            (word, Some(_)) if is_x25519(word) => Err(malformed_x25519("something follows the key")),
            (word, _) => Err(RecipientError::Unsupported { kind: word.chars().take(32).collect() }),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

/// The characters of Bech32's data part (BIP 173), in the order of their values.
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const X25519_PREFIX: &str = "age1";

/// `age1` and 58 characters of Bech32, in which no other `1` can occur: those of plugins and of age's newer kinds
/// have another one or another length.
fn is_x25519(word: &str) -> bool {
    word.strip_prefix(X25519_PREFIX).is_some_and(|data| data.len() == 58 && !data.contains('1'))
}

fn malformed_x25519(why: &'static str) -> RecipientError {
    RecipientError::Malformed { kind: "X25519", why }
}

fn x25519(word: &str) -> Result<Recipient, RecipientError> {
    let key = age::x25519::Recipient::from_str(word).map_err(|_| malformed_x25519("a character is wrong or missing"))?;
    if key.to_string() != word {
        return Err(malformed_x25519("it is not written the usual way, in lower case"));
    }
    let point = bech32_bytes(&word[X25519_PREFIX.len()..]).ok_or(malformed_x25519("a character is wrong or missing"))?;
    if !is_reduced(&point) {
        return Err(malformed_x25519("no key has such a number"));
    }
    refuse_small_order("X25519", MontgomeryPoint(point))?;
    Ok(Recipient { text: word.to_owned(), key: Key::X25519(key) })
}

/// The 32 bytes in front of the checksum, which age has verified; its type for the key does not lend them.
fn bech32_bytes(data: &str) -> Option<[u8; 32]> {
    let (mut bytes, mut filled) = ([0; 32], 0);
    let (mut bits, mut pending) = (0u32, 0);
    for digit in data.bytes() {
        let value = BECH32.iter().position(|&c| c == digit)?;
        bits = bits << 5 | value as u32;
        pending += 5;
        if pending >= 8 && filled < bytes.len() {
            pending -= 8;
            bytes[filled] = (bits >> pending) as u8;
            filled += 1;
            bits &= (1 << pending) - 1;
        }
        if filled == bytes.len() {
            return Some(bytes);
        }
    }
    None
}

/// Below 2^255 - 19, little-endian. Others are second names of the same keys, which a revocation would not know.
fn is_reduced(point: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = point;
    *last < 0x7f || (*last == 0x7f && !(*first >= 0xed && middle.iter().all(|&byte| byte == 0xff)))
}

/// With such a point every agreement yields zero: anyone could compute the file's key (RFC 7748 section 6.1). The age
/// crate would panic on an X25519 one, and encrypt to an Ed25519 one.
fn refuse_small_order(kind: &'static str, point: MontgomeryPoint) -> Result<(), RecipientError> {
    // Any clamped scalar is a multiple of the cofactor.
    if point.mul_clamped([1; 32]).to_bytes() == [0; 32] { Err(RecipientError::SmallOrder { kind }) } else { Ok(()) }
}

/// `check` must read the wire form to its end before the age crate may see it: that one panics on an integer of zeros.
fn ssh(kind: &'static str, digits: &str, check: fn(Wire<'_>) -> Result<(), RecipientError>) -> Result<Recipient, RecipientError> {
    let malformed = |why| RecipientError::Malformed { kind, why };
    let wire = BASE64_STANDARD.decode(digits).map_err(|_| malformed("the key is not base64"))?;
    let mut rest = Wire { kind, bytes: &wire };
    if rest.string()? != kind.as_bytes() {
        return Err(malformed("the key is of another type than the word before it"));
    }
    check(rest)?;
    let text = format!("{kind} {}", BASE64_STANDARD.encode(&wire));
    let key = age::ssh::Recipient::from_str(&text).map_err(|_| malformed("age does not accept it"))?;
    Ok(Recipient { text, key: Key::Ssh(key, wire) })
}

/// RFC 8709 section 4: one string of 32 bytes, a point on the curve.
fn check_ed25519(mut wire: Wire<'_>) -> Result<(), RecipientError> {
    let malformed = |why| RecipientError::Malformed { kind: ED25519, why };
    let encoded = wire.string()?;
    wire.end()?;
    let compressed = CompressedEdwardsY::from_slice(encoded).map_err(|_| malformed("the key is not 32 bytes long"))?;
    let point =
        compressed.decompress().filter(|point| point.compress() == compressed).ok_or(malformed("no point of the curve"))?;
    refuse_small_order(ED25519, point.to_montgomery())
}

/// RFC 4253 section 6.6: exponent, then modulus.
fn check_rsa(mut wire: Wire<'_>) -> Result<(), RecipientError> {
    let malformed = |why| RecipientError::Malformed { kind: RSA, why };
    let (exponent, modulus) = (wire.positive()?, wire.positive()?);
    wire.end()?;
    let bits = modulus.len() * 8 - modulus[0].leading_zeros() as usize;
    if !(RSA_BITS..=RSA_RECIPIENT_BITS).contains(&bits) {
        return Err(RecipientError::RsaBits { bits });
    }
    // Up to 2^31 - 1, as other implementations have it; an even number has no private half.
    let exponent = match exponent.len() {
        1..=4 => exponent.iter().fold(0u32, |value, &byte| value << 8 | u32::from(byte)),
        _ => return Err(malformed("the exponent is too large")),
    };
    if exponent < 3 || exponent > i32::MAX as u32 || exponent % 2 == 0 || modulus.last().is_some_and(|byte| byte % 2 == 0) {
        return Err(malformed("such an exponent or modulus has no private key"));
    }
    Ok(())
}

/// What is left to read of an SSH key's wire form (RFC 4251 section 5).
struct Wire<'a> {
    kind: &'static str,
    bytes: &'a [u8],
}

impl<'a> Wire<'a> {
    fn string(&mut self) -> Result<&'a [u8], RecipientError> {
        let (len, rest) = self.bytes.split_first_chunk().ok_or_else(|| self.malformed("the key ends early"))?;
        let len = u32::from_be_bytes(*len) as usize;
        let (string, rest) = rest.split_at_checked(len).ok_or_else(|| self.malformed("the key ends early"))?;
        self.bytes = rest;
        Ok(string)
    }

    /// A positive `mpint` in its only spelling, without the zero byte that keeps it positive; never empty.
    fn positive(&mut self) -> Result<&'a [u8], RecipientError> {
        match self.string()? {
            [0, rest @ ..] if rest.first().is_some_and(|&byte| byte >= 0x80) => Ok(rest),
            number @ [1..0x80, ..] => Ok(number),
            _ => Err(self.malformed("a number in it is zero, negative or oddly written")),
        }
    }

    fn end(&self) -> Result<(), RecipientError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(self.malformed("something follows the key")) }
    }

    fn malformed(&self, why: &'static str) -> RecipientError {
        RecipientError::Malformed { kind: self.kind, why }
    }
}

#[cfg(test)]
mod tests {
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
        let none: &[&[u8]] =
            &[&[], &[0], &[0, 0], &[0x81], &[0, 1], &[1], &[2], &[1, 0, 0], &[0, 0x80, 0, 0, 1], &[1, 0, 0, 0, 1]];
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
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac,
            0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
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
}
