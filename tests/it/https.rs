//! HTTPS with Debian's curl against the release program: certificates, tokens, breaks, revocations.

use crate::house::{House, OPERATOR, RESPONDER, SECURITY, orders, run, ticket_file};
use serde_json::Value;
use std::{
    fs,
    process::{Command, Stdio},
};

/// Rows that a client which takes 4 MiB a second is busy with for a while.
const ROWS: usize = 400_000;

fn status(command: &mut Command) -> String {
    let output = command.args(["-o", "/dev/null", "-w", "%{http_code}"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_vendor_fetches_by_certificate_and_by_token_and_loses_each_by_a_revocation() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let csv = orders(2_000);
    let delivery = house.release(&ticket, "orders.csv", &csv);
    let listing = run(house.curl("acme").arg(house.url(&format!("{delivery}/"))));
    let listing: Value = serde_json::from_str(&listing).unwrap();
    let names: Vec<_> = listing["entries"].as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["MANIFEST.json", "SHA256SUMS", "orders.csv.age"]);
    let page = run(house.curl("acme").args(["-H", "Accept: text/html"]).arg(house.url("")));
    assert!(page.contains(&format!("<a href=\"/{ticket}/\">")), "{page}");
    for name in ["MANIFEST.json", "SHA256SUMS", "orders.csv.age"] {
        run(house.curl("acme").args(["-O", "-J"]).arg(house.url(&format!("{delivery}/{name}"))));
        assert!(house.pulled("acme", name).exists(), "under the name that the gateway gives it");
    }
    run(Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(house.pulled("acme", "")));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), csv.as_bytes());
    let file = house.url(&format!("{delivery}/orders.csv.age"));
    assert_eq!(status(house.curl("umbra").arg(&file)), "404");
    assert!(!house.curl("acme").args(["--tls-max", "1.2"]).arg(&file).output().unwrap().status.success());
    // A token: one person makes it, another confirms it.
    let made = house.ctl(OPERATOR, ["vendor", "token", "acme", "--until", &crate::house::day(30)]).done();
    let (secret, token) = (made["secret"].as_str().unwrap(), made["token"].as_str().unwrap());
    let bearer = format!("Authorization: Bearer {secret}");
    let by_token = || status(house.bare_curl("acme").args(["-H", &bearer]).arg(&file));
    assert_eq!(by_token(), "401", "nobody has confirmed it");
    house.ctl(OPERATOR, ["vendor", "confirm-token", "acme", token]).refused("E1011");
    house.ctl(SECURITY, ["vendor", "confirm-token", "acme", token]).done();
    house.ctl(SECURITY, ["vendor", "confirm-token", "acme", token]).refused("E2308");
    assert_eq!(by_token(), "200");
    let database = fs::read(house.state().join("ledger.db")).unwrap();
    assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()), "its text is nowhere");
    house.ctl(RESPONDER, ["revoke", "key", token, "--reason", "found in a repository"]).done();
    assert_eq!(by_token(), "401");
    assert_eq!(status(house.curl("acme").arg(&file)), "200", "the certificate is another key");
    let keys = house.ctl(OPERATOR, ["key", "list", "--vendor", "acme"]).done();
    let key = |usage: &str| keys["rows"].as_array().unwrap().iter().find(|row| row["use"] == usage).unwrap().clone();
    assert_eq!((&key("token")["state"], &key("tls")["state"]), (&"revoked".into(), &"active".into()));
    house.ctl(RESPONDER, ["revoke", "key", key("tls")["key"].as_str().unwrap(), "--reason", "lost"]).done();
    assert_eq!(status(house.curl("acme").arg(&file)), "401");
    house.check();
}

#[test]
fn a_pull_that_the_gateways_death_broke_off_goes_on_and_ends_as_the_same_file() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let path = format!("{delivery}/orders.csv.age");
    let mut slow = house.curl("acme");
    let mut slow = slow.args(["--limit-rate", "4M", "-O"]).arg(house.url(&path)).stderr(Stdio::null()).spawn().unwrap();
    house.until_pulled("acme", "orders.csv.age", 1 << 20);
    house.kill9();
    assert!(!slow.wait().unwrap().success(), "a part is no success");
    house.restart();
    run(house.curl("acme").args(["-C", "-", "-O"]).arg(house.url(&path)));
    run(house.curl("acme").arg("-O").arg(house.url(&format!("{delivery}/SHA256SUMS"))));
    run(Command::new("sha256sum").args(["-c", "--strict", "SHA256SUMS"]).current_dir(house.pulled("acme", "")));
    house.check();
}

#[test]
fn a_revocation_cuts_a_running_curl_and_the_receipt_is_not_short() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let path = format!("{delivery}/orders.csv.age");
    let mut curls: Vec<_> = (0..3)
        .map(|n| {
            let mut curl = house.curl("acme");
            let range = format!("{}-", n * 1_000_000);
            curl.args(["--limit-rate", "4M", "-r", &range, "-o", &format!("part-{n}")]).arg(house.url(&path));
            curl.stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for n in 0..3 {
        house.until_pulled("acme", &format!("part-{n}"), 1 << 20);
    }
    let receipt = house.ctl(RESPONDER, ["revoke", "vendor", "acme", "--reason", "a drill"]).done();
    let sessions = receipt["sessions"]["rows"].as_array().unwrap();
    assert_eq!(sessions.len(), 3, "{receipt}");
    let most: u64 = sessions.iter().map(|session| session["transfers"][0]["bytes"].as_u64().unwrap()).sum();
    for curl in &mut curls {
        assert!(!curl.wait().unwrap().success());
    }
    let got: u64 = (0..3).map(|n| fs::metadata(house.pulled("acme", &format!("part-{n}"))).unwrap().len()).sum();
    assert!(got <= most, "{got} bytes came, the receipt says {most}");
    assert_eq!(status(house.curl("acme").arg(house.url(&path))), "401");
    let transfers = house.ctl(OPERATOR, ["transfer", "list"]).done();
    let of_file: Vec<_> = transfers["rows"].as_array().unwrap().iter().filter(|row| row["path"] == format!("/{path}")).collect();
    assert_eq!((of_file.len(), &of_file[0]["how"], &of_file[0]["protocol"]), (1, &"severed".into(), &"https".into()));
    house.check();
}
