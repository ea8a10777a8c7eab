//! `policy check`: all that is wrong with a policy file, or what it leads to, said without a daemon.

use super::{
    page::Page,
    show::Show,
    table::{Column, Table, Tone},
    trouble::Exit,
};
use crate::domain::{
    digest::Digest,
    document::DocumentError,
    people::Gate,
    policy::{Condition, Policy, Scope, Tier},
    shown::many,
    ticket::word,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What `policy check` answers. Without problems: what the policy leads to.
#[derive(Serialize)]
pub struct Checked {
    problems: Vec<Complaint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leads_to: Option<Outline>,
}

#[derive(Serialize)]
struct Complaint {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// A policy at a glance.
#[derive(Serialize)]
struct Outline {
    /// As the log names it.
    digest: Digest,
    tiers: Vec<TierOutline>,
    classes: Vec<ClassOutline>,
    conditions: Vec<ConditionOutline>,
    /// Hours within which gates should answer.
    sla: BTreeMap<Gate, u32>,
    /// Who holds a role for which tickets only.
    scopes: Vec<String>,
    /// Acts around one ticket of which nobody may do two.
    apart: Vec<String>,
    /// Rules that concern nothing: no mistake, and perhaps not what was meant.
    idle: Vec<String>,
}

#[derive(Serialize)]
struct TierOutline {
    tier: Tier,
    gates: Vec<GateOutline>,
    least_days: u32,
    most_days: u32,
    /// Days that an approval counts; absent: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_days: Option<u32>,
}

#[derive(Serialize)]
struct GateOutline {
    gate: Gate,
    votes: u32,
    after: Vec<Gate>,
}

#[derive(Serialize)]
struct ClassOutline {
    class: String,
    tier: Tier,
    quasi_identifier: bool,
    gates: Vec<Gate>,
}

#[derive(Serialize)]
struct ConditionOutline {
    name: String,
    holds_for: Vec<String>,
    asks_for: Vec<String>,
}

pub fn check(text: &str) -> Checked {
    match Policy::read(text) {
        Ok(policy) => Checked { problems: Vec::new(), leads_to: Some(outline(&policy)) },
        Err(problems) => Checked { problems: problems.into_iter().map(complaint).collect(), leads_to: None },
    }
}

fn complaint(DocumentError { line, what, hint, .. }: DocumentError) -> Complaint {
    Complaint { line, what, hint }
}

fn outline(policy: &Policy) -> Outline {
    let gate = |gate: Gate, tier: Tier| GateOutline {
        gate,
        votes: policy.votes_needed(gate, tier),
        after: policy.after(gate).collect(),
    };
    let tier = |tier: Tier| {
        let rule = policy.rule(tier);
        TierOutline {
            tier,
            gates: rule.gates.iter().map(|one| gate(*one, tier)).collect(),
            least_days: rule.retention_days.least,
            most_days: rule.retention_days.most,
            approval_days: policy.approval_days(tier),
        }
    };
    let classes = policy.class_names().filter_map(|name| Some((name, policy.class(name)?)));
    Outline {
        digest: policy.digest(),
        tiers: Tier::ALL.into_iter().map(tier).collect(),
        classes: classes
            .map(|(name, class)| ClassOutline {
                class: name.to_string(),
                tier: class.tier,
                quasi_identifier: class.quasi_identifier,
                gates: policy.rule(class.tier).gates.iter().copied().collect(),
            })
            .collect(),
        conditions: policy.conditions().iter().map(condition).collect(),
        sla: Gate::ALL.into_iter().filter_map(|gate| Some((gate, policy.answer_hours(gate)?))).collect(),
        scopes: policy.scopes().iter().map(scope).collect(),
        apart: policy.apart().iter().map(|rule| listed(&rule.acts)).collect(),
        idle: idle(policy),
    }
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn words<T: Serialize>(choices: &BTreeSet<T>) -> String {
    listed(choices.iter().map(word))
}

fn condition(condition: &Condition) -> ConditionOutline {
    let said = |pairs: Vec<(&str, String)>| {
        let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(key, value)| format!("{key} {value}")).collect()
    };
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    ConditionOutline {
        name: condition.name.clone(),
        holds_for: said(vec![
            ("a class of", listed(&condition.classes)),
            ("tier", listed(&condition.tiers)),
            ("kind", words(&condition.kinds)),
            ("transfer", words(&condition.transfers)),
            ("environment", words(&condition.environments)),
            ("the law of", listed(&condition.jurisdictions)),
        ]),
        asks_for: said(vec![
            ("gates", listed(&condition.gates)),
            ("papers", listed(&condition.references)),
            ("answers", listed(&condition.answers)),
            ("retention days at most", number(condition.most_retention_days.map(u64::from))),
            ("rows at most", number(condition.max_rows)),
        ]),
    }
}

/// `data_owner: dora; for vendors acme`
fn scope(scope: &Scope) -> String {
    let people = if scope.people.is_empty() { "every holder".to_owned() } else { listed(&scope.people) };
    let only = [("vendors", &scope.vendors), ("classes", &scope.classes), ("units", &scope.units)];
    let only = only.iter().filter(|(_, named)| !named.is_empty()).map(|(key, named)| format!("; {key} {}", listed(*named)));
    format!("{}: {people}{}", scope.role, only.collect::<String>())
}

/// What can be written and has no effect.
fn idle(policy: &Policy) -> Vec<String> {
    let asked = |gate: &Gate| {
        Tier::ALL.iter().any(|tier| policy.rule(*tier).gates.contains(gate))
            || policy.conditions().iter().any(|condition| condition.gates.contains(gate))
    };
    let gates = policy.ruled_gates().filter(|gate| !asked(gate));
    let mut idle: Vec<String> =
        gates.map(|gate| format!("gates.{gate} has a rule, and neither a tier nor a condition asks for that gate")).collect();
    if !policy.class_names().filter_map(|name| policy.class(name)).any(|class| class.quasi_identifier) {
        idle.push("combination counts quasi-identifiers, and no class is one".to_owned());
    }
    idle
}

impl Show for Checked {
    fn show(&self, page: &mut Page) {
        if let Some(outline) = &self.leads_to {
            return outline.show(page);
        }
        page.line(&format!("no policy: {}", many(self.problems.len() as u64, "problem")), Tone::Bad);
        for Complaint { line, what, hint } in &self.problems {
            page.heading(&line.map_or_else(|| what.clone(), |line| format!("line {line}: {what}")));
            if let Some(hint) = hint {
                page.field("try", hint);
            }
        }
    }

    fn exit(&self) -> Exit {
        if self.problems.is_empty() { Exit::Done } else { Exit::Refused }
    }
}

impl Show for Outline {
    fn show(&self, page: &mut Page) {
        page.line("a policy that can be gone by", Tone::Good);
        page.field("digest", self.digest);
        page.heading("Tiers");
        let mut tiers = Table::new(&[Column::Whole("TIER"), Column::Whole("RETENTION"), Column::Whole("APPROVED FOR")]);
        for TierOutline { tier, gates, least_days, most_days, approval_days } in &self.tiers {
            let counts = approval_days.map_or_else(|| "no end".to_owned(), |days| format!("{days} days"));
            tiers.row([tier.into(), format!("{least_days} to {most_days} days").into(), counts.into()]);
            tiers.note(&listed(gates.iter().map(gate)));
        }
        page.table(&tiers);
        page.heading("Classes");
        let mut classes = Table::new(&[Column::Whole("CLASS"), Column::Whole("TIER"), Column::Flexible("COUNTS IN COMBINATION")]);
        for ClassOutline { class, tier, quasi_identifier, .. } in &self.classes {
            classes.row([class.into(), tier.into(), if *quasi_identifier { "yes" } else { "" }.into()]);
        }
        page.table(&classes);
        for ConditionOutline { name, holds_for, asks_for } in &self.conditions {
            page.heading(name);
            page.field("holds for", if holds_for.is_empty() { "every request".to_owned() } else { holds_for.join("; ") });
            page.field("asks for", asks_for.join("; "));
        }
        let pace: Vec<String> =
            self.sla.iter().map(|(gate, hours)| format!("{gate} should answer within {hours} hours")).collect();
        let lists = [
            ("Pace", &pace, Tone::Plain),
            ("Scopes", &self.scopes, Tone::Plain),
            ("Kept apart", &self.apart, Tone::Plain),
            ("Without effect", &self.idle, Tone::Warning),
        ];
        for (title, items, tone) in lists.into_iter().filter(|(_, items, _)| !items.is_empty()) {
            page.heading(title);
            items.iter().for_each(|item| page.item(item, tone));
        }
    }
}

/// `privacy ×2 after security`
fn gate(GateOutline { gate, votes, after }: &GateOutline) -> String {
    let votes = if *votes == 1 { String::new() } else { format!(" ×{votes}") };
    let after = if after.is_empty() { String::new() } else { format!(" after {}", listed(after)) };
    format!("{gate}{votes}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::table::Colour;

    const EXAMPLE: &str = include_str!("../../config/policy.toml");

    fn shown(text: &str) -> (String, Exit) {
        let mut page = Page::new(100, Colour::Off);
        let checked = check(text);
        checked.show(&mut page);
        (page.finish(), checked.exit())
    }

    #[test]
    fn a_policy_without_a_mistake_is_shown_by_what_it_leads_to() {
        let text = format!("{EXAMPLE}\n[gates.privacy]\nvotes = {{ T3 = 2 }}\n");
        let (page, exit) = shown(&text);
        assert_eq!(exit, Exit::Done, "{page}");
        for told in [
            "1 to 14 days",
            "privacy ×2",
            "legal after privacy",
            "PCI DSS: card data",
            "retention days at most 7",
            "COUNTS IN COMBINATION",
        ] {
            assert!(page.contains(told), "{told}\n{page}");
        }
        assert!(page.contains("gates.executive has a rule, and neither"), "{page}");
    }

    #[test]
    fn each_mistake_of_a_policy_is_shown_with_its_line() {
        let text = EXAMPLE.replacen("quasi_identifiers = 3", "quasi_identifiers = 0", 1).replacen(
            "least_words = 4",
            "least_words = 99",
            1,
        );
        let (page, exit) = shown(&text);
        assert_eq!(exit, Exit::Refused);
        assert!(page.starts_with("no policy: 2 problems\n\nline ") && page.contains("at most 50"), "{page}");
    }
}
