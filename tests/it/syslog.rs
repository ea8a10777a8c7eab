//! Syslog against Debian's rsyslog: whatever becomes of the server or of the gateway, every event arrives, in order, once per sequence id.

use crate::{
    house::{AUDITOR, CANARY, House, OPERATOR, REQUESTER, Rsyslog, Way, orders, run, ticket_file, until},
    reload::reload,
};
use rustix::process::Signal;
use std::{collections::HashMap, io::Write, path::Path, process::Command};
use syslog_loose::{Variant, parse_message};

/// A gateway that tells everything to these servers.
fn telling(servers: &[(&str, &Rsyslog)]) -> House {
    House::configured(|gateway| {
        let mut file = std::fs::OpenOptions::new().append(true).open(gateway.join("egressd.toml")).unwrap();
        servers.iter().for_each(|(name, server)| file.write_all(block(name, server).as_bytes()).unwrap());
    })
}

/// What names a destination in the configuration.
fn block(name: &str, server: &Rsyslog) -> String {
    format!("\n[[syslog.destination]]\nname = \"{name}\"\nto = \"{}\"\n", server.address())
}

/// One message, as another implementation of RFC 5424 reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Heard {
    sequence: u64,
    leaf: u64,
    event: String,
    hash: String,
}

impl Heard {
    fn read(line: &str) -> Self {
        let message = parse_message(line, Variant::RFC5424);
        let said: HashMap<String, String> = message
            .structured_data
            .iter()
            .flat_map(|element| element.params().map(|(name, value)| (format!("{}.{name}", element.id), value)))
            .collect();
        let of = |name: &str| said.get(name).unwrap_or_else(|| panic!("{name} is not in {line}")).clone();
        assert!(message.msgid.is_some_and(|number| number.parse::<u32>().is_ok()), "{line}");
        Self {
            sequence: of("meta.sequenceId").parse().unwrap(),
            leaf: of("egressd@32473.leaf").parse().unwrap(),
            event: of("egressd@32473.event"),
            hash: of("egressd@32473.hash"),
        }
    }
}

/// What a server has, each sequence id once: the first of each.
fn heard(server: &Rsyslog) -> Vec<Heard> {
    let mut heard: Vec<Heard> = Vec::new();
    for line in server.received() {
        let message = Heard::read(&line);
        match heard.iter().find(|known| known.sequence == message.sequence) {
            Some(known) => assert_eq!(*known, message, "one sequence id, two messages"),
            None => heard.push(message),
        }
    }
    heard
}

/// Waits until the server has the newest leaf; then it has all of them, in order, as the log has them.
#[track_caller]
fn has_everything(house: &House, server: &Rsyslog) -> Vec<Heard> {
    let size = house.log_size();
    let all = until("the newest event has arrived", || {
        let all = heard(server);
        (all.last().is_some_and(|last| last.leaf + 1 >= size)).then_some(all)
    });
    let first = all[0].leaf;
    let leaves: Vec<u64> = all.iter().map(|message| message.leaf).collect();
    assert_eq!(leaves, (first..first + all.len() as u64).collect::<Vec<_>>(), "not in order, or not all");
    assert!(all.iter().all(|message| message.sequence == message.leaf + 1));
    let after = (first > 0).then(|| ["--after".to_owned(), (first - 1).to_string()]).into_iter().flatten();
    let tail = ["audit", "tail", "--count", "5000"].map(str::to_owned).into_iter().chain(after);
    let tail = house.ctl(AUDITOR, tail).done();
    for (row, message) in tail["rows"].as_array().unwrap().iter().zip(&all) {
        assert_eq!((row["event"].as_str(), row["hash"].as_str()), (Some(&*message.event), Some(&*message.hash)));
    }
    all
}

/// Some events, each by a command of its own.
#[track_caller]
fn events(house: &House, count: usize) {
    for _ in 0..count {
        house.submit(&ticket_file("acme")).done();
    }
}

fn standing(house: &House) -> serde_json::Value {
    house.ctl(OPERATOR, ["status"]).done()["destinations"][0].clone()
}

#[test]
fn every_event_arrives_in_order_while_the_log_server_is_killed_refuses_stops_and_comes_back() {
    let mut server = Rsyslog::new(Way::Tcp);
    let mut house = telling(&[("siem", &server)]);
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(500));
    has_everything(&house, &server);
    // Killed, and refusing for as long as nobody listens.
    server.end(Signal::KILL);
    events(&house, 5);
    until("the refusal shows", || standing(&house)["last_error"].is_string().then_some(()));
    assert!(standing(&house)["lag"].as_u64().unwrap() >= 5);
    // A transfer is not held up by it.
    house.pull("acme", &format!("get /{delivery}/orders.csv.age"));
    server.start();
    has_everything(&house, &server);
    // Stopped: its kernel takes what its program does not read.
    server.signal(Signal::STOP);
    let before = server.received().len();
    events(&house, 5);
    house.pull("acme", &format!("get /{delivery}/orders.csv.age again.age"));
    until("what was sent waits for its confirmation", || (standing(&house)["state"] == "confirming").then_some(()));
    assert_eq!(server.received().len(), before);
    server.signal(Signal::CONT);
    has_everything(&house, &server);
    // Stopped and then killed: what its kernel had taken is lost with it, and comes again.
    server.signal(Signal::STOP);
    events(&house, 5);
    until("what was sent waits for its confirmation", || (standing(&house)["state"] == "confirming").then_some(()));
    server.end(Signal::KILL);
    server.start();
    has_everything(&house, &server);
    // Restarted in order, while events happen.
    std::thread::scope(|scope| {
        let happening = scope.spawn(|| events(&house, 12));
        for _ in 0..3 {
            server.end(Signal::TERM);
            server.start();
        }
        happening.join().unwrap();
    });
    let all = has_everything(&house, &server);
    assert!(all.iter().any(|message| message.event == "transfer_begun"));
    until("all of it is confirmed", || (standing(&house)["lag"] == 0).then_some(()));
    assert_eq!(standing(&house)["last_error"], serde_json::Value::Null);
    // Nothing of the data, no name of a person, vendor or file, no address.
    let told = server.received().join("\n");
    for private in [CANARY, "orders.csv", "acme", REQUESTER, "127.0.0.1"] {
        assert!(!told.contains(private), "{private} was told");
    }
    house.check();
}

#[test]
fn what_waits_survives_the_death_of_the_gateway_and_what_was_confirmed_is_not_sent_again() {
    let mut server = Rsyslog::new(Way::Tcp);
    let mut house = telling(&[("siem", &server)]);
    events(&house, 3);
    has_everything(&house, &server);
    until("all of it is confirmed", || (standing(&house)["lag"] == 0).then_some(()));
    let confirmed = server.received().len();
    house.kill9();
    house.restart();
    has_everything(&house, &server);
    // A cursor is durable: nothing that was confirmed comes twice.
    let leaves: Vec<u64> = server.received().iter().map(|line| Heard::read(line).leaf).collect();
    assert_eq!(leaves[..confirmed].iter().max().map(|newest| newest + 1), leaves.get(confirmed).copied());
    server.end(Signal::TERM);
    events(&house, 5);
    house.kill9();
    house.restart();
    house.terminate();
    house.restart();
    server.start();
    let all = has_everything(&house, &server);
    assert_eq!(all.iter().filter(|message| message.event == "started").count(), 4);
    assert_eq!(all.iter().filter(|message| message.event == "stopped").count(), 1);
    // In order, the gateway waits for its last word to be heard.
    house.terminate();
    until("the stop was told", || heard(&server).last().is_some_and(|last| last.event == "stopped").then_some(()));
    house.check();
}

#[test]
fn what_somebody_edits_while_it_waits_arrives_as_the_log_has_it_and_readiness_says_so() {
    let mut server = Rsyslog::new(Way::Tcp);
    let mut house = telling(&[("siem", &server)]);
    events(&house, 2);
    has_everything(&house, &server);
    server.end(Signal::TERM);
    events(&house, 6);
    let edits = "PRAGMA busy_timeout = 60000; UPDATE spool SET message = CAST('<13>1 - forged' AS BLOB) WHERE leaf % 2 = 0; \
         DELETE FROM spool WHERE leaf % 3 = 0";
    run(Command::new("sqlite3").arg(house.state().join("ledger.db")).arg(edits));
    server.start();
    has_everything(&house, &server);
    let ready = format!("http://127.0.0.1:{}/readyz", house.internal_port());
    assert!(run(Command::new("curl").args(["-sf", &ready])).contains("spool_edited"));
    assert!(house.log().contains("the spool was edited"));
    // The place itself: nothing begins anew by itself, neither now nor at the next start.
    run(Command::new("sqlite3")
        .arg(house.state().join("ledger.db"))
        .arg("PRAGMA busy_timeout = 60000; DELETE FROM forward_cursor"));
    events(&house, 1);
    until("the destination says so", || standing(&house).to_string().contains("siem's place is gone").then_some(()));
    house.terminate();
    assert!(house.refuses_to_start().contains("siem's place is gone"));
}

#[test]
fn datagrams_reach_a_local_socket_and_a_network_server_each_at_its_own_pace() {
    let (mut local, mut network) = (Rsyslog::new(Way::Unix), Rsyslog::new(Way::Udp));
    let mut house = telling(&[("local", &local), ("network", &network)]);
    events(&house, 5);
    has_everything(&house, &local);
    has_everything(&house, &network);
    // One that is gone delays nobody but itself.
    network.end(Signal::TERM);
    events(&house, 5);
    has_everything(&house, &local);
    local.end(Signal::TERM);
    events(&house, 5);
    network.start();
    has_everything(&house, &network);
    local.start();
    has_everything(&house, &local);
    house.check();
}

#[test]
fn a_test_of_the_log_says_who_has_it_and_what_keeps_it_from_the_others() {
    let mut server = Rsyslog::new(Way::Tcp);
    let gone = Rsyslog::new(Way::Tcp).address();
    let house = House::configured(|gateway| {
        let mut file = std::fs::OpenOptions::new().append(true).open(gateway.join("egressd.toml")).unwrap();
        for (name, to) in [("siem", server.address()), ("gone", gone.clone())] {
            write!(file, "\n[[syslog.destination]]\nname = \"{name}\"\nto = \"{to}\"\n").unwrap();
        }
    });
    let told = house.ctl(OPERATOR, ["log", "test", "--destination", "siem"]).done();
    assert_eq!(told["destinations"][0]["arrived"], "yes", "{told}");
    let leaf = told["leaf"].as_u64().unwrap();
    assert!(heard(&server).iter().any(|message| message.leaf == leaf && message.event == "log_tested"));
    let told = house.ctl(AUDITOR, ["log", "test"]);
    assert_eq!(told.code, 3, "{}", told.stderr);
    let (gone, siem) = (&told.json["destinations"][0], &told.json["destinations"][1]);
    assert_eq!((gone["destination"].as_str(), gone["arrived"].as_str()), (Some("gone"), Some("not_yet")), "{gone}");
    assert!(gone["last_error"].as_str().unwrap().contains("refused") && gone["lag"].as_u64().unwrap() > 1, "{gone}");
    assert_eq!((siem["destination"].as_str(), siem["arrived"].as_str()), (Some("siem"), Some("yes")), "{siem}");
    house.ctl(OPERATOR, ["log", "test", "--destination", "siim"]).refused("E5008");
    house.ctl(REQUESTER, ["log", "test"]).refused("E1006");
    server.end(Signal::TERM);
}

#[test]
fn by_reload_destinations_come_move_and_go_and_each_hears_all_of_its_time_and_nothing_else() {
    let (mut siem, mut near, moved) = (Rsyslog::new(Way::Tcp), Rsyslog::new(Way::Unix), Rsyslog::new(Way::Tcp));
    let mut house = telling(&[("siem", &siem)]);
    let reload = || reload(&house)["leaf"].as_u64().expect("it is reloaded");
    events(&house, 3);
    // One comes: it hears of its own coming first.
    let end = block("siem", &siem);
    house.configure(&end, &(end.clone() + &block("near", &near)));
    let came = reload();
    events(&house, 3);
    let all = has_everything(&house, &near);
    assert_eq!((all[0].leaf, all[0].event.as_str()), (came, "reloaded"));
    assert_eq!(has_everything(&house, &siem)[0].event, "started");
    // One that makes no sense takes none of the others away.
    let good = std::fs::read(house.configuration()).unwrap();
    house.configure(&end, "\n[[syslog.destination]]\nname = \"siem\"\nto = \"tls://siem:6514\"\n");
    let refused = crate::reload::reload(&house);
    assert!(refused["why"].as_str().is_some_and(|why| why.contains("syslog.destination siem")), "{refused}");
    std::fs::write(house.configuration(), good).unwrap();
    events(&house, 2);
    has_everything(&house, &near);
    let had = has_everything(&house, &siem);
    // One moves while it is dead: what it has not confirmed goes to the new address, and nothing more to the old one.
    siem.end(Signal::KILL);
    events(&house, 3);
    house.configure(&siem.address(), &moved.address());
    let came = reload();
    siem.start();
    events(&house, 2);
    let all = has_everything(&house, &moved);
    assert!(all[0].leaf < came && all[0].leaf <= had.last().unwrap().leaf + 1, "{:?}", all[0]);
    assert_eq!(heard(&siem), had);
    // One goes that was dead: what waited for it waits no more, and it hears nothing when it comes back.
    let had = has_everything(&house, &near);
    near.end(Signal::TERM);
    events(&house, 3);
    house.configure(&block("near", &near), "");
    house.configure("\"local0\"", "\"local3\"");
    reload();
    near.start();
    events(&house, 2);
    has_everything(&house, &moved);
    assert_eq!(heard(&near), had);
    let priority = moved.received().last().unwrap().split('>').next().unwrap().trim_start_matches('<').parse::<u8>().unwrap();
    assert_eq!(priority / 8, 19, "local3, from the reload on");
    until("nothing waits", || (house.sql("SELECT count(*) FROM spool") == ["0"]).then_some(()));
    house.check();
}

#[test]
fn a_demonstration_says_that_nobody_listens_and_later_whom_it_still_tells() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("demo");
    let address = format!("unix:{}", place.path().join("nobody").display());
    let (code, said) = demonstration(&directory, &address);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("will be told to {address}")) && said.contains("has not heard it yet"), "{said}");
    assert!(!said.contains("✓ every event"), "{said}");
    let again = Command::new(env!("CARGO_BIN_EXE_egressd")).args(["demo", "--check"]).arg(&directory).output().unwrap();
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(said.contains(&format!("still told to {address}")), "{said}");
}

/// Plays the demonstration to its end: its exit status, and what it said.
fn demonstration(directory: &Path, log_server: &str) -> (Option<i32>, String) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_egressd"));
    let ended = demo.args(["demo", "--check", "--syslog", log_server]).arg(directory).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    (ended.status.code(), said)
}

#[test]
fn a_demonstration_tells_its_story_to_the_log_server_it_was_given_last() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("demo");
    let (code, said) = demonstration(&directory, "tcp://127.0.0.1");
    assert!(code == Some(2) && said.contains("is no destination") && !directory.exists(), "{said}");
    let (first, second) = (Rsyslog::new(Way::Tcp), Rsyslog::new(Way::Unix));
    let mut begins = 0;
    for server in [&first, &second] {
        let (code, said) = demonstration(&directory, &server.address());
        assert!(code == Some(0) && said.contains(&server.address()), "{said}");
        let story = until("the end of the story has arrived", || {
            let story = heard(server);
            story.last().is_some_and(|last| last.event == "stopped").then_some(story)
        });
        let leaves: Vec<u64> = story.iter().map(|message| message.leaf).collect();
        assert_eq!(leaves, (begins..begins + story.len() as u64).collect::<Vec<_>>(), "not in order, or not all");
        for event in ["started", "delivery_released", "transfer_begun", "purged"] {
            assert!(story.iter().any(|message| message.event == event), "{event} was not told: {story:?}");
        }
        begins = leaves.last().unwrap() + 1;
    }
    assert!(heard(&first).last().unwrap().leaf < heard(&second)[0].leaf);
}
