//! Stage: a complete file in the staging directory becomes an encrypted copy in the vault, and its source is unlinked.

mod delivery;

use super::{
    Gateway,
    core::{Core, Settings, TurnedAway},
    outcome::{Fault, Refused},
    progress::Work,
    staging::{
        self, Candidate, Identity, Observation, Part, Place, Remains, Rescan, Root, Scan, Scope, Settled, TakeError, Taken,
        Touch, Unacceptable, Watch,
    },
    vault::{Shelf, find},
};
use crate::{
    domain::{
        digest::{Digest, Hasher},
        event::{Detail, Subject},
        file_name::FileName,
        ids::{FileId, ObjectId, TicketNumber},
        limits,
        shown::shown,
        time::Time,
    },
    sealing::{ObjectKey, Writer},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::Read,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

/// Where a file lies in staging.
type Spot = (TicketNumber, FileName);

/// Without notifications staging is read this often.
const POLL: Duration = Duration::from_secs(2);
/// What could not be taken, or did not stay as it was seen, is looked at again after this.
const AGAIN: Duration = Duration::from_secs(2);

/// Shown of a file that is complete and could not be copied.
const NOT_COPIED: &str = "settling: it could not be copied; the gateway tries again, its own log says why";

/// Whether a look left something behind that only time can mend.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Never,
    Soon,
}

/// The staging directory and what was seen there so far.
pub(super) struct Stage {
    root: Arc<Root>,
    watch: Watch,
    /// How often the watch calls for everything; the settings may have changed since.
    rescan: Duration,
    seen: HashMap<Spot, Observation>,
}

/// What one look at staging found, in the order in which it is dealt with.
#[derive(Default)]
struct Found {
    files: Vec<(Spot, Identity)>,
    manifests: BTreeMap<Spot, Identity>,
    ready: Vec<(TicketNumber, Identity)>,
    aside: Vec<(TicketNumber, FileId, Part)>,
    unacceptable: Vec<Unacceptable>,
    partial: Vec<(Spot, Identity)>,
}

impl Stage {
    pub(super) fn open(directory: &Path, rescan: Duration) -> Result<Self, Fault> {
        let root = Root::open(directory).map_err(|error| Fault::new("the staging directory", error))?;
        Ok(Self { root: Arc::new(root), watch: Watch::start(directory, rescan, POLL), rescan, seen: HashMap::new() })
    }

    /// Looks when there is reason to, takes what is complete, until the future is dropped.
    pub(super) async fn run(mut self, gateway: Gateway) -> Result<(), Fault> {
        let mut next_look: Option<Time> = None;
        loop {
            let now = gateway.core.clock.now();
            let every = gateway.core.rules().settings.rescan;
            if every != self.rescan {
                self.watch.rescan_every(every);
                self.rescan = every;
            }
            let settling = next_look.map_or(every, |at| at.since(now).max(limits::STAGING_COALESCE));
            let rescan = tokio::select! {
                rescan = self.watch.next() => rescan,
                () = tokio::time::sleep(settling) => everything(),
            };
            gateway.core.note_staging_mode(self.watch.mode());
            next_look = self.look(&gateway, rescan).await?;
        }
    }

    /// One look. Answers when the next file will have settled, if one is settling.
    async fn look(&mut self, gateway: &Gateway, rescan: Rescan) -> Result<Option<Time>, Fault> {
        let scope = match rescan.scope {
            Scope::Tickets(tickets) if tickets.len() == 1 => tickets.first().copied(),
            _ => None,
        };
        let now = gateway.core.clock.now();
        let root = Arc::clone(&self.root);
        let Settings { max_file_bytes: most, settle: quiet, .. } = gateway.core.rules().settings;
        // Watched first, scanned second: what comes between the two is seen by one of them.
        let directories = match scope {
            Some(ticket) => Ok(vec![ticket]),
            None => blocking(move || staging::tickets(&root)).await?,
        };
        for ticket in directories.unwrap_or_default() {
            self.watch.watch_ticket(ticket);
        }
        let root = Arc::clone(&self.root);
        let found = match blocking(move || scan(&root, scope, most)).await? {
            Ok(found) => found,
            Err(fault) => {
                tracing::error!(%fault, "staging could not be read");
                return Ok(Some(now + AGAIN));
            }
        };
        self.observe(&found, &rescan.touched, scope, now);
        let (complete, next) = self.settled(&found, now, quiet);
        show_turned_away(&gateway.core, &found, &self.seen, scope, now);
        let waiting = tickets_that_wait(&found, &complete);
        let (root, gateway) = (Arc::clone(&self.root), gateway.clone());
        let again = blocking(move || take_all(&gateway, &root, &found, complete, &waiting)).await?;
        Ok(match again {
            Again::Never => next,
            Again::Soon => Some(next.map_or(now + AGAIN, |next| next.min(now + AGAIN))),
        })
    }

    fn observe(&mut self, found: &Found, touched: &BTreeMap<Spot, Touch>, scope: Option<TicketNumber>, now: Time) {
        let mut present = HashMap::new();
        let manifests = found.manifests.iter().map(|(spot, identity)| (manifest_spot(spot), *identity));
        for (spot, identity) in found.files.iter().cloned().chain(manifests) {
            let touch = touched.get(&spot).copied();
            let observation = match self.seen.remove(&spot) {
                Some(before) => before.again(identity, touch, now),
                None => Observation::first(identity, touch, now),
            };
            present.insert(spot, observation);
        }
        // What was not looked at stays as it was seen; what was looked at and is gone is forgotten.
        self.seen.retain(|(ticket, _), _| scope.is_some_and(|scope| scope != *ticket));
        self.seen.extend(present);
    }

    fn settled(&self, found: &Found, now: Time, quiet: Duration) -> (Vec<(Spot, Identity)>, Option<Time>) {
        let mut complete = Vec::new();
        let mut next: Option<Time> = None;
        for (spot, identity) in &found.files {
            let Some(file) = self.seen.get(spot) else { continue };
            let manifest = self.seen.get(&manifest_spot(spot));
            match staging::settled(&spot.1, file, manifest, now, quiet) {
                Settled::Complete(_) => complete.push((spot.clone(), *identity)),
                Settled::NotBefore(at) => next = Some(next.map_or(at, |next| next.min(at))),
                Settled::PartialName => {}
            }
        }
        (complete, next)
    }
}

/// Tickets of which something lies there that will not be taken in this look.
fn tickets_that_wait(found: &Found, complete: &[(Spot, Identity)]) -> BTreeSet<TicketNumber> {
    let complete: BTreeSet<&Spot> = complete.iter().map(|(spot, _)| spot).collect();
    let settling = found.files.iter().map(|(spot, _)| spot).filter(|spot| !complete.contains(spot)).map(|spot| spot.0);
    let partial = found.partial.iter().map(|(spot, _)| spot.0);
    settling.chain(partial).chain(found.unacceptable.iter().filter_map(|entry| ticket_of(&entry.place))).collect()
}

fn everything() -> Rescan {
    Rescan { scope: Scope::Everything, touched: BTreeMap::new() }
}

/// The spot of a file's manifest; a file whose name leaves no room for one has none.
fn manifest_spot((ticket, name): &Spot) -> Spot {
    (*ticket, name.manifest().unwrap_or_else(|| name.clone()))
}

fn ticket_of(place: &Place) -> Option<TicketNumber> {
    match place {
        Place::InTicket(ticket, _) | Place::Ticket(ticket) => Some(*ticket),
        Place::InRoot(_) | Place::Root => None,
    }
}

/// Err: the work panicked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::new("staging", error))
}

fn scan(root: &Root, scope: Option<TicketNumber>, max_bytes: u64) -> Result<Found, Fault> {
    let fault = |error| Fault::new("the staging directory", error);
    let scan = match scope {
        Some(ticket) => match Scan::ticket(root, ticket, max_bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::default()),
            scan => scan.map_err(fault)?,
        },
        None => Scan::everything(root, max_bytes).map_err(fault)?,
    };
    let mut found = Found::default();
    for candidate in scan {
        match candidate.map_err(fault)? {
            Candidate::File { ticket, name, identity } => found.files.push(((ticket, name), identity)),
            Candidate::Partial { ticket, name, identity } => found.partial.push(((ticket, name), identity)),
            Candidate::Manifest { ticket, of, identity } => {
                found.manifests.insert((ticket, of), identity);
            }
            Candidate::Ready { ticket, identity } => found.ready.push((ticket, identity)),
            Candidate::SetAside { ticket, file, part, .. } => found.aside.push((ticket, file, part)),
            Candidate::Unacceptable(unacceptable) => found.unacceptable.push(unacceptable),
        }
    }
    Ok(found)
}

/// What `file list` shows of staging: files that are not taken, with the reason.
fn show_turned_away(core: &Core, found: &Found, seen: &HashMap<Spot, Observation>, scope: Option<TicketNumber>, now: Time) {
    let mut shown_away = core.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
    let before = std::mem::take(&mut *shown_away);
    let directory_of = |ticket: TicketNumber| ticket.to_string();
    let mut add = |directory: String, name: String, reason: String, bytes: u64| {
        if shown_away.len() < limits::STAGING_ENTRIES {
            let since = before.get(&(directory.clone(), name.clone())).map_or(now, |before| before.since);
            shown_away.insert((directory, name), TurnedAway { reason, bytes, since });
        }
    };
    for entry in &found.unacceptable {
        let (directory, name) = match &entry.place {
            Place::InRoot(name) => (String::new(), shown(&name.to_string_lossy())),
            Place::InTicket(ticket, name) => (directory_of(*ticket), shown(&name.to_string_lossy())),
            Place::Ticket(ticket) => (directory_of(*ticket), String::new()),
            Place::Root => (String::new(), String::new()),
        };
        add(directory, name, format!("refused: {}", entry.reason), entry.identity.map_or(0, |identity| identity.size));
    }
    for ((ticket, name), identity) in &found.partial {
        add(
            directory_of(*ticket),
            name.to_string(),
            "settling: its name says that it is still being written".into(),
            identity.size,
        );
    }
    for ((ticket, name), identity) in &found.files {
        if seen.contains_key(&(*ticket, name.clone())) {
            let spot = (directory_of(*ticket), name.to_string());
            // Until the next attempt has ended, the last one's outcome stands.
            let tried = before.get(&spot).is_some_and(|before| before.reason == NOT_COPIED);
            let reason = if tried { NOT_COPIED } else { "settling: it is taken when it has stopped changing" };
            add(spot.0, spot.1, reason.into(), identity.size);
        }
    }
    let files: BTreeSet<&Spot> = found.files.iter().map(|(spot, _)| spot).collect();
    for ((ticket, of), identity) in &found.manifests {
        if !files.contains(&(*ticket, of.clone())) {
            add(
                directory_of(*ticket),
                format!("{of}.manifest.toml"),
                "settling: a manifest whose file is not here".into(),
                identity.size,
            );
        }
    }
    if let Some(scope) = scope {
        for ((directory, name), away) in before.iter().filter(|((directory, _), _)| *directory != directory_of(scope)) {
            shown_away.entry((directory.clone(), name.clone())).or_insert_with(|| away.clone());
        }
    }
}

/// Takes what is complete. What fails is reported and stays for a later look: one file that cannot be read, or a full disk, ends
/// nothing. A poisoned ledger and a disk that does not confirm end the daemon by themselves.
fn take_all(
    gateway: &Gateway,
    root: &Root,
    found: &Found,
    complete: Vec<(Spot, Identity)>,
    waiting: &BTreeSet<TicketNumber>,
) -> Again {
    let mut again = Again::Never;
    for (ticket, file, part) in &found.aside {
        match finish_aside(gateway, root, *ticket, *file, *part) {
            // A manifest has its name back: the next look sees it beside its file.
            Ok(Remains::AnotherFile) => again = Again::Soon,
            Ok(_) => {}
            Err(fault) => tracing::error!(%ticket, %file, %fault, "a source that was set aside stays"),
        }
    }
    if again == Again::Soon {
        return again;
    }
    let mut untaken = BTreeSet::new();
    for ((ticket, name), identity) in complete {
        if gateway.core.is_stopping() {
            return again;
        }
        let manifest = found.manifests.get(&(ticket, name.clone()));
        let taken = one(gateway, root, ticket, &name, &identity, manifest).unwrap_or_else(|fault| {
            tracing::error!(%ticket, %fault, "a staged file could not be taken");
            Taking::NotNow
        });
        let spot = (ticket.to_string(), name.to_string());
        let mut away = gateway.core.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        match taken {
            Taking::Taken => drop(away.remove(&spot)),
            Taking::Unsettled => drop(untaken.insert(ticket)),
            Taking::NotNow => {
                untaken.insert(ticket);
                if let Some(shown) = away.get_mut(&spot) {
                    shown.reason = NOT_COPIED.into();
                }
            }
        }
    }
    for (ticket, identity) in &found.ready {
        // The producer said that all is there. It closes when all that is there has been taken.
        if !waiting.contains(ticket)
            && !untaken.contains(ticket)
            && let Err(fault) = delivery::close_by_ready(gateway, root, *ticket, identity)
        {
            tracing::error!(%ticket, %fault, "a delivery could not be closed");
            again = Again::Soon;
        }
    }
    gateway.core.nudge.files();
    if untaken.is_empty() { again } else { Again::Soon }
}

/// What became of one complete file.
enum Taking {
    Taken,
    /// It was not as it was seen, or did not stay so: it settles again.
    Unsettled,
    NotNow,
}

/// Takes one file.
fn one(
    gateway: &Gateway,
    root: &Root,
    ticket: TicketNumber,
    name: &FileName,
    identity: &Identity,
    manifest: Option<&Identity>,
) -> Result<Taking, Fault> {
    let source = Source { directory: ticket.to_string(), name: name.clone(), identity: *identity };
    if let Some((file, text)) = source.staged_before(gateway)? {
        // A crash came between the record and the unlinking; the copy counts. So does the manifest, if it is the one that was read.
        let same = match manifest {
            Some(manifest) => read_manifest(root, ticket, name, manifest)?.is_some_and(|read| Some(read) == text),
            None => false,
        };
        unlink_source(root, ticket, name, file, identity, manifest.filter(|_| same));
        return Ok(Taking::Taken);
    }
    let mut taken = match staging::take(root, ticket, name, identity) {
        Ok(taken) => taken,
        Err(TakeError::Io(error)) => return Err(Fault::new("a staged file", error)),
        Err(TakeError::Gone | TakeError::Changed | TakeError::Unacceptable(_)) => return Ok(Taking::Unsettled),
    };
    let text = match manifest.map(|manifest| read_manifest(root, ticket, name, manifest)).transpose()? {
        // It is there and could not be read as it was seen: the file does not go without it.
        Some(None) => return Ok(Taking::Unsettled),
        Some(text) => text,
        None => None,
    };
    // 1. The encrypted copy, durable.
    let Some(copy) = copy(gateway, &mut taken)? else { return Ok(Taking::Unsettled) };
    if !taken.unchanged().unwrap_or(false) {
        gateway.take_back(Shelf::Incoming, &[copy.object]);
        return Ok(Taking::Unsettled);
    }
    // 2. Its key and its record. A crash before leaves a copy that nobody can read, which recovery deletes.
    let (file, object) = (gateway.core.new_file(), copy.object);
    let staged = gateway.write_blocking(move |core, tx| delivery::record(core, tx, file, &source, copy, text));
    if let Err(refused) = staged {
        gateway.take_back(Shelf::Incoming, &[object]);
        return match refused {
            Refused::Fault(fault) => Err(fault),
            Refused::Refusal(refusal) => Err(Fault::new("a staged file was refused", refusal)),
        };
    }
    // 3. The source. A crash before leaves it; the next look meets it and unlinks it.
    unlink_source(root, ticket, name, file, identity, manifest);
    tracing::info!(%ticket, %file, "staged");
    Ok(Taking::Taken)
}

/// The manifest first: as long as the file lies there, the next look meets both and ends this.
fn unlink_source(
    root: &Root,
    ticket: TicketNumber,
    name: &FileName,
    file: FileId,
    identity: &Identity,
    manifest: Option<&Identity>,
) {
    let manifest = name.manifest().zip(manifest);
    let parts = manifest.iter().map(|(name, identity)| (name, *identity)).chain([(name, identity)]);
    for (name, identity) in parts {
        match staging::unlink_if_same(root, ticket, name, file, identity) {
            Ok(Remains::SetAside) => {
                tracing::warn!(%ticket, %file, "the source of a staged file stays set aside: its name was taken meanwhile");
            }
            Ok(_) => {}
            // The copy counts; the plaintext has to go by other hands.
            Err(error) => {
                tracing::error!(%ticket, %file, %error, "the source of a staged file cannot be removed");
                return;
            }
        }
    }
}

/// A source that was being unlinked when the process ended.
fn finish_aside(gateway: &Gateway, root: &Root, ticket: TicketNumber, file: FileId, part: Part) -> Result<Remains, Fault> {
    let recorded = gateway.look(|facts| {
        let records = facts.source().chain(Subject::File(file))?;
        Ok(records.first().and_then(|record| record.detail.clone()))
    });
    let Ok(Some(Detail::Source { name, device, inode, bytes, modified_ns, .. })) = recorded else { return Ok(Remains::SetAside) };
    let (Ok(name), Ok(mtime_ns)) = (name.parse::<FileName>(), modified_ns.parse()) else { return Ok(Remains::SetAside) };
    let ended = match (part, name.manifest()) {
        (Part::Manifest, Some(manifest)) => staging::give_back_manifest(root, ticket, &manifest, file),
        (Part::Manifest, None) => return Ok(Remains::SetAside),
        (Part::File, _) => {
            let expected = Identity {
                dev: device,
                ino: inode,
                size: bytes,
                mtime_ns,
                ctime_ns: mtime_ns,
                nlink: 1,
                kind: staging::Kind::Regular,
            };
            staging::finish_unlink(root, ticket, &name, file, &expected)
        }
    };
    ended.map_err(|error| Fault::new("a staged file's source", error))
}

/// The manifest's text; none if it is not as it was seen.
fn read_manifest(root: &Root, ticket: TicketNumber, of: &FileName, identity: &Identity) -> Result<Option<String>, Fault> {
    let Some(name) = of.manifest() else { return Ok(None) };
    // What is no text, or too long for one, is kept as something that is no manifest either: inspection says so.
    let unreadable = || Some("\u{fffd}".to_owned());
    if identity.size > limits::MANIFEST_BYTES as u64 {
        return Ok(unreadable());
    }
    let Ok(mut taken) = staging::take(root, ticket, &name, identity) else { return Ok(None) };
    let mut bytes = Vec::new();
    taken.read_to_end(&mut bytes).map_err(|error| Fault::new("a manifest", error))?;
    if !taken.unchanged().unwrap_or(false) {
        return Ok(None);
    }
    Ok(String::from_utf8(bytes).ok().or_else(unreadable))
}

struct Source {
    directory: String,
    name: FileName,
    identity: Identity,
}

impl Source {
    /// The file that was staged from this very source, and the manifest that was read with it.
    ///
    /// The same inode with the same size and time may still be another file: inodes are used again, and copying tools set
    /// times. Only its ctime nobody sets: what changed after the record was made is not what was recorded.
    fn staged_before(&self, gateway: &Gateway) -> Result<Option<(FileId, Option<String>)>, Fault> {
        let modified = self.identity.mtime_ns.to_string();
        let source = find::Source {
            directory: &self.directory,
            name: self.name.as_str(),
            device: self.identity.dev,
            inode: self.identity.ino,
            bytes: self.identity.size,
            modified: &modified,
        };
        let found = gateway.look(|facts| {
            let Some(file) = facts.find(|conn| find::staged_from(conn, &source))? else { return Ok(None) };
            let records = facts.source().chain(Subject::File(file))?;
            let staged = records.first().filter(|staged| !changed_after(&self.identity, staged.at));
            Ok(staged.map(|staged| match &staged.detail {
                Some(Detail::Source { manifest, .. }) => (file, manifest.clone()),
                _ => (file, None),
            }))
        });
        match found {
            Ok(found) => Ok(found),
            Err(Refused::Fault(fault)) => Err(fault),
            Err(Refused::Refusal(_)) => Ok(None),
        }
    }
}

/// Whether an entry's inode was changed after `at`.
fn changed_after(identity: &Identity, at: Time) -> bool {
    identity.ctime_ns / 1_000 > at.micros()
}

/// A durable encrypted copy that no record names yet.
struct Copy {
    object: ObjectId,
    wrapped: Vec<u8>,
    sha256: Digest,
    bytes: u64,
}

/// Copies into `incoming/` under a fresh key. None if the daemon is stopping.
fn copy(gateway: &Gateway, taken: &mut Taken) -> Result<Option<Copy>, Fault> {
    let fault = |error| Fault::new("copying a staged file", error);
    let core = &gateway.core;
    let _moving = core.progress.begin(Work::Copy, core.clock.elapsed());
    let object = gateway.core.new_object();
    let key = ObjectKey::generate();
    let wrapped = gateway.master.wrap(&key, object);
    let unfinished = gateway.objects.create(Shelf::Incoming).map_err(|error| Fault::new("incoming/", error))?;
    let mut writer = Writer::new(key, object, unfinished);
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; COPY_BYTES];
    let mut bytes = 0;
    loop {
        if gateway.core.is_stopping() {
            return Ok(None);
        }
        let count = taken.read(&mut buffer).map_err(fault)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        std::io::Write::write_all(&mut writer, &buffer[..count]).map_err(fault)?;
        core.progress.moved(Work::Copy, core.clock.elapsed());
        bytes += count as u64;
    }
    let (unfinished, _) = writer.finish().map_err(|error| Fault::new("copying a staged file", error))?;
    unfinished.keep(object).map_err(|error| Fault::new("incoming/", error))?;
    Ok(Some(Copy { object, wrapped, sha256: hasher.finish(), bytes }))
}

const COPY_BYTES: usize = 1 << 20;
