//! Tickets as lists and as one.

use super::{deliveries, name_of, risk, slug_of, timeline, vendors, words};
use crate::{
    domain::{
        authority::Act,
        diagram::Drawing,
        dossier::{GateStanding, State, Surroundings, TicketDossier, Vote},
        event::{Actor, Decision, Subject},
        form::{QUESTIONS, Question},
        ids::TicketNumber,
        pace::Wait,
        people::Gate,
        question::vote_text,
        refusal::Refusal,
        ticket::{Field, TicketDocument, word},
        time::Time,
        vendor::VendorDossier,
    },
    gateway::{
        answers::{
            AnswerView, Blocker, FieldView, GateView, GateWait, Listing, TicketDiagram, TicketRow, TicketView, VoteStanding,
            VoteView,
        },
        desk::Desk,
        facts::{Facts, Source},
        outcome::Refused,
        vault::find,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl Desk {
    pub async fn ticket_list(&self, by: Actor) -> Result<Listing<TicketRow>, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let tickets = facts.find(find::tickets)?;
            Ok(Listing::of(tickets.into_iter().map(|id| row(facts, &*facts.ticket(id)?)).collect::<Result<_, _>>()?))
        })
    }

    pub async fn ticket_show(&self, by: Actor, ticket: TicketNumber) -> Result<TicketView, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let ticket = facts.ticket_numbered(ticket)?;
            let vendor = facts.vendor(ticket.vendor)?;
            view(facts, &ticket, &vendor)
        })
    }

    pub async fn ticket_diagram(&self, by: Actor, ticket: TicketNumber, drawing: Drawing) -> Result<TicketDiagram, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            Ok(TicketDiagram::of(facts.ticket_numbered(ticket)?.document(), drawing))
        })
    }
}

fn row<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier) -> Result<TicketRow, Refused> {
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let document = ticket.document();
    Ok(TicketRow {
        ticket: ticket.number,
        title: document.title.clone(),
        state: words::ticket_state(ticket.state(&around)),
        tier: words::tier(document.tier(&facts.policy)),
        vendor: vendor.slug.clone(),
        requester: slug_of(facts, Some(ticket.requester)),
        until: document.window.closes.to_string(),
        open_gates: ticket.open_gates(&around).into_iter().collect(),
        waits: ticket.waits(&around).into_iter().map(|wait| waiting(wait, around.now)).collect(),
    })
}

fn waiting(wait: Wait, now: Time) -> GateWait {
    let hours = |since: Time| now.since(since).as_secs() / 3_600;
    GateWait {
        gate: wait.gate,
        asked: wait.asked.to_string(),
        asked_hours: hours(wait.asked),
        by: wait.by.map(|by| by.to_string()),
        overdue_hours: wait.by.filter(|_| wait.is_overdue(now)).map(hours),
    }
}

fn view<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, vendor: &Arc<VendorDossier>) -> Result<TicketView, Refused> {
    let around = facts.around(vendor);
    let (document, current) = (ticket.document(), ticket.current());
    Ok(TicketView {
        ticket: ticket.number,
        title: document.title.clone(),
        state: words::ticket_state(ticket.state(&around)),
        why_not_active: blockers(facts, ticket, &around),
        tier: words::tier(document.tier(&facts.policy)),
        revision: current.digest,
        revision_number: u32::try_from(ticket.revisions().len()).unwrap_or(u32::MAX),
        requester: slug_of(facts, Some(ticket.requester)),
        vendor: vendor.slug.clone(),
        purpose: document.purpose.clone(),
        justification: document.justification.clone(),
        from: document.window.opens.to_string(),
        until: document.window.closes.to_string(),
        protocols: document.protocols.clone(),
        retention_days: document.retention_days,
        limits: limits(document),
        answers: answers(document),
        conditions: facts.policy.conditions_on(&document.traits(&facts.policy)).map(|condition| condition.name.clone()).collect(),
        red_flags: risk::red_flags(facts, vendor),
        gates: gate_views(facts, ticket, &around),
        fields: document.fields.iter().map(field).collect(),
        files: deliveries::count_states(facts, Some(ticket.id))?,
        deliveries: deliveries::rows(facts, Some(ticket.id))?,
        timeline: timeline(facts, Subject::Ticket(ticket.id))?,
    })
}

fn limits(document: &TicketDocument) -> BTreeMap<String, u64> {
    let limits = document.limits;
    let set = [
        ("max_deliveries", limits.max_deliveries.map(u64::from)),
        ("max_bytes", limits.max_bytes),
        ("min_rows", limits.min_rows),
        ("max_rows", limits.max_rows),
        ("max_downloads", limits.max_downloads.map(u64::from)),
    ];
    set.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), limit?))).collect()
}

/// What the view shows in a place of its own.
const SHOWN_APART: [&str; 7] = ["ticket", "title", "vendor", "purpose", "justification", "protocols", "retention_days"];

/// Every other answer: no part of what a gate is asked may stand where its reviewers do not look.
fn answers(document: &TicketDocument) -> Vec<AnswerView> {
    let value = serde_json::to_value(document).unwrap_or_default();
    let apart = |question: &&Question| {
        !SHOWN_APART.contains(&question.path) && !["field", "window", "limits"].contains(&question.table())
    };
    let answer = |question: &Question| {
        let answer = value.pointer(&format!("/{}", question.path.replace('.', "/")))?;
        Some(AnswerView { path: question.path.to_owned(), question: question.ask.to_owned(), answer: plain(answer) })
    };
    QUESTIONS.iter().filter(apart).filter_map(answer).collect()
}

/// `one, two`; `dpia: DPIA-2026-7`.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn field(field: &Field) -> FieldView {
    FieldView {
        name: field.name.clone(),
        r#type: word(&field.kind),
        class: field.class.to_string(),
        treatment: word(&field.treatment),
        source: field.source.clone(),
        destination: field.destination.clone(),
        necessity: field.necessity.clone(),
    }
}

fn gate_views<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, around: &Surroundings<'_>) -> Vec<GateView> {
    let waits = ticket.waits(around);
    let view = |standing: &GateStanding<'_>| GateView {
        wait: waits.iter().find(|wait| wait.gate == standing.gate).map(|wait| waiting(*wait, around.now)),
        ..gate_view(facts, ticket, standing, around)
    };
    ticket.gates(around).iter().map(view).collect()
}

fn gate_view<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    standing: &GateStanding<'_>,
    around: &Surroundings<'_>,
) -> GateView {
    let (gate, question) = (standing.gate, standing.question);
    let tier = ticket.document().tier(around.policy);
    let text = |decision| vote_text(ticket.number, gate, decision, question, ticket.current().digest, facts.policy.digest());
    let votes = ticket.votes.iter().filter(|vote| vote.gate == gate).map(|vote| VoteView {
        who: slug_of(facts, Some(vote.by)),
        decision: vote.decision,
        at: vote.at.to_string(),
        reason: vote.reason.clone(),
        until: around.policy.approval_until(tier, vote.at).map(|until| until.to_string()),
        standing: vote_standing(ticket, vote, standing, around),
    });
    GateView {
        gate,
        needed: standing.needed,
        have: u32::try_from(standing.approvals.len()).unwrap_or(u32::MAX),
        votes: votes.collect(),
        wait: None,
        question,
        approve_text: text(Decision::Approve),
        reject_text: text(Decision::Reject),
    }
}

fn vote_standing(ticket: &TicketDossier, vote: &Vote, gate: &GateStanding<'_>, around: &Surroundings<'_>) -> VoteStanding {
    let tier = ticket.document().tier(around.policy);
    match vote.decision {
        _ if vote.question != gate.question => VoteStanding::AskedAgain,
        Decision::Approve if ticket.has_lapsed(vote, tier, around) => VoteStanding::Lapsed,
        Decision::Approve if gate.approvals.iter().all(|counted| counted.by != vote.by) => VoteStanding::NotAdmitted,
        _ => VoteStanding::Counts,
    }
}

/// What stands between a ticket and being active, in the order in which it has to be removed.
pub fn blockers<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, around: &Surroundings<'_>) -> Vec<Blocker> {
    let number = ticket.number;
    let blocker = |what: String, who: &str, command: String| Blocker { what, who: who.into(), command };
    let refused = |refusal: Refusal| blocker(refusal.what(), refusal.who(), refusal.command());
    let state = ticket.state(around);
    match state {
        State::Active => Vec::new(),
        State::Approved => {
            let window = ticket.document().window;
            if window.is_open(around.now) {
                vec![blocker("it waits to be activated".into(), "an operator", format!("egressctl ticket activate {number}"))]
            } else {
                vec![refused(Refusal::WindowNotOpen { ticket: number.to_string(), opens: window.opens.to_string() })]
            }
        }
        State::Closed | State::Rejected | State::Withdrawn | State::Revoked => {
            let refusal = Refusal::TicketEnded { ticket: number.to_string(), state: state.name().into() };
            let why = match ticket.rejection() {
                Some(vote) if state == State::Rejected => format!("rejected at the gate {}: {}", vote.gate, vote.reason),
                _ => refusal.what(),
            };
            vec![blocker(why, refusal.who(), refusal.command())]
        }
        // Nobody may vote before what holds it is cleared: nothing else is advised.
        State::OnHold => match ticket.blocked(around) {
            Some(Refusal::OnHold { .. } | Refusal::VendorRevoked { .. }) => vendors::blockers(facts, around.vendor),
            other => other.into_iter().map(refused).collect(),
        },
        State::InReview | State::Suspended => {
            let blocked = ticket.blocked(around).into_iter().map(refused);
            let open = ticket.gates(around).into_iter().filter(|standing| !standing.is_green());
            blocked.chain(open.map(|standing| open_gate(facts, ticket, &standing, around))).collect()
        }
    }
}

fn open_gate<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    standing: &GateStanding<'_>,
    around: &Surroundings<'_>,
) -> Blocker {
    let (number, gate) = (ticket.number, standing.gate);
    let first = ticket.waits_for(gate, around);
    if !first.is_empty() {
        let first: Vec<&str> = first.into_iter().map(Gate::name).collect();
        let what = format!("the gate {gate} takes votes after {}", first.join(", "));
        return Blocker { what, who: "nobody: it opens by itself".into(), command: format!("egressctl ticket show {number}") };
    }
    let what = match (standing.approvals.len(), standing.needed) {
        (_, 1) => format!("the gate {gate} has not approved it"),
        (have, needed) => format!("the gate {gate} has {have} of {needed} approvals"),
    };
    let tier = ticket.document().tier(around.policy);
    let lapsed = ticket
        .votes
        .iter()
        .any(|vote| vote.gate == gate && vote.question == standing.question && ticket.has_lapsed(vote, tier, around));
    let what = match asked_again(facts, ticket, standing) {
        approved if approved.is_empty() && lapsed => format!("{what}: it is asked again, an approval is too old to count"),
        approved if approved.is_empty() => what,
        approved => format!("{what}: it is asked again, the question has changed since {} approved", approved.join(" and ")),
    };
    Blocker {
        what,
        who: match facts.policy.scopes_of(gate.role()).next() {
            None => format!("a {} who is not the requester and holds no other gate of it", gate.role()),
            Some(_) => {
                format!("a {} whom the policy's [[scope]] admits, not the requester, with no other gate of it", gate.role())
            }
        },
        command: format!("egressctl ticket vote {number} --gate {gate} --approve"),
    }
}

/// Who approved what a gate asked before, and has not answered what it asks now.
fn asked_again<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, standing: &GateStanding<'_>) -> Vec<String> {
    let approved = ticket.votes.iter().filter(|vote| vote.gate == standing.gate && vote.decision == Decision::Approve);
    let before = approved.filter(|vote| vote.question != standing.question).map(|vote| vote.by);
    let before: BTreeSet<_> = before.filter(|by| standing.approvals.iter().all(|vote| vote.by != *by)).collect();
    before.into_iter().map(|by| name_of(facts, by)).collect()
}

/// For `explain`: the requester by name.
pub fn requester<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier) -> String {
    name_of(facts, ticket.requester)
}
