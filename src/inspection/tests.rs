//! Files, good and bad, and the findings they must give.

use super::*;
use crate::domain::limits::{CSV_COLUMNS, CSV_RECORD_BYTES, FINDINGS_PER_FILE};
use FindingCode as C;
use proptest::prelude::*;

fn expectation() -> Expectation {
    let columns = ["id", "country", "note"].map(str::to_owned).to_vec();
    Expectation { format: Format::Csv, columns, min_rows: None, max_rows: None, max_bytes: None, manifest: None }
}

fn inspect(expectation: Expectation, file: &[u8]) -> Inspected {
    let mut inspector = Inspector::new(expectation);
    inspector.update(file);
    inspector.finish()
}

fn codes(file: impl AsRef<[u8]>) -> Vec<FindingCode> {
    inspect(expectation(), file.as_ref()).findings.iter().map(|finding| finding.code).collect()
}

/// The first finding that has a place, as words.
fn place(file: impl AsRef<[u8]>) -> String {
    inspect(expectation(), file.as_ref()).findings.last().unwrap().place.to_string()
}

#[test]
fn files_that_are_as_approved_pass() {
    for good in [
        "id,country,note\n1,DE,x\n",
        "id,country,note\n1,DE,x",
        "id,country,note\r\n1,DE,x\r\n2,FR,\r\n",
        "\"id\",\"country\",\"note\"\n\"1\",\"D\"\"E\",\"a,b\nc\r\nd\"\n,,\n",
        "id,country,note\n1,Österreich,\u{10ffff}\n",
    ] {
        assert_eq!(codes(good), [], "{good:?}");
    }
    let inspected = inspect(expectation(), b"id,country,note\n1,DE,\"a\nb\"\n2,FR,\n");
    assert_eq!((inspected.rows, inspected.bytes), (2, 33));
    assert_eq!(inspected.sha256, Digest::of(b"id,country,note\n1,DE,\"a\nb\"\n2,FR,\n"));
    assert!(!inspected.has_findings());
}

#[test]
fn each_fault_of_the_text_has_its_finding() {
    for (bad, expected) in [
        (&b"id,country,note\n1,\xc4,x\n"[..], C::NotUtf8),
        (b"id,country,note\n1,DE,x\xe2\x82", C::NotUtf8),
        (b"\xef\xbb\xbfid,country,note\n1,DE,x\n", C::ByteOrderMark),
        (b"id,country,note\n1,D\0E,x\n", C::NulByte),
        (b"id,country,note\n1,\"D\0E\",x\n", C::NulByte),
        (b"id,country,note\n1,D\rE,x\n", C::BareCarriageReturn),
        (b"id,country,note\n1,DE,x\r", C::BareCarriageReturn),
        (b"id,country,note\n1,D\"E,x\n", C::QuoteInsideField),
        (b"id,country,note\n1, \"DE\",x\n", C::QuoteInsideField),
        (b"id,country,note\n1,\"DE\" ,x\n", C::TextAfterQuote),
        (b"id,country,note\n1,DE,\"x\"y", C::TextAfterQuote),
        (b"id,country,note\n1,DE,\"x\n2,FR,y\n", C::QuoteNotClosed),
        (b"id,country,note\n1,DE,x\r\n", C::MixedLineEnds),
        (b"id,country,note\n\n1,DE,x\n", C::EmptyLine),
        (b"id,country,note\n1,DE,x\n\n", C::EmptyLine),
        (b"\r\nid,country,note\r\n1,DE,x\r\n", C::EmptyLine),
        (b"id,country,note\n1,DE\n", C::RowWidth),
        (b"id,country,note\n1,DE,x,\n", C::RowWidth),
    ] {
        let mut found = codes(bad);
        found.retain(|&code| code != C::NoRows);
        found.dedup();
        assert_eq!(found, [expected], "{bad:?}");
    }
}

#[test]
fn each_fault_of_the_header_has_its_finding() {
    for (header, expected) in [
        ("id,note", vec![C::ColumnMissing]),
        ("id,country,note,ssn", vec![C::ColumnNotApproved]),
        ("id,Country,note", vec![C::ColumnRenamed]),
        ("id, country,note", vec![C::ColumnRenamed]),
        ("country,id,note", vec![C::ColumnOutOfOrder; 2]),
        ("id,country,note,id", vec![C::ColumnRepeated]),
        ("id;country;note", vec![C::HeaderMissing]),
        ("1,DE,x", vec![C::HeaderMissing]),
        ("", vec![C::HeaderMissing, C::EmptyLine]),
    ] {
        let row = if header.is_empty() { "\n".to_owned() } else { ",".repeat(header.matches(',').count()) + "x\n" };
        let found = codes(format!("{header}\n{row}"));
        let found: Vec<_> = found.into_iter().filter(|&code| code != C::NoRows).collect();
        assert_eq!(found[..expected.len()], expected, "{header:?}");
    }
}

#[test]
fn a_nul_after_a_closing_quote_is_two_faults() {
    assert_eq!(codes("id,country,note\n1,DE,\"x\"\0\n"), [C::NulByte, C::TextAfterQuote]);
}

#[test]
fn a_header_that_reads_in_two_ways_is_compared_in_neither() {
    assert_eq!(codes("id,a\"b,country\"\n,,\n"), [C::HeaderMissing, C::QuoteInsideField, C::QuoteInsideField]);
}

#[test]
fn totals_are_held_against_the_ticket_and_the_manifest() {
    let file = b"id,country,note\n1,DE,x\n2,FR,y\n";
    let with = |change: fn(&mut Expectation)| {
        let mut expectation = expectation();
        change(&mut expectation);
        inspect(expectation, file).findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(with(|e| (e.min_rows, e.max_rows, e.max_bytes) = (Some(2), Some(2), Some(30))), []);
    assert_eq!(with(|e| e.min_rows = Some(3)), [C::TooFewRows]);
    assert_eq!(with(|e| e.max_rows = Some(1)), [C::TooManyRows]);
    assert_eq!(with(|e| e.max_bytes = Some(29)), [C::TooLarge]);
    assert_eq!(with(|e| e.manifest = Some(Manifest { sha256: None, rows: Some(2) })), []);
    assert_eq!(with(|e| e.manifest = Some(Manifest { sha256: None, rows: Some(3) })), [C::ManifestRows]);
    let other = |e: &mut Expectation| e.manifest = Some(Manifest { sha256: Some(Digest::of(b"other")), rows: None });
    assert_eq!(with(other), [C::ManifestDigest]);
    let mut right = expectation();
    right.manifest = Some(Manifest { sha256: Some(Digest::of(file)), rows: None });
    assert!(!inspect(right, file).has_findings());
}

#[test]
fn empty_files_and_files_without_rows_are_findings_unless_none_were_approved() {
    assert_eq!(codes(""), [C::EmptyFile]);
    assert_eq!(codes("id,country,note\n"), [C::NoRows]);
    assert_eq!(codes("\u{feff}"), [C::NoRows, C::HeaderMissing, C::ByteOrderMark]);
    let none = Expectation { min_rows: Some(0), ..expectation() };
    assert!(!inspect(none.clone(), b"id,country,note\n").has_findings());
    assert!(inspect(none, b"").has_findings());
}

#[test]
fn findings_tell_row_line_column_and_byte() {
    assert_eq!(place("id,country,note\n1,DE,\"a\nb\"\n2,F\"R,y\n"), "row 2, line 4, column 2, byte 30");
    assert_eq!(place("id,country,note\n1,DE,x\n2,FR\n"), "row 2, line 3, byte 23");
    assert_eq!(place(b"id,country,note\n1,DE,\xff\n"), "line 2, byte 21");
    assert_eq!(place("id,country,note\n1,DE,\"x\n2,FR,y\n"), "row 1, line 2, column 3, byte 21");
}

#[test]
fn no_value_of_the_data_stands_in_a_finding() {
    let file = "1,canary-a,x\ncanary-b\"\n\"canary-c\"canary-d,canary-e\n,canary-f\r,,,\ncanary-g,\"canary-h";
    let inspected = inspect(expectation(), file.as_bytes());
    assert!(inspected.findings.len() > 4);
    let told: String = inspected.findings.iter().map(|f| f.what() + &serde_json::to_string(f).unwrap()).collect();
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn at_most_the_named_number_of_findings_is_kept_and_the_rest_counted() {
    let inspected = inspect(expectation(), ("id,country,note\n".to_owned() + &"x\n".repeat(10_000)).as_bytes());
    assert_eq!(inspected.findings.len(), FINDINGS_PER_FILE);
    assert_eq!(inspected.more_findings, 10_000 - FINDINGS_PER_FILE as u64);
    assert_eq!(inspected.findings[0].place.row, Some(1));
}

#[test]
fn records_and_columns_beyond_the_limits_are_findings() {
    let long = format!("id,country,note\n1,DE,{}\n", "x".repeat(CSV_RECORD_BYTES));
    assert_eq!(codes(long), [C::RecordTooLong]);
    let just = format!("id,country,note\n1,DE,{}\n", "x".repeat(CSV_RECORD_BYTES - 5));
    assert_eq!(codes(just), []);
    let wide = format!("id,country,note\n{}\n", ",".repeat(CSV_COLUMNS));
    assert_eq!(codes(wide), [C::TooManyColumns]);
    let wide_header = format!("id,country,note{}\n", ",".repeat(CSV_COLUMNS));
    assert_eq!(codes(wide_header), [C::NoRows, C::HeaderMissing, C::TooManyColumns]);
}

#[test]
fn a_header_that_just_fits_is_compared_also_when_a_chunk_ends_between_its_cr_and_lf() {
    let columns = vec!["c".repeat(CSV_RECORD_BYTES)];
    let mut inspector = Inspector::new(Expectation { columns: columns.clone(), ..expectation() });
    inspector.update(b"\xef\xbb\xbf");
    inspector.update(columns[0].as_bytes());
    inspector.update(b"\r");
    inspector.update(b"\nx\r\n");
    let found: Vec<_> = inspector.finish().findings.iter().map(|finding| finding.code).collect();
    assert_eq!(found, [C::ByteOrderMark]);
}

#[test]
fn a_line_that_never_ends_is_inspected_in_bounded_memory() {
    for unit in ["x", "x,", "\"x\"", "\n", "\"", "\r\n"] {
        let chunk = unit.repeat(64 * 1024 / unit.len());
        let mut inspector = Inspector::new(expectation());
        for _ in 0..1_024 {
            inspector.update(chunk.as_bytes());
            assert!(inspector.csv.held_bytes() <= 2 * CSV_RECORD_BYTES + 64);
        }
        assert!(inspector.finish().has_findings());
    }
}

#[test]
fn formats_are_known_by_name_and_nothing_else_is() {
    for (name, expected) in
        [("a.csv", true), ("a.CSV", true), ("a.csv.gz", false), ("a.json", false), ("csv", false), (".csv", false)]
    {
        assert_eq!(Format::of_name(name).is_some(), expected, "{name}");
    }
    assert_eq!(Format::parse("csv"), Some(Format::Csv));
    assert_eq!(Format::parse("parquet"), None);
}

proptest! {
    #[test]
    fn the_cut_into_chunks_never_changes_the_result(
        start in prop_oneof![Just(""), Just("id,country,note\n"), Just("\u{feff}id,country,note\r\n")],
        picks in prop::collection::vec(0_usize..10, 0..400),
        cuts in prop::collection::vec(1_usize..90, 1..40),
    ) {
        let mut file = start.as_bytes().to_vec();
        file.extend(picks.into_iter().map(|pick| b",\"\n\r\0xy\xc3\xa9\xff"[pick]));
        let mut inspector = Inspector::new(expectation());
        let mut rest = &file[..];
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            inspector.update(chunk);
            rest = after;
        }
        prop_assert_eq!(inspector.finish(), inspect(expectation(), &file));
    }
}
