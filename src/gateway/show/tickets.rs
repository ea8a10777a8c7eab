//! Tickets as lists and as one.

use super::{deliveries, end, gates, risk, slug_of, timeline, words, yours};
use crate::{
    domain::{
        authority::Act,
        change::changes,
        diagram::Drawing,
        dossier::{Revision, Serves, Standing, State, Surroundings, TicketDossier},
        event::{Actor, Decision, Subject},
        form::{QUESTIONS, Question},
        ids::{PersonId, TicketId, TicketNumber},
        limits,
        people::{Gate, Person, Role},
        refusal::Refusal,
        ticket::{Field, TicketDocument, word},
        vendor::VendorDossier,
    },
    gateway::{
        accept::may_accept,
        answers::{
            AmendmentView, AnswerView, Blocker, FieldView, GateView, Listing, RefusedBallot, TicketDiagram, TicketRow,
            TicketState, TicketView,
        },
        asked::Awaiting,
        desk::Desk,
        facts::{Facts, Source},
        outcome::Refused,
        review::eligible,
        suspend,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

impl Desk {
    /// Newest first. No states: whatever state.
    pub async fn ticket_list(
        &self,
        by: Actor,
        awaiting: Option<Awaiting>,
        states: BTreeSet<TicketState>,
    ) -> Result<Listing<TicketRow>, Refused> {
        let wanted = Wanted { awaiting, states };
        let candidates = self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            Ok(wanted.candidates(facts))
        })?;
        let mut listing = Listing { rows: Vec::new(), left_off: 0 };
        // A page after another: a reader of the ledger is held by nobody for long.
        for page in candidates.chunks(limits::TICKETS_AT_ONCE) {
            self.look(|facts| wanted.add(facts, by, page, &mut listing))?;
            tokio::task::yield_now().await;
        }
        Ok(listing)
    }

    pub async fn ticket_show(&self, by: Actor, ticket: TicketNumber) -> Result<TicketView, Refused> {
        self.look(|facts| {
            let person = facts.person(by)?;
            Act::Look.allowed(person)?;
            let ticket = facts.ticket_numbered(ticket)?;
            let vendor = facts.vendor(ticket.vendor)?;
            view(facts, &ticket, &vendor, person)
        })
    }

    pub async fn ticket_diagram(&self, by: Actor, ticket: TicketNumber, drawing: Drawing) -> Result<TicketDiagram, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            Ok(TicketDiagram::of(facts.ticket_numbered(ticket)?.document(), drawing))
        })
    }
}

/// Which tickets a list is of.
struct Wanted {
    awaiting: Option<Awaiting>,
    states: BTreeSet<TicketState>,
}

impl Wanted {
    /// Those that may be among them, newest first, with how they ended where that is certain.
    fn candidates<S: Source>(&self, facts: &Facts<'_, S>) -> Vec<(TicketId, Option<State>)> {
        // Nothing that has ended waits for anybody, and most tickets have.
        if self.awaiting.is_some() {
            let open = facts.source().courses(|courses| courses.open());
            return open.into_iter().map(|id| (id, None)).collect();
        }
        let mut all = facts.source().courses(|courses| courses.all());
        all.retain(|(_, ended)| ended.is_none_or(|state| self.takes(|| state)));
        all
    }

    fn takes(&self, state: impl FnOnce() -> State) -> bool {
        self.states.is_empty() || self.states.contains(&words::ticket_state(state()))
    }

    fn add<S: Source>(
        &self,
        facts: &Facts<'_, S>,
        by: Actor,
        page: &[(TicketId, Option<State>)],
        listing: &mut Listing<TicketRow>,
    ) -> Result<(), Refused> {
        let person = facts.person(by)?;
        for (id, ended) in page {
            // What no answer holds any more is counted and not looked at.
            if listing.is_full() && (ended.is_some() || (self.awaiting.is_none() && self.states.is_empty())) {
                listing.left_off += 1;
                continue;
            }
            let ticket = facts.ticket(*id)?;
            let vendor = facts.vendor(ticket.vendor)?;
            let around = facts.around(&vendor);
            let awaits = ticket.awaits(person, &around);
            // Whoever is to vote on it has nothing else to do there.
            let ask = self.awaiting.is_some() && awaits.is_empty();
            let to_do = if ask { yours::on_ticket(facts, &ticket, &around, person) } else { None };
            let is_wanted = self.awaiting.is_none() || !awaits.is_empty() || to_do.is_some();
            if !is_wanted {
                continue;
            }
            // Made once for each: a list may be of thousands.
            let standing = ticket.standing(&around);
            if !self.takes(|| standing.state) {
                continue;
            }
            if self.awaiting.is_some() && listing.rows.len() >= limits::AWAITED_ROWS {
                listing.left_off += 1;
            } else {
                listing.add(|| Ok::<_, Refused>(TicketRow { to_do, ..row(facts, &ticket, &around, &standing, awaits)? }))?;
            }
        }
        Ok(())
    }
}

fn row<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    around: &Surroundings<'_>,
    standing: &Standing,
    awaits_you: Vec<Gate>,
) -> Result<TicketRow, Refused> {
    let (document, state) = (ticket.document(), standing.state);
    // Nobody votes any more on what is over.
    let open_gates = if state.is_over() { BTreeSet::new() } else { ticket.open_gates(ticket.under_review(), around) };
    Ok(TicketRow {
        ticket: ticket.number,
        title: document.title.clone(),
        state: words::ticket_state(state),
        tier: words::tier(document.tier(&facts.policy)),
        vendor: around.vendor.slug.clone(),
        requester: slug_of(facts, Some(ticket.requester)),
        until: standing.bounds.closes.to_string(),
        open_gates: open_gates.into_iter().collect(),
        waits: gates::waits(ticket, around),
        awaits_you,
        to_do: None,
        calendar: end::calendar(facts, ticket, around)?,
    })
}

fn view<S: Source>(
    facts: &Facts<'_, S>,
    ticket: &TicketDossier,
    vendor: &Arc<VendorDossier>,
    viewer: &Person,
) -> Result<TicketView, Refused> {
    let around = facts.around(vendor);
    let (document, current) = (ticket.document(), ticket.current());
    Ok(TicketView {
        ticket: ticket.number,
        title: document.title.clone(),
        state: words::ticket_state(ticket.state(&around)),
        why_not_active: blockers(facts, ticket, &around),
        tier: words::tier(document.tier(&facts.policy)),
        revision: current.digest,
        revision_number: number_of(ticket, current),
        under_review: ticket.under_review().digest,
        policy: facts.policy.digest(),
        your_last_vote: ticket.last_vote_of(viewer.id),
        amendment: amendment(facts, ticket, &around),
        requester: slug_of(facts, Some(ticket.requester)),
        vendor: vendor.slug.clone(),
        purpose: document.purpose.clone(),
        justification: document.justification.clone(),
        from: document.window.opens.to_string(),
        until: document.window.closes.to_string(),
        protocols: document.protocols.clone(),
        retention_days: document.retention_days,
        limits: limits(document),
        terms: terms(ticket, &around, viewer.id),
        answers: answers(document),
        conditions: facts.policy.conditions_on(&document.traits(&facts.policy)).map(|condition| condition.name.clone()).collect(),
        red_flags: risk::red_flags_of(facts, ticket, current, &around),
        assessment: vendor.current(&facts.roster).map(|current| current.assessment),
        acceptances: risk::acceptances(facts, ticket, &around),
        refuses_acceptance: may_accept(facts, viewer, ticket, vendor).err().as_ref().map(Into::into),
        end: end::view(facts, ticket, &around)?,
        calendar: end::calendar(facts, ticket, &around)?,
        gates: gates::views(facts, ticket, &around, viewer.id)
            .into_iter()
            .map(|gate| refusing(gate, viewer, ticket, &around))
            .collect(),
        fields: document.fields.iter().map(field).collect(),
        files: deliveries::count_states(facts, Some(ticket.id))?,
        deliveries: deliveries::rows(facts, Some(ticket.id))?,
        timeline: timeline(facts, Subject::Ticket(ticket.id))?,
    })
}

/// A gate with what it refuses this viewer.
fn refusing(gate: GateView, viewer: &Person, ticket: &TicketDossier, around: &Surroundings<'_>) -> GateView {
    let refused = |decision| {
        let refusal = eligible(viewer, ticket, around, gate.gate, decision).err()?;
        Some(RefusedBallot { decision, refusal: (&refusal).into() })
    };
    let refuses = [Decision::Approve, Decision::RequestChanges, Decision::Reject].into_iter().filter_map(refused).collect();
    GateView { refuses, ..gate }
}

/// The terms that bind what runs, each with its gate; not those of a vote that `viewer` is not shown yet.
fn terms(ticket: &TicketDossier, around: &Surroundings<'_>, viewer: PersonId) -> Vec<String> {
    let binding = ticket.binding(ticket.current(), around).into_iter();
    let shown = binding.filter(|vote| !gates::is_hidden(ticket, vote, around, Some(viewer)));
    shown.flat_map(|vote| vote.ballot.terms.iter().map(|term| format!("{term} ({})", vote.ballot.gate))).collect()
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
pub(super) fn answers(document: &TicketDocument) -> Vec<AnswerView> {
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
pub(super) fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

pub(super) fn field(field: &Field) -> FieldView {
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
                vec![blocker("it waits to be activated".into(), activator(around), format!("egressctl ticket activate {number}"))]
            } else {
                vec![refused(Refusal::WindowNotOpen { ticket: number.to_string(), opens: window.opens.to_string() })]
            }
        }
        State::Closing => {
            let fallen = ticket.standing(around).serves == Serves::Fallen;
            let stopped = if fallen { suspended(facts, ticket, around) } else { Vec::new() };
            stopped.into_iter().chain(end::blockers(facts, ticket, around)).collect()
        }
        State::Closed | State::Rejected | State::Withdrawn | State::Revoked => {
            let refusal = Refusal::TicketEnded { ticket: number.to_string(), state: state.name().into() };
            let why = match ticket.rejection() {
                Some(vote) if state == State::Rejected => {
                    format!("rejected at the gate {}: {}", vote.ballot.gate, vote.ballot.reason)
                }
                _ if state == State::Closed && !ticket.is_activated() => {
                    format!("{}: its last day was over before it was activated", refusal.what())
                }
                _ => refusal.what(),
            };
            vec![blocker(why, refusal.who(), refusal.command())]
        }
        State::OnHold | State::InReview | State::Returned => gates::waits_for(facts, ticket, ticket.current(), around),
        State::Suspended => suspended(facts, ticket, around),
    }
}

fn activator(around: &Surroundings<'_>) -> &'static str {
    // In most policies an operator may have done anything else.
    match around.policy.apart().is_empty() {
        true => "an operator",
        false => "an operator whom the policy's [[apart]] rules let, by what else they did around it",
    }
}

/// Its cause, while it lasts; then the two people.
fn suspended<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, around: &Surroundings<'_>) -> Vec<Blocker> {
    let mut blockers = gates::waits_for(facts, ticket, ticket.current(), around);
    let Blocker { what, who, command } = suspend::resumption(ticket, around);
    let Some(suspension) = &ticket.suspension else {
        let what = format!("it has fallen, which is on record within a minute; {what}");
        blockers.push(Blocker { what, who, command });
        return blockers;
    };
    let by = suspension.by.map(|by| format!(" by {}", slug_of(facts, Some(by)))).unwrap_or_default();
    let why = if suspension.why.is_empty() { String::new() } else { format!(": {}", suspension.why) };
    let since = format!("suspended since {}{by}{why}", suspension.at);
    blockers.push(match suspension.resume_asked_by(around.now).and_then(|first| facts.acting(first)) {
        None => Blocker { what: format!("{since}; {what}"), who, command },
        Some(first) => {
            let of_security = first.has(Role::SecurityResponder) || first.has(Role::SecurityReviewer) || first.is_sealed();
            let second =
                if of_security { "one more person" } else { "one more person, a security_responder or security_reviewer" };
            let what =
                format!("{since}; {} has asked to let it go on, and a second person completes it within the hour", first.name);
            Blocker { what, who: format!("{second}; neither {} nor the requester", first.name), command }
        }
    });
    blockers
}

/// A newer revision than the one that runs, and what it waits for.
pub fn amendment<S: Source>(facts: &Facts<'_, S>, ticket: &TicketDossier, around: &Surroundings<'_>) -> Option<AmendmentView> {
    // What has ended or closes is amended no more.
    let revision = ticket.amendment().filter(|_| !ticket.state(around).is_over())?;
    let state = ticket.review(revision, around);
    let next = match state {
        State::Approved => vec![Blocker {
            what: "it is approved and replaces what runs once it is activated".into(),
            who: activator(around).into(),
            command: format!("egressctl ticket activate {}", ticket.number),
        }],
        _ => gates::waits_for(facts, ticket, revision, around),
    };
    Some(AmendmentView {
        revision: revision.digest,
        revision_number: number_of(ticket, revision),
        state: words::ticket_state(state),
        changes: changes(&ticket.current().document, &revision.document).into_iter().map(Into::into).collect(),
        next,
    })
}

pub(super) fn number_of(ticket: &TicketDossier, revision: &Revision) -> u32 {
    ticket.revision_number(revision.digest).and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
}
