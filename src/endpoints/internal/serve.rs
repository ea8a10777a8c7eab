//! Connections of an internal listener: how many, how long, how large a request, and that all are seen out.

use super::{Watched, routes};
use crate::{
    domain::limits,
    endpoints::listener::{Running, draining},
};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{io, pin::pin};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

/// Where monitors connect.
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl std::fmt::Display for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => write!(f, "a TCP socket"),
            },
            Self::Unix(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address:?}"),
                Err(_) => write!(f, "a local socket"),
            },
        }
    }
}

/// Serves until `running` drains, then lets requests that run finish.
pub async fn run(listener: Listener, watched: Watched, mut running: watch::Receiver<Running>) {
    let router = routes::router(watched);
    let mut connections = JoinSet::new();
    let stop = running.clone();
    loop {
        let full = connections.len() >= limits::INTERNAL_CONNECTIONS;
        tokio::select! {
            biased;
            () = draining(&mut running) => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener), if !full => match accepted {
                Ok(Accepted::Tcp(stream)) => drop(connections.spawn(converse(stream, router.clone(), stop.clone()))),
                Ok(Accepted::Unix(stream)) => drop(connections.spawn(converse(stream, router.clone(), stop.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "an internal listener cannot accept, trying again");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

enum Accepted {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

async fn accept(listener: &Listener) -> io::Result<Accepted> {
    match listener {
        Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| Accepted::Tcp(stream)),
        Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
    }
}

/// One connection. What its peer does wrong is its own matter: no line of the log is made by whoever asks.
async fn converse<S>(stream: S, router: Router, mut stop: watch::Receiver<Running>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::INTERNAL_REQUEST_TIME)
        .max_headers(limits::INTERNAL_HEADERS)
        .max_buf_size(limits::INTERNAL_HEAD_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let conversation = async {
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = draining(&mut stop) => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    };
    if let Ok(Err(error)) = timeout(limits::INTERNAL_CONNECTION_TIME, conversation).await {
        tracing::debug!(%error, "an internal connection ended");
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err() {
        tracing::error!("an internal request panicked: one connection ended");
    }
}
