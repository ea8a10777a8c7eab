//! Votes: the daemon gives the text, the person sees it, the person's key signs it, the daemon gets both.

use super::{
    connection::{Answered, Caller},
    signer::Signer,
    text::visible,
    trouble::Trouble,
};
use crate::{
    domain::{
        digest::Digest,
        event::Decision,
        ids::{Slug, TicketNumber},
        people::Gate,
        signature::{NAMESPACE_VOTE, openssh_fingerprint},
        vendor::token_confirmation_text,
    },
    endpoints::control::request::Request,
    gateway::answers::{Done, TicketView, VendorView, Voted},
};
use std::io::Write;

const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approve",
        Decision::Reject => "reject",
    }
}

/// Votes at one gate of a ticket.
pub async fn on_ticket(
    caller: &mut Caller,
    ticket: TicketNumber,
    gate: Gate,
    decision: Decision,
    reason: String,
) -> Result<Answered<Voted>, Trouble> {
    let TicketView { gates, .. } = caller.ask(&Request::TicketShow { ticket }).await?.answer;
    let names = || gates.iter().map(|view| view.gate.name()).collect::<Vec<_>>().join(", ");
    let Some(view) = gates.iter().find(|view| view.gate == gate) else {
        return Err(Trouble::NoGate { ticket, gate, gates: names() });
    };
    let (text, other) = match decision {
        Decision::Approve => (&view.approve_text, Decision::Reject),
        Decision::Reject => (&view.reject_text, Decision::Approve),
    };
    must_name(text, &[&ticket.to_string(), gate.name(), word(decision), &view.question.to_string()])?;
    must_not_name(text, word(other))?;
    let signature = sign(caller, text).await?;
    let text = text.clone();
    caller.ask(&Request::TicketVote { ticket, gate, decision, reason, text, signature }).await
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

fn must_not_name(text: &str, other: &str) -> Result<(), Trouble> {
    if words(text).any(|word| word == other) {
        Err(Trouble::OtherText { expected: format!("one decision only: it also says {other}") })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_for_another_ticket_gate_or_decision_is_not_signed() {
        let question = Digest::of(b"question").to_string();
        let text = format!(r#"{{"decision":"approve","gate":"privacy","question":"{question}","ticket":"EGR-2026-0042"}}"#);
        let asked = ["EGR-2026-0042", "privacy", "approve", &question];
        assert!(must_name(&text, &asked).is_ok());
        assert!(must_name("I approve EGR-2026-0042 at privacy.", &asked[..3]).is_ok());
        for foreign in ["EGR-2026-004", "security", "reject", "EGR-2026-00421"] {
            assert!(must_name(&text, &[foreign]).is_err(), "{foreign}");
        }
        assert!(must_not_name(&text, "reject").is_ok());
        assert!(must_not_name("approve, or reject", "reject").is_err());
    }
}
