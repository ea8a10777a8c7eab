//! Audit: what somebody with the database in hands can change shows, and gains nothing.

use crate::house::{AUDITOR, Answer, House, OPERATOR, orders, run, ticket_file, until};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// Changes a ledger as its administrator can: with sqlite3.
#[track_caller]
fn alter(ledger: &Path, statements: &str) {
    run(Command::new("sqlite3")
        .args(["-cmd", ".timeout 10000"])
        .arg(ledger)
        .arg(format!("BEGIN IMMEDIATE; {statements}; COMMIT")));
}

fn ledger(copy: &TempDir) -> std::path::PathBuf {
    copy.path().join("ledger.db")
}

/// The same byte string with one bit of its byte `at` (from 1) changed. SQLite has no exclusive or.
fn flipped(column: &str, at: usize) -> String {
    let byte = format!("unicode(CAST(substr({column}, {at}, 1) AS TEXT))");
    format!("CAST(substr({column}, 1, {at} - 1) || char(({byte} | 1) - ({byte} & 1)) || substr({column}, {at} + 1) AS BLOB)")
}

/// `audit verify` is broken, and a problem names this leaf (or none) in these words.
#[track_caller]
fn names(what: &str, answer: &Answer, leaf: Option<u64>, words: &str) {
    assert_eq!((answer.code, &answer.json["verdict"]), (1, &"broken".into()), "{what}: {} {}", answer.json, answer.stderr);
    let problems = answer.json["problems"].as_array().unwrap();
    let named = problems
        .iter()
        .find(|problem| leaf.is_none_or(|leaf| problem["leaf"] == leaf) && problem["what"].as_str().unwrap().contains(words));
    assert!(named.is_some(), "{what}: leaf {leaf:?} {words:?} is not in {:#}", answer.json);
    if let Some(leaf) = leaf {
        assert_eq!(problems[0]["leaf"], leaf, "{what}: it is not named first: {:#}", answer.json);
    }
}

/// A house in which one file was released and pulled.
fn lived_in() -> (House, String) {
    let house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(10));
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    (house, delivery)
}

#[test]
fn what_was_changed_in_a_copied_log_is_named_leaf_by_leaf() {
    let (mut house, _) = lived_in();
    house.check();
    house.terminate();
    let size: u64 = house.sql("SELECT count(*) FROM leaves")[0].parse().unwrap();
    let k = size / 2;
    let swap = |table: &str, column: &str| {
        format!(
            "CREATE TEMP TABLE pair AS SELECT leaf, {column} AS was FROM {table} WHERE leaf IN ({k}, {k} + 1); \
             UPDATE {table} SET {column} = (SELECT was FROM pair WHERE pair.leaf = 2 * {k} + 1 - {table}.leaf) \
             WHERE leaf IN ({k}, {k} + 1); DROP TABLE pair"
        )
    };
    let cases = [
        ("one flipped byte of a leaf", format!("UPDATE leaves SET bytes = {} WHERE leaf = {k}", flipped("bytes", 20)), k),
        ("one flipped bit of a leaf's hash", format!("UPDATE leaf_hashes SET hash = zeroblob(32) WHERE leaf = {k}"), k),
        ("a dropped leaf", format!("DELETE FROM leaves WHERE leaf = {k}"), k),
        (
            "a dropped leaf and its hash",
            format!(
                "DELETE FROM details WHERE leaf = {k}; DELETE FROM leaves WHERE leaf = {k}; \
                 DELETE FROM leaf_hashes WHERE leaf = {k}"
            ),
            k,
        ),
        ("two swapped leaves", swap("leaves", "bytes"), k),
        ("two swapped leaves with their hashes", format!("{}; {}", swap("leaves", "bytes"), swap("leaf_hashes", "hash")), k),
        ("the first leaf emptied", "UPDATE leaves SET bytes = x'' WHERE leaf = 0".to_owned(), 0),
        (
            "a leaf moved to another subject",
            format!("UPDATE leaves SET subject = (SELECT subject FROM leaves WHERE leaf = 0) WHERE leaf = {k}"),
            k,
        ),
    ];
    for (what, statements, leaf) in cases {
        let copy = house.copy();
        alter(&ledger(&copy), &format!("PRAGMA defer_foreign_keys = 1; {statements}"));
        let answer = house.verify_offline(&copy, &[]);
        names(what, &answer, Some(leaf), "");
    }
    // A detail record that was edited no longer opens its leaf's commitment.
    let detail: u64 = house.sql("SELECT leaf FROM details ORDER BY leaf LIMIT 1 OFFSET 3")[0].parse().unwrap();
    let copy = house.copy();
    alter(
        &ledger(&copy),
        &format!("UPDATE details SET bytes = CAST(replace(CAST(bytes AS TEXT), 'a', 'b') AS BLOB) WHERE leaf = {detail}"),
    );
    names("a detail record", &house.verify_offline(&copy, &[]), Some(detail), "detail");
    // A checkpoint that nobody signed so.
    let copy = house.copy();
    alter(&ledger(&copy), "UPDATE checkpoints SET root = zeroblob(32) WHERE size = (SELECT max(size) FROM checkpoints)");
    names("a checkpoint", &house.verify_offline(&copy, &[]), None, "checkpoint");
}

#[test]
fn a_log_that_was_cut_short_is_told_by_a_checkpoint_that_was_kept_outside() {
    let (mut house, _) = lived_in();
    let kept = house.ctl(AUDITOR, ["audit", "checkpoint"]).done();
    let note = house.path("kept.note");
    fs::write(&note, kept["note"].as_str().unwrap()).unwrap();
    let note = note.to_str().unwrap().to_owned();
    house.terminate();
    let whole = house.verify_offline(&house.copy(), &["--checkpoint", &note]);
    assert_eq!(whole.json["verdict"], "sound", "{}", whole.json);
    // The newest leaves are gone, and every trace of them: alone the rest is a sound log.
    let size = kept["size"].as_u64().unwrap();
    let keep: u64 = house.sql(&format!("SELECT max(size) FROM checkpoints WHERE size < {size} - 3"))[0].parse().unwrap();
    let cut = format!(
        "DELETE FROM details WHERE leaf >= {keep}; DELETE FROM leaves WHERE leaf >= {keep}; \
         DELETE FROM leaf_hashes WHERE leaf >= {keep}; DELETE FROM checkpoints WHERE size > {keep}"
    );
    let copy = house.copy();
    alter(&ledger(&copy), &cut);
    let alone = house.verify_offline(&copy, &[]);
    assert!(alone.json["problems"].as_array().unwrap().iter().all(|problem| problem["leaf"].is_null()), "{}", alone.json);
    let answer = house.verify_offline(&copy, &["--checkpoint", &note]);
    names("a cut copy", &answer, None, "checkpoint");
    // The daemon goes on where the log ends, and an auditor with the note sees that as well.
    alter(&house.state().join("ledger.db"), &cut);
    house.restart();
    let told = house.ctl(AUDITOR, ["audit", "verify", "--checkpoint", &note]);
    names("a cut log", &told, None, "checkpoint");
}

#[test]
fn a_changed_log_is_not_served_or_is_named_by_the_daemon_that_serves_it() {
    for (what, statements) in [
        ("the newest leaf", "UPDATE leaves SET bytes = x'7b7d' WHERE leaf = (SELECT max(leaf) FROM leaves)".to_owned()),
        ("a leaf in the middle", format!("UPDATE leaves SET bytes = {} WHERE leaf = 20", flipped("bytes", 20))),
        ("a dropped leaf", "PRAGMA defer_foreign_keys = 1; DELETE FROM leaves WHERE leaf = 20".to_owned()),
        (
            "the newest checkpoint",
            "UPDATE checkpoints SET root = zeroblob(32) WHERE size = (SELECT max(size) FROM checkpoints)".to_owned(),
        ),
        (
            "the cut tail",
            "DELETE FROM details WHERE leaf = (SELECT max(leaf) FROM leaves); \
             DELETE FROM leaves WHERE leaf = (SELECT max(leaf) FROM leaves)"
                .to_owned(),
        ),
    ] {
        let mut house = House::new();
        house.terminate();
        alter(&house.state().join("ledger.db"), &statements);
        let names_it = match house.starts() {
            Ok(()) => {
                let told = house.ctl(AUDITOR, ["audit", "verify"]);
                told.code == 1 && told.json["verdict"] == "broken" || told.code == 3
            }
            Err(said) => said.contains("ledger") || said.contains("leaf") || said.contains("log"),
        };
        assert!(names_it, "{what} was changed, and nobody says so: {}", house.log());
    }
}

/// What an administrator of the database would change to give acme's file to umbra, or to release what is held.
const EDITS: [(&str, &str); 6] = [
    (
        "the delivery's ticket",
        "UPDATE delivery SET number = number + 6, ticket = (SELECT id FROM ticket WHERE vendor = \
           (SELECT id FROM vendor WHERE slug = 'umbra')) \
         WHERE ticket = (SELECT id FROM ticket WHERE vendor = (SELECT id FROM vendor WHERE slug = 'acme'))",
    ),
    ("the ticket's vendor", "UPDATE ticket SET vendor = (SELECT id FROM vendor WHERE slug = 'umbra')"),
    (
        "the file's ticket and delivery",
        "UPDATE file SET (ticket, delivery) = (SELECT ticket, delivery FROM file WHERE name = 'public.csv') \
         WHERE name = 'secret.csv'",
    ),
    (
        "the file's sealed objects",
        "UPDATE file SET (header, payload) = (SELECT header, payload FROM file WHERE name = 'secret.csv') \
         WHERE name = 'public.csv'",
    ),
    ("whose login key it is", "UPDATE vendor_key SET vendor = (SELECT id FROM vendor WHERE slug = 'acme') WHERE use = 'login'"),
    (
        "that a held file is held",
        "UPDATE file SET held_at = NULL, cleared_at = 1, sealed_at = 1, released_at = 1 WHERE name = 'held.csv'; \
         UPDATE delivery SET released_at = 1, until = 9000000000000000, closed_at = 1",
    ),
];

/// acme has `secret.csv` released and `held.csv` held, umbra has `public.csv` released.
fn two_vendors() -> (House, [String; 2]) {
    let house = House::new();
    let acme = house.ticket(&ticket_file("acme"));
    house.release(&acme, "secret.csv", orders(10));
    house.stage(&acme, "held.csv", "customer,month\na,b\n");
    house.until_file(&acme, "held.csv", &["held"]);
    let umbra = house.ticket(&ticket_file("umbra"));
    house.release(&umbra, "public.csv", orders(3));
    (house, [acme, umbra])
}

/// umbra gets nothing of acme's, whatever path it tries; nobody gets what is held.
fn gains_nothing(house: &House, what: &str, [acme, umbra]: &[String; 2]) {
    for ticket in [acme, umbra] {
        for delivery in ["0001", "0002", "0007"] {
            for (vendor, name) in [("umbra", "secret.csv.age"), ("umbra", "held.csv.age"), ("acme", "held.csv.age")] {
                house.sftp(vendor, &format!("get /{ticket}/{delivery}/{name}\n"), &[]);
                let got = fs::metadata(house.pulled(vendor, name)).map_or(0, |got| got.len());
                assert_eq!(got, 0, "{what} was edited, and {vendor} got {name}");
            }
            // What umbra may have is its own file, or nothing: sftp makes an empty one before it reads.
            let own = house.pulled("umbra", "public.csv.age");
            house.sftp("umbra", &format!("get /{ticket}/{delivery}/public.csv.age\n"), &[]);
            if fs::metadata(&own).is_ok_and(|own| own.len() > 0) {
                assert_eq!(house.decrypt("umbra", "public.csv.age"), orders(3).as_bytes(), "{what}");
            }
            fs::remove_file(own).ok();
        }
    }
}

#[test]
fn an_edited_index_row_shows_and_gives_nobody_anything_while_the_daemon_runs() {
    let (house, tickets) = two_vendors();
    let ledger = house.state().join("ledger.db");
    let original = house.copy();
    for (what, statements) in EDITS {
        alter(&ledger, statements);
        gains_nothing(&house, what, &tickets);
        let told = house.ctl(AUDITOR, ["audit", "verify"]);
        names(what, &told, None, "index: ");
        mend(&ledger, &original);
        assert_eq!(house.ctl(AUDITOR, ["audit", "verify"]).done()["verdict"], "sound", "{what} was not mended");
    }
    house.pull("umbra", &format!("get /{}/0001/public.csv.age\n", tickets[1]));
}

#[test]
fn an_edited_index_row_shows_and_gives_nobody_anything_after_a_restart() {
    let (mut house, tickets) = two_vendors();
    let ledger = house.state().join("ledger.db");
    for (what, statements) in EDITS {
        house.terminate();
        let original = house.copy();
        alter(&ledger, statements);
        names(what, &house.verify_offline(&house.copy(), &[]), None, "index: ");
        if house.starts().is_ok() {
            gains_nothing(&house, what, &tickets);
            house.terminate();
        }
        // What the daemon recorded meanwhile stays in its log; the index is set right for the next case.
        mend(&ledger, &original);
    }
}

/// Puts the index's rows back as they were. The log is untouched; transfers and sessions are left as they are.
fn mend(ledger: &Path, original: &TempDir) {
    let tables = ["vendor_key", "ticket", "delivery", "file"]
        .map(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM was.{table}"));
    let attach = format!("ATTACH '{}' AS was", original.path().join("ledger.db").display());
    let statements = format!("{attach}; BEGIN IMMEDIATE; {}; COMMIT", tables.join("; "));
    run(Command::new("sqlite3").args(["-cmd", ".timeout 10000"]).arg(ledger).arg(statements));
}

#[test]
fn every_act_of_the_story_stands_in_the_log_with_who_and_when() {
    let (house, delivery) = lived_in();
    let tail = until("the session has ended", || {
        let tail = house.ctl(AUDITOR, ["audit", "tail", "--count", "500"]).done();
        let rows = tail["rows"].as_array().unwrap().clone();
        rows.iter().any(|row| row["event"] == "session_closed").then_some(rows)
    });
    let events: Vec<&str> = tail.iter().map(|row| row["event"].as_str().unwrap()).collect();
    let story = [
        "person_enrolled",
        "vendor_filed",
        "vendor_confirmed",
        "ticket_submitted",
        "ticket_voted",
        "ticket_activated",
        "file_staged",
        "file_cleared",
        "file_sealed",
        "staged_copy_gone",
        "delivery_released",
        "session_opened",
        "transfer_begun",
        "transfer_ended",
        "session_closed",
    ];
    let mut at = 0;
    for event in story {
        let next = events[at..].iter().position(|found| *found == event);
        at += next.unwrap_or_else(|| panic!("{event} does not follow in {events:?}"));
    }
    assert!(tail.iter().all(|row| row["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok()));
    // The operator sees the same in words.
    let shown = house.ctl(OPERATOR, ["delivery", "show", &delivery]).done();
    assert_eq!(shown["transfers"]["rows"].as_array().unwrap().len(), 1, "{shown}");
}
