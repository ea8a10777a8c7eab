//! `[internal]`: where the machine's own monitoring connects.

use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Internal {
    listen: Vec<String>,
}

impl Default for Internal {
    fn default() -> Self {
        Self { listen: vec!["127.0.0.1:9464".into()] }
    }
}

/// Where the machine's own monitoring connects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InternalAddress {
    Tcp(SocketAddr),
    /// `unix:run/internal.sock`
    Unix(PathBuf),
}

impl std::fmt::Display for InternalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Internal {
    pub(super) fn addresses(&self, base: &Path) -> Result<Vec<InternalAddress>, String> {
        let address = |text: &String| match text.strip_prefix("unix:") {
            Some(path) => Ok(InternalAddress::Unix(base.join(path))),
            None => text.parse().map(InternalAddress::Tcp).map_err(|_| {
                format!("internal.listen: {text:?} is neither an address with a port, like 127.0.0.1:9464, nor unix:PATH")
            }),
        };
        self.listen.iter().map(address).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_address_is_an_address_or_a_socket() {
        let at = |text: &str| Internal { listen: vec![text.into()] }.addresses(Path::new("/etc"));
        assert_eq!(at("[::1]:9464").unwrap(), [InternalAddress::Tcp("[::1]:9464".parse().unwrap())]);
        assert_eq!(at("unix:run/i.sock").unwrap(), [InternalAddress::Unix("/etc/run/i.sock".into())]);
        assert!(at("localhost").unwrap_err().contains("localhost"));
    }
}
