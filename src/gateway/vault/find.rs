//! Finding things by what people call them, and listing them. Answers come from the index: good for a list, never for a grant.

use super::index::blob;
use crate::domain::{
    digest::Digest,
    file_name,
    ids::{DeliveryId, DeliveryNumber, FileId, ObjectId, SessionId, Slug, TicketId, TicketNumber, TransferId, VendorId},
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params, types::FromSql};
use uuid::Uuid;

/// Reads a stored id.
fn id<T>(row: &Row<'_>, column: usize, make: fn(Uuid) -> T) -> Result<T> {
    Ok(make(Uuid::from_bytes(row.get::<_, [u8; 16]>(column)?)))
}

fn maybe_id<T>(row: &Row<'_>, column: usize, make: fn(Uuid) -> T) -> Result<Option<T>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(|bytes| make(Uuid::from_bytes(bytes))))
}

fn maybe_time(row: &Row<'_>, column: usize) -> Result<Option<Time>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Time::from_micros))
}

/// SQLite's integers are signed; what is stored in them here never was negative.
fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get::<_, i64>(column).map(|n| u64::try_from(n).unwrap_or(0))
}

fn one<T>(
    conn: &Connection,
    sql: &'static str,
    params: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    conn.prepare_cached(sql)?.query_row(params, read).optional()
}

fn all<T>(
    conn: &Connection,
    sql: &'static str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map(params, read)?.collect()
}

fn number<T: FromSql>(conn: &Connection, sql: &'static str, params: impl rusqlite::Params) -> Result<T> {
    conn.prepare_cached(sql)?.query_row(params, |row| row.get(0))
}

pub fn vendor(conn: &Connection, slug: &Slug) -> Result<Option<VendorId>> {
    one(conn, "SELECT id FROM vendor WHERE slug = ?1", [slug.as_str()], |row| id(row, 0, VendorId::from_uuid))
}

pub fn vendors(conn: &Connection) -> Result<Vec<VendorId>> {
    all(conn, "SELECT id FROM vendor ORDER BY slug", [], |row| id(row, 0, VendorId::from_uuid))
}

/// Every vendor that has ever filed this key, for whatever use.
pub fn vendors_of_key(conn: &Connection, key: Digest) -> Result<Vec<VendorId>> {
    all(conn, "SELECT DISTINCT vendor FROM vendor_key WHERE key = ?1", [key.as_bytes()], |row| id(row, 0, VendorId::from_uuid))
}

pub fn ticket(conn: &Connection, number: TicketNumber) -> Result<Option<TicketId>> {
    one(conn, "SELECT id FROM ticket WHERE number = ?1", [number.to_string()], |row| id(row, 0, TicketId::from_uuid))
}

/// The highest sequence given out in `year`; 0 before the first.
pub fn last_sequence(conn: &Connection, year: u16) -> Result<u32> {
    number(conn, "SELECT COALESCE(MAX(sequence), 0) FROM ticket WHERE year = ?1", [year])
}

/// Newest first.
pub fn tickets(conn: &Connection) -> Result<Vec<TicketId>> {
    all(conn, "SELECT id FROM ticket ORDER BY year DESC, sequence DESC", [], |row| id(row, 0, TicketId::from_uuid))
}

pub fn tickets_of(conn: &Connection, vendor: VendorId) -> Result<Vec<TicketId>> {
    let sql = "SELECT id FROM ticket WHERE vendor = ?1 ORDER BY year, sequence";
    all(conn, sql, [blob(vendor.uuid())], |row| id(row, 0, TicketId::from_uuid))
}

/// A vendor's tickets of which a delivery is released and neither revoked nor, at `now`, past its retention.
pub fn tickets_served(conn: &Connection, vendor: VendorId, now: Time) -> Result<Vec<TicketId>> {
    let sql = "SELECT id FROM ticket WHERE vendor = ?1 AND EXISTS (SELECT 1 FROM delivery
               WHERE delivery.ticket = ticket.id AND released_at IS NOT NULL AND revoked_at IS NULL AND until > ?2) ORDER BY year, sequence";
    all(conn, sql, params![blob(vendor.uuid()), now.micros()], |row| id(row, 0, TicketId::from_uuid))
}

pub fn delivery(conn: &Connection, ticket: TicketId, number: DeliveryNumber) -> Result<Option<DeliveryId>> {
    let sql = "SELECT id FROM delivery WHERE ticket = ?1 AND number = ?2";
    one(conn, sql, params![blob(ticket.uuid()), number.0], |row| id(row, 0, DeliveryId::from_uuid))
}

/// The ticket's delivery that still takes files.
pub fn open_delivery(conn: &Connection, ticket: TicketId) -> Result<Option<DeliveryId>> {
    let sql =
        "SELECT id FROM delivery WHERE ticket = ?1 AND closed_at IS NULL AND revoked_at IS NULL ORDER BY number DESC LIMIT 1";
    one(conn, sql, [blob(ticket.uuid())], |row| id(row, 0, DeliveryId::from_uuid))
}

pub fn last_delivery_number(conn: &Connection, ticket: TicketId) -> Result<u32> {
    number(conn, "SELECT COALESCE(MAX(number), 0) FROM delivery WHERE ticket = ?1", [blob(ticket.uuid())])
}

pub fn deliveries(conn: &Connection, ticket: Option<TicketId>) -> Result<Vec<DeliveryId>> {
    let read = |row: &Row<'_>| id(row, 0, DeliveryId::from_uuid);
    match ticket {
        Some(ticket) => all(conn, "SELECT id FROM delivery WHERE ticket = ?1 ORDER BY number", [blob(ticket.uuid())], read),
        None => all(conn, "SELECT id FROM delivery ORDER BY opened_at DESC", [], read),
    }
}

/// Deliveries of a ticket that are released and neither revoked nor, at `now`, past their retention.
pub fn visible_deliveries(conn: &Connection, ticket: TicketId, now: Time) -> Result<Vec<DeliveryId>> {
    let sql = "SELECT id FROM delivery WHERE ticket = ?1 AND released_at IS NOT NULL AND revoked_at IS NULL AND until > ?2
               ORDER BY number";
    all(conn, sql, params![blob(ticket.uuid()), now.micros()], |row| id(row, 0, DeliveryId::from_uuid))
}

/// Deliveries that are closed and wait for their release.
pub fn unreleased_deliveries(conn: &Connection) -> Result<Vec<DeliveryId>> {
    let sql =
        "SELECT id FROM delivery WHERE closed_at IS NOT NULL AND released_at IS NULL AND revoked_at IS NULL ORDER BY opened_at";
    all(conn, sql, [], |row| id(row, 0, DeliveryId::from_uuid))
}

/// Open deliveries into which nothing came since `before`, and which hold something.
pub fn quiet_deliveries(conn: &Connection, before: Time) -> Result<Vec<DeliveryId>> {
    let sql = "SELECT delivery FROM file JOIN delivery ON delivery.id = file.delivery
               WHERE closed_at IS NULL AND delivery.revoked_at IS NULL GROUP BY delivery HAVING MAX(staged_at) < ?1";
    all(conn, sql, [before.micros()], |row| id(row, 0, DeliveryId::from_uuid))
}

/// A file as the index has it.
#[derive(Clone, Debug)]
pub struct FileRow {
    pub id: FileId,
    pub delivery: Option<DeliveryId>,
    pub name: String,
    pub bytes: u64,
    pub held_at: Option<Time>,
    pub sealed_at: Option<Time>,
    pub released_at: Option<Time>,
    pub purge_at: Option<Time>,
    pub purged_at: Option<Time>,
}

macro_rules! file_columns {
    ($rest:literal) => {
        concat!("SELECT id, delivery, name, bytes, held_at, sealed_at, released_at, purge_at, purged_at FROM file ", $rest)
    };
}

fn file_row(row: &Row<'_>) -> Result<FileRow> {
    Ok(FileRow {
        id: id(row, 0, FileId::from_uuid)?,
        delivery: maybe_id(row, 1, DeliveryId::from_uuid)?,
        name: row.get(2)?,
        bytes: count(row, 3)?,
        held_at: maybe_time(row, 4)?,
        sealed_at: maybe_time(row, 5)?,
        released_at: maybe_time(row, 6)?,
        purge_at: maybe_time(row, 7)?,
        purged_at: maybe_time(row, 8)?,
    })
}

/// Newest first; of one ticket or of all.
pub fn files(conn: &Connection, ticket: Option<TicketId>, most: usize) -> Result<Vec<FileRow>> {
    match ticket {
        Some(ticket) => all(
            conn,
            file_columns!("WHERE ticket = ?1 ORDER BY id DESC LIMIT ?2"),
            params![blob(ticket.uuid()), most as i64],
            file_row,
        ),
        None => all(conn, file_columns!("ORDER BY id DESC LIMIT ?1"), [most as i64], file_row),
    }
}

pub fn count_files(conn: &Connection, ticket: Option<TicketId>) -> Result<u64> {
    let read = |n: i64| u64::try_from(n).unwrap_or(0);
    match ticket {
        Some(ticket) => number(conn, "SELECT COUNT(*) FROM file WHERE ticket = ?1", [blob(ticket.uuid())]).map(read),
        None => number(conn, "SELECT COUNT(*) FROM file", []).map(read),
    }
}

/// Files of a delivery whose bytes are not purged, by name.
pub fn files_of(conn: &Connection, delivery: DeliveryId) -> Result<Vec<FileRow>> {
    all(conn, file_columns!("WHERE delivery = ?1 AND purged_at IS NULL ORDER BY name"), [blob(delivery.uuid())], file_row)
}

/// A file of a delivery by its staged name, unless it is purged.
pub fn file_served_as(conn: &Connection, delivery: DeliveryId, name: &str) -> Result<Option<FileRow>> {
    let sql = file_columns!("WHERE delivery = ?1 AND name IN (?2, ?3) AND purged_at IS NULL AND purge_at IS NULL");
    one(conn, sql, params![blob(delivery.uuid()), file_name::content(name), file_name::served(name)], file_row)
}

/// Files that are neither held, sealed nor on their way out, oldest first, with their tickets: what inspection has to do.
pub fn uninspected(conn: &Connection) -> Result<Vec<(Option<TicketId>, FileId)>> {
    let sql = "SELECT ticket, id FROM file
         WHERE released_at IS NULL AND purged_at IS NULL AND purge_at IS NULL AND held_at IS NULL AND sealed_at IS NULL ORDER BY id";
    all(conn, sql, [], |row| Ok((maybe_id(row, 0, TicketId::from_uuid)?, id(row, 1, FileId::from_uuid)?)))
}

/// A ticket's held files, oldest first.
pub fn held_files(conn: &Connection, ticket: TicketId) -> Result<Vec<FileId>> {
    let sql = "SELECT id FROM file WHERE ticket = ?1 AND held_at IS NOT NULL AND purge_at IS NULL ORDER BY id";
    all(conn, sql, [blob(ticket.uuid())], |row| id(row, 0, FileId::from_uuid))
}

/// How many files whose bytes are here stand where.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct FileStates {
    pub staged: u64,
    pub held: u64,
    pub sealed: u64,
    pub released: u64,
    pub purging: u64,
}

pub fn file_states(conn: &Connection) -> Result<FileStates> {
    let sql = "SELECT COUNT(*) FILTER (WHERE purge_at IS NULL AND released_at IS NULL AND held_at IS NULL AND sealed_at IS NULL),
                      COUNT(*) FILTER (WHERE purge_at IS NULL AND released_at IS NULL AND held_at IS NOT NULL),
                      COUNT(*) FILTER (WHERE purge_at IS NULL AND released_at IS NULL AND held_at IS NULL AND sealed_at IS NOT NULL),
                      COUNT(*) FILTER (WHERE purge_at IS NULL AND released_at IS NOT NULL),
                      COUNT(*) FILTER (WHERE purge_at IS NOT NULL)
               FROM file WHERE purged_at IS NULL";
    conn.prepare_cached(sql)?.query_row([], |row| {
        Ok(FileStates {
            staged: count(row, 0)?,
            held: count(row, 1)?,
            sealed: count(row, 2)?,
            released: count(row, 3)?,
            purging: count(row, 4)?,
        })
    })
}

/// Files that still have bytes.
pub fn unpurged(conn: &Connection) -> Result<Vec<FileRow>> {
    all(conn, file_columns!("WHERE purged_at IS NULL ORDER BY id"), [], file_row)
}

/// Files of a ticket that still have bytes.
pub fn count_bytes(conn: &Connection, ticket: TicketId) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM file WHERE ticket = ?1 AND purged_at IS NULL";
    number(conn, sql, [blob(ticket.uuid())]).map(|n: i64| u64::try_from(n).unwrap_or(0))
}

/// Sealed files whose staged copy is still there.
pub fn twice(conn: &Connection) -> Result<Vec<FileId>> {
    let sql = "SELECT id FROM file WHERE sealed_at IS NOT NULL AND incoming IS NOT NULL AND purged_at IS NULL";
    all(conn, sql, [], |row| id(row, 0, FileId::from_uuid))
}

/// Where a staged file came from, so that meeting its source again stages nothing twice.
pub struct Source<'a> {
    pub directory: &'a str,
    pub name: &'a str,
    pub device: u64,
    pub inode: u64,
    pub bytes: u64,
    pub modified: &'a str,
}

/// The last file that was staged from there.
pub fn staged_from(conn: &Connection, source: &Source<'_>) -> Result<Option<FileId>> {
    let sql =
        "SELECT id FROM file WHERE directory = ?1 AND name = ?2 AND inode = ?3 AND device = ?4 AND bytes = ?5 AND modified = ?6
         ORDER BY staged_at DESC LIMIT 1";
    let params =
        params![source.directory, source.name, source.inode as i64, source.device as i64, source.bytes as i64, source.modified];
    one(conn, sql, params, |row| id(row, 0, FileId::from_uuid))
}

/// Stored objects that belong to an unpurged file: (staged copies, sealed headers and payloads).
pub fn objects(conn: &Connection) -> Result<(Vec<ObjectId>, Vec<ObjectId>)> {
    let sql = "SELECT incoming, header, payload FROM file WHERE purged_at IS NULL";
    let rows = all(conn, sql, [], |row| {
        let read = |column| maybe_id(row, column, ObjectId::from_uuid);
        Ok((read(0)?, read(1)?, read(2)?))
    })?;
    let staged = rows.iter().filter_map(|(incoming, ..)| *incoming).collect();
    let sealed = rows.iter().flat_map(|(_, header, payload)| [*header, *payload]).flatten().collect();
    Ok((staged, sealed))
}

/// How often this file was downloaded: over SFTP each session in which it was read counts once, over HTTPS each transfer.
pub fn downloads(conn: &Connection, file: FileId) -> Result<u32> {
    let sql = "SELECT COUNT(DISTINCT IIF(session.protocol = 'sftp', session.id, transfer.id))
               FROM transfer LEFT JOIN session ON session.id = transfer.session WHERE transfer.file = ?1";
    number(conn, sql, [blob(file.uuid())])
}

pub fn has_downloaded(conn: &Connection, file: FileId, session: SessionId) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM transfer WHERE file = ?1 AND session = ?2)";
    number(conn, sql, params![blob(file.uuid()), blob(session.uuid())])
}

/// Newest first.
pub fn transfers(conn: &Connection, ticket: Option<TicketId>, vendor: Option<VendorId>, most: usize) -> Result<Vec<TransferId>> {
    let sql =
        "SELECT id FROM transfer WHERE (?1 IS NULL OR ticket = ?1) AND (?2 IS NULL OR vendor = ?2) ORDER BY id DESC LIMIT ?3";
    let params = params![ticket.map(|ticket| blob(ticket.uuid())), vendor.map(|vendor| blob(vendor.uuid())), most as i64];
    all(conn, sql, params, |row| id(row, 0, TransferId::from_uuid))
}

pub fn transfers_of_delivery(conn: &Connection, delivery: DeliveryId, most: usize) -> Result<Vec<TransferId>> {
    let sql = "SELECT id FROM transfer WHERE delivery = ?1 ORDER BY id DESC LIMIT ?2";
    all(conn, sql, params![blob(delivery.uuid()), most as i64], |row| id(row, 0, TransferId::from_uuid))
}

pub fn count_transfers(conn: &Connection) -> Result<u64> {
    number(conn, "SELECT COUNT(*) FROM transfer", []).map(|n: i64| u64::try_from(n).unwrap_or(0))
}

/// How a session's client names itself, as the index has it.
pub fn client(conn: &Connection, session: SessionId) -> Result<Option<String>> {
    one(conn, "SELECT COALESCE(client, '') FROM session WHERE id = ?1", [blob(session.uuid())], |row| row.get(0))
}

/// Files that have joined a delivery, purged ones too.
pub fn count_joined(conn: &Connection, delivery: DeliveryId) -> Result<usize> {
    number(conn, "SELECT COUNT(*) FROM file WHERE delivery = ?1", [blob(delivery.uuid())])
        .map(|count: i64| usize::try_from(count).unwrap_or(usize::MAX))
}
