//! Simulate: which tickets would fall or lose votes under another policy, and why. Nothing is recorded.

use super::{
    answers::{Listing, SimulatedTicket, Simulation},
    desk::Desk,
    facts::{Facts, Source},
    outcome::{Fault, Refused},
    show::words,
    vault::find,
};
use crate::domain::{
    authority::Act,
    dossier::TicketDossier,
    event::Actor,
    foresight::{Because, Foresight, Shortage, shortages},
    ids::TicketId,
    limits,
    policy::Policy,
    refusal::Refusal,
    shown::many,
};

impl Desk {
    pub async fn policy_simulate(&self, by: Actor, document: String) -> Result<Simulation, Refused> {
        self.look(|facts| Ok(Act::Look.allowed(facts.person(by)?)?))?;
        // Reading takes as long as whoever wrote it likes: one after another, as with requests.
        let turn = self.gateway.core.linting.lock().await;
        let read = tokio::task::spawn_blocking(move || Policy::read(&document)).await;
        drop(turn);
        let policy = read.map_err(|error| Fault::new("reading a policy", error))?.map_err(|problems| {
            let reason = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            Refusal::BadDocument { reason, act: "policy simulate" }
        })?;
        let (ids, short_of) = self.look(|facts| {
            let short = shortages(&policy, &facts.roster).iter().map(short).collect();
            Ok((facts.find(find::tickets)?, short))
        })?;
        let looked_at = ids.len().min(limits::TICKETS_SIMULATED);
        let mut rows = Vec::new();
        // A page after another: a reader of the ledger is held by nobody for long.
        for page in ids[..looked_at].chunks(limits::TICKETS_AT_ONCE) {
            rows.extend(self.look(|facts| foreseen(facts, page, &policy))?);
            tokio::task::yield_now().await;
        }
        Ok(Simulation {
            policy: policy.digest(),
            goes_by: self.gateway.core.rules().policy.digest(),
            looked_at: looked_at as u64,
            left_out: (ids.len() - looked_at) as u64,
            short_of,
            tickets: Listing::of(rows),
        })
    }
}

fn foreseen<S: Source>(facts: &Facts<'_, S>, page: &[TicketId], policy: &Policy) -> Result<Vec<SimulatedTicket>, Refused> {
    let mut rows = Vec::new();
    for id in page {
        // A copy: what the ticket keeps for today's policy stays kept.
        let ticket = TicketDossier::clone(&*facts.ticket(*id)?);
        let vendor = facts.vendor(ticket.vendor)?;
        if let Some(Foresight { now, then, because }) = Foresight::of(&ticket, &facts.around(&vendor), policy) {
            rows.push(SimulatedTicket {
                ticket: ticket.number,
                vendor: vendor.slug.clone(),
                state: words::ticket_state(now),
                would_be: words::ticket_state(then),
                because: because.iter().take(limits::NAMED_ONE_BY_ONE).map(why).collect(),
            });
        }
    }
    Ok(rows)
}

fn why(because: &Because) -> String {
    match because {
        Because::Objection(refusal) => refusal.to_string(),
        Because::Asked { gate, needed } => format!("the gate {gate} is asked too, for {}", many((*needed).into(), "vote")),
        Because::NoLongerAsked { gate } => format!("the gate {gate} is not asked any more"),
        Because::VotesLost { gate, lost, of } => {
            format!(
                "the gate {gate} loses {lost} of {}: its question is another, or who voted may not",
                many((*of).into(), "vote")
            )
        }
        Because::TooFew { gate, needed, people } => {
            format!("the gate {gate} asks for {}, and {people} of the staff could give one", many((*needed).into(), "vote"))
        }
        Because::MoreNeeded { gate, needed, of } => {
            format!("the gate {gate} asks for {} and not {of}", many((*needed).into(), "vote"))
        }
    }
}

fn short(shortage: &Shortage) -> String {
    match shortage {
        Shortage::Gate { tier, gate, needed, people } => format!(
            "{tier}: the gate {gate} asks for {}, and {} the role {}",
            many((*needed).into(), "vote"),
            if *people == 1 { "1 person has".to_owned() } else { format!("{people} people have") },
            gate.role()
        ),
        Shortage::Stranger { name, role } => format!("a [[scope]] of {role} names {name}, who does not have that role"),
        Shortage::Tier { tier, needed, people } => {
            format!("{tier}: its gates ask for {needed} different people, and only {people} could hold one each")
        }
    }
}
