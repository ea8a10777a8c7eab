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
    /// The table that the example belongs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
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
        place: problem.place(),
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
        let (by, tone) = match (&self.against_policy, tone) {
            (Some(_), tone) => ("", tone),
            // Whoever stops reading here has not asked the policy.
            (None, Tone::Good) => (" by the form alone", Tone::Warning),
            (None, tone) => (" by the form alone", tone),
        };
        page.line(
            &format!("{} % complete{by}: {} of {} answered, {problems}", self.complete_percent, self.answered, self.asked),
            tone,
        );
        if self.against_policy.is_none() {
            let what = "the policy was not looked at (classes, retention, conditions, papers) and may refuse it: add --policy POLICY_FILE";
            page.line(what, Tone::Warning);
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
            if let Some(place) = &complaint.place {
                page.field("in", place);
            }
        }
    }

    fn exit(&self) -> Exit {
        if self.problems.is_empty() { Exit::Done } else { Exit::Refused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::table::Colour;

    fn shown(policy: Option<(&Path, String)>) -> String {
        let today = Day::try_from("2026-11-02".to_owned()).unwrap();
        let mut page = Page::new(80, Colour::Off);
        lint(include_str!("../../config/ticket.toml"), policy, today)
            .unwrap_or_else(|_| panic!("it is a policy"))
            .show(&mut page);
        page.finish()
    }

    #[test]
    fn a_percentage_without_the_policy_says_so_beside_it() {
        let alone = shown(None);
        assert!(alone.starts_with("100 % complete by the form alone: ") && alone.contains("--policy POLICY_FILE"), "{alone}");
        let file = Path::new("policy.toml");
        let with = shown(Some((file, include_str!("../../config/policy.toml").to_owned())));
        assert!(with.starts_with("100 % complete: ") && !with.contains("--policy"), "{with}");
    }
}
