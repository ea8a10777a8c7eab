//! Answers: every response that this listener gives, and the fields that each of them carries.

use super::{
    body::FileBody,
    conditions::{Asked, Version},
    listing::{self, Form, STYLE},
    request::Unfit,
};
use crate::{
    domain::{digest::Digest, limits, refusal::Outside, time::Time, vendor_path::VendorPath},
    gateway::{Entry, EntryKind, Opened, Pickup, Refused},
};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use std::{ops::Range, sync::LazyLock};

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// A page of ours loads nothing, runs nothing, sends nothing anywhere, and stands in nobody's frame. Its one style is named by
/// its digest; a browser may save what is linked to, which a bare sandbox would forbid.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Digest::of(STYLE.as_bytes()).as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         sandbox allow-downloads"
    )
});

/// An answer of a status and one line. Equal ones are equal byte for byte.
fn plain(status: StatusCode) -> Response<Body> {
    let text = format!("{} {}\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    set(&mut answer, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    guarded(answer)
}

fn set(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    // Names come from the tree and are percent-encoded; digits and digests are what they are.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// What every answer says to browsers and caches.
fn guarded(mut answer: Response<Body>) -> Response<Body> {
    set(&mut answer, header::CONTENT_SECURITY_POLICY, &POLICY);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The answer after which the connection ends.
pub(super) fn last(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// The one answer to whoever is not let in, whatever the reason.
pub(super) fn unauthorized() -> Response<Body> {
    let mut answer = last(plain(StatusCode::UNAUTHORIZED));
    set(&mut answer, header::WWW_AUTHENTICATE, "Bearer");
    answer
}

pub(super) fn try_later() -> Response<Body> {
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE);
    set(&mut answer, header::RETRY_AFTER, &limits::HTTPS_RETRY_AFTER.as_secs().to_string());
    answer
}

pub(super) fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND)
}

/// Nothing of the request's body has been read: what follows on the connection is nobody's.
pub(super) fn unfit(why: Unfit) -> Response<Body> {
    let mut answer = last(plain(why.status()));
    if why == Unfit::Method {
        set(&mut answer, header::ALLOW, "GET, HEAD");
    }
    answer
}

pub(super) fn refused(refused: &Refused) -> Response<Body> {
    if let Refused::Fault(fault) = refused {
        tracing::error!(%fault, "a vendor's request could not be answered");
    }
    match refused.outside() {
        Outside::NoSuchFile => not_found(),
        Outside::Denied => plain(StatusCode::FORBIDDEN),
        Outside::TryLater | Outside::TooMany => last(try_later()),
    }
}

/// A place, listed or served.
pub(super) async fn of(pickup: &Pickup, place: &VendorPath, method: &Method, headers: &HeaderMap) -> Response<Body> {
    let answered = match place {
        VendorPath::File(..) => file(pickup, place, method, headers).await,
        VendorPath::Root | VendorPath::Ticket(_) | VendorPath::Delivery(..) => directory(pickup, place, headers),
    };
    answered.unwrap_or_else(|why| refused(&why))
}

fn directory(pickup: &Pickup, place: &VendorPath, headers: &HeaderMap) -> Result<Response<Body>, Refused> {
    let entries = pickup.list(place)?;
    let (text, kind) = match Form::of(headers) {
        Form::Page => (listing::page(place, &entries), "text/html; charset=utf-8"),
        Form::Document => (listing::document(place, &entries), "application/json"),
    };
    let mut answer = Response::new(Body::from(text));
    set(&mut answer, header::CONTENT_TYPE, kind);
    set(&mut answer, header::VARY, "Accept");
    Ok(guarded(answer))
}

async fn file(pickup: &Pickup, place: &VendorPath, method: &Method, headers: &HeaderMap) -> Result<Response<Body>, Refused> {
    if method == Method::HEAD {
        return Ok(described(&pickup.stat(place)?, method, headers).0);
    }
    let opened = pickup.open(place)?;
    match described(opened.entry(), method, headers) {
        (answer, Some(range)) => served(answer, opened, range).await,
        (answer, None) => Ok(answer),
    }
}

/// The bytes. The record of the transfer's beginning is durable before the first of them.
async fn served(answer: Response<Body>, opened: Opened, range: Range<u64>) -> Result<Response<Body>, Refused> {
    let download = opened.begin().await?;
    Ok(answer.map(|_| Body::new(FileBody::new(download, range))))
}

/// Everything but the bytes, and which of them are to follow.
fn described(entry: &Entry, method: &Method, headers: &HeaderMap) -> (Response<Body>, Option<Range<u64>>) {
    let (EntryKind::File, Some(sha256)) = (entry.kind, entry.sha256) else { return (not_found(), None) };
    let version = Version { bytes: entry.size, sha256, modified: entry.modified };
    let (status, range) = match version.asked(method, headers) {
        Asked::Whole => (StatusCode::OK, 0..entry.size),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::OutOfRange => {
            let mut answer = plain(StatusCode::RANGE_NOT_SATISFIABLE);
            set(&mut answer, header::CONTENT_RANGE, &format!("bytes */{}", entry.size));
            return (answer, None);
        }
        Asked::OtherVersion => return (plain(StatusCode::PRECONDITION_FAILED), None),
        Asked::NotModified => {
            let mut answer = guarded(Response::new(Body::empty()));
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            set(&mut answer, header::ETAG, &version.etag());
            set(&mut answer, header::LAST_MODIFIED, &http_date(entry.modified));
            return (answer, None);
        }
    };
    let mut answer = guarded(Response::new(Body::empty()));
    *answer.status_mut() = status;
    if status == StatusCode::PARTIAL_CONTENT {
        let of = format!("bytes {}-{}/{}", range.start, range.end - 1, entry.size);
        set(&mut answer, header::CONTENT_RANGE, &of);
    }
    let name = listing::encoded(&entry.name);
    for (field, value) in [
        (header::CONTENT_TYPE, kind(&entry.name).to_owned()),
        (header::CONTENT_LENGTH, (range.end - range.start).to_string()),
        // RFC 6266: percent-encoded, so that no name of a file can end the field.
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, version.etag()),
        (header::LAST_MODIFIED, http_date(entry.modified)),
        // RFC 9530: of the whole file, whatever part of it is sent.
        (REPR_DIGEST, format!("sha-256=:{}:", STANDARD.encode(sha256.as_bytes()))),
    ] {
        set(&mut answer, field, &value);
    }
    (answer, Some(range).filter(|range| !range.is_empty()))
}

fn kind(name: &str) -> &'static str {
    match name {
        "MANIFEST.json" => "application/json",
        "SHA256SUMS" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// `Sat, 21 Nov 2026 10:15:00 GMT` (RFC 9110 section 5.6.7).
pub(super) fn http_date(time: Time) -> String {
    let at = jiff::Timestamp::from_second(time.seconds()).unwrap_or_default();
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A directory's path as links have it.
pub(super) fn path_of(place: &VendorPath) -> String {
    let path = listing::encoded(&place.to_string());
    if path.ends_with('/') { path } else { format!("{path}/") }
}
