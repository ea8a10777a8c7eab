//! A client that says whatever it likes: SSH by russh, SFTP written out by hand.

use super::*;
use russh::{
    Channel, ChannelMsg,
    client::{self, Msg},
    keys::PrivateKeyWithHashAlg,
};
use std::net::Ipv4Addr;
use tokio::net::TcpSocket;

/// No answer takes longer, on the slowest machine that builds this.
const PATIENCE: Duration = Duration::from_secs(60);
/// What would have happened has happened by then, nearly always.
const A_WHILE: Duration = Duration::from_millis(700);

pub(super) struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &russh::keys::PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

pub(super) type Session = client::Handle<Trusting>;

/// Connects from `source` to `port` without logging in.
pub(super) async fn connect(source: Ipv4Addr, port: u16, window: u32) -> Result<Session, russh::Error> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((source, 0).into())?;
    let stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?;
    let config = client::Config { window_size: window, maximum_packet_size: 65_535, ..Default::default() };
    client::connect_stream(Arc::new(config), stream, Trusting).await
}

/// A logged-in session, or none where the login is refused.
pub(super) async fn try_log_in(vendor: &Vendor, source: Ipv4Addr, port: u16, window: u32) -> Option<Session> {
    let mut session = connect(source, port, window).await.ok()?;
    let key = PrivateKeyWithHashAlg::new(Arc::new(vendor.login.clone()), None);
    let answer = session.authenticate_publickey(vendor.id.as_str(), key).await.ok()?;
    answer.success().then_some(session)
}

pub(super) async fn log_in(served: &Served, window: u32) -> Session {
    try_log_in(&served.vendor, Ipv4Addr::LOCALHOST, served.port, window).await.unwrap()
}

pub(super) async fn sftp_channel(session: &Session) -> Channel<Msg> {
    let channel = session.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    channel
}

/// The next so many packets that the server sends.
pub(super) async fn answered(channel: &mut Channel<Msg>, packets: usize) -> Vec<u8> {
    let mut said = Vec::new();
    let all = async {
        while kinds(&said).len() < packets {
            match channel.wait().await {
                Some(ChannelMsg::Data { data }) => said.extend_from_slice(&data),
                Some(_) => {}
                None => panic!("it ended after {} of {packets} packets", kinds(&said).len()),
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    said
}

/// Waits until the connection is over.
pub(super) async fn over(channel: &mut Channel<Msg>) -> bool {
    tokio::time::timeout(PATIENCE, async { while channel.wait().await.is_some() {} }).await.is_ok()
}

/// Whether the connection is still there after a while.
pub(super) async fn stays(channel: &mut Channel<Msg>) -> bool {
    tokio::time::timeout(A_WHILE, async { while channel.wait().await.is_some() {} }).await.is_err()
}

/// The types of all whole packets.
fn kinds(said: &[u8]) -> Vec<u8> {
    let (mut rest, mut kinds) = (said, Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let Some((packet, more)) = after.split_at_checked(u32::from_be_bytes(*length) as usize) else { break };
        kinds.push(packet[0]);
        rest = more;
    }
    kinds
}

/// Packets of one type.
pub(super) fn count(said: &[u8], kind: u8) -> usize {
    kinds(said).into_iter().filter(|k| *k == kind).count()
}

pub(super) fn packet(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    string(&[&[kind][..], &fields.concat()].concat())
}

pub(super) fn string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

pub(super) fn init() -> Vec<u8> {
    packet(1, &[&3u32.to_be_bytes()])
}

pub(super) fn open(id: u32, path: &[u8]) -> Vec<u8> {
    packet(3, &[&id.to_be_bytes(), &string(path), &1u32.to_be_bytes(), &0u32.to_be_bytes()])
}

pub(super) fn stat(id: u32, path: &[u8]) -> Vec<u8> {
    packet(17, &[&id.to_be_bytes(), &string(path)])
}

/// `handle` is the n-th that this session opened.
pub(super) fn read(id: u32, handle: u64, offset: u64, length: u32) -> Vec<u8> {
    let handle = string(format!("{handle:016x}").as_bytes());
    packet(5, &[&id.to_be_bytes(), &handle, &offset.to_be_bytes(), &length.to_be_bytes()])
}

/// What a pulling client has received of one file.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Received {
    /// One past the furthest byte.
    pub(super) furthest: u64,
    pub(super) bytes: u64,
}

/// Reads one file again and again, sixteen answers ahead, until the connection ends.
pub(super) struct Puller {
    channel: Channel<Msg>,
    of_bytes: u64,
    /// Offsets asked for, by id.
    asked: Vec<u64>,
    partial: Vec<u8>,
    received: Received,
}

pub(super) const ANSWER: u64 = 255 * 1024;
const AHEAD: usize = 16;

impl Puller {
    pub(super) async fn open(session: &Session, path: &str, of_bytes: u64) -> Self {
        let channel = sftp_channel(session).await;
        channel.data(&[init(), open(0, path.as_bytes())].concat()[..]).await.unwrap();
        let mut puller = Self { channel, of_bytes, asked: Vec::new(), partial: Vec::new(), received: Received::default() };
        puller.ask(AHEAD).await;
        puller
    }

    /// Asks for more. A connection that has ended is noticed where answers are waited for.
    pub(super) async fn ask(&mut self, more: usize) {
        let mut requests = Vec::new();
        for _ in 0..more {
            let offset = self.asked.len() as u64 * ANSWER % self.of_bytes;
            requests.extend(read(self.asked.len() as u32, 1, offset, ANSWER as u32));
            self.asked.push(offset);
        }
        let _ = self.channel.data(&requests[..]).await;
    }

    /// Goes on until `enough` says so; false once the connection has ended.
    pub(super) async fn pull(&mut self, mut enough: impl FnMut(Received) -> bool) -> bool {
        while !enough(self.received) {
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    let answered = self.take(&data);
                    if answered > 0 {
                        self.ask(answered).await;
                    }
                }
                Some(_) => {}
                None => return false,
            }
        }
        true
    }

    /// Everything until the connection ends: the last packet counts as far as it came.
    pub(super) async fn until_it_ends(mut self) -> Received {
        self.pull(|_| false).await;
        let (partial, id) = (self.partial.len(), self.partial.get(5..9));
        if partial > 13
            && self.partial[4] == 103
            && let Some(id) = id
        {
            let id = u32::from_be_bytes(id.try_into().unwrap());
            self.count(id, partial as u64 - 13);
        }
        self.received
    }

    fn take(&mut self, bytes: &[u8]) -> usize {
        self.partial.extend_from_slice(bytes);
        let mut answered = 0;
        while let Some(length) = self.partial.first_chunk::<4>() {
            let end = 4 + u32::from_be_bytes(*length) as usize;
            if self.partial.len() < end {
                break;
            }
            let packet: Vec<u8> = self.partial.drain(..end).collect();
            if packet[4] == 103 {
                let id = u32::from_be_bytes(packet[5..9].try_into().unwrap());
                self.count(id, end as u64 - 13);
                answered += 1;
            }
        }
        answered
    }

    fn count(&mut self, id: u32, bytes: u64) {
        self.received.bytes += bytes;
        self.received.furthest = self.received.furthest.max(self.asked[id as usize] + bytes);
    }
}
