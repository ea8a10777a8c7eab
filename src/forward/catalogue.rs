//! What each event is called in syslog: its message number, its severity, its sentence. Numbers are never given anew.

use crate::domain::event::{Event, SessionEnd, TransferEnd};

/// How urgent it is, as RFC 5424 section 6.2.1 numbers it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    Alert = 1,
    Warning = 4,
    Notice = 5,
    Info = 6,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
        }
    }
}

/// One kind of event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The MSGID.
    pub number: u32,
    /// As the code names it; `event` in a message has it in lower case.
    pub name: &'static str,
    pub severity: Severity,
    pub sentence: &'static str,
}

macro_rules! catalogue {
    ($($number:literal $name:ident $severity:ident $sentence:literal)*) => {
        /// Every kind of event. Exhaustive: whoever adds an event numbers it here.
        pub const CATALOGUE: &[Entry] =
            &[$(Entry { number: $number, name: stringify!($name), severity: Severity::$severity, sentence: $sentence }),*];

        /// What this event is called, its severity as this very event has it.
        pub fn entry(event: &Event) -> Entry {
            let entry = match event {
                $(Event::$name { .. } => Entry { number: $number, name: stringify!($name), severity: Severity::$severity, sentence: $sentence },)*
            };
            Entry { severity: worse_than_its_kind(event).unwrap_or(entry.severity), ..entry }
        }
    };
}

catalogue! {
    // The daemon
    1001 Started Notice "the gateway has started"
    1002 Stopped Notice "the gateway has stopped"
    1003 LoginsRejected Warning "logins were rejected"
    1004 LogTested Notice "a test of the way to this log"
    1005 Reloaded Notice "the configuration is reloaded"

    // The house
    1101 Frozen Alert "everything is frozen"
    1102 UnfreezeAsked Warning "one of two people asks to lift the freeze"
    1103 Unfrozen Alert "the freeze is lifted"
    1104 AddressRevoked Warning "a source address is revoked"
    1105 ClassRevoked Warning "a data class is revoked"

    // The staff
    1201 PersonProposed Notice "a person is proposed for the staff"
    1202 PersonEnrolled Notice "a person is enrolled"
    1203 BreakGlassUsed Alert "a sealed identity is used"
    1204 BreakGlassReviewed Notice "somebody has looked into the use of a sealed identity"

    // Vendors
    1301 VendorFiled Notice "a vendor is filed"
    1302 VendorConfirmed Notice "a vendor's revision is confirmed"
    1303 VendorRevoked Warning "a vendor is revoked"
    1304 KeyRevoked Warning "a key is revoked"
    1305 TokenIssued Notice "a token is made for a vendor"
    1306 TokenConfirmed Notice "a vendor's token is confirmed"
    1307 ExpiryNear Warning "what a vendor's standing rests on ends soon"
    1308 AttestationOverdue Warning "a vendor has not attested its deletion in time"
    1309 AttestationSettled Notice "an overdue attestation of a vendor is settled"

    // Tickets
    1401 TicketSubmitted Notice "a ticket is submitted"
    1402 TicketVoted Notice "a vote on a ticket"
    1403 TicketActivated Notice "a ticket is active"
    1404 TicketWithdrawn Notice "a ticket is withdrawn"
    1405 TicketRevoked Warning "a ticket is revoked"
    1406 TicketRevised Notice "a further revision of a ticket is submitted"
    1407 TicketSuspended Alert "a ticket is suspended"
    1408 TicketResumeAsked Warning "one of two people asks to let a suspended ticket go on"
    1409 TicketResumed Warning "a suspended ticket goes on"
    1411 RiskAccepted Warning "an executive accepts a risk of a ticket"
    1421 GateOverdue Warning "a gate has not answered in time"
    1422 ApprovalLapsed Warning "an approval is too old to count"
    1431 TicketClosing Notice "a ticket closes: nothing new begins under it"
    1432 DeletionAttested Notice "a vendor attests that it deleted what it got"
    1433 DeletionWaived Warning "a vendor's attestation of deletion is waived"
    1434 TicketClosed Notice "a ticket is closed"
    1441 DeliveryLate Warning "a delivery that was expected is late"
    1442 PortabilityNear Warning "a person is to have their data soon"
    1443 PortabilityOverdue Warning "a person has not got their data in time"

    // Deliveries
    1501 DeliveryOpened Info "a delivery is open"
    1502 FileJoined Info "a file has joined a delivery"
    1503 DeliveryClosed Info "a delivery is closed"
    1504 DeliveryReleased Notice "a delivery is released to its vendor"
    1505 DeliveryRevoked Warning "a delivery is revoked"

    // Files
    1601 FileStaged Info "a file is staged"
    1602 FileHeld Warning "a file is held"
    1603 FileRecheckAsked Notice "a held file is to be checked again"
    1604 FileCleared Info "a file was inspected and nothing found"
    1605 FileSealed Info "a file is sealed to its vendor's keys"
    1606 StagedCopyGone Info "the staged copy and its key are destroyed"
    1607 FileRevoked Warning "a file is revoked"
    1608 PurgeBegun Notice "a purge has begun"
    1609 Purged Notice "a file's bytes are destroyed"

    // Vendors' sessions and transfers
    1701 SessionOpened Info "a vendor has logged in"
    1702 SessionDenied Warning "a vendor was refused"
    1703 SessionClosed Info "a vendor's session has ended"
    1704 TransferBegun Notice "a transfer has begun"
    1705 TransferEnded Notice "a transfer has ended"
    1706 Cut Warning "sessions were cut"
    1707 TransferJoined Notice "another session reads in a transfer"
}

/// The severity of an event that says more than its kind does.
const fn worse_than_its_kind(event: &Event) -> Option<Severity> {
    match event {
        Event::TransferEnded { how: TransferEnd::Damaged, .. } => Some(Severity::Alert),
        Event::TransferEnded { how: TransferEnd::Severed | TransferEnd::Interrupted, .. }
        | Event::SessionClosed { how: SessionEnd::Severed | SessionEnd::Protocol | SessionEnd::Interrupted, .. } => {
            Some(Severity::Warning)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_rise() {
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].number < pair[1].number));
    }

    #[test]
    fn what_ends_a_standing_or_damages_is_at_least_a_warning() {
        let urgent =
            |entry: &&Entry| entry.name.ends_with("Revoked") || ["Frozen", "Cut", "LoginsRejected"].contains(&entry.name);
        assert!(CATALOGUE.iter().filter(urgent).count() >= 9);
        assert!(CATALOGUE.iter().filter(urgent).all(|entry| entry.severity <= Severity::Warning));
        let damaged = Event::TransferEnded { how: TransferEnd::Damaged, bytes: None, ranges: None };
        assert_eq!(entry(&damaged).severity, Severity::Alert);
        let well = Event::TransferEnded { how: TransferEnd::Closed, bytes: None, ranges: None };
        assert_eq!((entry(&well).number, entry(&well).severity), (1705, Severity::Notice));
    }
}
