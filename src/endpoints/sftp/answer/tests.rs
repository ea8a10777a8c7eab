//! Our answers against the draft's bytes, written out by hand here, and against another implementation's reading of them.

use super::*;
use crate::domain::time::Time;
use proptest::prelude::*;

fn read_back(answer: &Bytes) -> wire::Packet {
    assert_eq!(u32::from_be_bytes(answer[..4].try_into().unwrap()) as usize, answer.len() - 4);
    assert!(answer.len() - 4 <= limits::SFTP_PACKET_BYTES);
    wire::Packet::try_from(&mut answer.slice(4..)).unwrap()
}

fn file(name: &str) -> Entry {
    Entry {
        name: name.into(),
        kind: EntryKind::File,
        size: 5 << 32,
        modified: Time::from_micros(1_764_000_000_500_000),
        sha256: None,
    }
}

/// A packet as draft-ietf-secsh-filexfer-02 describes it, byte by byte.
#[derive(Default)]
struct ByHand(Vec<u8>);

impl ByHand {
    fn new(kind: u8) -> Self {
        Self(vec![kind])
    }

    fn word(mut self, word: u32) -> Self {
        self.0.extend(word.to_be_bytes());
        self
    }

    fn long(mut self, long: u64) -> Self {
        self.0.extend(long.to_be_bytes());
        self
    }

    fn string(self, string: &str) -> Self {
        let mut longer = self.word(string.len() as u32);
        longer.0.extend(string.as_bytes());
        longer
    }

    /// SSH_FILEXFER_ATTR_SIZE, _PERMISSIONS and _ACMODTIME.
    fn attributes(self, entry: &Entry) -> Self {
        let mode = if entry.kind == EntryKind::File { 0o100_440 } else { 0o040_550 };
        let at = entry.modified.seconds() as u32;
        self.word(0x1 | 0x4 | 0x8).long(entry.size).word(mode).word(at).word(at)
    }

    fn framed(self) -> Vec<u8> {
        [&(self.0.len() as u32).to_be_bytes()[..], &self.0].concat()
    }
}

prop_compose! {
    fn any_entry()(
        name in "\\PC{1,60}",
        directory in any::<bool>(),
        size in any::<u64>(),
        seconds in 0..u32::MAX,
    ) -> Entry {
        let kind = if directory { EntryKind::Directory } else { EntryKind::File };
        Entry { name, kind, size, modified: Time::from_micros(i64::from(seconds) * 1_000_000), sha256: None }
    }
}

proptest! {
    #[test]
    fn names_are_the_drafts_bytes_and_come_back_as_they_were(id in any::<u32>(), entries in prop::collection::vec(any_entry(), 0..20)) {
        let answer = names(id, &entries).unwrap();
        let mut by_hand = ByHand::new(104).word(id).word(entries.len() as u32);
        for entry in &entries {
            by_hand = by_hand.string(&entry.name).string(&long_name(entry)).attributes(entry);
        }
        prop_assert_eq!(&answer[..], &by_hand.framed()[..]);
        let wire::Packet::Name(name) = read_back(&answer) else { panic!() };
        prop_assert_eq!(name.id, id);
        prop_assert_eq!(name.files.len(), entries.len());
        for (file, entry) in name.files.iter().zip(&entries) {
            prop_assert_eq!((&file.filename, file.attrs.size), (&entry.name, Some(entry.size)));
            prop_assert_eq!((file.attrs.mtime, file.attrs.is_dir()), (Some(entry.modified.seconds() as u32), entry.kind == EntryKind::Directory));
            prop_assert_eq!((file.attrs.uid, file.attrs.gid), (None, None));
        }
    }

    #[test]
    fn attributes_handles_and_real_paths_are_the_drafts_bytes(id in any::<u32>(), entry in any_entry(), n in any::<u64>()) {
        let answer = attributes(id, (&entry).into()).unwrap();
        prop_assert_eq!(&answer[..], &ByHand::new(105).word(id).attributes(&entry).framed()[..]);
        let wire::Packet::Attrs(attrs) = read_back(&answer) else { panic!() };
        prop_assert_eq!((attrs.id, attrs.attrs.size), (id, Some(entry.size)));

        let answer = handle(id, HandleId::nth(n)).unwrap();
        prop_assert_eq!(&answer[..], &ByHand::new(102).word(id).string(&format!("{n:016x}")).framed()[..]);
        let wire::Packet::Handle(handle) = read_back(&answer) else { panic!() };
        prop_assert_eq!(HandleId::parse(handle.handle.as_bytes()), Some(HandleId::nth(n)));

        let answer = real_path(id, &entry.name).unwrap();
        prop_assert_eq!(&answer[..], &ByHand::new(104).word(id).word(1).string(&entry.name).string(&entry.name).word(0).framed()[..]);
        let wire::Packet::Name(name) = read_back(&answer) else { panic!() };
        prop_assert_eq!(&name.files[0].filename, &entry.name);
    }
}

#[test]
fn version_and_limits_are_the_bytes_that_openssh_expects() {
    let hello = version().unwrap();
    assert_eq!(hello[..], ByHand::new(2).word(3).string("limits@openssh.com").string("1").framed()[..]);
    let wire::Packet::Version(read) = read_back(&hello) else { panic!() };
    assert_eq!((read.version, &read.extensions["limits@openssh.com"][..]), (3, "1"));

    let answer = our_limits(7).unwrap();
    let numbers = [262_144, 261_120, 261_120, 256];
    let by_hand = numbers.into_iter().fold(ByHand::new(201).word(7), ByHand::long);
    assert_eq!(answer[..], by_hand.framed()[..]);
}

#[test]
fn every_status_has_the_drafts_code() {
    for (ours, code) in [
        (Status::Ok, 0),
        (Status::Eof, 1),
        (Status::NoSuchFile, 2),
        (Status::PermissionDenied, 3),
        (Status::Failure, 4),
        (Status::Unsupported, 8),
    ] {
        let answer = status(3, ours).unwrap();
        let wire::Packet::Status(read) = read_back(&answer) else { panic!() };
        assert_eq!((read.id, read.status_code as u32), (3, code));
        let by_hand = ByHand::new(101).word(3).word(code).string(&read.error_message).string("");
        assert_eq!(answer[..], by_hand.framed()[..]);
    }
}

#[test]
fn a_long_name_is_what_ls_writes() {
    let answer = names(9, &[file("ä.csv.age")]).unwrap();
    let wire::Packet::Name(name) = read_back(&answer) else { panic!() };
    assert_eq!(name.files[0].longname, "-r--r-----    1 egressd  vendor  21474836480 Nov 24  2025 ä.csv.age");
}

#[test]
fn a_page_of_the_longest_names_fits_one_packet() {
    let longest = file(&"n".repeat(limits::VENDOR_FILE_NAME_BYTES));
    read_back(&names(1, &vec![longest; limits::SFTP_NAMES_PER_PAGE]).unwrap());
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure_and_no_panic() {
    assert_eq!(Status::from(Unencodable), Status::Failure);
}

#[test]
fn data_carries_what_was_filled_and_its_buffer_comes_home() {
    let buffers = Buffers::default();
    let mut data = buffers.take();
    data.room(5).copy_from_slice(b"hello");
    data.filled(5);
    assert_eq!(data.room(usize::MAX / 2).len(), limits::SFTP_READ_BYTES - 5);
    let answer = data.finish(8);
    assert_eq!(answer[..], ByHand::new(103).word(8).string("hello").framed()[..]);
    let wire::Packet::Data(read) = read_back(&answer) else { panic!() };
    assert_eq!((read.id, &read.data[..]), (8, &b"hello"[..]));
    drop((answer, read));
    assert_eq!(buffers.0.lock().unwrap().len(), 1);
    assert_eq!(buffers.take().len(), 0, "and is empty again");
    buffers.release();
    assert!(buffers.0.lock().unwrap().is_empty());
}

#[test]
fn what_is_not_there_and_what_is_not_yours_look_the_same() {
    assert_eq!(outside(Outside::NoSuchFile), Status::NoSuchFile);
    assert_eq!(outside(Outside::Denied), Status::PermissionDenied);
    assert_eq!(outside(Outside::TryLater), Status::Failure);
}
