//! What leaves the house of a refusal.

use super::Refusal;

/// What an outsider may learn of a refusal. "Unknown" and "not yours" are one answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outside {
    NoSuchFile,
    Denied,
    TryLater,
    /// The vendor itself is too many.
    TooMany,
}

impl Refusal {
    /// What a vendor may learn.
    pub const fn outside(&self) -> Outside {
        match self {
            Self::NotDurable {} | Self::Frozen {} | Self::SpoolFull {} => Outside::TryLater,
            Self::TooManySessions { .. } | Self::TooManyLogins { .. } => Outside::TooMany,
            Self::DownloadLimit { .. } | Self::LoginRefused {} => Outside::Denied,
            _ => Outside::NoSuchFile,
        }
    }
}
