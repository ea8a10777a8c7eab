//! Of which type a value is, and two values together: never wider than what was seen.

use crate::domain::{ticket::FieldType, time::Day};

/// Digits of the longest whole number that everybody's 64 bits hold.
const WHOLE_DIGITS: usize = 18;

pub fn of(value: &str) -> FieldType {
    match value {
        _ if is_whole(value) => FieldType::Integer,
        _ if is_decimal(value) => FieldType::Decimal,
        "true" | "false" | "True" | "False" | "TRUE" | "FALSE" => FieldType::Boolean,
        _ if is_day(value) => FieldType::Date,
        _ if is_timestamp(value) => FieldType::Timestamp,
        _ => FieldType::Text,
    }
}

/// The narrowest type that holds what was seen before and this one.
pub fn both(before: Option<FieldType>, next: FieldType) -> FieldType {
    match (before, next) {
        (None, next) => next,
        (Some(before), next) if before == next => next,
        (Some(FieldType::Integer | FieldType::Decimal), FieldType::Integer | FieldType::Decimal) => FieldType::Decimal,
        _ => FieldType::Text,
    }
}

/// A leading zero would be lost: such a number is a text.
fn is_whole(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let written = digits.bytes().all(|c| c.is_ascii_digit()) && (1..=WHOLE_DIGITS).contains(&digits.len());
    written && (digits == "0" || !digits.starts_with('0'))
}

fn is_decimal(value: &str) -> bool {
    value.split_once('.').is_some_and(|(whole, rest)| {
        (is_whole(whole) || whole == "-0") && !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_digit())
    })
}

/// `2026-12-31`
pub fn is_day(value: &str) -> bool {
    value.len() == 10 && value.as_bytes()[4] == b'-' && Day::try_from(value.to_owned()).is_ok()
}

/// RFC 3339; a space for its T, and no offset, are common enough.
fn is_timestamp(value: &str) -> bool {
    let Some((day, rest)) = value.split_at_checked(10).filter(|(day, _)| is_day(day)) else { return false };
    let Some(time) = rest.strip_prefix(['T', ' ']) else { return false };
    let Some((clock, rest)) = time.split_at_checked(8) else { return false };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    !day.is_empty() && is_clock(clock) && (matches!(offset, "" | "Z") || is_offset(offset))
}

fn is_clock(text: &str) -> bool {
    let parts: Vec<u8> = text.split(':').filter(|part| part.len() == 2).filter_map(|part| part.parse().ok()).collect();
    matches!(parts[..], [hour, minute, second] if hour < 24 && minute < 60 && second <= 60)
}

fn is_offset(text: &str) -> bool {
    text.strip_prefix(['+', '-']).is_some_and(|offset| offset.len() == 5 && is_clock(&format!("{offset}:00")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_narrowest_type_that_loses_nothing() {
        for (value, kind) in [
            ("0", FieldType::Integer),
            ("-12", FieldType::Integer),
            ("007", FieldType::Text),
            ("+1", FieldType::Text),
            ("12345678901234567890", FieldType::Text),
            ("0.5", FieldType::Decimal),
            ("-0.5", FieldType::Decimal),
            ("1.", FieldType::Text),
            ("1,5", FieldType::Text),
            ("true", FieldType::Boolean),
            ("yes", FieldType::Text),
            ("2026-02-28", FieldType::Date),
            ("2026-02-29", FieldType::Text),
            ("28.02.2026", FieldType::Text),
            ("2026-02-28T12:00:00Z", FieldType::Timestamp),
            ("2026-02-28 12:00:00.123456", FieldType::Timestamp),
            ("2026-02-28T12:00:00+01:00", FieldType::Timestamp),
            ("2026-02-28T25:00:00Z", FieldType::Text),
            ("ééééé", FieldType::Text),
        ] {
            assert_eq!(of(value), kind, "{value}");
        }
    }

    #[test]
    fn two_values_are_of_the_type_that_holds_both() {
        assert_eq!(both(None, FieldType::Date), FieldType::Date);
        assert_eq!(both(Some(FieldType::Integer), FieldType::Decimal), FieldType::Decimal);
        assert_eq!(both(Some(FieldType::Date), FieldType::Timestamp), FieldType::Text);
        assert_eq!(both(Some(FieldType::Text), FieldType::Integer), FieldType::Text);
    }
}
