//! The log's rows as a verifier takes them, from a running ledger or from a copied directory.

use super::{
    fault::LedgerFault,
    rows::{self, StoredLeaf},
    store,
};
use crate::{
    audit::{Row, SignedHead},
    domain::event::Record,
};
use rusqlite::Connection;
use std::{path::Path, vec};

/// A ledger's file that nobody serves: a copy, or what is left of a machine.
///
/// It is opened read-only and nothing in it is changed. If the copy has a `-wal` file, the commits in it are part of the log and are read from there; it is
/// neither merged nor removed. SQLite keeps its index of it in a `-shm` file beside it, so the directory must be writable; what is to stay untouched as
/// evidence is copied first. A `-wal` file that was left behind in copying takes the newest commits with it: the log then ends at an older checkpoint, which
/// only an outside checkpoint shows.
pub struct Archive {
    conn: Connection,
}

impl Archive {
    /// # Errors
    /// [`LedgerFault::Missing`], [`LedgerFault::Foreign`], or the database's.
    pub fn open(path: &Path) -> Result<Self, LedgerFault> {
        if !path.is_file() {
            return Err(LedgerFault::Missing(path.to_owned()));
        }
        let conn = store::reader(path)?;
        // One state for all that is read, even if somebody writes to it after all.
        conn.execute_batch("BEGIN")?;
        Ok(Self { conn })
    }

    pub const fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Every record, oldest first, each checked against its own hash and commitment.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, LedgerFault>> + '_ {
        Rows::new(&self.conn, u64::MAX).map_stored(|stored| Ok(stored.read()?.record))
    }

    /// Every stored row of the log and every checkpoint, for [`crate::audit::verify`].
    pub fn log(&self) -> (Rows<'_>, Heads<'_>) {
        (Rows::new(&self.conn, u64::MAX), Heads::new(&self.conn, u64::MAX))
    }
}

/// Stored leaves by index, as they are: nothing is checked.
pub struct Rows<'a> {
    conn: &'a Connection,
    page: vec::IntoIter<StoredLeaf>,
    next: u64,
    end: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(conn: &'a Connection, end: u64) -> Self {
        Self { conn, page: Vec::new().into_iter(), next: 0, end }
    }

    fn stored(&mut self) -> Result<Option<StoredLeaf>, LedgerFault> {
        if self.page.len() == 0 && self.next < self.end {
            self.page = rows::page(self.conn, self.next..self.end)?.into_iter();
            self.next = self.page.as_slice().last().map_or(self.end, |last| last.index + 1);
        }
        Ok(self.page.next())
    }

    fn map_stored<T>(
        mut self,
        read: impl Fn(StoredLeaf) -> Result<T, LedgerFault> + 'a,
    ) -> impl Iterator<Item = Result<T, LedgerFault>> + 'a
    where
        T: 'a,
    {
        std::iter::from_fn(move || self.stored().transpose().map(|stored| read(stored?)))
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, LedgerFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.stored().and_then(|stored| Ok(stored.map(StoredLeaf::into_row).transpose()?)).transpose()
    }
}

/// Stored checkpoints by size, as they are.
pub struct Heads<'a> {
    conn: &'a Connection,
    page: vec::IntoIter<SignedHead>,
    next: u64,
    end: u64,
}

impl<'a> Heads<'a> {
    pub(super) fn new(conn: &'a Connection, end: u64) -> Self {
        Self { conn, page: Vec::new().into_iter(), next: 0, end }
    }

    fn step(&mut self) -> Result<Option<SignedHead>, LedgerFault> {
        if self.page.len() == 0 && self.next < self.end {
            self.page = rows::heads(self.conn, self.next..self.end)?.into_iter();
            self.next = self.page.as_slice().last().map_or(self.end, |last| last.size + 1);
        }
        Ok(self.page.next())
    }
}

impl Iterator for Heads<'_> {
    type Item = Result<SignedHead, LedgerFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
