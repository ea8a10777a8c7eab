//! A ledger full of tickets, written as the acts write them: the same events, details and signatures, by the same writer.

use crate::{
    domain::{
        digest::Digest,
        event::{Actor, Closing, Decision, Detail, Event, Fact, Subject},
        ids::{Slug, TicketId, TicketNumber, VendorId},
        people::Gate,
        policy::Policy,
        signature::NAMESPACE_VOTE,
        ticket::TicketDocument,
        vote::{Asked, Ballot},
    },
    gateway::{
        core::Core,
        fixture::{House, Staff, Vendor, approval, ticket_document},
        outcome::Refused,
        vault::{Tx, find},
    },
};
use russh::keys::{
    HashAlg, PrivateKey,
    ssh_key::{LineEnding, SshSig},
};
use std::sync::Arc;

/// What has become of a ticket. Of a hundred most have ended; some wait, some run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    InReview,
    HalfReviewed,
    /// Sent back by privacy; a second revision is asked about again.
    Revised,
    Returned,
    Approved,
    Active,
    /// Active, and another revision of it in review.
    Amended,
    /// Its window is over, and its vendor has attested nothing yet.
    Closing,
    Closed,
    Rejected,
    Withdrawn,
    Revoked,
}

const fn course(n: usize) -> Course {
    match n % 100 {
        0 => Course::InReview,
        1 => Course::HalfReviewed,
        2 => Course::Revised,
        3 => Course::Returned,
        4 => Course::Approved,
        5..=8 => Course::Active,
        9 => Course::Amended,
        10..=24 => Course::Rejected,
        25..=29 => Course::Withdrawn,
        30..=31 => Course::Revoked,
        32 => Course::Closing,
        _ => Course::Closed,
    }
}

/// Tickets of one transaction.
const AT_ONCE: usize = 200;
const CLASSES: [&str; 4] = ["business", "behaviour", "direct_identifier", "health"];

/// Everybody's pen.
struct Author {
    policy: Arc<Policy>,
    people: Vec<(Actor, PrivateKey)>,
    vendors: Vec<(Vendor, VendorId, Digest)>,
}

/// Adds tickets for these vendors until there are `count` in all.
pub(super) fn fill(house: &House, vendors: Vec<Vendor>, count: usize) {
    let gateway = house.gateway();
    let known = gateway.look(|facts| {
        let known = |vendor: &Slug| {
            let dossier = facts.vendor_named(vendor)?.unwrap();
            Ok((dossier.id, dossier.current(&facts.roster).unwrap().assessment))
        };
        Ok((
            vendors.iter().map(|vendor| known(&vendor.id)).collect::<Result<Vec<_>, Refused>>()?,
            facts.find(find::tickets)?.len(),
        ))
    });
    let (known, there) = known.unwrap();
    let vendors = vendors.into_iter().zip(known).map(|(vendor, (id, assessment))| (vendor, id, assessment)).collect();
    let people = Staff::ALL.map(|staff| (house.person(staff), house.staff_key(staff))).into();
    let author = Arc::new(Author { policy: Arc::clone(&gateway.core.rules().policy), people, vendors });
    for first in (there..count).step_by(AT_ONCE) {
        let author = Arc::clone(&author);
        let written = gateway
            .write_blocking(move |core, tx| (first..count.min(first + AT_ONCE)).try_for_each(|n| author.ticket(core, tx, n)));
        written.unwrap();
    }
}

/// A ticket that is being written.
struct Written {
    id: TicketId,
    number: TicketNumber,
    document: TicketDocument,
    revision: Digest,
    vendor: (VendorId, Digest),
}

impl Author {
    fn by(&self, staff: Staff) -> Actor {
        self.people[staff as usize].0
    }

    fn ticket(&self, core: &Core, tx: &mut Tx<'_>, n: usize) -> Result<(), Refused> {
        let course = course(n);
        let mut ticket = self.submit(core, tx, n, course)?;
        let gates: Vec<Gate> = ticket.document.gates(&self.policy).iter().copied().collect();
        let approvals = match course {
            Course::InReview | Course::Withdrawn | Course::Returned | Course::Revised => 0,
            Course::HalfReviewed | Course::Rejected => gates.len() / 2,
            _ => gates.len(),
        };
        for gate in &gates[..approvals] {
            self.vote(tx, &ticket, approval(*gate), None)?;
        }
        match course {
            Course::Returned | Course::Revised => {
                let said = Ballot { decision: Decision::RequestChanges, ..objection(Gate::Business) };
                let leaf = self.vote(tx, &ticket, said, None)?;
                if course == Course::Revised {
                    self.revise(tx, &mut ticket, n)?;
                    self.vote(tx, &ticket, approval(Gate::Business), Some(leaf))?;
                }
            }
            Course::Rejected => drop(self.vote(tx, &ticket, objection(gates[approvals]), None)?),
            Course::Withdrawn => self.say(tx, &ticket, Staff::Rita, Event::TicketWithdrawn)?,
            Course::Active | Course::Amended | Course::Closed | Course::Closing | Course::Revoked => {
                let activated = Event::TicketActivated { revision: ticket.revision, policy: self.policy.digest() };
                self.say(tx, &ticket, Staff::Olga, activated)?;
            }
            Course::InReview | Course::HalfReviewed | Course::Approved => {}
        }
        match course {
            Course::Amended => self.revise(tx, &mut ticket, n),
            Course::Closing | Course::Closed => {
                let mut ends = vec![Event::TicketClosing { why: Closing::EndDate }];
                ends.extend((course == Course::Closed).then_some(Event::TicketClosed));
                for event in ends {
                    tx.append(Fact::new(Actor::System, Subject::Ticket(ticket.id), event))?;
                }
                Ok(())
            }
            Course::Revoked => self.say(tx, &ticket, Staff::Sam, Event::TicketRevoked),
            _ => Ok(()),
        }
    }

    fn submit(&self, core: &Core, tx: &mut Tx<'_>, n: usize, course: Course) -> Result<Written, Refused> {
        let (vendor, id, assessment) = &self.vendors[n % self.vendors.len()];
        let text = document(
            vendor,
            n,
            if matches!(course, Course::Closed | Course::Closing) { "2026-06-30" } else { "2099-12-31" },
            "the first time",
        );
        let document = TicketDocument::parse(&text).unwrap();
        let ticket = Written {
            id: core.new_ticket(),
            number: TicketNumber { year: 2026, sequence: u32::try_from(n + 1).unwrap() },
            revision: document.digest(),
            document,
            vendor: (*id, *assessment),
        };
        let (number, revision, policy) = (ticket.number, ticket.revision, self.policy.digest());
        let event = Event::TicketSubmitted { number, revision, vendor: *id, policy };
        let fact = Fact::new(self.by(Staff::Rita), Subject::Ticket(ticket.id), event).with(Detail::Ticket { document: text });
        tx.append(fact)?;
        Ok(ticket)
    }

    fn revise(&self, tx: &mut Tx<'_>, ticket: &mut Written, n: usize) -> Result<(), Refused> {
        let text = document(&self.vendors[n % self.vendors.len()].0, n, "2099-12-31", "the second time");
        let (base, document) = (ticket.revision, TicketDocument::parse(&text).unwrap());
        (ticket.revision, ticket.document) = (document.digest(), document);
        let event = Event::TicketRevised { revision: ticket.revision, base, policy: self.policy.digest() };
        let fact = Fact::new(self.by(Staff::Rita), Subject::Ticket(ticket.id), event);
        tx.append(fact.with(Detail::Ticket { document: text }))?;
        Ok(())
    }

    /// Answers the vote's leaf.
    fn vote(&self, tx: &mut Tx<'_>, ticket: &Written, ballot: Ballot, after: Option<u64>) -> Result<u64, Refused> {
        let question = ticket.document.question(ballot.gate, ticket.vendor.0, ticket.vendor.1, &self.policy);
        let (revision, policy) = (ticket.revision, self.policy.digest());
        let text = ballot.text(&Asked { ticket: ticket.number, question, revision, policy, after });
        let (by, key) = &self.people[Staff::holding(ballot.gate) as usize];
        let signature = SshSig::sign(key, NAMESPACE_VOTE, HashAlg::Sha512, text.as_bytes()).unwrap();
        let signature = signature.to_pem(LineEnding::LF).unwrap();
        let Ballot { gate, decision, because, reason, comments, terms } = ballot;
        let event = Event::TicketVoted { gate, decision, because, question, revision, policy };
        let detail = Detail::Vote { reason, comments, terms, signature };
        Ok(tx.append(Fact::new(*by, Subject::Ticket(ticket.id), event).with(detail))?.index)
    }

    fn say(&self, tx: &mut Tx<'_>, ticket: &Written, by: Staff, event: Event) -> Result<(), Refused> {
        let fact = Fact::new(self.by(by), Subject::Ticket(ticket.id), event);
        tx.append(fact.with(Detail::Reason { text: "because".into() }))?;
        Ok(())
    }
}

fn objection(gate: Gate) -> Ballot {
    Ballot {
        decision: Decision::Reject,
        because: Some("excess_fields".parse().unwrap()),
        reason: "the forecast needs no notes".into(),
        ..approval(gate)
    }
}

fn document(vendor: &Vendor, n: usize, closes: &str, which: &str) -> String {
    let document = ticket_document(vendor, CLASSES[n / 100 % CLASSES.len()], "", r#""sftp", "https""#);
    document
        .replace("2099-12-31", closes)
        .replace("title = \"Orders\"", &format!("title = \"Orders {n}, {which}\""))
        .replace("forecast the demand", &format!("{which} forecast the demand"))
}
