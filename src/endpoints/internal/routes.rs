//! The three routes. Nothing secret stands in an answer, and no name of a vendor, a ticket or a file.

use super::Watched;
use crate::{
    endpoints::listener::Running,
    gateway::{Fault, Observer, Trouble},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Mutex;

const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const NO_STORE: (HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

#[derive(Clone)]
struct Room {
    watched: Watched,
    /// One answer is made at a time, however many ask: each reads the disk.
    turn: Arc<Mutex<()>>,
}

pub(super) fn router(watched: Watched) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Room { watched, turn: Arc::default() })
}

/// The process lives and its runtime answers.
async fn healthz() -> Response {
    ([NO_STORE], "ok\n").into_response()
}

/// `GET /readyz`: 200 if a vendor that may collect something is served now, else 503.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// Why not.
    blocking: Vec<Reason>,
    /// What somebody should see to, while everybody is served.
    warnings: Vec<Reason>,
}

#[derive(Serialize)]
struct Reason {
    reason: &'static str,
    what: &'static str,
}

const STARTING: Reason = Reason { reason: "starting", what: "the log is being read, and what a crash left is mended" };
const DRAINING: Reason =
    Reason { reason: "draining", what: "the daemon is stopping: running transfers go on, nobody new is let in" };

async fn readyz(State(room): State<Room>) -> Response {
    let found = match room.gateway() {
        None => Ok(None),
        Some(observer) => room.ask(move || Ok(Some(observer.trouble()))).await,
    };
    let Ok(trouble) = found else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut blocking = Vec::new();
    if trouble.is_none() {
        blocking.push(STARTING);
    }
    if *room.watched.vendors.borrow() == Running::Draining {
        blocking.push(DRAINING);
    }
    let (blocks, warns): (Vec<Trouble>, Vec<Trouble>) =
        trouble.unwrap_or_default().into_iter().partition(|trouble| trouble.blocks());
    blocking.extend(blocks.into_iter().map(Reason::from));
    let readiness = Readiness { ready: blocking.is_empty(), blocking, warnings: warns.into_iter().map(Reason::from).collect() };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&readiness).expect("three members of strings");
    (status, [NO_STORE, (header::CONTENT_TYPE, "application/json")], body + "\n").into_response()
}

async fn metrics(State(room): State<Room>) -> Response {
    let Some(observer) = room.gateway() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    match room.ask(move || observer.metrics()).await {
        Ok(text) => ([NO_STORE, (header::CONTENT_TYPE, METRICS)], text).into_response(),
        Err(fault) => {
            // The one who scrapes sees that there is nothing; why is not for the network.
            tracing::debug!(%fault, "metrics could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

impl Room {
    fn gateway(&self) -> Option<Observer> {
        self.watched.gateway.borrow().clone()
    }

    async fn ask<T: Send + 'static>(&self, look: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
        let _turn = self.turn.lock().await;
        tokio::task::spawn_blocking(look).await.map_err(|error| Fault::new("a look at the gateway", error))?
    }
}

impl From<Trouble> for Reason {
    fn from(trouble: Trouble) -> Self {
        Self { reason: trouble.name(), what: trouble.what() }
    }
}
