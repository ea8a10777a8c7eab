//! A document's values with the line on which each stands, whether it is written in TOML or in JSON.

use crate::domain::{
    document::{self, DocumentError},
    limits,
    shown::shown,
};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashSet, fmt, ops::Range};
use toml::{Spanned, de::DeTable, de::DeValue};

/// Counted from one.
pub type Line = usize;

#[derive(Clone, PartialEq, Debug)]
pub struct Located {
    pub line: Line,
    pub value: Value,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Text(String),
    Whole(i64),
    List(Vec<Located>),
    Table(Table),
    /// What no answer is: named as people call it.
    Other(&'static str),
}

impl Value {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Whole(_) => "a number",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        }
    }
}

/// Keys in the order in which they are written, each once.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Table(pub Vec<(String, Located)>);

impl Table {
    pub fn get(&self, key: &str) -> Option<&Located> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The line of a value by its path, `field[3].class`; or, where there is none, of what it belongs in.
    pub fn line_of(&self, path: &str) -> Option<Line> {
        let (mut table, mut line) = (self, None);
        for part in path.split('.') {
            let (key, nth) = match part.split_once('[') {
                Some((key, nth)) => (key, nth.trim_end_matches(']').parse::<usize>().ok()),
                None => (part, None),
            };
            let Some(mut found) = table.get(key) else { break };
            if let (Some(nth), Value::List(items)) = (nth, &found.value) {
                found = items.get(nth.checked_sub(1)?)?;
            }
            line = Some(found.line);
            let Value::Table(next) = &found.value else { break };
            table = next;
        }
        line
    }
}

/// Whether a document is written in JSON: it begins with a brace, which no TOML document does.
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Reads what can be read. What cannot is returned beside it: line by line, in TOML; the first of it, in JSON.
pub fn read(text: &str) -> (Table, Vec<DocumentError>) {
    if text.len() > limits::DOCUMENT_BYTES {
        return (Table::default(), vec![document::too_large()]);
    }
    let lines = Lines::of(text);
    if is_json(text) {
        return match serde_json::from_str::<Members<'_>>(text) {
            Ok(members) => match lines.members(&members, 0) {
                Ok(table) => (table, Vec::new()),
                Err(error) => (Table::default(), vec![error]),
            },
            Err(error) => (Table::default(), vec![document::located_json(text, &error)]),
        };
    }
    read_toml(text)
}

/// The reader stops at the first mistake. The line is told, left out, and the rest is read again: not more often than a person makes
/// mistakes, since each time costs the whole document.
fn read_toml(text: &str) -> (Table, Vec<DocumentError>) {
    let mut errors: Vec<DocumentError> = Vec::new();
    let mut rest = Cow::Borrowed(text);
    loop {
        let error = match DeTable::parse(&rest) {
            Ok(table) => return (Lines::of(&rest).table(table.get_ref()), errors),
            Err(error) => document::located(&rest, "", &error),
        };
        let line = error.line.filter(|line| errors.iter().all(|known| known.line != Some(*line)));
        errors.push(error);
        let Some(line) = line.filter(|_| errors.len() < limits::SYNTAX_ERRORS) else { return (Table::default(), errors) };
        let without = |(i, kept): (usize, &str)| if i + 1 == line { "\n".to_owned() } else { kept.to_owned() };
        rest = Cow::Owned(rest.split_inclusive('\n').enumerate().map(without).collect());
    }
}

struct Lines<'t> {
    text: &'t str,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, ends: text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect() }
    }

    fn line(&self, at: usize) -> Line {
        self.ends.partition_point(|end| *end < at) + 1
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entry = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            // A table's own span is its header; its key says where it begins.
            let mut located = self.value(value);
            located.line = self.line(key.span().start);
            (key.get_ref().to_string(), located)
        };
        let mut entries: Vec<(String, Located)> = table.iter().map(entry).collect();
        entries.sort_by_key(|(_, located)| located.line);
        Table(entries)
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Located {
        let Range { start, .. } = value.span();
        let read = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
                .map_or(Value::Other("a number that is too large"), Value::Whole),
            DeValue::Float(_) => Value::Other("a number with a fraction"),
            DeValue::Boolean(_) => Value::Other("true or false"),
            DeValue::Datetime(_) => Value::Other("a date without quotes"),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Located { line: self.line(start), value: read }
    }

    /// # Errors
    /// Deeper than any answer goes.
    fn members(&self, members: &Members<'_>, depth: usize) -> Result<Table, DocumentError> {
        let entries = members.0.iter().map(|(key, raw)| Ok((key.clone(), self.json(raw, depth)?)));
        entries.collect::<Result<_, DocumentError>>().map(Table)
    }

    fn json(&self, raw: &RawValue, depth: usize) -> Result<Located, DocumentError> {
        // A raw value is a part of the text it was read from.
        let line = self.line((raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize));
        if depth > limits::DOCUMENT_DEPTH {
            return Err(DocumentError {
                line: Some(line),
                ..DocumentError::whole(format!("nested deeper than {}", limits::DOCUMENT_DEPTH))
            });
        }
        let unreadable = |error: serde_json::Error| DocumentError { line: Some(line), ..DocumentError::whole(error.to_string()) };
        let value = match raw.get().as_bytes().first() {
            Some(b'{') => Value::Table(self.members(&serde_json::from_str(raw.get()).map_err(unreadable)?, depth + 1)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(unreadable)?;
                Value::List(items.into_iter().map(|item| self.json(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Value::Text(serde_json::from_str(raw.get()).map_err(unreadable)?),
            Some(b't' | b'f') => Value::Other("true or false"),
            Some(b'n') => Value::Other("null"),
            _ => raw.get().parse().map_or(Value::Other("a number that is not whole or too large"), Value::Whole),
        };
        Ok(Located { line, value })
    }
}

/// A JSON object's members as they are written: a key that stands twice is an error and not the last one's.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                let mut known = HashSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !known.insert(key.clone()) {
                        return Err(de::Error::custom(format!("the key {} stands here twice", shown(&key))));
                    }
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_and_json_say_the_same_on_lines_of_their_own() {
        let (toml, errors) = read("a = \"x\"\n[t]\nn = 7\n[[f]]\nname = \"y\"\n[[f]]\nname = \"z\"\n");
        assert!(errors.is_empty());
        let (json, errors) = read("{\n\"a\": \"x\",\n\"t\": {\"n\": 7},\n\"f\": [\n{\"name\": \"y\"},\n{\"name\": \"z\"}]}");
        assert!(errors.is_empty());
        let names = |table: &Table| {
            let Value::List(fields) = &table.get("f").unwrap().value else { panic!("no list") };
            fields.iter().map(|field| field.line).collect::<Vec<_>>()
        };
        assert_eq!((toml.get("t").unwrap().line, names(&toml)), (2, vec![4, 6]));
        assert_eq!((json.get("t").unwrap().line, names(&json)), (3, vec![5, 6]));
    }

    #[test]
    fn all_that_toml_cannot_read_is_told_at_once() {
        let (table, errors) = read("a = \n[t\nb = \"x\"\n");
        assert!(errors.len() >= 2, "{errors:?}");
        assert!(errors.iter().all(|error| error.line.is_some()), "{errors:?}");
        drop(table);
    }

    #[test]
    fn a_json_key_that_stands_twice_is_an_error_with_its_line() {
        let (_, errors) = read("{\"a\": 1,\n\"a\": 2}");
        assert_eq!((errors.len(), errors[0].line), (1, Some(2)), "{errors:?}");
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100), "]".repeat(100));
        let (_, errors) = read(&deep);
        assert!(errors[0].to_string().contains("nested deeper"), "{errors:?}");
    }
}
