//! One connection from accept to its last record: the task that owns it.

use super::{
    answer,
    certificate::pin,
    request,
    target::WithoutFragments,
    tls::Tls,
    who::{Connection, NotAdmitted},
};
use crate::{
    domain::{event::SessionEnd, limits},
    endpoints::{
        listener::{Arrival, Running, draining},
        stream::{RevocableStream, SeverOnDrop, Switch},
    },
    gateway::{Door, Rejected, Severable as _},
};
use axum::{Router, body::Body, extract::State};
use http::{Request, Response};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{io, net::IpAddr, pin::pin, sync::Arc};
use tokio::{
    sync::watch,
    time::{self, Instant},
};
use tokio_rustls::server::TlsStream;

/// Sees one connection through. When it returns, nobody answers it any more and its records are durable.
pub(super) async fn attend(arrival: Arrival, door: Door, tls: Tls) {
    let grace = Instant::now() + limits::LOGIN_GRACE;
    let Arrival { stream, address, stranger, mut running } = arrival;
    let switch = stream.switch();
    // However this ends, a panic included, the socket is reset.
    let _severed_at_the_end = SeverOnDrop(switch.clone());
    let greeted = tokio::select! {
        greeted = time::timeout_at(grace, tls.acceptor().accept(stream)) => greeted,
        () = draining(&mut running) => return,
    };
    let stream = match greeted {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            // An alert says why; a reset would take it back.
            let _ = time::timeout_at(grace.min(Instant::now() + limits::FAREWELL), switch.peer_has_left()).await;
            return tell(&door, address, breach(&error));
        }
        Err(_) => return door.note_rejected(address, Rejected::GraceExpired),
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let Ok(certificate) = certificate.map(|certificate| pin(certificate)).transpose() else {
        return door.note_rejected(address, Rejected::Protocol);
    };
    let key = certificate.map(|key| key.0);
    let connection = Connection::new(door, address, switch.clone(), tls, agreed(&stream), key, stranger);
    serve(Arc::new(connection), stream, grace, running).await;
}

/// Nobody came in. A peer that tried nothing, such as a health check, leaves no trace.
fn tell(door: &Door, address: IpAddr, why: Option<Rejected>) {
    if let Some(why) = why {
        door.note_rejected(address, why);
    }
}

fn breach(error: &io::Error) -> Option<Rejected> {
    let left = matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe);
    (!left).then_some(Rejected::Protocol)
}

/// What the handshake agreed on, for the record of the session.
fn agreed(stream: &TlsStream<RevocableStream>) -> String {
    let tls = stream.get_ref().1;
    let version = tls.protocol_version().and_then(|version| version.as_str()).unwrap_or("?");
    let suite = tls.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("?");
    let group = tls.negotiated_key_exchange_group().and_then(|group| group.name().as_str()).unwrap_or("?");
    format!("{version} {group} {suite}")
}

/// Why the connection is not served any more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    /// The peer left, or an answer was the last.
    Closed,
    Broken,
    /// It broke the protocol, or somebody else's proof came.
    Protocol,
    Idle,
    GraceExpired,
}

async fn serve(
    connection: Arc<Connection>,
    stream: TlsStream<RevocableStream>,
    grace: Instant,
    running: watch::Receiver<Running>,
) {
    let done = converse(&connection, stream, grace, running).await;
    let refused = connection.was_refused();
    let Some(pickup) = connection.leave().await else {
        return match done {
            Done::GraceExpired => connection.door.note_rejected(connection.address, Rejected::GraceExpired),
            Done::Protocol if !refused => connection.door.note_rejected(connection.address, Rejected::Protocol),
            _ => {}
        };
    };
    let how = match done {
        _ if connection.switch.is_severed() => SessionEnd::Severed,
        _ if refused => SessionEnd::Protocol,
        Done::Closed => SessionEnd::Closed,
        Done::Idle | Done::GraceExpired => SessionEnd::Idle,
        Done::Broken => SessionEnd::Lost,
        Done::Protocol => SessionEnd::Protocol,
    };
    let (session, address, sent) = (pickup.session(), connection.address, connection.switch.sent());
    pickup.close(how).await;
    tracing::info!(%session, %address, sent, ?how, "a vendor's session ended");
}

/// Answers requests until the connection ends. When it returns no request is being answered, and none will be.
async fn converse(
    connection: &Arc<Connection>,
    stream: TlsStream<RevocableStream>,
    grace: Instant,
    mut running: watch::Receiver<Running>,
) -> Done {
    let router = Router::new().fallback(answer_to).with_state(Arc::clone(connection));
    let stream = TokioIo::new(WithoutFragments::new(stream));
    let mut served = pin!(protocol().serve_connection(stream, TowerToHyperService::new(router)));
    let mut end_of_drain = None;
    let mut watched = Watched::from(&connection.switch);
    let done = loop {
        let alarm = match (connection.is_logged_in(), end_of_drain) {
            (false, _) => grace,
            (true, Some(end)) => watched.until().min(end),
            (true, None) => watched.until(),
        };
        tokio::select! {
            biased;
            ended = served.as_mut() => break match ended {
                Ok(()) => Done::Closed,
                Err(error) if error.is_parse() => Done::Protocol,
                Err(error) if error.is_timeout() => Done::Idle,
                Err(_) => Done::Broken,
            },
            () = draining(&mut running), if end_of_drain.is_none() => {
                end_of_drain = Some(Instant::now() + limits::DRAIN);
                served.as_mut().graceful_shutdown();
            }
            // It rings early where something moved, or somebody logged in, since it was set: then it is set again.
            () = time::sleep_until(alarm) => match (connection.is_logged_in(), end_of_drain) {
                (false, _) => break Done::GraceExpired,
                (true, Some(end)) if end <= Instant::now() => {
                    connection.switch.sever();
                    break Done::Broken;
                }
                (true, _) if watched.stands_still() => break Done::Idle,
                (true, _) => {}
            },
        }
    };
    if done == Done::Closed {
        // What was answered last may still be on its way: a reset would take it back. A cut ends this as it ends everything.
        let farewell = Instant::now() + limits::FAREWELL;
        let until = if connection.is_logged_in() { Instant::now() + limits::HTTPS_LINGER } else { grace.min(farewell) };
        let stopping = async {
            draining(&mut running).await;
            time::sleep(limits::FAREWELL).await;
        };
        tokio::select! {
            _ = time::timeout_at(until, connection.switch.peer_has_left()) => {}
            () = stopping => {}
        }
    }
    done
}

/// HTTP/1.1 with a bound for everything. Not HTTP/2: it would bring many requests at once over one connection, which one
/// vendor pulling large files has no use for, and with it resets, pings and windows to flood with.
fn protocol() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HTTPS_IDLE)
        .max_headers(limits::HTTPS_HEADERS)
        .max_buf_size(limits::HTTPS_HEADER_BYTES)
        .half_close(false)
        .pipeline_flush(false);
    builder
}

/// Whether anything still moves on a connection: a peer that takes nothing of an answer is given up.
struct Watched<'c> {
    switch: &'c Switch,
    moved: (u64, u64),
    since: Instant,
}

impl<'c> Watched<'c> {
    fn from(switch: &'c Switch) -> Self {
        Self { switch, moved: (0, 0), since: Instant::now() }
    }

    fn until(&self) -> Instant {
        self.since + limits::SESSION_IDLE
    }

    fn stands_still(&mut self) -> bool {
        let now = (self.switch.sent(), self.switch.received());
        let still = now == self.moved && self.until() <= Instant::now();
        if now != self.moved {
            (self.moved, self.since) = (now, Instant::now());
        }
        still
    }
}

/// One request: who asks, whether it may be asked at all, and then what is asked for.
async fn answer_to(State(connection): State<Arc<Connection>>, request: Request<Body>) -> Response<Body> {
    let (request, _) = request.into_parts();
    let admitted = match connection.admit(&request.headers).await {
        Ok(admitted) => admitted,
        Err(NotAdmitted::Unauthorized) => return answer::unauthorized(),
        Err(NotAdmitted::TryLater) => return answer::last(answer::try_later()),
    };
    if let Err(why) = request::fit(&request, connection.tls.hosts()) {
        return answer::unfit(why);
    }
    match (admitted.pickup(), request::place(&request.uri)) {
        (Some(pickup), Some(place)) => answer::of(pickup, &place, &request.method, &request.headers).await,
        _ => answer::not_found(),
    }
}
