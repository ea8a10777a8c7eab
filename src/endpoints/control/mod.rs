//! The control socket: staff ask here, each request signed with the person's own SSH key (docs/control-protocol.md).

#[cfg(test)]
mod matrix_tests;
pub mod protocol;
pub mod request;
mod serve;
mod translate;

pub use serve::{Answering, run};
