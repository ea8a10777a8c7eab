//! The sender of one destination: what is new goes out over a connection, which is then closed by both sides, and only then confirmed.

use super::{address::Address, link::Link, pause::Pauses};
use crate::{
    domain::{
        ids::Slug,
        limits::{SYSLOG_FLUSH, SYSLOG_QUIET, SYSLOG_UNCONFIRMED_MESSAGES, SYSLOG_UNCONFIRMED_TIME},
    },
    gateway::{Outbox, Unheard, answers::LinkState},
};
use std::{io, pin::pin};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// One who is told of what happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    pub name: Slug,
    pub address: Address,
    /// A message that goes as a UDP datagram is cut there.
    pub datagram_bytes: usize,
}

/// What the daemon wants of its senders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Running {
    Telling,
    /// Nothing more will happen: what is spooled may still be sent within [`SYSLOG_FLUSH`].
    Flushing,
}

/// What became of one connection.
enum Round {
    /// All that was sent has arrived.
    Confirmed,
    /// There is nothing to send and there will not be.
    Over,
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Link(#[from] io::Error),
    #[error("{0}")]
    Outbox(#[from] Unheard),
}

/// Tells `destination` whatever the outbox holds for it, until the daemon ends or the outbox is withdrawn. It can be dropped at any point: what was not confirmed is sent again.
pub async fn run(outbox: Outbox, destination: Destination, running: watch::Receiver<Running>) {
    let mut flushing = running.clone();
    let too_late = async {
        until_flushing(&mut flushing).await;
        sleep(SYSLOG_FLUSH).await;
    };
    tokio::select! {
        () = Sender { outbox: &outbox, destination: &destination, running }.tell() => {}
        () = too_late => tracing::info!(destination = %destination.name, "not all was forwarded; the rest is after the next start"),
    }
}

async fn until_flushing(running: &mut watch::Receiver<Running>) {
    // An error says that the daemon is gone, which is the end as well.
    let _ = running.wait_for(|now| *now == Running::Flushing).await;
}

struct Sender<'a> {
    outbox: &'a Outbox,
    destination: &'a Destination,
    running: watch::Receiver<Running>,
}

impl Sender<'_> {
    async fn tell(mut self) {
        let (name, mut pauses) = (&self.destination.name, Pauses::default());
        let mut well = true;
        loop {
            match self.round().await {
                Ok(Round::Over) | Err(Trouble::Outbox(Unheard::Withdrawn)) => return,
                Ok(Round::Confirmed) => {
                    if !well {
                        tracing::info!(destination = %name, "the destination hears again");
                    }
                    (well, _) = (true, pauses.reset());
                    self.outbox.recovered();
                }
                Err(trouble) => {
                    if well {
                        tracing::warn!(destination = %name, to = %self.destination.address, %trouble, "events wait to be forwarded");
                    }
                    well = false;
                    self.outbox.failed(&trouble.to_string());
                    let pause = pauses.next();
                    // While flushing there is no time for pauses that have grown.
                    if timeout(pause, until_flushing(&mut self.running)).await.is_ok() {
                        sleep(pause.min(SYSLOG_FLUSH / 8)).await;
                    }
                }
            }
        }
    }

    fn is_flushing(&self) -> bool {
        *self.running.borrow() == Running::Flushing
    }

    /// One connection, from the first message that is new to the confirmation of all that were sent over it.
    async fn round(&mut self) -> Result<Round, Trouble> {
        let first = self.outbox.next()?;
        while self.outbox.batch(first)?.is_empty() {
            self.outbox.stands(LinkState::Idle);
            if self.is_flushing() {
                return Ok(Round::Over);
            }
            tokio::select! {
                () = self.outbox.news(first) => {}
                () = until_flushing(&mut self.running) => {}
            }
        }
        self.outbox.stands(LinkState::Connecting);
        let mut link = Link::open(&self.destination.address, self.destination.datagram_bytes).await?;
        self.outbox.stands(LinkState::Sending);
        let next = self.send_what_is_new(&mut link, first).await?;
        self.outbox.stands(LinkState::Confirming);
        link.confirm().await?;
        self.outbox.confirm(next).await?;
        Ok(Round::Confirmed)
    }

    /// Sends until it is quiet, or until enough is unconfirmed. The first leaf that was not sent.
    async fn send_what_is_new(&mut self, link: &mut Link, first: u64) -> Result<u64, Trouble> {
        let mut long_enough = pin!(sleep(SYSLOG_UNCONFIRMED_TIME));
        let mut next = first;
        loop {
            let batch = self.outbox.batch(next)?;
            if let Some(last) = batch.last().map(|message| message.leaf) {
                let messages: Vec<Vec<u8>> = batch.into_iter().map(|message| message.bytes).collect();
                link.send(&messages).await?;
                self.outbox.sent(messages.len() as u64);
                next = last + 1;
            } else if self.is_flushing() {
                return Ok(next);
            } else {
                tokio::select! {
                    () = self.outbox.news(next) => {}
                    () = until_flushing(&mut self.running) => {}
                    () = sleep(SYSLOG_QUIET) => return Ok(next),
                    () = &mut long_enough => return Ok(next),
                }
            }
            if next - first >= SYSLOG_UNCONFIRMED_MESSAGES as u64 || long_enough.is_elapsed() {
                return Ok(next);
            }
        }
    }
}
