//! The service manager: what it is told (ready, reloading, stopping, alive, how it stands). Without one nothing is told to nobody.

use crate::{
    domain::limits,
    gateway::{Observer, Trouble},
};
use sd_notify::{NotifyState, notify, watchdog_enabled};
use std::convert::Infallible;
use tokio::time::timeout;

const SERVING: &str = "serving";

/// Every door is open.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status(SERVING)]);
}

/// The configuration is being read again; [`ready`] says that it is over, however it ended.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now, NotifyState::Status("reloading")]),
        Err(error) => tracing::warn!(%error, "the service manager was not told of a reload"),
    }
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping: running transfers go on")]);
}

/// Says that the daemon lives, at the pace that the service manager asks for and only while that is true: the ledger's writer has taken a
/// command and made what waited durable, and the gateway's own work comes round. Who is not told so in time kills and starts again.
pub(super) async fn watchdog(observer: Observer) -> Infallible {
    let asked = watchdog_enabled();
    // Half of what is allowed, so that one late answer is no death.
    let pace = asked.map_or(limits::STATUS_PACE, |allowed| allowed / 2);
    let mut last = SERVING.to_owned();
    loop {
        tokio::time::sleep(pace).await;
        let answered = matches!(timeout(pace, observer.answers()).await, Ok(Ok(())));
        let looking = observer.clone();
        let trouble = tokio::task::spawn_blocking(move || looking.trouble()).await.unwrap_or_default();
        if answered && !trouble.contains(&Trouble::Stalled) && asked.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
        let status = status(&trouble);
        if status != last {
            tell(&[NotifyState::Status(&status)]);
            last = status;
        }
    }
}

fn status(trouble: &[Trouble]) -> String {
    let said: Vec<&str> = trouble.iter().map(|trouble| trouble.what()).collect();
    let head = if trouble.iter().any(|trouble| trouble.blocks()) { "serving nobody" } else { SERVING };
    if said.is_empty() { head.to_owned() } else { format!("{head}: {}", said.join("; ")) }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!(%error, "the service manager was not told");
    }
}
