//! Answers a vendor's SFTP requests: one loop for one connection, with the file on one side and the SSH session's queue
//! on the other.

use super::{
    answer::{self, Attributes, Buffers, Status, Unencodable},
    conversation::Work,
    handles::HandleId,
    request::{Access, Act, Request},
};
use crate::{
    domain::{
        event::TransferEnd,
        limits,
        refusal::Outside,
        vendor_path::{NoSuchPath, VendorPath},
    },
    endpoints::listener::{Running, draining},
    gateway::{Download, Entry, Opened, Pickup, ReadError, Refused},
};
use bytes::Bytes;
use russh::{ChannelId, server::Handle};
use std::collections::{HashMap, HashSet};
use tokio::{
    sync::{mpsc, watch},
    task::{self, JoinSet},
    time::{self, Instant},
};

/// Why the loop is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// The connection has ended: nothing more is asked, or nobody takes an answer.
    Ended,
    Idle,
    /// The daemon is going down.
    Drained,
    /// A fault of our own: nothing more can be answered here.
    Broken,
}

/// Only where not even a status could be written.
impl From<Unencodable> for Done {
    fn from(fault: Unencodable) -> Self {
        tracing::error!(%fault, "a session cannot be answered");
        Self::Broken
    }
}

pub(super) struct Service {
    pickup: Pickup,
    session: Handle,
    /// Channels whose client asks nothing more.
    ended: watch::Receiver<HashSet<ChannelId>>,
    open: HashMap<HandleId, Open>,
    next: u64,
    /// Entries in all open directories.
    listed: usize,
    /// Ends of transfers being written while the client goes on. Owned and awaited here.
    finishing: JoinSet<()>,
    buffers: Buffers,
    faults: Faults,
}

struct Open {
    channel: ChannelId,
    what: What,
}

enum What {
    /// Opened, and no byte asked for: no transfer yet.
    File(Box<Opened>),
    Transfer {
        download: Box<Download>,
        attributes: Attributes,
    },
    /// A file that is over for this handle.
    Spent(Status),
    /// What was there when it was opened, and has not been shown.
    Directory(std::vec::IntoIter<Entry>),
}

impl Service {
    pub(super) fn new(pickup: Pickup, session: Handle, ended: watch::Receiver<HashSet<ChannelId>>) -> Self {
        Self {
            pickup,
            session,
            ended,
            open: HashMap::new(),
            next: 0,
            listed: 0,
            finishing: JoinSet::new(),
            buffers: Buffers::default(),
            faults: Faults::None,
        }
    }

    /// Serves until the connection ends: then russh has dropped the other end of `work`, and takes no answer. It must not
    /// be dropped half-way: records are being written in it.
    pub(super) async fn run(&mut self, work: &mut mpsc::Receiver<Work>, mut running: watch::Receiver<Running>) -> Done {
        let mut heard = Instant::now();
        let mut drains = false;
        let alarm = time::sleep_until(self.patience(heard, drains));
        tokio::pin!(alarm);
        loop {
            let next = tokio::select! {
                biased;
                () = draining(&mut running), if !drains => {
                    drains = true;
                    alarm.as_mut().reset(self.patience(heard, drains));
                    continue;
                }
                // It rings early after requests that came since it was set: then it is set again.
                () = &mut alarm => {
                    let until = self.patience(heard, drains);
                    if until > Instant::now() {
                        alarm.as_mut().reset(until);
                        continue;
                    }
                    return if drains { Done::Drained } else { Done::Idle };
                }
                next = work.recv() => next,
            };
            let Some(next) = next else { return Done::Ended };
            heard = Instant::now();
            // A connection that has ended asks nothing: what it still has in the queue would begin transfers for nobody.
            if work.is_closed() {
                return Done::Ended;
            }
            if let Err(done) = self.serve(next).await {
                return done;
            }
            if drains {
                alarm.as_mut().reset(self.patience(heard, drains));
            }
        }
    }

    /// Ends what is still open. The records of all transfers of this session are durable when it returns.
    pub(super) async fn finish(mut self, how: TransferEnd) -> Pickup {
        for (_, open) in std::mem::take(&mut self.open) {
            self.end(open, how).await;
        }
        while self.finishing.join_next().await.is_some() {}
        self.pickup
    }

    /// How long the next request is waited for. When the daemon drains, a client that has just closed its last file is
    /// about to leave by itself; one that reads on is the owner's to cut.
    fn patience(&self, heard: Instant, drains: bool) -> Instant {
        let reading = self.open.values().any(|open| matches!(open.what, What::Transfer { .. }));
        heard + if drains && !reading { limits::FAREWELL } else { limits::SESSION_IDLE }
    }

    async fn serve(&mut self, work: Work) -> Result<(), Done> {
        match work {
            Work::Started(channel) => self.answer(channel, answer::version()?).await,
            Work::Request(channel, Request { id, act }) => {
                let answer = self.act(channel, id, act).await?;
                self.answer(channel, answer).await
            }
            Work::Ended(channel, place) => {
                self.end_channel(channel).await?;
                drop(place);
                Ok(())
            }
        }
    }

    /// Waits for room in the session's queue: that is the only back-pressure there is, and it holds through a full window and
    /// a re-key. A peer that takes nothing is given up: soon where it asks nothing more either, for then only its `ssh` may live.
    async fn answer(&self, channel: ChannelId, answer: Bytes) -> Result<(), Done> {
        let mut ended = self.ended.clone();
        let asks_nothing_more = async { ended.wait_for(|ended| ended.contains(&channel)).await.map(drop) };
        let patience = async {
            match time::timeout(limits::SESSION_IDLE, asks_nothing_more).await {
                Ok(Ok(())) => time::sleep(limits::LAST_ANSWER).await,
                Ok(Err(_)) => std::future::pending().await, // The connection has ended: so does the other wait.
                Err(_) => {}
            }
        };
        tokio::select! {
            biased;
            taken = self.session.data(channel, answer) => taken.map_err(|_| Done::Ended),
            () = patience => Err(Done::Idle),
        }
    }

    /// The requests we serve. Everything else is refused.
    async fn act(&mut self, channel: ChannelId, id: u32, act: Act) -> Result<Bytes, Unencodable> {
        let answer = match act {
            Act::Read { handle, offset, length } => self.read(channel, id, handle, offset, length).await,
            Act::Open { path, access } => self.open(channel, id, path, access),
            Act::Close(handle) => self.close(channel, handle).await,
            Act::Stat(path) => self.stat(id, path),
            Act::Fstat(handle) => self.fstat(channel, id, handle),
            Act::OpenDir(path) => self.open_dir(channel, id, path),
            Act::ReadDir(handle) => self.read_dir(channel, id, handle),
            Act::RealPath(path) => real_path(id, path),
            Act::Limits => answer::our_limits(id).map_err(Status::from),
            Act::Write => Err(Status::PermissionDenied),
            Act::Unsupported => Err(Status::Unsupported),
        };
        answer.or_else(|status| answer::status(id, status))
    }

    fn open(
        &mut self,
        channel: ChannelId,
        id: u32,
        path: Result<VendorPath, NoSuchPath>,
        access: Access,
    ) -> Result<Bytes, Status> {
        if access != Access::ReadOnly {
            return Err(Status::PermissionDenied);
        }
        let opened = self.pickup.open(&path.map_err(no_such)?).map_err(|refused| self.faults.refused(&refused))?;
        self.keep(channel, id, What::File(Box::new(opened)))
    }

    fn open_dir(&mut self, channel: ChannelId, id: u32, path: Result<VendorPath, NoSuchPath>) -> Result<Bytes, Status> {
        let entries = self.pickup.list(&path.map_err(no_such)?).map_err(|refused| self.faults.refused(&refused))?;
        let listed = self.listed + entries.len();
        if listed > limits::SFTP_LISTED_ENTRIES {
            return Err(Status::Failure);
        }
        let answer = self.keep(channel, id, What::Directory(entries.into_iter()))?;
        self.listed = listed;
        Ok(answer)
    }

    fn keep(&mut self, channel: ChannelId, id: u32, what: What) -> Result<Bytes, Status> {
        if self.open.len() >= limits::SFTP_HANDLES {
            return Err(Status::Failure);
        }
        self.next += 1;
        let handle = HandleId::nth(self.next);
        self.open.insert(handle, Open { channel, what });
        Ok(answer::handle(id, handle)?)
    }

    fn stat(&mut self, id: u32, path: Result<VendorPath, NoSuchPath>) -> Result<Bytes, Status> {
        let entry = self.pickup.stat(&path.map_err(no_such)?).map_err(|refused| self.faults.refused(&refused))?;
        Ok(answer::attributes(id, (&entry).into())?)
    }

    fn fstat(&mut self, channel: ChannelId, id: u32, handle: Option<HandleId>) -> Result<Bytes, Status> {
        match find(&mut self.open, channel, handle)? {
            What::File(opened) => Ok(answer::attributes(id, opened.entry().into())?),
            What::Transfer { attributes, .. } => Ok(answer::attributes(id, *attributes)?),
            What::Spent(status) => Err(*status),
            What::Directory(_) => Err(Status::Failure),
        }
    }

    fn read_dir(&mut self, channel: ChannelId, id: u32, handle: Option<HandleId>) -> Result<Bytes, Status> {
        let What::Directory(entries) = find(&mut self.open, channel, handle)? else { return Err(Status::Failure) };
        let page: Vec<Entry> = entries.by_ref().take(limits::SFTP_NAMES_PER_PAGE).collect();
        self.listed -= page.len();
        if page.is_empty() { Err(Status::Eof) } else { Ok(answer::names(id, &page)?) }
    }

    async fn read(
        &mut self,
        channel: ChannelId,
        id: u32,
        handle: Option<HandleId>,
        offset: u64,
        length: u32,
    ) -> Result<Bytes, Status> {
        let buffers = self.buffers.clone();
        let what = find(&mut self.open, channel, handle)?;
        if let What::File(opened) = what {
            let attributes = Attributes::from(opened.entry());
            if length == 0 || offset >= attributes.size {
                return Err(Status::Eof);
            }
            // The first byte: standing, limits and counters are looked at, and the record is durable, before it is read.
            if let What::File(opened) = std::mem::replace(what, What::Spent(Status::Failure)) {
                *what = match opened.begin().await {
                    Ok(download) => What::Transfer { download: Box::new(download), attributes },
                    Err(refused) => What::Spent(self.faults.refused(&refused)),
                };
            }
        }
        let download = match what {
            What::Transfer { attributes, .. } if offset >= attributes.size => return Err(Status::Eof),
            What::Transfer { download, .. } => download,
            What::Spent(status) => return Err(*status),
            What::File(_) | What::Directory(_) => return Err(Status::Failure),
        };
        let wanted = (length as usize).min(limits::SFTP_READ_BYTES);
        let mut data = buffers.take();
        // What is not in memory is waited for. Meanwhile this thread's other tasks go on elsewhere: a slow or hanging disk
        // must not keep anybody's revocation from running.
        match task::block_in_place(|| fill(download, offset, wanted, &mut data)) {
            Ok(()) if data.len() == 0 => Err(Status::Eof),
            Ok(()) => Ok(data.finish(id)),
            Err(error) => {
                let (how, status) = match error {
                    ReadError::Cut => (TransferEnd::Severed, answer::outside(Outside::Denied)),
                    ReadError::Damaged => (TransferEnd::Damaged, Status::Failure),
                };
                if let What::Transfer { download, .. } = std::mem::replace(what, What::Spent(status)) {
                    self.finish_transfer(*download, how).await;
                }
                Err(status)
            }
        }
    }

    async fn close(&mut self, channel: ChannelId, handle: Option<HandleId>) -> Result<Bytes, Status> {
        find(&mut self.open, channel, handle)?;
        let open = handle.and_then(|handle| self.open.remove(&handle)).ok_or(Status::Failure)?;
        self.end(open, TransferEnd::Closed).await;
        Err(Status::Ok)
    }

    async fn end_channel(&mut self, channel: ChannelId) -> Result<(), Done> {
        let mine: Vec<HandleId> = self.open.iter().filter(|(_, open)| open.channel == channel).map(|(id, _)| *id).collect();
        for handle in mine {
            if let Some(open) = self.open.remove(&handle) {
                self.end(open, TransferEnd::SessionEnded).await;
            }
        }
        // As a subsystem that has come to its end: status, end of file, close. Harmless where the client closed first.
        let farewell = async {
            self.session.exit_status_request(channel, 0).await?;
            self.session.eof(channel).await?;
            self.session.close(channel).await
        };
        match time::timeout(limits::LAST_ANSWER, farewell).await {
            Ok(told) => told.map_err(|()| Done::Ended),
            Err(_) => Err(Done::Idle),
        }
    }

    async fn end(&mut self, open: Open, how: TransferEnd) {
        match open.what {
            What::Transfer { download, .. } => self.finish_transfer(*download, how).await,
            What::Directory(rest) => self.listed -= rest.len(),
            What::File(_) | What::Spent(_) => {}
        }
        if self.open.is_empty() {
            self.buffers.release();
        }
    }

    /// The record of a transfer's end is written while the client goes on: the next transfer's beginning shares its
    /// commit. The session does not end before it.
    async fn finish_transfer(&mut self, download: Download, how: TransferEnd) {
        while self.finishing.try_join_next().is_some() {}
        if self.finishing.len() >= limits::SFTP_FINISHING {
            self.finishing.join_next().await;
        }
        self.finishing.spawn(download.finish(how));
    }
}

/// The operator hears of a session's first fault: a client that asks again and again fills no log.
enum Faults {
    None,
    Told,
}

impl Faults {
    fn refused(&mut self, refused: &Refused) -> Status {
        if let (Self::None, Refused::Fault(fault)) = (&*self, refused) {
            tracing::error!(%fault, "a vendor's request could not be answered");
            *self = Self::Told;
        }
        answer::refused(refused)
    }
}

fn no_such(_: NoSuchPath) -> Status {
    Status::NoSuchFile
}

fn real_path(id: u32, path: Result<VendorPath, NoSuchPath>) -> Result<Bytes, Status> {
    Ok(answer::real_path(id, &path.map_err(no_such)?.to_string())?)
}

/// What a channel opened is nothing to another one.
fn find(open: &mut HashMap<HandleId, Open>, channel: ChannelId, handle: Option<HandleId>) -> Result<&mut What, Status> {
    let open = handle.and_then(|handle| open.get_mut(&handle)).filter(|open| open.channel == channel);
    open.map(|open| &mut open.what).ok_or(Status::Failure)
}

/// Reads until `wanted` bytes are there or the file ends.
fn fill(download: &mut Download, offset: u64, wanted: usize, data: &mut answer::Data) -> Result<(), ReadError> {
    while data.len() < wanted {
        let Some(from) = offset.checked_add(data.len() as u64) else { return Ok(()) };
        match download.read_at(from, data.room(wanted - data.len()))? {
            0 => break,
            n => data.filled(n),
        }
    }
    Ok(())
}
