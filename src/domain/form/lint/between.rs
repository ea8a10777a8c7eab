//! Answers against each other, the day and the policy: what no single answer shows.

use super::{Code, Lint, Problem};
use crate::domain::{
    form::{
        PLANNED_TREATMENTS, QUESTIONS,
        located::{Line, Located, Table, Value},
        written::{answers, field_tables, text, whole},
    },
    ids::Slug,
    policy::{Against, Objection, Policy, RetentionDays},
    time::Day,
};
use std::borrow::Cow;

/// Why two answers that contradict each other are a problem.
const WHICH: &str = "Reviewers would approve one of the two without knowing which.";

impl Lint<'_> {
    /// What no single answer shows: answers against each other and against the policy.
    pub(super) fn between_answers(&mut self, document: &Table, today: Option<Day>) {
        self.window(document, today);
        if let (Some((line, least)), Some((_, most))) =
            (whole(document, "limits", "min_rows"), whole(document, "limits", "max_rows"))
            && least > most
        {
            self.contradict(line, "limits.min_rows", format!("min_rows = {least} is above max_rows = {most}"));
        }
        for (nth, field) in field_tables(document) {
            self.treatment(field, nth);
        }
        let Some(policy) = self.policy else { return };
        let answers = answers(document);
        let papers: Vec<_> = policy.conditions_on(&answers.traits(policy)).flat_map(|condition| &condition.references).collect();
        self.asked += u32::try_from(papers.len()).unwrap_or(u32::MAX);
        let filed = papers.into_iter().filter(|paper| answers.references.contains(*paper)).count();
        self.answered += u32::try_from(filed).unwrap_or(u32::MAX);
        for objection in policy.objections(&answers) {
            let line = document.line_of(&objection.path);
            self.object(line, objection, policy);
        }
    }

    fn contradict(&mut self, line: Line, path: &str, what: String) {
        self.push(Problem {
            code: Code::Contradiction,
            line: Some(line),
            path: path.into(),
            what,
            why: WHICH.into(),
            example: String::new(),
        });
    }

    fn window(&mut self, document: &Table, today: Option<Day>) {
        let day = |key| text(document, "window", key).and_then(|(line, day)| Some((line, Day::try_from(day.to_owned()).ok()?)));
        let (opens, closes) = (day("opens"), day("closes"));
        if let (Some((_, opens)), Some((line, closes))) = (opens, closes)
            && closes < opens
        {
            self.contradict(line, "window.closes", format!("the window closes on {closes}, before it opens on {opens}"));
        }
        if let (Some((line, closes)), Some(today)) = (closes, today)
            && closes < today
        {
            let what = format!("window.closes: it closed on {closes}");
            let why = "What is sent later needs a request of its own.".into();
            self.push(Problem {
                code: Code::OutOfBounds,
                line: Some(line),
                path: "window.closes".into(),
                what,
                why,
                example: String::new(),
            });
        }
    }

    /// A promise that nobody checks is none.
    fn treatment(&mut self, field: &Table, nth: usize) {
        let Some(Located { line, value: Value::Text(treatment) }) = field.get("treatment") else { return };
        if PLANNED_TREATMENTS.contains(&treatment.as_str()) {
            let path = format!("field[{nth}].treatment");
            let what = format!("{path}: the treatment {treatment} cannot be verified yet: only as_is can be promised");
            let (why, example) = ("What is promised is checked on every row.".into(), "treatment = \"as_is\"".into());
            self.push(Problem { code: Code::PolicyForbids, line: Some(*line), path, what, why, example });
        }
    }

    /// What the policy has against it, in words for whoever writes it.
    fn object(&mut self, line: Option<Line>, objection: Objection, policy: &Policy) {
        let Objection { path, against } = objection;
        let asked_under =
            |condition: &str| -> Cow<'static, str> { format!("The policy asks for it under \"{condition}\".").into() };
        let question = QUESTIONS.iter().find(|question| question.path == path);
        let (code, what, why, example) = match against {
            Against::Class { class, nearest, .. } => {
                self.answered = self.answered.saturating_sub(1);
                let known = || policy.class_names().map(Slug::as_str).collect::<Vec<_>>().join(", ");
                let near = nearest.map_or_else(|| format!("it knows {}", known()), |near| format!("did you mean {near}?"));
                let why = "The class decides the tier, and the tier the gates.".into();
                (Code::OutOfBounds, format!("{path}: the policy knows no class {class}; {near}"), why, String::new())
            }
            Against::Retention { days, bounds: RetentionDays { least, most }, tier } => {
                let what = format!("{path}: {days} days are outside the {least} to {most} that tier {tier} allows");
                (Code::PolicyForbids, what, "The policy bounds how long a vendor may find a file here.".into(), String::new())
            }
            Against::Basis { tier } => {
                let what = format!("its fields make it tier {tier}, so it is about persons: a legal basis is needed");
                (Code::Contradiction, what, WHICH.into(), String::new())
            }
            Against::Treatment { .. } => {
                let what = format!("{path}: direct identifiers as they are never go into a non-production environment");
                (Code::PolicyForbids, what, "Test systems are guarded less.".into(), "environment = \"production\"".into())
            }
            Against::NoReference { condition, reference } => {
                let what = format!("{path} is missing: under which number is it filed?");
                (Code::Missing, what, asked_under(&condition), format!("{reference} = \"…\""))
            }
            Against::NoAnswer { condition, .. } => {
                self.asked += 1;
                let ask = question.map_or("", |question| question.ask);
                let example = question.map(|question| format!("{} = {}", question.key(), question.example));
                (Code::Missing, format!("{path} is missing. {ask}"), asked_under(&condition), example.unwrap_or_default())
            }
            Against::Rows { condition, rows, most } => {
                let what = format!("{path}: max_rows = {rows} is above the {most} of \"{condition}\"");
                (Code::PolicyForbids, what, "What the policy bounds no request can widen.".into(), format!("max_rows = {most}"))
            }
        };
        self.push(Problem { code, line, path, what, why, example });
    }
}
