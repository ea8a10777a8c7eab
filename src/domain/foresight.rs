//! Foresight: what another policy would make of a ticket, and of a roster, with nothing recorded.

use super::{
    dossier::{GateStanding, State, Surroundings, TicketDossier},
    ids::{PersonId, Slug},
    people::{Gate, Person, Role, Roster},
    policy::{Answers, Policy, Tier},
    refusal::Refusal,
};
use std::collections::{BTreeMap, BTreeSet};

/// A ticket now, and as another policy would have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Foresight {
    pub now: State,
    pub then: State,
    /// Why it would be another, or lose votes.
    pub because: Vec<Because>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Because {
    /// The policy would have this against it.
    Objection(Refusal),
    /// A gate that is not asked now.
    Asked {
        gate: Gate,
        needed: u32,
    },
    NoLongerAsked {
        gate: Gate,
    },
    /// Votes that would no longer count: the gate's question is another, or those who voted may not.
    VotesLost {
        gate: Gate,
        lost: u32,
        of: u32,
    },
    MoreNeeded {
        gate: Gate,
        needed: u32,
        of: u32,
    },
    /// Fewer people could hold the gate of this ticket than it would ask for.
    TooFew {
        gate: Gate,
        needed: u32,
        people: u32,
    },
}

impl Foresight {
    /// `None`: the ticket has ended, or nothing would change for it.
    pub fn of(ticket: &TicketDossier, now: &Surroundings<'_>, policy: &Policy) -> Option<Self> {
        let then = Surroundings { policy, ..*now };
        let (before, after) = (ticket.state(now), ticket.state(&then));
        if before.is_over() {
            return None;
        }
        let answers = Answers::from(ticket.document());
        let standing = now.policy.objections(&answers);
        let new = policy.objections(&answers).into_iter().filter(|objection| !standing.contains(objection));
        let mut because: Vec<Because> = new.map(|objection| Because::Objection(objection.refusal())).collect();
        because.extend(between(ticket.gates(ticket.current(), now), ticket.gates(ticket.current(), &then)));
        let few = too_few(ticket, now);
        because.extend(too_few(ticket, &then).into_iter().filter(|short| !few.contains(short)));
        (before != after || !because.is_empty()).then_some(Self { now: before, then: after, because })
    }
}

fn too_few(ticket: &TicketDossier, around: &Surroundings<'_>) -> Vec<Because> {
    let could = |gate: Gate| {
        let others = around.roster.people().filter(|person| person.id != ticket.requester);
        u32::try_from(others.filter(|person| ticket.admits(person, ticket.current(), gate, around).is_ok()).count())
            .unwrap_or(u32::MAX)
    };
    let open = ticket.gates(ticket.current(), around).into_iter().filter(|standing| !standing.is_green());
    let counted = open.map(|GateStanding { gate, needed, .. }| (gate, needed, could(gate)));
    let few = counted.filter(|(_, needed, people)| people < needed);
    few.map(|(gate, needed, people)| Because::TooFew { gate, needed, people }).collect()
}

/// What changes from one set of gates to another.
fn between(before: Vec<GateStanding<'_>>, after: Vec<GateStanding<'_>>) -> Vec<Because> {
    let count = |votes: usize| u32::try_from(votes).unwrap_or(u32::MAX);
    let mut old: BTreeMap<Gate, GateStanding<'_>> = before.into_iter().map(|standing| (standing.gate, standing)).collect();
    let mut because = Vec::new();
    for GateStanding { gate, approvals, needed, .. } in after {
        let Some(known) = old.remove(&gate) else {
            because.push(Because::Asked { gate, needed });
            continue;
        };
        let still: BTreeSet<PersonId> = approvals.iter().map(|vote| vote.by).collect();
        let lost = known.approvals.iter().filter(|vote| !still.contains(&vote.by)).count();
        if lost > 0 {
            because.push(Because::VotesLost { gate, lost: count(lost), of: count(known.approvals.len()) });
        }
        if needed > known.needed {
            because.push(Because::MoreNeeded { gate, needed, of: known.needed });
        }
    }
    because.extend(old.into_keys().map(|gate| Because::NoLongerAsked { gate }));
    because
}

/// More votes than there are people for them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shortage {
    /// Too few have the gate's role.
    Gate { tier: Tier, gate: Gate, needed: u32, people: u32 },
    /// Each gate has enough, and together they have not: one person holds one gate of a ticket.
    Tier { tier: Tier, needed: u32, people: u32 },
    /// A scope names somebody who does not have the role, or whom nobody knows: it lets nobody in.
    Stranger { name: Slug, role: Role },
}

/// Where requests could never be approved, whatever they say: the requester, who holds no gate, not yet counted out.
pub fn shortages(policy: &Policy, roster: &Roster) -> Vec<Shortage> {
    let count = |people: usize| u32::try_from(people).unwrap_or(u32::MAX);
    let mut short = Vec::new();
    for tier in Tier::ALL {
        let own = policy.rule(tier).gates.clone();
        let more = policy.conditions().iter().filter(|condition| condition.tiers.is_empty() || condition.tiers.contains(&tier));
        let more: BTreeSet<Gate> = more.flat_map(|condition| condition.gates.iter().copied()).collect();
        let mut of_tier = Vec::new();
        for gate in own.union(&more).copied() {
            let (needed, people) =
                (policy.votes_needed(gate, tier), count(roster.people().filter(|person| person.has(gate.role())).count()));
            if people < needed {
                of_tier.push(Shortage::Gate { tier, gate, needed, people });
            }
        }
        let seats: Vec<Gate> =
            own.iter().flat_map(|gate| std::iter::repeat_n(*gate, policy.votes_needed(*gate, tier) as usize)).collect();
        let seated = seated(&seats, roster);
        if of_tier.is_empty() && seated < seats.len() {
            of_tier.push(Shortage::Tier { tier, needed: count(seats.len()), people: count(seated) });
        }
        short.extend(of_tier);
    }
    short.extend(strangers(policy, roster));
    short
}

fn strangers(policy: &Policy, roster: &Roster) -> Vec<Shortage> {
    let named = policy.scopes().iter().flat_map(|scope| scope.people.iter().map(|name| (name, scope.role)));
    let unknown = named.filter(|(name, role)| roster.by_name(name).is_none_or(|person| !person.has(*role)));
    let unknown: BTreeSet<(&Slug, Role)> = unknown.collect();
    unknown.into_iter().map(|(name, role)| Shortage::Stranger { name: name.clone(), role }).collect()
}

/// How many of the seats can be taken at once, each by another person.
fn seated(seats: &[Gate], roster: &Roster) -> usize {
    let people: Vec<&Person> = roster.people().collect();
    let mut taken: Vec<Option<usize>> = vec![None; people.len()];
    (0..seats.len()).filter(|seat| takes(*seat, seats, &people, &mut taken, &mut BTreeSet::new())).count()
}

/// Whether a seat finds somebody, if need be by moving who sits there to another one.
fn takes(seat: usize, seats: &[Gate], people: &[&Person], taken: &mut [Option<usize>], asked: &mut BTreeSet<usize>) -> bool {
    for at in 0..people.len() {
        if !people[at].has(seats[seat].role()) || !asked.insert(at) {
            continue;
        }
        if taken[at].is_none_or(|other| takes(other, seats, people, taken, asked)) {
            taken[at] = Some(seat);
            return true;
        }
    }
    false
}
