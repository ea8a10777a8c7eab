//! What is told to others: each event as a syslog message, to each configured destination, in the log's order, at least once.
//!
//! Words are put at the event's own time and spooled by the gateway; here they are carried. Each destination has a task, a cursor and a pace
//! of its own: one that is dead or stopped delays nobody but itself.

mod address;
pub mod catalogue;
mod link;
mod message;
mod pause;
mod sender;

pub use address::{Address, BadAddress};
pub use message::{DOCUMENTATION_ENTERPRISE, Speaker, sequence_id};
pub use sender::{Destination, Running, run};
