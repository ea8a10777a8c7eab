//! Answers against each other, the day and the policy: what no single answer shows.

use super::{Code, Lint, Problem};
use crate::domain::{
    form::{
        QUESTIONS, TREATMENTS,
        located::{Line, Located, Table, Value},
        written::{field_tables, given, text, traits, whole},
    },
    policy::{Condition, Policy, Traits},
    time::Day,
};
use std::borrow::Cow;

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
        let Some(policy) = self.policy else { return };
        let traits = traits(document, policy);
        self.tier_rules(document, policy, &traits);
        for condition in policy.conditions_on(&traits) {
            self.condition(document, condition);
        }
    }

    fn contradict(&mut self, line: Line, path: &str, what: String) {
        let why = "Reviewers would approve one of the two without knowing which.".into();
        self.push(Problem { code: Code::Contradiction, line: Some(line), path: path.into(), what, why, example: String::new() });
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

    fn tier_rules(&mut self, document: &Table, policy: &Policy, traits: &Traits) {
        let bounds = policy.retention(traits);
        if let Some((line, days)) = whole(document, "", "retention_days")
            && !(i64::from(bounds.least)..=i64::from(bounds.most)).contains(&days)
        {
            let what =
                format!("{days} days are outside the {} to {} that tier {} allows", bounds.least, bounds.most, traits.tier);
            self.forbid(
                Some(line),
                "retention_days",
                what,
                "The policy bounds how long a vendor may find a file here.",
                String::new(),
            );
        }
        if let Some((line, "not_personal")) = text(document, "legal", "basis")
            && traits.is_personal()
        {
            let what = format!("its fields make it tier {}, so it is about persons: a legal basis is needed", traits.tier);
            self.contradict(line, "legal.basis", what);
        }
        for (i, field) in field_tables(document).enumerate() {
            self.treatment(policy, field, i + 1, traits);
        }
    }

    /// Test systems are guarded less; and a promise that nobody checks is none.
    fn treatment(&mut self, policy: &Policy, field: &Table, nth: usize, traits: &Traits) {
        let word = |key| match field.get(key) {
            Some(Located { line, value: Value::Text(text) }) => Some((*line, text.as_str())),
            _ => None,
        };
        let Some((line, treatment)) = word("treatment") else { return };
        let path = format!("field[{nth}].treatment");
        if treatment != "as_is" && TREATMENTS.contains(&treatment) {
            let what = format!("the treatment {treatment} cannot be verified yet: only as_is can be promised");
            self.forbid(Some(line), &path, what, "What is promised is checked on every row.", "treatment = \"as_is\"".into());
        }
        let class = word("class").and_then(|(_, class)| policy.class(&class.parse().ok()?));
        if treatment == "as_is" && traits.is_non_production() && class.is_some_and(|class| class.is_direct()) {
            let what = "direct identifiers as they are never go into a non-production environment".to_owned();
            self.forbid(Some(line), &path, what, "Test systems are guarded less.", "environment = \"production\"".into());
        }
    }

    fn forbid(&mut self, line: Option<Line>, path: &str, what: String, why: &'static str, example: String) {
        let what = format!("{path}: {what}");
        self.push(Problem { code: Code::PolicyForbids, line, path: path.into(), what, why: why.into(), example });
    }

    fn condition(&mut self, document: &Table, condition: &Condition) {
        let why = |what: &str| -> Cow<'static, str> { format!("{what} \"{}\".", condition.name).into() };
        for reference in &condition.references {
            self.asked += 1;
            let filed = match document.get("legal").map(|legal| &legal.value) {
                Some(Value::Table(legal)) => match legal.get("references").map(|references| &references.value) {
                    Some(Value::Table(references)) => references.get(reference.as_str()).is_some(),
                    _ => false,
                },
                _ => false,
            };
            if filed {
                self.answered += 1;
                continue;
            }
            self.push(Problem {
                code: Code::Missing,
                line: document.get("legal").map(|legal| legal.line),
                path: format!("legal.references.{reference}"),
                what: format!("legal.references.{reference} is missing: under which number is it filed?"),
                why: why("The policy asks for it under"),
                example: format!("references = {{ {reference} = \"…\" }}"),
            });
        }
        for path in &condition.answers {
            let Some(question) = QUESTIONS.iter().find(|question| question.path == path.as_str()) else { continue };
            if given(document, question).is_none() {
                self.asked += 1;
                self.push(Problem {
                    code: Code::Missing,
                    line: document.get(question.table()).map(|table| table.line),
                    path: path.clone(),
                    what: format!("{path} is missing. {}", question.ask),
                    why: why("The policy asks for it under"),
                    example: format!("{} = {}", question.key(), question.example),
                });
            }
        }
        if let (Some(most), Some((line, rows))) = (condition.max_rows, whole(document, "limits", "max_rows"))
            && rows.cast_unsigned() > most
        {
            let what = format!("max_rows = {rows} is above the {most} of \"{}\"", condition.name);
            self.forbid(
                Some(line),
                "limits.max_rows",
                what,
                "What the policy bounds no request can widen.",
                format!("max_rows = {most}"),
            );
        }
    }
}
