//! What the TOML reader says of a document, in words for whoever wrote it.

use crate::domain::nearest::nearest;

/// What is wrong, and what may help. `key` is the one that stands on the line.
pub struct Said {
    pub what: String,
    pub hint: Option<String>,
    /// The key that is meant: the one on the line, or the missing one.
    pub key: Option<String>,
    /// Whether the document as a whole is meant, or a table of it, and not the line.
    pub whole: Whole,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whole {
    /// The line is what is meant.
    Line,
    /// Something is missing in the table that begins there.
    Table,
}

/// The reader's `message` about a line with `key` on it.
pub fn said(message: &str, key: Option<&str>) -> Said {
    let of = |what: String, hint: Option<String>| Said { what, hint, key: key.map(str::to_owned), whole: Whole::Line };
    let names = quoted(message);
    if message.starts_with("missing field ") {
        let missing = names.first().copied().unwrap_or_default();
        return Said {
            what: format!("the key {missing} is missing"),
            hint: None,
            key: Some(missing.to_owned()),
            whole: Whole::Table,
        };
    }
    if let (true, Some((unknown, known))) = (message.starts_with("unknown field "), names.split_first()) {
        // The example of the unknown key's line is none: it has no such key.
        return Said { key: None, ..of(format!("unknown key {unknown}"), Some(meant(unknown, known, "known keys are"))) };
    }
    if let (true, Some((unknown, known))) = (message.starts_with("unknown variant "), names.split_first()) {
        return of(format!("{unknown:?} is none of its values"), Some(meant(unknown, known, "its values are")));
    }
    if message == "duplicate key" {
        return of(format!("the key {} stands there twice", key.unwrap_or("on this line")), None);
    }
    let found = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "));
    match found.and_then(|rest| rest.split_once(", expected ")) {
        Some((found, expected)) => of(format!("expected {}, found {}", wanted(expected), given(found)), None),
        None => of(message.to_owned(), None),
    }
}

/// The names that a message has in backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn meant(unknown: &str, known: &[&str], all: &str) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(word) => format!("did you mean {word}?"),
        None => format!("{all}: {}", known.join(", ")),
    }
}

/// A type as the reader calls it.
fn wanted(expected: &str) -> String {
    let word = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "a string" | "string" => "a text in quotes",
        "a sequence" => "a list in [brackets]",
        "a boolean" => "true or false",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    word.to_owned()
}

/// A value as the reader calls it.
fn given(found: &str) -> String {
    match found.split_once(' ') {
        _ if found == "map" => "a table or a date without quotes".to_owned(),
        _ if found == "sequence" => "a list".to_owned(),
        Some(("string" | "integer" | "boolean", value)) => value.replace('`', ""),
        Some(("floating", rest)) => rest.trim_start_matches("point ").replace('`', ""),
        _ => found.to_owned(),
    }
}
