//! Strangers' text as it may be shown: clipped, and with everything escaped that a terminal or a page might act on.

use super::limits::SHOWN_NAME_CHARS;

/// `text` with its control, format and bidirectional characters escaped, and an ellipsis after
/// [`SHOWN_NAME_CHARS`] characters.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN_NAME_CHARS {
            out.push('…');
            break;
        }
        match c {
            '"' | '\'' => out.push(c),
            c if is_invisible(c) => out.extend(c.escape_unicode()),
            // Leaves printable characters alone.
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// `text` whole, with whatever nobody would see written out as `\u{…}`. A new line is written out too: one value stays on its line.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unseen(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// `1 file`, `2 files`, `52,089 bytes`: for words that take an s.
pub fn many(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `41234` as `41,234`: numbers that people compare.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Controls, new lines among them, and what [`is_invisible`] names: no character that a reader sees.
pub fn is_unseen(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

/// The first character of a text of several lines that a reader does not see.
pub fn unseen_in(text: &str) -> Option<char> {
    text.chars().find(|c| is_unseen(*c) && *c != '\n')
}

/// Characters that hide or reorder what stands around them (Unicode's category Cf, its line separators, other spaces
/// than the plain one, variation selectors, tags) and U+FFFD, the sign of text that was damaged before.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{1680}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn one_is_one_and_all_others_are_many() {
        assert_eq!([many(0, "file"), many(1, "file"), many(2, "file")], ["0 files", "1 file", "2 files"]);
    }

    #[test]
    fn what_a_terminal_acts_on_is_escaped_and_the_rest_clipped() {
        assert_eq!(shown("a\u{1b}[31m\n\u{202e}b\u{200b}é\u{85}"), "a\\u{1b}[31m\\n\\u{202e}b\\u{200b}é\\u{85}");
        assert_eq!(shown("it's \"x\""), "it's \"x\"");
        assert_eq!(shown(&"x".repeat(5_000)).chars().count(), SHOWN_NAME_CHARS + 1);
    }
}
