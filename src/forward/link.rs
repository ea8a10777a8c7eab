//! One connection to a destination: how messages are framed on it, and how it is known that they arrived.
//!
//! Syslog has no acknowledgement. A stream has one all the same, at its end: we close our half, and the server's program, which reads what it was
//! sent before it reads that end, closes the other half. If it dies first, its kernel answers by a reset. So what was sent over a stream counts
//! once the server has closed it after us, and not before: not when our kernel took it, not when the server's kernel did.

use super::address::Address;
use crate::domain::limits::{
    SYSLOG_CONNECT_TIME, SYSLOG_DATAGRAM_BREATH, SYSLOG_DATAGRAM_BURST, SYSLOG_DATAGRAM_REFUSAL, SYSLOG_KEEPALIVE, SYSLOG_LOOK,
    SYSLOG_WRITE_TIME,
};
use rustix::net::{RecvFlags, recv};
use socket2::{SockRef, TcpKeepalive};
use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::AsFd,
    path::Path,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket, UnixDatagram, UnixStream, lookup_host},
    time::{sleep, timeout},
};

pub enum Link {
    UnixDatagram(UnixDatagram),
    UnixStream(UnixStream),
    Udp { socket: UdpSocket, most_bytes: usize },
    Tcp(TcpStream),
}

impl Link {
    /// # Errors
    /// Refused, not there, or no answer within [`SYSLOG_CONNECT_TIME`].
    pub async fn open(address: &Address, datagram_bytes: usize) -> io::Result<Self> {
        match address {
            Address::Unix(path) => within(SYSLOG_CONNECT_TIME, unix(path)).await,
            Address::Udp { host, port } => within(SYSLOG_CONNECT_TIME, udp(host, *port, datagram_bytes)).await,
            Address::Tcp { host, port } => within(SYSLOG_CONNECT_TIME, tcp(host, *port)).await,
        }
    }

    /// Hands one batch to the network.
    ///
    /// # Errors
    /// How many of the messages may have got through is unknown then.
    pub async fn send(&mut self, messages: &[Vec<u8>]) -> io::Result<()> {
        match self {
            Self::UnixDatagram(socket) => {
                for message in messages {
                    within(SYSLOG_WRITE_TIME, socket.send(message)).await?;
                }
                Ok(())
            }
            Self::Udp { socket, most_bytes } => {
                for burst in messages.chunks(SYSLOG_DATAGRAM_BURST) {
                    for message in burst {
                        within(SYSLOG_WRITE_TIME, socket.send(cut(message, *most_bytes))).await?;
                    }
                    sleep(SYSLOG_DATAGRAM_BREATH).await;
                }
                Ok(())
            }
            Self::UnixStream(stream) => write(stream, &lines(messages)).await,
            Self::Tcp(stream) => write(stream, &counted(messages)).await,
        }
    }

    /// Returns once all that was sent has arrived, as far as that can be known. Over a stream this takes as long as the server does; the kernel
    /// finds out whether its machine still answers.
    ///
    /// # Errors
    /// It is unknown what has arrived.
    pub async fn confirm(self) -> io::Result<()> {
        match self {
            // The receiver's queue has it: more nobody says.
            Self::UnixDatagram(_) => Ok(()),
            Self::Udp { socket, .. } => {
                sleep(SYSLOG_DATAGRAM_REFUSAL).await;
                socket.take_error()?.map_or(Ok(()), Err)
            }
            Self::UnixStream(mut stream) => closed_by_both(&mut stream).await,
            Self::Tcp(mut stream) => {
                closed_by_both(&mut stream).await?;
                ends_acknowledged(&stream).await
            }
        }
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(time, work).await.unwrap_or_else(|_| Err(io::Error::new(ErrorKind::TimedOut, "no answer in time")))
}

async fn unix(path: &Path) -> io::Result<Link> {
    let datagram = UnixDatagram::unbound()?;
    match datagram.connect(path) {
        Ok(()) => Ok(Link::UnixDatagram(datagram)),
        // EPROTOTYPE: there is a socket, of the other kind.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
            Ok(Link::UnixStream(UnixStream::connect(path).await?))
        }
        Err(error) => Err(error),
    }
}

async fn udp(host: &str, port: u16, most_bytes: usize) -> io::Result<Link> {
    let mut last = None;
    for address in lookup_host((host, port)).await? {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        match socket.connect(address).await {
            Ok(()) => return Ok(Link::Udp { socket, most_bytes }),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(ErrorKind::NotFound, "the host has no address")))
}

async fn tcp(host: &str, port: u16) -> io::Result<Link> {
    let stream = TcpStream::connect((host, port)).await?;
    let socket = SockRef::from(&stream);
    // What the other machine's kernel does not answer for so long will not be answered: the connection then fails, instead of waiting.
    socket.set_tcp_user_timeout(Some(SYSLOG_WRITE_TIME))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SYSLOG_KEEPALIVE).with_interval(SYSLOG_KEEPALIVE))?;
    stream.set_nodelay(true)?;
    Ok(Link::Tcp(stream))
}

async fn write<S: AsyncWriteExt + Unpin>(stream: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    // By pieces, so that a slow server that takes something is not one that takes nothing.
    while !bytes.is_empty() {
        match within(SYSLOG_WRITE_TIME, stream.write(bytes)).await? {
            0 => return Err(ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

/// Our end is said; then everything the server still says is ignored, up to its own end.
async fn closed_by_both<S: AsyncReadExt + AsyncWriteExt + AsFd + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut ignored = [0; 256];
    // An end that the server said by itself is no answer to ours. A reset shows here once and never again.
    match recv(&*stream, &mut ignored[..1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((0, _)) => return Err(io::Error::new(ErrorKind::ConnectionAborted, "the server closed the connection by itself")),
        Ok(_) | Err(rustix::io::Errno::AGAIN) => {}
        Err(error) => return Err(error.into()),
    }
    stream.shutdown().await?;
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Both ends have crossed if the server closed while our last bytes were on their way: then its kernel resets, or still owes us an answer. Once it
/// has acknowledged our end, the connection is over and has no peer any more.
async fn ends_acknowledged(stream: &TcpStream) -> io::Result<()> {
    while stream.peer_addr().is_ok() {
        sleep(SYSLOG_LOOK).await;
    }
    stream.take_error()?.map_or(Ok(()), Err)
}

/// `LEN SP MSG` (RFC 6587 section 3.4.1).
fn counted(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut frames = Vec::new();
    for message in messages {
        frames.extend_from_slice(message.len().to_string().as_bytes());
        frames.push(b' ');
        frames.extend_from_slice(message);
    }
    frames
}

/// One message, one line: what every server reads from a local stream. A line feed within a message would make it two.
fn lines(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut lines = Vec::new();
    for message in messages {
        lines.extend(message.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
        lines.push(b'\n');
    }
    lines
}

/// At most so many bytes, and no half character at the end.
fn cut(message: &[u8], most: usize) -> &[u8] {
    let mut end = message.len().min(most);
    while end < message.len() && end > 0 && message[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_counts_octets_and_a_line_holds_one_message() {
        let messages = [b"one".to_vec(), "zw\u{f6}lf".as_bytes().to_vec(), b"two\nlines".to_vec()];
        assert_eq!(counted(&messages), "3 one6 zw\u{f6}lf9 two\nlines".as_bytes());
        assert_eq!(lines(&messages).iter().filter(|byte| **byte == b'\n').count(), 3);
    }

    #[test]
    fn a_datagram_is_cut_between_characters() {
        let message = "zw\u{f6}lf".as_bytes();
        assert_eq!(cut(message, 100), message);
        assert_eq!(cut(message, 6), message);
        assert_eq!(cut(message, 4), "zw\u{f6}".as_bytes());
        assert_eq!(cut(message, 3), b"zw");
        assert_eq!(cut("\u{f6}".as_bytes(), 1), b"");
    }

    #[tokio::test]
    async fn what_a_server_has_not_read_when_it_dies_is_not_confirmed() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
        // Read and closed: confirmed.
        let mut link = Link::open(&address, 0).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        link.send(&[b"read".to_vec()]).await.unwrap();
        let mut read = Vec::new();
        let (confirmed, _) = tokio::join!(link.confirm(), async {
            server.read_to_end(&mut read).await.unwrap();
            drop(server);
        });
        assert!(confirmed.is_ok() && read == b"4 read");
        // Taken by the kernel, and lost with the program.
        let mut link = Link::open(&address, 0).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        link.send(&[b"lost".to_vec()]).await.unwrap();
        server.readable().await.unwrap();
        drop(server);
        assert!(link.confirm().await.is_err());
        // Closed by the server before it was asked to.
        let mut link = Link::open(&address, 0).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        drop(server);
        let Link::Tcp(stream) = &link else { panic!("another kind of link") };
        stream.readable().await.unwrap();
        link.send(&[b"lost".to_vec()]).await.unwrap();
        assert!(link.confirm().await.is_err());
        // Not even accepted.
        let mut link = Link::open(&address, 0).await.unwrap();
        link.send(&[b"lost".to_vec()]).await.unwrap();
        drop(listener);
        assert!(link.confirm().await.is_err());
        // Nobody there.
        assert!(Link::open(&address, 0).await.is_err());
    }

    #[tokio::test]
    async fn a_datagram_to_nobody_is_not_confirmed() {
        let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let address = Address::Udp { host: "127.0.0.1".into(), port: free.port() };
        let mut link = Link::open(&address, 100).await.unwrap();
        link.send(&[b"lost".to_vec()]).await.unwrap();
        assert!(link.confirm().await.is_err());
    }

    #[tokio::test]
    async fn a_local_socket_is_spoken_to_in_its_own_kind() {
        let directory = tempfile::tempdir().unwrap();
        let (datagram, stream) = (directory.path().join("datagram"), directory.path().join("stream"));
        let receiver = UnixDatagram::bind(&datagram).unwrap();
        let mut link = Link::open(&Address::Unix(datagram), 0).await.unwrap();
        link.send(&[b"one".to_vec(), b"two".to_vec()]).await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!((receiver.recv(&mut buffer).await.unwrap(), &buffer[..3]), (3, &b"one"[..]));
        link.confirm().await.unwrap();
        let listener = tokio::net::UnixListener::bind(&stream).unwrap();
        let mut link = Link::open(&Address::Unix(stream), 0).await.unwrap();
        link.send(&[b"one".to_vec(), b"two".to_vec()]).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut read = Vec::new();
        let (confirmed, _) = tokio::join!(link.confirm(), async {
            server.read_to_end(&mut read).await.unwrap();
            drop(server);
        });
        assert!(confirmed.is_ok() && read == b"one\ntwo\n");
    }
}
