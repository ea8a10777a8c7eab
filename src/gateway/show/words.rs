//! The domain's states in the words of the answers.

use crate::{
    domain::{dossier::State, policy},
    gateway::answers::{TicketState, Tier},
};

pub fn ticket_state(state: State) -> TicketState {
    match state {
        State::OnHold => TicketState::OnHold,
        State::InReview => TicketState::InReview,
        State::Returned => TicketState::Returned,
        State::Approved => TicketState::Approved,
        State::Active => TicketState::Active,
        State::Suspended => TicketState::Suspended,
        State::Closing => TicketState::Closing,
        State::Closed => TicketState::Closed,
        State::Rejected => TicketState::Rejected,
        State::Withdrawn => TicketState::Withdrawn,
        State::Revoked => TicketState::Revoked,
    }
}

pub fn tier(tier: policy::Tier) -> Tier {
    match tier {
        policy::Tier::T0 => Tier::T0,
        policy::Tier::T1 => Tier::T1,
        policy::Tier::T2 => Tier::T2,
        policy::Tier::T3 => Tier::T3,
    }
}
