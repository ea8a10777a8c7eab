//! Reload: SIGHUP changes what runs, whole or not at all. What a new policy no longer allows is cut; what is wrong in any file
//! changes nothing and is named.

use crate::house::{AUDITOR, House, OPERATOR, edit, orders, run, ticket_file, until};
use crate::internal;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

const T1: &str = "[tiers.T1]\ngates = [\"business\", \"data_owner\", \"privacy\", \"security\"]";
const T1_TIGHTER: &str = "[tiers.T1]\ngates = [\"business\", \"data_owner\", \"privacy\", \"security\", \"vendor_risk\"]";
/// A client that takes its time over a file that no buffer holds.
const SLOWLY: [&str; 2] = ["-l", "16384"];
const ROWS: usize = 700_000;

fn hangup(house: &House) {
    kill_process(Pid::from_raw(i32::try_from(house.pid()).unwrap()).unwrap(), Signal::HUP).unwrap();
}

fn status(house: &House) -> Value {
    house.ctl(OPERATOR, ["status"]).done()
}

/// Reloads that this run has tried.
fn attempts(house: &House) -> f64 {
    let (_, metrics) = internal::get(house, "/metrics");
    ["done", "refused"]
        .map(|outcome| internal::value(&metrics, &format!("egressd_reloads_total{{outcome=\"{outcome}\"}}")))
        .iter()
        .sum()
}

/// Sends SIGHUP and waits for its outcome. Two that are alike are two: they are counted.
#[track_caller]
pub fn reload(house: &House) -> Value {
    let before = attempts(house);
    hangup(house);
    until("the reload has an outcome", || (attempts(house) > before).then_some(()));
    status(house)["reload"].clone()
}

/// The status without what every look and every attempt changes.
fn standing(house: &House) -> String {
    let mut status = status(house);
    for member in ["reload", "problems", "disks"] {
        status.as_object_mut().unwrap().remove(member);
    }
    status.to_string()
}

/// Events of a kind in the log, the oldest first.
fn events(house: &House, kind: &str) -> Vec<Value> {
    let rows = house.ctl(AUDITOR, ["audit", "tail", "--count", "200"]).done();
    rows["rows"].as_array().unwrap().iter().filter(|row| row["event"] == kind).cloned().collect()
}

#[test]
fn a_policy_that_tightens_cuts_a_running_pull_hides_the_delivery_and_holds_over_a_restart() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let client = house.start_sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &SLOWLY);
    house.until_pulled("acme", "orders.csv.age", 2 << 20);
    let policy = status(&house)["policy"].clone();
    house.change_policy(T1, T1_TIGHTER);
    let reload = reload(&house);
    assert_eq!((&reload["outcome"], &reload["why"]), (&"done".into(), &Value::Null), "{reload}");
    assert!(!client.wait_with_output().unwrap().status.success(), "the client noticed nothing");
    assert_ne!(status(&house)["policy"], policy);
    // The leaf of the reload comes before the record of what it cut.
    let leaf = |kind: &str| until("it is recorded", || events(&house, kind).last().cloned())["leaf"].as_u64().unwrap();
    assert_eq!(reload["leaf"], leaf("reloaded"));
    assert!(leaf("reloaded") < leaf("cut"), "{}", house.log());
    let hidden = |house: &House| {
        let shown = house.ctl(OPERATOR, ["ticket", "show", &ticket]).done();
        assert_eq!(shown["state"], "suspended", "{shown}");
        assert!(!house.pull("acme", "ls /\n").contains("EGR-"));
        assert!(!house.sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &[]).status.success());
    };
    hidden(&house);
    house.check();
    house.restart();
    hidden(&house);
    assert_eq!(status(&house)["reload"], Value::Null, "this run has not been reloaded");
    // And under one that asks less again two people let it go on: the old votes answer the old question.
    until("the suspension is on record", || events(&house, "ticket_suspended").pop());
    house.change_policy(T1_TIGHTER, T1);
    assert_eq!(self::reload(&house)["outcome"], "done");
    assert_eq!(house.ctl(OPERATOR, ["ticket", "show", &ticket]).done()["state"], "suspended");
    house.resume(&ticket);
    assert_eq!(house.ctl(OPERATOR, ["ticket", "show", &ticket]).done()["state"], "active");
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    house.check();
}

#[test]
fn an_error_in_any_file_and_a_change_that_needs_a_restart_leave_everything_as_it_was_and_are_named() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    house.release(&ticket, "orders.csv", orders(3));
    let before = standing(&house);
    let keys = house.path("gateway/keys");
    let foreign = house.path("foreign");
    house.ssh_key(&foreign);
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o600)).unwrap();
    // Each edit is of one file and would change something else besides, if half of it counted.
    let edits: [(&str, &str, &str, &[&str]); 10] = [
        ("egressd.toml", "held_hours = 72", "held_hours = 24\nheld_ours = 1", &["egressd.toml", "line", "held_ours"]),
        ("egressd.toml", "held_hours = 72", "held_hours = 0", &["egressd.toml", "held_hours"]),
        ("egressd.toml", "\"aes\"  ", "\"rot13\"", &["egressd.toml", "line", "rot13"]),
        ("policy.toml", T1, "[tiers.T1]\ngates = [\"privacy\"]", &["policy.toml", "lacks business"]),
        ("policy.toml", "policy = 1", "policy = = 1", &["policy.toml", "line"]),
        ("egressd.toml", "keys/ssh_host_ed25519\"", "keys/nobody\"", &["keys/nobody", "No such file"]),
        ("egressd.toml", "state = \"state\"", "state = \"elsewhere\"", &["paths.state", "paths.control_socket", "restart"]),
        ("egressd.toml", "[sftp]\nlisten = [\"127.0.0.1:0", "[sftp]\nlisten = [\"127.0.0.1:1", &["sftp.listen", "restart"]),
        (
            "egressd.toml",
            "[internal]\nlisten = [\"127.0.0.1:0",
            "[internal]\nlisten = [\"127.0.0.1:1",
            &["internal.listen", "restart"],
        ),
        ("egressd.toml", "keys/master.key", "keys/other.key", &["keys.master", "restart"]),
    ];
    fs::copy(keys.join("master.key"), keys.join("other.key")).unwrap();
    for (file, from, to, named) in edits {
        let path = house.path("gateway").join(file);
        let good = fs::read(&path).unwrap();
        if file == "egressd.toml" && from.contains("state = ") {
            edit(&path, "control_socket = \"state/control.sock\"", "control_socket = \"elsewhere/control.sock\"");
        }
        edit(&path, from, to);
        let attempt = reload(&house);
        let why = attempt["why"].as_str().unwrap_or_else(|| panic!("{to} was taken: {attempt}"));
        assert!(named.iter().all(|word| why.contains(word)), "{named:?}: {why}");
        assert_eq!(standing(&house), before, "{to}");
        fs::write(&path, good).unwrap();
    }
    // Keys whose files hold something else: garbage, another key, one that others may read.
    for (key, content, mode, named) in [
        ("ssh_host_ed25519", b"garbage".to_vec(), 0o400, "ssh_host_ed25519"),
        ("ssh_host_ed25519", fs::read(&foreign).unwrap(), 0o444, "may be read by others"),
        ("master.key", b"garbage".to_vec(), 0o400, "not a master key file"),
        ("log.key", b"garbage".to_vec(), 0o400, "not a log key"),
    ] {
        let path = keys.join(key);
        let good = fs::read(&path).unwrap();
        let write = |bytes: &[u8], mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        write(&content, mode);
        let attempt = reload(&house);
        assert!(attempt["why"].as_str().unwrap().contains(named), "{attempt}");
        assert_eq!(standing(&house), before, "{key}");
        write(&good, 0o400);
    }
    let problems = status(&house)["problems"].to_string();
    assert!(problems.contains("was refused") && house.log().contains("not reloaded"), "{problems}");
    assert_eq!(reload(&house)["outcome"], "done");
    assert_eq!(status(&house)["problems"], serde_json::json!([]));
    house.check();
}

#[test]
fn new_connections_meet_the_new_host_key_and_running_ones_go_on() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let running = house.start_sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &SLOWLY);
    house.until_pulled("acme", "orders.csv.age", 1 << 20);
    let key = house.path("gateway/keys/ssh_host_ed25519");
    let (public, first, second) = (key.with_extension("pub"), house.path("first.pub"), house.path("second"));
    house.ssh_key(&second);
    fs::rename(&second, &key).unwrap();
    assert_eq!(reload(&house)["outcome"], "done");
    // Who knows the gateway by its first key meets another; who was told the second one does not wonder.
    let refused = house.sftp("umbra", "ls /\n", &[]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("IDENTIFICATION HAS CHANGED"), "{refused:?}");
    fs::rename(&public, &first).unwrap();
    fs::rename(second.with_extension("pub"), &public).unwrap();
    house.pull("umbra", "ls /\n");
    let done = running.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(house.decrypt("acme", "orders.csv.age"), orders(ROWS).as_bytes());
    house.check();
}

/// A certificate of its own for the gateway, by Debian's openssl, as two files.
fn certificate(certificate: &Path, key: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "30", "-subj", "/CN=gateway"]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    run(openssl.arg("-out").arg(certificate).arg("-keyout").arg(key));
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Who a new connection by HTTPS meets: the certificate, in openssl's words.
fn met(house: &House) -> String {
    let at = format!("127.0.0.1:{}", house.https_port());
    let mut client = Command::new("openssl");
    let output = client.args(["s_client", "-connect", &at, "-tls1_3"]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, from) = said.split_once("-----BEGIN CERTIFICATE-----").unwrap_or_else(|| panic!("no certificate: {output:?}"));
    from.split_once("-----END CERTIFICATE-----").unwrap().0.split_whitespace().collect()
}

/// The same of a file.
fn written(path: &Path) -> String {
    fs::read_to_string(path).unwrap().lines().filter(|line| !line.starts_with("-----")).collect()
}

#[test]
fn new_connections_meet_the_new_certificate_and_answer_to_the_new_names_and_running_ones_go_on() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let path = format!("{delivery}/orders.csv.age");
    let (shown, key) = (house.path("gateway/keys/tls.crt"), house.path("gateway/keys/tls.key"));
    let first = house.path("first.crt");
    fs::copy(&shown, &first).unwrap();
    let mut running = house.curl("acme");
    let mut running = running.args(["--limit-rate", "4M", "-O"]).arg(house.url(&path)).spawn().unwrap();
    house.until_pulled("acme", "orders.csv.age", 1 << 20);
    assert_eq!(met(&house), written(&first));
    certificate(&shown, &key);
    assert_eq!(reload(&house)["outcome"], "done");
    assert_eq!(met(&house), written(&shown));
    // Who trusts the first certificate alone turns back; who was told the second one does not wonder.
    let refused = house.curl("acme").arg("--cacert").arg(&first).arg(house.url("")).output().unwrap();
    assert_eq!(refused.status.code(), Some(60), "{refused:?}");
    run(house.curl("acme").arg(house.url("")));
    // The names are the door's too.
    let named = |name: &str| house.curl("acme").args(["-H", &format!("Host: {name}")]).arg(house.url("")).output().unwrap();
    assert!(!named("pull.example").status.success());
    house.configure("hosts = []", "hosts = [\"pull.example\"]");
    assert_eq!(reload(&house)["outcome"], "done");
    assert!(named("pull.example").status.success() && !named("localhost").status.success());
    assert!(running.wait().unwrap().success(), "{}", house.log());
    assert_eq!(house.decrypt("acme", "orders.csv.age"), orders(ROWS).as_bytes());
    house.check();
}

#[test]
fn a_certificate_that_cannot_be_served_leaves_everything_as_it_was_and_is_named() {
    let mut house = House::new();
    let before = standing(&house);
    let (shown, key) = (house.path("gateway/keys/tls.crt"), house.path("gateway/keys/tls.key"));
    let first = written(&shown);
    let (other, others_key) = (house.path("other.crt"), house.path("other.key"));
    certificate(&other, &others_key);
    for (file, content, mode, named) in [
        (&shown, b"garbage".to_vec(), 0o644, "no certificate"),
        (&shown, b"garbage".to_vec(), 0o644, "no certificate"),
        (&shown, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(), 0o644, "cannot be read"),
        (&shown, fs::read(&other).unwrap(), 0o644, "certificate and key"),
        (&key, b"garbage".to_vec(), 0o400, "not a private key"),
        (&key, fs::read(&others_key).unwrap(), 0o400, "certificate and key"),
        (&key, fs::read(&key).unwrap(), 0o444, "may be read by others"),
    ] {
        let good = fs::read(file).unwrap();
        let good_mode = fs::metadata(file).unwrap().permissions();
        fs::write(file, content).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        let attempt = reload(&house);
        let why = attempt["why"].as_str().unwrap_or_else(|| panic!("{named:?} was taken: {attempt}"));
        assert!(why.contains(named) && why.contains("keys/tls."), "{named:?}: {why}");
        assert_eq!((standing(&house), met(&house)), (before.clone(), first.clone()), "{named}");
        fs::write(file, good).unwrap();
        fs::set_permissions(file, good_mode).unwrap();
    }
    let https = "[https]\nlisten = [\"127.0.0.1:0";
    for (from, to, named) in [
        (https, "[https]\nlisten = [\"127.0.0.1:1", ["https.listen", "restart"]),
        ("hosts = []", "hosts = [\"a b\"]", ["https.hosts", "a b"]),
        ("tls_key = ", "# tls_key = ", ["https.listen", "keys.tls_key"]),
    ] {
        house.configure(from, to);
        let attempt = reload(&house);
        let why = attempt["why"].as_str().unwrap_or_else(|| panic!("{to} was taken: {attempt}"));
        assert!(named.iter().all(|word| why.contains(word)), "{named:?}: {why}");
        assert_eq!((standing(&house), met(&house)), (before.clone(), first.clone()), "{to}");
        house.configure(to, from);
    }
    assert_eq!(reload(&house)["outcome"], "done");
    house.check();
}

#[test]
fn a_storm_of_signals_ends_nothing_and_is_a_few_reloads() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(ROWS));
    let client = house.start_sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &SLOWLY);
    house.until_pulled("acme", "orders.csv.age", 1 << 20);
    for _ in 0..100 {
        hangup(&house);
    }
    assert_eq!(reload(&house)["outcome"], "done");
    let done = client.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(house.decrypt("acme", "orders.csv.age"), orders(ROWS).as_bytes());
    let reloads = events(&house, "reloaded").len();
    assert!((1..=101).contains(&reloads), "{reloads}");
    assert!(events(&house, "cut").is_empty(), "somebody was cut");
    house.check();
}

/// strace over the calls of one kind on one of the ledger's files, killing at the entry of the `at`-th, if there is to be one.
fn on(house: &House, call: &str, file: &str, at: Option<usize>) -> Vec<String> {
    let (trace, path) = (house.path("trace"), house.state().join(file));
    let mut program = ["strace", "-D", "-f", "-qq", "-o", trace.to_str().unwrap(), "-P", path.to_str().unwrap(), "-e"]
        .map(String::from)
        .to_vec();
    program.push(format!("trace={call}"));
    if let Some(at) = at {
        program.extend(["-e".to_owned(), format!("inject={call}:signal=KILL:when={at}")]);
    }
    program
}

fn restart_on(house: &mut House, call: &str, file: &str, at: Option<usize>) -> usize {
    let program = on(house, call, file, at);
    house.restart_under(&program.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    fs::read_to_string(house.path("trace")).unwrap().lines().filter(|line| line.contains(call)).count()
}

#[test]
fn killed_around_the_leaf_of_a_reload_it_goes_by_what_the_files_say_at_the_next_start() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(3));
    let (mut from, mut to) = (T1, T1_TIGHTER);
    // The write-ahead log is synced before the leaf is durable, the head beside the ledger is written after that and before the change.
    for (call, file, recorded) in [("fsync", "ledger.db-wal", false), ("pwrite64", "ledger.head", true)] {
        restart_on(&mut house, call, file, None);
        let so_many = restart_on(&mut house, call, file, None);
        restart_on(&mut house, call, file, Some(so_many + 1));
        let reloads = house.sql("SELECT count(*) FROM leaves WHERE instr(bytes, 'reloaded') > 0");
        house.change_policy(from, to);
        hangup(&house);
        house.until_ended();
        let now = house.sql("SELECT count(*) FROM leaves WHERE instr(bytes, 'reloaded') > 0");
        assert!(!recorded || now != reloads, "killed before its leaf was durable");
        assert!(!house.log().lines().last().unwrap().contains("reloaded"), "killed after the change");
        house.restart();
        let tight = to == T1_TIGHTER;
        match tight {
            true => drop(until("the suspension is on record", || events(&house, "ticket_suspended").pop())),
            false => house.resume(&ticket),
        }
        let state = house.ctl(OPERATOR, ["ticket", "show", &ticket]).done()["state"].clone();
        assert_eq!(state, if tight { "suspended" } else { "active" });
        let pulled = house.sftp("acme", &format!("get /{delivery}/orders.csv.age\n"), &[]);
        assert_eq!(pulled.status.success(), !tight, "{pulled:?}");
        house.check();
        std::mem::swap(&mut from, &mut to);
    }
}
