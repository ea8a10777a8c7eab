//! Debian's rsyslog as a log server: started on ports of its own, killed, stopped, started again, and what it has written down.

use super::{run, until};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// How a message comes to the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Tcp,
    Udp,
    Unix,
}

pub struct Rsyslog {
    directory: TempDir,
    port: u16,
    way: Way,
    running: Option<Child>,
}

/// The configuration that docs/syslog.md shows, with a place of its own.
const PAGE: &str = include_str!("../../../docs/syslog.md");

impl Rsyslog {
    /// A server that runs.
    pub fn new(way: Way) -> Self {
        let mut server = Self { directory: tempfile::tempdir().unwrap(), port: free_port(way), way, running: None };
        let shown =
            PAGE.split("```rsyslog\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the page shows a configuration");
        let input = match way {
            Way::Tcp => shown.lines().filter(|line| line.contains("imtcp")).collect::<Vec<_>>().join("\n"),
            Way::Udp => "module(load=\"imudp\")\ninput(type=\"imudp\" port=\"601\" ruleset=\"egressd\")".to_owned(),
            Way::Unix => "module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
                 input(type=\"imuxsock\" Socket=\"DIRECTORY/log\" UseSpecialParser=\"off\" ParseHostname=\"on\" ruleset=\"egressd\")"
                .to_owned(),
        };
        let rest: Vec<&str> = shown.lines().filter(|line| !line.contains("imtcp")).collect();
        let text = format!("{}\n{input}\n", rest.join("\n"))
            .replace("port=\"601\"", &format!("address=\"127.0.0.1\" port=\"{}\"", server.port))
            .replace("DIRECTORY", server.directory.path().to_str().unwrap())
            .replace("/var/log/egressd.log", server.file().to_str().unwrap());
        fs::write(server.configuration(), text).unwrap();
        run(Command::new("rsyslogd").arg("-N1").arg("-f").arg(server.configuration()));
        server.start();
        server
    }

    /// As it stands in the gateway's configuration.
    pub fn address(&self) -> String {
        match self.way {
            Way::Tcp => format!("tcp://127.0.0.1:{}", self.port),
            Way::Udp => format!("udp://127.0.0.1:{}", self.port),
            Way::Unix => format!("unix:{}", self.directory.path().join("log").display()),
        }
    }

    fn configuration(&self) -> PathBuf {
        self.directory.path().join("rsyslog.conf")
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("received.log")
    }

    /// Starts it, and waits until it listens.
    pub fn start(&mut self) {
        assert!(self.running.is_none(), "it runs");
        // What a killed one left.
        fs::remove_file(self.directory.path().join("log")).ok();
        let pid = self.directory.path().join("pid");
        fs::remove_file(&pid).ok();
        let mut command = Command::new("rsyslogd");
        command.arg("-n").arg("-f").arg(self.configuration()).arg("-i").arg(pid).arg("-C");
        self.running = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("rsyslog listens", || self.listens().then_some(()));
    }

    fn listens(&self) -> bool {
        match self.way {
            // Looked at, and not connected to: a connection would be an event of its own.
            Way::Tcp => table_has("/proc/net/tcp", self.port, Some("0A")),
            Way::Udp => table_has("/proc/net/udp", self.port, None),
            Way::Unix => self.directory.path().join("log").exists(),
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.running.as_ref().expect("it runs")), signal).unwrap();
    }

    /// Ends it in the middle of whatever it does, or in order.
    pub fn end(&mut self, signal: Signal) {
        self.signal(signal);
        self.running.take().unwrap().wait().unwrap();
    }

    /// All that it has written down, message by message.
    pub fn received(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.end(Signal::KILL);
        }
    }
}

fn free_port(way: Way) -> u16 {
    match way {
        Way::Udp => UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
        Way::Tcp | Way::Unix => TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(),
    }
}

/// Whether a local port stands in one of the kernel's tables, in this state (0A listens).
fn table_has(table: &str, port: u16, state: Option<&str>) -> bool {
    let text = fs::read_to_string(Path::new(table)).unwrap();
    text.lines().skip(1).any(|line| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().unwrap_or_default();
        local.ends_with(&format!(":{port:04X}")) && state.is_none_or(|state| words.nth(1) == Some(state))
    })
}
