//! What is done before anything is served: the log is read in order, from its beginning or from where a start may begin, and must be the one
//! that was signed.

use super::{
    courses::{Courses, Step},
    fault::{LedgerFault, LogFault},
    heads::{self, Heads, Life},
    rows::{self, ReadLeaf},
    shared::Published,
};
use crate::{
    audit::{SignedHead, Tree, Verifier},
    domain::{limits::ROWS_PER_PAGE, time::Time},
};
use rusqlite::Connection;
use std::collections::VecDeque;

/// Reads the log and rebuilds the tree, the heads and the courses: from `begin` on where that leads to the newest checkpoint, and all of it
/// otherwise, so that what is wrong is located as ever.
///
/// # Errors
/// [`LedgerFault::Log`] names the first leaf or checkpoint that is wrong.
pub(super) fn load(
    conn: &Connection,
    verifier: &Verifier,
    begin: impl FnOnce(SignedHead) -> Option<Published>,
) -> Result<Published, LedgerFault> {
    let head = newest(conn, verifier)?;
    if let Some(begin) = begin(head) {
        let from = begin.tree.len();
        match read(conn, Pass::from(begin)) {
            Ok(pass) => return Ok(pass.published),
            Err(fault) => {
                tracing::warn!(from, %fault, "the log does not go on from where the start would begin: it is read whole")
            }
        }
    }
    let pass = read(conn, Pass::new(head))?;
    // Whoever reads everything also notices what is too much.
    match rows::strays(conn, pass.published.tree.len(), pass.details)? {
        Some(table) => Err(LogFault::Strays { table }.into()),
        None => Ok(pass.published),
    }
}

/// The newest checkpoint. It is signed by us; every commit is, so no leaf may follow it.
///
/// Of the checkpoints only the newest one's signature is verified: it binds every leaf before it. The others' roots are compared, so that
/// a fault is located; their signatures are `audit verify`'s work.
///
/// # Errors
/// [`LedgerFault::Log`] names the first leaf or checkpoint that is wrong.
fn newest(conn: &Connection, verifier: &Verifier) -> Result<SignedHead, LedgerFault> {
    let head = rows::newest_head(conn)?;
    verifier.verify_head(&head).map_err(LogFault::CheckpointSignature)?;
    let leaves = rows::end(conn)?;
    if leaves > head.size {
        return Err(LogFault::Unsigned { leaves, size: head.size }.into());
    }
    Ok(head)
}

fn read(conn: &Connection, mut pass: Pass) -> Result<Pass, LedgerFault> {
    let head = pass.published.head;
    // 1. Every leaf, in order.
    loop {
        let page = rows::page(conn, pass.published.tree.len()..u64::MAX)?;
        if page.is_empty() {
            break;
        }
        for row in page {
            let expected = pass.published.tree.len();
            if row.index != expected {
                return Err(LogFault::HashMissing { index: expected }.into());
            }
            pass.leaf(row.read()?)?;
            pass.compare(conn)?;
        }
    }
    // 2. All of it.
    let leaves = pass.published.tree.len();
    if leaves < head.size {
        return Err(LogFault::Truncated { leaves, size: head.size }.into());
    }
    if pass.published.tree.root() != head.root {
        return Err(LogFault::RootMismatch { agreed: pass.agreed, size: head.size }.into());
    }
    Ok(pass)
}

/// The log must contain the head that was kept beside it.
pub(super) fn extends(conn: &Connection, published: &Published, kept: Option<SignedHead>) -> Result<(), LedgerFault> {
    let Some(kept) = kept else { return Ok(()) };
    let leaves = published.head.size;
    if kept.size > leaves {
        return Err(LogFault::RolledBack { leaves, size: kept.size }.into());
    }
    // Of the tree in memory, and of no stored checkpoint: of those before the place where this start began none was compared. Hashes that
    // somebody edited give another root.
    let own = published.tree.subtree(0..kept.size, |range| rows::hashes(conn, range))?;
    if own == kept.root { Ok(()) } else { Err(LogFault::RolledBack { leaves, size: kept.size }.into()) }
}

struct Pass {
    published: Published,
    details: u64,
    /// Checkpoints that are still to be compared, and where the next page of them begins.
    due: VecDeque<SignedHead>,
    next_size: u64,
    /// The last size at which a checkpoint agreed.
    agreed: u64,
}

impl Pass {
    fn new(head: SignedHead) -> Self {
        Self::from(Published {
            tree: Tree::new(),
            heads: Heads::default(),
            courses: Courses::default(),
            at: Time::from_micros(i64::MIN),
            rules: None,
            head,
        })
    }

    fn from(published: Published) -> Self {
        let size = published.tree.len();
        Self { published, details: 0, due: VecDeque::new(), next_size: size, agreed: size }
    }

    fn leaf(&mut self, leaf: ReadLeaf) -> Result<(), LedgerFault> {
        let ReadLeaf { record, prev, hash, .. } = leaf;
        let published = &mut self.published;
        if prev != published.heads.get(record.on) {
            return Err(LogFault::WrongPrev { index: record.index }.into());
        }
        published.heads.set(record.on, record.index, Life::after(record.on, &record.event, prev));
        published.tree.push(hash);
        published.at = published.at.max(record.at);
        published.rules = heads::rules(record.index, &record.event).or(published.rules);
        published.courses.take(record.on, Step::of(&record.event));
        self.details += u64::from(record.detail.is_some());
        Ok(())
    }

    /// Compares the root with the checkpoint of this size, if there is one.
    fn compare(&mut self, conn: &Connection) -> Result<(), LedgerFault> {
        let size = self.published.tree.len();
        loop {
            if self.due.is_empty() && self.next_size <= size {
                self.due = rows::heads(conn, self.next_size..u64::MAX)?.into();
                self.next_size = match self.due.back() {
                    Some(last) if self.due.len() as u64 == ROWS_PER_PAGE => last.size + 1,
                    _ => u64::MAX,
                };
            }
            match self.due.pop_front_if(|due| due.size <= size) {
                Some(due) if due.size < size => {}
                Some(due) if due.root == self.published.tree.root() => self.agreed = size,
                Some(_) => return Err(LogFault::RootMismatch { agreed: self.agreed, size }.into()),
                None => return Ok(()),
            }
        }
    }
}
