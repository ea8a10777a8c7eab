//! Votes as files: each text beside its signature, and the voters' keys, as OpenSSH's own `ssh-keygen -Y verify` takes them.

use super::trouble::Trouble;
use crate::{domain::signature::NAMESPACE_VOTE, gateway::answers::SignedVote};
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
    let mut signers: Vec<String> =
        votes.iter().map(|vote| format!("{} namespaces=\"{NAMESPACE_VOTE}\" {}\n", vote.who, vote.key)).collect();
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

fn create(directory: &Path) -> Result<(), Trouble> {
    fs::create_dir(directory).map_err(|error| Trouble::Document { file: directory.to_owned(), cause: error.to_string() })
}

fn write(file: &Path, text: &str) -> Result<(), Trouble> {
    let written = OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut to| to.write_all(text.as_bytes()));
    written.map_err(|error| Trouble::Document { file: file.to_owned(), cause: error.to_string() })
}
