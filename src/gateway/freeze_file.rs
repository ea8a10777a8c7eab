//! The freeze file: outside the ledger, preallocated, so that a full disk cannot keep a cut from surviving a restart.

use super::outcome::Fault;
use rustix::fs::{Mode, OFlags, fsync, openat};
use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// What stands in it while nothing is frozen by it. The other mark has the same length: writing it needs no room.
const RUNNING: &[u8; 8] = b"running\n";
const STOPPED: &[u8; 8] = b"stopped\n";

pub(super) struct FreezeFile {
    path: PathBuf,
}

impl FreezeFile {
    pub(super) fn at(state: &Path) -> Self {
        Self { path: state.join("freeze") }
    }

    /// Makes it, where there is none yet: by `init`, or at the first start.
    pub(super) fn prepare(&self) -> Result<(), Fault> {
        match self.open(OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL) {
            Ok(file) => overwrite(&file, RUNNING).map_err(|error| Fault::new("state/freeze", error)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(Fault::new("state/freeze", error)),
        }
    }

    /// Whether it says stop. Anything but the running mark does: a file that cannot be read is no leave to go on.
    pub(super) fn says_stop(&self) -> bool {
        let mut mark = [0; 8];
        let read = self.open(OFlags::RDONLY).and_then(|file| file.read_exact_at(&mut mark, 0));
        read.is_err() || mark != *RUNNING
    }

    pub(super) fn write(&self) -> Result<(), Fault> {
        let file = self.open(OFlags::WRONLY).map_err(|error| Fault::new("state/freeze", error))?;
        overwrite(&file, STOPPED).map_err(|error| Fault::new("state/freeze", error))
    }

    pub(super) fn clear(&self) -> Result<(), Fault> {
        let file = self.open(OFlags::WRONLY).map_err(|error| Fault::new("state/freeze", error))?;
        overwrite(&file, RUNNING).map_err(|error| Fault::new("state/freeze", error))
    }

    fn open(&self, flags: OFlags) -> std::io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(rustix::fs::CWD, &self.path, flags, Mode::RUSR | Mode::WUSR)?))
    }
}

/// Eight bytes over eight bytes, in a block that the file already has: no allocation, so ENOSPC has no place to happen.
fn overwrite(file: &File, mark: &[u8; 8]) -> std::io::Result<()> {
    file.write_all_at(mark, 0)?;
    fsync(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_running_mark_lets_the_gateway_run() {
        let directory = tempfile::tempdir().unwrap();
        let file = FreezeFile::at(directory.path());
        assert!(file.says_stop(), "without the file there is no leave");
        file.prepare().unwrap();
        assert!(!file.says_stop());
        file.write().unwrap();
        file.prepare().unwrap();
        assert!(file.says_stop(), "preparing again forgets nothing");
        file.clear().unwrap();
        assert!(!file.says_stop());
    }
}
