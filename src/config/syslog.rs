//! `[syslog]`: to whom every event is told, in whose name, and how much may wait for them.

use crate::{
    domain::{ids::Slug, limits},
    forward::{Address, DOCUMENTATION_ENTERPRISE, Destination, Speaker},
    gateway::{Announcements, Spool, Told, WhenFull},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    app: String,
    facility: String,
    enterprise: u32,
    spool_max_mb: u32,
    when_full: Full,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destination: Vec<DestinationTable>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Full {
    Keep,
    StopEgress,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DestinationTable {
    name: Slug,
    to: String,
    #[serde(default = "datagram_bytes")]
    datagram_bytes: usize,
}

const fn datagram_bytes() -> usize {
    2_048
}

impl Default for Document {
    fn default() -> Self {
        Self {
            hostname: None,
            app: "egressd".into(),
            facility: "local0".into(),
            enterprise: DOCUMENTATION_ENTERPRISE,
            spool_max_mb: 1_024,
            when_full: Full::Keep,
            destination: Vec::new(),
        }
    }
}

/// Who is told, and in whose name.
#[derive(Clone, Debug)]
pub struct Syslog {
    pub destinations: Vec<Destination>,
    facility: syslog::Facility,
    hostname: String,
    spool: Spool,
    app: String,
    enterprise: u32,
}

impl Document {
    /// # Errors
    /// What makes no sense, with the name of its key.
    pub(super) fn read(&self) -> Result<Syslog, String> {
        let facility = self.facility.parse().map_err(|()| {
            format!(
                "syslog.facility: {:?} is none of kern, user, daemon, auth, authpriv, audit, local0 … local7, …",
                self.facility
            )
        })?;
        if self.spool_max_mb == 0 {
            return Err("syslog.spool_max_mb must be at least 1".into());
        }
        if self.destination.len() > limits::SYSLOG_DESTINATIONS {
            return Err(format!("syslog.destination: more than {}", limits::SYSLOG_DESTINATIONS));
        }
        let mut destinations: Vec<Destination> = Vec::new();
        for DestinationTable { name, to, datagram_bytes } in &self.destination {
            let located = |what: &str| format!("syslog.destination {name}: {what}");
            if destinations.iter().any(|other| other.name == *name) {
                return Err(located("two destinations have this name"));
            }
            if !(480..=65_507).contains(datagram_bytes) {
                return Err(located("datagram_bytes must be 480 (RFC 5424 section 6.1) to 65507"));
            }
            let address: Address = to.parse().map_err(|error: crate::forward::BadAddress| located(&error.to_string()))?;
            destinations.push(Destination { name: name.clone(), address, datagram_bytes: *datagram_bytes });
        }
        let when_full = match self.when_full {
            Full::Keep => WhenFull::Keep,
            Full::StopEgress => WhenFull::StopEgress,
        };
        Ok(Syslog {
            destinations,
            facility,
            hostname: self.hostname.clone().unwrap_or_else(nodename),
            spool: Spool { most_bytes: u64::from(self.spool_max_mb) << 20, when_full },
            app: self.app.clone(),
            enterprise: self.enterprise,
        })
    }
}

/// What the machine calls itself.
fn nodename() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl Syslog {
    /// What the gateway has to know of it. None: nobody is told.
    pub fn announcements(&self) -> Option<Announcements> {
        let speaker = Speaker::new(self.facility, &self.hostname, &self.app, self.enterprise);
        let told = |destination: &Destination| Told { name: destination.name.clone(), to: destination.address.to_string() };
        let destinations: Vec<Told> = self.destinations.iter().map(told).collect();
        let wording = Arc::new(move |record: &_, hash: &_| speaker.message(record, hash));
        (!destinations.is_empty()).then_some(Announcements { wording, destinations, spool: self.spool })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Syslog, String> {
        toml::from_str::<Document>(text).map_err(|error| error.to_string())?.read()
    }

    #[test]
    fn nobody_is_told_unless_somebody_is_named() {
        assert!(read("").unwrap().announcements().is_none());
        let syslog = read("[[destination]]\nname = \"siem\"\nto = \"tcp://siem.example.org:6514\"\n").unwrap();
        assert_eq!(syslog.destinations[0].datagram_bytes, 2_048);
        assert_eq!(syslog.announcements().unwrap().destinations[0].to, "tcp://siem.example.org:6514");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        let one = |name: &str, to: &str| format!("[[destination]]\nname = \"{name}\"\nto = \"{to}\"\n");
        for (text, says) in [
            ("facility = \"local9\"".to_owned(), "syslog.facility"),
            ("spool_max_mb = 0".to_owned(), "spool_max_mb"),
            ("when_full = \"drop\"".to_owned(), "drop"),
            (one("siem", "tls://siem:6514"), "syslog.destination siem"),
            (one("Siem", "udp://siem:514"), "Siem"),
            (one("siem", "udp://a:514") + &one("siem", "udp://b:514"), "two destinations"),
            (one("siem", "udp://a:514") + "datagram_bytes = 100", "datagram_bytes"),
            (one("siem", "udp://a:514") + "severity = 3", "severity"),
            ((0..17).map(|n| one(&format!("d{n}"), "udp://a:514")).collect(), "more than 16"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
