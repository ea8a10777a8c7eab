//! `audit verify --dir`: the log of a copied directory, verified without a daemon.

use super::trouble::Trouble;
use crate::{
    domain::limits,
    gateway::{self, answers::AuditVerdict},
};
use std::{fs::File, io::Read, path::Path};

/// Verifies the log under `directory` with the verifier key in the file `vkey`, against `checkpoint` if one was kept outside.
pub fn verify(directory: &Path, vkey: &Path, checkpoint: Option<&str>) -> Result<AuditVerdict, Trouble> {
    let trouble = |path: &Path, error: &dyn std::fmt::Display| Trouble::Offline { cause: format!("{}: {error}", path.display()) };
    let key = read(vkey).map_err(|error| trouble(vkey, &error))?;
    // A whole gateway's directory was copied, or only its state.
    let state = if directory.join("ledger.db").is_file() { directory.to_owned() } else { directory.join("state") };
    gateway::verify_offline(&state, &key, checkpoint).map_err(|error| trouble(directory, &error))
}

fn read(path: &Path) -> std::io::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "the command line reads the files that its user names")]
    let file = File::open(path)?;
    let mut text = String::new();
    file.take(limits::CHECKPOINT_NOTE_BYTES as u64).read_to_string(&mut text)?;
    Ok(text)
}
