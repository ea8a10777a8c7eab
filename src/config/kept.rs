//! Who may hold a secret file: its owner and root, and nobody else.

use super::{ConfigError, credentials::exposed};
use std::path::Path;

/// A secret is this process's user's or root's, and nobody else reads or writes it.
pub(super) fn by_its_owner(path: &Path, owner: u32, me: u32, mode: u32, credentials: Option<&Path>) -> Result<(), ConfigError> {
    if owner != me && owner != 0 {
        return Err(ConfigError::Foreign { path: path.to_owned(), owner });
    }
    let mode = mode & 0o777;
    if exposed(path, mode, credentials) {
        return Err(ConfigError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_of_another_owner_or_that_others_can_touch_is_refused() {
        let kept = |owner, mode| by_its_owner(Path::new("keys/master.key"), owner, 1_000, mode, None);
        assert!(kept(1_000, 0o100_600).is_ok() && kept(1_000, 0o100_400).is_ok() && kept(0, 0o100_400).is_ok());
        assert!(matches!(kept(1_001, 0o100_600), Err(ConfigError::Foreign { owner: 1_001, .. })));
        for mode in [0o640, 0o620, 0o604, 0o602, 0o610, 0o601] {
            assert!(matches!(kept(1_000, mode), Err(ConfigError::Exposed { mode: found, .. }) if found == mode));
        }
    }
}
