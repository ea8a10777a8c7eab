//! The producer's `<file>.manifest.toml`: what the file was when it was made.

use super::{
    finding::{Finding, FindingCode, Place},
    spelling::meant,
};
use crate::domain::{digest::Digest, limits::MANIFEST_BYTES, shown::shown};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

const KEYS: [&str; 2] = ["sha256", "rows"];

/// What a producer says about its file; at least one of the two. It is compared, never trusted instead of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// Of the file's bytes.
    pub sha256: Option<Digest>,
    /// Data rows, without the header.
    pub rows: Option<u64>,
}

/// Why a manifest is not one, and on which line (from 1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("a manifest is at most {MANIFEST_BYTES} bytes long")]
    TooLong,
    #[error("a manifest is UTF-8")]
    NotUtf8,
    #[error("line {line}: {message}")]
    NotToml { line: u64, message: String },
    #[error("line {line}: unknown key {key:?}{}", meant.map_or("; a manifest has sha256 and rows".to_owned(), |meant| format!(": did you mean {meant}?")))]
    UnknownKey { line: u64, key: String, meant: Option<&'static str> },
    #[error("line {line}: sha256 is a string of 64 lower-case hexadecimal digits")]
    NotADigest { line: u64 },
    #[error("line {line}: rows is a whole number from 0")]
    NotACount { line: u64 },
    #[error("a manifest says at least one of sha256 and rows")]
    SaysNothing,
}

impl Manifest {
    /// Reads a manifest's bytes, all of them.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MANIFEST_BYTES {
            return Err(ManifestError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::NotUtf8)?;
        let line = |offset: usize| 1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count() as u64;
        let table = DeTable::parse(text).map_err(|error| ManifestError::NotToml {
            line: line(error.span().map_or(0, |span| span.start)),
            message: shown(error.message()),
        })?;
        let mut manifest = Self { sha256: None, rows: None };
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "sha256" => {
                    manifest.sha256 = Some(digest(value).ok_or(ManifestError::NotADigest { line: line(key.span().start) })?)
                }
                "rows" => manifest.rows = Some(count(value).ok_or(ManifestError::NotACount { line: line(key.span().start) })?),
                other => {
                    let (line, meant) = (line(key.span().start), meant(other, &KEYS));
                    return Err(ManifestError::UnknownKey { line, key: shown(other), meant });
                }
            }
        }
        if manifest.sha256.is_none() && manifest.rows.is_none() {
            return Err(ManifestError::SaysNothing);
        }
        Ok(manifest)
    }
}

fn digest(value: &Spanned<DeValue<'_>>) -> Option<Digest> {
    value.get_ref().as_str()?.parse().ok()
}

fn count(value: &Spanned<DeValue<'_>>) -> Option<u64> {
    let number = value.get_ref().as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A manifest that cannot be read holds its file: the producer meant to say something.
impl From<&ManifestError> for Finding {
    fn from(error: &ManifestError) -> Self {
        Self::new(FindingCode::ManifestNotReadable, Place::WHOLE_FILE).found(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn error(text: &str) -> String {
        Manifest::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_manifest_says_digest_and_rows_or_one_of_them() {
        let both = Manifest::parse(format!("# made by the export\nsha256 = \"{ABC}\"\nrows = 1_000\n").as_bytes()).unwrap();
        assert_eq!(both, Manifest { sha256: Some(Digest::of(b"abc")), rows: Some(1_000) });
        assert_eq!(Manifest::parse(b"rows = 0").unwrap(), Manifest { sha256: None, rows: Some(0) });
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line_and_the_key_that_was_meant() {
        assert_eq!(error("rows = 1\nSHA-256 = \"x\"\n"), "line 2: unknown key \"SHA-256\": did you mean sha256?");
        assert_eq!(error("columns = 4"), "line 1: unknown key \"columns\"; a manifest has sha256 and rows");
    }

    #[test]
    fn wrong_values_are_errors_with_their_line() {
        assert_eq!(error("\nrows = -1"), "line 2: rows is a whole number from 0");
        assert_eq!(error("rows = \"5\""), "line 1: rows is a whole number from 0");
        assert_eq!(error("rows = 99999999999999999999"), "line 1: rows is a whole number from 0");
        assert_eq!(error("sha256 = 5"), "line 1: sha256 is a string of 64 lower-case hexadecimal digits");
        assert_eq!(error(&format!("sha256 = \"{}\"", ABC.to_uppercase())), error("sha256 = 5"));
        assert_eq!(error(""), "a manifest says at least one of sha256 and rows");
        assert!(error("rows = 1\nrows = 2").starts_with("line 2: "));
        assert!(error("rows = 1\n]").starts_with("line 2: "));
    }

    #[test]
    fn long_deep_and_foreign_bytes_are_errors_and_end_nothing_else() {
        assert_eq!(Manifest::parse(&vec![b'#'; MANIFEST_BYTES + 1]), Err(ManifestError::TooLong));
        assert_eq!(Manifest::parse(b"rows = \xff"), Err(ManifestError::NotUtf8));
        let deep = format!("rows = {}", "[".repeat(MANIFEST_BYTES - 10));
        assert!(matches!(Manifest::parse(deep.as_bytes()), Err(ManifestError::NotToml { .. })));
        let finding = Finding::from(&ManifestError::TooLong);
        assert_eq!(finding.what(), "The producer's manifest cannot be read: a manifest is at most 65536 bytes long.");
    }
}
