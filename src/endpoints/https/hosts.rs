//! The names that this listener answers to: a request for any other is somebody else's.

use std::{fmt, net::IpAddr};

/// A host's name or address, without a port. `*.example.com` stands for one label more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host(Kind);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Kind {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host: a name such as \"gateway.example.com\" or an address, without a port")]
pub struct NotAHost(String);

impl Host {
    pub const fn address(address: IpAddr) -> Self {
        Self(Kind::Address(address))
    }

    pub fn parse(text: &str) -> Result<Self, NotAHost> {
        let refuse = || NotAHost(text.chars().take(80).collect());
        let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::address(address));
        }
        let labels = text.strip_prefix("*.").unwrap_or(text);
        let label = |label: &str| !label.is_empty() && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
        if labels.len() > 253 || !labels.split('.').all(label) {
            return Err(refuse());
        }
        Ok(Self(Kind::Name(text.to_ascii_lowercase())))
    }

    /// What a `Host` field says (RFC 9110 section 7.2), its port left out: one may come through a port that is forwarded.
    pub fn of_field(field: &str) -> Option<Self> {
        let (host, port) = match field.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                address.parse::<std::net::Ipv6Addr>().ok()?;
                (address, rest.strip_prefix(':').or(rest.is_empty().then_some("0"))?)
            }
            None => field.split_once(':').unwrap_or((field, "0")),
        };
        port.parse::<u16>().ok().filter(|_| port.bytes().all(|c| c.is_ascii_digit()))?;
        Self::parse(host).ok().filter(|host| !host.is_pattern())
    }

    fn is_pattern(&self) -> bool {
        matches!(&self.0, Kind::Name(name) if name.starts_with("*."))
    }

    /// Whether a request for `asked` is for this one.
    pub fn answers_to(&self, asked: &Self) -> bool {
        match (&self.0, &asked.0) {
            (Kind::Name(pattern), Kind::Name(name)) => match pattern.strip_prefix("*.") {
                Some(parent) => name.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => pattern == name,
            },
            (ours, asked) => ours == asked,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Name(name) => f.write_str(name),
            Kind::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_field_is_read_with_and_without_its_port_and_nothing_else_is() {
        let asked = |field| Host::of_field(field).map(|host| host.to_string());
        for (field, host) in [
            ("Gateway.example:8443", "gateway.example"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[::1]:8443", "::1"),
            ("[::1]", "::1"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(asked(field).as_deref(), Some(host), "{field}");
        }
        for field in ["", "a b", "a:b", "a:99999", "a:+1", "user@a", "a/b", "[::1", "::1", "*.example", "a..b", "[a]", "a,b", "é"]
        {
            assert_eq!(asked(field), None, "{field}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let answers = |ours: &str, asked: &str| Host::parse(ours).unwrap().answers_to(&Host::of_field(asked).unwrap());
        assert!(answers("*.example.com", "a.example.com") && answers("A.example", "a.EXAMPLE:443"));
        assert!(!answers("*.example.com", "example.com") && !answers("*.example.com", "a.b.example.com"));
        assert!(!answers("127.0.0.1", "127.0.0.2") && !answers("localhost", "127.0.0.1"));
    }
}
