//! The command line's half of the control protocol: one signed call, one answer.

use super::{signer::Signer, trouble::Trouble};
use crate::{
    domain::{ids::Slug, limits, signature::NAMESPACE_REQUEST},
    endpoints::control::{
        protocol::{self, Call, FrameError, FromClient, FromServer, Hello, read_frame, signed_bytes, write_frame},
        request::Request,
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{net::UnixStream, time::timeout};

/// Where a packaged daemon listens. There is no other default: a socket that lies in the current directory may be anybody's.
pub const DEFAULT_SOCKET: &str = "/run/egressd/control.sock";
/// Where a demonstration's socket lies: named in an error's command, never connected to unasked.
const DEMO_SOCKET: &str = "./egressd-demo/state/control.sock";

/// Who asks, and where.
pub struct Caller {
    pub socket: PathBuf,
    /// Nobody: the daemon's own user, unsigned.
    pub signer: Option<Signer>,
    pub named: Option<Slug>,
}

/// An answer as it came, and as what it is.
pub struct Answered<T> {
    pub json: Value,
    pub answer: T,
}

impl Caller {
    pub async fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<Answered<T>, Trouble> {
        let mut stream = UnixStream::connect(&self.socket).await.map_err(|cause| unreachable(&self.socket, cause))?;
        let hello = timeout(limits::CONTROL_REQUEST_TIME, greeting(&mut stream)).await;
        let hello = hello.map_err(|_| unreachable(&self.socket, io::ErrorKind::TimedOut.into()))??;
        let text = serde_json::to_string(request).map_err(|e| Trouble::Garbled { cause: e.into() })?;
        let signature = match &mut self.signer {
            Some(signer) => Some(signer.sign(NAMESPACE_REQUEST, &signed_bytes(hello.nonce, &text)).await?),
            None => None,
        };
        let call = FromClient::Call(Call { v: protocol::VERSION, request: text, signature, named: self.named.clone() });
        let sent = write_frame(&mut stream, &call, limits::CONTROL_CALL_BYTES).await;
        // A server that refuses a frame unread closes at once: its reason is already here, and better than a broken pipe.
        let json = match (reply(&mut stream).await, sent) {
            (Err(Trouble::Garbled { .. }), Err(cause)) => return Err(Trouble::Garbled { cause }),
            (replied, _) => replied?,
        };
        let answer = serde_json::from_value(json.clone()).map_err(|e| Trouble::Garbled { cause: e.into() })?;
        Ok(Answered { json, answer })
    }
}

async fn receive(stream: &mut UnixStream) -> Result<FromServer, Trouble> {
    let garbled = |cause: FrameError| Trouble::Garbled { cause };
    let frame = read_frame(stream, limits::CONTROL_FRAME_BYTES).await.map_err(garbled)?;
    match serde_json::from_slice(&frame).map_err(|e| garbled(e.into()))? {
        FromServer::Refusal(note) => Err(Trouble::Refused(note)),
        FromServer::Fault(note) => Err(Trouble::Fault(note)),
        message @ (FromServer::Hello(_) | FromServer::Result(_)) => Ok(message),
    }
}

async fn greeting(stream: &mut UnixStream) -> Result<Hello, Trouble> {
    match receive(stream).await? {
        FromServer::Hello(hello) if hello.v == protocol::VERSION => Ok(hello),
        FromServer::Hello(hello) => Err(Trouble::Version { theirs: hello.v }),
        _ => Err(Trouble::Garbled { cause: FrameError::OutOfTurn }),
    }
}

async fn reply(stream: &mut UnixStream) -> Result<Value, Trouble> {
    match receive(stream).await? {
        FromServer::Result(answer) => Ok(answer),
        _ => Err(Trouble::Garbled { cause: FrameError::OutOfTurn }),
    }
}

fn unreachable(socket: &Path, cause: io::Error) -> Trouble {
    let demo = Path::new(DEMO_SOCKET);
    let nearby = (socket == Path::new(DEFAULT_SOCKET) && demo.exists()).then(|| demo.to_owned());
    Trouble::Unreachable { socket: socket.to_owned(), cause, nearby }
}
