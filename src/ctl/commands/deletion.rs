//! What the command line takes about a vendor's deletion.

use crate::domain::{ids::TicketNumber, time::Day};
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub struct Attest {
    /// Such as EGR-2026-0042
    pub ticket: TicketNumber,
    #[command(flatten)]
    pub how: How,
    /// The day that stands in the text; today where it is left out
    #[arg(long, value_name = "DAY", value_parser = super::day)]
    pub date: Option<Day>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct How {
    /// Print the text that the vendor signs, and stop: for ssh-keygen -Y sign -n egressd-deletion
    #[arg(long)]
    pub print_text: bool,
    /// The signature that the vendor made over the printed text
    #[arg(long, value_name = "SIG_FILE")]
    pub signature: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct Waive {
    /// Such as EGR-2026-0042
    pub ticket: TicketNumber,
    /// Why, in a sentence: it is recorded
    #[arg(long, visible_alias = "because", value_name = "WHY")]
    pub reason: String,
}
