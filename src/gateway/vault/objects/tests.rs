//! The shelves, each test with and without temporary names.

#![expect(clippy::disallowed_methods, reason = "tests that look at the disk from outside, and put there what must not be")]

use super::*;
use std::{
    collections::BTreeSet,
    io::Read,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
};
use tempfile::TempDir;

fn id(n: u128) -> ObjectId {
    ObjectId::from_uuid(Uuid::from_u128(0x0193_e7a0_1c2d_7000_8000_0000_0000_0000 + n))
}

/// Runs a test on a new state directory, once for each way of keeping unfinished files.
fn on_both_ways(test: impl Fn(&TempDir, &Objects)) {
    for way in [Way::Unnamed, Way::Named] {
        let state = tempfile::tempdir().unwrap();
        let mut objects = Objects::at(state.path()).unwrap();
        assert_eq!(objects.incoming.way, Way::Unnamed, "these tests need a file system with O_TMPFILE");
        (objects.incoming.way, objects.sealed.way) = (way, way);
        test(&state, &objects);
    }
}

fn keep(objects: &Objects, shelf: Shelf, id: ObjectId, bytes: &[u8]) -> Result<(), ObjectError> {
    let mut unfinished = objects.create(shelf).unwrap();
    unfinished.write_all(bytes).unwrap();
    unfinished.keep(id)
}

fn path(state: &TempDir, shelf: &str, id: ObjectId) -> PathBuf {
    let name = id.to_string();
    state.path().join(shelf).join(&name[34..]).join(&name)
}

fn content(objects: &Objects, shelf: Shelf, id: ObjectId) -> Vec<u8> {
    let mut bytes = Vec::new();
    objects.open(shelf, id).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn found(objects: &Objects, shelf: Shelf) -> BTreeSet<Found> {
    objects.iter(shelf).collect::<Result<_, _>>().unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_kept_object_lies_under_its_last_two_digits_for_its_owner_only() {
    on_both_ways(|state, objects| {
        keep(objects, Shelf::Sealed, id(0xab), b"payload").unwrap();
        let path = path(state, "sealed", id(0xab));
        assert!(path.ends_with("sealed/ab/0193e7a0-1c2d-7000-8000-0000000000ab"));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&state.path().join("sealed")), 0o700);
        assert_eq!(content(objects, Shelf::Sealed, id(0xab)), b"payload");
        assert!(matches!(objects.open(Shelf::Incoming, id(0xab)), Err(ObjectError::Missing(_))));
        assert_eq!(found(objects, Shelf::Sealed), [Found::Object(id(0xab))].into());
    });
}

#[test]
fn an_object_is_never_replaced_and_the_attempt_leaves_nothing() {
    on_both_ways(|_, objects| {
        keep(objects, Shelf::Sealed, id(1), b"first").unwrap();
        assert!(matches!(keep(objects, Shelf::Sealed, id(1), b"second"), Err(ObjectError::Taken(_))));
        assert_eq!(content(objects, Shelf::Sealed, id(1)), b"first");
        assert_eq!(found(objects, Shelf::Sealed), [Found::Object(id(1))].into());
    });
}

#[test]
fn what_is_not_kept_leaves_nothing_and_was_never_an_object() {
    on_both_ways(|_, objects| {
        let mut unfinished = objects.create(Shelf::Incoming).unwrap();
        unfinished.write_all(b"half").unwrap();
        assert!(!found(objects, Shelf::Incoming).iter().any(|found| matches!(found, Found::Object(_))));
        drop(unfinished);
        assert!(found(objects, Shelf::Incoming).is_empty());
    });
}

#[test]
fn a_crash_while_writing_leaves_at_most_a_stray_that_is_swept() {
    on_both_ways(|state, objects| {
        keep(objects, Shelf::Incoming, id(7), b"kept").unwrap();
        let mut unfinished = objects.create(Shelf::Incoming).unwrap();
        unfinished.write_all(b"half").unwrap();
        std::mem::forget(unfinished);
        let again = Objects::at(state.path()).unwrap();
        let strays = if objects.incoming.way == Way::Named { 1 } else { 0 };
        assert_eq!(again.sweep_strays(Shelf::Incoming).unwrap(), strays);
        assert_eq!(again.sweep_strays(Shelf::Incoming).unwrap(), 0);
        assert_eq!(found(&again, Shelf::Incoming), [Found::Object(id(7))].into());
    });
}

#[test]
fn unlinking_is_done_when_it_returns_and_may_be_repeated() {
    on_both_ways(|state, objects| {
        keep(objects, Shelf::Sealed, id(2), b"gone soon").unwrap();
        objects.unlink(Shelf::Sealed, id(2)).unwrap();
        assert!(!path(state, "sealed", id(2)).exists());
        objects.unlink(Shelf::Sealed, id(2)).unwrap();
        objects.unlink(Shelf::Sealed, id(3)).unwrap();
        assert!(matches!(objects.open(Shelf::Sealed, id(2)), Err(ObjectError::Missing(_))));
    });
}

#[test]
fn only_a_regular_file_in_its_own_place_is_opened() {
    on_both_ways(|state, objects| {
        let outside = state.path().join("secret");
        std::fs::write(&outside, b"not an object").unwrap();
        symlink(&outside, path(state, "sealed", id(4))).unwrap();
        fs::mkfifoat(CWD, path(state, "sealed", id(5)), FILE_MODE).unwrap();
        std::fs::create_dir(path(state, "sealed", id(6))).unwrap();
        for n in [4, 5, 6] {
            assert!(matches!(objects.open(Shelf::Sealed, id(n)), Err(ObjectError::Foreign(_))), "{n}");
        }
        // The directory of 0x…ff becomes a link to another place with a file of the right name.
        std::fs::create_dir(state.path().join("elsewhere")).unwrap();
        std::fs::write(state.path().join("elsewhere").join(id(0xff).to_string()), b"planted").unwrap();
        std::fs::remove_dir(state.path().join("sealed/ff")).unwrap();
        symlink(state.path().join("elsewhere"), state.path().join("sealed/ff")).unwrap();
        assert!(matches!(objects.open(Shelf::Sealed, id(0xff)), Err(ObjectError::Foreign(_))));
        assert!(keep(objects, Shelf::Sealed, id(0x1ff), b"x").is_err());
        assert!(objects.unlink(Shelf::Sealed, id(0xff)).is_err());
        assert!(state.path().join("elsewhere").join(id(0xff).to_string()).exists());
    });
}

#[test]
fn foreign_names_are_reported_and_never_swept() {
    on_both_ways(|state, objects| {
        let upper = id(0xcd).to_string().to_uppercase();
        let misplaced = format!("00/{}", id(0xcd));
        let names = ["notes.txt", ".tmp-nothing", "00/x", &misplaced, &format!("cd/{upper}"), "zz"];
        for name in names {
            std::fs::write(state.path().join("incoming").join(name), b"whose?").unwrap();
        }
        assert_eq!(objects.sweep_strays(Shelf::Incoming).unwrap(), 0);
        let expected = names.iter().map(|name| Found::Foreign((*name).to_owned())).collect();
        assert_eq!(found(objects, Shelf::Incoming), expected);
    });
}

#[test]
fn a_failed_fsync_has_its_own_name_and_gives_the_file_none() {
    on_both_ways(|_, objects| {
        let mut unfinished = objects.create(Shelf::Sealed).unwrap();
        // The null device takes every byte and can confirm none.
        unfinished.file = File::options().write(true).open("/dev/null").unwrap();
        assert!(matches!(unfinished.keep(id(8)), Err(ObjectError::NotDurable { .. })));
        assert!(found(objects, Shelf::Sealed).is_empty());
    });
}

#[test]
fn opening_again_finds_everything_and_a_renamed_state_directory_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let (before, after) = (parent.path().join("before"), parent.path().join("after"));
    std::fs::create_dir(&before).unwrap();
    let objects = Objects::at(&before).unwrap();
    std::fs::rename(&before, &after).unwrap();
    for n in 0..40 {
        keep(&objects, Shelf::Incoming, id(n), &[]).unwrap();
    }
    let again = Objects::at(&after).unwrap();
    assert_eq!(found(&again, Shelf::Incoming), (0..40).map(|n| Found::Object(id(n))).collect());
    assert!(Objects::at(&before).is_err());
}

#[test]
fn a_missing_directory_is_an_error_and_not_an_empty_shelf() {
    let state = tempfile::tempdir().unwrap();
    let objects = Objects::at(state.path()).unwrap();
    std::fs::remove_dir(state.path().join("sealed/00")).unwrap();
    assert!(objects.iter(Shelf::Sealed).any(|found| found.is_err()));
}

#[test]
fn an_envelope_is_written_straight_onto_the_shelf_and_read_from_it() {
    use crate::sealing::at_rest::{MasterKey, ObjectKey, Reader, Writer};
    on_both_ways(|_, objects| {
        let (master, key) = (MasterKey::generate(), ObjectKey::generate());
        let wrapped = master.wrap(&key, id(9));
        let mut writer = Writer::new(key, id(9), objects.create(Shelf::Incoming).unwrap());
        writer.write_all(&[42; 200_000]).unwrap();
        let (unfinished, written) = writer.finish().unwrap();
        unfinished.keep(id(9)).unwrap();
        let file = objects.open(Shelf::Incoming, id(9)).unwrap();
        assert_eq!(file.metadata().unwrap().len(), written.stored_len);
        let mut plain = Vec::new();
        Reader::new(master.unwrap(&wrapped, id(9)).unwrap(), id(9), file).unwrap().sequential().read_to_end(&mut plain).unwrap();
        assert!(plain == [42; 200_000]);
    });
}

#[tokio::test]
async fn after_one_failed_fsync_nothing_is_stored_and_whoever_waits_for_it_is_told() {
    let state = tempfile::tempdir().unwrap();
    let objects = Objects::at(state.path()).unwrap();
    keep(&objects, Shelf::Incoming, id(1), b"before").unwrap();
    let mut torn = objects.create(Shelf::Sealed).unwrap();
    // What no fsync confirms: the kernel refuses it for a pipe.
    torn.file = File::from(OwnedFd::from(io::pipe().unwrap().1));
    assert!(matches!(torn.keep(id(2)), Err(ObjectError::NotDurable { .. })));
    assert!(objects.in_doubt().await.contains("did not confirm"));
    assert!(matches!(objects.create(Shelf::Incoming), Err(ObjectError::InDoubt(_))));
    assert!(matches!(objects.unlink(Shelf::Incoming, id(1)), Err(ObjectError::InDoubt(_))));
    assert_eq!(found(&objects, Shelf::Incoming), [Found::Object(id(1))].into());
    assert!(found(&objects, Shelf::Sealed).is_empty());
}
