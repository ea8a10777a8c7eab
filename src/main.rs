//! The one executable: `egressd`, or `egressctl` when called by that name.

use clap::{Parser, Subcommand};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The gateway that lets no byte out without an approved ticket. Under the name egressctl it is the command line.
#[derive(Parser)]
#[command(name = "egressd", version, subcommand_required = true, arg_required_else_help = true)]
struct Daemon {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a gateway's directory: configuration, policy, keys, an empty log
    #[command(after_help = "Example:\n  egressd init /srv/egressd")]
    Init { directory: PathBuf },
    /// Check a configuration and everything that it names
    #[command(after_help = "Example:\n  egressd check --config /etc/egressd/egressd.toml")]
    Check {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Run the gateway
    #[command(after_help = "Example:\n  egressd serve --config /etc/egressd/egressd.toml")]
    Serve {
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Play the main job with a gateway, staff and vendors of its own
    #[command(after_help = "Examples:\n  egressd demo\n  egressd demo --check")]
    Demo {
        #[arg(default_value = "./egressd-demo")]
        directory: PathBuf,
        /// Play the whole story, check every step, and end
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().peekable();
    let called = arguments.peek().map(PathBuf::from);
    if called.as_deref().and_then(Path::file_name).is_some_and(|name| name == "egressctl") {
        return egressd::ctl::run(arguments);
    }
    let Daemon { command } = Daemon::parse_from(arguments);
    // The seam: each command calls its room here.
    let missing = match command {
        Command::Init { .. } => "init",
        Command::Check { .. } => "check",
        Command::Serve { .. } => "serve",
        Command::Demo { .. } => "demo",
    };
    eprintln!("egressd: {missing} is not built yet");
    ExitCode::from(3)
}
