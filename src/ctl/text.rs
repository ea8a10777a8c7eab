//! Text for a terminal: escaped so that no name drives it, measured, cut and wrapped by what it shows.

use crate::domain::shown::is_unseen;
pub use crate::domain::shown::visible;

/// JSON text with the same characters as JSON escapes: they can stand only inside its strings.
pub fn visible_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Columns that `text` takes on a terminal. Near enough: wide East Asian and pictures two, combining marks none.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// `text` in at most `most` columns; what was cut away shows as `…`.
pub fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += columns(c);
        if used > most {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// `text` in lines of at most `most` columns, broken at spaces; a longer word keeps its own line whole, so that it can be copied.
pub fn wrap(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a last line");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= most {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Bytes for a person: `512 B`, `1.4 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// An RFC 3339 instant to the minute, as tables show it under a head that says UTC: `2026-11-21 10:15`.
pub fn minute(instant: &str) -> String {
    match (instant.get(..10), instant.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute}"),
        _ => instant.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_gets_through() {
        let hostile = "a\u{1b}[2J\u{9b}31m\r\n\u{7f}\u{0}b\u{202e}vsc.exe\u{200b}\u{feff}";
        let shown = visible(hostile);
        assert_eq!(shown, "a\\u{1b}[2J\\u{9b}31m\\u{d}\\u{a}\\u{7f}\\u{0}b\\u{202e}vsc.exe\\u{200b}\\u{feff}");
        assert!(!shown.chars().any(is_unseen));
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"name": "a\u{1b}\u{9b}\u{202e}\u{e0041}ü"});
        let text = visible_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.chars().any(|c| is_unseen(c) && c != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_is_cut_fits_and_says_so() {
        assert_eq!(cut("customers.csv", 13), "customers.csv");
        assert_eq!(cut("customers.csv", 8), "custome…");
        assert!(width(&cut("顧客データ.csv", 8)) <= 8);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("SHA256:averylongfingerprint x", 10), ["SHA256:averylongfingerprint", "x"]);
    }

    #[test]
    fn sizes_and_minutes_read_well() {
        assert_eq!([size(0), size(1023), size(1024), size(1_500_000)], ["0 B", "1023 B", "1.0 KiB", "1.4 MiB"]);
        assert_eq!(size(u64::MAX), "16383.9 PiB");
        assert_eq!(minute("2026-11-21T10:15:00Z"), "2026-11-21 10:15");
        assert_eq!(minute("ü"), "ü");
    }
}
