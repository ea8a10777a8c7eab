//! Watching: what the gateway records is shown while somebody tries the lines in another terminal.

use super::{cast::the, egressctl::Egressctl, place::Place, screen::Screen, serving::Serving};
use crate::{
    domain::people::Role,
    gateway::answers::{Listing, TailRow},
};
use std::{convert::Infallible, time::Duration};

const LOOK: Duration = Duration::from_secs(1);
/// A line of a terminal with 80 columns, less the time and the margin.
const COLUMNS: usize = 66;

/// Shows new records until the daemon ends by itself, which is an error. The caller drops this when it is asked to stop.
pub async fn until_it_ends(place: &Place, serving: &mut Serving, screen: &Screen) -> anyhow::Result<()> {
    screen.heading("What happens now is recorded here; Ctrl-C ends it");
    tokio::select! {
        never = records(place, screen) => match never {},
        log = serving.died() => anyhow::bail!("the gateway ended by itself; the end of {}:\n{log}", place.log().display()),
    }
}

async fn records(place: &Place, screen: &Screen) -> Infallible {
    let egressctl = Egressctl::of(place);
    let newest = loop {
        match tail(&egressctl, &["--count", "1"]).await {
            Ok(newest) => break newest,
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    };
    let mut after = newest.rows.last().map_or(0, |row| row.leaf);
    loop {
        tokio::time::sleep(LOOK).await;
        // A daemon that just ends does not answer; that it ended is said elsewhere.
        let Ok(new) = tail(&egressctl, &["--after", &after.to_string()]).await else { continue };
        for row in new.rows {
            screen.happened(row.at.get(11..19).unwrap_or_default(), &shortened(format!("{}: {}", row.who, row.what)));
            after = after.max(row.leaf);
        }
    }
}

fn shortened(text: String) -> String {
    if text.chars().count() <= COLUMNS { text } else { text.chars().take(COLUMNS - 1).chain(['…']).collect() }
}

async fn tail(egressctl: &Egressctl, more: &[&str]) -> anyhow::Result<Listing<TailRow>> {
    egressctl.ask(the(Role::Auditor), &[&["audit", "tail"], more].concat()).await
}
