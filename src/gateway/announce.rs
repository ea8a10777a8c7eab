//! What is told to others: who is told, in which words, how much may wait for them, and a test of the way.

use super::{
    Gateway,
    answers::{Arrival, Arrived, DestinationRow, LinkState, LogTest},
    desk::Desk,
    facts::{Facts, Source},
    outcome::{Fault, Refused},
    vault::{Tx, spool, spool::Waiting},
};
use crate::{
    domain::{
        authority::Act,
        digest::Digest,
        event::{Actor, Event, Fact, Record, Subject},
        ids::Slug,
        limits,
        refusal::Refusal,
    },
    sealing::Tags,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
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
    /// Something that waited was found changed or gone since the start.
    edited: AtomicBool,
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

    /// What somebody changed in the spool is noted for whoever watches: it is worded again, and never silently.
    pub fn note_edited(&self) {
        self.edited.store(true, Ordering::Relaxed);
    }

    fn note(&self, waiting: Waiting) {
        if waiting == Waiting::Edited {
            self.note_edited();
        }
    }

    pub fn was_edited(&self) -> bool {
        self.edited.load(Ordering::Relaxed)
    }

    /// Who is told, as the log says it.
    pub fn names(&self) -> Vec<Digest> {
        names(self.links().keys())
    }

    pub fn say_news(&self) {
        self.confirmed.send_modify(|count| *count += 1);
    }

    fn spool(&self) -> Option<Spool> {
        *self.spool.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this destination is told, and there. One that is told elsewhere now has another outbox.
    pub fn tells(&self, Told { name, to }: &Told) -> bool {
        self.links().get(name).is_some_and(|link| link.to == *to)
    }

    /// How it goes with one that stays where it is goes on; with all others it begins.
    fn set(&self, spool: Option<Spool>, destinations: &[Told]) {
        *self.spool.write().unwrap_or_else(PoisonError::into_inner) = spool;
        {
            let mut links = self.links();
            links.retain(|name, link| destinations.iter().any(|told| told.name == *name && told.to == link.to));
            for Told { name, to } in destinations {
                let begins = || Link { to: to.clone(), state: LinkState::Idle, sent: 0, last_error: None };
                links.entry(name.clone()).or_insert_with(begins);
            }
        }
        // Nobody waits for one that is gone.
        self.say_news();
    }
}

fn names<'a>(destinations: impl IntoIterator<Item = &'a Slug>) -> Vec<Digest> {
    destinations.into_iter().map(|name| Digest::of(name.as_str().as_bytes())).collect()
}

/// Somebody took out how far a destination has heard. To begin anew without it would leave out what it had still to hear.
pub(super) fn place_lost(destination: &Slug) -> Fault {
    let what = format!(
        "{destination}'s place is gone from the table forward_cursor, and with it what {destination} had still to hear: take it out of \
         [syslog], start or reload, and put it in again, and it begins anew, on record"
    );
    Fault::new("the spool was edited", what)
}

/// Whoever was told before has a place.
fn places_stand<'a>(tx: &Tx<'_>, told_before: impl IntoIterator<Item = &'a Slug>) -> Result<(), Refused> {
    for destination in told_before {
        spool::next(tx.conn(), destination)?.ok_or_else(|| place_lost(destination))?;
    }
    Ok(())
}

/// What [`Announcements`] come to: nobody who is told needs no words.
pub(super) struct Telling {
    wording: Option<Wording>,
    destinations: Vec<Told>,
    spool: Option<Spool>,
}

impl Telling {
    /// What waits is tagged, so that what is read is what was worded.
    pub(super) fn new(announcements: Option<Announcements>, tags: Tags) -> Self {
        match announcements {
            Some(Announcements { wording, destinations, spool }) if !destinations.is_empty() => {
                let tagged = move |record: &Record, hash: &Digest| tags.seal(record.index, hash, &wording(record, hash));
                Self { wording: Some(Arc::new(tagged)), destinations, spool: Some(spool) }
            }
            _ => Self { wording: None, destinations: Vec::new(), spool: None },
        }
    }

    /// As [`Announcing::names`].
    pub(super) fn names(&self) -> Vec<Digest> {
        let destinations: BTreeSet<&Slug> = self.destinations.iter().map(|told| &told.name).collect();
        names(destinations)
    }

    /// In the transaction of the record that says so: that record is the first that a new destination is told of, in the new words.
    pub(super) fn begin_with_the_next_record(&self, tx: &mut Tx<'_>, before: &Announcing) -> Result<(), Refused> {
        let stays = |told: &&Told| before.links().contains_key(&told.name);
        places_stand(tx, self.destinations.iter().filter(stays).map(|told| &told.name))?;
        spool::give_places(tx.conn(), self.destinations.iter().map(|told| &told.name), tx.size())?;
        tx.tell(self.wording.clone());
        Ok(())
    }

    /// Once that is durable, before the next record: what holds for all later ones. `say` is [`Ledger::teller`]'s.
    pub(super) fn hold(&self, announcing: &Announcing, say: impl FnOnce(Option<Wording>)) {
        announcing.set(self.spool, &self.destinations);
        say(self.wording.clone());
    }
}

impl Gateway {
    /// Makes these the ones who are told, from the next record on.
    pub(super) fn announce(&self, announcements: Option<Announcements>) -> Result<(), Fault> {
        let Telling { wording, destinations, spool } = Telling::new(announcements, self.master.tags());
        let before = match self.ledger.read(|view| view.last_rules())?.map(|record| record.event) {
            Some(Event::Started { told, .. } | Event::Reloaded { told, .. }) => told,
            _ => Vec::new(),
        };
        self.core.announcing.set(spool, &destinations);
        // Words first: a destination whose cursor stands would otherwise miss what is recorded in between.
        self.ledger.tell(wording);
        let register = move |_: &_, tx: &mut Tx<'_>| {
            let stays = |told: &&Told| before.contains(&Digest::of(told.name.as_str().as_bytes()));
            places_stand(tx, destinations.iter().filter(stays).map(|told| &told.name))?;
            tx.drop_strays(tx.size())?;
            Ok(spool::register(tx.conn(), destinations.iter().map(|told| &told.name), tx.size())?)
        };
        self.write_blocking(register).map_err(super::as_fault)
    }

    /// Drops what waited only for somebody who is not told any more. Of a server that was long dead that is much: by pieces, so that others' records
    /// go between. What is left when this fails goes with a later confirmation or at the next start.
    pub(super) async fn drop_what_nobody_waits_for(&self) {
        loop {
            match self.write(|_, tx| Ok(spool::drop_confirmed(tx.conn())?)).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(refused) => {
                    return tracing::error!(fault = %super::as_fault(refused), "the spool keeps what nobody waits for");
                }
            }
        }
    }

    /// How it stands with everybody who is told. Not from within a look at the ledger: it takes one of its own.
    pub(super) fn destinations(&self) -> Result<Vec<DestinationRow>, Fault> {
        let links = self.core.announcing.links().clone();
        self.ledger.read(|view| {
            let row = |(destination, Link { to, state, sent, last_error })| {
                // The cursor first: what is recorded meanwhile only makes the lag longer.
                let known = view.sql(|conn| spool::next(conn, &destination))?;
                let size = self.ledger.checkpoint().size;
                // One whose place somebody took has heard nothing that anybody could vouch for.
                let next_leaf = known.unwrap_or(0);
                let oldest = view.tail(next_leaf, 1)?.first().map(|(record, _)| record.at);
                let oldest_seconds = oldest.map(|at| view.now().since(at).as_secs());
                let lag = size.saturating_sub(next_leaf);
                Ok(DestinationRow { destination, to, state, lag, oldest_seconds, sent, next_leaf, last_error })
            };
            links.into_iter().map(row).collect()
        })
    }

    /// Whether somebody changed the spool since the start.
    pub(super) fn spool_was_edited(&self) -> bool {
        self.core.announcing.was_edited() || self.ledger.spool_was_edited()
    }

    /// What waits, if it is more than may.
    pub(super) fn overfull(&self) -> Result<Option<(Waiting, WhenFull)>, Fault> {
        let Some(Spool { most_bytes, when_full }) = self.core.announcing.spool() else { return Ok(None) };
        let waiting = self.ledger.read(|view| view.sql(spool::waiting))?;
        self.core.announcing.note(waiting);
        Ok(waiting.fills(most_bytes).then_some((waiting, when_full)))
    }

    /// Nothing is dropped and nobody waits silently: the operator's log says so for as long as it lasts.
    pub(super) fn say_if_the_spool_is_full(&self) {
        match self.overfull() {
            Ok(Some((waiting, when_full))) => {
                tracing::error!(%waiting, ?when_full, "more waits to be forwarded than the spool is meant to hold")
            }
            Ok(None) => {}
            Err(fault) => tracing::error!(%fault, "the spool cannot be read"),
        }
    }
}

impl<S: Source> Facts<'_, S> {
    /// Whether what waits to be told leaves room for more to be opened.
    pub fn spool_has_room(&self) -> Result<(), Refused> {
        let Some(Spool { most_bytes, when_full: WhenFull::StopEgress }) = self.announcing().spool() else { return Ok(()) };
        let waiting = self.find(spool::waiting)?;
        self.announcing().note(waiting);
        if waiting.fills(most_bytes) { Err(Refusal::SpoolFull {}.into()) } else { Ok(()) }
    }
}

impl Desk {
    /// Records that the way to those who are told is tested, and says who has heard of it within [`limits::SYSLOG_TEST_TIME`].
    pub async fn log_test(&self, by: Actor, destination: Option<Slug>) -> Result<LogTest, Refused> {
        self.look(|facts| Ok(Act::TestLog.allowed(facts.person(by)?)?))?;
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
