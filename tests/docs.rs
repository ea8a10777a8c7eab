//! The documentation is held to the code: generated pages are made again and compared, commands, files and tests that pages name exist.
#![expect(clippy::disallowed_methods, reason = "reads and regenerates pages, and asks the executable for its help")]
#![expect(clippy::unwrap_used, reason = "what a test cannot read, it fails on")]

use egressd::{
    domain::{
        form::{Need, QUESTIONS, lint::lint},
        limits,
        policy::Policy,
        refusal::CATALOGUE,
        vendor::{RedFlag, VendorDocument},
    },
    forward::catalogue,
    sealing::Recipient,
};
use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    os::unix::{fs::symlink, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

#[path = "docs/demands.rs"]
mod demands;
#[path = "docs/refusals.rs"]
mod refusals;
#[path = "docs/states.rs"]
mod states;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a page with what the code says now. `EGRESSD_REGENERATE=1 cargo test --test docs` writes it anew.
#[track_caller]
fn golden(name: &str, text: &str) {
    let path = root().join(name);
    if std::env::var("EGRESSD_REGENERATE").is_ok() {
        fs::write(&path, text).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stands == text,
        "{name} is not what the code says: EGRESSD_REGENERATE=1 cargo test --test docs, and look at the difference"
    );
}

/// A sentence with its variable parts set apart, fit for a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('{', "‹").replace('}', "›")
}

fn messages() -> String {
    let mut page = String::from(
        "<!-- Generated from src/forward/catalogue.rs by tests/docs.rs: edit there. -->\n\
         # Syslog messages\n\n\
         The MSGID of each kind of event ([docs/syslog.md](syslog.md)). A number is never given to anything else. The event's name is the log's own\n\
         ([docs/audit-log.md](audit-log.md)). A transfer that ended because a stored byte did not authenticate is an alert, and one that was\n\
         cut or broken off a warning, as such a session is.\n\n\
         | MSGID | event | severity | what it says |\n|---|---|---|---|\n",
    );
    for entry in catalogue::CATALOGUE {
        let mut event = String::new();
        for letter in entry.name.chars() {
            if letter.is_ascii_uppercase() && !event.is_empty() {
                event.push('_');
            }
            event.push(letter.to_ascii_lowercase());
        }
        writeln!(page, "| {} | `{event}` | {} | {} |", entry.number, entry.severity.name(), entry.sentence).unwrap();
    }
    page
}

#[test]
fn every_syslog_message_stands_on_its_page() {
    golden("docs/syslog-messages.md", &messages());
}

#[test]
fn every_metric_stands_on_its_page() {
    let mut page = String::from(
        "<!-- Generated from src/gateway/metrics.rs by tests/docs.rs: edit there. -->\n\
         # Metrics\n\n\
         `GET /metrics` on the internal listener (`internal.listen`), in Prometheus' text format. Labels are closed sets of words; no vendor, ticket\n\
         or address stands in one, and destinations by the names that the configuration gives them. Counters begin at zero at each start. Rules to begin with: `config/prometheus-rules.yml`.\n\n\
         | metric | type | what |\n|---|---|---|\n",
    );
    for (name, kind, help) in egressd::gateway::described_metrics() {
        writeln!(page, "| `{name}` | {kind} | {} |", cell(&help)).unwrap();
    }
    golden("docs/metrics.md", &page);
}

#[test]
fn every_red_flag_stands_on_its_page_with_its_threshold() {
    let page = fs::read_to_string(root().join("docs/vendor-risk.md")).unwrap();
    let row = |flag: RedFlag| page.lines().find(|line| line.starts_with(&format!("| `{flag}` |"))).unwrap_or_default();
    for flag in RedFlag::ALL {
        assert!(!row(flag).is_empty(), "{flag} is not on its page");
    }
    for (flag, days) in [
        (RedFlag::Soc2Lapsed, limits::SOC2_COUNTS_DAYS),
        (RedFlag::RecentBreach, limits::RECENT_BREACH_DAYS),
        (RedFlag::AssessmentEnding, limits::ASSESSMENT_ENDING_DAYS),
        (RedFlag::OldLoginKey, limits::OLD_KEY_DAYS),
    ] {
        assert!(row(flag).contains(&format!("{days} days")), "{flag}");
    }
}

#[test]
fn the_states_of_a_ticket_are_those_of_the_code() {
    golden("docs/ticket-states.md", &states::page());
}

#[test]
fn every_demand_names_tests_that_there_are() {
    golden("docs/demands.md", &demands::page(root()));
}

/// Every page that a person reads.
fn pages() -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for directory in [root().to_owned(), root().join("docs"), root().join("systemd"), root().join("keys-example")] {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        paths.extend(
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|ending| ending == "md")),
        );
    }
    paths.sort();
    let read = |path: PathBuf| (path.strip_prefix(root()).unwrap().display().to_string(), fs::read_to_string(&path).unwrap());
    paths.into_iter().map(read).collect()
}

/// What stands in `backticks`, and the lines of fenced blocks, continued ones joined.
fn quoted(page: &str) -> Vec<String> {
    let (mut found, mut fenced, mut open) = (Vec::new(), false, String::new());
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            match line.trim_end().strip_suffix('\\') {
                Some(begun) => open.push_str(begun),
                None => found.push((std::mem::take(&mut open) + line).trim().trim_start_matches("$ ").to_owned()),
            }
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// The executable under a name, so that it is the daemon or the command line.
fn help(directory: &Path, name: &str, path: &[&str]) -> Result<String, String> {
    let link = directory.join(name);
    if !link.exists() {
        symlink(env!("CARGO_BIN_EXE_egressd"), &link).unwrap();
    }
    let output = Command::new(&link).arg0(name).args(path).arg("--help").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Whether a command line's verbs exist and know its flags.
fn understood(directory: &Path, command: &str) -> Result<(), String> {
    let mut tokens = command.split_whitespace().filter(|token| !token.contains('='));
    let Some(name @ ("egressctl" | "egressd")) = tokens.next() else { return Ok(()) };
    let tokens: Vec<&str> = tokens.take_while(|token| !matches!(*token, "|" | ">" | "&" | "&&" | ";" | "#")).collect();
    let (mut path, mut flags, mut values) = (Vec::new(), Vec::new(), 0);
    let mut verbs = true;
    for token in tokens {
        if token.starts_with("--") {
            flags.push(token);
            values = usize::from(matches!(token, "--socket" | "--as" | "--key"));
            verbs &= values > 0 || token == "--json";
        } else if values > 0 {
            values -= 1;
        } else if verbs && token.bytes().all(|c| c.is_ascii_lowercase() || c == b'-') {
            path.push(token);
        } else {
            verbs = false;
        }
    }
    let help = help(directory, name, &path)?;
    let unknown = flags.into_iter().find(|flag| !help.contains(*flag));
    unknown.map_or(Ok(()), |flag| Err(format!("{path:?} has no {flag}")))
}

#[test]
fn commands_that_pages_and_refusals_name_exist() {
    let directory = tempfile::tempdir().unwrap();
    let named = CATALOGUE.iter().map(|entry| (format!("E{:04}", entry.code), entry.command.to_owned()));
    let quoted = pages().into_iter().flat_map(|(path, page)| quoted(&page).into_iter().map(move |quoted| (path.clone(), quoted)));
    let (mut tried, mut wrong) = (BTreeSet::new(), Vec::new());
    for (place, command) in named.chain(quoted) {
        let is_ours = command.starts_with("egressctl ") || command.starts_with("egressd ");
        if is_ours
            && tried.insert(command.clone())
            && let Err(error) = understood(directory.path(), &command)
        {
            wrong.push(format!("{place}: {command}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(tried.len() > 40, "the commands were not found");
    assert!(understood(directory.path(), "egressctl ticket sumbit FILE").is_err());
    assert!(understood(directory.path(), "egressctl revoke vendor acme --because x").is_err());
}

/// Files and tests that a page names in `backticks`, and links that lead nowhere.
fn stale(path: &str, page: &str, code: &str) -> Vec<String> {
    let mut stale = Vec::new();
    for word in quoted(page) {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if word.matches('_').count() >= 4 && word.chars().all(is_name) && !code.contains(&format!("fn {word}(")) {
            stale.push(format!("{path}: there is no test {word}"));
        }
        let is_file = word.ends_with(".rs") && !word.contains([' ', '{', '*', '…']);
        if is_file && !root().join(&word).exists() && !root().join("src").join(&word).exists() {
            stale.push(format!("{path}: there is no file {word}"));
        }
    }
    let here = root().join(path);
    for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let file = target.split('#').next().unwrap_or(target);
        if !file.is_empty() && !target.contains("://") && !here.parent().is_some_and(|parent| parent.join(file).exists()) {
            stale.push(format!("{path}: the link to {target} leads nowhere"));
        }
    }
    stale
}

fn all_code() -> String {
    let (mut text, mut directories) = (String::new(), vec![root().join("src"), root().join("tests")]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn files_tests_and_links_that_pages_name_exist() {
    let code = all_code();
    let stale_ones: Vec<String> = pages().iter().flat_map(|(path, page)| stale(path, page, &code)).collect();
    assert!(stale_ones.is_empty(), "\n{}", stale_ones.join("\n"));
    let bad = "`a_test_that_was_never_written` `gateway/nowhere.rs` [x](nowhere.md)";
    assert_eq!(stale("README.md", bad, &code).len(), 3);
}

/// Fenced blocks of one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    page.split(&opening).skip(1).filter_map(|rest| rest.split("\n```").next()).map(|block| format!("{block}\n")).collect()
}

#[test]
fn tickets_and_vendors_that_pages_show_are_read() {
    let policy = Policy::parse(include_str!("../config/policy.toml")).unwrap();
    let mut read = 0;
    for (path, page) in pages() {
        for block in blocks(&page, "toml") {
            if block.starts_with("ticket") {
                assert_eq!(path, "docs/requester.md", "a ticket stands in config/ticket.toml, whole");
                let checked = lint(&block, Some(&policy), None);
                let (before, rest) = page.split_once("```text\n").expect("what lint says");
                let after = rest.split_once("```").expect("an end").1;
                golden(&path, &format!("{before}```text\n{} % complete\n{checked}\n```{after}", checked.percent()));
            } else if block.starts_with("vendor") {
                let vendor = VendorDocument::parse(&block).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(vendor.recipients.iter().all(|recipient| recipient.parse::<Recipient>().is_ok()), "{path}");
            } else {
                panic!("{path}: what is this?\n{block}");
            }
            read += 1;
        }
    }
    assert!(read >= 2, "the examples were not found");
}

fn request_form() -> String {
    let mut page = String::from(
        "<!-- Generated from src/domain/form.rs by tests/docs.rs: edit there. -->\n\
         # The request form\n\n\
         Every question that a ticket answers, why it is asked, and a good answer. `egressctl ticket lint FILE` says which of them a file leaves\n\
         open, all at once and without a daemon; [config/ticket.toml](../config/ticket.toml) is a whole one. The same as JSON will do. Whoever has\n\
         not written one yet begins with [docs/requester.md](requester.md).\n\n\
         Besides what stands here: field names are exact (no `*`, no \"etc.\", none of the policy's collective nouns), sources and destinations\n\
         are absolute, and the policy's conditions may ask for papers under `legal.references` and for what the form leaves open.\n",
    );
    let mut last = None;
    for question in QUESTIONS {
        if last != Some(question.table()) {
            let title = match question.table() {
                "" => "The request".to_owned(),
                "field" => "Each field: `[[field]]`".to_owned(),
                table => format!("`[{table}]`"),
            };
            write!(page, "\n## {title}\n\n| key | question | why | for example | asked |\n|---|---|---|---|---|\n").unwrap();
            last = Some(question.table());
        }
        let need = match question.need {
            Need::Always => "always".to_owned(),
            Need::Never => "may be left out".to_owned(),
            Need::When(case) => format!("when {}", case.words()),
        };
        writeln!(page, "| `{}` | {} | {} | `{}` | {need} |", question.key(), question.ask, question.why, question.example)
            .unwrap();
    }
    page
}

#[test]
fn the_form_that_is_asked_is_the_one_that_is_documented() {
    golden("docs/request-form.md", &request_form());
}

#[test]
fn a_page_that_was_edited_by_hand_is_noticed() {
    // Otherwise it would be written, and be right.
    if std::env::var("EGRESSD_REGENERATE").is_err() {
        assert!(std::panic::catch_unwind(|| golden("docs/refusals.md", "something else")).is_err());
    }
}
