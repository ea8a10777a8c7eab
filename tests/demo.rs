//! `egressd demo` as its users meet it: side by side, again, interrupted, and every printed line pasted into a shell.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests start processes, read clocks and files, and end at the first surprise"
)]

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

const EGRESSD: &str = env!("CARGO_BIN_EXE_egressd");
/// A machine that is busy with other tests takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A demonstration that runs until the test asks it to stop.
struct Demo {
    child: Child,
    directory: PathBuf,
    told: PathBuf,
}

impl Demo {
    fn start(directory: &Path) -> Self {
        let told = directory.with_extension("out");
        let out = File::create(&told).unwrap();
        let mut command = Command::new(EGRESSD);
        command.arg("demo").arg(directory).stdin(Stdio::null()).stderr(out.try_clone().unwrap()).stdout(out);
        Self { child: command.spawn().unwrap(), directory: directory.to_owned(), told }
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap()
    }

    /// Waits until everything is printed, and reads demo.json.
    fn ready(&mut self) -> Value {
        let started = Instant::now();
        while !self.told().contains("Ctrl-C ends it") {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended:\n{}", self.told());
            assert!(started.elapsed() < PATIENCE, "it is not ready:\n{}", self.told());
            std::thread::sleep(Duration::from_millis(50));
        }
        serde_json::from_slice(&fs::read(self.directory.join("demo.json")).unwrap()).unwrap()
    }

    /// The daemon's process, as it was printed.
    fn daemon(&self) -> Pid {
        let told = self.told();
        let (_, rest) = told.split_once("egressd serves: process ").unwrap();
        Pid::from_raw(rest.split(',').next().unwrap().parse().unwrap()).unwrap()
    }

    /// The lines that are printed to be typed.
    fn lines(&self) -> String {
        let told = self.told();
        let (_, rest) = told.split_once("Try it in a second terminal").unwrap();
        let lines: Vec<&str> = rest.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        lines.join("\n")
    }

    fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                return ended;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end:\n{}", self.told());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn interrupt(&mut self) -> ExitStatus {
        kill_process(pid(&self.child), Signal::INT).unwrap();
        self.end()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            // Not SIGKILL: the daemon that it started would outlive it.
            kill_process(pid(&self.child), Signal::TERM).ok();
            self.child.wait().ok();
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value:#}"))
}

/// What the issue promises to scripts, member for member.
fn check_shape(demo: &Value) {
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(members(demo), "config egressctl https metrics other_vendor released sftp socket staff staging ticket vendor");
    let metrics = text(demo, "/metrics");
    assert!(metrics.starts_with("http://127.0.0.1:") && metrics.ends_with("/metrics"), "{metrics}");
    assert_eq!(members(&demo["https"]), "ca url");
    assert!(text(demo, "/https/url").starts_with("https://"));
    assert_eq!(members(&demo["sftp"]), "host known_hosts port");
    let mut paths =
        vec!["/config", "/socket", "/staging", "/egressctl", "/sftp/known_hosts", "/https/ca", "/released/0/plaintext"];
    let mut private = Vec::new();
    for vendor in ["/vendor", "/other_vendor"] {
        let vendor = demo.pointer(vendor).unwrap();
        assert_eq!(members(vendor), "age_identity id ssh_key tls_cert tls_key token_file user");
        assert!(Path::new(text(vendor, "/tls_cert")).exists());
        assert_eq!(vendor["id"], vendor["user"]);
        private.extend(["/ssh_key", "/age_identity", "/tls_key", "/token_file"].map(|member| text(vendor, member)));
    }
    for person in demo["staff"].as_array().unwrap() {
        assert_eq!(members(person), "name role ssh_key");
        private.push(text(person, "/ssh_key"));
    }
    assert_eq!(members(&demo["released"][0]), "path plaintext sha256");
    for path in paths.drain(..).map(|pointer| text(demo, pointer)).chain(private.iter().copied()) {
        assert!(path.starts_with('/') && Path::new(path).exists(), "{path}");
    }
    for path in private {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
    }
}

fn check(directory: &Path) -> (ExitStatus, String) {
    let ended = Command::new(EGRESSD).args(["demo", "--check"]).arg(directory).stdin(Stdio::null()).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    (ended.status, told)
}

#[test]
fn two_run_side_by_side_and_every_printed_line_works_when_it_is_pasted() {
    let house = tempfile::tempdir().unwrap();
    let mut shown = Demo::start(&house.path().join("a demo"));
    let (status, told) = check(&house.path().join("checked"));
    assert!(status.success() && told.contains("every step went as it must"), "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains('✗'), "{told}");

    let demo = shown.ready();
    check_shape(&demo);
    assert!(shown.told().lines().filter(|line| !line.starts_with("    ")).all(|line| line.chars().count() <= 80));
    let script = format!("set -eo pipefail\n{}", shown.lines());
    let pasted = Command::new("bash").args(["-c", &script]).env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&pasted.stdout), String::from_utf8_lossy(&pasted.stderr));
    assert!(pasted.status.success(), "{said}\n--- of\n{script}");
    for expected in [
        ".csv.age: OK",
        "people.csv is held",
        "cut, and revoked for good",
        "egressd_transfers_begun_total{protocol=\"https\"} 1",
        "sound: the log",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
    }
    let plaintext = fs::read(text(&demo, "/released/0/plaintext")).unwrap();
    let name = Path::new(text(&demo, "/released/0/plaintext")).file_name().unwrap();
    assert!(
        fs::read(shown.directory.join("inbox").join(name)).unwrap() == plaintext,
        "what was decrypted is not what was dropped"
    );

    let daemon = shown.daemon();
    assert!(shown.interrupt().success(), "{}", shown.told());
    assert!(test_kill_process(daemon).is_err(), "the daemon outlived its demonstration");

    // Again, in the same directory: the vendor that was cut off stays cut off, and another takes its place.
    let mut again = Demo::start(&shown.directory);
    let demo = again.ready();
    assert_eq!((text(&demo, "/vendor/id"), text(&demo, "/other_vendor/id")), ("acme-2", "globex"));
    assert!(again.interrupt().success());
}

#[test]
fn when_the_daemon_dies_it_says_so_and_shows_the_end_of_its_log() {
    let house = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(&house.path().join("demo"));
    demo.ready();
    kill_process(demo.daemon(), Signal::KILL).unwrap();
    assert!(!demo.end().success());
    let told = demo.told();
    assert!(told.contains("the gateway ended by itself") && told.contains("the control socket is open"), "{told}");
    // What it left is taken up again, the ticket too: nobody has to approve it twice.
    let (status, told) = check(&demo.directory);
    assert!(status.success() && told.contains("-0001: active since an earlier day"), "{told}");
}

#[test]
fn a_directory_that_is_not_its_own_or_in_use_is_refused() {
    let house = tempfile::tempdir().unwrap();
    let theirs = house.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("egressd.toml"), "theirs").unwrap();
    let (status, told) = check(&theirs);
    assert!(!status.success() && told.contains("no demonstration made it"), "{told}");

    let mut demo = Demo::start(&house.path().join("ours"));
    demo.ready();
    let (status, told) = check(&demo.directory);
    assert!(!status.success() && told.contains("another demonstration runs in"), "{told}");
    assert!(demo.directory.join("demo.json").exists(), "the refused one took the running one's description away");
    assert!(demo.interrupt().success());
}
