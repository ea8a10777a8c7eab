//! The log's rows: every statement over them, and what one row must be for its leaf to be believed.

use super::{
    fault::{LedgerFault, LogFault},
    heads::Appended,
};
use crate::{
    audit::{SALT_BYTES, SignedHead, detail_commitment, leaf_hash},
    domain::{
        digest::Digest,
        event::{LEAF_VERSION, Leaf, Record, Subject},
        ids::{DeliveryId, FileId, ObjectId, SessionId, TicketId, TransferId, VendorId},
        limits::ROWS_PER_PAGE,
    },
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::ops::Range;
use uuid::Uuid;

/// A subject as the `leaves` table files it: a byte for its kind, then its id.
pub(super) fn subject_key(on: Subject) -> Vec<u8> {
    let (kind, id) = match on {
        Subject::House => return vec![0],
        Subject::Staff => return vec![1],
        Subject::Daemon => return vec![2],
        Subject::Vendor(id) => (3, id.uuid()),
        Subject::Ticket(id) => (4, id.uuid()),
        Subject::Delivery(id) => (5, id.uuid()),
        Subject::File(id) => (6, id.uuid()),
        Subject::Session(id) => (7, id.uuid()),
        Subject::Transfer(id) => (8, id.uuid()),
    };
    [&[kind], &id.as_bytes()[..]].concat()
}

/// The subject that is filed so: of [`subject_key`]'s bytes, those without an id filled up with zeros.
pub(super) fn subject_of(key: &[u8]) -> Option<Subject> {
    let (kind, id) = key.split_first()?;
    let id = Uuid::from_slice(id).ok()?;
    Some(match kind {
        0 => Subject::House,
        1 => Subject::Staff,
        2 => Subject::Daemon,
        3 => Subject::Vendor(VendorId::from_uuid(id)),
        4 => Subject::Ticket(TicketId::from_uuid(id)),
        5 => Subject::Delivery(DeliveryId::from_uuid(id)),
        6 => Subject::File(FileId::from_uuid(id)),
        7 => Subject::Session(SessionId::from_uuid(id)),
        8 => Subject::Transfer(TransferId::from_uuid(id)),
        _ => return None,
    })
}

/// A detail record as stored.
pub(super) struct StoredDetail {
    pub(super) salt: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

/// A leaf as stored, not yet believed.
pub(super) struct StoredLeaf {
    pub(super) index: u64,
    /// None if it is gone.
    hash: Option<Vec<u8>>,
    /// None if the leaf is gone.
    leaf: Option<(Vec<u8>, Vec<u8>)>,
    detail: Option<StoredDetail>,
}

/// A leaf that is what its hash says, and its detail what the leaf says. Whether the hash is in the tree is the caller's question.
pub(super) struct ReadLeaf {
    pub(super) record: Record,
    pub(super) prev: Option<u64>,
    pub(super) hash: Digest,
    /// Of leaf and detail record, encoded.
    pub(super) bytes: usize,
}

impl StoredLeaf {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let leaf = match (row.get::<_, Option<_>>(2)?, row.get::<_, Option<_>>(3)?) {
            (Some(subject), Some(bytes)) => Some((subject, bytes)),
            _ => None,
        };
        let detail = match (row.get(4)?, row.get(5)?) {
            (Some(salt), Some(bytes)) => Some(StoredDetail { salt, bytes }),
            _ => None,
        };
        Ok(Self { index: row.get(0)?, hash: row.get(1)?, leaf, detail })
    }

    /// The row as a verifier takes it.
    pub(super) fn into_row(self) -> Result<crate::audit::Row, LogFault> {
        let index = self.index;
        let hash = self.hash.and_then(digest).ok_or(LogFault::HashMissing { index })?;
        let detail = self.detail.map(|StoredDetail { salt, bytes }| {
            let salt = salt.try_into().map_err(|_| LogFault::DetailAltered { index })?;
            Ok(crate::audit::Detail { salt, bytes })
        });
        Ok(crate::audit::Row { index, leaf: self.leaf.map(|(_, bytes)| bytes), hash, detail: detail.transpose()? })
    }

    /// Checks all that the row itself can show.
    pub(super) fn read(self) -> Result<ReadLeaf, LogFault> {
        let index = self.index;
        let (subject, bytes) = self.leaf.ok_or(LogFault::LeafMissing { index })?;
        let stored = self.hash.ok_or(LogFault::HashMissing { index })?;
        let hash = leaf_hash(&bytes);
        if stored != hash.as_bytes() {
            return Err(LogFault::LeafDiffersFromHash { index });
        }
        let leaf: Leaf = serde_json::from_slice(&bytes).map_err(|e| LogFault::Malformed { index, what: format!("leaf: {e}") })?;
        if leaf.v != LEAF_VERSION {
            return Err(LogFault::Malformed { index, what: format!("version {}", leaf.v) });
        }
        if subject_key(leaf.on) != subject {
            return Err(LogFault::Misfiled { index });
        }
        let size = bytes.len() + self.detail.as_ref().map_or(0, |detail| detail.bytes.len());
        let detail = match (leaf.detail, self.detail) {
            (None, None) => None,
            (None, Some(_)) => return Err(LogFault::DetailUnbound { index }),
            (Some(_), None) => return Err(LogFault::DetailMissing { index }),
            (Some(commitment), Some(detail)) => {
                let salt: [u8; SALT_BYTES] = detail.salt.try_into().map_err(|_| LogFault::DetailAltered { index })?;
                if detail_commitment(&salt, &detail.bytes) != commitment {
                    return Err(LogFault::DetailAltered { index });
                }
                let read = serde_json::from_slice(&detail.bytes);
                Some(read.map_err(|e| LogFault::Malformed { index, what: format!("detail record: {e}") })?)
            }
        };
        let record = Record { index, at: leaf.at, by: leaf.by, on: leaf.on, event: leaf.event, detail };
        Ok(ReadLeaf { record, prev: leaf.prev, hash, bytes: size })
    }
}

/// The stored leaf with this index.
pub(super) fn leaf(conn: &Connection, index: u64) -> Result<StoredLeaf, LedgerFault> {
    let sql = "SELECT l.leaf, h.hash, l.subject, l.bytes, d.salt, d.bytes FROM leaves l \
               LEFT JOIN leaf_hashes h ON h.leaf = l.leaf LEFT JOIN details d ON d.leaf = l.leaf WHERE l.leaf = ?1";
    let found = conn.prepare_cached(sql)?.query_row([index], StoredLeaf::from_row).optional()?;
    Ok(found.ok_or(LogFault::LeafMissing { index })?)
}

/// A page of stored leaves from `range.start` on.
pub(super) fn page(conn: &Connection, range: Range<u64>) -> rusqlite::Result<Vec<StoredLeaf>> {
    let sql = "SELECT h.leaf, h.hash, l.subject, l.bytes, d.salt, d.bytes FROM leaf_hashes h \
               LEFT JOIN leaves l ON l.leaf = h.leaf LEFT JOIN details d ON d.leaf = h.leaf \
               WHERE h.leaf >= ?1 AND h.leaf < ?2 ORDER BY h.leaf LIMIT ?3";
    let mut statement = conn.prepare_cached(sql)?;
    statement.query_map(params![range.start, bound(range.end), ROWS_PER_PAGE], StoredLeaf::from_row)?.collect()
}

/// SQL integers end at 2^63 - 1, and so does every log.
fn bound(end: u64) -> i64 {
    i64::try_from(end).unwrap_or(i64::MAX)
}

/// The stored hashes of a range, by index. Fewer, if some are gone; a hash of another length is left out.
pub(super) fn hashes(conn: &Connection, range: Range<u64>) -> rusqlite::Result<Vec<Digest>> {
    let sql = "SELECT hash FROM leaf_hashes WHERE leaf >= ?1 AND leaf < ?2 ORDER BY leaf";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params![range.start, bound(range.end)], |row| row.get::<_, Vec<u8>>(0))?;
    rows.filter_map(|row| row.map(digest).transpose()).collect()
}

fn digest(bytes: Vec<u8>) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::from_bytes)
}

/// The index of the last leaf that is filed under a subject: a hint, to be checked.
pub(super) fn last_filed(conn: &Connection, on: Subject) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT max(leaf) FROM leaves WHERE subject = ?1";
    conn.prepare_cached(sql)?.query_row([subject_key(on)], |row| row.get(0))
}

/// One more than the last index of a stored hash.
pub(super) fn end(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT coalesce(max(leaf) + 1, 0) FROM leaf_hashes")?.query_row([], |row| row.get(0))
}

/// The first table whose number of rows is not this one.
pub(super) fn strays(conn: &Connection, leaves: u64, details: u64) -> rusqlite::Result<Option<&'static str>> {
    let count = |sql: &'static str| conn.query_row(sql, [], |row| row.get::<_, u64>(0));
    if count("SELECT count(*) FROM leaf_hashes")? != leaves {
        Ok(Some("leaf_hashes"))
    } else if count("SELECT count(*) FROM leaves")? != leaves {
        Ok(Some("leaves"))
    } else if count("SELECT count(*) FROM details")? != details {
        Ok(Some("details"))
    } else {
        Ok(None)
    }
}

/// Writes a leaf and, if it has one, its detail record.
pub(super) fn insert(
    conn: &Connection,
    leaf: &Appended,
    bytes: &[u8],
    detail: Option<(&[u8; SALT_BYTES], &[u8])>,
) -> rusqlite::Result<()> {
    let hash = "INSERT INTO leaf_hashes (leaf, hash) VALUES (?1, ?2)";
    conn.prepare_cached(hash)?.execute(params![leaf.index, leaf.hash.as_bytes()])?;
    let row = "INSERT INTO leaves (leaf, subject, bytes) VALUES (?1, ?2, ?3)";
    conn.prepare_cached(row)?.execute(params![leaf.index, subject_key(leaf.on), bytes])?;
    if let Some((salt, bytes)) = detail {
        let row = "INSERT INTO details (leaf, salt, bytes) VALUES (?1, ?2, ?3)";
        conn.prepare_cached(row)?.execute(params![leaf.index, salt, bytes])?;
    }
    Ok(())
}

/// Writes a checkpoint.
pub(super) fn insert_head(conn: &Connection, head: &SignedHead) -> rusqlite::Result<()> {
    let sql = "INSERT INTO checkpoints (size, root, signature) VALUES (?1, ?2, ?3)";
    conn.prepare_cached(sql)?.execute(params![head.size, head.root.as_bytes(), head.signature])?;
    Ok(())
}

/// A page of stored checkpoints of sizes in `range`.
pub(super) fn heads(conn: &Connection, range: Range<u64>) -> Result<Vec<SignedHead>, LedgerFault> {
    let sql = "SELECT size, root, signature FROM checkpoints WHERE size >= ?1 AND size < ?2 ORDER BY size LIMIT ?3";
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_and_then(params![range.start, bound(range.end), ROWS_PER_PAGE], head)?;
    rows.collect()
}

/// The checkpoint of the largest size.
pub(super) fn newest_head(conn: &Connection) -> Result<SignedHead, LedgerFault> {
    let sql = "SELECT size, root, signature FROM checkpoints ORDER BY size DESC LIMIT 1";
    let mut statement = conn.prepare_cached(sql)?;
    let newest = statement.query_and_then([], head)?.next();
    newest.unwrap_or(Err(LogFault::NoCheckpoint.into()))
}

fn head(row: &Row<'_>) -> Result<SignedHead, LedgerFault> {
    let size = row.get(0)?;
    let malformed = || LogFault::CheckpointMalformed { size };
    let root = digest(row.get(1)?).ok_or_else(malformed)?;
    let signature: Vec<u8> = row.get(2)?;
    Ok(SignedHead { size, root, signature: signature.try_into().map_err(|_| malformed())? })
}

/// Keeps an object's wrapped key. An object has one key for ever: a second is an error.
pub(super) fn insert_key(conn: &Connection, object: ObjectId, wrapped: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO object_keys (object, wrapped) VALUES (?1, ?2)";
    conn.prepare_cached(sql)?.execute(params![object.uuid().as_bytes(), wrapped])?;
    Ok(())
}

/// An object's wrapped key, unless it was destroyed.
pub(super) fn key(conn: &Connection, object: ObjectId) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT wrapped FROM object_keys WHERE object = ?1";
    conn.prepare_cached(sql)?.query_row([object.uuid().as_bytes()], |row| row.get(0)).optional()
}

/// The encoded leaves below `end` in the order of their indexes, as the tables have them.
pub(super) fn each_leaf(conn: &Connection, end: u64, mut each: impl FnMut(&[u8])) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached("SELECT bytes FROM leaves WHERE leaf < ?1 ORDER BY leaf")?;
    let mut rows = statement.query([bound(end)])?;
    while let Some(row) = rows.next()? {
        each(row.get_ref(0)?.as_blob()?);
    }
    Ok(())
}

pub(super) fn keys(conn: &Connection) -> rusqlite::Result<Vec<ObjectId>> {
    let mut statement = conn.prepare_cached("SELECT object FROM object_keys")?;
    let objects = statement.query_map([], |row| Ok(ObjectId::from_uuid(Uuid::from_bytes(row.get(0)?))))?;
    objects.collect()
}

/// How many keys there are if `opens` opens none of them; 0 if it opens one, or if there are none.
pub(super) fn unopened_keys(conn: &Connection, opens: impl Fn(ObjectId, &[u8]) -> bool) -> rusqlite::Result<u64> {
    let mut statement = conn.prepare_cached("SELECT object, wrapped FROM object_keys")?;
    let mut rows = statement.query([])?;
    let mut unopened = 0;
    while let Some(row) = rows.next()? {
        let (object, wrapped): (_, Vec<u8>) = (ObjectId::from_uuid(Uuid::from_bytes(row.get(0)?)), row.get(1)?);
        if opens(object, &wrapped) {
            return Ok(0);
        }
        unopened += 1;
    }
    Ok(unopened)
}

/// Destroys an object's key. Says whether there was one.
pub(super) fn delete_key(conn: &Connection, object: ObjectId) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM object_keys WHERE object = ?1";
    Ok(conn.prepare_cached(sql)?.execute([object.uuid().as_bytes()])? > 0)
}
