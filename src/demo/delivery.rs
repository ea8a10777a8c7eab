//! The delivery: a file with its manifest is dropped into staging, and is waited for until its vendor can pull it.

use super::{
    LOOK_AGAIN, PATIENCE,
    cast::the,
    documents::string,
    egressctl::Egressctl,
    orders,
    place::{self, Place},
    screen::{Progress, Screen},
    vendors::Vendor,
};
use crate::{
    clock::{Clock, SystemClock},
    domain::{
        digest::Digest,
        ids::{FileId, TicketNumber},
        people::Role,
        shown::grouped,
        time::Time,
    },
    gateway::{
        answers::{DeliveryView, FileRow, FileState, FileView, Listing, SealedView},
        asked::DeliveryPath,
    },
};
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};

/// What the vendor can pull now.
pub struct Released {
    pub delivery: DeliveryPath,
    pub file: FileId,
    /// The file's name in staging, and in the inbox after decryption.
    pub name: String,
    /// As its vendor names it: `/EGR-2026-0042/0001/orders.csv.age`.
    pub path: String,
    /// A local copy of what was dropped.
    pub plaintext: PathBuf,
    /// Of the plaintext.
    pub sha256: Digest,
}

pub async fn released(
    ticket: TicketNumber,
    vendor: &Vendor,
    place: &Place,
    egressctl: &Egressctl,
    screen: &Screen,
) -> anyhow::Result<Released> {
    screen.heading("The file");
    let now = SystemClock::new().now();
    let (name, text) = (name(now), orders::csv(now));
    let plaintext = place.produced().join(ticket.to_string()).join(&name);
    place::make(&place.produced().join(ticket.to_string()))?;
    place::replace(&plaintext, text.as_bytes())?;
    let sha256 = Digest::of(text.as_bytes());
    let staged = place.staging().join(ticket.to_string());
    place::make(&staged)?;
    drop_into(&staged, &name, &text, sha256)?;
    screen.done(&format!("{name}, {} rows, {} bytes: dropped into staging", grouped(orders::ROWS), grouped(text.len() as u64)));
    let progress = Progress::default();
    let waiting = until_released(ticket, &name, egressctl, &progress);
    let file = screen.while_progressing(&progress, waiting).await?;
    let id = file.id.context("a released file has an id")?;
    let view: FileView = egressctl.ask(the(Role::Operator), &["file", "show", &id.to_string()]).await?;
    let sealed = view.sealed.context("a released file is a sealed one")?;
    let delivery = file.delivery.context("a released file has its delivery")?;
    ensure!(!staged.join(&name).exists(), "{} is released and still lies in staging", name);
    tell(view.rows, &sealed, delivery, vendor, egressctl, screen).await?;
    Ok(Released { delivery, file: id, name, path: sealed.path, plaintext, sha256 })
}

/// One name for each run, so that no delivery's copy takes the place of another's.
fn name(now: Time) -> String {
    let now = now.to_string();
    let (day, time) = (&now[..10], now[11..19].replace(':', ""));
    format!("orders-{day}-{time}.csv")
}

/// As a producer should: the manifest first, the file renamed into place when it is whole, `_READY` last.
fn drop_into(directory: &Path, name: &str, text: &str, sha256: Digest) -> anyhow::Result<()> {
    let manifest = format!("sha256 = {}\nrows = {}\n", string(&sha256.to_string()), orders::ROWS);
    place::replace(&directory.join(format!("{name}.manifest.toml")), manifest.as_bytes())?;
    place::replace(&directory.join(name), text.as_bytes())?;
    place::replace(&directory.join("_READY"), b"")
}

async fn until_released(ticket: TicketNumber, name: &str, egressctl: &Egressctl, progress: &Progress) -> anyhow::Result<FileRow> {
    let clock = SystemClock::new();
    progress.now("waiting until it has settled");
    let arguments = ["file", "list", "--ticket", &ticket.to_string()];
    loop {
        let listed: Listing<FileRow> = egressctl.ask(the(Role::Operator), &arguments).await?;
        let file = listed.rows.into_iter().find(|row| row.name == name);
        match file.as_ref().map(|file| file.state) {
            Some(FileState::Released) => return file.context("it was just found"),
            Some(state @ (FileState::Held | FileState::Refused)) => {
                let reason = file.and_then(|file| file.reason).unwrap_or_default();
                bail!("{name} is {}: {reason}", state.name());
            }
            Some(state) => progress.now(&format!("{}, waiting for its release", state.name())),
            None => {}
        }
        ensure!(clock.elapsed() < PATIENCE, "{name} is not released: egressctl explain {ticket}/{name} says why");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn tell(
    rows: Option<u64>,
    sealed: &SealedView,
    delivery: DeliveryPath,
    vendor: &Vendor,
    egressctl: &Egressctl,
    screen: &Screen,
) -> anyhow::Result<()> {
    let arguments = ["delivery", "show", &delivery.to_string()];
    let view: DeliveryView = egressctl.ask(the(Role::Operator), &arguments).await?;
    screen.done("taken, encrypted at once; staging is empty again");
    screen.done(&format!("checked against the ticket: every column, {} rows", grouped(rows.unwrap_or_default())));
    screen.done(&format!("sealed to {}'s own age key: {} bytes, which nobody here can read", vendor.id, grouped(sealed.bytes)));
    let until = view.delivery.until.unwrap_or_default();
    let until = until.split('T').next().unwrap_or_default();
    screen.done(&format!("released as {delivery} until {until}, then purged"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::file_name::FileName;

    #[test]
    fn the_file_has_a_name_that_may_exist() {
        let name = name(Time::from_micros(1_795_083_300_000_000));
        assert_eq!(name, "orders-2026-11-19-101500.csv".to_owned());
        name.parse::<FileName>().unwrap();
    }
}
