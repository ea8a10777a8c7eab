//! Crashes: kill -9 before every durable step of one file's life. Whatever was told stays so, nothing partial shows,
//! nothing happens twice.
//!
//! One life is staging, sealing, release, revocation and purge of one file with its manifest. strace ends the daemon at the
//! entry of the k-th system call of a kind, for every k that a life reaches; what then lies on the disk says which row of the
//! state table (ARCHITECTURE.md) the crash fell into.

use crate::house::{Answer, House, OPERATOR, RESPONDER, orders, ticket_file, until};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

/// Ready again after a crash (security.md).
pub const READY_AGAIN: Duration = Duration::from_secs(5);

/// The calls by which anything becomes durable, visible or gone. `pwrite64` is the ledger's write-ahead log.
const DEADLY: [&str; 5] = ["fsync", "linkat", "unlinkat", "renameat2", "pwrite64"];
/// Of the many writes to the write-ahead log each so-many-th is deadly: between two of them nothing else happens.
const WAL_STRIDE: u32 = 7;
/// Sweeps at once. A life mostly waits for the disk.
const AT_ONCE: usize = 3;

/// A row of the state table, by what stands in the log and lies on the shelves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Row {
    /// Before everything: the source alone.
    Nothing,
    S1,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
}

/// How far a file had got by what `egressctl` was told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Told {
    Nothing,
    Staged,
    Sealed,
    Released,
    Revoked,
    Purged,
}

/// One life that was cut short, and mended.
#[derive(Debug)]
struct Crash {
    at: String,
    row: Row,
    ready_after: Duration,
    /// No thread made so many of these calls: the life was over before the kill.
    survived: bool,
}

#[derive(Default)]
struct Sweep {
    crashes: Vec<Crash>,
    /// Lives that were not mended.
    failures: Vec<String>,
}

impl Sweep {
    /// Some crash fell into this row, and every one of them was mended: its life went on to its end.
    #[track_caller]
    fn reached(row: Row) {
        let sweep = sweep();
        assert!(sweep.failures.is_empty(), "{}\n{}", sweep.failures.join("\n"), sweep.summary());
        let here: Vec<&str> = sweep.crashes.iter().filter(|crash| crash.row == row).map(|crash| crash.at.as_str()).collect();
        assert!(!here.is_empty(), "no crash fell into {row:?}: {}", sweep.summary());
        eprintln!("{row:?}: {}", here.join(", "));
    }

    fn summary(&self) -> String {
        let mut rows: BTreeMap<Row, usize> = BTreeMap::new();
        for crash in &self.crashes {
            *rows.entry(crash.row).or_default() += 1;
        }
        let slowest = self.crashes.iter().map(|crash| crash.ready_after).max().unwrap_or_default();
        format!("{} crashes, ready again after at most {slowest:?}, by row {rows:?}", self.crashes.len())
    }
}

const FILE: &str = "orders.csv";
const ROWS: usize = 3_000;

/// One sweep for all the tests of this file.
fn sweep() -> &'static Sweep {
    static SWEEP: OnceLock<Sweep> = OnceLock::new();
    SWEEP.get_or_init(|| {
        let mut template = House::new();
        let ticket = template.ticket(&ticket_file("acme"));
        template.terminate();
        let (template, ticket) = (Mutex::new(template), ticket.as_str());
        let (jobs, sweep) = (Mutex::new(DEADLY.to_vec()), Mutex::new(Sweep::default()));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(call) = { jobs.lock().unwrap().pop() } {
                        for k in (1..).step_by(if call == "pwrite64" { WAL_STRIDE as usize } else { 1 }) {
                            let house = template.lock().unwrap().twin();
                            match catch_unwind(AssertUnwindSafe(|| live_and_die(house, ticket, call, k))) {
                                Ok(crash) => {
                                    let survived = crash.survived;
                                    sweep.lock().unwrap().crashes.push(crash);
                                    if survived {
                                        break;
                                    }
                                }
                                Err(_) => return sweep.lock().unwrap().failures.push(format!("{call} {k} was not mended")),
                            }
                        }
                    }
                });
            }
        });
        let sweep = sweep.into_inner().unwrap();
        eprintln!("{}", sweep.summary());
        sweep
    })
}

/// One life under a killing strace, a look at what is left, a plain start, and the rest of the life.
fn live_and_die(mut house: House, ticket: &str, call: &str, k: u32) -> Crash {
    let trace = house.path("trace").to_str().unwrap().to_owned();
    let inject = format!("inject={call}:signal=KILL:when={k}");
    let only = format!("trace={call},openat");
    let strace = ["strace", "-D", "-f", "-qq", "-o", &trace, "-e", &only, "-e", &inject];
    // The producer's files are there from the start: the first look at staging takes them.
    stage(&house, ticket);
    let told = match house.restart_under(&strace) {
        Ok(()) => live(&mut house),
        Err(_) => Told::Nothing,
    };
    let survived = told == Told::Purged && house.is_alive();
    if !survived {
        // Whoever did not hear of the purge heard that the daemon is gone; its last thread may still be going.
        until("the daemon is dead", || (!house.is_alive()).then_some(()));
    }
    house.kill9();
    let at = if survived { format!("after the last {call}") } else { format!("{call} {k}") };
    let row = row(&house, &fs::read_to_string(&trace).unwrap_or_default());
    check_told(&at, row, told);
    let began = Instant::now();
    house.restart();
    let ready_after = began.elapsed();
    assert!(ready_after < READY_AGAIN, "{at}: ready again after {ready_after:?}");
    mended(&mut house, ticket, &at, row);
    Crash { at, row, ready_after, survived }
}

fn csv() -> &'static str {
    static CSV: OnceLock<String> = OnceLock::new();
    CSV.get_or_init(|| orders(ROWS))
}

fn stage(house: &House, ticket: &str) {
    let manifest = format!("rows = {ROWS}\n");
    house.stage(ticket, &format!("{FILE}.manifest.toml"), manifest);
    house.stage(ticket, FILE, csv());
    house.ready(ticket);
}

/// Follows a life until the daemon dies or the file is purged, and says how far it had got by what was told.
fn live(house: &mut House) -> Told {
    let mut told = Told::Nothing;
    let mut file = None;
    while house.is_alive() && told < Told::Released {
        let Some(row) = file_row(&house.ctl(OPERATOR, ["file", "list"])) else { continue };
        file = row["file"].as_str().or(row["id"].as_str()).map(str::to_owned);
        told = told.max(match row["state"].as_str().unwrap() {
            "sealed" => Told::Sealed,
            "released" => Told::Released,
            "settling" | "detected" => Told::Nothing,
            _ => Told::Staged,
        });
        thread::sleep(Duration::from_millis(10));
    }
    let Some(file) = file else { return told };
    if told == Told::Released && house.ctl(RESPONDER, ["revoke", "file", &file, "--reason", "a drill"]).code == 0 {
        told = Told::Revoked;
        let purged = house.ctl(OPERATOR, ["purge"]);
        if purged.code == 0 {
            assert_eq!(purged.json["failed"].as_array().map(Vec::len).unwrap_or(0), 0, "{}", purged.json);
            told = Told::Purged;
        }
    }
    told
}

/// The one row of `file list` that is recorded. More than one is a file that was staged twice.
fn file_row(answer: &Answer) -> Option<serde_json::Value> {
    let rows = answer.json["rows"].as_array()?;
    let recorded: Vec<_> = rows.iter().filter(|row| row["name"] == FILE && row["state"] != "settling").collect();
    assert!(recorded.len() <= 1, "staged twice: {recorded:?}");
    recorded.first().map(|row| (*row).clone())
}

/// The row of the state table, by disk and log as the crash left them.
fn row(house: &House, trace: &str) -> Row {
    let files =
        house.sql("SELECT sealed_at IS NOT NULL, released_at IS NOT NULL, purge_at IS NOT NULL, purged_at IS NOT NULL FROM file");
    assert!(files.len() <= 1, "staged twice: {files:?}");
    let (incoming, sealed) = (house.objects("incoming").len(), house.objects("sealed").len());
    // Two nameless files are opened at each start, to see whether the file system has them.
    let nameless = trace.lines().filter(|line| line.contains("O_TMPFILE") && !line.contains("unfinished")).count();
    match files.first().map(String::as_str) {
        None if incoming > 0 => Row::S2,
        None if nameless > 2 => Row::S1,
        None => Row::Nothing,
        Some("0|0|0|0") if sealed > 1 => Row::S5,
        Some("0|0|0|0") if sealed == 1 || nameless > 3 => Row::S4,
        Some("0|0|0|0") => Row::S3,
        Some("1|0|0|0") if incoming > 0 => Row::S6,
        Some("1|0|0|0") => Row::S7,
        Some("1|1|0|0") => Row::S8,
        Some("1|1|1|0") => Row::S9,
        Some("1|1|1|1") => Row::S10,
        Some(other) => panic!("a row that the state table does not know: {other}, {incoming} incoming, {sealed} sealed"),
    }
}

/// Nothing that was told is lost: the log has got at least as far.
fn check_told(at: &str, row: Row, told: Told) {
    let least = match told {
        Told::Nothing => Row::Nothing,
        Told::Staged => Row::S3,
        Told::Sealed => Row::S6,
        Told::Released | Told::Revoked => Row::S8,
        Told::Purged => Row::S10,
    };
    assert!(row >= least, "{at}: told {told:?}, but the disk is at {row:?}");
}

/// After a plain start: the life goes on to its end, once, and nothing else is there.
fn mended(house: &mut House, ticket: &str, at: &str, row: Row) {
    let delivery = format!("{ticket}/0001");
    let revoked = house.sql("SELECT revoked_at IS NOT NULL FROM file") == ["1"];
    visible_whole_or_not_at_all(house, &delivery);
    if row < Row::S9 && !revoked {
        house.until_released(&delivery);
        house.pull("acme", &format!("get /{delivery}/*\n"));
        assert_eq!(house.decrypt("acme", &format!("{FILE}.age")), csv().as_bytes(), "{at}");
        let sums = fs::read_to_string(house.pulled("acme", "SHA256SUMS")).unwrap();
        assert_eq!(sums.lines().count(), 1, "{at}: {sums}");
    } else {
        house.ctl(OPERATOR, ["purge"]).done();
        let file = file_row(&house.ctl(OPERATOR, ["file", "list"])).unwrap();
        assert_eq!(file["state"], "purged", "{at}: {file}");
        assert!(house.objects("sealed").is_empty() && house.objects("incoming").is_empty(), "{at}");
    }
    // No manifest, no mark and no set-aside source is left behind, and no second delivery was opened for one.
    until("staging is empty", || {
        let left: Vec<_> = fs::read_dir(house.staging(ticket)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.is_empty().then_some(())
    });
    assert_eq!(house.sql("SELECT count(*) FROM delivery"), ["1"], "{at}");
    assert_eq!(house.sql("SELECT count(*) FROM file"), ["1"], "{at}");
    house.check();
}

fn visible_whole_or_not_at_all(house: &House, delivery: &str) {
    let output = house.sftp("acme", &format!("-ls -1 /{delivery}\n"), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<&str> =
        listed.lines().filter(|line| !line.starts_with("sftp>")).filter_map(|line| line.rsplit('/').next()).collect();
    let whole = BTreeSet::from(["MANIFEST.json", "SHA256SUMS", "orders.csv.age"]);
    assert!(names.is_empty() || names == whole || names == BTreeSet::from(["MANIFEST.json", "SHA256SUMS"]), "{names:?}");
}

#[test]
fn s1_a_crash_while_a_file_is_copied_leaves_nothing_of_the_copy() {
    Sweep::reached(Row::S1);
}

#[test]
fn s2_a_copy_that_was_never_recorded_is_deleted_and_its_source_is_copied_again() {
    Sweep::reached(Row::S2);
}

#[test]
fn s3_a_staged_file_is_not_staged_again_and_goes_on_to_inspection() {
    Sweep::reached(Row::S3);
}

#[test]
fn s4_a_half_sealed_file_is_sealed_again_from_its_staged_copy() {
    Sweep::reached(Row::S4);
}

#[test]
fn s5_a_sealed_file_that_was_not_recorded_is_deleted_and_sealed_again() {
    Sweep::reached(Row::S5);
}

#[test]
fn s6_the_staged_copy_of_a_recorded_sealed_file_is_destroyed_at_the_start() {
    Sweep::reached(Row::S6);
}

#[test]
fn s7_a_sealed_file_waits_for_its_papers_and_is_released() {
    Sweep::reached(Row::S7);
}

#[test]
fn s8_a_released_file_stays_released() {
    Sweep::reached(Row::S8);
}

#[test]
fn s9_a_purge_that_had_begun_is_finished_at_the_start() {
    Sweep::reached(Row::S9);
}

#[test]
fn s10_of_a_purged_file_only_the_record_stays() {
    Sweep::reached(Row::S10);
}

#[test]
fn a_file_whose_bytes_are_gone_fails_closed_and_alone() {
    let mut house = House::new();
    let (lost, kept) = (house.ticket(&ticket_file("acme")), house.ticket(&ticket_file("acme")));
    for ticket in [&lost, &kept] {
        house.release(ticket, FILE, csv());
    }
    house.terminate();
    let query = "SELECT lower(hex(payload)) FROM file JOIN ticket ON ticket.id = file.ticket WHERE number = ";
    let payload = house.sql(&format!("{query}'{lost}'")).remove(0);
    fs::remove_file(object(&house, "sealed", &payload)).unwrap();
    house.restart();
    assert!(house.log().contains("missing: [ObjectId("), "{}", house.log());
    let refused = house.sftp("acme", &format!("get /{lost}/0001/{FILE}.age\n"), &[]);
    assert!(!refused.status.success(), "a file without its bytes was served");
    house.pull("acme", &format!("get /{kept}/0001/{FILE}.age\n"));
    assert_eq!(house.decrypt("acme", &format!("{FILE}.age")), csv().as_bytes());
}

/// Where an object lies, by its id in hexadecimal digits.
fn object(house: &House, shelf: &str, hex: &str) -> std::path::PathBuf {
    let id = uuid::Uuid::parse_str(hex).unwrap().to_string();
    house.state().join(shelf).join(&id[34..]).join(id)
}
