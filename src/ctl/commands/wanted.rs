//! Which tickets `ticket list` names.

use crate::gateway::{answers::TicketState, asked::Awaiting};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};

#[derive(Args, Debug)]
pub struct Wanted {
    /// Only those that wait for you now: your vote, or what else is yours to do (what is no ticket stands in status)
    #[arg(long, value_name = "WHOSE", value_parser = awaiting())]
    pub awaiting: Option<Awaiting>,
    /// Only those in this state; several with commas
    #[arg(long, value_delimiter = ',', value_parser = ticket_state())]
    pub state: Vec<TicketState>,
}

fn awaiting() -> impl TypedValueParser<Value = Awaiting> {
    PossibleValuesParser::new([Awaiting::Me.name()]).map(|_| Awaiting::Me)
}

fn ticket_state() -> impl TypedValueParser<Value = TicketState> {
    let named = |name: String| TicketState::ALL.iter().copied().find(|state| state.name() == name);
    PossibleValuesParser::new(TicketState::RECORDED.iter().map(|state| state.name()))
        .map(move |name| named(name).expect("clap admits only the names of states"))
}
