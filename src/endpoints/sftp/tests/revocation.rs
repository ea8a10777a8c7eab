//! What a revocation does to connections: they end, nothing more leaves, the receipt is not short, the log says so.

use super::{raw::*, *};
use crate::{
    domain::{ids::Slug, signature::PublicKey},
    gateway::{answers::Receipt, asked::Scope},
};
use std::net::Ipv4Addr;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::oneshot};

fn source(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, n as u8 + 1)
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn fingerprint(key: &PrivateKey) -> Digest {
    PublicKey::new(key.public_key()).unwrap().fingerprint()
}

/// No client has more than the receipt says of its session, and the log says the same as the receipt.
fn agrees(served: &Served, receipt: &Receipt, clients: &[(Ipv4Addr, Received)]) {
    assert_eq!(receipt.sessions.rows.len(), clients.len());
    let log = served.house.transfers();
    for (address, received) in clients {
        let cut = receipt.sessions.rows.iter().find(|cut| cut.address == address.to_string()).unwrap();
        let [transfer] = &cut.transfers[..] else { panic!("one transfer each: {cut:?}") };
        assert!(received.furthest <= transfer.last_offset, "{received:?} {transfer:?}");
        let recorded = log.iter().find(|recorded| recorded.session == cut.session).unwrap();
        let ended = recorded.end.as_ref().expect("the end was recorded before revoke returned");
        assert_eq!(ended.how, TransferEnd::Severed);
        // The receipt may count one read that was then not handed out; the record of the end counts what was.
        let bytes = ended.bytes.unwrap();
        assert!(received.bytes <= bytes && bytes <= transfer.bytes, "{received:?} {ended:?} {transfer:?}");
    }
    let severed = served.house.sessions().into_iter().filter(|(_, how)| *how == Some(SessionEnd::Severed)).count();
    assert_eq!(severed, clients.len());
}

/// Ten clients that pull without end; then one revocation.
fn ten_pulls_end(scope: impl FnOnce(&Served, &Remote) -> Scope) -> (Served, Remote) {
    let served = Served::new();
    let file = served.file(8 << 20);
    let scope = scope(&served, &file);
    served.runtime.block_on(async {
        let mut pulls = JoinSet::new();
        let mut running = Vec::new();
        for n in 0..10 {
            let session = try_log_in(&served.vendor, source(n), served.port, 1 << 21).await.unwrap();
            let mut puller = Puller::open(&session, &file.path, file.bytes).await;
            let (tell, pulled) = oneshot::channel();
            running.push(pulled);
            pulls.spawn(async move {
                assert!(puller.pull(|received| received.bytes > 4 << 20).await);
                tell.send(()).unwrap();
                let received = puller.until_it_ends().await;
                drop(session);
                (source(n), received)
            });
        }
        for pulled in running {
            pulled.await.unwrap();
        }
        let begun = Instant::now();
        let receipt = served.house.revoke(scope).await.unwrap();
        println!("revoked in {:?}", begun.elapsed());
        let clients = pulls.join_all().await;
        agrees(&served, &receipt, &clients);
    });
    (served, file)
}

fn nobody_logs_in(served: &Served) {
    let back = served.runtime.block_on(try_log_in(&served.vendor, source(0), served.port, 1 << 21));
    assert!(back.is_none());
}

/// The vendor stands, what was revoked does not.
fn nothing_is_there(served: &Served, file: &Remote) {
    served.runtime.block_on(async {
        let session = try_log_in(&served.vendor, source(0), served.port, 1 << 21).await.unwrap();
        let mut channel = sftp_channel(&session).await;
        channel.data(&[init(), open(1, file.path.as_bytes()), read(2, 1, 0, 9)].concat()[..]).await.unwrap();
        let said = answered(&mut channel, 3).await;
        assert_eq!(count(&said, 103), 0, "no byte");
    });
}

#[test]
fn revoking_the_vendor_ends_ten_running_pulls() {
    let (served, _) = ten_pulls_end(|_, _| Scope::Vendor(slug("acme")));
    nobody_logs_in(&served);
}

#[test]
fn revoking_the_login_key_ends_ten_running_pulls() {
    let (served, _) = ten_pulls_end(|served, _| Scope::Key(fingerprint(&served.vendor.login)));
    nobody_logs_in(&served);
}

#[test]
fn revoking_the_recipient_key_ends_ten_running_pulls() {
    let recipient = |served: &Served| {
        let text = PublicKey::new(served.vendor.recipient.public_key()).unwrap().to_string();
        text.parse::<crate::gateway::fixture::Recipient>().unwrap().fingerprint()
    };
    let (served, _) = ten_pulls_end(|served, _| Scope::Key(recipient(served)));
    nobody_logs_in(&served);
}

#[test]
fn revoking_the_ticket_ends_ten_running_pulls() {
    let (served, file) = ten_pulls_end(|served, _| Scope::Ticket(served.ticket));
    nothing_is_there(&served, &file);
}

#[test]
fn revoking_the_delivery_ends_ten_running_pulls() {
    let (served, file) = ten_pulls_end(|_, file| Scope::Delivery(file.delivery));
    nothing_is_there(&served, &file);
}

#[test]
fn revoking_the_file_ends_ten_running_pulls() {
    let (served, file) = ten_pulls_end(|_, file| Scope::File(file.id));
    nothing_is_there(&served, &file);
}

#[test]
fn revoking_the_address_ends_ten_running_pulls() {
    let (served, _) = ten_pulls_end(|_, _| Scope::Address("127.0.1.0/24".parse().unwrap()));
    nobody_logs_in(&served);
    let elsewhere = served.runtime.block_on(try_log_in(&served.vendor, Ipv4Addr::LOCALHOST, served.port, 1 << 21));
    assert!(elsewhere.is_some(), "only that network");
}

#[test]
fn revoking_the_class_ends_ten_running_pulls() {
    let (served, file) = ten_pulls_end(|_, _| Scope::Class(slug("health")));
    nothing_is_there(&served, &file);
}

#[test]
fn a_client_that_stopped_reading_with_a_gib_of_window_is_cut_and_gets_no_more_than_the_receipt_says() {
    let served = Served::new();
    let file = served.file(8 << 20);
    served.runtime.block_on(async {
        let session = try_log_in(&served.vendor, source(0), served.port, 1 << 30).await.unwrap();
        let mut stalled = Puller::open(&session, &file.path, file.bytes).await;
        stalled.ask(2_000).await;
        // Nobody waits on its channel: its queue fills, and the client's session stops reading its socket.
        let stuck = served_bytes_stand_still(&served).await;
        assert!(stuck < 2_000 * ANSWER, "it did stop: {stuck}");
        let begun = Instant::now();
        let receipt = served.house.revoke(Scope::Vendor(slug("acme"))).await.unwrap();
        println!("a stalled reader was cut in {:?}, {stuck} bytes handed out", begun.elapsed());
        soon(begun);
        // Now it reads all that it can still get.
        let received = stalled.until_it_ends().await;
        println!("it holds {} bytes", received.bytes);
        agrees(&served, &receipt, &[(source(0), received)]);
    });
    nobody_logs_in(&served);
}

/// Waits until the only live session's counter does not move any more.
async fn served_bytes_stand_still(served: &Served) -> u64 {
    let mut last = (0, Instant::now());
    fixture::until("a reader that stalls", async || {
        let by = served.house.person(fixture::Staff::Sam);
        let rows = served.house.desk().session_list(by).await.unwrap().rows;
        let bytes = rows.iter().map(|row| row.bytes).sum();
        if bytes != last.0 {
            last = (bytes, Instant::now());
        }
        (bytes > 0 && last.1.elapsed() > Duration::from_millis(500)).then_some(bytes)
    })
    .await
}

/// Passes a connection through, until it holds back what the server says.
struct Proxy {
    port: u16,
    hold: watch::Sender<bool>,
    held: watch::Receiver<usize>,
    _task: JoinSet<()>,
}

impl Proxy {
    async fn to(port: u16, source: Ipv4Addr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (hold, holding) = watch::channel(false);
        let (tell, held) = watch::channel(0);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((source, 0).into()).unwrap();
            let server = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.unwrap();
            pass(client, server, holding, tell).await;
        });
        Self { port: own, hold, held, _task: task }
    }
}

async fn pass(client: TcpStream, server: TcpStream, holding: watch::Receiver<bool>, tell: watch::Sender<usize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let up = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    };
    let down = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            if from_server.readable().await.is_err() {
                return;
            }
            match from_server.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(n) if *holding.borrow() => tell.send_modify(|held| *held += n),
                Ok(n) => {
                    if to_client.write_all(&buffer[..n]).await.is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    // Whichever end goes, the other one hears of it.
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

#[test]
fn a_client_in_the_middle_of_a_rekey_is_cut() {
    let served = Served::new();
    let file = served.file(1 << 20);
    served.runtime.block_on(async {
        let mut proxy = Proxy::to(served.port, source(0)).await;
        let session = try_log_in(&served.vendor, Ipv4Addr::LOCALHOST, proxy.port, 1 << 21).await.unwrap();
        let mut channel = sftp_channel(&session).await;
        let reading = [init(), open(1, file.path.as_bytes()), read(2, 1, 0, 5_000)].concat();
        channel.data(&reading[..]).await.unwrap();
        assert_eq!(count(&answered(&mut channel, 3).await, 103), 1);
        // The client's KEXINIT arrives, ours is never seen: we wait for its half of the exchange.
        proxy.hold.send(true).unwrap();
        session.rekey_soon().await.unwrap();
        proxy.held.wait_for(|held| *held > 300).await.unwrap();
        let begun = Instant::now();
        let receipt = served.house.revoke(Scope::Vendor(slug("acme"))).await.unwrap();
        println!("a re-keying client was cut in {:?}", begun.elapsed());
        soon(begun);
        agrees(&served, &receipt, &[(source(0), Received { furthest: 5_000, bytes: 5_000 })]);
        assert!(over(&mut channel).await, "its connection is over");
    });
    nobody_logs_in(&served);
}

#[test]
fn debians_sftp_is_cut_off_too() {
    let mut served = Served::new();
    let file = served.file(100 << 20);
    let from = format!("acme@127.0.0.1:{}", file.path);
    let mut pull = served.client("sftp").args(["-l", "100000", &from, "/dev/null"]).spawn().unwrap();
    served.until_a_transfer_runs();
    let receipt = served.runtime.block_on(served.house.revoke(Scope::Ticket(served.ticket))).unwrap();
    assert_eq!(receipt.sessions.rows.len(), 1);
    assert!(!pull.wait().unwrap().success());
    assert_eq!(served.transfers()[0].how, TransferEnd::Severed);
    served.drain();
}

/// Fifty clients pull; one after the other is cut off. The figures are printed, a slow machine fails nothing.
#[test]
fn the_time_that_fifty_revocations_take_is_printed() {
    let served = Served::new();
    let file = served.file(8 << 20);
    let mut times = served.runtime.block_on(async {
        let mut pulls = Vec::new();
        for n in 0..50 {
            let session = try_log_in(&served.vendor, source(n), served.port, 1 << 21).await.unwrap();
            let mut puller = Puller::open(&session, &file.path, file.bytes).await;
            let mut task = JoinSet::new();
            let (tell, pulled) = oneshot::channel();
            task.spawn(async move {
                assert!(puller.pull(|received| received.bytes > 1 << 20).await);
                tell.send(()).unwrap();
                puller.until_it_ends().await;
                drop(session);
                Instant::now()
            });
            pulls.push((task, pulled));
        }
        let mut times = Vec::new();
        for (n, (mut task, pulled)) in pulls.into_iter().enumerate() {
            pulled.await.unwrap();
            let begun = Instant::now();
            let receipt = served.house.revoke(Scope::Address(source(n).to_string().parse().unwrap())).await.unwrap();
            let returned = begun.elapsed();
            assert_eq!(receipt.sessions.rows.len(), 1);
            let seen = task.join_next().await.unwrap().unwrap().saturating_duration_since(begun);
            times.push((returned, seen));
        }
        times
    });
    let mut figures = |what: &str, of: fn(&(Duration, Duration)) -> Duration| {
        times.sort_by_key(of);
        let at = |hundredth: usize| of(&times[(times.len() - 1) * hundredth / 100]);
        println!("{what}: p50 {:?}, p99 {:?}, worst {:?}", at(50), at(99), at(100));
    };
    figures("revoke returned after", |(returned, _)| *returned);
    figures("the client's connection had ended after", |(_, seen)| *seen);
}
