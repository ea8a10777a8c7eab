//! Deliveries and files as lists and as one, and closing a delivery by hand.

use super::{delivery_path, ended_by, file_state, held, timeline, transfers, why_not_released, why_not_served, words};
use crate::{
    domain::{
        authority::Act,
        dossier::{State, TicketDossier},
        event::{Actor, ClosedBy, Event, Fact, Subject},
        file::{DeliveryDossier, FileDossier},
        finding::Finding,
        ids::{DeliveryNumber, FileId, TicketId, TicketNumber},
        limits,
        refusal::Refusal,
        signature::openssh_fingerprint,
        time::Time,
        vendor::VendorDossier,
    },
    gateway::{
        answers::{
            Blocker, Completion, DeliveryRow, DeliveryState, DeliveryView, Done, FileRow, FileState, FileView, Listing,
            SealedView,
        },
        core::Core,
        desk::Desk,
        facts::{Facts, Source},
        outcome::Refused,
        purge::{ended, moves},
        vault::{Tx, find},
    },
    inspection::FindingCode,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

impl Desk {
    pub async fn delivery_list(&self, by: Actor, ticket: Option<TicketNumber>) -> Result<Listing<DeliveryRow>, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let ticket = ticket.map(|ticket| facts.ticket_numbered(ticket)).transpose()?.map(|ticket| ticket.id);
            Ok(Listing::of(rows(facts, ticket)?))
        })
    }

    pub async fn delivery_show(
        &self,
        by: Actor,
        ticket: TicketNumber,
        delivery: DeliveryNumber,
    ) -> Result<DeliveryView, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            view(facts, ticket, delivery)
        })
    }

    /// Says that a delivery is complete: its open one, or the one named.
    pub async fn delivery_close(
        &self,
        by: Actor,
        ticket: TicketNumber,
        delivery: Option<DeliveryNumber>,
    ) -> Result<Done, Refused> {
        self.act(move |core, tx| close(core, tx, by, ticket, delivery)).await
    }

    pub async fn file_list(&self, by: Actor, ticket: Option<TicketNumber>) -> Result<Listing<FileRow>, Refused> {
        let away = self.turned_away(ticket);
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let ticket = ticket.map(|ticket| facts.ticket_numbered(ticket)).transpose()?.map(|ticket| ticket.id);
            let most = limits::LISTED_ROWS as usize;
            let files = facts.find(|conn| find::files(conn, ticket, most))?;
            let all = facts.find(|conn| find::count_files(conn, ticket))?;
            let left_off = all.saturating_sub(files.len() as u64);
            let mut rows = away;
            for file in files {
                rows.push(file_row(facts, &*facts.file(file.id)?)?);
            }
            let shown = Listing::of(rows);
            Ok(Listing { left_off: shown.left_off + left_off, rows: shown.rows })
        })
    }

    pub async fn file_show(&self, by: Actor, file: FileId) -> Result<FileView, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            file_view(facts, file)
        })
    }

    /// What lies in staging and was not taken.
    pub(in crate::gateway) fn turned_away(&self, ticket: Option<TicketNumber>) -> Vec<FileRow> {
        let away = self.gateway.core.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = away.iter().filter(|((directory, _), _)| ticket.is_none_or(|ticket| ticket.to_string() == *directory));
        let rows = shown.map(|((directory, name), away)| FileRow {
            id: None,
            ticket: directory.parse().ok(),
            delivery: None,
            directory: directory.clone(),
            name: name.clone(),
            state: if away.reason.starts_with("settling") { FileState::Settling } else { FileState::Refused },
            bytes: away.bytes,
            since: away.since.to_string(),
            reason: Some(away.reason.clone()),
        });
        rows.collect()
    }
}

fn close(core: &Core, tx: &mut Tx<'_>, by: Actor, number: TicketNumber, named: Option<DeliveryNumber>) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    Act::CloseDelivery.allowed(facts.person(by)?)?;
    let ticket = facts.ticket_numbered(number)?;
    let open = match named {
        Some(named) => facts.delivery_numbered(&ticket, named)?.map(|delivery| delivery.id),
        None => find::open_delivery(tx.conn(), ticket.id)?,
    };
    let missing = || match named {
        Some(named) => Refusal::NoSuchDelivery { delivery: format!("{number}/{named}") },
        None => Refusal::NoOpenDelivery { ticket: number.to_string() },
    };
    let id = open.ok_or_else(missing)?;
    let delivery = facts.delivery(id)?;
    let path = delivery_path(&facts, id)?;
    let state = state(&facts, &delivery)?;
    if state != DeliveryState::Open {
        return Err(Refusal::DeliveryNotOpen { delivery: path.to_string(), state: state.name().into() }.into());
    }
    moves(&facts, ticket.id)?;
    if find::files_of(tx.conn(), id)?.is_empty() {
        return Err(Refusal::DeliveryEmpty { delivery: path.to_string() }.into());
    }
    let held = held(&facts, &delivery)?;
    let record = tx.append(Fact::new(by, Subject::Delivery(id), Event::DeliveryClosed { by: ClosedBy::Command }))?;
    let next: Vec<Blocker> = held.into_iter().collect();
    let headline = match next.is_empty() {
        true => format!("{path} is closed: it is released when all its files are sealed"),
        false => format!("{path} is closed: it is released when nothing of it is held any more"),
    };
    Ok(Done { subject: path.to_string(), state: Completion::Done, headline, leaf: record.index, next })
}

pub fn state<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<DeliveryState, Refused> {
    if delivery.revoked.is_some() {
        return Ok(DeliveryState::Revoked);
    }
    let Some(_) = &delivery.released else {
        return Ok(if delivery.closed.is_some() { DeliveryState::Closed } else { DeliveryState::Open });
    };
    let left = facts.find(|conn| find::files_of(conn, delivery.id))?;
    Ok(if left.is_empty() { DeliveryState::Purged } else { DeliveryState::Released })
}

pub fn rows<S: Source>(facts: &Facts<'_, S>, ticket: Option<TicketId>) -> Result<Vec<DeliveryRow>, Refused> {
    let deliveries = facts.find(|conn| find::deliveries(conn, ticket))?;
    deliveries.into_iter().take(limits::LISTED_ROWS as usize).map(|id| row(facts, &*facts.delivery(id)?)).collect()
}

fn row<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<DeliveryRow, Refused> {
    let ticket = facts.ticket(delivery.ticket)?;
    let (files, bytes) = match &delivery.released {
        Some(released) => (released.files.len() as u64, released.files.iter().map(|file| file.bytes).sum()),
        None => {
            let files = facts.find(|conn| find::files_of(conn, delivery.id))?;
            (files.len() as u64, files.iter().map(|file| file.bytes).sum())
        }
    };
    Ok(DeliveryRow {
        delivery: delivery_path(facts, delivery.id)?,
        vendor: facts.vendor(ticket.vendor)?.slug.clone(),
        state: state(facts, delivery)?,
        files,
        bytes,
        released_at: delivery.released.as_ref().map(|released| released.at.to_string()),
        until: delivery.released.as_ref().map(|released| released.until.to_string()),
        purged_at: purged_at(facts, delivery)?.map(|at| at.to_string()),
    })
}

/// When the last of its files was purged; none before all are.
fn purged_at<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Option<Time>, Refused> {
    if delivery.files.is_empty() || !facts.find(|conn| find::files_of(conn, delivery.id))?.is_empty() {
        return Ok(None);
    }
    let purged: Result<Vec<_>, Refused> = delivery.files.iter().map(|file| Ok(facts.file(*file)?.purged)).collect();
    Ok(purged?.into_iter().max().flatten())
}

fn view<S: Source>(facts: &Facts<'_, S>, ticket: TicketNumber, number: DeliveryNumber) -> Result<DeliveryView, Refused> {
    let ticket = facts.ticket_numbered(ticket)?;
    let missing = || Refusal::NoSuchDelivery { delivery: format!("{}/{number}", ticket.number) };
    let delivery = facts.delivery_numbered(&ticket, number)?.ok_or_else(missing)?;
    let id = delivery.id;
    Ok(DeliveryView {
        delivery: row(facts, &delivery)?,
        closed_by: delivery.closed.map(|(_, by)| by),
        why_not_released: why_not_released(facts, &delivery)?,
        why_not_served: why_not_served(facts, &delivery)?,
        ended_by: ended_by(facts, &delivery)?,
        files: Listing::of(files(facts, &delivery)?),
        transfers: transfers::of_delivery(facts, id)?,
        timeline: timeline(facts, Subject::Delivery(id))?,
    })
}

/// Its files, and beside those that are left the ones that went one by one.
fn files<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Vec<FileRow>, Refused> {
    let left = facts.find(|conn| find::files_of(conn, delivery.id))?;
    let gone = if left.is_empty() { Vec::new() } else { gone(facts, delivery)? };
    let left = left.into_iter().map(|row| file_row(facts, &*facts.file(row.id)?));
    left.chain(gone.iter().map(|file| file_row(facts, file))).collect()
}

/// Its files whose bytes are destroyed.
fn gone<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Vec<Arc<FileDossier>>, Refused> {
    let files: Vec<_> = delivery.files.iter().map(|file| facts.file(*file)).collect::<Result<_, _>>()?;
    Ok(files.into_iter().filter(|file| file.purged.is_some()).collect())
}

/// The files that went while others stayed, and why, in a sentence each.
pub fn gone_alone<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Vec<String>, Refused> {
    if facts.find(|conn| find::files_of(conn, delivery.id))?.is_empty() {
        return Ok(Vec::new());
    }
    let told =
        |file: &Arc<FileDossier>| Some(format!("{} is purged: {}", file.name, super::moments::why_purged(file.purge_begun?.1)));
    Ok(gone(facts, delivery)?.iter().filter_map(told).take(limits::NAMED_ONE_BY_ONE).collect())
}

/// A file with its state as its ticket and delivery make it.
pub fn file_row<S: Source>(facts: &Facts<'_, S>, file: &FileDossier) -> Result<FileRow, Refused> {
    let (state, reason) = standing(facts, file)?;
    let ticket = match file.ticket {
        Some(ticket) => Some(facts.ticket(ticket)?.number),
        None => None,
    };
    let delivery = match file.delivery {
        Some(delivery) => Some(delivery_path(facts, delivery)?),
        None => None,
    };
    let since = file.held.as_ref().map_or(file.staged.at, |held| held.at);
    Ok(FileRow {
        id: Some(file.id),
        ticket,
        delivery,
        directory: file.directory.clone(),
        name: file.name.clone(),
        state,
        bytes: file.staged.bytes,
        since: since.to_string(),
        reason,
    })
}

/// Where a file stands and, where it does not move, why: the same words that `explain` prints.
pub fn standing<S: Source>(facts: &Facts<'_, S>, file: &FileDossier) -> Result<(FileState, Option<String>), Refused> {
    let own = file_state(file);
    if let (FileState::Held, Some(held)) = (own, &file.held) {
        let first = held.findings.first().map(|finding| format!("{}: {}", finding.code, finding.what));
        return Ok((own, first));
    }
    if let Some((_, why)) = file.purge_begun {
        return Ok((own, Some(super::moments::why_purged(why).into())));
    }
    if file.revoked.is_some() {
        return Ok((own, Some("revoked".into())));
    }
    if let Some(delivery) = file.delivery {
        let delivery = facts.delivery(delivery)?;
        if delivery.has_released(file.id) {
            let reason = delivery.revoked.map(|_| "its delivery is revoked: it is served no more, and purged next".into());
            return Ok((FileState::Released, reason));
        }
        if own == FileState::Sealed {
            let first = why_not_released(facts, &delivery)?.into_iter().next().map(|blocker| blocker.what);
            return Ok((own, first));
        }
    }
    if own == FileState::Staged
        && let Some(ticket) = file.ticket
    {
        let ticket = facts.ticket(ticket)?;
        let vendor = facts.vendor(ticket.vendor)?;
        let state = ticket.state(&facts.around(&vendor));
        if ended(facts, &ticket, &vendor).is_some() {
            let why = over(facts, &ticket, &vendor);
            return Ok((FileState::Waiting, Some(format!("{why}: nothing can move the file, and it is purged"))));
        }
        if state != State::Active {
            let refusal = Refusal::TicketNotApproved { ticket: ticket.number.to_string() };
            return Ok((FileState::Waiting, Some(format!("{} (it is {})", refusal, words::ticket_state(state).name()))));
        }
    }
    Ok((own, None))
}

/// What a ticket under which nothing moves any more died of.
fn over<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, vendor: &VendorDossier) -> String {
    match vendor.revoked {
        Some(_) => format!("the vendor {} is revoked, for good", vendor.slug),
        None => format!("{} is {}", ticket.number, words::ticket_state(ticket.state(&facts.around(vendor))).name()),
    }
}

/// What can be done about a staged file that does not move. Nothing, once its ticket has ended.
pub fn next_of<S: Source>(facts: &Facts<'_, S>, file: &FileDossier, row: &FileRow) -> Result<Vec<Blocker>, Refused> {
    if let (FileState::Waiting | FileState::Sealed, Some(ticket)) = (row.state, file.ticket) {
        let ticket = facts.ticket(ticket)?;
        let vendor = facts.vendor(ticket.vendor)?;
        if ended(facts, &ticket, &vendor).is_some() {
            let what = format!("{}: the file is purged", over(facts, &ticket, &vendor));
            let command = format!("egressctl explain {}", ticket.number);
            return Ok(vec![Blocker { what, who: "nobody".into(), command }]);
        }
    }
    let findings = file.held.as_ref().map(|held| held.findings.as_slice()).unwrap_or_default();
    Ok(next(row, findings))
}

fn file_view<S: Source>(facts: &Facts<'_, S>, id: FileId) -> Result<FileView, Refused> {
    let file = facts.file(id)?;
    let row = file_row(facts, &file)?;
    let (findings, more_findings) = file.held.as_ref().map(|held| (held.findings.clone(), held.more)).unwrap_or_default();
    let sealed = match (&file.sealed, &row.delivery) {
        (Some(sealed), Some(delivery)) => Some(SealedView {
            path: format!("/{delivery}/{}", file.served_name()),
            bytes: sealed.bytes(),
            sha256: sealed.sha256,
            revision: sealed.revision,
            recipients: sealed.recipients.iter().map(|key| openssh_fingerprint(*key)).collect(),
        }),
        _ => None,
    };
    Ok(FileView {
        next: next_of(facts, &file, &row)?,
        file: row,
        sha256: Some(file.staged.sha256),
        rows: file.cleared.map(|cleared| cleared.rows),
        sealed,
        findings,
        more_findings,
        timeline: timeline(facts, Subject::File(id))?,
    })
}

/// What can be done about a file that does not move.
pub fn next(row: &FileRow, findings: &[Finding]) -> Vec<Blocker> {
    let blocker = |what: &str, who: &str, command: String| Blocker { what: what.into(), who: who.into(), command };
    match (row.state, row.id, row.ticket, row.delivery) {
        (FileState::Held, Some(id), _, delivery) => {
            let discard = format!("egressctl file discard {id} --reason \"WHY\"");
            // A second look at the same bytes finds the same: it helps where the gateway itself had to be mended.
            let recheck =
                blocker("once the gateway can read it, inspect it again", "an operator", format!("egressctl file recheck {id}"));
            let helps = delivery.is_some() && !findings.is_empty() && findings.iter().all(is_curable);
            let discard = blocker("discard this one, so that a mended file can be dropped in its place", "an operator", discard);
            helps.then_some(recheck).into_iter().chain([discard]).collect()
        }
        (FileState::Waiting, _, Some(ticket), _) => vec![blocker(
            &format!("{ticket} has to become active"),
            "its reviewers, then an operator",
            format!("egressctl explain {ticket}"),
        )],
        (FileState::Sealed, _, _, Some(delivery)) => vec![blocker(
            "its delivery has to be closed, with nothing held",
            "an operator",
            format!("egressctl delivery show {delivery}"),
        )],
        (FileState::Refused, ..) => vec![blocker(
            "it stays where it lies until it is replaced or removed",
            "whoever produces the files",
            "egressctl file list".into(),
        )],
        _ => Vec::new(),
    }
}

/// Whether something beside the file may have been wrong, and been mended since.
fn is_curable(finding: &Finding) -> bool {
    finding.code.parse() == Ok(FindingCode::NotEncryptedToUs)
}

/// How many files are in which state.
pub fn count_states<S: Source>(facts: &Facts<'_, S>, ticket: Option<TicketId>) -> Result<BTreeMap<FileState, u64>, Refused> {
    let mut counts = BTreeMap::new();
    for row in facts.find(|conn| find::files(conn, ticket, limits::LISTED_ROWS as usize))? {
        let state = match (row.purged_at, row.purge_at, row.released_at, row.held_at, row.sealed_at) {
            (Some(_), ..) => FileState::Purged,
            (_, Some(_), ..) => FileState::Purging,
            (_, _, Some(_), ..) => FileState::Released,
            (_, _, _, Some(_), _) => FileState::Held,
            (_, _, _, _, Some(_)) => FileState::Sealed,
            _ => FileState::Staged,
        };
        *counts.entry(state).or_insert(0) += 1;
    }
    Ok(counts)
}
