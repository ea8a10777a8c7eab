//! systemd: the units are sound and tight, and the daemon does its part: sockets that are passed by name, ready, reloading, alive,
//! stopping. The test plays the service manager; Debian's own tools play the rest.

use crate::house::{House, OPERATOR, PROGRAM, RESPONDER, orders, run, ticket_file, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

/// The units with the path of the program that is here.
fn installed() -> (TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for entry in fs::read_dir(units()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "service" || end == "socket") {
            let text = fs::read_to_string(&path).unwrap().replace("/usr/local/bin/egressd", PROGRAM);
            let file = directory.path().join(path.file_name().unwrap());
            fs::write(&file, text).unwrap();
            files.push(file);
        }
    }
    files.sort();
    (directory, files)
}

#[test]
fn the_units_are_sound_and_leave_the_daemon_little() {
    let (directory, files) = installed();
    assert_eq!(files.len(), 5, "{files:?}");
    let output = Command::new("systemd-analyze").arg("verify").args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    // The threshold is ten times the exposure.
    let security = ["security", "--offline=true", "--threshold=13", "--no-pager"];
    let output = Command::new("systemd-analyze").args(security).arg(directory.path().join("egressd.service")).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("Overall exposure level"), "{said}");
}

#[test]
fn the_users_that_the_units_name_are_made() {
    let said = run(Command::new("systemd-sysusers").arg("--dry-run").arg(units().join("egressd.sysusers")));
    let made = fs::read_to_string(units().join("egressd.sysusers")).unwrap();
    assert!(!said.contains("rror"), "{said}");
    let text: String = ["egressd.service", "egressd-control.socket", "egressd.tmpfiles"]
        .iter()
        .map(|name| fs::read_to_string(units().join(name)).unwrap())
        .collect();
    let named = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| *word == "egressd" || ["egressd-producers", "egressd-staff"].contains(word));
    for name in named.collect::<BTreeSet<_>>() {
        assert!(made.split_whitespace().any(|word| word == name), "nobody makes {name}");
    }
}

/// Which system calls the groups of `SystemCallFilter=` stand for.
fn groups() -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut group = String::new();
    for line in run(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager"])).lines() {
        if line.starts_with('@') {
            group = line.trim().to_owned();
        } else if !line.trim_start().starts_with('#') && !line.trim().is_empty() {
            groups.entry(group.clone()).or_default().push(line.trim().to_owned());
        }
    }
    assert!(groups.contains_key("@system-service"));
    groups
}

fn expanded(name: &str, groups: &BTreeMap<String, Vec<String>>, into: &mut BTreeSet<String>) {
    match groups.get(name) {
        Some(members) => members.iter().for_each(|member| expanded(member, groups, into)),
        None => drop(into.insert(name.to_owned())),
    }
}

/// SQLite gives its files to the database's owner when it runs as root, as this test may; the unit's user is not.
const AS_ROOT: &str = "fchown";

/// What the unit's filter lets through.
fn allowed() -> BTreeSet<String> {
    let (groups, mut allowed) = (groups(), BTreeSet::new());
    expanded("@default", &groups, &mut allowed);
    let unit = fs::read_to_string(units().join("egressd.service")).unwrap();
    for filter in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let mut these = BTreeSet::new();
        filter.trim_start_matches('~').split_whitespace().for_each(|name| expanded(name, &groups, &mut these));
        if filter.starts_with('~') {
            allowed.retain(|call| !these.contains(call));
        } else {
            allowed.extend(these);
        }
    }
    allowed
}

#[test]
fn every_system_call_of_a_files_life_passes_the_units_filter() {
    let mut house = House::new();
    let trace = house.path("calls");
    house.restart_under(&["strace", "-D", "-f", "-qq", "-o", trace.to_str().unwrap()]).unwrap();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(1_000));
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    run(house.curl("acme").arg(house.url(&format!("{delivery}/orders.csv.age"))).args(["-o", "by-https"]));
    let file = house.sql("SELECT lower(hex(id)) FROM file");
    assert_eq!(file.len(), 1);
    kill_process(Pid::from_raw(i32::try_from(house.pid()).unwrap()).unwrap(), Signal::HUP).unwrap();
    until("it is reloaded", || house.log().contains("reloaded").then_some(()));
    run(Command::new("curl").args(["-sf", &format!("http://127.0.0.1:{}/metrics", house.internal_port())]));
    house.ctl(RESPONDER, ["revoke", "ticket", &ticket, "--reason", "a drill"]).done();
    house.ctl(OPERATOR, ["purge"]).done();
    house.check();
    house.terminate();
    let allowed = allowed();
    let text = fs::read_to_string(&trace).unwrap();
    let calls: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(call, _)| call)
        .filter(|call| call.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
        .collect();
    assert!(calls.contains("fsync") && calls.contains("accept4") && calls.len() > 30, "{calls:?}");
    let refused: Vec<_> = calls.iter().filter(|call| !allowed.contains(**call) && **call != AS_ROOT).collect();
    assert!(refused.is_empty(), "the unit's filter refuses {refused:?}");
}

/// The service manager's end of the notification socket.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        Self { socket, heard: Vec::new() }
    }

    /// What comes within this time.
    fn hears_within(&mut self, time: Duration) -> Vec<String> {
        let (until, mut buffer, mut heard) = (Instant::now() + time, [0; 4096], Vec::new());
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(length) = self.socket.recv(&mut buffer) {
                heard.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
            }
        }
        self.socket.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        heard
    }

    /// The next message that says `what`, with everything that came before it kept.
    #[track_caller]
    fn hears(&mut self, what: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{what}: {error}: {:?}", self.heard));
            let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
            self.heard.push(message.clone());
            if message.lines().any(|line| line == what) {
                return message;
            }
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts the daemon as socket units do: it begins with the first connection, and the sockets are the manager's.
fn activated(house: &House, names: &str, listen: &[String]) -> Child {
    let mut command = Command::new("systemd-socket-activate");
    for at in listen {
        command.args(["-l", at]);
    }
    command.arg(format!("--fdname={names}"));
    command.args(["-E", &format!("NOTIFY_SOCKET={}", house.path("notify").display()), "-E", "WATCHDOG_USEC=2000000"]);
    command.args([PROGRAM, "serve", "--config"]).arg(house.configuration());
    let log = fs::OpenOptions::new().create(true).append(true).open(house.path("daemon.log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

#[test]
fn passed_sockets_take_the_place_of_configured_ones_and_the_manager_hears_how_it_goes() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(100));
    house.terminate();
    let control = house.state().join("control.sock");
    let (sftp, https, internal) = (free_port(), free_port(), free_port());
    let mut manager = Manager::at(&house.path("notify"));
    let [at_sftp, at_https, at_internal] = [sftp, https, internal].map(|port| format!("127.0.0.1:{port}"));
    let child =
        activated(&house, "sftp:https:internal:control", &[at_sftp, at_https, at_internal, control.display().to_string()]);
    house.adopt(child, sftp, https, internal);
    until("the sockets are there", || TcpStream::connect(("127.0.0.1", internal)).ok());
    manager.hears("READY=1");
    // Every door is a passed one.
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    assert_eq!(house.decrypt("acme", "orders.csv.age"), orders(100).as_bytes());
    assert_eq!(house.ctl(OPERATOR, ["status"]).done()["reload"], serde_json::Value::Null);
    run(house.curl("acme").arg(house.url(&format!("{delivery}/orders.csv.age"))).args(["-o", "by-https"]));
    assert_eq!(fs::read(house.pulled("acme", "by-https")).unwrap(), fs::read(house.pulled("acme", "orders.csv.age")).unwrap());
    run(Command::new("curl").args(["-sf", &format!("http://127.0.0.1:{internal}/readyz")]));
    // It lives, and says so at the pace that was asked for.
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    // A reload begins with the moment that systemd compares, and ends ready, whether it came to something or not.
    for good in [true, false] {
        if !good {
            house.configure("settle_seconds = 1", "settle_seconds = 0");
        }
        kill_process(Pid::from_raw(i32::try_from(house.pid()).unwrap()).unwrap(), Signal::HUP).unwrap();
        let message = manager.hears("RELOADING=1");
        assert!(message.lines().any(|line| line.starts_with("MONOTONIC_USEC=")), "{message}");
        manager.hears("READY=1");
        let outcome = house.ctl(OPERATOR, ["status"]).done()["reload"]["outcome"].clone();
        assert_eq!(outcome, if good { "done" } else { "refused" });
    }
    house.configure("settle_seconds = 0", "settle_seconds = 1");
    house.check();
    house.terminate();
    manager.hears("STOPPING=1");
    assert!(control.exists(), "a socket of the manager's was removed");
}

/// Another program that holds the ledger's database and lets nobody write, until it is dropped.
struct LedgerHeld(Child);

impl LedgerHeld {
    fn of(house: &House) -> Self {
        let mut command = Command::new("sqlite3");
        command.args(["-cmd", ".timeout 10000"]).arg(house.state().join("ledger.db"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"BEGIN IMMEDIATE;\nSELECT 'held';\n").unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "held\n");
        Self(child)
    }
}

impl Drop for LedgerHeld {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

#[test]
fn the_watchdog_is_silent_while_the_ledger_takes_nothing_although_the_process_lives() {
    let mut house = House::new();
    house.terminate();
    let [sftp, https, internal] = [free_port(), free_port(), free_port()];
    let mut manager = Manager::at(&house.path("notify"));
    let at = [sftp, https, internal].map(|port| format!("127.0.0.1:{port}"));
    let child = activated(&house, "sftp:https:internal", &at);
    house.adopt(child, sftp, https, internal);
    until("the sockets are there", || TcpStream::connect(("127.0.0.1", internal)).ok());
    manager.hears("WATCHDOG=1");
    let held = LedgerHeld::of(&house);
    // What was on its way before has come by then; from then on a watchdog of two seconds would kill it.
    manager.hears_within(Duration::from_secs(2));
    let heard = manager.hears_within(Duration::from_secs(4));
    assert!(!heard.iter().any(|message| message.contains("WATCHDOG=1")), "{heard:?}");
    run(Command::new("curl").args(["-sf", &format!("http://127.0.0.1:{internal}/healthz")]));
    drop(held);
    manager.hears("WATCHDOG=1");
    house.check();
}

#[test]
fn a_passed_socket_that_nobody_knows_is_an_error_and_opens_nothing() {
    let mut house = House::new();
    house.terminate();
    for (names, said) in [("https-old", "FileDescriptorName= is one of"), ("control", "not a valid unix stream socket")] {
        let port = free_port();
        let child = activated(&house, names, &[format!("127.0.0.1:{port}")]);
        house.adopt(child, port, port, port);
        until("the socket is there", || TcpStream::connect(("127.0.0.1", port)).ok());
        assert_eq!(house.until_ended().code(), Some(3));
        let log = house.log();
        assert!(log.contains(said) && log.contains(names), "{log}");
    }
}

/// Starts the daemon with a descriptor 3 that a shell makes, as `LISTEN_FDS` passes it under `name`.
fn passed(house: &House, descriptor: &str, count: &str, name: &str) -> Child {
    let serve = format!("LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={name} exec \"$0\" serve --config \"$1\"");
    let mut command = Command::new("bash");
    command.args(["-c", &format!("exec 3{descriptor}; {serve}"), PROGRAM]).arg(house.configuration());
    let log = fs::OpenOptions::new().create(true).append(true).open(house.path("daemon.log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

#[test]
fn a_passed_descriptor_that_does_not_listen_or_cannot_be_served_ends_the_start_by_its_name() {
    let mut house = House::new();
    house.terminate();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = format!("<>/dev/tcp/127.0.0.1/{}", peer.local_addr().unwrap().port());
    let ends = |house: &mut House, child: Child, said: &[&str]| {
        house.adopt(child, 0, 0, 0);
        assert_eq!(house.until_ended().code(), Some(3));
        let log = house.log();
        assert!(said.iter().all(|said| log.contains(said)), "{said:?} is not in {log}");
    };
    for name in ["sftp", "https", "internal"] {
        let child = passed(&house, &connected, "1", name);
        ends(&mut house, child, &[name, "it does not listen"]);
    }
    for (descriptor, count, said) in [("</dev/null", "1", "is not a socket"), ("</dev/null", "4000000000", "at most 64 sockets")]
    {
        let child = passed(&house, descriptor, count, "sftp");
        ends(&mut house, child, &[said]);
    }
    // A socket that listens, for a door without keys.
    let text = fs::read_to_string(house.configuration()).unwrap();
    let (before, https) = text.split_once("[https]").unwrap();
    let kept = format!("{before}[https]{}", https.replacen("listen = [\"127.0.0.1:0\"]", "listen = []", 1));
    let kept: Vec<&str> = kept.lines().filter(|line| !line.starts_with("tls_")).collect();
    fs::write(house.configuration(), kept.join("\n")).unwrap();
    let port = free_port();
    let child = activated(&house, "https", &[format!("127.0.0.1:{port}")]);
    until("the socket is there", || TcpStream::connect(("127.0.0.1", port)).ok());
    ends(&mut house, child, &["passed socket \"https\"", "keys.tls_certificate"]);
}
