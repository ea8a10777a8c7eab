//! The nearest known name to one that is not known: for renamed columns and misspelt keys.

use crate::domain::limits::SHOWN_NAME_CHARS;

/// The candidate that a person most likely meant, if one is close: the same but for case and punctuation, or at most a
/// third of its characters (and never more than three) inserted, deleted or replaced.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(name);
    known
        .into_iter()
        .filter_map(|candidate| {
            let distance = distance(&plain, &self::plain(candidate));
            (distance <= (plain.len() / 3).min(3)).then_some((distance, candidate))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Whether two names differ in nothing but case and punctuation.
pub fn same_but_for_spelling(a: &str, b: &str) -> bool {
    plain(a) == plain(b)
}

/// Lower-case letters and digits only, clipped so that the distance below stays cheap.
fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(SHOWN_NAME_CHARS).collect()
}

/// Levenshtein's distance, one row at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let known = ["customer_id", "email", "country"];
        assert_eq!(nearest("CustomerID", known), Some("customer_id"));
        assert_eq!(nearest("e-mail", known), Some("email"));
        assert_eq!(nearest("contry", known), Some("country"));
        assert_eq!(nearest("ssn", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn the_distance_is_levenshteins() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (a, b, expected) in [("kitten", "sitting", 3), ("", "abc", 3), ("same", "same", 0), ("ab", "ba", 2)] {
            assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
        }
    }
}
