//! What a value looks like by how it is written: by itself it proves nothing, many alike say what a column holds.

use super::kind;
use crate::domain::form::draft::Shape;
use std::net::IpAddr;

/// All that `value` looks like.
pub fn of(value: &str) -> impl Iterator<Item = Shape> {
    Shape::ALL.into_iter().filter(move |shape| is(*shape, value))
}

fn is(shape: Shape, value: &str) -> bool {
    match shape {
        Shape::CardNumber => is_card_number(value),
        Shape::NationalId => has_groups(value, '-', &[3, 2, 4]),
        Shape::Email => value.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';')).any(is_email),
        Shape::BankAccount => is_iban(value),
        Shape::Phone => is_phone(value),
        Shape::IpAddress => value.parse::<IpAddr>().is_ok(),
        Shape::FreeText => value.split_whitespace().count() >= FREE_TEXT_WORDS,
        Shape::BirthDate => is_birth_date(value),
        Shape::Postcode => is_postcode(value),
        Shape::Token => is_token(value),
    }
}

/// Words from which on a value is no longer one thing.
const FREE_TEXT_WORDS: usize = 5;

fn digits(value: &str) -> Vec<u32> {
    value.chars().filter_map(|c| c.to_digit(10)).collect()
}

fn has_groups(value: &str, between: char, lengths: &[usize]) -> bool {
    let groups: Vec<&str> = value.split(between).collect();
    groups.len() == lengths.len()
        && groups.iter().zip(lengths).all(|(group, length)| group.len() == *length && group.bytes().all(|c| c.is_ascii_digit()))
}

/// ISO/IEC 7812-1: 13 to 19 digits with a check digit (Luhn).
fn is_card_number(value: &str) -> bool {
    let digits = digits(value);
    let written = value.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits.iter().rev().enumerate().map(|(i, digit)| if i % 2 == 1 { doubled(*digit) } else { *digit }).sum();
    written && (13..=19).contains(&digits.len()) && sum.is_multiple_of(10) && digits.iter().any(|digit| *digit > 0)
}

fn is_email(word: &str) -> bool {
    word.rsplit_once('@').is_some_and(|(local, domain)| {
        let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
        !local.is_empty() && !local.contains('@') && domain.contains('.') && domain.split('.').all(label)
    })
}

/// ISO 13616: the country's two letters, two check digits, up to 30 more; the number is 1 modulo 97.
fn is_iban(value: &str) -> bool {
    let plain: Vec<u8> = value.bytes().filter(|c| *c != b' ').collect();
    let head = plain.len() > 4 && plain[..2].iter().all(u8::is_ascii_uppercase) && plain[2..4].iter().all(u8::is_ascii_digit);
    if !head || !(15..=34).contains(&plain.len()) || !plain.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let number = plain[4..].iter().chain(&plain[..4]).filter_map(|c| char::from(*c).to_digit(36));
    number.fold(0, |rest, digit| if digit < 10 { (rest * 10 + digit) % 97 } else { (rest * 100 + digit) % 97 }) == 1
}

/// E.164 or as people write it; digits alone are a number.
fn is_phone(value: &str) -> bool {
    let written = value.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '/' | '(' | ')'));
    let begins = value.starts_with(['+', '0', '(']) || has_groups(value, '-', &[3, 3, 4]);
    written && begins && (7..=15).contains(&digits(value).len())
}

/// Years in which whoever is alive and of age may have been born. Which column holds birth dates no single date shows.
fn is_birth_date(value: &str) -> bool {
    kind::is_day(value) && value[..4].parse().is_ok_and(|year: u16| (1900..=2012).contains(&year))
}

/// Five digits, the same with four more, and as the United Kingdom and the Netherlands write them.
fn is_postcode(value: &str) -> bool {
    let pattern: String = value
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            other => other,
        })
        .collect();
    const PATTERNS: [&str; 10] =
        ["99999", "99999-9999", "A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA", "9999 AA", "99999-999"];
    PATTERNS.contains(&pattern.as_str())
}

/// A UUID, or hexadecimal digits that are no number: what systems give instead of a name.
fn is_token(value: &str) -> bool {
    let plain: String = value.chars().filter(|c| *c != '-').collect();
    plain.len() >= 16 && plain.bytes().all(|c| c.is_ascii_hexdigit()) && plain.bytes().any(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_looks_like_what_it_is_and_like_nothing_else() {
        for (value, shapes) in [
            ("alice@example.com", &[Shape::Email][..]),
            ("Alice <alice@example.com>", &[Shape::Email]),
            ("4111 1111 1111 1111", &[Shape::CardNumber]),
            ("4111111111111112", &[]),
            ("123-45-6789", &[Shape::NationalId]),
            ("GB82 WEST 1234 5698 7654 32", &[Shape::BankAccount, Shape::FreeText]),
            ("GB82WEST12345698765433", &[]),
            ("+49 30 901820", &[Shape::Phone]),
            ("555-123-4567", &[Shape::Phone]),
            ("192.0.2.7", &[Shape::IpAddress]),
            ("1979-05-27", &[Shape::BirthDate]),
            ("2026-05-27", &[]),
            ("10115", &[Shape::Postcode]),
            ("SW1A 1AA", &[Shape::Postcode]),
            ("01890a5d-ac96-774b-bcce-b302099a8057", &[Shape::Token]),
            ("she called twice about her bill", &[Shape::FreeText]),
            ("12", &[]),
            ("blue", &[]),
            ("0000000000000000", &[]),
            ("@", &[]),
            ("é@é", &[]),
        ] {
            assert_eq!(of(value).collect::<Vec<_>>(), shapes, "{value}");
        }
    }
}
