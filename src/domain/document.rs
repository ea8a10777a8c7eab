//! Documents that people write, in TOML or as the same thing in JSON: read strictly, with errors that show the line and the nearest known key.

mod words;

use super::{form::located::is_json, limits};
use serde::de::DeserializeOwned;
use std::fmt;
use words::{Said, Whole};

/// Where a document was not understood, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DocumentError {
    /// Counted from one; absent when the document as a whole is meant.
    pub line: Option<usize>,
    pub column: Option<usize>,
    pub what: String,
    /// The offending line as written.
    pub excerpt: Option<String>,
    pub hint: Option<String>,
}

impl DocumentError {
    pub fn whole(what: impl Into<String>) -> Self {
        Self { line: None, column: None, what: what.into(), excerpt: None, hint: None }
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.what)?;
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n    {excerpt}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n    {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DocumentError {}

/// Reads `text` as a `T`. `example` is a whole document of its kind: an error shows how it writes the key that is meant.
pub fn parse<T: DeserializeOwned>(text: &str, example: &str) -> Result<T, DocumentError> {
    if text.len() > limits::DOCUMENT_BYTES {
        return Err(too_large());
    }
    if is_json(text) {
        return serde_json::from_str(text).map_err(|error| located_json(text, &error));
    }
    toml::from_str(text).map_err(|error| located(text, example, &error))
}

pub(super) fn too_large() -> DocumentError {
    DocumentError::whole(format!("the document is larger than {} bytes", limits::DOCUMENT_BYTES))
}

pub(super) fn located(text: &str, example: &str, error: &toml::de::Error) -> DocumentError {
    said_at(text, example, error.message(), error.span().map(|span| place(text, span.start)))
}

pub(super) fn located_json(text: &str, error: &serde_json::Error) -> DocumentError {
    let full = error.to_string();
    // The reader says at the end where it stopped; that is told in our own form.
    let message = full.split(" at line ").next().unwrap_or(&full);
    said_at(text, "", message, (error.line() > 0).then(|| (error.line(), error.column())))
}

fn said_at(text: &str, example: &str, message: &str, at: Option<(usize, usize)>) -> DocumentError {
    let written = at.and_then(|(line, _)| text.lines().nth(line - 1));
    let is_secret = written.is_some_and(holds_private_key) || holds_private_key(message);
    if is_secret {
        let (line, column) = at.unzip();
        return DocumentError { line, column, ..DocumentError::whole(SECRET) };
    }
    let Said { what, hint, key, whole } = words::said(message, written.and_then(key_of));
    let shown = key.and_then(|key| line_of(example, &key)).map(|line| format!("for example: {line}"));
    let hint = hint.or(shown);
    match (at, whole) {
        // What is missing in the document itself is missing on no line.
        (Some((1, _)), Whole::Table) | (None, _) => DocumentError { hint, ..DocumentError::whole(what) },
        (Some((line, column)), _) => {
            let excerpt = written.map(|line| clip(without_comment(line)));
            DocumentError { line: Some(line), column: Some(column), what, excerpt, hint }
        }
    }
}

/// What is told of one, in place of the line.
pub(super) const SECRET: &str = "a private key stands there: it belongs in no document";

/// Line and column of a byte, counted from one.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (before.matches('\n').count() + 1, column)
}

/// The key that a line gives a value.
fn key_of(line: &str) -> Option<&str> {
    line.split_once('=').map(|(key, _)| key.trim()).filter(|key| !key.is_empty() && !key.starts_with('#'))
}

/// How `example` writes `key`: a value of several lines on one, a table by its head.
fn line_of(example: &str, key: &str) -> Option<String> {
    let heads = [format!("[{key}]"), format!("[[{key}]]")];
    let mut lines = example
        .lines()
        .map(without_comment)
        .skip_while(|line| key_of(line) != Some(key) && !heads.iter().any(|head| head == line));
    let first = lines.next()?.to_owned();
    if !first.ends_with('[') {
        return Some(clip(&first));
    }
    let rest: String = lines.map(str::trim).take_while(|line| *line != "]").collect();
    Some(clip(&(first + rest.trim_end_matches(',') + "]")))
}

/// A line without what stands behind a # outside quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let comment = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '#' && !quoted
    });
    comment.map_or(line, |(at, _)| &line[..at]).trim_end()
}

/// A private key where a public one belongs is the commonest slip, and must not be repeated on screens and in logs.
pub(super) fn holds_private_key(line: &str) -> bool {
    let line = line.to_ascii_uppercase();
    line.contains("PRIVATE KEY") || line.contains("AGE-SECRET-KEY-")
}

fn clip(line: &str) -> String {
    line.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read")]
    struct Sample {
        purpose: String,
        #[serde(default)]
        vendor: String,
    }

    #[test]
    fn an_unknown_key_is_shown_with_its_line_and_the_nearest_known_key() {
        let error = parse::<Sample>("purpose = \"x\"\nvendr = \"y\"\n", "").unwrap_err();
        assert_eq!((error.line, error.column), (Some(2), Some(1)));
        assert_eq!(error.to_string(), "line 2, column 1: unknown key vendr\n    vendr = \"y\"\n    did you mean vendor?");
    }

    #[test]
    fn a_key_like_no_other_is_answered_with_all_that_are_known() {
        let error = parse::<Sample>("purpose = \"x\"\nzzzzzzzz = 1\n", "").unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("known keys are: purpose, vendor"));
    }

    #[test]
    fn a_line_that_holds_a_private_key_is_located_and_not_repeated() {
        for secret in ["AGE-SECRET-KEY-1QQ", "age-secret-key-1qq", "-----BEGIN OPENSSH PRIVATE KEY-----"] {
            let error = parse::<Sample>(&format!("purpose = \"x\"\nvendr = \"{secret}\"\n"), "").unwrap_err();
            assert_eq!((error.line, &error.excerpt), (Some(2), &None));
            assert!(!error.to_string().contains(secret), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_readers_own_words_and_with_an_example() {
        const EXAMPLE: &str =
            "purpose = \"forecast # not a comment\" # why\ndays = 30 # of retention\nkind = \"csv\"\nlist = [\"a\"]\n";
        #[derive(Deserialize, Debug)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            Csv,
            Parquet,
        }
        #[derive(Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "only read")]
        struct All {
            purpose: String,
            days: u32,
            kind: Kind,
            list: Vec<String>,
        }
        let rest = "kind = \"csv\"\nlist = []\n";
        for (text, said) in [
            (format!("purpose = \"x\"\n{rest}"), "the key days is missing\n    for example: days = 30"),
            (
                format!("purpose = \"x\"\ndays = \"30 days\" # a month\n{rest}"),
                "line 2, column 8: expected a whole number that is not negative, found \"30 days\"\n    days = \"30 days\"\n    \
                 for example: days = 30",
            ),
            (
                format!("purpose = 2030-01-01\ndays = 3\n{rest}"),
                "line 1, column 11: expected a text in quotes, found a table or a date without quotes\n    purpose = 2030-01-01\n    \
                 for example: purpose = \"forecast # not a comment\"",
            ),
            (
                "purpose = \"x\"\ndays = 3\nlist = []\nkind = \"cvs\"\n".to_owned(),
                "line 4, column 8: \"cvs\" is none of its values\n    kind = \"cvs\"\n    did you mean csv?",
            ),
            (
                "purpose = \"x\"\ndays = 3\nlist = \"a\"\nkind = \"csv\"\n".to_owned(),
                "line 3, column 8: expected a list in [brackets], found \"a\"\n    list = \"a\"\n    for example: list = [\"a\"]",
            ),
            (
                format!("purpose = \"x\"\npurpose = \"y\"\ndays = 3\n{rest}"),
                "line 2, column 1: the key purpose stands there twice\n    purpose = \"y\"\n    \
                 for example: purpose = \"forecast # not a comment\"",
            ),
        ] {
            assert_eq!(parse::<All>(&text, EXAMPLE).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn a_document_beyond_the_limit_is_not_read() {
        assert!(parse::<Sample>(&"#".repeat(limits::DOCUMENT_BYTES + 1), "").is_err());
    }
}
