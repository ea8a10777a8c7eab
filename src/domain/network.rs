//! Source networks of vendors: `203.0.113.0/24`, `2001:db8::/32`, or one address.

use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address or network such as \"203.0.113.0/24\"")]
pub struct NotANetwork(String);

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        mask(canonical(address), self.prefix) == Some(self.base)
    }

    /// Its lowest address.
    pub const fn first(&self) -> IpAddr {
        self.base
    }
}

/// An IPv4 address in IPv6's clothes (`::ffff:a.b.c.d`) is the IPv4 address: one peer, one spelling.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn mask(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) if prefix <= 32 => {
            let bits = u32::from(v4).checked_shr(32 - u32::from(prefix)).map_or(0, |high| high << (32 - u32::from(prefix)));
            Some(IpAddr::V4(bits.into()))
        }
        IpAddr::V6(v6) if prefix <= 128 => {
            let bits = u128::from(v6).checked_shr(128 - u32::from(prefix)).map_or(0, |high| high << (128 - u32::from(prefix)));
            Some(IpAddr::V6(bits.into()))
        }
        _ => None,
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let refuse = || NotANetwork(text.chars().take(60).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| refuse())?)),
            None => (text, None),
        };
        let address = canonical(address.parse().map_err(|_| refuse())?);
        let prefix = prefix.unwrap_or(if address.is_ipv4() { 32 } else { 128 });
        let base = mask(address, prefix).ok_or_else(refuse)?;
        // 203.0.113.7/24 names neither an address nor a network: which was meant is not guessed.
        if base == address { Ok(Self { base, prefix }) } else { Err(refuse()) }
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.base.is_ipv4() { 32 } else { 128 };
        if self.prefix == whole { self.base.fmt(f) } else { write!(f, "{}/{}", self.base, self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        assert!(contains("203.0.113.0/24", "203.0.113.255") && !contains("203.0.113.0/24", "203.0.114.0"));
        assert!(contains("0.0.0.0/0", "9.9.9.9") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1") && !contains("2001:db8::/32", "2001:db9::"));
        assert!(contains("127.0.0.1", "::ffff:127.0.0.1"));
    }

    #[test]
    fn host_bits_and_nonsense_are_refused() {
        for bad in ["203.0.113.7/24", "1.2.3.4/33", "::/129", "x", "1.2.3.4/", ""] {
            assert!(bad.parse::<Network>().is_err(), "{bad} passed");
        }
    }
}
