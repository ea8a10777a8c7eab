//! The vendors' side: Debian's sftp and age, each with the vendor's own keys and nothing else of this machine.

use super::{House, until};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

impl House {
    /// Where SFTP is served.
    pub fn sftp_port(&self) -> u16 {
        self.sftp_port
    }

    /// A file among what a vendor pulled.
    pub fn pulled(&self, vendor: &str, name: &str) -> PathBuf {
        self.path("vendors").join(vendor).join("pulled").join(name)
    }

    /// Runs `sftp -b -` as a vendor, in the directory that its pulls land in.
    pub fn sftp(&self, vendor: &str, batch: &str, options: &[&str]) -> Output {
        self.start_sftp(vendor, batch, options).wait_with_output().unwrap()
    }

    /// The same, and its output, of a run that must succeed.
    #[track_caller]
    pub fn pull(&self, vendor: &str, batch: &str) -> String {
        let output = self.sftp(vendor, batch, &[]);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}\n{}", self.log());
        said
    }

    /// Starts `sftp -b -` as a vendor and does not wait for it.
    pub fn start_sftp(&self, vendor: &str, batch: &str, options: &[&str]) -> Child {
        self.start_sftp_with_key(vendor, &self.path("vendors").join(vendor).join("login"), batch, options)
    }

    /// The same with somebody's key.
    pub fn start_sftp_with_key(&self, vendor: &str, key: &Path, batch: &str, options: &[&str]) -> Child {
        let directory = self.path("vendors").join(vendor);
        let mut command = Command::new("sftp");
        command.args(options).args(["-b", "-", "-F", "none", "-P", &self.sftp_port.to_string()]);
        command.arg("-i").arg(key).args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]);
        command.args(["-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=gateway"]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.known_hosts().display()));
        command.arg(format!("{vendor}@127.0.0.1")).current_dir(directory.join("pulled"));
        command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of their own: sftp and the ssh that it starts live and die together.
        let mut child = command.process_group(0).spawn().unwrap();
        // A client that ended already takes no more commands; its exit status says so.
        child.stdin.take().unwrap().write_all(batch.as_bytes()).ok();
        child
    }

    /// Debian's curl as a vendor, with its certificate, in the directory that its pulls land in. It trusts the gateway's own
    /// certificate as `init` wrote it.
    pub fn curl(&self, vendor: &str) -> Command {
        let directory = self.path("vendors").join(vendor);
        let mut command = self.bare_curl(vendor);
        command.arg("--cert").arg(directory.join("tls.crt")).arg("--key").arg(directory.join("tls.key"));
        command
    }

    /// The same without the certificate.
    pub fn bare_curl(&self, vendor: &str) -> Command {
        let mut command = Command::new("curl");
        command.args(["--disable", "--silent", "--show-error", "--fail", "--noproxy", "*"]);
        command.arg("--cacert").arg(self.path("gateway/keys/tls.crt")).stdin(Stdio::null());
        command.current_dir(self.path("vendors").join(vendor).join("pulled"));
        command
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.https_port)
    }

    /// Ends a client and its connection as the end of its machine would.
    pub fn kill_client(&self, mut client: Child) {
        kill_process_group(Pid::from_child(&client), Signal::KILL).unwrap();
        client.wait().unwrap();
    }

    /// The gateway's host key, as `init` wrote it for its vendors.
    fn known_hosts(&self) -> PathBuf {
        let path = self.path("known_hosts");
        // A disk whose power was cut answers nothing: vendors know the key all the same.
        let Ok(key) = fs::read_to_string(self.path("gateway/keys/ssh_host_ed25519.pub")) else { return path };
        // By a rename: clients that start at the same time read it.
        let apart = self.path(format!("known_hosts-{}", uuid::Uuid::new_v4()));
        fs::write(&apart, format!("gateway {key}")).unwrap();
        fs::rename(apart, &path).unwrap();
        path
    }

    /// Decrypts a pulled file with Debian's age.
    #[track_caller]
    pub fn decrypt(&self, vendor: &str, name: &str) -> Vec<u8> {
        let output = self.age(vendor, name);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Runs `age -d` with a vendor's identity over a file that it pulled.
    pub fn age(&self, vendor: &str, name: &str) -> Output {
        let identity = self.path("vendors").join(vendor).join("age.txt");
        Command::new("age").arg("-d").arg("-i").arg(identity).arg(self.pulled(vendor, name)).output().unwrap()
    }

    /// Waits until a pulled file has so many bytes.
    #[track_caller]
    pub fn until_pulled(&self, vendor: &str, name: &str, bytes: u64) -> u64 {
        let path = self.pulled(vendor, name);
        until("enough was pulled", || fs::metadata(&path).ok().map(|meta| meta.len()).filter(|&len| len >= bytes))
    }
}
