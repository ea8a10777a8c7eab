//! Votes as files: each text beside its signature, and the voters' keys, as OpenSSH's own `ssh-keygen -Y verify` takes them.

use super::trouble::Trouble;
use crate::{
    domain::signature::{KeyRefused, NAMESPACE_VOTE, PublicKey},
    gateway::answers::SignedVote,
};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

/// Writes `LEAF-GATE-WHO.txt`, its `.sig`, and `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS) into a directory of their own.
///
/// # Errors
/// What is there already is not written over.
pub fn keep(directory: &Path, votes: &[SignedVote]) -> Result<(), Trouble> {
    create(directory)?;
    let mut signers = votes.iter().map(signer).collect::<Result<Vec<String>, _>>()?;
    signers.sort();
    signers.dedup();
    write(&directory.join("allowed_signers"), &signers.concat())?;
    for vote in votes {
        let name = format!("{:08}-{}-{}.txt", vote.leaf, vote.gate, vote.who);
        write(&directory.join(&name), &vote.text)?;
        write(&directory.join(name + ".sig"), &vote.signature)?;
    }
    Ok(())
}

/// A line of `allowed_signers`. The key is read as one: a false daemon gets no line of its own into the file.
fn signer(vote: &SignedVote) -> Result<String, Trouble> {
    let bad = |error: KeyRefused| Trouble::Document { file: "allowed_signers".into(), cause: format!("{}: {error}", vote.who) };
    let key: PublicKey = vote.key.parse().map_err(bad)?;
    Ok(format!("{} namespaces=\"{NAMESPACE_VOTE}\" {key}\n", vote.who))
}

fn create(directory: &Path) -> Result<(), Trouble> {
    fs::create_dir(directory).map_err(|error| Trouble::Document { file: directory.to_owned(), cause: error.to_string() })
}

fn write(file: &Path, text: &str) -> Result<(), Trouble> {
    let written = OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut to| to.write_all(text.as_bytes()));
    written.map_err(|error| Trouble::Document { file: file.to_owned(), cause: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::signer::read_bounded;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICFzSx35RDNV+Wle77Nr+g46mCansqZ0rxcxAfLRcmuR";

    fn vote(key: &str) -> SignedVote {
        let vote = serde_json::json!({"leaf": 41, "at": "2026-11-21T10:00:00Z", "who": "sam", "key": key, "gate": "security",
            "decision": "approve", "text": "text", "signature": "signature"});
        serde_json::from_value(vote).unwrap()
    }

    #[test]
    fn votes_are_written_into_a_new_directory_and_over_nothing() {
        let above = tempfile::tempdir().unwrap();
        let directory = above.path().join("votes");
        keep(&directory, &[vote(KEY)]).unwrap();
        let read = |name: &str| String::from_utf8(read_bounded(&directory.join(name), 4_096).unwrap()).unwrap();
        assert_eq!(read("allowed_signers"), format!("sam namespaces=\"egressd-vote\" {KEY}\n"));
        assert_eq!(
            (read("00000041-security-sam.txt"), read("00000041-security-sam.txt.sig")),
            ("text".into(), "signature".into())
        );
        assert!(keep(&directory, &[vote(KEY)]).is_err(), "it is there already");
    }

    #[test]
    fn a_key_that_is_none_adds_no_line_of_its_own() {
        let above = tempfile::tempdir().unwrap();
        for key in [format!("{KEY}\nmallory {KEY}"), "*".into(), String::new()] {
            let directory = above.path().join(crate::domain::digest::Digest::of(key.as_bytes()).to_string());
            assert!(keep(&directory, &[vote(&key)]).is_err(), "{key}");
        }
    }
}
