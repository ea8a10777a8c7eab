//! Staging under fire: more files than the kernel's queue of events holds, slow writers, files replaced while they are copied.
//! Only complete files are taken, each once.

use crate::house::{House, OPERATOR, orders, ticket_file, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    env,
    fs::{self, File},
    io::Write,
    thread,
    time::{Duration, Instant},
};

/// Files that arrive while the daemon cannot look, each with a handful of events; the kernel keeps 16,384 events by default.
/// EGRESSD_FILES asks for more of them.
const FILES: usize = 4_000;
/// How long a writer of one file takes, with pauses shorter than the settling time.
const SLOW: u32 = 8;

fn signal(house: &House, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(house.pid()).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn when_events_are_lost_every_file_is_still_taken_and_taken_once() {
    let files = env::var("EGRESSD_FILES").map_or(FILES, |text| text.parse().unwrap());
    let mut house = House::new();
    let submitted = house.submit(&ticket_file("acme")).done();
    let ticket = submitted["ticket"].as_str().unwrap();
    fs::create_dir_all(house.staging(ticket)).unwrap();
    house.stage(ticket, "first.csv", orders(1));
    house.until_file(ticket, "first.csv", &["waiting"]);
    signal(&house, Signal::STOP);
    for n in 0..files {
        let path = house.staging(ticket).join(format!("f{n:05}.csv"));
        let mut file = File::create(&path).unwrap();
        // Two writes, two events; with creating and closing five of them.
        file.write_all(b"customer,month,orders\n").unwrap();
        file.write_all(format!("c{n},2026-10,1\n").as_bytes()).unwrap();
    }
    signal(&house, Signal::CONT);
    let began = Instant::now();
    until_staged(&house, files + 1);
    let took = began.elapsed();
    eprintln!("{files} files whose events were lost were staged in {took:?}");
    assert_eq!(house.sql("SELECT count(DISTINCT name) FROM file"), [(files + 1).to_string()]);
    assert_eq!(fs::read_dir(house.staging(ticket)).unwrap().count(), 0);
    house.check();
}

/// Within the deadline of one step for each thousand.
fn until_staged(house: &House, files: usize) {
    for thousand in (0..=files).step_by(1_000).skip(1).chain([files]) {
        until("a thousand more are staged", || {
            let count: usize = house.sql("SELECT count(*) FROM file")[0].parse().unwrap();
            assert!(count <= files, "staged twice");
            (count >= thousand).then_some(())
        });
    }
}

#[test]
fn a_slow_writers_file_is_taken_when_it_is_closed_and_not_before() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    fs::create_dir_all(house.staging(&ticket)).unwrap();
    let csv = orders(4_000);
    let mut file = File::create(house.staging(&ticket).join("slow.csv")).unwrap();
    for part in csv.as_bytes().chunks(csv.len() / SLOW as usize + 1) {
        assert_eq!(house.sql("SELECT count(*) FROM file"), ["0"], "taken while it was being written");
        file.write_all(part).unwrap();
        thread::sleep(Duration::from_millis(400));
    }
    drop(file);
    house.ready(&ticket);
    house.until_released(&format!("{ticket}/0001"));
    house.pull("acme", &format!("get /{ticket}/0001/slow.csv.age\n"));
    assert_eq!(house.decrypt("acme", "slow.csv.age"), csv.as_bytes());
    house.check();
}

#[test]
fn a_file_that_is_replaced_while_it_is_copied_is_copied_anew_and_never_mixed() {
    let mut house = House::new();
    let submitted = house.submit(&ticket_file("acme")).done();
    let ticket = submitted["ticket"].as_str().unwrap();
    let (first, second) = (orders(2_000_000), orders(1_500_000));
    house.stage(ticket, "orders.csv", &first);
    // Copying seventy megabytes takes a good while longer than this.
    thread::sleep(Duration::from_millis(250));
    house.stage(ticket, "orders.csv", &second);
    let digest = |text: &str| egressd::domain::digest::Digest::of(text.as_bytes()).to_string();
    let (first, second) = (digest(&first), digest(&second));
    let mut ids = Vec::new();
    until("the second version is staged", || {
        let rows = house.ctl(OPERATOR, ["file", "list"]).done();
        let recorded = rows["rows"].as_array().unwrap().iter().filter(|row| row["state"] != "settling");
        ids = recorded.map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        ids.iter().any(|id| house.ctl(OPERATOR, ["file", "show", id]).done()["sha256"] == second.as_str()).then_some(())
    });
    for id in &ids {
        let sha256 = house.ctl(OPERATOR, ["file", "show", id]).done()["sha256"].as_str().unwrap().to_owned();
        assert!([&first, &second].contains(&&sha256), "a mixture was staged");
    }
    assert!(ids.len() <= 2);
    house.check();
}

#[test]
fn the_same_file_dropped_again_after_its_discarding_is_a_new_file_even_with_its_old_time() {
    let mut house = House::new();
    let submitted = house.submit(&ticket_file("acme")).done();
    let ticket = submitted["ticket"].as_str().unwrap();
    let csv = orders(10);
    let old = std::time::SystemTime::now() - Duration::from_secs(86_400);
    // File systems give a freed inode to the next file: a few attempts meet the same one.
    for attempt in 1..=5 {
        fs::create_dir_all(house.staging(ticket)).unwrap();
        let file = File::create(house.staging(ticket).join("again.csv")).unwrap();
        (&file).write_all(csv.as_bytes()).unwrap();
        file.set_modified(old).unwrap();
        drop(file);
        let row = house.until_file(ticket, "again.csv", &["waiting"]);
        let id = row["id"].as_str().unwrap();
        house.ctl(OPERATOR, ["file", "discard", id, "--reason", "dropped too early"]).done();
        assert_eq!(house.sql("SELECT count(*) FROM file"), [attempt.to_string()]);
    }
    house.check();
}

#[test]
fn a_mark_that_has_closed_one_delivery_does_not_close_the_next_after_a_crash() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    house.terminate();
    house.stage(&ticket, "one.csv", orders(10));
    house.ready(&ticket);
    // The mark's own unlinking is the first unlinkat in its directory by that name; the daemon dies before it.
    let mark = house.staging(&ticket).join("_READY");
    let mut k = 0;
    while house.sql("SELECT count(*) FROM delivery WHERE closed_at IS NOT NULL") != ["1"] || !mark.exists() {
        k += 1;
        assert!(k < 8, "no kill fell between the closing and the unlinking of its mark");
        let inject = format!("inject=unlinkat:signal=KILL:when={k}");
        let trace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat", "-e", &inject];
        if house.restart_under(&trace).is_ok() {
            until("the daemon is dead or all is done", || (!house.is_alive() || !mark.exists()).then_some(()));
            house.kill9();
        }
    }
    house.restart();
    until("the mark is gone", || (!mark.exists()).then_some(()));
    house.stage(&ticket, "two.csv", orders(20));
    house.until_file(&ticket, "two.csv", &["sealed"]);
    let open = house.sql("SELECT count(*) FROM delivery WHERE closed_at IS NULL");
    assert_eq!(open, ["1"], "the old mark closed the second delivery");
    house.check();
}
