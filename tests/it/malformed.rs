//! Malformed: what is not understood is answered with its place, and changes nothing.

use crate::house::{House, OPERATOR, PROGRAM, REQUESTER, answer, edit, send, ticket_file};
use serde_json::json;
use std::{fs, io::Write, process::Command};

#[test]
fn a_malformed_ticket_is_located_and_changes_nothing() {
    let mut house = House::new();
    let good = ticket_file("acme");
    let before = house.log_size();
    let cases = [
        ("justification =", "justificaton =", "E2012", vec!["line 5", "did you mean justification?"]),
        (
            "class = \"pseudonym\"",
            "clas = \"pseudonym\"",
            "E2012",
            vec!["line 38", "did you mean class?", "field[1].class is missing"],
        ),
        ("class = \"pseudonym\"", "class = \"pseudonim\"", "E2012", vec!["line 38", "did you mean pseudonym?"]),
        ("type = \"integer\"", "type = \"int\"", "E2012", vec!["line 53", "integer"]),
        ("retention_days = 30", "retention_days = 61", "E2012", vec!["line 8", "1 to 60", "T1"]),
        ("retention_days = 30", "retention_days = -1", "E2012", vec!["line 8"]),
        ("retention_days = 30", "retention_days = \"30\"", "E2012", vec!["line 8"]),
        ("name = \"customer\"", "name = \"cust*\"", "E2012", vec!["line 36", "could mean anything"]),
        ("name = \"customer\"", "name = \"everything\"", "E2012", vec!["line 36", "collective"]),
        ("name = \"customer\"", "name = \"orders\"", "E2012", vec!["named twice"]),
        ("vendor = \"acme\"", "vendor = \"acne\"", "E2007", vec!["acne"]),
        ("ticket = 1", "ticket = 2", "E2012", vec!["it reads 1"]),
        ("treatment = \"as_is\"", "treatment = \"mask\"", "E2012", vec!["field[1].treatment", "mask"]),
        ("[limits]", "[limits", "E2012", vec!["line 33"]),
        ("title = ", "title = \"twice\"\ntitle = ", "E2012", vec!["line 3"]),
    ];
    for (from, to, code, words) in cases {
        assert!(good.contains(from), "{from}");
        let told = house.submit(&good.replacen(from, to, 1)).refused(code);
        for word in words {
            assert!(told.contains(word), "{to}: {word:?} is not in\n{told}");
        }
    }
    for (what, text) in [("nothing", String::new()), ("deep nesting", format!("a = {}", "[".repeat(100_000)))] {
        let answer = house.submit(&text);
        assert_eq!(answer.code, 1, "{what}: {}", answer.stderr);
    }
    // Too long, or no text: it is not even sent.
    let answer = house.submit(&format!("{good}# {}", "x".repeat(300_000)));
    assert!(answer.code == 2 && answer.stderr.contains("E9016"), "{}", answer.stderr);
    let file = house.path("no-text.toml");
    fs::write(&file, b"ticket = 1 # \xff").unwrap();
    let answer = house.ctl(REQUESTER, ["ticket", "submit", file.to_str().unwrap()]);
    assert!(answer.code == 2 && answer.stderr.contains("not UTF-8"), "{}", answer.stderr);
    assert_eq!(house.log_size(), before, "a refusal changed something");
    house.check();
}

#[test]
fn a_malformed_vendor_is_located_and_changes_nothing() {
    let mut house = House::new();
    let good = house.vendor_file("nova");
    let before = house.log_size();
    let cases = [
        ("recipients =", "recipient =", "E2001", vec!["line 6", "did you mean recipients?"]),
        ("contact =", "kontakt =", "E2001", vec!["line 4", "did you mean contact?"]),
        ("id = \"nova\"", "id = \"Nova Inc\"", "E2001", vec!["line 2"]),
        ("valid_until = \"2", "valid_until = \"x2", "E2001", vec!["line 11", "is not a day"]),
        ("127.0.0.0/8", "127.0.0.0/80", "E2001", vec!["line 7", "no address or network"]),
    ];
    for (from, to, code, words) in cases {
        assert!(good.contains(from), "{from}");
        let told = house.file_vendor(OPERATOR, &good.replacen(from, to, 1)).refused(code);
        for word in words {
            assert!(told.contains(word), "{to}: {word:?} is not in\n{told}");
        }
    }
    assert_eq!(house.log_size(), before, "a refusal changed something");
    house.check();
}

#[test]
fn a_malformed_configuration_or_policy_is_located_by_check_and_never_served() {
    let mut house = House::new();
    house.terminate();
    let files = ["egressd.toml", "policy.toml"].map(|name| (name, fs::read_to_string(house.gateway().join(name)).unwrap()));
    let cases = [
        ("egressd.toml", "settle_seconds", "settel_seconds", vec!["egressd.toml", "LINE", "did you mean settle_seconds?"]),
        ("egressd.toml", "[sftp]", "[sftpp]", vec!["LINE", "did you mean sftp?"]),
        ("egressd.toml", "ciphers = \"aes\"", "ciphers = \"des\"", vec!["LINE"]),
        ("egressd.toml", "hosts = []", "hosts = [\"a b\"]", vec!["https.hosts", "without a port"]),
        ("egressd.toml", "egressd = 1", "egressd = 2", vec!["this program reads 1"]),
        ("egressd.toml", "settle_seconds = 1", "settle_seconds = 0", vec!["at least 1"]),
        ("policy.toml", "[tiers.T2]", "[tiers.T4]", vec!["policy.toml", "LINE"]),
        ("policy.toml", "quasi_identifier = true", "quasi_identifer = true", vec!["did you mean quasi_identifier?"]),
        ("policy.toml", "gates = [\"business\", \"security\"]", "gates = [\"busines\", \"security\"]", vec!["LINE", "business"]),
        ("policy.toml", "gates = [\"business\", \"security\"]", "gates = [\"security\"]", vec!["tiers.T0.gates lacks business"]),
        ("policy.toml", "most = 90", "most = 9000", vec!["at most 366"]),
    ];
    for (name, from, to, words) in cases {
        let file = house.gateway().join(name);
        edit(&file, from, to);
        let output = Command::new(PROGRAM).args(["check", "--config"]).arg(house.configuration()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{to}: {told}");
        let line = fs::read_to_string(&file).unwrap().lines().position(|line| line.contains(to)).unwrap() + 1;
        for word in words {
            let word = if word == "LINE" { format!("line {line}, ") } else { word.to_owned() };
            assert!(told.contains(&word), "{to}: {word:?} is not in\n{told}");
        }
        assert!(house.refuses_to_start().contains(&told), "serve says something else than check");
        for (name, text) in &files {
            fs::write(house.gateway().join(name), text).unwrap();
        }
    }
    let output = Command::new(PROGRAM).args(["check", "--config"]).arg(house.configuration()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    house.restart();
    house.check();
}

#[test]
fn malformed_control_requests_are_answered_or_dropped_and_change_nothing() {
    let mut house = House::new();
    let before = house.log_size();
    let cases = [
        (json!({}), "E1001"),
        (json!({ "do": "everything" }), "E1001"),
        (json!({ "do": "ticket_show" }), "E1001"),
        (json!({ "do": "ticket_show", "ticket": "EGR-1" }), "E1001"),
        (json!({ "do": "status", "more": 1 }), "E1001"),
        (json!({ "do": "ticket_show", "ticket": "EGR-2026-9999" }), "E2002"),
        (json!({ "do": "revoke", "scope": { "kind": "moon", "id": "x" }, "reason": "x" }), "E1001"),
        (json!({ "do": "audit_tail", "count": -1 }), "E1001"),
        (json!([1, 2, 3]), "E1001"),
        (json!("status"), "E1001"),
    ];
    for (request, code) in cases {
        let (kind, answer) = house.ask(OPERATOR, &request);
        assert_eq!((kind.as_str(), &answer["code"]), ("refusal", &code.into()), "{request}: {answer}");
    }
    // A recorded call is worth nothing on another connection.
    let (_, nonce) = house.knock();
    let request = json!({ "do": "status" }).to_string();
    let signed = json!({ "nonce": nonce, "request": request, "v": 1 }).to_string();
    let signature = house.signature(OPERATOR, "egressd-request", &signed);
    let (mut other, _) = house.knock();
    let call = json!({ "call": { "v": 1, "request": request, "signature": signature } }).to_string();
    send(&mut other, call.as_bytes()).unwrap();
    let (kind, told) = answer(&mut other).unwrap();
    assert_eq!((kind.as_str(), &told["code"]), ("refusal", &"E1003".into()), "{told}");
    assert_eq!(house.log_size(), before, "a refusal changed something");
    house.check();
}

#[test]
fn ten_thousand_frames_of_garbage_cost_the_daemon_nothing_and_its_log_little() {
    let mut house = House::new();
    let (before, said) = (house.log_size(), house.log().len());
    let long = vec![b'['; 200_000];
    for i in 0_u32..10_000 {
        let (mut stream, _) = house.knock();
        // The daemon may have closed already what it will not read.
        match i % 10 {
            0 => stream.write_all(&0_u32.to_be_bytes()),
            1 => stream.write_all(&u32::MAX.to_be_bytes()),
            2 => stream.write_all(&1_114_113_u32.to_be_bytes()),
            3 => send(&mut stream, b"{}"),
            4 => send(&mut stream, &i.to_le_bytes()),
            5 => send(&mut stream, br#"{"call":{"v":1,"request":"{}","signature":"x"}}"#),
            6 => send(&mut stream, br#"{"call":{"v":9,"request":"{}"}}"#),
            7 => send(&mut stream, if i % 100 == 7 { &long } else { b"[[[[[[[[" }),
            8 => stream.write_all(&[0, 0, 1]),
            _ => b"\0\0\0\x40{\"call\"".iter().try_for_each(|byte| stream.write_all(&[*byte])),
        }
        .ok();
        // Half of them wait for what they are told; the others leave at once.
        if i % 10 < 8
            && i % 20 < 10
            && let Some((kind, told)) = answer(&mut stream)
        {
            assert!(kind == "refusal" || kind == "fault", "{kind}: {told}");
        }
    }
    assert!(house.is_alive());
    assert_eq!(house.log_size(), before, "garbage changed something");
    let more = house.log().len() - said;
    assert!(more < 64 << 10, "the daemon's log grew by {more} bytes");
    assert!(house.rss() < 150 << 20, "{} bytes resident", house.rss());
    house.check();
}
