//! What a client may say when: the SSH server's callbacks, as a machine of three stages.
//!
//! No callback awaits anything slow but a login's durable record. russh runs them between two packets of one connection:
//! while one waits, that connection's window adjustments, keepalives and re-keys wait too. So SFTP requests are only
//! parsed and queued here; `service` answers them from outside, through the session's own bounded queue, which russh
//! leaves alone during a re-key and while the peer's window is full.

use super::{
    Ended, Violation,
    frames::Frames,
    greeting::Heard,
    request::{Packet, Request},
    transport,
};
use crate::{
    domain::{ids::SLUG_MAX, limits},
    endpoints::stream::Switch,
    gateway::{Attempt, Door, Line, Offered, Pickup},
};
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Pty, Sig,
    keys::PublicKey,
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// What the connection's owner gets at login: the vendor's handle, and what its client asks from then on.
pub(super) struct LoggedIn {
    pub(super) pickup: Pickup,
    pub(super) work: mpsc::Receiver<Work>,
    /// Channels whose client has said its last, known before the answers that wait in `work` are given: at most
    /// [`limits::SSH_CHANNELS_IN_ALL`].
    pub(super) ended: watch::Receiver<HashSet<ChannelId>>,
}

/// In the order in which the client asked.
pub(super) enum Work {
    Started(ChannelId),
    Request(ChannelId, Request),
    /// The client will ask nothing more on this channel. The place among [`limits::SSH_CHANNELS`] is free once the
    /// channel is closed.
    Ended(ChannelId, OwnedSemaphorePermit),
}

pub(super) struct Conversation {
    stage: Stage,
    door: Door,
    address: IpAddr,
    switch: Switch,
    heard: Heard,
    /// Whether a key was offered that may not come in: the owner tells the gateway if no login follows.
    refused: Arc<AtomicBool>,
}

enum Stage {
    Greeting {
        user: Option<String>,
        offers: usize,
        to_owner: oneshot::Sender<LoggedIn>,
    },
    LoggedIn(Channels),
    /// Nothing more is heard.
    Closing,
}

/// The channels that are open, and the way to whoever answers.
struct Channels {
    work: mpsc::Sender<Work>,
    ended: watch::Sender<HashSet<ChannelId>>,
    open: HashMap<ChannelId, Input>,
    places: Arc<Semaphore>,
    opened: usize,
}

/// One channel's side towards the client.
struct Input {
    place: OwnedSemaphorePermit,
    subsystem: Subsystem,
}

enum Subsystem {
    None,
    /// Started, and INIT has not come.
    Fresh(Frames),
    Sftp(Frames),
}

impl Conversation {
    pub(super) fn new(
        door: Door,
        address: IpAddr,
        switch: Switch,
        heard: Heard,
    ) -> (Self, oneshot::Receiver<LoggedIn>, Arc<AtomicBool>) {
        let (to_owner, logged_in) = oneshot::channel();
        let refused = Arc::new(AtomicBool::new(false));
        let stage = Stage::Greeting { user: None, offers: 0, to_owner };
        (Self { stage, door, address, switch, heard, refused: refused.clone() }, logged_in, refused)
    }

    /// The first request names the user for good.
    fn is_user(&mut self, name: &str) -> bool {
        match &mut self.stage {
            Stage::Greeting { user: Some(user), .. } => user == name,
            Stage::Greeting { user, .. } if name.len() <= SLUG_MAX => {
                *user = Some(name.to_owned());
                true
            }
            _ => false,
        }
    }

    /// Whether this key may prove itself. russh counts no offers that it accepted, so they are counted here.
    fn consider(&mut self, name: &str, key: &PublicKey, signature: &russh::keys::Algorithm) -> Result<bool, Ended> {
        if let Stage::Greeting { offers, .. } = &mut self.stage {
            *offers += 1;
            if *offers > limits::KEY_OFFERS {
                return Err(Violation::TooManyKeys.into());
            }
        }
        let attempt = self.attempt(name, key);
        let fit = self.is_user(name) && transport::fit_to_log_in(key, signature) && self.door.would_admit(&attempt);
        if !fit {
            self.refused.store(true, Ordering::Relaxed);
        }
        Ok(fit)
    }

    fn attempt(&self, user: &str, key: &PublicKey) -> Attempt {
        Attempt { offered: Offered::SshKey { user: user.to_owned(), key: key.clone() }, address: self.address }
    }

    /// The signature is verified; the gateway decides, and records, before the client hears of it.
    async fn log_in(&mut self, attempt: Attempt) -> Auth {
        let Some(greeting) = self.heard.get().cloned() else { return Auth::reject() };
        let line = Line { algorithms: greeting.algorithms, client: greeting.client };
        let Ok(pickup) = self.door.login(attempt, line, Arc::new(self.switch.clone())).await else {
            self.refused.store(true, Ordering::Relaxed);
            return Auth::reject();
        };
        let Stage::Greeting { to_owner, .. } = std::mem::replace(&mut self.stage, Stage::Closing) else {
            return Auth::reject();
        };
        let (queue, work) = mpsc::channel(limits::SFTP_QUEUED_REQUESTS);
        let (say_ended, ended) = watch::channel(HashSet::new());
        // The owner keeps its end until this session has ended, so only a fault of its own loses the pickup here.
        if to_owner.send(LoggedIn { pickup, work, ended }).is_err() {
            return Auth::reject();
        }
        self.switch.admit();
        let places = Arc::new(Semaphore::new(limits::SSH_CHANNELS));
        self.stage = Stage::LoggedIn(Channels { work: queue, ended: say_ended, open: HashMap::new(), places, opened: 0 });
        Auth::Accept
    }

    fn channels(&mut self) -> Result<&mut Channels, Ended> {
        match &mut self.stage {
            Stage::LoggedIn(channels) => Ok(channels),
            Stage::Greeting { .. } | Stage::Closing => Err(Violation::OutOfTurn.into()),
        }
    }
}

impl Channels {
    /// A place for one more channel, if there is one.
    fn open(&mut self, channel: ChannelId) -> bool {
        if self.opened >= limits::SSH_CHANNELS_IN_ALL {
            return false;
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else { return false };
        self.opened += 1;
        self.open.insert(channel, Input { place, subsystem: Subsystem::None });
        true
    }

    fn start(&mut self, channel: ChannelId, name: &str) -> bool {
        match self.open.get_mut(&channel) {
            Some(Input { subsystem: subsystem @ Subsystem::None, .. }) if name == "sftp" => {
                *subsystem = Subsystem::Fresh(Frames::default());
                true
            }
            _ => false,
        }
    }

    fn data(&mut self, channel: ChannelId, bytes: &[u8]) -> Result<(), Violation> {
        let Some(input) = self.open.get_mut(&channel) else { return Err(Violation::OutOfTurn) };
        let mut frames = match &mut input.subsystem {
            Subsystem::None => return Err(Violation::OutOfTurn),
            Subsystem::Fresh(frames) | Subsystem::Sftp(frames) => std::mem::take(frames),
        };
        let subsystem = &mut input.subsystem;
        let work = &self.work;
        frames.feed(bytes, |packet| {
            let next = match (&*subsystem, Packet::parse(packet)?) {
                (Subsystem::Fresh(_), Packet::Init) => {
                    *subsystem = Subsystem::Sftp(Frames::default());
                    Work::Started(channel)
                }
                (Subsystem::Sftp(_), Packet::Request(request)) => Work::Request(channel, request),
                _ => return Err(Violation::OutOfTurn),
            };
            push(work, next)
        })?;
        if let Subsystem::Fresh(kept) | Subsystem::Sftp(kept) = subsystem {
            *kept = frames;
        }
        Ok(())
    }

    /// The client ends the channel. Its requests that wait are still answered, for as long as it takes the answers.
    fn end(&mut self, channel: ChannelId) -> Result<(), Violation> {
        let Some(input) = self.open.remove(&channel) else { return Ok(()) };
        self.ended.send_modify(|ended| {
            ended.insert(channel);
        });
        push(&self.work, Work::Ended(channel, input.place))
    }
}

/// Never waits: a client that asks more than we queue is not one of the clients there are.
fn push(work: &mpsc::Sender<Work>, next: Work) -> Result<(), Violation> {
    work.try_send(next).map_err(|_| Violation::TooManyRequests)
}

impl Handler for Conversation {
    type Error = Ended;

    async fn auth_none(&mut self, user: &str) -> Result<Auth, Ended> {
        self.is_user(user);
        Ok(Auth::reject())
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Ended> {
        let fit = self.consider(user, offer.public_key, offer.algorithm)?;
        Ok(if fit { Auth::Accept } else { Auth::reject() })
    }

    /// Certificates never come here: they end in russh's default for them, which refuses.
    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Ended> {
        if !self.is_user(user) || !transport::fit_to_log_in(key.public_key, key.algorithm) {
            return Ok(Auth::reject());
        }
        let attempt = self.attempt(user, key.public_key);
        Ok(self.log_in(attempt).await)
    }

    /// russh's `Channel` is dropped: with its receiver gone, no callback can ever wait for room in it. That wait, behind
    /// a consumer that itself waits for window, is how servers on the channel's stream hang for ever.
    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Ended> {
        if self.channels()?.open(channel.id()) {
            reply.accept().await;
        } else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        }
        Ok(())
    }

    // Every other kind of channel is refused by russh's defaults, which drop `reply`.

    async fn subsystem_request(&mut self, channel: ChannelId, name: &str, session: &mut Session) -> Result<(), Ended> {
        if self.channels()?.start(channel, name) {
            session.channel_success(channel)?;
        } else {
            session.channel_failure(channel)?;
        }
        Ok(())
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Ended> {
        Ok(self.channels()?.data(channel, data)?)
    }

    async fn channel_eof(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Ended> {
        Ok(self.channels()?.end(channel)?)
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Ended> {
        Ok(self.channels()?.end(channel)?)
    }

    // There is no shell, no command, no terminal, no environment, no display. Each is answered, because clients wait
    // for an answer (`scp -O` for ever); russh's defaults say nothing.

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Ended> {
        Ok(session.channel_failure(channel)?)
    }

    async fn exec_request(&mut self, channel: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Ended> {
        Ok(session.channel_failure(channel)?)
    }

    async fn env_request(&mut self, channel: ChannelId, _: &str, _: &str, session: &mut Session) -> Result<(), Ended> {
        Ok(session.channel_failure(channel)?)
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(session.channel_failure(channel)?)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(session.channel_failure(channel)?)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Ended> {
        Ok(session.channel_failure(channel)?)
    }

    async fn signal(&mut self, channel: ChannelId, _: Sig, session: &mut Session) -> Result<(), Ended> {
        Ok(session.channel_failure(channel)?)
    }

    // Forwarding requests (tcpip-forward, streamlocal-forward, the agent) are answered with a failure by russh's
    // defaults. `requests_for_anything_but_sftp_are_answered_with_a_failure` watches that.
}
