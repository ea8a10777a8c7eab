//! The diagram as a Mermaid flowchart. Every label is quoted, and what could mean something to Mermaid or HTML is a character code.

use super::{Diagram, visible};

pub(super) fn draw(diagram: &Diagram) -> String {
    let mut out = format!("flowchart TB\n%% revision {}\n", diagram.revision);
    let revision = format!("revision {}", diagram.revision);
    out.push_str(&format!("    ticket[\"{}\"]\n", label([&diagram.title, &revision].into_iter())));
    for (name, stop) in NAMES.iter().zip(&diagram.stops) {
        out.push_str(&format!("    {name}[\"{}\"]\n", label(std::iter::once(&stop.title).chain(&stop.lines))));
    }
    for (ends, way) in NAMES.windows(2).zip(&diagram.ways) {
        out.push_str(&format!("    {} -->|\"{}\"| {}\n", ends[0], label(way.iter()), ends[1]));
    }
    out.push_str("    ticket -. allows .-> gateway\n");
    out
}

const NAMES: [&str; 4] = ["source", "staging", "gateway", "storage"];

fn label<'l>(lines: impl Iterator<Item = &'l String>) -> String {
    lines.map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>")
}

/// Quotes end a label, `#` begins a code, a back quote Markdown, `%%{` a directive; the rest is HTML's.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | ':' | '/' | '_' | '-' | '+' | '(' | ')' | '=') {
            out.push(c);
        } else {
            out.push_str(&format!("#{};", u32::from(c)));
        }
    }
    out
}
