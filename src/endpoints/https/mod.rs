//! HTTPS for vendors: the same read-only tree as over SFTP, over HTTP/1.1 and TLS 1.3, with a certificate or a token.
//!
//! `tls` sets the TLS layer up, `certificate` judges a client's, `session` owns a connection, `who` says who its peer is,
//! `target` hears fragments, `request` is what may be asked, `conditions` and `listing` how it is answered, `body` how a file's bytes leave.

mod answer;
mod body;
mod certificate;
mod conditions;
mod hosts;
mod listing;
mod request;
mod session;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod who;

pub use certificate::{Unfit, pin};
pub use hosts::{Host, NotAHost};
pub use tls::{Tls, UnfitCertificate};

use super::listener::{self, Entrance};
use crate::gateway::{Door, Rejected};
use tokio::sync::watch;

/// Serves vendors at `entrance` until the daemon drains, then until the last session has ended.
///
/// Each connection begins with the newest value of `tls`: another certificate counts from the next connection on.
pub async fn run(entrance: Entrance, door: Door, tls: watch::Receiver<Tls>) {
    let turned_away = |address| door.note_rejected(address, Rejected::TooMany);
    let attend = |arrival| session::attend(arrival, door.clone(), tls.borrow().clone());
    listener::run(entrance, turned_away, attend).await;
}
