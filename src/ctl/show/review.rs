//! The review page: what is asked, what has changed, what may be answered; and a vote's text.

use super::{
    Cell, Column, Page, Row, Show, Table, Tone, people::show_red_flags, risk::show_acceptances, ticket_tone, tickets::vote,
};
use crate::{
    ctl::{text::minute, trouble::Trouble},
    domain::{people::Gate, shown::many},
    gateway::answers::{AnswerView, ChangeView, GateReview, ReviewedField, SignedVote, TicketReview, TicketState, VoteText},
};

/// A review, and the gate whose whole question is shown: the one that was asked for, or the only one that waits for whoever asks.
pub struct Reviewed {
    review: TicketReview,
    chosen: Option<Gate>,
}

impl Reviewed {
    pub fn of(review: TicketReview, asked: Option<Gate>) -> Result<Self, Trouble> {
        let there = |gate: Gate| review.gates.iter().any(|review| review.gate == gate);
        if let Some(gate) = asked.filter(|gate| !there(*gate)) {
            let gates = review.gates.iter().map(|review| review.gate.name()).collect::<Vec<_>>().join(", ");
            return Err(Trouble::NoGate { ticket: review.ticket, gate, gates });
        }
        let only = match review.awaits_you.as_slice() {
            [gate] => Some(*gate),
            _ => None,
        };
        Ok(Self { chosen: asked.or(only), review })
    }
}

impl Show for Reviewed {
    fn show(&self, page: &mut Page) {
        let Self { review, chosen } = self;
        show_head(review, page);
        if let Some(before) = review.compared_with {
            page.heading(&format!("Changed since revision {before}"));
            show_changes(&review.changes, page);
        }
        show_acceptances(&review.acceptances, review.gates.iter().map(|gate| &gate.standing), page);
        show_gates(review, page);
        let asked = review.gates.iter().find(|review| Some(review.gate) == *chosen);
        if asked.is_some() {
            page.heading("Fields, which every gate is asked about");
            review.fields.iter().for_each(|field| show_field(field, page));
        } else {
            show_inventory(&review.fields, page);
        }
        if !review.held.is_empty() {
            page.heading("Found in its files so far");
            for held in &review.held {
                page.item(&format!("{} {} ({})", held.code, held.what, many(held.files, "file")), Tone::Bad);
            }
        }
        asked.into_iter().for_each(|gate| show_gate(gate, page));
        page.blockers(waits(review), &review.waits_for);
        if asked.is_some_and(|gate| !gate.commands.is_empty()) {
            page.heading("Codes for --because");
            for (code, means) in &review.reasons {
                page.field(code, means);
            }
        }
        if let (None, Some(GateReview { gate, .. })) = (asked, review.gates.first()) {
            page.heading("A gate's whole question, with every field's source, place and need:");
            page.verbatim(&format!("egressctl ticket review {} --gate {gate}", review.ticket));
        }
    }
}

/// Over what keeps it from moving, or over how it ended.
fn waits(review: &TicketReview) -> &'static str {
    use TicketState::{Closed, Rejected, Revoked, Withdrawn};
    match review.ticket_state {
        Some(Closed | Rejected | Revoked | Withdrawn) => "It has ended",
        _ => "It waits because",
    }
}

fn show_head(review: &TicketReview, page: &mut Page) {
    page.line(&format!("{}, revision {}: {}", review.ticket, review.revision_number, review.title), Tone::Plain);
    match review.ticket_state {
        None => page.toned_field("state", review.state.name(), ticket_tone(review.state)),
        Some(state) => {
            page.toned_field("state", state.name(), ticket_tone(state));
            page.field("its review", review.state.name());
        }
    }
    page.field("tier", review.tier.name());
    let name = if review.vendor_name.is_empty() { String::new() } else { format!(": {}", review.vendor_name) };
    page.field("vendor", format!("{}{name}", review.vendor));
    if !review.assessment.is_empty() {
        page.field("assessment", &review.assessment);
    }
    page.field("requester", &review.requester);
    if !review.purpose.is_empty() {
        page.field("purpose", &review.purpose);
    }
    for condition in &review.conditions {
        page.field("condition", condition);
    }
    page.field("digest", review.revision);
    show_red_flags(&review.red_flags, page);
}

/// One line for each gate; below it why it is asked again, and whether it waits for whoever looks.
fn show_gates(review: &TicketReview, page: &mut Page) {
    page.heading("Gates");
    let mut table = Table::new(&["GATE", "IS", "VOTES", "QUESTION"].map(Column::Whole));
    for GateReview { gate, commands, standing, .. } in &review.gates {
        let (is, tone) = if standing.have >= standing.needed { ("green", Tone::Good) } else { ("open", Tone::Warning) };
        let votes = format!("{} of {}", standing.have, standing.needed);
        table.row([gate.name().into(), Cell::toned(is, tone), votes.into(), standing.question.short().into()]);
        for vote in &standing.votes {
            if let Some(why) = &vote.asked_again {
                table.note(&format!("asked again since {} approved on {}: {why}", vote.who, minute(&vote.at)));
            }
        }
        if is == "open" && !commands.is_empty() {
            table.note(&format!("you may vote here: egressctl ticket review {} --gate {gate}", review.ticket));
        }
    }
    page.table(&table);
}

/// What leaves, a line for each field.
fn show_inventory(fields: &[ReviewedField], page: &mut Page) {
    page.heading("Fields, which every gate is asked about");
    let columns = [
        Column::Flexible("FIELD"),
        Column::Whole("TYPE"),
        Column::Flexible("CLASS"),
        Column::Whole("TIER"),
        Column::Whole("TREATMENT"),
    ];
    let mut table = Table::new(&columns);
    for ReviewedField { field, tier, .. } in fields {
        let tier = tier.map_or("none", |tier| tier.name());
        table.row([(&field.name).into(), (&field.r#type).into(), (&field.class).into(), tier.into(), (&field.treatment).into()]);
    }
    page.table(&table);
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
