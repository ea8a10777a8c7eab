//! Instants and days as the log knows them. Nothing here reads a clock.

use serde::{Deserialize, Serialize};
use std::{fmt, ops::Add, ops::Sub, time::Duration};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970: what SFTP attributes carry.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The calendar year in UTC: what a ticket number begins with.
    pub fn year(self) -> u16 {
        self.timestamp().to_zoned(jiff::tz::TimeZone::UTC).year().try_into().unwrap_or(0)
    }

    /// Time passed since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// RFC 3339 in UTC with whole seconds: `2026-11-21T10:15:00Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// `days` days of 86,400 seconds.
pub const fn days(days: u32) -> Duration {
    Duration::from_secs(days as u64 * 86_400)
}

/// Days of a span: further than the calendar goes, and no further than jiff counts.
const SPAN_DAYS: i64 = 4_000_000;

/// A calendar day (UTC) as people write it in tickets: `2026-12-31`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(jiff::civil::Date);

impl Day {
    /// The first instant of the day.
    pub fn begins(self) -> Time {
        self.0.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map_or(Time(i64::MAX), |z| Time(z.timestamp().as_microsecond()))
    }

    /// The first instant after the day: "until 2026-12-31" includes that whole day.
    pub fn ends(self) -> Time {
        self.begins() + days(1)
    }

    /// So many days later; the calendar's last day where there is none.
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(i64::from(days).min(SPAN_DAYS))))
    }

    /// So many months later: the same day of the month, or the month's last.
    pub fn plus_months(self, months: u32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().months(i64::from(months).min(SPAN_DAYS / 31))))
    }

    /// The day that `time` falls on.
    pub fn of(time: Time) -> Self {
        Self(time.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text:?} is not a day such as \"2026-12-31\""))
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_the_next_begins() {
        let day = Day::try_from("2026-12-31".to_owned()).unwrap();
        assert_eq!(day.begins().to_string(), "2026-12-31T00:00:00Z");
        assert_eq!(day.ends().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(Day::of(day.begins()), day);
        assert!(Day::try_from("2026-02-30".to_owned()).is_err());
        let last_of_january = Day::try_from("2027-01-31".to_owned()).unwrap();
        assert_eq!(last_of_january.plus_months(1).to_string(), "2027-02-28");
        assert_eq!(last_of_january.plus_months(2).to_string(), "2027-03-31");
        assert_eq!(last_of_january.plus_days(1).to_string(), "2027-02-01");
        assert_eq!(day.plus_days(u32::MAX), day.plus_months(u32::MAX), "the calendar's end, and no panic");
    }

    #[test]
    fn times_saturate_instead_of_wrapping() {
        assert_eq!(Time::from_micros(i64::MAX) + days(1), Time::from_micros(i64::MAX));
        assert_eq!(Time::from_micros(5).since(Time::from_micros(9)), Duration::ZERO);
        assert_eq!(Time::from_micros(0).year(), 1970);
    }
}
