//! The outbox: what whoever tells one destination of what happens holds. It can read what that one has not heard, and note what it has.

use super::{
    Gateway,
    announce::{Link, Told, place_lost},
    answers::LinkState,
    core::Core,
    outcome::{Fault, Refused},
    vault::{Tx, spool},
};
use crate::domain::{
    ids::Slug,
    limits::{SPOOL_BATCH_BYTES, SPOOL_BATCH_MESSAGES},
};
use std::collections::BTreeMap;

pub use super::vault::Message;

/// A handle for one destination. It reads no fact, no object and nobody else's cursor, and writes nothing but its own.
#[derive(Clone)]
pub struct Outbox {
    gateway: Gateway,
    told: Told,
}

/// Why an outbox gives and takes nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// For good: a reload has taken the destination out of the configuration, or moved it elsewhere.
    #[error("the destination is not told any more, or not there")]
    Withdrawn,
    #[error("{0}")]
    Fault(#[from] Fault),
}

impl Outbox {
    pub(super) fn of(gateway: &Gateway, destination: &Slug) -> Option<Self> {
        let to = gateway.core.announcing.links().get(destination)?.to.clone();
        Some(Self { gateway: gateway.clone(), told: Told { name: destination.clone(), to } })
    }

    pub fn destination(&self) -> &Slug {
        &self.told.name
    }

    /// The first leaf that the destination has not confirmed.
    pub fn next(&self) -> Result<u64, Unheard> {
        // Its place goes with the leaf of the reload, a moment before anything in memory.
        let next: Option<u64> =
            self.gateway.ledger.read(|view| view.sql(|conn| spool::next(conn, &self.told.name))).map_err(Fault::from)?;
        if !self.gateway.core.announcing.tells(&self.told) {
            return Err(Unheard::Withdrawn);
        }
        let next = next.ok_or_else(|| place_lost(&self.told.name))?;
        // Nobody has heard what has not happened: somebody moved the place, and what lies before it would never be told.
        if next > self.gateway.ledger.checkpoint().size {
            let what =
                format!("{}'s place is beyond the log's end: take it out of the configuration and in again", self.told.name);
            return Err(Fault::new("the spool was edited", what).into());
        }
        Ok(next)
    }

    /// Messages from leaf `from` on, without a gap, in the log's order. Empty: there is nothing newer yet.
    ///
    /// What is missing in the spool, or is not what was worded for its leaf, is worded again from the log, and said so.
    pub fn batch(&self, from: u64) -> Result<Vec<Message>, Unheard> {
        let (batch, mut edited) = self.waiting(from)?;
        // Asked afterwards: whoever was withdrawn is given nothing from the leaf on that says so. What was confirmed is not missed.
        let next = self.next()?;
        edited.retain(|leaf| *leaf >= next);
        if let Some(first) = edited.first() {
            self.gateway.core.announcing.note_edited();
            let count = edited.len();
            tracing::error!(leaf = first, count, "the spool was edited: what it should tell of is worded again from the log");
        }
        Ok(batch)
    }

    /// With the leaves of which the spool did not have what was worded.
    fn waiting(&self, from: u64) -> Result<(Vec<Message>, Vec<u64>), Fault> {
        let ledger = &self.gateway.ledger;
        // The log before the spool: what is recorded meanwhile is no gap.
        let tail = ledger.read(|view| view.tail(from, SPOOL_BATCH_MESSAGES as u64))?;
        if tail.is_empty() {
            return Ok(Default::default());
        }
        let spooled = ledger.read(|view| view.sql(|conn| spool::batch(conn, from)))?;
        // A batch of long messages ends early.
        let bytes: usize = spooled.iter().map(|message| message.bytes.len()).sum();
        let end = spooled.last().filter(|_| bytes >= SPOOL_BATCH_BYTES).map_or(u64::MAX, |last| last.leaf);
        let spooled: BTreeMap<u64, Vec<u8>> = spooled.into_iter().map(|message| (message.leaf, message.bytes)).collect();
        let (tags, wording) = (self.gateway.master.tags(), ledger.wording());
        let (mut batch, mut edited) = (Vec::new(), Vec::new());
        for (record, hash) in tail.iter().take_while(|(record, _)| record.index <= end) {
            let leaf = record.index;
            let bytes = match spooled.get(&leaf).and_then(|sealed| tags.open(leaf, hash, sealed)) {
                Some(bytes) => bytes,
                None => {
                    edited.push(leaf);
                    let again = wording.as_ref().and_then(|wording| tags.open(leaf, hash, &wording(record, hash)));
                    let Some(bytes) = again else { break };
                    bytes
                }
            };
            batch.push(Message { leaf, bytes });
        }
        Ok((batch, edited))
    }

    /// The destination has everything before leaf `next`. Durable when this returns.
    pub async fn confirm(&self, next: u64) -> Result<(), Unheard> {
        let told = self.told.clone();
        let confirm = move |core: &Core, tx: &mut Tx<'_>| -> Result<bool, Refused> {
            // What was heard at another address is not heard at this one.
            let tells = core.announcing.tells(&told);
            if tells {
                spool::confirm(tx.conn(), &told.name, next)?;
            }
            Ok(tells)
        };
        if !self.gateway.write(confirm).await.map_err(super::as_fault)? {
            return Err(Unheard::Withdrawn);
        }
        self.gateway.core.announcing.say_news();
        Ok(())
    }

    /// Returns once there is a durable leaf `next`.
    pub async fn news(&self, next: u64) {
        let mut size = self.gateway.ledger.watch_size();
        if size.wait_for(|size| *size > next).await.is_err() {
            // The ledger is gone, and with it whoever could have news.
            std::future::pending().await
        }
    }

    /// So many messages have been handed to the network.
    pub fn sent(&self, messages: u64) {
        self.link(|link| link.sent += messages);
    }

    pub fn stands(&self, state: LinkState) {
        self.link(|link| link.state = state);
    }

    /// An attempt has failed; the next is made after a pause.
    pub fn failed(&self, why: &str) {
        self.link(|link| {
            link.state = LinkState::Waiting;
            link.last_error = Some(why.to_owned());
        });
    }

    /// An attempt has succeeded.
    pub fn recovered(&self) {
        self.link(|link| link.last_error = None);
    }

    fn link(&self, change: impl FnOnce(&mut Link)) {
        let mut links = self.gateway.core.announcing.links();
        if let Some(link) = links.get_mut(&self.told.name).filter(|link| link.to == self.told.to) {
            change(link);
        }
    }
}
