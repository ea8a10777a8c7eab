//! What a sample shows, and which files give none.

use super::*;
use crate::domain::form::draft::Shape;

fn sampled(file: &[u8], chunk: usize) -> Result<Sample, NotSampled> {
    let mut sampler = Sampler::default();
    for piece in file.chunks(chunk) {
        if sampler.update(piece)? == Appetite::Enough {
            return sampler.finish(Extent::Beginning);
        }
    }
    sampler.finish(Extent::Whole)
}

fn refused(file: &[u8]) -> String {
    sampled(file, 7).unwrap_err().to_string()
}

#[test]
fn columns_have_names_types_and_counts_however_the_file_is_cut() {
    let file = b"id,\"e-mail, work\",note\r\n1,a@example.com,\r\n2.5,\"b\"\"@example.com\",\"x\r\ny\"\r\n3,,z";
    for chunk in 1..file.len() {
        let sample = sampled(file, chunk).unwrap();
        let seen: Vec<_> = sample.columns.iter().map(|column| (column.name.as_str(), column.kind, column.values)).collect();
        assert_eq!(
            seen,
            [("id", Some(FieldType::Decimal), 3), ("e-mail, work", Some(FieldType::Text), 2), ("note", Some(FieldType::Text), 2)]
        );
        assert_eq!(sample.columns[1].shapes.get(&Shape::Email), Some(&2));
        assert_eq!((sample.rows, sample.extent), (3, Extent::Whole));
    }
}

#[test]
fn what_is_no_csv_as_it_is_inspected_gives_no_sample_and_says_why() {
    for (file, why) in [
        (&b""[..], "F3102"),
        (b"PAR1\x15\x04", "Parquet is not inspected yet"),
        (b" {\"a\": 1}", "JSON is not inspected yet"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "F3113"),
        (b"a,b\n\xff\xfe,1\n", "F3111"),
        (b"\xef\xbb\xbfa,b\n1,2\n", "F3112"),
        (b"a,b\n1,2,3\n", "F3129"),
        (b"a,a\n1,2\n", "F3136"),
        (b"a,b\n1,\"2\n", "F3124"),
    ] {
        let told = refused(file);
        assert!(told.contains(why), "{told}");
    }
    assert!(refused(&[b'x'; limits::CSV_RECORD_BYTES + 10]).contains("F3127"));
    let wide = vec!["c"; limits::CSV_COLUMNS + 1].join(",") + "\n";
    assert!(refused(wide.as_bytes()).contains("F3128"));
}

/// Its names would be values, and these stand in no draft.
#[test]
fn a_file_without_a_header_gives_no_sample() {
    for file in
        ["17,alice\n18,bob\n", "alice,alice@example.com\nbob,b@example.com\n", "alice,zurich\nbob,zurich\n", "2026-11-20,x\n"]
    {
        assert!(matches!(sampled(file.as_bytes(), 5), Err(NotSampled::NoHeader { .. })), "{file}");
    }
}

#[test]
fn a_sample_ends_at_its_limit_and_a_header_alone_is_one() {
    let long = "a\n".to_owned() + &"1\n".repeat(limits::SAMPLE_ROWS as usize + 5);
    let sample = sampled(long.as_bytes(), 64 * 1024).unwrap();
    assert_eq!((sample.rows, sample.extent), (limits::SAMPLE_ROWS, Extent::Beginning));
    let header = sampled(b"a,b\n", 3).unwrap();
    assert_eq!((header.rows, header.columns.len(), header.columns[0].kind), (0, 2, None));
}
