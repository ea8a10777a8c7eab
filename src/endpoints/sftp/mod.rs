//! SFTP for vendors: a read-only tree of what was released to them, over SSH with public keys. Nothing else is there: no
//! shell, no command, no forwarding, no writing.
//!
//! `transport` sets the SSH layer up, `greeting` overhears what was agreed, `conversation` is what a client may say when,
//! `frames` and `request` parse, `service` answers through the vendor's `Pickup`, `answer` writes, `session` owns it all.

mod answer;
mod conversation;
mod frames;
mod greeting;
mod handles;
mod request;
mod service;
mod session;
#[cfg(test)]
mod tests;
mod transport;

pub use transport::{Ciphers, Transport, UnfitHostKey};

use super::listener::{self, Entrance};
use crate::gateway::{Door, Rejected};
use std::io;
use tokio::sync::watch;

/// Serves vendors at `entrance` until the daemon drains, then until the last session has ended: at
/// most [`limits::DRAIN`](crate::domain::limits::DRAIN) and a farewell later. A connection keeps the transport that it
/// began with; the next one begins with whatever stands in `transport` then.
pub async fn run(entrance: Entrance, door: Door, transport: watch::Receiver<Transport>) {
    let turned_away = |address| door.note_rejected(address, Rejected::TooMany);
    let attend = |arrival| session::attend(arrival, door.clone(), transport.borrow().clone());
    listener::run(entrance, turned_away, attend).await;
}

/// How a client broke the protocol. The connection is over; nothing that the client sent is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Violation {
    #[error("a packet of no bytes or of too many")]
    PacketLength,
    #[error("a packet ends within a field")]
    Truncated,
    #[error("something said when it may not be")]
    OutOfTurn,
    #[error("more requests than may wait")]
    TooManyRequests,
    #[error("more keys than may be offered")]
    TooManyKeys,
    #[error("a breach of the SSH protocol")]
    Ssh,
}

/// Why russh gave a session up.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Violation(#[from] Violation),
    #[error(transparent)]
    Ssh(#[from] russh::Error),
}

/// Whether the peer did something wrong, rather than go away. `ConnectionAborted` is what our own stream says to a peer that
/// has used its allowance or greets like nothing we know; whoever severs knows that it did.
fn is_breach(error: &russh::Error) -> bool {
    match error {
        russh::Error::IO(error) => error.kind() == io::ErrorKind::ConnectionAborted,
        russh::Error::Disconnect
        | russh::Error::HUP
        | russh::Error::ConnectionTimeout
        | russh::Error::KeepaliveTimeout
        | russh::Error::InactivityTimeout
        | russh::Error::SendError => false,
        _ => true,
    }
}
