//! What is done before anything is served: the whole log is read once, in order, and must be the one that was signed.

use super::{
    fault::{LedgerFault, LogFault},
    heads::{Heads, Life},
    rows::{self, ReadLeaf},
    shared::Published,
};
use crate::{
    audit::{SignedHead, Tree, Verifier},
    domain::{limits::ROWS_PER_PAGE, time::Time},
};
use rusqlite::Connection;
use std::collections::VecDeque;

/// Reads the log and rebuilds the tree and the heads.
///
/// Of the checkpoints only the newest one's signature is verified: it binds every leaf before it. The others' roots are compared, so that
/// a fault is located; their signatures are `audit verify`'s work.
///
/// # Errors
/// [`LedgerFault::Log`] names the first leaf or checkpoint that is wrong.
pub(super) fn load(conn: &Connection, verifier: &Verifier) -> Result<Published, LedgerFault> {
    // 1. The newest checkpoint is signed by us. Every commit is, so no leaf may follow it and none before it may be missing.
    let head = rows::newest_head(conn)?;
    verifier.verify_head(&head).map_err(LogFault::CheckpointSignature)?;
    let leaves = rows::end(conn)?;
    if leaves > head.size {
        return Err(LogFault::Unsigned { leaves, size: head.size }.into());
    }
    // 2. Every leaf, in order.
    let mut pass = Pass::new(head);
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
    // 3. All of it, and nothing beside it.
    let leaves = pass.published.tree.len();
    if leaves < head.size {
        return Err(LogFault::Truncated { leaves, size: head.size }.into());
    }
    if pass.published.tree.root() != head.root {
        return Err(LogFault::RootMismatch { agreed: pass.agreed, size: head.size }.into());
    }
    if let Some(table) = rows::strays(conn, leaves, pass.details)? {
        return Err(LogFault::Strays { table }.into());
    }
    Ok(pass.published)
}

/// The log must contain the head that was kept beside it.
pub(super) fn extends(conn: &Connection, published: &Published, kept: Option<SignedHead>) -> Result<(), LedgerFault> {
    let Some(kept) = kept else { return Ok(()) };
    let leaves = published.head.size;
    if kept.size > leaves {
        return Err(LogFault::RolledBack { leaves, size: kept.size }.into());
    }
    // Every stored checkpoint's root was compared above: the one of that size is the log's own.
    match rows::heads(conn, kept.size..kept.size.saturating_add(1))?.first() {
        Some(own) if own.root == kept.root => Ok(()),
        _ => Err(LogFault::RolledBack { leaves, size: kept.size }.into()),
    }
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
        let published = Published { tree: Tree::new(), heads: Heads::default(), at: Time::from_micros(i64::MIN), head };
        Self { published, details: 0, due: VecDeque::new(), next_size: 0, agreed: 0 }
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
