//! Vendors, keys and staff as lists and as one.

use super::{risk, slug_of, timeline};
use crate::{
    domain::{
        authority::Act,
        change::vendor_changes,
        digest::Digest,
        dossier::State,
        event::{Actor, Subject},
        ids::Slug,
        people::{Person, Proposer},
        refusal::Refusal,
        signature::openssh_fingerprint,
        vendor::{VendorDocument, VendorDossier, VendorRevision as Filed, VendorToken, confirmation_text},
    },
    gateway::{
        answers::{
            Blocker, FiledKey, KeyRow, KeyState, KeyUse, Listing, StaffRow, StaffState, StagingRecipient, VendorRevision,
            VendorRow, VendorState, VendorToken as TokenView, VendorView,
        },
        desk::Desk,
        facts::{Facts, Source},
        outcome::Refused,
        vault::find,
    },
    sealing::Recipient,
};

impl Desk {
    /// Open to the machine's owner too: whoever enrols the first two has to see whom.
    pub async fn staff_list(&self, by: Actor) -> Result<Listing<StaffRow>, Refused> {
        self.look(|facts| {
            if by != Actor::Owner {
                Act::Look.allowed(facts.person(by)?)?;
            }
            let proposed_by = |by: Proposer| match by {
                Proposer::Owner => "the machine's owner".to_owned(),
                Proposer::Person(id) => super::name_of(facts, id),
            };
            let enrolled = facts.roster.people().map(|person| staff(person, state_of(facts, person), String::new()));
            let proposed =
                facts.roster.proposals().map(|proposal| staff(&proposal.person, StaffState::Proposed, proposed_by(proposal.by)));
            let mut rows: Vec<StaffRow> = enrolled.chain(proposed).collect();
            rows.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Listing::of(rows))
        })
    }

    pub async fn vendor_list(&self, by: Actor) -> Result<Listing<VendorRow>, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let vendors = facts.find(find::vendors)?;
            Ok(Listing::of(vendors.into_iter().map(|id| row(facts, &*facts.vendor(id)?)).collect::<Result<_, _>>()?))
        })
    }

    pub async fn vendor_show(&self, by: Actor, vendor: Slug) -> Result<VendorView, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let unknown = || Refusal::UnknownVendor { vendor: vendor.to_string() };
            view(facts, &*facts.vendor_named(&vendor)?.ok_or_else(unknown)?)
        })
    }

    /// The gateway's own recipient. Whoever has it can only give: it decrypts nothing.
    pub async fn key_show_recipient(&self, by: Actor) -> Result<StagingRecipient, Refused> {
        self.look(|facts| Ok(Act::Look.allowed(facts.person(by)?)?))?;
        Ok(StagingRecipient { recipient: self.gateway.identity.recipient().to_string() })
    }

    pub async fn key_list(&self, by: Actor, vendor: Option<Slug>) -> Result<Listing<KeyRow>, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let mut rows = Vec::new();
            for id in facts.find(find::vendors)? {
                let dossier = facts.vendor(id)?;
                if vendor.as_ref().is_none_or(|wanted| *wanted == dossier.slug) {
                    rows.extend(keys(facts, &dossier));
                }
            }
            if vendor.is_none() {
                rows.extend(facts.roster.people().map(|person| KeyRow {
                    key: openssh_fingerprint(person.key.fingerprint()),
                    owner: person.name.clone(),
                    r#use: KeyUse::Staff,
                    algorithm: person.key.as_ssh().algorithm().to_string(),
                    state: match state_of(facts, person) {
                        StaffState::Revoked => KeyState::Revoked,
                        StaffState::Expired => KeyState::Expired,
                        StaffState::Proposed | StaffState::Enrolled => KeyState::Active,
                    },
                    since: String::new(),
                }));
            }
            Ok(Listing::of(rows))
        })
    }
}

fn state_of<S: Source>(facts: &Facts<'_, S>, person: &Person) -> StaffState {
    match facts.house.key_counts(person, facts.now) {
        Ok(()) => StaffState::Enrolled,
        Err(Refusal::StaffKeyExpired { .. }) => StaffState::Expired,
        Err(_) => StaffState::Revoked,
    }
}

fn staff(person: &Person, state: StaffState, proposed_by: String) -> StaffRow {
    StaffRow {
        id: person.id,
        name: person.name.clone(),
        state,
        roles: person.roles.clone(),
        key: openssh_fingerprint(person.key.fingerprint()),
        until: person.until.map(|until| until.to_string()),
        proposed_by,
    }
}

/// Where a vendor stands, and what is in the way.
pub fn standing<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier) -> (VendorState, Option<Refusal>) {
    match vendor.may_receive(&facts.policy, &facts.roster, facts.now) {
        Ok(_) => (VendorState::Approved, None),
        Err(refusal @ Refusal::VendorRevoked { .. }) => (VendorState::Revoked, Some(refusal)),
        Err(refusal) if vendor.current(&facts.roster).is_none() => (VendorState::Filed, Some(refusal)),
        Err(refusal) => (VendorState::Suspended, Some(refusal)),
    }
}

fn row<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier) -> Result<VendorRow, Refused> {
    let shown = vendor
        .current(&facts.roster)
        .or(vendor.revisions.last())
        .ok_or(Refusal::UnknownVendor { vendor: vendor.slug.to_string() })?;
    let mut active_tickets = 0;
    for id in facts.find(|conn| find::tickets_of(conn, vendor.id))? {
        active_tickets += u64::from(facts.ticket(id)?.state(&facts.around(vendor)) == State::Active);
    }
    Ok(VendorRow {
        vendor: vendor.slug.clone(),
        name: shown.document.name.clone(),
        state: standing(facts, vendor).0,
        revision: shown.digest,
        keys: (shown.document.logins().count() + shown.recipients.len()) as u64,
        active_tickets,
        red_flags: vendor.red_flags(&facts.roster, facts.now).len() as u64,
    })
}

fn view<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier) -> Result<VendorView, Refused> {
    let row = row(facts, vendor)?;
    let (state, _) = standing(facts, vendor);
    let shown = vendor.current(&facts.roster).or(vendor.revisions.last());
    let assessment = shown.map(|revision| &revision.document.assessment);
    Ok(VendorView {
        vendor: row.vendor,
        name: row.name,
        state,
        why_not_approved: blockers(facts, vendor),
        revisions: vendor.revisions.iter().map(|filed| revision(facts, vendor, filed)).collect(),
        keys: keys(facts, vendor),
        tokens: vendor.tokens.iter().map(|issued| token(facts, vendor, issued)).collect(),
        addresses: shown.map(|shown| shown.document.addresses.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        assessment: assessment
            .map(|assessment| format!("{}, contract {}", assessment.reference, assessment.contract))
            .unwrap_or_default(),
        assessment_until: assessment.map(|assessment| assessment.valid_until.to_string()),
        record: assessment.map(risk::record).unwrap_or_default(),
        red_flags: risk::red_flags(facts, vendor),
        timeline: timeline(facts, Subject::Vendor(vendor.id))?,
    })
}

/// The keys that a document brings, each with its use: logins by SSH, then by certificate, then recipients.
pub fn filed_keys(document: &VendorDocument, recipients: &[Digest]) -> Vec<FiledKey> {
    let of = |r#use: KeyUse| move |key: Digest| FiledKey { r#use, key: openssh_fingerprint(key) };
    let logins = document.login_keys.iter().map(|key| key.fingerprint()).map(of(KeyUse::Login));
    let certificates = document.tls_keys.iter().map(|key| key.0).map(of(KeyUse::Tls));
    logins.chain(certificates).chain(recipients.iter().copied().map(of(KeyUse::Recipient))).collect()
}

/// Why a key or token lets nobody in, and who can change that.
pub fn why_key_does_not_count<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, row: &KeyRow) -> Vec<Blocker> {
    let kind = row.r#use.kind();
    let blocker = |what: String, who: &str, command: String| Blocker { what, who: who.into(), command };
    let show = format!("egressctl vendor show {}", vendor.slug);
    match (row.state, row.r#use) {
        (KeyState::Proposed, KeyUse::Token) => vec![blocker(
            "the token waits for a second person: it lets nobody in".into(),
            "an operator, vendor_risk_analyst or security_reviewer who did not issue it",
            format!("egressctl vendor confirm-token {} {}", vendor.slug, row.key),
        )],
        (KeyState::Proposed, _) => match waits_for_confirmation(facts, vendor) {
            Some(pending) => vec![pending],
            None => vec![blocker(format!("the {kind} is of a revision that no longer counts"), "nobody", show)],
        },
        (KeyState::Expired, _) => vec![blocker(
            format!("the {kind} is over: {}", row.algorithm),
            "an operator, who issues a new one",
            "egressctl vendor token --help".into(),
        )],
        (KeyState::Revoked, _) => vec![blocker(format!("the {kind} is revoked, for good"), "nobody", show)],
        (KeyState::Active, _) => match standing(facts, vendor).1 {
            Some(refusal) => vec![blocker(refusal.what(), refusal.who(), refusal.command())],
            None => Vec::new(),
        },
    }
}

/// What the newest revision lacks.
fn waits_for_confirmation<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier) -> Option<Blocker> {
    vendor.pending(&facts.roster).map(|pending| Blocker {
        what: format!("revision {} lacks {}", pending.digest.short(), pending.missing(&facts.roster).join(" and ")),
        who: "people who have not filed or confirmed it, one of them a security_reviewer".into(),
        command: format!("egressctl vendor confirm {} {}", vendor.slug, pending.digest),
    })
}

/// What stands between a vendor and its approval: what a newer revision lacks comes first where nothing else has to be done.
pub fn blockers<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier) -> Vec<Blocker> {
    let pending = waits_for_confirmation(facts, vendor);
    let why = match standing(facts, vendor).1 {
        // The same thing twice: what is missing is told with the command that gives it.
        Some(Refusal::OnHold { .. }) if vendor.current(&facts.roster).is_none() && pending.is_some() => None,
        why => why,
    };
    let why = why.map(|refusal| Blocker { what: refusal.what(), who: refusal.who().into(), command: refusal.command() });
    why.into_iter().chain(pending.filter(|_| vendor.revoked.is_none())).collect()
}

fn revision<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, filed: &Filed) -> VendorRevision {
    let is_pending = vendor.pending(&facts.roster).is_some_and(|pending| pending.digest == filed.digest);
    let brings = filed_keys(&filed.document, &filed.recipients);
    VendorRevision {
        revision: filed.digest,
        filed_at: filed.filed_at.to_string(),
        filed_by: slug_of(facts, filed.filed_by),
        confirmed_by: filed.confirmed_by.standing().map(|id| slug_of(facts, Some(id))).collect(),
        keys: brings.iter().map(|key| key.key.clone()).collect(),
        brings,
        changes: match is_pending {
            true => vendor_changes(vendor.current(&facts.roster).map(|current| &current.document), &filed.document)
                .into_iter()
                .map(Into::into)
                .collect(),
            false => Vec::new(),
        },
        confirm_text: is_pending.then(|| confirmation_text(&vendor.slug, filed.digest)),
    }
}

pub fn keys<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier) -> Vec<KeyRow> {
    let current = vendor.current(&facts.roster).map(|revision| revision.digest);
    let mut rows: Vec<KeyRow> = Vec::new();
    for filed in vendor.revisions.iter().rev() {
        let logins = filed.document.login_keys.iter();
        let logins = logins.map(|key| (key.fingerprint(), KeyUse::Login, key.as_ssh().algorithm().to_string()));
        let recipients = filed.recipients.iter().copied().zip(&filed.document.recipients);
        let recipients = recipients.map(|(key, text)| (key, KeyUse::Recipient, kind(text)));
        let tls = filed.document.tls_keys.iter().map(|key| (key.0, KeyUse::Tls, "TLS certificate".to_owned()));
        for (fingerprint, usage, algorithm) in logins.chain(tls).chain(recipients) {
            let key = openssh_fingerprint(fingerprint);
            if rows.iter().any(|row| row.key == key && row.r#use == usage) {
                continue;
            }
            let state = match (vendor.is_revoked_key(fingerprint) || vendor.revoked.is_some(), Some(filed.digest) == current) {
                (true, _) => KeyState::Revoked,
                (false, true) => KeyState::Active,
                (false, false) => KeyState::Proposed,
            };
            let since = filed.filed_at.to_string();
            rows.push(KeyRow { key, owner: vendor.slug.clone(), r#use: usage, algorithm, state, since });
        }
    }
    rows.extend(vendor.tokens.iter().map(|token| token_row(facts, vendor, token)));
    rows
}

fn token_row<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, token: &VendorToken) -> KeyRow {
    KeyRow {
        key: openssh_fingerprint(token.digest),
        owner: vendor.slug.clone(),
        r#use: KeyUse::Token,
        algorithm: format!("token until {}", token.until),
        state: token_state(facts, vendor, token),
        since: token.issued_at.to_string(),
    }
}

fn token<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, issued: &VendorToken) -> TokenView {
    TokenView {
        token: openssh_fingerprint(issued.digest),
        until: issued.until,
        state: token_state(facts, vendor, issued),
        issued_by: slug_of(facts, issued.issued_by),
        issued_at: issued.issued_at.to_string(),
        confirmed_by: issued.confirmed_by.standing().map(|id| slug_of(facts, Some(id))).collect(),
    }
}

fn token_state<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, token: &VendorToken) -> KeyState {
    let over = vendor.is_revoked_key(token.digest) || vendor.revoked.is_some();
    match (over, token.expired(facts.now), token.confirmed()) {
        (true, ..) => KeyState::Revoked,
        (false, true, _) => KeyState::Expired,
        (false, false, true) => KeyState::Active,
        (false, false, false) => KeyState::Proposed,
    }
}

fn kind(recipient: &str) -> String {
    match recipient.parse::<Recipient>() {
        Ok(_) if recipient.starts_with("age1") => "age X25519".into(),
        Ok(_) => recipient.split_whitespace().next().unwrap_or_default().to_owned(),
        Err(_) => "unreadable".into(),
    }
}
