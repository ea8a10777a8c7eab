//! What a command prints: headings, labelled values, tables, lists. Everything on it has been escaped.

use super::{
    table::{Colour, Table, Tone},
    text::{minute, visible, width, wrap},
};
use crate::gateway::answers::{Blocker, Moment};

/// The columns of a terminal that does not say how wide it is (ECMA-48's customary 80).
pub const USUAL_WIDTH: usize = 80;
/// Columns of a label and the space after it.
const LABEL: usize = 16;
/// Columns of an instant to the minute and the space after it.
const INSTANT: usize = 18;

pub struct Page {
    width: usize,
    colour: Colour,
    out: String,
}

impl Page {
    pub fn new(width: usize, colour: Colour) -> Self {
        Self { width, colour, out: String::new() }
    }

    pub fn finish(self) -> String {
        self.out
    }

    /// A title; a blank line before it unless the page is empty.
    pub fn heading(&mut self, text: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.line(text, Tone::Plain);
    }

    pub fn line(&mut self, text: &str, tone: Tone) {
        for line in wrap(&visible(text), self.width) {
            self.out.push_str(&format!("{}\n", tone.paint(&line, self.colour)));
        }
    }

    /// One of several: its further lines stand under its first.
    pub fn item(&mut self, text: &str, tone: Tone) {
        let mut head = "- ";
        for line in wrap(&visible(text), self.width.saturating_sub(head.len())) {
            self.out.push_str(&format!("{}\n", tone.paint(&format!("{head}{line}"), self.colour)));
            head = "  ";
        }
    }

    pub fn field(&mut self, label: &str, value: impl ToString) {
        self.toned_field(label, &value.to_string(), Tone::Plain);
    }

    pub fn toned_field(&mut self, label: &str, value: &str, tone: Tone) {
        self.hanging(label, LABEL, value, tone);
    }

    /// `value` beside `label`, its further lines under its first.
    fn hanging(&mut self, label: &str, indent: usize, value: &str, tone: Tone) {
        let (label, value) = (visible(label), visible(value));
        let mut head = Tone::Faint.paint(&label, self.colour) + &" ".repeat(indent.saturating_sub(width(&label)).max(1));
        for line in wrap(&value, self.width.saturating_sub(indent)) {
            self.out.push_str(&format!("{}\n", format!("{head}{}", tone.paint(&line, self.colour)).trim_end()));
            head = " ".repeat(indent);
        }
    }

    /// A line to be copied: never wrapped.
    pub fn verbatim(&mut self, text: &str) {
        self.out.push_str(&format!("  {}\n", visible(text)));
    }

    /// Lines that were made elsewhere and stay as they are: a signed note.
    pub fn block(&mut self, text: &str) {
        for line in text.lines() {
            self.out.push_str(&visible(line));
            self.out.push('\n');
        }
    }

    pub fn table(&mut self, table: &Table) {
        self.out.push_str(&table.render(self.width, self.colour));
    }

    /// What stands in the way: what, who can move it, and the command, each on a line of its own.
    pub fn blockers(&mut self, title: &str, blockers: &[Blocker]) {
        if blockers.is_empty() {
            return;
        }
        self.heading(title);
        for blocker in blockers {
            self.item(&blocker.what, Tone::Warning);
            if !blocker.who.is_empty() {
                self.hanging("  by", "  by ".len(), &blocker.who, Tone::Plain);
            }
            if !blocker.command.is_empty() {
                self.verbatim(&blocker.command);
            }
        }
    }

    pub fn timeline(&mut self, moments: &[Moment]) {
        if moments.is_empty() {
            return;
        }
        self.heading("History (UTC)");
        for moment in moments {
            let what = format!("{}, by {} (leaf {})", moment.what, moment.who, moment.leaf);
            self.hanging(&minute(&moment.at), INSTANT, &what, Tone::Plain);
        }
    }
}
