//! A revision's gates: what each asks, and which votes count for it. Every listing, open and read wants to know.

use super::{Revision, Surroundings, TicketDossier};
use crate::domain::{
    bounds::Bounds,
    digest::Digest,
    event::Decision,
    ids::PersonId,
    memo::{EditionName, Memo},
    people::{Gate, Person},
    time::Time,
    vote::Vote,
};
use std::{collections::BTreeMap, sync::Arc};

/// One gate of a revision, as it stands.
#[derive(Clone, Debug)]
pub struct GateStanding<'a> {
    pub gate: Gate,
    pub question: Digest,
    /// The votes that count, one of a person.
    pub approvals: Vec<&'a Vote>,
    /// The last words of those who asked for changes, or said no, where the same was asked. A new title answers nobody, and a "no" outlives the key
    /// that gave it.
    pub objections: Vec<&'a Vote>,
    /// How many have to approve.
    pub needed: u32,
}

impl GateStanding<'_> {
    pub fn is_green(&self) -> bool {
        self.objections.is_empty() && self.approvals.len() >= self.needed as usize
    }
}

/// What was found out about a revision, and around what.
#[derive(Clone, Default, Debug)]
pub(super) struct Found {
    /// By policy and assessment: a question is a digest over the whole inventory.
    questions: [Memo<(Digest, Digest), Digest>; Gate::ALL.len()],
    tally: Memo<Around, Arc<Tally>>,
}

/// All of the surroundings but the clock.
#[derive(PartialEq)]
struct Around {
    policy: Digest,
    vendor: EditionName,
    roster: EditionName,
    house: EditionName,
}

/// Which votes count at each gate, and what binds by them.
pub(super) struct Tally {
    gates: Vec<Counted>,
    /// Places among the ticket's votes of those whose terms bind.
    binding: Vec<usize>,
    pub(super) bounds: Arc<Bounds>,
    /// As of when.
    at: Time,
    /// When the first of them is too old.
    until: Option<Time>,
}

struct Counted {
    gate: Gate,
    question: Digest,
    /// Places among the ticket's votes.
    approvals: Vec<usize>,
    objections: Vec<usize>,
    needed: u32,
}

impl TicketDossier {
    /// The question that `gate` asks about a revision now.
    pub fn question(&self, revision: &Revision, gate: Gate, around: &Surroundings<'_>) -> Option<Digest> {
        Some(self.asks(revision, gate, assessment(around)?, around))
    }

    fn asks(&self, revision: &Revision, gate: Gate, assessment: Digest, around: &Surroundings<'_>) -> Digest {
        let ask = || revision.document.question(gate, self.vendor, assessment, around.policy);
        revision.found.questions[gate as usize].get((around.policy.digest(), assessment), ask)
    }

    /// What [`TicketDossier::question`] is the digest of.
    pub fn question_text(&self, revision: &Revision, gate: Gate, around: &Surroundings<'_>) -> Option<String> {
        Some(revision.document.question_text(gate, self.vendor, assessment(around)?, around.policy))
    }

    /// The gates that today's policy asks for, each with the votes that count. A vote counts while it answers today's
    /// question, is not too old and is the last that its voter gave to it; its voter is not the requester, still holds the gate's role, and has
    /// signed it as it stands here. One person holds at most one gate, and is one person there however often they vote.
    pub fn gates<'d>(&'d self, revision: &Revision, around: &Surroundings<'_>) -> Vec<GateStanding<'d>> {
        self.standing_at(&self.tally(revision, around))
    }

    pub(super) fn standing_at(&self, tally: &Tally) -> Vec<GateStanding<'_>> {
        let standing = |counted: &Counted| GateStanding {
            gate: counted.gate,
            question: counted.question,
            approvals: counted.approvals.iter().map(|vote| &self.votes[*vote]).collect(),
            objections: counted.objections.iter().map(|vote| &self.votes[*vote]).collect(),
            needed: counted.needed,
        };
        tally.gates.iter().map(standing).collect()
    }

    /// The approvals whose terms bind a revision: of each person the last one to its gate's question, whether it still counts or not. What somebody
    /// tied their approval to holds until they say otherwise themselves, or are asked something else.
    pub fn binding(&self, revision: &Revision, around: &Surroundings<'_>) -> Vec<&Vote> {
        self.tally(revision, around).binding.iter().map(|vote| &self.votes[*vote]).collect()
    }

    /// Whether a vote was given on this revision or one before it. What is said of an amendment touches what runs only once it is activated.
    pub(super) fn is_about(&self, vote: &Vote, revision: &Revision) -> bool {
        let asked = self.revisions.iter().position(|other| other.digest == vote.asked.revision);
        let last = self.revisions.iter().rposition(|other| other.digest == revision.digest);
        asked.is_some_and(|asked| last.is_none_or(|last| asked <= last))
    }

    /// Whether a gate of a role of this person's has too few approvals: no more than a look at what was counted.
    pub fn lacks_votes_of(&self, person: &Person, revision: &Revision, around: &Surroundings<'_>) -> bool {
        let lacks = |gate: &Counted| {
            let is_open = !gate.objections.is_empty() || gate.approvals.len() < gate.needed as usize;
            is_open && person.has(gate.gate.role())
        };
        self.tally(revision, around).gates.iter().any(lacks)
    }

    pub(super) fn tally(&self, revision: &Revision, around: &Surroundings<'_>) -> Arc<Tally> {
        let key = Around {
            policy: around.policy.digest(),
            vendor: around.vendor.edition.name(),
            roster: around.roster.edition.name(),
            house: around.house.edition.name(),
        };
        let holds = |tally: &Arc<Tally>| tally.at <= around.now && tally.until.is_none_or(|until| around.now < until);
        revision.found.tally.get_while(key, holds, || Arc::new(self.count_up(revision, around)))
    }

    fn count_up(&self, revision: &Revision, around: &Surroundings<'_>) -> Tally {
        let bounds = |binding: &[usize]| {
            let approvals = binding.iter().map(|vote| &self.votes[*vote].ballot);
            Arc::new(Bounds::of(&revision.document, around.policy, approvals))
        };
        let Some(assessment) = assessment(around) else {
            return Tally { gates: Vec::new(), binding: Vec::new(), bounds: bounds(&[]), at: around.now, until: None };
        };
        let (mut gates, mut binding, mut until) = (Vec::new(), Vec::new(), None);
        let mut holders: BTreeMap<PersonId, Gate> = BTreeMap::new();
        for vote in &self.votes {
            holders.entry(vote.by).or_insert(vote.ballot.gate);
        }
        let traits = revision.document.traits(around.policy);
        for gate in around.policy.gates(&traits) {
            let question = self.asks(revision, gate, assessment, around);
            let answers =
                |vote: &Vote| vote.ballot.gate == gate && vote.asked.question == question && self.is_about(vote, revision);
            let may = |vote: &Vote| {
                answers(vote)
                    && vote.by != self.requester
                    && !self.has_lapsed(vote, traits.tier, around)
                    && holders.get(&vote.by) == Some(&gate)
                    && around
                        .roster
                        .person(vote.by)
                        .is_some_and(|person| self.admits(person, revision, gate, around).is_ok() && counts(vote, person, around))
            };
            let last = last_of_each(self.votes.iter().enumerate().filter(|(_, vote)| may(vote)));
            let lapse = last.values().filter_map(|(_, vote)| around.policy.approval_until(traits.tier, vote.at));
            until = lapse.chain(until).min();
            let (approved, objections): (Vec<_>, Vec<_>) = last_of_each(self.genuine(around).filter(|(_, vote)| answers(vote)))
                .into_values()
                .partition(|(_, vote)| vote.ballot.decision == Decision::Approve);
            binding.extend(places(approved));
            let approvals = last.into_values().filter(|(_, vote)| vote.ballot.decision == Decision::Approve);
            let (approvals, objections) = (places(approvals), places(objections));
            gates.push(Counted { gate, question, approvals, objections, needed: around.policy.votes_needed(gate, traits.tier) });
        }
        Tally { bounds: bounds(&binding), binding, gates, at: around.now, until }
    }

    /// The votes that their voters signed, with their places. Whether their keys count for anything now is not asked.
    fn genuine(&self, around: &Surroundings<'_>) -> impl Iterator<Item = (usize, &Vote)> {
        let signed = |vote: &Vote| around.roster.person(vote.by).is_some_and(|person| vote.is_genuine(person));
        self.votes.iter().enumerate().filter(move |(_, vote)| signed(vote))
    }
}

type Last<'a> = BTreeMap<PersonId, (usize, &'a Vote)>;

fn last_of_each<'a>(votes: impl Iterator<Item = (usize, &'a Vote)>) -> Last<'a> {
    votes.map(|(place, vote)| (vote.by, (place, vote))).collect()
}

fn places<'a>(votes: impl IntoIterator<Item = (usize, &'a Vote)>) -> Vec<usize> {
    votes.into_iter().map(|(place, _)| place).collect()
}

/// The vendor's assessment that questions name.
fn assessment(around: &Surroundings<'_>) -> Option<Digest> {
    Some(around.vendor.current(around.roster).or(around.vendor.revisions.last())?.assessment)
}

/// Whether it is this person's own, by a key that counted then and is not revoked now.
fn counts(vote: &Vote, person: &Person, around: &Surroundings<'_>) -> bool {
    around.house.key_counts(person, vote.at).is_ok() && vote.is_genuine(person)
}
