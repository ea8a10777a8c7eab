//! A log that is put back to an earlier state, by whoever edits it or by a restored backup, does not start unnoticed.
#![expect(clippy::disallowed_methods, reason = "plays whoever puts a database back")]

use super::*;
use std::fs;

/// The closed database and its write-ahead log, as they lie there.
fn saved(shelf: &Shelf) -> [(PathBuf, Vec<u8>); 2] {
    ["db", "db-wal"].map(|end| shelf.path().with_extension(end)).map(|path| {
        let bytes = fs::read(&path).unwrap_or_default();
        (path, bytes)
    })
}

fn put_back(files: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in files {
        fs::write(path, bytes).unwrap();
    }
}

fn head(shelf: &Shelf) -> PathBuf {
    shelf.path().with_extension("head")
}

#[test]
fn an_older_log_does_not_start_until_somebody_removes_the_newest_head_on_purpose() {
    let shelf = Shelf::new();
    fill(&shelf.open(), 3);
    let older = saved(&shelf);
    fill(&shelf.open(), 4);
    let newer = fs::read(head(&shelf)).unwrap();
    put_back(&older);
    assert_eq!(shelf.log_fault(), LogFault::RolledBack { leaves: 3, size: 7 });
    assert!(shelf.log_fault().to_string().contains("starts after ledger.head is removed"));
    // A head that knows less is fine: a power cut may have taken its newest state.
    fs::remove_file(head(&shelf)).unwrap();
    fill(&shelf.open(), 9);
    fs::write(head(&shelf), &newer).unwrap();
    // Longer than before, but another history: of its first seven leaves four were never in the one that was signed first.
    assert_eq!(shelf.log_fault(), LogFault::RolledBack { leaves: 12, size: 7 });
}

#[test]
fn a_head_from_before_the_last_commits_still_starts() {
    let shelf = Shelf::new();
    fill(&shelf.open(), 3);
    let older = fs::read(head(&shelf)).unwrap();
    fill(&shelf.open(), 4);
    fs::write(head(&shelf), older).unwrap();
    drop(shelf.open());
    fs::write(head(&shelf), b"00000000000000000007").unwrap();
    assert_eq!(shelf.log_fault(), LogFault::HeadUnreadable(head(&shelf)));
}
