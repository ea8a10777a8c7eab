//! Bearer tokens of a vendor, for HTTPS.

use super::confirmed::Confirmations;
use crate::domain::{
    digest::Digest,
    ids::{PersonId, Slug},
    signature::openssh_fingerprint,
    time::{Day, Time},
};

/// A bearer token of a vendor. Its text is nowhere here.
#[derive(Clone, Debug)]
pub struct VendorToken {
    pub digest: Digest,
    /// The last day on which it counts.
    pub until: Day,
    pub issued_by: Option<PersonId>,
    pub issued_at: Time,
    pub confirmed_by: Confirmations,
}

impl VendorToken {
    /// Whether somebody else than its issuer has confirmed it: every new key takes two people.
    pub fn confirmed(&self) -> bool {
        self.confirmed_by.standing().any(|id| Some(id) != self.issued_by)
    }

    pub fn expired(&self, now: Time) -> bool {
        now >= self.until.ends()
    }
}

/// The text that a person signs to confirm a vendor's token.
pub fn token_confirmation_text(vendor: &Slug, token: Digest, until: Day) -> String {
    format!(
        "egressd token confirmation 1\nvendor {vendor}\ntoken {}\nuntil {until}\n\
         I know that the vendor asked for this token and that it was given to nobody else\n",
        openssh_fingerprint(token)
    )
}
