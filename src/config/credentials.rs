//! `credential:NAME`: keys that the service manager hands over, in a directory of its own.

use std::path::{Path, PathBuf};

/// What stands in front of a key that the service manager hands over.
const CREDENTIAL: &str = "credential:";

/// Where the service manager puts what `LoadCredential=` names, if it started us.
#[expect(clippy::disallowed_methods, reason = "the service manager says it in no other way")]
pub(super) fn directory() -> Option<PathBuf> {
    std::env::var("CREDENTIALS_DIRECTORY").ok().map(PathBuf::from)
}

/// `credential:master.key` is a file of the service manager's credentials directory; everything else is a path.
pub(super) fn key_path(base: &Path, path: &Path, credentials: Option<&Path>) -> Result<PathBuf, String> {
    let Some(name) = path.to_str().and_then(|text| text.strip_prefix(CREDENTIAL)) else { return Ok(base.join(path)) };
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(format!("{CREDENTIAL}{name}: a credential has a plain name, without a directory"));
    }
    let directory = credentials.ok_or_else(|| {
        format!("{CREDENTIAL}{name}: there is no credentials directory: systemd makes one for LoadCredential={name}:FILE")
    })?;
    Ok(directory.join(name))
}

/// Modes that let others than the owner at a key. A service's credentials lie in a directory that only its user enters, and systemd lets that
/// user read them by an access list, which shows as a readable group.
pub(super) fn exposed(path: &Path, mode: u32, credentials: Option<&Path>) -> bool {
    let is_credential = credentials.is_some_and(|directory| path.parent() == Some(directory));
    mode & if is_credential { 0o037 } else { 0o077 } != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_a_plain_name_in_the_service_managers_directory() {
        let at = |path: &str, directory: Option<&str>| key_path(Path::new("/etc"), Path::new(path), directory.map(Path::new));
        assert_eq!(at("keys/master.key", None).unwrap(), Path::new("/etc/keys/master.key"));
        assert_eq!(at("credential:master.key", Some("/run/credentials/x")).unwrap(), Path::new("/run/credentials/x/master.key"));
        assert!(at("credential:master.key", None).unwrap_err().contains("LoadCredential=master.key"));
        for bad in ["credential:", "credential:../x", "credential:a/b", "credential:.x"] {
            assert!(at(bad, Some("/run/credentials/x")).is_err(), "{bad}");
        }
        let credentials = Some(Path::new("/run/credentials/x"));
        assert!(!exposed(Path::new("/run/credentials/x/master.key"), 0o440, credentials));
        assert!(exposed(Path::new("/run/credentials/x/master.key"), 0o444, credentials));
        assert!(exposed(Path::new("/etc/keys/master.key"), 0o440, credentials));
    }
}
