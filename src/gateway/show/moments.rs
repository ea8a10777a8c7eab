//! A history in words: one sentence for each record.

use super::{gates, name_of};
use crate::{
    domain::{
        event::{Actor, ClosedBy, Decision, Detail, Event, PurgeReason, Record, SessionEnd, Subject, TransferEnd},
        limits,
        shown::many,
        signature::openssh_fingerprint,
        time::Day,
        vendor::Ending,
    },
    gateway::{
        answers::Moment,
        facts::{Facts, Source},
        outcome::Refused,
    },
};

/// The newest records on a subject, the oldest of them first.
pub fn timeline<S: Source>(facts: &Facts<'_, S>, subject: Subject) -> Result<Vec<Moment>, Refused> {
    let records = facts.source().chain(subject)?;
    let older = records.len().saturating_sub(limits::HISTORY_ROWS);
    Ok(records.iter().skip(older).map(|record| moment(facts, record)).collect())
}

pub fn moment<S: Source>(facts: &Facts<'_, S>, record: &Record) -> Moment {
    Moment { leaf: record.index, at: record.at.to_string(), who: voter(facts, record), what: told(facts, record) }
}

/// What happened, as far as the policy lets it be told yet.
pub fn told<S: Source>(facts: &Facts<'_, S>, record: &Record) -> String {
    match &record.event {
        Event::TicketVoted { gate, .. } if gates::is_masked(facts, record) => {
            format!("voted at the gate {gate}: shown once the gate has all its votes")
        }
        _ => sentence(record),
    }
}

/// Who did it. Whoever votes blindly is named with what they said: what is told at once is no approval.
pub fn voter<S: Source>(facts: &Facts<'_, S>, record: &Record) -> String {
    if gates::is_masked(facts, record) { "somebody of the gate".into() } else { who(facts, record.by) }
}

pub fn who<S: Source>(facts: &Facts<'_, S>, by: Actor) -> String {
    match by {
        Actor::Person { id, .. } => name_of(facts, id),
        Actor::System => "egressd".into(),
        Actor::Owner => "the machine's owner".into(),
        Actor::Vendor { id, .. } => facts.vendor(id).map_or_else(|_| id.to_string(), |vendor| vendor.slug.to_string()),
    }
}

/// What happened, from the leaf and, where it still stands, its detail record.
fn sentence(record: &Record) -> String {
    let reason = match &record.detail {
        Some(
            Detail::Reason { text }
            | Detail::Signed { reason: text, .. }
            | Detail::Vote { reason: text, .. }
            | Detail::Address { reason: text, .. },
        ) if !text.is_empty() => {
            format!(": {text}")
        }
        _ => String::new(),
    };
    what(record) + &reason
}

fn what(record: &Record) -> String {
    let name = match &record.detail {
        Some(Detail::Person { name, .. }) => name.to_string(),
        Some(Detail::Source { name, .. }) => name.clone(),
        Some(Detail::Address { network, .. }) => network.clone(),
        _ => String::new(),
    };
    match &record.event {
        Event::Started { .. } => "the daemon started".into(),
        Event::Reloaded { configuration, policy, .. } => {
            format!("reloaded: configuration {}, policy {}", configuration.short(), policy.short())
        }
        Event::Stopped => "the daemon stopped".into(),
        Event::LoginsRejected { count } => format!("{} rejected from {name}", many(u64::from(*count), "login")),
        Event::LogTested => "asked whether the log arrives where it is forwarded to".into(),
        Event::Frozen => "everything frozen".into(),
        Event::UnfreezeAsked => "asked to lift the freeze".into(),
        Event::Unfrozen => "freeze lifted".into(),
        Event::AddressRevoked => format!("address {name} revoked"),
        Event::ClassRevoked { class } => format!("class {class} revoked"),
        Event::PersonProposed { .. } => format!("{name} proposed"),
        Event::PersonEnrolled { key, .. } => format!("enrolled, key {}", openssh_fingerprint(*key)),
        Event::BreakGlassUsed => "a sealed identity was used".into(),
        Event::BreakGlassReviewed { used } => format!("looked into the use of a sealed identity, leaf {used}"),
        Event::VendorFiled { revision, .. } => format!("revision {} filed", revision.short()),
        Event::VendorConfirmed { revision } => format!("revision {} confirmed", revision.short()),
        Event::TokenIssued { token, until } => format!("token {} issued until {until}", openssh_fingerprint(*token)),
        Event::TokenConfirmed { token } => format!("token {} confirmed", openssh_fingerprint(*token)),
        Event::ExpiryNear { ending, until, days } => ends_soon(*ending, *until, *days),
        Event::AttestationOverdue { number, by, .. } => format!("should have attested its deletion under {number} by {by}"),
        Event::AttestationSettled { .. } => "an overdue attestation of deletion is settled".into(),
        Event::VendorRevoked => "vendor revoked".into(),
        Event::KeyRevoked { key } => format!("key {} revoked", openssh_fingerprint(*key)),
        Event::TicketSubmitted { number, revision, .. } => format!("{number} submitted, revision {}", revision.short()),
        Event::TicketVoted { gate, decision: Decision::Approve, .. } => format!("approved at the gate {gate}"),
        Event::TicketVoted { gate, decision: Decision::RequestChanges, .. } => format!("asked for changes at the gate {gate}"),
        Event::TicketVoted { gate, decision: Decision::Reject, .. } => format!("rejected at the gate {gate}"),
        Event::TicketRevised { revision, .. } => format!("revision {} submitted", revision.short()),
        Event::TicketActivated { .. } => "activated".into(),
        Event::TicketSuspended { code: Some(code) } => format!("suspended by the gateway (E{code})"),
        Event::TicketSuspended { code: None } => "suspended".into(),
        Event::TicketResumeAsked => "one of two asks to resume it".into(),
        Event::TicketResumed => "resumed".into(),
        Event::TicketWithdrawn => "withdrawn".into(),
        Event::TicketRevoked => "ticket revoked".into(),
        Event::TicketClosing { why } => format!("closing: {}", super::end::told(*why)),
        Event::DeletionAttested { key, .. } => format!("the vendor attests its deletion, key {}", openssh_fingerprint(*key)),
        Event::DeletionWaived => "the vendor's attestation of deletion waived".into(),
        Event::TicketClosed => "closed".into(),
        Event::DeliveryLate { due } => format!("a delivery is late: it was expected by {due}"),
        Event::PortabilityNear { until, days } => {
            format!("the person who asked is to have their data by {until}: notice of {}", many(u64::from(*days), "day"))
        }
        Event::PortabilityOverdue { until } => format!("the person who asked should have had their data by {until}"),
        Event::GateOverdue { gate, asked, .. } => format!("the gate {gate} has not answered in time, asked since {asked}"),
        Event::ApprovalLapsed { gate, vote, .. } => {
            format!("an approval at the gate {gate} no longer counts, leaf {vote}: it is too old")
        }
        Event::RiskAccepted { flags, until, .. } => {
            let flags: Vec<&str> = flags.iter().map(|flag| flag.name()).collect();
            format!("risk accepted until {until}: {}", flags.join(", "))
        }
        Event::DeliveryOpened { number, .. } => format!("delivery {number} opened"),
        Event::FileJoined { file } => format!("file {file} joined"),
        Event::DeliveryClosed { by } => match by {
            ClosedBy::Ready => "closed by _READY".into(),
            ClosedBy::Command => "closed by command".into(),
            ClosedBy::Quiet => "closed: nothing came any more".into(),
        },
        Event::DeliveryReleased { files, until, .. } => format!("{} released until {until}", many(u64::from(*files), "file")),
        Event::DeliveryRevoked => "delivery revoked".into(),
        Event::FileStaged { bytes, sha256, .. } => format!("{name} staged, {}, sha256 {}", many(*bytes, "byte"), sha256.short()),
        Event::FileHeld { findings, .. } => format!("held with {}", many(u64::from(*findings), "finding")),
        Event::FileRecheckAsked => "to be inspected again".into(),
        Event::FileCleared { rows, .. } => format!("inspected, {}, nothing found", many(*rows, "row")),
        Event::FileSealed { recipients, .. } => format!("sealed to {}", many(recipients.len() as u64, "recipient")),
        Event::StagedCopyGone => "staged copy and its key destroyed".into(),
        Event::FileRevoked => "file revoked".into(),
        Event::PurgeBegun { why } => format!("purge begun: {}", why_purged(*why)),
        Event::Purged => "bytes destroyed".into(),
        Event::SessionOpened { key, .. } => format!("session opened, key {}", openssh_fingerprint(*key)),
        Event::SessionDenied { code } => format!("denied: E{code:04}"),
        Event::SessionClosed { how, denied } => match denied {
            0 => format!("session ended: {}", why_ended(*how)),
            denied => format!("session ended: {}; {} refused", why_ended(*how), many(u64::from(*denied), "request")),
        },
        Event::TransferBegun { .. } => "transfer begun".into(),
        Event::TransferJoined { session, .. } => format!("joined from {name} by session {session}"),
        Event::TransferEnded { how, bytes, .. } => match bytes {
            Some(bytes) => format!("transfer ended after {}: {}", many(*bytes, "byte"), why_transfer_ended(*how)),
            None => format!("transfer ended, how many bytes were served is not known: {}", why_transfer_ended(*how)),
        },
        Event::Cut { sessions } => format!("{} cut", many(u64::from(*sessions), "session")),
    }
}

fn ends_soon(ending: Ending, until: Day, days: u32) -> String {
    let what = match ending {
        Ending::Assessment => "the assessment".to_owned(),
        Ending::Soc2 => "the SOC 2 report".to_owned(),
        Ending::Iso27001 => "the ISO 27001 certificate".to_owned(),
        Ending::Token(token) => format!("token {}", openssh_fingerprint(token)),
    };
    format!("{what} counts until {until} and no longer: notice of {}", many(u64::from(days), "day"))
}

pub const fn why_purged(why: PurgeReason) -> &'static str {
    match why {
        PurgeReason::Retention => "its retention is over",
        PurgeReason::Discarded => "discarded",
        PurgeReason::TimedOut => "held or waiting for too long",
        PurgeReason::Superseded => "sealed under a revision that is no longer current",
        PurgeReason::Ended => "what it rested on has ended",
    }
}

const fn why_ended(how: SessionEnd) -> &'static str {
    match how {
        SessionEnd::Closed => "closed by the vendor",
        SessionEnd::Lost => "connection lost",
        SessionEnd::Idle => "idle for too long",
        SessionEnd::Protocol => "the client broke the protocol",
        SessionEnd::Severed => "cut",
        SessionEnd::Interrupted => "the gateway broke off",
    }
}

const fn why_transfer_ended(how: TransferEnd) -> &'static str {
    match how {
        TransferEnd::Closed => "closed by the vendor",
        TransferEnd::SessionEnded => "the connection ended",
        TransferEnd::Severed => "cut",
        TransferEnd::Damaged => "a stored byte did not authenticate",
        TransferEnd::Interrupted => "the gateway broke off",
    }
}
