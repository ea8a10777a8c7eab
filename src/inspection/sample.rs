//! A look at a sample of a file, for the draft of a request: its columns' names, and how many values of each look like what.
//! Values are counted, never kept.

mod kind;
mod shapes;

use super::{
    csv::values::Values,
    finding::{Finding, FindingCode, Place},
};
use crate::domain::{
    form::draft::{Column, Extent, Sample},
    limits,
    ticket::FieldType,
};
use std::collections::BTreeSet;

/// Why a file gives no sample.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSampled {
    #[error("{0} is not inspected yet, and what is not inspected does not leave: so far CSV only")]
    Format(&'static str),
    #[error("{}", in_words(.0))]
    Found(Finding),
    #[error(
        "the first line holds data instead of the columns' names (column {column} looks like a value): begin the file with a header line"
    )]
    NoHeader { column: usize },
}

fn in_words(finding: &Finding) -> String {
    let place = finding.place.to_string();
    let at = if place.is_empty() { place } else { format!(" ({place})") };
    format!("{}{at}: {} {}", finding.code, finding.code.means(), finding.code.fix())
}

/// Whether the sampler has seen enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appetite {
    More,
    Enough,
}

/// Takes a CSV file's first bytes in any pieces, up to [`limits::SAMPLE_ROWS`] rows and [`limits::SAMPLE_BYTES`] bytes.
#[derive(Debug)]
pub struct Sampler {
    values: Values,
    seen: Seen,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Seen {
    columns: Vec<Column>,
    rows: u64,
    /// The first column whose header is also one of its values, from 1.
    repeats_header: Option<usize>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { values: Values::new(), seen: Seen::default(), bytes: 0 }
    }
}

impl Sampler {
    pub fn update(&mut self, chunk: &[u8]) -> Result<Appetite, NotSampled> {
        if self.bytes == 0 {
            other_format(chunk).map_or(Ok(()), |name| Err(NotSampled::Format(name)))?;
        }
        self.bytes += chunk.len();
        let seen = &mut self.seen;
        self.values.update(chunk, &mut |record| seen.record(record)).map_err(NotSampled::Found)?;
        let enough = self.seen.rows >= limits::SAMPLE_ROWS || self.bytes >= limits::SAMPLE_BYTES;
        Ok(if enough { Appetite::Enough } else { Appetite::More })
    }

    /// What was seen. A sample that ended before its file did leaves the record that it cuts.
    pub fn finish(self, extent: Extent) -> Result<Sample, NotSampled> {
        let Self { values, mut seen, bytes } = self;
        if extent == Extent::Whole {
            values.finish(&mut |record| seen.record(record)).map_err(NotSampled::Found)?;
        }
        if bytes == 0 || seen.columns.is_empty() {
            return Err(NotSampled::Found(Finding::whole_file(FindingCode::EmptyFile)));
        }
        if let Some(column) = seen.repeats_header {
            return Err(NotSampled::NoHeader { column });
        }
        let mut names = BTreeSet::new();
        for (i, column) in seen.columns.iter().enumerate() {
            if kind::of(&column.name) != FieldType::Text || shapes::of(&column.name).any(|shape| shape.is_telling()) {
                return Err(NotSampled::NoHeader { column: i + 1 });
            }
            if !names.insert(&column.name) {
                return Err(NotSampled::Found(Finding::new(FindingCode::ColumnRepeated, Place::header(Some(i as u64 + 1)))));
            }
        }
        Ok(Sample { columns: seen.columns, rows: seen.rows, extent })
    }
}

impl Seen {
    fn record(&mut self, values: Vec<String>) {
        if self.columns.is_empty() {
            self.columns = values.into_iter().map(Column::named).collect();
            return;
        }
        if self.rows >= limits::SAMPLE_ROWS {
            return;
        }
        self.rows += 1;
        for (i, (column, value)) in self.columns.iter_mut().zip(values).enumerate() {
            if value.is_empty() {
                continue;
            }
            if value == column.name {
                self.repeats_header.get_or_insert(i + 1);
            }
            column.values += 1;
            column.kind = Some(kind::both(column.kind, kind::of(&value)));
            for shape in shapes::of(&value) {
                *column.shapes.entry(shape).or_default() += 1;
            }
        }
    }
}

/// Formats that people ask for and that are not read yet, by how their files begin.
fn other_format(beginning: &[u8]) -> Option<&'static str> {
    let text = beginning.trim_ascii_start();
    match text.first() {
        _ if beginning.starts_with(b"PAR1") => Some("Parquet"),
        Some(b'{' | b'[') => Some("JSON"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
