//! Gates as their reviewers see them: who voted what, whether it counts, and what a revision still waits for.

use super::{asked_again, name_of, slug_of, vendors};
use crate::{
    domain::{
        dossier::{GateStanding, Revision, State, Surroundings, TicketDossier},
        event::{Decision, Event, Record, Subject},
        ids::PersonId,
        pace::Wait,
        people::Gate,
        refusal::Refusal,
        time::Time,
        vote::{Comment, Vote},
    },
    gateway::{
        answers::{Blocker, CommentView, GateView, GateWait, VoteStanding, VoteView},
        facts::{Facts, Source},
    },
};
use std::collections::BTreeSet;

/// The gates of the revision that votes are about. `viewer`: whose votes are never hidden from them.
pub fn views<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    viewer: PersonId,
) -> Vec<GateView> {
    let (gates, waits) = (ticket.gates(ticket.under_review(), around), waits(ticket, around));
    let waited = |gate: Gate| waits.iter().find(|wait| wait.gate == gate).cloned();
    let view =
        |standing: &GateStanding<'_>| GateView { wait: waited(standing.gate), ..view(facts, ticket, standing, around, viewer) };
    gates.iter().map(view).collect()
}

/// The gates that are asked and have not opened, and since when.
pub fn waits(ticket: &TicketDossier, around: &Surroundings<'_>) -> Vec<GateWait> {
    let hours = |since: Time| around.now.since(since).as_secs() / 3_600;
    let wait = |wait: Wait| GateWait {
        gate: wait.gate,
        asked: wait.asked.to_string(),
        asked_hours: hours(wait.asked),
        by: wait.by.map(|by| by.to_string()),
        overdue_hours: wait.by.filter(|_| wait.is_overdue(around.now)).map(hours),
    };
    ticket.waits(around).into_iter().map(wait).collect()
}

fn view<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    standing: &GateStanding<'_>,
    around: &Surroundings<'_>,
    viewer: PersonId,
) -> GateView {
    let votes = ticket.votes.iter().filter(|vote| vote.ballot.gate == standing.gate);
    let (shown, hidden): (Vec<_>, Vec<_>) = votes.partition(|vote| !is_hidden(ticket, vote, around, Some(viewer)));
    GateView {
        gate: standing.gate,
        needed: standing.needed,
        have: count(standing.approvals.len()),
        votes: shown.into_iter().map(|vote| vote_view(facts, ticket, standing, vote, around)).collect(),
        wait: None,
        hidden: count(hidden.len()),
        question: standing.question,
        refuses: Vec::new(),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Whether the policy keeps a vote from this viewer: its gate is voted on blindly, and what the vote answers has not been approved by as many
/// people as it takes, whatever is asked since. What was sent back or rejected is told: its requester has to know why.
pub fn is_hidden(ticket: &TicketDossier, vote: &Vote, around: &Surroundings<'_>, viewer: Option<PersonId>) -> bool {
    let gate = vote.ballot.gate;
    if !around.policy.is_blind(gate) || Some(vote.by) == viewer || vote.ballot.decision != Decision::Approve {
        return false;
    }
    let same = |other: &&Vote| other.ballot.decision == Decision::Approve && other.asked.question == vote.asked.question;
    let approved: BTreeSet<PersonId> = ticket.votes.iter().filter(same).map(|other| other.by).collect();
    let document = ticket.revision(vote.asked.revision).map_or_else(|| ticket.document(), |revision| &revision.document);
    let needed = around.policy.votes_needed(gate, document.tier(around.policy));
    approved.len() < needed as usize && !ticket.state(around).is_over()
}

/// Whether this record is of such a vote, whoever looks.
pub fn is_masked<S: Source>(facts: &Facts<'_, S>, record: &Record) -> bool {
    let (Subject::Ticket(id), Event::TicketVoted { gate, .. }) = (record.on, &record.event) else { return false };
    if !facts.policy.is_blind(*gate) {
        return false;
    }
    // Of a ticket that cannot be read nothing is told either.
    let Ok(ticket) = facts.ticket(id) else { return true };
    let Ok(vendor) = facts.vendor(ticket.vendor) else { return true };
    let vote = ticket.votes.iter().find(|vote| vote.leaf == record.index);
    vote.is_none_or(|vote| is_hidden(&ticket, vote, &facts.around(&vendor), None))
}

fn vote_view<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    standing: &GateStanding<'_>,
    vote: &Vote,
    around: &Surroundings<'_>,
) -> VoteView {
    let tier = ticket.under_review().document.tier(around.policy);
    let comment = |Comment { on, text }: &Comment| CommentView { on: on.clone(), text: text.clone() };
    VoteView {
        who: slug_of(facts, Some(vote.by)),
        decision: vote.ballot.decision,
        at: vote.at.to_string(),
        because: vote.ballot.because.clone(),
        reason: vote.ballot.reason.clone(),
        comments: vote.ballot.comments.iter().map(comment).collect(),
        terms: vote.ballot.terms.iter().map(ToString::to_string).collect(),
        revision_number: count(ticket.revision_number(vote.asked.revision).unwrap_or(0)),
        until: around.policy.approval_until(tier, vote.at).map(|until| until.to_string()),
        asked_again: why_again(facts, ticket, standing, vote, around),
        standing: self::standing(facts, ticket, standing, vote, around),
        leaf: vote.leaf,
    }
}

/// Of an approval that counts no more: what has changed since.
fn why_again<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    gate: &GateStanding<'_>,
    vote: &Vote,
    around: &Surroundings<'_>,
) -> Option<String> {
    let again = standing(facts, ticket, gate, vote, around) == VoteStanding::AskedAgain;
    if again { asked_again::since(ticket, vote, gate, around) } else { None }
}

fn standing<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    gate: &GateStanding<'_>,
    vote: &Vote,
    around: &Surroundings<'_>,
) -> VoteStanding {
    let later = |other: &&Vote| other.by == vote.by && other.leaf > vote.leaf;
    let replaced = |other: &&Vote| later(other) && other.asked.question == vote.asked.question;
    if ticket.rejection().is_some_and(|rejection| rejection.leaf == vote.leaf) {
        return VoteStanding::Counts;
    }
    if !facts.roster.person(vote.by).is_some_and(|person| vote.is_genuine(person)) {
        return VoteStanding::NotGenuine;
    }
    if ticket.votes.iter().any(|other| replaced(&other)) {
        return VoteStanding::Replaced;
    }
    let counts = match vote.ballot.decision {
        Decision::Approve => gate.approvals.iter().any(|approval| approval.leaf == vote.leaf),
        Decision::RequestChanges | Decision::Reject => vote.asked.revision == ticket.under_review().digest,
    };
    let tier = ticket.under_review().document.tier(around.policy);
    match (counts, vote.ballot.decision) {
        (true, _) => VoteStanding::Counts,
        (false, Decision::Approve) if vote.asked.question == gate.question && ticket.has_lapsed(vote, tier, around) => {
            VoteStanding::Lapsed
        }
        (false, Decision::Approve) if vote.asked.question == gate.question => VoteStanding::NotAdmitted,
        (false, Decision::Approve) => VoteStanding::AskedAgain,
        (false, _) => VoteStanding::Answered,
    }
}

/// What stands between a revision and its approval, in the order in which it has to be removed.
pub fn waits_for<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    revision: &Revision,
    around: &Surroundings<'_>,
) -> Vec<Blocker> {
    let number = ticket.number;
    let blocker = |what: String, who: String, command: String| Blocker { what, who, command };
    let revise = || format!("egressctl ticket revise {number} FILE");
    let blocked = ticket.blocked_in(revision, around);
    match ticket.review(revision, around) {
        State::Returned => {
            let asked = ticket.asks_for_changes(revision, around).into_iter().map(|vote| {
                let code = vote.ballot.because.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
                let what = format!("the gate {} asked for changes{code}: {}", vote.ballot.gate, vote.ballot.reason);
                blocker(what, requester(facts, ticket), revise())
            });
            // Whoever the refusal names elsewhere: what the policy or a revoked class stops, only another revision moves.
            let objection = blocked.into_iter().map(|refusal| blocker(refusal.what(), requester(facts, ticket), revise()));
            asked.chain(objection).collect()
        }
        // Nobody may vote before what holds it is cleared: nothing else is advised.
        State::OnHold => {
            let vendor = match blocked {
                Some(Refusal::OnHold { .. } | Refusal::VendorRevoked { .. }) => vendors::blockers(facts, around.vendor),
                _ => Vec::new(),
            };
            // All of it at once: each takes another person's time.
            let arrears = around.vendor.in_arrears(around.policy).filter(|_| !ticket.is_activated());
            let others = ticket.unaccepted(revision, around).into_iter().chain(arrears);
            let others = others.map(|refusal| blocker(refusal.what(), refusal.who().into(), refusal.command()));
            vendor.into_iter().chain(others).collect()
        }
        State::Approved => Vec::new(),
        _ => {
            let open = ticket.gates(revision, around).into_iter().filter(|standing| !standing.is_green());
            open.map(|standing| open_gate(facts, ticket, revision, &standing, around)).collect()
        }
    }
}

fn open_gate<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    revision: &Revision,
    standing: &GateStanding<'_>,
    around: &Surroundings<'_>,
) -> Blocker {
    let (number, gate) = (ticket.number, standing.gate);
    let first = ticket.waits_for(revision, gate, around);
    if !first.is_empty() {
        let first: Vec<&str> = first.into_iter().map(Gate::name).collect();
        let what = format!("the gate {gate} takes votes after {}", first.join(", "));
        return Blocker { what, who: "nobody: it opens by itself".into(), command: format!("egressctl ticket show {number}") };
    }
    let what = match (standing.approvals.len(), standing.needed) {
        (_, 1) => format!("the gate {gate} has not approved it"),
        (have, needed) => format!("the gate {gate} has {have} of {needed} approvals"),
    };
    let tier = revision.document.tier(around.policy);
    let lapsed = ticket.votes.iter().any(|vote| {
        vote.ballot.gate == gate && vote.asked.question == standing.question && ticket.has_lapsed(vote, tier, around)
    });
    let what = match approved_before(facts, ticket, standing) {
        (approved, _) if approved.is_empty() && lapsed => {
            format!("{what}: it is asked again, an approval is too old to count")
        }
        (approved, _) if approved.is_empty() => what,
        (approved, last) => {
            let why = last.and_then(|vote| asked_again::since(ticket, vote, standing, around));
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            format!("{what}: it is asked again, the question has changed since {} approved{why}", approved.join(" and "))
        }
    };
    Blocker {
        what,
        who: match facts.policy.scopes_of(gate.role()).next() {
            None => format!("a {} who is not the requester and holds no other gate of it", gate.role()),
            Some(_) => {
                format!("a {} whom the policy's [[scope]] admits, not the requester, with no other gate of it", gate.role())
            }
        },
        command: format!("egressctl ticket review {number} --gate {gate}"),
    }
}

/// Who approved what a gate asked before, and has not answered what it asks now; and the last of these votes.
fn approved_before<'t, S: Source>(
    facts: &Facts<'_, S>,
    ticket: &'t TicketDossier,
    standing: &GateStanding<'_>,
) -> (Vec<String>, Option<&'t Vote>) {
    let approved =
        ticket.votes.iter().filter(|vote| vote.ballot.gate == standing.gate && vote.ballot.decision == Decision::Approve);
    let before = approved.filter(|vote| vote.asked.question != standing.question);
    let before: Vec<&Vote> = before.filter(|vote| standing.approvals.iter().all(|other| other.by != vote.by)).collect();
    let by: BTreeSet<_> = before.iter().map(|vote| vote.by).collect();
    (by.into_iter().map(|by| name_of(facts, by)).collect(), before.last().copied())
}

/// The requester by name.
pub fn requester<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier) -> String {
    name_of(facts, ticket.requester)
}
