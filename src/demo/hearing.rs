//! The log server: who is told, and whether they hear it.

use super::{LOOK_AGAIN, cast::the, egressctl::Egressctl, place::Place, screen::Screen};
use crate::{
    domain::people::Role,
    gateway::answers::{DestinationRow, Status},
};
use std::time::Duration;

/// How long a log server may take to confirm what it is told before the demonstration goes on without it.
const HEARING: Duration = Duration::from_secs(8);

/// Says whether everybody who is told has heard it. Who has not is told later: nothing waits for them.
pub async fn tried(place: &Place, egressctl: &Egressctl, screen: &Screen) -> anyhow::Result<()> {
    if place.log_servers()?.is_empty() {
        return Ok(());
    }
    let heard = screen.while_waiting("the log server", tokio::time::timeout(HEARING, until_heard_or_failed(egressctl))).await;
    let rows = match heard {
        Ok(rows) => rows?,
        Err(_) => destinations(egressctl).await?,
    };
    for DestinationRow { to, lag, last_error, .. } in rows {
        match (lag, last_error) {
            (0, None) => screen.done(&format!("{to} has every event so far")),
            (_, error) => {
                let why = error.map(|error| format!(": {error}")).unwrap_or_default();
                screen.failed(&format!("{to} has not heard it yet{why}"));
                screen.note("nothing is lost: it is told all of it as soon as it listens");
            }
        }
    }
    Ok(())
}

async fn until_heard_or_failed(egressctl: &Egressctl) -> anyhow::Result<Vec<DestinationRow>> {
    loop {
        let rows = destinations(egressctl).await?;
        if rows.iter().all(|row| row.lag == 0 || row.last_error.is_some()) {
            return Ok(rows);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn destinations(egressctl: &Egressctl) -> anyhow::Result<Vec<DestinationRow>> {
    Ok(egressctl.ask::<Status>(the(Role::Operator), &["status"]).await?.destinations)
}
