//! What must hold after every step, whatever happened: the log verifies, every stored object is accounted for, and no
//! plaintext lies where none may be.

use super::{AUDITOR, House, run, until};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// In every staged value. It may never be found below the state directory, nor in the daemon's log.
pub const CANARY: &str = "canary7f3a91c2";

impl House {
    /// Checks the whole house. The daemon may run or not.
    #[track_caller]
    pub fn check(&mut self) {
        self.plaintext_lies_nowhere();
        self.every_object_is_accounted_for();
        if self.is_alive() {
            let verdict = self.ctl(AUDITOR, ["audit", "verify"]).done();
            assert_eq!(verdict["verdict"], "sound", "{verdict}");
        }
        let verdict = self.verify_offline(&self.copy(), &[]);
        assert_eq!(verdict.json["verdict"], "sound", "{} {}", verdict.json, verdict.stderr);
    }

    /// `audit verify --dir` over a copied gateway's directory, with the verifier key that `init` made.
    pub fn verify_offline(&self, copy: &TempDir, options: &[&str]) -> super::Answer {
        let (directory, vkey) = (copy.path().to_str().unwrap().to_owned(), self.path("gateway/keys/log.vkey"));
        let output = self
            .egressctl()
            .args(["--json", "audit", "verify", "--dir", &directory, "--vkey"])
            .arg(vkey)
            .args(options)
            .output()
            .unwrap();
        super::Answer {
            code: output.status.code().unwrap(),
            json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A copy of the ledger as it stands on the disk now: what an auditor is given.
    pub fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        until("the ledger is copied whole", || {
            for name in ["ledger.db", "ledger.db-wal"] {
                let (from, to) = (self.state().join(name), copy.path().join(name));
                match fs::copy(&from, &to) {
                    Ok(_) => {}
                    Err(_) => drop(fs::remove_file(&to)),
                }
            }
            fs::remove_file(copy.path().join("ledger.db-shm")).ok();
            // A copy that was torn by a checkpoint in between is made again.
            let checked = Command::new("sqlite3").arg(copy.path().join("ledger.db")).arg("PRAGMA integrity_check").output();
            checked.is_ok_and(|output| output.stdout == b"ok\n").then_some(())
        });
        copy
    }

    /// Rows of a query over a copy of the ledger, columns joined by `|`.
    #[track_caller]
    pub fn sql(&self, query: &str) -> Vec<String> {
        let copy = self.copy();
        let said = run(Command::new("sqlite3").arg(copy.path().join("ledger.db")).arg(query));
        said.lines().map(String::from).collect()
    }

    /// What lies on a shelf of stored objects, as hexadecimal ids.
    pub fn objects(&self, shelf: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for path in files_below(&self.state().join(shelf)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.insert(name.replace('-', ""));
        }
        found
    }

    /// Objects and keys on the disk are those that files in the index name: none more, none less. Work in progress is
    /// waited for.
    #[track_caller]
    fn every_object_is_accounted_for(&self) {
        let mut last = String::new();
        let fits = super::until_or(|| {
            let ids = |query: &str| self.sql(query).into_iter().filter(|id| !id.is_empty()).collect::<BTreeSet<String>>();
            let incoming = ids("SELECT lower(hex(incoming)) FROM file WHERE purged_at IS NULL");
            let sealed = ids("SELECT lower(hex(header)) FROM file WHERE purged_at IS NULL UNION ALL \
                 SELECT lower(hex(payload)) FROM file WHERE purged_at IS NULL");
            let keys = ids("SELECT lower(hex(object)) FROM object_keys");
            let (on_disk, on_disk_sealed) = (self.objects("incoming"), self.objects("sealed"));
            let named: BTreeSet<String> = incoming.union(&sealed).cloned().collect();
            last = format!("index {named:?}\nkeys {keys:?}\nincoming {on_disk:?}\nsealed {on_disk_sealed:?}");
            (on_disk == incoming && on_disk_sealed == sealed && keys == named).then_some(())
        });
        assert!(fits.is_some(), "objects, keys and index disagree:\n{last}\n{}", self.log());
    }

    #[track_caller]
    fn plaintext_lies_nowhere(&self) {
        let found = Command::new("grep")
            .args(["-r", "-l", "-a", "-F", CANARY])
            .arg(self.state())
            .arg(self.path("daemon.log"))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "plaintext lies on the disk");
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // A directory that went meanwhile holds nothing.
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_below(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found
}
