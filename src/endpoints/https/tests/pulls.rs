//! Readings that are one transfer, and conditions that begin none.

use super::*;
use crate::domain::limits;
use crate::endpoints::https::body::MADE;
use std::{sync::atomic::Ordering, thread, time::Duration};

fn range(from: u64, to: u64) -> String {
    format!("bytes={from}-{}", to - 1)
}

#[test]
fn eight_parallel_ranges_are_one_transfer_and_count_once() {
    let mut served = Served::with(Arc::new(SystemClock::new()), "max_downloads = 1");
    let file = served.file(3 << 20);
    let part = file.bytes.div_ceil(8);
    let whole: Vec<u8> = thread::scope(|scope| {
        let fetch = |n: u64| {
            let (from, to) = (n * part, ((n + 1) * part).min(file.bytes));
            let answer = served.client().ask("GET", &file.path, &[("range", &range(from, to))]).unwrap();
            assert_eq!(answer.status, 206);
            assert_eq!(answer.field("content-range"), Some(&*format!("bytes {from}-{}/{}", to - 1, file.bytes)));
            answer.body
        };
        let parts: Vec<_> = (0..8).map(|n| scope.spawn(move || fetch(n))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert_eq!(Digest::of(&whole), file.sha256);
    assert_eq!(served.client().get(&file.path).status, 200, "read again within the gap it is still the one download");
    served.stop();
    let ended = served.transfers();
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].how, ended[0].ranges.clone()), (TransferEnd::Closed, Some(vec![(0, file.bytes)])));
    assert_eq!(ended[0].bytes, Some(2 * file.bytes));
}

#[test]
fn after_the_gap_the_next_reading_is_another_transfer_and_the_limit_says_no() {
    let clock = Arc::new(fixture::ManualClock::at(crate::domain::time::Time::from_micros(1_795_255_200_000_000)));
    let served = Served::with(clock.clone(), "max_downloads = 1");
    let file = served.file(200_000);
    assert_eq!(served.client().get(&file.path).status, 200);
    served.sessions();
    clock.advance(limits::PULL_GAP - Duration::from_secs(60));
    assert_eq!(served.client().get(&file.path).status, 200, "a client that goes on in time");
    served.sessions();
    clock.advance(limits::PULL_GAP + Duration::from_secs(1));
    assert_eq!(served.transfers().len(), 1, "it ends by itself");
    let mut client = served.client();
    assert_eq!(client.get(&file.path).status, 403);
    assert_eq!(client.ask("HEAD", &file.path, &[]).unwrap().status, 200);
    assert_eq!(client.get(&format!("/{}/SHA256SUMS", file.delivery)).status, 200, "the notes are not counted");
    let denied =
        |record: &crate::domain::event::Record| matches!(record.event, crate::domain::event::Event::SessionDenied { code: 4006 });
    assert_eq!(served.house.log().iter().filter(|record| denied(record)).count(), 1);
}

#[test]
fn what_sends_no_byte_of_a_file_begins_no_transfer() {
    let served = Served::new();
    let file = served.file(100_000);
    let mut client = served.client();
    let etag = format!("\"{}\"", file.sha256);
    let head = client.ask("HEAD", &file.path, &[("range", "bytes=0-9")]).unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), Some(&*file.bytes.to_string()));
    assert_eq!(head.field("etag"), Some(&*etag));
    let date = head.field("last-modified").unwrap().to_owned();
    for (status, name, value) in [
        (304, "if-none-match", etag.as_str()),
        (304, "if-modified-since", &date),
        (412, "if-match", "\"other\""),
        (416, "range", "bytes=99999999-"),
        (416, "range", "bytes=-0"),
    ] {
        let answer = client.ask("GET", &file.path, &[(name, value)]).unwrap();
        assert_eq!(answer.status, status, "{name}: {value}");
        if status == 416 {
            assert_eq!(answer.field("content-range"), Some(&*format!("bytes */{}", file.bytes)));
        }
    }
    assert_eq!(served.begun(), 0);
    let part = |client: &mut Client, fields: &[(&str, &str)]| {
        let answer = client.ask("GET", &file.path, fields).unwrap();
        (answer.status, answer.body.len() as u64)
    };
    assert_eq!(part(&mut client, &[("range", "bytes=-10"), ("if-range", &etag)]), (206, 10));
    assert_eq!(part(&mut client, &[("range", "bytes=10-19"), ("if-range", &date)]), (206, 10));
    assert_eq!(part(&mut client, &[("range", "bytes=10-19"), ("if-range", "\"other\"")]), (200, file.bytes));
    assert_eq!(part(&mut client, &[("range", "bytes=0-1,5-6")]), (200, file.bytes));
    assert_eq!(served.begun(), 1);
}

#[test]
fn curl_goes_on_where_it_broke_off() {
    let mut served = Served::new();
    let file = served.file(2 << 20);
    let out = served.path("part.age");
    // Broken off by the client: it reads a part and goes.
    let mut client = served.client();
    client.begin("GET", &file.path, &[]).unwrap();
    let head = client.head().unwrap();
    assert_eq!(head.status, 200);
    fs::write(&out, client.read(300_000).unwrap()).unwrap();
    drop(client);
    let go_on = served.curl().args(["--fail", "-C", "-", "-o"]).arg(&out).arg(served.url(&file.path)).output().unwrap();
    fine(&go_on);
    assert_eq!(Digest::of(&fs::read(&out).unwrap()), file.sha256);
    served.stop();
    let ended = served.transfers();
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(ended[0].ranges, Some(vec![(0, file.bytes)]));
}

#[test]
fn a_long_file_leaves_through_buffers_that_are_used_again() {
    let served = Served::new();
    let file = served.file(24 << 20);
    let before = MADE.load(Ordering::SeqCst);
    let answer = served.client().get(&file.path);
    assert_eq!(Digest::of(&answer.body), file.sha256);
    // Other tests read at the same time; a buffer for each read would be a hundred here alone.
    let made = MADE.load(Ordering::SeqCst) - before;
    assert!(made < 40, "{made} buffers for {} reads", file.bytes / limits::HTTPS_READ_BYTES as u64);
}
