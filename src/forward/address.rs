//! Where a destination is: `unix:/dev/log`, `udp://host:port`, `tcp://host:port`.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where a destination is, and so how it is spoken to. A host's name is looked up at each connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A socket of this machine. Which of the two kinds it is, is found out at each connection.
    Unix(PathBuf),
    /// One message, one datagram (RFC 5426).
    Udp { host: String, port: u16 },
    /// Messages counted in octets (RFC 6587 section 3.4.1).
    Tcp { host: String, port: u16 },
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text:?} is no destination: unix:/dev/log, udp://HOST:PORT or tcp://HOST:PORT (an IPv6 address in brackets)")]
pub struct BadAddress {
    text: String,
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress { text: text.chars().take(80).collect() };
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Self::Unix(path.into())) } else { Err(bad()) };
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let (host, port) = rest.rsplit_once(':').ok_or_else(bad)?;
        let port: u16 = port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let well = match inner {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')),
        };
        let host = inner.unwrap_or(host).to_owned();
        match (scheme, well) {
            ("udp", true) => Ok(Self::Udp { host, port }),
            ("tcp", true) => Ok(Self::Tcp { host, port }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Udp { host, port } => write!(f, "udp://{}:{port}", bracketed(host)),
            Self::Tcp { host, port } => write!(f, "tcp://{}:{port}", bracketed(host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_as_it_is_written() {
        for text in ["unix:/dev/log", "udp://127.0.0.1:514", "tcp://siem.example.org:6514", "tcp://[2001:db8::1]:601"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "unix:dev/log",
            "/dev/log",
            "tcp://siem",
            "tcp://siem:0",
            "tcp://:514",
            "tls://siem:6514",
            "udp://a b:514",
            "tcp://[siem]:514",
            "tcp://2001:db8::1:601",
            "tcp://siem:514/x",
            "tcp://user@siem:514",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
