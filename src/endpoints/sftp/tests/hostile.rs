//! Clients that break the protocol, ask too much, say nothing, or make us break.

use super::{raw::*, *};
use crate::{domain::time::Time, gateway::fixture::ManualClock};
use russh::keys::PrivateKeyWithHashAlg;
use std::{
    net::{Ipv4Addr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
};

#[test]
fn broken_packets_end_the_connection() {
    let mut served = Served::new();
    let mut violations: Vec<(&str, Vec<u8>)> = vec![
        ("zero length", [init(), vec![0; 4]].concat()),
        ("over-long", [init(), u32::MAX.to_be_bytes().to_vec()].concat()),
        ("one over", [init(), 262_145u32.to_be_bytes().to_vec()].concat()),
        ("before INIT", stat(1, b"/")),
        ("junk", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("second INIT", [init(), init()].concat()),
        ("truncated path", [init(), packet(17, &[&1u32.to_be_bytes(), &9u32.to_be_bytes(), b"/"])].concat()),
        ("length that wraps", [init(), packet(17, &[&1u32.to_be_bytes(), &u32::MAX.to_be_bytes(), b"/"])].concat()),
        ("truncated INIT", packet(1, &[&[0, 0]])),
        ("no id", [init(), packet(5, &[])].concat()),
    ];
    let flood = std::iter::repeat_with(|| packet(5, &[])).take(10_000).flatten().collect::<Vec<_>>();
    violations.push(("ten thousand", [init(), flood].concat()));
    let count = violations.len();
    served.runtime.block_on(async {
        for (name, bytes) in violations {
            let session = log_in(&served, 1 << 21).await;
            let mut channel = sftp_channel(&session).await;
            channel.data(&bytes[..]).await.unwrap();
            assert!(over(&mut channel).await, "{name}");
        }
    });
    assert_eq!(served.sessions(), vec![SessionEnd::Protocol; count]);
    served.drain();
}

#[test]
fn ten_thousand_well_formed_requests_for_nothing_fill_no_log() {
    let served = Served::new();
    served.runtime.block_on(async {
        let session = log_in(&served, 1 << 21).await;
        let mut channel = sftp_channel(&session).await;
        channel.data(&init()[..]).await.unwrap();
        answered(&mut channel, 1).await;
        let before = served.house.log().len();
        for _ in 0..10 {
            let requests: Vec<u8> = (0..1_000).flat_map(|n| stat(n, b"/EGR-2026-9999/0001/x")).collect();
            channel.data(&requests[..]).await.unwrap();
            assert_eq!(count(&answered(&mut channel, 1_000).await, 101), 1_000);
        }
        assert_eq!(served.house.log().len(), before);
    });
}

#[test]
fn one_byte_at_a_time_is_as_good_as_any() {
    let mut served = Served::new();
    let file = served.file(1_000);
    served.runtime.block_on(async {
        let session = log_in(&served, 1 << 21).await;
        let mut channel = sftp_channel(&session).await;
        let bytes = [init(), open(1, file.path.as_bytes()), read(2, 1, 0, 100), read(3, 1, file.bytes, 100)].concat();
        for byte in bytes {
            channel.data(&[byte][..]).await.unwrap();
        }
        let said = answered(&mut channel, 4).await;
        assert!(said.windows(21).any(|w| w == b"age-encryption.org/v1"));
    });
    served.drain();
}

#[test]
fn a_name_that_is_not_utf8_is_nobodys() {
    let served = Served::new();
    let file = served.file(1_000);
    served.runtime.block_on(async {
        let session = log_in(&served, 1 << 21).await;
        let mut channel = sftp_channel(&session).await;
        let lossy = [file.path.as_bytes(), b"\xff"].concat();
        let replaced = format!("{}\u{fffd}", file.path);
        channel.data(&[init(), stat(1, &lossy), open(2, &lossy), stat(3, replaced.as_bytes())].concat()[..]).await.unwrap();
        let said = answered(&mut channel, 4).await;
        assert_eq!((count(&said, 101), count(&said, 102), count(&said, 105)), (3, 0, 0));
    });
}

#[test]
fn a_gib_of_window_and_a_thousand_reads_complete_through_a_rekey() {
    let mut served = Served::new();
    let file = served.file(20 << 20);
    served.runtime.block_on(async {
        let session = log_in(&served, 1 << 30).await;
        let mut channel = sftp_channel(&session).await;
        channel.data(&[init(), open(1, file.path.as_bytes())].concat()[..]).await.unwrap();
        let reads: Vec<u8> = (0..1000u32).flat_map(|n| read(n + 2, 1, u64::from(n % 100) * 200_000, 200_000)).collect();
        channel.data(&reads[..]).await.unwrap();
        session.rekey_soon().await.unwrap();
        let said = answered(&mut channel, 2 + 1000).await;
        assert_eq!(count(&said, 103), 1000);
    });
    served.drain();
}

#[test]
fn too_many_requests_that_wait_end_the_connection() {
    let mut served = Served::new();
    let file = served.file(1 << 20);
    served.runtime.block_on(async {
        for (count, too_many) in [(4_000, false), (5_000, true)] {
            // russh's client never adds to a window of one byte: the first answer waits for ever.
            let session = log_in(&served, 1).await;
            let mut channel = sftp_channel(&session).await;
            let reads: Vec<u8> = (0..count).flat_map(|n| read(n + 2, 1, 0, 255 * 1024)).collect();
            let sent = channel.data(&[init(), open(1, file.path.as_bytes()), reads].concat()[..]).await;
            assert!(sent.is_ok() || too_many);
            assert!(if too_many { over(&mut channel).await } else { stays(&mut channel).await }, "{count}");
        }
    });
    assert!(served.sessions().contains(&SessionEnd::Protocol));
    served.drain();
}

#[test]
fn a_client_that_asks_nothing_more_still_gets_every_answer_that_it_takes() {
    let mut served = Served::new();
    let file = served.file(4 << 20);
    served.runtime.block_on(async {
        let session = log_in(&served, 1 << 20).await;
        let mut channel = sftp_channel(&session).await;
        let reads: Vec<u8> = (0..60).flat_map(|n| read(n + 2, 1, u64::from(n % 16) * ANSWER, ANSWER as u32)).collect();
        channel.data(&[init(), open(1, file.path.as_bytes()), reads].concat()[..]).await.unwrap();
        channel.eof().await.unwrap();
        assert_eq!(count(&answered(&mut channel, 2 + 60).await, 103), 60);
    });
    served.drain();
}

#[test]
fn a_session_whose_program_is_gone_ends_although_its_ssh_lives() {
    let mut served = Served::new();
    let file = served.file(8 << 20);
    // What is left of `sftp` when it is killed: an ssh whose input has ended and whose output nobody reads.
    let mut ssh = served.client("ssh").args(["-s", "acme@127.0.0.1", "sftp"]).spawn().unwrap();
    let reads: Vec<u8> = (0..200).flat_map(|n| read(n + 2, 1, u64::from(n % 32) * ANSWER, ANSWER as u32)).collect();
    let mut input = ssh.stdin.take().unwrap();
    input.write_all(&[init(), open(1, file.path.as_bytes()), reads].concat()).unwrap();
    drop(input);
    served.until_a_transfer_runs();
    assert_eq!(served.sessions(), [SessionEnd::Idle]);
    assert_eq!(served.transfers()[0].how, TransferEnd::SessionEnded);
    drop(ssh.stdout.take());
    ssh.wait().unwrap();
    served.drain();
}

#[test]
fn channels_and_handles_are_capped_and_a_closed_channel_gives_its_place_back() {
    let mut served = Served::new();
    let file = served.file(1_000);
    served.runtime.block_on(async {
        let session = log_in(&served, 1 << 21).await;
        let mut channels = Vec::new();
        for _ in 0..8 {
            channels.push(sftp_channel(&session).await);
        }
        assert!(session.channel_open_session().await.is_err(), "the ninth");
        for _ in 0..30 {
            let mut channel = channels.pop().unwrap();
            channel.data(&init()[..]).await.unwrap();
            channel.eof().await.unwrap();
            while channel.wait().await.is_some() {}
            channels.push(sftp_channel(&session).await);
        }
        let mut channel = channels.pop().unwrap();
        let opens: Vec<u8> = (0..300).flat_map(|n| open(n, file.path.as_bytes())).collect();
        channel.data(&[init(), opens].concat()[..]).await.unwrap();
        let said = answered(&mut channel, 1 + 300).await;
        assert_eq!((count(&said, 102), count(&said, 101)), (256, 44));
    });
    served.drain();
}

#[test]
fn a_handle_of_one_channel_is_nothing_to_another() {
    let served = Served::new();
    let file = served.file(1_000);
    served.runtime.block_on(async {
        let session = log_in(&served, 1 << 21).await;
        let mut one = sftp_channel(&session).await;
        one.data(&[init(), open(1, file.path.as_bytes())].concat()[..]).await.unwrap();
        answered(&mut one, 2).await;
        let mut other = sftp_channel(&session).await;
        other.data(&[init(), read(1, 1, 0, 10)].concat()[..]).await.unwrap();
        let said = answered(&mut other, 2).await;
        assert_eq!((count(&said, 103), count(&said, 101)), (0, 1));
    });
    assert!(served.house.transfers().is_empty());
}

#[test]
fn a_user_name_is_fixed_by_the_first_request() {
    let served = Served::new();
    served.runtime.block_on(async {
        let mut session = connect(Ipv4Addr::LOCALHOST, served.port, 1 << 21).await.unwrap();
        let _ = session.authenticate_none("mallory").await;
        let key = PrivateKeyWithHashAlg::new(Arc::new(served.vendor.login.clone()), None);
        assert!(!session.authenticate_publickey("acme", key).await.unwrap().success());
    });
    assert!(served.house.sessions().is_empty());
}

#[test]
fn offered_keys_are_counted_and_the_right_one_comes_too_late() {
    let served = Served::new();
    served.runtime.block_on(async {
        let mut session = connect(Ipv4Addr::LOCALHOST, served.port, 1 << 21).await.unwrap();
        for _ in 0..30 {
            let foreign = PrivateKeyWithHashAlg::new(Arc::new(fixture::key()), None);
            if session.authenticate_publickey("acme", foreign).await.is_err() {
                return;
            }
        }
        panic!("thirty keys were offered");
    });
    served.until_rejected(1);
}

#[test]
fn a_stranger_that_says_nothing_leaves_no_trace_and_junk_is_counted() {
    let served = Served::new();
    drop(TcpStream::connect(("127.0.0.1", served.port)).unwrap());
    let mut junk = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    let _ = junk.write_all(&vec![b'x'; 100_000]);
    served.until_rejected(1);
}

#[test]
fn a_drain_cuts_who_takes_nothing() {
    let mut served = Served::new();
    let file = served.file(32 << 20);
    let kept = served.runtime.block_on(async {
        let session = log_in(&served, 1 << 30).await;
        let channel = sftp_channel(&session).await;
        let reads: Vec<u8> = (0..400u32).flat_map(|n| read(n + 2, 1, u64::from(n % 100) * ANSWER, ANSWER as u32)).collect();
        channel.data(&[init(), open(1, file.path.as_bytes()), reads].concat()[..]).await.unwrap();
        (session, channel)
    });
    served.until_a_transfer_runs();
    let begun = Instant::now();
    served.drain();
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(served.sessions(), [SessionEnd::Severed]);
    drop(kept);
}

/// Panics once, when it is asked for the time after it was armed.
struct Mine {
    clock: ManualClock,
    armed: AtomicBool,
}

impl Clock for Mine {
    fn now(&self) -> Time {
        assert!(!self.armed.swap(false, Ordering::SeqCst), "as armed");
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn jumped(&self) -> bool {
        self.clock.jumped()
    }
}

#[test]
fn a_panic_while_a_vendor_is_served_ends_that_session_on_record_and_nobody_elses() {
    let clock = ManualClock::at(SystemClock::new().now());
    let mine = Arc::new(Mine { clock, armed: AtomicBool::new(false) });
    let mut served = Served::with(mine.clone());
    let file = served.file(1_000_000);
    let runtime = Arc::clone(&served.runtime);
    runtime.block_on(async {
        let session = log_in(&served, 1 << 21).await;
        let other = log_in(&served, 1 << 21).await;
        let mut channel = sftp_channel(&session).await;
        let reading = [init(), open(1, file.path.as_bytes()), read(2, 1, 0, 5_000)].concat();
        channel.data(&reading[..]).await.unwrap();
        assert_eq!(count(&answered(&mut channel, 3).await, 103), 1);
        // Nobody else may ask for the time now.
        served.house.rest().await;
        mine.armed.store(true, Ordering::SeqCst);
        channel.data(&stat(3, file.path.as_bytes())[..]).await.unwrap();
        assert!(over(&mut channel).await, "the session ends");
        let mut channel = sftp_channel(&other).await;
        channel.data(&[init(), stat(1, file.path.as_bytes())].concat()[..]).await.unwrap();
        assert_eq!(count(&answered(&mut channel, 2).await, 105), 1, "the other one is served");
    });
    let ended = Ended { how: TransferEnd::Interrupted, bytes: Some(5_000), ranges: Some(vec![(0, 5_000)]) };
    assert_eq!(served.transfers(), [ended]);
    let sessions = served.sessions();
    assert!(sessions.contains(&SessionEnd::Interrupted), "{sessions:?}");
}
