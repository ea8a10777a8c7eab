//! Inspect: what the approved revision expects of a file, and what becomes of one that is not so.

use super::{
    Gateway, answers::Completion, answers::Done, core::Core, desk::Desk, facts::Facts, outcome::Refused, purge::moves, vault::Tx,
};
use crate::{
    domain::{
        authority::Act,
        bounds::Content,
        digest::Digest,
        event::{Actor, Detail, Event, Fact, Subject},
        file::FileDossier,
        finding,
        ids::FileId,
        refusal::Refusal,
        ticket::{Format, TicketDocument},
    },
    inspection::{self, Expectation, FindingCode, Manifest},
};

/// What a file must be, or why that cannot be said.
pub(super) fn expectation(
    ticket: &TicketDocument,
    bounds: &Content,
    file: &FileDossier,
) -> Result<Expectation, finding::Finding> {
    let manifest = match &file.manifest {
        Some(text) => Some(Manifest::parse(text.as_bytes()).map_err(|error| told(&inspection::Finding::from(&error)))?),
        None => None,
    };
    let format = match ticket.format {
        Format::Csv => inspection::Format::Csv,
    };
    if inspection::Format::of_name(file.content_name()) != Some(format) {
        return Err(told(&inspection::Finding::whole_file(inspection::FindingCode::FormatNotSupported)));
    }
    Ok(Expectation {
        format,
        columns: bounds.columns.clone(),
        min_rows: bounds.min_rows,
        max_rows: bounds.max_rows,
        max_bytes: bounds.max_bytes,
        manifest,
    })
}

/// A finding in the words that are recorded and shown.
pub(super) fn told(finding: &inspection::Finding) -> finding::Finding {
    finding::Finding { code: finding.code.to_string(), what: finding.what(), fix: finding.fix().to_owned() }
}

impl Gateway {
    /// Holds a file, with what was found.
    pub(super) fn hold(
        &self,
        file: FileId,
        revision: Option<Digest>,
        findings: Vec<finding::Finding>,
        more: u64,
    ) -> Result<(), Refused> {
        let codes: Vec<FindingCode> = findings.iter().filter_map(|finding| finding.code.parse().ok()).collect();
        let held = self.write_blocking(move |core, tx| {
            let dossier = Facts::read(core, &*tx)?.file(file)?;
            if dossier.held.is_some() || dossier.sealed.is_some() || dossier.purge_begun.is_some() {
                return Ok(Held::Before);
            }
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            let count = u32::try_from(findings.len()).unwrap_or(u32::MAX).saturating_add(more);
            let event = Event::FileHeld { revision, findings: count };
            tx.append(Fact::new(Actor::System, Subject::File(file), event).with(Detail::Findings { findings, more }))?;
            Ok(Held::Now)
        })?;
        if held == Held::Now {
            self.core.metrics.note_findings(codes);
        }
        Ok(())
    }
}

/// Whether this is what held it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Now,
    Before,
}

impl Desk {
    /// Has a held file inspected again, from its staged copy.
    pub async fn file_recheck(&self, by: Actor, file: FileId) -> Result<Done, Refused> {
        self.act(move |core, tx| recheck(core, tx, by, file)).await
    }
}

fn recheck(core: &Core, tx: &mut Tx<'_>, by: Actor, id: FileId) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    Act::RecheckFile.allowed(facts.person(by)?)?;
    let file = facts.file(id)?;
    if file.held.is_none() || file.purge_begun.is_some() {
        return Err(Refusal::NotHeld { file: id.to_string(), state: super::show::file_state(&file).name().into() }.into());
    }
    // Held because its place was wrong: nothing that a second look at the content could change.
    if file.delivery.is_none() {
        return Err(Refusal::NotHeld { file: id.to_string(), state: "held for its place, not for its content".into() }.into());
    }
    // What is held then waits for a person: asked about once more it would be purged, unread.
    if let Some(ticket) = file.ticket {
        moves(&facts, ticket)?;
    }
    let record = tx.append(Fact::new(by, Subject::File(id), Event::FileRecheckAsked))?;
    let headline = format!("{} is inspected again", file.name);
    Ok(Done { subject: id.to_string(), state: Completion::Done, headline, leaf: record.index, next: Vec::new() })
}
