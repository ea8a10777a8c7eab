//! The commands, as clap reads them. Each has an example in its help.

mod deletion;
mod policy;
mod risk;
mod said;
mod staff;
mod wanted;

pub use deletion::{Attest, Waive};
pub use policy::Policy;
pub use risk::Risk;
pub use said::Said;
pub use staff::{BreakGlass, Staff};
pub use wanted::Wanted;

use crate::{
    domain::{
        diagram::Drawing,
        digest::Digest,
        ids::{DeliveryNumber, FileId, SessionId, Slug, TicketNumber},
        limits,
        people::{Gate, Role},
        signature::parse_fingerprint,
        time::Day,
    },
    gateway::asked::{ScopeKind, Subject},
};
use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser},
};
use std::{ffi::OsString, path::PathBuf};

const EXIT_STATUS: &str = "\
Exit status: 0 done, 1 refused, 2 usage, 3 daemon unreachable or faulty, 4 cut but not durable.

Each request is signed with your SSH key: from ssh-agent, or --key. Examples:
  egressctl whoami
  egressctl ticket show EGR-2026-0042
  egressctl explain E2101
  egressctl revoke vendor acme --reason \"key on a lost laptop\"";

/// Asks egressd, the gateway that lets no byte out without an approved ticket.
#[derive(Parser, Debug)]
#[command(name = "egressctl", version, after_help = EXIT_STATUS, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Who asks, where, and how it is shown")]
pub struct Common {
    /// The daemon's control socket
    #[arg(long, global = true, env = "EGRESSCTL_SOCKET", hide_env_values = true, value_name = "PATH")]
    #[arg(default_value = super::connection::DEFAULT_SOCKET)]
    pub socket: PathBuf,
    /// Who you mean to be: picks the ssh-agent key with this comment (WHO or WHO@…), and is refused for another's key
    #[arg(long = "as", global = true, env = "EGRESSCTL_AS", hide_env_values = true, value_name = "WHO")]
    pub named: Option<Slug>,
    /// Your SSH key: a private key file, or a .pub file whose key ssh-agent holds
    #[arg(long, global = true, env = "EGRESSCTL_KEY", hide_env_values = true, value_name = "KEY_FILE")]
    pub key: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, global = true, env = "EGRESSCTL_JSON", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub json: bool,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Say whose key this is and what its owner may do
    #[command(after_help = "Example:\n  egressctl --key ~/.ssh/id_ed25519 whoami")]
    Whoami(Unsigned),
    /// Show what the gateway is doing and what needs somebody
    #[command(after_help = "Example:\n  egressctl status")]
    Status,
    /// The people who may ask, decide and see
    #[command(subcommand)]
    Staff(Staff),
    /// The outside organisations that may collect
    #[command(subcommand)]
    Vendor(Vendor),
    /// Login and recipient keys, tokens, and the staff's keys
    #[command(subcommand)]
    Key(Key),
    /// Egress requests: which fields of which data may go to which vendor
    #[command(subcommand)]
    Ticket(Ticket),
    /// Who must approve what: a policy file, before it is gone by
    #[command(subcommand)]
    Policy(Policy),
    /// Red flags of vendors that an executive answers for
    #[command(subcommand)]
    Risk(Risk),
    /// The files of one ticket that are released together
    #[command(subcommand)]
    Delivery(Delivery),
    /// What lies in staging, and what became of it
    #[command(subcommand)]
    File(FileCommand),
    /// Explain a code or anything with a name, in words
    #[command(after_help = "Examples:\n  egressctl explain E2101\n  \
        egressctl explain EGR-2026-0042/customers.csv\n  \
        egressctl explain acme")]
    Explain {
        /// A code, ticket, delivery, file, session, transfer, fingerprint, vendor or person
        #[arg(value_name = "ID|CODE")]
        subject: Subject,
    },
    /// What vendors read, when, from where and how much
    #[command(subcommand)]
    Transfer(Transfer),
    /// Vendors' open connections
    #[command(subcommand)]
    Session(Session),
    /// End the standing of a vendor, key, ticket, delivery, file, address or class at once
    ///
    /// When this returns with status 0 the fact is durable, every session in its scope is closed, and no further byte
    /// of it leaves. The receipt names the last offset of each transfer. It cannot be undone: what was released or staged under
    /// it is destroyed soon after.
    #[command(after_help = "Examples:\n  egressctl revoke vendor acme --reason \"contract ended\"\n  \
        egressctl revoke address 192.0.2.0/24 \\\n    \
        --reason \"seen in the incident of 21 November\"")]
    Revoke {
        /// What kind of thing
        #[arg(value_parser = scope_kind())]
        kind: ScopeKind,
        /// A vendor's or class's name, a key's fingerprint, a ticket's number, a delivery as EGR-2026-0042/0001, a file's id, an
        /// address or network
        id: String,
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Stop everything, at once
    #[command(after_help = "Example:\n  egressctl freeze --reason \"unexplained transfers\"")]
    Freeze {
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Lift a freeze: takes two people, one of them a security_responder
    #[command(after_help = "Example (each of the two types it):\n  egressctl unfreeze --reason \"cause found and removed\"")]
    Unfreeze {
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Destroy now what is due, and print the certificates
    #[command(after_help = "Example:\n  egressctl purge")]
    Purge,
    /// The log of everything, and its proofs
    #[command(subcommand)]
    Audit(Audit),
    /// Those whom every event is told
    #[command(subcommand)]
    Log(Log),
    /// Uses of a sealed identity, and who has looked into them
    #[command(subcommand)]
    BreakGlass(BreakGlass),
}

/// The choice of the daemon's own user, who has no enrolled key.
#[derive(Args, Debug)]
pub struct Unsigned {
    /// Ask without a key: only for the daemon's own user or root
    #[arg(long, conflicts_with = "named")]
    pub unsigned: bool,
}

#[derive(Subcommand, Debug)]
pub enum Vendor {
    /// File a vendor, or a new revision of one
    #[command(after_help = "Example:\n  egressctl vendor add acme.toml")]
    Add {
        /// The vendor file (config/vendor.toml explains it); - for standard input
        file: PathBuf,
    },
    /// Confirm a revision's keys, compared out of band: a second person, then a security_reviewer
    #[command(after_help = "Example (the revision as vendor show prints it):\n  \
        egressctl vendor confirm acme \\\n    \
        9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    Confirm {
        /// The vendor's name
        vendor: Slug,
        /// The revision's digest, as vendor show prints it
        revision: Digest,
    },
    /// Make a bearer token for a vendor and print it, once: it counts when a second person has confirmed it
    #[command(after_help = "Example:\n  egressctl vendor token acme --until 2027-06-30")]
    Token {
        /// The vendor's name
        vendor: Slug,
        /// The last day on which it counts
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        until: Day,
    },
    /// Confirm a token that somebody else made
    #[command(after_help = "Example (the token as vendor show prints it):\n  \
        egressctl vendor confirm-token acme \\\n    SHA256:uNiVztksCsDhcc0u9e8BrrJXVGOMZUo1nW7YkDBzu1I")]
    ConfirmToken {
        /// The vendor's name
        vendor: Slug,
        /// The token's fingerprint, as vendor show prints it
        #[arg(value_parser = fingerprint)]
        token: Digest,
    },
    /// List the vendors
    #[command(after_help = "Example:\n  egressctl vendor list")]
    List,
    /// Show a vendor's revisions, keys and what is missing
    #[command(after_help = "Example:\n  egressctl vendor show acme")]
    Show {
        /// The vendor's name
        vendor: Slug,
    },
}

#[derive(Subcommand, Debug)]
pub enum Key {
    /// List keys and whose they are
    #[command(after_help = "Example:\n  egressctl key list --vendor acme")]
    List {
        /// Only this vendor's
        #[arg(long)]
        vendor: Option<Slug>,
    },
    /// Show what producers encrypt files to before they drop them
    #[command(after_help = "Example:\n  egressctl key show-recipient")]
    ShowRecipient,
}

#[derive(Subcommand, Debug)]
pub enum Ticket {
    /// Submit a ticket; everything that is missing is named at once
    #[command(after_help = "Example:\n  egressctl ticket submit ticket.toml")]
    Submit {
        /// The ticket file (config/ticket.toml explains it); - for standard input
        file: PathBuf,
    },
    /// Write a draft of a ticket file from a sample of its data; needs no daemon
    ///
    /// Names and types of the columns are filled in, and for each a class with the reason for it. All else that the form asks
    /// is marked OPEN, and what the sample does not show UNSURE: ticket lint names what is open. No value of the data stands in a
    /// draft. Only CSV is read so far: neither JSON nor Parquet.
    #[command(after_help = "Examples:\n  egressctl ticket draft --from orders.csv > ticket.toml\n  \
        egressctl ticket draft --from orders.csv --policy /etc/egressd/policy.toml \\\n    --vendor acme > ticket.toml")]
    Draft {
        /// A CSV file with a header line, such as is to be sent; - for standard input. Its beginning is read
        #[arg(long, value_name = "CSV_FILE")]
        from: PathBuf,
        /// Suggest this policy's classes, not those of config/policy.toml
        #[arg(long, env = "EGRESSCTL_POLICY", hide_env_values = true, value_name = "POLICY_FILE")]
        policy: Option<PathBuf>,
        /// The vendor that is to receive it
        #[arg(long)]
        vendor: Option<Slug>,
    },
    /// Say all that a ticket file lacks, at once; needs no daemon
    #[command(after_help = "Examples:\n  egressctl ticket lint ticket.toml\n  \
        egressctl ticket lint ticket.json --policy /etc/egressd/policy.toml --json")]
    Lint {
        /// The ticket file, TOML or JSON; - for standard input
        file: PathBuf,
        /// Check it against this policy too: its classes, tiers and conditions
        #[arg(long, env = "EGRESSCTL_POLICY", hide_env_values = true, value_name = "POLICY_FILE")]
        policy: Option<PathBuf>,
    },
    /// List the tickets, or those that wait for you
    #[command(after_help = "Examples:\n  egressctl ticket list\n  egressctl ticket list --awaiting me\n  \
        egressctl ticket list --state in_review,on_hold --json")]
    List(Wanted),
    /// Show which fields go where and why, the gates, and what is missing
    #[command(after_help = "Example:\n  egressctl ticket show EGR-2026-0042")]
    Show {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
    },
    /// Draw the way that a ticket's data takes, from its source to the vendor's storage
    ///
    /// It is drawn from the revision alone and names its digest: the same revision is the same file. With --file it is drawn
    /// from a ticket file, without a daemon.
    #[command(after_help = "Examples:\n  egressctl ticket diagram EGR-2026-0042 > EGR-2026-0042.svg\n  \
        egressctl ticket diagram --file ticket.toml --format mermaid")]
    Diagram {
        /// Such as EGR-2026-0042
        #[arg(required_unless_present = "file", conflicts_with = "file")]
        ticket: Option<TicketNumber>,
        /// A ticket file, TOML or JSON; - for standard input
        #[arg(long, value_name = "TICKET_FILE")]
        file: Option<PathBuf>,
        /// How it is drawn
        #[arg(long, value_parser = drawing(), default_value = Drawing::Svg.name())]
        format: Drawing,
    },
    /// Submit a further revision of a ticket: what it leaves as it was keeps its votes
    ///
    /// An active ticket goes on under its old revision until the new one is approved and activated.
    #[command(after_help = "Example:\n  egressctl ticket revise EGR-2026-0042 ticket.toml")]
    Revise {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        /// The whole ticket file, changed; - for standard input
        file: PathBuf,
    },
    /// Show what a ticket's gates ask you, what has changed, and what you may answer
    #[command(
        after_help = "Examples:\n  egressctl ticket review EGR-2026-0042\n  egressctl ticket review EGR-2026-0042 --gate privacy"
    )]
    Review {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        /// This gate's whole question; without it the gates at a glance, and the one that waits for you
        #[arg(long, value_parser = gate())]
        gate: Option<Gate>,
    },
    /// List a ticket's votes, or write each with its signature, for ssh-keygen -Y verify
    #[command(
        after_help = "Examples:\n  egressctl ticket votes EGR-2026-0042\n  egressctl ticket votes EGR-2026-0042 --out votes"
    )]
    Votes {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        /// Where to write them: a new directory, with the voters' keys as allowed_signers
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Vote at one gate: shows the text, signs it, sends it
    #[command(after_help = "Examples:\n  egressctl ticket vote EGR-2026-0042 --gate privacy --approve \\\n    \
        --term max_rows=10000 --term without=birth_date\n  \
        egressctl ticket vote EGR-2026-0042 --gate privacy --request-changes \\\n    \
        --because excess_fields --reason \"birth dates are not needed\" \\\n    \
        --comment field.birth_date=\"the model takes the year\"\n  \
        egressctl ticket vote EGR-2026-0042 --gate security --reject \\\n    \
        --because vendor_risk --reason \"two breaches since May\"")]
    Vote {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        #[command(flatten)]
        said: Said,
        /// How the question's digest begins that you read: refused if the gate asks another by now
        #[arg(long, value_name = "DIGEST")]
        question: Option<String>,
        /// Print the text that is to be signed, and stop: for ssh-keygen -Y sign -n egressd-vote
        #[arg(long)]
        print_text: bool,
        /// The signature that was made over the printed text
        #[arg(long, value_name = "SIG_FILE", conflicts_with = "print_text")]
        signature: Option<PathBuf>,
    },
    /// Let an approved ticket's files leave, from now until its end
    #[command(after_help = "Example:\n  egressctl ticket activate EGR-2026-0042")]
    Activate {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
    },
    /// Stop a ticket for now: nothing of it leaves until two people resume it
    #[command(after_help = "Example:\n  egressctl ticket suspend EGR-2026-0042 --reason \"odd pulls at night\"")]
    Suspend {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Let a suspended ticket go on: two people, one of them of security, within an hour
    #[command(after_help = "Example:\n  egressctl ticket resume EGR-2026-0042 --reason \"assessed anew\"")]
    Resume {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Print what a vendor signs once it has deleted what it got, or file its signature
    #[command(after_help = "Examples:\n  egressctl ticket attest EGR-2026-0042 --print-text > deletion.txt\n  \
        egressctl ticket attest EGR-2026-0042 --signature deletion.txt.sig \\\n    --date 2027-01-14")]
    Attest(Attest),
    /// Wait no longer for a vendor's attestation of deletion: a privacy_reviewer or security_responder says why
    #[command(after_help = "Example:\n  egressctl ticket waive-deletion EGR-2026-0042 --reason \"nothing was fetched\"")]
    WaiveDeletion(Waive),
    /// Take back a ticket that is not active yet
    #[command(after_help = "Example:\n  egressctl ticket withdraw EGR-2026-0042 --reason \"done in house\"")]
    Withdraw {
        /// Such as EGR-2026-0042
        ticket: TicketNumber,
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
}

#[derive(Subcommand, Debug)]
pub enum Delivery {
    /// List deliveries
    #[command(after_help = "Example:\n  egressctl delivery list --ticket EGR-2026-0042")]
    List {
        /// Only this ticket's
        #[arg(long)]
        ticket: Option<TicketNumber>,
    },
    /// Show a delivery's files, transfers and why it is not released
    #[command(after_help = "Example:\n  egressctl delivery show EGR-2026-0042/0001")]
    Show(DeliveryName),
    /// Close a delivery: no more files join, and it is released when all are sealed
    #[command(after_help = "Examples:\n  egressctl delivery close EGR-2026-0042\n  egressctl delivery close EGR-2026-0042/0001")]
    Close(DeliveryName),
}

/// `EGR-2026-0042/0001`, `EGR-2026-0042 0001`, or the ticket alone.
#[derive(Args, Debug)]
pub struct DeliveryName {
    /// EGR-2026-0042/0001, or the ticket and then the number
    #[arg(value_name = "TICKET[/NUMBER]")]
    pub name: String,
    /// The delivery's number, such as 0001, after a ticket alone
    #[arg(value_name = "NUMBER")]
    pub number: Option<DeliveryNumber>,
}

#[derive(Subcommand, Debug)]
pub enum FileCommand {
    /// List staged, held, sealed and released files
    #[command(after_help = "Example:\n  egressctl file list --ticket EGR-2026-0042")]
    List {
        /// Only this ticket's
        #[arg(long)]
        ticket: Option<TicketNumber>,
    },
    /// Show a file's findings, digests and history
    #[command(after_help = "Example:\n  egressctl file show 01890a5d-ac96-774b-bcce-b302099a8057")]
    Show {
        /// Its id, as file list prints it
        #[arg(value_name = "FILE_ID")]
        file: FileId,
    },
    /// Check a held file again
    #[command(after_help = "Example:\n  egressctl file recheck 01890a5d-ac96-774b-bcce-b302099a8057")]
    Recheck {
        /// Its id, as file list prints it
        #[arg(value_name = "FILE_ID")]
        file: FileId,
    },
    /// Destroy a file that is not released
    #[command(
        after_help = "Example:\n  egressctl file discard 01890a5d-ac96-774b-bcce-b302099a8057 \\\n    --reason \"wrong month\""
    )]
    Discard {
        /// Its id, as file list prints it
        #[arg(value_name = "FILE_ID")]
        file: FileId,
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
}

#[derive(Subcommand, Debug)]
pub enum Transfer {
    /// List transfers, running ones first
    #[command(after_help = "Example:\n  egressctl transfer list --vendor acme")]
    List {
        /// Only this vendor's
        #[arg(long)]
        vendor: Option<Slug>,
        /// Only this ticket's
        #[arg(long)]
        ticket: Option<TicketNumber>,
    },
}

#[derive(Subcommand, Debug)]
pub enum Session {
    /// List vendors' open connections
    #[command(after_help = "Example:\n  egressctl session list")]
    List,
    /// End one connection; the vendor may come back unless its standing is revoked
    #[command(after_help = "Example:\n  egressctl session kill 5f0c2c1e-3f0e-4c29-8f0e-6f8f3a1d9c11 \\\n    \
        --reason \"asked by the vendor\"")]
    Kill {
        /// Its id, as session list prints it
        #[arg(value_name = "SESSION_ID")]
        session: SessionId,
        /// Why, in a sentence: it is recorded
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
}

#[derive(Subcommand, Debug)]
pub enum Audit {
    /// Verify the log: every leaf, every checkpoint, the index against the replay
    #[command(after_help = "Examples:\n  egressctl audit verify\n  egressctl audit verify --checkpoint kept-elsewhere.note\n  \
        egressctl audit verify --dir /mnt/copy --vkey log.vkey")]
    Verify {
        /// A copied gateway directory, to be verified without a daemon
        #[arg(long, value_name = "DIR", requires = "vkey")]
        dir: Option<PathBuf>,
        /// The log's verifier key
        #[arg(long, value_name = "VKEY_FILE", requires = "dir")]
        vkey: Option<PathBuf>,
        /// A checkpoint that was kept outside: the log must extend it
        #[arg(long, value_name = "NOTE_FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Show the newest leaves
    #[command(after_help = "Examples:\n  egressctl audit tail\n  egressctl audit tail --after 1200 --count 50")]
    Tail {
        /// Begin after this leaf
        #[arg(long, value_name = "LEAF")]
        after: Option<u64>,
        /// How many at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::LISTED_ROWS)))]
        count: u32,
    },
    /// Sign and print a checkpoint, to be kept where the gateway's operator cannot reach it
    #[command(after_help = "Example:\n  egressctl audit checkpoint > checkpoint.note")]
    Checkpoint,
}

#[derive(Subcommand, Debug)]
pub enum Log {
    /// Record a test, and say which destinations have it
    #[command(after_help = "Examples:\n  egressctl log test\n  egressctl log test --destination siem")]
    Test {
        /// Only this one, by its name in the configuration
        #[arg(long, value_name = "DESTINATION")]
        destination: Option<Slug>,
    },
}

impl Cli {
    /// Reads a command. What a usage error shows is each command's own usage, whatever else was given or stands in the environment.
    pub fn read<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&tree().try_get_matches_from(arguments)?)
    }
}

/// The tree of commands, with the usage of each as its help shows it.
pub fn tree() -> clap::Command {
    let mut tree = Cli::command();
    tree.build();
    with_usage(tree)
}

fn with_usage(mut command: clap::Command) -> clap::Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    command.override_usage(usage).mut_subcommands(with_usage)
}

fn day(text: &str) -> Result<Day, String> {
    Day::try_from(text.to_owned())
}

fn fingerprint(text: &str) -> Result<Digest, &'static str> {
    parse_fingerprint(text).ok_or("not a fingerprint: SHA256:…")
}

fn role() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::name))
        .map(|name| Role::named(&name).expect("clap admits only the names of roles"))
}

fn gate() -> impl TypedValueParser<Value = Gate> {
    PossibleValuesParser::new(Gate::ALL.map(Gate::name))
        .map(|name| Gate::named(&name).expect("clap admits only the names of gates"))
}

fn drawing() -> impl TypedValueParser<Value = Drawing> {
    PossibleValuesParser::new(Drawing::ALL.map(Drawing::name))
        .map(|name| Drawing::named(&name).expect("clap admits only the names of drawings"))
}

fn scope_kind() -> impl TypedValueParser<Value = ScopeKind> {
    PossibleValuesParser::new(ScopeKind::ALL.map(ScopeKind::name))
        .map(|name| ScopeKind::named(&name).expect("clap admits only the names of scopes"))
}
