//! The order of system calls, as strace saw it: the record of who reads is on the disk before the first byte of the file is handed to
//! the kernel.

use crate::house::{House, orders, run, ticket_file};
use std::fs;

/// More than anything that is said on a connection before its first payload.
const PAYLOAD: usize = 16 * 1024;

/// What of a trace matters here, in the order in which it was over.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Step {
    /// The record was written into the write-ahead log of the database.
    RecordWritten,
    /// The write-ahead log was made durable.
    LogDurable,
    /// Payload was handed to the vendor's socket.
    PayloadSent,
}

/// Reads `strace -f -yy`. SQLite calls fsync(2) where it was compiled without fdatasync(2). A call that another thread interrupts is split in two lines: a sync counts when it is over, a send
/// when it begins.
fn steps(trace: &str, record: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut syncing: Vec<&str> = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        let on_log = call.split_once(">,").map_or(call, |(call, _)| call).contains("ledger.db-wal");
        if call.starts_with("pwrite64(") && on_log && call.contains(record) {
            steps.push(Step::RecordWritten);
        } else if (call.starts_with("fsync(") || call.starts_with("fdatasync(")) && on_log {
            match call.contains("unfinished") {
                true => syncing.push(thread),
                false => steps.push(Step::LogDurable),
            }
        } else if (call.starts_with("<... fsync resumed") || call.starts_with("<... fdatasync resumed"))
            && syncing.contains(&thread)
        {
            syncing.retain(|one| *one != thread);
            assert!(call.trim_end().ends_with("= 0"), "{call}");
            steps.push(Step::LogDurable);
        } else if (call.starts_with("sendto(")
            || call.starts_with("write(")
            || call.starts_with("writev(")
            || call.starts_with("sendmsg("))
            && call.contains("<TCP")
            && sent(call) >= PAYLOAD
        {
            steps.push(Step::PayloadSent);
        }
    }
    steps
}

/// Bytes that a call was asked to send: the number before its closing parenthesis or its flags.
fn sent(call: &str) -> usize {
    let after = call.rsplit_once("\"...,").or_else(|| call.rsplit_once("\",")).map_or("", |(_, after)| after);
    let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

#[test]
fn the_record_of_a_beginning_is_durable_before_the_first_payload_is_sent_over_sftp() {
    traced("transfer_begun", |house, path| drop(house.pull("acme", &format!("get {path}\n"))));
}

#[test]
fn the_record_of_a_beginning_is_durable_before_the_first_payload_is_sent_over_https() {
    traced("transfer_begun", over_https);
}

#[test]
fn the_record_of_a_session_that_joins_is_durable_before_its_first_payload_is_sent() {
    traced("transfer_joined", |house, path| {
        // Another session has begun the transfer, with less than counts as payload here.
        run(house.curl("acme").args(["-r", "0-9", "-o", "part"]).arg(house.url(path.trim_start_matches('/'))));
        over_https(house, path);
    });
}

fn over_https(house: &House, path: &str) {
    run(house.curl("acme").arg("-O").arg(house.url(path.trim_start_matches('/'))));
}

fn traced(record: &str, pull: fn(&House, &str)) {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    house.release(&ticket, "orders.csv", orders(40_000));
    let trace = house.path("trace");
    let calls = "trace=pwrite64,fsync,fdatasync,sendto,sendmsg,write,writev";
    let trace_at = trace.to_str().unwrap();
    // -D: the daemon keeps its own process id.
    let strace = ["strace", "-D", "-f", "-qq", "-yy", "-s", "4200", "-e", calls, "-e", "signal=none", "-o", trace_at];
    house.restart_under(&strace).unwrap();
    pull(&house, &format!("/{ticket}/0001/orders.csv.age"));
    house.terminate();
    let steps = steps(&String::from_utf8_lossy(&fs::read(&trace).unwrap()), record);
    let first = |step: Step| steps.iter().position(|one| *one == step).unwrap_or_else(|| panic!("no {step:?} in {steps:?}"));
    let (written, sent) = (first(Step::RecordWritten), first(Step::PayloadSent));
    assert!(steps[written..sent].contains(&Step::LogDurable), "payload was sent before its record was durable: {steps:?}");
    assert!(written < sent, "{steps:?}");
    house.restart();
    house.check();
}

#[test]
fn a_trace_in_the_wrong_order_is_noticed() {
    let wal = "12</x/ledger.db-wal>";
    let record = format!("7 pwrite64({wal}, \"..transfer_begun..\"..., 4096, 0) = 4096\n");
    let sync =
        format!("7 fdatasync({wal} <unfinished ...>\n8 write(1<pipe:[1]>, \"x\", 1) = 1\n7 <... fdatasync resumed>) = 0\n");
    let send = "8 sendto(20<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\\1\\2\"..., 65536, MSG_NOSIGNAL, NULL, 0) = 65536\n";
    assert_eq!(
        steps(&format!("{record}{sync}{send}"), "transfer_begun"),
        [Step::RecordWritten, Step::LogDurable, Step::PayloadSent]
    );
    assert_eq!(
        steps(&format!("{record}{send}{sync}"), "transfer_begun"),
        [Step::RecordWritten, Step::PayloadSent, Step::LogDurable]
    );
}
