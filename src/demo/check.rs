//! The whole story, checked: both vendors, the security responder, the operator and the auditor play their parts.

use super::{
    Prepared,
    cast::the,
    delivery::Released,
    egressctl::Egressctl,
    fetch::{self, Proof},
    keys,
    place::{self, Place},
    pull::{Gateway, Login, Pull, Session},
    screen::Screen,
    vendors::Vendor,
};
use crate::{
    domain::{digest::Digest, people::Role, shown::grouped},
    gateway::answers::{AuditVerdict, Durable, FileState, FileView, PurgeReport, Receipt, Soundness},
};
use anyhow::{Context, bail, ensure};
use std::{collections::BTreeMap, time::Duration};

/// A reader this slow still reads when the revocation comes.
const SIP: u32 = 512;
const PAUSE: Duration = Duration::from_millis(20);

struct Story<'a> {
    prepared: &'a Prepared,
    gateway: Gateway,
    https: fetch::Gateway,
    egressctl: Egressctl,
    screen: &'a Screen,
}

/// Plays it from the released delivery to the verified log.
///
/// # Errors
/// The first step that did not go as it must.
pub async fn the_whole_story(prepared: &Prepared, place: &Place, screen: &Screen) -> anyhow::Result<()> {
    let gateway = Gateway { address: prepared.doors.sftp, host_key: place.host_key()? };
    let https = fetch::Gateway { address: prepared.doors.https, certificate: place.certificate() };
    let story = Story { prepared, gateway, https, egressctl: Egressctl::of(place), screen };
    screen.heading("The vendors pull");
    story.step("pull and decrypt", story.pulled_as_it_was_dropped()).await?;
    story.step("pull over HTTPS", story.the_same_over_https()).await?;
    story.step("the other vendor", story.nothing_for_the_other()).await?;
    screen.heading("The vendor is cut off");
    story.step("revocation during a pull", story.cut_during_a_pull()).await?;
    story.step("login after the revocation", story.nobody_gets_in_again()).await?;
    screen.heading("What remains");
    story.step("purge", story.purged()).await?;
    story.step("audit verify", story.the_log_is_sound()).await?;
    screen.blank();
    screen.done("every step went as it must");
    Ok(())
}

impl Story<'_> {
    /// Prints what was found, or what failed.
    async fn step(&self, name: &str, step: impl Future<Output = anyhow::Result<Vec<String>>>) -> anyhow::Result<()> {
        match self.screen.while_waiting(name, step).await {
            Ok(found) => {
                found.iter().for_each(|line| self.screen.done(line));
                Ok(())
            }
            Err(error) => {
                self.screen.failed(name);
                Err(error.context(format!("{name} failed")))
            }
        }
    }

    fn vendor(&self) -> &Vendor {
        &self.prepared.vendors.vendor
    }

    fn released(&self) -> &Released {
        &self.prepared.released
    }

    async fn pulled_as_it_was_dropped(&self) -> anyhow::Result<Vec<String>> {
        let (vendor, released) = (self.vendor(), self.released());
        let session = self.gateway.session(vendor).await?;
        let delivery = format!("/{}", released.delivery);
        let names = session.names(&delivery).await?;
        let mut pulled = BTreeMap::new();
        for name in &names {
            pulled.insert(name.as_str(), session.pull(&format!("{delivery}/{name}")).await?);
        }
        let sealed_name = format!("{}.age", released.name);
        let sealed = pulled.get(sealed_name.as_str()).with_context(|| format!("{delivery} holds no {sealed_name}: {names:?}"))?;
        sums_agree(&pulled)?;
        manifest_names(&pulled, &sealed_name)?;
        let plain = age::decrypt(&keys::read_age(&vendor.age_identity)?, sealed).context("decrypting")?;
        let dropped = place::read(&released.plaintext)?;
        ensure!(plain == dropped.as_bytes(), "what {} decrypted is not what was dropped into staging", vendor.id);
        ensure!(Digest::of(&plain) == released.sha256, "the plaintext has another SHA-256 than demo.json will say");
        let stranger = keys::read_age(&self.prepared.vendors.other.age_identity)?;
        ensure!(age::decrypt(&stranger, sealed).is_err(), "the other vendor's identity decrypts it too");
        Ok(vec![
            format!("{} logs in and pulls {} files", vendor.id, names.len()),
            "SHA256SUMS and MANIFEST.json say what was pulled".into(),
            format!("decrypted: {} bytes, each as it was dropped", grouped(plain.len() as u64)),
        ])
    }

    async fn the_same_over_https(&self) -> anyhow::Result<Vec<String>> {
        let (vendor, released) = (self.vendor(), self.released());
        for proof in [Proof::Certificate, Proof::Token] {
            let fetched = self.https.fetch(vendor, proof, &released.path).await?;
            ensure!(fetched.status == 200, "{} answered {} for {}", self.https.address, fetched.status, released.path);
            let plain = age::decrypt(&keys::read_age(&vendor.age_identity)?, &fetched.body).context("decrypting")?;
            ensure!(Digest::of(&plain) == released.sha256, "what came over HTTPS is not what was dropped into staging");
            let other = self.https.fetch(&self.prepared.vendors.other, proof, &released.path).await?;
            ensure!(other.status == 404, "the other vendor got {} for {}", other.status, released.path);
        }
        Ok(vec![format!("{} fetches the same over HTTPS, by its certificate and by its token", vendor.id)])
    }

    async fn nothing_for_the_other(&self) -> anyhow::Result<Vec<String>> {
        let other = &self.prepared.vendors.other;
        let session = self.gateway.session(other).await?;
        let names = session.names("/").await?;
        ensure!(names.is_empty(), "{} sees {names:?}", other.id);
        let Released { path, delivery, .. } = self.released();
        ensure!(session.is_nowhere(path).await, "{path} is not unknown to {}", other.id);
        ensure!(session.names(&format!("/{delivery}")).await.is_err(), "{} can list /{delivery}", other.id);
        Ok(vec![format!("{} logs in and sees nothing; to it, {delivery} does not exist", other.id)])
    }

    async fn cut_during_a_pull(&self) -> anyhow::Result<Vec<String>> {
        let (vendor, released) = (self.vendor(), self.released());
        let session = self.gateway.session(vendor).await?;
        let pull = session.begin(&released.path).await?;
        let first = pull.read(0, SIP).await?.context("the file is empty")?.len() as u64;
        let arguments = ["revoke", "vendor", &vendor.id, "--reason", "egressd demo --check"];
        let (receipt, got) = tokio::join!(
            self.egressctl.ask::<Receipt>(the(Role::SecurityResponder), &arguments),
            sip_until_cut(&session, &pull, first)
        );
        let (receipt, got) = (receipt?, got?);
        ensure!(receipt.durable == Durable::Yes, "the revocation was not made durable");
        let cut = receipt.sessions.rows.iter().filter(|cut| cut.vendor.as_str() == vendor.id);
        let transfers: Vec<_> = cut.flat_map(|cut| &cut.transfers).filter(|transfer| transfer.path == released.path).collect();
        let [transfer] = transfers.as_slice() else {
            bail!("the receipt names {} running transfers of {}, and one ran", transfers.len(), released.path);
        };
        ensure!(got <= transfer.last_offset, "{} got {got} bytes, the receipt says {}", vendor.id, transfer.last_offset);
        let responder = the(Role::SecurityResponder).name;
        Ok(vec![
            format!(
                "{responder} revokes {} while it pulls: {} ms, on record as leaf {}",
                vendor.id,
                receipt.took_ms,
                receipt.leaf.unwrap_or(0)
            ),
            format!("its connection is cut; it got {} bytes, the receipt says {}", grouped(got), grouped(transfer.last_offset)),
        ])
    }

    async fn nobody_gets_in_again(&self) -> anyhow::Result<Vec<String>> {
        let (vendor, other) = (self.vendor(), &self.prepared.vendors.other);
        ensure!(matches!(self.gateway.log_in(vendor).await?, Login::Refused), "{} was let in again", vendor.id);
        for proof in [Proof::Certificate, Proof::Token] {
            let fetched = self.https.fetch(vendor, proof, "/").await?;
            ensure!(fetched.status == 401, "{} was answered {} over HTTPS", vendor.id, fetched.status);
        }
        // It is this vendor that was cut off, and no other.
        self.gateway.session(other).await?;
        Ok(vec![format!("{} is not let in again; {} still is", vendor.id, other.id)])
    }

    async fn purged(&self) -> anyhow::Result<Vec<String>> {
        let operator = the(Role::Operator);
        let report: PurgeReport = self.egressctl.ask(operator, &["purge"]).await?;
        ensure!(report.failed.is_empty(), "not purged: {:?}", report.failed);
        let released = self.released();
        let view: FileView = self.egressctl.ask(operator, &["file", "show", &released.file.to_string()]).await?;
        ensure!(view.file.state == FileState::Purged, "{} is {}, not purged", released.name, view.file.state.name());
        let certificate = report.certificates.rows.iter().find(|certificate| certificate.file == released.file);
        let leaves = certificate.map(|it| format!(": leaf {} before, leaf {} after", it.leaf_before, it.leaf_after));
        Ok(vec![format!("purged, its key first{}", leaves.unwrap_or_default())])
    }

    async fn the_log_is_sound(&self) -> anyhow::Result<Vec<String>> {
        let verdict: AuditVerdict = self.egressctl.ask(the(Role::Auditor), &["audit", "verify"]).await?;
        ensure!(verdict.verdict == Soundness::Sound, "the log is broken: {:?}", verdict.problems);
        Ok(vec![format!("audit verify: {} leaves, sound, in {} ms", verdict.size, verdict.took_ms)])
    }
}

/// Reads on in small pieces until the gateway ends it. Answers how many bytes came.
async fn sip_until_cut(session: &Session, pull: &Pull<'_>, first: u64) -> anyhow::Result<u64> {
    let mut got = first;
    loop {
        tokio::time::sleep(PAUSE).await;
        match pull.read(got, SIP).await {
            Ok(Some(more)) => got += more.len() as u64,
            Ok(None) => bail!("the whole file was served before the revocation came"),
            Err(_) => break,
        }
    }
    session.until_cut().await?;
    Ok(got)
}

/// Each line of SHA256SUMS is the sum of a file that was pulled, and none but the two notes is missing there.
fn sums_agree(pulled: &BTreeMap<&str, Vec<u8>>) -> anyhow::Result<()> {
    let sums = std::str::from_utf8(pulled.get("SHA256SUMS").context("there is no SHA256SUMS")?)?;
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").context("SHA256SUMS is not as sha256sum reads it")?;
        let bytes = pulled.get(name).with_context(|| format!("{name} stands in SHA256SUMS and was not there"))?;
        ensure!(Digest::of(bytes).to_string() == sum, "{name} is not what SHA256SUMS says");
    }
    let unsummed = pulled.len() - sums.lines().count();
    ensure!(unsummed == 2, "SHA256SUMS leaves out {unsummed} files: it may leave out itself and MANIFEST.json");
    Ok(())
}

fn manifest_names(pulled: &BTreeMap<&str, Vec<u8>>, name: &str) -> anyhow::Result<()> {
    let manifest = pulled.get("MANIFEST.json").context("there is no MANIFEST.json")?;
    let manifest: serde_json::Value = serde_json::from_slice(manifest).context("MANIFEST.json")?;
    let listed = manifest["files"].as_array().is_some_and(|files| files.iter().any(|file| file["name"] == name));
    ensure!(listed, "MANIFEST.json does not name {name}");
    Ok(())
}
