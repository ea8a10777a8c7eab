//! Authority: which role may do what. One table; whatever is not in it is refused.

use super::{people::Person, people::Role, refusal::Refusal};

/// What a person may ask of the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Act {
    Look,
    EnrolStaff,
    FileVendor,
    ConfirmVendor,
    IssueToken,
    ConfirmToken,
    SubmitTicket,
    /// The gate's own role is asked for beside this.
    Vote,
    ActivateTicket,
    WithdrawTicket,
    SuspendTicket,
    ResumeTicket,
    AcceptRisk,
    FileAttestation,
    WaiveDeletion,
    CloseDelivery,
    RecheckFile,
    DiscardFile,
    KillSession,
    Revoke,
    Freeze,
    Unfreeze,
    Purge,
    ReviewBreakGlass,
    ReadLog,
    TestLog,
}

impl Act {
    pub const ALL: [Self; 26] = [
        Self::Look,
        Self::EnrolStaff,
        Self::FileVendor,
        Self::ConfirmVendor,
        Self::IssueToken,
        Self::ConfirmToken,
        Self::SubmitTicket,
        Self::Vote,
        Self::ActivateTicket,
        Self::WithdrawTicket,
        Self::SuspendTicket,
        Self::ResumeTicket,
        Self::AcceptRisk,
        Self::FileAttestation,
        Self::WaiveDeletion,
        Self::CloseDelivery,
        Self::RecheckFile,
        Self::DiscardFile,
        Self::KillSession,
        Self::Revoke,
        Self::Freeze,
        Self::Unfreeze,
        Self::Purge,
        Self::ReviewBreakGlass,
        Self::ReadLog,
        Self::TestLog,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Look => "looking",
            Self::EnrolStaff => "enrolling staff",
            Self::FileVendor => "filing a vendor",
            Self::ConfirmVendor => "confirming a vendor",
            Self::IssueToken => "issuing a token",
            Self::ConfirmToken => "confirming a token",
            Self::SubmitTicket => "submitting a ticket",
            Self::Vote => "voting",
            Self::ActivateTicket => "activating a ticket",
            Self::WithdrawTicket => "withdrawing a ticket",
            Self::SuspendTicket => "suspending a ticket",
            Self::ResumeTicket => "resuming a ticket",
            Self::AcceptRisk => "accepting a risk",
            Self::FileAttestation => "filing a vendor's attestation",
            Self::WaiveDeletion => "waiving a vendor's attestation",
            Self::CloseDelivery => "closing a delivery",
            Self::RecheckFile => "rechecking a file",
            Self::DiscardFile => "discarding a file",
            Self::KillSession => "ending a session",
            Self::Revoke => "revoking",
            Self::Freeze => "freezing",
            Self::Unfreeze => "lifting a freeze",
            Self::Purge => "purging",
            Self::ReviewBreakGlass => "looking into the use of a sealed identity",
            Self::ReadLog => "reading the log",
            Self::TestLog => "testing where the log is forwarded to",
        }
    }

    /// The roles that may; any one of them suffices.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            // What the staff may see, all of the staff may see: names, states, findings; never a value of the data.
            Self::Look => &Role::ALL,
            Self::EnrolStaff | Self::ReadLog => Role::DAILY,
            Self::FileVendor | Self::IssueToken => &[Role::Operator, Role::VendorRiskAnalyst],
            Self::ConfirmVendor | Self::ConfirmToken => &[Role::Operator, Role::VendorRiskAnalyst, Role::SecurityReviewer],
            Self::SubmitTicket | Self::WithdrawTicket => &[Role::Requester],
            Self::AcceptRisk => &[Role::Executive],
            // A sealed identity stops, and is one of the two who restore; it does nothing else.
            Self::SuspendTicket => &[Role::SecurityResponder, Role::SecurityReviewer, Role::BreakGlass],
            Self::ResumeTicket => &[Role::SecurityResponder, Role::SecurityReviewer, Role::Operator, Role::BreakGlass],
            Self::ReviewBreakGlass => {
                &[Role::SecurityReviewer, Role::SecurityResponder, Role::PrivacyReviewer, Role::Executive, Role::Auditor]
            }
            // What it says is the vendor's own word, signed: who files it adds nothing to that.
            Self::FileAttestation => &[Role::Operator, Role::VendorRiskAnalyst, Role::PrivacyReviewer, Role::SecurityResponder],
            Self::WaiveDeletion => &[Role::PrivacyReviewer, Role::SecurityResponder],
            Self::Vote => &[
                Role::BusinessApprover,
                Role::DataOwner,
                Role::PrivacyReviewer,
                Role::SecurityReviewer,
                Role::VendorRiskAnalyst,
                Role::LegalReviewer,
                Role::Executive,
            ],
            Self::ActivateTicket | Self::CloseDelivery | Self::RecheckFile | Self::DiscardFile | Self::Purge => &[Role::Operator],
            Self::TestLog => &[Role::Operator, Role::Sysadmin, Role::Auditor],
            Self::KillSession => &[Role::Operator, Role::SecurityResponder, Role::BreakGlass],
            Self::Revoke | Self::Freeze => &[Role::SecurityResponder, Role::BreakGlass],
            Self::Unfreeze => &[Role::SecurityResponder, Role::Operator, Role::Executive, Role::BreakGlass],
        }
    }

    pub fn allowed(self, person: &Person) -> Result<(), Refusal> {
        if self.roles().iter().any(|role| person.has(*role)) {
            return Ok(());
        }
        let names: Vec<_> = self.roles().iter().map(|role| role.name()).collect();
        Err(Refusal::RoleNeeded { role: names.join(" or "), act: self.name().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_do_everything_and_a_sysadmin_approves_and_releases_nothing() {
        for role in Role::ALL {
            assert!(Act::ALL.iter().any(|act| !act.roles().contains(&role)), "{role} may do everything");
        }
        for act in [
            Act::Vote,
            Act::AcceptRisk,
            Act::ActivateTicket,
            Act::SubmitTicket,
            Act::ConfirmVendor,
            Act::IssueToken,
            Act::Revoke,
            Act::Unfreeze,
            Act::SuspendTicket,
            Act::ResumeTicket,
            Act::WaiveDeletion,
        ] {
            assert!(!act.roles().contains(&Role::Sysadmin), "a sysadmin is {}", act.name());
        }
    }

    #[test]
    fn a_sealed_identity_stops_restores_with_another_and_does_nothing_else() {
        let may: Vec<Act> = Act::ALL.into_iter().filter(|act| act.roles().contains(&Role::BreakGlass)).collect();
        let expected =
            [Act::Look, Act::SuspendTicket, Act::ResumeTicket, Act::KillSession, Act::Revoke, Act::Freeze, Act::Unfreeze];
        assert_eq!(may, expected);
        assert!(!Role::DAILY.contains(&Role::BreakGlass) && Role::ALL.len() == Role::DAILY.len() + 1);
    }
}
