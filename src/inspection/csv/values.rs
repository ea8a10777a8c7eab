//! A CSV file's values, record by record, for whoever looks at a sample: one record is held, and the first fault ends it.

use super::{
    BYTE_ORDER_MARK, header,
    structure::{Event, Record, Structure},
};
use crate::domain::limits::{CSV_COLUMNS, CSV_RECORD_BYTES};
use crate::inspection::finding::{Finding, FindingCode, Place};

#[derive(Debug)]
pub(in crate::inspection) struct Values {
    structure: Structure,
    /// The file's bytes from `base` on: those of records that have not ended.
    held: Vec<u8>,
    base: u64,
    /// Fields of the header, which every row has too.
    width: Option<u64>,
}

impl Values {
    pub fn new() -> Self {
        Self { structure: Structure::new(), held: Vec::new(), base: 0, width: None }
    }

    /// Takes the file's next bytes and hands on each record that has ended, the header first.
    pub fn update(&mut self, chunk: &[u8], each: &mut impl FnMut(Vec<String>)) -> Result<(), Finding> {
        self.held.extend_from_slice(chunk);
        let mut events = Vec::new();
        self.structure.update(chunk, &mut |event| events.push(event));
        self.hand_on(events, each)?;
        if self.held.len() > CSV_RECORD_BYTES {
            return Err(Finding::whole_file(FindingCode::RecordTooLong));
        }
        Ok(())
    }

    /// The end of the file, whose last record may lack its line end.
    pub fn finish(mut self, each: &mut impl FnMut(Vec<String>)) -> Result<(), Finding> {
        let mut events = Vec::new();
        std::mem::replace(&mut self.structure, Structure::new()).finish(&mut |event| events.push(event));
        self.hand_on(events, each)
    }

    fn hand_on(&mut self, events: Vec<Event>, each: &mut impl FnMut(Vec<String>)) -> Result<(), Finding> {
        let mut passed = self.base;
        for event in events {
            match event {
                Event::Fault(code, place) => return Err(Finding::new(code, place)),
                Event::Record(record) => {
                    each(self.values(&record)?);
                    passed = record.end;
                }
            }
        }
        self.held.drain(..(passed - self.base) as usize);
        self.base = passed;
        Ok(())
    }

    fn values(&mut self, record: &Record) -> Result<Vec<String>, Finding> {
        let bytes = &self.held[(record.start - self.base) as usize..(record.end - self.base) as usize];
        let wrong = |code| Finding::new(code, record.place());
        if record.number == 0 && bytes.starts_with(BYTE_ORDER_MARK) {
            return Err(Finding::new(FindingCode::ByteOrderMark, Place { byte: Some(0), line: Some(1), ..Place::default() }));
        }
        if record.is_too_long() {
            return Err(wrong(FindingCode::RecordTooLong));
        }
        if record.fields > CSV_COLUMNS as u64 {
            return Err(wrong(FindingCode::TooManyColumns).expected(format_args!("at most {CSV_COLUMNS}")).found(record.fields));
        }
        let width = *self.width.get_or_insert(record.fields);
        if record.fields != width {
            return Err(wrong(FindingCode::RowWidth).expected(width).found(record.fields));
        }
        if std::str::from_utf8(bytes).is_err() {
            return Err(wrong(FindingCode::NotUtf8));
        }
        Ok(header::names(bytes))
    }
}
