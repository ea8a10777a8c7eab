//! The one executable: `egressd`, or `egressctl` when called by that name.

use clap::{Parser, Subcommand};
use egressd::demo::{Address, Play};
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
    Init {
        /// The directory to make: it must not hold a gateway yet
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Check a configuration and everything that it names
    #[command(after_help = "Example:\n  egressd check --config /etc/egressd/egressd.toml")]
    Check {
        /// The configuration (config/egressd.toml explains it)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Run the gateway
    #[command(after_help = "Example:\n  egressd serve --config /etc/egressd/egressd.toml")]
    Serve {
        /// The configuration (config/egressd.toml explains it)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Play the main job with a gateway, staff and vendors of its own
    #[command(after_help = "Examples:\n  egressd demo\n  egressd demo --check\n  egressd demo --syslog unix:/dev/log")]
    Demo {
        /// The demonstration's directory: made anew, or found again with its keys and its log
        #[arg(value_name = "DIR", default_value = "./egressd-demo")]
        directory: PathBuf,
        /// Play the whole story, check every step, and end
        #[arg(long)]
        check: bool,
        /// Tell every event to a syslog server: unix:/dev/log, tcp://HOST:PORT or udp://HOST:PORT
        #[arg(long, value_name = "ADDR")]
        syslog: Option<Address>,
    },
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().peekable();
    let called = arguments.peek().map(PathBuf::from);
    if called.as_deref().and_then(Path::file_name).is_some_and(|name| name == "egressctl") {
        return egressd::ctl::run(arguments);
    }
    let Daemon { command } = Daemon::parse_from(arguments);
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("egressd: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// What `egressd` answers when it could not do what it was told. 0 is done and 2 is a usage error, as for egressctl.
const FAILED: u8 = 3;

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init { directory } => {
            egressd::init::init(&directory)?;
            print!("{}", egressd::init::next_steps(&directory));
            Ok(())
        }
        Command::Check { config } => {
            println!("{}", egressd::daemon::check(&config)?);
            Ok(())
        }
        Command::Serve { config } => {
            log_to_stderr();
            egressd::daemon::serve(&config)
        }
        Command::Demo { directory, check, syslog } => {
            egressd::demo::run(&directory, if check { Play::Check } else { Play::Show }, syslog.as_ref())
        }
    }
}

/// The operator's log, one line per event. russh repeats what peers say and is not heard.
fn log_to_stderr() {
    use std::io::IsTerminal;
    #[expect(clippy::disallowed_methods, reason = "how much is logged is the one thing the environment says")]
    let filter = std::env::var("EGRESSD_LOG").unwrap_or_else(|_| "info,russh=off".into());
    let on_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(on_terminal).init();
}
