//! The internal listener: whether the daemon lives, whether vendors are served, and metrics. For the machine's own monitoring, on
//! listeners of its own: no vendor's route is here, and none of these is on a vendors' listener.

mod routes;
mod serve;
#[cfg(test)]
mod tests;

pub use serve::{Listener, run};

use super::listener::Running;
use crate::gateway::Observer;
use tokio::sync::watch;

/// What the routes look at.
#[derive(Clone)]
pub struct Watched {
    /// None while the gateway is being opened: the log is read, what a crash left is mended.
    pub gateway: watch::Receiver<Option<Observer>>,
    /// Whether vendors may still come.
    pub vendors: watch::Receiver<Running>,
}
