//! The story: one file leaves, from a ticket to a pull, as the product's first paragraph tells it.

use crate::house::{House, OPERATOR, orders, ticket_file};
use std::{fs, process::Command};

#[test]
fn one_file_leaves_under_an_approved_ticket_and_only_its_vendor_can_read_it() {
    let mut house = House::new();
    // A requester files a ticket; reviewers approve it gate by gate; an operator activates it.
    let submitted = house.submit(&ticket_file("acme")).done();
    assert_eq!(submitted["state"], "in_review");
    let ticket = submitted["ticket"].as_str().unwrap().to_owned();
    // What is dropped too early waits: no byte leaves without an approved ticket.
    let csv = orders(1_000);
    house.stage(&ticket, "orders.csv", &csv);
    let waiting = house.until_file(&ticket, "orders.csv", &["waiting"]);
    assert!(waiting["reason"].as_str().unwrap().contains("is not approved"), "{waiting}");
    house.check();
    house.approve_all(&submitted);
    assert_eq!(house.ctl(OPERATOR, ["ticket", "activate", &ticket]).done()["state"], "done");
    // The daemon checks it, encrypts it to the vendor's own key, and only then lets that vendor pull it.
    house.ready(&ticket);
    let delivery = format!("{ticket}/0001");
    house.until_released(&delivery);
    house.pull("acme", &format!("get /{delivery}/*\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), csv.as_bytes());
    // The sums fit, and they are of what the vendor has.
    let sums =
        Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(house.pulled("acme", "")).output();
    let sums = sums.unwrap();
    assert!(sums.status.success(), "{}{}", String::from_utf8_lossy(&sums.stdout), String::from_utf8_lossy(&sums.stderr));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(house.pulled("acme", "MANIFEST.json")).unwrap()).unwrap();
    eprintln!("{manifest:#} {}", house.ctl(OPERATOR, ["transfer", "list"]).done());
    // Every transfer is logged.
    house.check();
}
