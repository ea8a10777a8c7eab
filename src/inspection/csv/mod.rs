//! CSV as RFC 4180 has it, strictly: one pass, memory bounded by the header's longest size.
//!
//! Why not csv-core: it reads what others wrote, whatever it is. By its transition table a quote may stand inside a
//! field, text may follow a closing quote, an open quote ends with the file, CR alone ends a record, empty lines and a
//! byte order mark vanish. Each of these is what two readers of one file understand differently, so each must be a
//! finding here, and finding them needs a second state machine beside the first. A test holds this one to csv-core's
//! results on every file that RFC 4180 allows.
//!
//! Decided: records end with LF or with CR LF (the RFC knows only the latter, most producers write the former), the
//! same throughout the file; the last line end may be missing; the delimiter is a comma. Faults do not stop the
//! reading: a producer sees all of them at once. Missing here: fields' contents, which only a draft's sample reads so far
//! ([`values`]). Detectors and treatments will get them from there, one record at a time.

mod header;
mod marks;
mod structure;
pub(super) mod values;

use super::finding::{Finding, FindingCode, Findings, Place};
use crate::domain::limits::{CSV_COLUMNS, CSV_RECORD_BYTES};
use structure::{Event, LineEnd, Record, Structure};

/// The byte order mark of UTF-8 (Unicode 15, section 23.8).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Room for the longest header that is compared, with a byte order mark and a line end around it.
const HEADER_ROOM: usize = CSV_RECORD_BYTES + BYTE_ORDER_MARK.len() + 2;

/// The header record as the file goes by. One that was never compared counts as missing: nothing passes unread.
#[derive(Debug)]
enum Header {
    /// The file's first bytes, at most `HEADER_ROOM`.
    Reading(Vec<u8>),
    /// Longer than is looked at.
    Unreadable,
    Compared,
}

/// The CSV checks of one file.
#[derive(Debug)]
pub(super) struct CsvCheck {
    columns: Vec<String>,
    structure: Structure,
    records: Records,
    header: Header,
    /// Bytes of a byte order mark that the file has begun with, while it may still be one.
    mark_matched: Option<usize>,
}

impl CsvCheck {
    pub fn new(columns: Vec<String>) -> Self {
        let header = Header::Reading(Vec::new());
        Self { columns, structure: Structure::new(), records: Records::default(), header, mark_matched: Some(0) }
    }

    pub fn update(&mut self, chunk: &[u8], findings: &mut Findings) {
        self.match_byte_order_mark(chunk, findings);
        let records = &mut self.records;
        self.structure.update(chunk, &mut |event| records.apply(event, findings));
        self.read_header(chunk, findings);
    }

    /// Ends the file and returns the number of data rows.
    pub fn finish(mut self, findings: &mut Findings) -> u64 {
        let structure = std::mem::replace(&mut self.structure, Structure::new());
        let records = &mut self.records;
        structure.finish(&mut |event| records.apply(event, findings));
        self.read_header(&[], findings);
        if !matches!(self.header, Header::Compared) {
            findings.add(header::missing(&self.columns));
        }
        self.records.rows
    }

    fn match_byte_order_mark(&mut self, chunk: &[u8], findings: &mut Findings) {
        let Some(matched) = self.mark_matched else { return };
        let wanted = &BYTE_ORDER_MARK[matched..];
        let fits = wanted.iter().zip(chunk).take_while(|(a, b)| a == b).count();
        self.mark_matched = (fits == chunk.len() && fits < wanted.len()).then_some(matched + fits);
        if fits == wanted.len() {
            // None of the mark's bytes carries structure, so nothing has happened before its last one.
            self.structure.skip_byte_order_mark(BYTE_ORDER_MARK.len() as u64);
            findings.add(Finding::new(FindingCode::ByteOrderMark, Place { byte: Some(0), line: Some(1), ..Place::default() }));
        }
    }

    /// Gathers the file's first bytes until the header record has ended, then compares it.
    fn read_header(&mut self, chunk: &[u8], findings: &mut Findings) {
        let Header::Reading(bytes) = &mut self.header else { return };
        let room = HEADER_ROOM - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        self.header = match self.records.header {
            None if chunk.len() <= room => return,
            None => Header::Unreadable,
            Some(record) => match bytes.get(record.start as usize..record.end as usize).map(header::names) {
                // Two readings of one line must agree before either is believed.
                Some(names)
                    if !record.is_too_long() && record.fields <= CSV_COLUMNS as u64 && names.len() as u64 == record.fields =>
                {
                    header::compare(&names, &self.columns).into_iter().for_each(|finding| findings.add(finding));
                    Header::Compared
                }
                _ => Header::Unreadable,
            },
        };
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        match &self.header {
            Header::Reading(bytes) => bytes.capacity(),
            Header::Unreadable | Header::Compared => 0,
        }
    }
}

/// What is known about the records so far.
#[derive(Debug, Default)]
struct Records {
    rows: u64,
    header: Option<Record>,
    /// The first record that ends otherwise than the header. Reported once.
    mixed: Option<Record>,
}

impl Records {
    fn apply(&mut self, event: Event, findings: &mut Findings) {
        let record = match event {
            Event::Fault(code, place) => return findings.add(Finding::new(code, place)),
            Event::Record(record) => record,
        };
        self.rows += u64::from(record.number > 0);
        let header = *self.header.get_or_insert(record);
        if record.fields > CSV_COLUMNS as u64 {
            let finding = Finding::new(FindingCode::TooManyColumns, record.place());
            findings.add(finding.expected(format_args!("at most {CSV_COLUMNS}")).found(record.fields));
        } else if record.fields != header.fields {
            let finding = Finding::new(FindingCode::RowWidth, record.place());
            findings.add(finding.expected(header.fields).found(record.fields));
        }
        if record.is_too_long() {
            let finding = Finding::new(FindingCode::RecordTooLong, record.place());
            findings.add(finding.expected(format_args!("at most {CSV_RECORD_BYTES} bytes")).found(record.end - record.start));
        }
        let mixed = record.line_end != header.line_end && record.line_end != LineEnd::EndOfFile;
        if mixed && self.mixed.replace(record).is_none() {
            findings.add(Finding::new(FindingCode::MixedLineEnds, record.place()));
        }
    }
}

impl Record {
    fn is_too_long(&self) -> bool {
        self.end - self.start > CSV_RECORD_BYTES as u64
    }

    fn place(&self) -> Place {
        let row = (self.number > 0).then_some(self.number);
        Place { byte: Some(self.start), line: Some(self.line), row, column: None }
    }
}

#[cfg(test)]
mod tests;
