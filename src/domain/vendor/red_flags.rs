//! Red flags: what a vendor's record says against it, computed from the record, the clock and the roster. Nobody raises or lowers one
//! by hand.

use super::{Assessment, ContactRole, Soc2Type, VendorDossier, VendorRevision};
use crate::domain::{
    limits,
    people::Roster,
    policy::Policy,
    refusal::Refusal,
    time::{Day, Time, days},
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// What may speak against a vendor. The names are stable: the policy and people's decisions name them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedFlag {
    NoSoc2,
    /// A report on design alone: nobody looked whether the controls work.
    Soc2Type1,
    /// Its period ended more than [`limits::SOC2_COUNTS_DAYS`] ago.
    Soc2Lapsed,
    #[serde(rename = "no_iso27001")]
    NoIso27001,
    #[serde(rename = "iso27001_expired")]
    Iso27001Expired,
    /// Within [`limits::RECENT_BREACH_DAYS`].
    RecentBreach,
    UnresolvedBreach,
    NoDpa,
    NoBaa,
    NoSecurityContact,
    /// The record does not say what the vendor encrypts with.
    EncryptionUnknown,
    /// It names something that was broken: TLS 1.0 and 1.1, SSL, DES, RC4, MD5 and their like.
    WeakEncryption,
    /// Within [`limits::ASSESSMENT_ENDING_DAYS`].
    AssessmentEnding,
    /// Its one login key was filed more than [`limits::OLD_KEY_DAYS`] ago.
    OldLoginKey,
}

impl RedFlag {
    pub const ALL: [Self; 14] = [
        Self::NoSoc2,
        Self::Soc2Type1,
        Self::Soc2Lapsed,
        Self::NoIso27001,
        Self::Iso27001Expired,
        Self::RecentBreach,
        Self::UnresolvedBreach,
        Self::NoDpa,
        Self::NoBaa,
        Self::NoSecurityContact,
        Self::EncryptionUnknown,
        Self::WeakEncryption,
        Self::AssessmentEnding,
        Self::OldLoginKey,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSoc2 => "no_soc2",
            Self::Soc2Type1 => "soc2_type1",
            Self::Soc2Lapsed => "soc2_lapsed",
            Self::NoIso27001 => "no_iso27001",
            Self::Iso27001Expired => "iso27001_expired",
            Self::RecentBreach => "recent_breach",
            Self::UnresolvedBreach => "unresolved_breach",
            Self::NoDpa => "no_dpa",
            Self::NoBaa => "no_baa",
            Self::NoSecurityContact => "no_security_contact",
            Self::EncryptionUnknown => "encryption_unknown",
            Self::WeakEncryption => "weak_encryption",
            Self::AssessmentEnding => "assessment_ending",
            Self::OldLoginKey => "old_login_key",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.name() == name)
    }
}

impl fmt::Display for RedFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A red flag that is up, and what raises it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raised {
    pub flag: RedFlag,
    /// One line, without names: `its SOC 2 report's period ended on 2025-03-31`.
    pub what: String,
}

impl VendorDossier {
    /// What speaks against the vendor at `now`: against its current revision, or the newest while none is confirmed.
    pub fn red_flags(&self, roster: &Roster, now: Time) -> Arc<[Raised]> {
        // They are raised and lowered at midnight, and every ticket of the vendor's asks for them.
        let today = Day::of(now);
        self.raised.get((roster.edition.name(), today), || {
            let Some(revision) = self.current(roster).or(self.revisions.last()) else { return Arc::default() };
            let mut raised = of_assessment(&revision.document.assessment, today.begins());
            raised.extend(self.old_login_key(revision, today.begins()));
            raised.into()
        })
    }

    /// May this vendor receive anything at `now` under `policy`? Its own standing, then the red flags that the policy stops it for.
    pub fn may_receive(&self, policy: &Policy, roster: &Roster, now: Time) -> Result<&VendorRevision, Refusal> {
        let current = self.stands(roster, now)?;
        match self.red_flags(roster, now).iter().find(|raised| policy.stops_for(raised.flag)) {
            Some(Raised { flag, what }) => {
                let reason = format!("the policy holds it for its red flag {flag}: {what}");
                Err(Refusal::OnHold { vendor: self.slug.to_string(), reason })
            }
            None => Ok(current),
        }
    }

    fn old_login_key(&self, revision: &VendorRevision, now: Time) -> Option<Raised> {
        let keys: Vec<_> = revision.document.logins().filter(|key| !self.is_revoked_key(*key)).collect();
        let [only] = keys.as_slice() else { return None };
        let filed = self.revisions.iter().find(|revision| revision.document.logins().any(|key| key == *only))?.filed_at;
        let is_old = now >= Day::of(filed).begins() + days(limits::OLD_KEY_DAYS);
        let what = format!("its only login key has been the same since {}", Day::of(filed));
        is_old.then_some(Raised { flag: RedFlag::OldLoginKey, what })
    }
}

fn of_assessment(assessment: &Assessment, now: Time) -> Vec<Raised> {
    let mut raised = Vec::new();
    let mut raise = |flag, what: String| raised.push(Raised { flag, what });
    match &assessment.soc2 {
        None => raise(RedFlag::NoSoc2, "its record names no SOC 2 report".into()),
        Some(soc2) => {
            if soc2.r#type == Soc2Type::Design {
                raise(RedFlag::Soc2Type1, "its SOC 2 report is of type 1: nobody looked whether the controls work".into());
            }
            if now >= soc2.counts_until().ends() {
                raise(RedFlag::Soc2Lapsed, format!("its SOC 2 report's period ended on {}", soc2.until));
            }
        }
    }
    match &assessment.iso27001 {
        None => raise(RedFlag::NoIso27001, "its record names no ISO 27001 certificate".into()),
        Some(certificate) if now >= certificate.expires.ends() => {
            raise(RedFlag::Iso27001Expired, format!("its ISO 27001 certificate expired on {}", certificate.expires));
        }
        Some(_) => {}
    }
    let recent = |on: &Day| now < on.ends() + days(limits::RECENT_BREACH_DAYS);
    if let Some(on) = assessment.breaches.iter().map(|breach| breach.on).filter(recent).max() {
        raise(RedFlag::RecentBreach, format!("it had a breach on {on}"));
    }
    if let Some(breach) = assessment.breaches.iter().find(|breach| breach.resolved.is_none()) {
        raise(RedFlag::UnresolvedBreach, format!("its breach of {} is not resolved", breach.on));
    }
    if assessment.dpa.is_none() {
        raise(RedFlag::NoDpa, "its record names no data processing agreement".into());
    }
    if assessment.baa.is_none() {
        raise(RedFlag::NoBaa, "its record names no business associate agreement".into());
    }
    if !assessment.contacts.iter().any(|contact| contact.role == ContactRole::Security) {
        raise(RedFlag::NoSecurityContact, "its record names nobody who answers for security".into());
    }
    match &assessment.encryption {
        None => raise(RedFlag::EncryptionUnknown, "its record does not say what it encrypts with".into()),
        Some(encryption) => {
            if let Some(name) = encryption.in_transit.iter().chain(encryption.at_rest.iter()).find(|name| is_weak(name)) {
                raise(RedFlag::WeakEncryption, format!("it encrypts with {name}"));
            }
        }
    }
    if now >= assessment.valid_until.ends() - days(limits::ASSESSMENT_ENDING_DAYS) {
        raise(RedFlag::AssessmentEnding, format!("its assessment ends with {}", assessment.valid_until));
    }
    raised
}

/// What is broken, or is no encryption, by the words of a standard's name.
const WEAK: [&str; 27] = [
    "des",
    "des3",
    "3des",
    "tdes",
    "tdea",
    "rc2",
    "rc4",
    "arc4",
    "arcfour",
    "md2",
    "md4",
    "md5",
    "sha1",
    "ssl",
    "ssl2",
    "ssl3",
    "sslv2",
    "sslv3",
    "ecb",
    "blowfish",
    "none",
    "null",
    "plaintext",
    "cleartext",
    "unencrypted",
    "tripledes",
    "ftp",
];

/// Whether a standard's name names something weak. Names are cut at everything but letters, digits and points, and each word is read alone
/// and with the one after it, so that `TLS 1.0-1.2`, `TLSv1.1`, `TLS_1_0`, `SSLv3.0`, `TLS 1` and `MD-5` are read as they are meant.
fn is_weak(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_tls = name.contains("tls");
    let read = |word: &str| {
        let word = word.trim_end_matches(".0");
        let version = word.trim_start_matches("tls").trim_start_matches(['v', '.']);
        let is_old_tls = is_tls && (version == "1.1" || (version == "1" && word != version));
        WEAK.contains(&word) || is_old_tls
    };
    let cut = |c: char| !c.is_ascii_alphanumeric() && c != '.';
    [name.clone(), name.replace('_', ".")].iter().any(|name| {
        let words: Vec<&str> = name.split(cut).filter(|word| !word.is_empty()).collect();
        let is_old_tls = |word: &str| is_tls && matches!(word, "1.0" | "1.0.0");
        words.iter().any(|word| read(word) || is_old_tls(word))
            || words.windows(2).any(|pair| WEAK.contains(&pair.concat().as_str()))
            || matches!(words.as_slice(), [.., "tls" | "tlsv", "1"])
    })
}

#[cfg(test)]
mod tests;
