//! The vendors: one person files their keys and addresses, two others confirm them.

use super::{
    cast::{Party, the},
    documents::{self, VENDOR, string, with},
    egressctl::Egressctl,
    keys,
    place::{self, Place},
    screen::Screen,
};
use crate::{
    clock::{Clock, SystemClock},
    domain::{
        people::Role,
        time::{Day, days},
    },
    gateway::answers::{Done, KeyRow, KeyState, Listing, TokenIssued, VendorFiled, VendorRow, VendorState},
};
use anyhow::Context;
use std::path::PathBuf;

/// A vendor that may receive files, and where its own things lie.
pub struct Vendor {
    pub id: String,
    pub ssh_key: PathBuf,
    pub age_identity: PathBuf,
    pub tls_cert: PathBuf,
    pub tls_key: PathBuf,
    /// A bearer token, alone in its file.
    pub token_file: PathBuf,
}

pub struct Both {
    /// The one that the ticket names.
    pub vendor: Vendor,
    pub other: Vendor,
}

/// A vendor that stands: one of an earlier day, or a new one. What was revoked stays revoked, so its successor has
/// another id and other keys: acme-2, acme-3, …
pub async fn approved(party: Party, place: &Place, egressctl: &Egressctl, screen: &Screen) -> anyhow::Result<Vendor> {
    if party == Party::Vendor {
        screen.heading("The vendors");
    }
    let operator = the(Role::Operator);
    let listed: Listing<VendorRow> = egressctl.ask(operator, &["vendor", "list"]).await?;
    for generation in 1.. {
        let id = if generation == 1 { party.id().to_owned() } else { format!("{}-{generation}", party.id()) };
        let row = listed.rows.iter().find(|row| row.vendor.as_str() == id);
        let vendor = Vendor::named(&id, place);
        match row.map(|row| row.state) {
            Some(VendorState::Approved) if vendor.has_its_keys(egressctl).await? => {
                screen.done(&format!("{id}: approved on an earlier day"));
                return Ok(vendor);
            }
            Some(VendorState::Approved | VendorState::Suspended | VendorState::Revoked) => {}
            None => {
                file(party, &vendor, place, egressctl).await?;
                let (vera, sven) = (the(Role::VendorRiskAnalyst), the(Role::SecurityReviewer));
                let names = format!("filed by {}, confirmed by {} and {}", operator.name, vera.name, sven.name);
                screen.done(&format!("{id}: {names}"));
                return Ok(vendor);
            }
            // Filed, and the demonstration ended before it was confirmed.
            Some(VendorState::Filed) => {}
        }
    }
    unreachable!("there is always another number")
}

impl Vendor {
    fn named(id: &str, place: &Place) -> Self {
        let directory = place.vendor(id);
        Self {
            id: id.to_owned(),
            ssh_key: directory.join("ssh_key"),
            age_identity: directory.join("age_identity.txt"),
            tls_cert: directory.join("tls.crt"),
            tls_key: directory.join("tls.key"),
            token_file: directory.join("token.txt"),
        }
    }

    /// Whether nobody lost or revoked a key of it.
    async fn has_its_keys(&self, egressctl: &Egressctl) -> anyhow::Result<bool> {
        let keys: Listing<KeyRow> = egressctl.ask(the(Role::Operator), &["key", "list", "--vendor", &self.id]).await?;
        let stand = keys.rows.iter().all(|key| key.state == KeyState::Active);
        let files = [&self.ssh_key, &self.age_identity, &self.tls_cert, &self.tls_key, &self.token_file];
        Ok(stand && files.iter().all(|file| file.exists()))
    }
}

async fn file(party: Party, vendor: &Vendor, place: &Place, egressctl: &Egressctl) -> anyhow::Result<()> {
    let document = place.vendor(&vendor.id).join("vendor.toml");
    place::make(&place.vendor(&vendor.id))?;
    place::replace(&document, written(party, vendor)?.as_bytes())?;
    let path = document.display().to_string();
    let filed: VendorFiled = egressctl.ask(the(Role::Operator), &["vendor", "add", &path]).await?;
    let revision = filed.revision.to_string();
    for role in [Role::VendorRiskAnalyst, Role::SecurityReviewer] {
        egressctl.ask::<Done>(the(role), &["vendor", "confirm", &vendor.id, &revision]).await?;
    }
    token(vendor, egressctl).await
}

/// One person makes the token, another confirms it.
async fn token(vendor: &Vendor, egressctl: &Egressctl) -> anyhow::Result<()> {
    let until = Day::of(SystemClock::new().now() + days(365)).to_string();
    let made: TokenIssued = egressctl.ask(the(Role::Operator), &["vendor", "token", &vendor.id, "--until", &until]).await?;
    let confirm = ["vendor", "confirm-token", &vendor.id, &made.token];
    egressctl.ask::<Done>(the(Role::VendorRiskAnalyst), &confirm).await?;
    keys::token(&vendor.token_file, &made.secret.context("egressctl printed no token")?)
}

/// The example vendor, with this one's keys and this machine's addresses.
fn written(party: Party, vendor: &Vendor) -> anyhow::Result<String> {
    let login = keys::ssh(&vendor.ssh_key, &format!("sftp@{}.example", vendor.id))?;
    let pin = keys::tls(&vendor.tls_cert, &vendor.tls_key, &vendor.id)?;
    let recipient = keys::age(&vendor.age_identity, &format!("{}: made by egressd demo", vendor.id))?;
    let until = Day::of(SystemClock::new().now() + days(365));
    let mut text = documents::with(VENDOR, "id", &string(&vendor.id))?;
    text = with(&text, "name", &string(party.name()))?;
    text = with(&text, "contact", &string(&format!("data-exchange@{}.example", vendor.id)))?;
    text = with(&text, "login_keys", &format!("[{}]", string(&login)))?;
    text = with(&text, "tls_keys", &format!("[{}]", string(&pin)))?;
    text = with(&text, "recipients", &format!("[{}]", string(&recipient)))?;
    text = with(&text, "addresses", r#"["127.0.0.0/8", "::1"]"#)?;
    with(&text, "valid_until", &string(&until.to_string()))
}
