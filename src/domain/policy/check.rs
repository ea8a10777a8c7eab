//! What a policy file cannot say: what no request could meet, what would never be asked, what the floor forbids. All of it at once,
//! each on its line.

use super::{Condition, EXAMPLE, Policy, RetentionDays, Tier};
use crate::domain::{
    canonical,
    document::{self, DocumentError},
    form::{
        self, Need, QUESTIONS, Question,
        located::{self, is_json},
    },
    ids::Slug,
    limits,
    nearest::nearest,
    people::Gate,
    shown::shown,
    ticket::Kind,
};
use std::collections::BTreeSet;

/// Longest retention any policy may allow (days): D73's 30 to 90 with room for a regulator's year.
const RETENTION_CEILING: u32 = 366;

/// Gates that no policy can take from a tier. Everywhere at least one approver who is not the requester.
const fn floor(tier: Tier) -> &'static [Gate] {
    match tier {
        Tier::T0 | Tier::T1 => &[Gate::Business],
        Tier::T2 | Tier::T3 => &[Gate::Business, Gate::Privacy, Gate::Security],
    }
}

/// Something that a policy cannot say.
pub struct Flaw {
    /// Where it says it: `tiers.T2.gates`, `condition[3].answers`.
    path: String,
    what: String,
}

fn flaw(path: impl Into<String>, what: String) -> Flaw {
    Flaw { path: path.into(), what }
}

/// Flaws on their lines.
pub fn located(text: &str, flaws: Vec<Flaw>) -> Vec<DocumentError> {
    if flaws.is_empty() {
        return Vec::new();
    }
    let (table, _) = located::read(text);
    let error = |flaw: Flaw| DocumentError { line: table.line_of(&flaw.path), ..DocumentError::whole(flaw.what) };
    flaws.into_iter().take(limits::PROBLEMS_SHOWN).map(error).collect()
}

/// Why a file is no policy, as far as it can be told: the reader stops at its first mistake, so the line is left out and the rest is
/// read again, down to what a policy cannot say. `first` is what stopped it.
pub fn unreadable(text: &str, first: DocumentError) -> Vec<DocumentError> {
    let (_, torn) = located::read(text);
    if !torn.is_empty() {
        return torn;
    }
    let mut lines: Vec<&str> = text.split('\n').collect();
    let mut problems = vec![first];
    while problems.len() < limits::SYNTAX_ERRORS && !is_json(text) {
        let Some(at) = problems.last().and_then(|last| last.line).map(|line| line - 1) else { break };
        // What a table lacks stands on no line.
        if lines.get(at).is_none_or(|line| line.is_empty() || begins_a_table(line)) {
            break;
        }
        lines[at] = "";
        let rest = lines.join("\n");
        match document::parse::<Policy>(&rest, EXAMPLE) {
            // What a table lacks may be what was left out, and a value of several lines is torn by it.
            Err(next) if located::read(&rest).1.is_empty() && !of_a_table(&lines, &next) => problems.push(next),
            Err(_) => break,
            Ok(policy) => {
                problems.extend(located(&rest, flaws(&policy)).into_iter().map(after_those_above));
                break;
            }
        }
    }
    problems
}

/// A flaw of what is left of a policy may be a consequence of what was left out.
fn after_those_above(flaw: DocumentError) -> DocumentError {
    DocumentError { hint: Some("read without the lines that are told above: mend those first".into()), ..flaw }
}

fn begins_a_table(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

fn of_a_table(lines: &[&str], error: &DocumentError) -> bool {
    error.line.and_then(|line| lines.get(line - 1)).is_none_or(|line| begins_a_table(line))
}

pub fn flaws(policy: &Policy) -> Vec<Flaw> {
    let mut all = Vec::new();
    if policy.policy != 1 {
        all.push(flaw("policy", format!("policy = {} is not a version this program reads: it reads 1", policy.policy)));
    }
    all.extend(combination(policy));
    if policy.classes.is_empty() {
        all.push(flaw("classes", "there is no class: no request could name a field".into()));
    }
    all.extend(Tier::ALL.into_iter().flat_map(|tier| tier_rule(policy, tier)));
    all.extend(gate_rules(policy));
    let mut names = BTreeSet::new();
    for (i, condition) in policy.conditions.iter().enumerate() {
        let at = format!("condition[{}]", i + 1);
        if !names.insert(&condition.name) {
            all.push(flaw(format!("{at}.name"), format!("two conditions have the name \"{}\"", shown(&condition.name))));
        }
        all.extend(of_condition(condition, policy).into_iter().map(|Flaw { path, what }| Flaw {
            path: format!("{at}.{path}"),
            what: format!("condition \"{}\": {what}", shown(&condition.name)),
        }));
    }
    all.extend(scopes(policy));
    for (gate, hours) in policy.sla.iter().filter(|(_, hours)| !(1..=limits::ANSWER_HOURS).contains(*hours)) {
        all.push(flaw(format!("sla.{gate}"), format!("sla.{gate} = {hours}: it is 1 to {} hours", limits::ANSWER_HOURS)));
    }
    for (tier, days) in policy.review.every_days.iter().filter(|(_, days)| !(1..=limits::APPROVAL_DAYS).contains(*days)) {
        let what = format!("review.every_days.{tier} = {days}: it is 1 to {} days", limits::APPROVAL_DAYS);
        all.push(flaw(format!("review.every_days.{tier}"), what));
    }
    if let Some(days) = policy.closing.attest_within_days.filter(|days| !(1..=limits::ATTEST_DAYS).contains(days)) {
        let what = format!("closing.attest_within_days = {days}: it is 1 to {} days", limits::ATTEST_DAYS);
        all.push(flaw("closing.attest_within_days", what));
    }
    for (i, rule) in policy.apart.iter().enumerate().filter(|(_, rule)| rule.acts.len() < 2) {
        let what = format!("apart: {} keeps nothing apart: it takes two acts", rule.acts.len());
        all.push(flaw(format!("apart[{}].acts", i + 1), what));
    }
    all.extend(policy.reasons.flaw().map(|(path, what)| flaw(path, what)));
    all.extend(wording(policy));
    all
}

fn combination(policy: &Policy) -> Option<Flaw> {
    let (least, tier) = (policy.combination.quasi_identifiers, policy.combination.tier);
    if least == 0 || least as usize > limits::INVENTORY_FIELDS {
        let most = limits::INVENTORY_FIELDS;
        let what = format!("combination.quasi_identifiers must be at least 1, and a request names at most {most} fields");
        return Some(flaw("combination.quasi_identifiers", what));
    }
    (tier == Tier::T0).then(|| flaw("combination.tier", "combination.tier = \"T0\" lifts no request".into()))
}

fn tier_rule(policy: &Policy, tier: Tier) -> Vec<Flaw> {
    let Some(rule) = policy.tiers.get(&tier) else {
        return vec![flaw(format!("tiers.{tier}"), format!("tiers.{tier} is missing: every tier needs its gates"))];
    };
    let lacks = floor(tier).iter().filter(|gate| !rule.gates.contains(gate)).map(|gate| {
        let what = format!("tiers.{tier}.gates lacks {gate}: no policy may leave that gate out of {tier}");
        flaw(format!("tiers.{tier}.gates"), what)
    });
    let RetentionDays { least, most } = rule.retention_days;
    let bounds = (least == 0 || least > most || most > RETENTION_CEILING).then(|| {
        let what =
            format!("tiers.{tier}.retention_days: least must be at least 1, most at least least and at most {RETENTION_CEILING}");
        flaw(format!("tiers.{tier}.retention_days"), what)
    });
    lacks.chain(bounds).collect()
}

fn gate_rules(policy: &Policy) -> Vec<Flaw> {
    let mut all = Vec::new();
    let mut told = BTreeSet::new();
    for (gate, rule) in &policy.gate_rules {
        for (tier, votes) in rule.votes.iter().filter(|(_, votes)| !(1..=limits::GATE_VOTES).contains(votes)) {
            let what = format!("gates.{gate}.votes.{tier} = {votes}: it is 1 to {}", limits::GATE_VOTES);
            all.push(flaw(format!("gates.{gate}.votes.{tier}"), what));
        }
        // A gate that waits for itself, over however many others, never opens. A round is told once.
        let before = all_before(policy, *gate);
        if before.contains(gate) && !told.contains(gate) {
            told.extend(before.into_iter().filter(|first| all_before(policy, *first).contains(gate)));
            let what = format!("gates.{gate}.after: {gate} would wait for itself, and no ticket could be approved");
            all.push(flaw(format!("gates.{gate}.after"), what));
        }
    }
    all
}

fn all_before(policy: &Policy, gate: Gate) -> BTreeSet<Gate> {
    let mut before: BTreeSet<Gate> = policy.after(gate).collect();
    while let Some(more) = before.iter().flat_map(|first| policy.after(*first)).find(|more| !before.contains(more)) {
        before.insert(more);
    }
    before
}

fn of_condition(condition: &Condition, policy: &Policy) -> Vec<Flaw> {
    let mut all = Vec::new();
    if condition.name.trim().is_empty() || condition.name.chars().count() > limits::NAME_CHARS {
        all.push(flaw("name", format!("its name is 1 to {} characters", limits::NAME_CHARS)));
    }
    for class in condition.classes.iter().filter(|class| policy.class(class).is_none()) {
        let near = nearest(class.as_str(), policy.class_names().map(Slug::as_str));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        all.push(flaw("classes", format!("there is no class {class}{near}")));
    }
    all.extend(condition.answers.iter().filter_map(|path| of_answer(condition, path)));
    let asks = !condition.gates.is_empty() || !condition.references.is_empty() || !condition.answers.is_empty();
    if !asks && condition.most_retention_days.is_none() && condition.max_rows.is_none() {
        all.push(flaw("name", "it asks for nothing".into()));
    }
    // Beyond what canonical JSON holds a policy has no digest, and no request can name as many.
    if condition.max_rows.is_some_and(|most| !(1..=canonical::LARGEST_INTEGER.cast_unsigned()).contains(&most)) {
        all.push(flaw("max_rows", format!("max_rows is 1 to {}", canonical::LARGEST_INTEGER)));
    }
    let tiers = tiers_of(condition, policy);
    if tiers.is_empty() {
        let what = "it never holds: fields of its classes are of a higher tier than its tiers name";
        all.push(flaw("tiers", what.into()));
    }
    let rules = tiers.into_iter().filter_map(|tier| Some((policy.tiers.get(&tier)?.retention_days.least, tier)));
    if let (Some(most), Some((least, tier))) = (condition.most_retention_days, rules.max())
        && most < least
    {
        let what = format!(
            "most_retention_days = {most} is below the {least} that tiers.{tier} asks for at least: no request could satisfy both"
        );
        all.push(flaw("most_retention_days", what));
    }
    all
}

/// The tiers that a request may have for which the condition holds: at least that of the lowest of its classes.
fn tiers_of(condition: &Condition, policy: &Policy) -> Vec<Tier> {
    let least = condition.classes.iter().filter_map(|class| Some(policy.class(class)?.tier)).min().unwrap_or(Tier::T0);
    let looked_at = |tier: &Tier| condition.tiers.is_empty() || condition.tiers.contains(tier);
    Tier::ALL.into_iter().filter(|tier| *tier >= least && looked_at(tier)).collect()
}

/// An answer that nobody can give, or that the form asks for anyway.
fn of_answer(condition: &Condition, path: &str) -> Option<Flaw> {
    let open = |question: &&Question| question.need != Need::Always && question.table() != "field";
    let Some(question) = QUESTIONS.iter().filter(open).find(|question| question.path == path) else {
        let near = nearest(path, QUESTIONS.iter().filter(open).map(|question| question.path));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return Some(flaw("answers", format!("answers: {} is no question that the form leaves open{near}", shown(path))));
    };
    let only = match question.table() {
        "schedule" => Kind::Recurring,
        "portability" => Kind::Portability,
        _ => return None,
    };
    let others = condition.kinds != BTreeSet::from([only]);
    others.then(|| {
        let kind = crate::domain::ticket::word(&only);
        flaw("answers", format!("answers: only a request of kind {kind} can answer {path}: look at kinds = [\"{kind}\"]"))
    })
}

fn scopes(policy: &Policy) -> Vec<Flaw> {
    let mut all = Vec::new();
    for (i, scope) in policy.scopes.iter().enumerate() {
        let at = format!("scope[{}]", i + 1);
        if Gate::ALL.iter().all(|gate| gate.role() != scope.role) {
            let what = format!("scope: {} holds no gate, and only who holds gates is scoped", scope.role);
            all.push(flaw(format!("{at}.role"), what));
        }
        if [&scope.people, &scope.vendors, &scope.classes, &scope.units].iter().all(|named| named.is_empty()) {
            let what = "scope: it narrows nothing, and lets in whom the role's other entries keep out".to_owned();
            all.push(flaw(format!("{at}.role"), what));
        }
        for class in scope.classes.iter().filter(|class| policy.class(class).is_none()) {
            let near = nearest(class.as_str(), policy.class_names().map(Slug::as_str));
            let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            all.push(flaw(format!("{at}.classes"), format!("scope: there is no class {class}{near}")));
        }
    }
    all
}

fn wording(policy: &Policy) -> Vec<Flaw> {
    let mut all = Vec::new();
    let wording = &policy.wording;
    if wording.least_words > limits::ANSWER_WORDS {
        let what = format!("wording.least_words is at most {}: longer answers say no more", limits::ANSWER_WORDS);
        all.push(flaw("wording.least_words", what));
    }
    for noun in wording.collective.iter().filter(|noun| form::wording::words(noun) != [noun.as_str()]) {
        let what = format!("wording.collective: \"{}\" is not one word in lower case, and no name could end in it", shown(noun));
        all.push(flaw("wording.collective", what));
    }
    for phrase in wording.non_answers.iter().filter(|phrase| phrase.is_empty() || phrase.trim().to_lowercase() != **phrase) {
        let what = format!("wording.non_answers: \"{}\" is not in lower case, and no answer could be it", shown(phrase));
        all.push(flaw("wording.non_answers", what));
    }
    all
}

#[cfg(test)]
mod tests;
