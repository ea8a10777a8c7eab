//! The index: tables that follow from the log alone, written in the transaction of the leaf they follow from.

use crate::domain::event::Record;
use rusqlite::Connection;

/// The index's tables, made together with the log's.
pub(super) const TABLES: &str = "";

/// Brings the index up to a leaf that was just written.
///
/// # Errors
/// An error rolls the leaf's command back.
pub(super) fn apply(_conn: &Connection, _record: &Record) -> rusqlite::Result<()> {
    Ok(())
}
