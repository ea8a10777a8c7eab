//! Staging as a hostile producer fills it.
#![expect(clippy::disallowed_methods, reason = "the tests play the producer")]

use super::{scan::Reason, *};
use crate::domain::{
    file_name::{FileName, NotAFileName},
    ids::{FileId, TicketNumber},
};
use rustix::fs::{CWD, FileType, Mode as Permissions, mknodat};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{Read, Write},
    os::unix::{ffi::OsStringExt, fs::symlink},
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const MOST: u64 = 1 << 20;

struct House {
    directory: TempDir,
    root: Root,
}

impl House {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("staging")).unwrap();
        let root = Root::open(&directory.path().join("staging")).unwrap();
        let house = Self { directory, root };
        fs::create_dir(house.path("")).unwrap();
        house
    }

    fn staging(&self) -> PathBuf {
        self.directory.path().join("staging")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.staging().join(ticket().to_string()).join(name)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, content: &str) -> Identity {
        fs::write(self.path("a.csv"), content).unwrap();
        self.identity("a.csv")
    }

    fn identity(&self, name: &str) -> Identity {
        root::identity_at(CWD, self.path(name)).unwrap()
    }

    fn scan(&self) -> Vec<Candidate> {
        Scan::everything(&self.root, MOST).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// What is unacceptable in the ticket's directory, by name.
    fn refused(&self) -> BTreeMap<OsString, Reason> {
        let refused = self.scan().into_iter().map(|candidate| match candidate {
            Candidate::Unacceptable(Unacceptable { place: Place::InTicket(_, name), reason, .. }) => (name, reason),
            other => panic!("{other:?}"),
        });
        refused.collect()
    }

    fn take(&self, expected: &Identity) -> Result<Taken, TakeError> {
        take(&self.root, ticket(), &name(), expected)
    }

    fn unlink(&self, expected: &Identity) -> Remains {
        unlink_if_same(&self.root, ticket(), &name(), file_id(), expected).unwrap()
    }

    fn content(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

fn ticket() -> TicketNumber {
    "EGR-2026-0042".parse().unwrap()
}

fn name() -> FileName {
    "a.csv".parse().unwrap()
}

fn file_id() -> FileId {
    FileId::from_uuid(uuid::Uuid::from_u128(7))
}

fn private() -> String {
    format!(".egressd-taken-{}", file_id())
}

fn fifo(path: PathBuf) {
    mknodat(CWD, path, FileType::Fifo, Permissions::RWXU, 0).unwrap();
}

#[test]
fn a_scan_tells_files_manifests_partial_files_and_the_closing_sign_apart() {
    let house = House::new();
    for name in ["a.csv", "a.csv.manifest.toml", "b.csv.part", "_READY", &private()] {
        fs::write(house.path(name), "x").unwrap();
    }
    let mut kinds: Vec<String> = house
        .scan()
        .into_iter()
        .map(|candidate| match candidate {
            Candidate::File { name, .. } => format!("file {name}"),
            Candidate::Manifest { of, .. } => format!("manifest of {of}"),
            Candidate::Partial { name, .. } => format!("partial {name}"),
            Candidate::Ready { .. } => "ready".to_owned(),
            Candidate::SetAside { file, .. } => format!("set aside for {file}"),
            Candidate::Unacceptable(what) => panic!("{what:?}"),
        })
        .collect();
    kinds.sort();
    let aside = format!("set aside for {}", file_id());
    assert_eq!(kinds, ["file a.csv", "manifest of a.csv", "partial b.csv.part", "ready", aside.as_str()]);
}

#[test]
fn what_is_no_plain_file_is_unacceptable_and_stays() {
    let house = House::new();
    fs::write(house.outside("secret"), "x").unwrap();
    symlink(house.outside("secret"), house.path("link.csv")).unwrap();
    symlink("_READY", house.path("_READY")).unwrap();
    symlink(".", house.path("loop")).unwrap();
    fifo(house.path("pipe.csv"));
    fs::create_dir(house.path("sub")).unwrap();
    fs::write(house.path("sub/inner.csv"), "x").unwrap();
    fs::hard_link(house.outside("secret"), house.path("hard.csv")).unwrap();
    fs::write(house.path("big.csv"), vec![b'x'; MOST as usize + 1]).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(house.path("socket")).unwrap();
    let refused = house.refused();
    for (name, reason) in [
        ("link.csv", Reason::Symlink),
        ("_READY", Reason::Symlink),
        ("loop", Reason::Symlink),
        ("pipe.csv", Reason::Fifo),
        ("sub", Reason::Directory),
        ("hard.csv", Reason::HardLinks(2)),
        ("big.csv", Reason::TooLarge { size: MOST + 1, most: MOST }),
        ("socket", Reason::Socket),
    ] {
        assert_eq!(refused[&OsString::from(name)], reason, "{name}");
        assert!(fs::symlink_metadata(house.path(name)).is_ok(), "{name} was deleted");
    }
    assert_eq!(refused.len(), 8);
}

#[test]
fn names_that_may_not_exist_are_unacceptable_with_their_reason() {
    let house = House::new();
    let names: [(&[u8], NotAFileName); 5] = [
        (b"a\nb.csv", NotAFileName::Control),
        (b"\xff.csv", NotAFileName::NotUtf8),
        (b"..csv", NotAFileName::Beginning),
        (b"a.csv.age.age", NotAFileName::Encrypted),
        (b".egressd-taken-me", NotAFileName::Beginning),
    ];
    for (name, _) in &names {
        fs::write(house.path("").join(OsString::from_vec(name.to_vec())), "x").unwrap();
    }
    let refused = house.refused();
    for (name, reason) in names {
        assert_eq!(refused[&OsString::from_vec(name.to_vec())], Reason::Name(reason));
    }
}

#[test]
fn devices_are_unacceptable_where_the_tests_may_make_one() {
    let house = House::new();
    let zero = rustix::fs::makedev(1, 5);
    match mknodat(CWD, house.path("a.csv"), FileType::CharacterDevice, Permissions::RWXU, zero) {
        Ok(()) => {
            assert_eq!(house.refused()[&OsString::from("a.csv")], Reason::Device);
            let identity = house.identity("a.csv");
            assert!(matches!(house.take(&identity), Err(TakeError::Unacceptable(Reason::Device))));
        }
        // Only root may; the check itself is then held by the FIFO's test.
        Err(error) => assert_eq!(error, rustix::io::Errno::PERM),
    }
}

#[test]
fn only_real_ticket_directories_right_below_staging_are_entered() {
    let house = House::new();
    fs::create_dir(house.outside("elsewhere")).unwrap();
    fs::write(house.outside("elsewhere/a.csv"), "x").unwrap();
    symlink(house.outside("elsewhere"), house.staging().join("EGR-2026-0001")).unwrap();
    symlink("..", house.staging().join("EGR-2026-0002")).unwrap();
    fs::create_dir(house.staging().join("egr-2026-0003")).unwrap();
    fs::write(house.staging().join("egr-2026-0003/a.csv"), "x").unwrap();
    fs::write(house.staging().join("EGR-2026-0004"), "x").unwrap();
    let mut found: Vec<_> = house
        .scan()
        .into_iter()
        .map(|candidate| match candidate {
            Candidate::Unacceptable(Unacceptable { place: Place::InRoot(name), reason, .. }) => (name, reason),
            other => panic!("{other:?}"),
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("EGR-2026-0001", Reason::Symlink),
        ("EGR-2026-0002", Reason::Symlink),
        ("EGR-2026-0004", Reason::NotATicketDirectory),
        ("egr-2026-0003", Reason::NotATicketDirectory),
    ];
    assert_eq!(found, expected.map(|(name, reason)| (OsString::from(name), reason)));
    assert!(Scan::ticket(&house.root, "EGR-2026-0001".parse().unwrap(), MOST).is_err());
}

#[test]
fn a_file_as_it_was_seen_is_taken_whole() {
    let house = House::new();
    let seen = house.file("id\n1\n");
    let mut taken = house.take(&seen).unwrap();
    assert!(!taken.unchanged().unwrap(), "nothing was read yet");
    let mut content = String::new();
    taken.read_to_string(&mut content).unwrap();
    assert_eq!(content, "id\n1\n");
    assert!(taken.unchanged().unwrap());
    assert_eq!(house.unlink(&seen), Remains::Nothing);
    assert!(house.scan().is_empty());
    assert_eq!(house.unlink(&seen), Remains::AlreadyGone);
}

#[test]
fn a_file_replaced_since_it_was_seen_is_not_taken() {
    let house = House::new();
    let seen = house.file("id\n1\n");
    fs::write(house.path("b"), "id\n2\n").unwrap();
    fs::rename(house.path("b"), house.path("a.csv")).unwrap();
    assert!(matches!(house.take(&seen), Err(TakeError::Changed)));
    fs::remove_file(house.path("a.csv")).unwrap();
    assert!(matches!(house.take(&seen), Err(TakeError::Gone)));
}

#[test]
fn a_file_written_to_since_it_was_seen_is_not_taken_even_if_its_time_was_set_back() {
    let house = House::new();
    let seen = house.file("id\n1\n");
    let modified = fs::metadata(house.path("a.csv")).unwrap().modified().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs::write(house.path("a.csv"), "id\n2\n").unwrap();
    fs::File::options().write(true).open(house.path("a.csv")).unwrap().set_modified(modified).unwrap();
    assert_eq!(house.identity("a.csv").mtime_ns, seen.mtime_ns);
    assert!(matches!(house.take(&seen), Err(TakeError::Changed)));
}

#[test]
fn links_pipes_and_further_names_are_refused_at_once_when_they_stand_where_the_file_was() {
    let house = House::new();
    let seen = house.file("id\n1\n");
    fs::rename(house.path("a.csv"), house.outside("moved")).unwrap();
    symlink(house.outside("moved"), house.path("a.csv")).unwrap();
    assert!(matches!(house.take(&seen), Err(TakeError::Unacceptable(Reason::Symlink))));
    fs::remove_file(house.path("a.csv")).unwrap();
    fifo(house.path("a.csv"));
    assert!(matches!(house.take(&seen), Err(TakeError::Unacceptable(Reason::Fifo))));
    fs::remove_file(house.path("a.csv")).unwrap();
    fs::hard_link(house.outside("moved"), house.path("a.csv")).unwrap();
    assert!(matches!(house.take(&seen), Err(TakeError::Unacceptable(Reason::HardLinks(2)))));
}

#[test]
fn a_ticket_directory_swapped_for_a_link_gains_nothing() {
    let house = House::new();
    let seen = house.file("id\n1\n");
    fs::rename(house.path(""), house.outside("swapped")).unwrap();
    symlink(house.outside("swapped"), house.staging().join(ticket().to_string())).unwrap();
    assert!(matches!(house.take(&seen), Err(TakeError::Io(_))));
    assert!(unlink_if_same(&house.root, ticket(), &name(), file_id(), &seen).is_err());
    assert!(house.outside("swapped/a.csv").exists());
}

#[test]
fn a_file_that_grows_shrinks_or_gains_a_name_during_the_copy_is_noticed() {
    let house = House::new();
    let changes: [fn(&House); 4] = [
        |house| fs::File::options().append(true).open(house.path("a.csv")).unwrap().write_all(b"2\n").unwrap(),
        |house| fs::File::options().write(true).open(house.path("a.csv")).unwrap().set_len(3).unwrap(),
        |house| fs::hard_link(house.path("a.csv"), house.outside("kept")).unwrap(),
        |house| fs::write(house.path("a.csv"), "id\n9\n").unwrap(),
    ];
    for change in changes {
        let seen = house.file("id\n1\n");
        let mut taken = house.take(&seen).unwrap();
        let mut content = Vec::new();
        std::thread::sleep(Duration::from_millis(20));
        change(&house);
        taken.read_to_end(&mut content).unwrap();
        assert!(content.len() as u64 <= seen.size, "no more is read than was seen");
        assert!(!taken.unchanged().unwrap());
        fs::remove_file(house.path("a.csv")).unwrap();
    }
}

#[test]
fn a_source_is_not_unlinked_once_its_name_belongs_to_another_file_or_its_content_changed() {
    let house = House::new();
    let seen = house.file("id\n1\n");
    fs::write(house.path("next"), "id\n2\n").unwrap();
    fs::rename(house.path("next"), house.path("a.csv")).unwrap();
    assert_eq!(house.unlink(&seen), Remains::AnotherFile);
    assert_eq!(house.content("a.csv"), "id\n2\n");
    let seen = house.identity("a.csv");
    fs::File::options().append(true).open(house.path("a.csv")).unwrap().write_all(b"3\n").unwrap();
    assert_eq!(house.unlink(&seen), Remains::AnotherFile);
    assert_eq!(house.content("a.csv"), "id\n2\n3\n");
}

#[test]
fn what_a_crash_left_set_aside_is_unlinked_or_gets_its_name_back() {
    let house = House::new();
    let seen = house.file("id\n1\n");
    fs::rename(house.path("a.csv"), house.path(&private())).unwrap();
    let finish = |expected: &Identity| finish_unlink(&house.root, ticket(), &name(), file_id(), expected).unwrap();
    let stranger = Identity { ino: seen.ino + 1, ..seen };
    fs::write(house.path("a.csv"), "later").unwrap();
    assert_eq!(finish(&stranger), Remains::SetAside);
    assert_eq!(house.content("a.csv"), "later");
    fs::remove_file(house.path("a.csv")).unwrap();
    assert_eq!(finish(&stranger), Remains::AnotherFile);
    assert_eq!(house.content("a.csv"), "id\n1\n");
    fs::rename(house.path("a.csv"), house.path(&private())).unwrap();
    fs::write(house.path("a.csv"), "later").unwrap();
    assert_eq!(house.unlink(&seen), Remains::Nothing);
    assert_eq!(house.content("a.csv"), "later");
    assert_eq!(finish(&seen), Remains::AlreadyGone);
}

#[test]
fn twenty_thousand_files_are_scanned_in_steps_and_in_time() {
    let house = House::new();
    for i in 0..20_000 {
        mknodat(CWD, house.path(&format!("f{i}.csv")), FileType::RegularFile, Permissions::RUSR, 0).unwrap();
    }
    let begun = Instant::now();
    assert_eq!(Scan::everything(&house.root, MOST).unwrap().count(), 20_000);
    let taken = begun.elapsed();
    println!("20,000 entries: {taken:?}");
    assert!(taken < Duration::from_secs(5));
    assert_eq!(Scan::everything(&house.root, MOST).unwrap().take(10).count(), 10);
}

#[test]
fn a_directory_beyond_the_limit_is_reported_once_and_the_others_are_still_seen() {
    let house = House::new();
    let full = house.staging().join("EGR-2026-0001");
    fs::create_dir(&full).unwrap();
    for i in 0..12 {
        fs::write(full.join(i.to_string()), "x").unwrap();
    }
    fs::write(house.path("a.csv"), "x").unwrap();
    let (mut many, mut ours, mut theirs) = (0, 0, 0);
    let mut scan = Scan::everything(&house.root, MOST).unwrap();
    scan.entries = 10;
    for candidate in scan {
        match candidate.unwrap() {
            Candidate::Unacceptable(what) => {
                assert_eq!(what.reason, Reason::TooMany(10));
                many += 1;
            }
            Candidate::File { ticket: of, .. } if of == ticket() => ours += 1,
            _ => theirs += 1,
        }
    }
    assert_eq!((many, ours, theirs), (1, 1, 10));
}

#[test]
fn a_producer_who_swaps_the_name_all_the_time_gets_nothing_else_taken_or_lost() {
    let house = House::new();
    fs::write(house.outside("secret"), "secret").unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while begun.elapsed() < Duration::from_secs(1) {
                symlink(house.outside("secret"), house.path("next")).unwrap();
                fs::rename(house.path("next"), house.path("a.csv")).unwrap();
                fifo(house.path("next"));
                fs::rename(house.path("next"), house.path("a.csv")).unwrap();
                fs::hard_link(house.outside("secret"), house.path("next")).unwrap();
                fs::rename(house.path("next"), house.path("a.csv")).unwrap();
                fs::write(house.path("next"), "staged").unwrap();
                fs::rename(house.path("next"), house.path("a.csv")).unwrap();
            }
        });
        let mut whole = 0;
        while begun.elapsed() < Duration::from_millis(700) {
            let Ok(seen) = root::identity_at(CWD, house.path("a.csv")) else { continue };
            let Ok(mut taken) = house.take(&seen) else { continue };
            let mut content = String::new();
            taken.read_to_string(&mut content).unwrap();
            assert_eq!(content, "staged");
            whole += 1;
            assert_ne!(house.unlink(&seen), Remains::AlreadyGone);
        }
        assert!(whole > 0);
    });
    assert_eq!(fs::read_to_string(house.outside("secret")).unwrap(), "secret");
}

#[test]
fn a_manifest_that_a_crash_left_set_aside_gets_its_own_name_back_and_never_its_files() {
    let house = House::new();
    let manifest: FileName = "a.csv.manifest.toml".parse().unwrap();
    fs::write(house.path(manifest.as_str()), "rows = 1\n").unwrap();
    fs::rename(house.path(manifest.as_str()), house.path(&format!("{}.manifest", private()))).unwrap();
    let aside = house.scan();
    assert!(matches!(aside[..], [Candidate::SetAside { file, part: Part::Manifest, .. }] if file == file_id()), "{aside:?}");
    let expected = Identity { ino: 0, ..house.identity(&format!("{}.manifest", private())) };
    assert_eq!(finish_unlink(&house.root, ticket(), &name(), file_id(), &expected).unwrap(), Remains::AlreadyGone);
    assert_eq!(give_back_manifest(&house.root, ticket(), &manifest, file_id()).unwrap(), Remains::AnotherFile);
    assert_eq!(house.content(manifest.as_str()), "rows = 1\n");
    assert!(!house.path("a.csv").exists());
}

#[test]
fn a_tickets_directory_is_known_before_there_is_a_file_in_it() {
    let house = House::new();
    fs::create_dir(house.staging().join("not-a-ticket")).unwrap();
    assert_eq!(tickets(&house.root).unwrap(), [ticket()]);
    assert!(house.scan().iter().all(|found| matches!(found, Candidate::Unacceptable(_))));
}
