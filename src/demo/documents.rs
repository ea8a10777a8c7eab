//! The example documents of `config/`, with the demonstration's own values in place of the examples'.

use anyhow::Context;

pub const TICKET: &str = include_str!("../../config/ticket.toml");
pub const VENDOR: &str = include_str!("../../config/vendor.toml");

/// `text` with another value for the first line `key = …`. The comment that follows on the line stays; a list may go on
/// over several lines.
pub fn with(text: &str, key: &str, value: &str) -> anyhow::Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n');
    let mut found = false;
    while let Some(line) = lines.next() {
        let Some((name, rest)) = line.split_once('=').filter(|(name, _)| !found && name.trim() == key) else {
            out.push_str(line);
            continue;
        };
        found = true;
        out.push_str(&format!("{name}= {value}"));
        if rest.trim_start().starts_with('[') && !bare(rest).contains(']') {
            lines.by_ref().find(|line| line.trim_start().starts_with(']'));
            out.push('\n');
        } else {
            let comment = comment(rest);
            out.push_str(if comment.is_empty() { "\n" } else { " " });
            out.push_str(comment);
        }
    }
    found.then_some(out).with_context(|| format!("there is no line that begins with {key} ="))
}

/// The same for a key of one table.
pub fn with_in(text: &str, table: &str, key: &str, value: &str) -> anyhow::Result<String> {
    let at = text.find(&format!("\n[{table}]\n")).with_context(|| format!("there is no table [{table}]"))?;
    let (before, after) = text.split_at(at);
    Ok(format!("{before}{}", with(after, key, value)?))
}

/// How the block begins that names the demonstration's log server. It is found again by this.
const LOG_SERVER: &str = "\n[[syslog.destination]]\nname = \"demo\"\nto = ";

/// A configuration with this log server, and without the one that was named before.
pub fn telling(text: &str, to: &str) -> String {
    let (before, after) = text.split_once(LOG_SERVER).unwrap_or((text, "\n"));
    let rest = after.split_once('\n').map_or("", |(_, rest)| rest);
    format!("{before}{LOG_SERVER}{}\n{rest}", string(to))
}

/// A TOML string.
pub fn string(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// From the `#` on that begins a line's comment, if it has one.
fn comment(rest: &str) -> &str {
    &rest[bare(rest).len()..]
}

/// What stands before a line's comment.
fn bare(rest: &str) -> &str {
    let mut quoted = false;
    for (i, c) in rest.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return &rest[..i],
            _ => {}
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        form::lint::lint,
        policy::Policy,
        ticket::{Limits, TicketDocument},
        time::Day,
        vendor::VendorDocument,
    };
    use std::collections::BTreeSet;

    /// The keys of a document that have a comment where they are met first: on their line, or above it.
    fn explained(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut keys, mut explained) = (BTreeSet::new(), BTreeSet::new());
        let mut above = "";
        for line in text.lines() {
            let is_key = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if let Some((name, rest)) = line.split_once('=').filter(|(name, _)| is_key(name.trim())) {
                let name = name.trim().to_owned();
                if keys.insert(name.clone()) && (!comment(rest).is_empty() || above.starts_with('#')) {
                    explained.insert(name);
                }
            } else if let Some(table) = line.strip_prefix('[') {
                let table = table.trim_matches(['[', ']']);
                let table = table.rsplit('.').next().unwrap_or(table).to_owned();
                if keys.insert(table.clone()) && (above.starts_with('#') || table == "assessment") {
                    explained.insert(table);
                }
            }
            above = line;
        }
        (keys, explained)
    }

    /// Every key that the type has, from a value that has them all.
    fn keys_of(value: &serde_json::Value, keys: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(members) => {
                for (key, value) in members {
                    keys.insert(key.clone());
                    keys_of(value, keys);
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| keys_of(value, keys)),
            _ => {}
        }
    }

    fn check(text: &str, read: &serde_json::Value) {
        let (keys, explained) = explained(text);
        assert_eq!(keys, explained, "each key has its comment");
        let mut known = BTreeSet::new();
        keys_of(read, &mut known);
        assert_eq!(keys, known, "each key that exists is shown");
    }

    #[test]
    fn the_example_ticket_is_admissible_and_explains_every_key_that_exists() {
        let ticket = TicketDocument::parse(TICKET).unwrap();
        let policy = Policy::parse(include_str!("../../config/policy.toml")).unwrap();
        let day = Day::try_from("2026-11-21".to_owned()).unwrap();
        let checked = lint(TICKET, Some(&policy), Some(day));
        assert!(checked.is_complete(), "{checked}");
        // An absent limit would not be serialised, and so not be missed.
        let Limits { max_deliveries, max_bytes, min_rows, max_rows, max_downloads } = ticket.limits;
        assert!(max_deliveries.is_some() && max_bytes.is_some() && min_rows.is_some() && max_rows.is_some());
        assert!(max_downloads.is_some());
        check(TICKET, &serde_json::to_value(&ticket).unwrap());
    }

    #[test]
    fn the_example_vendor_is_read_and_explains_every_key_that_exists() {
        let vendor = VendorDocument::parse(VENDOR).unwrap();
        check(VENDOR, &serde_json::to_value(&vendor).unwrap());
    }

    #[test]
    fn a_log_server_is_named_once_and_everything_else_stays() {
        let text = include_str!("../../config/egressd.toml");
        let first = telling(text, "tcp://[::1]:601");
        assert_eq!(first, format!("{text}\n[[syslog.destination]]\nname = \"demo\"\nto = \"tcp://[::1]:601\"\n"));
        let after = format!("{first}datagram_bytes = 480\n");
        assert_eq!(telling(&after, "unix:/dev/log"), after.replace("tcp://[::1]:601", "unix:/dev/log"));
    }

    #[test]
    fn another_value_leaves_the_comment_and_everything_else() {
        let text = "a = 1 # one\nb = \"x # y\"   # two\nc = [\n  1,\n]\nd = [2] # four\n";
        assert_eq!(with(text, "a", "7").unwrap(), text.replace("= 1 #", "= 7 #"));
        assert_eq!(with(text, "b", "7").unwrap(), text.replace("\"x # y\"   #", "7 #"));
        assert_eq!(with(text, "c", "[7]").unwrap(), text.replace("[\n  1,\n]", "[7]"));
        assert_eq!(with(text, "d", "[7]").unwrap(), text.replace("[2]", "[7]"));
        assert!(with(text, "e", "7").is_err());
    }
}
