//! What executives answered for, and beside it who objected.

use super::{Page, Tone, listed};
use crate::{
    ctl::text::minute,
    domain::event::Decision,
    gateway::answers::{AcceptanceView, GateView},
};

/// The acceptances of a ticket's, and under them every vote on it that is no approval.
pub fn show_acceptances<'a>(acceptances: &[AcceptanceView], gates: impl IntoIterator<Item = &'a GateView>, page: &mut Page) {
    if acceptances.is_empty() {
        return;
    }
    page.heading("Accepted risks");
    for AcceptanceView { red_flags, who, at, until, lapsed, risk, need, mitigations, fallback, owner } in acceptances {
        let (state, tone) = match lapsed {
            None => (format!("until {until}"), Tone::Warning),
            Some(why) => (format!("no longer counts: {why}"), Tone::Bad),
        };
        page.toned_field("accepted", &format!("{} by {who}, {}, {state}", listed(red_flags), minute(at)), tone);
        page.field("risk", risk);
        page.field("need", need);
        mitigations.iter().for_each(|mitigation| page.field("mitigation", mitigation));
        page.field("fallback", fallback);
        page.field("owner", owner);
    }
    for gate in gates {
        for vote in gate.votes.iter().filter(|vote| vote.decision != Decision::Approve) {
            page.toned_field("objection", &format!("{} at the gate {}: {}", vote.who, gate.gate, vote.reason), Tone::Bad);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ctl::{samples, table::Colour},
        gateway::answers::TicketView,
    };

    #[test]
    fn objections_stand_under_what_was_accepted_and_only_there() {
        let mut view: TicketView = serde_json::from_value(samples::answer("ticket_show")).unwrap();
        let gate = view.gates.iter_mut().find(|gate| !gate.votes.is_empty()).unwrap();
        gate.votes[0].decision = Decision::Reject;
        gate.votes[0].reason = "too dear".into();
        let shown = |view: &TicketView| {
            let mut page = Page::new(100, Colour::Off);
            show_acceptances(&view.acceptances, &view.gates, &mut page);
            page.finish()
        };
        let text = shown(&view);
        let (accepted, objection) = (text.find("no_iso27001 by erik").unwrap(), text.find("too dear").unwrap());
        assert!(accepted < objection && text.contains("the gate security"), "{text}");
        view.acceptances.clear();
        assert_eq!(shown(&view), "");
    }
}
