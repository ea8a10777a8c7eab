//! The socket under a vendor's session, and the switch that ends it at once.

use crate::{domain::limits, gateway::Severable};
use std::{
    fmt,
    future::poll_fn,
    io::{self, ErrorKind},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// A TCP connection that fails in both directions from the instant its [`Switch`] is thrown.
///
/// A protocol library that owns this stream can be parked in a read, in a write, or queueing behind a peer that takes
/// nothing: it gets `ConnectionAborted` and has to end. Until [`Switch::admit`] it also ends a peer that sends more than
/// [`limits::UNAUTHENTICATED_BYTES`].
pub struct RevocableStream {
    shared: Arc<Shared>,
}

/// Ends its [`RevocableStream`]. It keeps the descriptor open, so whoever holds one has to let go of it after the session.
#[derive(Clone)]
pub struct Switch {
    shared: Arc<Shared>,
}

/// Severs when it goes, whatever way its owner ends.
pub struct SeverOnDrop(pub Switch);

impl Drop for SeverOnDrop {
    fn drop(&mut self) {
        self.0.sever();
    }
}

struct Shared {
    socket: TcpStream,
    severed: AtomicBool,
    /// Held while bytes are handed to the kernel: when `sever` has had it, no write is under way and none will begin.
    writer: Mutex<Option<Waker>>,
    reader: Mutex<Option<Waker>>,
    received: AtomicU64,
    sent: AtomicU64,
    /// What the peer may send in all.
    allowance: AtomicU64,
}

impl RevocableStream {
    /// Takes over an accepted connection. Fails when the peer has already reset it.
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        // Bounds what the kernel queues, and so what a cut has to discard. SO_SNDBUF would end its autotuning.
        socket2::SockRef::from(&socket).set_tcp_notsent_lowat(limits::UNSENT_BYTES)?;
        let shared = Shared {
            socket,
            severed: AtomicBool::new(false),
            writer: Mutex::new(None),
            reader: Mutex::new(None),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            allowance: AtomicU64::new(limits::UNAUTHENTICATED_BYTES),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub fn switch(&self) -> Switch {
        Switch { shared: self.shared.clone() }
    }
}

impl Switch {
    /// Lifts the allowance of a stranger: the peer has logged in.
    pub fn admit(&self) {
        self.shared.allowance.store(u64::MAX, Ordering::Relaxed);
    }

    pub fn is_severed(&self) -> bool {
        self.shared.severed.load(Ordering::SeqCst)
    }

    /// Bytes that the kernel took for sending, encryption and framing included.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Waits until the peer has ended its side, or the stream is severed. What the peer still says is thrown away: nobody
    /// else reads any more.
    pub async fn peer_has_left(&self) {
        let shared = &self.shared;
        let mut rest = [0; 1024];
        poll_fn(|cx| {
            loop {
                remember(&mut lock(&shared.reader), cx);
                if shared.alive().is_err() {
                    return Poll::Ready(());
                }
                match ready!(shared.socket.poll_read_ready(cx)).and_then(|()| shared.socket.try_read(&mut rest)) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Ok(0) | Err(_) => return Poll::Ready(()),
                }
            }
        })
        .await;
    }
}

impl Severable for Switch {
    fn sever(&self) {
        let shared = &self.shared;
        // 1. The flag, under the writer's lock: a write that saw it unset is over, every later one sees it set.
        let writer = {
            let mut writer = lock(&shared.writer);
            shared.severed.store(true, Ordering::SeqCst);
            writer.take()
        };
        // 2. The socket. Connecting it to AF_UNSPEC resets it and discards what the kernel had queued, even while other
        //    descriptors of it live. After shutdown(2) a stalled peer would still get all of that.
        if let Err(error) = rustix::net::connect_unspec(&shared.socket) {
            tracing::debug!(%error, "the connection was already gone");
        }
        // 3. Whoever waits: the flag is what they will see.
        let reader = lock(&shared.reader).take();
        for waker in [writer, reader].into_iter().flatten() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switch").field("severed", &self.is_severed()).finish_non_exhaustive()
    }
}

/// The locks guard a waker each; a panic while one is held leaves nothing half done.
fn lock(waker: &Mutex<Option<Waker>>) -> MutexGuard<'_, Option<Waker>> {
    waker.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

impl Shared {
    fn alive(&self) -> io::Result<()> {
        if self.severed.load(Ordering::SeqCst) {
            return Err(io::Error::new(ErrorKind::ConnectionAborted, "severed"));
        }
        Ok(())
    }
}

impl AsyncRead for RevocableStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let shared = &*self.shared;
        if shared.received.load(Ordering::Relaxed) >= shared.allowance.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::Error::new(ErrorKind::ConnectionAborted, "too much before login")));
        }
        loop {
            // First remember whom to wake, then look: `sever` sets its flag first and wakes after.
            remember(&mut lock(&shared.reader), cx);
            shared.alive()?;
            ready!(shared.socket.poll_read_ready(cx))?;
            match shared.socket.try_read(buf.initialize_unfilled()) {
                Ok(n) => {
                    buf.advance(n);
                    shared.received.fetch_add(n as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for RevocableStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let shared = &*self.shared;
        let mut writer = lock(&shared.writer);
        loop {
            remember(&mut writer, cx);
            shared.alive()?;
            ready!(shared.socket.poll_write_ready(cx))?;
            match shared.socket.try_write(bytes) {
                Ok(n) => {
                    shared.sent.fetch_add(n as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(n));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shared.alive())
    }

    /// The polite end, after the last answer: the peer still gets what is queued. A cut never comes this way.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.alive()?;
        Poll::Ready(socket2::SockRef::from(&self.shared.socket).shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read, net::Shutdown, time::Duration};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    async fn pair() -> (RevocableStream, std::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = tokio::task::spawn_blocking(move || std::net::TcpStream::connect(address).unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        (RevocableStream::new(socket).unwrap(), client)
    }

    /// Everything a client still gets that reads only now.
    async fn what_arrives(mut client: std::net::TcpStream) -> usize {
        let read = move || {
            let (mut total, mut buffer) = (0, vec![0; 1 << 16]);
            while let Ok(n @ 1..) = client.read(&mut buffer) {
                total += n;
            }
            total
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    async fn fill(stream: &mut RevocableStream) -> u64 {
        while tokio::time::timeout(Duration::from_millis(300), stream.write_all(&[7; 1 << 16])).await.is_ok() {}
        stream.switch().sent()
    }

    #[tokio::test]
    async fn a_client_that_stopped_reading_gets_less_after_a_cut_than_was_queued() {
        let (mut stream, client) = pair().await;
        let queued = fill(&mut stream).await;
        stream.switch().sever();
        // The clone lives on in the stream: the cut works all the same.
        let arrived = what_arrives(client).await as u64;
        println!("queued {queued}, arrived after the cut {arrived}");
        assert!(arrived < queued, "{arrived} of {queued}");

        let (mut stream, client) = pair().await;
        let queued = fill(&mut stream).await;
        drop(stream);
        assert_eq!(
            what_arrives(client).await as u64,
            queued,
            "an ordinary close delivers all of it: the test shows a difference"
        );
    }

    #[tokio::test]
    async fn after_a_cut_nothing_is_written_and_nothing_read() {
        let (mut stream, client) = pair().await;
        stream.switch().sever();
        assert_eq!(stream.write(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(stream.flush().await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(what_arrives(client).await, 0);
        assert_eq!(stream.switch().sent(), 0);
    }

    #[tokio::test]
    async fn a_cut_wakes_a_reader_and_a_writer_that_wait() {
        let (stream, client) = pair().await;
        let switch = stream.switch();
        let (mut reading, mut writing) = tokio::io::split(stream);
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { reading.read(&mut [0; 1]).await.unwrap_err().kind() });
        tasks.spawn(async move { writing.write_all(&vec![7; 64 << 20]).await.unwrap_err().kind() });
        tokio::time::sleep(Duration::from_millis(200)).await;
        switch.sever();
        let both = async { [tasks.join_next().await.unwrap().unwrap(), tasks.join_next().await.unwrap().unwrap()] };
        let kinds = tokio::time::timeout(Duration::from_secs(1), both).await.unwrap();
        assert_eq!(kinds, [ErrorKind::ConnectionAborted; 2]);
        drop(client);
    }

    #[tokio::test]
    async fn a_stranger_may_send_only_its_allowance() {
        let (mut stream, client) = pair().await;
        let flood = tokio::task::spawn_blocking(move || {
            let _ = std::io::Write::write_all(&mut &client, &vec![1; 1 << 20]);
            let _ = client.shutdown(Shutdown::Write);
            client
        });
        let mut taken = Vec::new();
        assert_eq!(stream.read_to_end(&mut taken).await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert!(stream.switch().received() < limits::UNAUTHENTICATED_BYTES + (1 << 20));
        stream.switch().admit();
        stream.read_to_end(&mut taken).await.unwrap();
        assert_eq!(taken.len(), 1 << 20);
        flood.await.unwrap();
    }
}
