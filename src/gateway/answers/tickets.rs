//! What `ticket_submit` and `ticket_diagram` answer.

use super::{Blocker, TicketState, Tier};
use crate::domain::{
    diagram::{Diagram, Drawing},
    digest::Digest,
    ids::TicketNumber,
    people::Gate,
    ticket::TicketDocument,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Submitted {
    pub ticket: TicketNumber,
    pub revision: Digest,
    pub state: TicketState,
    pub tier: Tier,
    pub gates: Vec<Gate>,
    pub leaf: u64,
    pub next: Vec<Blocker>,
}

/// A revision's solution diagram.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TicketDiagram {
    pub revision: Digest,
    pub drawing: Drawing,
    /// The whole file: the same bytes for the same revision.
    pub text: String,
}

impl TicketDiagram {
    pub fn of(ticket: &TicketDocument, drawing: Drawing) -> Self {
        Self { revision: ticket.digest(), drawing, text: Diagram::of(ticket).draw(drawing) }
    }
}
