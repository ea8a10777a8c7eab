//! Refusals: what may not be, asked for by everybody who would gain by it, with the code and the words that answer.

use crate::house::{AUDITOR, House, OPERATOR, REQUESTER, RESPONDER, SECURITY, gate_keeper, orders, sha256, ticket_file, until};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::symlink, process::Command};

/// A row of `file list` says why in a sentence, and `explain` says it with what to do.
#[track_caller]
fn said(house: &House, row: &Value, code: &str, words: &str) {
    let reason = row["reason"].as_str().unwrap_or_else(|| panic!("no reason: {row}"));
    assert!(reason.contains(words), "{words:?} is not in {reason:?}");
    let told = house.explain(row["id"].as_str().unwrap());
    assert!(told.contains(code) && flat(&told).contains(words), "{code} {words:?} is not in:\n{told}");
    assert!(!house.explain(code).contains("E1013"), "{code} cannot be explained");
}

/// Text as it was before it was wrapped.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn files_that_are_not_what_was_approved_are_held_with_the_reason() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme").replace("max_rows = 20000000", "min_rows = 2\nmax_rows = 5"));
    let header = "customer,month,orders\n";
    let good = orders(3);
    let cases: [(&str, String, &str, &str); 12] = [
        ("extra-column.csv", "customer,month,orders,email\na,b,1,x\nc,d,2,y\n".into(), "F3133", "email"),
        ("missing-column.csv", "customer,month\na,b\nc,d\n".into(), "F3132", "orders"),
        ("renamed-column.csv", "customer,month,order\na,b,1\nc,d,2\n".into(), "F3134", "orders"),
        ("other-order.csv", "month,customer,orders\na,b,1\nc,d,2\n".into(), "F3135", "another order"),
        ("too-many-rows.csv", orders(6), "F3105", "more rows"),
        ("too-few-rows.csv", orders(1), "F3104", "fewer rows"),
        ("no-rows.csv", header.into(), "F3103", "no rows"),
        ("empty.csv", String::new(), "F3102", "empty"),
        ("ragged.csv", format!("{header}a,b,1\nc,d\n"), "F3129", "row 2"),
        ("no-text.csv", format!("{header}a,b,1\nc,\0,2\n"), "F3113", "NUL"),
        ("open-quote.csv", format!("{header}a,b,1\nc,d,2\n\"e,f,3\n"), "F3124", "not closed"),
        ("archive.zip", good.clone(), "F3101", "not one that can be inspected"),
    ];
    for (name, bytes, ..) in &cases {
        house.stage(&ticket, name, bytes);
    }
    for (name, _, code, words) in &cases {
        let row = house.until_file(&ticket, name, &["held", "sealed"]);
        assert_eq!(row["state"], "held", "{row}");
        said(&house, &row, code, words);
        assert!(!house.explain(row["id"].as_str().unwrap()).contains("canary"), "a finding shows a value");
    }
    house.ready(&ticket);
    until("the delivery is closed", || {
        let shown = house.ctl(OPERATOR, ["delivery", "show", &format!("{ticket}/0001")]).done();
        (shown["delivery"]["state"] == "closed").then_some(())
    });
    assert!(!house.pull("acme", "ls /\n").contains("EGR-"));
    house.check();
}

#[test]
fn a_producers_manifest_is_recomputed_and_enforced() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let csv = orders(3);
    let cases = [
        ("digest.csv", format!("sha256 = \"{}\"\n", sha256(b"something else")), "F3142", "SHA-256"),
        ("rows.csv", "rows = 4\n".to_owned(), "F3143", "row count"),
        ("unknown.csv", "row = 3\n".to_owned(), "F3141", "did you mean rows?"),
    ];
    for (name, manifest, ..) in &cases {
        house.stage(&ticket, &format!("{name}.manifest.toml"), manifest);
        house.stage(&ticket, name, &csv);
    }
    for (name, _, code, words) in &cases {
        let row = house.until_file(&ticket, name, &["held", "sealed"]);
        assert_eq!(row["state"], "held", "{row}");
        said(&house, &row, code, words);
    }
    house.stage(&ticket, "good.csv.manifest.toml", format!("sha256 = \"{}\"\nrows = 3\n", sha256(csv.as_bytes())));
    house.stage(&ticket, "good.csv", &csv);
    house.until_file(&ticket, "good.csv", &["sealed"]);
    house.check();
}

#[test]
fn files_of_no_ticket_an_unapproved_one_or_one_that_is_over_are_held_or_wait() {
    let mut house = House::new();
    // No such ticket: held.
    house.stage("EGR-2026-4711", "lost.csv", orders(1));
    let row = house.until_file("EGR-2026-4711", "lost.csv", &["held"]);
    said(&house, &row, "E3101", "no ticket is called EGR-2026-4711");
    // Not approved: waits, and says for whom.
    let submitted = house.submit(&ticket_file("acme")).done();
    let waiting = submitted["ticket"].as_str().unwrap().to_owned();
    house.stage(&waiting, "early.csv", orders(1));
    let row = house.until_file(&waiting, "early.csv", &["waiting"]);
    assert!(row["reason"].as_str().unwrap().contains("not approved"), "{row}");
    let told = flat(&house.explain(row["id"].as_str().unwrap()));
    assert!(told.contains("not approved") && told.contains("reviewers"), "{told}");
    assert!(house.explain(&waiting).contains("--gate privacy"), "{}", house.explain(&waiting));
    // Approved and not activated: waits still.
    house.approve_all(&submitted);
    assert_eq!(house.until_file(&waiting, "early.csv", &["waiting", "sealed"])["state"], "waiting");
    // Rejected: it ends with its ticket.
    let rejected = house.submit(&ticket_file("acme")).done()["ticket"].as_str().unwrap().to_owned();
    house
        .ctl(
            "frank",
            ["ticket", "vote", &rejected, "--gate", "privacy", "--reject", "--because", "excess_fields", "--reason", "too much"],
        )
        .done();
    house.stage(&rejected, "late.csv", orders(1));
    let row = house.until_file(&rejected, "late.csv", &["held"]);
    said(&house, &row, "E3103", &format!("{rejected} is rejected"));
    // Over, with bytes here that are not purged yet: held, and what was released before is no longer served.
    let over = house.ticket(&ticket_file("acme").replace("retention_days = 30", "retention_days = 60"));
    let delivery = house.release(&over, "orders.csv", orders(1));
    house.restart_in_days(22);
    house.stage(&over, "late.csv", orders(1));
    let row = house.until_file(&over, "late.csv", &["held"]);
    said(&house, &row, "E3103", &format!("{over} is closing"));
    assert!(!house.sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &[]).status.success());
    house.check();
}

#[test]
fn what_is_no_plain_file_of_a_good_name_is_refused_shown_and_left_where_it_is() {
    let mut house = House::configured(|gateway| {
        crate::house::edit(&gateway.join("egressd.toml"), "max_bytes = 1099511627776", "max_bytes = 100000");
    });
    let ticket = house.ticket(&ticket_file("acme"));
    let staging = house.staging(&ticket);
    fs::create_dir_all(&staging).unwrap();
    let secret = house.path("secret.csv");
    fs::write(&secret, orders(2)).unwrap();
    symlink(&secret, staging.join("link.csv")).unwrap();
    fs::hard_link(&secret, staging.join("hard.csv")).unwrap();
    mknodat(CWD, staging.join("pipe.csv"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    fs::create_dir(staging.join("folder.csv")).unwrap();
    for name in ["con.csv", ".hidden.csv", "a.csv.age.age", "SHA256SUMS", "x\u{202e}vsc.exe", "new\nline.csv"] {
        fs::write(staging.join(name), orders(2)).unwrap();
    }
    fs::write(staging.join("large.csv"), vec![b'x'; 100_001]).unwrap();
    fs::create_dir(house.path("gateway/staging/customers")).unwrap();
    symlink(&staging, house.path("gateway/staging/EGR-2026-4712")).unwrap();
    let cases = [
        (ticket.as_str(), "link.csv", "symbolic link"),
        (&ticket, "hard.csv", "hard links"),
        (&ticket, "pipe.csv", "named pipe"),
        (&ticket, "folder.csv", "directory"),
        (&ticket, "con.csv", "Windows"),
        (&ticket, ".hidden.csv", "begin"),
        (&ticket, "a.csv.age.age", ".age"),
        (&ticket, "SHA256SUMS", "gateway"),
        (&ticket, "x\\u{202e}vsc.exe", "invisible"),
        (&ticket, "new\\nline.csv", "control"),
        (&ticket, "large.csv", "100001 bytes, more than the 100000"),
        ("", "customers", "only directories named after a ticket"),
        ("", "EGR-2026-4712", "symbolic link"),
    ];
    for (directory, name, words) in cases {
        let row = house.until_file(directory, name, &["refused"]);
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{name:?}: {words:?} is not in {reason:?}");
        if !directory.is_empty() {
            let told = flat(&house.explain(&format!("{directory}/{name}")));
            assert!(told.contains(words), "{name:?}: {words:?} is not in {told:?}");
        }
    }
    // Never followed, never lost.
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 11);
    assert_eq!(house.sql("SELECT count(*) FROM file"), ["0"]);
    assert_eq!(fs::read_to_string(&secret).unwrap(), orders(2));
    house.check();
}

#[test]
fn one_person_holds_one_gate_and_never_of_their_own_ticket() {
    let mut house = House::new();
    let ticket = house.submit(&ticket_file("acme")).done()["ticket"].as_str().unwrap().to_owned();
    house.approve("judy", &ticket, "data_owner").done();
    let before = house.log_size();
    let cases = [
        (REQUESTER, "business", "E2101"),
        (REQUESTER, "privacy", "E2101"),
        ("judy", "privacy", "E2102"),
        ("judy", "security", "E2102"),
        ("judy", "data_owner", "E2107"),
        ("frank", "security", "E1006"),
        ("dave", "privacy", "E1006"),
        (OPERATOR, "business", "E1006"),
        (RESPONDER, "security", "E1006"),
        ("olivia", "vendor_risk", "E9018"),
    ];
    for (person, gate, code) in cases {
        let told = house.approve(person, &ticket, gate).refused(code);
        assert!(told.contains("why:") && told.contains("who can fix it:"), "{told}");
    }
    assert_eq!(house.log_size(), before, "a refusal changed something");
    house.ctl(OPERATOR, ["ticket", "activate", &ticket]).refused("E2201");
    house.check();
}

#[test]
fn a_vote_counts_for_one_text_by_one_persons_key_in_one_namespace() {
    let mut house = House::new();
    let ticket = house.submit(&ticket_file("acme")).done()["ticket"].as_str().unwrap().to_owned();
    let other = house.submit(&ticket_file("umbra")).done()["ticket"].as_str().unwrap().to_owned();
    let asked = |ticket: &str| {
        let shown = house.ctl("frank", ["ticket", "show", ticket]).done();
        let gates = shown["gates"].as_array().unwrap().clone();
        let gate = gates.into_iter().find(|gate| gate["gate"] == "privacy").unwrap();
        (gate["question"].clone(), shown["under_review"].clone(), shown["policy"].clone())
    };
    let printed = |ticket: &str, more: &[&str]| {
        let vote = ["ticket", "vote", ticket, "--gate", "privacy", "--reason", "seen", "--print-text"];
        house.ctl("frank", vote.iter().chain(more)).done()["text"].as_str().unwrap().to_owned()
    };
    let text = printed(&ticket, &["--approve"]);
    let vote = |(question, revision, policy): (serde_json::Value, serde_json::Value, serde_json::Value), signature: String| {
        let ballot = json!({ "gate": "privacy", "decision": "approve", "reason": "seen" });
        json!({ "do": "ticket_vote", "ticket": ticket, "question": question, "revision": revision, "policy": policy,
                "ballot": ballot, "signature": signature })
    };
    let before = house.log_size();
    let foreign = printed(&other, &["--approve"]);
    let rejection = printed(&ticket, &["--reject", "--because", "other"]);
    let mut damaged = house.signature("frank", "egressd-vote", &text);
    damaged.replace_range(200..201, if &damaged[200..201] == "A" { "B" } else { "A" });
    let of = |signature: String| vote(asked(&ticket), signature);
    let cases = [
        ("another's signature", of(house.signature("judy", "egressd-vote", &text)), "E1016"),
        ("a signature for a request", of(house.signature("frank", "egressd-request", &text)), "E1015"),
        ("a signature over another ticket's text", of(house.signature("frank", "egressd-vote", &foreign)), "E1003"),
        ("a signature over a rejection", of(house.signature("frank", "egressd-vote", &rejection)), "E1003"),
        ("a damaged signature", of(damaged), "E1003"),
        ("no signature", of(String::new()), "E1003"),
        ("another ticket's question", vote(asked(&other), house.signature("frank", "egressd-vote", &foreign)), "E2104"),
    ];
    for (what, request, code) in cases {
        let (kind, answer) = house.ask("frank", &request);
        assert_eq!((kind.as_str(), &answer["code"]), ("refusal", &code.into()), "{what}: {answer}");
    }
    assert_eq!(house.log_size(), before, "a refusal changed something");
    let (kind, answer) = house.ask("frank", &of(house.signature("frank", "egressd-vote", &text)));
    assert_eq!(kind, "result", "{answer}");
    house.check();
}

#[test]
fn enrolment_takes_two_and_the_machines_owner_enrols_two_alone() {
    let mut house = House::new();
    let key = house.path("people/mallory");
    house.ssh_key(&key);
    let enrolment = house.enrolment("mallory", "privacy_reviewer");
    let before = house.log_size();
    let (code, told) = {
        let answer = house.owner(&enrolment);
        (answer.code, answer.stderr)
    };
    assert!(code == 1 && told.contains("E1008"), "{told}");
    house.ctl("mallory", ["status"]).refused("E1004");
    house.ctl("mallory", &enrolment).refused("E1004");
    house.ctl(RESPONDER, house.enrolment(OPERATOR, "privacy_reviewer")).refused("E1009");
    assert_eq!(house.log_size(), before, "a refusal changed something");
    // One person twice is one person.
    assert_eq!(house.ctl(OPERATOR, &enrolment).done()["state"], "waits_for_second");
    house.ctl(OPERATOR, &enrolment).refused("E1011");
    // Two of whom neither is trusted with it are not enough.
    house.ctl("frank", &enrolment).refused("E1012");
    house.ctl("mallory", ["status"]).refused("E1004");
    // Who disagrees with the roles proposes anew and completes nothing.
    assert_eq!(
        house.ctl(RESPONDER, house.enrolment("mallory", "privacy_reviewer,executive")).done()["state"],
        "waits_for_second"
    );
    house.ctl("mallory", ["status"]).refused("E1004");
    assert_eq!(house.ctl("frank", house.enrolment("mallory", "privacy_reviewer,executive")).done()["state"], "done");
    // --as grants nothing.
    house.ctl("mallory", ["--as", RESPONDER, "whoami"]).refused("E1005");
    house.check();
}

#[test]
fn a_vendors_keys_have_three_people_behind_them_and_are_keys_that_may_receive() {
    let mut house = House::new();
    let file = house.vendor_file("nova");
    house.file_vendor(REQUESTER, &file).refused("E1006");
    house.file_vendor(AUDITOR, &file).refused("E1006");
    let filed = house.file_vendor(OPERATOR, &file).done();
    let revision = filed["revision"].as_str().unwrap();
    let confirm = |person: &str, revision: &str| house.ctl(person, ["vendor", "confirm", "nova", revision]);
    confirm(OPERATOR, revision).refused("E2303");
    confirm(REQUESTER, revision).refused("E1006");
    confirm("olivia", &"0".repeat(64)).refused("E9019");
    assert_eq!(confirm("olivia", revision).done()["state"], "waits_for_second");
    confirm("olivia", revision).refused("E2303");
    // Until the third has confirmed, a ticket for it waits.
    let submitted = house.submit(&ticket_file("nova")).done();
    assert_eq!(submitted["state"], "on_hold");
    house.approve("frank", submitted["ticket"].as_str().unwrap(), "privacy").refused("E2205");
    assert_eq!(confirm(SECURITY, revision).done()["state"], "done");
    house.check();
}

#[test]
fn keys_that_cannot_receive_are_refused_when_they_are_filed_and_a_private_one_is_repeated_nowhere() {
    let mut house = House::new();
    let before = house.log_size();
    let good = house.vendor_file("nova");
    let line = |name: &str| good.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let (logins, recipients) = (line("login_keys"), line("recipients"));
    let short = house.path("short");
    crate::house::run(Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"]).arg(&short));
    let short = fs::read_to_string(short.with_extension("pub")).unwrap().trim().to_owned();
    let age_secret = fs::read_to_string(house.path("vendors/nova/age.txt")).unwrap();
    let age_secret = age_secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap().to_owned();
    let private = fs::read_to_string(house.path("vendors/nova/login")).unwrap().replace('\n', "\\n");
    let acme = fs::read_to_string(house.path("vendors/acme/login.pub")).unwrap().trim().to_owned();
    let staff = fs::read_to_string(house.path("people/frank.pub")).unwrap().trim().to_owned();
    let one = |name: &str, value: &str| format!("{name} = [\"{value}\"]");
    let cases = [
        ("a FIDO recipient", &recipients, one("recipients", &fido()), "E2305"),
        ("a short RSA recipient", &recipients, one("recipients", &short), "E2305"),
        ("a private age recipient", &recipients, one("recipients", &age_secret), "E2305"),
        ("no recipient", &recipients, "recipients = []".to_owned(), "E2001"),
        ("a recipient of nonsense", &recipients, one("recipients", "age1qqqq"), "E2305"),
        ("a short RSA login", &logins, one("login_keys", &short), "E2001"),
        ("a private age key as a login", &logins, one("login_keys", &age_secret), "E2001"),
        ("a private key under a wrong name", &logins, one("login_keyz", &age_secret), "E2001"),
        ("a private login", &logins, one("login_keys", &private), "E2001"),
        ("another vendor's login", &logins, one("login_keys", &acme), "E2304"),
        ("a login of the staff", &logins, one("login_keys", &staff), "E2304"),
        ("a network that is none", &line("addresses"), one("addresses", "127.0.0.1/8"), "E2001"),
    ];
    for (what, from, to, code) in &cases {
        let told = house.file_vendor(OPERATOR, &good.replace(from.as_str(), to)).refused(code);
        assert!(!told.contains(&age_secret[..30]) && !told.contains(&private[60..90]), "{what} was repeated: {told}");
    }
    let log = house.log();
    assert!(!log.contains(&age_secret[..30]) && !log.contains(&private[60..90]), "a private key stands in the log");
    assert_eq!(house.log_size(), before, "a refusal changed something");
    house.check();
}

/// A FIDO key as ssh-keygen -t ed25519-sk would write it. No age implementation encrypts to one.
fn fido() -> String {
    let kind = "sk-ssh-ed25519@openssh.com";
    let mut wire = Vec::new();
    for part in [kind.as_bytes(), &[7; 32], b"ssh:"] {
        wire.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        wire.extend(part);
    }
    format!("{kind} {}", STANDARD.encode(wire))
}

#[test]
fn a_sysadmin_passes_no_gate_and_nobody_acts_beyond_their_role() {
    let mut house = House::new();
    let ticket = house.submit(&ticket_file("acme")).done()["ticket"].as_str().unwrap().to_owned();
    let file = house.path("ticket.toml");
    fs::write(&file, ticket_file("acme")).unwrap();
    let file = file.to_str().unwrap();
    let before = house.log_size();
    for gate in ["business", "data_owner", "privacy", "security"] {
        for person in [AUDITOR, RESPONDER] {
            house.approve(person, &ticket, gate).refused("E1006");
        }
        assert_ne!(gate_keeper(gate), AUDITOR);
    }
    let no_file = "01890a5d-ac96-774b-bcce-b302099a8057";
    let acts: [(&str, Vec<&str>, &str); 16] = [
        (AUDITOR, vec!["ticket", "submit", file], "E1006"),
        (AUDITOR, vec!["ticket", "activate", &ticket], "E1006"),
        (AUDITOR, vec!["ticket", "withdraw", &ticket, "--reason", "x"], "E1006"),
        (AUDITOR, vec!["revoke", "vendor", "acme", "--reason", "x"], "E1006"),
        (AUDITOR, vec!["freeze", "--reason", "x"], "E1006"),
        (AUDITOR, vec!["unfreeze", "--reason", "x"], "E1006"),
        (AUDITOR, vec!["purge"], "E1006"),
        (AUDITOR, vec!["delivery", "close", &ticket], "E1006"),
        (AUDITOR, vec!["file", "discard", no_file, "--reason", "x"], "E1006"),
        (AUDITOR, vec!["file", "recheck", no_file], "E1006"),
        (OPERATOR, vec!["revoke", "vendor", "acme", "--reason", "x"], "E1006"),
        (OPERATOR, vec!["freeze", "--reason", "x"], "E1006"),
        (REQUESTER, vec!["ticket", "activate", &ticket], "E1006"),
        (OPERATOR, vec!["ticket", "activate", &ticket], "E2201"),
        (RESPONDER, vec!["revoke", "vendor", "nobody", "--reason", "x"], "E2007"),
        (RESPONDER, vec!["revoke", "vendor", "acme", "--reason", " "], "E2105"),
    ];
    for (person, arguments, code) in acts {
        let told = house.ctl(person, &arguments).refused(code);
        assert!(told.contains("command:"), "{told}");
    }
    assert_eq!(house.log_size(), before, "a refusal changed something");
    house.check();
}
