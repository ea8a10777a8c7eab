//! One page for each code, made from the tables that the program itself answers from, and the index of them.

use super::{cell, golden, root};
use egressd::{
    ctl::explain,
    domain::refusal::{CATALOGUE, Entry},
    gateway::{answers::Explanation, explained},
    inspection::FindingCode,
};
use std::{collections::BTreeSet, fmt::Write, fs};

const DIRECTORY: &str = "docs/refusals";

/// Every code with what the program says of it, in the order of the index.
fn all() -> Vec<Explanation> {
    let refusals = CATALOGUE.iter().map(|entry| format!("E{:04}", entry.code));
    let findings = FindingCode::ALL.iter().map(|code| code.code().to_owned());
    let of_daemon = refusals.chain(findings).map(|code| explained(&code).expect("every code is explained"));
    of_daemon.chain(explain::codes().map(|code| explain::own(code).expect("every code is explained"))).collect()
}

fn section(code: u16) -> &'static str {
    match code {
        0..2000 => "Who asks, and what",
        2000..2300 => "Tickets and votes",
        2300..3000 => "Vendors",
        3000..4000 => "Files and deliveries",
        4000..5000 => "Vendors' access",
        _ => "Revocation, freeze, purge",
    }
}

fn heading(code: &str) -> &'static str {
    match (code.as_bytes()[0], code[1..].parse().unwrap_or_default()) {
        (b'F', _) => "Findings: what is wrong with a file",
        (b'L', _) => "Problems of a request",
        (_, 9000..) => "The command line's own",
        (_, number) => section(number),
    }
}

const GENERATED: &str = "<!-- Generated from src/domain/refusal.rs, src/inspection/finding.rs, src/domain/form/lint.rs and src/ctl/explain.rs by \
                         tests/docs/refusals.rs: edit there. -->\n";

fn index(all: &[Explanation]) -> String {
    let mut page = String::from(GENERATED);
    page.push_str(
        "# Codes\n\n\
         Every answer that is a no has a code that never changes its meaning. Each has a page: what happened, why such a rule, who can move it, what to\n\
         type. `egressctl explain E2101` says the same; the linter's codes (L10xx) and `egressctl`'s own (E90xx) are explained without a daemon. What a\n\
         vendor learns over SFTP is less: no such file, denied, or failure.\n",
    );
    let mut last = "";
    for code in all {
        let section = heading(&code.subject);
        if section != last {
            write!(page, "\n## {section}\n\n").unwrap();
            page.push_str(match section {
                "Findings: what is wrong with a file" => {
                    "A file with a finding is held. `egressctl file show` tells row, line and column; no value of the data stands in a finding. Whoever\n\
                     produces the file mends it; an operator discards this one, and the mended one is dropped again. `egressctl file recheck` looks at the\n\
                     same bytes again, which helps where the gateway's own key was wrong (F3107).\n\n"
                }
                "Problems of a request" => "`egressctl ticket lint` names each with its line ([docs/requester.md](requester.md)).\n\n",
                _ => "",
            });
            page.push_str("| code | what |\n|---|---|\n");
            last = section;
        }
        writeln!(page, "| [{0}](refusals/{0}.md) | {1} |", code.subject, cell(&code.headline)).unwrap();
    }
    page
}

/// The sentence as the answer has it, where it says more than the code's meaning.
fn sentence(entry: &Entry) -> Option<String> {
    let says_more = entry.what != entry.means && entry.what.split(['{', '}']).step_by(2).any(|fixed| fixed.trim().len() > 3);
    says_more.then(|| cell(entry.what).replace('\n', " "))
}

/// With a capital and a full stop.
fn whole(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}{}", letters.as_str(), if text.ends_with(['.', '!', '?']) { "" } else { "." })
}

fn page(code: &Explanation) -> String {
    let mut page = format!("{GENERATED}# {}\n\n## What happened\n\n{}\n", code.subject, whole(&code.headline));
    if let Some(sentence) = Refusals::entry(&code.subject).and_then(sentence) {
        write!(page, "\nThe answer says: {sentence}. What stands in ‹…› is named there.\n").unwrap();
    }
    let because: Vec<String> = code.because.iter().map(|text| whole(text)).collect();
    let title = if code.subject.starts_with('F') { "What its producer does" } else { "Why" };
    write!(page, "\n## {title}\n\n{}\n", because.join("\n\n")).unwrap();
    write!(page, "\n## Who can move it\n\n{}\n\n## What to type\n\n", whole(&code.who)).unwrap();
    for command in &code.commands {
        writeln!(page, "    {command}").unwrap();
    }
    write!(page, "\n[All codes](../refusals.md)\n").unwrap();
    page
}

/// The catalogue by a code as it is written.
struct Refusals;

impl Refusals {
    fn entry(code: &str) -> Option<&'static Entry> {
        let number: u16 = code.strip_prefix('E')?.parse().ok()?;
        CATALOGUE.iter().find(|entry| entry.code == number)
    }
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let all = all();
    let pages: BTreeSet<String> = all.iter().map(|code| format!("{}.md", code.subject)).collect();
    assert_eq!(pages.len(), all.len(), "a code stands twice");
    if std::env::var("EGRESSD_REGENERATE").is_ok() {
        fs::create_dir_all(root().join(DIRECTORY)).unwrap();
        for entry in fs::read_dir(root().join(DIRECTORY)).unwrap().map(Result::unwrap) {
            if !pages.contains(&entry.file_name().into_string().unwrap()) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
    golden("docs/refusals.md", &index(&all));
    for code in &all {
        assert_eq!(code.page.as_deref(), Some(format!("{DIRECTORY}/{}.md", code.subject).as_str()));
        assert!(!code.headline.is_empty() && !code.because.is_empty() && !code.who.is_empty() && !code.commands.is_empty());
        golden(&format!("{DIRECTORY}/{}.md", code.subject), &page(code));
    }
    let there = fs::read_dir(root().join(DIRECTORY)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(there.collect::<BTreeSet<_>>(), pages, "a page has no code");
}
