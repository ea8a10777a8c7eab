//! What a person says at a gate, as the command line takes it.

use crate::domain::{
    event::Decision,
    ids::Slug,
    people::Gate,
    vote::{Ballot, Comment, Term},
};
use clap::Args;

/// What is said at a gate.
#[derive(Args, Debug)]
pub struct Said {
    /// The gate that your role may hold
    #[arg(long, value_parser = super::gate())]
    pub gate: Gate,
    #[command(flatten)]
    pub decision: Decided,
    /// The code of your reason, as the policy lists them; needed for all but --approve
    #[arg(long, value_name = "CODE")]
    pub because: Option<Slug>,
    /// Why, in a sentence: it is signed and recorded; needed for all but --approve
    #[arg(long, value_name = "WHY", default_value = "", hide_default_value = true)]
    pub reason: String,
    /// A remark on one answer: purpose=…, field.email=…, field.email.treatment=…
    #[arg(long = "comment", value_name = "PLACE=TEXT", value_parser = comment)]
    pub comments: Vec<Comment>,
    /// What the approval is tied to: max_rows, max_bytes, max_deliveries, max_downloads, protocol, address, until, without
    #[arg(long = "term", value_name = "TERM=VALUE", requires = "approve")]
    pub terms: Vec<Term>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Decided {
    /// Votes yes to the gate's question
    #[arg(long)]
    pub approve: bool,
    /// Sends the request back to its requester, with comments
    #[arg(long)]
    pub request_changes: bool,
    /// Votes no: this ends the ticket, or the amendment of an active one
    #[arg(long)]
    pub reject: bool,
}

impl From<Said> for Ballot {
    fn from(Said { gate, decision, because, reason, comments, terms }: Said) -> Self {
        let decision = match decision {
            Decided { approve: true, .. } => Decision::Approve,
            Decided { reject: true, .. } => Decision::Reject,
            Decided { .. } => Decision::RequestChanges,
        };
        Self { gate, decision, because, reason, comments, terms }
    }
}

fn comment(text: &str) -> Result<Comment, &'static str> {
    let (on, text) = text.split_once('=').ok_or("a comment is written as PLACE=TEXT")?;
    Ok(Comment { on: on.to_owned(), text: text.to_owned() })
}
