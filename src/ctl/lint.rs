//! `ticket lint`: all that a ticket file lacks, said without a daemon.

use super::{
    page::Page,
    show::Show,
    table::Tone,
    trouble::{Exit, Trouble},
};
use crate::domain::{
    form::lint::{self, Checklist},
    policy::Policy,
    shown::many,
    time::Day,
};
use serde::Serialize;
use std::path::Path;

/// What `ticket lint` answers.
#[derive(Serialize)]
pub struct Checked {
    complete_percent: u32,
    answered: u32,
    asked: u32,
    /// Whether classes, tiers and conditions were looked at.
    against_policy: Option<String>,
    problems: Vec<Complaint>,
}

#[derive(Serialize)]
struct Complaint {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    path: String,
    what: String,
    why: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    example: String,
}

/// `policy`: its file and what stands in it.
pub fn lint(text: &str, policy: Option<(&Path, String)>, today: Day) -> Result<Checked, Trouble> {
    let read =
        |(file, text): &(&Path, String)| Policy::parse(text).map_err(|error| Trouble::content(file, error, "policy check"));
    let parsed = policy.as_ref().map(read).transpose()?;
    let checked = lint::lint(text, parsed.as_ref(), Some(today));
    Ok(Checked {
        complete_percent: checked.percent(),
        answered: checked.answered,
        asked: checked.asked,
        against_policy: policy.map(|(file, _)| file.display().to_string()),
        problems: complaints(checked),
    })
}

fn complaints(checked: Checklist) -> Vec<Complaint> {
    let complaint = |problem: lint::Problem| Complaint {
        code: problem.code.name(),
        line: problem.line,
        path: problem.path,
        what: problem.what,
        why: problem.why.into_owned(),
        example: problem.example,
    };
    checked.problems.into_iter().map(complaint).collect()
}

impl Show for Checked {
    fn show(&self, page: &mut Page) {
        let problems = many(self.problems.len() as u64, "problem");
        let tone = if self.problems.is_empty() { Tone::Good } else { Tone::Bad };
        page.line(
            &format!("{} % complete: {} of {} answered, {problems}", self.complete_percent, self.answered, self.asked),
            tone,
        );
        if self.against_policy.is_none() {
            page.line("no policy was given (--policy): classes, tiers and conditions were not looked at", Tone::Faint);
        }
        for complaint in &self.problems {
            match complaint.line {
                Some(line) => page.heading(&format!("line {line}: {}", complaint.what)),
                None => page.heading(&complaint.what),
            }
            page.field(complaint.code, &complaint.why);
            if !complaint.example.is_empty() {
                page.field("try", &complaint.example);
            }
        }
    }

    fn exit(&self) -> Exit {
        if self.problems.is_empty() { Exit::Done } else { Exit::Refused }
    }
}
