//! Readings that are one transfer, and conditions that begin none.

use super::*;
use crate::domain::{
    event::{Actor, Detail, Event},
    limits,
};
use crate::endpoints::https::body::MADE;
use crate::gateway::answers::{Served as Shown, TransferRow};
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
    assert_eq!(served.client().get(&file.path).status, 200, "read again within the grace it is still the one download");
    served.stop();
    let ended = served.transfers();
    assert_eq!(ended.len(), 1);
    assert_eq!((ended[0].how, ended[0].ranges.clone()), (TransferEnd::Closed, Some(vec![(0, file.bytes)])));
    assert_eq!(ended[0].bytes, Some(2 * file.bytes));
}

#[test]
fn after_the_gap_the_next_reading_is_another_transfer_and_the_limit_says_no() {
    let clock = at_noon();
    let served = Served::with(clock.clone(), "max_downloads = 1");
    let file = served.file(200_000);
    part(&served, &file, 0..100);
    served.sessions();
    clock.advance(limits::PULL_GAP - Duration::from_secs(60));
    part(&served, &file, 100..200);
    served.sessions();
    clock.advance(limits::PULL_GAP + Duration::from_secs(1));
    let ended = served.transfers();
    assert_eq!(ended.len(), 1, "it ends by itself");
    assert_eq!((ended[0].how, ended[0].ranges.clone()), (TransferEnd::SessionEnded, Some(vec![(0, 200)])));
    let mut client = served.client();
    assert_eq!(client.get(&file.path).status, 403);
    assert_eq!(client.ask("HEAD", &file.path, &[]).unwrap().status, 200);
    assert_eq!(client.get(&format!("/{}/SHA256SUMS", file.delivery)).status, 200, "the notes are not counted");
    let denied =
        |record: &crate::domain::event::Record| matches!(record.event, crate::domain::event::Event::SessionDenied { code: 4006 });
    assert_eq!(served.house.log().iter().filter(|record| denied(record)).count(), 1);
}

fn at_noon() -> Arc<fixture::ManualClock> {
    Arc::new(fixture::ManualClock::at(crate::domain::time::Time::from_micros(1_795_255_200_000_000)))
}

/// A part, over a connection of its own.
fn part(served: &Served, file: &Remote, bytes: std::ops::Range<u64>) {
    let answer = served.client().ask("GET", &file.path, &[("range", &range(bytes.start, bytes.end))]).unwrap();
    assert_eq!(answer.status, 206);
}

/// The delivery's newest transfer as the staff sees it, once nobody reads in it.
fn shown(served: &Served, file: &Remote) -> TransferRow {
    let (desk, by) = (served.house.desk(), served.house.person(Staff::Olga));
    served.runtime.block_on(fixture::until("nobody reads", async || {
        let shown = desk.delivery_show(by, file.delivery.ticket, file.delivery.number).await.unwrap();
        shown.transfers.rows.into_iter().next().filter(|row| row.readers == 0)
    }))
}

#[test]
fn a_file_that_was_served_whole_is_one_transfer_that_ends_soon_and_is_not_severed_any_more() {
    let clock = at_noon();
    let served = Served::with(clock.clone(), "");
    let file = served.file(200_000);
    part(&served, &file, 0..50_000);
    assert_eq!(shown(&served, &file).served, Shown::Part);
    // The rest, from where it broke off: the same transfer.
    part(&served, &file, 50_000..file.bytes);
    let whole = shown(&served, &file);
    assert_eq!((whole.how, whole.served, whole.joined), (None, Shown::Whole, 1));
    clock.advance(limits::PULL_GRACE);
    assert_eq!(served.transfers().remove(0).how, TransferEnd::Closed);
    // Another reading is another transfer; a revocation that comes after its last byte does not change how it went.
    assert_eq!(served.client().get(&file.path).status, 200);
    assert_eq!(shown(&served, &file).served, Shown::Whole);
    served.revoke(Scope::Delivery(file.delivery));
    let ended = served.transfers();
    assert_eq!(ended.iter().map(|end| end.how).collect::<Vec<_>>(), [TransferEnd::Closed; 2]);
}

#[test]
fn every_session_that_joins_is_on_record_with_its_address_once_and_another_key_begins_its_own_transfer() {
    let mut served = Served::new();
    let file = served.file(200_000);
    let bearer = format!("Bearer {}", served.token(1));
    let ask = |client: &mut Client, from: u64| {
        let fields = [("authorization", bearer.as_str()), ("range", &*range(from, from + 10))];
        assert_eq!(client.ask("GET", &file.path, &fields).unwrap().status, 206);
    };
    let mut first = served.nobody();
    ask(&mut first, 0);
    // The same token from elsewhere, as a thief has it: three ranges over one connection.
    let stolen = format!("Authorization: {bearer}");
    let mut thief = served.bare_curl();
    thief.args(["--interface", "127.0.0.2", "-H", &stolen]);
    for from in [10, 20, 30] {
        thief.args(["-r", &format!("{from}-{}", from + 9), "-o", "/dev/null"]).arg(served.url(&file.path));
    }
    fine(&thief.output().unwrap());
    ask(&mut first, 40);
    let joins: Vec<_> = served
        .house
        .log()
        .into_iter()
        .filter_map(|record| match (record.by, record.event, record.detail) {
            (Actor::Vendor { session: by, .. }, Event::TransferJoined { session, .. }, Some(Detail::Address { network, .. })) => {
                Some((by == session, network))
            }
            _ => None,
        })
        .collect();
    assert_eq!(joins, [(true, "127.0.0.2".to_owned())]);
    let row = shown(&served, &file);
    assert_eq!((row.joined, row.joined_from, row.address), (1, vec!["127.0.0.2".to_owned()], "127.0.0.1".to_owned()));
    // The vendor's certificate is another key: nobody hides behind it.
    part(&served, &file, 50..60);
    assert_eq!(served.begun(), 2);
    drop(first);
    served.stop();
    served.transfers();
}

#[test]
fn a_file_that_is_served_several_times_over_is_another_download() {
    let served = Served::with(Arc::new(SystemClock::new()), "max_downloads = 1");
    let file = served.file(100_000);
    let mut client = served.client();
    for _ in 0..limits::PULL_FACTOR {
        assert_eq!(client.get(&file.path).status, 200);
    }
    assert_eq!(client.get(&file.path).status, 403, "in the same session too");
    let ended = served.transfers();
    assert_eq!((ended.len(), ended[0].bytes), (1, Some(limits::PULL_FACTOR * file.bytes)));
}

#[test]
fn a_transfer_that_is_kept_open_for_a_day_is_joined_by_nobody_and_ends_with_its_last_reader() {
    let clock = at_noon();
    let served = Served::with(clock.clone(), "");
    let file = served.file(32 << 20);
    let mut slow = served.client();
    slow.begin("GET", &file.path, &[]).unwrap();
    slow.head().unwrap();
    clock.advance(limits::PULL_AGE - Duration::from_secs(1));
    part(&served, &file, 0..100);
    assert_eq!(served.begun(), 1);
    clock.advance(Duration::from_secs(1));
    part(&served, &file, 0..100);
    part(&served, &file, 100..200);
    assert_eq!(served.begun(), 2);
    assert!(served.house.transfers()[0].end.is_none(), "whoever reads goes on");
    drop(slow);
    let ended = served.until("its end", || served.house.transfers().remove(0).end);
    assert_eq!(ended.how, TransferEnd::SessionEnded);
    assert!(served.house.transfers()[1].end.is_none());
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
