//! Leases: what every open door is held by, so that a revocation can close it.
//!
//! The order is the proof. Whoever opens takes the lease first and reads the facts second; whoever revokes writes the fact
//! first and cuts the leases second. Then either the opener sees the fact or the revoker sees the lease; each other order
//! has an interleaving in which neither does.

use crate::domain::{
    digest::Digest,
    event::{CutSession, CutTransfer, Item},
    ids::{DeliveryId, FileId, SessionId, Slug, TicketId, TransferId, VendorId},
    limits,
    network::Network,
    papers::Visitor,
    refusal::Refusal,
    time::Time,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::Notify;

/// What the gateway pulls to end a connection. Implemented by the endpoint that owns the socket.
pub trait Severable: Send + Sync {
    /// Ends the connection now: nothing that is queued leaves, whoever waits on it wakes. Must not block.
    fn sever(&self);
}

/// What a cut reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    Everything,
    Vendor(VendorId),
    /// A login key, or a key that files were sealed to.
    Key(Digest),
    Network(Network),
    Ticket(TicketId),
    Delivery(DeliveryId),
    File(FileId),
    Class(Slug),
    Session(SessionId),
}

impl Scope {
    /// Whether it reaches this visitor, whatever they read.
    pub fn names_visitor(&self, visitor: &Visitor) -> bool {
        match self {
            Self::Everything => true,
            Self::Vendor(vendor) => visitor.vendor == *vendor,
            Self::Key(key) => visitor.key() == *key,
            Self::Network(network) => network.contains(visitor.address),
            Self::Ticket(_) | Self::Delivery(_) | Self::File(_) | Self::Class(_) | Self::Session(_) => false,
        }
    }

    /// Whether it reaches whoever reads this.
    pub fn names_reading(&self, holding: &Holding) -> bool {
        match self {
            Self::Everything => true,
            Self::Key(key) => holding.recipients.contains(key),
            Self::Ticket(ticket) => holding.ticket == *ticket,
            Self::Delivery(delivery) => holding.delivery == *delivery,
            Self::File(file) => holding.file == Some(*file),
            Self::Class(class) => holding.classes.contains(class),
            Self::Vendor(_) | Self::Network(_) | Self::Session(_) => false,
        }
    }
}

/// What a session is reading, for a scope to match.
#[derive(Clone, Debug)]
pub struct Holding {
    pub ticket: TicketId,
    pub delivery: DeliveryId,
    /// Absent while it reads a manifest.
    pub file: Option<FileId>,
    pub classes: Vec<Slug>,
    pub recipients: Vec<Digest>,
}

/// How far one transfer has got. Raised before the bytes are handed out, so a receipt is never short.
#[derive(Default, Debug)]
pub struct Progress {
    last_offset: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    pub fn raise(&self, offset: u64, bytes: u64) {
        self.last_offset.fetch_max(offset + bytes, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    pub fn last_offset(&self) -> u64 {
        self.last_offset.load(Ordering::SeqCst)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

struct Held {
    holding: Holding,
    transfer: Option<TransferId>,
    progress: Arc<Progress>,
}

struct Seat {
    session: SessionId,
    visitor: Visitor,
    since: Time,
    cut: AtomicBool,
    switch: Arc<dyn Severable>,
    held: Mutex<HashMap<u64, Held>>,
    next: AtomicU64,
    /// How often each item was begun, and the codes that were refused: what bounds this session's records.
    begun: Mutex<HashMap<Item, u32>>,
    refused: Mutex<BTreeSet<u16>>,
    /// The shared transfers in which this session is on record.
    joined: Mutex<BTreeSet<TransferId>>,
    ended: Notify,
    has_ended: AtomicBool,
}

/// A lock whose holder panicked guards plain data that every writer leaves whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seat {
    fn matches(&self, scope: &Scope) -> bool {
        *scope == Scope::Session(self.session)
            || scope.names_visitor(&self.visitor)
            || lock(&self.held).values().any(|held| scope.names_reading(&held.holding))
    }

    fn receipt(&self) -> CutSession {
        let held = lock(&self.held);
        let mut transfers: Vec<CutTransfer> = held
            .values()
            .filter_map(|held| {
                let (last_offset, bytes) = (held.progress.last_offset(), held.progress.bytes());
                held.transfer.map(|transfer| CutTransfer { transfer, last_offset, bytes })
            })
            .collect();
        transfers.sort_by_key(|transfer| transfer.transfer);
        CutSession { session: self.session, transfers }
    }
}

/// All the leases that live.
#[derive(Clone, Default)]
pub struct LeaseBook {
    seats: Arc<Mutex<HashMap<SessionId, Arc<Seat>>>>,
}

/// One connection's lease. The connection has ended when it is dropped.
pub struct Lease {
    seat: Arc<Seat>,
    book: LeaseBook,
}

/// A session as `session list` shows it.
#[derive(Clone, Debug)]
pub struct LiveSession {
    pub session: SessionId,
    pub visitor: Visitor,
    pub since: Time,
    pub transfers: Vec<(TransferId, Holding, u64, u64)>,
}

impl LeaseBook {
    /// Takes a lease. Facts are read after this, never before.
    pub fn take(&self, session: SessionId, visitor: Visitor, since: Time, switch: Arc<dyn Severable>) -> Lease {
        let seat = Arc::new(Seat {
            session,
            visitor,
            since,
            cut: AtomicBool::new(false),
            switch,
            held: Mutex::default(),
            next: AtomicU64::new(0),
            begun: Mutex::default(),
            refused: Mutex::default(),
            joined: Mutex::default(),
            ended: Notify::new(),
            has_ended: AtomicBool::new(false),
        });
        lock(&self.seats).insert(session, Arc::clone(&seat));
        Lease { seat, book: self.clone() }
    }

    /// Cuts every session in `scope`. The fact that ends its standing has been written, or could not be.
    pub fn cut(&self, scope: &Scope) -> Cut {
        let seats: Vec<Arc<Seat>> = lock(&self.seats).values().filter(|seat| seat.matches(scope)).cloned().collect();
        for seat in &seats {
            seat.cut.store(true, Ordering::SeqCst);
        }
        for seat in &seats {
            seat.switch.sever();
        }
        // From here on every read_at that has not yet handed out its bytes refuses, so receipts cannot grow stale.
        let sessions = seats.iter().map(|seat| seat.receipt()).collect();
        Cut { seats, sessions }
    }

    pub fn live(&self) -> Vec<LiveSession> {
        let seats: Vec<Arc<Seat>> = lock(&self.seats).values().cloned().collect();
        let mut live: Vec<LiveSession> = seats
            .iter()
            .map(|seat| {
                let held = lock(&seat.held);
                let reading = |held: &Held| {
                    let progress = (held.progress.last_offset(), held.progress.bytes());
                    Some((held.transfer?, held.holding.clone(), progress.0, progress.1))
                };
                let transfers = held.values().filter_map(reading).collect();
                LiveSession { session: seat.session, visitor: seat.visitor, since: seat.since, transfers }
            })
            .collect();
        live.sort_by_key(|session| session.since);
        live
    }

    /// Live sessions of one vendor.
    pub fn of_vendor(&self, vendor: VendorId) -> usize {
        lock(&self.seats).values().filter(|seat| seat.visitor.vendor == vendor).count()
    }

    pub fn len(&self) -> usize {
        lock(&self.seats).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Sessions that were cut and may still be winding up.
pub struct Cut {
    seats: Vec<Arc<Seat>>,
    sessions: Vec<CutSession>,
}

impl Cut {
    pub fn sessions(&self) -> &[CutSession] {
        &self.sessions
    }

    /// The visitors of [`Cut::sessions`], in the same order.
    pub fn visitors(&self) -> impl Iterator<Item = &Visitor> {
        self.seats.iter().map(|seat| &seat.visitor)
    }

    /// Returns when every one of them has ended: its task is done, its end is recorded.
    pub async fn ended(&self) {
        for seat in &self.seats {
            loop {
                let ended = seat.ended.notified();
                if seat.has_ended.load(Ordering::SeqCst) {
                    break;
                }
                ended.await;
            }
        }
    }
}

impl Lease {
    pub fn is_cut(&self) -> bool {
        self.seat.cut.load(Ordering::SeqCst)
    }

    pub fn session(&self) -> SessionId {
        self.seat.session
    }

    pub fn visitor(&self) -> &Visitor {
        &self.seat.visitor
    }

    /// Counts a beginning; refuses the one too many of the same item in this session. Whoever needs more logs in again.
    pub fn count_beginning(&self, item: Item) -> Result<(), Refusal> {
        let mut begun = lock(&self.seat.begun);
        let count = begun.entry(item).or_insert(0);
        if *count >= limits::BEGINNINGS_PER_ITEM {
            return Err(Refusal::TooManyBeginnings { most: limits::BEGINNINGS_PER_ITEM });
        }
        *count += 1;
        Ok(())
    }

    /// Whether this session is refused with this code for the first time: that goes on record, the rest is counted.
    pub fn is_first_refusal(&self, code: u16) -> bool {
        lock(&self.seat.refused).insert(code)
    }

    /// Whether the log says durably that this session reads in a shared transfer.
    pub fn is_on_record_in(&self, transfer: TransferId) -> bool {
        lock(&self.seat.joined).contains(&transfer)
    }

    pub fn put_on_record_in(&self, transfer: TransferId) {
        lock(&self.seat.joined).insert(transfer);
    }

    /// Notes what is about to be read. The facts about it are read after this, never before.
    pub fn hold(self: &Arc<Self>, holding: Holding) -> Hold {
        let key = self.seat.next.fetch_add(1, Ordering::SeqCst);
        let progress = Arc::new(Progress::default());
        let held = Held { holding: holding.clone(), transfer: None, progress: Arc::clone(&progress) };
        lock(&self.seat.held).insert(key, held);
        Hold { lease: Arc::clone(self), key, holding, progress }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.book.seats).remove(&self.seat.session);
        self.seat.has_ended.store(true, Ordering::SeqCst);
        self.seat.ended.notify_waiters();
    }
}

/// One thing being read under a lease.
pub struct Hold {
    lease: Arc<Lease>,
    key: u64,
    holding: Holding,
    progress: Arc<Progress>,
}

impl Hold {
    pub fn is_cut(&self) -> bool {
        self.lease.is_cut()
    }

    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    pub fn holding(&self) -> &Holding {
        &self.holding
    }

    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The durable transfer that this has become.
    pub fn begin(&self, transfer: TransferId) {
        if let Some(held) = lock(&self.lease.seat.held).get_mut(&self.key) {
            held.transfer = Some(transfer);
        }
    }
}

impl Drop for Hold {
    /// What a cut ended stays until the session has: its receipt may not have been written yet.
    fn drop(&mut self) {
        let mut held = lock(&self.lease.seat.held);
        if !self.lease.is_cut() {
            held.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credential::Credential;
    use std::net::{IpAddr, Ipv4Addr};
    use uuid::Uuid;

    #[derive(Default)]
    struct Plug(AtomicBool);

    impl Severable for Plug {
        fn sever(&self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn visitor(vendor: u128) -> Visitor {
        Visitor {
            vendor: VendorId::from_uuid(Uuid::from_u128(vendor)),
            credential: Credential::SshKey(Digest::of(b"key")),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    fn session(n: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(n))
    }

    fn holding(ticket: u128) -> Holding {
        Holding {
            ticket: TicketId::from_uuid(Uuid::from_u128(ticket)),
            delivery: DeliveryId::from_uuid(Uuid::from_u128(1)),
            file: None,
            classes: vec!["health".parse().unwrap()],
            recipients: vec![Digest::of(b"recipient")],
        }
    }

    #[test]
    fn each_scope_cuts_what_it_names_and_nothing_else() {
        let book = LeaseBook::default();
        let plugs = [Arc::new(Plug::default()), Arc::new(Plug::default())];
        let reading = Arc::new(book.take(session(1), visitor(1), Time::from_micros(0), plugs[0].clone()));
        let _idle = book.take(session(2), visitor(2), Time::from_micros(0), plugs[1].clone());
        let _hold = reading.hold(holding(7));
        let hits = |scope: Scope| book.cut(&scope).sessions().iter().map(|cut| cut.session).collect::<Vec<_>>();
        assert_eq!(hits(Scope::Ticket(TicketId::from_uuid(Uuid::from_u128(8)))), []);
        assert!(!reading.is_cut());
        assert_eq!(hits(Scope::Ticket(TicketId::from_uuid(Uuid::from_u128(7)))), [session(1)]);
        assert!(reading.is_cut() && plugs[0].0.load(Ordering::SeqCst) && !plugs[1].0.load(Ordering::SeqCst));
        assert_eq!(hits(Scope::Vendor(visitor(2).vendor)), [session(2)]);
        assert_eq!(hits(Scope::Class("health".parse().unwrap())), [session(1)]);
        assert_eq!(hits(Scope::Key(Digest::of(b"recipient"))), [session(1)]);
        assert_eq!(hits(Scope::Everything).len(), 2);
    }

    #[test]
    fn a_receipt_names_the_furthest_byte_of_every_open_transfer() {
        let book = LeaseBook::default();
        let lease = Arc::new(book.take(session(1), visitor(1), Time::from_micros(0), Arc::new(Plug::default())));
        let hold = lease.hold(holding(1));
        let transfer = TransferId::from_uuid(Uuid::from_u128(9));
        hold.begin(transfer);
        hold.progress().raise(1_000, 24);
        hold.progress().raise(0, 10);
        let cut = book.cut(&Scope::Everything);
        assert_eq!(cut.sessions()[0].transfers, [CutTransfer { transfer, last_offset: 1_024, bytes: 34 }]);
    }

    /// A session that notices the cut at once, and is done before the receipt is written.
    #[derive(Default)]
    struct Quick(Mutex<Option<Hold>>);

    impl Severable for Quick {
        fn sever(&self) {
            drop(lock(&self.0).take());
        }
    }

    #[test]
    fn a_transfer_that_a_cut_has_ended_already_is_on_the_receipt() {
        let book = LeaseBook::default();
        let quick = Arc::new(Quick::default());
        let lease = Arc::new(book.take(session(1), visitor(1), Time::from_micros(0), quick.clone()));
        let transfer = TransferId::from_uuid(Uuid::from_u128(9));
        drop(lease.hold(holding(1)));
        let hold = lease.hold(holding(1));
        hold.begin(transfer);
        hold.progress().raise(0, 10);
        *lock(&quick.0) = Some(hold);
        let cut = book.cut(&Scope::Everything);
        assert_eq!(cut.sessions()[0].transfers, [CutTransfer { transfer, last_offset: 10, bytes: 10 }]);
    }

    #[tokio::test]
    async fn a_cut_has_ended_when_the_last_lease_is_dropped() {
        let book = LeaseBook::default();
        let lease = book.take(session(1), visitor(1), Time::from_micros(0), Arc::new(Plug::default()));
        let cut = book.cut(&Scope::Everything);
        let ended = cut.ended();
        tokio::pin!(ended);
        assert!(futures_poll(&mut ended).is_none());
        drop(lease);
        ended.await;
        assert!(book.is_empty());
    }

    fn futures_poll<F: Future>(future: &mut std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }

    /// Every interleaving of one who opens with one who revokes: whoever was admitted is cut once the revocation has returned.
    fn every_interleaving(open: fn(&LeaseBook, &shuttle::sync::atomic::AtomicBool) -> (Lease, bool)) {
        shuttle::check_dfs(
            move || {
                let book = LeaseBook::default();
                let revoked = shuttle::sync::Arc::new(shuttle::sync::atomic::AtomicBool::new(false));
                let (opener_book, opener_fact) = (book.clone(), revoked.clone());
                let opener = shuttle::thread::spawn(move || open(&opener_book, &opener_fact));
                revoked.store(true, Ordering::SeqCst);
                shuttle::thread::yield_now();
                let _cut = book.cut(&Scope::Everything);
                let (lease, admitted) = opener.join().expect("the opener does not panic");
                assert!(!admitted || lease.is_cut());
            },
            None,
        );
    }

    fn take(book: &LeaseBook) -> Lease {
        book.take(session(1), visitor(1), Time::from_micros(0), Arc::new(Plug::default()))
    }

    #[test]
    fn no_interleaving_of_open_and_revoke_lets_a_reader_go_on() {
        every_interleaving(|book, revoked| {
            let lease = take(book);
            shuttle::thread::yield_now();
            let admitted = !revoked.load(Ordering::SeqCst);
            shuttle::thread::yield_now();
            (lease, admitted)
        });
    }

    /// The other order leaks: this is what the rule is for.
    #[test]
    fn reading_the_facts_before_taking_the_lease_would_leak() {
        let leaks = std::panic::catch_unwind(|| {
            every_interleaving(|book, revoked| {
                let admitted = !revoked.load(Ordering::SeqCst);
                shuttle::thread::yield_now();
                (take(book), admitted)
            });
        });
        assert!(leaks.is_err());
    }
}
