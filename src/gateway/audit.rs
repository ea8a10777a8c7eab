//! Audit: the log checked from its first leaf, the index compared with what the log says, checkpoints handed out.

use super::{
    answers::{AuditProblem, AuditVerdict, CheckpointNote, Listing, Soundness, TailRow},
    desk::Desk,
    facts::{Facts, Source},
    outcome::{Fault, Refused},
    show::{self, moments},
    vault::{Archive, LedgerFault, LogFault, compare},
};
use crate::{
    audit::{self, Checkpoint, Failure, Problem, Unsound, Verifier},
    domain::{
        authority::Act,
        event::{Actor, Subject},
        refusal::Refusal,
        shown::many,
    },
};
use std::path::Path;

impl Desk {
    /// Verifies everything, while the daemon runs. `outside` is a checkpoint that somebody kept elsewhere.
    pub async fn audit_verify(&self, by: Actor, outside: Option<String>) -> Result<AuditVerdict, Refused> {
        self.look(|facts| Ok(Act::ReadLog.allowed(facts.person(by)?)?))?;
        let gateway = self.gateway.clone();
        let verify = move || {
            let started = gateway.core.clock.elapsed();
            let verifier = gateway.ledger.verifier().clone();
            let archive = Archive::open(&gateway.state.join("ledger.db"))?;
            let mut verdict = verify(&archive, &verifier, outside.as_deref())?;
            let took = gateway.core.clock.elapsed().saturating_sub(started);
            verdict.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            Ok(verdict)
        };
        tokio::task::spawn_blocking(verify).await.map_err(|error| Fault::new("verifying", error))?
    }

    pub async fn audit_tail(&self, by: Actor, after: Option<u64>, count: u32) -> Result<Listing<TailRow>, Refused> {
        let size = self.gateway.ledger.checkpoint().size;
        let count = u64::from(count);
        let from = after.map_or_else(|| size.saturating_sub(count), |after| after.saturating_add(1));
        self.look(|facts| {
            Act::ReadLog.allowed(facts.person(by)?)?;
            let mut rows = Vec::new();
            for (record, hash) in facts.source().tail(from, count)? {
                let kind =
                    serde_json::to_value(&record.event).ok().and_then(|event| Some(event.get("kind")?.as_str()?.to_owned()));
                rows.push(TailRow {
                    leaf: record.index,
                    at: record.at.to_string(),
                    who: moments::voter(facts, &record),
                    subject: subject(&record.on),
                    about: about(facts, &record.on),
                    event: kind.unwrap_or_default(),
                    what: moments::told(facts, &record),
                    hash,
                });
            }
            Ok(Listing { rows, left_off: 0 })
        })
    }

    /// The newest checkpoint as a signed note, to be kept where nobody here can reach it.
    pub async fn audit_checkpoint(&self, by: Actor) -> Result<CheckpointNote, Refused> {
        self.look(|facts| {
            Act::ReadLog.allowed(facts.person(by)?)?;
            let ledger = &self.gateway.ledger;
            let head = ledger.checkpoint();
            Ok(CheckpointNote {
                size: head.size,
                root: head.root,
                at: facts.now.to_string(),
                note: ledger.checkpoint_note(),
                verifier_key: ledger.verifier().to_string(),
            })
        })
    }
}

fn subject(on: &Subject) -> String {
    match on {
        Subject::House => "house".into(),
        Subject::Staff => "staff".into(),
        Subject::Daemon => "daemon".into(),
        Subject::Vendor(id) => format!("vendor {id}"),
        Subject::Ticket(id) => format!("ticket {id}"),
        Subject::Delivery(id) => format!("delivery {id}"),
        Subject::File(id) => format!("file {id}"),
        Subject::Session(id) => format!("session {id}"),
        Subject::Transfer(id) => format!("transfer {id}"),
    }
}

/// A subject as people name it; what cannot be read by its id.
fn about<S: Source>(facts: &Facts<'_, S>, on: &Subject) -> String {
    let named = match on {
        Subject::Vendor(id) => facts.vendor(*id).map(|vendor| vendor.slug.to_string()),
        Subject::Ticket(id) => facts.ticket(*id).map(|ticket| ticket.number.to_string()),
        Subject::Delivery(id) => show::delivery_path(facts, *id).map(|path| path.to_string()),
        Subject::File(id) => facts.file(*id).map(|file| if file.name.is_empty() { subject(on) } else { file.name.clone() }),
        _ => Ok(subject(on)),
    };
    named.unwrap_or_else(|_| subject(on))
}

/// Verifies a ledger that nobody serves: a copied directory, on any machine, with the log's verifier key.
///
/// # Errors
/// What cannot be read at all. What is wrong with the log stands in the verdict.
pub fn verify_offline(state: &Path, verifier_key: &str, outside: Option<&str>) -> Result<AuditVerdict, Fault> {
    let verifier = Verifier::parse(verifier_key.trim()).map_err(|error| Fault::new("the verifier key", error))?;
    let archive = Archive::open(&state.join("ledger.db"))?;
    verify(&archive, &verifier, outside).map_err(|refused| match refused {
        Refused::Fault(fault) => fault,
        Refused::Refusal(refusal) => Fault::new("the checkpoint", refusal),
    })
}

fn verify(archive: &Archive, verifier: &Verifier, outside: Option<&str>) -> Result<AuditVerdict, Refused> {
    let outside: Option<Checkpoint> = match outside {
        Some(note) => {
            let bad = |error: audit::CheckpointError| Refusal::RequestUnreadable { why: format!("the checkpoint: {error}") };
            Some(verifier.verify(note).map_err(bad)?)
        }
        None => None,
    };
    let mut checked: Vec<String> = ["leaves", "checkpoints", "details"].map(String::from).to_vec();
    if outside.is_some() {
        checked.push("outside checkpoint".into());
    }
    let (rows, heads) = archive.log();
    let mut problems = Vec::new();
    let (size, root) = match audit::verify(rows, heads, outside.as_ref(), verifier) {
        Ok(report) => (report.leaves, report.root),
        // What cannot be read because somebody altered it is what a verification is for.
        Err(Failure::Unreadable(LedgerFault::Log(fault))) => {
            problems.push(altered(&fault));
            (0, audit::empty_root())
        }
        Err(Failure::Unreadable(fault)) => return Err(fault.into()),
        Err(Failure::Unsound(unsound)) => {
            problems.extend(told(&unsound, verifier));
            (0, audit::empty_root())
        }
    };
    // The index follows from the log: where the log is not sound there is nothing to compare it with.
    if problems.is_empty() {
        checked.push("index".into());
        match compare::index(archive) {
            Ok(differences) => problems.extend(differences.into_iter().map(|what| AuditProblem { leaf: None, what })),
            Err(LedgerFault::Log(fault)) => problems.push(altered(&fault)),
            Err(fault) => return Err(fault.into()),
        }
    }
    let verdict = if problems.is_empty() { Soundness::Sound } else { Soundness::Broken };
    Ok(AuditVerdict { verdict, size, root, checked, problems, took_ms: 0 })
}

/// Each problem; but where the key has signed no checkpoint at all, that once and first, and not once for each of them.
fn told(unsound: &Unsound, verifier: &Verifier) -> Vec<AuditProblem> {
    let problem = |problem: &Problem| AuditProblem { leaf: problem.leaf(), what: problem.to_string() };
    let unsigned =
        |problem: &&Problem| matches!(problem, Problem::CheckpointSignature { .. } | Problem::Unsigned { first: 0, .. });
    let heads = unsound.problems.iter().filter(|problem| matches!(problem, Problem::CheckpointSignature { .. })).count();
    if unsound.signed > 0 || heads == 0 {
        return unsound.problems.iter().map(problem).collect();
    }
    let what = format!(
        "{verifier} is not the key of this log: it has signed none of the {} that were read, and nothing is proven by it",
        many(heads as u64, "checkpoint")
    );
    let others = unsound.problems.iter().filter(|problem| !unsigned(problem)).map(problem);
    std::iter::once(AuditProblem { leaf: None, what }).chain(others).collect()
}

fn altered(fault: &LogFault) -> AuditProblem {
    AuditProblem { leaf: fault.leaf(), what: fault.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Signer;

    #[test]
    fn a_key_that_signed_nothing_is_told_once_and_by_name() {
        let (signer, _) = Signer::generate("log.example.com".parse().unwrap()).unwrap();
        let key = signer.verifier();
        let bad = |size| Problem::CheckpointSignature { size };
        let foreign = vec![bad(1), bad(2), bad(3), Problem::Unsigned { first: 0, leaves: 3 }];
        let problems = told(&Unsound { problems: foreign, stopped_at: None, signed: 0 }, key);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].what.starts_with(&key.to_string()) && problems[0].what.contains("3 checkpoints"), "{problems:?}");
        // One that was replaced among others is told by its size; so is what else is wrong.
        let one = Unsound { problems: vec![bad(2)], stopped_at: None, signed: 3 };
        assert_eq!(told(&one, key)[0].what, bad(2).to_string());
        let more = Unsound { problems: vec![bad(1), Problem::LeafMissing { index: 0 }], stopped_at: Some(1), signed: 0 };
        assert_eq!(told(&more, key).len(), 2);
    }
}
