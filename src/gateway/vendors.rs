//! Vendors: one person files the keys, two more confirm them by another way, one of these a security_reviewer.

use super::{
    answers::{Blocker, Completion, Done, VendorFiled},
    apart,
    core::Core,
    desk::Desk,
    facts::{Facts, Source},
    outcome::Refused,
    show::vendors,
    vault::Tx,
};
use crate::{
    domain::{
        authority::Act,
        digest::Digest,
        event::{Actor, Detail, Event, Fact, Subject},
        ids::{Slug, VendorId},
        limits,
        policy::Deed,
        refusal::Refusal,
        signature::{NAMESPACE_VOTE, openssh_fingerprint},
        vendor::{VendorDocument, confirmation_text},
    },
    sealing::Recipient,
};

impl Desk {
    /// Files a new vendor, or a new revision of one: other keys, addresses, assessment.
    pub async fn vendor_add(&self, by: Actor, document: String) -> Result<VendorFiled, Refused> {
        // Who may not file has nothing read, and what is read holds up nobody's records.
        self.look(|facts| Ok(Act::FileVendor.allowed(facts.person(by)?)?))?;
        let filing = Filing::parse(document)?;
        self.act(move |core, tx| file(core, tx, by, filing)).await
    }

    /// Confirms that the keys of `revision` are the vendor's own, compared by another way. The text is signed.
    pub async fn vendor_confirm(
        &self,
        by: Actor,
        vendor: Slug,
        revision: Digest,
        signature: Option<String>,
    ) -> Result<Done, Refused> {
        let known = self.look(|facts| {
            Act::ConfirmVendor.allowed(facts.person(by)?)?;
            Ok(facts.vendor_named(&vendor)?.map(|dossier| dossier.id))
        })?;
        if let Some(known) = known {
            self.gateway.record_what_fell_with(known).await?;
        }
        self.act(move |core, tx| confirm(core, tx, by, &vendor, revision, signature)).await
    }
}

/// A vendor's file, as it was sent and as it reads.
struct Filing {
    text: String,
    document: VendorDocument,
    recipients: Vec<Digest>,
}

impl Filing {
    fn parse(text: String) -> Result<Self, Refusal> {
        let document = VendorDocument::parse(&text)
            .map_err(|error| Refusal::BadDocument { reason: error.to_string(), act: "vendor add" })?;
        Ok(Self { recipients: recipients(&document)?, text, document })
    }
}

fn file(core: &Core, tx: &mut Tx<'_>, by: Actor, filing: Filing) -> Result<VendorFiled, Refused> {
    let Filing { text, document, recipients } = filing;
    let facts = Facts::read(core, &*tx)?;
    Act::FileVendor.allowed(facts.person(by)?)?;
    let existing = facts.vendor_filed(&document.id)?;
    let existing_id = existing.as_ref().map(|dossier| dossier.id);
    logins_are_free(&facts, &document, existing_id)?;
    let revision = document.digest();
    let id = match existing {
        Some(dossier) => {
            if dossier.revoked.is_some() {
                return Err(Refusal::VendorRevoked { vendor: document.id.to_string() }.into());
            }
            apart::on_vendor(&facts, &dossier, facts.person(by)?, Deed::FileVendor)?;
            if dossier.revisions.len() >= limits::VENDOR_REVISIONS {
                return Err(Refusal::TooMany { what: "revisions of one vendor", limit: limits::VENDOR_REVISIONS }.into());
            }
            if dossier.revisions.last().is_some_and(|last| last.digest == revision) {
                return Err(Refusal::UnchangedVendor { vendor: document.id.to_string() }.into());
            }
            dossier.id
        }
        None => core.new_vendor(),
    };
    let logins: Vec<Digest> = document.logins().collect();
    let brings = vendors::filed_keys(&document, &recipients);
    let keys = brings.iter().map(|filed| filed.key.clone()).collect();
    let assessment = document.assessment_digest();
    let event = Event::VendorFiled { revision, assessment, logins, recipients };
    let record = tx.append(Fact::new(by, Subject::Vendor(id), event).with(Detail::Vendor { document: text }))?;
    let next = Blocker {
        what: "two more people compare these fingerprints with the vendor over another channel and confirm them".into(),
        who: "two other people, one of them a security_reviewer".into(),
        command: format!("egressctl vendor confirm {} {revision}", document.id),
    };
    Ok(VendorFiled { vendor: document.id, revision, keys, brings, leaf: record.index, next: vec![next] })
}

/// A login key is one vendor's or one person's: looked at when it is filed and again when it is confirmed, since in between somebody
/// else's may have been.
fn logins_are_free<S: Source>(facts: &Facts<'_, S>, document: &VendorDocument, vendor: Option<VendorId>) -> Result<(), Refused> {
    for key in document.logins() {
        if facts.roster.by_key(key).is_some() || facts.confirmed_owner(key, vendor)?.is_some() {
            return Err(Refusal::LoginKeyTaken { key: openssh_fingerprint(key) }.into());
        }
    }
    Ok(())
}

fn recipients(document: &VendorDocument) -> Result<Vec<Digest>, Refusal> {
    let mut fingerprints = Vec::new();
    for (i, text) in document.recipients.iter().enumerate() {
        let line = format!("recipients[{i}]");
        let recipient: Recipient =
            text.parse().map_err(|error| Refusal::BadKey { line: line.clone(), reason: format!("{error}") })?;
        let fingerprint = recipient.fingerprint();
        if fingerprints.contains(&fingerprint) {
            return Err(Refusal::BadKey { line, reason: "the same recipient twice".into() });
        }
        fingerprints.push(fingerprint);
    }
    Ok(fingerprints)
}

fn confirm(
    core: &Core,
    tx: &mut Tx<'_>,
    by: Actor,
    vendor: &Slug,
    revision: Digest,
    signature: Option<String>,
) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::ConfirmVendor.allowed(person)?;
    let unknown = || Refusal::UnknownVendor { vendor: vendor.to_string() };
    let dossier = facts.vendor_named(vendor)?.ok_or_else(unknown)?;
    let id = dossier.id;
    if dossier.revoked.is_some() {
        return Err(Refusal::VendorRevoked { vendor: vendor.to_string() }.into());
    }
    let pending = dossier
        .pending(&facts.roster)
        .filter(|pending| pending.digest == revision)
        .ok_or_else(|| Refusal::NothingToConfirm { vendor: vendor.to_string(), revision: revision.short() })?;
    if pending.filed_by == Some(person.id) || pending.confirmed_by.contains(person.id) {
        return Err(Refusal::ConfirmedAlready { vendor: vendor.to_string() }.into());
    }
    apart::on_vendor(&facts, &dossier, person, Deed::ConfirmVendor)?;
    logins_are_free(&facts, &pending.document, Some(id))?;
    let signature = signature.ok_or(Refusal::SignatureMissing {})?;
    let text = confirmation_text(vendor, revision);
    person
        .key
        .verify(NAMESPACE_VOTE, text.as_bytes(), &signature)
        .map_err(|error| Refusal::SignatureRefused { why: error.to_string() })?;
    let detail = Detail::Signed { text, signature, reason: String::new() };
    let record = tx.append(Fact::new(by, Subject::Vendor(id), Event::VendorConfirmed { revision }).with(detail))?;
    let facts = Facts::read(core, &*tx)?;
    let dossier = facts.vendor(id)?;
    let missing = dossier.pending(&facts.roster).map(|pending| pending.missing(&facts.roster)).unwrap_or_default();
    let command = format!("egressctl vendor confirm {vendor} {revision}");
    let next = missing.iter().map(|what| Blocker {
        what: format!("{vendor} lacks {what}"),
        who: "another person".into(),
        command: command.clone(),
    });
    let (state, headline) = match missing.is_empty() {
        true => (Completion::Done, format!("{vendor} may receive files: its keys are confirmed")),
        false => (Completion::WaitsForSecond, format!("confirmed; {vendor} still lacks {}", missing.join(" and "))),
    };
    Ok(Done { subject: vendor.to_string(), state, headline, leaf: record.index, next: next.collect() })
}
