//! The commands about the staff, and about the uses of sealed identities.

use super::{Unsigned, day, role};
use crate::domain::{ids::Slug, people::Role, time::Day};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum Staff {
    /// Enrol a person; the same command by a second member of the staff completes it
    #[command(
        after_help = "Example (typed by two people; the first two are enrolled by the daemon's\n  own user, with --unsigned):\n  \
        egressctl staff enroll alice --roles requester,operator \\\n    --public-key alice.pub"
    )]
    Enroll {
        /// How the person is called from now on
        name: Slug,
        /// What this person may do, separated by commas
        #[arg(long, required = true, value_delimiter = ',', value_parser = role())]
        roles: Vec<Role>,
        /// The person's SSH public key
        #[arg(long, value_name = "PUB_FILE")]
        public_key: PathBuf,
        /// The last day on which the key counts, such as 2027-12-31; without it, until it is revoked
        #[arg(long, value_name = "DAY", value_parser = day)]
        until: Option<Day>,
        #[command(flatten)]
        unsigned: Unsigned,
    },
    /// List the people and their roles
    #[command(after_help = "Example:\n  egressctl staff list")]
    List(Unsigned),
}

#[derive(Subcommand, Debug)]
pub enum BreakGlass {
    /// List the uses, the newest first
    #[command(after_help = "Example:\n  egressctl break-glass list")]
    List,
    /// Say what a use was: two people do, and then it is closed
    #[command(after_help = "Example:\n  egressctl break-glass review 811 --reason \"a drill, announced\"")]
    Review {
        /// The leaf of the use, as break-glass list shows it
        leaf: u64,
        /// What it was, in a sentence: it is recorded
        #[arg(long, value_name = "WHAT")]
        reason: String,
    },
}
