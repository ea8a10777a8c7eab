//! What is told to others: who is told, in which words, how much may wait for them, and a test of the way.

use super::{
    Gateway,
    answers::{Arrival, Arrived, DestinationRow, LinkState, LogTest},
    desk::Desk,
    facts::{Facts, Source},
    outcome::{Fault, Refused},
    vault::spool,
};
use crate::domain::{
    authority::Act,
    event::{Actor, Event, Fact, Subject},
    ids::Slug,
    limits,
    refusal::Refusal,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};
use tokio::{sync::watch, time::timeout};

pub use super::vault::Wording;

/// Who is told of every record, and how.
#[derive(Clone)]
pub struct Announcements {
    pub wording: Wording,
    pub destinations: Vec<Told>,
    pub spool: Spool,
}

/// How much may wait for those who do not listen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spool {
    pub most_bytes: u64,
    pub when_full: WhenFull,
}

/// One who is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    pub name: Slug,
    /// Where it is, for people.
    pub to: String,
}

/// What happens when more waits than the spool is meant to hold. Nothing is ever dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenFull {
    /// It grows, and the operator's log says so.
    Keep,
    /// It grows by what has to be recorded, and nothing is opened for a vendor.
    StopEgress,
}

/// How it goes with those who are told. In memory: what has to last is the cursor, in the ledger.
#[derive(Default)]
pub struct Announcing {
    spool: RwLock<Option<Spool>>,
    links: Mutex<BTreeMap<Slug, Link>>,
    /// Rises whenever somebody has confirmed something.
    confirmed: watch::Sender<u64>,
}

/// How it goes with one of them.
#[derive(Clone, Debug)]
pub struct Link {
    pub to: String,
    pub state: LinkState,
    pub sent: u64,
    pub last_error: Option<String>,
}

impl Announcing {
    pub fn links(&self) -> MutexGuard<'_, BTreeMap<Slug, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn say_news(&self) {
        self.confirmed.send_modify(|count| *count += 1);
    }

    fn spool(&self) -> Option<Spool> {
        *self.spool.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, spool: Option<Spool>, destinations: &[Told]) {
        *self.spool.write().unwrap_or_else(PoisonError::into_inner) = spool;
        let mut links = self.links();
        links.retain(|name, _| destinations.iter().any(|told| told.name == *name));
        for Told { name, to } in destinations {
            let link = Link { to: to.clone(), state: LinkState::Idle, sent: 0, last_error: None };
            links.entry(name.clone()).or_insert(link).to.clone_from(to);
        }
    }
}

impl Gateway {
    /// Makes these the ones who are told, from the next record on.
    pub(super) fn announce(&self, announcements: Option<Announcements>) -> Result<(), Fault> {
        let (wording, destinations, spool) = match announcements {
            Some(Announcements { wording, destinations, spool }) if !destinations.is_empty() => {
                (Some(wording), destinations, Some(spool))
            }
            _ => (None, Vec::new(), None),
        };
        self.core.announcing.set(spool, &destinations);
        // Words first: a destination whose cursor stands would otherwise miss what is recorded in between.
        self.ledger.tell(wording);
        let register = move |_: &_, tx: &mut super::vault::Tx<'_>| {
            Ok(spool::register(tx.conn(), destinations.iter().map(|told| &told.name), tx.size())?)
        };
        self.write_blocking(register).map_err(super::as_fault)
    }

    /// How it stands with everybody who is told. Not from within a look at the ledger: it takes one of its own.
    pub(super) fn destinations(&self) -> Result<Vec<DestinationRow>, Fault> {
        let links = self.core.announcing.links().clone();
        self.ledger.read(|view| {
            let row = |(destination, Link { to, state, sent, last_error })| {
                // The cursor first: what is recorded meanwhile only makes the lag longer.
                let known = view.sql(|conn| spool::next(conn, &destination))?;
                let size = self.ledger.checkpoint().size;
                let next_leaf = known.unwrap_or(size);
                let oldest = view.tail(next_leaf, 1)?.first().map(|(record, _)| record.at);
                let oldest_seconds = oldest.map(|at| view.now().since(at).as_secs());
                let lag = size.saturating_sub(next_leaf);
                Ok(DestinationRow { destination, to, state, lag, oldest_seconds, sent, next_leaf, last_error })
            };
            links.into_iter().map(row).collect()
        })
    }

    /// Bytes that wait, if they are more than may.
    pub(super) fn overfull(&self) -> Result<Option<(u64, WhenFull)>, Fault> {
        let Some(Spool { most_bytes, when_full }) = self.core.announcing.spool() else { return Ok(None) };
        let waiting = self.ledger.read(|view| view.sql(spool::bytes))?;
        Ok((waiting >= most_bytes).then_some((waiting, when_full)))
    }

    /// Nothing is dropped and nobody waits silently: the operator's log says so for as long as it lasts.
    pub(super) fn say_if_the_spool_is_full(&self) {
        match self.overfull() {
            Ok(Some((bytes, when_full))) => {
                tracing::error!(bytes, ?when_full, "more waits to be forwarded than the spool is meant to hold")
            }
            Ok(None) => {}
            Err(fault) => tracing::error!(%fault, "the spool cannot be read"),
        }
    }
}

impl<S: Source> Facts<'_, S> {
    /// Whether what waits to be told leaves room for more to be opened.
    pub fn spool_has_room(&self) -> Result<(), Refused> {
        match self.announcing().spool() {
            Some(Spool { most_bytes, when_full: WhenFull::StopEgress }) if self.find(spool::bytes)? >= most_bytes => {
                Err(Refusal::SpoolFull {}.into())
            }
            _ => Ok(()),
        }
    }
}

impl Desk {
    /// Records that the way to those who are told is tested, and says who has heard of it within [`limits::SYSLOG_TEST_TIME`].
    pub async fn log_test(&self, by: Actor, destination: Option<Slug>) -> Result<LogTest, Refused> {
        if let Some(name) = &destination
            && !self.gateway.core.announcing.links().contains_key(name)
        {
            return Err(Refusal::NoSuchDestination { destination: name.to_string() }.into());
        }
        let leaf = self
            .act(move |core, tx| {
                Act::TestLog.allowed(Facts::read(core, &*tx)?.person(by)?)?;
                Ok(tx.append(Fact::new(by, Subject::Daemon, Event::LogTested))?.index)
            })
            .await?;
        let asked = |row: &DestinationRow| destination.as_ref().is_none_or(|name| row.destination == *name);
        let rows = || Ok::<Vec<_>, Fault>(self.gateway.destinations()?.into_iter().filter(asked).collect());
        let arrived = async {
            let mut confirmed = self.gateway.core.announcing.confirmed.subscribe();
            while rows()?.iter().any(|row| row.next_leaf <= leaf) {
                confirmed.changed().await.ok();
            }
            Ok::<_, Fault>(())
        };
        if let Ok(Err(fault)) = timeout(limits::SYSLOG_TEST_TIME, arrived).await {
            return Err(fault.into());
        }
        let arrival = |destination: DestinationRow| {
            let arrived = if destination.next_leaf > leaf { Arrived::Yes } else { Arrived::NotYet };
            Arrival { arrived, destination }
        };
        Ok(LogTest { leaf, destinations: rows()?.into_iter().map(arrival).collect() })
    }
}
