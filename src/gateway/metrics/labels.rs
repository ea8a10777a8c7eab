//! The labels' words: closed sets, each value with one name.

use super::Panicked;
use crate::{
    domain::event::{Event, Protocol, PurgeReason, SessionEnd, TransferEnd},
    gateway::{login::Rejected, observer::Trouble},
};

pub(super) type Label = (&'static str, &'static str);

pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::Sftp, Protocol::Https];

pub(super) const fn protocol(by: Protocol) -> Label {
    match by {
        Protocol::Sftp => ("protocol", "sftp"),
        Protocol::Https => ("protocol", "https"),
    }
}

pub(super) const SESSION_ENDS: [SessionEnd; 6] =
    [SessionEnd::Closed, SessionEnd::Lost, SessionEnd::Idle, SessionEnd::Protocol, SessionEnd::Severed, SessionEnd::Interrupted];

pub(super) const fn session_end(how: SessionEnd) -> Label {
    match how {
        SessionEnd::Closed => ("how", "closed"),
        SessionEnd::Lost => ("how", "lost"),
        SessionEnd::Idle => ("how", "idle"),
        SessionEnd::Protocol => ("how", "protocol"),
        SessionEnd::Severed => ("how", "severed"),
        SessionEnd::Interrupted => ("how", "interrupted"),
    }
}

pub(super) const TRANSFER_ENDS: [TransferEnd; 5] =
    [TransferEnd::Closed, TransferEnd::SessionEnded, TransferEnd::Severed, TransferEnd::Damaged, TransferEnd::Interrupted];

pub(super) const fn transfer_end(how: TransferEnd) -> Label {
    match how {
        TransferEnd::Closed => ("how", "closed"),
        TransferEnd::SessionEnded => ("how", "session_ended"),
        TransferEnd::Severed => ("how", "severed"),
        TransferEnd::Damaged => ("how", "damaged"),
        TransferEnd::Interrupted => ("how", "interrupted"),
    }
}

pub(super) const REJECTIONS: [Rejected; 4] =
    [Rejected::UnknownOrForeign, Rejected::TooMany, Rejected::GraceExpired, Rejected::Protocol];

pub(super) const fn rejected(why: Rejected) -> Label {
    match why {
        Rejected::UnknownOrForeign => ("why", "unknown_or_foreign"),
        Rejected::TooMany => ("why", "too_many"),
        Rejected::GraceExpired => ("why", "grace_expired"),
        Rejected::Protocol => ("why", "protocol"),
    }
}

pub(super) const PURGES: [PurgeReason; 5] =
    [PurgeReason::Retention, PurgeReason::Discarded, PurgeReason::TimedOut, PurgeReason::Superseded, PurgeReason::Ended];

pub(super) const fn purged(why: PurgeReason) -> Label {
    match why {
        PurgeReason::Retention => ("why", "retention"),
        PurgeReason::Discarded => ("why", "discarded"),
        PurgeReason::TimedOut => ("why", "timed_out"),
        PurgeReason::Superseded => ("why", "superseded"),
        PurgeReason::Ended => ("why", "ended"),
    }
}

pub(super) const OVERDUE: [Label; 4] =
    [("what", "gate"), ("what", "delivery"), ("what", "persons_request"), ("what", "attestation")];

/// What this event says is late; none for one that says nothing of the kind.
pub(super) const fn overdue(event: &Event) -> Option<Label> {
    let [gate, delivery, persons_request, attestation] = OVERDUE;
    match event {
        Event::GateOverdue { .. } => Some(gate),
        Event::DeliveryLate { .. } => Some(delivery),
        Event::PortabilityOverdue { .. } => Some(persons_request),
        Event::AttestationOverdue { .. } => Some(attestation),
        _ => None,
    }
}

pub(super) const fn panicked(place: Panicked) -> Label {
    match place {
        Panicked::Command => ("place", "ledger_command"),
        Panicked::Library => ("place", "library"),
        Panicked::Task => ("place", "task"),
    }
}

pub(super) fn troubled(trouble: Trouble) -> [Label; 2] {
    [("reason", trouble.name()), ("blocks", if trouble.blocks() { "yes" } else { "no" })]
}
