//! `[https]`: where vendors pull by HTTPS, and by which names.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Https {
    pub(super) listen: Vec<SocketAddr>,
    pub(super) hosts: Vec<String>,
}

impl Default for Https {
    fn default() -> Self {
        Self { listen: vec![SocketAddr::from(([127, 0, 0, 1], 8443))], hosts: Vec::new() }
    }
}
