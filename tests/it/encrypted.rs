//! Staged files that come encrypted to the gateway: decrypted in the stream, inspected like any other, never on a disk in clear.

use crate::house::{CANARY, House, OPERATOR, orders, run, ticket_file};
use std::{fs, process::Command};

/// Encrypts with Debian's age, as a producer does.
fn encrypted(house: &House, plain: &str, options: &[&str]) -> Vec<u8> {
    // Elsewhere than on the gateway's machine, in truth.
    let file = house.path(format!("producer-{}", uuid::Uuid::new_v4()));
    fs::write(&file, plain).unwrap();
    let output = Command::new("age").args(options).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(&file).unwrap();
    output.stdout
}

fn recipient(house: &House) -> String {
    house.ctl(OPERATOR, ["key", "show-recipient"]).done()["recipient"].as_str().unwrap().to_owned()
}

#[test]
fn a_file_that_came_encrypted_is_inspected_and_released_and_its_plaintext_touched_no_disk() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let plain = orders(5_000);
    let file = encrypted(&house, &plain, &["-r", &recipient(&house)]);
    let sha256 = crate::house::sha256(plain.as_bytes());
    house.stage(&ticket, "orders.csv.age.manifest.toml", format!("rows = 5000\nsha256 = \"{sha256}\"\n"));
    house.stage(&ticket, "orders.csv.age", file);
    house.ready(&ticket);
    house.until_released(&format!("{ticket}/0001"));
    house.pull("acme", &format!("get /{ticket}/0001/*\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), plain.as_bytes());
    let listed = fs::read_to_string(house.pulled("acme", "MANIFEST.json")).unwrap();
    assert!(listed.contains("\"name\":\"orders.csv.age\"") && listed.contains("\"rows\":5000"), "{listed}");
    // Nowhere below the gateway's directory, staging included.
    let found = Command::new("grep").args(["-r", "-l", "-a", "-F", CANARY]).arg(house.gateway()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "plaintext lies on the disk");
    house.check();
}

#[test]
fn what_the_gateway_cannot_decrypt_or_was_not_approved_is_held_with_what_to_do() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let recipient = recipient(&house);
    let somebody = run(Command::new("age-keygen").arg("-y").arg(house.path("vendors/acme/age.txt")));
    let good = encrypted(&house, &orders(100), &["-r", &recipient]);
    for (name, bytes, finding) in [
        ("foreign.csv.age", encrypted(&house, &orders(100), &["-r", somebody.trim()]), "F3107"),
        ("armoured.csv.age", encrypted(&house, &orders(100), &["-a", "-r", &recipient]), "F3107"),
        ("clear.csv.age", orders(100).into_bytes(), "F3107"),
        ("short.csv.age", good[..good.len() - 1].to_vec(), "F3108"),
        ("wrong.csv.age", encrypted(&house, "customer,month,salary\na,b,1\n", &["-r", &recipient]), "F3133"),
    ] {
        house.stage(&ticket, name, bytes);
        let file = house.until_file(&ticket, name, &["held"]);
        let shown = house.ctl(OPERATOR, ["file", "show", file["id"].as_str().unwrap()]).done();
        let codes: Vec<&str> = shown["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
        assert!(codes.contains(&finding), "{name}: {codes:?}");
    }
    house.check();
}

#[test]
fn an_encrypted_file_and_a_clear_one_that_would_be_served_under_one_name_are_not_both_taken() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    house.stage(&ticket, "orders.csv", orders(10));
    house.until_file(&ticket, "orders.csv", &["sealed"]);
    house.stage(&ticket, "orders.csv.age", encrypted(&house, &orders(10), &["-r", &recipient(&house)]));
    let file = house.until_file(&ticket, "orders.csv.age", &["held"]);
    let why = house.explain(file["id"].as_str().unwrap());
    assert!(why.contains("E3106"), "{why}");
    house.check();
}
