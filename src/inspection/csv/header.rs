//! The header line against the approved columns: equal, or each difference by its name.

use crate::domain::limits::NAME_COMPARISONS;
use crate::inspection::{
    finding::{Finding, FindingCode, Place},
    spelling::{meant, plain},
};
use std::collections::{HashMap, HashSet};

/// The column names of a header record: RFC 4180 fields without their quotes, doubled quotes made single.
///
/// What is not well formed was already reported; here it is read as well as it can be.
pub(super) fn names(record: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = Vec::new();
    let mut quoted = false;
    let mut bytes = record.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if !quoted => quoted = true,
            b'"' if bytes.next_if_eq(&b'"').is_some() => name.push(b'"'),
            b'"' => quoted = false,
            b',' if !quoted => names.push(text(&mut name)),
            other => name.push(other),
        }
    }
    names.push(text(&mut name));
    names
}

fn text(name: &mut Vec<u8>) -> String {
    String::from_utf8_lossy(&std::mem::take(name)).into_owned()
}

/// Every difference between the file's columns and the approved ones.
///
/// A file without a header begins with a row of data. So when no column is an approved one, not even in another
/// spelling, nothing of that line is repeated: it may hold values.
pub(super) fn compare(header: &[String], approved: &[String]) -> Vec<Finding> {
    let known: HashSet<&str> = approved.iter().map(String::as_str).collect();
    let present: HashSet<&str> = header.iter().map(String::as_str).collect();
    let spelt_otherwise: HashSet<String> = approved.iter().map(|name| plain(name)).filter(|name| !name.is_empty()).collect();
    if !header.iter().any(|name| known.contains(name.as_str()) || spelt_otherwise.contains(&plain(name))) {
        return vec![missing(approved)];
    }
    let absent: Vec<&str> = approved.iter().map(String::as_str).filter(|name| !present.contains(name)).collect();
    let unknown: Vec<(usize, &str)> =
        header.iter().enumerate().map(|(i, name)| (i, name.as_str())).filter(|(_, name)| !known.contains(name)).collect();

    let mut findings = repeated(header);
    findings.extend(differing(&unknown, &absent));
    findings.extend(out_of_order(header, approved, &known));
    findings
}

/// The first line is no header, or none that was read.
pub(super) fn missing(approved: &[String]) -> Finding {
    Finding::whole_file(FindingCode::HeaderMissing).expected(approved.join(", "))
}

fn column(index: usize) -> Place {
    Place::header(Some(index as u64 + 1))
}

fn repeated(header: &[String]) -> Vec<Finding> {
    let mut first = HashMap::new();
    let mut findings = Vec::new();
    for (i, name) in header.iter().enumerate() {
        if let Some(before) = first.insert(name.as_str(), i) {
            first.insert(name, before);
            findings.push(Finding::new(FindingCode::ColumnRepeated, column(i)).found(name));
        }
    }
    findings
}

/// Pairs each unknown column with the missing one that it probably is; the rest is not approved, or missing.
fn differing(unknown: &[(usize, &str)], absent: &[&str]) -> Vec<Finding> {
    let mut unmatched: Vec<&str> = absent.to_vec();
    let mut findings = Vec::new();
    let few = unknown.len().saturating_mul(absent.len()) <= NAME_COMPARISONS;
    for &(i, name) in unknown {
        findings.push(match few.then(|| meant(name, &unmatched)).flatten() {
            Some(meant) => {
                unmatched.retain(|other| *other != meant);
                Finding::new(FindingCode::ColumnRenamed, column(i)).expected(meant).found(name)
            }
            None => Finding::new(FindingCode::ColumnNotApproved, column(i)).found(name),
        });
    }
    findings.extend(unmatched.iter().map(|name| Finding::new(FindingCode::ColumnMissing, Place::header(None)).expected(name)));
    findings
}

/// Columns that both have, where their orders part.
fn out_of_order(header: &[String], approved: &[String], known: &HashSet<&str>) -> Vec<Finding> {
    let mut seen = HashSet::new();
    let ours: Vec<(usize, &str)> = header
        .iter()
        .enumerate()
        .map(|(i, name)| (i, name.as_str()))
        .filter(|(_, name)| known.contains(name) && seen.insert(*name))
        .collect();
    let theirs = approved.iter().map(String::as_str).filter(|name| seen.contains(name));
    ours.iter()
        .zip(theirs)
        .filter(|((_, found), expected)| found != expected)
        .map(|((i, found), expected)| Finding::new(FindingCode::ColumnOutOfOrder, column(*i)).expected(expected).found(found))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn differences(header: &[&str], approved: &[&str]) -> Vec<String> {
        let findings = compare(&strings(header), &strings(approved));
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        findings.iter().map(|f| format!("{:?} {}>{}", f.code, part(&f.expected), part(&f.found))).collect()
    }

    #[test]
    fn an_equal_header_has_no_finding() {
        assert!(differences(&["id", "country"], &["id", "country"]).is_empty());
    }

    #[test]
    fn each_difference_has_its_name() {
        assert_eq!(differences(&["id"], &["id", "country"]), ["ColumnMissing country>"]);
        assert_eq!(differences(&["id", "ssn"], &["id"]), ["ColumnNotApproved >ssn"]);
        assert_eq!(differences(&["id", "Country "], &["id", "country"]), ["ColumnRenamed country>Country "]);
        assert_eq!(
            differences(&["id", "contry", "ssn"], &["id", "country"]),
            ["ColumnRenamed country>contry", "ColumnNotApproved >ssn"]
        );
        assert_eq!(differences(&["b", "a", "c"], &["a", "b", "c"]), ["ColumnOutOfOrder a>b", "ColumnOutOfOrder b>a"]);
        assert_eq!(differences(&["a", "b", "a"], &["a", "b"]), ["ColumnRepeated >a"]);
    }

    #[test]
    fn a_file_without_a_header_shows_none_of_its_values() {
        assert_eq!(differences(&["17", "alice@example.com"], &["id", "email"]), ["HeaderMissing id, email>"]);
    }

    #[test]
    fn a_header_of_thousands_of_strangers_is_compared_in_bounded_work() {
        let header: Vec<String> = (0..4_096).map(|i| format!("stranger_{i}")).chain(["a0".to_owned()]).collect();
        let approved: Vec<String> = (0..1_000).map(|i| format!("a{i}")).collect();
        assert_eq!(compare(&header, &approved).len(), 4_096 + 999);
    }

    #[test]
    fn names_lose_their_quotes_and_keep_what_stands_inside() {
        assert_eq!(names(b"a,\"b,c\",\"d\"\"e\",\"f\ng\","), ["a", "b,c", "d\"e", "f\ng", ""]);
    }
}
