//! The senders: one task for each destination that is told, begun and ended as the configuration says, all of them awaited here.

use crate::{
    domain::ids::Slug,
    forward::{self, Destination, Running},
    gateway::Gateway,
};
use anyhow::Context;
use std::collections::BTreeMap;
use tokio::{sync::watch, task::JoinSet};

pub(super) struct Senders {
    running: watch::Sender<Running>,
    each: BTreeMap<Slug, Sender>,
}

struct Sender {
    destination: Destination,
    /// Of one: it ends with its set.
    task: JoinSet<()>,
}

impl Senders {
    pub(super) fn new() -> Self {
        Self { running: watch::Sender::new(Running::Telling), each: BTreeMap::new() }
    }

    /// Tells these, whom the gateway knows, and nobody else. Whoever stays as it was is not interrupted.
    ///
    /// # Errors
    /// The gateway does not know one of them.
    pub(super) async fn tell(&mut self, gateway: &Gateway, destinations: &[Destination]) -> anyhow::Result<()> {
        // 1. Whoever is gone or has changed. It is over before another begins under its name; what it had not confirmed is sent again by that one.
        for (_, mut gone) in self.each.extract_if(.., |_, sender| !destinations.contains(&sender.destination)) {
            gone.task.shutdown().await;
        }
        // 2. Whoever is new, or has changed.
        for destination in
            destinations.iter().filter(|destination| !self.each.contains_key(&destination.name)).collect::<Vec<_>>()
        {
            let outbox = gateway.outbox(&destination.name).context("a destination that the gateway does not know")?;
            let mut task = JoinSet::new();
            task.spawn(forward::run(outbox, destination.clone(), self.running.subscribe()));
            self.each.insert(destination.name.clone(), Sender { destination: destination.clone(), task });
        }
        Ok(())
    }

    /// What is spooled may still be sent; returns when it is, or when that takes too long.
    pub(super) async fn flush(mut self) {
        self.running.send_replace(Running::Flushing);
        for sender in self.each.values_mut() {
            super::all_ended(&mut sender.task).await;
        }
    }
}
