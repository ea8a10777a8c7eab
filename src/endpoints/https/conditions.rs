//! Conditions and ranges of a request (RFC 9110 sections 13 and 14): what of a file is asked for, if anything.

use super::answer::http_date;
use crate::domain::{digest::Digest, time::Time};
use http::{HeaderMap, HeaderValue, Method, header};
use std::ops::Range;

/// A file as conditions see it.
pub(super) struct Version {
    pub(super) bytes: u64,
    pub(super) sha256: Digest,
    pub(super) modified: Time,
}

/// What is to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    Whole,
    /// One range of it, half-open, not empty.
    Part(Range<u64>),
    /// It has no byte of what was asked.
    OutOfRange,
    /// The client has it already.
    NotModified,
    /// The client wants another version, which is not there.
    OtherVersion,
}

impl Version {
    /// A strong validator: the digest of the bytes as served.
    pub(super) fn etag(&self) -> String {
        format!("\"{}\"", self.sha256)
    }

    /// What the request asks of this version, in the order of RFC 9110 section 13.2.2.
    pub(super) fn asked(&self, method: &Method, headers: &HeaderMap) -> Asked {
        let field = |name| one(headers, name);
        match (headers.contains_key(header::IF_MATCH), field(header::IF_UNMODIFIED_SINCE)) {
            (true, _) if !self.is_among(headers, &header::IF_MATCH, Comparison::Strong) => return Asked::OtherVersion,
            (false, Some(date)) if seconds(date).is_some_and(|date| self.modified.seconds() > date) => {
                return Asked::OtherVersion;
            }
            _ => {}
        }
        match (headers.contains_key(header::IF_NONE_MATCH), field(header::IF_MODIFIED_SINCE)) {
            (true, _) if self.is_among(headers, &header::IF_NONE_MATCH, Comparison::Weak) => return Asked::NotModified,
            (false, Some(date)) if seconds(date).is_some_and(|date| self.modified.seconds() <= date) => {
                return Asked::NotModified;
            }
            _ => {}
        }
        if method != Method::GET {
            return Asked::Whole;
        }
        let Some(range) = field(header::RANGE) else { return Asked::Whole };
        match headers.contains_key(header::IF_RANGE) {
            true if !field(header::IF_RANGE).is_some_and(|validator| self.is(validator)) => Asked::Whole,
            _ => part(range, self.bytes),
        }
    }

    /// A strong ETag, or the very date that we gave.
    fn is(&self, validator: &str) -> bool {
        validator == self.etag() || validator == http_date(self.modified)
    }

    fn is_among(&self, headers: &HeaderMap, name: &header::HeaderName, comparison: Comparison) -> bool {
        let ours = self.etag();
        let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
        lists.flat_map(|list| list.split(',')).map(str::trim).any(|tag| {
            let tag = match comparison {
                Comparison::Weak => tag.strip_prefix("W/").unwrap_or(tag),
                Comparison::Strong => tag,
            };
            tag == "*" || tag == ours
        })
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

/// A field that stands once. Twice it says nothing.
fn one(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut fields = headers.get_all(name).iter().map(HeaderValue::to_str);
    match (fields.next(), fields.next()) {
        (Some(Ok(field)), None) => Some(field.trim()),
        _ => None,
    }
}

/// Seconds since 1970 of a date in the one format that is written today (RFC 9110 section 5.6.7).
fn seconds(date: &str) -> Option<i64> {
    let broken = jiff::fmt::strtime::BrokenDownTime::parse("%a, %d %b %Y %H:%M:%S GMT", date).ok()?;
    broken.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

/// One range of bytes. What is none of ours to read, and more than one range, is answered by the whole (RFC 9110 section 14.2).
fn part(range: &str, bytes: u64) -> Asked {
    let Some((unit, spec)) = range.split_once('=') else { return Asked::Whole };
    let Some((from, to)) = spec.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes")) else {
        return Asked::Whole;
    };
    let number = |digits: &str| -> Option<u64> {
        let plain = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
        // One that is beyond counting is beyond every file.
        plain.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    match (number(from), number(to)) {
        (Some(from), None) if to.is_empty() && from < bytes => Asked::Part(from..bytes),
        (Some(from), Some(to)) if from <= to && from < bytes => Asked::Part(from..to.saturating_add(1).min(bytes)),
        (None, Some(last)) if from.is_empty() && last > 0 && bytes > 0 => Asked::Part(bytes.saturating_sub(last)..bytes),
        (Some(_), None) if to.is_empty() => Asked::OutOfRange,
        (Some(from), Some(to)) if from <= to => Asked::OutOfRange,
        (None, Some(_)) if from.is_empty() => Asked::OutOfRange,
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version { bytes: 100, sha256: Digest::of(b"x"), modified: Time::from_micros(1_795_255_200_500_000) }
    }

    fn asked(fields: &[(&'static str, &str)]) -> Asked {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        version().asked(&Method::GET, &headers)
    }

    #[test]
    fn one_range_is_answered_by_itself_and_everything_else_by_the_whole_or_not_at_all() {
        for (range, answer) in [
            ("bytes=0-", Asked::Part(0..100)),
            ("bytes=0-0", Asked::Part(0..1)),
            ("BYTES = 10-19", Asked::Part(10..20)),
            ("bytes=90-1000", Asked::Part(90..100)),
            ("bytes=99-99999999999999999999999", Asked::Part(99..100)),
            ("bytes=-7", Asked::Part(93..100)),
            ("bytes=-1000", Asked::Part(0..100)),
            ("bytes=100-", Asked::OutOfRange),
            ("bytes=99999999999999999999999-", Asked::OutOfRange),
            ("bytes=100-200", Asked::OutOfRange),
            ("bytes=-0", Asked::OutOfRange),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=5-4", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("nonsense", Asked::Whole),
        ] {
            assert_eq!(asked(&[("range", range)]), answer, "{range}");
        }
        assert_eq!(asked(&[("range", "bytes=1-2"), ("range", "bytes=3-4")]), Asked::Whole);
    }

    #[test]
    fn a_range_of_another_version_is_the_whole_of_this_one() {
        let (etag, date) = (version().etag(), http_date(version().modified));
        let range = ("range", "bytes=1-2");
        assert_eq!(asked(&[range, ("if-range", &etag)]), Asked::Part(1..3));
        assert_eq!(asked(&[range, ("if-range", &date)]), Asked::Part(1..3));
        for other in [&format!("W/{etag}"), "\"other\"", "Mon, 01 Jan 2035 00:00:00 GMT", ""] {
            assert_eq!(asked(&[range, ("if-range", other)]), Asked::Whole, "{other}");
        }
    }

    #[test]
    fn who_has_it_gets_it_not_again_and_who_wants_another_gets_none() {
        let (etag, date) = (version().etag(), http_date(version().modified));
        for (name, value, answer) in [
            ("if-none-match", etag.as_str(), Asked::NotModified),
            ("if-none-match", &format!("\"a\", W/{etag}"), Asked::NotModified),
            ("if-none-match", "*", Asked::NotModified),
            ("if-none-match", "\"a\"", Asked::Whole),
            ("if-modified-since", &date, Asked::NotModified),
            ("if-modified-since", "Mon, 01 Jan 2035 00:00:00 GMT", Asked::NotModified),
            ("if-modified-since", "Wed, 01 Jan 2020 00:00:00 GMT", Asked::Whole),
            ("if-modified-since", "yesterday", Asked::Whole),
            ("if-match", &etag, Asked::Whole),
            ("if-match", &format!("W/{etag}"), Asked::OtherVersion),
            ("if-match", "\"a\"", Asked::OtherVersion),
            ("if-unmodified-since", &date, Asked::Whole),
            ("if-unmodified-since", "Wed, 01 Jan 2020 00:00:00 GMT", Asked::OtherVersion),
        ] {
            assert_eq!(asked(&[(name, value)]), answer, "{name}: {value}");
        }
        assert_eq!(asked(&[("if-none-match", "\"a\""), ("if-modified-since", &date)]), Asked::Whole);
    }

    #[test]
    fn a_range_is_nothing_to_head() {
        let mut headers = HeaderMap::new();
        headers.insert("range", "bytes=1-2".parse().unwrap());
        assert_eq!(version().asked(&Method::HEAD, &headers), Asked::Whole);
    }
}
