//! The page itself: what was tried, as tables and their legends.

use super::{Tried, asks::Ask, persons::Table, situations::Situation};
use crate::domain::refusal::Refusal;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

const HEAD: &str = "\
What a ticket's state, a person's part in it and a freeze let whom do. `yes`: it is done, and on record as that person's. A number: the
refusal's code, told at the end; what is refused has left the log as it was, leaf for leaf. Whoever holds none of a row's roles is refused for
want of it (1006; 2101 if they requested the ticket and would vote on it), in the same words in every state. policy-matrix.txt says who may ask.
Written by src/endpoints/control/matrix_tests/by_state.rs: EGRESSD_REGENERATE=1 cargo test --release --lib matrix
";

const STATES: &str = "
1. By state. Who asks has one role, and no part in the ticket but that the requester requested it. The policy asks business, privacy,
security and legal, legal after privacy, and wants a red flag accepted. What is said at a gate other than a yes is tried at privacy and at legal.

";

/// The columns' letters, each with its state above it.
fn letters() -> String {
    let mut lines = String::new();
    let states = Situation::ALL.map(|situation| situation.state().name());
    let height = states.iter().map(|state| state.len()).max().unwrap_or(0);
    for row in 0..height {
        let letter = |state: &&str| state.as_bytes().get(row).map_or(' ', |byte| char::from(*byte));
        writeln!(lines, "{:40}{}", "", states.iter().map(|state| format!("{:>5}", letter(state))).collect::<String>()).unwrap();
    }
    let letters: String = (b'a'..).take(Situation::ALL.len()).map(|byte| format!("{:>5}", char::from(byte))).collect();
    writeln!(lines, "{:40}{letters}", "").unwrap();
    lines
}

fn legend() -> String {
    let told = |(byte, situation): (u8, Situation)| {
        format!("{}  {:10} {}\n", char::from(byte), situation.state().name(), situation.told())
    };
    (b'a'..).zip(Situation::ALL).map(told).collect()
}

/// Who is told the same shares a row.
fn by_state(tried: &Tried, ask: Ask, at: usize) -> String {
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for ((_, asker), cells) in tried.cells.range((at, "")..(at + 1, "")) {
        let cells: String = Situation::ALL.iter().map(|situation| format!("{:>5}", cells[situation])).collect();
        match rows.iter_mut().find(|(same, _)| *same == cells) {
            Some((_, askers)) => askers.push(asker),
            None => rows.push((cells, vec![asker])),
        }
    }
    rows.iter().map(|(cells, askers)| format!("{:40}{cells}  {}\n", ask.label(), askers.join(", "))).collect()
}

/// What everybody sees whatever the state has no row.
fn looks() -> String {
    let names: Vec<String> = Ask::all().into_iter().filter(|ask| matches!(ask, Ask::Look(_))).map(Ask::label).collect();
    format!(
        "\nEverybody with a role is shown, in every one of these (each role is tried in a quarter of them):\n{}.\n",
        names.join(", ")
    )
}

fn table(table: &Table) -> String {
    let longest = |names: &mut dyn Iterator<Item = &str>| names.map(str::len).max().unwrap_or(0);
    let label = longest(&mut table.rows.iter().map(|(label, _)| label.as_str()));
    let wide = longest(&mut table.columns.iter().map(|(name, _)| *name)) + 1;
    let head: String = table.columns.iter().map(|(name, _)| format!("{name:>wide$}")).collect();
    let mut text = format!("\n{}\n\n{:label$}{head}\n", table.title, "");
    for (name, cells) in &table.rows {
        writeln!(text, "{name:label$}{}", cells.iter().map(|cell| format!("{cell:>wide$}")).collect::<String>()).unwrap();
    }
    text.push('\n');
    for (name, told) in &table.columns {
        writeln!(text, "{name:wide$} {told}").unwrap();
    }
    text
}

/// Each code that stands in a cell, in words.
fn codes<'a>(cells: impl Iterator<Item = &'a String>) -> String {
    let codes: BTreeSet<&str> = cells.filter(|cell| cell.bytes().all(|byte| byte.is_ascii_digit())).map(String::as_str).collect();
    let told = |code: &str| format!("{code}  {}\n", Refusal::entry(&format!("E{code}")).expect("it was told").means);
    codes.into_iter().map(told).collect()
}

pub(super) fn page(tried: &Tried, persons: &Table, house: &Table) -> String {
    let mut page = format!("{HEAD}{STATES}{}{}", legend(), looks());
    page.push('\n');
    page.push_str(&letters());
    for (at, ask) in Ask::all().into_iter().enumerate().filter(|(_, ask)| !matches!(ask, Ask::Look(_))) {
        page.push_str(&by_state(tried, ask, at));
    }
    page.push_str(&table(persons));
    page.push_str(&table(house));
    let by_state = tried.cells.values().flat_map(BTreeMap::values);
    let others = [persons, house].into_iter().flat_map(|table| table.rows.iter().flat_map(|(_, cells)| cells));
    write!(page, "\nThe codes\n\n{}", codes(by_state.chain(others))).unwrap();
    page.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
