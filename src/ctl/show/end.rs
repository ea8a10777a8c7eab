//! How a ticket ends, and what its calendar says.

use super::{Page, Show, Tone};
use crate::{
    ctl::text::minute,
    domain::shown::many,
    gateway::answers::{AttestedView, CalendarView, DeletionText, EndView, PersonsRequest},
};

impl Show for DeletionText {
    fn show(&self, page: &mut Page) {
        page.block(&self.text);
    }
}

/// How far its end has got.
pub fn show_end(end: &EndView, page: &mut Page) {
    let EndView { closing_since, why, files_left, attest_by, overdue_days, attested, waived, closed_at } = end;
    page.heading("End");
    page.field("closing", format!("since {}: {why}", minute(closing_since)));
    page.field("files left here", files_left);
    let due = attest_by.as_ref().map(|by| format!("due by {}", minute(by)));
    let (told, tone) = match (attested, waived, overdue_days) {
        (Some(AttestedView { at, filed_by, key, .. }), ..) => {
            (format!("attested, filed by {filed_by} {}, key {key}", minute(at)), Tone::Good)
        }
        (None, Some(waived), _) => (format!("{} by {}, {}", waived.what, waived.who, minute(&waived.at)), Tone::Warning),
        (None, None, Some(days)) => {
            (format!("not attested, {}, overdue for {}", due.unwrap_or_default(), many(*days, "day")), Tone::Bad)
        }
        (None, None, None) => (format!("not attested{}", due.map(|due| format!(", {due}")).unwrap_or_default()), Tone::Warning),
    };
    page.toned_field("deletion there", &told, tone);
    if let Some(at) = closed_at {
        page.field("closed", minute(at));
    }
}

/// What is late, and what a person waits for.
pub fn show_calendar(calendar: &CalendarView, page: &mut Page) {
    for (told, tone) in lines(calendar) {
        page.toned_field("calendar", &told, tone);
    }
}

/// The same in sentences.
pub fn lines(calendar: &CalendarView) -> Vec<(String, Tone)> {
    let CalendarView { late_since, missed, persons_request } = calendar;
    let mut lines = Vec::new();
    match late_since {
        Some(due) => lines.push((format!("a delivery is late: it was expected by {due} ({missed} missed in all)"), Tone::Bad)),
        None if *missed > 0 => lines.push((format!("{} not released in time so far", deliveries(*missed)), Tone::Warning)),
        None => {}
    }
    if let Some(PersonsRequest { requested_on, until, days_left, overdue_days, answered_at }) = persons_request {
        let asked = format!("a person asked on {requested_on}");
        lines.push(match (answered_at, overdue_days, days_left) {
            (Some(at), ..) => (format!("{asked}: answered {}", minute(at)), Tone::Good),
            (None, Some(_), _) => (format!("{asked}: overdue since {until}"), Tone::Bad),
            (None, None, Some(left)) => (format!("{asked}: due by {until}, {} left", many(*left, "day")), Tone::Warning),
            (None, None, None) => (format!("{asked}: due by {until}"), Tone::Warning),
        });
    }
    lines
}

fn deliveries(count: u64) -> String {
    if count == 1 { "1 delivery was".to_owned() } else { format!("{count} deliveries were") }
}
