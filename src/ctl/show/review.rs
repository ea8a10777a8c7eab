//! The review page: what is asked, what has changed, what may be answered; and a vote's text.

use super::{Column, Page, Row, Show, Table, Tone, people::show_red_flags, ticket_tone, tickets::vote};
use crate::{
    ctl::text::minute,
    domain::shown::many,
    gateway::answers::{AnswerView, ChangeView, GateReview, ReviewedField, SignedVote, TicketReview, VoteText},
};

impl Show for TicketReview {
    fn show(&self, page: &mut Page) {
        page.line(&format!("{}, revision {}: {}", self.ticket, self.revision_number, self.title), Tone::Plain);
        page.toned_field("state", self.state.name(), ticket_tone(self.state));
        page.field("tier", self.tier.name());
        page.field("vendor", &self.vendor);
        page.field("requester", &self.requester);
        for condition in &self.conditions {
            page.field("condition", condition);
        }
        page.field("digest", self.revision);
        show_red_flags(&self.red_flags, page);
        if let Some(before) = self.compared_with {
            page.heading(&format!("Changed since revision {before}"));
            show_changes(&self.changes, page);
        }
        page.heading("Fields, which every gate is asked about");
        self.fields.iter().for_each(|field| show_field(field, page));
        if !self.held.is_empty() {
            page.heading("Found in its files so far");
            for held in &self.held {
                page.item(&format!("{} {} ({})", held.code, held.what, many(held.files, "file")), Tone::Bad);
            }
        }
        self.gates.iter().for_each(|gate| show_gate(gate, page));
        page.blockers("It waits because", &self.waits_for);
        if self.gates.iter().any(|gate| !gate.commands.is_empty()) {
            page.heading("Codes for --because");
            for (code, means) in &self.reasons {
                page.field(code, means);
            }
        }
    }
}

pub fn show_changes(changes: &[ChangeView], page: &mut Page) {
    if changes.is_empty() {
        page.line("nothing", Tone::Faint);
    }
    for ChangeView { path, before, after } in changes {
        page.line(path, Tone::Faint);
        if let Some(before) = before {
            page.toned_field("  was", before, Tone::Bad);
        }
        if let Some(after) = after {
            page.toned_field("  is", after, Tone::Good);
        }
    }
}

fn show_field(reviewed: &ReviewedField, page: &mut Page) {
    let ReviewedField { field, tier, describes } = reviewed;
    let tier = tier.map_or("the policy has no such class", |tier| tier.name());
    page.line(&field.name, Tone::Plain);
    page.field("  is", format!("{}, {} ({tier}): {describes}", field.r#type, field.class));
    page.field("  treatment", &field.treatment);
    page.field("  from", &field.source);
    page.field("  to", &field.destination);
    page.field("  needed", &field.necessity);
}

fn show_gate(review: &GateReview, page: &mut Page) {
    let standing = &review.standing;
    page.heading(&format!("Gate {}", review.gate));
    let tone = if standing.have >= standing.needed { Tone::Good } else { Tone::Warning };
    page.toned_field("votes", &format!("{} of {}", standing.have, standing.needed), tone);
    standing.votes.iter().for_each(|cast| vote(cast, page));
    if standing.hidden > 0 {
        page.field("", format!("{} not shown before the gate has all of them", many(standing.hidden.into(), "vote")));
    }
    page.field("question", standing.question);
    for AnswerView { path, question, answer } in &review.answers {
        page.line(&format!("{path}: {question}"), Tone::Faint);
        page.field("", answer);
    }
    match &review.not_you {
        Some(why) if review.commands.is_empty() => page.toned_field("you", why, Tone::Faint),
        _ => page.line("You may answer:", Tone::Plain),
    }
    review.commands.iter().for_each(|command| page.verbatim(command));
}

impl Row for SignedVote {
    const NONE: &'static str = "No votes that may be shown yet.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = ["LEAF", "AT (UTC)", "GATE", "WHO", "DECISION"].map(Column::Whole);
        let mut table = Table::new(&columns);
        for row in rows {
            table.row([
                row.leaf.to_string().into(),
                minute(&row.at).into(),
                row.gate.to_string().into(),
                (&row.who).into(),
                row.decision.name().into(),
            ]);
        }
        page.table(&table);
    }
}

impl Show for VoteText {
    fn show(&self, page: &mut Page) {
        page.block(&self.text);
    }
}
