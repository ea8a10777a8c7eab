//! Checks over a file's bytes: pushed in by the caller in any pieces, findings out. No I/O, no clock, no will.
//!
//! The caller builds an [`Expectation`] from the approved revision, pushes the whole file through an [`Inspector`] and
//! decides what the [`Inspected`] means. Memory is bounded whatever the file's shape. What is not understood is not
//! inspected: [`Format`] knows only what is supported, and the caller holds the rest.

mod csv;
mod finding;
mod manifest;
pub mod sample;
mod spelling;
mod text;

pub use finding::{Finding, FindingCode, NotAFindingCode, Place};
pub use manifest::{Manifest, ManifestError};

use crate::domain::digest::{Digest, Hasher};
use csv::CsvCheck;
use finding::Findings;
use serde::{Deserialize, Serialize};
use text::Utf8Check;

/// The formats that are understood. There is no "other": what is not here cannot be expected, hence not released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180.
    Csv,
}

impl Format {
    /// The format by its name in a ticket.
    pub fn parse(text: &str) -> Option<Self> {
        (text == "csv").then_some(Self::Csv)
    }

    /// The format by a file's name. `data.csv.gz` is not CSV.
    pub fn of_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        (!stem.is_empty() && extension.eq_ignore_ascii_case("csv")).then_some(Self::Csv)
    }
}

/// What the approved revision says about a file, and what its producer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    pub format: Format,
    /// The approved fields' names, in the ticket's order.
    pub columns: Vec<String>,
    pub min_rows: Option<u64>,
    pub max_rows: Option<u64>,
    pub max_bytes: Option<u64>,
    pub manifest: Option<Manifest>,
}

/// What was found in a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Inspected {
    pub sha256: Digest,
    pub bytes: u64,
    /// Data rows, without the header and empty lines.
    pub rows: u64,
    /// At most `limits::FINDINGS_PER_FILE`: those about the whole file, then by their places.
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub more_findings: u64,
}

impl Inspected {
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }
}

/// One file's inspection. The result does not depend on how the file is cut into chunks.
pub struct Inspector {
    expectation: Expectation,
    hasher: Hasher,
    bytes: u64,
    utf8: Utf8Check,
    csv: CsvCheck,
    findings: Findings,
}

impl Inspector {
    pub fn new(expectation: Expectation) -> Self {
        let csv = match expectation.format {
            Format::Csv => CsvCheck::new(expectation.columns.clone()),
        };
        let (utf8, findings) = (Utf8Check::default(), Findings::default());
        Self { expectation, hasher: Hasher::new(), bytes: 0, utf8, csv, findings }
    }

    /// Takes the file's next bytes.
    pub fn update(&mut self, chunk: &[u8]) {
        // In pieces that stay in the processor's nearest cache, since three passes read each of them.
        for piece in chunk.chunks(PIECE) {
            self.hasher.update(piece);
            self.bytes += piece.len() as u64;
            let findings = &mut self.findings;
            self.utf8.update(piece, &mut |bad| findings.add(not_utf8(bad)));
            self.csv.update(piece, findings);
        }
    }

    /// Ends the file: what only the whole of it can show.
    pub fn finish(self) -> Inspected {
        let Self { expectation, hasher, bytes, utf8, csv, mut findings } = self;
        utf8.finish(&mut |bad| findings.add(not_utf8(bad)));
        let sha256 = hasher.finish();
        let rows = if bytes == 0 {
            findings.add(Finding::whole_file(FindingCode::EmptyFile));
            0
        } else {
            csv.finish(&mut findings)
        };
        expectation.against_totals(sha256, bytes, rows).for_each(|finding| findings.add(finding));
        let (findings, more_findings) = findings.into_parts();
        Inspected { sha256, bytes, rows, findings, more_findings }
    }
}

/// Bytes that all passes read before the next ones: half of a common first-level data cache.
const PIECE: usize = 16 * 1024;

fn not_utf8(bad: text::IllFormed) -> Finding {
    Finding::new(FindingCode::NotUtf8, Place { byte: Some(bad.byte), line: Some(bad.line), ..Place::default() })
}

impl Expectation {
    fn against_totals(&self, sha256: Digest, bytes: u64, rows: u64) -> impl Iterator<Item = Finding> {
        let fewest = self.min_rows.unwrap_or(1);
        let too_few = (rows < fewest && bytes > 0).then(|| {
            let code = if rows == 0 { FindingCode::NoRows } else { FindingCode::TooFewRows };
            Finding::whole_file(code).expected(format_args!("at least {fewest}")).found(rows)
        });
        let too_many = self
            .max_rows
            .filter(|&most| rows > most)
            .map(|most| Finding::whole_file(FindingCode::TooManyRows).expected(format_args!("at most {most}")).found(rows));
        let too_large = self
            .max_bytes
            .filter(|&most| bytes > most)
            .map(|most| Finding::whole_file(FindingCode::TooLarge).expected(format_args!("at most {most} bytes")).found(bytes));
        let claimed = self.manifest.as_ref();
        let other_digest = claimed.and_then(|m| m.sha256).filter(|&claimed| claimed != sha256);
        let other_digest =
            other_digest.map(|claimed| Finding::whole_file(FindingCode::ManifestDigest).expected(claimed).found(sha256));
        let other_rows = claimed.and_then(|m| m.rows).filter(|&claimed| claimed != rows);
        let other_rows = other_rows.map(|claimed| Finding::whole_file(FindingCode::ManifestRows).expected(claimed).found(rows));
        [too_few, too_many, too_large, other_digest, other_rows].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
