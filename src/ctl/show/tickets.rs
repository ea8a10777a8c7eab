//! Tickets: what goes where and why, and which gates are open.

use super::{
    Cell, Column, Page, Row, Show, Table, Tone, counted,
    end::{lines, show_calendar, show_end},
    gates, listed,
    people::show_red_flags,
    review::show_changes,
    risk::show_acceptances,
    ticket_tone,
};
use crate::{
    ctl::text::{minute, size},
    domain::{
        event::{Decision, Protocol},
        shown::many,
    },
    gateway::answers::{
        AnswerView, CommentView, DeliveryRow, GateView, GateWait, Submitted, TicketDiagram, TicketRow, TicketState, TicketView,
        VoteStanding, VoteView, Voted,
    },
};

pub const fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Sftp => "sftp",
        Protocol::Https => "https",
    }
}

const fn voted(decision: Decision) -> (&'static str, Tone) {
    match decision {
        Decision::Approve => ("approved", Tone::Good),
        Decision::RequestChanges => ("asked for changes", Tone::Warning),
        Decision::Reject => ("rejected", Tone::Bad),
    }
}

impl Row for TicketRow {
    const NONE: &'static str =
        "No such tickets. All of them: egressctl ticket list; to submit one: egressctl ticket submit --help";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [
            Column::Whole("TICKET"),
            Column::Whole("STATE"),
            Column::Whole("TIER"),
            Column::Flexible("VENDOR"),
            Column::Whole("UNTIL"),
            Column::Flexible("OPEN GATES"),
            Column::Flexible("TITLE"),
        ];
        let mut table = Table::new(&columns);
        for row in rows {
            table.row([
                row.ticket.into(),
                Cell::toned(row.state.name(), ticket_tone(row.state)),
                row.tier.name().into(),
                (&row.vendor).into(),
                (&row.until).into(),
                open_gates(row).into(),
                (&row.title).into(),
            ]);
            // In a narrow terminal the gates' column is cut: what is theirs to do stands whole.
            for gate in &row.awaits_you {
                table.note(&format!("yours: egressctl ticket review {} --gate {gate}", row.ticket));
            }
            if let Some(to_do) = &row.to_do {
                table.note(&format!("yours: {}", to_do.what));
                table.note(&to_do.command);
            }
            for (told, _) in row.calendar.iter().flat_map(lines) {
                table.note(&told);
            }
        }
        page.table(&table);
    }
}

impl Show for TicketView {
    fn show(&self, page: &mut Page) {
        page.line(&format!("{}: {}", self.ticket, self.title), Tone::Plain);
        page.toned_field("state", self.state.name(), ticket_tone(self.state));
        page.field("tier", self.tier.name());
        page.field("vendor", &self.vendor);
        page.field("requester", &self.requester);
        page.field("purpose", &self.purpose);
        page.field("justification", &self.justification);
        page.field("window (UTC)", format!("{} to {}, both included", self.from, self.until));
        page.field("protocols", listed(self.protocols.iter().map(|one| protocol(*one))));
        page.field("retention", format!("{} from release", many(self.retention_days.into(), "day")));
        for (name, value) in &self.limits {
            page.field("limit", limit(name, *value));
        }
        for condition in &self.conditions {
            page.field("condition", condition);
        }
        show_red_flags(&self.red_flags, page);
        page.field("revision", self.revision_number);
        page.field("digest", self.revision);
        page.field("files", counted(self.files.iter().map(|(state, n)| (state.name(), *n))));
        for term in &self.terms {
            page.field("term", term);
        }
        self.calendar.iter().for_each(|calendar| show_calendar(calendar, page));
        let title = match self.state {
            TicketState::Closing => "Not closed yet because",
            TicketState::Closed | TicketState::Rejected | TicketState::Withdrawn | TicketState::Revoked => "It has ended",
            _ => "Not active because",
        };
        page.blockers(title, &self.why_not_active);
        self.end.iter().for_each(|end| show_end(end, page));
        if let Some(amendment) = &self.amendment {
            page.heading(&format!("Amendment: revision {} is {}", amendment.revision_number, amendment.state.name()));
            show_changes(&amendment.changes, page);
            page.blockers("It waits because", &amendment.next);
        }
        if !self.answers.is_empty() {
            page.heading("Answers");
            for AnswerView { path, answer, .. } in &self.answers {
                page.line(path, Tone::Faint);
                page.field("", answer);
            }
        }
        self.show_fields(page);
        show_acceptances(&self.acceptances, &self.gates, page);
        if !self.gates.is_empty() {
            page.heading("Gates");
            self.gates.iter().for_each(|gate| show_gate(gate, page));
        }
        if !self.deliveries.is_empty() {
            page.heading("Deliveries");
            DeliveryRow::show_all(&self.deliveries, page);
        }
        page.timeline(&self.timeline);
    }
}

impl Show for TicketDiagram {
    fn show(&self, page: &mut Page) {
        page.block(&self.text);
    }
}

/// A limit with its unit; one that this program does not know yet, as it came.
fn limit(name: &str, value: u64) -> String {
    match name {
        "max_bytes" => format!("at most {} in one file ({})", size(value), many(value, "byte")),
        "min_rows" => format!("at least {} in one file", many(value, "row")),
        "max_rows" => format!("at most {} in one file", many(value, "row")),
        "max_deliveries" => {
            format!("at most {} in all", if value == 1 { "1 delivery".to_owned() } else { format!("{value} deliveries") })
        }
        "max_downloads" => format!("each file read in at most {}", many(value, "session")),
        _ => format!("{name} = {value}"),
    }
}

impl TicketView {
    /// Nothing here is cut: it is what reviewers sign for.
    fn show_fields(&self, page: &mut Page) {
        page.heading("Fields");
        let columns = [Column::Whole("FIELD"), Column::Whole("TYPE"), Column::Whole("CLASS"), Column::Whole("TREATMENT")];
        let mut table = Table::new(&columns);
        for field in &self.fields {
            table.row([(&field.name).into(), (&field.r#type).into(), (&field.class).into(), (&field.treatment).into()]);
            let necessity = if field.necessity.is_empty() { String::new() } else { format!(": {}", field.necessity) };
            table.note(&format!("{} → {}{necessity}", field.source, field.destination));
        }
        page.table(&table);
    }
}

/// `privacy 3 d, overdue, yours; security`
fn open_gates(row: &TicketRow) -> String {
    let told = row.open_gates.iter().map(|gate| {
        let yours = if row.awaits_you.contains(gate) { ", yours" } else { "" };
        match row.waits.iter().find(|wait| wait.gate == *gate) {
            Some(GateWait { asked_hours, overdue_hours: Some(_), .. }) => {
                format!("{gate} {}, overdue{yours}", span(*asked_hours))
            }
            Some(GateWait { asked_hours, .. }) => format!("{gate} {}{yours}", span(*asked_hours)),
            None => format!("{gate}{yours}"),
        }
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { "-".to_owned() } else { told.join("; ") }
}

/// Hours as people say them.
fn span(hours: u64) -> String {
    if hours < 48 { format!("{hours} h") } else { format!("{} d", hours / 24) }
}

fn show_gate(gate: &GateView, page: &mut Page) {
    let tone = if gate.have >= gate.needed { Tone::Good } else { Tone::Warning };
    page.toned_field(gate.gate.name(), &format!("{} of {}", gate.have, many(gate.needed.into(), "vote")), tone);
    if let Some(GateWait { asked_hours, by, overdue_hours, .. }) = &gate.wait {
        let by = by.as_ref().map(|by| format!(", should answer by {}", minute(by))).unwrap_or_default();
        let late = overdue_hours.map(|late| format!(", overdue for {}", span(late))).unwrap_or_default();
        let tone = if overdue_hours.is_some() { Tone::Bad } else { Tone::Faint };
        page.toned_field("", &format!("asked for {}{by}{late}", span(*asked_hours)), tone);
    }
    gate.votes.iter().for_each(|cast| vote(cast, page));
    if gate.hidden > 0 {
        page.field("", format!("{} not shown before the gate has all of them", many(gate.hidden.into(), "vote")));
    }
}

/// One vote, with all that was said and whether it counts.
pub fn vote(vote: &VoteView, page: &mut Page) {
    let (word, tone) = voted(vote.decision);
    let (stale, tone) = match vote.standing {
        VoteStanding::Counts => ("", tone),
        VoteStanding::AskedAgain => (" (the question has changed since: asked again)", Tone::Faint),
        VoteStanding::Replaced => (" (voted again since)", Tone::Faint),
        VoteStanding::Answered => (" (of an earlier revision)", Tone::Faint),
        VoteStanding::Lapsed => (" (too old to count: asked again)", Tone::Faint),
        VoteStanding::NotAdmitted => (" (does not count: the policy does not let them hold this gate)", Tone::Faint),
        VoteStanding::NotGenuine => (" (COUNTS NOTHING: nobody's key has signed what stands in the ledger)", Tone::Bad),
    };
    let code = vote.because.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
    let reason = if vote.reason.is_empty() { String::new() } else { format!(": {}", vote.reason) };
    page.toned_field("", &format!("{} {word} {}{code}{reason}{stale}", vote.who, minute(&vote.at)), tone);
    if let Some(why) = &vote.asked_again {
        page.toned_field("", why, Tone::Warning);
    }
    for CommentView { on, text } in &vote.comments {
        page.field("", format!("on {on}: {text}"));
    }
    for term in &vote.terms {
        page.field("", format!("only with {term}"));
    }
}

impl Show for Submitted {
    fn show(&self, page: &mut Page) {
        let number =
            if self.revision_number > 1 { format!(", revision {} submitted", self.revision_number) } else { String::new() };
        page.line(&format!("{} is {}{number}", self.ticket, self.state.name()), ticket_tone(self.state));
        page.field("tier", self.tier.name());
        page.field("gates", gates(&self.gates));
        if self.open_gates.len() < self.gates.len() {
            page.field("still open", gates(&self.open_gates));
        }
        page.field("revision", self.revision);
        page.field("recorded", format!("leaf {}", self.leaf));
        page.blockers("Next", &self.next);
    }
}

impl Show for Voted {
    fn show(&self, page: &mut Page) {
        let (word, tone) = voted(self.decision);
        page.line(&format!("{}: {word} at the gate {}", self.ticket, self.gate), tone);
        page.toned_field("ticket is", self.state.name(), ticket_tone(self.state));
        if self.state == TicketState::InReview {
            page.field("open gates", gates(&self.open_gates));
        }
        page.field("recorded", format!("leaf {}", self.leaf));
        page.blockers("Next", &self.next);
    }
}
