//! What texts advise to type can be typed: every `egressctl …` that any text of the program holds is read by the command line.

use super::{
    commands::{self, Cli},
    explain,
};
use crate::domain::refusal::{CATALOGUE, Refusal};
use clap::{CommandFactory, error::ErrorKind};
use std::path::{Path, PathBuf};

/// What stands where a text names something, in braces or in capitals.
const SAMPLES: [&str; 13] = [
    "EGR-2026-0042",
    "EGR-2026-0042/0001",
    "acme",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGOMZUo1nW7YkDBzu1I",
    "privacy",
    "operator",
    "2027-06-30",
    "811",
    "ticket submit",
    "explain E2101",
    "explain --help",
];

/// Words of a command as a shell reads them.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The first thing of a command that its text leaves to be filled in.
fn unknown(command: &str) -> Option<String> {
    if let Some(at) = command.find('{') {
        return command[at..].find('}').map(|end| command[at..=at + end].to_owned());
    }
    const CAPITALS: [&str; 6] = ["TICKET/NUMBER", "TICKET", "VENDOR", "FILE_ID", "WHO", "CODE"];
    CAPITALS.into_iter().find(|name| command.split_whitespace().any(|word| word == *name)).map(str::to_owned)
}

/// Whether the command line reads it, whatever of the right form stands where something is named.
fn can_be_typed(command: &str) -> bool {
    match unknown(command) {
        Some(part) => SAMPLES.iter().any(|sample| can_be_typed(&command.replacen(&part, sample, 1))),
        None => match Cli::read(words(command)) {
            Ok(_) => true,
            Err(error) => matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion),
        },
    }
}

#[test]
fn what_a_code_advises_can_be_typed_and_one_of_it_is_ours() {
    let catalogue = CATALOGUE.iter().map(|entry| (format!("E{:04}", entry.code), entry.to_type()));
    let own = explain::codes().map(|code| (code.to_owned(), explain::own(code).unwrap().commands));
    for (code, commands) in catalogue.chain(own) {
        let ours: Vec<&String> = commands.iter().filter(|command| command.starts_with("egressctl ")).collect();
        assert!(!ours.is_empty(), "{code}: {commands:?}");
        for command in ours {
            assert!(can_be_typed(command), "{code}: {command}");
            assert!(!command.contains(&code), "{code} sends its reader in a circle");
            assert!(!command.contains(['…', '{']), "{code}: {command}");
        }
    }
    assert!(!can_be_typed("egressctl explain delivery EGR-2026-0042/0001"));
    assert!(!can_be_typed("egressctl ticket sumbit FILE"));
    let already =
        Refusal::RevokedAlready { scope: "delivery EGR-2026-0042/0001".into(), history: "explain EGR-2026-0042/0001".into() };
    assert!(can_be_typed(&already.command()));
}

/// The commands that a line of source holds: from the name to the end of the text, or to what ends a command in a sentence.
fn advised(line: &str) -> Vec<String> {
    let line = line.replace("\\\"", "\u{1}");
    let from = line.match_indices("egressctl ").map(|(at, _)| &line[at..]);
    let ends = |rest: &str| rest.find(['"', '`', ';', ')', '|', '>', ':', '\\']).unwrap_or(rest.len());
    from.map(|rest| rest[..ends(rest)].replace('\u{1}', "\"").trim_end_matches(['.', ',']).trim().to_owned()).collect()
}

#[expect(clippy::disallowed_methods, reason = "reads the program's own source")]
fn sources(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && name == "commands" {
            continue;
        } else if path.is_dir() {
            sources(&path, found);
        // The demonstration's lines are typed by its own test, the help's examples by the next one.
        } else if name.ends_with(".rs") && !name.contains("tests") && !["samples.rs", "lines.rs", "commands.rs"].contains(&&*name)
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            found.push((path, text));
        }
    }
}

#[test]
fn every_command_that_a_text_advises_can_be_typed() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let (mut tried, mut wrong) = (0, Vec::new());
    for (path, text) in &found {
        let spoken = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for command in spoken.flat_map(advised) {
            // A sentence about the command line names no command.
            let verb = command.split_whitespace().nth(1).unwrap_or_default();
            let is_command = verb.starts_with(['-', '{']) || commands::tree().find_subcommand(verb).is_some();
            tried += usize::from(is_command);
            if is_command && !can_be_typed(&command) {
                wrong.push(format!("{}: {command}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(tried > 100, "the commands were not found: {tried}");
}

#[test]
fn every_example_of_the_help_can_be_typed() {
    fn walk(command: &clap::Command, tried: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
        for example in help.lines().map(str::trim).filter(|line| line.starts_with("egressctl ")) {
            let example = example.split(" > ").next().unwrap();
            assert!(can_be_typed(example), "{example}");
            *tried += 1;
        }
        command.get_subcommands().for_each(|sub| walk(sub, tried));
    }
    let mut tried = 0;
    walk(&Cli::command(), &mut tried);
    assert!(tried > 40, "the examples were not found: {tried}");
}
