//! What a signature that does not hold is refused with.

use super::Refusal;
use crate::domain::signature::SignatureRefused;

/// Of a vote: each way in which a signature does not hold has a code of its own.
impl From<SignatureRefused> for Refusal {
    fn from(error: SignatureRefused) -> Self {
        match error {
            SignatureRefused::Namespace => Self::SignatureElsewhere {},
            SignatureRefused::OtherKey => Self::SignatureOfAnother {},
            SignatureRefused::Weak => Self::SignatureWeak {},
            SignatureRefused::Unreadable | SignatureRefused::Wrong | SignatureRefused::Key(_) => {
                Self::SignatureRefused { why: error.to_string() }
            }
        }
    }
}
