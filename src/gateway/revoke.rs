//! Revoke: a standing ends now. The fact is written first, the leases are cut second; if the first fails, the second happens all the same.

use super::{
    Gateway,
    answers::{Blocker, CutSessionView, CutTransferView, Durable, Listing, Receipt},
    asked::Scope as Asked,
    core::Stopped,
    desk::Desk,
    facts::{Facts, Source},
    lease::{Cut, Scope},
    outcome::{Fault, Refused},
    unfreeze::lift,
    vault::find,
};
use crate::domain::{
    authority::Act,
    event::{Actor, CutSession, Detail, Event, Fact, SessionEnd, Subject},
    ids::{SessionId, TicketId},
    limits,
    papers::Visitor,
    refusal::Refusal,
    signature::openssh_fingerprint,
};
use std::{collections::BTreeSet, time::Duration};

/// A cut session's task ends in milliseconds. One that has not by then is reported as it is: severed, nothing leaves it.
const ENDING: Duration = Duration::from_secs(10);

/// What was done, as the receipt says it.
#[derive(Clone, Copy)]
enum Means {
    Revoked,
    Frozen,
    /// A session, and no standing.
    Ended,
}

impl Means {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Revoked => "cut, and revoked for good: nothing of it is served or released from now on",
            Self::Frozen => {
                "stopped, over restarts too: no vendor logs in and nothing is released or served until the freeze is lifted"
            }
            Self::Ended => "cut; its vendor may log in again, for no standing was revoked",
        }
    }

    fn next(self) -> Vec<Blocker> {
        match self {
            Self::Revoked | Self::Ended => Vec::new(),
            Self::Frozen => vec![lift()],
        }
    }
}

/// What a revocation writes and what it cuts.
struct Ending {
    subject: Subject,
    event: Event,
    detail: Detail,
    scope: Scope,
}

impl Desk {
    /// Ends the standing of what `scope` names, durably and for good, and every session that rests on it.
    pub async fn revoke(&self, by: Actor, scope: Asked, reason: String) -> Result<Receipt, Refused> {
        let reason = super::reason("revoke", reason)?;
        let name = scope.to_string();
        let ending = self.look(|facts| {
            Act::Revoke.allowed(facts.person(by)?)?;
            ending(facts, &scope, reason)
        });
        self.end(by, name, ending?).await
    }

    /// Ends everything, until two people lift it.
    pub async fn freeze(&self, by: Actor, reason: String) -> Result<Receipt, Refused> {
        let detail = Detail::Reason { text: super::reason("freeze", reason)? };
        self.look(|facts| {
            Act::Freeze.allowed(facts.person(by)?)?;
            facts.house.is_frozen().map_err(|_| Refusal::FrozenAlready {}.into())
        })?;
        let ending = Ending { subject: Subject::House, event: Event::Frozen, detail, scope: Scope::Everything };
        self.end(by, "everything".into(), ending).await
    }

    /// Ends one session. Its vendor may log in again: this revokes nothing.
    pub async fn session_kill(&self, by: Actor, session: SessionId, reason: String) -> Result<Receipt, Refused> {
        let reason = super::reason("session kill", reason)?;
        self.look(|facts| Ok(Act::KillSession.allowed(facts.person(by)?)?))?;
        let clock = &self.gateway.core.clock;
        let started = clock.elapsed();
        let at = clock.now().to_string();
        let cut = self.gateway.core.leases.cut(&Scope::Session(session));
        if cut.sessions().is_empty() {
            return Err(Refusal::NoSuchSession { session: session.to_string() }.into());
        }
        let leaf = self.record_cut(by, Subject::Daemon, &cut, Some(reason)).await;
        self.wait_for(&cut).await;
        self.receipt((format!("session {session}"), &Scope::Session(session)), Means::Ended, leaf, at, &cut, started)
    }

    async fn end(&self, by: Actor, name: String, ending: Ending) -> Result<Receipt, Refused> {
        let core = &self.gateway.core;
        let (started, at) = (core.clock.elapsed(), core.clock.now().to_string());
        let Ending { subject, event, detail, scope } = ending;
        let means = if event == Event::Frozen { Means::Frozen } else { Means::Revoked };
        let cutting = core.cutting.lock().await;
        // 1. The fact. Every open that reads facts from here on refuses.
        let fact = self
            .act(move |core, tx| {
                Facts::read(core, &*tx)?.person(by)?;
                Ok(tx.append(Fact::new(by, subject, event).with(detail))?.index)
            })
            .await;
        let leaf = match fact {
            Ok(leaf) => Some(leaf),
            // A refusal that came up in between: nothing was recorded and nothing is cut.
            Err(refusal @ Refused::Refusal(_)) => return Err(refusal),
            Err(Refused::Fault(fault)) => {
                self.gateway.stop_everything(&fault);
                None
            }
        };
        // 2. The leases. Whoever opened before saw no fact, but has a lease that this finds.
        let cut = core.leases.cut(&scope);
        drop(cutting);
        core.nudge.files();
        // 3. Every affected session ends and records its end, then the receipt is recorded.
        self.wait_for(&cut).await;
        self.gateway.end_pulls_in(&scope).await;
        if leaf.is_some() {
            self.record_cut(by, subject, &cut, None).await;
        }
        self.receipt((name, &scope), means, leaf, at, &cut, started)
    }

    async fn wait_for(&self, cut: &Cut) {
        if tokio::time::timeout(ENDING, cut.ended()).await.is_err() {
            tracing::error!("a severed session has not ended; nothing leaves it");
        }
    }

    /// Records what was cut. The cut itself does not depend on it.
    async fn record_cut(&self, by: Actor, subject: Subject, cut: &Cut, reason: Option<String>) -> Option<u64> {
        let sessions = cut.sessions().to_vec();
        let event = Event::Cut { sessions: u32::try_from(sessions.len()).unwrap_or(u32::MAX) };
        let detail = Detail::Cut { sessions, reason: reason.unwrap_or_default() };
        let recorded = self.act(move |_, tx| Ok(tx.append(Fact::new(by, subject, event).with(detail))?.index)).await;
        recorded.inspect_err(|_| tracing::error!("a receipt could not be recorded")).ok()
    }

    fn receipt(
        &self,
        (scope, ended): (String, &Scope),
        means: Means,
        leaf: Option<u64>,
        at: String,
        cut: &Cut,
        started: Duration,
    ) -> Result<Receipt, Refused> {
        let took = self.gateway.core.clock.elapsed().saturating_sub(started);
        self.gateway.core.metrics.note_revocation(took);
        let durable = if leaf.is_some() { Durable::Yes } else { Durable::No };
        // Where the ledger cannot be read, ids stand for names: the receipt is given all the same.
        let cuts = || cut.sessions().iter().zip(cut.visitors());
        let named = self.look(|facts| cuts().map(|(cut, visitor)| view(facts, cut, visitor)).collect::<Result<Vec<_>, _>>());
        let sessions = named.unwrap_or_else(|_| cuts().map(|(cut, visitor)| bare(cut, visitor)).collect());
        Ok(Receipt {
            scope,
            means: means.sentence().into(),
            durable,
            leaf,
            at,
            sessions: Listing::of(sessions),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            fallbacks: self.look(|facts| fallbacks(facts, ended)).unwrap_or_default(),
            next: means.next(),
        })
    }
}

/// What the tickets that stop by it said they would do then.
fn fallbacks<S: Source>(facts: &Facts<'_, S>, ended: &Scope) -> Result<Vec<String>, Refused> {
    let tickets = match ended {
        Scope::Ticket(id) => vec![*id],
        Scope::Delivery(id) => vec![facts.delivery(*id)?.ticket],
        Scope::File(id) => facts.file(*id)?.ticket.into_iter().collect(),
        Scope::Vendor(id) => facts.find(|conn| find::tickets_of(conn, *id))?,
        Scope::Key(key) => match facts.vendor_with(*key)? {
            Some(vendor) => facts.find(|conn| find::tickets_of(conn, vendor.id))?,
            None => Vec::new(),
        },
        Scope::Session(_) | Scope::Network(_) | Scope::Class(_) | Scope::Everything => Vec::new(),
    };
    let said = |id: TicketId| {
        let ticket = facts.ticket(id)?;
        let said = format!("{}: {}", ticket.number, ticket.document().at_vendor.backup);
        Ok(ticket.is_activated().then_some(said))
    };
    let open: BTreeSet<TicketId> = facts.source().courses(|courses| courses.open().into_iter().collect());
    // What this very revocation ended is open no more.
    let concerned = tickets.into_iter().filter(|id| open.contains(id) || matches!(ended, Scope::Ticket(_)));
    concerned.map(said).filter_map(Result::transpose).take(limits::NAMED_ONE_BY_ONE).collect()
}

fn view<S: Source>(facts: &Facts<'_, S>, cut: &CutSession, visitor: &Visitor) -> Result<CutSessionView, Refused> {
    let mut view = bare(cut, visitor);
    view.vendor = facts.vendor(visitor.vendor)?.slug.clone();
    for (shown, transfer) in view.transfers.iter_mut().zip(&cut.transfers) {
        let records = facts.source().chain(Subject::Transfer(transfer.transfer))?;
        if let Some(Event::TransferBegun { ticket, delivery, item, .. }) = records.first().map(|record| &record.event) {
            shown.path = super::show::path(facts, *ticket, *delivery, item)?;
        }
    }
    Ok(view)
}

/// What is known of a cut session without asking the ledger.
fn bare(cut: &CutSession, visitor: &Visitor) -> CutSessionView {
    let transfers = cut.transfers.iter().map(|transfer| CutTransferView {
        path: transfer.transfer.to_string(),
        last_offset: transfer.last_offset,
        bytes: transfer.bytes,
    });
    CutSessionView {
        session: cut.session,
        vendor: super::show::unknown(),
        address: visitor.address.to_string(),
        transfers: transfers.collect(),
    }
}

/// What `asked` ends, if it exists and has not ended already.
fn ending<S: Source>(facts: &Facts<'_, S>, asked: &Asked, reason: String) -> Result<Ending, Refused> {
    let already = || {
        let history = match asked {
            Asked::Address(_) | Asked::Class(_) => "audit tail".to_owned(),
            named => format!("explain {}", named.id()),
        };
        Refused::from(Refusal::RevokedAlready { scope: asked.to_string(), history })
    };
    let why = Detail::Reason { text: reason.clone() };
    let (subject, event, detail, scope, ended) = match asked {
        Asked::Vendor(slug) => {
            let vendor = facts.vendor_on_record(slug)?;
            (Subject::Vendor(vendor.id), Event::VendorRevoked, why, Scope::Vendor(vendor.id), vendor.revoked.is_some())
        }
        Asked::Key(key) => {
            // A staff key's holder does nothing more from now on, and none of their votes and acceptances counts.
            if !facts.is_key_on_record(*key)? {
                return Err(Refusal::NoSuchKey { key: openssh_fingerprint(*key) }.into());
            }
            let ended = facts.house.revoked_keys().contains_key(key);
            (Subject::House, Event::KeyRevoked { key: *key }, why, Scope::Key(*key), ended)
        }
        Asked::Ticket(number) => {
            let ticket = facts.ticket_on_record(*number)?;
            let vendor = facts.vendor(ticket.vendor)?;
            let state = ticket.state(&facts.around(&vendor));
            if state.is_terminal() && ticket.revoked.is_none() {
                return Err(Refusal::TicketEnded { ticket: number.to_string(), state: state.name().into() }.into());
            }
            (Subject::Ticket(ticket.id), Event::TicketRevoked, why, Scope::Ticket(ticket.id), ticket.revoked.is_some())
        }
        Asked::Delivery(path) => {
            let ticket = facts.ticket_on_record(path.ticket)?;
            let missing = || Refusal::NoSuchDelivery { delivery: path.to_string() };
            let delivery = facts.delivery_numbered(&ticket, path.number)?.ok_or_else(missing)?;
            let (id, ended) = (delivery.id, delivery.revoked.is_some());
            (Subject::Delivery(id), Event::DeliveryRevoked, why, Scope::Delivery(id), ended)
        }
        Asked::File(id) => {
            let ended = facts.file(*id)?.revoked.is_some();
            (Subject::File(*id), Event::FileRevoked, why, Scope::File(*id), ended)
        }
        Asked::Address(network) => {
            let ended = facts.house.revoked_networks().any(|revoked| revoked == *network);
            let detail = Detail::Address { network: network.to_string(), reason };
            (Subject::House, Event::AddressRevoked, detail, Scope::Network(*network), ended)
        }
        Asked::Class(class) => {
            if facts.policy.class(class).is_none() {
                return Err(Refusal::BadScope { text: format!("the policy knows no class {class}") }.into());
            }
            let ended = facts.house.class_revoked(class);
            (Subject::House, Event::ClassRevoked { class: class.clone() }, why, Scope::Class(class.clone()), ended)
        }
    };
    if ended { Err(already()) } else { Ok(Ending { subject, event, detail, scope }) }
}

impl Gateway {
    /// The fact could not be made durable: every open is refused from now on, and the file outside the ledger says so to the next start.
    pub(super) fn stop_everything(&self, fault: &Fault) {
        self.core.set_stopped_by_file(Stopped::Yes);
        tracing::error!(%fault, "a revocation could not be recorded: everything is refused");
        if let Err(fault) = self.freeze_file.write() {
            tracing::error!(%fault, "the freeze file could not be written either: do not restart before the disk is mended");
        }
    }
}

impl Desk {
    /// After an act that may have ended a standing: whatever rests on it is cut, by the same look that runs every moment.
    pub(super) async fn cut_what_no_longer_stands(&self) {
        self.gateway.cut_what_no_longer_stands().await;
    }
}

impl Gateway {
    /// Looks at every live session and cuts those whose standing has ended: expiry, suspension, withdrawal, a stricter policy.
    pub(super) async fn cut_what_no_longer_stands(&self) {
        let cutting = self.core.cutting.lock().await;
        self.cut_fallen(cutting).await;
    }

    /// The same by whoever has kept others from cutting since the fact that ends a standing.
    pub(super) async fn cut_fallen(&self, cutting: tokio::sync::MutexGuard<'_, ()>) {
        let fallen: Vec<SessionId> = {
            let live = self.core.leases.live();
            live.into_iter().filter(|session| !self.still_stands(session)).map(|session| session.session).collect()
        };
        // All of them first: nobody's end waits for another's.
        let cuts: Vec<Cut> = fallen.iter().map(|session| self.core.leases.cut(&Scope::Session(*session))).collect();
        drop(cutting);
        let sessions: Vec<CutSession> = cuts.iter().flat_map(|cut| cut.sessions().to_vec()).collect();
        if sessions.is_empty() {
            return;
        }
        let event = Event::Cut { sessions: u32::try_from(sessions.len()).unwrap_or(u32::MAX) };
        let detail = Detail::Cut { sessions, reason: "what it rested on has ended".into() };
        let recorded = self
            .write(move |_, tx| {
                tx.append(Fact::new(Actor::System, Subject::Daemon, event).with(detail))?;
                Ok(())
            })
            .await;
        if recorded.is_err() {
            tracing::error!("a cut could not be recorded");
        }
    }

    /// A session that cannot be judged does not stand.
    fn still_stands(&self, session: &super::lease::LiveSession) -> bool {
        let judged = self.look(|facts| {
            let visitor = &session.visitor;
            facts.house.admits(visitor.address)?;
            facts.vendor(visitor.vendor)?.admits(visitor.credential, visitor.address, &facts.roster, facts.now)?;
            for (_, holding, ..) in &session.transfers {
                let (ticket, delivery) = (facts.ticket(holding.ticket)?, facts.delivery(holding.delivery)?);
                super::pickup::shown(facts, visitor, ticket.number, delivery.number)?;
            }
            Ok(())
        });
        judged.is_ok()
    }
}

/// Ends in the log what a crash left open.
pub(super) fn interrupted(subject: Subject) -> Option<Event> {
    match subject {
        Subject::Session(_) => Some(Event::SessionClosed { how: SessionEnd::Interrupted, denied: 0 }),
        Subject::Transfer(_) => {
            // Whoever counted what was served is gone, with what was counted.
            Some(Event::TransferEnded { how: crate::domain::event::TransferEnd::Interrupted, bytes: None, ranges: None })
        }
        _ => None,
    }
}
