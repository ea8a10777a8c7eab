//! Over real sockets: what is answered while the gateway starts, serves, is frozen and stops; who is turned away.

use super::{Listener, Watched, run};
use crate::{
    domain::limits,
    endpoints::listener::Running,
    gateway::{
        Observer,
        fixture::{House, Staff},
    },
};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::watch,
    task::JoinSet,
};

struct Rig {
    at: SocketAddr,
    gateway: watch::Sender<Option<Observer>>,
    vendors: watch::Sender<Running>,
    running: watch::Sender<Running>,
    task: JoinSet<()>,
}

impl Rig {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (gateway, vendors) = (watch::Sender::new(None), watch::Sender::new(Running::Serving));
        let running = watch::Sender::new(Running::Serving);
        let watched = Watched { gateway: gateway.subscribe(), vendors: vendors.subscribe() };
        let mut task = JoinSet::new();
        task.spawn(run(Listener::Tcp(listener), watched, running.subscribe()));
        Self { at, gateway, vendors, running, task }
    }

    async fn get(&self, path: &str) -> String {
        said(TcpStream::connect(self.at).await.unwrap(), &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            .await
    }

    #[track_caller]
    fn is(answer: &str, status: u16, with: &str) {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(with), "{answer}");
    }
}

async fn said(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_gateway_from_its_start_to_its_end() {
    let mut rig = Rig::new().await;
    Rig::is(&rig.get("/healthz").await, 200, "ok");
    Rig::is(&rig.get("/readyz").await, 503, "\"reason\":\"starting\"");
    Rig::is(&rig.get("/metrics").await, 503, "");
    let house = House::open().await;
    rig.gateway.send_replace(Some(house.observer()));
    Rig::is(&rig.get("/readyz").await, 200, "\"ready\":true,\"blocking\":[]");
    Rig::is(&rig.get("/metrics").await, 200, "egressd_sessions{protocol=\"sftp\"} 0");
    house.desk().freeze(house.person(Staff::Sam), "a drill".to_owned()).await.unwrap();
    Rig::is(&rig.get("/readyz").await, 503, "\"reason\":\"frozen\"");
    Rig::is(&rig.get("/metrics").await, 200, "egressd_trouble{reason=\"frozen\",blocks=\"yes\"} 1");
    rig.vendors.send_replace(Running::Draining);
    Rig::is(&rig.get("/readyz").await, 503, "\"reason\":\"draining\"");
    Rig::is(&rig.get("/healthz").await, 200, "ok");
    rig.running.send_replace(Running::Draining);
    rig.task.join_next().await.unwrap().unwrap();
    assert!(TcpStream::connect(rig.at).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_asked_nothing_for_longest_makes_way_for_who_comes() {
    let rig = Rig::new().await;
    let mut held = Vec::new();
    for _ in 0..limits::INTERNAL_CONNECTIONS {
        let mut stream = TcpStream::connect(rig.at).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H', "it is served and kept");
        held.push(stream);
    }
    // The first has asked again since.
    held[0].write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answers = |said: &[u8]| String::from_utf8_lossy(said).matches("ok\n").count();
    let mut said = Vec::new();
    while answers(&said) < 2 {
        assert_ne!(held[0].read_buf(&mut said).await.unwrap(), 0);
    }
    Rig::is(&rig.get("/healthz").await, 200, "ok");
    let mut rest = Vec::new();
    held[1].read_to_end(&mut rest).await.ok();
    assert_eq!(answers(&rest), 1, "the one that was silent for longest has made way");
    held[0].write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(held[0].read_to_end(&mut said).await.is_ok() && answers(&said) == 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_keep_no_probe_from_its_answer() {
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: most.maximum, ..most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
    let rig = Rig::new().await;
    let mut idle = Vec::new();
    for count in 0..1_000 {
        let mut stream = TcpStream::connect(rig.at).await.unwrap();
        if count % 2 == 0 {
            stream.write_all(b"GET /healthz HT").await.ok();
        }
        idle.push(stream);
    }
    // Long before all the idle ones have had their time, one after the other.
    let answer = tokio::time::timeout(6 * limits::INTERNAL_HEAD_TIME, rig.get("/healthz")).await;
    Rig::is(&answer.expect("the probe waited for idle ones"), 200, "ok");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_socket_serves_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("internal.sock");
    let (gateway, vendors) = (watch::Sender::new(None), watch::Sender::new(Running::Serving));
    let running = watch::Sender::new(Running::Serving);
    let watched = Watched { gateway: gateway.subscribe(), vendors: vendors.subscribe() };
    let mut task = JoinSet::new();
    task.spawn(run(Listener::Unix(UnixListener::bind(&path).unwrap()), watched, running.subscribe()));
    let request = "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    Rig::is(&said(UnixStream::connect(&path).await.unwrap(), request).await, 503, "starting");
    running.send_replace(Running::Draining);
    task.join_next().await.unwrap().unwrap();
}
