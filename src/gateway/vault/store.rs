//! Connections to the ledger's file: how one is opened, what it must answer before it is used, and the readers' pool.

use super::{
    fault::LedgerFault,
    schema::{self, Identity},
};
use crate::domain::limits::LEDGER_READERS;
use rusqlite::{Connection, OpenFlags, config::DbConfig, types::Value};
use std::{
    fs::{File, OpenOptions},
    ops::Deref,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// A setting, its value, and what SQLite answers when asked for it.
struct Pragma {
    name: &'static str,
    set: &'static str,
    answer: &'static str,
}

const fn pragma(name: &'static str, set: &'static str, answer: &'static str) -> Pragma {
    Pragma { name, set, answer }
}

/// How long a connection waits for another's lock: what `busy_timeout` below says.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// What every connection has. Each is read back: SQLite ignores what it does not understand.
const EVERYWHERE: &[Pragma] = &[
    // In WAL mode NORMAL does not sync at commit: of 200 acknowledged commits a power cut took 200, with FULL none.
    pragma("synchronous", "FULL", "2"),
    pragma("foreign_keys", "ON", "1"),
    pragma("busy_timeout", "5000", "5000"),
    // Freed bytes are overwritten with zeros: a destroyed key is gone from the file.
    pragma("secure_delete", "ON", "1"),
    // Functions in a schema that somebody edited run nothing.
    pragma("trusted_schema", "OFF", "0"),
    // Old pages of a savepoint stay in memory and reach no other file system.
    pragma("temp_store", "MEMORY", "2"),
    pragma("cell_size_check", "ON", "1"),
];

const WRITER: &[Pragma] = &[
    pragma("journal_mode", "WAL", "wal"),
    // The writer checkpoints itself: SQLite's own automatic checkpoint swallows a failed fsync.
    pragma("wal_autocheckpoint", "0", "0"),
];

const READER: &[Pragma] = &[pragma("query_only", "ON", "1")];

/// Views and triggers are none of ours. One that somebody planted (to copy keys on deletion, say) does not run.
const OFF: [DbConfig; 2] = [DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW];

fn settle(conn: &Connection, pragmas: &'static [Pragma]) -> Result<(), LedgerFault> {
    for Pragma { name, set, answer } in pragmas {
        // Some settings answer with their value and some do not; only the second question counts.
        conn.pragma(None, name, set, |_| Ok(()))?;
        let found = match conn.pragma_query_value(None, name, |row| row.get::<_, Value>(0))? {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text,
            other => format!("{other:?}"),
        };
        if found != *answer {
            return Err(LedgerFault::Pragma { name, wanted: answer, found });
        }
    }
    Ok(())
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, LedgerFault> {
    let conn = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    for feature in OFF {
        conn.set_db_config(feature, false)?;
    }
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// The one connection that writes. The file must be a ledger, or blank if one is to be made; nothing else is touched.
pub(super) fn writer(path: &Path, expected: Identity) -> Result<Connection, LedgerFault> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match (schema::identify(&conn, path)?, expected) {
        (Identity::Ledger, Identity::Ledger) | (Identity::Blank, Identity::Blank) => {}
        (Identity::Blank, Identity::Ledger) => {
            return Err(LedgerFault::Foreign { path: path.to_owned(), found: "it is empty" });
        }
        (Identity::Ledger, Identity::Blank) => return Err(LedgerFault::Exists(path.to_owned())),
    }
    settle(&conn, EVERYWHERE)?;
    settle(&conn, WRITER)?;
    Ok(conn)
}

/// A connection to a ledger that cannot write.
pub(super) fn reader(path: &Path) -> Result<Connection, LedgerFault> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if schema::identify(&conn, path)? == Identity::Blank {
        return Err(LedgerFault::Foreign { path: path.to_owned(), found: "it is empty" });
    }
    settle(&conn, EVERYWHERE)?;
    settle(&conn, READER)?;
    Ok(conn)
}

/// Makes an empty file that only its owner reads, unless one is there. SQLite gives its companions the same mode.
pub(super) fn blank(path: &Path) -> Result<(), LedgerFault> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        // Left by a creation that did not finish, or a ledger: the writer looks.
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(LedgerFault::File { what: "the ledger cannot be created", why: Arc::new(e) }),
    }
}

/// Keeps a second daemon out: two writers would sign two histories. Held until dropped; the kernel lets go of it when a process dies.
///
/// On a file of its own, because closing any descriptor of the database would drop SQLite's locks on it.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    pub(super) fn take(ledger: &Path) -> Result<Self, LedgerFault> {
        let path = lock_path(ledger);
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = open.map_err(|e| LedgerFault::File { what: "the ledger's lock file cannot be opened", why: Arc::new(e) })?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerFault::InUse(path)),
            Err(e) => Err(LedgerFault::File { what: "the ledger cannot be locked", why: Arc::new(e.into()) }),
        }
    }
}

fn lock_path(ledger: &Path) -> PathBuf {
    ledger.with_extension("lock")
}

/// A few read-only connections. Who finds none waits.
pub(super) struct Pool {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Pool {
    pub(super) fn open(path: &Path) -> Result<Self, LedgerFault> {
        let idle = (0..LEDGER_READERS).map(|_| reader(path)).collect::<Result<_, _>>()?;
        Ok(Self { idle: Mutex::new(idle), returned: Condvar::new() })
    }

    pub(super) fn lend(&self) -> Lent<'_> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(conn) = idle.pop() {
                return Lent { conn: Some(conn), pool: self };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A reader's connection, given back when dropped.
pub(super) struct Lent<'a> {
    conn: Option<Connection>,
    pool: &'a Pool,
}

impl Deref for Lent<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn.as_ref().expect("the connection is taken only by drop")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.conn.take());
        self.pool.returned.notify_one();
    }
}
