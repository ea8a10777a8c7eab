//! What a revocation does to connections over HTTPS: they end short of the promised length, and nobody comes in again.

use super::*;

/// A client in the middle of a file that is far larger than everything on the way to it can hold.
fn pulling(served: &Served, file: &Remote, fields: &[(&str, &str)], mut client: Client) -> (Client, u64) {
    client.begin("GET", &file.path, fields).unwrap();
    let head = client.head().unwrap();
    let length = head.field("content-length").unwrap().parse().unwrap();
    client.read(100_000).unwrap();
    assert!(served.begun() >= 1);
    (client, length)
}

/// What it still got after it was cut: never an end that looks like one.
fn cut_short(mut client: Client, length: u64) {
    let (rest, ended) = client.rest();
    assert!(100_000 + (rest.len() as u64) < length, "the whole file came");
    assert!(ended.is_err(), "the connection ended as if it had been whole");
}

fn revoked_in_mid_pull(scope: impl FnOnce(&Served, &Remote) -> Scope) {
    let served = Served::new();
    let file = served.file(32 << 20);
    let (client, length) = pulling(&served, &file, &[], served.client());
    let receipt = served.revoke(scope(&served, &file));
    let ended = served.house.transfers().remove(0).end.expect("its end is on record before revoke returns");
    assert_eq!(ended.how, TransferEnd::Severed);
    assert_eq!(receipt.sessions.rows.len(), 1);
    assert!(receipt.sessions.rows[0].transfers[0].last_offset >= ended.bytes.unwrap());
    cut_short(client, length);
    assert_eq!(served.sessions(), [SessionEnd::Severed]);
}

#[test]
fn a_certificate_that_is_revoked_in_mid_download_cuts_it_and_is_not_let_in_again() {
    let served = Served::new();
    let file = served.file(32 << 20);
    let (client, length) = pulling(&served, &file, &[], served.client());
    served.revoke(Scope::Key(served.vendor.tls.pin));
    cut_short(client, length);
    assert_eq!(served.client().get(&file.path).status, 401);
    assert_eq!(served.sessions(), [SessionEnd::Severed]);
    assert_eq!(served.transfers()[0].how, TransferEnd::Severed);
}

#[test]
fn a_token_that_is_revoked_is_worth_nothing_at_once() {
    let served = Served::new();
    let file = served.file(32 << 20);
    let token = served.token(1);
    let bearer = format!("Bearer {token}");
    let fields = [("authorization", bearer.as_str())];
    let (client, length) = pulling(&served, &file, &fields, served.nobody());
    let mut idle = served.nobody();
    assert_eq!(idle.ask("GET", "/", &fields).unwrap().status, 200);
    let receipt = served.revoke(Scope::Key(token_digest(&token).unwrap()));
    assert_eq!(receipt.sessions.rows.len(), 2, "idle ones are cut too");
    cut_short(client, length);
    assert!(idle.ask("GET", "/", &fields).is_err());
    assert_eq!(served.nobody().ask("GET", "/", &fields).unwrap().status, 401);
    assert_eq!(served.client().get("/").status, 200, "the certificate is another key");
}

#[test]
fn each_scope_cuts_a_stalled_reader() {
    revoked_in_mid_pull(|served, _| Scope::Vendor(served.vendor.id.clone()));
    revoked_in_mid_pull(|served, _| Scope::Ticket(served.ticket));
    revoked_in_mid_pull(|_, file| Scope::File(file.id));
    revoked_in_mid_pull(|_, _| Scope::Address("127.0.0.0/8".parse().unwrap()));
}

#[test]
fn a_receipt_names_every_connection_of_a_transfer_that_several_shared() {
    let served = Served::new();
    let file = served.file(32 << 20);
    let pulls: Vec<_> = (0..4)
        .map(|n| {
            let from = format!("bytes={}-", n * 4_000_000);
            pulling(&served, &file, &[("range", &from)], served.client())
        })
        .collect();
    let receipt = served.revoke(Scope::Delivery(file.delivery));
    let sessions = receipt.sessions.rows;
    assert_eq!(sessions.len(), 4);
    assert!(sessions.iter().all(|session| session.transfers.len() == 1 && session.transfers[0].bytes >= 100_000));
    for (client, length) in pulls {
        cut_short(client, length);
    }
    let ended = served.transfers();
    assert_eq!((ended.len(), ended[0].how), (1, TransferEnd::Severed));
    assert_eq!(served.client().get(&file.path).status, 404);
}

#[test]
fn a_transfer_that_waits_for_its_next_reader_is_ended_by_a_revocation() {
    let served = Served::new();
    let file = served.file(100_000);
    let mut client = served.client();
    assert_eq!(client.ask("GET", &file.path, &[("range", "bytes=0-9")]).unwrap().status, 206);
    drop(client);
    assert_eq!(served.sessions(), [SessionEnd::Closed]);
    assert!(served.house.transfers()[0].end.is_none(), "it may go on");
    served.revoke(Scope::Ticket(served.ticket));
    let ended = served.house.transfers().remove(0).end.unwrap();
    assert_eq!((ended.how, ended.ranges), (TransferEnd::Severed, Some(vec![(0, 10)])));
}

#[test]
fn a_ticket_without_https_shows_nothing_here() {
    let served = Served::new();
    let ticket = served.runtime.block_on(served.house.ticket_over(&served.vendor, "health", r#""sftp""#));
    let delivery = served.runtime.block_on(served.house.deliver(ticket, &[("a.csv", &fixture::csv(1_000))]));
    let mut client = served.client();
    let unknown = client.get("/EGR-2031-0001/0001/x").timeless();
    for path in [format!("/{ticket}/"), format!("/{delivery}/"), format!("/{delivery}/a.csv.age")] {
        assert_eq!(client.get(&path).timeless(), unknown, "{path}");
    }
    let root: serde_json::Value = serde_json::from_slice(&client.get("/").body).unwrap();
    assert_eq!(root["entries"].as_array().unwrap().len(), 0);
}

#[test]
fn a_stored_byte_that_changed_ends_the_connection_short_of_its_length() {
    let served = Served::new();
    let file = served.file(2 << 20);
    let payload = served.house.payload(file.id);
    let mut bytes = fs::read(&payload).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::remove_file(&payload).unwrap();
    fs::write(&payload, bytes).unwrap();
    let mut client = served.client();
    client.begin("GET", &file.path, &[]).unwrap();
    let length = client.head().unwrap().field("content-length").unwrap().parse::<usize>().unwrap();
    let (body, _) = client.rest();
    assert!(body.len() < length);
}

#[test]
fn another_certificate_of_the_gateways_counts_from_the_next_connection_on() {
    let served = Served::new();
    let mut before = served.client();
    let next = TlsPair::new(&["localhost", "127.0.0.1"]);
    served.tls.send_replace(tls(&next));
    assert_eq!(before.get("/").status, 200, "who is there stays");
    assert!(Client::connect(served.port, &served.pair, Some(&served.vendor.tls)).is_err());
    let mut after = Client::connect(served.port, &next, Some(&served.vendor.tls)).unwrap();
    assert_eq!(after.get("/").status, 200);
}
