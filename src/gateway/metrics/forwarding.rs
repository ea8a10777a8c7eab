//! What is told to others, as metrics: one series for each destination that the configuration names, which is what bounds their number.

use super::{Amount, Count, amount};
use crate::gateway::answers::{DestinationRow, LinkState};
use prometheus_client::{metrics::family::Family, registry::Registry};

/// The destination's name, from the configuration.
type Destination = [(&'static str, String); 1];
type DestinationAndState = [(&'static str, String); 2];

const STATES: [LinkState; 5] =
    [LinkState::Idle, LinkState::Connecting, LinkState::Sending, LinkState::Confirming, LinkState::Waiting];

#[derive(Default)]
pub(super) struct Forwarding {
    lag_messages: Family<Destination, Amount>,
    lag_seconds: Family<Destination, Amount>,
    sent: Family<Destination, Count>,
    links: Family<DestinationAndState, Amount>,
}

impl Forwarding {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("forward_lag_messages", "Messages that a destination has not confirmed", self.lag_messages.clone());
        let seconds = "Age of the oldest message that a destination has not confirmed; 0 if it has confirmed all";
        registry.register("forward_lag_seconds", seconds, self.lag_seconds.clone());
        let sent = "Messages handed to the network for a destination, those that were sent again included";
        registry.register("forward_sent", sent, self.sent.clone());
        let links = "1 for the state that the connection to a destination is in. waiting: an attempt failed, the next comes after a pause";
        registry.register("forward_link", links, self.links.clone());
    }

    /// A family without a sample is not written, and its description neither.
    pub(super) fn exemplify(&self) {
        let destination = || ("destination", "siem".to_owned());
        drop(self.lag_messages.get_or_create(&[destination()]));
        drop(self.lag_seconds.get_or_create(&[destination()]));
        drop(self.sent.get_or_create(&[destination()]));
        drop(self.links.get_or_create(&[destination(), ("state", LinkState::Idle.name().to_owned())]));
    }

    /// Anew at each scrape: a reload adds and removes destinations.
    pub(super) fn take_in(&self, destinations: &[DestinationRow]) {
        self.lag_messages.clear();
        self.lag_seconds.clear();
        self.sent.clear();
        self.links.clear();
        for row in destinations {
            let destination = || [("destination", row.destination.to_string())];
            self.lag_messages.get_or_create(&destination()).set(amount(row.lag));
            self.lag_seconds.get_or_create(&destination()).set(amount(row.oldest_seconds.unwrap_or(0)));
            self.sent.get_or_create(&destination()).inc_by(row.sent);
            for state in STATES {
                let [destination] = destination();
                let link = self.links.get_or_create(&[destination, ("state", state.name().to_owned())]);
                link.set(i64::from(row.state == state));
            }
        }
    }
}
