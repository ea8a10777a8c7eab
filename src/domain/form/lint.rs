//! Lint: everything that a request lacks, at once, each with its line, why it matters and what a good answer looks like.

mod answer;
mod between;
mod code;

use super::{
    Case, Need, QUESTIONS, Question,
    located::{self, Line, Located, Table, Value},
    wording::Wording,
    written::cases,
};
use crate::domain::{
    document::DocumentError, limits, nearest::nearest, policy::Policy, shown::shown, ticket::TicketDocument, time::Day,
};
use std::{borrow::Cow, collections::BTreeSet, fmt};

/// What kind of problem it is. Stable: `L1001`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Code {
    Unreadable,
    Missing,
    UnknownKey,
    WrongForm,
    Vague,
    NotAbsolute,
    OutOfBounds,
    Contradiction,
    PolicyForbids,
}

impl Code {
    pub const ALL: [Self; 9] = [
        Self::Unreadable,
        Self::Missing,
        Self::UnknownKey,
        Self::WrongForm,
        Self::Vague,
        Self::NotAbsolute,
        Self::OutOfBounds,
        Self::Contradiction,
        Self::PolicyForbids,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "L1000",
            Self::Missing => "L1001",
            Self::UnknownKey => "L1002",
            Self::WrongForm => "L1003",
            Self::Vague => "L1004",
            Self::NotAbsolute => "L1005",
            Self::OutOfBounds => "L1006",
            Self::Contradiction => "L1007",
            Self::PolicyForbids => "L1008",
        }
    }

    pub const fn means(self) -> &'static str {
        match self {
            Self::Unreadable => "the file, or a part of it, is neither TOML nor JSON that the form understands",
            Self::Missing => "a question of the form, or one that the policy asks for, has no answer",
            Self::UnknownKey => "a key that the form does not have",
            Self::WrongForm => "an answer of another form than the question's: a text for a number, a day that is none",
            Self::Vague => "words that say nothing, or that could mean more than they say",
            Self::NotAbsolute => "a source or destination that does not name one place, whole",
            Self::OutOfBounds => "an answer that is none of those there are, too large, too small or too late",
            Self::Contradiction => "two answers that cannot both be right",
            Self::PolicyForbids => "what the policy does not allow, whoever approves it",
        }
    }
}

/// One thing that keeps a request from being submitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub code: Code,
    /// None: it stands nowhere yet.
    pub line: Option<Line>,
    /// `field[3].source`
    pub path: String,
    pub what: String,
    pub why: Cow<'static, str>,
    /// A good answer as it is written; empty where none can be given.
    pub example: String,
}

impl Problem {
    /// Where in the file its example is written: the table that its path stands in, as TOML heads it. None: it is no line of a table.
    pub fn place(&self) -> Option<String> {
        if !self.example.contains(" = ") || self.path.is_empty() {
            return None;
        }
        Some(match self.path.rsplit_once('.') {
            None => "the top of the file, before its first [table]".to_owned(),
            Some((table, _)) => match table.strip_prefix("field[").and_then(|rest| rest.strip_suffix(']')) {
                Some(nth) => format!("[[field]], number {nth}"),
                None => format!("[{table}]"),
            },
        })
    }
}

/// What a request answers, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checklist {
    /// In the order of their lines.
    pub problems: Vec<Problem>,
    pub answered: u32,
    pub asked: u32,
}

impl Checklist {
    /// 100 only when nothing is wrong.
    pub fn percent(&self) -> u32 {
        match (self.problems.is_empty(), self.asked) {
            (true, _) => 100,
            (false, 0) => 0,
            (false, asked) => (self.answered * 100 / asked).min(99),
        }
    }

    pub fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One paragraph for each problem, as a terminal shows it.
impl fmt::Display for Checklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().take(limits::PROBLEMS_SHOWN).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            match problem.line {
                Some(line) => write!(f, "  line {line}: {} {}", problem.code.name(), problem.what)?,
                None => write!(f, "  {} {}", problem.code.name(), problem.what)?,
            }
            match problem.place() {
                Some(place) => write!(f, "\n      {}  # in {place}", problem.example)?,
                None if problem.example.is_empty() => {}
                None => write!(f, "\n      {}", problem.example)?,
            }
        }
        match self.problems.len().saturating_sub(limits::PROBLEMS_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Reads a ticket file as its reviewers will. Without a policy nothing is said of classes, tiers and conditions; without a day
/// nothing of a window that has passed.
pub fn lint(text: &str, policy: Option<&Policy>, today: Option<Day>) -> Checklist {
    let (table, errors) = located::read(text);
    let default = Wording::default();
    let mut lint = Lint {
        wording: policy.map_or(&default, Policy::wording),
        policy,
        is_torn: !errors.is_empty(),
        problems: errors.iter().map(unreadable).collect(),
        answered: 0,
        asked: 0,
    };
    lint.form(&table);
    lint.between_answers(&table, today);
    if lint.problems.is_empty() {
        // The reader that counts: what it refuses for a reason of its own is told in its own words.
        lint.problems.extend(TicketDocument::parse(text).err().iter().map(unreadable));
    }
    lint.problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
    Checklist { problems: lint.problems, answered: lint.answered, asked: lint.asked }
}

fn unreadable(error: &DocumentError) -> Problem {
    let example = error.hint.clone().unwrap_or_default();
    let why = "What is not understood is not guessed.".into();
    Problem { code: Code::Unreadable, line: error.line, path: String::new(), what: error.what.clone(), why, example }
}

struct Lint<'a> {
    wording: &'a Wording,
    policy: Option<&'a Policy>,
    /// Parts of the document could not be read.
    is_torn: bool,
    problems: Vec<Problem>,
    answered: u32,
    asked: u32,
}

/// The tables of the form, each once; the document itself first.
fn tables() -> impl Iterator<Item = &'static str> {
    let mut seen = BTreeSet::new();
    QUESTIONS.iter().map(Question::table).filter(move |table| seen.insert(*table))
}

fn asked_in(table: &str) -> impl Iterator<Item = &'static Question> {
    QUESTIONS.iter().filter(move |question| question.table() == table)
}

impl Lint<'_> {
    fn form(&mut self, document: &Table) {
        let known = asked_in("").map(Question::key).chain(tables().filter(|table| !table.is_empty()));
        self.unknown_keys(document, "", known.collect());
        let cases = cases(document);
        for table in tables() {
            match table {
                "" => self.table(document, None, "", "", &cases),
                "field" => self.fields(document, &cases),
                name => self.sub_table(document, name, &cases),
            }
        }
    }

    fn sub_table(&mut self, document: &Table, name: &'static str, cases: &[Case]) {
        match document.get(name) {
            Some(Located { line, value: Value::Table(table) }) => {
                self.unknown_keys(table, name, asked_in(name).map(Question::key).collect());
                self.table(table, Some(*line), name, name, cases);
            }
            Some(Located { line, value }) => {
                self.wrong_table(name, *line, value, &format!("[{name}]"));
            }
            None => self.table(&Table::default(), None, name, name, cases),
        }
    }

    fn wrong_table(&mut self, name: &str, line: Line, value: &Value, header: &str) {
        let what = format!("{name} is {}: it is a table, and begins with {header}", value.name());
        let why = "What is not understood is not guessed.".into();
        self.asked += 1;
        self.push(Problem { code: Code::WrongForm, line: Some(line), path: name.into(), what, why, example: header.into() });
    }

    fn fields(&mut self, document: &Table, cases: &[Case]) {
        let Some(located) = document.get("field") else {
            return self.table(&Table::default(), None, "field", "field[1]", cases);
        };
        let Value::List(fields) = &located.value else {
            return self.wrong_table("field", located.line, &located.value, "[[field]]");
        };
        if fields.is_empty() || fields.len() > limits::INVENTORY_FIELDS {
            let what =
                format!("field: a request names 1 to {} fields; this one names {}", limits::INVENTORY_FIELDS, fields.len());
            self.complain(Code::OutOfBounds, Some(located.line), "field", what, asked_in("field").next());
        }
        let mut names = BTreeSet::new();
        for (i, field) in fields.iter().take(limits::INVENTORY_FIELDS).enumerate() {
            let path = format!("field[{}]", i + 1);
            let Value::Table(table) = &field.value else {
                self.wrong_table(&path, field.line, &field.value, "[[field]]");
                continue;
            };
            self.unknown_keys(table, &path, asked_in("field").map(Question::key).collect());
            self.table(table, Some(field.line), "field", &path, cases);
            if let Some(Located { line, value: Value::Text(name) }) = table.get("name")
                && !names.insert(name.as_str())
            {
                let what = format!("{path}.name: {} is named twice", shown(name));
                self.complain(Code::Contradiction, Some(*line), &format!("{path}.name"), what, asked_in("field").next());
            }
        }
    }

    fn unknown_keys(&mut self, table: &Table, at: &str, known: BTreeSet<&'static str>) {
        for (key, located) in &table.0 {
            if known.contains(key.as_str()) {
                continue;
            }
            if self.problems.len() >= limits::PROBLEMS_FOUND {
                return;
            }
            let example = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known here are: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            self.push(Problem {
                code: Code::UnknownKey,
                line: Some(located.line),
                path: join(at, key),
                what: format!("the form has no key {}", shown(key)),
                why: "An answer that nobody asked for is read by nobody.".into(),
                example,
            });
        }
    }

    /// One table's answers. `line`: where the table begins.
    fn table(&mut self, table: &Table, line: Option<Line>, name: &str, path: &str, cases: &[Case]) {
        for question in asked_in(name) {
            let given = table.get(question.key());
            let needed = match question.need {
                Need::Always => true,
                Need::Never => false,
                Need::When(case) => cases.contains(&case),
            };
            if !needed && given.is_none() {
                continue;
            }
            self.asked += 1;
            let path = join(path, question.key());
            let wrong = match given {
                // It may stand on a line that could not be read.
                None if self.is_torn => Vec::new(),
                None => vec![(Code::Missing, line, format!("{path} is missing. {}", question.ask))],
                Some(located) => self.answer(question.answer, located, &path),
            };
            if wrong.is_empty() && given.is_some() {
                self.answered += 1;
            }
            for (code, line, what) in wrong {
                self.complain(code, line, &path, what, Some(question));
            }
        }
    }

    fn push(&mut self, problem: Problem) {
        if self.problems.len() < limits::PROBLEMS_FOUND {
            self.problems.push(problem);
        }
    }

    fn complain(&mut self, code: Code, line: Option<Line>, path: &str, what: String, question: Option<&Question>) {
        let why = question.map_or("", |question| question.why).into();
        let example = question.map(|question| format!("{} = {}", question.key(), question.example)).unwrap_or_default();
        self.push(Problem { code, line, path: path.to_owned(), what, why, example });
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { shown(key) } else { format!("{path}.{}", shown(key)) }
}
