//! The house at a glance: who asks, how it stands, what needs somebody.

use super::{deliveries, words, yours};
use crate::{
    domain::{
        authority::Act,
        dossier::State,
        event::{Actor, Detail, Event, Subject},
        limits,
        people::BrokenGlass,
        refusal::Refusal,
        shown::many,
    },
    gateway::{
        Gateway, WhenFull,
        answers::{Blocker, DestinationRow, Disk, Frozen, LogStatus, ReloadAttempt, Status, TicketState, Who},
        desk::Desk,
        facts::{Facts, Source},
        outcome::{Fault, Refused},
        vault::find,
    },
};
use std::{collections::BTreeMap, path::Path, sync::PoisonError};

impl Desk {
    pub async fn whoami(&self, by: Actor) -> Result<Who, Refused> {
        self.look(|facts| {
            if by == Actor::Owner {
                return Ok(Who::Owner);
            }
            let person = facts.person(by)?;
            let key = crate::domain::signature::openssh_fingerprint(person.key.fingerprint());
            Ok(Who::Person { id: person.id, name: person.name.clone(), roles: person.roles.clone(), key })
        })
    }

    pub async fn status(&self, by: Actor) -> Result<Status, Refused> {
        let gateway = &self.gateway;
        let head = gateway.ledger.checkpoint();
        let live = gateway.core.leases.live();
        let rules = gateway.core.rules();
        let reload = gateway.core.reload.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut problems, disks) = (problems(gateway)?, disks(gateway)?);
        let destinations = gateway.destinations()?;
        problems.extend(destinations.iter().filter_map(late));
        self.look(|facts| {
            if by != Actor::Owner {
                Act::Look.allowed(facts.person(by)?)?;
            }
            let (tickets, suspended) = tickets(facts)?;
            problems.extend(held(facts)?);
            problems.extend(suspended);
            problems.extend(
                facts.roster.broken_glass().iter().filter(|broken| broken.is_open()).map(|broken| unreviewed(facts, broken)),
            );
            if facts.house.is_frozen().is_err() {
                let refusal = Refusal::Frozen {};
                problems.insert(0, Blocker { what: refusal.what(), who: refusal.who().into(), command: refusal.command() });
            }
            Ok(Status {
                version: env!("CARGO_PKG_VERSION").into(),
                since: gateway.started.to_string(),
                frozen: frozen(facts)?,
                configuration: rules.configuration,
                policy: facts.policy.digest(),
                reload: reload.clone(),
                log: LogStatus { size: head.size, root: head.root, last_checkpoint: Some(gateway.ledger.checkpoint_note()) },
                people: facts.roster.len() as u64,
                vendors: facts.find(find::vendors)?.len() as u64,
                tickets,
                files: deliveries::count_states(facts, None)?,
                sessions: live.len() as u64,
                transfers: facts.find(find::count_transfers)?,
                destinations: destinations.clone(),
                problems: std::mem::take(&mut problems),
                waits_for_you: match facts.person(by) {
                    Ok(person) => first(yours::in_the_house(facts, person)?, "thing that waits for you", "egressctl vendor list"),
                    Err(_) => Vec::new(),
                },
                disks: disks.clone(),
            })
        })
    }
}

/// How many tickets are in which state, and the suspended ones that somebody can bring back.
fn tickets<S: Source>(facts: &Facts<'_, S>) -> Result<(BTreeMap<TicketState, u64>, Vec<Blocker>), Refused> {
    let (mut counts, mut suspended) = (BTreeMap::new(), Vec::new());
    let (ended, open) = facts.source().courses(|courses| (courses.ended(), courses.open()));
    counts.extend(ended.into_values().map(|(state, count)| (words::ticket_state(state), count)));
    for id in open {
        let ticket = facts.ticket(id)?;
        let vendor = facts.vendor(ticket.vendor)?;
        let state = ticket.state(&facts.around(&vendor));
        *counts.entry(words::ticket_state(state)).or_insert(0) += 1;
        if state == State::Suspended && vendor.revoked.is_none() {
            let first = super::tickets::blockers(facts, &ticket, &facts.around(&vendor)).into_iter().next();
            let (why, who) = first.map_or_else(Default::default, |first| (format!(": {}", first.what), first.who));
            let command = format!("egressctl explain {}", ticket.number);
            suspended.push(Blocker { what: format!("{} is suspended{why}", ticket.number), who, command });
        }
    }
    Ok((counts, first(suspended, "suspended ticket", "egressctl ticket list")))
}

/// Closed deliveries that are not released because files of theirs are held.
fn held<S: Source>(facts: &Facts<'_, S>) -> Result<Vec<Blocker>, Refused> {
    let mut blocked = Vec::new();
    for id in facts.find(find::unreleased_deliveries)? {
        let delivery = facts.delivery(id)?;
        if delivery.closed.is_some() && delivery.revoked.is_none() {
            blocked.extend(super::held(facts, &delivery)?);
        }
    }
    Ok(first(blocked, "delivery with held files", "egressctl delivery list"))
}

/// The first few, and how many more there are.
fn first(mut blockers: Vec<Blocker>, what: &str, command: &str) -> Vec<Blocker> {
    let more = blockers.len().saturating_sub(limits::NAMED_ONE_BY_ONE);
    blockers.truncate(limits::NAMED_ONE_BY_ONE);
    let rest = Blocker { what: format!("{more} more: {what}"), who: "as above".into(), command: command.into() };
    blockers.into_iter().chain((more > 0).then_some(rest)).collect()
}

/// One who is told of what happens and has not heard it for long.
fn late(row: &DestinationRow) -> Option<Blocker> {
    let seconds = row.oldest_seconds.filter(|seconds| *seconds >= limits::SYSLOG_LATE.as_secs())?;
    let why = row.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    Some(Blocker {
        what: format!(
            "{} at {} has not taken {}, the oldest for {seconds} s{why}",
            row.destination,
            row.to,
            many(row.lag, "message")
        ),
        who: "whoever runs the log server, or the machine's administrator".into(),
        command: format!("egressctl log test --destination {}", row.destination),
    })
}

fn frozen<S: Source>(facts: &Facts<'_, S>) -> Result<Option<Frozen>, Refused> {
    let Some(since) = facts.house.frozen_since() else { return Ok(None) };
    let records = facts.source().chain(Subject::House)?;
    let last = records.iter().rev().find(|record| record.event == Event::Frozen);
    let reason = match last.and_then(|record| record.detail.as_ref()) {
        Some(Detail::Reason { text }) => text.clone(),
        _ => "a revocation could not be written to the log".into(),
    };
    Ok(Some(Frozen { since: since.to_string(), reason }))
}

fn unreviewed<S: Source>(facts: &Facts<'_, S>, broken: &BrokenGlass) -> Blocker {
    let who = super::name_of(facts, broken.by);
    let many = match broken.reviewed.len() {
        0 => "nobody has",
        _ => "one of two people has",
    };
    Blocker {
        what: format!("the sealed identity {who} was used at {}, and {many} looked into it", broken.at),
        who: "two people: a security_reviewer, security_responder, privacy_reviewer, executive or auditor".into(),
        command: format!("egressctl break-glass review {} --reason \"WHAT IT WAS\"", broken.leaf),
    }
}

fn problems(gateway: &Gateway) -> Result<Vec<Blocker>, Fault> {
    let mut problems = Vec::new();
    let missing = &gateway.recovered.missing;
    if !missing.is_empty() {
        problems.push(Blocker {
            what: format!("{} missing: no file of their tickets is served", many(missing.len() as u64, "stored object")),
            who: "the machine's administrator".into(),
            command: "egressctl audit verify".into(),
        });
    }
    if gateway.core.clock.jumped() {
        let refusal = Refusal::ClockJumped {};
        problems.push(Blocker { what: refusal.what(), who: refusal.who().into(), command: "timedatectl".into() });
    }
    let reload = gateway.core.reload.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(ReloadAttempt { at, why: Some(why), .. }) = reload {
        problems.push(Blocker {
            what: format!("the reload at {at} was refused, everything stayed as it was: {}", one_line(&why)),
            who: "the machine's administrator".into(),
            command: "egressd check --config FILE".into(),
        });
    }
    if let Some(why) = gateway.core.polling.lock().unwrap_or_else(PoisonError::into_inner).clone() {
        problems.push(Blocker {
            what: format!("staging is polled, not watched: {why}"),
            who: "the machine's administrator".into(),
            command: "sysctl fs.inotify.max_user_watches fs.inotify.max_user_instances".into(),
        });
    }
    // It finds edits, too.
    let overfull = gateway.overfull()?;
    if gateway.spool_was_edited() {
        problems.push(Blocker {
            what: "somebody changed what waits to be forwarded in the database; the log's own words were sent, and the daemon's log names the leaves"
                .into(),
            who: "the machine's administrator".into(),
            command: "egressctl audit verify".into(),
        });
    }
    if let Some((waiting, when_full)) = overfull {
        let stands = match when_full {
            WhenFull::Keep => "",
            WhenFull::StopEgress => ": vendors can open nothing",
        };
        let refusal = Refusal::SpoolFull {};
        problems.push(Blocker {
            what: format!("{waiting} wait to be forwarded, more than the spool is meant to hold{stands}"),
            who: refusal.who().into(),
            command: refusal.command(),
        });
    }
    let panics = gateway.ledger.panics();
    if panics > 0 {
        problems.push(Blocker {
            what: format!("{panics} commands panicked and were undone: each is a bug"),
            who: "whoever maintains egressd; the operator's log has the place".into(),
            command: "egressctl audit verify".into(),
        });
    }
    let refused = {
        let away = gateway.core.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        away.values().filter(|away| away.reason.starts_with("refused")).count()
    };
    if refused > 0 {
        problems.push(Blocker {
            what: match refused {
                1 => "1 entry in staging cannot be taken".to_owned(),
                refused => format!("{refused} entries in staging cannot be taken"),
            },
            who: "whoever produces the files".into(),
            command: "egressctl file list".into(),
        });
    }
    Ok(problems)
}

/// Lines that belong together, as a sentence's.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn disks(gateway: &Gateway) -> Result<Vec<Disk>, Fault> {
    let disk = |directory: &Path| {
        let stat = rustix::fs::statvfs(directory).map_err(|error| Fault::new("the disk", error))?;
        let (free_bytes, total_bytes) = (stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize);
        Ok(Disk { directory: directory.display().to_string(), free_bytes, total_bytes })
    };
    [gateway.state.as_path(), gateway.staging.as_path()].into_iter().map(disk).collect()
}
