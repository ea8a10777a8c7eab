//! The review page: what each gate asks, what has changed since, and whether it asks the person who looks.

use super::{gates, moments::moment, risk, slug_of, tickets, words};
use crate::{
    domain::{
        authority::Act,
        change::changes,
        dossier::{Revision, State, Surroundings, TicketDossier},
        event::{Actor, Decision, Event, Subject},
        form::{QUESTIONS, Question},
        ids::TicketNumber,
        people::Person,
        ticket::Field,
        vendor::VendorRevision,
        vote::Vote,
    },
    gateway::{
        answers::{AnswerView, Blocker, GateReview, GateView, HeldFor, Listing, ReviewedField, SignedVote, TicketReview},
        desk::Desk,
        facts::{Facts, Source},
        outcome::Refused,
        review::eligible,
        vault::find,
    },
};
use std::collections::BTreeMap;

impl Desk {
    pub async fn ticket_review(&self, by: Actor, ticket: TicketNumber) -> Result<TicketReview, Refused> {
        self.look(|facts| {
            let person = facts.person(by)?;
            Act::Look.allowed(person)?;
            review(facts, person, &*facts.ticket_numbered(ticket)?)
        })
    }
}

impl Desk {
    /// The votes on a ticket, oldest first, without those that the policy does not show yet.
    pub async fn ticket_votes(&self, by: Actor, ticket: TicketNumber) -> Result<Listing<SignedVote>, Refused> {
        self.look(|facts| {
            let person = facts.person(by)?;
            Act::Look.allowed(person)?;
            let ticket = facts.ticket_numbered(ticket)?;
            let vendor = facts.vendor(ticket.vendor)?;
            let around = facts.around(&vendor);
            let shown = ticket.votes.iter().filter(|vote| !gates::is_hidden(&ticket, vote, &around, Some(person.id)));
            Ok(Listing::of(shown.filter_map(|vote| signed(facts, vote)).collect()))
        })
    }
}

/// `None`: its voter is not on the roster, so nobody knows the key.
fn signed<S: Source>(facts: &Facts<'_, S>, vote: &Vote) -> Option<SignedVote> {
    let person = facts.roster.person(vote.by)?;
    Some(SignedVote {
        leaf: vote.leaf,
        at: vote.at.to_string(),
        who: person.name.clone(),
        key: person.key.to_string(),
        gate: vote.ballot.gate,
        decision: vote.ballot.decision,
        text: vote.ballot.text(&vote.asked),
        signature: vote.signature.clone(),
    })
}

fn review<S: Source>(facts: &Facts<'_, S>, person: &Person, ticket: &TicketDossier) -> Result<TicketReview, Refused> {
    let vendor = facts.vendor(ticket.vendor)?;
    let around = facts.around(&vendor);
    let revision = ticket.under_review();
    let document = &revision.document;
    let (state, reviewed) = (ticket.state(&around), ticket.review(revision, &around));
    let before = compared_with(ticket, revision);
    let assessed = vendor.current(&facts.roster).or(vendor.revisions.last());
    Ok(TicketReview {
        ticket: ticket.number,
        title: document.title.clone(),
        state: words::ticket_state(reviewed),
        ticket_state: (state != reviewed).then(|| words::ticket_state(state)),
        tier: words::tier(document.tier(&facts.policy)),
        vendor: vendor.slug.clone(),
        vendor_name: assessed.map(|filed| filed.document.name.clone()).unwrap_or_default(),
        assessment: assessed.map(assessment).unwrap_or_default(),
        purpose: document.purpose.clone(),
        requester: slug_of(facts, Some(ticket.requester)),
        revision: revision.digest,
        revision_number: tickets::number_of(ticket, revision),
        policy: facts.policy.digest(),
        fields: document.fields.iter().map(|field| reviewed_field(facts, field)).collect(),
        conditions: facts.policy.conditions_on(&document.traits(&facts.policy)).map(|condition| condition.name.clone()).collect(),
        red_flags: risk::red_flags_of(facts, ticket, revision, &around),
        acceptances: risk::acceptances(facts, ticket, &around),
        compared_with: before.map(|before| tickets::number_of(ticket, before)),
        changes: before.map_or_else(Vec::new, |before| changes(&before.document, document)).into_iter().map(Into::into).collect(),
        held: held(facts, ticket)?,
        gates: gates::views(facts, ticket, &around, person.id)
            .into_iter()
            .map(|gate| asked(person, ticket, revision, &around, gate))
            .collect(),
        awaits_you: ticket.awaits(person, &around),
        waits_for: waits_for(facts, ticket, &around, state)?,
        reasons: facts.policy.reasons().iter().map(|(code, means)| (code.to_string(), means.clone())).collect(),
    })
}

/// What runs waits for nothing but its amendment; what is over waits for no vote, and tells how it ended.
fn waits_for<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    state: State,
) -> Result<Vec<Blocker>, Refused> {
    if let Some(amendment) = tickets::amendment(facts, ticket, around) {
        return Ok(amendment.next);
    }
    let mut waits_for = tickets::blockers(facts, ticket, around);
    if matches!(state, State::Withdrawn | State::Revoked | State::Closed) {
        let records = facts.source().chain(Subject::Ticket(ticket.id))?;
        let ends = |event: &Event| matches!(event, Event::TicketWithdrawn | Event::TicketRevoked | Event::TicketClosed);
        let end = records.iter().rfind(|record| ends(&record.event)).map(|record| moment(facts, record));
        if let (Some(end), Some(told)) = (end, waits_for.first_mut()) {
            told.what = format!("{}, by {} at {}", end.what, end.who, end.at);
        }
    }
    Ok(waits_for)
}

/// `SOC 2 type II, October 2026; valid until 2027-10-31`
fn assessment(filed: &VendorRevision) -> String {
    let assessment = &filed.document.assessment;
    format!("{}; valid until {}", assessment.reference, assessment.valid_until)
}

/// What was approved last, as far as anything was; else the revision before.
fn compared_with<'t>(ticket: &'t TicketDossier, revision: &Revision) -> Option<&'t Revision> {
    let at = ticket.revision_number(revision.digest)?.checked_sub(2)?;
    if ticket.is_activated() && ticket.current().digest != revision.digest {
        return Some(ticket.current());
    }
    ticket.revisions().get(at)
}

fn reviewed_field<S: Source>(facts: &Facts<'_, S>, field: &Field) -> ReviewedField {
    let class = facts.policy.class(&field.class);
    ReviewedField {
        field: tickets::field(field),
        tier: class.map(|class| words::tier(class.tier)),
        describes: class.map(|class| class.describes.clone()).unwrap_or_default(),
    }
}

/// What inspection has found in files that wait under the ticket: code and how many files.
fn held<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier) -> Result<Vec<HeldFor>, Refused> {
    let mut files: BTreeMap<(String, String), u64> = BTreeMap::new();
    for id in facts.find(|conn| find::held_files(conn, ticket.id))? {
        if let Some(held) = &facts.file(id)?.held {
            let codes: BTreeMap<&String, &String> = held.findings.iter().map(|finding| (&finding.code, &finding.what)).collect();
            for (code, what) in codes {
                *files.entry((code.clone(), what.clone())).or_default() += 1;
            }
        }
    }
    Ok(files.into_iter().map(|((code, what), files)| HeldFor { code, what, files }).collect())
}

fn asked(
    person: &Person,
    ticket: &TicketDossier,
    revision: &Revision,
    around: &Surroundings<'_>,
    standing: GateView,
) -> GateReview {
    let gate = standing.gate;
    let question_text = ticket.question_text(revision, gate, around).unwrap_or_default();
    let may = |decision| eligible(person, ticket, around, gate, decision);
    let (number, read) = (ticket.number, standing.question.short());
    let ways = [
        (Decision::Approve, format!("egressctl ticket vote {number} --gate {gate} --approve --question {read}")),
        (
            Decision::RequestChanges,
            format!(
                "egressctl ticket vote {number} --gate {gate} --request-changes --because CODE --reason \"WHY\" --comment PLACE=\"WHAT\""
            ),
        ),
        (Decision::Reject, format!("egressctl ticket vote {number} --gate {gate} --reject --because CODE --reason \"WHY\"")),
    ];
    let commands = ways.into_iter().filter(|(decision, _)| may(*decision).is_ok()).map(|(_, command)| command).collect();
    GateReview {
        gate,
        answers: answers(&question_text, around),
        question_text,
        not_you: may(Decision::Reject).err().map(|refusal| refusal.what()),
        commands,
        standing,
    }
}

/// The answers that a question names, in the form's order and words. The vendor, which a question names by its id, by name as well.
fn answers(question_text: &str, around: &Surroundings<'_>) -> Vec<AnswerView> {
    let Ok(question) = serde_json::from_str::<serde_json::Value>(question_text) else { return Vec::new() };
    let answer = |asked: &Question| {
        let path = format!("/{}", asked.path.replace('.', "/"));
        let answer = question.pointer(&path).or_else(|| question.pointer(&format!("/asks{path}")))?;
        let answer = match asked.path {
            "vendor" => format!("{} ({})", around.vendor.slug, tickets::plain(answer)),
            _ => tickets::plain(answer),
        };
        Some(AnswerView { path: asked.path.to_owned(), question: asked.ask.to_owned(), answer })
    };
    QUESTIONS.iter().filter(|asked| asked.table() != "field").filter_map(answer).collect()
}
