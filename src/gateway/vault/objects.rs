//! Stored objects as files: two shelves under the state directory, `<last 2 hex digits>/<uuid>`, whole or not at all.

use crate::domain::ids::ObjectId;
use rustix::{
    fd::{AsRawFd, OwnedFd},
    fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
};
use tokio::sync::watch;
use uuid::Uuid;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const DIRECTORY_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const TEMPORARY_PREFIX: &str = ".tmp-";

/// Where an object stands. A file lies in `Incoming` before it is sealed and in `Sealed` after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    Incoming,
    Sealed,
}

impl Shelf {
    const ALL: [Self; 2] = [Self::Incoming, Self::Sealed];

    const fn name(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Sealed => "sealed",
        }
    }
}

/// What the store could not do.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("object {0} is there already")]
    Taken(ObjectId),
    #[error("object {0} is not there")]
    Missing(ObjectId),
    #[error("what lies in the place of object {0} is no regular file")]
    Foreign(ObjectId),
    /// Fatal for the daemon: after a failed fsync the kernel may have dropped the pages and call the next one a success.
    /// Stop, start, recover.
    #[error("the disk did not confirm {what}: {source}")]
    NotDurable { what: &'static str, source: io::Error },
    /// Said to everyone after the first [`ObjectError::NotDurable`].
    #[error("nothing is stored any more: {0}")]
    InDoubt(Arc<str>),
    #[error("could not {act}: {source}")]
    Io { act: &'static str, source: io::Error },
}

/// Names the act in the error of a system call.
fn failed(act: &'static str) -> impl FnOnce(Errno) -> ObjectError {
    move |errno| ObjectError::Io { act, source: errno.into() }
}

fn sync(fd: &impl rustix::fd::AsFd, what: &'static str) -> Result<(), ObjectError> {
    fs::fsync(fd).map_err(|errno| ObjectError::NotDurable { what, source: errno.into() })
}

/// Raised by the first fsync that fails, and never lowered: what it was to make durable may be lost, and the next success would hide that.
#[derive(Clone)]
struct Doubt(Arc<watch::Sender<Option<Arc<str>>>>);

impl Doubt {
    fn none() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    fn check(&self) -> Result<(), ObjectError> {
        self.0.borrow().clone().map_or(Ok(()), |reason| Err(ObjectError::InDoubt(reason)))
    }

    fn raise(&self, reason: &ObjectError) {
        self.0.send_if_modified(|doubt| {
            let first = doubt.is_none();
            doubt.get_or_insert_with(|| reason.to_string().into());
            first
        });
    }
}

/// The objects of one state directory. Everything goes through descriptors of its directories: a renamed or replaced path
/// above them changes nothing.
pub struct Objects {
    incoming: Boards,
    sealed: Boards,
    doubt: Doubt,
}

/// One shelf's directory, and how unfinished files are kept in it.
#[derive(Clone)]
struct Boards {
    directory: Arc<OwnedFd>,
    way: Way,
    doubt: Doubt,
}

/// How a file exists before it has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// O_TMPFILE: without any name, so that nothing is left of it after a crash.
    Unnamed,
    /// Where the file system or a missing /proc forbids that: under `.tmp-<uuid>`, which recovery sweeps.
    Named,
}

impl Objects {
    /// Makes what is missing of both shelves and their 256 directories, and makes that durable: from then on no object's
    /// name can be lost because its directory's was. The same every start, so that a crash in the middle heals.
    pub fn at(state: &Path) -> Result<Self, ObjectError> {
        // The state directory itself may be a link: where it lies is the operator's.
        let state =
            fs::open(state, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty()).map_err(failed("open the state directory"))?;
        for shelf in Shelf::ALL {
            make_directory(&state, shelf.name())?;
        }
        sync(&state, "the state directory")?;
        let doubt = Doubt::none();
        let shelf = |shelf| Boards::open(&state, shelf, doubt.clone());
        Ok(Self { incoming: shelf(Shelf::Incoming)?, sealed: shelf(Shelf::Sealed)?, doubt })
    }

    /// Returns, with the reason, once an fsync has failed: the process must then end, and find out at its next start what is there.
    pub async fn in_doubt(&self) -> Arc<str> {
        let mut doubt = self.doubt.0.subscribe();
        match doubt.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
            Ok(Some(reason)) => reason,
            // The sender lives as long as `self`, and the condition was met.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// An empty file on the shelf, invisible until it is kept.
    pub fn create(&self, shelf: Shelf) -> Result<Unfinished, ObjectError> {
        self.doubt.check()?;
        let boards = self.boards(shelf);
        let (file, name) = match boards.way {
            Way::Unnamed => (open_unnamed(&boards.directory).map_err(failed("create an object"))?, None),
            Way::Named => {
                let name = format!("{TEMPORARY_PREFIX}{}", Uuid::new_v4());
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = fs::openat(&boards.directory, &name, flags, FILE_MODE).map_err(failed("create an object"))?;
                (file, Some(name))
            }
        };
        Ok(Unfinished { file: file.into(), boards: boards.clone(), name })
    }

    /// The object for reading. Nothing but a regular file in its own place is opened, and no link followed.
    pub fn open(&self, shelf: Shelf, id: ObjectId) -> Result<File, ObjectError> {
        let name = id.to_string();
        // O_NONBLOCK so that a FIFO in its place cannot make us wait; regular files do not know it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let path = format!("{}/{name}", board(&name));
        let file = match fs::openat2(&self.boards(shelf).directory, path, flags, Mode::empty(), resolve) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Err(ObjectError::Missing(id)),
            Err(Errno::LOOP | Errno::NXIO) => return Err(ObjectError::Foreign(id)),
            Err(errno) => return Err(failed("open an object")(errno)),
        };
        let stat = fs::fstat(&file).map_err(failed("look at an object"))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(ObjectError::Foreign(id));
        }
        Ok(file.into())
    }

    /// Removes the object's name, durably. Succeeds as well if it is gone: recovery repeats this.
    ///
    /// ```text
    /// unlinkat(<2 hex>, <uuid>)    ENOENT is fine
    /// fsync(<2 hex>)               also then: the removal before may not have been durable
    /// ```
    /// The bytes live on while a descriptor is open, and on the medium: what destroys an object is the end of its key.
    pub fn unlink(&self, shelf: Shelf, id: ObjectId) -> Result<(), ObjectError> {
        self.doubt.check()?;
        let name = id.to_string();
        let boards = self.boards(shelf);
        let directory = boards.board(&name)?;
        match fs::unlinkat(&directory, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => boards.sync(&directory, "the removal of an object"),
            Err(errno) => Err(failed("remove an object")(errno)),
        }
    }

    /// Everything on the shelf, in no order: for recovery. Directories are read one at a time.
    pub fn iter(&self, shelf: Shelf) -> impl Iterator<Item = Result<Found, ObjectError>> + '_ {
        let boards = self.boards(shelf);
        let top = names(|| Dir::read_from(&boards.directory)).filter_map(|name| match name {
            Ok(name) if is_board(&name) => None,
            name => Some(name.map(temporary)),
        });
        let objects = (0..=u8::MAX).flat_map(move |n| {
            let board = format!("{n:02x}");
            let directory = fs::openat(&boards.directory, &board, DIRECTORY, Mode::empty());
            names(move || Dir::new(directory?)).map(move |name| name.map(|name| object(name, &board)))
        });
        top.chain(objects)
    }

    /// Removes the temporary files that a crash left, and says how many. Only before the first [`Objects::create`]: it
    /// cannot tell one that is being written.
    ///
    /// Not made durable: one that comes back after a power cut is swept then. Its key was never recorded.
    pub fn sweep_strays(&self, shelf: Shelf) -> Result<usize, ObjectError> {
        let mut swept = 0;
        for found in self.iter(shelf) {
            if let Found::Stray(name) = found? {
                fs::unlinkat(&self.boards(shelf).directory, &name, AtFlags::empty())
                    .map_err(failed("remove a temporary file"))?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn boards(&self, shelf: Shelf) -> &Boards {
        match shelf {
            Shelf::Incoming => &self.incoming,
            Shelf::Sealed => &self.sealed,
        }
    }
}

/// What lies on a shelf.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    Object(ObjectId),
    /// A temporary file by its name in the shelf's directory.
    Stray(String),
    /// Not ours: reported, never touched. Its path below the shelf.
    Foreign(String),
}

fn temporary(name: String) -> Found {
    let ours = name.strip_prefix(TEMPORARY_PREFIX).is_some_and(|uuid| object_id(uuid).is_some());
    if ours { Found::Stray(name) } else { Found::Foreign(name) }
}

fn object(name: String, on: &str) -> Found {
    match object_id(&name) {
        Some(id) if board(&name) == on => Found::Object(id),
        _ => Found::Foreign(format!("{on}/{name}")),
    }
}

/// Only the spelling that we write: UUIDs have others.
fn object_id(name: &str) -> Option<ObjectId> {
    name.parse().ok().filter(|id: &ObjectId| id.to_string() == name)
}

/// The directory of an object: the last two digits of its name. The first ones of a UUIDv7 are its time, and would put
/// all of one day into one directory.
fn board(name: &str) -> &str {
    &name[name.len() - 2..]
}

fn is_board(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// The names in a directory, without `.` and `..`; a failure to open it is the only item.
fn names(open: impl FnOnce() -> rustix::io::Result<Dir>) -> impl Iterator<Item = Result<String, ObjectError>> {
    let (entries, failure) = match open() {
        Ok(entries) => (Some(entries), None),
        Err(errno) => (None, Some(Err(errno))),
    };
    entries.into_iter().flatten().chain(failure).filter_map(|entry| match entry {
        Ok(entry) => {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name != "." && name != "..").then_some(Ok(name))
        }
        Err(errno) => Some(Err(failed("list a directory of objects")(errno))),
    })
}

impl Boards {
    fn open(state: &OwnedFd, shelf: Shelf, doubt: Doubt) -> Result<Self, ObjectError> {
        let directory = fs::openat(state, shelf.name(), DIRECTORY, Mode::empty()).map_err(failed("open a shelf"))?;
        for n in 0..=u8::MAX {
            make_directory(&directory, &format!("{n:02x}"))?;
        }
        sync(&directory, "the directories of a shelf")?;
        let way = Way::of(&directory)?;
        Ok(Self { directory: Arc::new(directory), way, doubt })
    }

    /// The one place where a running store confirms anything.
    fn sync(&self, fd: &impl rustix::fd::AsFd, what: &'static str) -> Result<(), ObjectError> {
        self.doubt.check()?;
        sync(fd, what).inspect_err(|error| self.doubt.raise(error))
    }

    fn board(&self, name: &str) -> Result<OwnedFd, ObjectError> {
        fs::openat(&self.directory, board(name), DIRECTORY, Mode::empty()).map_err(failed("open a directory of objects"))
    }
}

impl Way {
    /// Tries it: whether O_TMPFILE works is known only to the file system itself.
    fn of(directory: &OwnedFd) -> Result<Self, ObjectError> {
        match open_unnamed(directory) {
            Ok(file) if fs::stat(descriptor_path(&file)).is_ok() => Ok(Self::Unnamed),
            Ok(_) | Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOSYS) => Ok(Self::Named),
            Err(errno) => Err(failed("create an object")(errno)),
        }
    }
}

fn open_unnamed(directory: &OwnedFd) -> rustix::io::Result<OwnedFd> {
    fs::openat(directory, ".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, FILE_MODE)
}

/// What linkat(2) takes for a file without a name; AT_EMPTY_PATH would need a capability on most kernels.
fn descriptor_path(file: &impl AsRawFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

fn make_directory(parent: &OwnedFd, name: &str) -> Result<(), ObjectError> {
    match fs::mkdirat(parent, name, DIRECTORY_MODE) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed("make a directory of objects")(errno)),
    }
}

/// A file being written. Dropped, it leaves nothing; after a crash, at most a stray.
#[must_use = "only keep() makes an object of it"]
pub struct Unfinished {
    file: File,
    boards: Boards,
    /// Its temporary name, for as long as it has one.
    name: Option<String>,
}

impl Unfinished {
    /// Makes it the object `id`: complete and durable when this returns, and never in place of another.
    ///
    /// ```text
    /// openat(<shelf>, ".", O_TMPFILE, 0600)                    create
    /// write(file) …                                            whoever fills it
    /// fsync(file)                                              the bytes, before they have a name
    /// linkat("/proc/self/fd/N", <2 hex>, <uuid>, FOLLOW)       EEXIST rather than replace
    /// fsync(<2 hex>)                                           the name
    /// ```
    /// With a temporary name: openat(`.tmp-<uuid>`, O_EXCL), and renameat2(RENAME_NOREPLACE) instead of linkat.
    ///
    /// What stays unsafe: a crash before the last fsync leaves the object or nothing, both of them whole, and the ledger
    /// knows of neither; recovery deletes what no row names. A disk that confirms what it has not written is beyond us.
    pub fn keep(mut self, id: ObjectId) -> Result<(), ObjectError> {
        let name = id.to_string();
        self.boards.sync(&self.file, "the bytes of an object")?;
        let directory = self.boards.board(&name)?;
        let placed = match &self.name {
            None => fs::linkat(CWD, descriptor_path(&self.file), &directory, &name, AtFlags::SYMLINK_FOLLOW),
            Some(temporary) => fs::renameat_with(&self.boards.directory, temporary, &directory, &name, RenameFlags::NOREPLACE),
        };
        match placed {
            Ok(()) => self.name = None,
            Err(Errno::EXIST) => return Err(ObjectError::Taken(id)),
            Err(errno) => return Err(failed("give an object its name")(errno)),
        }
        self.boards.sync(&directory, "the name of an object")
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // Whatever fails here, the next start sweeps.
            let _ = fs::unlinkat(&self.boards.directory, name, AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests;
