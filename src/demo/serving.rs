//! The real daemon, as a process of its own: started, waited for, ended with its starter.

use super::{
    LOOK_AGAIN, PATIENCE,
    egressctl::{As, Egressctl},
    place::{self, Doors, Place},
    screen::Screen,
};
use crate::{
    clock::{Clock, SystemClock},
    gateway::answers::{Listing, StaffRow},
};
use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::OpenOptions,
    os::unix::{net::UnixStream, process::CommandExt},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

/// How often another port is tried.
const ATTEMPTS: usize = 3;
/// How much of its log is shown when it has died.
const LAST_LINES: usize = 12;

pub struct Serving {
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Serving {
    /// Starts `egressd serve` and waits until it answers.
    pub async fn start(place: &Place, screen: &Screen) -> anyhow::Result<Self> {
        ensure!(
            UnixStream::connect(place.socket()).is_err(),
            "an egressd serves in {} already, without its demonstration: end that process first",
            place.shown()
        );
        for _ in 1..ATTEMPTS {
            match Self::attempt(place, screen).await {
                // The port was free a moment ago.
                Err(error) if error.to_string().contains(".listen") => {}
                started => return started,
            }
        }
        Self::attempt(place, screen).await
    }

    async fn attempt(place: &Place, screen: &Screen) -> anyhow::Result<Self> {
        let Doors { sftp, https } = place.listen_on_free_ports()?;
        place.monitor_on_a_free_port()?;
        let mut serving = Self::spawn(place)?;
        screen.while_waiting("starting the gateway", serving.answers(place)).await?;
        screen.done(&format!("egressd serves: process {}, log in {}/serve.log", serving.child.id(), place.shown()));
        screen.done(&format!("vendors reach it by SFTP on {sftp}, by HTTPS on {https}"));
        Ok(serving)
    }

    #[expect(clippy::disallowed_methods, reason = "only the demonstration starts processes")]
    fn spawn(place: &Place) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?;
        let path = place.log();
        let log = OpenOptions::new().create(true).append(true).open(&path).with_context(|| path.display().to_string())?;
        let child = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(place.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is the demonstration's: it ends the daemon in its own time.
            .process_group(0)
            .spawn()
            .context("egressd serve")?;
        Ok(Self { child, log: path, ended: None })
    }

    async fn answers(&mut self, place: &Place) -> anyhow::Result<()> {
        let egressctl = Egressctl::of(place);
        let clock = SystemClock::new();
        loop {
            if self.has_ended() {
                bail!("the gateway did not start; the end of {}:\n{}", self.log.display(), self.last_words());
            }
            if UnixStream::connect(place.socket()).is_ok() {
                egressctl.ask::<Listing<StaffRow>>(As::Owner, &["staff", "list"]).await?;
                return Ok(());
            }
            ensure!(clock.elapsed() < PATIENCE, "the gateway does not answer: see {}", self.log.display());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended.is_some()
    }

    /// Comes back when the daemon has ended by itself, with the end of its log.
    pub async fn died(&mut self) -> String {
        while !self.has_ended() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        self.last_words()
    }

    fn last_words(&self) -> String {
        let text = place::read(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(LAST_LINES));
        last.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    /// Asks it to end, and waits until it has: running transfers may finish.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.ask_to_end();
        while !self.has_ended() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let well = self.ended.is_some_and(|ended| ended.success());
        ensure!(well, "the gateway did not end well; the end of {}:\n{}", self.log.display(), self.last_words());
        Ok(())
    }

    /// Ends it at once.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("egressd serve")?;
        self.ended = Some(self.child.wait().context("egressd serve")?);
        Ok(())
    }

    fn ask_to_end(&mut self) {
        if !self.has_ended()
            && let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            // It may have ended just now, which is what was asked for.
            kill_process(pid, Signal::TERM).ok();
        }
    }
}

/// However the demonstration ends, its daemon ends too.
impl Drop for Serving {
    fn drop(&mut self) {
        if !self.has_ended() {
            drop(self.kill());
        }
    }
}
