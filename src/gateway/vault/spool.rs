//! The spool: what is still to be told to others, in their words, and how far each of them has heard.
//!
//! A message is written in its event's own transaction, so that whoever is told learns of every event and of nothing that was rolled back. The
//! tables are not part of the index: nothing is found or decided by them, and `audit verify` does not compare them.

use crate::domain::{
    digest::Digest,
    event::Record,
    ids::Slug,
    limits::{SPOOL_BATCH_BYTES, SPOOL_BATCH_MESSAGES, SPOOL_DROPPED_AT_ONCE, SPOOL_SUM},
};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// A record, and its leaf's hash, in the words of whoever is told. It runs inside the record's transaction: it neither waits nor fails.
pub type Wording = Arc<dyn Fn(&Record, &Digest) -> Vec<u8> + Send + Sync>;

/// `upto` sums the bytes of all messages since the spool was last empty: how full it is costs two look-ups.
/// `next` is the first leaf that a destination has not confirmed.
pub(super) const TABLES: &str = "
CREATE TABLE spool (leaf INTEGER PRIMARY KEY, upto INTEGER NOT NULL, message BLOB NOT NULL) STRICT;
CREATE TABLE forward_cursor (destination TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT;
";

/// One message, as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub leaf: u64,
    pub bytes: Vec<u8>,
}

/// How much waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    Bytes(u64),
    /// Somebody edited the numbers: nobody knows.
    Edited,
}

impl Waiting {
    /// Whether it leaves no room below `most` bytes. What nobody knows leaves none.
    pub const fn fills(self, most: u64) -> bool {
        match self {
            Self::Bytes(bytes) => bytes >= most,
            Self::Edited => true,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Self::Edited => f.write_str("nobody knows how many bytes (the spool was edited)"),
        }
    }
}

/// No row that stands there already, whoever wrote it, makes this fail: the record would be undone with it.
pub(super) fn append(conn: &Connection, leaf: u64, message: &[u8]) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO spool (leaf, upto, message)
         VALUES (?1, min(coalesce((SELECT upto FROM spool ORDER BY leaf DESC LIMIT 1), 0), ?3) + length(?2), ?2)";
    conn.prepare_cached(sql)?.execute(params![leaf, message, SPOOL_SUM]).map(drop)
}

/// Drops what stands where the log, which ends with leaf `end`, has no leaf yet: somebody put it there. How many messages it were.
pub(super) fn drop_strays(conn: &Connection, end: u64) -> Result<usize> {
    conn.prepare_cached("DELETE FROM spool WHERE leaf >= ?1")?.execute([end])
}

/// Messages from leaf `from` on, in the log's order: one batch of them.
pub fn batch(conn: &Connection, from: u64) -> Result<Vec<Message>> {
    let mut statement = conn.prepare_cached("SELECT leaf, message FROM spool WHERE leaf >= ?1 ORDER BY leaf LIMIT ?2")?;
    let mut rows = statement.query(params![from, SPOOL_BATCH_MESSAGES as i64])?;
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let message = Message { leaf: row.get(0)?, bytes: row.get(1)? };
        bytes += message.bytes.len();
        batch.push(message);
        if bytes >= SPOOL_BATCH_BYTES {
            break;
        }
    }
    Ok(batch)
}

/// The numbers that say how much waits, as they stand in the database.
struct Sums {
    /// `upto` before the first message that is there.
    before: Option<i64>,
    /// `upto` of the last one.
    last: i64,
    /// Leaves that somebody has still to confirm.
    leaves: Option<i64>,
}

impl Sums {
    fn read(conn: &Connection) -> Result<Self> {
        let sql = "SELECT coalesce((SELECT upto FROM spool ORDER BY leaf LIMIT 1), 0),
             coalesce((SELECT length(message) FROM spool ORDER BY leaf LIMIT 1), 0),
             coalesce((SELECT upto FROM spool ORDER BY leaf DESC LIMIT 1), 0),
             coalesce((SELECT max(leaf) FROM leaf_hashes), -1),
             (SELECT min(next) FROM forward_cursor)";
        // Not in SQL, where a sum that overflows becomes a fraction.
        conn.prepare_cached(sql)?.query_row([], |row| {
            let (first, length, newest) = (row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i64>(3)?);
            let end = newest.saturating_add(1);
            let leaves = row.get::<_, Option<i64>>(4)?.map_or(Some(0), |next| end.checked_sub(next));
            Ok(Self { before: first.checked_sub(length), last: row.get(2)?, leaves })
        })
    }

    /// None: no spool that only this program wrote has these. Each leaf that waits is at least a byte, and no sum ever shrinks.
    fn bytes(&self) -> Option<u64> {
        let (before, leaves) = (u64::try_from(self.before?).ok()?, u64::try_from(self.leaves?).ok()?);
        let last = u64::try_from(self.last).ok().filter(|_| self.last < SPOOL_SUM)?;
        last.checked_sub(before).filter(|bytes| *bytes >= leaves)
    }
}

/// How much somebody has still to confirm.
pub fn waiting(conn: &Connection) -> Result<Waiting> {
    Ok(Sums::read(conn)?.bytes().map_or(Waiting::Edited, Waiting::Bytes))
}

/// The first leaf that a destination has not confirmed. None: it is not configured.
pub fn next(conn: &Connection, destination: &Slug) -> Result<Option<u64>> {
    let sql = "SELECT max(next, 0) FROM forward_cursor WHERE destination = ?1";
    conn.prepare_cached(sql)?.query_row([destination.as_str()], |row| row.get(0)).optional()
}

/// A destination has everything before leaf `next`. A cursor never goes back.
pub fn confirm(conn: &Connection, destination: &Slug, next: u64) -> Result<()> {
    let sql = "UPDATE forward_cursor SET next = max(next, ?2) WHERE destination = ?1";
    conn.prepare_cached(sql)?.execute(params![destination.as_str(), next])?;
    drop_confirmed(conn).map(drop)
}

/// Makes these the destinations, while nobody waits: what none of them has still to be told is dropped, all of it at once.
pub fn register<'a>(conn: &Connection, destinations: impl IntoIterator<Item = &'a Slug>, end: u64) -> Result<()> {
    give_places(conn, destinations, end)?;
    conn.execute(&format!("DELETE FROM spool WHERE {CONFIRMED}"), []).map(drop)
}

/// Makes these the destinations. A new one begins with leaf `end`; one that is gone has lost its place. What then waits for nobody is dropped
/// by the next confirmation, or where nobody is left to confirm, by [`drop_confirmed`].
pub fn give_places<'a>(conn: &Connection, destinations: impl IntoIterator<Item = &'a Slug>, end: u64) -> Result<()> {
    let destinations: BTreeSet<&str> = destinations.into_iter().map(Slug::as_str).collect();
    let mut statement = conn.prepare("SELECT destination FROM forward_cursor")?;
    let known: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
    for gone in known.iter().filter(|known| !destinations.contains(known.as_str())) {
        conn.execute("DELETE FROM forward_cursor WHERE destination = ?1", [gone])?;
    }
    for destination in destinations {
        conn.execute("INSERT OR IGNORE INTO forward_cursor (destination, next) VALUES (?1, ?2)", params![destination, end])?;
    }
    Ok(())
}

/// Leaves that every destination has.
const CONFIRMED: &str = "leaf < coalesce((SELECT min(next) FROM forward_cursor), 9223372036854775807)";

/// Drops what everybody has confirmed, a bounded number of messages at a time: the rest goes with the next confirmation. How many it were.
pub fn drop_confirmed(conn: &Connection) -> Result<usize> {
    let sql = format!("DELETE FROM spool WHERE leaf IN (SELECT leaf FROM spool WHERE {CONFIRMED} ORDER BY leaf LIMIT ?1)");
    conn.prepare_cached(&sql)?.execute([SPOOL_DROPPED_AT_ONCE as i64])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(TABLES).unwrap();
        conn.execute_batch("CREATE TABLE leaf_hashes (leaf INTEGER PRIMARY KEY) STRICT").unwrap();
        conn
    }

    fn record(conn: &Connection, leaf: u64, message: &[u8]) {
        conn.execute("INSERT INTO leaf_hashes (leaf) VALUES (?1)", [leaf]).unwrap();
        append(conn, leaf, message).unwrap();
    }

    fn bytes(conn: &Connection) -> u64 {
        match waiting(conn).unwrap() {
            Waiting::Bytes(bytes) => bytes,
            Waiting::Edited => panic!("nobody edited it"),
        }
    }

    fn names(names: &[&str]) -> Vec<Slug> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn leaves(batch: &[Message]) -> Vec<u64> {
        batch.iter().map(|message| message.leaf).collect()
    }

    #[test]
    fn a_message_stays_until_every_destination_has_confirmed_it() {
        let (conn, all) = (spool(), names(&["near", "far"]));
        register(&conn, &all, 3).unwrap();
        for leaf in 3..8 {
            record(&conn, leaf, &vec![b'x'; leaf as usize]);
        }
        assert_eq!((leaves(&batch(&conn, 0).unwrap()), bytes(&conn)), (vec![3, 4, 5, 6, 7], 25));
        confirm(&conn, &all[0], 7).unwrap();
        assert_eq!(leaves(&batch(&conn, 0).unwrap()), [3, 4, 5, 6, 7]);
        confirm(&conn, &all[1], 5).unwrap();
        assert_eq!((leaves(&batch(&conn, 0).unwrap()), bytes(&conn)), (vec![5, 6, 7], 18));
        confirm(&conn, &all[1], 2).unwrap();
        assert_eq!((next(&conn, &all[1]).unwrap(), bytes(&conn)), (Some(5), 18), "a cursor went back");
        all.iter().for_each(|destination| confirm(&conn, destination, 8).unwrap());
        assert_eq!((batch(&conn, 0).unwrap(), bytes(&conn)), (vec![], 0));
    }

    #[test]
    fn a_new_destination_begins_at_the_end_of_the_log_and_one_that_is_gone_holds_nothing_back() {
        let (conn, both) = (spool(), names(&["near", "far"]));
        register(&conn, &both[..1], 0).unwrap();
        record(&conn, 0, b"0");
        register(&conn, &both, 1).unwrap();
        record(&conn, 1, b"1");
        assert_eq!(both.iter().map(|name| next(&conn, name).unwrap()).collect::<Vec<_>>(), [Some(0), Some(1)]);
        register(&conn, &both[1..], 2).unwrap();
        assert_eq!((next(&conn, &both[0]).unwrap(), leaves(&batch(&conn, 0).unwrap())), (None, vec![1]));
        register(&conn, [], 2).unwrap();
        assert_eq!(bytes(&conn), 0);
    }

    #[test]
    fn whoever_edits_the_numbers_makes_it_full_until_it_was_heard_and_keeps_nothing_from_being_appended() {
        for edit in [
            "UPDATE spool SET upto = 1 << 40 WHERE leaf = 0",
            "UPDATE spool SET upto = 9223372036854775807",
            "UPDATE spool SET upto = -9223372036854775807 - 1",
            "UPDATE spool SET upto = upto - 4",
            "UPDATE spool SET upto = 0 WHERE leaf = 2",
            "INSERT INTO spool (leaf, upto, message) VALUES (-1, 1 << 40, x'')",
            "INSERT INTO spool (leaf, upto, message) VALUES (9223372036854775807, -1, x'')",
            "DELETE FROM spool",
            "UPDATE forward_cursor SET next = 9223372036854775807",
            "UPDATE forward_cursor SET next = -9223372036854775807 - 1",
        ] {
            let (conn, all) = (spool(), names(&["near"]));
            register(&conn, &all, 0).unwrap();
            (0..3).for_each(|leaf| record(&conn, leaf, b"abc"));
            assert_eq!(bytes(&conn), 9);
            conn.execute(edit, []).unwrap();
            assert_eq!(waiting(&conn).unwrap(), Waiting::Edited, "{edit}");
            assert!(Waiting::Edited.fills(u64::MAX) && next(&conn, &all[0]).unwrap().is_some());
            drop_strays(&conn, 3).unwrap();
            (3..5).for_each(|leaf| record(&conn, leaf, b"abc"));
            conn.execute("UPDATE forward_cursor SET next = 0", []).unwrap();
            confirm(&conn, &all[0], 5).unwrap();
            assert_eq!(bytes(&conn), 0, "{edit}");
            record(&conn, 5, b"abc");
            assert_eq!(bytes(&conn), 3, "{edit}");
        }
    }

    #[test]
    fn a_batch_is_bounded_by_number_and_by_bytes() {
        let (conn, all) = (spool(), names(&["near"]));
        register(&conn, &all, 0).unwrap();
        for leaf in 0..SPOOL_BATCH_MESSAGES as u64 + 5 {
            record(&conn, leaf, b"short");
        }
        assert_eq!(batch(&conn, 0).unwrap().len(), SPOOL_BATCH_MESSAGES);
        let conn = spool();
        (0..3).for_each(|leaf| record(&conn, leaf, &vec![b'x'; SPOOL_BATCH_BYTES]));
        assert_eq!(batch(&conn, 1).unwrap().len(), 1);
    }
}
