//! Deletion: what a vendor signs once it has deleted what it got, and what a recorded attestation proves.

use super::{
    digest::Digest,
    event::{Detail, Event, Record},
    ids::{DeliveryNumber, PersonId, Slug, TicketNumber},
    limits,
    people::Roster,
    refusal::{Fingerprint, Refusal},
    shown::many,
    signature::{NAMESPACE_DELETION, PublicKey, Signature, SignatureRefused},
    time::{Day, Time},
    vendor::{VendorDocument, VendorDossier},
};
use std::sync::OnceLock;

/// A delivery that the vendor could fetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handed {
    pub number: DeliveryNumber,
    pub released: Day,
    pub files: u64,
    /// How many of its files the vendor began to read.
    pub fetched: u64,
    /// The SHA-256 of its `MANIFEST.json`, which the vendor has.
    pub manifest: Digest,
}

/// What is attested.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    pub ticket: TicketNumber,
    pub vendor: Slug,
    pub revision: Digest,
    /// The oldest first.
    pub handed: Vec<Handed>,
    /// The day that it is made.
    pub on: Day,
}

/// The words themselves, last in the text.
const WORDS: &str =
    "We have deleted everything that we received under this ticket, in every copy and backup, and keep nothing of it";

impl Statement {
    /// The text that the vendor signs, short enough to be read before: one statement a line. Of a long feed the newest deliveries stand
    /// alone, and those before them in one line, with the digest of the lines that they would have had.
    pub fn text(&self) -> String {
        let Self { ticket, vendor, revision, handed, on } = self;
        let mut text = format!("{}vendor {vendor}\nrevision {revision}\n", head(*ticket));
        let (before, newest) = handed.split_at(handed.len().saturating_sub(limits::ATTESTED_ONE_BY_ONE));
        if let (Some(first), Some(last)) = (before.first(), before.last()) {
            let lines: String = before.iter().map(line).collect();
            let (files, fetched) = (sum(before, |one| one.files), sum(before, |one| one.fetched));
            let (files, digest) = (many(files, "file"), Digest::of(lines.as_bytes()));
            text += &format!("deliveries {} to {}: {files}, {fetched} fetched, lines {digest}\n", first.number, last.number);
        }
        text.extend(newest.iter().map(line));
        text + &format!("date {on}\n{WORDS}\n")
    }
}

fn head(ticket: TicketNumber) -> String {
    format!("egressd deletion attestation 1\nticket {ticket}\n")
}

fn line(handed: &Handed) -> String {
    let Handed { number, released, files, fetched, manifest } = handed;
    format!("delivery {number} of {released}, {}, {fetched} fetched, manifest {manifest}\n", many(*files, "file"))
}

fn sum(handed: &[Handed], of: impl Fn(&Handed) -> u64) -> u64 {
    handed.iter().map(of).sum()
}

impl Statement {
    /// The login key of the vendor that signed exactly this. It has to count now: who could log in yesterday states nothing today.
    ///
    /// # Errors
    /// A refusal of its own for each way in which nobody did.
    pub fn signer(&self, vendor: &VendorDossier, roster: &Roster, armoured: &str) -> Result<Digest, Refusal> {
        let signature = Signature::parse(armoured).map_err(refused)?;
        let key = signature.key().map_err(|error| refused(error.into()))?.fingerprint();
        if vendor.is_revoked_key(key) {
            return Err(Refusal::AttestedByRevoked { key: Fingerprint(key) });
        }
        let current = vendor.current(roster);
        if current.is_none_or(|current| login(&current.document, key).is_none()) {
            return Err(Refusal::AttestedByStranger { vendor: vendor.slug.to_string(), key: Fingerprint(key) });
        }
        signature.check(NAMESPACE_DELETION, self.text().as_bytes()).map_err(|error| match error {
            SignatureRefused::Wrong => Refusal::AttestsOther { ticket: self.ticket.to_string(), on: self.on.to_string() },
            other => refused(other),
        })?;
        Ok(key)
    }
}

fn login(document: &VendorDocument, key: Digest) -> Option<&PublicKey> {
    document.login_keys.iter().find(|login| login.fingerprint() == key)
}

fn refused(error: SignatureRefused) -> Refusal {
    match error {
        SignatureRefused::Namespace => Refusal::AttestedElsewhere {},
        other => other.into(),
    }
}

/// An attestation as it was recorded.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// Who of the staff filed it.
    pub by: Option<PersonId>,
    pub at: Time,
    pub leaf: u64,
    pub key: Digest,
    /// The digest of the text.
    pub statement: Digest,
    pub text: String,
    pub signature: String,
    genuine: OnceLock<bool>,
}

impl Attestation {
    pub fn new(record: &Record) -> Option<Self> {
        let Event::DeletionAttested { key, statement, .. } = &record.event else { return None };
        // An erased detail leaves the leaf, which says that somebody once checked it, and proves nothing any more.
        let (text, signature) = match &record.detail {
            Some(Detail::Signed { text, signature, .. }) => (text.clone(), signature.clone()),
            _ => (String::new(), String::new()),
        };
        Some(Self {
            by: record.by.person(),
            at: record.at,
            leaf: record.index,
            key: *key,
            statement: *statement,
            text,
            signature,
            genuine: OnceLock::new(),
        })
    }

    /// Whether a key that the vendor has had signed it, for this ticket, as it stands here. As with votes, it is checked wherever it counts;
    /// that the key counted on its day was checked then.
    pub fn is_genuine(&self, ticket: TicketNumber, vendor: &VendorDossier) -> bool {
        let check = || {
            let key = vendor.revisions.iter().find_map(|revision| login(&revision.document, self.key));
            Digest::of(self.text.as_bytes()) == self.statement
                && self.text.starts_with(&head(ticket))
                && key.is_some_and(|key| key.verify(NAMESPACE_DELETION, self.text.as_bytes(), &self.signature).is_ok())
        };
        *self.genuine.get_or_init(check)
    }
}
