//! The log: verdicts, checkpoints, the newest leaves; and explanations.

use super::{Column, Page, Row, Show, Table, Tone, listed};
use crate::{
    ctl::{text::minute, trouble::Exit},
    gateway::answers::{AuditVerdict, CheckpointNote, Explanation, Soundness, TailRow},
};

impl Show for AuditVerdict {
    fn show(&self, page: &mut Page) {
        match self.verdict {
            Soundness::Sound => page.line("sound: the log is what it was, and the index is what it says", Tone::Good),
            Soundness::Broken => page.line("BROKEN", Tone::Bad),
        }
        for problem in &self.problems {
            let at = problem.leaf.map_or("log".to_owned(), |leaf| format!("leaf {leaf}"));
            page.toned_field(&at, &problem.what, Tone::Bad);
        }
        page.field("leaves", self.size);
        page.field("root", self.root);
        page.field("checked", listed(&self.checked));
        page.field("took", format!("{} ms", self.took_ms));
    }

    fn exit(&self) -> Exit {
        match self.verdict {
            Soundness::Sound => Exit::Done,
            Soundness::Broken => Exit::Refused,
        }
    }
}

impl Show for CheckpointNote {
    /// The note and nothing else: what is printed is what is kept.
    fn show(&self, page: &mut Page) {
        page.block(&self.note);
    }
}

impl Row for TailRow {
    const NONE: &'static str = "No leaves.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [
            Column::Number("LEAF"),
            Column::Whole("AT (UTC)"),
            Column::Flexible("WHO"),
            Column::Flexible("SUBJECT"),
            Column::Flexible("WHAT"),
        ];
        let mut table = Table::new(&columns);
        for row in rows {
            table.row([row.leaf.into(), minute(&row.at).into(), (&row.who).into(), row.about().into(), (&row.what).into()]);
        }
        page.table(&table);
    }
}

impl TailRow {
    /// What it is about, as an older daemon says it, too.
    fn about(&self) -> &str {
        if self.about.is_empty() { &self.subject } else { &self.about }
    }
}

impl Show for Explanation {
    fn show(&self, page: &mut Page) {
        // Most headlines are sentences about their subject.
        let named = self.headline.starts_with(&self.subject);
        page.line(&if named { self.headline.clone() } else { format!("{}: {}", self.subject, self.headline) }, Tone::Plain);
        for reason in &self.because {
            page.item(reason, Tone::Plain);
        }
        if !self.who.is_empty() {
            page.field("who can help", &self.who);
        }
        if !self.commands.is_empty() {
            page.heading("To type");
            self.commands.iter().for_each(|command| page.verbatim(command));
        }
        if let Some(more) = &self.page {
            page.field("page", more);
        }
        page.timeline(&self.timeline);
    }
}
