//! What the command line's own codes (E90xx) mean. They are explained here, since the daemon may be what cannot be reached.

use super::trouble::Trouble;
use crate::{
    domain::people::Gate,
    endpoints::control::protocol::{FaultNote, FrameError},
    gateway::answers::Explanation,
};
use std::path::PathBuf;

/// Every trouble of the command line once, told in general.
fn all() -> Vec<Trouble> {
    let text = str::to_owned;
    let file = || PathBuf::from("FILE");
    vec![
        Trouble::Fault(FaultNote { message: text("something broke inside the daemon") }),
        Trouble::Unreachable { socket: PathBuf::from("PATH"), cause: std::io::ErrorKind::NotFound.into(), nearby: None },
        Trouble::Garbled { cause: FrameError::OutOfTurn },
        Trouble::Version { theirs: 0 },
        Trouble::NoKey { cause: text("no --key was given, and there is no ssh-agent or it holds no key") },
        Trouble::SeveralKeys { keys: vec![text("those that ssh-add -l lists")] },
        Trouble::NoSuchKey { wanted: text("the key of --key or --as"), keys: vec![text("others")] },
        Trouble::KeyFile { file: file(), cause: text("not an SSH key in OpenSSH's format") },
        Trouble::KeyNeedsAgent { file: file(), cause: "protected by a passphrase, or an RSA key" },
        Trouble::AgentRefused { cause: text("ssh-agent was locked, or somebody declined") },
        Trouble::Document { file: file(), cause: text("missing, too long, or not UTF-8 text") },
        Trouble::OtherText { expected: text("the ticket, gate, decision and question") },
        Trouble::NoGate { ticket: EXAMPLE, gate: Gate::Legal, gates: text("other gates") },
        Trouble::NothingToConfirm { vendor: "vendor".parse().expect("these are letters of a slug"), revision: text("REVISION") },
        Trouble::Offline { cause: text("the copied directory does not hold what a verifier needs") },
        Trouble::Output { cause: std::io::ErrorKind::StorageFull.into() },
        Trouble::Argument { given: text("…"), cause: text("it has another form: each command's --help shows it") },
    ]
}

const EXAMPLE: crate::domain::ids::TicketNumber = crate::domain::ids::TicketNumber { year: 2026, sequence: 42 };

/// The explanation of one of the command line's own codes.
pub fn own(code: &str) -> Option<Explanation> {
    let note = all().into_iter().map(|trouble| trouble.note()).find(|note| note.code == code)?;
    Some(Explanation {
        subject: note.code,
        headline: note.what,
        because: vec![note.why],
        who: note.who,
        commands: vec![note.command],
        timeline: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_code_is_one_trouble_and_can_be_asked_for() {
        let codes: Vec<String> = all().iter().map(|trouble| trouble.note().code).collect();
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{codes:?}");
        for code in &codes {
            assert!(code.starts_with("E90"), "{code}");
            assert!(own(code).is_some_and(|explained| !explained.commands[0].is_empty()));
        }
        assert!(own("E2101").is_none());
    }
}
