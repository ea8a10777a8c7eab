//! What can be asked about a ticket, its deliveries and its files: each request complete and signed by whoever asks.

use super::{
    Looks,
    scene::{Scene, Subject, ballot},
    situations::Situation,
};
use crate::{
    domain::{
        acceptance::{AcceptanceDocument, Accepted, acceptance_text},
        authority::Act,
        deletion::Statement,
        diagram::Drawing,
        digest::Digest,
        event::Decision,
        ids::TicketNumber,
        people::{Gate, Role},
        signature::{NAMESPACE_DELETION, NAMESPACE_VOTE},
        time::Day,
        vote::{Asked, Ballot},
    },
    endpoints::control::request::Request,
    gateway::{
        answers::TicketView,
        asked::Scope,
        fixture::{Enrolled, Staff, signed},
    },
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Look(Look),
    Vote(Gate, Decision),
    Revise,
    Activate,
    Withdraw,
    Suspend,
    Resume(First),
    Statement,
    Attest,
    Waive,
    AcceptRisk,
    Revoke,
    CloseDelivery,
    RevokeDelivery,
    Recheck,
    Discard,
    RevokeFile,
}

/// What shows something and changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    Ticket,
    Review,
    Votes,
    Diagram,
    Explain,
    Deliveries,
    Delivery,
    Files,
    File,
    Transfers,
}

/// Who has asked before: letting go on takes two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum First {
    Nobody,
    Operator,
    Security,
}

impl Ask {
    pub(super) fn all() -> Vec<Self> {
        use Look as L;
        let looks =
            [L::Ticket, L::Review, L::Votes, L::Diagram, L::Explain, L::Deliveries, L::Delivery, L::Files, L::File, L::Transfers];
        let said = [Decision::RequestChanges, Decision::Reject];
        // What else is said is judged alike at every gate: at one of them, and at one that comes after it.
        let others = said.into_iter().flat_map(|said| [Gate::Privacy, Gate::Legal].map(|gate| Self::Vote(gate, said)));
        let votes = Gate::ALL.into_iter().map(|gate| Self::Vote(gate, Decision::Approve)).chain(others);
        let resumed = [First::Nobody, First::Operator, First::Security].map(Self::Resume);
        let rest = [Self::Revise, Self::Withdraw, Self::AcceptRisk, Self::Activate, Self::Suspend];
        let end = [Self::Statement, Self::Attest, Self::Waive, Self::Revoke];
        let files = [Self::Recheck, Self::Discard, Self::RevokeFile, Self::CloseDelivery, Self::RevokeDelivery];
        looks.map(Self::Look).into_iter().chain(votes).chain(rest).chain(resumed).chain(end).chain(files).collect()
    }

    pub(super) fn label(self) -> String {
        match self {
            Self::Look(look) => look.name().into(),
            Self::Vote(gate, said) => format!("ticket_vote at {gate}: {}", said.name()),
            Self::Revise => "ticket_revise".into(),
            Self::Activate => "ticket_activate".into(),
            Self::Withdraw => "ticket_withdraw".into(),
            Self::Suspend => "ticket_suspend".into(),
            Self::Resume(First::Nobody) => "ticket_resume, as the first".into(),
            Self::Resume(First::Operator) => "ticket_resume after an operator".into(),
            Self::Resume(First::Security) => "ticket_resume after security".into(),
            Self::Statement => "ticket_statement".into(),
            Self::Attest => "ticket_attest".into(),
            Self::Waive => "ticket_waive_deletion".into(),
            Self::AcceptRisk => "risk_accept".into(),
            Self::Revoke => "revoke the ticket".into(),
            Self::CloseDelivery => "delivery_close".into(),
            Self::RevokeDelivery => "revoke a delivery of it".into(),
            Self::Recheck => "file_recheck".into(),
            Self::Discard => "file_discard".into(),
            Self::RevokeFile => "revoke a file of it".into(),
        }
    }

    pub(super) const fn act(self) -> Act {
        match self {
            Self::Look(_) => Act::Look,
            Self::Vote(..) => Act::Vote,
            Self::Revise => Act::SubmitTicket,
            Self::Activate => Act::ActivateTicket,
            Self::Withdraw => Act::WithdrawTicket,
            Self::Suspend => Act::SuspendTicket,
            Self::Resume(_) => Act::ResumeTicket,
            Self::Statement | Self::Attest => Act::FileAttestation,
            Self::Waive => Act::WaiveDeletion,
            Self::AcceptRisk => Act::AcceptRisk,
            Self::Revoke | Self::RevokeDelivery | Self::RevokeFile => Act::Revoke,
            Self::CloseDelivery => Act::CloseDelivery,
            Self::Recheck => Act::RecheckFile,
            Self::Discard => Act::DiscardFile,
        }
    }

    /// Who may ask, whatever becomes of it.
    pub(super) fn roles(self) -> Vec<Role> {
        match self {
            Self::Vote(gate, _) => vec![gate.role()],
            other => other.act().roles().to_vec(),
        }
    }

    /// Whether it is about one file.
    pub(super) const fn is_about_a_file(self) -> bool {
        matches!(self, Self::Recheck | Self::Discard | Self::RevokeFile)
    }

    /// Whether it is about a delivery or a file.
    pub(super) const fn is_about_files(self) -> bool {
        self.is_about_a_file()
            || matches!(self, Self::CloseDelivery | Self::RevokeDelivery | Self::Look(Look::Delivery | Look::File))
    }

    /// Whether it changes nothing though it be granted.
    pub(super) const fn looks(self) -> Looks {
        if matches!(self, Self::Look(_) | Self::Statement) { Looks::Yes } else { Looks::No }
    }

    /// The other of the two has asked.
    pub(super) async fn before(self, scene: &Scene, subject: &Subject) {
        let first = match self {
            Self::Resume(First::Operator) => Staff::Olga,
            Self::Resume(First::Security) => Staff::Sam,
            _ => return,
        };
        let request = Request::TicketResume { ticket: subject.ticket, reason: "its cause is gone".into() };
        // Where it is refused to them, nobody has asked before.
        scene.ask(scene.house.person(first), request).await.ok();
    }

    pub(super) async fn request(self, scene: &Scene, who: &Enrolled, situation: Situation, subject: &Subject) -> Request {
        let (ticket, reason) = (subject.ticket, "it has to be".to_owned());
        let delivery = || subject.delivery.unwrap_or_else(|| panic!("{situation:?} has a delivery"));
        let file = || *subject.files.last().unwrap_or_else(|| panic!("{situation:?} has a file"));
        match self {
            Self::Look(look) => look.request(subject),
            Self::Vote(gate, said) => vote(scene, who, ticket, ballot(gate, said)).await,
            Self::Revise => {
                let base = scene.show(who, ticket).await.under_review;
                Request::TicketRevise { ticket, base, document: scene.amendment(situation) }
            }
            Self::Activate => Request::TicketActivate { ticket },
            Self::Withdraw => Request::TicketWithdraw { ticket, reason },
            Self::Suspend => Request::TicketSuspend { ticket, reason },
            Self::Resume(_) => Request::TicketResume { ticket, reason },
            Self::Statement => Request::TicketStatement { ticket, on: None },
            Self::Attest => attest(scene, who, ticket).await,
            Self::Waive => Request::TicketWaiveDeletion { ticket, reason },
            Self::AcceptRisk => acceptance(scene, who, ticket).await,
            Self::Revoke => Request::Revoke { scope: Scope::Ticket(ticket), reason },
            Self::CloseDelivery => Request::DeliveryClose { ticket, delivery: Some(delivery().number) },
            Self::RevokeDelivery => Request::Revoke { scope: Scope::Delivery(delivery()), reason },
            Self::Recheck => Request::FileRecheck { file: file() },
            Self::Discard => Request::FileDiscard { file: file(), reason },
            Self::RevokeFile => Request::Revoke { scope: Scope::File(file()), reason },
        }
    }
}

impl Look {
    const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket_show",
            Self::Review => "ticket_review",
            Self::Votes => "ticket_votes",
            Self::Diagram => "ticket_diagram",
            Self::Explain => "explain",
            Self::Deliveries => "delivery_list",
            Self::Delivery => "delivery_show",
            Self::Files => "file_list",
            Self::File => "file_show",
            Self::Transfers => "transfer_list",
        }
    }

    fn request(self, subject: &Subject) -> Request {
        let ticket = subject.ticket;
        match self {
            Self::Ticket => Request::TicketShow { ticket },
            Self::Review => Request::TicketReview { ticket },
            Self::Votes => Request::TicketVotes { ticket },
            Self::Diagram => Request::TicketDiagram { ticket, drawing: Drawing::Mermaid },
            Self::Explain => Request::Explain { subject: ticket.to_string().parse().unwrap() },
            Self::Deliveries => Request::DeliveryList { ticket: Some(ticket) },
            Self::Delivery => Request::DeliveryShow { ticket, delivery: subject.delivery.unwrap().number },
            Self::Files => Request::FileList { ticket: Some(ticket) },
            Self::File => Request::FileShow { file: subject.files[0] },
            Self::Transfers => Request::TransferList { vendor: None, ticket: Some(ticket) },
        }
    }
}

/// This ballot over what the gate asks now, signed by its voter.
pub(super) async fn vote(scene: &Scene, who: &Enrolled, ticket: TicketNumber, ballot: Ballot) -> Request {
    vote_on(&scene.show(who, ticket).await, who, ballot)
}

/// The same for whoever has looked at the ticket.
pub(super) fn vote_on(view: &TicketView, who: &Enrolled, ballot: Ballot) -> Request {
    let question = view.gates.iter().find(|view| view.gate == ballot.gate).map(|view| view.question);
    // What has ended or waits for its vendor may ask nothing.
    let question = question.unwrap_or_else(|| Digest::of(b"not asked"));
    let (ticket, revision, policy) = (view.ticket, view.under_review, view.policy);
    let asked = Asked { ticket, question, revision, policy, after: view.your_last_vote };
    let signature = signed(&who.key, NAMESPACE_VOTE, &ballot.text(&asked));
    Request::TicketVote { ticket, question, revision, policy, ballot, signature }
}

/// The example's acceptance of the flag that is up, signed.
pub(super) async fn acceptance(scene: &Scene, who: &Enrolled, ticket: TicketNumber) -> Request {
    let document =
        include_str!("../../../../../config/risk.toml").replace("no_iso27001", "no_soc2").replace("2027-03-31", "2027-11-01");
    let view = scene.show(who, ticket).await;
    let assessment = view.assessment.unwrap_or_else(|| Digest::of(b"nobody has confirmed one"));
    let accepted = Accepted { ticket, revision: view.under_review, vendor: view.vendor, assessment };
    let text = acceptance_text(&accepted, &AcceptanceDocument::parse(&document).unwrap());
    Request::RiskAccept { ticket, document, signature: signed(&who.key, NAMESPACE_VOTE, &text) }
}

/// The vendor's signature over what it is asked to state; where nothing is asked yet, over what it could say of nothing.
async fn attest(scene: &Scene, who: &Enrolled, ticket: TicketNumber) -> Request {
    let asked = scene.ask(scene.house.person(Staff::Olga), Request::TicketStatement { ticket, on: None }).await;
    let text = match asked {
        Ok(told) => told["text"].as_str().unwrap().to_owned(),
        Err(_) => {
            let view = scene.show(who, ticket).await;
            let on = Day::of(scene.now());
            Statement { ticket, vendor: view.vendor, revision: view.revision, handed: Vec::new(), on }.text()
        }
    };
    Request::TicketAttest { ticket, on: None, signature: signed(&scene.acme.login, NAMESPACE_DELETION, &text) }
}
