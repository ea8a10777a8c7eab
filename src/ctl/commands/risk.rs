//! The commands about accepted risks.

use crate::domain::ids::TicketNumber;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum Risk {
    /// Accept red flags of a ticket's vendor until a day: shows the text, signs it, sends it
    ///
    /// It takes an executive who neither requested the ticket nor holds a gate of it. No gate is answered by it.
    #[command(after_help = "Example:\n  egressctl risk accept EGR-2026-0042 --file risk.toml")]
    Accept {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        /// What is accepted, why and until when (config/risk.toml explains it); - for standard input
        #[arg(long, value_name = "RISK_FILE")]
        file: PathBuf,
    },
}
