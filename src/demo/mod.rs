//! The demonstration: a gateway, its staff and two vendors on one machine, from a ticket to a pull, in separate processes.
//!
//! It has its own key generation and its own vendor client, so that it needs neither `sftp` nor `age` to check the
//! whole story. It asks the gateway nothing that staff or a vendor could not ask: what it does, anybody can type.

mod cast;
mod check;
mod delivery;
mod description;
mod documents;
mod egressctl;
mod fetch;
mod hearing;
mod keys;
mod lines;
mod orders;
mod place;
mod pull;
mod screen;
mod serving;
mod staff;
mod ticket;
mod vendors;
mod watch;

pub use crate::forward::Address;

use anyhow::{Context, anyhow, bail};
use cast::Party;
use delivery::Released;
use egressctl::Egressctl;
use place::{Doors, Place};
use screen::Screen;
use serving::Serving;
use std::{path::Path, time::Duration};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the demonstration does once a delivery is released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Play {
    /// Prints what to try, and runs until it is interrupted.
    Show,
    /// Plays the vendors' and the security responder's part too, checks every step, and ends.
    Check,
}

/// Runs the demonstration in `directory`, which it makes, or made on an earlier day. `log_server` is told of every event, on later days too.
///
/// # Errors
/// What went wrong, in words for whoever typed the command. No process of it runs any more.
pub fn run(directory: &Path, play: Play, log_server: Option<&Address>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("the runtime")?;
    runtime.block_on(play_in(directory, play, log_server))
}

async fn play_in(directory: &Path, play: Play, log_server: Option<&Address>) -> anyhow::Result<()> {
    let screen = Screen::of_stdout();
    let mut asked = Asked::to_stop()?;
    screen.title("egressd demo", "no approved ticket, no byte");
    screen.heading("The gateway");
    let place = Place::open(directory, &screen)?;
    if let Some(address) = log_server {
        place.tell(address)?;
        screen.note(&format!("every event will be told to {address}"));
    } else {
        for kept in place.log_servers()? {
            screen.note(&format!("every event is still told to {kept}, as on an earlier day"));
        }
    }
    // From here on an end in any way ends the daemon: it goes with its value.
    let mut serving = Serving::start(&place, &screen).await?;
    let ended = tokio::select! {
        told = story(&place, &mut serving, &screen, play) => told,
        () = asked.once() => match play {
            Play::Show => Ok(()),
            Play::Check => Err(anyhow!("interrupted before every step was checked")),
        },
    };
    let stopped = screen.while_waiting("stopping the gateway", stop(&mut serving, &mut asked)).await;
    ended?;
    stopped?;
    screen.blank();
    screen.done("the gateway has stopped");
    screen.note(&format!("{} stays as it is: egressd demo goes on with it. To remove it:", place.shown()));
    screen.line(&format!("rm -r {}", lines::quoted(place.shown())));
    Ok(())
}

/// What is ready when the first delivery is released.
struct Prepared {
    vendors: vendors::Both,
    released: Released,
    doors: Doors,
    /// The URL of the metrics.
    metrics: String,
}

/// Everything up to a released delivery, and then what `play` says.
async fn story(place: &Place, serving: &mut Serving, screen: &Screen, play: Play) -> anyhow::Result<()> {
    let prepared = tokio::select! {
        prepared = prepare(place, screen) => prepared?,
        log = serving.died() => bail!("the gateway ended by itself; the end of {}:\n{log}", place.log().display()),
    };
    description::write(&prepared, place)?;
    match play {
        Play::Show => {
            lines::print(&prepared, place, screen)?;
            watch::until_it_ends(place, serving, screen).await
        }
        Play::Check => check::the_whole_story(&prepared, place, screen).await,
    }
}

async fn prepare(place: &Place, screen: &Screen) -> anyhow::Result<Prepared> {
    let egressctl = Egressctl::of(place);
    staff::enrol(place, &egressctl, screen).await?;
    hearing::tried(place, &egressctl, screen).await?;
    let vendors = vendors::Both {
        vendor: vendors::approved(Party::Vendor, place, &egressctl, screen).await?,
        other: vendors::approved(Party::Other, place, &egressctl, screen).await?,
    };
    let ticket = ticket::active(&vendors.vendor, place, &egressctl, screen).await?;
    let released = delivery::released(ticket, &vendors.vendor, place, &egressctl, screen).await?;
    Ok(Prepared { vendors, released, doors: place.doors()?, metrics: place.metrics()? })
}

/// Ends the daemon by SIGTERM; whoever asks a second time does not wait for its transfers.
async fn stop(serving: &mut Serving, asked: &mut Asked) -> anyhow::Result<()> {
    let graceful = tokio::select! {
        ended = serving.stop() => Some(ended),
        () = asked.once() => None,
    };
    match graceful {
        Some(ended) => ended,
        None => serving.kill(),
    }
}

/// The signals by which people and systems end a program.
struct Asked {
    signals: [Signal; 3],
}

impl Asked {
    fn to_stop() -> anyhow::Result<Self> {
        let of = |kind| signal(kind).context("signals");
        Ok(Self { signals: [of(SignalKind::interrupt())?, of(SignalKind::terminate())?, of(SignalKind::hangup())?] })
    }

    async fn once(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// How long anything that the demonstration waits for may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks whether it has come.
const LOOK_AGAIN: Duration = Duration::from_millis(150);
