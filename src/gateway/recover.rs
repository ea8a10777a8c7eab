//! Recover: at start, what a crash left half done is finished or undone, by the state table of ARCHITECTURE.md.
//!
//! Nothing here is written a second time: what live code does after a commit, recovery does through the same function.

use super::{
    Gateway,
    outcome::{Fault, Refused},
    revoke,
    vault::{Found, Shelf, find},
};
use crate::domain::{
    event::{Actor, Event, Fact, Record, Subject},
    ids::{ObjectId, SessionId},
};
use std::{collections::BTreeSet, sync::PoisonError};

/// What recovery did, for the operator's log and for `status`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Objects and temporary names that no record named: S1, S2, S4, S5.
    pub deleted: u64,
    /// Staged copies destroyed because their sealed file is recorded: S6.
    pub sealed: u64,
    /// Purges that had begun: S9.
    pub purged: u64,
    /// Sessions and transfers that the last run left open.
    pub interrupted: u64,
    /// Objects that a record names and that are not there. Their files fail closed.
    pub missing: Vec<ObjectId>,
}

impl Gateway {
    /// Brings disk and log to agree. Run twice it does nothing the second time.
    pub(super) fn recover(&self) -> Result<Recovered, Refused> {
        let mut done = Recovered::default();
        // S1, S2, S4, S5: what no record names was never acknowledged to anybody.
        let (staged, sealed) = self.look(|facts| Ok(facts.find(find::objects)?))?;
        done.deleted += self.delete_strays(Shelf::Incoming, &staged)?;
        done.deleted += self.delete_strays(Shelf::Sealed, &sealed)?;
        let named: BTreeSet<ObjectId> = staged.iter().chain(&sealed).copied().collect();
        self.destroy_unnamed_keys(named)?;
        // S6: sealed and recorded; the plaintext's key goes now. Not where the sealed file is gone: the copy is all that is left then.
        let missing: BTreeSet<ObjectId> = self.missing_objects()?.into_iter().collect();
        for file in self.look(|facts| Ok(facts.find(find::twice)?))? {
            let dossier = self.look(|facts| facts.file(file))?;
            if dossier.sealed.is_none() {
                return Err(Fault::new("the index does not say what the log says", format!("file {file} is not sealed")).into());
            }
            if dossier.sealed.as_ref().is_some_and(|sealed| missing.contains(&sealed.header) || missing.contains(&sealed.payload))
            {
                continue;
            }
            self.destroy_staged_copy(file)?;
            done.sealed += 1;
        }
        // S9: a purge that has begun is finished.
        let unpurged = self.look(|facts| Ok(facts.find(find::unpurged)?))?;
        let begun: Vec<_> = unpurged.into_iter().filter(|row| row.purge_at.is_some()).map(|row| row.id).collect();
        for (_, finished) in self.finish_purges(&begun) {
            finished?;
            done.purged += 1;
        }
        // A beginning without an end keeps its beginning and gets an end.
        done.interrupted = self.end_what_is_open()?;
        // ✗: named and not there. Served it cannot be; that it is so must be seen.
        done.missing = self.missing_objects()?;
        self.close_what_lost_bytes(&done.missing)?;
        Ok(done)
    }

    /// A ticket with lost bytes fails closed as a whole.
    fn close_what_lost_bytes(&self, missing: &[ObjectId]) -> Result<(), Refused> {
        if missing.is_empty() {
            return Ok(());
        }
        let lost = self.look(|facts| {
            let mut lost = BTreeSet::new();
            for row in facts.find(find::unpurged)? {
                let file = facts.file(row.id)?;
                if file.objects().iter().any(|object| missing.contains(object)) {
                    lost.extend(file.ticket);
                }
            }
            Ok(lost)
        })?;
        *self.core.lost.lock().unwrap_or_else(PoisonError::into_inner) = lost;
        Ok(())
    }

    fn delete_strays(&self, shelf: Shelf, named: &[ObjectId]) -> Result<u64, Refused> {
        let fault = |error| Fault::new("recovering stored objects", error);
        let named: BTreeSet<&ObjectId> = named.iter().collect();
        let deleted = self.objects.sweep_strays(shelf).map_err(fault)? as u64;
        let mut unnamed = BTreeSet::new();
        for found in self.objects.iter(shelf) {
            match found.map_err(fault)? {
                Found::Object(object) if !named.contains(&object) => drop(unnamed.insert(object)),
                // What is not ours is left alone; somebody put it there.
                Found::Foreign(name) => tracing::warn!(name, "something foreign lies among the stored objects"),
                Found::Object(_) | Found::Stray(_) => {}
            }
        }
        self.no_record_holds(&unnamed)?;
        for object in &unnamed {
            self.objects.unlink(shelf, *object).map_err(fault)?;
        }
        Ok(deleted + unnamed.len() as u64)
    }

    /// A key without an object opens nothing; a key to destroyed plaintext must not be there at all.
    fn destroy_unnamed_keys(&self, named: BTreeSet<ObjectId>) -> Result<(), Refused> {
        let keys = self.write_blocking(|_, tx| Ok(tx.keys()?))?;
        let unnamed: BTreeSet<ObjectId> = keys.into_iter().filter(|object| !named.contains(object)).collect();
        self.no_record_holds(&unnamed)?;
        self.write_blocking(move |_, tx| {
            for object in unnamed {
                tx.keys_delete(object)?;
            }
            Ok(())
        })
    }

    /// What the index does not name is asked of the log before it is destroyed: an edited index destroys nothing, nor does a row that was
    /// taken out of the log.
    fn no_record_holds(&self, objects: &BTreeSet<ObjectId>) -> Result<(), Refused> {
        if objects.is_empty() {
            return Ok(());
        }
        let holder = self.look(|facts| {
            for (object, id) in facts.source().naming(objects)? {
                let file = facts.file(id)?;
                if file.purged.is_none() && file.objects().contains(&object) {
                    return Ok(Some((object, id)));
                }
            }
            Ok(None)
        })?;
        match holder {
            None => Ok(()),
            Some((object, file)) => {
                let what = format!(
                    "{object} of file {file} is on record and not in the index: egressctl audit verify --dir DIR --vkey VKEY_FILE"
                );
                Err(Fault::new("the index does not say what the log says", what).into())
            }
        }
    }

    fn end_what_is_open(&self) -> Result<u64, Refused> {
        let open = self.ledger.live_subjects();
        let count = open.len() as u64;
        self.write_blocking(move |_, tx| {
            for subject in open {
                if let Some(event) = revoke::interrupted(subject) {
                    tx.append(Fact::new(Actor::System, subject, event))?;
                }
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Ends in the log what nobody holds any more: a session whose owner broke before it could record its end. At start
    /// everything open is that; while the daemon runs, whoever has no lease.
    pub(super) async fn end_what_nobody_holds(&self) -> Result<(), Refused> {
        // 1. The log, then the leases. A session has its lease from before its beginning is on record until after its end is.
        let open = self.ledger.live_subjects();
        let pulls = self.core.pulls.transfers();
        let held: BTreeSet<SessionId> = self.core.leases.live().into_iter().map(|session| session.session).collect();
        if open.is_empty() {
            return Ok(());
        }
        // 2. Whoever ended between the two looks has recorded it by now.
        self.write(move |_, tx| {
            // Transfers first: they sort after sessions, and end before them.
            for subject in open.into_iter().rev() {
                if matches!(subject, Subject::Transfer(transfer) if pulls.contains(&transfer)) {
                    continue;
                }
                let records = tx.chain(subject)?;
                let is_end = |record: &Record| matches!(record.event, Event::SessionClosed { .. } | Event::TransferEnded { .. });
                let ended = records.iter().any(is_end);
                let abandoned = !ended && records.first().and_then(session).is_some_and(|session| !held.contains(&session));
                if abandoned && let Some(event) = revoke::interrupted(subject) {
                    tracing::error!(?subject, "nobody holds it any more: its end is recorded");
                    tx.append(Fact::new(Actor::System, subject, event))?;
                }
            }
            Ok(())
        })
        .await
    }

    fn missing_objects(&self) -> Result<Vec<ObjectId>, Refused> {
        let (staged, sealed) = self.look(|facts| Ok(facts.find(find::objects)?))?;
        let mut missing = Vec::new();
        for (shelf, named) in [(Shelf::Incoming, staged), (Shelf::Sealed, sealed)] {
            let mut named: BTreeSet<ObjectId> = named.into_iter().collect();
            for found in self.objects.iter(shelf) {
                if let Found::Object(object) = found.map_err(|error| Fault::new("recovering stored objects", error))? {
                    named.remove(&object);
                }
            }
            missing.extend(named);
        }
        Ok(missing)
    }
}

/// The session that a beginning belongs to.
fn session(first: &Record) -> Option<SessionId> {
    match (first.on, &first.event) {
        (Subject::Session(id), Event::SessionOpened { .. }) => Some(id),
        (Subject::Transfer(_), Event::TransferBegun { session, .. }) => Some(*session),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        domain::event::{SessionEnd, TransferEnd},
        gateway::{
            Attempt, Line, Offered, Severable,
            fixture::{House, Vendor, csv},
        },
    };
    use std::{net::Ipv4Addr, sync::Arc};

    struct Unplugged;

    impl Severable for Unplugged {
        fn sever(&self) {}
    }

    async fn log_in(house: &House, vendor: &Vendor) -> crate::gateway::Pickup {
        let attempt = Attempt {
            offered: Offered::SshKey { user: vendor.id.to_string(), key: vendor.login.public_key().clone() },
            address: Ipv4Addr::LOCALHOST.into(),
        };
        let line = Line { algorithms: String::new(), client: String::new() };
        house.door().login(attempt, line, Arc::new(Unplugged)).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_its_owner_dropped_without_a_word_gets_an_end_and_what_lives_does_not() {
        let house = House::open().await;
        let vendor = house.vendor("acme").await;
        let ticket = house.ticket(&vendor, "health").await;
        let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
        let path = crate::domain::vendor_path::VendorPath::parse(format!("/{delivery}/orders.csv.age").as_bytes()).unwrap();
        let (broken, lives) = (log_in(&house, &vendor).await, log_in(&house, &vendor).await);
        let lost = broken.open(&path).unwrap().begin().await.unwrap();
        let kept = lives.open(&path).unwrap().begin().await.unwrap();
        let broken_session = broken.session();
        drop((lost, broken));
        for _ in 0..2 {
            house.end_what_nobody_holds().await;
            for (session, how) in house.sessions() {
                assert_eq!(how, (session == broken_session).then_some(SessionEnd::Interrupted));
            }
            for transfer in house.transfers() {
                let how = transfer.end.map(|ended| ended.how);
                assert_eq!(how, (transfer.session == broken_session).then_some(TransferEnd::Interrupted));
            }
        }
        kept.finish(TransferEnd::Closed).await;
        lives.close(SessionEnd::Closed).await;
    }
}
