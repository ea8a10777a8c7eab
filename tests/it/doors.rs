//! One list of scenarios, played through each door with the client that a vendor has already, and one page of what came of
//! them: tests/golden/doors.txt. A door that answers otherwise than the other stands out in it.

use crate::house::{House, OPERATOR, RESPONDER, orders, ticket_file, until};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

const ROWS: usize = 400_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    Sftp,
    Https,
}

/// What became of something that a vendor asked for.
fn told(output: &Output) -> &'static str {
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match output.status.success() {
        true => "whole",
        false if says(&["Permission denied (publickey)", "error: 401"]) => "no login",
        false if says(&["not found", "error: 404", "No such file"]) => "not found",
        false if says(&["error: 405", "Permission denied", "Operation unsupported", "error: 403", "error: 429"]) => "refused",
        false => panic!("neither door says this: {said}"),
    }
}

impl Door {
    const BOTH: [Self; 2] = [Self::Sftp, Self::Https];

    const fn name(self) -> &'static str {
        match self {
            Self::Sftp => "sftp",
            Self::Https => "https",
        }
    }

    const fn other(self) -> &'static str {
        match self {
            Self::Sftp => "https",
            Self::Https => "sftp",
        }
    }

    /// What stands in a directory, or what the door says instead.
    fn list(self, house: &House, vendor: &str, directory: &str) -> String {
        let output = match self {
            Self::Sftp => house.sftp(vendor, &format!("-ls -1 {directory}\n"), &[]),
            Self::Https => house.curl(vendor).arg(house.url(directory.trim_start_matches('/'))).output().unwrap(),
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            return told(&output).into();
        }
        let names: Vec<String> = match self {
            Self::Sftp => {
                let names = said.lines().filter(|line| !line.starts_with("sftp>")).map(str::trim);
                names.filter_map(|line| line.rsplit('/').find(|part| !part.is_empty())).map(String::from).collect()
            }
            Self::Https => {
                let listing: Value = serde_json::from_str(&said).unwrap();
                let entries = listing["entries"].as_array().unwrap();
                entries.iter().map(|entry| entry["name"].as_str().unwrap().trim_end_matches('/').to_owned()).collect()
            }
        };
        if names.is_empty() { "nothing".into() } else { names.join(" ") }
    }

    fn fetch(self, house: &House, vendor: &str, path: &str) -> &'static str {
        told(&match self {
            Self::Sftp => house.sftp(vendor, &format!("get {path}\n"), &[]),
            Self::Https => house.curl(vendor).arg("-O").arg(house.url(path.trim_start_matches('/'))).output().unwrap(),
        })
    }

    fn go_on(self, house: &House, vendor: &str, path: &str) -> &'static str {
        told(&match self {
            Self::Sftp => house.sftp(vendor, &format!("reget {path}\n"), &[]),
            Self::Https => {
                house.curl(vendor).args(["-C", "-", "-O"]).arg(house.url(path.trim_start_matches('/'))).output().unwrap()
            }
        })
    }

    fn start_slowly(self, house: &House, vendor: &str, path: &str) -> Child {
        match self {
            Self::Sftp => house.start_sftp(vendor, &format!("get {path}\n"), &["-l", "32768"]),
            Self::Https => {
                use std::os::unix::process::CommandExt;
                let mut curl = house.curl(vendor);
                curl.args(["--limit-rate", "4M", "-O"]).arg(house.url(path.trim_start_matches('/')));
                curl.stderr(Stdio::null()).stdout(Stdio::null()).process_group(0).spawn().unwrap()
            }
        }
    }

    fn put(self, house: &House, vendor: &str, path: &str) -> &'static str {
        fs::write(house.pulled(vendor, "mine.csv"), "x\n").unwrap();
        told(&match self {
            Self::Sftp => house.sftp(vendor, &format!("put mine.csv {path}\n"), &[]),
            Self::Https => {
                house.curl(vendor).args(["-T", "mine.csv"]).arg(house.url(path.trim_start_matches('/'))).output().unwrap()
            }
        })
    }
}

/// One gateway, and the door that its vendors come through.
struct Play {
    house: House,
    door: Door,
    ticket: String,
    path: String,
}

type Scenario = (&'static str, fn(&mut Play) -> String);

/// In this order, each in the house that the one before left.
const SCENARIOS: &[Scenario] = &[
    ("before its approval the vendor sees", |play| {
        let submitted = play.house.submit(&ticket_file("acme")).done();
        play.ticket = submitted["ticket"].as_str().unwrap().to_owned();
        play.path = format!("/{}/0001/orders.csv.age", play.ticket);
        play.house.stage(&play.ticket, "orders.csv", orders(ROWS));
        play.house.until_file(&play.ticket, "orders.csv", &["waiting"]);
        let seen = play.door.list(&play.house, "acme", "/");
        play.house.approve_all(&submitted);
        play.house.ctl(OPERATOR, ["ticket", "activate", &play.ticket]).done();
        seen
    }),
    ("sealed and not yet released, the file is", |play| {
        play.house.until_file(&play.ticket, "orders.csv", &["sealed"]);
        let answer = play.fetch("acme", &play.path);
        play.house.ready(&play.ticket);
        play.house.until_released(&format!("{}/0001", play.ticket));
        answer.to_owned()
    }),
    ("released, the root holds", |play| play.door.list(&play.house, "acme", "/").replace(&play.ticket, "TICKET")),
    ("the ticket holds", |play| play.door.list(&play.house, "acme", &format!("/{}/", play.ticket))),
    ("the delivery holds", |play| play.door.list(&play.house, "acme", &format!("/{}/0001/", play.ticket))),
    ("manifest, sums and file are fetched", |play| {
        let notes = ["MANIFEST.json", "SHA256SUMS"].map(|name| play.fetch("acme", &format!("/{}/0001/{name}", play.ticket)));
        [&notes[..], &[play.fetch("acme", &play.path)]].concat().join(", ")
    }),
    ("the sums", |play| {
        let at = play.house.pulled("acme", "");
        let sums =
            Command::new("sha256sum").args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(at).output().unwrap();
        if sums.status.success() { "agree".into() } else { "disagree".into() }
    }),
    ("decrypted, it is", |play| {
        let same = play.house.decrypt("acme", "orders.csv.age") == orders(ROWS).as_bytes();
        fs::remove_file(play.house.pulled("acme", "orders.csv.age")).unwrap();
        if same { "what was staged".into() } else { "something else".into() }
    }),
    ("on record it was served", |play| play.record(|row| row["served"] == "whole")),
    ("a fetch that died at 60 % goes on and is", |play| {
        let bytes = play.house.ctl(OPERATOR, ["delivery", "show", &format!("{}/0001", play.ticket)]).done();
        let bytes = bytes["delivery"]["bytes"].as_u64().unwrap();
        let client = play.door.start_slowly(&play.house, "acme", &play.path);
        let had = play.house.until_pulled("acme", "orders.csv.age", bytes * 6 / 10);
        play.house.kill_client(client);
        assert!(had < bytes, "the client was faster than its limit");
        let answer = play.door.go_on(&play.house, "acme", &play.path);
        assert!(play.house.decrypt("acme", "orders.csv.age") == orders(ROWS).as_bytes(), "resumed, and not the same bytes");
        fs::remove_file(play.house.pulled("acme", "orders.csv.age")).unwrap();
        answer.into()
    }),
    ("another vendor sees", |play| play.door.list(&play.house, "umbra", "/")),
    ("to it the file is", |play| play.fetch("umbra", &play.path).into()),
    ("to it a file that never was is", |play| play.fetch("umbra", "/EGR-2026-4711/0001/orders.csv.age").into()),
    ("a path out of the tree is", |play| play.fetch("acme", "/../../etc/passwd").into()),
    ("an upload is", |play| play.door.put(&play.house, "acme", &format!("/{}/0001/mine.csv", play.ticket)).into()),
    ("of a ticket for the other door only the vendor sees", |play| {
        let only = ticket_file("acme").replace("[\"sftp\", \"https\"]", &format!("[\"{}\"]", play.door.other()));
        let ticket = play.house.ticket(&only);
        play.house.release(&ticket, "orders.csv", orders(5));
        assert!(!play.door.list(&play.house, "acme", "/").contains(&ticket));
        play.fetch("acme", &format!("/{ticket}/0001/orders.csv.age")).into()
    }),
    ("a fetch that is running when its ticket is revoked", |play| {
        let mut client = play.door.start_slowly(&play.house, "acme", &play.path);
        play.house.until_pulled("acme", "orders.csv.age", 1 << 20);
        let receipt = play.house.ctl(RESPONDER, ["revoke", "ticket", &play.ticket, "--reason", "a drill"]).done();
        let ended = !client.wait().unwrap().success();
        let got = fs::metadata(play.house.pulled("acme", "orders.csv.age")).unwrap().len();
        let rows = receipt["sessions"]["rows"].as_array().unwrap();
        let most: u64 = rows.iter().map(|row| row["transfers"][0]["last_offset"].as_u64().unwrap()).max().unwrap();
        assert!(ended && got <= most, "{got} bytes came, the receipt says {most}");
        "ends, with no more than the receipt says".into()
    }),
    ("its end is on record as", |play| play.record(|row| row["how"] == "severed")),
    ("from then on the file is", |play| play.fetch("acme", &play.path).into()),
    ("after the vendor's revocation there is", |play| {
        play.house.ctl(RESPONDER, ["revoke", "vendor", "acme", "--reason", "a drill"]).done();
        play.fetch("acme", &play.path).into()
    }),
    ("and the log is", |play| {
        play.house.check();
        "sound".into()
    }),
];

impl Play {
    fn new(door: Door) -> Self {
        Self { house: House::new(), door, ticket: String::new(), path: String::new() }
    }

    fn fetch(&self, vendor: &str, path: &str) -> &'static str {
        self.door.fetch(&self.house, vendor, path)
    }

    /// How a transfer of the file stands on record: by which door, how it ended, how much of it. Over HTTPS it ends later.
    fn record(&self, fits: impl Fn(&Value) -> bool) -> String {
        until("the transfer is on record", || {
            let listed = self.house.ctl(OPERATOR, ["transfer", "list"]).done();
            let rows = listed["rows"].as_array().unwrap();
            let row = rows.iter().find(|row| row["path"] == *self.path && fits(row))?;
            assert_eq!(row["protocol"], self.door.name());
            Some(row["served"].as_str().unwrap().to_owned())
        })
    }
}

#[test]
fn both_doors_answer_the_same_list_of_scenarios_alike() {
    let played: Vec<Vec<String>> = std::thread::scope(|scope| {
        let plays = Door::BOTH.map(|door| {
            scope.spawn(move || {
                let mut play = Play::new(door);
                SCENARIOS.iter().map(|(_, scenario)| scenario(&mut play)).collect()
            })
        });
        plays.into_iter().map(|play| play.join().expect("the play was played to its end")).collect()
    });
    let mut page = String::from(
        "What a vendor meets at each door, with Debian's sftp and curl. Written by tests/it/doors.rs:\n\
         EGRESSD_REGENERATE=1 cargo test --test it doors::\n\n",
    );
    let row = |name: &str, cells: [&str; 2]| format!("{name:53}{:41}{}", cells[0], cells[1]).trim_end().to_owned() + "\n";
    page += &row("", Door::BOTH.map(Door::name));
    for (n, (name, _)) in SCENARIOS.iter().enumerate() {
        page += &row(name, [&played[0][n], &played[1][n]]);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/doors.txt");
    if std::env::var("EGRESSD_REGENERATE").is_ok() {
        fs::write(&path, &page).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stands == page,
        "a door answers otherwise: EGRESSD_REGENERATE=1 writes the page anew; look at the difference\n{page}"
    );
}
