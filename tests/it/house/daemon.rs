//! The daemon as a process: started, ended, killed, started again, and what it says in its log.

use super::{House, PROGRAM, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, OpenOptions},
    process::{Child, Command, ExitStatus, Stdio},
};

/// What moves a process's clock (Debian's faketime).
const FAKETIME: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

impl House {
    /// Ends the daemon, if it runs, and serves again. Answers when every door is open.
    #[track_caller]
    pub fn restart(&mut self) {
        if let Err((status, said)) = self.start(&[]) {
            panic!("the daemon ended while starting: {status}\n{said}");
        }
    }

    /// The same, or what the daemon said when it would not start.
    #[track_caller]
    pub fn starts(&mut self) -> Result<(), String> {
        self.start(&[]).map_err(|(_, said)| said)
    }

    /// The same with a program in front that runs its arguments, such as strace. Err: it ended before every door was open.
    pub fn restart_under(&mut self, program: &[&str]) -> Result<(), ExitStatus> {
        self.start(program).map_err(|(status, _)| status)
    }

    #[track_caller]
    fn start(&mut self, program: &[&str]) -> Result<(), (ExitStatus, String)> {
        self.terminate();
        let before = self.log().len();
        let mut child = self.spawn(program);
        let opened = until("the doors are open", || {
            let log = self.log();
            let since = log.get(before..).unwrap_or_default();
            if let Some(status) = child.try_wait().unwrap() {
                return Some(Err((status, since.to_owned())));
            }
            let doors = || Some((port(since, "sftp is open")?, port(since, "https is open")?, port(since, "internal is open")?));
            since.contains("the control socket is open").then(doors).flatten().map(Ok)
        });
        (self.sftp_port, self.https_port, self.internal_port) = opened?;
        self.daemon = Some(child);
        Ok(())
    }

    /// Serves with a clock that is so many days ahead of the machine's. It stays so until it is said otherwise.
    #[track_caller]
    pub fn restart_in_days(&mut self, days: u32) {
        self.ahead_days = days;
        self.restart();
    }

    /// Starts a daemon that must not come up, and answers what it said.
    #[track_caller]
    pub fn refuses_to_start(&mut self) -> String {
        let (status, said) = self.start(&[]).expect_err("it serves");
        let opened = ["sftp is open", "the control socket is open"].iter().any(|door| said.contains(door));
        assert!(!opened, "a door was opened:\n{said}");
        assert_eq!(status.code(), Some(3), "{said}");
        said
    }

    fn spawn(&self, program: &[&str]) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.path("daemon.log")).unwrap();
        // With SIGXFSZ ignored, a limit on its files' sizes is an error of its writes, as a full disk is.
        let mut command = Command::new("env");
        command.arg("--ignore-signal=XFSZ").args(program).args([PROGRAM, "serve", "--config"]).arg(self.configuration());
        command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        if self.ahead_days > 0 {
            let library = FAKETIME.into_iter().find(|library| fs::exists(library).unwrap()).expect("Debian's faketime");
            command.env("LD_PRELOAD", library).env("FAKETIME", format!("+{}d", self.ahead_days));
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        command.spawn().unwrap()
    }

    /// Ends the daemon as systemd does, and waits for it.
    #[track_caller]
    pub fn terminate(&mut self) {
        if let Some(status) = self.end(Signal::TERM) {
            assert!(status.success(), "{status}\n{}", self.log());
        }
    }

    /// Ends the daemon in the middle of whatever it does.
    pub fn kill9(&mut self) {
        self.end(Signal::KILL);
    }

    pub(super) fn end(&mut self, signal: Signal) -> Option<ExitStatus> {
        let mut child = self.daemon.take()?;
        // One that ended by itself is only waited for.
        kill_process(Pid::from_child(&child), signal).ok();
        Some(child.wait().unwrap())
    }

    /// Takes over a daemon that a test has started in another way.
    pub fn adopt(&mut self, child: Child, sftp_port: u16, https_port: u16, internal_port: u16) {
        self.terminate();
        (self.daemon, self.sftp_port, self.https_port, self.internal_port) = (Some(child), sftp_port, https_port, internal_port);
    }

    /// Where HTTPS is served.
    pub fn https_port(&self) -> u16 {
        self.https_port
    }

    /// Where the machine's monitoring connects.
    pub fn internal_port(&self) -> u16 {
        self.internal_port
    }

    /// The daemon's process id.
    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("the daemon runs").id()
    }

    /// Waits for a daemon that ends by itself.
    #[track_caller]
    pub fn until_ended(&mut self) -> ExitStatus {
        let mut child = self.daemon.take().expect("the daemon ran");
        until("the daemon has ended", || child.try_wait().unwrap())
    }

    /// Whether the daemon runs still.
    pub fn is_alive(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// The most memory that the daemon ever had resident, in bytes.
    pub fn rss(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// All that the daemon said, over all its runs.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.path("daemon.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The port in the line that says where something is served.
fn port(log: &str, what: &str) -> Option<u16> {
    let line = log.lines().find(|line| line.contains(what))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

impl Drop for House {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}
