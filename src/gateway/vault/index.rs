//! The index: tables for finding and listing things, written only here, from records, in the records' own transaction.
//!
//! Nothing is decided by them: a row that somebody edits shows a wrong line in a list and grants nothing. `audit verify`
//! replays the log into an empty copy of these tables and compares.

use crate::domain::{
    digest::Digest,
    event::{Detail, Event, Item, Record, Subject},
    ids::{DeliveryId, FileId, SessionId, TransferId, VendorId},
};
use rusqlite::{Connection, params};
use uuid::Uuid;

/// Each table with the statement that reads it in the order of its key, for comparing.
pub const ORDERED: [(&str, &str); 8] = [
    ("person", "SELECT * FROM person ORDER BY id"),
    ("vendor", "SELECT * FROM vendor ORDER BY id"),
    ("vendor_key", "SELECT hex(key) || hex(vendor) || use, * FROM vendor_key ORDER BY 1"),
    ("ticket", "SELECT * FROM ticket ORDER BY id"),
    ("delivery", "SELECT * FROM delivery ORDER BY id"),
    ("file", "SELECT * FROM file ORDER BY id"),
    ("session", "SELECT * FROM session ORDER BY id"),
    ("transfer", "SELECT * FROM transfer ORDER BY id"),
];

/// The index's tables, made together with the log's.
pub const TABLES: &str = "
CREATE TABLE person (
    id BLOB PRIMARY KEY, name TEXT NOT NULL, key BLOB NOT NULL, enrolled_at INTEGER
) STRICT;
CREATE TABLE vendor (
    id BLOB PRIMARY KEY, slug TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE vendor_key (
    key BLOB NOT NULL, vendor BLOB NOT NULL, use TEXT NOT NULL, PRIMARY KEY (key, vendor, use)
) STRICT;
CREATE TABLE ticket (
    id BLOB PRIMARY KEY, number TEXT NOT NULL UNIQUE, year INTEGER NOT NULL, sequence INTEGER NOT NULL,
    vendor BLOB NOT NULL, submitted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ticket_vendor ON ticket (vendor);
CREATE TABLE delivery (
    id BLOB PRIMARY KEY, ticket BLOB NOT NULL, number INTEGER NOT NULL, opened_at INTEGER NOT NULL,
    closed_at INTEGER, released_at INTEGER, until INTEGER, revoked_at INTEGER, UNIQUE (ticket, number)
) STRICT;
CREATE TABLE file (
    id BLOB PRIMARY KEY, ticket BLOB, delivery BLOB, directory TEXT NOT NULL, name TEXT NOT NULL,
    bytes INTEGER NOT NULL, staged_at INTEGER NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL, modified TEXT NOT NULL,
    incoming BLOB, held_at INTEGER, cleared_at INTEGER, sealed_at INTEGER, header BLOB, payload BLOB, sealed_bytes INTEGER,
    released_at INTEGER, revoked_at INTEGER, purge_at INTEGER, purged_at INTEGER
) STRICT;
CREATE INDEX file_delivery ON file (delivery, name);
CREATE INDEX file_unfinished ON file (id) WHERE released_at IS NULL AND purged_at IS NULL;
CREATE INDEX file_purging ON file (id) WHERE purge_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX file_source ON file (directory, name, inode);
CREATE TABLE session (
    id BLOB PRIMARY KEY, vendor BLOB NOT NULL, key BLOB NOT NULL, protocol TEXT NOT NULL,
    address TEXT, client TEXT, algorithms TEXT, opened_at INTEGER NOT NULL, closed_at INTEGER, how TEXT
) STRICT;
CREATE TABLE transfer (
    id BLOB PRIMARY KEY, session BLOB NOT NULL, vendor BLOB NOT NULL, ticket BLOB NOT NULL, delivery BLOB NOT NULL,
    item TEXT NOT NULL, file BLOB, begun_at INTEGER NOT NULL, ended_at INTEGER, how TEXT, bytes INTEGER
) STRICT;
CREATE INDEX transfer_file ON transfer (file, session);
CREATE INDEX transfer_ticket ON transfer (ticket, begun_at);
";

/// How an id is stored.
pub fn blob(id: Uuid) -> [u8; 16] {
    id.into_bytes()
}

/// Brings the index up to date with one record.
pub fn apply(conn: &Connection, record: &Record) -> rusqlite::Result<()> {
    match record.on {
        Subject::House | Subject::Daemon => Ok(()),
        Subject::Staff => person(conn, record),
        Subject::Vendor(_) => vendor(conn, record),
        Subject::Ticket(_) => ticket(conn, record),
        Subject::Delivery(id) => delivery(conn, id, record),
        Subject::File(id) => file(conn, id, record),
        Subject::Session(id) => session(conn, id, record),
        Subject::Transfer(id) => transfer(conn, id, record),
    }
}

fn person(conn: &Connection, record: &Record) -> rusqlite::Result<()> {
    match (&record.event, &record.detail) {
        (Event::PersonProposed { person, key, .. }, Some(Detail::Person { name, .. })) => run(
            conn,
            "INSERT INTO person (id, name, key) VALUES (?1, ?2, ?3)",
            params![blob(person.uuid()), name.as_str(), key.as_bytes()],
        ),
        (Event::PersonEnrolled { person, .. }, _) => {
            run(conn, "UPDATE person SET enrolled_at = ?2 WHERE id = ?1", params![blob(person.uuid()), record.at.micros()])
        }
        _ => Ok(()),
    }
}

fn vendor(conn: &Connection, record: &Record) -> rusqlite::Result<()> {
    let Subject::Vendor(id) = record.on else { return Ok(()) };
    let (logins, recipients) = match &record.event {
        Event::VendorFiled { logins, recipients, .. } => (logins, recipients),
        Event::TokenIssued { token, .. } => return vendor_key(conn, *token, id, "token"),
        _ => return Ok(()),
    };
    if let Some(Detail::Vendor { document }) = &record.detail
        && let Ok(document) = crate::domain::vendor::VendorDocument::parse(document)
    {
        run(
            conn,
            "INSERT INTO vendor (id, slug) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
            params![blob(id.uuid()), document.id.as_str()],
        )?;
    }
    for (keys, usage) in [(logins, "login"), (recipients, "recipient")] {
        for key in keys {
            vendor_key(conn, *key, id, usage)?;
        }
    }
    Ok(())
}

fn vendor_key(conn: &Connection, key: Digest, vendor: VendorId, usage: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO vendor_key (key, vendor, use) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    run(conn, sql, params![key.as_bytes(), blob(vendor.uuid()), usage])
}

fn ticket(conn: &Connection, record: &Record) -> rusqlite::Result<()> {
    let (Subject::Ticket(id), Event::TicketSubmitted { number, vendor, .. }) = (record.on, &record.event) else { return Ok(()) };
    run(
        conn,
        "INSERT INTO ticket (id, number, year, sequence, vendor, submitted_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO NOTHING",
        params![blob(id.uuid()), number.to_string(), number.year, number.sequence, blob(vendor.uuid()), record.at.micros()],
    )
}

fn delivery(conn: &Connection, id: DeliveryId, record: &Record) -> rusqlite::Result<()> {
    let (id, at) = (blob(id.uuid()), record.at.micros());
    match &record.event {
        Event::DeliveryOpened { ticket, number } => run(
            conn,
            "INSERT INTO delivery (id, ticket, number, opened_at) VALUES (?1, ?2, ?3, ?4)",
            params![id, blob(ticket.uuid()), number.0, at],
        ),
        Event::DeliveryClosed { .. } => run(conn, "UPDATE delivery SET closed_at = ?2 WHERE id = ?1", params![id, at]),
        Event::DeliveryReleased { until, .. } => {
            let files: &[_] = match &record.detail {
                Some(Detail::Release { files }) => files,
                _ => &[],
            };
            run(conn, "UPDATE delivery SET released_at = ?2, until = ?3 WHERE id = ?1", params![id, at, until.micros()])?;
            for file in files {
                run(conn, "UPDATE file SET released_at = ?2 WHERE id = ?1", params![blob(file.file.uuid()), at])?;
            }
            Ok(())
        }
        Event::DeliveryRevoked => run(conn, "UPDATE delivery SET revoked_at = ?2 WHERE id = ?1", params![id, at]),
        _ => Ok(()),
    }
}

fn file(conn: &Connection, id: FileId, record: &Record) -> rusqlite::Result<()> {
    let (id, at) = (blob(id.uuid()), record.at.micros());
    match &record.event {
        Event::FileStaged { ticket, delivery, object, bytes, .. } => {
            let none = (String::new(), String::new(), 0, 0, String::new());
            let (directory, name, device, inode, modified) = match &record.detail {
                Some(Detail::Source { directory, name, device, inode, modified_ns, .. }) => {
                    (directory.clone(), name.clone(), *device as i64, *inode as i64, modified_ns.clone())
                }
                _ => none,
            };
            run(
                conn,
                "INSERT INTO file (id, ticket, delivery, directory, name, bytes, staged_at, device, inode, modified, incoming)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    id,
                    ticket.map(|ticket| blob(ticket.uuid())),
                    delivery.map(|delivery| blob(delivery.uuid())),
                    directory,
                    name,
                    *bytes as i64,
                    at,
                    device,
                    inode,
                    modified,
                    blob(object.uuid())
                ],
            )
        }
        Event::FileHeld { .. } => run(conn, "UPDATE file SET held_at = ?2 WHERE id = ?1", params![id, at]),
        Event::FileRecheckAsked => run(conn, "UPDATE file SET held_at = NULL WHERE id = ?1", params![id]),
        Event::FileCleared { .. } => run(conn, "UPDATE file SET cleared_at = ?2, held_at = NULL WHERE id = ?1", params![id, at]),
        Event::FileSealed { header, payload, header_bytes, payload_bytes, .. } => run(
            conn,
            "UPDATE file SET sealed_at = ?2, header = ?3, payload = ?4, sealed_bytes = ?5 WHERE id = ?1",
            params![id, at, blob(header.uuid()), blob(payload.uuid()), (header_bytes + payload_bytes) as i64],
        ),
        Event::StagedCopyGone => run(conn, "UPDATE file SET incoming = NULL WHERE id = ?1", params![id]),
        Event::FileRevoked => run(conn, "UPDATE file SET revoked_at = ?2 WHERE id = ?1", params![id, at]),
        Event::PurgeBegun { .. } => run(conn, "UPDATE file SET purge_at = ?2 WHERE id = ?1", params![id, at]),
        Event::Purged => run(
            conn,
            "UPDATE file SET purged_at = ?2, incoming = NULL, header = NULL, payload = NULL WHERE id = ?1",
            params![id, at],
        ),
        _ => Ok(()),
    }
}

fn session(conn: &Connection, id: SessionId, record: &Record) -> rusqlite::Result<()> {
    let (id, at) = (blob(id.uuid()), record.at.micros());
    match &record.event {
        Event::SessionOpened { vendor, key, protocol } => {
            let (address, algorithms, client) = match &record.detail {
                Some(Detail::Line { address, algorithms, client }) => (Some(address), Some(algorithms), Some(client)),
                _ => (None, None, None),
            };
            run(
                conn,
                "INSERT INTO session (id, vendor, key, protocol, address, client, algorithms, opened_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![id, blob(vendor.uuid()), key.as_bytes(), word(protocol), address, client, algorithms, at],
            )
        }
        Event::SessionClosed { how, .. } => {
            run(conn, "UPDATE session SET closed_at = ?2, how = ?3 WHERE id = ?1", params![id, at, word(how)])
        }
        _ => Ok(()),
    }
}

fn transfer(conn: &Connection, id: TransferId, record: &Record) -> rusqlite::Result<()> {
    let (id, at) = (blob(id.uuid()), record.at.micros());
    match &record.event {
        Event::TransferBegun { vendor, ticket, delivery, item, session, .. } => {
            let (kind, file) = match item {
                Item::File(file) => ("file", Some(blob(file.uuid()))),
                Item::Manifest => ("manifest", None),
                Item::Checksums => ("checksums", None),
            };
            run(
                conn,
                "INSERT INTO transfer (id, session, vendor, ticket, delivery, item, file, begun_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    id,
                    blob(session.uuid()),
                    blob(vendor.uuid()),
                    blob(ticket.uuid()),
                    blob(delivery.uuid()),
                    kind,
                    file,
                    at
                ],
            )
        }
        Event::TransferEnded { how, bytes, .. } => run(
            conn,
            "UPDATE transfer SET ended_at = ?2, how = ?3, bytes = ?4 WHERE id = ?1",
            params![id, at, word(how), bytes.map(|bytes| bytes as i64)],
        ),
        _ => Ok(()),
    }
}

fn run(conn: &Connection, sql: &'static str, params: impl rusqlite::Params) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute(params).map(drop)
}

/// An enum's name as the log writes it.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum without data is written as a string, not {other:?}"),
    }
}
