//! Documents that people write in TOML: read strictly, with errors that show the line and the nearest known key.

use super::{limits, nearest::nearest};
use serde::de::DeserializeOwned;
use std::fmt;

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
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}, column {column}: ")?;
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

/// Reads `text` as a `T`.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, DocumentError> {
    if text.len() > limits::DOCUMENT_BYTES {
        return Err(DocumentError::whole(format!("the document is larger than {} bytes", limits::DOCUMENT_BYTES)));
    }
    toml::from_str(text).map_err(|error| located(text, &error))
}

fn located(text: &str, error: &toml::de::Error) -> DocumentError {
    let message = error.message().to_owned();
    let hint = unknown_key(&message).map(|(unknown, known)| match nearest(unknown, known.iter().copied()) {
        Some(key) => format!("did you mean {key}?"),
        None => format!("known keys are: {}", known.join(", ")),
    });
    let Some(span) = error.span() else {
        return DocumentError { hint, ..DocumentError::whole(message) };
    };
    let before = &text[..span.start.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    let excerpt = text.lines().nth(line - 1).filter(|line| !holds_private_key(line)).map(|line| clip(line.trim_end()));
    let what = match unknown_key(&message) {
        Some((unknown, _)) => format!("unknown key {unknown}"),
        None => message,
    };
    DocumentError { line: Some(line), column: Some(column), what, excerpt, hint }
}

/// The TOML reader names the unknown key first and then those it knows, each in backticks.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field ")?;
    let mut names = rest.split('`').skip(1).step_by(2);
    Some((names.next()?, names.collect()))
}

/// A private key where a public one belongs is the commonest slip, and must not be repeated on screens and in logs.
fn holds_private_key(line: &str) -> bool {
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
        let error = parse::<Sample>("purpose = \"x\"\nvendr = \"y\"\n").unwrap_err();
        assert_eq!((error.line, error.column), (Some(2), Some(1)));
        assert_eq!(error.to_string(), "line 2, column 1: unknown key vendr\n    vendr = \"y\"\n    did you mean vendor?");
    }

    #[test]
    fn a_key_like_no_other_is_answered_with_all_that_are_known() {
        let error = parse::<Sample>("purpose = \"x\"\nzzzzzzzz = 1\n").unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("known keys are: purpose, vendor"));
    }

    #[test]
    fn a_line_that_holds_a_private_key_is_located_and_not_repeated() {
        for secret in ["AGE-SECRET-KEY-1QQ", "age-secret-key-1qq", "-----BEGIN OPENSSH PRIVATE KEY-----"] {
            let error = parse::<Sample>(&format!("purpose = \"x\"\nvendr = \"{secret}\"\n")).unwrap_err();
            assert_eq!((error.line, &error.excerpt), (Some(2), &None));
            assert!(!error.to_string().contains(secret), "{error}");
        }
    }

    #[test]
    fn a_document_beyond_the_limit_is_not_read() {
        assert!(parse::<Sample>(&"#".repeat(limits::DOCUMENT_BYTES + 1)).is_err());
    }
}
