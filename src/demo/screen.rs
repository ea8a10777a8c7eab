//! What the demonstration says: short lines, a tick for each thing done, colours only on a terminal.

use crate::clock::{Clock, SystemClock};
use std::{
    future::Future,
    io::{self, IsTerminal, Write},
    time::Duration,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Bold,
    Faint,
    Good,
    Bad,
}

impl Tone {
    /// ECMA-48 section 8.3.117.
    const fn code(self) -> u8 {
        match self {
            Self::Bold => 1,
            Self::Faint => 2,
            Self::Bad => 31,
            Self::Good => 32,
        }
    }
}

/// Whether somebody watches, or a file takes it down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    Terminal,
    TerminalWithoutColour,
    File,
}

pub struct Screen {
    audience: Audience,
}

const TURN: Duration = Duration::from_millis(100);
const WHEEL: [&str; 8] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"];
/// A terminal has at least so many columns; a longer line would break the wheel's.
const COLUMNS: usize = 72;

impl Screen {
    pub fn of_stdout() -> Self {
        let audience = match (io::stdout().is_terminal(), no_color()) {
            (true, false) => Audience::Terminal,
            (true, true) => Audience::TerminalWithoutColour,
            (false, _) => Audience::File,
        };
        Self { audience }
    }

    pub fn title(&self, name: &str, motto: &str) {
        self.say(&format!("{} {}\n", self.paint(Tone::Bold, name), self.paint(Tone::Faint, &format!("· {motto}"))));
    }

    pub fn heading(&self, text: &str) {
        self.say(&format!("\n{}\n", self.paint(Tone::Bold, text)));
    }

    pub fn done(&self, text: &str) {
        self.say(&format!("  {} {text}\n", self.paint(Tone::Good, "✓")));
    }

    pub fn failed(&self, text: &str) {
        self.say(&format!("  {} {text}\n", self.paint(Tone::Bad, "✗")));
    }

    /// Something that is so, and that nobody did.
    pub fn note(&self, text: &str) {
        self.say(&format!("  {}\n", self.paint(Tone::Faint, text)));
    }

    pub fn happened(&self, when: &str, text: &str) {
        self.say(&format!("  {} {text}\n", self.paint(Tone::Faint, when)));
    }

    /// A line as it can be typed.
    pub fn line(&self, text: &str) {
        self.say(&format!("    {text}\n"));
    }

    pub fn blank(&self) {
        self.say("\n");
    }

    /// Shows that something goes on until it has come.
    pub async fn while_waiting<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let progress = Progress::default();
        progress.now(what);
        self.while_progressing(&progress, work).await
    }

    /// The same, where the work itself says how far it is.
    pub async fn while_progressing<T>(&self, progress: &Progress, work: impl Future<Output = T>) -> T {
        if self.audience == Audience::File {
            return work.await;
        }
        let clock = SystemClock::new();
        let mut turns = tokio::time::interval(TURN);
        let mut wheel = WHEEL.iter().cycle();
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                _ = turns.tick() => {
                    let text: String = progress.text().chars().take(COLUMNS).collect();
                    let turned = self.paint(Tone::Faint, wheel.next().unwrap_or(&"·"));
                    let since = self.paint(Tone::Faint, &format!("{:.1} s", clock.elapsed().as_secs_f32()));
                    self.say(&format!("\r  {turned} {text} {since}\u{1b}[K"));
                }
            }
        };
        self.say("\r\u{1b}[K");
        done
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        match self.audience {
            Audience::Terminal => format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code()),
            Audience::TerminalWithoutColour | Audience::File => text.to_owned(),
        }
    }

    fn say(&self, text: &str) {
        let mut out = io::stdout().lock();
        // Who has closed the terminal has asked by SIGHUP to stop: there is nobody to tell.
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}

/// What is waited for just now.
#[derive(Default)]
pub struct Progress {
    text: std::sync::Mutex<String>,
}

impl Progress {
    pub fn now(&self, text: &str) {
        *self.text.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = text.to_owned();
    }

    fn text(&self) -> String {
        self.text.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// <https://no-color.org>: set and not empty.
#[expect(clippy::disallowed_methods, reason = "NO_COLOR is how people tell every program")]
fn no_color() -> bool {
    std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty())
}
