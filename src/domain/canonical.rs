//! Canonical bytes: RFC 8785 JSON restricted to integers, strings, booleans, arrays and objects.

use serde::Serialize;
use serde_json::Value;

/// The largest integer that every JSON reader represents exactly (2^53 - 1, RFC 8785 section 3.2.2.3).
pub const LARGEST_INTEGER: i64 = 9_007_199_254_740_991;

/// What cannot be written canonically.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    #[error("a canonical document holds no fractions and no integer beyond 2^53 - 1: {0}")]
    Number(String),
    #[error("a canonical document holds no null")]
    Null,
    #[error("not representable as JSON: {0}")]
    Shape(String),
}

/// The canonical bytes of `value`: keys sorted by UTF-16 code units, no white space, shortest escapes.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let tree = serde_json::to_value(value).map_err(|e| CanonicalError::Shape(e.to_string()))?;
    let mut out = Vec::with_capacity(256);
    write(&tree, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => return Err(CanonicalError::Null),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => match number.as_i64() {
            Some(n) if (-LARGEST_INTEGER..=LARGEST_INTEGER).contains(&n) => out.extend_from_slice(n.to_string().as_bytes()),
            _ => return Err(CanonicalError::Number(number.to_string())),
        },
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (i, (key, member)) in sorted.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(member, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// RFC 8785 section 3.2.2.2: two-character escapes where JSON has them, `\u00xx` for other controls.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{9}' => out.extend_from_slice(b"\\t"),
            '\u{a}' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\u{d}' => out.extend_from_slice(b"\\r"),
            c if (c as u32) < 0x20 => out.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes()),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_sort_by_utf16_units_as_rfc_8785_shows() {
        let bytes =
            to_bytes(&json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7})).unwrap();
        let expected = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn controls_are_escaped_the_short_way_and_everything_else_is_left_alone() {
        let bytes = to_bytes(&json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{7f}")).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\"");
    }

    #[test]
    fn fractions_nulls_and_huge_integers_are_refused() {
        assert!(matches!(to_bytes(&json!(1.5)), Err(CanonicalError::Number(_))));
        assert!(matches!(to_bytes(&json!(LARGEST_INTEGER + 1)), Err(CanonicalError::Number(_))));
        assert!(matches!(to_bytes(&json!(u64::MAX)), Err(CanonicalError::Number(_))));
        assert!(matches!(to_bytes(&json!({"a": null})), Err(CanonicalError::Null)));
    }
}
