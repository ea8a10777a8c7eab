//! Tokens: one person issues a vendor's bearer token, another confirms it. The gateway knows its digest and never its text.

use super::{
    answers::{Blocker, Completion, Done, TokenIssued},
    core::Core,
    desk::Desk,
    facts::Facts,
    outcome::Refused,
    vault::{Tx, find},
};
use crate::domain::{
    authority::Act,
    digest::Digest,
    event::{Actor, Detail, Event, Fact, Subject},
    ids::Slug,
    limits,
    refusal::{Fingerprint, Refusal},
    signature::{NAMESPACE_VOTE, openssh_fingerprint},
    time::Day,
    vendor::token_confirmation_text,
};

impl Desk {
    /// Records that a token with this digest was made for a vendor. It lets nobody in before somebody else confirms it.
    pub async fn vendor_token(&self, by: Actor, vendor: Slug, token: Digest, until: Day) -> Result<TokenIssued, Refused> {
        self.act(move |core, tx| issue(core, tx, by, &vendor, token, until)).await
    }

    /// Confirms that a token was asked for and went to its vendor alone. The text is signed.
    pub async fn vendor_confirm_token(
        &self,
        by: Actor,
        vendor: Slug,
        token: Digest,
        signature: Option<String>,
    ) -> Result<Done, Refused> {
        self.act(move |core, tx| confirm(core, tx, by, &vendor, token, signature)).await
    }
}

fn issue(core: &Core, tx: &mut Tx<'_>, by: Actor, vendor: &Slug, token: Digest, until: Day) -> Result<TokenIssued, Refused> {
    let facts = Facts::read(core, &*tx)?;
    Act::IssueToken.allowed(facts.person(by)?)?;
    let dossier = facts.vendor_named(vendor)?.ok_or_else(|| Refusal::UnknownVendor { vendor: vendor.to_string() })?;
    if dossier.revoked.is_some() {
        return Err(Refusal::VendorRevoked { vendor: vendor.to_string() }.into());
    }
    let last = Day::of(facts.now + limits::TOKEN_LIFE);
    if until.ends() <= facts.now || until > last {
        return Err(Refusal::TokenUntil { until: until.to_string(), last: last.to_string() }.into());
    }
    let open = dossier.tokens.iter().filter(|token| !token.expired(facts.now) && !dossier.is_revoked_key(token.digest));
    if open.count() >= limits::TOKENS_PER_VENDOR {
        return Err(Refusal::TooManyTokens { vendor: vendor.to_string(), most: limits::TOKENS_PER_VENDOR }.into());
    }
    let known = !find::vendors_of_key(tx.conn(), token)?.is_empty() || facts.house.revoked_keys().contains_key(&token);
    if known || facts.roster.by_key(token).is_some() {
        return Err(Refusal::LoginKeyTaken { key: openssh_fingerprint(token) }.into());
    }
    let record = tx.append(Fact::new(by, Subject::Vendor(dossier.id), Event::TokenIssued { token, until }))?;
    let shown = openssh_fingerprint(token);
    let next = Blocker {
        what: "another person confirms the token: until then it lets nobody in".into(),
        who: "an operator, vendor_risk_analyst or security_reviewer who did not issue it".into(),
        command: format!("egressctl vendor confirm-token {vendor} {shown}"),
    };
    Ok(TokenIssued { vendor: vendor.clone(), token: shown, until, secret: None, leaf: record.index, next: vec![next] })
}

fn confirm(
    core: &Core,
    tx: &mut Tx<'_>,
    by: Actor,
    vendor: &Slug,
    token: Digest,
    signature: Option<String>,
) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    Act::ConfirmToken.allowed(person)?;
    let dossier = facts.vendor_named(vendor)?.ok_or_else(|| Refusal::UnknownVendor { vendor: vendor.to_string() })?;
    if dossier.revoked.is_some() {
        return Err(Refusal::VendorRevoked { vendor: vendor.to_string() }.into());
    }
    let waits = |digest| !dossier.is_revoked_key(digest);
    let issued = dossier
        .token(token)
        .filter(|issued| !issued.confirmed() && !issued.expired(facts.now) && waits(issued.digest))
        .ok_or_else(|| Refusal::NoSuchToken { vendor: vendor.to_string(), token: Fingerprint(token) })?;
    if issued.issued_by == Some(person.id) {
        return Err(Refusal::SamePerson { act: "a token".into() }.into());
    }
    // Since it was issued the digest may have been confirmed as somebody else's key.
    if facts.roster.by_key(token).is_some() || facts.confirmed_owner(token, Some(dossier.id))?.is_some() {
        return Err(Refusal::LoginKeyTaken { key: openssh_fingerprint(token) }.into());
    }
    let signature = signature.ok_or(Refusal::SignatureMissing {})?;
    let text = token_confirmation_text(vendor, token, issued.until);
    person
        .key
        .verify(NAMESPACE_VOTE, text.as_bytes(), &signature)
        .map_err(|error| Refusal::SignatureRefused { why: error.to_string() })?;
    let until = issued.until;
    let detail = Detail::Signed { text, signature, reason: String::new() };
    let fact = Fact::new(by, Subject::Vendor(dossier.id), Event::TokenConfirmed { token }).with(detail);
    let leaf = tx.append(fact)?.index;
    let headline = format!("the token lets {vendor} in over HTTPS until {until}");
    Ok(Done { subject: vendor.to_string(), state: Completion::Done, headline, leaf, next: Vec::new() })
}
