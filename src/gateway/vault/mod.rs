//! The gateway's private store: the ledger of events and the stored objects. Nothing outside `gateway` can name it.

mod archive;
mod cache;
mod chain;
mod command;
mod fault;
mod heads;
mod index;
mod ledger;
mod load;
mod rows;
mod schema;
mod shared;
mod store;
mod tx;
mod view;
mod writer;

#[cfg(test)]
mod tests;
