//! What a vendor's record says, what is read of it, and which red flags follow.

use super::*;
use crate::domain::{
    digest::Digest,
    document::DocumentError,
    event::{Actor, Detail, Event, Record, Subject},
    ids::VendorId,
    signature::PublicKey,
    vendor::VendorDocument,
};
use proptest::prelude::*;
use russh::keys::ssh_key::{PrivateKey, private::Ed25519Keypair};
use std::collections::BTreeSet;
use uuid::Uuid;

const EXAMPLE: &str = include_str!("../../../../config/vendor.toml");

fn day(text: &str) -> Day {
    Day::try_from(text.to_owned()).unwrap()
}

/// A vendor file with nothing in its assessment but `rest`.
fn document(rest: &str) -> String {
    let before = EXAMPLE.split("[assessment]").next().unwrap();
    format!("{before}[assessment]\nreference = \"r\"\nvalid_until = \"2030-01-01\"\ncontract = \"c\"\n{rest}")
}

fn parse(rest: &str) -> Result<VendorDocument, DocumentError> {
    VendorDocument::parse(&document(rest))
}

fn raised(rest: &str, now: &str) -> BTreeSet<RedFlag> {
    let parsed = parse(rest).unwrap_or_else(|error| panic!("{rest}: {error}"));
    of_assessment(&parsed.assessment, day(now).begins()).into_iter().map(|raised| raised.flag).collect()
}

/// A record that says everything well.
const WELL: &str = r#"
dpa = "DPA-1"
baa = "BAA-1"
[assessment.soc2]
type = 2
from = "2025-10-01"
until = "2026-09-30"
[assessment.iso27001]
number = "IS 1"
expires = "2028-03-14"
[assessment.encryption]
in_transit = ["TLS 1.3", "TLS 1.2+", "SSH"]
at_rest = ["AES-256-GCM"]
[[assessment.contact]]
role = "security"
name = "Ann"
phone = "+44 20 7946 0000"
"#;

#[test]
fn names_are_stable_and_the_policy_reads_the_same() {
    for flag in RedFlag::ALL {
        assert_eq!(serde_json::to_string(&flag).unwrap(), format!("\"{flag}\""));
        assert_eq!(RedFlag::named(flag.name()), Some(flag));
    }
}

#[test]
fn a_record_without_the_new_keys_digests_as_before_there_were_any_and_each_key_changes_the_digest() {
    let old = parse("").unwrap();
    let before = r#"{"contract":"c","reference":"r","valid_until":"2030-01-01"}"#;
    assert_eq!(old.assessment_digest(), Digest::of(before.as_bytes()));
    let whole = parse(WELL).unwrap().assessment_digest();
    assert_ne!(whole, old.assessment_digest());
    for (said, other) in [
        ("DPA-1", "DPA-2"),
        ("BAA-1", "BAA-2"),
        ("type = 2", "type = 1"),
        ("2026-09-30", "2026-09-29"),
        ("IS 1", "IS 2"),
        ("2028-03-14", "2028-03-15"),
        ("AES-256-GCM", "AES-128-GCM"),
        ("TLS 1.3", "TLS 1.2"),
        ("Ann", "Eve"),
        ("0000", "0001"),
        ("[[assessment.contact]]", "[[assessment.breach]]\non = \"2020-01-01\"\nwhat = \"x\"\n[[assessment.contact]]"),
    ] {
        let changed = parse(&WELL.replacen(said, other, 1)).unwrap();
        assert_ne!(changed.assessment_digest(), whole, "{other} is not part of what a gate is asked");
    }
    assert_eq!(parse(WELL).unwrap().assessment_digest(), whole);
}

#[test]
fn every_flag_is_raised_by_what_it_names_and_by_nothing_else() {
    const NOW: &str = "2026-11-21";
    assert_eq!(raised(WELL, NOW), BTreeSet::new());
    for (said, instead, flag) in [
        ("type = 2", "type = 1", RedFlag::Soc2Type1),
        ("until = \"2026-09-30\"", "until = \"2025-11-20\"", RedFlag::Soc2Lapsed),
        ("2028-03-14", "2026-11-20", RedFlag::Iso27001Expired),
        ("dpa = \"DPA-1\"", "", RedFlag::NoDpa),
        ("baa = \"BAA-1\"", "", RedFlag::NoBaa),
        ("\"security\"", "\"privacy\"", RedFlag::NoSecurityContact),
        ("TLS 1.2+", "TLS 1.1", RedFlag::WeakEncryption),
        ("AES-256-GCM", "3DES-CBC", RedFlag::WeakEncryption),
    ] {
        assert_eq!(raised(&WELL.replacen(said, instead, 1), NOW), BTreeSet::from([flag]), "{instead}");
    }
    let without = |table: &str, next: &str| {
        let (before, rest) = WELL.split_once(table).unwrap();
        format!("{before}{next}{}", rest.split_once(next).unwrap().1)
    };
    assert_eq!(raised(&without("[assessment.soc2]", "[assessment.iso27001]"), NOW), BTreeSet::from([RedFlag::NoSoc2]));
    assert_eq!(raised(&without("[assessment.iso27001]", "[assessment.encryption]"), NOW), BTreeSet::from([RedFlag::NoIso27001]));
    let unknown = without("[assessment.encryption]", "[[assessment.contact]]");
    assert_eq!(raised(&unknown, NOW), BTreeSet::from([RedFlag::EncryptionUnknown]));
    let breach = |on: &str, end: &str| format!("{WELL}[[assessment.breach]]\non = \"{on}\"\nwhat = \"mailbox\"\n{end}");
    assert_eq!(raised(&breach("2024-11-21", "resolved = \"2024-12-01\""), NOW), BTreeSet::from([RedFlag::RecentBreach]));
    assert_eq!(raised(&breach("2024-11-20", "resolved = \"2024-12-01\""), NOW), BTreeSet::new());
    assert_eq!(raised(&breach("2014-11-20", ""), NOW), BTreeSet::from([RedFlag::UnresolvedBreach]));
}

#[test]
fn each_day_counts_to_its_end() {
    assert_eq!(raised(WELL, "2027-09-30"), BTreeSet::new());
    assert_eq!(raised(WELL, "2027-10-01"), BTreeSet::from([RedFlag::Soc2Lapsed]));
    assert!(!raised(WELL, "2028-03-14").contains(&RedFlag::Iso27001Expired));
    assert!(raised(WELL, "2028-03-15").contains(&RedFlag::Iso27001Expired));
    assert!(!raised(WELL, "2029-12-02").contains(&RedFlag::AssessmentEnding));
    assert!(raised(WELL, "2029-12-03").contains(&RedFlag::AssessmentEnding));
}

#[test]
fn weak_standards_are_found_however_they_are_spelled_and_strong_ones_are_not_accused() {
    for weak in [
        "TLS 1.0",
        "TLS 1.0-1.2",
        "tlsv1.1",
        "TLSv1",
        "TLS_1_0",
        "TLS v1.1",
        "SSL/TLS",
        "SSLv3",
        "DES",
        "DES-CBC3",
        "3DES",
        "rc4",
        "RC4-128",
        "RSA with MD5",
        "HMAC_MD5",
        "AES_256_ECB",
        "AES-128-ECB",
        "none",
        "plaintext",
        "FTP",
        "TLS 1",
        "TLSv1.0.0",
        "SSLv3.0",
        "MD-5",
        "RC-4",
        "SHA-1",
        "TripleDES",
        "unencrypted",
    ] {
        assert!(is_weak(weak), "{weak}");
    }
    for strong in [
        "TLS 1.2",
        "TLS 1.3",
        "TLSv1.3",
        "TLS_1_3",
        "SSH",
        "SFTP",
        "HTTPS",
        "AES-256-GCM",
        "AES 128 CBC, HMAC SHA-256",
        "ChaCha20",
    ] {
        assert!(!is_weak(strong), "{strong}");
    }
}

#[test]
fn what_cannot_be_so_is_refused_with_its_line() {
    let lines = document("").lines().count();
    for (rest, line, told) in [
        ("[assessment.soc2]\ntype = 3\nfrom = \"2025-01-01\"\nuntil = \"2025-12-31\"", 2, "3 is no type of a SOC 2 report"),
        ("[assessment.soc2]\ntype = 2\nfrom = \"2026-01-01\"\nuntil = \"2025-12-31\"", 1, "before it begins"),
        ("[assessment.soc2]\ntype = 2\nfrom = \"2026-02-30\"\nuntil = \"2025-12-31\"", 3, "is not a day"),
        ("[assessment.soc2]\ntyp = 2", 2, "unknown key typ"),
        ("[assessment.iso27001]\nnumber = \" \"\nexpires = \"2026-01-01\"", 2, "1 to 300 characters"),
        ("dpa = \"DPA\u{202e}1\"", 1, "which nobody sees"),
        ("[assessment.encryption]\nin_transit = []\nat_rest = [\"AES\"]", 2, "1 to 16 standards"),
        ("[assessment.encryption]\nin_transit = [\"ТLS 1.0\"]\nat_rest = [\"AES\"]", 2, "no standard's name"),
        ("[[assessment.breach]]\non = \"2026-01-02\"\nwhat = \"x\"\nresolved = \"2026-01-01\"", 1, "before it happened"),
        ("[[assessment.contact]]\nrole = \"security\"\nname = \"Ann\"", 1, "nobody can reach them"),
        ("[[assessment.contact]]\nrole = \"boss\"\nname = \"Ann\"\nmail = \"a@b\"", 2, "none of its values"),
        ("[[assessment.contact]]\nrole = \"security\"\nname = \"Ann\"\nmail = \"ann at acme\"", 1, "no mail address"),
        ("[[assessment.contact]]\nrole = \"security\"\nname = \"Ann\"\nphone = \"call me\"", 1, "no telephone number"),
    ] {
        let error = parse(rest).expect_err(rest);
        assert!(error.to_string().contains(told), "{rest}: {error}");
        assert_eq!(error.line, Some(lines + line), "{rest}: {error}");
    }
    let many = "[[assessment.breach]]\non = \"2026-01-02\"\nwhat = \"x\"\n".repeat(limits::BREACHES_PER_VENDOR + 1);
    assert!(parse(&many).unwrap_err().to_string().contains("name the latest"));
    let many =
        "[[assessment.contact]]\nrole = \"business\"\nname = \"x\"\nmail = \"a@b\"\n".repeat(limits::CONTACTS_PER_VENDOR + 1);
    assert!(parse(&many).unwrap_err().to_string().contains("name those who answer"));
}

/// A dossier of these files, each filed on its day.
fn dossier(filed: &[(&str, String)]) -> VendorDossier {
    let record = |(i, (on, text)): (usize, &(&str, String))| {
        let document = VendorDocument::parse(text).unwrap();
        let event = Event::VendorFiled {
            revision: document.digest(),
            assessment: document.assessment_digest(),
            logins: document.logins().collect(),
            recipients: vec![Digest::of(b"recipient")],
        };
        Record {
            index: i as u64,
            at: day(on).begins(),
            by: Actor::Owner,
            on: Subject::Vendor(VendorId::from_uuid(Uuid::from_u128(1))),
            event,
            detail: Some(Detail::Vendor { document: text.clone() }),
        }
    };
    VendorDossier::replay(&filed.iter().enumerate().map(record).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_login_key_is_old_by_its_first_filing_and_only_while_it_is_the_only_one() {
    let public = |n| {
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[n; 32]));
        PublicKey::new(key.public_key()).unwrap().to_string()
    };
    let with = |keys: &[String]| {
        let rest = document(WELL).split_once("recipients = ").unwrap().1.to_owned();
        format!("vendor = 1\nid = \"acme\"\nname = \"Acme\"\ncontact = \"ops\"\nlogin_keys = {keys:?}\nrecipients = {rest}")
    };
    let roster = Roster::replay(&[]);
    let is_old = |filed: &[(&str, String)], now: &str| {
        dossier(filed).red_flags(&roster, day(now).begins()).iter().any(|raised| raised.flag == RedFlag::OldLoginKey)
    };
    let one = ("2024-11-21", with(&[public(1)]));
    assert!(!is_old(std::slice::from_ref(&one), "2026-11-20"));
    assert!(is_old(std::slice::from_ref(&one), "2026-11-21"));
    // Filing the same key again makes it no younger.
    let again = ("2026-11-01", with(&[public(1)]).replace("DPA-1", "DPA-2"));
    assert!(is_old(&[one.clone(), again], "2026-11-21"));
    let overlapping = ("2026-11-01", with(&[public(1), public(2)]));
    assert!(!is_old(&[one.clone(), overlapping], "2026-11-21"));
    let rotated = ("2026-11-01", with(&[public(2)]));
    assert!(!is_old(&[one, rotated], "2026-11-21"));
}

/// What somebody may do to a line without meaning to, or meaning to.
fn mutated(line: &str, how: u8, with: &str) -> String {
    match how % 10 {
        0 => String::new(),
        1 => format!("{line}\n{line}"),
        2 => line.chars().rev().collect(),
        3 => line.replace('"', ""),
        4 => line.replace(char::is_alphanumeric, with),
        5 => line.chars().take(line.chars().count() / 2).collect(),
        6 => line.replace('=', with),
        7 => format!("{line}{with}"),
        8 => line.split_once('=').map_or_else(|| with.to_owned(), |(key, _)| format!("{key}= {with}")),
        _ => line.replace(['[', ']', '{', '}'], with),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_vendor_file_is_read_or_refused_with_its_place_and_never_panics(
        at in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        how in any::<(u8, u8)>(),
        with in prop_oneof!["\\PC{0,12}", Just("-1".to_owned()), Just("99999999999999999999".to_owned()), Just("\"9999-12-31\"".to_owned()),
            Just("1e400".to_owned()), Just("[[[[".to_owned()), Just("\u{202e}\u{0}".to_owned())],
    ) {
        let text = if how.0 % 2 == 0 { EXAMPLE.to_owned() } else { document(WELL) };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (first, second) = (at.index(lines.len()), second.index(lines.len()));
        lines[first] = mutated(&lines[first], how.0, &with);
        lines[second] = mutated(&lines[second], how.1, &with);
        match VendorDocument::parse(&lines.join("\n")) {
            Ok(document) => {
                let again = VendorDocument::parse(&serde_json::to_string(&document).unwrap()).unwrap();
                prop_assert_eq!(again.digest(), document.digest());
                for now in ["1970-01-01", "2026-11-21", "9999-12-31"] {
                    for raised in of_assessment(&document.assessment, day(now).begins()) {
                        prop_assert!(!raised.what.contains('\n') && raised.what.len() < 4_000);
                    }
                }
            }
            Err(error) => {
                let told = error.to_string();
                let missing = told.contains("is missing");
                let named = ["login_keys", "tls_keys", "recipients", "addresses", "name", "contact", "assessment", "vendor ="];
                prop_assert!(error.line.is_some() || missing || named.iter().any(|key| told.contains(key)), "{}", told);
            }
        }
    }
}
