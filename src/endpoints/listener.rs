//! The accept loop of a vendors' listener: how many may come to all of them, how many strangers at once, and that all are seen out.

use super::stream::RevocableStream;
use crate::domain::limits;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Whether the daemon still takes new work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Running {
    Serving,
    /// Sessions end as soon as their transfers have, and after [`limits::DRAIN`] all the same.
    Draining,
}

/// Waits until the daemon drains, or is gone.
pub async fn draining(running: &mut watch::Receiver<Running>) {
    let _ = running.wait_for(|now| *now == Running::Draining).await;
}

/// A connection that was accepted and not yet said a word.
pub struct Arrival {
    pub stream: RevocableStream,
    pub address: IpAddr,
    /// Counts the connection among the strangers until it is dropped: at login, or with the connection.
    pub stranger: Stranger,
    pub running: watch::Receiver<Running>,
}

/// Where vendors come in.
pub struct Entrance {
    pub listener: TcpListener,
    /// Shared by all vendors' listeners: who is turned away at one door finds no more room at another.
    pub places: Places,
    pub running: watch::Receiver<Running>,
}

/// Accepts until `running` says otherwise, then waits for every session to end.
///
/// `attend` sees one connection through; its tasks are owned here and awaited. `turned_away` hears of each connection
/// that came above a cap. A panic in a session ends that session.
pub async fn run<A, F>(entrance: Entrance, turned_away: impl Fn(IpAddr), attend: A)
where
    A: Fn(Arrival) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let Entrance { listener, places, running } = entrance;
    let mut sessions = JoinSet::new();
    let mut stop = running.clone();
    loop {
        tokio::select! {
            biased;
            () = draining(&mut stop) => break,
            Some(ended) = sessions.join_next() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    let address = peer.ip().to_canonical();
                    match admit(socket, address, &places) {
                        Some((stream, place, stranger)) => {
                            let session = attend(Arrival { stream, address, stranger, running: running.clone() });
                            sessions.spawn(async move {
                                let _place = place;
                                session.await;
                            });
                        }
                        None => turned_away(address),
                    }
                }
                Err(error) => pause(&error).await,
            },
        }
    }
    drop(listener);
    while let Some(ended) = sessions.join_next().await {
        report(ended);
    }
}

fn admit(socket: TcpStream, address: IpAddr, places: &Places) -> Option<(RevocableStream, Place, Stranger)> {
    let (place, stranger) = places.admit(address)?;
    Some((RevocableStream::new(socket).ok()?, place, stranger))
}

/// A connection that was reset before it was accepted is its peer's matter. Everything else (EMFILE, ENFILE, ENOBUFS …)
/// passes only when descriptors or memory come back: accepting pauses, the sessions live on.
async fn pause(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "cannot accept connections, trying again");
        tokio::time::sleep(limits::ACCEPT_PAUSE).await;
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err() {
        tracing::error!("a session's task panicked: one session ended");
    }
}

/// The connections of all vendors' listeners: how many there are, and how many of them have not logged in, in total and by address.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    connections: usize,
    strangers: usize,
    by_origin: HashMap<IpAddr, usize>,
}

// However many strangers come, the other places are for peers that have logged in.
const _: () = assert!(limits::UNAUTHENTICATED_CONNECTIONS < limits::VENDOR_CONNECTIONS);

/// A connection's, for as long as anything of it is there.
struct Place {
    places: Places,
}

pub struct Stranger {
    places: Places,
    origin: IpAddr,
}

impl Places {
    fn admit(&self, address: IpAddr) -> Option<(Place, Stranger)> {
        let origin = origin(address);
        let mut counts = self.counts();
        let here = counts.by_origin.get(&origin).copied().unwrap_or(0);
        if counts.connections >= limits::VENDOR_CONNECTIONS
            || counts.strangers >= limits::UNAUTHENTICATED_CONNECTIONS
            || here >= limits::UNAUTHENTICATED_PER_ADDRESS
        {
            return None;
        }
        counts.connections += 1;
        counts.strangers += 1;
        counts.by_origin.insert(origin, here + 1);
        Some((Place { places: self.clone() }, Stranger { places: self.clone(), origin }))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.counts().connections -= 1;
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut counts = self.places.counts();
        counts.strangers -= 1;
        if let Some(here) = counts.by_origin.get_mut(&self.origin) {
            *here -= 1;
            if *here == 0 {
                counts.by_origin.remove(&self.origin);
            }
        }
    }
}

/// Who an address stands for: an IPv6 host commands its whole /64.
fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// One stranger from each of the first addresses of a network, until somebody is turned away.
    fn crowd(places: &Places, network: &str) -> Vec<(Place, Stranger)> {
        (0..256).map_while(|n| places.admit(address(&format!("{network}.{n}")))).collect()
    }

    #[test]
    fn strangers_are_counted_by_address_and_in_total_until_they_go() {
        let places = Places::default();
        let mut held: Vec<_> =
            (0..limits::UNAUTHENTICATED_PER_ADDRESS).map(|_| places.admit(address("192.0.2.1")).unwrap()).collect();
        assert!(places.admit(address("192.0.2.1")).is_none());
        assert!(places.admit(address("::ffff:192.0.2.1")).is_none(), "the same address in other clothes");
        held.pop();
        held.push(places.admit(address("192.0.2.1")).unwrap());
        held.extend(crowd(&places, "198.51.100"));
        assert_eq!(held.len(), limits::UNAUTHENTICATED_CONNECTIONS);
        drop(held);
        let counts = places.counts();
        assert_eq!((counts.connections, counts.strangers), (0, 0));
        assert!(counts.by_origin.is_empty());
    }

    #[test]
    fn strangers_leave_places_to_those_who_have_logged_in_and_all_of_them_together_are_bounded() {
        let places = Places::default();
        let log_in = |(place, stranger): (Place, Stranger)| {
            drop(stranger);
            place
        };
        let mut logged_in = Vec::new();
        let mut strangers = crowd(&places, "198.51.100");
        assert_eq!(strangers.len(), limits::UNAUTHENTICATED_CONNECTIONS);
        // As many strangers as there may be are there all the time; those who log in go on to come.
        for n in (0..256).cycle() {
            logged_in.push(log_in(strangers.remove(0)));
            match places.admit(address(&format!("203.0.113.{n}"))) {
                Some(next) => strangers.push(next),
                None => break,
            }
        }
        assert_eq!(places.counts().connections, limits::VENDOR_CONNECTIONS);
        assert!(logged_in.len() > limits::VENDOR_CONNECTIONS - limits::UNAUTHENTICATED_CONNECTIONS);
        logged_in.extend(strangers.pop().map(log_in));
        assert!(places.admit(address("192.0.2.1")).is_none(), "there is no place for one more");
        logged_in.pop();
        assert!(places.admit(address("192.0.2.1")).is_some());
    }

    #[test]
    fn an_ipv6_host_cannot_be_many_strangers() {
        let places = Places::default();
        let held: Vec<_> = (0..1000).map_while(|n| places.admit(address(&format!("2001:db8::{n:x}")))).collect();
        assert_eq!(held.len(), limits::UNAUTHENTICATED_PER_ADDRESS);
        assert!(places.admit(address("2001:db8:0:1::1")).is_some());
    }

    #[tokio::test]
    async fn strangers_at_one_door_are_counted_at_the_other() {
        let (_tell, running) = watch::channel(Running::Serving);
        let places = Places::default();
        let mut doors = JoinSet::new();
        let mut at = Vec::new();
        for _ in 0..2 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            at.push(listener.local_addr().unwrap());
            let entrance = Entrance { listener, places: places.clone(), running: running.clone() };
            let attend = |Arrival { mut stream, stranger, .. }: Arrival| async move {
                let _ = stream.read_u8().await;
                drop(stranger);
            };
            doors.spawn(run(entrance, |_| (), attend));
        }
        let mut clients = Vec::new();
        for n in 0..limits::UNAUTHENTICATED_PER_ADDRESS {
            clients.push(TcpStream::connect(at[n % 2]).await.unwrap());
        }
        until(|| places.counts().strangers == limits::UNAUTHENTICATED_PER_ADDRESS).await;
        for door in &at {
            let mut one_too_many = TcpStream::connect(door).await.unwrap();
            assert_eq!(one_too_many.read(&mut [0]).await.unwrap_or(0), 0);
        }
        clients.pop();
        until(|| places.counts().strangers < limits::UNAUTHENTICATED_PER_ADDRESS).await;
        let _welcome = TcpStream::connect(at[0]).await.unwrap();
        until(|| places.counts().strangers == limits::UNAUTHENTICATED_PER_ADDRESS).await;
    }

    async fn until(reached: impl Fn() -> bool) {
        for _ in 0..500 {
            if reached() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("five seconds have passed");
    }

    #[tokio::test]
    async fn one_too_many_is_turned_away_a_panic_ends_one_session_and_a_drain_waits_for_all() {
        const MANY: usize = limits::UNAUTHENTICATED_PER_ADDRESS;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let (tell, running) = watch::channel(Running::Serving);
        let [away, begun, ended] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let (turned, started, over) = (away.clone(), begun.clone(), ended.clone());
        let attend = move |arrival: Arrival| {
            let (started, over) = (started.clone(), over.clone());
            async move {
                started.fetch_add(1, Ordering::SeqCst);
                let Arrival { mut stream, stranger, .. } = arrival;
                assert_ne!(stream.read_u8().await.ok(), Some(b'p'), "as asked");
                over.fetch_add(1, Ordering::SeqCst);
                drop(stranger);
            }
        };
        let turned_away = move |_| {
            turned.fetch_add(1, Ordering::SeqCst);
        };
        let mut task = JoinSet::new();
        let entrance = Entrance { listener, places: Places::default(), running };
        task.spawn(async move { run(entrance, turned_away, attend).await });
        let mut clients = Vec::new();
        for _ in 0..MANY {
            clients.push(TcpStream::connect(to).await.unwrap());
        }
        let mut one_too_many = TcpStream::connect(to).await.unwrap();
        assert_eq!(one_too_many.read(&mut [0]).await.unwrap_or(0), 0);
        assert_eq!(away.load(Ordering::SeqCst), 1);

        clients[0].write_all(b"p").await.unwrap();
        assert_eq!(clients[0].read(&mut [0]).await.unwrap_or(0), 0, "its session is over");
        clients.push(TcpStream::connect(to).await.unwrap());
        until(|| begun.load(Ordering::SeqCst) == MANY + 1).await;

        tell.send(Running::Draining).unwrap();
        until(|| std::net::TcpStream::connect(to).is_err()).await;
        assert!(task.try_join_next().is_none(), "sessions are still there");
        drop(clients);
        task.join_next().await.unwrap().unwrap();
        assert_eq!(ended.load(Ordering::SeqCst), MANY, "all but the one that panicked");
    }
}
