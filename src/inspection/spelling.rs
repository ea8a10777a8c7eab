//! What a name that is not known was probably meant to be: for renamed columns and misspelt keys.

use crate::domain::{limits::SHOWN_NAME_CHARS, nearest::nearest};

/// The known name that differs in case and punctuation only, or else the nearest.
pub(super) fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.chars().nth(SHOWN_NAME_CHARS).is_some() {
        return None;
    }
    let plain_name = plain(name);
    let same = known.iter().copied().find(|known| !plain_name.is_empty() && plain(known) == plain_name);
    same.or_else(|| nearest(name, known.iter().copied()))
}

/// A name without case and punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let known = ["customer_id", "email", "country"];
        assert_eq!(meant("CustomerID", &known), Some("customer_id"));
        assert_eq!(meant("E-Mail", &known), Some("email"));
        assert_eq!(meant("contry", &known), Some("country"));
        assert_eq!(meant("ssn", &known), None);
        assert_eq!(meant("", &known), None);
        assert_eq!(meant(&"x".repeat(1_000_000), &known), None);
    }
}
