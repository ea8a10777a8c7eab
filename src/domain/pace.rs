//! Pace: since when a gate is asked, whether it is late, and which approvals are too old to count. Time never approves.

use super::{
    dossier::{GateStanding, Revision, State, Surroundings, TicketDossier},
    event::{Decision, Event},
    people::{Gate, Person},
    policy::Tier,
    time::Time,
    vote::Vote,
};

/// A gate that is asked and has not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    pub gate: Gate,
    pub asked: Time,
    /// When it should have answered; absent where the policy sets no time.
    pub by: Option<Time>,
}

impl Wait {
    pub fn is_overdue(&self, now: Time) -> bool {
        self.by.is_some_and(|by| now >= by)
    }
}

impl TicketDossier {
    /// The gates that are asked now and have not opened. While something else stops the ticket nobody is asked, and a gate that comes
    /// after another is asked when that one has opened.
    pub fn waits(&self, around: &Surroundings<'_>) -> Vec<Wait> {
        let revision = self.under_review();
        let gates = self.gates(revision, around);
        if !self.asks_anybody(revision, &gates, around) {
            return Vec::new();
        }
        let tier = revision.document.tier(around.policy);
        let wait = |standing: &GateStanding<'_>| {
            let asked = self.asked_since(standing, &gates, tier, around)?;
            Some(Wait { gate: standing.gate, asked, by: around.policy.answer_by(standing.gate, asked) })
        };
        gates.iter().filter(|standing| !standing.is_green()).filter_map(wait).collect()
    }

    /// The gates that wait for this person: asked, open and theirs to answer, and not answered by them yet. That they may vote where
    /// nobody waits for them is not said here.
    pub fn awaits(&self, person: &Person, around: &Surroundings<'_>) -> Vec<Gate> {
        // What costs least comes first: this is asked of every ticket that is open, and most of them wait for somebody else or for nothing.
        if person.id == self.requester {
            return Vec::new();
        }
        let revision = self.under_review();
        if !self.lacks_votes_of(person, revision, around) {
            return Vec::new();
        }
        let gates = self.gates(revision, around);
        let elsewhere = |gate: Gate| self.votes.iter().any(|vote| vote.by == person.id && vote.ballot.gate != gate);
        let theirs = |standing: &&GateStanding<'_>| {
            !standing.is_green()
                && person.has(standing.gate.role())
                && !standing.approvals.iter().any(|vote| vote.by == person.id)
                && !elsewhere(standing.gate)
                && self.admits(person, revision, standing.gate, around).is_ok()
        };
        let theirs: Vec<_> = gates.iter().filter(theirs).collect();
        if theirs.is_empty() || !self.asks_anybody(revision, &gates, around) {
            return Vec::new();
        }
        let tier = revision.document.tier(around.policy);
        let asked = |standing: &&GateStanding<'_>| self.asked_since(standing, &gates, tier, around).is_some();
        theirs.into_iter().filter(asked).map(|standing| standing.gate).collect()
    }

    /// Whether any gate of it waits for a vote now.
    fn asks_anybody(&self, revision: &Revision, gates: &[GateStanding<'_>], around: &Surroundings<'_>) -> bool {
        !gates.iter().all(GateStanding::is_green)
            && self.reviewed(revision, gates, around) == State::InReview
            && !self.state(around).is_over()
    }

    /// The last of: its submission, the assessment that it names, the gates before it, the end of an approval that counted.
    fn asked_since(
        &self,
        standing: &GateStanding<'_>,
        gates: &[GateStanding<'_>],
        tier: Tier,
        around: &Surroundings<'_>,
    ) -> Option<Time> {
        let mut since = self.under_review().submitted_at;
        if let Some(current) = around.vendor.current(around.roster) {
            let same = around.vendor.revisions.iter().find(|revision| revision.assessment == current.assessment);
            since = since.max(same.map_or(current.filed_at, |revision| revision.filed_at));
        }
        for before in around.policy.after(standing.gate) {
            let Some(first) = gates.iter().find(|other| other.gate == before) else { continue };
            if !first.is_green() {
                return None;
            }
            since = first.approvals.iter().map(|vote| vote.at).fold(since, Time::max);
        }
        let answers =
            self.votes.iter().filter(|vote| vote.ballot.gate == standing.gate && vote.asked.question == standing.question);
        let ended = answers.filter_map(|vote| around.policy.approval_until(tier, vote.at)).filter(|until| *until <= around.now);
        Some(ended.fold(since, Time::max))
    }

    /// Whether an approval is too old to count.
    pub fn has_lapsed(&self, vote: &Vote, tier: Tier, around: &Surroundings<'_>) -> bool {
        around.policy.approval_until(tier, vote.at).is_some_and(|until| around.now >= until)
    }

    /// What is late and not yet on record: each gate and question once, each approval once.
    pub fn late(&self, around: &Surroundings<'_>) -> Vec<Event> {
        if self.state(around).is_over() {
            return Vec::new();
        }
        let revision = self.under_review();
        let tier = revision.document.tier(around.policy);
        let gates = self.gates(revision, around);
        let question = |gate: Gate| gates.iter().find(|standing| standing.gate == gate).map(|standing| standing.question);
        let overdue = self.waits(around).into_iter().filter(|wait| wait.is_overdue(around.now));
        let overdue = overdue.filter_map(|wait| Some((wait, question(wait.gate)?)));
        let overdue = overdue.filter(|(wait, question)| !self.overdue.contains(&(wait.gate, *question)));
        let mut late: Vec<Event> =
            overdue.map(|(Wait { gate, asked, .. }, question)| Event::GateOverdue { gate, question, asked }).collect();
        let approved = self
            .votes
            .iter()
            .filter(|vote| vote.ballot.decision == Decision::Approve && question(vote.ballot.gate) == Some(vote.asked.question));
        let lapsed = approved.filter(|vote| self.has_lapsed(vote, tier, around) && !self.lapsed.contains(&vote.leaf));
        late.extend(lapsed.map(|vote| Event::ApprovalLapsed {
            gate: vote.ballot.gate,
            question: vote.asked.question,
            vote: vote.leaf,
        }));
        late
    }
}
