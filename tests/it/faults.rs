//! Faults of the disk, made by strace under the release program: a disk that is full, an fsync that fails. Closed, whole,
//! and well again when the cause is gone.

use crate::house::{House, OPERATOR, RESPONDER, orders, run, ticket_file, until};
use std::{fs, path::PathBuf, process::Command};

const FILE: &str = "orders.csv";

/// A served house with one active ticket.
fn house() -> (House, String) {
    let house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    (house, ticket)
}

/// strace, failing what `inject` says, for a daemon that keeps its own process id.
fn failing(inject: &str) -> Vec<&str> {
    let call = inject.split(':').next().unwrap();
    let traced: &'static str = Box::leak(format!("trace={call}").into_boxed_str());
    let injected: &'static str = Box::leak(format!("inject={inject}").into_boxed_str());
    vec!["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", traced, "-e", injected]
}

/// The whole delivery goes out after a plain start, and everything is in order.
fn released_once(house: &mut House, ticket: &str, csv: &str) {
    let delivery = format!("{ticket}/0001");
    house.until_released(&delivery);
    house.pull("acme", &format!("get /{delivery}/*\n"));
    assert_eq!(house.decrypt("acme", &format!("{FILE}.age")), csv.as_bytes());
    assert_eq!(house.sql("SELECT count(*) FROM file"), ["1"]);
    house.check();
}

#[test]
fn a_failed_fsync_at_any_moment_ends_the_daemon_and_the_next_start_is_sound() {
    let (mut template, ticket) = house();
    template.terminate();
    let csv = orders(1_000);
    // The first three are a start's own. Counted for each thread: the ledger's makes the most of them.
    for k in 1..=12 {
        let mut house = template.twin();
        house.stage(&ticket, FILE, &csv);
        house.ready(&ticket);
        let inject = format!("fsync:error=EIO:when={k}");
        let status = match house.restart_under(&failing(&inject)) {
            Err(status) => status,
            Ok(()) => {
                let delivery = format!("{ticket}/0001");
                until("the fsync fails or the life is over", || {
                    let released = house.ctl(OPERATOR, ["delivery", "show", &delivery]).json["delivery"]["state"] == "released";
                    (released || !house.is_alive()).then_some(())
                });
                // The file is out; what is recorded next meets the failing fsync, if this life makes so many.
                let mut leaves = 0;
                while house.is_alive() && leaves < 20 {
                    leaves += 1;
                    house.submit(&ticket_file("umbra"));
                }
                house.until_ended()
            }
        };
        assert_eq!(status.code(), Some(3), "fsync {k}: {}", house.log());
        let log = house.log();
        assert!(
            log.contains("did not confirm") || log.contains("poisoned") || log.contains("disk I/O error"),
            "fsync {k}: {log}"
        );
        house.restart();
        released_once(&mut house, &ticket, &csv);
    }
}

/// A daemon whose files may grow to 2 MiB and no further, as on a full disk; for any user, and while it runs.
const LITTLE_ROOM: &str = "2097152";
/// What begins it: the kernel's signal for such a write is ignored, the error stays.
const PATIENT: [&str; 4] = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\"", "env"];

fn limit(house: &House, room: &str) {
    run(Command::new("prlimit").arg("--pid").arg(house.pid().to_string()).arg(format!("--fsize={room}:unlimited")));
}

#[test]
fn a_full_disk_while_a_file_is_copied_or_sealed_leaves_nothing_half_done_and_it_goes_on_when_there_is_room() {
    let mut house = House::new();
    let submitted = house.submit(&ticket_file("acme")).done();
    let ticket = submitted["ticket"].as_str().unwrap();
    let csv = orders(200_000);
    house.restart_under(&PATIENT).unwrap();
    // 1. No room for the copy: the source stays, nothing is on record.
    limit(&house, LITTLE_ROOM);
    house.stage(ticket, FILE, &csv);
    until("copying has failed", || house.log().contains("could not be taken").then_some(()));
    assert!(house.is_alive() && house.staging(ticket).join(FILE).exists());
    assert_eq!(house.sql("SELECT count(*) FROM file"), ["0"]);
    let shown = house.until_file(ticket, FILE, &["settling"]);
    assert!(shown["reason"].as_str().unwrap().contains("tries again"), "{shown}");
    house.check();
    limit(&house, "unlimited");
    house.until_file(ticket, FILE, &["waiting"]);
    // 2. No room for the sealed file: the staged copy stays, the delivery is not released.
    limit(&house, LITTLE_ROOM);
    house.approve_all(&submitted);
    house.ctl(OPERATOR, ["ticket", "activate", ticket]).done();
    house.ready(ticket);
    until("sealing has failed", || house.log().contains("could not be inspected").then_some(()));
    assert!(house.is_alive() && house.objects("sealed").is_empty());
    house.check();
    limit(&house, "unlimited");
    released_once(&mut house, ticket, &csv);
}

#[test]
fn a_vote_on_a_full_disk_is_refused_and_counts_when_it_is_given_again() {
    let mut house = House::new();
    let submitted = house.submit(&ticket_file("acme")).done();
    let (ticket, gate) = (submitted["ticket"].as_str().unwrap(), submitted["gates"][0].as_str().unwrap());
    let keeper = crate::house::gate_keeper(gate);
    // A start writes some twenty pages; then there is no room for a while.
    house.restart_under(&failing("pwrite64:error=ENOSPC:when=30..60")).unwrap();
    for _ in 0..3 {
        house.submit(&ticket_file("umbra"));
    }
    let mut refused = 0;
    until("there is room again", || {
        let answer = house.approve(keeper, ticket, gate);
        refused += u32::from(answer.code == 3);
        assert!(matches!(answer.code, 0 | 3), "{}", answer.stderr);
        (answer.code == 0).then_some(())
    });
    assert!(refused > 0, "the disk was never full");
    assert!(house.is_alive());
    let shown = house.ctl(OPERATOR, ["ticket", "show", ticket]).done();
    assert_eq!(shown["gates"][0]["have"], 1, "{shown}");
    house.check();
}

/// A state directory on a file system of 24 MiB. It is unmounted with the value.
struct Small(PathBuf);

impl Small {
    fn over(directory: PathBuf) -> Option<Self> {
        let kept = directory.with_extension("kept");
        fs::rename(&directory, &kept).unwrap();
        fs::create_dir(&directory).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m,mode=700", "egressd-test"]).arg(&directory).status();
        let mounted = mounted.is_ok_and(|status| status.success());
        if !mounted {
            fs::remove_dir(&directory).unwrap();
            fs::rename(&kept, &directory).unwrap();
            return None;
        }
        let small = Self(directory);
        run(Command::new("cp").args(["-a", "--"]).arg(kept.join(".")).arg(&small.0));
        fs::remove_dir_all(kept).unwrap();
        Some(small)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn on_a_disk_that_is_really_full_a_revocation_still_cuts_and_says_that_it_is_not_durable() {
    let (mut house, ticket) = house();
    let csv = orders(1_000);
    let delivery = house.release(&ticket, FILE, &csv);
    house.terminate();
    // Mounting takes root; without it the rest of this file says the same with injected errors.
    let Some(_small) = Small::over(house.state()) else {
        eprintln!("no privilege to mount: not on a real disk");
        return;
    };
    house.restart();
    let filler = house.state().join("filler");
    let fill = Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", filler.display())).output().unwrap();
    assert!(!fill.status.success(), "the disk has no end");
    let revoked = until("the log is full", || {
        let answer = house.ctl(RESPONDER, ["revoke", "ticket", &ticket, "--reason", "a drill on a full disk"]);
        (answer.code != 0).then_some(answer)
    });
    assert_eq!(revoked.code, 4, "{} {}", revoked.json, revoked.stderr);
    assert_eq!(revoked.json["durable"], "no", "{}", revoked.json);
    let refused = house.sftp("acme", &format!("get /{delivery}/{FILE}.age\n"), &[]);
    assert!(!refused.status.success(), "served after a cut");
    // A restart forgets nothing: the freeze file needs no room.
    fs::remove_file(filler).unwrap();
    house.kill9();
    house.restart();
    let refused = house.sftp("acme", &format!("get /{delivery}/{FILE}.age\n"), &[]);
    assert!(!refused.status.success(), "served after a restart");
    house.check();
    house.kill9();
}
