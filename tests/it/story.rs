//! The story: one file leaves, from a ticket to a pull, as the product's first paragraph tells it.

use crate::house::{House, OPERATOR, orders, ticket_file, until};
use serde_json::Value;
use std::{fs, process::Command};

/// A client that takes 8 MiB a second (sftp counts kilobits), and rows that keep it busy: far more bytes than sockets and
/// SSH's window hold, so that what it has not taken the gateway has not sent.
const SLOWLY: [&str; 2] = ["-l", "65536"];
const ROWS: usize = 700_000;

#[test]
fn one_file_leaves_under_an_approved_ticket_and_only_its_vendor_can_read_it() {
    let mut house = House::new();
    // A requester files a ticket. What is dropped already waits: no byte leaves without an approved one.
    let submitted = house.submit(&ticket_file("acme")).done();
    assert_eq!((&submitted["state"], &submitted["tier"]), (&"in_review".into(), &"T1".into()));
    let ticket = submitted["ticket"].as_str().unwrap().to_owned();
    let csv = orders(1_000);
    house.stage(&ticket, "orders.csv", &csv);
    house.ready(&ticket);
    let waiting = house.until_file(&ticket, "orders.csv", &["waiting"]);
    assert!(waiting["reason"].as_str().unwrap().contains("is not approved"), "{waiting}");
    house.check();
    // Reviewers approve it gate by gate; an operator activates it.
    house.approve_all(&submitted);
    assert_eq!(house.ctl(OPERATOR, ["ticket", "activate", &ticket]).done()["state"], "done");
    // The daemon checks the file, encrypts it to the vendor's own key, and only then lets that vendor pull it.
    let delivery = format!("{ticket}/0001");
    house.until_released(&delivery);
    assert!(house.objects("incoming").is_empty() && !house.staging(&ticket).join("orders.csv").exists());
    house.pull("acme", &format!("get /{delivery}/*\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), csv.as_bytes());
    the_notes_fit_the_file(&house, &ticket);
    the_record_says_who_when_what_and_how_much(&house, &delivery);
    house.check();
}

fn the_notes_fit_the_file(house: &House, ticket: &str) {
    let mut sums = Command::new("sha256sum");
    let sums = sums.args(["--check", "--strict", "SHA256SUMS"]).current_dir(house.pulled("acme", "")).output().unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&[sums.stdout, sums.stderr].concat()));
    let manifest: Value = serde_json::from_slice(&fs::read(house.pulled("acme", "MANIFEST.json")).unwrap()).unwrap();
    let listed = fs::read_to_string(house.pulled("acme", "SHA256SUMS")).unwrap();
    let bytes = fs::metadata(house.pulled("acme", "orders.csv.age")).unwrap().len();
    assert_eq!((&manifest["v"], &manifest["ticket"], &manifest["delivery"]), (&1.into(), &ticket.into(), &"0001".into()));
    let file = &manifest["files"][0];
    assert_eq!((&file["name"], &file["rows"], &file["bytes"]), (&"orders.csv.age".into(), &1_000.into(), &bytes.into()));
    assert_eq!(listed, format!("{}  orders.csv.age\n", file["sha256"].as_str().unwrap()));
    assert_eq!(manifest["files"].as_array().unwrap().len(), 1);
}

fn the_record_says_who_when_what_and_how_much(house: &House, delivery: &str) {
    let path = format!("/{delivery}/orders.csv.age");
    let transfer = until("the transfer has ended", || transfers(house, &path).pop().filter(|row| row["ended"].is_string()));
    let bytes = fs::metadata(house.pulled("acme", "orders.csv.age")).unwrap().len();
    let keys = house.ctl(OPERATOR, ["key", "list", "--vendor", "acme"]).done();
    let login = keys["rows"].as_array().unwrap().iter().find(|row| row["use"] == "login").unwrap()["key"].clone();
    assert_eq!((&transfer["vendor"], &transfer["address"], &transfer["key"]), (&"acme".into(), &"127.0.0.1".into(), &login));
    assert_eq!((&transfer["bytes"], &transfer["of_bytes"]), (&bytes.into(), &bytes.into()));
    assert_eq!((&transfer["served"], &transfer["how"]), (&"whole".into(), &"closed".into()));
    assert_eq!(transfer["ranges"], serde_json::json!([[0, bytes]]));
    let times = ["began", "ended"].map(|at| transfer[at].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    assert!(times[0] <= times[1], "{transfer}");
}

/// The transfers of one path, the oldest first.
fn transfers(house: &House, path: &str) -> Vec<Value> {
    let listed = house.ctl(OPERATOR, ["transfer", "list"]).done();
    let mut rows: Vec<Value> = listed["rows"].as_array().unwrap().iter().filter(|row| row["path"] == path).cloned().collect();
    rows.sort_by_key(|row| row["began"].as_str().unwrap().to_owned());
    rows
}

#[test]
fn a_pull_that_was_cut_at_sixty_percent_goes_on_there_and_ends_as_the_same_file() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let csv = orders(ROWS);
    let delivery = house.release(&ticket, "orders.csv", &csv);
    let path = format!("/{delivery}/orders.csv.age");
    let shown = house.ctl(OPERATOR, ["delivery", "show", &delivery]).done();
    let bytes = shown["delivery"]["bytes"].as_u64().unwrap();
    // The client dies in the middle.
    let client = house.start_sftp("acme", &format!("get {path}\n"), &SLOWLY);
    let had = house.until_pulled("acme", "orders.csv.age", bytes * 6 / 10);
    house.kill_client(client);
    assert!(had < bytes, "the client was faster than its limit");
    let first = until("the cut transfer has ended", || transfers(&house, &path).pop().filter(|row| row["ended"].is_string()));
    assert_eq!(first["served"], "part", "{first}");
    assert_ne!(first["how"], "closed", "{first}");
    // Another one goes on where it ended.
    house.pull("acme", &format!("reget {path}\nget /{delivery}/SHA256SUMS\n"));
    let second = transfers(&house, &path).pop().unwrap();
    let from = second["ranges"][0][0].as_u64().unwrap();
    assert!(from >= bytes / 2 && second["ranges"][0][1] == bytes, "it was not resumed: {second}");
    let sums = Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(house.pulled("acme", "")).output().unwrap();
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stdout));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), csv.as_bytes());
    house.check();
}

#[test]
fn a_daemon_that_was_killed_in_the_middle_of_a_pull_serves_the_rest_after_its_restart() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let csv = orders(ROWS);
    let delivery = house.release(&ticket, "orders.csv", &csv);
    let path = format!("/{delivery}/orders.csv.age");
    let client = house.start_sftp("acme", &format!("get {path}\n"), &SLOWLY);
    house.until_pulled("acme", "orders.csv.age", 2 << 20);
    house.kill9();
    assert!(!client.wait_with_output().unwrap().status.success(), "the client noticed nothing");
    house.restart();
    let first = transfers(&house, &path).pop().unwrap();
    assert_eq!(first["how"], "interrupted", "a beginning without an end keeps its beginning and gets an end: {first}");
    assert_eq!(first["served"], "unknown", "who counted the bytes is dead: {first}");
    assert!(first.get("bytes").is_none() && first.get("ranges").is_none(), "{first}");
    house.pull("acme", &format!("reget {path}\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), csv.as_bytes());
    house.check();
}

#[test]
fn a_second_vendor_sees_nothing_of_the_first_and_cannot_read_what_it_is_given() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(10));
    // Listing shows nothing, and a path that was guessed right answers as one that was guessed wrong.
    assert!(!house.pull("umbra", "ls -la /\n").contains("EGR-"));
    let year = &ticket[..9];
    for (right, wrong) in [
        (format!("/{ticket}"), format!("/{year}9999")),
        (format!("/{delivery}"), format!("/{year}9999/0001")),
        (format!("/{delivery}/orders.csv.age"), format!("/{year}9999/0001/orders.csv.age")),
        (format!("/{delivery}/MANIFEST.json"), format!("/{year}9999/0001/MANIFEST.json")),
    ] {
        for verb in ["ls", "get", "cd"] {
            let answers = [&right, &wrong].map(|path| {
                let output = house.sftp("umbra", &format!("{verb} {path}\n"), &[]);
                assert!(!output.status.success(), "{verb} {path} was answered");
                String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).replace(path, "PATH").replace("Remote: ", "")
            });
            assert_eq!(answers[0], answers[1], "{verb} {right} tells that it is there");
        }
    }
    assert_eq!(fs::read_dir(house.pulled("umbra", "")).unwrap().count(), 0);
    // Neither vendor is let in as the other.
    for (user, key) in [("acme", "umbra"), ("umbra", "acme"), ("nobody", "acme")] {
        fs::create_dir_all(house.path(format!("vendors/{user}/pulled"))).unwrap();
        let key = house.path(format!("vendors/{key}/login"));
        let output = house.start_sftp_with_key(user, &key, "ls /\n", &[]).wait_with_output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("Permission denied"), "{output:?}");
    }
    // And what the first one passes on is closed to the second.
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    fs::copy(house.pulled("acme", "orders.csv.age"), house.pulled("umbra", "stolen.age")).unwrap();
    assert!(!house.age("umbra", "stolen.age").status.success());
    house.check();
}

#[test]
fn when_its_retention_ends_a_file_is_gone_and_its_record_stays() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme").replace("retention_days = 30", "retention_days = 1"));
    let delivery = house.release(&ticket, "orders.csv", orders(10));
    assert_eq!(house.objects("sealed").len(), 2);
    house.restart_in_days(2);
    until("the file is purged", || house.objects("sealed").is_empty().then_some(()));
    let file = house.until_file(&ticket, "orders.csv", &["purged"]);
    assert!(!house.pull("acme", "ls -la /\n").contains("EGR-"));
    assert!(!house.sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &[]).status.success());
    let told = house.explain(file["id"].as_str().unwrap());
    assert!(told.contains("purged") && told.contains("retention"), "{told}");
    assert_eq!(house.sql("SELECT count(*) FROM object_keys"), ["0"]);
    house.check();
}

#[test]
fn a_delivery_appears_whole_or_not_at_all() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    house.stage(&ticket, "october.csv", orders(5));
    house.stage(&ticket, "november.csv", "customer,month\na,b\n");
    house.ready(&ticket);
    house.until_file(&ticket, "october.csv", &["sealed"]);
    let held = house.until_file(&ticket, "november.csv", &["held"]);
    assert!(!house.pull("acme", "ls -la /\n").contains("EGR-"));
    let told = house.explain(&format!("{ticket}/0001"));
    assert!(told.contains("november.csv") && told.contains("held"), "{told}");
    let status = house.ctl(OPERATOR, ["status"]).done();
    assert!(status["problems"].to_string().contains("0001 waits: november.csv is held"), "{status}");
    house.check();
    // Without the bad one the rest is complete.
    house.ctl(OPERATOR, ["file", "discard", held["id"].as_str().unwrap(), "--reason", "wrong columns"]).done();
    house.until_released(&format!("{ticket}/0001"));
    let listed = house.pull("acme", &format!("ls -1 /{ticket}/0001\n"));
    assert!(listed.contains("october.csv.age") && !listed.contains("november"), "{listed}");
    // What went is said of the file: the delivery has not ended.
    let shown = house.ctl(OPERATOR, ["delivery", "show", &format!("{ticket}/0001")]).done();
    assert_eq!((&shown["ended_by"], &shown["files"]["rows"][1]["state"]), (&serde_json::json!([]), &"purged".into()), "{shown}");
    assert!(house.explain(&format!("{ticket}/0001")).contains("november.csv is purged: discarded"));
    house.check();
}
