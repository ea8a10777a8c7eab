//! What a check found: a stable code, a place, and words for the producer. Never a value from the data.

use crate::domain::{self, limits::FINDINGS_PER_FILE, shown::shown};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

macro_rules! finding_codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $means:literal, $fix:literal;)*) => {
        /// Each thing that can be wrong with a file. The code is stable: scripts and `explain` rely on it.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum FindingCode {
            $($(#[$doc])* $name,)*
        }

        impl FindingCode {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// `F3101` and so on.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What the code means, without a place: one sentence.
            pub const fn means(self) -> &'static str {
                match self { $(Self::$name => $means),* }
            }

            /// What the producer has to do: one sentence.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix),* }
            }
        }
    };
}

finding_codes! {
    FormatNotSupported "F3101" "The file's format is not one that can be inspected.",
        "Send the data as CSV with a name that ends in .csv.";
    EmptyFile "F3102" "The file is empty.",
        "Export again, with the header line and the rows.";
    NoRows "F3103" "The file has a header and no rows.",
        "Export again with the rows, or have a ticket approved that allows zero rows.";
    TooFewRows "F3104" "The file has fewer rows than the ticket allows.",
        "Check that the export is complete, then drop the whole file again.";
    TooManyRows "F3105" "The file has more rows than the ticket allows.",
        "Narrow the export to what was approved, or ask for a new ticket that allows more rows.";
    TooLarge "F3106" "The file is larger than the ticket allows.",
        "Narrow the export to what was approved, or ask for a new ticket that allows larger files.";

    NotEncryptedToUs "F3107" "The file's name ends in .age, and the gateway cannot decrypt it: it is encrypted to somebody else, or is no binary age file.",
        "Encrypt it to the gateway's own recipient (egressctl key show-recipient) with age -r, without -a or -p; or drop it unencrypted, without .age in its name.";
    EncryptionDamaged "F3108" "The encrypted file is damaged or cut off.",
        "Encrypt it again, and drop the whole file again.";

    NotUtf8 "F3111" "The file holds bytes that are not UTF-8.",
        "Export with the encoding UTF-8.";
    ByteOrderMark "F3112" "The file begins with a byte order mark.",
        "Export as UTF-8 without a byte order mark (often called \"UTF-8\", not \"UTF-8 with BOM\").";
    NulByte "F3113" "The file holds a NUL byte.",
        "Remove NUL bytes from the data and make sure that it is not exported as UTF-16.";

    BareCarriageReturn "F3121" "A carriage return stands outside quotes without a line feed after it.",
        "End records with CR LF or LF, and put quotes around fields that hold a carriage return.";
    QuoteInsideField "F3122" "A quote stands inside a field that does not begin with one.",
        "Put quotes around the whole field and double each quote inside it.";
    TextAfterQuote "F3123" "Text follows a field's closing quote.",
        "Double each quote inside a quoted field, and put nothing between its closing quote and the comma.";
    QuoteNotClosed "F3124" "A quoted field is not closed before the file ends.",
        "Close the quote that opens there; if the file was cut off, drop the whole file again.";
    MixedLineEnds "F3125" "Some records end with CR LF and others with LF.",
        "Export with one kind of line end throughout.";
    EmptyLine "F3126" "A line is empty.",
        "Remove empty lines, also at the end of the file; write an empty value alone on its line as \"\".";
    RecordTooLong "F3127" "A record is longer than any that is inspected.",
        "Look for a quote that is never closed or a missing line end; such long values cannot be sent as CSV.";
    TooManyColumns "F3128" "A record has more fields than any that is inspected.",
        "Look for a missing line end or a wrong delimiter.";
    RowWidth "F3129" "A row has another number of fields than the header.",
        "Put quotes around fields that hold commas, and write every field of every row, empty ones too.";

    HeaderMissing "F3131" "The first line names none of the approved columns.",
        "Begin the file with a header line of the approved column names, separated by commas.";
    ColumnMissing "F3132" "An approved column is missing.",
        "Export all approved columns, or ask for a new ticket without this one.";
    ColumnNotApproved "F3133" "The file has a column that was not approved.",
        "Remove the column from the export; nothing is sent that the ticket does not list.";
    ColumnRenamed "F3134" "A column has another name than the approved one.",
        "Write the column's name exactly as the ticket does.";
    ColumnOutOfOrder "F3135" "The approved columns stand in another order.",
        "Export the columns in the order in which the ticket lists them.";
    ColumnRepeated "F3136" "Two columns have the same name.",
        "Export each column once.";

    ManifestNotReadable "F3141" "The producer's manifest cannot be read.",
        "Write the manifest as TOML with sha256 and rows, and drop it again with its file.";
    ManifestDigest "F3142" "The file's SHA-256 is not the one in its manifest.",
        "The file changed after its manifest was made, or was damaged on the way: drop both again.";
    ManifestRows "F3143" "The file's row count is not the one in its manifest.",
        "Check that the export is complete, then drop the file and its manifest again.";

    CopyDamaged "F3151" "The gateway's own copy of the file is damaged or gone.",
        "Discard the file and drop it again; the machine's administrator looks at the disk.";
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the code of a finding")]
pub struct NotAFindingCode;

impl FromStr for FindingCode {
    type Err = NotAFindingCode;

    fn from_str(text: &str) -> Result<Self, NotAFindingCode> {
        Self::ALL.iter().copied().find(|code| code.code() == text).ok_or(NotAFindingCode)
    }
}

impl TryFrom<String> for FindingCode {
    type Error = NotAFindingCode;

    fn try_from(text: String) -> Result<Self, NotAFindingCode> {
        text.parse()
    }
}

impl From<FindingCode> for String {
    fn from(code: FindingCode) -> Self {
        code.code().to_owned()
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Where in the file. What does not apply is absent; a finding about the whole file has an empty place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Offset in the file, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Line as an editor counts them, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Data row, from 1; the header is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// Column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

impl Place {
    /// No particular place: the file as a whole.
    pub const WHOLE_FILE: Self = Self { byte: None, line: None, row: None, column: None };

    /// A column of the header line.
    pub const fn header(column: Option<u64>) -> Self {
        Self { byte: None, line: None, row: None, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("row", self.row), ("line", self.line), ("column", self.column), ("byte", self.byte)];
        let mut separator = "";
        for (name, number) in parts {
            if let Some(number) = number {
                write!(f, "{separator}{name} {number}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// One thing that is wrong with a file. Findings order by place: whole file first, then by offset.
///
/// `expected` and `found` hold counts, digests and header names (clipped, escaped), never a value from the rows.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub place: Place,
    pub code: FindingCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl Finding {
    pub fn new(code: FindingCode, place: Place) -> Self {
        Self { place, code, expected: None, found: None }
    }

    pub fn whole_file(code: FindingCode) -> Self {
        Self::new(code, Place::WHOLE_FILE)
    }

    pub fn expected(self, expected: impl fmt::Display) -> Self {
        Self { expected: Some(shown(&expected.to_string())), ..self }
    }

    pub fn found(self, found: impl fmt::Display) -> Self {
        Self { found: Some(shown(&found.to_string())), ..self }
    }

    /// What is wrong, in one sentence with its place.
    pub fn what(&self) -> String {
        let means = self.code.means().trim_end_matches('.');
        let mut sentence = match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => format!("{means}: expected {expected}, found {found}"),
            (Some(expected), None) => format!("{means}: {expected}"),
            (None, Some(found)) => format!("{means}: {found}"),
            (None, None) => means.to_owned(),
        };
        if self.place != Place::WHOLE_FILE {
            sentence.push_str(&format!(" ({})", self.place));
        }
        sentence.push('.');
        sentence
    }

    /// What the producer has to do, in one sentence.
    pub fn fix(&self) -> &'static str {
        self.code.fix()
    }
}

/// As the log records it.
impl From<&Finding> for domain::finding::Finding {
    fn from(finding: &Finding) -> Self {
        Self { code: finding.code.code().to_owned(), what: finding.what(), fix: finding.fix().to_owned() }
    }
}

/// The first findings of a file in the order of their places, and how many more there were.
///
/// Text and structure are checked in two passes over each chunk, so findings arrive out of order; keeping the smallest
/// makes the result independent of how the file was cut into chunks.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Finding>,
    more: u64,
}

impl Findings {
    pub fn add(&mut self, finding: Finding) {
        let full = self.kept.len() == FINDINGS_PER_FILE;
        if full && self.kept.last().is_some_and(|last| *last <= finding) {
            self.more += 1;
            return;
        }
        if full {
            self.kept.pop();
            self.more += 1;
        }
        let at = self.kept.partition_point(|kept| *kept <= finding);
        self.kept.insert(at, finding);
    }

    pub fn into_parts(self) -> (Vec<Finding>, u64) {
        (self.kept, self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_different_parses_back_and_speaks_in_sentences() {
        let codes: BTreeSet<&str> = FindingCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), FindingCode::ALL.len());
        for code in FindingCode::ALL {
            assert_eq!(code.code().parse(), Ok(*code));
            for sentence in [code.means(), code.fix()] {
                assert!(sentence.ends_with('.') || sentence.ends_with(").") || sentence.ends_with('"'), "{sentence}");
                assert!(sentence.starts_with(|c: char| c.is_uppercase()), "{sentence}");
            }
        }
        assert_eq!("F9999".parse::<FindingCode>(), Err(NotAFindingCode));
    }

    #[test]
    fn a_finding_is_canonical_and_holds_no_null() {
        let finding = Finding::new(FindingCode::RowWidth, Place { row: Some(17), line: Some(18), ..Place::default() });
        let finding = finding.expected(4).found(5);
        let bytes = crate::domain::canonical::to_bytes(&finding).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, r#"{"code":"F3129","expected":"4","found":"5","place":{"line":18,"row":17}}"#);
        assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
        assert_eq!(finding.what(), "A row has another number of fields than the header: expected 4, found 5 (row 17, line 18).");
    }

    #[test]
    fn the_first_findings_by_place_are_kept_and_the_rest_is_counted() {
        let at = |byte| Finding::new(FindingCode::NulByte, Place { byte: Some(byte), ..Place::default() });
        let mut findings = Findings::default();
        for byte in (0..1_000).rev() {
            findings.add(at(byte));
        }
        findings.add(Finding::whole_file(FindingCode::TooLarge));
        let (kept, more) = findings.into_parts();
        assert_eq!(kept.len(), FINDINGS_PER_FILE);
        assert_eq!(kept[0].code, FindingCode::TooLarge);
        assert_eq!(kept[1..], (0..FINDINGS_PER_FILE as u64 - 1).map(at).collect::<Vec<_>>());
        assert_eq!(more, 1_001 - FINDINGS_PER_FILE as u64);
    }
}
