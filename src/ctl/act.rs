//! From a command to its requests, and from the answers to what is shown.

use super::{
    commands::{
        Attest, Audit, BreakGlass, Cli, Command, Common, Delivery, DeliveryName, FileCommand, Key, Log, Policy, Risk, Session,
        Staff, Ticket, Transfer, Unsigned, Vendor, Waive, Wanted,
    },
    connection::{Answered, Caller},
    draft, explain, lint, offline,
    page::Page,
    policy,
    show::{Reviewed, Show},
    signer::{Signer, agent_socket, read_bounded},
    table::Tone,
    token,
    trouble::{Exit, Trouble},
    vote::{self, Came, Signing, Voting},
    votes,
};
use crate::{
    clock::{Clock, SystemClock},
    domain::{
        document::DocumentError, ids::DeliveryNumber, ids::TicketNumber, limits, signature::PublicKey, ticket::TicketDocument,
        time::Day,
    },
    endpoints::control::request::Request as R,
    gateway::{
        answers::{
            AuditVerdict, BrokenGlassRow, CheckpointNote, DeletionText, DeliveryRow, DeliveryView, Done, Explanation, FileRow,
            FileView, KeyRow, Listing, LogTest, PurgeReport, Receipt, SessionRow, SignedVote, Simulation, StaffRow,
            StagingRecipient, Status, Submitted, TailRow, TicketDiagram, TicketReview, TicketRow, TicketView, TransferRow,
            VendorFiled, VendorRow, VendorView, VoteText, Who,
        },
        asked::{DeliveryPath, Scope, Subject},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::path::Path;

/// An answer, ready to be told either way.
pub struct Told {
    pub json: Value,
    pub page: Page,
    pub exit: Exit,
}

impl Told {
    fn new<T: Show>(answered: Answered<T>, mut page: Page) -> Self {
        answered.answer.show(&mut page);
        Self { json: answered.json, page, exit: answered.answer.exit() }
    }
}

pub async fn act(cli: Cli, page: Page) -> Result<Told, Trouble> {
    let Cli { common, command } = cli;
    if let Command::Audit(Audit::Verify { dir: Some(directory), vkey: Some(vkey), checkpoint }) = &command {
        let checkpoint = checkpoint.as_deref().map(document).transpose()?;
        return local(offline::verify(directory, vkey, checkpoint.as_deref())?, page);
    }
    if let Command::Explain { subject: Subject::Code(code) } = &command
        && let Some(explained) = explain::own(code)
    {
        return local(explained, page);
    }
    match &command {
        Command::Ticket(Ticket::Lint { file, policy }) => {
            let policy = policy.as_deref().map(|file| Ok((file, document(file)?))).transpose()?;
            return local(lint::lint(&document(file)?, policy, Day::of(SystemClock::new().now()))?, page);
        }
        Command::Policy(Policy::Check { file }) => return local(policy::check(&document(file)?), page),
        Command::Ticket(Ticket::Draft { from, policy, vendor }) => {
            let policy = policy.as_deref().map(|file| Ok((file, document(file)?))).transpose()?;
            return local(draft::draft(from, policy, vendor.clone())?, page);
        }
        Command::Ticket(Ticket::Diagram { file: Some(file), format, ticket: _ }) => {
            let wrong = |error: DocumentError| Trouble::content(file, error, "ticket diagram");
            let ticket = TicketDocument::parse(&document(file)?).map_err(wrong)?;
            return local(TicketDiagram::of(&ticket, *format), page);
        }
        _ => {}
    }
    let signer = sign_as(&common, &command).await?;
    let desk = Desk { caller: Caller { socket: common.socket, signer, named: common.named }, page };
    match command {
        Command::Whoami(_) => desk.tell::<Who>(R::Whoami {}).await,
        Command::Status => desk.tell::<Status>(R::Status {}).await,
        Command::Staff(command) => staff(desk, command).await,
        Command::Vendor(command) => vendor(desk, command).await,
        Command::Key(Key::ShowRecipient) => desk.tell::<StagingRecipient>(R::KeyShowRecipient {}).await,
        Command::Key(Key::List { vendor }) => desk.tell::<Listing<KeyRow>>(R::KeyList { vendor }).await,
        Command::Ticket(command) => ticket(desk, command).await,
        Command::Policy(Policy::Simulate { file }) => {
            let told = desk.tell::<Simulation>(R::PolicySimulate { document: document(&file)? }).await;
            told.map_err(|trouble| trouble.in_file(&file))
        }
        // It was answered before anybody was asked to sign.
        Command::Policy(Policy::Check { file }) => Err(usage(&file.display().to_string(), "it asks no daemon", "policy check")),
        Command::Risk(Risk::Accept { ticket, file }) => {
            let mut desk = desk;
            let answered = vote::on_risk(&mut desk.caller, ticket, &file, document(&file)?).await;
            Ok(Told::new(answered.map_err(|trouble| trouble.in_file(&file))?, desk.page))
        }
        Command::Delivery(command) => delivery(desk, command).await,
        Command::File(command) => file(desk, command).await,
        Command::Explain { subject } => desk.tell::<Explanation>(R::Explain { subject }).await,
        Command::Transfer(Transfer::List { vendor, ticket }) => {
            desk.tell::<Listing<TransferRow>>(R::TransferList { vendor, ticket }).await
        }
        Command::Session(Session::List) => desk.tell::<Listing<SessionRow>>(R::SessionList {}).await,
        Command::Session(Session::Kill { session, reason }) => desk.tell::<Receipt>(R::SessionKill { session, reason }).await,
        Command::Revoke { kind, id, reason } => {
            let scope = Scope::parse(kind, &id).map_err(|e| usage(&id, &e.to_string(), "revoke"))?;
            desk.tell::<Receipt>(R::Revoke { scope, reason }).await
        }
        Command::Freeze { reason } => desk.tell::<Receipt>(R::Freeze { reason }).await,
        Command::Unfreeze { reason } => desk.tell::<Done>(R::Unfreeze { reason }).await,
        Command::Purge => desk.tell::<PurgeReport>(R::Purge {}).await,
        Command::Audit(command) => audit(desk, command).await,
        Command::BreakGlass(BreakGlass::List) => desk.tell::<Listing<BrokenGlassRow>>(R::BreakGlassList {}).await,
        Command::BreakGlass(BreakGlass::Review { leaf, reason }) => {
            desk.tell::<Done>(R::BreakGlassReview { used: leaf, reason }).await
        }
        Command::Log(Log::Test { destination }) => desk.tell::<LogTest>(R::LogTest { destination }).await,
    }
}

/// The daemon's desk as it is reached from here.
struct Desk {
    caller: Caller,
    page: Page,
}

impl Desk {
    async fn tell<T: Show + DeserializeOwned>(mut self, request: R) -> Result<Told, Trouble> {
        let answered = self.caller.ask::<T>(&request).await?;
        Ok(Told::new(answered, self.page))
    }
}

async fn staff(desk: Desk, command: Staff) -> Result<Told, Trouble> {
    match command {
        Staff::List(_) => desk.tell::<Listing<StaffRow>>(R::StaffList {}).await,
        Staff::Enroll { name, roles, public_key, until, unsigned: _ } => {
            let text = text_of(&public_key, limits::KEY_FILE_BYTES)?;
            let bad = |cause: String| Trouble::KeyFile { file: public_key.clone(), cause };
            let key: PublicKey = text.parse().map_err(|e: crate::domain::signature::KeyRefused| bad(e.to_string()))?;
            desk.tell::<Done>(R::StaffEnroll { name, roles: roles.into_iter().collect(), key, until }).await
        }
    }
}

async fn vendor(mut desk: Desk, command: Vendor) -> Result<Told, Trouble> {
    match command {
        Vendor::Add { file } => {
            let told = desk.tell::<VendorFiled>(R::VendorAdd { document: document(&file)? }).await;
            told.map_err(|trouble| trouble.in_file(&file))
        }
        Vendor::Confirm { vendor, revision } => {
            let answered = vote::on_vendor(&mut desk.caller, vendor, revision).await?;
            Ok(Told::new(answered, desk.page))
        }
        Vendor::Token { vendor, until } => {
            let answered = token::new(&mut desk.caller, vendor, until).await?;
            Ok(Told::new(answered, desk.page))
        }
        Vendor::ConfirmToken { vendor, token } => {
            let answered = vote::on_token(&mut desk.caller, vendor, token).await?;
            Ok(Told::new(answered, desk.page))
        }
        Vendor::List => desk.tell::<Listing<VendorRow>>(R::VendorList {}).await,
        Vendor::Show { vendor } => desk.tell::<VendorView>(R::VendorShow { vendor }).await,
    }
}

async fn ticket(mut desk: Desk, command: Ticket) -> Result<Told, Trouble> {
    match command {
        Ticket::Submit { file } => {
            let told = desk.tell::<Submitted>(R::TicketSubmit { document: document(&file)? }).await;
            told.map_err(|trouble| trouble.in_file(&file))
        }
        // They were answered before anybody was asked to sign.
        Ticket::Lint { file, .. } => Err(usage(&file.display().to_string(), "it asks no daemon", "ticket lint")),
        Ticket::Draft { from, .. } => Err(usage(&from.display().to_string(), "it asks no daemon", "ticket draft")),
        Ticket::Diagram { ticket: None, .. } => Err(usage("ticket diagram", "which ticket?", "ticket diagram")),
        Ticket::Diagram { ticket: Some(ticket), format, file: _ } => {
            desk.tell::<TicketDiagram>(R::TicketDiagram { ticket, drawing: format }).await
        }
        Ticket::List(Wanted { awaiting, state }) => {
            let list = R::TicketList { awaiting, states: state.into_iter().collect() };
            let mut told = desk.tell::<Listing<TicketRow>>(list).await?;
            if awaiting.is_some() {
                told.page.line("What is no ticket and waits for you stands in: egressctl status", Tone::Faint);
            }
            Ok(told)
        }
        Ticket::Show { ticket } => desk.tell::<TicketView>(R::TicketShow { ticket }).await,
        Ticket::Revise { ticket, file } => {
            let text = document(&file)?;
            let view: TicketView = desk.caller.ask(&R::TicketShow { ticket }).await?.answer;
            let revise = R::TicketRevise { ticket, base: view.under_review, document: text };
            desk.tell::<Submitted>(revise).await.map_err(|trouble| trouble.in_file(&file))
        }
        Ticket::Review { ticket, gate } => {
            let Answered { json, answer } = desk.caller.ask::<TicketReview>(&R::TicketReview { ticket }).await?;
            let answer = Reviewed::of(answer, gate)?;
            Ok(Told::new(Answered { json, answer }, desk.page))
        }
        Ticket::Votes { ticket, out } => {
            let answered = desk.caller.ask::<Listing<SignedVote>>(&R::TicketVotes { ticket }).await?;
            if let Some(directory) = out {
                votes::keep(&directory, &answered.answer.rows)?;
            }
            Ok(Told::new(answered, desk.page))
        }
        Ticket::Vote { ticket, said, question, print_text, signature } => {
            let by = match (print_text, signature) {
                (true, _) => Signing::PrintOnly,
                (false, Some(file)) => Signing::Made { signature: document(&file)? },
                (false, None) => Signing::Key,
            };
            match vote::on_ticket(&mut desk.caller, Voting { ticket, ballot: said.into(), read: question, by }).await? {
                Came::Voted(answered) => Ok(Told::new(answered, desk.page)),
                Came::Text(text) => local(VoteText { text }, desk.page),
            }
        }
        Ticket::Activate { ticket } => desk.tell::<Done>(R::TicketActivate { ticket }).await,
        Ticket::Suspend { ticket, reason } => desk.tell::<Done>(R::TicketSuspend { ticket, reason }).await,
        Ticket::Resume { ticket, reason } => desk.tell::<Done>(R::TicketResume { ticket, reason }).await,
        Ticket::Attest(Attest { ticket, how, date: on }) => match how.signature {
            None => desk.tell::<DeletionText>(R::TicketStatement { ticket, on }).await,
            Some(file) => desk.tell::<Done>(R::TicketAttest { ticket, on, signature: document(&file)? }).await,
        },
        Ticket::WaiveDeletion(Waive { ticket, reason }) => desk.tell::<Done>(R::TicketWaiveDeletion { ticket, reason }).await,
        Ticket::Withdraw { ticket, reason } => desk.tell::<Done>(R::TicketWithdraw { ticket, reason }).await,
    }
}

async fn delivery(desk: Desk, command: Delivery) -> Result<Told, Trouble> {
    match command {
        Delivery::List { ticket } => desk.tell::<Listing<DeliveryRow>>(R::DeliveryList { ticket }).await,
        Delivery::Show(name) => match named(&name, "delivery show")? {
            (ticket, Some(delivery)) => desk.tell::<DeliveryView>(R::DeliveryShow { ticket, delivery }).await,
            (ticket, None) => Err(Trouble::WhichDelivery { ticket }),
        },
        Delivery::Close(name) => {
            let (ticket, delivery) = named(&name, "delivery close")?;
            desk.tell::<Done>(R::DeliveryClose { ticket, delivery }).await
        }
    }
}

fn named(given: &DeliveryName, command: &'static str) -> Result<(TicketNumber, Option<DeliveryNumber>), Trouble> {
    let bad = |cause: String| usage(&given.name, &cause, command);
    match (given.name.contains('/'), given.number) {
        (false, number) => Ok((given.name.parse().map_err(|e: crate::domain::ids::NotAnId| bad(e.to_string()))?, number)),
        (true, None) => {
            let path: DeliveryPath = given.name.parse().map_err(|e: crate::domain::ids::NotAnId| bad(e.to_string()))?;
            Ok((path.ticket, Some(path.number)))
        }
        (true, Some(_)) => Err(bad("the delivery's number was given twice".to_owned())),
    }
}

async fn file(desk: Desk, command: FileCommand) -> Result<Told, Trouble> {
    match command {
        FileCommand::List { ticket } => desk.tell::<Listing<FileRow>>(R::FileList { ticket }).await,
        FileCommand::Show { file } => desk.tell::<FileView>(R::FileShow { file }).await,
        FileCommand::Recheck { file } => desk.tell::<Done>(R::FileRecheck { file }).await,
        FileCommand::Discard { file, reason } => desk.tell::<Done>(R::FileDiscard { file, reason }).await,
    }
}

async fn audit(desk: Desk, command: Audit) -> Result<Told, Trouble> {
    match command {
        Audit::Verify { checkpoint, .. } => {
            let checkpoint = checkpoint.as_deref().map(document).transpose()?;
            desk.tell::<AuditVerdict>(R::AuditVerify { checkpoint }).await
        }
        Audit::Tail { after, count } => desk.tell::<Listing<TailRow>>(R::AuditTail { after, count }).await,
        Audit::Checkpoint => desk.tell::<CheckpointNote>(R::AuditCheckpoint {}).await,
    }
}

/// Whose key signs. The commands that the daemon's own user needs before anybody is enrolled go unsigned when that is
/// asked for, or when nobody named a key and there is none.
async fn sign_as(common: &Common, command: &Command) -> Result<Option<Signer>, Trouble> {
    let unsigned = match command {
        Command::Whoami(unsigned) | Command::Staff(Staff::List(unsigned) | Staff::Enroll { unsigned, .. }) => Some(unsigned),
        _ => None,
    };
    if let Some(Unsigned { unsigned: true }) = unsigned {
        return Ok(None);
    }
    let agent = agent_socket();
    let nobody_named = common.key.is_none() && common.named.is_none();
    match Signer::choose(common.key.as_deref(), common.named.as_ref(), agent.as_deref()).await {
        Err(Trouble::NoKey { .. }) if unsigned.is_some() && nobody_named => Ok(None),
        chosen => chosen.map(Some),
    }
}

/// An answer that was found without the daemon.
fn local<T: Show + Serialize>(answer: T, page: Page) -> Result<Told, Trouble> {
    let json = serde_json::to_value(&answer).map_err(|e| Trouble::Output { cause: e.into() })?;
    Ok(Told::new(Answered { json, answer }, page))
}

/// A document that people wrote.
fn document(file: &Path) -> Result<String, Trouble> {
    text_of(file, limits::DOCUMENT_BYTES)
}

fn text_of(file: &Path, most: usize) -> Result<String, Trouble> {
    let bad = |cause: String| Trouble::Document { file: file.to_owned(), cause };
    String::from_utf8(read_bounded(file, most).map_err(bad)?).map_err(|_| bad("not UTF-8 text".to_owned()))
}

/// `command` is the one whose help shows how it is written.
fn usage(given: &str, cause: &str, command: &'static str) -> Trouble {
    Trouble::Argument { given: given.to_owned(), cause: cause.to_owned(), help: command }
}
