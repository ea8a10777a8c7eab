//! Freeze: everything ends at once, stays ended over a restart, and is lifted by two. What cannot be recorded is cut all the same.

use crate::house::{House, OPERATOR, RESPONDER, orders, run, ticket_file, until};
use std::{
    fs,
    process::{Child, Command},
};

/// As in the story: a client that takes its time over a file that no buffer holds.
const SLOWLY: [&str; 2] = ["-l", "16384"];
const ROWS: usize = 700_000;

/// A vendor in the middle of a pull.
fn pulling(house: &House) -> (String, Child) {
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let client = house.start_sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &SLOWLY);
    house.until_pulled("acme", "orders.csv.age", 2 << 20);
    (delivery, client)
}

#[track_caller]
fn nobody_comes_in(house: &House) {
    for vendor in ["acme", "umbra"] {
        let output = house.sftp(vendor, "ls /\n", &[]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("Permission denied"), "{vendor}: {output:?}");
    }
}

/// Two people lift it, one of them a security responder; one alone, however often, does not.
fn lifted_by_two(house: &House) {
    let unfreeze = |person: &str| house.ctl(person, ["unfreeze", "--reason", "cause found and removed"]);
    assert_eq!(unfreeze(OPERATOR).done()["state"], "waits_for_second");
    unfreeze(OPERATOR).refused("E1011");
    unfreeze("olivia").refused("E5005");
    nobody_comes_in(house);
    assert_eq!(unfreeze(RESPONDER).done()["state"], "done");
    unfreeze(RESPONDER).refused("E5002");
}

#[test]
fn a_freeze_cuts_running_pulls_refuses_logins_survives_a_restart_and_is_lifted_by_two() {
    let mut house = House::new();
    let (delivery, client) = pulling(&house);
    let receipt = house.ctl(RESPONDER, ["freeze", "--reason", "unexplained transfers"]).done();
    assert_eq!((&receipt["durable"], &receipt["scope"]), (&"yes".into(), &"everything".into()), "{receipt}");
    assert!(!client.wait_with_output().unwrap().status.success(), "the client noticed nothing");
    // The client has no more than the receipt says.
    let cut = &receipt["sessions"]["rows"][0]["transfers"][0];
    assert_eq!(cut["path"], format!("/{delivery}/orders.csv.age"));
    let had = fs::metadata(house.pulled("acme", "orders.csv.age")).unwrap().len();
    assert!(had <= cut["last_offset"].as_u64().unwrap(), "{had} bytes were pulled: {receipt}");
    nobody_comes_in(&house);
    assert_eq!(house.ctl(OPERATOR, ["session", "list"]).done()["rows"], serde_json::json!([]));
    house.ctl(RESPONDER, ["freeze", "--reason", "again"]).refused("E5003");
    house.check();
    // After a restart and after a crash it is as frozen as before.
    house.restart();
    nobody_comes_in(&house);
    house.kill9();
    house.restart();
    nobody_comes_in(&house);
    assert!(house.ctl(OPERATOR, ["status"]).done()["frozen"]["since"].is_string());
    // Nothing is released meanwhile.
    let ticket = &delivery[..delivery.len() - 5];
    house.stage(ticket, "more.csv", orders(3));
    house.ready(ticket);
    house.until_file(ticket, "more.csv", &["staged", "waiting", "sealed"]);
    lifted_by_two(&house);
    house.until_released(&format!("{ticket}/0002"));
    house.pull("acme", &format!("reget /{delivery}/orders.csv.age\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), orders(ROWS).as_bytes());
    house.check();
}

#[test]
fn the_freeze_file_is_honoured_at_start_whatever_stands_in_it_but_leave() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(3));
    let file = house.state().join("freeze");
    assert_eq!(fs::read(&file).unwrap(), b"running\n");
    for mark in [&b"stopped\n"[..], b"", b"runnin", b"\0\0\0\0\0\0\0\0"] {
        house.terminate();
        fs::write(&file, mark).unwrap();
        house.restart();
        nobody_comes_in(&house);
        lifted_by_two(&house);
        assert_eq!(fs::read(&file).unwrap(), b"running\n");
        house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    }
    // Lifted is lifted, over a restart too.
    house.restart();
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    house.check();
}

#[test]
fn a_revocation_that_the_disk_does_not_take_cuts_all_the_same_and_says_so() {
    let mut house = House::new();
    let (delivery, client) = pulling(&house);
    // From now on no file of the daemon grows beyond a page: as a full disk, of which only its own files know.
    run(Command::new("prlimit").args(["--pid", &house.pid().to_string(), "--fsize=4096:unlimited"]));
    let answer = house.ctl(RESPONDER, ["revoke", "vendor", "acme", "--reason", "key on a lost laptop"]);
    assert_eq!(answer.code, 4, "{} {}\n{}", answer.json, answer.stderr, house.log());
    assert_eq!((&answer.json["durable"], &answer.json["leaf"]), (&"no".into(), &serde_json::Value::Null));
    assert!(!client.wait_with_output().unwrap().status.success(), "the client noticed nothing");
    let had = fs::metadata(house.pulled("acme", "orders.csv.age")).unwrap().len();
    let cut = &answer.json["sessions"]["rows"][0]["transfers"][0];
    assert!(had <= cut["last_offset"].as_u64().unwrap(), "{had} bytes were pulled: {}", answer.json);
    // The file outside the ledger says it to every start, also if the daemon is gone by now.
    assert_eq!(fs::read(house.state().join("freeze")).unwrap(), b"stopped\n");
    house.kill9();
    house.restart();
    nobody_comes_in(&house);
    let again = house.ctl(RESPONDER, ["revoke", "vendor", "acme", "--reason", "key on a lost laptop"]).done();
    assert_eq!(again["durable"], "yes", "{again}");
    lifted_by_two(&house);
    // What was frozen by the file is lifted; what was revoked stays so.
    assert!(!house.sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &[]).status.success());
    house.pull("umbra", "ls /\n");
    until("the revoked vendor is shown as such", || {
        (house.ctl(OPERATOR, ["vendor", "show", "acme"]).done()["state"] == "revoked").then_some(())
    });
    house.check();
}
