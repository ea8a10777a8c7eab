//! Structure against csv-core: what RFC 4180 allows is read alike by both.

use super::structure::{Event, Record, Structure};
use csv_core::{ReadRecordResult, Reader};
use proptest::prelude::*;

/// The records of a file by csv-core: the number of fields of each.
fn by_csv_core(mut input: &[u8]) -> Vec<u64> {
    let mut reader = Reader::new();
    let (mut output, mut ends) = (vec![0; input.len() + 1], vec![0; input.len() + 2]);
    let (mut records, mut fields) = (Vec::new(), 0);
    loop {
        let (result, read, _, ended) = reader.read_record(input, &mut output, &mut ends);
        input = &input[read..];
        fields += ended as u64;
        match result {
            ReadRecordResult::Record => records.push(std::mem::take(&mut fields)),
            ReadRecordResult::End => return records,
            ReadRecordResult::InputEmpty => assert!(input.is_empty()),
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => panic!("buffers hold the whole file"),
        }
    }
}

fn by_structure(file: &[u8], chunk: usize) -> (Vec<Record>, Vec<Event>) {
    let (mut records, mut faults) = (Vec::new(), Vec::new());
    let mut report = |event| match event {
        Event::Record(record) => records.push(record),
        fault @ Event::Fault(..) => faults.push(fault),
    };
    let mut structure = Structure::new();
    file.chunks(chunk).for_each(|chunk| structure.update(chunk, &mut report));
    structure.finish(&mut report);
    (records, faults)
}

#[derive(Debug, Clone, Copy)]
enum Quotes {
    Always,
    WhenNeeded,
}

fn written(table: &[Vec<(String, Quotes)>], line_end: &str, last: &str) -> String {
    let field = |(value, quotes): &(String, Quotes)| match quotes {
        Quotes::WhenNeeded if !value.contains(['"', ',', '\n', '\r']) => value.clone(),
        _ => format!("\"{}\"", value.replace('"', "\"\"")),
    };
    let lines: Vec<String> = table.iter().map(|row| row.iter().map(field).collect::<Vec<_>>().join(",")).collect();
    lines.join(line_end) + last
}

fn table() -> impl Strategy<Value = Vec<Vec<(String, Quotes)>>> {
    let quotes = prop_oneof![Just(Quotes::Always), Just(Quotes::WhenNeeded)];
    // At least two fields a row: a lone empty field is an empty line.
    prop::collection::vec(prop::collection::vec(("[a-z\",\n\ré ]{0,12}", quotes), 2..6), 1..20)
}

proptest! {
    #[test]
    fn valid_files_are_read_as_csv_core_reads_them(
        table in table(),
        line_end in prop_oneof![Just("\n"), Just("\r\n")],
        ended in any::<bool>(),
        chunk in 1_usize..200,
    ) {
        let file = written(&table, line_end, if ended { line_end } else { "" });
        let (records, faults) = by_structure(file.as_bytes(), chunk);
        let widths: Vec<u64> = records.iter().map(|record| record.fields).collect();
        prop_assert_eq!(faults, vec![]);
        prop_assert_eq!(&widths, &by_csv_core(file.as_bytes()));
        prop_assert_eq!(widths, table.iter().map(|row| row.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_whatever_the_chunks_give_the_same_events(
        picks in prop::collection::vec(0_usize..7, 0..300),
        chunk in 1_usize..100,
    ) {
        let file: Vec<u8> = picks.into_iter().map(|pick| b",\"\n\r\0xy"[pick]).collect();
        prop_assert_eq!(by_structure(&file, chunk), by_structure(&file, file.len().max(1)));
    }
}

#[test]
fn records_know_their_bytes_and_lines() {
    let (records, _) = by_structure(b"a,b\r\n\"x\ny\",2\r\n3,4", 5);
    let seen: Vec<_> = records.iter().map(|r| (r.number, r.line, r.start, r.end, r.fields)).collect();
    assert_eq!(seen, [(0, 1, 0, 3, 2), (1, 2, 5, 12, 2), (2, 4, 14, 17, 2)]);
}
