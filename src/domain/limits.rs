//! Every limit of the product, with its reason. What an organisation may set is in its configuration or policy; these
//! are the walls that no configuration moves.

use std::time::Duration;

/// Bytes of a ticket, vendor or policy file. A person writes it; a megabyte is not written by a person.
pub const DOCUMENT_BYTES: usize = 256 * 1024;
/// Fields in one inventory: beyond it a reviewer no longer reads them one by one.
pub const INVENTORY_FIELDS: usize = 1_000;
/// Hours that a policy may give a gate to answer, and days that it may let an approval count. A year is no deadline; in ten years nobody
/// remembers what was approved.
pub const ANSWER_HOURS: u32 = 366 * 24;
pub const APPROVAL_DAYS: u32 = 3_660;
/// People who have to approve at one gate. More have never agreed on anything.
pub const GATE_VOTES: u32 = 9;
/// Words that a policy may ask of every answer at least. Who has to write more pads.
pub const ANSWER_WORDS: u32 = 50;
/// Comments of one vote: a reviewer who has more of them asks for another request.
pub const VOTE_COMMENTS: usize = 100;
/// Terms of one vote.
pub const VOTE_TERMS: usize = 50;
/// Revisions of one ticket: each is replayed with it.
pub const TICKET_REVISIONS: usize = 200;
/// Revisions of one vendor.
pub const VENDOR_REVISIONS: usize = 1_000;
/// Votes of one person on one ticket: who changes their mind again and again fills the log. A rejection is taken all the same.
pub const VOTES_EACH: usize = 100;
/// People whom one person proposed and nobody has enrolled.
pub const PROPOSALS_EACH: usize = 50;
/// Reasons that a policy may list.
pub const REASON_CODES: usize = 100;
/// Problems of a request that one answer names. Whoever has more has not begun.
pub const PROBLEMS_SHOWN: usize = 100;
/// Rows and bytes of a sample that a draft is made from. More rows say no more of a column's type, and a person waits for it.
pub const SAMPLE_ROWS: u64 = 10_000;
pub const SAMPLE_BYTES: usize = 16 * 1024 * 1024;
/// Problems that are looked for.
pub const PROBLEMS_FOUND: usize = 10 * PROBLEMS_SHOWN;
/// Mistakes of syntax that are told at once.
pub const SYNTAX_ERRORS: usize = 20;
/// Lists and tables within each other; no form needs more than four.
pub const DOCUMENT_DEPTH: usize = 8;
/// Characters of a free text (purpose, justification, reason).
pub const TEXT_CHARS: usize = 4_000;
/// A title, a name, a reference.
pub const NAME_CHARS: usize = 300;
/// Login keys, recipients or addresses of one vendor.
pub const KEYS_PER_VENDOR: usize = 32;
/// Encryption standards that a vendor's record names for one use: a list of more says that anything goes.
pub const STANDARDS: usize = 16;
/// Breaches in a vendor's record. A vendor with more is not described by a list.
pub const BREACHES_PER_VENDOR: usize = 64;
/// Contacts in a vendor's record: who has to be called at night is found among them.
pub const CONTACTS_PER_VENDOR: usize = 16;
/// Days after its period during which a SOC 2 report still says something: the next yearly one is there by then.
pub const SOC2_COUNTS_DAYS: u32 = 365;
/// Days during which a breach stays a red flag: two yearly audits have looked at its cause since.
pub const RECENT_BREACH_DAYS: u32 = 730;
/// Days before its end from which on an assessment is a red flag: what is approved now would run beyond it.
pub const ASSESSMENT_ENDING_DAYS: u32 = 30;
/// Days after which a vendor's only login key is old: whoever has had it since then, leavers too, still gets in.
pub const OLD_KEY_DAYS: u32 = 730;
/// Days before something of a vendor's ends at which that is recorded: time for an audit, for a signature, for a telephone call.
pub const NOTICE_DAYS: [u32; 5] = [60, 30, 14, 7, 1];

/// Days in which a person who asked for their own data has them (GDPR Art. 12 (3): a month), and those before their end at which that is recorded.
pub const PORTABILITY_DAYS: u32 = 30;
pub const PORTABILITY_NOTICE_DAYS: [u32; 2] = [7, 1];
/// Deliveries that one schedule expects: a day's feed for a century. What is written beyond it is no date.
pub const EXPECTED_DELIVERIES: u32 = 36_525;
/// Days that a policy may give a vendor to attest its deletion: after a year nobody there remembers.
pub const ATTEST_DAYS: u32 = 366;
/// Deliveries that an attestation names one by one, the newest: more are not read before they are signed.
pub const ATTESTED_ONE_BY_ONE: usize = 60;

/// How many days a risk acceptance may count: who answers for it looks at it again each year.
pub const ACCEPTANCE_DAYS: u32 = 366;
/// Words that each text of a risk acceptance has at least: fewer say nothing.
pub const ACCEPTANCE_WORDS: usize = 4;
/// Mitigations in a risk acceptance. More are a plan, and belong in one.
pub const MITIGATIONS: usize = 16;

/// How long a token may count. Whoever uses it longer gets a new one, and somebody looks at it again.
pub const TOKEN_LIFE: Duration = Duration::from_secs(366 * 86_400);
/// Tokens of one vendor that count or wait for confirmation.
pub const TOKENS_PER_VENDOR: usize = 16;

/// Bytes of a staged file's name. With `.age` appended it still fits NAME_MAX of every Linux file system (255).
pub const FILE_NAME_BYTES: usize = 240;
/// Files of one delivery: the record of its release lists them, with their names and sums, within one detail record.
pub const FILES_PER_DELIVERY: usize = 10_000;
/// Byte ranges kept of one transfer; beyond it neighbours are joined.
pub const TRANSFER_RANGES: usize = 1_024;

/// Directories looked at in staging. Tickets that run at once are a few hundred.
pub const STAGING_DIRECTORIES: usize = 10_000;
/// Entries looked at in one ticket's staging directory per scan: as many as its delivery holds, with a manifest each.
pub const STAGING_ENTRIES: usize = 2 * FILES_PER_DELIVERY;
/// Files that the watcher remembers hints about. Beyond it everything is scanned and quiet time decides.
pub const STAGING_HINTS: usize = 10_000;
/// Hints that arrive within this time are one rescan, however fast a producer opens and closes files.
pub const STAGING_COALESCE: Duration = Duration::from_millis(100);
/// How long the watcher's thread may take to end.
pub const WATCHER_END: Duration = Duration::from_secs(5);
/// Bytes of a path that a vendor sends. Ours are at most three short components.
pub const VENDOR_PATH_BYTES: usize = 4_096;
/// Bytes of a file's name as vendors see it (NAME_MAX: theirs has to be able to hold it).
pub const VENDOR_FILE_NAME_BYTES: usize = 255;

/// Findings kept for one file. The first ones say what is wrong; ten thousand say no more.
pub const FINDINGS_PER_FILE: usize = 100;
/// Characters of a producer's column or key name that are shown in a finding. A longer one is no name.
pub const SHOWN_NAME_CHARS: usize = 80;
/// Pairs of unknown and missing names that are compared to find what was meant: keeps a hostile header cheap.
pub const NAME_COMPARISONS: usize = 20_000;
/// Bytes of one CSV record. Bounds the inspection's memory whatever the file's shape.
pub const CSV_RECORD_BYTES: usize = 1024 * 1024;
/// Columns of one CSV record.
pub const CSV_COLUMNS: usize = 4_096;
/// Bytes of a producer's manifest.
pub const MANIFEST_BYTES: usize = 64 * 1024;

/// Bytes of one frame on the control socket.
pub const CONTROL_FRAME_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of one call, before anybody knows who sends it: a document of [`DOCUMENT_BYTES`] made of nothing but quotes
/// grows fourfold by being JSON in JSON.
pub const CONTROL_CALL_BYTES: usize = 4 * DOCUMENT_BYTES + 64 * 1024;
/// Control connections at once.
pub const CONTROL_CONNECTIONS: usize = 512;
/// Control connections of one local user: nobody on the machine can keep a security responder from revoking.
pub const CONTROL_CONNECTIONS_PER_USER: usize = 32;
/// A control connection must have said what it wants by then.
pub const CONTROL_REQUEST_TIME: Duration = Duration::from_secs(30);
/// An answer must have been taken by then.
pub const CONTROL_ANSWER_TIME: Duration = Duration::from_secs(30);
/// When the daemon ends, acts that run may take this long to finish.
pub const CONTROL_DRAIN_TIME: Duration = Duration::from_secs(10);
/// Bytes of an SSH key file. An RSA key of 16,384 bits takes 13 KiB.
pub const KEY_FILE_BYTES: usize = 64 * 1024;
/// Rows of one list on the control socket. Beyond it nobody reads; scripts ask ticket by ticket.
pub const LISTED_ROWS: u32 = 5_000;
/// Addresses that one line of a list names.
pub const LISTED_ADDRESSES: usize = 16;
/// Files, deliveries or tickets that a status or an explanation names one by one; the lists have the rest.
pub const NAMED_ONE_BY_ONE: usize = 20;
/// Tickets that one simulation of a policy looks at: those that run are a few hundred.
pub const TICKETS_SIMULATED: usize = 20_000;
/// Tickets that are looked at one after another before others may read.
pub const TICKETS_AT_ONCE: usize = 64;
/// Tickets that one answer names as waiting for one person; the others are counted. Whoever has more to do begins somewhere.
pub const AWAITED_ROWS: usize = 500;
/// Lines of a history in one answer; the log has the rest.
pub const HISTORY_ROWS: usize = 200;

/// An SFTP packet's payload: `limits@openssh.com` announces it, a longer one closes the connection.
pub const SFTP_PACKET_BYTES: usize = 256 * 1024;
/// Bytes of one READ's answer.
pub const SFTP_READ_BYTES: usize = 255 * 1024;
/// Names in one READDIR's answer. A full page of the longest names is still within [`SFTP_PACKET_BYTES`].
pub const SFTP_NAMES_PER_PAGE: usize = 128;
/// Answers that wait for the SSH session's task. With [`SFTP_READ_BYTES`] it bounds what a stalled reader costs.
pub const SFTP_ANSWERS_AHEAD: usize = 4;
/// Entries in all the open directories of one session: two of the largest deliveries.
pub const SFTP_LISTED_ENTRIES: usize = 2 * FILES_PER_DELIVERY;
/// Transfers of one session whose end is being written. Beyond it the next request waits for one of them.
pub const SFTP_FINISHING: usize = 32;
/// Requests of one session that wait for their answer. `sftp -R 1024` keeps 1,024 in flight.
pub const SFTP_QUEUED_REQUESTS: usize = 4_096;
/// Open handles of one session.
pub const SFTP_HANDLES: usize = 256;
/// Channels of one connection. sftp and scp use one; a master connection may hold a few.
pub const SSH_CHANNELS: usize = 8;
/// Channels that one connection may open in its life. russh keeps about a kilobyte of each until the connection ends.
pub const SSH_CHANNELS_IN_ALL: usize = 1_024;
/// Bytes the SSH layer reads from the socket at once. A vendor sends only small requests.
pub const SSH_READ_BUFFER: usize = 16 * 1024;
/// Our receive window for each channel. A vendor sends only small requests.
pub const SSH_WINDOW: u32 = 1024 * 1024;
/// Bytes under one key. AES-GCM's counter allows far more; 16 GiB keeps a re-key's round trip out of ordinary files.
pub const SSH_REKEY_BYTES: usize = 16 << 30;
/// The same where ChaCha20-Poly1305 is offered (RFC 4253 section 9).
pub const SSH_REKEY_BYTES_CHACHA: usize = 1 << 30;
/// Time under one key (RFC 4253 section 9).
pub const SSH_REKEY_TIME: Duration = Duration::from_secs(3_600);
/// A refused key is answered after this long, whatever refused it.
pub const KEY_REFUSAL_TIME: Duration = Duration::from_millis(500);
/// A peer is asked whether it lives this often, and given up after [`SSH_KEEPALIVES`] questions.
pub const SSH_KEEPALIVE: Duration = Duration::from_secs(30);
pub const SSH_KEEPALIVES: usize = 3;
/// A peer that neither sends nor takes anything, keepalives included, is lost.
pub const SSH_SILENCE: Duration = Duration::from_secs(300);
/// A session without a request, or with an answer that its peer does not take, ends.
pub const SESSION_IDLE: Duration = Duration::from_secs(900);
/// Who has said that it asks nothing more takes each answer that it still waits for within this: 255 KiB at 26 KiB/s.
pub const LAST_ANSWER: Duration = Duration::from_secs(10);
/// What a peer is told before its connection is reset has this long to arrive.
pub const FAREWELL: Duration = Duration::from_secs(2);
/// At shutdown, running transfers may go on for this long.
pub const DRAIN: Duration = Duration::from_secs(20);
/// Bytes a connection may send before it has logged in: a handshake with 20 key offers takes less than 40 KiB.
pub const UNAUTHENTICATED_BYTES: u64 = 128 * 1024;
/// Bytes a peer's version line and first KEXINIT may take (RFC 4253 section 6.1).
pub const SSH_GREETING_BYTES: usize = 36 * 1024;
/// Characters kept of a peer's version line.
pub const SSH_VERSION_CHARS: usize = 64;
/// Connections of all vendors' listeners together, logged in or not: idle ones cost 49 KiB each.
pub const VENDOR_CONNECTIONS: usize = 4_096;
/// Bytes the kernel may hold unsent for one connection (TCP_NOTSENT_LOWAT): what a cut has to discard.
pub const UNSENT_BYTES: u32 = 128 * 1024;
/// How long accepting pauses when descriptors have run out.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a file that are read for HTTPS at once. Two such buffers are what a running transfer costs.
pub const HTTPS_READ_BYTES: usize = 256 * 1024;
/// Bytes of one request's line and fields; a token and a browser's fields take two of them. Also what waits for the TLS layer
/// before more of a file is read.
pub const HTTPS_HEADER_BYTES: usize = 16 * 1024;
/// Fields of one request.
pub const HTTPS_HEADERS: usize = 64;
/// Characters kept of a client's User-Agent.
pub const HTTPS_AGENT_CHARS: usize = 64;
/// How long a connection without a request is kept, and how long one request's fields may take.
pub const HTTPS_IDLE: Duration = Duration::from_secs(60);
/// How long a peer may take to fetch the last answer and to leave, before its connection is reset.
pub const HTTPS_LINGER: Duration = Duration::from_secs(60);
/// When a vendor that has too many connections may try again.
pub const HTTPS_RETRY_AFTER: Duration = Duration::from_secs(60);
/// From accept to a finished login.
pub const LOGIN_GRACE: Duration = Duration::from_secs(30);
/// Public keys one connection may offer. OpenSSH offers each of its agent's.
pub const KEY_OFFERS: usize = 20;
/// Connections to all vendors' listeners together that have not logged in, in total and from one address.
pub const UNAUTHENTICATED_CONNECTIONS: usize = 256;
pub const UNAUTHENTICATED_PER_ADDRESS: usize = 32;
/// Smallest RSA key that may log in or receive (bits).
pub const RSA_BITS: usize = 3_072;
/// Largest RSA key that may receive (bits): the age implementations of our time read no longer one.
pub const RSA_RECIPIENT_BITS: usize = 4_096;
/// Bytes of a recipient's text. The longest RSA key takes a quarter of it, its comment may have the rest.
pub const RECIPIENT_BYTES: usize = 4 * 1024;

/// Commands of one group commit. One fsync carries them all; more would delay the first.
pub const COMMANDS_PER_COMMIT: usize = 256;
/// Commands that wait for the ledger. When it is full, callers wait.
pub const LEDGER_QUEUE: usize = 1_024;
/// Bytes of one chunk of a stored object's plaintext (docs/at-rest.md).
pub const AT_REST_CHUNK: usize = 64 * 1024;

/// Bytes of one leaf (docs/audit-log.md). Ids and enums of one event are a few hundred; the rest is room for lists of runs.
pub const LEAF_BYTES: usize = 64 * 1024;
/// Bytes of one string in a leaf: the longest algorithm name or key fingerprint, and too short for prose.
pub const LEAF_TOKEN_BYTES: usize = 128;
/// Bytes of one detail record. The largest are the list of a delivery's files and a ticket with every character escaped.
pub const DETAIL_BYTES: usize = 4 * 1024 * 1024;
/// Leaves of one tile of the log: C2SP tlog-tiles has no other.
pub const TILE_LEAVES: u64 = 256;
/// Bytes of a log's origin. It stands in each checkpoint and each verifier key.
pub const ORIGIN_BYTES: usize = 128;
/// Bytes of a checkpoint that comes from outside: ours is under 400, each witness adds about 150.
pub const CHECKPOINT_NOTE_BYTES: usize = 16 * 1024;
/// Problems after which a verification stops. The first ones say what is wrong, and it bounds what they make it remember.
pub const LOG_PROBLEMS: usize = 100;
/// A request to lift a freeze waits so long for the second person; afterwards somebody has to look at the situation anew.
pub const UNFREEZE_ASKED: Duration = Duration::from_secs(3_600);
/// The same for letting a suspended ticket go on.
pub const RESUME_ASKED: Duration = UNFREEZE_ASKED;
/// What a sealed identity asks for within this time is one use of it; what comes later is another, to be looked into by itself.
pub const BREAK_GLASS_USE: Duration = Duration::from_secs(3_600);
/// Sessions of one vendor at once: parallel pulls of many files, and still room for every other vendor.
pub const SESSIONS_PER_VENDOR: usize = 256;
/// How often one session may begin to read one file: each beginning is a record. Ranges of an open file are not counted.
pub const BEGINNINGS_PER_ITEM: u32 = 256;
/// Readings of one file by one key with no longer gap than this are one transfer over HTTPS: a client that goes on after a break,
/// or fetches ranges in parallel, downloads once.
pub const PULL_GAP: Duration = Duration::from_secs(15 * 60);
/// A transfer over HTTPS whose every byte was served and that nobody reads ends after this: what was lost on the way at its end is
/// fetched again within it.
pub const PULL_GRACE: Duration = Duration::from_secs(60);
/// How old a transfer over HTTPS may be for another reading to join it: a slow line's day. The next reading begins another.
pub const PULL_AGE: Duration = Duration::from_secs(24 * 3_600);
/// How often a file's size one transfer over HTTPS serves before the next reading begins another: a client that begins anew after a
/// break, three times, and still not a file that is fetched all day as one download.
pub const PULL_FACTOR: u64 = 4;
/// Sessions that join one transfer over HTTPS, each a record. A client that connects for every 8 MiB reads 32 GiB with them.
pub const PULL_JOINS: u32 = 4_096;
/// Transfers of one vendor over HTTPS that are open, running or in a gap. One more ends the one that is idle for longest.
pub const PULLS_PER_VENDOR: usize = 1_024;
/// Logins of one vendor in a minute: each is two records. Past it a client that connects in a loop is told to wait.
pub const LOGINS_PER_VENDOR_MINUTE: u32 = 1_200;
/// Files that wait are looked at again this often even if nothing was said of them.
pub const FILES_TURN: Duration = Duration::from_secs(5);
/// Tickets whose files are sealed side by side, on however many cores: each takes memory for a pass of its own.
pub const SEALED_SIDE_BY_SIDE: usize = 16;
/// A ticket with many files lets another go first after so long.
pub const SEALING_TURN: Duration = Duration::from_secs(1);
/// A file of which no byte moves for so long is called still. A full cache that is written to a slow disk takes less.
pub const FILE_STILL: Duration = Duration::from_secs(120);
/// When the daemon ends, files that are being sealed may take so long to hear of it: a chunk is read in much less.
pub const SEALING_END: Duration = Duration::from_secs(10);
/// A file that could not be read is tried again after [`FILES_TURN`], then ever later, up to this: an operator who has mended the
/// disk does not wait long, and until then the log stays readable.
pub const RETRY_AT_MOST: Duration = Duration::from_secs(60);
/// How often what is due is purged. Bytes are gone well within 15 minutes of their retention's end.
pub const PURGE_TURN: Duration = Duration::from_secs(60);
/// Bytes of an encrypted staged file's header, which is collected in memory: some 500 recipients, and one is needed.
pub const AGE_HEADER_BYTES: u64 = 64 * 1024;
/// Lines of it, two for each of those recipients: the library looks at the whole header again after each line.
pub const AGE_HEADER_LINES: u64 = 1_024;
/// Connections of one internal listener: a few monitors, each with one or two.
pub const INTERNAL_CONNECTIONS: usize = 64;
/// Bytes of a request's head on an internal listener. A monitor's takes a few hundred.
pub const INTERNAL_HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request on an internal listener.
pub const INTERNAL_HEADERS: usize = 64;
/// A request's head on an internal listener has come whole by then; an idle connection ends. Who monitors is near.
pub const INTERNAL_HEAD_TIME: Duration = Duration::from_secs(5);
/// Where all of an internal listener's places are taken, one that has asked nothing for so long makes way for who comes.
pub const INTERNAL_PATIENCE: Duration = Duration::from_millis(100);
/// A connection of an internal listener, with all its requests. Who monitors connects again.
pub const INTERNAL_CONNECTION_TIME: Duration = Duration::from_secs(300);
/// Sockets that the service manager may pass: a few addresses for each of four names.
pub const PASSED_SOCKETS: usize = 64;
/// How often the service manager's line about the gateway is looked at, where it asks for no watchdog.
pub const STATUS_PACE: Duration = Duration::from_secs(10);
/// The gateway's own work comes round each half second; so long without it and the daemon says that it is stalled.
pub const TURN_MISSED: Duration = Duration::from_secs(60);
/// A disk with more room than this is not called nearly full, however large it is.
pub const DISK_LOW_BYTES: u64 = 10 << 30;
/// Bytes of one stored object's plaintext: ext4's longest file. All arithmetic on lengths stays within 64 bits.
pub const AT_REST_OBJECT_BYTES: u64 = 1 << 44;

/// Read-only connections to the ledger. Reads are short and mostly cached; more would only hold more memory.
pub const LEDGER_READERS: usize = 4;
/// Pages of the write-ahead log after which the writer copies them into the database: 4 MiB, so that a start reads little.
pub const WAL_PAGES: u64 = 1_024;
/// Tries to empty the write-ahead log, and the pause between two: five seconds for a reader to come to its end.
pub const WAL_TRIES: u32 = 100;
pub const WAL_PAUSE: Duration = Duration::from_millis(50);
/// Encoded bytes of the chains that are kept ready, in each of two generations. In memory they take about twice that.
pub const CACHED_CHAIN_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the dossiers that are kept ready, in each of two generations, estimated high: some ten thousand tickets, as many as are open at once.
/// With fewer than are open every list reads them all again.
pub const CACHED_DOSSIER_BYTES: usize = 256 * 1024 * 1024;
/// Tiles of checked leaf hashes that are kept ready, in each of two generations: 8 KiB each, together a quarter of a million leaves.
pub const CACHED_TILES: usize = 512;
/// Leaves after which the place where a start begins is kept anew: a start reads at most these and what came within [`PURGE_TURN`].
pub const START_LEAVES: u64 = 16_384;
/// Bytes of that place: forty million subjects.
pub const START_FILE_BYTES: u64 = 1 << 30;
/// Rows that one step of a walk over the whole log takes. Between steps no read transaction is held.
pub const ROWS_PER_PAGE: u64 = 512;

/// Messages of the spool that are read, sent and confirmed together: about 100 KiB of them.
pub const SPOOL_BATCH_MESSAGES: usize = 256;
/// Bytes of such a batch, however long its messages are: what one destination holds in memory.
pub const SPOOL_BATCH_BYTES: usize = 1024 * 1024;
/// Bytes that are spooled from one time the spool is empty to the next stay below: more than any disk holds, and far from the end of SQLite's integers.
pub const SPOOL_SUM: i64 = 1 << 62;
/// Messages that one confirmation drops from the spool: it runs on the ledger's writer, where others wait behind it.
pub const SPOOL_DROPPED_AT_ONCE: usize = 4_096;
/// Bytes of one value in a message. Every syslog server takes messages of 2,048 (RFC 5424 section 6.1), and ours have about a dozen values.
pub const SYSLOG_VALUE_BYTES: usize = 512;
/// Items of a list in a message: the log has the rest.
pub const SYSLOG_LISTED: usize = 6;
/// Destinations of one gateway. Each has a task and a cursor.
pub const SYSLOG_DESTINATIONS: usize = 16;
/// A server must have taken the connection by then.
pub const SYSLOG_CONNECT_TIME: Duration = Duration::from_secs(10);
/// A server that takes nothing for so long is asked again over a new connection. It may be stopped, not gone: that is no hurry.
pub const SYSLOG_WRITE_TIME: Duration = Duration::from_secs(60);
/// What was sent over a connection is confirmed after this much quiet.
pub const SYSLOG_QUIET: Duration = Duration::from_secs(1);
/// What was sent over a connection is confirmed this long after its first message, however busy it is.
pub const SYSLOG_UNCONFIRMED_TIME: Duration = Duration::from_secs(5);
/// Messages sent over one connection before they are confirmed: what is sent twice when it breaks.
pub const SYSLOG_UNCONFIRMED_MESSAGES: usize = 4_096;
/// How long a datagram's refusal may take to come back from the network.
pub const SYSLOG_DATAGRAM_REFUSAL: Duration = Duration::from_millis(200);
/// Datagrams sent at once, and the pause after them: a server's receive buffer of the usual size holds a hundred.
pub const SYSLOG_DATAGRAM_BURST: usize = 32;
pub const SYSLOG_DATAGRAM_BREATH: Duration = Duration::from_millis(5);
/// Between two looks at whether the server's kernel has acknowledged the end of a connection that its program has closed. It nearly always has.
pub const SYSLOG_LOOK: Duration = Duration::from_millis(10);
/// Pauses between attempts grow from the first to the longest of these, by doubling, each shortened at random by up to a half.
pub const SYSLOG_FIRST_PAUSE: Duration = Duration::from_millis(250);
pub const SYSLOG_LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A peer whose machine is gone is found out by so much silence of the network.
pub const SYSLOG_KEEPALIVE: Duration = Duration::from_secs(30);
/// At shutdown, what is spooled may still be sent for so long; the rest is sent after the next start.
pub const SYSLOG_FLUSH: Duration = Duration::from_secs(2);
/// A destination whose oldest message waits for so long needs somebody: where all goes well it takes a few seconds.
pub const SYSLOG_LATE: Duration = Duration::from_secs(30);
/// How long `egressctl log test` waits for its record to arrive.
pub const SYSLOG_TEST_TIME: Duration = Duration::from_secs(10);
