//! The house: a whole gateway in a temporary directory, served by the release program, with its staff and its vendors.
//!
//! Verbs answer when what they ask for has happened; nothing sleeps, everything polls with a deadline. All processes end
//! with the house. A test calls [`House::check`] last, and may call it after every step.

mod cast;
mod check;
mod clients;
mod control;
mod daemon;
mod rsyslog;

pub use cast::{AUDITOR, OPERATOR, REQUESTER, RESPONDER, SECURITY, STAFF, day, gate_keeper, orders, ticket_file};
pub use check::CANARY;
pub use control::{answer, send};
pub use rsyslog::{Rsyslog, Way};

use serde_json::Value;
use std::{
    fs,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// No step of a test takes longer, on the slowest machine that is meant to run it.
const DEADLINE: Duration = Duration::from_secs(300);
/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(20);

/// A gateway with everybody who has to do with it.
pub struct House {
    root: TempDir,
    daemon: Option<Child>,
    /// The address that SFTP is served on, as the daemon's log says it.
    sftp_port: u16,
    /// The same for monitoring.
    internal_port: u16,
    /// The same of HTTPS.
    https_port: u16,
    /// How far the daemon's clock runs ahead.
    ahead_days: u32,
}

/// What `egressctl --json` answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    /// Null where it printed no document.
    pub json: Value,
    pub stderr: String,
}

impl Answer {
    /// The document of a command that was done.
    #[track_caller]
    pub fn done(self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.json
    }

    /// The words of a command that was refused with `code`, such as `E2101`.
    #[track_caller]
    pub fn refused(self, code: &str) -> String {
        assert_eq!(self.code, 1, "expected {code}: {} {}", self.json, self.stderr);
        assert!(self.stderr.contains(&format!("egressctl: {code}: ")), "expected {code}: {}", self.stderr);
        self.stderr
    }
}

/// Polls until `look` finds something.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
        thread::sleep(LOOK);
    }
}

/// The standard output of a program that must succeed.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl House {
    /// A served gateway with its staff enrolled and the vendors `acme` and `umbra` confirmed.
    pub fn new() -> Self {
        Self::configured(|_| ())
    }

    /// The same, its directory changed by `edit` before it is served.
    pub fn configured(edit: impl FnOnce(&Path)) -> Self {
        static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let mut house = Self::bare();
            house.restart();
            house.enrol_everybody();
            house.vendor("acme");
            house.vendor("umbra");
            house.terminate();
            house.kept_as_template()
        });
        let root = directory();
        run(Command::new("cp").args(["-a", "--"]).arg(template.join(".")).arg(root.path()));
        fs::remove_file(root.path().join("daemon.log")).unwrap();
        let mut house = Self { root, daemon: None, sftp_port: 0, internal_port: 0, https_port: 0, ahead_days: 0 };
        edit(&house.gateway());
        house.restart();
        house
    }

    /// A second house with everything that this one has, which does not run. The second is not served yet.
    pub fn twin(&self) -> Self {
        assert!(self.daemon.is_none(), "a running gateway cannot be copied");
        let root = directory();
        run(Command::new("cp").args(["-a", "--"]).arg(self.root.path().join(".")).arg(root.path()));
        fs::remove_file(root.path().join("daemon.log")).ok();
        Self { root, daemon: None, sftp_port: 0, internal_port: 0, https_port: 0, ahead_days: self.ahead_days }
    }

    /// A directory as `egressd init` leaves it, with staff keys and nobody enrolled; not served yet.
    pub fn bare() -> Self {
        let house = Self { root: directory(), daemon: None, sftp_port: 0, internal_port: 0, https_port: 0, ahead_days: 0 };
        fs::create_dir(house.path("bin")).unwrap();
        symlink(PROGRAM, house.path("bin/egressctl")).unwrap();
        symlink(PROGRAM, house.path("bin/egressd")).unwrap();
        run(Command::new(PROGRAM).arg("init").arg(house.gateway()));
        house.configure("listen = [\"127.0.0.1:2222\"]", "listen = [\"127.0.0.1:0\"]");
        house.configure("listen = [\"127.0.0.1:9464\"]", "listen = [\"127.0.0.1:0\"]");
        house.configure("listen = [\"127.0.0.1:8443\"]", "listen = [\"127.0.0.1:0\"]");
        house.configure("settle_seconds = 10", "settle_seconds = 1");
        fs::create_dir(house.path("people")).unwrap();
        for (name, _) in STAFF {
            house.ssh_key(&house.path("people").join(name));
        }
        house
    }

    /// Keeps the directory for as long as this process runs, and removes those of processes that have ended: a static is
    /// never dropped.
    fn kept_as_template(self) -> PathBuf {
        let shelf = Path::new(env!("CARGO_TARGET_TMPDIR"));
        for old in fs::read_dir(shelf).unwrap().flatten() {
            let pid = old.file_name().to_str().and_then(|name| name.strip_prefix("house-")?.parse::<u32>().ok());
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
                fs::remove_dir_all(old.path()).ok();
            }
        }
        let kept = shelf.join(format!("house-{}", std::process::id()));
        fs::create_dir_all(&kept).unwrap();
        run(Command::new("cp").args(["-a", "--"]).arg(self.path(".")).arg(&kept));
        kept
    }

    /// A path below the house's temporary directory.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(below)
    }

    /// The directory that `egressd init` made.
    pub fn gateway(&self) -> PathBuf {
        self.path("gateway")
    }

    pub fn state(&self) -> PathBuf {
        self.path("gateway/state")
    }

    pub fn configuration(&self) -> PathBuf {
        self.path("gateway/egressd.toml")
    }

    /// Replaces a part of the configuration, which must be there. It counts from the next start.
    #[track_caller]
    pub fn configure(&self, from: &str, to: &str) {
        edit(&self.configuration(), from, to);
    }

    /// Replaces a part of the policy, which must be there. It counts from the next start.
    #[track_caller]
    pub fn change_policy(&self, from: &str, to: &str) {
        edit(&self.path("gateway/policy.toml"), from, to);
    }

    /// Runs `egressctl --json` with a person's key.
    pub fn ctl<A: AsRef<str>>(&self, person: &str, arguments: impl IntoIterator<Item = A>) -> Answer {
        let key = self.path("people").join(person);
        self.ctl_with(&["--key", key.to_str().unwrap()], arguments)
    }

    /// Runs `egressctl --json` as the daemon's own user, without a key.
    pub fn owner<A: AsRef<str>>(&self, arguments: impl IntoIterator<Item = A>) -> Answer {
        self.ctl_with(&["--unsigned"], arguments)
    }

    fn ctl_with<A: AsRef<str>>(&self, how: &[&str], arguments: impl IntoIterator<Item = A>) -> Answer {
        let mut command = self.egressctl();
        command.arg("--json").args(arguments.into_iter().map(|argument| argument.as_ref().to_owned())).args(how);
        let Output { status, stdout, stderr } = command.output().unwrap();
        Answer {
            code: status.code().expect("egressctl ended by itself"),
            json: serde_json::from_slice(&stdout).unwrap_or(Value::Null),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// The command line under its own name, told where the socket is and nothing else of this environment.
    pub fn egressctl(&self) -> Command {
        let mut command = Command::new(self.path("bin/egressctl"));
        command.env_clear().env("EGRESSCTL_SOCKET", self.state().join("control.sock")).env("COLUMNS", "120");
        command
    }

    /// Drops a file into a ticket's staging directory by a rename, as a careful producer does.
    pub fn stage(&self, ticket: &str, name: &str, bytes: impl AsRef<[u8]>) {
        let apart = self.path(format!("gateway/staging-of-{ticket}-{}", uuid::Uuid::new_v4()));
        fs::write(&apart, bytes).unwrap();
        let directory = self.staging(ticket);
        fs::create_dir_all(&directory).unwrap();
        fs::rename(apart, directory.join(name)).unwrap();
    }

    /// Where a ticket's files are dropped.
    pub fn staging(&self, ticket: &str) -> PathBuf {
        self.path("gateway/staging").join(ticket)
    }

    /// Says that a ticket's delivery is complete: `_READY`.
    pub fn ready(&self, ticket: &str) {
        self.stage(ticket, "_READY", "");
    }

    /// The row of `file list` with this directory and name, once its state is one of `states`.
    #[track_caller]
    pub fn until_file(&self, directory: &str, name: &str, states: &[&str]) -> Value {
        let mut last = Value::Null;
        let found = until_or(|| {
            let rows = self.ctl(OPERATOR, ["file", "list"]).done();
            let row = rows["rows"].as_array().unwrap().iter().find(|row| row["directory"] == directory && row["name"] == name);
            last = row.cloned().unwrap_or(Value::Null);
            row.filter(|row| states.iter().any(|state| row["state"] == *state)).cloned()
        });
        found.unwrap_or_else(|| panic!("{directory}/{name} did not become {states:?}: {last}\n{}", self.log()))
    }

    /// Waits until a delivery is released: `EGR-2026-0001/0001`.
    #[track_caller]
    pub fn until_released(&self, delivery: &str) -> Value {
        let found = until_or(|| {
            let answer = self.ctl(OPERATOR, ["delivery", "show", delivery]);
            (answer.json["delivery"]["state"] == "released").then_some(answer.json)
        });
        found.unwrap_or_else(|| panic!("{delivery} was not released: {}\n{}", self.explain(delivery), self.log()))
    }

    /// Stages one file under a ticket, closes the delivery, waits for its release. The delivery is the ticket's first.
    #[track_caller]
    pub fn release(&self, ticket: &str, name: &str, bytes: impl AsRef<[u8]>) -> String {
        self.stage(ticket, name, bytes);
        self.ready(ticket);
        let delivery = format!("{ticket}/0001");
        self.until_released(&delivery);
        delivery
    }

    /// What `egressctl explain` prints for people.
    pub fn explain(&self, subject: &str) -> String {
        let mut command = self.egressctl();
        let output = command.args(["explain", subject, "--key"]).arg(self.path("people").join(OPERATOR)).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Leaves in the log.
    #[track_caller]
    pub fn log_size(&self) -> u64 {
        self.ctl(AUDITOR, ["status"]).done()["log"]["size"].as_u64().unwrap()
    }
}

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_egressd");

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("egressd-").tempdir().unwrap()
}

/// SHA-256 by Debian's sha256sum.
pub fn sha256(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()[..64].to_owned()
}

/// Replaces `from`, which must be there, by `to`.
#[track_caller]
pub fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

fn until_or<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        if let Some(found) = look() {
            return Some(found);
        }
        thread::sleep(LOOK);
    }
    None
}
