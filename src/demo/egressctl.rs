//! The staff at their keyboards: one `egressctl` process for each thing that somebody of the cast asks.

use super::{cast::Player, place::Place};
use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Whose key signs.
#[derive(Clone, Copy)]
pub enum As {
    /// Nobody's: the machine's owner, which the daemon's own user is.
    Owner,
    Player(Player),
}

impl From<Player> for As {
    fn from(player: Player) -> Self {
        Self::Player(player)
    }
}

pub struct Egressctl {
    program: PathBuf,
    socket: PathBuf,
    staff: PathBuf,
}

/// What the caller's own shell may hold for another gateway.
const OTHERS: [&str; 5] = ["EGRESSCTL_SOCKET", "EGRESSCTL_AS", "EGRESSCTL_KEY", "EGRESSCTL_JSON", "SSH_AUTH_SOCK"];

impl Egressctl {
    pub fn of(place: &Place) -> Self {
        Self { program: place.egressctl(), socket: place.socket(), staff: place.staff() }
    }

    /// Asks, and reads the answer as `T`.
    ///
    /// # Errors
    /// What egressctl wrote to standard error, if it did not exit with 0.
    pub async fn ask<T: DeserializeOwned>(&self, who: impl Into<As>, arguments: &[&str]) -> anyhow::Result<T> {
        let asked = arguments.join(" ");
        let mut command = self.command(who.into(), arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await.context("egressctl")?;
        let output = output.with_context(|| self.program.display().to_string())?;
        if !output.status.success() {
            bail!("egressctl {asked}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("the answer to egressctl {asked}"))
    }

    #[expect(clippy::disallowed_methods, reason = "only the demonstration starts processes")]
    fn command(&self, who: As, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for name in OTHERS {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).arg("--json").arg("--socket").arg(&self.socket);
        if let As::Player(player) = who {
            command.arg("--key").arg(self.staff.join(player.name));
        }
        command.args(arguments);
        if let As::Owner = who {
            command.arg("--unsigned");
        }
        command
    }
}
