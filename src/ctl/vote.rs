//! Votes and confirmations: the person sees the text, the person's key signs it, the daemon gets both.

use super::{
    connection::{Answered, Caller},
    signer::Signer,
    text::visible,
    trouble::Trouble,
};
use crate::{
    domain::{
        acceptance::{AcceptanceDocument, Accepted, acceptance_text},
        digest::Digest,
        ids::{Slug, TicketNumber},
        refusal::Refusal,
        signature::{NAMESPACE_VOTE, openssh_fingerprint},
        vendor::token_confirmation_text,
        vote::{Asked, Ballot},
    },
    endpoints::control::request::Request,
    gateway::answers::{Done, TicketView, VendorView, Voted},
};
use std::{io::Write, path::Path};

/// What is to be said, once the gate's question is known.
pub struct Voting {
    pub ticket: TicketNumber,
    pub ballot: Ballot,
    /// How the digest of the question begins that the person has read. Between the reading and the vote the request may have been revised.
    pub read: Option<String>,
    pub by: Signing,
}

/// Who makes the signature.
pub enum Signing {
    /// The caller's own key.
    Key,
    /// Nobody yet: the text is printed, for `ssh-keygen -Y sign`.
    PrintOnly,
    /// Somebody has made it over the printed text.
    Made { signature: String },
}

/// What came of it.
pub enum Came {
    Voted(Answered<Voted>),
    Text(String),
}

/// Votes at one gate of a ticket. The text is made here: what is signed is what was typed, and the question that the daemon names.
pub async fn on_ticket(caller: &mut Caller, Voting { ticket, ballot, read, by }: Voting) -> Result<Came, Trouble> {
    let view: TicketView = caller.ask(&Request::TicketShow { ticket }).await?.answer;
    let gate = ballot.gate;
    let Some(asks) = view.gates.iter().find(|view| view.gate == gate) else {
        let gates = view.gates.iter().map(|view| view.gate.name()).collect::<Vec<_>>().join(", ");
        return Err(Trouble::NoGate { ticket, gate, gates });
    };
    if read.is_some_and(|read| read.is_empty() || !asks.question.to_string().starts_with(&read)) {
        return Err(Trouble::certain(&(&Refusal::QuestionChanged { ticket: ticket.to_string() }).into()));
    }
    let certain = asks.refuses.iter().find(|refused| refused.decision == ballot.decision);
    certain.map_or(Ok(()), |refused| Err(Trouble::certain(&refused.refusal)))?;
    let (question, revision, policy) = (asks.question, view.under_review, view.policy);
    let text = ballot.text(&Asked { ticket, question, revision, policy, after: view.your_last_vote });
    let signature = match by {
        Signing::PrintOnly => return Ok(Came::Text(text)),
        Signing::Made { signature } => signature,
        Signing::Key => sign(caller, &text).await?,
    };
    let vote = Request::TicketVote { ticket, question, revision, policy, ballot, signature };
    caller.ask(&vote).await.map(Came::Voted)
}

/// Confirms a vendor's revision. The signature makes it a vote where the person's role makes it one.
pub async fn on_vendor(caller: &mut Caller, vendor: Slug, revision: Digest) -> Result<Answered<Done>, Trouble> {
    let view: VendorView = caller.ask(&Request::VendorShow { vendor: vendor.clone() }).await?.answer;
    let filed = view.revisions.iter().find(|filed| filed.revision == revision);
    let Some(text) = filed.and_then(|filed| filed.confirm_text.as_ref()) else {
        return Err(Trouble::NothingToConfirm { vendor, revision: revision.to_string() });
    };
    must_name(text, &[vendor.as_str(), &revision.to_string()])?;
    let signature = Some(sign(caller, text).await?);
    caller.ask(&Request::VendorConfirm { vendor, revision, signature }).await
}

/// Confirms a token. The text is made here: what is signed is what was typed.
pub async fn on_token(caller: &mut Caller, vendor: Slug, token: Digest) -> Result<Answered<Done>, Trouble> {
    let view: VendorView = caller.ask(&Request::VendorShow { vendor: vendor.clone() }).await?.answer;
    let fingerprint = openssh_fingerprint(token);
    let Some(issued) = view.tokens.iter().find(|issued| issued.token == fingerprint) else {
        return Err(Trouble::NothingToConfirm { vendor, revision: fingerprint });
    };
    let text = token_confirmation_text(&vendor, token, issued.until);
    let signature = Some(sign(caller, &text).await?);
    caller.ask(&Request::VendorConfirmToken { vendor, token, signature }).await
}

/// Accepts risks of a ticket. The text is made here: what is signed is what the file says.
pub async fn on_risk(
    caller: &mut Caller,
    ticket: TicketNumber,
    file: &Path,
    document: String,
) -> Result<Answered<Done>, Trouble> {
    let read = AcceptanceDocument::parse(&document).map_err(|error| Trouble::content(file, error, "risk accept"))?;
    let view: TicketView = caller.ask(&Request::TicketShow { ticket }).await?.answer;
    view.refuses_acceptance.as_ref().map_or(Ok(()), |refusal| Err(Trouble::certain(refusal)))?;
    let assessment = view.assessment.ok_or_else(|| Trouble::OtherText { expected: "the vendor's assessment".to_owned() })?;
    let accepted = Accepted { ticket, revision: view.under_review, vendor: view.vendor, assessment };
    let signature = sign(caller, &acceptance_text(&accepted, &read)).await?;
    caller.ask(&Request::RiskAccept { ticket, document, signature }).await
}

async fn sign(caller: &mut Caller, text: &str) -> Result<String, Trouble> {
    let signer: &mut Signer =
        caller.signer.as_mut().ok_or_else(|| Trouble::NoKey { cause: "a vote is always signed".to_owned() })?;
    let mut shown = "You sign:\n".to_owned();
    for line in text.lines() {
        shown.push_str(&format!("  {}\n", visible(line)));
    }
    // Shown before it is signed: an agent that asks for confirmation asks about this.
    drop(std::io::stderr().lock().write_all(shown.as_bytes()));
    signer.sign(NAMESPACE_VOTE, text.as_bytes()).await
}

/// The words of `text`: runs of the characters that ids, names and digests are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.split(move |c| !inside(c)).map(|word| word.trim_matches('.'))
}

/// A daemon that is not the one it seems could offer the text of another vote.
fn must_name(text: &str, expected: &[&str]) -> Result<(), Trouble> {
    match expected.iter().find(|&&name| !words(text).any(|word| word == name)) {
        Some(missing) => Err(Trouble::OtherText { expected: (*missing).to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_for_another_vendor_or_revision_is_not_signed() {
        let revision = Digest::of(b"revision").to_string();
        let text = format!("egressd vendor confirmation 1\nvendor acme\nrevision {revision}\n");
        assert!(must_name(&text, &["acme", &revision]).is_ok());
        for foreign in ["acm", "acme2", &Digest::of(b"another").to_string()] {
            assert!(must_name(&text, &[foreign]).is_err(), "{foreign}");
        }
    }
}
