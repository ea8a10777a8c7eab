//! What sessions and large files cost, measured on this process while the clients are others. Run one at a time:
//! `cargo test --release --lib measured -- --ignored --test-threads 1 --nocapture`.

use super::*;
use std::io::{BufRead, BufReader, BufWriter};

const MIB: u64 = 1 << 20;

/// Resident memory of this process: now, and the most so far.
fn resident() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Processor time of this process so far, in hundredths of a second as Linux counts them.
fn processor() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    // User and system time are the fields 14 and 15, the state is the third.
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Writes [`fixture::csv`]'s content over and over, without holding it.
fn write_csv(path: &Path, bytes: u64) {
    let block = fixture::csv(1 << 20);
    let header = block.iter().position(|c| *c == b'\n').unwrap() + 1;
    let mut file = BufWriter::new(fs::File::create(path).unwrap());
    file.write_all(&block).unwrap();
    for _ in 0..bytes / MIB {
        file.write_all(&block[header..]).unwrap();
    }
    file.flush().unwrap();
}

#[test]
#[ignore = "takes minutes and disk; MEASURE_MIB says how much, 3072 unless told"]
fn a_large_file_passes_from_staging_to_a_pull_across_rekeys_within_150_mib() {
    let served = Served::new();
    let bytes = from_environment("MEASURE_MIB", 3_072) * MIB;
    write_csv(&served.path("large"), bytes);
    println!("before: {} MiB resident", resident().0 / MIB);
    let begun = Instant::now();
    served.house.drop_path(served.ticket, "large.csv", &served.path("large"));
    let delivery = served.runtime.block_on(served.house.release(served.ticket, &["large.csv"]));
    println!("staged, inspected, sealed, released in {:?}, at most {} MiB resident", begun.elapsed(), resident().1 / MIB);
    for more in [&["-o", "RekeyLimit=256M"][..], &["-R", "1024"], &[]] {
        let (begun, worked) = (Instant::now(), processor());
        let from = format!("acme@127.0.0.1:/{delivery}/large.csv.age");
        let mut pull = Command::new("sftp");
        pull.args(["-P", &served.port.to_string()]).args(served.options()).args(more).args([&from, "/dev/null"]);
        fine(&pull.output().unwrap());
        let rate = bytes as f64 / MIB as f64 / begun.elapsed().as_secs_f64();
        let worked = (processor() - worked) as f64 * 10.0 * 1024.0 / (bytes / MIB) as f64;
        println!("{more:?}: {rate:.0} MiB/s, {worked:.0} ms of processor per GiB, at most {} MiB resident", resident().1 / MIB);
    }
    assert_eq!(served.transfers().len(), 3);
    assert!(resident().1 < 150 * MIB, "{} MiB", resident().1 / MIB);
}

#[test]
#[ignore = "starts a hundred processes"]
fn the_memory_of_an_idle_session_is_printed() {
    const SESSIONS: u64 = 100;
    let served = Served::new();
    served.file(1 << 20);
    let log_in = || {
        let mut child = served.client("ssh").args(["-s", "acme@127.0.0.1", "sftp"]).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(&raw::init()).unwrap();
        // VERSION: the session is up, and idle from here on.
        BufReader::with_capacity(1, child.stdout.as_mut().unwrap()).fill_buf().unwrap();
        child
    };
    let mut clients: Vec<_> = (0..5).map(|_| log_in()).collect();
    let before = resident().0;
    clients.extend((0..SESSIONS).map(|_| log_in()));
    let after = resident().0;
    println!("an idle session costs {} KiB", after.saturating_sub(before) / SESSIONS / 1024);
    for mut client in clients {
        drop(client.stdin.take());
        client.wait().unwrap();
    }
}
