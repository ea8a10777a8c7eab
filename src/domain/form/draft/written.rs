//! A draft as TOML, in the form's order: each question with its reason beside the answer that a person gives.

use super::{Answer, Confidence, Draft, DraftField, Extent, Need, QUESTIONS, Question, empty};
use crate::domain::shown::{is_unseen, many};
use serde_json::Value;

/// Marks what a person still answers.
const OPEN: &str = "# OPEN";

impl Draft {
    pub fn to_toml(&self) -> String {
        let mut out = self.opening();
        let mut table = "";
        for question in QUESTIONS {
            if question.table() == "field" {
                continue;
            }
            if question.table() != table {
                table = question.table();
                out.push_str(&format!("\n{}[{table}]\n", if is_asked_at_times(table) { "# " } else { "" }));
            }
            self.question(question, &mut out);
        }
        self.inventory(&mut out);
        out
    }

    fn opening(&self) -> String {
        let rows = many(self.rows, "row");
        let sample = match self.extent {
            Extent::Whole => rows,
            Extent::Beginning => format!("the first {rows}"),
        };
        format!(
            "# A draft of a request, from a sample of {sample}. What is marked OPEN a person answers; what is suggested a person checks,\n\
             # and first of all what is marked UNSURE. All that is missing, at once:\n\
             #     egressctl ticket lint FILE\n"
        )
    }

    fn question(&self, question: &Question, out: &mut String) {
        out.push_str(&asked(question));
        let key = question.key();
        out.push_str(&match (self.known(question).or_else(|| empty(question.answer)), question.need) {
            (Some(answer), Need::Always) => format!("{key} = {}{}\n", toml(&answer), mark(&answer)),
            (None, Need::Always) => format!("# {key} = {OPEN}\n"),
            (_, Need::When(_) | Need::Never) => format!("# {key} =\n"),
        });
    }

    fn inventory(&self, out: &mut String) {
        out.push_str("\n# The fields, in the order of the file's columns. Of each it is asked:\n");
        for question in QUESTIONS.iter().filter(|question| question.table() == "field") {
            out.push_str(&format!("# {}: {} {}{}\n", question.key(), question.ask, question.why, choices(question.answer)));
        }
        for field in &self.fields {
            field.written(out);
        }
    }
}

impl DraftField {
    fn written(&self, out: &mut String) {
        out.push_str("\n[[field]]\n");
        for question in QUESTIONS.iter().filter(|question| question.table() == "field") {
            let Some(answer) = self.answer(question).or_else(|| empty(question.answer)) else { continue };
            let comment = match (question.key(), self.class.confidence) {
                ("class", Confidence::Suggested) => format!(" # suggested: {}", self.class.reason),
                ("class", Confidence::Unsure) => format!(" # UNSURE: {}", self.class.reason),
                _ => mark(&answer),
            };
            out.push_str(&format!("{} = {}{comment}\n", question.key(), toml(&answer)));
        }
    }
}

/// A table whose every question is asked of some requests only: a heading alone would already answer that.
fn is_asked_at_times(table: &str) -> bool {
    QUESTIONS.iter().filter(|question| question.table() == table).all(|question| matches!(question.need, Need::When(_)))
}

fn asked(question: &Question) -> String {
    let when = match question.need {
        Need::Always => String::new(),
        Need::Never => " May be left out.".to_owned(),
        Need::When(case) => format!(" Asked when {}.", case.words()),
    };
    let Question { ask, why, example, .. } = question;
    format!("\n# {ask} {why}{when}\n#     for example {example}{}\n", choices(question.answer))
}

fn choices(answer: Answer) -> String {
    match answer {
        Answer::OneOf(words) if words.len() > 1 => format!("; one of {}", words.join(", ")),
        Answer::Whole { least, most } => format!("; {least} to {most}"),
        _ => String::new(),
    }
}

fn mark(answer: &Value) -> String {
    let open =
        matches!(answer, Value::String(text) if text.is_empty()) || matches!(answer, Value::Array(list) if list.is_empty());
    if open { format!(" {OPEN}") } else { String::new() }
}

/// A column's name may hold anything. What nobody sees is written as an escape, so that it drives no terminal and no reader of TOML.
fn toml(answer: &Value) -> String {
    let Value::String(text) = answer else { return answer.to_string() };
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_unseen(c) => out.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}
