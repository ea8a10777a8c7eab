//! The commands about the policy file.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum Policy {
    /// Say all that is wrong with a policy file, or what it leads to; needs no daemon
    ///
    /// Refused is also what can be read and could not be met: gates that wait for each other, bounds that no request satisfies,
    /// answers that nobody can give, conditions that never hold.
    #[command(after_help = "Example:\n  egressctl policy check /etc/egressd/policy.toml")]
    Check {
        /// The policy file, TOML or JSON (config/policy.toml explains it); - for standard input
        file: PathBuf,
    },
    /// Say which tickets would fall or lose votes under another policy, and why; nothing is recorded or changed
    #[command(after_help = "Example:\n  egressctl policy simulate new-policy.toml --json")]
    Simulate {
        /// The policy file as it would be; - for standard input
        file: PathBuf,
    },
}
