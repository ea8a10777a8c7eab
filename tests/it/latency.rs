//! Revocation under load: fifty sessions pull, some in the middle of a re-key, one stopped, and their vendor is revoked. No
//! client ever has more than its receipt says; how long it took is printed.

use crate::house::{House, RESPONDER, orders, ticket_file, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    process::Child,
    thread,
    time::{Duration, Instant},
};

const SESSIONS: u8 = 50;
/// Large enough that nobody has finished when the revocation comes: 30 MB at 1 MB/s.
const ROWS: usize = 850_000;
const KBIT_PER_SECOND: &str = "8192";
/// Bytes that must have arrived everywhere before the cut.
const ARRIVED: u64 = 300_000;
/// Every so-many-th client changes keys with each megabyte.
const REKEYING: u8 = 3;

/// One client, told from the others by the address that it comes from.
struct Client {
    address: String,
    file: String,
    child: Child,
    ended: Option<Instant>,
}

#[test]
fn when_a_revocation_returns_no_client_gets_more_than_its_receipt_says() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let mut clients: Vec<Client> = (1..=SESSIONS).map(|n| start(&house, &delivery, n)).collect();
    for client in &mut clients {
        let path = house.pulled("acme", &client.file);
        until("enough was pulled", || {
            assert!(
                client.child.try_wait().unwrap().is_none(),
                "{} ended by itself: {}",
                client.address,
                said(&mut client.child)
            );
            fs::metadata(&path).ok().filter(|meta| meta.len() >= ARRIVED)
        });
    }
    // One stops reading altogether: its kernel still takes what it is sent, and its window stays open.
    let stopped = family(&clients[0].child);
    stopped.iter().for_each(|pid| kill_process(*pid, Signal::STOP).unwrap());
    thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    let receipt = house.ctl(RESPONDER, ["revoke", "vendor", "acme", "--reason", "a drill"]).done();
    let returned = began.elapsed();
    let still = clients.iter_mut().map(|client| client.child.try_wait().unwrap()).filter(Option::is_none).count();
    until("every client that runs has ended", || {
        for client in clients.iter_mut().skip(1).filter(|client| client.ended.is_none()) {
            client.ended = client.child.try_wait().unwrap().map(|_| Instant::now());
        }
        clients.iter().skip(1).all(|client| client.ended.is_some()).then_some(())
    });
    stopped.iter().for_each(|pid| kill_process(*pid, Signal::CONT).unwrap());
    assert!(!clients[0].child.wait().unwrap().success());
    check_receipt(&house, &clients, &receipt);
    let mut took: Vec<Duration> = clients.iter().filter_map(|client| client.ended).map(|at| at - began).collect();
    took.sort();
    eprintln!(
        "{} sessions cut; egressctl returned after {returned:?}, the daemon says {} ms; clients had ended after {:?} (p50), {:?} (p99); \
         {still} were still going when it returned",
        receipt["sessions"]["rows"].as_array().unwrap().len(),
        receipt["took_ms"],
        took[took.len() / 2],
        took[took.len() * 99 / 100],
    );
    let refused = house.sftp("acme", "ls\n", &[]);
    assert!(!refused.status.success(), "a revoked vendor logged in");
    house.check();
}

fn start(house: &House, delivery: &str, n: u8) -> Client {
    let (address, file) = (format!("127.0.7.{n}"), format!("c{n}.age"));
    let bind = format!("BindAddress={address}");
    let mut options = vec!["-l", KBIT_PER_SECOND, "-o", &bind];
    if n.is_multiple_of(REKEYING) {
        options.extend(["-o", "RekeyLimit=1M"]);
    }
    let child = house.start_sftp("acme", &format!("get /{delivery}/orders.csv.age {file}\n"), &options);
    Client { address, file, child, ended: None }
}

fn said(child: &mut Child) -> String {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    said
}

/// An sftp and the ssh that it started.
fn family(child: &Child) -> Vec<Pid> {
    let id = child.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let ids = children.split_whitespace().map(|id| id.parse().unwrap()).chain([i32::try_from(id).unwrap()]);
    ids.map(|id| Pid::from_raw(id).unwrap()).collect()
}

fn check_receipt(house: &House, clients: &[Client], receipt: &serde_json::Value) {
    assert_eq!(receipt["durable"], "yes", "{receipt}");
    let rows = receipt["sessions"]["rows"].as_array().unwrap();
    let offsets: BTreeMap<&str, u64> =
        rows.iter().map(|row| (row["address"].as_str().unwrap(), row["transfers"][0]["last_offset"].as_u64().unwrap())).collect();
    assert_eq!(rows.len(), clients.len(), "{receipt}");
    for client in clients {
        let has = fs::metadata(house.pulled("acme", &client.file)).unwrap().len();
        let said = offsets[client.address.as_str()];
        assert!(has >= ARRIVED && has <= said, "{} has {has} bytes, the receipt says {said}", client.address);
    }
}
