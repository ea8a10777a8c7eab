//! The gateway's private store: the ledger of events and the stored objects. Nothing outside `gateway` can name it.

mod archive;
mod chain;
mod command;
pub mod compare;
mod courses;
mod fault;
pub mod find;
mod head;
mod heads;
pub mod index;
mod ledger;
mod load;
mod objects;
mod rows;
mod schema;
mod shared;
pub mod spool;
mod start;
mod store;
mod tx;
mod view;
mod writer;

pub use archive::Archive;
pub use courses::Courses;
pub use fault::{LedgerFault, LogFault, WriteError};
pub use ledger::Ledger;
pub use objects::{Found, ObjectError, Objects, Shelf, Unfinished};
pub use shared::Witness;
pub use spool::{Message, Wording};
pub use tx::Tx;
pub use view::View;

#[cfg(test)]
mod tests;
