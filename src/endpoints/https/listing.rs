//! A directory as vendors see it: a page for people, a document for programs.

use super::answer::path_of;
use crate::{
    domain::{digest::Digest, shown::grouped, vendor_path::VendorPath},
    gateway::{Entry, EntryKind},
};
use http::{HeaderMap, header};
use serde::Serialize;
use std::fmt::Write;

/// How a listing is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Page,
    Document,
}

impl Form {
    /// What the client would rather have (RFC 9110 section 12.5.1). Whoever takes either is a program.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let accepted: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|field| field.to_str().ok()).collect();
        if quality(&accepted, "text", "html") > quality(&accepted, "application", "json") { Self::Page } else { Self::Document }
    }
}

/// The weight of the most specific range that names the type, in thousandths.
fn quality(accepted: &[&str], main: &str, sub: &str) -> u32 {
    let mut best = (0, 0);
    for range in accepted.iter().flat_map(|field| field.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let Some((theirs, kind)) = parts.next().and_then(|name| name.split_once('/')) else { continue };
        let specific = match (theirs.eq_ignore_ascii_case(main), kind.eq_ignore_ascii_case(sub)) {
            (true, true) => 3,
            (true, false) if kind == "*" => 2,
            (false, _) if theirs == "*" && kind == "*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1_000, |q| q.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1_000.0) as u32));
        if specific > best.0 {
            best = (specific, weight);
        }
    }
    best.1
}

/// The document: `docs/vendor.md` says what stands in it.
#[derive(Serialize)]
struct Document<'a> {
    listing: u32,
    path: String,
    entries: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    kind: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    released_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
}

pub(super) fn document(place: &VendorPath, entries: &[Entry]) -> Vec<u8> {
    let line = |entry: &Entry| (entry.kind == EntryKind::File).then_some(entry.size);
    let entries = entries.iter().map(|entry| Line {
        name: &entry.name,
        kind: match entry.kind {
            EntryKind::Directory => "directory",
            EntryKind::File => "file",
        },
        path: below(place, entry),
        bytes: line(entry),
        released_at: entry.modified.to_string(),
        sha256: entry.sha256,
    });
    let document = Document { listing: 1, path: path_of(place), entries: entries.collect() };
    let mut text = serde_json::to_vec_pretty(&document).expect("a listing is strings and numbers");
    text.push(b'\n');
    text
}

fn below(place: &VendorPath, entry: &Entry) -> String {
    let path = format!("{}/{}", place.to_string().trim_end_matches('/'), entry.name);
    let slash = if entry.kind == EntryKind::Directory { "/" } else { "" };
    format!("{}{slash}", encoded(&path))
}

/// A path for a link: everything but unreserved characters and slashes is percent-encoded (RFC 3986 section 2.3).
pub(super) fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.bytes() {
        match c {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(c as char),
            _ => drop(write!(out, "%{c:02X}")),
        }
    }
    out
}

/// All the style there is. The answer's policy allows these very bytes and no others.
pub(super) const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #8886;\
    vertical-align:top}td:nth-child(2),th:nth-child(2){text-align:right;white-space:nowrap}code{overflow-wrap:anywhere}";

/// The page: no script, nothing fetched from anywhere, readable on every screen.
pub(super) fn page(place: &VendorPath, entries: &[Entry]) -> Vec<u8> {
    let name = escaped(&place.to_string());
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
    );
    if let Some(up) = parent(place) {
        let _ = writeln!(out, "<p><a href=\"{}\">Up</a></p>", path_of(&up));
    }
    if entries.is_empty() {
        out.push_str("<p>There is nothing for you to fetch at the moment.</p>\n");
    } else {
        out.push_str("<table>\n<tr><th>Name</th><th>Bytes</th><th>Released (UTC)</th></tr>\n");
        for entry in entries {
            let (link, name) = (below(place, entry), escaped(&entry.name));
            let bytes = match entry.kind {
                EntryKind::File => grouped(entry.size),
                EntryKind::Directory => String::new(),
            };
            let released = minute(&entry.modified.to_string());
            let _ = writeln!(out, "<tr><td><a href=\"{link}\">{name}</a></td><td>{bytes}</td><td>{released}</td></tr>");
        }
        out.push_str("</table>\n");
        if matches!(place, VendorPath::Delivery(..)) {
            out.push_str(
                "<p>The files are encrypted to your own keys. Check them with <code>sha256sum -c SHA256SUMS</code>, \
                 decrypt them with <code>age -d -i YOUR-IDENTITY</code>.</p>\n",
            );
        }
    }
    out.push_str("</body>\n</html>\n");
    out.into_bytes()
}

/// `2026-11-21 15:57` of `2026-11-21T15:57:51Z`.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

fn parent(place: &VendorPath) -> Option<VendorPath> {
    match place {
        VendorPath::Root => None,
        VendorPath::Ticket(_) => Some(VendorPath::Root),
        VendorPath::Delivery(ticket, _) => Some(VendorPath::Ticket(*ticket)),
        VendorPath::File(ticket, delivery, _) => Some(VendorPath::Delivery(*ticket, *delivery)),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Time;

    fn form(accept: &str) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Form::of(&headers)
    }

    #[test]
    fn people_get_a_page_and_programs_a_document() {
        let firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(form(firefox), Form::Page);
        for program in ["*/*", "application/json", "text/html;q=0.5, application/json", "text/html;q=0", "", "nonsense"] {
            assert_eq!(form(program), Form::Document, "{program}");
        }
        assert_eq!(form("text/*"), Form::Page);
        assert_eq!(Form::of(&HeaderMap::new()), Form::Document);
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!(minute("2026-11-21T15:57:51Z"), "2026-11-21 15:57");
    }

    #[test]
    fn a_hostile_name_is_neither_markup_nor_another_place() {
        let place = VendorPath::parse(b"/EGR-2026-0001/0001").unwrap();
        let name = "<script>alert('\"')</script>&?#%2e.csv";
        let entry = Entry {
            name: name.into(),
            kind: EntryKind::File,
            size: 1,
            modified: Time::from_micros(0),
            sha256: Some(Digest::of(b"")),
        };
        let page = String::from_utf8(page(&place, std::slice::from_ref(&entry))).unwrap();
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
        let link = page.split("href=\"").nth(2).unwrap().split('"').next().unwrap();
        let target: http::Uri = link.parse().unwrap();
        assert!(target.query().is_none());
        let document: serde_json::Value = serde_json::from_slice(&document(&place, &[entry])).unwrap();
        assert_eq!(document["entries"][0]["name"], name);
        assert_eq!(document["entries"][0]["path"], link);
    }
}
