//! The accept loop of a vendors' listener: how many may come, how many strangers at once, and that all are seen out.

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

/// Accepts until `running` says otherwise, then waits for every session to end.
///
/// `attend` sees one connection through; its tasks are owned here and awaited. `turned_away` hears of each connection
/// that came above a cap. A panic in a session ends that session.
pub async fn run<A, F>(listener: TcpListener, running: watch::Receiver<Running>, turned_away: impl Fn(IpAddr), attend: A)
where
    A: Fn(Arrival) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let strangers = Strangers::default();
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
                    match admit(socket, address, &strangers, sessions.len()) {
                        Some((stream, stranger)) => {
                            sessions.spawn(attend(Arrival { stream, address, stranger, running: running.clone() }));
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

fn admit(socket: TcpStream, address: IpAddr, strangers: &Strangers, sessions: usize) -> Option<(RevocableStream, Stranger)> {
    if sessions >= limits::VENDOR_CONNECTIONS {
        return None;
    }
    let stranger = strangers.admit(address)?;
    Some((RevocableStream::new(socket).ok()?, stranger))
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

/// The connections that have not logged in, in total and by address.
#[derive(Clone, Default)]
struct Strangers(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    total: usize,
    by_origin: HashMap<IpAddr, usize>,
}

pub struct Stranger {
    strangers: Strangers,
    origin: IpAddr,
}

impl Strangers {
    fn admit(&self, address: IpAddr) -> Option<Stranger> {
        let origin = origin(address);
        let mut counts = self.counts();
        let here = counts.by_origin.get(&origin).copied().unwrap_or(0);
        if counts.total >= limits::UNAUTHENTICATED_CONNECTIONS || here >= limits::UNAUTHENTICATED_PER_ADDRESS {
            return None;
        }
        counts.total += 1;
        counts.by_origin.insert(origin, here + 1);
        Some(Stranger { strangers: self.clone(), origin })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut counts = self.strangers.counts();
        counts.total -= 1;
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

    #[test]
    fn strangers_are_counted_by_address_and_in_total_until_they_go() {
        let strangers = Strangers::default();
        let mut held: Vec<_> =
            (0..limits::UNAUTHENTICATED_PER_ADDRESS).map(|_| strangers.admit(address("192.0.2.1")).unwrap()).collect();
        assert!(strangers.admit(address("192.0.2.1")).is_none());
        assert!(strangers.admit(address("::ffff:192.0.2.1")).is_none(), "the same address in other clothes");
        held.pop();
        held.push(strangers.admit(address("192.0.2.1")).unwrap());
        for n in 0.. {
            match strangers.admit(address(&format!("198.51.100.{n}"))) {
                Some(stranger) => held.push(stranger),
                None => break,
            }
        }
        assert_eq!(held.len(), limits::UNAUTHENTICATED_CONNECTIONS);
        drop(held);
        assert_eq!(strangers.counts().total, 0);
        assert!(strangers.counts().by_origin.is_empty());
    }

    #[test]
    fn an_ipv6_host_cannot_be_many_strangers() {
        let strangers = Strangers::default();
        let held: Vec<_> = (0..1000).map_while(|n| strangers.admit(address(&format!("2001:db8::{n:x}")))).collect();
        assert_eq!(held.len(), limits::UNAUTHENTICATED_PER_ADDRESS);
        assert!(strangers.admit(address("2001:db8:0:1::1")).is_some());
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
        task.spawn(async move { run(listener, running, turned_away, attend).await });
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
