//! How it stands with those whom every event is told.

use super::{Page, Show, Tone};
use crate::{
    ctl::trouble::Exit,
    gateway::answers::{Arrived, DestinationRow, LogTest},
};

/// `siem at tcp://…: all confirmed`
pub fn standing(row: &DestinationRow) -> String {
    let DestinationRow { destination, to, state, lag, oldest_seconds, last_error, .. } = row;
    let waits = match (lag, oldest_seconds) {
        (0, _) => "all confirmed".to_owned(),
        (lag, None) => format!("{lag} unconfirmed, {}", state.name()),
        (lag, Some(seconds)) => format!("{lag} unconfirmed, the oldest for {seconds} s, {}", state.name()),
    };
    let why = last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("{destination} at {to}: {waits}{why}")
}

impl Show for LogTest {
    fn show(&self, page: &mut Page) {
        page.field("recorded", format!("leaf {}", self.leaf));
        if self.destinations.is_empty() {
            page.line("nobody is told: the configuration names no [[syslog.destination]]", Tone::Warning);
        }
        for arrival in &self.destinations {
            let tone = match arrival.arrived {
                Arrived::Yes => Tone::Good,
                Arrived::NotYet => Tone::Bad,
            };
            let heard = if arrival.arrived == Arrived::Yes { "has it" } else { "does not have it yet" };
            page.line(&format!("{} {heard}", arrival.destination.destination), tone);
            page.field("forwarded", standing(&arrival.destination));
        }
    }

    fn exit(&self) -> Exit {
        let all = self.destinations.iter().all(|arrival| arrival.arrived == Arrived::Yes);
        if all { Exit::Done } else { Exit::Unavailable }
    }
}
