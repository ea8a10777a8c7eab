//! One answer by itself: whether it is of the form that its question asks for, and says something.

use super::{Code, Lint};
use crate::domain::{
    document::{SECRET, holds_private_key},
    form::{
        Answer, PLANNED_TREATMENTS, TREATMENTS,
        located::{Line, Located, Value},
        longest,
    },
    ids::Slug,
    jurisdiction::Jurisdiction,
    nearest::nearest,
    shown::{is_invisible, shown},
    time::Day,
};

impl Lint<'_> {
    pub(super) fn answer(&self, answer: Answer, located: &Located, path: &str) -> Vec<(Code, Option<Line>, String)> {
        let line = Some(located.line);
        let wrong = |code, what: String| vec![(code, line, format!("{path}: {what}"))];
        match (answer, &located.value) {
            (Answer::List(_), Value::List(items)) if items.is_empty() => wrong(Code::Missing, "the list is empty".into()),
            (Answer::List(inner), Value::List(items)) => {
                items.iter().enumerate().flat_map(|(i, item)| self.answer(*inner, item, &format!("{path}[{}]", i + 1))).collect()
            }
            (Answer::References, Value::Table(table)) => {
                let filed = |(name, value): &(String, Located)| match &value.value {
                    Value::Text(text) if name.parse::<Slug>().is_ok() => self
                        .text(Answer::Name, text)
                        .map(|(code, what)| (code, Some(value.line), format!("{path}.{name}: {what}"))),
                    _ => Some((
                        Code::WrongForm,
                        Some(value.line),
                        format!("{path}.{}: a reference is a name and a text", shown(name)),
                    )),
                };
                table.0.iter().filter_map(filed).collect()
            }
            (Answer::Version, Value::Whole(1)) => Vec::new(),
            (Answer::Version, Value::Whole(other)) => {
                wrong(Code::OutOfBounds, format!("{other} is not a version this program reads: it reads 1"))
            }
            (Answer::Whole { least, most }, Value::Whole(given)) if (least..=most).contains(given) => Vec::new(),
            (Answer::Whole { least, most }, Value::Whole(given)) => {
                wrong(Code::OutOfBounds, format!("{given} is not within {least} and {most}"))
            }
            (Answer::Version | Answer::Whole { .. } | Answer::List(_) | Answer::References, other) => {
                let expected = match answer {
                    Answer::List(_) => "a list in square brackets",
                    Answer::References => "a table of names and references",
                    _ => "a whole number",
                };
                wrong(Code::WrongForm, format!("{} stands where {expected} belongs", other.name()))
            }
            (_, Value::Text(text)) => {
                self.text(answer, text).map(|(code, what)| (code, line, format!("{path}: {what}"))).into_iter().collect()
            }
            (_, other) => wrong(Code::WrongForm, format!("{} stands where a text belongs", other.name())),
        }
    }

    fn text(&self, answer: Answer, text: &str) -> Option<(Code, String)> {
        if text.trim().is_empty() {
            return Some((Code::Missing, "the answer is empty".into()));
        }
        if text.chars().count() > longest(answer) {
            return Some((Code::OutOfBounds, format!("the answer is longer than {} characters", longest(answer))));
        }
        if holds_private_key(text) {
            return Some((Code::WrongForm, SECRET.into()));
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Some((Code::WrongForm, "it holds a control character".into()));
        }
        if text.chars().any(is_invisible) {
            return Some((Code::WrongForm, "it holds a character that no reviewer would see".into()));
        }
        match answer {
            Answer::OneOf(words) if words.contains(&text) => None,
            // Told with its reason by the treatment itself.
            Answer::OneOf(TREATMENTS) if PLANNED_TREATMENTS.contains(&text) => None,
            Answer::OneOf(words) => {
                let near = nearest(text, words.iter().copied()).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                Some((Code::OutOfBounds, format!("{} is none of {}{near}", shown(text), words.join(", "))))
            }
            // Whether the policy knows a class is the policy's to say.
            Answer::Id | Answer::Class => text.parse::<Slug>().err().map(|error| (Code::WrongForm, error.to_string())),
            Answer::Jurisdiction => text.parse::<Jurisdiction>().err().map(|error| (Code::OutOfBounds, error)),
            Answer::Day => Day::try_from(text.to_owned()).err().map(|error| (Code::WrongForm, error)),
            Answer::Prose => self.wording.no_answer(text).map(|what| (Code::Vague, what)),
            Answer::Title | Answer::Name => self.named(text),
            Answer::Place => self.place(text),
            Answer::FieldName => self.field_name(text),
            Answer::Version | Answer::Whole { .. } | Answer::List(_) | Answer::References => None,
        }
    }

    fn named(&self, text: &str) -> Option<(Code, String)> {
        let lower = text.trim().to_lowercase();
        if self.wording.non_answers.contains(lower.trim_end_matches('.')) {
            return Some((Code::Vague, format!("\"{}\" names nothing", text.trim())));
        }
        self.wording.open_end(text).map(|end| (Code::Vague, format!("\"{end}\" leaves open what else is meant")))
    }

    /// A field's name, which inspection compares with the file's columns letter by letter.
    fn field_name(&self, text: &str) -> Option<(Code, String)> {
        if text.trim() != text || text.chars().any(char::is_control) {
            return Some((Code::WrongForm, "a field's name is written exactly as in the file's header".into()));
        }
        if looks_like_another(text) {
            return Some((
                Code::WrongForm,
                "it mixes alphabets or holds combining marks, and looks like another name than it is".into(),
            ));
        }
        if let Some(vague) = open_path(text) {
            return Some((Code::Vague, format!("{vague} could mean anything: name each field")));
        }
        if let Some(end) = self.wording.open_end(text) {
            return Some((Code::Vague, format!("\"{end}\" leaves open what else is meant: name each field")));
        }
        if text.contains([',', ';', '/']) || text.contains(" and ") {
            return Some((Code::Vague, format!("{} names more than one: give each field its own [[field]]", shown(text))));
        }
        let noun = self.wording.collective_in(text)?;
        Some((Code::Vague, format!("\"{noun}\" is a collective noun and could hold anything: name each field")))
    }

    fn place(&self, text: &str) -> Option<(Code, String)> {
        let absolute = text.split_once("://").is_some_and(|(scheme, rest)| {
            let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(letters)
                && !rest.trim_matches('/').is_empty()
        });
        if !absolute {
            return Some((Code::NotAbsolute, format!("{} is no absolute place: a scheme, ://, and the whole path", shown(text))));
        }
        if text.chars().any(char::is_whitespace) {
            return Some((Code::NotAbsolute, format!("{} holds a space: one place, written as an address", shown(text))));
        }
        if text.split('/').any(|part| part == "..") {
            return Some((Code::NotAbsolute, "\"..\" points elsewhere".into()));
        }
        open_path(text).map(|vague| (Code::Vague, format!("{vague} could mean any place: name the one")))
    }
}

/// Whether a path means more than it says.
fn open_path(text: &str) -> Option<&'static str> {
    ["*", "?", "%", "…", "...", "<", "{"].into_iter().find(|open| text.contains(open))
}

/// Whether a name may look like another: Latin letters beside those of alphabets that share their shapes (Greek, Cyrillic, Armenian, Cherokee,
/// full width), or marks that combine with the letter before them (UTS 39).
fn looks_like_another(name: &str) -> bool {
    let like_latin = |c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}');
    let combining = |c: char| matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}');
    let full_width = |c: char| matches!(c, '\u{ff00}'..='\u{ffef}');
    let mixed = name.contains(|c: char| c.is_ascii_alphabetic()) && name.contains(like_latin);
    mixed || name.contains(combining) || name.contains(full_width)
}
