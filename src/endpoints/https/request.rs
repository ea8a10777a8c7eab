//! What may be asked: GET and HEAD of a place, of one of our hosts, with nothing in the body.

use super::{hosts::Host, listing::encoded};
use crate::domain::vendor_path::VendorPath;
use http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts};

/// Why a request is not even looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unfit {
    Method,
    /// It has a body, or says how its body is encoded. Nothing is read of it.
    Body,
    Encoded,
    /// No host, two, or one that is none.
    Host,
    /// A host that is not this one.
    Misdirected,
}

impl Unfit {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Host => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        }
    }
}

/// Whether this is a request that is answered at all.
pub(super) fn fit(request: &Parts, ours: &[Host]) -> Result<(), Unfit> {
    let headers = &request.headers;
    if request.method != Method::GET && request.method != Method::HEAD {
        return Err(Unfit::Method);
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Unfit::Encoded);
    }
    let empty = |field: &http::HeaderValue| field.as_bytes() == b"0";
    if headers.contains_key(header::TRANSFER_ENCODING) || !headers.get_all(header::CONTENT_LENGTH).iter().all(empty) {
        return Err(Unfit::Body);
    }
    let asked = host(&request.uri, headers).ok_or(Unfit::Host)?;
    if ours.iter().any(|ours| ours.answers_to(&asked)) { Ok(()) } else { Err(Unfit::Misdirected) }
}

/// The host that is asked: of the field, which has to be there once, and of the target where that has one too
/// (RFC 9112 sections 3.2 and 3.2.2). Two different ones are nobody's.
fn host(target: &Uri, headers: &HeaderMap) -> Option<Host> {
    let mut fields = headers.get_all(header::HOST).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else { return None };
    let host = Host::of_field(field.to_str().ok()?)?;
    match target.authority() {
        None => Some(host),
        Some(authority) => (Host::of_field(authority.as_str())? == host).then_some(host),
    }
}

/// The place that is asked for, if it is written as our listings link to it: one spelling is one place. A slash may end a directory's.
pub(super) fn place(target: &Uri) -> Option<VendorPath> {
    if target.query().is_some() {
        return None;
    }
    let path = target.path();
    let place = VendorPath::parse(&decoded(path)?).ok()?;
    let spelled = encoded(&place.to_string());
    let is_directory = matches!(place, VendorPath::Ticket(_) | VendorPath::Delivery(..));
    let slashed = is_directory && path.strip_suffix('/') == Some(&spelled);
    (path == spelled || slashed).then_some(place)
}

/// Percent-decoded once (RFC 3986 section 2.1). A separator in disguise is none.
fn decoded(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&c, tail)) = rest.split_first() {
        rest = tail;
        if c != b'%' {
            bytes.push(c);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        let nibble = |digit: u8| char::from(digit).to_digit(16);
        let byte = u8::try_from(nibble(digits[0])? << 4 | nibble(digits[1])?).ok()?;
        if byte == b'/' {
            return None;
        }
        bytes.push(byte);
        rest = tail;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(target: &str) -> Option<String> {
        place(&target.parse().ok()?).map(|place| place.to_string())
    }

    #[test]
    fn a_place_has_one_spelling_and_nothing_leads_out_of_the_tree() {
        assert_eq!(at("/").as_deref(), Some("/"));
        assert_eq!(at("/EGR-2026-0001").as_deref(), Some("/EGR-2026-0001"));
        assert_eq!(at("/EGR-2026-0001/0001/").as_deref(), Some("/EGR-2026-0001/0001"));
        assert_eq!(at("/EGR-2026-0001/0001/a%20b.csv.age").as_deref(), Some("/EGR-2026-0001/0001/a b.csv.age"));
        assert_eq!(at("/EGR-2026-0001/0001/%C3%A9%281%29.csv.age").as_deref(), Some("/EGR-2026-0001/0001/é(1).csv.age"));
        assert_eq!(at("/EGR-2026-0001/0001/%252e").as_deref(), Some("/EGR-2026-0001/0001/%2e"), "decoded once");
        for target in [
            "//",
            "/./",
            "/..",
            "/../",
            "/%2e%2e/",
            "/EGR-2026-0001/../EGR-2026-0001",
            "/EGR-2026-0001/%2e",
            "/EGR-2026-0001//0001",
            "/EGR-2026-0001%2f0001",
            "/EGR-2026-0001/0001/a%00b",
            "/EGR-2026-0001/0001/a%0ab",
            "/EGR-2026-0001/0001/a/",
            "/EGR-2026-0001/0001/%ff",
            "/EGR-2026-0001/0001/%2",
            "/EGR-2026-0001/0001/%zz",
            "/EGR-2026-0001?x=1",
            "/%45GR-2026-0001",
            "/EGR%2d2026-0001",
            "/EGR%2D2026-0001",
            "/EGR-2026-0001/0001/%61.csv.age",
            "/EGR-2026-0001/0001/a%7e.csv.age",
            "/EGR-2026-0001/0001/%c3%a9.csv.age",
            "/EGR-2026-0001/0001/a(1).csv.age",
            "/..;/EGR-2026-0001",
            "*",
        ] {
            assert_eq!(at(target), None, "{target}");
        }
    }

    fn asked(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Result<(), Unfit> {
        let request = build(http::Request::builder().uri("/")).body(()).unwrap();
        fit(&request.into_parts().0, &[Host::parse("gateway.example").unwrap()])
    }

    #[test]
    fn only_get_and_head_without_a_body_for_one_of_our_hosts_are_answered() {
        let host = |b: http::request::Builder| b.header("host", "gateway.example:8443");
        assert_eq!(asked(host), Ok(()));
        assert_eq!(asked(|b| host(b).method("HEAD").header("content-length", "0")), Ok(()));
        assert_eq!(asked(|b| host(b).uri("https://gateway.example/")), Ok(()));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"] {
            assert_eq!(asked(|b| host(b).method(method)), Err(Unfit::Method), "{method}");
        }
        assert_eq!(asked(|b| host(b).header("content-encoding", "gzip")), Err(Unfit::Encoded));
        assert_eq!(asked(|b| host(b).header("content-encoding", "")), Err(Unfit::Encoded));
        assert_eq!(asked(|b| host(b).header("content-length", "3")), Err(Unfit::Body));
        assert_eq!(asked(|b| host(b).header("content-length", "0").header("content-length", "3")), Err(Unfit::Body));
        assert_eq!(asked(|b| host(b).header("transfer-encoding", "chunked")), Err(Unfit::Body));
        assert_eq!(asked(|b| b), Err(Unfit::Host));
        assert_eq!(asked(|b| host(b).header("host", "gateway.example")), Err(Unfit::Host));
        assert_eq!(asked(|b| b.header("host", "169.254.169.254")), Err(Unfit::Misdirected));
        assert_eq!(asked(|b| host(b).uri("https://other.example/")), Err(Unfit::Host));
    }
}
