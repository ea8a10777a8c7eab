//! Whole commands: parsed, asked over a real socket of a house that answers with samples, shown.

use super::{commands::Cli, page::Page, samples, table::Colour, text, trouble::Trouble, *};
use crate::{
    domain::{event::Actor, people::Person, refusal::Refusal, signature::PublicKey, vote::Asked},
    endpoints::control::{self, Answering, request::Request},
    gateway::Refused,
};
use clap::CommandFactory;
use russh::keys::ssh_key::{LineEnding, PrivateKey, private::Ed25519Keypair};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio::{net::UnixListener, task::JoinSet};

/// Everybody is alice, and every act is answered with its sample.
#[derive(Default)]
struct SampleHouse {
    asked: Mutex<Vec<(Actor, Request)>>,
}

impl Answering for SampleHouse {
    async fn who(&self, key: &PublicKey) -> Result<Person, Refused> {
        let id = crate::domain::ids::PersonId::from_uuid(uuid::Uuid::from_u128(1));
        Ok(Person { id, name: "alice".parse().unwrap(), roles: Default::default(), key: key.clone(), until: None })
    }

    async fn act(&self, by: Actor, request: Request) -> Result<Value, Refused> {
        let act = serde_json::to_value(&request).unwrap()["do"].as_str().unwrap().to_owned();
        self.asked.lock().unwrap().push((by, request));
        match act.as_str() {
            "ticket_withdraw" => Err(Refusal::RequestUnreadable { why: "a sample of a refusal".to_owned() }.into()),
            _ => Ok(samples::answer(&act)),
        }
    }
}

struct Rig {
    directory: tempfile::TempDir,
    house: Arc<SampleHouse>,
    _running: JoinSet<()>,
}

impl Rig {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let house = Arc::new(SampleHouse::default());
        let mut running = JoinSet::new();
        let listener = UnixListener::bind(directory.path().join("control.sock")).unwrap();
        running.spawn(control::run(listener, Arc::clone(&house), std::future::pending()));
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
        write(&directory.path().join("key"), &key.to_openssh(LineEnding::LF).unwrap());
        write(&directory.path().join("key.pub"), &key.public_key().to_openssh().unwrap());
        write(&directory.path().join("document.toml"), "title = \"x\"\n");
        write(&directory.path().join("risk.toml"), include_str!("../../config/risk.toml"));
        Self { directory, house, _running: running }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn run(&self, command: &str) -> Result<Told, Trouble> {
        self.run_at(command, 80).await
    }

    async fn run_at(&self, command: &str, width: usize) -> Result<Told, Trouble> {
        let words = command.split_whitespace().map(|word| word.replace("DIR", self.directory.path().to_str().unwrap()));
        let mut common = Vec::new();
        for (option, file) in [("--socket", "control.sock"), ("--key", "key")] {
            if !command.starts_with(option) {
                common.extend([option.to_owned(), self.path(file).display().to_string()]);
            }
        }
        let cli = Cli::read(["egressctl".to_owned()].into_iter().chain(common).chain(words))
            .unwrap_or_else(|e| panic!("{command}: {e}"));
        act::act(cli, Page::new(width, Colour::Off)).await
    }

    fn asked(&self) -> Vec<Request> {
        self.house.asked.lock().unwrap().drain(..).map(|(_, request)| request).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

const COMMANDS: [&str; 44] = [
    "whoami",
    "status",
    "staff enroll bob --roles requester,operator --public-key DIR/key.pub",
    "staff list",
    "vendor add DIR/document.toml",
    "vendor confirm acme 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "vendor list",
    "vendor show acme",
    "key list --vendor acme",
    "ticket submit DIR/document.toml",
    "ticket list",
    "ticket show EGR-2026-0042",
    "ticket review EGR-2026-0042",
    "ticket diagram EGR-2026-0042",
    "ticket vote EGR-2026-0042 --gate privacy --approve --reason fine",
    "ticket vote EGR-2026-0042 --gate privacy --reject --reason no",
    "ticket activate EGR-2026-0042",
    "ticket attest EGR-2026-0042 --print-text --date 2027-01-14",
    "ticket attest EGR-2026-0042 --signature DIR/document.toml",
    "ticket waive-deletion EGR-2026-0042 --because gone",
    "policy simulate DIR/document.toml",
    "risk accept EGR-2026-0042 --file DIR/risk.toml",
    "delivery list",
    "delivery show EGR-2026-0042/0001",
    "delivery show EGR-2026-0042 0001",
    "delivery close EGR-2026-0042",
    "file list --ticket EGR-2026-0042",
    "file show 01890a5d-ac96-774b-bcce-b302099a8057",
    "file recheck 01890a5d-ac96-774b-bcce-b302099a8057",
    "file discard 01890a5d-ac96-774b-bcce-b302099a8057 --reason wrong",
    "explain EGR-2026-0042/customers.csv",
    "transfer list --vendor acme",
    "session list",
    "session kill 5f0c2c1e-3f0e-4c29-8f0e-6f8f3a1d9c11 --reason asked",
    "revoke address 192.0.2.0/24 --reason incident",
    "freeze --reason incident",
    "unfreeze --reason over",
    "purge",
    "audit verify --checkpoint DIR/document.toml",
    "audit tail --after 3 --count 5",
    "audit checkpoint",
    "log test --destination siem",
    "break-glass list",
    "break-glass review 811 --reason drill",
];

/// What stays whole because people copy it: a line to be typed, a word that no line can hold beside its label.
fn may_be_long(line: &str, most: usize) -> bool {
    line.starts_with("  ") || line.split(' ').any(|word| text::width(word) > most - 16)
}

#[tokio::test]
async fn every_command_shows_its_answer_within_the_terminal_and_no_name_drives_it() {
    let rig = Rig::new();
    for command in COMMANDS {
        for width in [40, 80, 200] {
            let told = rig.run_at(command, width).await.unwrap_or_else(|trouble| panic!("{command}: {:?}", trouble.note()));
            let shown = told.page.finish();
            assert!(!shown.is_empty(), "{command}");
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{command}: {shown:?}");
            assert!(!shown.contains('\u{202e}'), "{command}: {shown:?}");
            if width >= 80 {
                let long = shown.lines().find(|line| text::width(line) > width && !may_be_long(line, width));
                assert_eq!(long, None, "{command} at {width}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_piped_is_never_cut() {
    let (pipe, _writer) = std::io::pipe().unwrap();
    let width = columns(std::os::fd::OwnedFd::from(pipe));
    let tail = Rig::new().run_at("audit tail", width).await.unwrap().page.finish();
    assert!(tail.contains("final-final.csv"), "{tail}");
}

#[tokio::test]
async fn a_tickets_limits_have_units_and_its_votes_are_counted_well() {
    let shown = Rig::new().run("ticket show EGR-2026-0042").await.unwrap().page.finish();
    assert!(shown.contains("at most 1.0 GiB in one file (1,073,741,824 bytes)") && shown.contains("0 of 1 vote\n"), "{shown}");
}

/// The sample's one gate that is open does not wait for alice.
#[tokio::test]
async fn a_review_is_the_gates_at_a_glance_and_one_gates_question_where_it_is_asked_for() {
    let rig = Rig::new();
    let glance = rig.run("ticket review EGR-2026-0042").await.unwrap().page.finish();
    assert!(glance.contains("security  green  1 of 1  9f86d081884c") && !glance.contains("What for?"), "{glance}");
    assert!(glance.contains("vendor          acme: Acme"), "{glance}");
    let whole = rig.run("ticket review EGR-2026-0042 --gate security").await.unwrap().page.finish();
    assert!(whole.contains("What for?") && whole.contains("dwh.crm.customers.id"), "{whole}");
    let none = rig.run("ticket review EGR-2026-0042 --gate legal").await;
    assert!(matches!(none, Err(Trouble::NoGate { .. })));
}

#[tokio::test]
async fn nothing_is_said_with_a_lone_colon_and_whoever_can_move_it_stands_on_a_line_of_their_own() {
    let shown = Rig::new().run("ticket show EGR-2026-0042").await.unwrap().page.finish();
    assert!(shown.contains("\n  by a privacy_reviewer who did not request it\n"), "{shown}");
    assert!(shown.contains("sam approved 2026-11-21 10:15\n"), "{shown}");
}

#[tokio::test]
async fn what_is_yours_stands_whole_in_a_narrow_list_and_what_is_no_ticket_is_pointed_to() {
    let shown = Rig::new().run("ticket list --awaiting me").await.unwrap().page.finish();
    assert!(shown.contains("yours: egressctl ticket review EGR-2026-0042 --gate privacy"), "{shown}");
    assert!(shown.contains("waits for you stands in: egressctl status"), "{shown}");
    assert!(!Rig::new().run("ticket list").await.unwrap().page.finish().contains("egressctl status"));
}

#[test]
fn a_list_offers_the_states_that_tickets_have() {
    let offers = |state: &str| Cli::read(["egressctl", "ticket", "list", "--state", state].map(Into::<String>::into)).is_ok();
    assert!(offers("closing") && !offers("draft") && !offers("submitted"));
}

#[tokio::test]
async fn json_is_what_the_daemon_said_to_the_member() {
    let rig = Rig::new();
    for command in COMMANDS {
        let told = rig.run(command).await.unwrap();
        let asked = rig.asked().pop().unwrap();
        let act = serde_json::to_value(&asked).unwrap()["do"].as_str().unwrap().to_owned();
        assert_eq!(told.json, samples::answer(&act), "{command}");
    }
}

#[tokio::test]
async fn a_refusal_is_json_where_the_answer_would_have_been_and_drives_no_terminal() {
    let rig = Rig::new();
    let trouble = rig.run("--json ticket withdraw EGR-2026-0042 --reason x").await.err().unwrap();
    let told: Value = serde_json::from_str(&in_json(&trouble).unwrap()).unwrap();
    let refusal = told["refusal"].as_object().unwrap();
    assert_eq!(refusal.keys().map(String::as_str).collect::<Vec<_>>(), ["code", "command", "what", "who", "why"]);
    assert_eq!(refusal["code"], trouble.note().code);
    let hostile = Trouble::Offline { cause: "\u{1b}[2J\u{202e}".to_owned() };
    assert!(!in_json(&hostile).unwrap().contains(['\u{1b}', '\u{202e}']));
    let full = Trouble::Output { cause: io::ErrorKind::StorageFull.into() };
    assert_eq!(in_json(&full), None, "there is nowhere to say it");
}

#[tokio::test]
async fn exit_status_is_by_what_came_of_it() {
    let rig = Rig::new();
    for (command, exit) in [
        ("revoke vendor acme --reason x", Exit::Done),
        ("freeze --reason x", Exit::NotDurable),
        ("audit verify", Exit::Refused),
        ("status", Exit::Done),
    ] {
        assert_eq!(rig.run(command).await.unwrap().exit, exit, "{command}");
    }
    for (command, exit) in [
        ("ticket withdraw EGR-2026-0042 --reason x", Exit::Refused),
        ("ticket vote EGR-2026-0042 --gate legal --approve --reason x", Exit::Refused),
        ("ticket submit DIR/nothing.toml", Exit::Usage),
        ("revoke ticket acme --reason x", Exit::Usage),
        ("delivery show EGR-2026-0042", Exit::Usage),
        ("--key DIR/document.toml status", Exit::Usage),
        ("--socket DIR/nowhere status", Exit::Unavailable),
        ("audit verify --dir DIR --vkey DIR/key.pub", Exit::Unavailable),
    ] {
        let trouble = rig.run(command).await.err().unwrap_or_else(|| panic!("{command} went through"));
        assert_eq!(trouble.exit(), exit, "{command}");
        let note = trouble.note();
        for part in [&note.code, &note.what, &note.why, &note.who, &note.command] {
            assert!(!part.is_empty(), "{command}: {note:?}");
        }
    }
}

#[tokio::test]
async fn a_vote_signs_what_was_typed_and_the_question_that_is_asked() {
    let rig = Rig::new();
    let typed =
        "ticket vote EGR-2026-0042 --gate privacy --request-changes --because excess_fields --reason no --comment purpose=what?";
    rig.run(typed).await.unwrap();
    let Some(Request::TicketVote { ticket, question, revision, policy, ballot, signature }) = rig.asked().pop() else {
        panic!("no vote was sent")
    };
    let text = ballot.text(&Asked { ticket, question, revision, policy, after: None });
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let key = PublicKey::new(key.public_key()).unwrap();
    assert_eq!(key.verify("egressd-vote", text.as_bytes(), &signature), Ok(()));
    for line in [
        "ticket EGR-2026-0042",
        "gate privacy",
        "decision request_changes",
        "because excess_fields",
        "comment \"purpose\" \"what?\"",
    ] {
        assert!(text.lines().any(|said| said == line), "{line} is not in {text}");
    }

    let printed = rig.run(&format!("{typed} --print-text")).await.unwrap().page.finish();
    assert_eq!(printed, text, "what ssh-keygen is to sign is the same text");
    assert!(rig.asked().iter().all(|request| !matches!(request, Request::TicketVote { .. })), "nothing is sent yet");
}

#[tokio::test]
async fn the_daemons_own_user_may_ask_without_a_key() {
    let rig = Rig::new();
    rig.run("whoami").await.unwrap();
    rig.run("whoami --unsigned").await.unwrap();
    let by: Vec<Actor> = rig.house.asked.lock().unwrap().iter().map(|(by, _)| *by).collect();
    assert!(matches!(by[..], [Actor::Person { .. }, Actor::Owner]), "{by:?}");
}

#[test]
fn every_command_has_help_and_an_example() {
    fn walk(command: &clap::Command, path: &str, seen: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        assert!(command.get_about().is_some(), "{path} does not say what it does");
        if command.get_subcommands().next().is_none() {
            let example = command.get_after_help().unwrap_or_else(|| panic!("{path} has no example")).to_string();
            assert!(
                example.contains(&format!("egressctl {}", path.trim_start_matches(" egressctl "))) || path.ends_with("whoami"),
                "{path}: {example}"
            );
            let wrapped = example.lines().find(|line| text::width(line) > 80);
            assert_eq!(wrapped, None, "{path}: a line to be copied would be wrapped");
            for argument in command.get_arguments().filter(|argument| argument.get_long() != Some("help")) {
                assert!(argument.get_help().is_some(), "{path}: {} is not explained", argument.get_id());
            }
            seen.push(path.trim_start_matches(" egressctl ").to_owned());
        }
        for sub in command.get_subcommands() {
            walk(sub, &path, seen);
        }
    }
    let mut seen = Vec::new();
    walk(&Cli::command(), "", &mut seen);
    Cli::command().debug_assert();
    for command in COMMANDS {
        assert!(seen.iter().any(|known| command.starts_with(known.as_str())), "{command}");
    }
    assert_eq!(seen.len(), 52, "{seen:?}");
}

#[test]
fn a_usage_line_is_the_same_whatever_else_is_given_and_names_each_value_by_its_own_name() {
    let usage = |words: &[&str]| {
        let error = Cli::read([&["egressctl"], words].concat()).unwrap_err().to_string();
        error.lines().find(|line| line.starts_with("Usage: ")).map(str::to_owned)
    };
    let plain = usage(&["file", "discard"]);
    assert_eq!(plain.as_deref(), Some("Usage: egressctl file discard [OPTIONS] --reason <WHY> <FILE_ID>"));
    for more in [&["--socket", "x"][..], &["--key", "x", "--json"], &["--as", "alice"]] {
        assert_eq!(usage(&[&["file", "discard"], more].concat()), plain, "{more:?}");
    }
    fn walk(command: &clap::Command, above: &[String]) {
        let mut names = above.to_vec();
        for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
            names.extend(argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string));
        }
        let different: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{}: {names:?}", command.get_name());
        let everywhere: Vec<String> = if above.is_empty() { names } else { above.to_vec() };
        command.get_subcommands().for_each(|sub| walk(sub, &everywhere));
    }
    walk(&Cli::command(), &[]);
}

#[test]
fn usage_errors_exit_with_two_and_help_with_zero() {
    let exit = |words: &[&str]| format!("{:?}", run(words.iter().map(Into::into)));
    let code = |code: u8| format!("{:?}", ExitCode::from(code));
    assert_eq!(exit(&["egressctl", "--help"]), code(0));
    for words in [
        &["egressctl", "ticket", "show", "42"][..],
        &["egressctl", "revoke", "everything", "--reason", "x"],
        &["egressctl", "revoke", "vendor", "acme"],
        &["egressctl", "ticket", "vote", "EGR-2026-0042", "--gate", "privacy", "--approve", "--reject", "--reason", "x"],
        &["egressctl", "--as", "../alice", "whoami"],
        &["egressctl", "audit", "verify", "--dir", "/tmp"],
        &["egressctl"],
    ] {
        assert_eq!(exit(words), code(2), "{words:?}");
    }
}
