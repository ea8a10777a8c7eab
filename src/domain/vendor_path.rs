//! What a vendor may name over SFTP and HTTPS: the one parser of paths at the wire.

use super::{
    ids::{DeliveryNumber, TicketNumber},
    limits,
};
use std::fmt;

/// A place in a vendor's tree `/<ticket>/<delivery>/<file>`. Purely a name: it says nothing about whether the place
/// exists, and it never becomes a path of the host.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum VendorPath {
    Root,
    Ticket(TicketNumber),
    Delivery(TicketNumber, DeliveryNumber),
    File(TicketNumber, DeliveryNumber, String),
}

/// No place of any vendor's tree has this name. Outside it looks like a place that does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no such path")]
pub struct NoSuchPath;

impl VendorPath {
    /// Parses an absolute path, or one relative to `/`. Empty components, `.` and `..` are resolved by their names
    /// alone; `..` above the root stays at the root. Components are UTF-8 without controls. No file has a `*` or `?` in its name: a client
    /// that asks whether a pattern is a name asks for nothing that could be.
    pub fn parse(path: &[u8]) -> Result<Self, NoSuchPath> {
        if path.len() > limits::VENDOR_PATH_BYTES {
            return Err(NoSuchPath);
        }
        let text = std::str::from_utf8(path).map_err(|_| NoSuchPath)?;
        if text.chars().any(char::is_control) {
            return Err(NoSuchPath);
        }
        let mut components: Vec<&str> = Vec::new();
        for component in text.split('/') {
            match component {
                "" | "." => {}
                ".." => drop(components.pop()),
                name => components.push(name),
            }
        }
        match *components.as_slice() {
            [] => Ok(Self::Root),
            [ticket] => Ok(Self::Ticket(number(ticket)?)),
            [ticket, delivery] => Ok(Self::Delivery(number(ticket)?, number(delivery)?)),
            [ticket, delivery, name] if name.len() <= limits::VENDOR_FILE_NAME_BYTES && !name.contains(['*', '?']) => {
                Ok(Self::File(number(ticket)?, number(delivery)?, name.to_owned()))
            }
            _ => Err(NoSuchPath),
        }
    }

    /// The last component: what a listing shows. `/` for the root.
    pub fn name(&self) -> String {
        match self {
            Self::Root => "/".to_owned(),
            Self::Ticket(ticket) => ticket.to_string(),
            Self::Delivery(_, delivery) => delivery.to_string(),
            Self::File(_, _, name) => name.clone(),
        }
    }
}

fn number<T: std::str::FromStr>(component: &str) -> Result<T, NoSuchPath> {
    component.parse().map_err(|_| NoSuchPath)
}

/// The one canonical spelling, which parses back to the same place.
impl fmt::Display for VendorPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("/"),
            Self::Ticket(ticket) => write!(f, "/{ticket}"),
            Self::Delivery(ticket, delivery) => write!(f, "/{ticket}/{delivery}"),
            Self::File(ticket, delivery, name) => write!(f, "/{ticket}/{delivery}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(path: &str) -> String {
        VendorPath::parse(path.as_bytes()).map_or_else(|e| e.to_string(), |p| p.to_string())
    }

    #[test]
    fn every_spelling_of_a_place_has_the_same_canonical_form() {
        let file = "/EGR-2026-0042/0001/orders.csv.age";
        for spelling in [
            file,
            "EGR-2026-0042/0001/orders.csv.age",
            "//EGR-2026-0042///0001/./orders.csv.age/",
            "/EGR-2026-0042/0002/../0001/orders.csv.age",
            "/../../EGR-2026-0042/0001/orders.csv.age",
            "/nowhere/../EGR-2026-0042/0001/orders.csv.age",
        ] {
            assert_eq!(canonical(spelling), file, "{spelling}");
        }
    }

    #[test]
    fn going_up_from_the_root_stays_at_the_root() {
        for spelling in ["", "/", ".", "..", "/../..", "/EGR-2026-0042/..", "/EGR-2026-0042/../../../.."] {
            assert_eq!(VendorPath::parse(spelling.as_bytes()), Ok(VendorPath::Root), "{spelling}");
        }
    }

    #[test]
    fn what_is_no_ticket_no_delivery_or_too_deep_is_no_path() {
        for path in [
            "/etc",
            "/etc/passwd",
            "/egr-2026-0042",
            "/EGR-2026-00042",
            "/EGR-2026-0042/1",
            "/EGR-2026-0042/0000",
            "/EGR-2026-0042/0001/a/b",
            "/EGR-2026-0042/0001/*",
            "/EGR-2026-0042/0001/orders?.csv.age",
            "/EGR-2026-0042/0001/a\nb",
            "/EGR-2026-0042/0001/a\0b",
            "/EGR-2026-0042/0001/a\u{85}b",
            "/EGR-2026-0042\0/0001",
            "\\EGR-2026-0042",
        ] {
            assert_eq!(VendorPath::parse(path.as_bytes()), Err(NoSuchPath), "{path:?}");
        }
        assert_eq!(VendorPath::parse(b"/EGR-2026-0042/0001/\xff"), Err(NoSuchPath));
    }

    #[test]
    fn long_paths_and_names_are_refused_at_their_limits() {
        let name = |length| format!("/EGR-2026-0042/0001/{}", "n".repeat(length));
        assert!(VendorPath::parse(name(limits::VENDOR_FILE_NAME_BYTES).as_bytes()).is_ok());
        assert!(VendorPath::parse(name(limits::VENDOR_FILE_NAME_BYTES + 1).as_bytes()).is_err());
        assert!(VendorPath::parse("/".repeat(limits::VENDOR_PATH_BYTES).as_bytes()).is_ok());
        assert!(VendorPath::parse("/".repeat(limits::VENDOR_PATH_BYTES + 1).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_parses_is_printed_as_something_that_parses_to_the_same(path in "(/|\\.|EGR-2026-0042|0001|[a-z.]{1,4}){0,9}") {
            if let Ok(place) = VendorPath::parse(path.as_bytes()) {
                prop_assert_eq!(VendorPath::parse(place.to_string().as_bytes()), Ok(place));
            }
        }
    }
}
