//! `egressctl`, the command line: reads a command, asks the daemon with the person's own key, shows the answer.

mod act;
mod commands;
mod connection;
mod draft;
pub mod explain;
mod lint;
mod offline;
mod page;
mod policy;
mod show;
mod signer;
mod table;
mod text;
mod token;
mod trouble;
mod vote;
mod votes;

use act::Told;
use commands::Cli;
use page::{Page, USUAL_WIDTH};
use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    process::ExitCode,
};
use table::Colour;
use trouble::{Exit, Trouble};

/// Runs one command and returns its exit status. `arguments` begin with the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::read(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // What must outlive the command's own values: how it wants to be told.
    let json = cli.common.json;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = match runtime {
        Ok(runtime) => runtime.block_on(act::act(cli, screen())),
        Err(cause) => Err(Trouble::Output { cause }),
    };
    let ended = told.and_then(|told| say(told, json));
    match ended {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            if json && let Some(text) = in_json(&trouble) {
                // Whoever reads no standard output has the exit status, and standard error.
                drop(io::stdout().lock().write_all(text.as_bytes()));
            }
            complain(&trouble);
            trouble.exit().into()
        }
    }
}

/// clap says it; help and version are not errors.
fn usage(error: &clap::Error) -> ExitCode {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
    match error.print() {
        Ok(()) => exit.into(),
        Err(_) => Exit::Unavailable.into(),
    }
}

/// An empty page for this terminal.
fn screen() -> Page {
    let colour = if io::stdout().is_terminal() && !no_color() { Colour::Shown } else { Colour::Off };
    Page::new(columns(io::stdout()), colour)
}

/// What is no terminal, a pipe or a file, has no end of the line: nothing is cut there.
fn columns(out: impl AsFd + IsTerminal) -> usize {
    match terminal_size::terminal_size_of(&out) {
        Some((width, _)) => usize::from(width.0),
        None if out.is_terminal() => USUAL_WIDTH,
        None => usize::MAX,
    }
}

/// <https://no-color.org>: set and not empty.
#[expect(clippy::disallowed_methods, reason = "NO_COLOR is how people tell every program")]
fn no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}

fn say(told: Told, json: bool) -> Result<Exit, Trouble> {
    let text = if json {
        let document = serde_json::to_string_pretty(&told.json).map_err(|e| Trouble::Output { cause: e.into() })?;
        text::visible_json(&document) + "\n"
    } else {
        told.page.finish()
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Who reads no further (`egressctl … | head`) has what they wanted.
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => Err(Trouble::Output { cause }),
        _ => Ok(told.exit),
    }
}

/// For a script: what standard error says, as `{"refusal": …}` in place of the answer. None where the answer itself could not be written.
fn in_json(trouble: &Trouble) -> Option<String> {
    if matches!(trouble, Trouble::Output { .. }) {
        return None;
    }
    let document = serde_json::to_string_pretty(&serde_json::json!({ "refusal": trouble.note() })).ok()?;
    Some(text::visible_json(&document) + "\n")
}

fn complain(trouble: &Trouble) {
    let text = trouble::written(&trouble.note(), columns(io::stderr()));
    // Without a standard error there is only the exit status left to tell.
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

#[cfg(test)]
mod advice_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
