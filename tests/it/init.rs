//! Init: the next steps that it prints are typed here word for word.

use crate::house::{House, PROGRAM, run};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

#[test]
fn the_next_steps_that_init_prints_can_be_typed() {
    let mut house = House::bare();
    fs::remove_dir_all(house.gateway()).unwrap();
    let said = run(Command::new("egressd").arg("init").arg(house.gateway()).env("PATH", path(&house)));
    // Another gateway may serve on this machine already: the one thing that a test has to change.
    house.configure("listen = [\"127.0.0.1:2222\"]", "listen = [\"127.0.0.1:0\"]");
    let steps = steps(&said);
    assert_eq!(steps.len(), 5, "{said}");
    // 1. Start it, in a terminal of its own.
    assert_eq!(steps[&1], [format!("egressd serve --config {}", house.configuration().display())]);
    house.restart();
    // 4. A file that exists, to be given away.
    let vkey = fs::read_to_string(&steps[&4][0]).unwrap();
    // 2, 3, 5: in one terminal, where everybody's keys lie.
    // They make their own, which replace those that the house made for them.
    for name in ["alice", "bob", "carol"] {
        fs::remove_file(house.path("people").join(name)).unwrap();
        fs::remove_file(house.path("people").join(name).with_extension("pub")).unwrap();
    }
    let typed = [&steps[&2][..], &steps[&3], &steps[&5]].concat().join("\n");
    let mut shell = Command::new("bash");
    shell.args(["-e", "-u", "-c", &typed]).current_dir(house.path("people")).env("PATH", path(&house));
    shell.env_remove("SSH_AUTH_SOCK").env_remove("DISPLAY").stdin(Stdio::null());
    let told = run(&mut shell);
    for name in ["alice", "bob", "carol"] {
        assert!(told.contains(&format!("{name} is enrolled")), "{told}");
    }
    let staff = house.ctl("alice", ["staff", "list"]).done();
    assert_eq!(staff["rows"].as_array().unwrap().len(), 3, "{staff}");
    let checkpoint = house.ctl("carol", ["audit", "checkpoint"]).done();
    assert_eq!(checkpoint["verifier_key"], vkey.trim());
}

/// The indented lines of each numbered step.
fn steps(said: &str) -> BTreeMap<u32, Vec<String>> {
    let mut steps: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut step = 0;
    for line in said.lines() {
        if let Some((number, _)) = line.split_once(". ")
            && let Ok(number) = number.parse()
        {
            step = number;
        } else if line.starts_with("       ") {
            steps.entry(step).or_default().push(line.trim().to_owned());
        }
    }
    steps
}

fn path(house: &House) -> String {
    format!("{}:/usr/local/bin:/usr/bin:/bin", house.path("bin").display())
}

#[test]
fn init_makes_secrets_for_their_owner_alone_and_never_replaces_a_gateway() {
    let house = House::bare();
    for (name, mode) in [("keys", 0o700), ("state", 0o750), ("keys/master.key", 0o400), ("keys/log.key", 0o400)] {
        let found = fs::metadata(house.gateway().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
    for name in ["ledger.db", "freeze", "incoming", "sealed"] {
        let found = fs::metadata(house.state().join(name)).unwrap().permissions().mode() & 0o077;
        assert_eq!(found, 0, "{name} is open to others");
    }
    let key = fs::read(house.path("gateway/keys/master.key")).unwrap();
    let output = Command::new(PROGRAM).arg("init").arg(house.gateway()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("exists already"), "{output:?}");
    assert_eq!(fs::read(house.path("gateway/keys/master.key")).unwrap(), key);
}

#[test]
fn check_shows_every_listener_and_every_destination() {
    let house = House::bare();
    house.configure("[sftp]\nlisten = [\"127.0.0.1:0\"]", "[sftp]\nlisten = [\"127.0.0.1:2201\", \"[::1]:2202\"]");
    house.configure("[https]\nlisten = [\"127.0.0.1:0\"]", "[https]\nlisten = [\"127.0.0.1:8401\", \"[::1]:8402\"]");
    house.configure("[internal]\nlisten = [\"127.0.0.1:0\"]", "[internal]\nlisten = [\"127.0.0.1:9401\", \"unix:i.sock\"]");
    let told = "\n[[syslog.destination]]\nname = \"siem\"\nto = \"tcp://127.0.0.1:601\"\n\
                \n[[syslog.destination]]\nname = \"near\"\nto = \"unix:/dev/log\"\n";
    let text = fs::read_to_string(house.configuration()).unwrap();
    fs::write(house.configuration(), text + told).unwrap();
    let said = run(Command::new(PROGRAM).args(["check", "--config"]).arg(house.configuration()));
    for (what, all) in [
        ("sftp", vec!["127.0.0.1:2201", "[::1]:2202"]),
        ("https", vec!["127.0.0.1:8401", "[::1]:8402", "localhost"]),
        ("internal", vec!["127.0.0.1:9401", "i.sock"]),
        ("control", vec!["control.sock"]),
        ("syslog", vec!["siem at tcp://127.0.0.1:601", "near at unix:/dev/log"]),
    ] {
        let line = said.lines().find(|line| line.trim_start().starts_with(what)).unwrap_or_else(|| panic!("no {what} in {said}"));
        assert!(all.iter().all(|one| line.contains(one)), "{line}");
    }
}

#[test]
fn a_key_file_that_others_can_read_and_a_lost_ledger_are_not_served() {
    let mut house = House::new();
    house.terminate();
    let key = house.path("gateway/keys/master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let said = house.refuses_to_start();
    assert!(said.contains("may be read by others") || said.is_empty(), "{said}");
    let check = Command::new(PROGRAM).args(["check", "--config"]).arg(house.configuration()).output().unwrap();
    assert!(String::from_utf8_lossy(&check.stderr).contains("chmod 400"), "{check:?}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(house.state().join("ledger.db")).unwrap();
    house.refuses_to_start();
    assert!(!house.state().join("ledger.db").exists(), "a lost log was begun anew");
}
