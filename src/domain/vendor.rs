//! Vendors: the file that describes one, its revisions, who confirmed which, and whether it may receive anything.

mod confirmed;
mod notices;
mod owed;
mod record;
mod red_flags;
mod token;

pub use confirmed::Confirmations;
pub use notices::{Ending, Notice};
pub use record::{Assessment, Contact, ContactRole, Entry, Soc2, Soc2Type};
pub use red_flags::{Raised, RedFlag};
pub use token::{VendorToken, token_confirmation_text};

use super::{
    credential::{Credential, TlsKey},
    digest::Digest,
    document::{self, DocumentError},
    event::{Detail, Event, Record, Subject},
    house::HouseDossier,
    ids::{PersonId, Slug, VendorId},
    limits,
    memo::{Edition, EditionName, Memo},
    network::Network,
    people::{Role, Roster},
    refusal::Refusal,
    signature::PublicKey,
    time::{Day, Time},
};
use owed::Owed;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, collections::BTreeSet, net::IpAddr, sync::Arc};

/// A vendor file as somebody wrote it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorDocument {
    /// The version of this file's format.
    pub vendor: u32,
    /// The vendor's id here, and its user name on SFTP.
    pub id: Slug,
    pub name: String,
    pub contact: String,
    /// SSH public keys that may log in.
    pub login_keys: Vec<PublicKey>,
    /// Keys of TLS certificates that may log in over HTTPS. One that names none reads and digests as before there were any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls_keys: Vec<TlsKey>,
    /// Public keys that files are sealed to, all of them: age1…, ssh-ed25519, ssh-rsa.
    pub recipients: Vec<String>,
    /// Networks the vendor pulls from.
    pub addresses: Vec<Network>,
    pub assessment: Assessment,
}

/// How a vendor file is written, for whoever made a mistake in one.
const EXAMPLE: &str = include_str!("../../config/vendor.toml");

impl VendorDocument {
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let document: Self = document::parse(text, EXAMPLE)?;
        document.check().map_err(DocumentError::whole)?;
        Ok(document)
    }

    fn check(&self) -> Result<(), String> {
        if self.vendor != 1 {
            return Err(format!("vendor = {} is not a version this program reads: it reads 1", self.vendor));
        }
        for (what, count, least) in [
            ("login_keys", self.login_keys.len(), usize::from(self.tls_keys.is_empty())),
            ("tls_keys", self.tls_keys.len(), 0),
            ("recipients", self.recipients.len(), 1),
            ("addresses", self.addresses.len(), 1),
        ] {
            if count < least {
                return Err(format!("{what} is empty: a vendor needs at least one"));
            }
            if count > limits::KEYS_PER_VENDOR {
                return Err(format!("{what} holds {count} entries: at most {} are allowed", limits::KEYS_PER_VENDOR));
            }
        }
        for (what, text) in
            [("name", &self.name), ("contact", &self.contact), ("assessment.reference", &self.assessment.reference)]
        {
            if text.trim().is_empty() || text.chars().count() > limits::TEXT_CHARS {
                return Err(format!("{what} must be 1 to {} characters", limits::TEXT_CHARS));
            }
        }
        if let Some(i) = self.login_keys.iter().position(PublicKey::is_fido) {
            return Err(format!(
                "login_keys[{i}] is a FIDO key (sk-…): a login by one does not tell us whether somebody touched it, so none may \
                 log in; give an ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa key"
            ));
        }
        let distinct: BTreeSet<Digest> = self.login_keys.iter().map(PublicKey::fingerprint).collect();
        if distinct.len() != self.login_keys.len() {
            return Err("login_keys holds the same key twice".into());
        }
        if self.tls_keys.iter().collect::<BTreeSet<_>>().len() != self.tls_keys.len() {
            return Err("tls_keys holds the same key twice".into());
        }
        Ok(())
    }

    /// Every key that may log in: SSH keys, then TLS keys.
    pub fn logins(&self) -> impl Iterator<Item = Digest> {
        self.login_keys.iter().map(PublicKey::fingerprint).chain(self.tls_keys.iter().map(|key| key.0))
    }

    pub fn digest(&self) -> Digest {
        Digest::of_canonical(self).expect("a vendor document holds only integers and strings")
    }

    pub fn assessment_digest(&self) -> Digest {
        Digest::of_canonical(&self.assessment).expect("an assessment holds only integers and strings")
    }
}

/// The text that a person signs to confirm a vendor's keys.
pub fn confirmation_text(vendor: &Slug, revision: Digest) -> String {
    format!(
        "egressd vendor confirmation 1\nvendor {vendor}\nrevision {revision}\nI compared the keys with the vendor by another way\n"
    )
}

#[derive(Clone, Debug)]
pub struct VendorRevision {
    pub digest: Digest,
    pub document: VendorDocument,
    /// Of the document's assessment: every gate's question names it.
    pub assessment: Digest,
    /// Fingerprints of the document's recipients, in its order.
    pub recipients: Vec<Digest>,
    pub filed_by: Option<PersonId>,
    pub filed_at: Time,
    pub confirmed_by: Confirmations,
}

impl VendorRevision {
    /// Three people stand behind a vendor's keys: one files, two more confirm, one of these a security_reviewer.
    pub fn confirmed(&self, roster: &Roster) -> bool {
        self.missing(roster).is_empty()
    }

    /// The same, whoever's key was revoked since.
    fn was_confirmed(&self, roster: &Roster) -> bool {
        self.lacks(self.confirmed_by.people(), roster).is_empty()
    }

    /// Whose confirmation is missing, in words.
    pub fn missing(&self, roster: &Roster) -> Vec<&'static str> {
        self.lacks(self.confirmed_by.standing(), roster)
    }

    /// Whether this person's confirmation would be one of those that are missing.
    pub fn gains_by(&self, person: PersonId, roster: &Roster) -> bool {
        let with = self.confirmed_by.standing().filter(|id| *id != person).chain([person]);
        !self.confirmed_by.contains(person) && self.lacks(with, roster).len() < self.missing(roster).len()
    }

    fn lacks(&self, people: impl Iterator<Item = PersonId>, roster: &Roster) -> Vec<&'static str> {
        let others: Vec<_> = people.filter(|id| Some(*id) != self.filed_by).collect();
        let reviewed = others.iter().any(|id| roster.person(*id).is_some_and(|person| person.has(Role::SecurityReviewer)));
        let mut missing = Vec::new();
        if others.len() + usize::from(!reviewed) < 2 {
            missing.push("a second person's confirmation");
        }
        if !reviewed {
            missing.push("a security_reviewer's confirmation");
        }
        missing
    }
}

/// Everything recorded about one vendor.
#[derive(Clone, Debug)]
pub struct VendorDossier {
    pub(super) edition: Edition,
    /// With what was revoked for everybody, as of the house's edition.
    revised: Memo<EditionName, Option<Arc<Self>>>,
    /// What speaks against it, by the roster's edition and the day.
    raised: Memo<(EditionName, Day), Arc<[Raised]>>,
    pub id: VendorId,
    pub slug: Slug,
    pub revisions: Vec<VendorRevision>,
    /// The oldest first.
    pub tokens: Vec<VendorToken>,
    pub revoked: Option<Time>,
    pub revoked_keys: BTreeMap<Digest, Time>,
    /// Of what ends soon, as they were given.
    pub notices: Vec<Notice>,
    owed: Owed,
}

impl VendorDossier {
    /// Replays a vendor's records, oldest first. `None` when they are not a vendor's or their details are erased.
    pub fn replay(records: &[Record]) -> Option<Self> {
        let first = records.first()?;
        let Subject::Vendor(id) = first.on else { return None };
        let slug = revision(first)?.document.id;
        let mut dossier = Self {
            edition: Edition::default(),
            revised: Memo::default(),
            raised: Memo::default(),
            id,
            slug,
            revisions: Vec::new(),
            tokens: Vec::new(),
            revoked: None,
            revoked_keys: BTreeMap::new(),
            notices: Vec::new(),
            owed: Owed::default(),
        };
        for record in records {
            match &record.event {
                Event::VendorFiled { .. } => {
                    dossier.revisions.push(revision(record).filter(|revision| revision.document.id == dossier.slug)?);
                }
                Event::VendorConfirmed { revision } => {
                    let filed = dossier.revisions.iter_mut().rfind(|filed| filed.digest == *revision)?;
                    filed.confirmed_by.add(record);
                }
                Event::TokenIssued { token, until } => dossier.tokens.push(VendorToken {
                    digest: *token,
                    until: *until,
                    issued_by: record.by.person(),
                    issued_at: record.at,
                    confirmed_by: Confirmations::default(),
                }),
                Event::TokenConfirmed { token } => {
                    let issued = dossier.tokens.iter_mut().find(|issued| issued.digest == *token)?;
                    issued.confirmed_by.add(record);
                }
                Event::ExpiryNear { ending, until, days } => {
                    dossier.notices.push(Notice { ending: *ending, until: *until, days: *days });
                }
                Event::VendorRevoked => dossier.revoked = dossier.revoked.or(Some(record.at)),
                Event::KeyRevoked { key } => {
                    dossier.revoked_keys.entry(*key).or_insert(record.at);
                }
                _ => dossier.owed.apply(record),
            }
        }
        Some(dossier)
    }

    /// The same vendor with what was revoked for everybody: its own keys, and those that confirmed something of it.
    pub fn within(self: &Arc<Self>, house: &HouseDossier) -> Arc<Self> {
        let revised = self.revised.get(house.edition.name(), || self.without(house.revoked_keys()).map(Arc::new));
        revised.unwrap_or_else(|| Arc::clone(self))
    }

    /// None if that changes nothing.
    fn without(&self, revoked: &BTreeMap<Digest, Time>) -> Option<Self> {
        let new: Vec<_> = revoked.iter().filter(|(key, _)| !self.is_revoked_key(**key) && self.has_ever_had(**key)).collect();
        let filed = self.revisions.iter().map(|revision| &revision.confirmed_by);
        let mut confirmed = filed.chain(self.tokens.iter().map(|token| &token.confirmed_by));
        if new.is_empty() && !confirmed.any(|confirmed| confirmed.falls_with(revoked)) {
            return None;
        }
        let mut revised = self.clone();
        revised.revoked_keys.extend(new);
        revised.revisions.iter_mut().for_each(|revision| revision.confirmed_by.fall_with(revoked));
        revised.tokens.iter_mut().for_each(|token| token.confirmed_by.fall_with(revoked));
        Some(revised)
    }

    /// The newest revision that was ever confirmed: the one that counts, while people stand behind it. What it replaced never counts again.
    pub fn current(&self, roster: &Roster) -> Option<&VendorRevision> {
        let newest = self.revisions.iter().rev().find(|revision| revision.was_confirmed(roster))?;
        Some(newest).filter(|newest| newest.confirmed(roster))
    }

    /// Whether people stand behind this key as one of this vendor's, for whatever use: in any revision that was ever confirmed.
    pub fn has_confirmed(&self, key: Digest, roster: &Roster) -> bool {
        let holds = |revision: &VendorRevision| {
            revision.recipients.contains(&key) || revision.document.logins().any(|login| login == key)
        };
        self.revisions.iter().any(|revision| revision.confirmed(roster) && holds(revision))
            || self.token(key).is_some_and(VendorToken::confirmed)
    }

    /// The newest revision, if it still waits for confirmations.
    pub fn pending(&self, roster: &Roster) -> Option<&VendorRevision> {
        self.revisions.last().filter(|revision| !revision.confirmed(roster))
    }

    pub fn is_revoked_key(&self, key: Digest) -> bool {
        self.revoked_keys.contains_key(&key)
    }

    /// Whether a key, for whatever use, or a token was ever filed for this vendor.
    pub fn has_ever_had(&self, key: Digest) -> bool {
        let filed = |revision: &VendorRevision| {
            revision.recipients.contains(&key) || revision.document.logins().any(|login| login == key)
        };
        self.revisions.iter().any(filed) || self.token(key).is_some()
    }

    pub fn token(&self, digest: Digest) -> Option<&VendorToken> {
        self.tokens.iter().find(|token| token.digest == digest)
    }

    /// May this vendor receive anything at `now`?
    pub fn stands(&self, roster: &Roster, now: Time) -> Result<&VendorRevision, Refusal> {
        if self.revoked.is_some() {
            return Err(Refusal::VendorRevoked { vendor: self.slug.to_string() });
        }
        let hold = |reason: String| Refusal::OnHold { vendor: self.slug.to_string(), reason };
        let current = self.current(roster).ok_or_else(|| {
            let missing = self.revisions.last().map_or_else(Vec::new, |revision| revision.missing(roster));
            hold(format!("it lacks {}", missing.join(" and ")))
        })?;
        let until = current.document.assessment.valid_until;
        if now >= until.ends() {
            return Err(hold(format!("its assessment ended on {until}")));
        }
        if current.recipients.iter().all(|key| self.is_revoked_key(*key)) {
            return Err(hold("it has no recipient key that is not revoked".into()));
        }
        Ok(current)
    }

    /// May `credential` log in for this vendor from `address` at `now`? The vendor's standing, the key or token, the network.
    pub fn admits(&self, credential: Credential, address: IpAddr, roster: &Roster, now: Time) -> Result<(), Refusal> {
        let current = self.stands(roster, now)?;
        let held = match credential {
            Credential::SshKey(key) => current.document.login_keys.iter().any(|login| login.fingerprint() == key),
            Credential::TlsKey(key) => current.document.tls_keys.contains(&TlsKey(key)),
            Credential::Token(digest) => self.token(digest).is_some_and(|token| token.confirmed() && !token.expired(now)),
        };
        if !held || self.is_revoked_key(credential.key()) {
            return Err(Refusal::LoginRefused {});
        }
        if current.document.addresses.iter().any(|network| network.contains(address)) {
            Ok(())
        } else {
            Err(Refusal::AddressNotAllowed { address: address.to_string() })
        }
    }

    /// The recipients to seal to at `now`: (fingerprint, key as written), revoked ones left out.
    pub fn recipients(&self, roster: &Roster, now: Time) -> Result<Vec<(Digest, &str)>, Refusal> {
        let current = self.stands(roster, now)?;
        let keys = current.recipients.iter().copied().zip(current.document.recipients.iter().map(String::as_str));
        Ok(keys.filter(|(fingerprint, _)| !self.is_revoked_key(*fingerprint)).collect())
    }
}

fn revision(record: &Record) -> Option<VendorRevision> {
    let Event::VendorFiled { revision, recipients, .. } = &record.event else { return None };
    let Some(Detail::Vendor { document }) = &record.detail else { return None };
    let document = VendorDocument::parse(document).ok().filter(|document| document.digest() == *revision)?;
    Some(VendorRevision {
        digest: *revision,
        assessment: document.assessment_digest(),
        document,
        recipients: recipients.clone(),
        filed_by: record.by.person(),
        filed_at: record.at,
        confirmed_by: Confirmations::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wire form is a name, a point and an application.
    const FIDO: &str = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAICFzSx35RDNV+Wle77Nr+g46mCansqZ0rxcxAfLRcmuRAAAABHNzaDo=";
    const PLAIN: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICFzSx35RDNV+Wle77Nr+g46mCansqZ0rxcxAfLRcmuR";

    fn document(login: &str) -> String {
        format!(
            "vendor = 1\nid = \"acme\"\nname = \"Acme\"\ncontact = \"ops\"\nlogin_keys = [\"{PLAIN}\", \"{login}\"]\n\
             recipients = [\"{PLAIN}\"]\naddresses = [\"192.0.2.1\"]\n\
             [assessment]\nreference = \"r\"\nvalid_until = \"2030-01-01\"\ncontract = \"c\"\n"
        )
    }

    #[test]
    fn a_fido_key_cannot_be_a_vendors_login_key_and_the_filer_is_told_so() {
        let refused = VendorDocument::parse(&document(FIDO)).unwrap_err().what;
        assert!(refused.starts_with("login_keys[1] is a FIDO key"), "{refused}");
        assert!(FIDO.parse::<PublicKey>().unwrap().is_fido(), "the staff may have them");
        let refused = VendorDocument::parse(&document(PLAIN)).unwrap_err().what;
        assert_eq!(refused, "login_keys holds the same key twice");
    }
}
