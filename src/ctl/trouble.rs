//! What can go wrong between a person and the daemon, told as every refusal is: code, what, why, who, command.

use crate::{
    domain::{ids::Slug, ids::TicketNumber, people::Gate},
    endpoints::control::protocol::{FaultNote, FrameError, RefusalNote},
    gateway::answers::Certain,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::text::{visible, wrap};

/// How a command ended: its exit status (formats.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    Done = 0,
    Refused = 1,
    Usage = 2,
    /// The daemon cannot be reached, or is at fault.
    Unavailable = 3,
    /// A revocation cut what it names, and could not be made durable.
    NotDurable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command has no answer. E90xx are the command line's own; all other codes are the daemon's.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("the daemon refused")]
    Refused(RefusalNote),
    #[error("the daemon met a fault")]
    Fault(FaultNote),
    #[error("the daemon cannot be reached")]
    Unreachable { socket: PathBuf, cause: std::io::Error, nearby: Option<PathBuf> },
    #[error("the daemon spoke in a way that is not understood")]
    Garbled { cause: FrameError },
    #[error("the daemon speaks version {theirs} of the protocol")]
    Version { theirs: u8 },
    #[error("there is no key to sign with")]
    NoKey { cause: String },
    #[error("the agent holds several keys")]
    SeveralKeys { keys: Vec<String> },
    #[error("the agent holds no such key")]
    NoSuchKey { wanted: String, keys: Vec<String> },
    #[error("the key file cannot be used")]
    KeyFile { file: PathBuf, cause: String },
    #[error("the key file is only usable through ssh-agent")]
    KeyNeedsAgent { file: PathBuf, cause: &'static str },
    #[error("the agent did not sign")]
    AgentRefused { cause: String },
    #[error("the file cannot be read")]
    Document { file: PathBuf, cause: String },
    #[error("the file is not what is asked for")]
    Content { file: PathBuf, cause: String, help: &'static str },
    #[error("{given:?} is not understood")]
    Argument { given: String, cause: String, help: &'static str },
    #[error("{ticket} is a ticket, and a ticket may have many deliveries")]
    WhichDelivery { ticket: TicketNumber },
    #[error("the text to sign is not what was asked for")]
    OtherText { expected: String },
    #[error("the ticket has no such gate")]
    NoGate { ticket: TicketNumber, gate: Gate, gates: String },
    #[error("there is nothing to confirm")]
    NothingToConfirm { vendor: Slug, revision: String },
    #[error("this cannot be done offline")]
    Offline { cause: String },
    #[error("the answer could not be written")]
    Output { cause: std::io::Error },
}

impl Trouble {
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) | Self::NoGate { .. } | Self::NothingToConfirm { .. } => Exit::Refused,
            Self::NoKey { .. }
            | Self::SeveralKeys { .. }
            | Self::NoSuchKey { .. }
            | Self::KeyFile { .. }
            | Self::KeyNeedsAgent { .. }
            | Self::AgentRefused { .. }
            | Self::Argument { .. }
            | Self::WhichDelivery { .. }
            | Self::Document { .. }
            | Self::Content { .. } => Exit::Usage,
            Self::Fault(_)
            | Self::Unreachable { .. }
            | Self::Garbled { .. }
            | Self::Version { .. }
            | Self::OtherText { .. }
            | Self::Offline { .. }
            | Self::Output { .. } => Exit::Unavailable,
        }
    }

    /// A file that was read and is not what `egressctl help` asks for.
    pub fn content(file: &Path, cause: impl ToString, help: &'static str) -> Self {
        Self::Content { file: file.to_owned(), cause: cause.to_string(), help }
    }

    /// What would be refused for certain is refused before anybody is shown a text to sign.
    pub fn certain(refusal: &Certain) -> Self {
        let Certain { code, what, why, who, command } = refusal.clone();
        Self::Refused(RefusalNote { code, what, why, who, command })
    }

    /// A refusal of a document is located in it; which file that was is known only here.
    pub fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Refused(note) if matches!(note.code.as_str(), "E2001" | "E2003" | "E2004" | "E2005" | "E2010" | "E2305") => {
                let command = note.command.replace("FILE", &file.display().to_string());
                Self::Refused(RefusalNote { what: format!("{}: {}", named(file), note.what), command, ..note })
            }
            other => other,
        }
    }

    /// The five things that every refusal says.
    pub fn note(&self) -> RefusalNote {
        let note = |code: &str, why: String, who: &str, command: String| RefusalNote {
            code: code.to_owned(),
            what: self.to_string(),
            why,
            who: who.to_owned(),
            command,
        };
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Fault(fault) => {
                let who = "the operator of the daemon, whose log names the causes";
                note("E9001", fault.message.clone(), who, "egressctl status".to_owned())
            }
            Self::Unreachable { socket, cause, nearby } => {
                let command = nearby.as_ref().map_or_else(
                    || "egressctl --socket PATH status".to_owned(),
                    |nearby| format!("egressctl --socket {} status", nearby.display()),
                );
                let why = format!("connecting to {} failed: {cause}", socket.display());
                note("E9002", why, "whoever runs the daemon here; or you, if its socket is elsewhere", command)
            }
            Self::Garbled { cause } => {
                note("E9003", cause.to_string(), "whoever runs the daemon here", "egressctl --version".to_owned())
            }
            Self::Version { .. } => {
                let why = "egressctl and egressd are one program and come from one release".to_owned();
                note("E9004", why, "whoever installed them", "egressd --version".to_owned())
            }
            Self::NoKey { cause } => {
                let who = "you, with the private key whose public half was enrolled (for good: export EGRESSCTL_KEY=KEY_FILE)";
                note("E9010", cause.clone(), who, "egressctl --key KEY_FILE whoami".to_owned())
            }
            Self::SeveralKeys { keys } => {
                let why = format!("it could sign with any of {}", keys.join(", "));
                note("E9011", why, "you: say which key, or whose", "egressctl --as WHO whoami".to_owned())
            }
            Self::NoSuchKey { wanted, keys } => {
                let held = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
                note("E9012", format!("{wanted} was wanted; the agent holds {held}"), "you", "ssh-add -l".to_owned())
            }
            Self::KeyFile { file, cause } => {
                note("E9013", format!("{}: {cause}", file.display()), "you", format!("ssh-keygen -l -f {}", file.display()))
            }
            Self::KeyNeedsAgent { file, cause } => {
                note("E9014", format!("{}: {cause}", file.display()), "you", format!("ssh-add {}", file.display()))
            }
            Self::AgentRefused { cause } => note("E9015", cause.clone(), "you", "ssh-add -l".to_owned()),
            Self::Document { file, cause } => {
                note("E9016", format!("{}: {cause}", named(file)), "you", format!("ls -l {}", file.display()))
            }
            Self::Content { file, cause, help } => {
                let note =
                    note("E9024", "A file is read strictly: what is not understood is not guessed.".into(), "you", String::new());
                RefusalNote { what: format!("{}: {cause}", named(file)), command: format!("egressctl {help} --help"), ..note }
            }
            Self::Argument { cause, help, .. } => note("E9022", cause.clone(), "you", format!("egressctl {help} --help")),
            Self::WhichDelivery { ticket } => {
                let why = format!("say which: {ticket}/ and a number of four digits");
                note("E9023", why, "you", format!("egressctl delivery list --ticket {ticket}"))
            }
            Self::OtherText { expected } => {
                let why = format!("the daemon's text does not name {expected}; nothing was signed");
                note("E9017", why, "whoever runs the daemon here", "egressctl audit verify".to_owned())
            }
            Self::NoGate { ticket, gate, gates } => {
                let why = format!("{ticket} needs {gates}, not {gate}");
                note("E9018", why, "you", format!("egressctl ticket show {ticket}"))
            }
            Self::NothingToConfirm { vendor, revision } => {
                let why = format!("no revision {revision} of {vendor} waits for a confirmation");
                note("E9019", why, "you", format!("egressctl vendor show {vendor}"))
            }
            Self::Offline { cause } => note("E9020", cause.clone(), "you", "egressctl audit verify --help".to_owned()),
            Self::Output { cause } => note("E9021", cause.to_string(), "you", "df -h".to_owned()),
        }
    }
}

fn named(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

/// Columns of a label on standard error and the spaces around it.
const LABEL: usize = 18;

/// A note as it stands on standard error, in lines of `most` columns; the command stays on one. Empty parts are left out.
pub fn written(note: &RefusalNote, most: usize) -> String {
    let mut what = note.what.lines();
    let mut out = format!("egressctl: {}: {}\n", visible(&note.code), visible(what.next().unwrap_or_default()));
    // A located error shows the line that it means. What follows stays indented, so that it cannot pass for a label.
    for line in what {
        out.push_str(&format!("    {}\n", visible(line.trim_start())));
    }
    for (label, text) in [("why", &note.why), ("who can fix it", &note.who), ("command", &note.command)] {
        let text = visible(text);
        let lines = if label == "command" { vec![text] } else { wrap(&text, most.saturating_sub(LABEL)) };
        let mut head = format!("  {:<16}", format!("{label}:"));
        for line in lines.iter().filter(|line| !line.is_empty()) {
            out.push_str(&format!("{head}{line}\n"));
            head = " ".repeat(LABEL);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_code_what_why_who_and_the_command_and_drives_no_terminal() {
        let note = RefusalNote {
            code: "E2101".to_owned(),
            what: "EGR-2026-0042 is not approved".to_owned(),
            why: "the gate \u{1b}[2Jprivacy has 0 of 1 vote".to_owned(),
            who: "a privacy_reviewer who did not request it".to_owned(),
            command: "egressctl ticket vote EGR-2026-0042 --gate privacy --approve --reason \"WHY\"".to_owned(),
        };
        let text = written(&note, 80);
        assert!(
            text.starts_with("egressctl: E2101: EGR-2026-0042 is not approved\n  why:            the gate \\u{1b}[2Jprivacy")
        );
        for part in ["who can fix it: a privacy_reviewer", "command:        egressctl ticket vote"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_located_error_keeps_its_lines_and_none_of_them_can_pass_for_a_label() {
        let what = "line 4: unknown key windw\n    [windw]\ncommand: rm -rf".to_owned();
        let note = RefusalNote { code: "E2001".to_owned(), what, why: String::new(), who: String::new(), command: String::new() };
        assert_eq!(written(&note, 80), "egressctl: E2001: line 4: unknown key windw\n    [windw]\n    command: rm -rf\n");
    }

    #[test]
    fn exit_status_tells_refusals_usage_and_faults_apart() {
        let status = |trouble: Trouble| trouble.exit() as u8;
        assert_eq!(status(Trouble::NoKey { cause: String::new() }), 2);
        assert_eq!(status(Trouble::Fault(FaultNote { message: String::new() })), 3);
        assert_eq!(status(Trouble::Version { theirs: 2 }), 3);
        let nothing = Trouble::NothingToConfirm { vendor: "acme".parse().unwrap(), revision: String::new() };
        assert_eq!(status(nothing), 1);
    }
}
