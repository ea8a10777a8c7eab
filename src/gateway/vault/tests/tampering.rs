//! A database administrator at work: every edited, deleted or re-pointed row is named, at open and on a ledger that is already open.

use super::*;
use crate::gateway::vault::{
    chain::{Ground, walk},
    rows,
};

/// A ledger of 300 leaves (one closed tile and an open one), 10 on each of 30 tickets.
fn filled() -> Shelf {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    for round in 0..10 {
        batch(&ledger, (0..30).map(|n| record(withdrawn(ticket(n), &format!("round {round}")))).collect());
    }
    shelf
}

/// What a chain says of the log.
fn chain_fault(ledger: &Ledger, on: Subject) -> LogFault {
    match ledger.read(|view| view.chain(on)) {
        Err(LedgerFault::Log(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// Edits the closed ledger, then the same on an open one whose chains were not read yet: both name the fault.
fn named(edit: &str, on: Subject, fault: &LogFault) {
    let shelf = filled();
    shelf.intruder().execute_batch(edit).unwrap();
    assert_eq!(shelf.log_fault(), *fault, "{edit}");

    let shelf = filled();
    let ledger = shelf.open();
    shelf.intruder().execute_batch(edit).unwrap();
    assert_eq!(chain_fault(&ledger, on), *fault, "{edit}");
    let written = ledger.write_blocking(move |tx| tx.chain(on));
    assert!(matches!(written, Err(WriteError::Refused(LedgerFault::Log(found))) if found == *fault), "{edit}");
}

#[test]
fn one_flipped_byte_in_a_leaf_is_named() {
    for index in [0, 123, 255, 256, 299] {
        let edit = format!(
            "UPDATE leaves SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"v\":1', '\"v\":2') AS BLOB) WHERE leaf = {index}"
        );
        named(&edit, ticket(index % 30), &LogFault::LeafDiffersFromHash { index: index as u64 });
    }
}

#[test]
fn one_flipped_byte_in_a_hash_is_named() {
    for index in [0, 123, 299] {
        let edit = format!(
            "UPDATE leaf_hashes SET hash = CAST(substr(hash, 1, 31) || CASE substr(hash, 32, 1) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB) \
             WHERE leaf = {index}"
        );
        named(&edit, ticket(index % 30), &LogFault::LeafDiffersFromHash { index: index as u64 });
    }
}

#[test]
fn one_flipped_byte_in_a_detail_record_or_its_salt_is_named() {
    for index in [0, 123, 299] {
        let fault = LogFault::DetailAltered { index: index as u64 };
        let text = "CAST(replace(CAST(bytes AS TEXT), 'round', 'rounD') AS BLOB)";
        named(&format!("UPDATE details SET bytes = {text} WHERE leaf = {index}"), ticket(index % 30), &fault);
        named(&format!("UPDATE details SET salt = zeroblob(32) WHERE leaf = {index}"), ticket(index % 30), &fault);
        named(&format!("UPDATE details SET salt = x'00' WHERE leaf = {index}"), ticket(index % 30), &fault);
    }
}

#[test]
fn a_re_pointed_prev_is_named() {
    // 183 follows 153 on its ticket; now it says 123, as if the vote between had not been.
    let edit =
        "UPDATE leaves SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"prev\":153', '\"prev\":123') AS BLOB) WHERE leaf = 183";
    named(edit, ticket(3), &LogFault::LeafDiffersFromHash { index: 183 });
}

#[test]
fn deleted_rows_are_named() {
    named("DELETE FROM leaves WHERE leaf = 123", ticket(3), &LogFault::LeafMissing { index: 123 });
    named("DELETE FROM leaf_hashes WHERE leaf = 123", ticket(3), &LogFault::HashMissing { index: 123 });
    // On the way to leaf 3, and not on it: the tile as a whole is not believed.
    named("DELETE FROM leaf_hashes WHERE leaf = 255", ticket(3), &LogFault::HashMissing { index: 255 });
    named("DELETE FROM details WHERE leaf = 123", ticket(3), &LogFault::DetailMissing { index: 123 });
}

#[test]
fn a_detail_record_from_nowhere_is_named() {
    let shelf = filled();
    let ledger = shelf.open();
    append(&ledger, Fact::new(Actor::System, ticket(40), Event::TicketWithdrawn)).unwrap();
    shelf.intruder().execute("INSERT INTO details SELECT 300, salt, bytes FROM details WHERE leaf = 3", []).unwrap();
    assert_eq!(chain_fault(&ledger, ticket(40)), LogFault::DetailUnbound { index: 300 });
    drop(ledger);
    assert_eq!(shelf.log_fault(), LogFault::DetailUnbound { index: 300 });
}

#[test]
fn a_leaf_filed_under_another_subject_is_named() {
    let edit = "UPDATE leaves SET subject = (SELECT subject FROM leaves WHERE leaf = 4) WHERE leaf = 123";
    named(edit, ticket(3), &LogFault::Misfiled { index: 123 });
}

/// A leaf and its hash, rewritten together: what somebody does who knows the format.
fn forge(conn: &Connection, index: u64) {
    let bytes: Vec<u8> = conn.query_row("SELECT bytes FROM leaves WHERE leaf = ?1", [index], |row| row.get(0)).unwrap();
    let forged = String::from_utf8(bytes).unwrap().replace("ticket_withdrawn", "ticket_revoked");
    let hash = audit::leaf_hash(forged.as_bytes());
    conn.execute("UPDATE leaves SET bytes = ?1 WHERE leaf = ?2", (forged.as_bytes(), index)).unwrap();
    conn.execute("UPDATE leaf_hashes SET hash = ?1 WHERE leaf = ?2", (&hash.as_bytes()[..], index)).unwrap();
}

#[test]
fn a_leaf_rewritten_together_with_its_hash_is_not_in_the_tree() {
    for index in [123, 299] {
        let shelf = filled();
        let ledger = shelf.open();
        forge(&shelf.intruder(), index);
        let fault = if index < 256 { LogFault::TileAltered { first: 0, last: 255 } } else { LogFault::LeafAltered { index } };
        assert_eq!(chain_fault(&ledger, ticket(u128::from(index) % 30)), fault);
        assert!(matches!(ledger.read(|view| view.tail(index, 1)), Err(LedgerFault::Log(found)) if found == fault));
        drop(ledger);
        // The checkpoints locate it: one per batch of thirty (and the first batch's own).
        let LogFault::RootMismatch { agreed, size } = shelf.log_fault() else { panic!() };
        assert!(agreed <= index && index < size && size - agreed <= 30, "{agreed}..{size}");
    }
}

#[test]
fn a_chain_that_was_read_before_is_still_the_right_one_after_an_edit() {
    let shelf = filled();
    let ledger = shelf.open();
    let before = ledger.read(|view| view.chain(ticket(3))).unwrap();
    forge(&shelf.intruder(), 123);
    assert_eq!(ledger.read(|view| view.chain(ticket(3))).unwrap(), before);
}

#[test]
fn a_deleted_newest_leaf_is_refused_while_its_checkpoint_stands() {
    let shelf = filled();
    shelf
        .intruder()
        .execute_batch(
            "DELETE FROM details WHERE leaf = 299; DELETE FROM leaves WHERE leaf = 299; DELETE FROM leaf_hashes WHERE leaf = 299",
        )
        .unwrap();
    assert_eq!(shelf.log_fault(), LogFault::Truncated { leaves: 299, size: 300 });
}

#[test]
fn leaves_beyond_the_newest_checkpoint_are_refused() {
    let shelf = filled();
    shelf.intruder().execute("DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints)", []).unwrap();
    assert!(matches!(shelf.log_fault(), LogFault::Unsigned { leaves: 300, .. }));
    shelf.intruder().execute("DELETE FROM checkpoints", []).unwrap();
    assert_eq!(shelf.log_fault(), LogFault::NoCheckpoint);
}

#[test]
fn an_edited_checkpoint_is_refused() {
    for edit in ["root = zeroblob(32)", "signature = zeroblob(64)", "size = 301"] {
        let shelf = filled();
        shelf.intruder().execute_batch(&format!("UPDATE checkpoints SET {edit} WHERE size = 300")).unwrap();
        assert!(matches!(shelf.log_fault(), LogFault::CheckpointSignature(_)), "{edit}");
    }
    let shelf = filled();
    shelf.intruder().execute("UPDATE checkpoints SET root = x'00' WHERE size = 300", []).unwrap();
    assert_eq!(shelf.log_fault(), LogFault::CheckpointMalformed { size: 300 });
}

#[test]
fn rows_that_belong_to_no_leaf_are_refused() {
    for (edit, table) in [
        ("INSERT INTO leaves SELECT -1, subject, bytes FROM leaves WHERE leaf = 0", "leaves"),
        ("INSERT INTO details SELECT 4000, salt, bytes FROM details WHERE leaf = 0", "details"),
        ("INSERT INTO leaf_hashes SELECT -1, hash FROM leaf_hashes WHERE leaf = 0", "leaf_hashes"),
    ] {
        let shelf = filled();
        shelf.intruder().execute_batch(edit).unwrap();
        assert_eq!(shelf.log_fault(), LogFault::Strays { table });
    }
}

#[test]
fn the_end_of_a_session_cannot_be_taken_away() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    append(&ledger, opened(session(1))).unwrap();
    append(&ledger, closed(session(1))).unwrap();
    shelf.intruder().execute("DELETE FROM leaves WHERE leaf = 1", []).unwrap();
    assert_eq!(chain_fault(&ledger, session(1)), LogFault::EndMissing { index: 0, subject: session(1) });
}

#[test]
fn another_sessions_leaf_does_not_answer_for_this_one() {
    let shelf = Shelf::new();
    let ledger = shelf.open();
    append(&ledger, Fact::new(Actor::System, session(1), Event::SessionDenied { code: 1 })).unwrap();
    append(&ledger, Fact::new(Actor::System, session(2), Event::SessionDenied { code: 2 })).unwrap();
    shelf
        .intruder()
        .execute_batch("UPDATE leaves SET subject = (SELECT subject FROM leaves WHERE leaf = 0) WHERE leaf = 1")
        .unwrap();
    assert_eq!(chain_fault(&ledger, session(1)), LogFault::Misfiled { index: 1 });
}

#[test]
fn a_row_added_behind_the_daemons_back_stops_it() {
    let shelf = filled();
    let ledger = shelf.open();
    shelf.intruder().execute("INSERT INTO leaf_hashes SELECT 300, hash FROM leaf_hashes WHERE leaf = 0", []).unwrap();
    append(&ledger, withdrawn(ticket(1), "next")).unwrap_err();
    assert_eq!(ledger.checkpoint().size, 300);
}

/// Rewrites a leaf and signs the result: what only a bug of ours, or a thief of the key, can do.
fn rewrite_signed(shelf: &Shelf, index: u64, from: &str, to: &str) {
    let conn = shelf.intruder();
    let bytes: Vec<u8> = conn.query_row("SELECT bytes FROM leaves WHERE leaf = ?1", [index], |row| row.get(0)).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(from), "{text}");
    let text = text.replace(from, to);
    let hash = audit::leaf_hash(text.as_bytes());
    conn.execute("UPDATE leaves SET bytes = ?1 WHERE leaf = ?2", (text.as_bytes(), index)).unwrap();
    conn.execute("UPDATE leaf_hashes SET hash = ?1 WHERE leaf = ?2", (&hash.as_bytes()[..], index)).unwrap();
    let mut tree = audit::Tree::new();
    rows::hashes(&conn, 0..u64::MAX).unwrap().into_iter().for_each(|hash| tree.push(hash));
    conn.execute("DELETE FROM checkpoints", []).unwrap();
    rows::insert_head(&conn, &shelf.signer().sign(tree.len(), tree.root())).unwrap();
}

#[test]
fn a_signed_log_is_refused_if_its_leaves_are_not_what_this_program_writes() {
    let shelf = filled();
    rewrite_signed(&shelf, 123, "\"prev\":93", "\"prev\":63");
    assert_eq!(shelf.log_fault(), LogFault::WrongPrev { index: 123 });
    let shelf = filled();
    rewrite_signed(&shelf, 123, "\"v\":1", "\"v\":2");
    assert!(matches!(shelf.log_fault(), LogFault::Malformed { index: 123, .. }));
    let shelf = filled();
    rewrite_signed(&shelf, 123, "ticket_withdrawn", "ticket_forgotten");
    assert!(matches!(shelf.log_fault(), LogFault::Malformed { index: 123, .. }));
    let shelf = Shelf::new();
    shelf.intruder().execute("DELETE FROM checkpoints", []).unwrap();
    rows::insert_head(&shelf.intruder(), &shelf.signer().sign(0, Digest::of(b"another root"))).unwrap();
    assert_eq!(shelf.log_fault(), LogFault::RootMismatch { agreed: 0, size: 0 });
}

/// A tree that believes everything: what is left are the walk's own checks.
struct Gullible;

impl Ground for Gullible {
    fn size(&self) -> u64 {
        u64::MAX
    }

    fn holds(&self, _: &Connection, _: u64, _: &Digest) -> Result<bool, LedgerFault> {
        Ok(true)
    }
}

#[test]
fn a_walk_stays_on_its_subject_goes_down_and_ends_where_it_should() {
    let shelf = filled();
    rewrite_signed(&shelf, 123, "\"prev\":93", "\"prev\":150");
    let conn = shelf.intruder();
    let walked = |on, head, until| match walk(&conn, &Gullible, on, head, until) {
        Ok(walked) => Ok(walked.records.len()),
        Err(LedgerFault::Log(fault)) => Err(fault),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(walked(ticket(4), 124, Some(64)), Ok(2));
    assert_eq!(walked(ticket(4), 64, Some(64)), Ok(0));
    assert_eq!(walked(ticket(5), 124, None), Err(LogFault::Misfiled { index: 124 }));
    assert_eq!(walked(ticket(3), 153, None), Err(LogFault::WrongPrev { index: 123 }));
    assert_eq!(walked(ticket(4), 124, Some(65)), Err(LogFault::WrongPrev { index: 94 }));
}
