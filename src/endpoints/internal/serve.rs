//! Connections of an internal listener: how many, how long, how large a request, and that all are seen out.

use super::{Watched, routes};
use crate::{
    domain::limits,
    endpoints::listener::{Running, draining},
};
use axum::Router;
use hyper::{
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    collections::HashMap,
    io,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::watch,
    task::{self, AbortHandle, JoinSet},
    time::{Instant, sleep_until, timeout},
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
    let mut connections = Connections::default();
    let stop = running.clone();
    loop {
        tokio::select! {
            biased;
            () = draining(&mut running) => break,
            () = connections.one_ended() => {}
            accepted = accept(&listener) => match accepted {
                Ok(accepted) => {
                    tokio::select! {
                        biased;
                        () = draining(&mut running) => break,
                        () = connections.make_way() => connections.begin(accepted, router.clone(), stop.clone()),
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "an internal listener cannot accept, trying again");
                    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.all_ended().await;
}

/// Those that are here, never more than [`limits::INTERNAL_CONNECTIONS`]. Owns their tasks.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    each: HashMap<task::Id, (AbortHandle, Arc<Activity>)>,
}

impl Connections {
    fn begin(&mut self, accepted: Accepted, router: Router, stop: watch::Receiver<Running>) {
        let activity = Arc::new(Activity::new());
        let task = match accepted {
            Accepted::Tcp(stream) => self.tasks.spawn(converse(stream, router, stop, Arc::clone(&activity))),
            Accepted::Unix(stream) => self.tasks.spawn(converse(stream, router, stop, Arc::clone(&activity))),
        };
        self.each.insert(task.id(), (task, activity));
    }

    /// Returns when there is room for one more: where all places are taken, who has asked nothing for longest goes.
    async fn make_way(&mut self) {
        while self.tasks.len() >= limits::INTERNAL_CONNECTIONS {
            let idle = self.each.values().filter_map(|(task, activity)| Some((activity.idle_since()?, task)));
            let look_again = match idle.min_by_key(|(since, _)| *since) {
                Some((since, task)) if since.elapsed() >= limits::INTERNAL_PATIENCE => {
                    task.abort();
                    Instant::now() + limits::INTERNAL_PATIENCE
                }
                Some((since, _)) => since + limits::INTERNAL_PATIENCE,
                None => Instant::now() + limits::INTERNAL_PATIENCE,
            };
            tokio::select! {
                () = self.one_ended() => {}
                () = sleep_until(look_again) => {}
            }
        }
    }

    /// Waits for ever while there is none.
    async fn one_ended(&mut self) {
        let (id, panicked) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => (id, false),
            Some(Err(error)) => (error.id(), error.is_panic()),
            None => return std::future::pending().await,
        };
        self.each.remove(&id);
        if panicked {
            tracing::error!("an internal request panicked: one connection ended");
        }
    }

    async fn all_ended(mut self) {
        while !self.tasks.is_empty() {
            self.one_ended().await;
        }
    }
}

/// Since when a connection has asked nothing. None: it is being answered.
struct Activity(Mutex<Option<Instant>>);

/// Until it is dropped its connection is being answered.
struct Answering(Arc<Activity>);

impl Activity {
    fn new() -> Self {
        Self(Mutex::new(Some(Instant::now())))
    }

    fn idle(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle_since(&self) -> Option<Instant> {
        *self.idle()
    }

    fn answering(self: &Arc<Self>) -> Answering {
        *self.idle() = None;
        Answering(Arc::clone(self))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.idle() = Some(Instant::now());
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
async fn converse<S>(stream: S, router: Router, mut stop: watch::Receiver<Running>, activity: Arc<Activity>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::INTERNAL_HEAD_TIME)
        .max_headers(limits::INTERNAL_HEADERS)
        .max_buf_size(limits::INTERNAL_HEAD_BYTES);
    let routes = TowerToHyperService::new(router);
    let service = service_fn(|request| {
        let (answering, answer) = (activity.answering(), routes.call(request));
        async move {
            let _answering = answering;
            answer.await
        }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
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
