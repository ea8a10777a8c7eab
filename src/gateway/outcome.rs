//! How an act can end other than well: refused, which is an answer, or a fault, which is the operator's.

use crate::domain::refusal::{Outside, Refusal};
use std::fmt;

/// Something broke. For the operator's log, with its causes; nobody branches on it.
#[derive(Debug)]
pub struct Fault {
    what: &'static str,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl Fault {
    pub fn new(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, cause: cause.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Why an act did not happen.
#[derive(Debug)]
pub enum Refused {
    Refusal(Refusal),
    Fault(Fault),
}

impl Refused {
    /// What a vendor may learn: of a fault only that it is one.
    pub const fn outside(&self) -> Outside {
        match self {
            Self::Refusal(refusal) => refusal.outside(),
            Self::Fault(_) => Outside::TryLater,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::new("the index could not be read", error)
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}
