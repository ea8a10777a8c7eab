//! The index against the log: every record is applied to empty tables, and these are compared with the stored ones, row by row.

use super::{archive::Archive, fault::LedgerFault, index};
use rusqlite::{Connection, Row, types::ValueRef};

/// Differing rows that are named. The first ones say what was done.
const NAMED: usize = 20;

/// What differs, in words; empty if the index is what the log says. The replayed tables stand in memory meanwhile.
pub fn index(archive: &Archive) -> Result<Vec<String>, LedgerFault> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(index::TABLES)?;
    fresh.execute_batch("BEGIN")?;
    let mut differences = Differences::default();
    for record in archive.records() {
        let record = record?;
        // Two of one name, which only an edited index lets happen. The rest is compared all the same.
        if let Err(why) = index::apply(&fresh, &record) {
            differences.add(format!("index: leaf {} is at odds with the leaves before it: {why}", record.index));
        }
    }
    fresh.execute_batch("COMMIT")?;
    for (table, ordered) in index::ORDERED {
        differences.table(table, ordered, &fresh, archive.conn())?;
    }
    Ok(differences.told())
}

#[derive(Default)]
struct Differences {
    named: Vec<String>,
    more: usize,
}

impl Differences {
    /// Both sides come in the order of their key, so that one step of each suffices.
    fn table(&mut self, table: &str, ordered: &'static str, fresh: &Connection, stored: &Connection) -> Result<(), LedgerFault> {
        let (mut fresh, mut stored) = (fresh.prepare(ordered)?, stored.prepare(ordered)?);
        let columns: Vec<String> = fresh.column_names().map(str::to_owned).collect();
        let (mut fresh, mut stored) = (fresh.query([])?, stored.query([])?);
        let (mut expected, mut found) = (cells(fresh.next()?)?, cells(stored.next()?)?);
        loop {
            let order = match (&expected, &found) {
                (None, None) => return Ok(()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(expected), Some(found)) => expected.first().cmp(&found.first()),
            };
            match (order, &expected, &found) {
                (std::cmp::Ordering::Less, Some(row), _) => self.add(format!("index: {table} {} is missing", key(row))),
                (std::cmp::Ordering::Greater, _, Some(row)) => {
                    self.add(format!("index: {table} {} was made by no record", key(row)));
                }
                (_, Some(row), Some(other)) if row != other => {
                    let differing = columns.iter().zip(row.iter().zip(other)).filter(|(_, (a, b))| a != b);
                    let names: Vec<&str> = differing.map(|(name, _)| name.as_str()).collect();
                    self.add(format!("index: {table} {} was altered: {}", key(row), names.join(", ")));
                }
                _ => {}
            }
            if order.is_le() {
                expected = cells(fresh.next()?)?;
            }
            if order.is_ge() {
                found = cells(stored.next()?)?;
            }
        }
    }

    fn add(&mut self, difference: String) {
        if self.named.len() < NAMED { self.named.push(difference) } else { self.more += 1 }
    }

    fn told(mut self) -> Vec<String> {
        if self.more > 0 {
            self.named.push(format!("index: {} more rows differ", self.more));
        }
        self.named
    }
}

/// A row as text, blobs in hexadecimal: their order is that of the blobs.
fn cells(row: Option<&Row<'_>>) -> Result<Option<Vec<String>>, LedgerFault> {
    let Some(row) = row else { return Ok(None) };
    let count = row.as_ref().column_count();
    (0..count).map(|i| Ok(text(row.get_ref(i)?))).collect::<Result<_, LedgerFault>>().map(Some)
}

/// Text by its bytes: what somebody wrote into a row need not be UTF-8.
fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "-".into(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => n.to_string(),
        ValueRef::Text(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// An id: ids are UUIDs and digests, so no name of anybody's file is told by it.
fn key(row: &[String]) -> String {
    row.first().map(|key| key.chars().take(64).collect()).unwrap_or_default()
}
