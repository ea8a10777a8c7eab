//! Review: one person's signed vote at one gate of a ticket, over that gate's question.

use super::{answers::Blocker, answers::Voted, core::Core, desk::Desk, facts::Facts, outcome::Refused, show::words, vault::Tx};
use crate::domain::{
    authority::Act,
    digest::Digest,
    dossier::{State, Surroundings, TicketDossier},
    event::{Actor, Decision, Detail, Event, Fact, Subject},
    ids::TicketNumber,
    people::{Gate, Person},
    question::vote_text,
    refusal::Refusal,
    signature::NAMESPACE_VOTE,
};

/// What a person sends who votes.
pub struct Ballot {
    pub ticket: TicketNumber,
    pub gate: Gate,
    pub decision: Decision,
    pub reason: String,
    /// What was signed: it must be, letter for letter, the text of the question asked now.
    pub text: String,
    pub signature: String,
}

impl Desk {
    #[expect(clippy::too_many_arguments, reason = "the request's own members, one for one")]
    pub async fn ticket_vote(
        &self,
        by: Actor,
        ticket: TicketNumber,
        gate: Gate,
        decision: Decision,
        reason: String,
        text: String,
        signature: String,
    ) -> Result<Voted, Refused> {
        let ballot = Ballot { ticket, gate, decision, reason, text, signature };
        self.act(move |core, tx| vote(core, tx, by, ballot)).await
    }
}

fn vote(core: &Core, tx: &mut Tx<'_>, by: Actor, ballot: Ballot) -> Result<Voted, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    let ticket = facts.ticket_numbered(ballot.ticket)?;
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    // 1. May this person vote here at all?
    eligible(person, &ticket, &around, ballot.gate)?;
    // 2. Is what was signed what is asked?
    let question = ticket
        .question(ballot.gate, &around)
        .ok_or(Refusal::NotInReview { ticket: ballot.ticket.to_string(), state: State::OnHold.name().into() })?;
    let (revision, policy) = (ticket.current().digest, facts.policy.digest());
    signed(person, &ballot, question, revision, policy)?;
    // 3. Record it.
    if ballot.decision == Decision::Reject && ballot.reason.trim().is_empty() {
        return Err(Refusal::ReasonNeeded { act: "ticket vote" }.into());
    }
    let event = Event::TicketVoted { gate: ballot.gate, decision: ballot.decision, question, revision, policy };
    let detail = Detail::Signed { text: ballot.text, signature: ballot.signature, reason: ballot.reason };
    let record = tx.append(Fact::new(by, Subject::Ticket(ticket.id), event).with(detail))?;
    let facts = Facts::read(core, &*tx)?;
    let ticket = facts.ticket(ticket.id)?;
    let around = facts.around(&vendor);
    let state = ticket.state(&around);
    let next = (state == State::Approved).then(|| Blocker {
        what: "it is approved and waits to be activated".into(),
        who: "an operator".into(),
        command: format!("egressctl ticket activate {}", ballot.ticket),
    });
    Ok(Voted {
        ticket: ballot.ticket,
        gate: ballot.gate,
        decision: ballot.decision,
        state: words::ticket_state(state),
        open_gates: ticket.open_gates(&around).into_iter().collect(),
        leaf: record.index,
        next: next.into_iter().collect(),
    })
}

fn eligible(person: &Person, ticket: &TicketDossier, around: &Surroundings<'_>, gate: Gate) -> Result<(), Refusal> {
    let number = ticket.number.to_string();
    if person.id == ticket.requester {
        return Err(Refusal::RequesterMayNotVote { ticket: number });
    }
    Act::Vote.allowed(person)?;
    ticket.admits(person, gate, around)?;
    let state = ticket.state(around);
    if !matches!(state, State::InReview | State::Suspended) {
        return Err(match ticket.blocked(around) {
            Some(refusal) if state == State::OnHold => refusal,
            _ => Refusal::NotInReview { ticket: number, state: state.name().into() },
        });
    }
    if !ticket.document().gates(around.policy).contains(&gate) {
        return Err(Refusal::GateNotNeeded { ticket: number, gate: gate.to_string() });
    }
    if let Some(first) = ticket.waits_for(gate, around).first() {
        return Err(Refusal::GateComesLater { ticket: number, gate: gate.to_string(), first: first.to_string() });
    }
    let (question, tier) = (ticket.question(gate, around), ticket.document().tier(around.policy));
    for vote in ticket.votes.iter().filter(|vote| vote.by == person.id) {
        if vote.gate != gate {
            return Err(Refusal::OneGateEach { ticket: number, held: vote.gate.to_string() });
        }
        // Whoever approved too long ago is asked again.
        if Some(vote.question) == question && !ticket.has_lapsed(vote, tier, around) {
            return Err(Refusal::VotedAlready { ticket: number, gate: gate.to_string() });
        }
    }
    Ok(())
}

fn signed(person: &Person, ballot: &Ballot, question: Digest, revision: Digest, policy: Digest) -> Result<(), Refusal> {
    let asked = vote_text(ballot.ticket, ballot.gate, ballot.decision, question, revision, policy);
    if ballot.text != asked {
        return Err(Refusal::QuestionChanged { ticket: ballot.ticket.to_string() });
    }
    person
        .key
        .verify(NAMESPACE_VOTE, asked.as_bytes(), &ballot.signature)
        .map_err(|error| Refusal::SignatureRefused { why: error.to_string() })
}
