//! The socket's server half: admits connections, finds out who speaks, hands the request on, sends the answer.
//!
//! Order in one connection: hello → call → the signature is checked → its key's owner is looked up → the request is
//! parsed → the act. Nothing that an unsigned text says is looked at before the signature holds.

use super::{
    protocol::{self, Call, FaultNote, FrameError, FromClient, FromServer, Hello, Nonce, encode_frame, read_frame, write_frame},
    request::Request,
};
use crate::{
    domain::{event::Actor, limits, people::Person, refusal::Refusal, signature::PublicKey},
    gateway::{Fault, Refused},
};
use serde_json::Value;
use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream},
    sync::watch,
    task::{Id, JoinSet},
    time::timeout,
};

/// What stands behind the socket: `gateway::Desk`, and in tests a smaller one.
///
/// `act` is never cancelled because its caller went away: a revocation whose terminal was closed still cuts.
pub trait Answering: Send + Sync + 'static {
    /// The person whose key this is, by the roster of now.
    fn who(&self, key: &PublicKey) -> impl Future<Output = Result<Person, Refused>> + Send;
    fn act(&self, by: Actor, request: Request) -> impl Future<Output = Result<Value, Refused>> + Send;
}

/// How long a failed `accept` (descriptors exhausted) pauses: no busy loop, and soon again at work.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `listener` until `shutdown`; then lets running acts finish, for [`limits::CONTROL_DRAIN_TIME`] at most.
///
/// The socket's file, its mode (0660) and its directory (0750) are the caller's.
pub async fn run<A: Answering>(listener: UnixListener, behind: Arc<A>, shutdown: impl Future<Output = ()> + Send) {
    let (open, closing) = watch::channel(());
    let own = rustix::process::geteuid().as_raw();
    let mut line = Line { connections: JoinSet::new(), users: HashMap::new(), own, closing };
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let full = line.connections.len() >= limits::CONTROL_CONNECTIONS;
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = line.connections.join_next_with_id() => line.forget(ended),
            accepted = listener.accept(), if !full => match accepted {
                Ok((stream, _)) => line.admit(stream, &behind),
                Err(error) => {
                    tracing::warn!(%error, "the control socket cannot accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // From here on nobody is heard who has not asked yet; who has asked gets an answer.
    drop((listener, open));
    let drained = timeout(limits::CONTROL_DRAIN_TIME, async { while line.connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(running = line.connections.len(), "control requests were still running at the end and are given up");
        line.connections.shutdown().await;
    }
}

/// The connections that are open, and whose they are.
struct Line {
    connections: JoinSet<()>,
    /// The local user of each.
    users: HashMap<Id, u32>,
    /// The daemon's own user.
    own: u32,
    /// Ends when the listener does.
    closing: watch::Receiver<()>,
}

impl Line {
    fn admit<A: Answering>(&mut self, stream: UnixStream, behind: &Arc<A>) {
        let Ok(peer) = rustix::net::sockopt::socket_peercred(&stream) else { return };
        let user = peer.uid.as_raw();
        let theirs = self.users.values().filter(|&&other| other == user).count();
        if theirs >= limits::CONTROL_CONNECTIONS_PER_USER {
            turn_away(&stream);
            return;
        }
        let peer = Peer::of(user, self.own);
        let task = self.connections.spawn(converse(stream, peer, Arc::clone(behind), self.closing.clone()));
        self.users.insert(task.id(), user);
    }

    fn forget(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a control request ended in a panic");
                error.id()
            }
        };
        self.users.remove(&id);
    }
}

/// Says so without waiting: a fresh socket's buffer takes one small frame, and this caller gets no task.
fn turn_away(stream: &UnixStream) {
    let message = "this local user has too many control connections open; try again when one has ended".to_owned();
    if let Ok(frame) = encode_frame(&FromServer::Fault(FaultNote { message }), limits::CONTROL_FRAME_BYTES)
        && let Err(error) = stream.try_write(&frame)
    {
        tracing::debug!(%error, "a control connection was turned away without a word");
    }
}

/// What SO_PEERCRED says of the other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Peer {
    /// The daemon's own user, or root.
    Owner,
    Local,
}

impl Peer {
    const fn of(user: u32, own: u32) -> Self {
        if user == own || user == 0 { Self::Owner } else { Self::Local }
    }
}

/// One connection: one call, one reply.
async fn converse<A: Answering>(mut stream: UnixStream, peer: Peer, behind: Arc<A>, mut closing: watch::Receiver<()>) {
    let nonce = fresh_nonce();
    let heard = tokio::select! {
        heard = timeout(limits::CONTROL_REQUEST_TIME, hear(&mut stream, nonce)) => heard,
        _ = closing.changed() => return,
    };
    let reply = match heard {
        Ok(Ok(call)) => answer(&call, nonce, peer, &*behind).await,
        Ok(Err(FrameError::Closed | FrameError::Cut | FrameError::Io(_))) => return,
        Ok(Err(error)) => Err(Refusal::RequestUnreadable { why: error.to_string() }.into()),
        Err(_) => Err(Refusal::RequestUnreadable { why: "nothing complete was asked in time".to_owned() }.into()),
    };
    let reply = match reply {
        Ok(result) => FromServer::Result(result),
        Err(Refused::Refusal(refusal)) => FromServer::Refusal((&refusal).into()),
        Err(Refused::Fault(fault)) => FromServer::Fault(report(&fault)),
    };
    match timeout(limits::CONTROL_ANSWER_TIME, say(&mut stream, reply)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a control answer could not be sent"),
        Err(_) => tracing::debug!("a control answer was not taken in time"),
    }
}

fn fresh_nonce() -> Nonce {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source does not fail once the process has started");
    Nonce::from_bytes(bytes)
}

async fn hear(stream: &mut UnixStream, nonce: Nonce) -> Result<Call, FrameError> {
    let hello = FromServer::Hello(Hello { v: protocol::VERSION, nonce });
    write_frame(stream, &hello, limits::CONTROL_FRAME_BYTES).await?;
    let frame = read_frame(stream, limits::CONTROL_CALL_BYTES).await?;
    let FromClient::Call(call) = serde_json::from_slice(&frame)?;
    Ok(call)
}

async fn say(stream: &mut UnixStream, mut reply: FromServer) -> Result<(), FrameError> {
    let most = limits::CONTROL_FRAME_BYTES;
    loop {
        let error = match encode_frame(&reply, most) {
            Err(error @ FrameError::TooLong { .. }) => error,
            frame => return Ok(stream.write_all(&frame?).await?),
        };
        let shorter = if let FromServer::Result(answer) = &mut reply { shorten(answer) } else { false };
        if !shorter {
            let message = format!("the answer does not fit: {error}; the act itself is done");
            reply = FromServer::Fault(FaultNote { message });
        }
    }
}

/// Halves the longest `answers::Listing` in an answer and says so in it: a producer's ten thousand longest names do not keep an operator
/// from seeing the first of them. False if there is none to halve.
fn shorten(answer: &mut Value) -> bool {
    let longest = rows_of_longest(answer);
    longest > 0 && halve(answer, longest)
}

fn rows_of_longest(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(rows_of_longest).max(),
        Value::Object(members) => members.values().map(rows_of_longest).max(),
        _ => None,
    };
    let own = value.get("left_off").and_then(|_| value.get("rows")).and_then(Value::as_array).map_or(0, Vec::len);
    own.max(inner.unwrap_or(0))
}

/// Halves the first listing of `length` rows.
fn halve(value: &mut Value, length: usize) -> bool {
    if let Some(left_off) = value.get("left_off").and_then(Value::as_u64)
        && let Some(rows) = value.get_mut("rows").and_then(Value::as_array_mut)
        && rows.len() == length
    {
        rows.truncate(length / 2);
        let more = (length - rows.len()) as u64;
        value["left_off"] = Value::from(left_off + more);
        return true;
    }
    match value {
        Value::Array(items) => items.iter_mut().any(|item| halve(item, length)),
        Value::Object(members) => members.values_mut().any(|member| halve(member, length)),
        _ => false,
    }
}

async fn answer<A: Answering>(call: &Call, nonce: Nonce, peer: Peer, behind: &A) -> Result<Value, Refused> {
    if call.v != protocol::VERSION {
        let why = format!("version {} was asked for, version {} is spoken", call.v, protocol::VERSION);
        return Err(Refusal::RequestUnreadable { why }.into());
    }
    let by = identify(call, nonce, peer, behind).await?;
    let request = call.request().map_err(|error| Refusal::RequestUnreadable { why: error.to_string() })?;
    behind.act(by, request).await
}

/// Who speaks: the owner of the key that signed this text on this connection. The key is looked up only after the
/// signature was checked, so nobody learns whose keys are enrolled by naming them.
async fn identify<A: Answering>(call: &Call, nonce: Nonce, peer: Peer, behind: &A) -> Result<Actor, Refused> {
    let refuse = |why: String| Refusal::SignatureRefused { why };
    let Some(signature) = call.verify(nonce).map_err(|error| refuse(error.to_string()))? else {
        return match (peer, &call.named) {
            (Peer::Owner, None) => Ok(Actor::Owner),
            (Peer::Owner, Some(_)) | (Peer::Local, _) => Err(Refusal::SignatureMissing {}.into()),
        };
    };
    let key = signature.key().map_err(|error| refuse(error.to_string()))?;
    let person = behind.who(&key).await?;
    match &call.named {
        Some(named) if *named != person.name => Err(Refusal::NotThatPerson { named: named.clone(), signed: person.name }.into()),
        _ => Ok(Actor::Person { id: person.id, key: key.fingerprint() }),
    }
}

/// The client learns that something broke; the causes go to the operator's log.
fn report(fault: &Fault) -> FaultNote {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(fault);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    tracing::error!(fault = %fault, causes = %causes.join(": "), "a control request met a fault");
    FaultNote { message: fault.to_string() }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
