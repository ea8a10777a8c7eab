//! What another policy would make of the tickets there are.

use super::{Listing, TicketState};
use crate::domain::{
    digest::Digest,
    ids::{Slug, TicketNumber},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Simulation {
    /// The policy that was asked about, and the one that the gateway goes by.
    pub policy: Digest,
    pub goes_by: Digest,
    /// Tickets that were looked at, the newest first, and how many were not: too many to look at in one answer.
    pub looked_at: u64,
    pub left_out: u64,
    /// Where it asks for more people than there are.
    pub short_of: Vec<String>,
    /// Those that would fall, lose votes or be asked something else.
    pub tickets: Listing<SimulatedTicket>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SimulatedTicket {
    pub ticket: TicketNumber,
    pub vendor: Slug,
    pub state: TicketState,
    pub would_be: TicketState,
    pub because: Vec<String>,
}
