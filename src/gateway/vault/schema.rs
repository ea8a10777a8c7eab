//! The ledger's tables, and how a file becomes a ledger or a newer one.

use super::{fault::LedgerFault, index, rows, spool};
use crate::{
    audit::SignedHead,
    domain::{digest::Digest, time::Time},
};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::Path;

/// SQLite's `application_id` of a ledger: "EGRD". It tells a ledger from any other database.
pub(super) const APPLICATION_ID: i32 = 0x4547_5244;

/// What the log consists of (docs/audit-log.md). `leaf` is the leaf's index everywhere; `subject` is [`super::rows::subject_key`].
///
/// Hashes stand apart from the leaves: a tile of 256 is read at each check of a leaf, and they stay when leaves expire.
const LOG_TABLES: &str = "
CREATE TABLE leaf_hashes (leaf INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE leaves (leaf INTEGER PRIMARY KEY REFERENCES leaf_hashes (leaf), subject BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE INDEX leaves_by_subject ON leaves (subject, leaf);
CREATE TABLE details (leaf INTEGER PRIMARY KEY REFERENCES leaf_hashes (leaf), salt BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, root BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE object_keys (object BLOB PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
";

const MIGRATIONS_TABLE: &str =
    "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 BLOB NOT NULL, at INTEGER NOT NULL) STRICT";

/// One step of the schema. What was released is never edited: the digest of its statements stands in the database.
struct Migration {
    version: i64,
    name: &'static str,
    statements: &'static [&'static str],
}

impl Migration {
    fn digest(&self) -> Digest {
        Digest::of(self.statements.concat().as_bytes())
    }
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "log, keys and index", statements: &[LOG_TABLES, index::TABLES] },
    Migration { version: 2, name: "what is told to others", statements: &[spool::TABLES] },
];

/// What a file is, found out without changing it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Nothing was written to it yet.
    Blank,
    Ledger,
}

/// Tells a ledger from everything else.
///
/// # Errors
/// [`LedgerFault::Foreign`].
pub(super) fn identify(conn: &Connection, path: &Path) -> Result<Identity, LedgerFault> {
    let foreign = |found| LedgerFault::Foreign { path: path.to_owned(), found };
    let read = conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0));
    let objects = match read {
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => return Err(foreign("it is no database")),
        other => other?,
    };
    let id: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    match (id, objects) {
        (APPLICATION_ID, 1..) => Ok(Identity::Ledger),
        (0, 0) => Ok(Identity::Blank),
        _ => Err(foreign("it is another program's database")),
    }
}

/// Brings the schema up to what this program knows, in one transaction.
///
/// # Errors
/// [`LedgerFault::Newer`], [`LedgerFault::OtherMigration`], or the database's.
pub(super) fn migrate(conn: &mut Connection, now: Time) -> Result<(), LedgerFault> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    bring_up(&tx, now)?;
    tx.commit()?;
    Ok(())
}

/// Makes a blank database a ledger, whose log is empty and signed as empty.
///
/// # Errors
/// The database's; the database is blank then.
pub(super) fn found(conn: &mut Connection, now: Time, head: &SignedHead) -> Result<(), LedgerFault> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.execute(MIGRATIONS_TABLE, [])?;
    bring_up(&tx, now)?;
    rows::insert_head(&tx, head)?;
    tx.commit()?;
    Ok(())
}

fn bring_up(tx: &Connection, now: Time) -> Result<(), LedgerFault> {
    let found: i64 = tx.query_row("SELECT coalesce(max(version), 0) FROM migrations", [], |row| row.get(0))?;
    let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
    if found > known {
        return Err(LedgerFault::Newer { found, known });
    }
    for migration in MIGRATIONS {
        let stored = tx
            .query_row("SELECT sha256 FROM migrations WHERE version = ?1", [migration.version], |row| row.get::<_, Vec<u8>>(0))
            .optional()?;
        match stored {
            Some(digest) if digest == migration.digest().as_bytes() => {}
            Some(_) => return Err(LedgerFault::OtherMigration { version: migration.version }),
            None => apply(tx, migration, now)?,
        }
    }
    Ok(())
}

fn apply(conn: &Connection, migration: &Migration, now: Time) -> Result<(), LedgerFault> {
    for statements in migration.statements {
        conn.execute_batch(statements)?;
    }
    conn.execute(
        "INSERT INTO migrations (version, name, sha256, at) VALUES (?1, ?2, ?3, ?4)",
        params![migration.version, migration.name, migration.digest().as_bytes(), now.micros()],
    )?;
    Ok(())
}
