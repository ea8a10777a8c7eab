//! Why a gate asks again: what a vote's question was about that is another now.

use crate::domain::{
    digest::Digest,
    dossier::{GateStanding, Revision, Surroundings, TicketDossier},
    time::Day,
    vendor::VendorRevision,
    vote::Vote,
};

/// What has changed since somebody approved: the vendor's assessment, the request, or else the policy. None for a vote that answers what
/// is asked now. Found by asking the vote's question again of each assessment that was ever filed: none is recorded beside a vote.
pub fn since(ticket: &TicketDossier, vote: &Vote, standing: &GateStanding<'_>, around: &Surroundings<'_>) -> Option<String> {
    if vote.asked.question == standing.question {
        return None;
    }
    let (then, now) = (ticket.revision(vote.asked.revision)?, ticket.under_review());
    let asks = |revision: &Revision, assessment: Digest| {
        revision.document.question(standing.gate, ticket.vendor, assessment, around.policy)
    };
    let on = around.vendor.revisions.iter().find(|filed| asks(then, filed.assessment) == vote.asked.question);
    let Some(on) = on else { return Some("the policy's rules for it have changed".into()) };
    let mut changed = Vec::new();
    if let Some(current) = around.vendor.current(around.roster).filter(|current| current.assessment != on.assessment) {
        let (vendor, before, after) = (&around.vendor.slug, assessed(on), assessed(current));
        changed.push(format!("{vendor}'s assessment has changed: the vote was given on {before}, what counts now is {after}"));
    }
    if asks(now, on.assessment) != vote.asked.question {
        let number = ticket.revision_number(then.digest).unwrap_or_default();
        changed.push(format!("the request has changed since revision {number}"));
    }
    (!changed.is_empty()).then(|| changed.join("; "))
}

/// `"SOC 2 type II, October 2026" (valid until 2027-10-31, filed 2026-11-02)`
fn assessed(filed: &VendorRevision) -> String {
    let assessment = &filed.document.assessment;
    format!("\"{}\" (valid until {}, filed {})", assessment.reference, assessment.valid_until, Day::of(filed.filed_at))
}
