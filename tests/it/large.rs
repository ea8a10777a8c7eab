//! A file of 3 GiB passes from staging to pulls over both doors: bounded memory, re-keys on the way, and a client that asks far ahead.

use crate::house::{CANARY, House, ticket_file};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// Bytes of the file as it is staged; a few more, to the end of its last row.
const BYTES: u64 = 3 << 30;
/// The daemon's resident memory may never pass this, whatever the size of a file.
const MEMORY: u64 = 150 << 20;
/// Fewer bytes under one key than OpenSSH would choose, so that a pull of the file has a dozen re-keys.
const REKEY: &str = "RekeyLimit=256M";

/// Long rows: the inspection reads each byte of them all the same. Answers the SHA-256 that Debian's sha256sum computes.
pub fn write_csv(path: &Path, bytes: u64) -> String {
    let mut sum = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut to_sum = BufWriter::with_capacity(1 << 20, sum.stdin.take().unwrap());
    let filler = "x".repeat(400);
    let mut written = 0;
    let mut put = |text: &str| {
        out.write_all(text.as_bytes()).unwrap();
        to_sum.write_all(text.as_bytes()).unwrap();
        written += text.len() as u64;
        written
    };
    put("customer,month,orders\n");
    for row in 0_u64.. {
        if put(&format!("{CANARY}-{row:010}-{filler},2026-10,{}\n", row % 97)) >= bytes {
            break;
        }
    }
    drop(to_sum);
    out.into_inner().unwrap();
    digest(&sum.wait_with_output().unwrap().stdout)
}

fn digest(said: &[u8]) -> String {
    String::from_utf8_lossy(said).split_whitespace().next().unwrap().to_owned()
}

#[test]
fn three_gibibytes_pass_from_staging_to_a_pull_in_bounded_memory_across_rekeys() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let apart = house.path("gateway/large.csv");
    let began = Instant::now();
    let sha256 = write_csv(&apart, BYTES);
    let (bytes, written) = (fs::metadata(&apart).unwrap().len(), began.elapsed());
    fs::create_dir_all(house.staging(&ticket)).unwrap();
    let began = Instant::now();
    fs::rename(&apart, house.staging(&ticket).join("large.csv")).unwrap();
    house.until_file(&ticket, "large.csv", &["sealed", "released"]);
    let sealed = began.elapsed();
    house.ready(&ticket);
    house.until_released(&format!("{ticket}/0001"));
    assert!(!house.staging(&ticket).join("large.csv").exists());
    let (path, began) = (format!("{ticket}/0001/large.csv.age"), Instant::now());
    let (said, _) = pull(&house, &path, &["-o", REKEY, "-o", "LogLevel=DEBUG1"]);
    let once = began.elapsed();
    let exchanges = said.matches("SSH2_MSG_NEWKEYS received").count();
    assert!(exchanges > 10, "{exchanges} key exchanges\n{said}");
    assert_eq!(decrypted(&house, "large.csv.age"), sha256, "not the same bytes");
    let began = Instant::now();
    let (_, sum) = pull(&house, &path, &["-R", "1024"]);
    let ahead = began.elapsed();
    let began = Instant::now();
    let over_https = fetch(&house, &path);
    let fetched = began.elapsed();
    house.pull("acme", &format!("get /{ticket}/0001/SHA256SUMS\n"));
    assert!(fs::read_to_string(house.pulled("acme", "SHA256SUMS")).unwrap().starts_with(&sum), "sftp -R 1024");
    assert_eq!(over_https, sum, "curl");
    fs::remove_file(house.pulled("acme", "large.csv.age")).unwrap();
    let memory = house.rss();
    eprintln!(
        "{bytes} bytes: written in {written:?}, staged to sealed in {sealed:?}, pulled across {exchanges} key exchanges in {once:?}, \
         with -R 1024 in {ahead:?} (both summed), over HTTPS in {fetched:?}; the daemon had at most {} MiB resident",
        memory >> 20
    );
    assert!(memory < MEMORY, "{} MiB", memory >> 20);
    house.check();
}

/// Pulls the file; answers what sftp said and the file's SHA-256.
fn pull(house: &House, path: &str, options: &[&str]) -> (String, String) {
    let output = house.sftp("acme", &format!("get /{path}\n"), options);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{}", house.log());
    let sum = Command::new("sha256sum").arg(house.pulled("acme", "large.csv.age")).output().unwrap();
    (said, digest(&sum.stdout))
}

/// The SHA-256 of the file as curl gets it: no third copy lies on the disk.
fn fetch(house: &House, path: &str) -> String {
    let mut curl = house.curl("acme");
    let mut curl = curl.arg(house.url(path)).stdout(Stdio::piped()).spawn().unwrap();
    let sum = Command::new("sha256sum").stdin(curl.stdout.take().unwrap()).stdout(Stdio::piped()).spawn().unwrap();
    let said = sum.wait_with_output().unwrap().stdout;
    assert!(curl.wait().unwrap().success(), "{}", house.log());
    digest(&said)
}

/// The SHA-256 of what age makes of a pulled file: no third copy lies on the disk.
fn decrypted(house: &House, name: &str) -> String {
    let identity = house.path("vendors/acme/age.txt");
    let mut age = Command::new("age");
    age.args(["-d", "-i"]).arg(identity).arg(house.pulled("acme", name)).stdout(Stdio::piped());
    let mut age = age.spawn().unwrap();
    let sum = Command::new("sha256sum").stdin(age.stdout.take().unwrap()).stdout(Stdio::piped()).spawn().unwrap();
    let said = sum.wait_with_output().unwrap().stdout;
    assert!(age.wait().unwrap().success());
    digest(&said)
}
