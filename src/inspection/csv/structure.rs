//! RFC 4180 as a state machine over the few bytes that carry structure. Holds positions, never data.

use super::marks::{BLOCK, marks};
use crate::inspection::finding::{FindingCode, Place};

/// How a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    LineFeed,
    CarriageReturnLineFeed,
    EndOfFile,
}

/// One record that is not an empty line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// 0 is the header, 1 the first data row.
    pub number: u64,
    /// Line on which it begins, from 1.
    pub line: u64,
    /// Offset of its first byte, and of the first byte of its line end.
    pub start: u64,
    pub end: u64,
    pub fields: u64,
    pub line_end: LineEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Record(Record),
    /// The bytes are not RFC 4180's there. Reading goes on as most readers would.
    Fault(FindingCode, Place),
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Within a field without quotes, or at a field's beginning.
    Plain,
    /// Within a quoted field.
    Quoted { opened: Place },
    /// After a quote within a quoted field, which stands at this offset: an escape's first half, or the end.
    QuoteSeen { at: u64, opened: Place },
    /// After a carriage return outside quotes, which stands at this offset.
    CarriageReturn { at: u64 },
}

/// The state between two chunks.
#[derive(Debug)]
pub(super) struct Structure {
    state: State,
    /// Bytes seen before the current chunk.
    offset: u64,
    line: u64,
    number: u64,
    record_start: u64,
    record_line: u64,
    field_start: u64,
    /// Fields that ended in this record.
    fields: u64,
}

impl Structure {
    pub fn new() -> Self {
        Self { state: State::Plain, offset: 0, line: 1, number: 0, record_start: 0, record_line: 1, field_start: 0, fields: 0 }
    }

    /// The file began with a byte order mark, now complete: its first field begins behind it.
    pub fn skip_byte_order_mark(&mut self, length: u64) {
        self.record_start = length;
        self.field_start = length;
    }

    pub fn update(&mut self, chunk: &[u8], report: &mut impl FnMut(Event)) {
        let (blocks, rest) = chunk.as_chunks::<BLOCK>();
        for block in blocks {
            self.block(block, marks(block), report);
            self.offset += BLOCK as u64;
        }
        let mut last = [b'x'; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        self.block(&last, marks(&last), report);
        self.offset += rest.len() as u64;
    }

    fn block(&mut self, block: &[u8; BLOCK], mut mask: u64, report: &mut impl FnMut(Event)) {
        while mask != 0 {
            let place = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            self.mark(block[place % BLOCK], self.offset + place as u64, report);
        }
    }

    /// One byte that carries structure, at its offset; inlined, since a call for each would cost a fifth more. Whatever lies between two such bytes shows in their distance.
    #[inline(always)]
    fn mark(&mut self, byte: u8, at: u64, report: &mut impl FnMut(Event)) {
        match self.state {
            State::Plain => self.plain(byte, at, report),
            State::Quoted { opened } => match byte {
                b'"' => self.state = State::QuoteSeen { at, opened },
                b'\n' => self.line += 1,
                0 => report(self.fault(FindingCode::NulByte, at)),
                _ => {}
            },
            State::QuoteSeen { at: quote, opened } => {
                if byte == b'"' && at == quote + 1 {
                    self.state = State::Quoted { opened };
                } else {
                    self.close_quote(quote, at, byte, report);
                    self.plain(byte, at, report);
                }
            }
            State::CarriageReturn { at: cr } => {
                self.state = State::Plain;
                if byte == b'\n' && at == cr + 1 {
                    self.end_record(cr, at, LineEnd::CarriageReturnLineFeed, report);
                } else {
                    report(self.fault(FindingCode::BareCarriageReturn, cr));
                    self.plain(byte, at, report);
                }
            }
        }
    }

    #[inline(always)]
    fn plain(&mut self, byte: u8, at: u64, report: &mut impl FnMut(Event)) {
        match byte {
            b',' => {
                self.fields += 1;
                self.field_start = at + 1;
            }
            b'\n' => self.end_record(at, at, LineEnd::LineFeed, report),
            b'\r' => self.state = State::CarriageReturn { at },
            b'"' if at == self.field_start => self.state = State::Quoted { opened: self.place(at) },
            b'"' => report(self.fault(FindingCode::QuoteInsideField, at)),
            _ => report(self.fault(FindingCode::NulByte, at)),
        }
    }

    /// A quoted field ended at `quote`; `byte` at `at` is the next that carries structure.
    fn close_quote(&mut self, quote: u64, at: u64, byte: u8, report: &mut impl FnMut(Event)) {
        self.state = State::Plain;
        if at != quote + 1 || byte == 0 {
            report(self.fault(FindingCode::TextAfterQuote, quote + 1));
        }
    }

    fn end_record(&mut self, content_end: u64, at: u64, line_end: LineEnd, report: &mut impl FnMut(Event)) {
        self.line += u64::from(line_end != LineEnd::EndOfFile);
        if content_end == self.record_start {
            let place = Place { byte: Some(content_end), line: Some(self.record_line), ..Place::default() };
            report(Event::Fault(FindingCode::EmptyLine, place));
        } else {
            report(Event::Record(Record {
                number: self.number,
                line: self.record_line,
                start: self.record_start,
                end: content_end,
                fields: self.fields + 1,
                line_end,
            }));
            self.number += 1;
        }
        self.fields = 0;
        self.record_start = at + 1;
        self.field_start = at + 1;
        self.record_line = self.line;
    }

    /// The end of the file. The last record may lack its line end (RFC 4180, section 2, rule 2).
    pub fn finish(mut self, report: &mut impl FnMut(Event)) {
        let end = self.offset;
        match self.state {
            State::Plain => {}
            State::Quoted { opened } => {
                report(Event::Fault(FindingCode::QuoteNotClosed, opened));
                return;
            }
            State::QuoteSeen { at, .. } if end > at + 1 => report(self.fault(FindingCode::TextAfterQuote, at + 1)),
            State::QuoteSeen { .. } => {}
            State::CarriageReturn { at } => report(self.fault(FindingCode::BareCarriageReturn, at)),
        }
        if end > self.record_start {
            self.end_record(end, end, LineEnd::EndOfFile, report);
        }
    }

    fn fault(&self, code: FindingCode, at: u64) -> Event {
        Event::Fault(code, self.place(at))
    }

    fn place(&self, at: u64) -> Place {
        let row = (self.number > 0).then_some(self.number);
        Place { byte: Some(at), line: Some(self.line), row, column: Some(self.fields + 1) }
    }
}
