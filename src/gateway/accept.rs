//! Accept: an executive answers for red flags of a ticket's vendor, signed, for one revision and until a day.

use super::{
    answers::{Completion, Done},
    core::Core,
    desk::Desk,
    facts::{Facts, Source},
    outcome::Refused,
    show::tickets,
    suspend::fall,
    vault::Tx,
};
use crate::domain::{
    acceptance::{AcceptanceDocument, Accepted, acceptance_text},
    authority::Act,
    dossier::TicketDossier,
    event::{Actor, Detail, Event, Fact, Subject},
    ids::TicketNumber,
    limits,
    people::{Person, Role},
    policy::Consequence,
    refusal::Refusal,
    signature::NAMESPACE_VOTE,
    time::{Day, days},
    vendor::VendorDossier,
};

impl Desk {
    /// Records an executive's acceptance of what the document names. The text is signed.
    pub async fn risk_accept(
        &self,
        by: Actor,
        ticket: TicketNumber,
        document: String,
        signature: String,
    ) -> Result<Done, Refused> {
        self.act(move |core, tx| accept(core, tx, by, ticket, document, &signature)).await
    }
}

fn accept(core: &Core, tx: &mut Tx<'_>, by: Actor, number: TicketNumber, text: String, signature: &str) -> Result<Done, Refused> {
    let facts = Facts::read(core, &*tx)?;
    let person = facts.person(by)?;
    // Of whoever may accept nothing, nothing is read.
    Act::AcceptRisk.allowed(person)?;
    let document = AcceptanceDocument::parse(&text)
        .map_err(|error| Refusal::BadDocument { reason: error.to_string(), act: "risk accept TICKET --file" })?;
    let ticket = facts.ticket_numbered(number)?;
    let vendor = facts.vendor(ticket.vendor)?;
    // 1. May this person accept anything here, and is there something to accept?
    may_accept(&facts, person, &ticket, &vendor)?;
    acceptable(&facts, &document, number, &vendor)?;
    let current = vendor.current(&facts.roster).ok_or_else(|| Refusal::OnHold {
        vendor: vendor.slug.to_string(),
        reason: "nobody has confirmed its assessment".into(),
    })?;
    // 2. Was exactly this signed?
    let (revision, assessment) = (ticket.under_review().digest, current.assessment);
    let accepted = Accepted { ticket: number, revision, vendor: vendor.slug.clone(), assessment };
    let signed = acceptance_text(&accepted, &document);
    person.key.verify(NAMESPACE_VOTE, signed.as_bytes(), signature).map_err(Refusal::from)?;
    // 3. Record it. It may give back what the ticket lost.
    if let Some(fact) = fall(&ticket, &facts.around(&vendor)) {
        tx.append(fact)?;
    }
    let flags = document.red_flags.iter().collect();
    let (until, digest) = (document.expires, document.digest());
    let event = Event::RiskAccepted { document: digest, revision, assessment, flags, until };
    let detail = Detail::Acceptance { document: text, text: signed, signature: signature.to_owned() };
    let leaf = tx.append(Fact::new(by, Subject::Ticket(ticket.id), event).with(detail))?.index;
    let facts = Facts::read(core, &*tx)?;
    let next = tickets::blockers(&facts, &*facts.ticket(ticket.id)?, &facts.around(&vendor));
    let headline = format!("the risks are accepted for {number} until {until}; its gates stay as they are");
    Ok(Done { subject: number.to_string(), state: Completion::Done, headline, leaf, next })
}

/// Whether this person may answer for anything of the ticket's.
pub(super) fn may_accept<S: Source>(
    facts: &Facts<'_, S>,
    person: &Person,
    ticket: &TicketDossier,
    vendor: &VendorDossier,
) -> Result<(), Refusal> {
    Act::AcceptRisk.allowed(person)?;
    let number = ticket.number.to_string();
    ticket.goes_on(&facts.around(vendor))?;
    if !facts.policy.is_in_scope(Role::Executive, person, &ticket.under_review().document) {
        return Err(Refusal::OutOfScope { ticket: number, role: Role::Executive.to_string() });
    }
    if ticket.requester == person.id {
        return Err(Refusal::AcceptorInvolved { ticket: number, how: "you requested it" });
    }
    if ticket.votes.iter().any(|vote| vote.by == person.id) {
        return Err(Refusal::AcceptorInvolved { ticket: number, how: "you hold a gate of it" });
    }
    Ok(())
}

/// Each flag that is named is up and waits for an acceptance, and the acceptance ends in time.
fn acceptable<S: Source>(
    facts: &Facts<'_, S>,
    document: &AcceptanceDocument,
    number: TicketNumber,
    vendor: &VendorDossier,
) -> Result<(), Refusal> {
    let raised = vendor.red_flags(&facts.roster, facts.now);
    for flag in document.red_flags.iter() {
        let why = match facts.policy.consequence(flag) {
            _ if raised.iter().all(|raised| raised.flag != flag) => "nothing raises it now",
            Consequence::Note => "the policy stops nothing for it",
            Consequence::Hold => "the policy holds for it, whoever would accept it",
            Consequence::Accept => continue,
        };
        return Err(Refusal::NothingToAccept { ticket: number.to_string(), flag: flag.name(), why });
    }
    let last = Day::of(facts.now + days(limits::ACCEPTANCE_DAYS));
    if facts.now >= document.expires.ends() || document.expires > last {
        return Err(Refusal::AcceptanceUntil { until: document.expires.to_string(), last: last.to_string() });
    }
    Ok(())
}
