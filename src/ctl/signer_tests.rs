//! Key files and a real ssh-agent, with keys made by ssh-keygen and given by ssh-add.

use super::*;
use crate::domain::signature::{NAMESPACE_REQUEST, PublicKey as Accepted};
use std::process::{Child, Command, Stdio};

#[expect(clippy::disallowed_methods, reason = "the test's other side is OpenSSH's own programs")]
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// An agent of one test, ended with it.
struct TestAgent {
    directory: tempfile::TempDir,
    process: Child,
}

impl TestAgent {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process =
            program("ssh-agent").arg("-D").arg("-a").arg(directory.path().join("agent")).spawn().expect("ssh-agent is installed");
        let agent = Self { directory, process };
        while !agent.socket().exists() {
            std::thread::yield_now();
        }
        agent
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("agent")
    }

    fn make(&self, kind: &str, comment: &str, passphrase: &str) -> PathBuf {
        let file = self.directory.path().join(format!("{kind}-{comment}"));
        let bits = if kind == "rsa" { "3072" } else { "256" };
        let made =
            program("ssh-keygen").args(["-q", "-t", kind, "-b", bits, "-N", passphrase, "-C", comment, "-f"]).arg(&file).status();
        assert!(made.unwrap().success());
        file
    }

    fn add(&self, file: &Path) {
        assert!(program("ssh-add").arg(file).env("SSH_AUTH_SOCK", self.socket()).status().unwrap().success());
    }

    async fn choose(&self, file: Option<&Path>, name: Option<&str>) -> Result<Signer, Trouble> {
        let name = name.map(|name| name.parse().unwrap());
        Signer::choose(file, name.as_ref(), Some(&self.socket())).await
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

async fn signs_as(signer: Result<Signer, Trouble>, file: &Path) {
    let armoured = signer.unwrap_or_else(|trouble| panic!("{trouble:?}")).sign(NAMESPACE_REQUEST, b"message").await.unwrap();
    let line = String::from_utf8(read_bounded(&file.with_extension("pub"), limits::KEY_FILE_BYTES).unwrap()).unwrap();
    assert_eq!(line.parse::<Accepted>().unwrap().verify(NAMESPACE_REQUEST, b"message", &armoured), Ok(()));
}

#[tokio::test]
async fn the_agent_signs_with_its_only_key_and_with_the_one_that_a_comment_names() {
    let agent = TestAgent::start();
    let files = [agent.make("ed25519", "alice@laptop", ""), agent.make("ecdsa", "bob", ""), agent.make("rsa", "carol@desk", "")];
    agent.add(&files[0]);
    signs_as(agent.choose(None, None).await, &files[0]).await;
    agent.add(&files[1]);
    agent.add(&files[2]);
    for (name, file) in ["alice", "bob", "carol"].into_iter().zip(&files) {
        signs_as(agent.choose(None, Some(name)).await, file).await;
    }
    match agent.choose(None, None).await {
        Err(Trouble::SeveralKeys { keys }) => {
            assert!(keys.len() == 3 && keys.iter().any(|key| key.contains("(bob)")), "{keys:?}")
        }
        _ => panic!("three keys and no name: one was picked"),
    }
    for name in ["al", "alice.laptop", "dave"] {
        assert!(matches!(agent.choose(None, Some(name)).await, Err(Trouble::NoSuchKey { .. })), "{name}");
    }
}

#[tokio::test]
async fn two_keys_with_one_persons_comment_are_listed_and_none_is_picked() {
    let agent = TestAgent::start();
    agent.add(&agent.make("ed25519", "alice@laptop", ""));
    agent.add(&agent.make("ed25519", "alice@desk", ""));
    match agent.choose(None, Some("alice")).await {
        Err(Trouble::SeveralKeys { keys }) => assert_eq!(keys.len(), 2),
        _ => panic!("one of two was picked"),
    }
}

#[tokio::test]
async fn a_public_key_file_names_a_key_that_the_agent_holds() {
    let agent = TestAgent::start();
    let (held, other) = (agent.make("ed25519", "held", ""), agent.make("ed25519", "other", ""));
    agent.add(&held);
    signs_as(agent.choose(Some(&held.with_extension("pub")), None).await, &held).await;
    assert!(matches!(agent.choose(Some(&other.with_extension("pub")), None).await, Err(Trouble::NoSuchKey { .. })));
}

#[tokio::test]
async fn key_files_sign_themselves_unless_they_are_locked_or_rsa() {
    let agent = TestAgent::start();
    for kind in ["ed25519", "ecdsa"] {
        let file = agent.make(kind, "me", "");
        signs_as(Signer::choose(Some(&file), None, None).await, &file).await;
    }
    let rsa = agent.make("rsa", "me", "");
    for file in [&rsa, &agent.make("ed25519", "locked", "a passphrase")] {
        let chosen = agent.choose(Some(file), None).await;
        assert!(matches!(&chosen, Err(Trouble::KeyNeedsAgent { .. })), "{}", file.display());
    }
    agent.add(&rsa);
    signs_as(agent.choose(Some(&rsa), None).await, &rsa).await;
}

#[tokio::test]
async fn what_is_no_key_and_no_agent_is_said_so() {
    let directory = tempfile::tempdir().unwrap();
    let pem = directory.path().join("old.pem");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&pem, "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n").unwrap();
    for file in [pem.as_path(), Path::new("/nonexistent"), Path::new("/dev/zero"), Path::new("/")] {
        assert!(matches!(Signer::choose(Some(file), None, None).await, Err(Trouble::KeyFile { .. })), "{}", file.display());
    }
    assert!(matches!(Signer::choose(None, None, None).await, Err(Trouble::NoKey { .. })));
    let nowhere = directory.path().join("no-agent");
    assert!(matches!(Signer::choose(None, None, Some(&nowhere)).await, Err(Trouble::NoKey { .. })));
}
