//! Review: one person's signed vote at one gate of a ticket, over that gate's question.

use super::{
    answers::Blocker,
    answers::Voted,
    core::Core,
    desk::Desk,
    facts::Facts,
    outcome::Refused,
    show::words,
    suspend::{fall, resumption},
    vault::Tx,
};
use crate::domain::{
    authority::Act,
    dossier::{State, Surroundings, TicketDossier},
    event::{Actor, Decision, Detail, Event, Fact, Subject},
    limits,
    people::{Gate, Person},
    refusal::Refusal,
    signature::NAMESPACE_VOTE,
    vote::{Asked, Ballot},
};

impl Desk {
    /// `signature`: an armoured SSHSIG over the ballot's text, in the namespace of votes.
    pub async fn ticket_vote(&self, by: Actor, asked: Asked, ballot: Ballot, signature: String) -> Result<Voted, Refused> {
        let voted = self.act(move |core, tx| vote(core, tx, by, asked, ballot, signature)).await?;
        // A term or a rejection may end what a session rests on.
        self.cut_what_no_longer_stands().await;
        Ok(voted)
    }
}

fn vote(core: &Core, tx: &mut Tx<'_>, by: Actor, asked: Asked, ballot: Ballot, signature: String) -> Result<Voted, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    let ticket = facts.ticket_numbered(asked.ticket)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let Ballot { gate, decision, .. } = ballot;
    // 1. May this person vote here at all?
    eligible(person, &ticket, &around, gate, decision)?;
    said_before(person, &ticket, &around, &ballot)?;
    let given = ticket.votes.iter().filter(|vote| vote.by == person.id).count();
    if given >= limits::VOTES_EACH && decision != Decision::Reject {
        return Err(Refusal::TooMany { what: "votes of one person on one ticket", limit: limits::VOTES_EACH }.into());
    }
    // 2. Is what was signed what is asked, and no text of an earlier vote?
    let asked = Asked { after: ticket.last_vote_of(person.id), ..asked };
    let revision = ticket.under_review();
    let question = ticket.question(revision, gate, &around);
    if (question, revision.digest, facts.policy.digest()) != (Some(asked.question), asked.revision, asked.policy) {
        return Err(Refusal::QuestionChanged { ticket: asked.ticket.to_string() }.into());
    }
    person.key.verify(NAMESPACE_VOTE, ballot.text(&asked).as_bytes(), &signature).map_err(Refusal::from)?;
    // 3. Does it mean something there?
    ballot.check(&revision.document, &facts.policy)?;
    // 4. Record it. A vote may give back what the ticket lost.
    if let Some(fact) = fall(&ticket, &around) {
        tx.append(fact)?;
    }
    let Asked { question, revision, policy, .. } = asked;
    let Ballot { because, reason, comments, terms, .. } = ballot;
    let event = Event::TicketVoted { gate, decision, because, question, revision, policy };
    let detail = Detail::Vote { reason, comments, terms, signature };
    let record = tx.append(Fact::new(by, Subject::Ticket(ticket.id), event).with(detail))?;
    let facts = Facts::read(core, &*tx)?;
    let ticket = facts.ticket(ticket.id)?;
    let around = facts.around(&vendor);
    let state = ticket.state(&around);
    let open_gates = ticket.open_gates(ticket.under_review(), &around).into_iter().filter(|_| !state.is_over());
    Ok(Voted {
        ticket: asked.ticket,
        gate,
        decision,
        state: words::ticket_state(state),
        open_gates: open_gates.collect(),
        leaf: record.index,
        next: next(&ticket, &around, state),
    })
}

/// What follows a vote that leaves the ticket in `state`.
fn next(ticket: &TicketDossier, around: &Surroundings<'_>, state: State) -> Vec<Blocker> {
    let number = ticket.number;
    if state.is_over() {
        return Vec::new();
    }
    let amendment = if ticket.amendment().is_some() { "its amendment" } else { "it" };
    let next = match ticket.review(ticket.under_review(), around) {
        State::Approved if state == State::Suspended && ticket.amendment().is_none() => resumption(ticket, around),
        State::Approved => Blocker {
            what: format!("{amendment} is approved and waits to be activated"),
            who: "an operator".into(),
            command: format!("egressctl ticket activate {number}"),
        },
        State::Returned => Blocker {
            what: format!("{amendment} waits for another revision"),
            who: "its requester".into(),
            command: format!("egressctl ticket revise {number} FILE"),
        },
        _ => return Vec::new(),
    };
    vec![next]
}

/// Whether this person may say that at this gate now.
pub(super) fn eligible(
    person: &Person,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    gate: Gate,
    decision: Decision,
) -> Result<(), Refusal> {
    let number = ticket.number.to_string();
    if person.id == ticket.requester {
        return Err(Refusal::RequesterMayNotVote { ticket: number });
    }
    Act::Vote.allowed(person)?;
    let revision = ticket.under_review();
    ticket.admits(person, revision, gate, around)?;
    takes_votes(ticket, around, decision)?;
    if !revision.document.gates(around.policy).contains(&gate) {
        return Err(Refusal::GateNotNeeded { ticket: number, gate: gate.to_string() });
    }
    if let Some(first) = ticket.waits_for(revision, gate, around).first() {
        return Err(Refusal::GateComesLater { ticket: number, gate: gate.to_string(), first: first.to_string() });
    }
    match ticket.votes.iter().find(|vote| vote.by == person.id && vote.ballot.gate != gate) {
        Some(other) => Err(Refusal::OneGateEach { ticket: number, held: other.ballot.gate.to_string() }),
        None => Ok(()),
    }
}

/// What waits for votes takes them. What is approved and does not run yet still takes back an approval.
fn takes_votes(ticket: &TicketDossier, around: &Surroundings<'_>, decision: Decision) -> Result<(), Refusal> {
    let state = ticket.state(around);
    let review = ticket.review(ticket.under_review(), around);
    let pending = !ticket.is_activated() || ticket.amendment().is_some();
    let taken = match review {
        State::InReview => true,
        // Others may be of another mind than whoever sent it back, and say so at once; the policy's objection is nobody's mind.
        State::Returned => ticket.blocked_in(ticket.under_review(), around).is_none(),
        State::Approved => pending && decision != Decision::Approve,
        _ => false,
    };
    if taken && !state.is_over() {
        return Ok(());
    }
    let number = ticket.number.to_string();
    Err(match ticket.blocked_in(ticket.under_review(), around) {
        Some(refusal) if !state.is_over() => refusal,
        _ => Refusal::NotInReview { ticket: number, state: state.name().into() },
    })
}

fn said_before(person: &Person, ticket: &TicketDossier, around: &Surroundings<'_>, ballot: &Ballot) -> Result<(), Refusal> {
    let number = ticket.number.to_string();
    let revision = ticket.under_review();
    let question = ticket.question(revision, ballot.gate, around);
    let last = ticket.votes.iter().rfind(|vote| vote.by == person.id && Some(vote.asked.question) == question);
    match last {
        // Whoever approved too long ago is asked again.
        Some(last)
            if last.ballot == *ballot
                && last.asked.revision == revision.digest
                && !ticket.has_lapsed(last, revision.document.tier(around.policy), around) =>
        {
            Err(Refusal::VotedAlready { ticket: number, gate: ballot.gate.to_string() })
        }
        _ => Ok(()),
    }
}
