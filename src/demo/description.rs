//! `demo.json`: what a script needs to act as anybody in the demonstration. Written last, by rename.
//!
//! All paths are absolute. `staff` has one entry for each person, and each person has one role, so `role` is a string
//! and each role stands there once.

use super::{
    Prepared,
    cast::CAST,
    place::{self, Doors, Place},
    vendors::Vendor,
};
use crate::domain::{digest::Digest, ids::TicketNumber};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Description<'a> {
    config: PathBuf,
    /// The control socket.
    socket: PathBuf,
    staging: PathBuf,
    /// The active ticket.
    ticket: TicketNumber,
    egressctl: PathBuf,
    /// The URL that this machine's monitoring asks.
    metrics: &'a str,
    staff: Vec<Person>,
    sftp: Sftp,
    https: Https,
    /// The one that the ticket names.
    vendor: Outside<'a>,
    other_vendor: Outside<'a>,
    /// The files of this run's delivery.
    released: Vec<File<'a>>,
}

#[derive(Serialize)]
struct Person {
    name: &'static str,
    role: &'static str,
    ssh_key: PathBuf,
}

#[derive(Serialize)]
struct Sftp {
    host: String,
    port: u16,
    known_hosts: PathBuf,
}

#[derive(Serialize)]
struct Https {
    url: String,
    ca: PathBuf,
}

#[derive(Serialize)]
struct Outside<'a> {
    id: &'a str,
    /// The user name on SFTP.
    user: &'a str,
    ssh_key: &'a Path,
    age_identity: &'a Path,
    tls_cert: &'a Path,
    tls_key: &'a Path,
    token_file: &'a Path,
}

#[derive(Serialize)]
struct File<'a> {
    /// As its vendor names it.
    path: &'a str,
    /// A local copy of what was dropped into staging.
    plaintext: &'a Path,
    /// Of the plaintext.
    sha256: Digest,
}

impl<'a> Outside<'a> {
    fn of(Vendor { id, ssh_key, age_identity, tls_cert, tls_key, token_file }: &'a Vendor) -> Self {
        Self { id, user: id, ssh_key, age_identity, tls_cert, tls_key, token_file }
    }
}

pub fn write(prepared: &Prepared, place: &Place) -> anyhow::Result<()> {
    let Prepared { vendors, released, doors: Doors { sftp, https }, metrics } = prepared;
    let person = |player: &super::cast::Player| Person {
        name: player.name,
        role: player.role.name(),
        ssh_key: place.staff().join(player.name),
    };
    let description = Description {
        config: place.config(),
        socket: place.socket(),
        staging: place.staging(),
        ticket: released.delivery.ticket,
        egressctl: place.egressctl(),
        metrics,
        staff: CAST.iter().map(person).collect(),
        sftp: Sftp { host: sftp.ip().to_string(), port: sftp.port(), known_hosts: place.known_hosts() },
        https: Https { url: format!("https://{https}"), ca: place.certificate() },
        vendor: Outside::of(&vendors.vendor),
        other_vendor: Outside::of(&vendors.other),
        released: vec![File { path: &released.path, plaintext: &released.plaintext, sha256: released.sha256 }],
    };
    let text = serde_json::to_string_pretty(&description)? + "\n";
    place::replace(&place.description(), text.as_bytes())
}
