//! The gateway beside Debian's sshd and nginx, on the same bytes, in the same run: server CPU and wall time as ratios.
//! `tests/bench/side-by-side.sh` runs this and prints the table of docs/performance.md. Nothing here asserts a time.
//!
//! Servers are pinned to one core and clients to another; peers run in turn, round by round; the first round is dropped; a
//! ratio is taken within each round and the median of the ratios is printed. What the gateway does is all of it: at-rest
//! decryption, and a durable record before the first byte.

use crate::{
    house::{House, orders, run, ticket_file, until},
    large::write_csv,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
const LARGE_BYTES: u64 = 1 << 30;
const SMALL_FILES: usize = 1_000;
const SMALL_ROWS: usize = 90;
const HANDSHAKES: u32 = 200;
/// Clock ticks of /proc/PID/stat in a second: what every Linux has had for twenty years (USER_HZ).
const TICKS: f64 = 100.0;

fn rounds() -> usize {
    env::var("EGRESSD_ROUNDS").map_or(6, |text| text.parse().unwrap())
}

/// A server and what it has used so far.
struct Server {
    name: &'static str,
    pid: u32,
    /// One that was started here, and ends with this value.
    child: Option<Child>,
}

impl Server {
    fn spawned(name: &'static str, command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { name, pid: child.id(), child: Some(child) }
    }

    /// CPU seconds of the process and of all its children, those that have ended included.
    fn cpu(&self) -> f64 {
        let mut ticks = 0;
        let mut pids = vec![self.pid];
        while let Some(pid) = pids.pop() {
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
            // utime, stime, cutime, cstime: proc(5) counts from 1 and the name is field 2.
            ticks += fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum::<u64>();
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            pids.extend(children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
        }
        ticks as f64 / TICKS
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let pid = rustix::process::Pid::from_child(child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
            child.wait().ok();
        }
    }
}

/// What one round of one server took.
#[derive(Clone, Copy)]
struct Sample {
    cpu: f64,
    wall: f64,
}

fn measured(server: &Server, work: &dyn Fn()) -> Sample {
    let (cpu, began) = (server.cpu(), Instant::now());
    work();
    let wall = began.elapsed().as_secs_f64();
    // A session's own processes are accounted when they have been waited for.
    let mut after = server.cpu();
    until("the server's processes have ended", || {
        let now = server.cpu();
        let settled = now == after;
        after = now;
        settled.then_some(())
    });
    Sample { cpu: after - cpu, wall }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

/// Whether a case is to be measured: all are, or those whose name contains what the script was given.
fn is_asked_for(case: &str) -> bool {
    env::var("EGRESSD_CASES").map_or(true, |part| case.contains(&part))
}

/// Runs both in turn and prints a line of the table. `per`: how many GiB, or files, or connections a round is.
fn compare(case: &str, per: f64, targets: &str, ours: (&Server, &dyn Fn()), theirs: (&Server, &dyn Fn())) {
    if !is_asked_for(case) {
        return;
    }
    let samples: Vec<(Sample, Sample)> =
        (0..=rounds()).map(|_| (measured(ours.0, ours.1), measured(theirs.0, theirs.1))).skip(1).collect();
    let of = |pick: &dyn Fn(&(Sample, Sample)) -> f64| median(samples.iter().map(pick).collect());
    println!(
        "| {case} | {} | {:.3} | {:.3} | **{:.2}** | {:.2} | {:.2} | **{:.2}** | {targets} |",
        theirs.0.name,
        of(&|(ours, _)| ours.cpu / per),
        of(&|(_, theirs)| theirs.cpu / per),
        of(&|(ours, theirs)| ours.cpu / theirs.cpu),
        of(&|(ours, _)| per / ours.wall),
        of(&|(_, theirs)| per / theirs.wall),
        of(&|(ours, theirs)| theirs.wall / ours.wall),
    );
}

/// Debian's sshd with its own SFTP server, serving a directory to one key.
struct Sshd {
    server: Server,
    port: u16,
    directory: PathBuf,
    key: PathBuf,
    host_key: PathBuf,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn until_open(port: u16) {
    until("the server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
}

impl Sshd {
    fn start(house: &House, ciphers: &str) -> Self {
        let directory = house.path("peers");
        fs::create_dir_all(&directory).unwrap();
        // Where it separates its privileges; Debian's unit makes it.
        fs::create_dir_all("/run/sshd").unwrap();
        let (port, host_key) = (free_port(), directory.join(format!("host-{}", uuid::Uuid::new_v4())));
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host_key));
        let key = house.path("vendors/acme/login");
        let configuration = directory.join(format!("sshd-{port}.conf"));
        let text = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}.pub\nPidFile none\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nMaxStartups 100\nSubsystem sftp internal-sftp\nCiphers {ciphers}\nLogLevel ERROR\n",
            host_key.display(),
            key.display()
        );
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CORE, "/usr/sbin/sshd", "-D", "-e", "-f"]).arg(&configuration);
        let server = Server::spawned("sshd", &mut command);
        until_open(port);
        Self { server, port, directory, key, host_key }
    }

    fn sftp(&self, batch: &str, options: &[&str]) -> Child {
        let known = self.host_key.with_extension("known");
        fs::write(
            &known,
            format!("[127.0.0.1]:{} {}", self.port, fs::read_to_string(self.host_key.with_extension("pub")).unwrap()),
        )
        .unwrap();
        let me = run(Command::new("id").arg("-un"));
        client(self.port, &self.key, &known, me.trim(), batch, options, &self.directory)
    }
}

/// Debian's nginx, serving a directory by the gateway's own certificate.
struct Nginx {
    server: Server,
    port: u16,
}

impl Nginx {
    fn start(house: &House, root: &Path) -> Self {
        let (port, directory) = (free_port(), house.path("peers"));
        let keys = house.gateway().join("keys");
        let text = format!(
            "daemon off; master_process off; pid {0}/nginx.pid; error_log {0}/nginx.log;\nevents {{ worker_connections 512; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy;\n\
             fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;\n\
             server {{ listen 127.0.0.1:{port} ssl; root {1}; ssl_protocols TLSv1.3; ssl_session_tickets off;\n\
             ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;\n\
             ssl_certificate {2}/tls.crt; ssl_certificate_key {2}/tls.key; }} }}\n",
            directory.display(),
            root.display(),
            keys.display()
        );
        let configuration = directory.join("nginx.conf");
        fs::write(&configuration, text).unwrap();
        let mut command = Command::new("taskset");
        command.args(["-c", SERVER_CORE, "/usr/sbin/nginx", "-c"]).arg(&configuration);
        let server = Server::spawned("nginx", &mut command);
        until_open(port);
        Self { server, port }
    }
}

/// curl, pinned, with the vendor's certificate; it asks for nothing that nginx would not do too.
fn curl(house: &House, url: &str, options: &[&str]) -> Child {
    let curl = house.curl("acme");
    let mut command = Command::new("taskset");
    command.args(["-c", CLIENT_CORE]).arg(curl.get_program()).args(curl.get_args());
    command.args(["--http1.1", "--tls13-ciphers", "TLS_AES_256_GCM_SHA384", "-o", "/dev/null"]).args(options).arg(url);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

fn client(port: u16, key: &Path, known: &Path, user: &str, batch: &str, options: &[&str], at: &Path) -> Child {
    use std::io::Write;
    let mut command = Command::new("taskset");
    command.args(["-c", CLIENT_CORE, "sftp", "-q", "-b", "-", "-F", "none", "-P", &port.to_string(), "-i"]).arg(key);
    command
        .args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o"])
        .arg(format!("UserKnownHostsFile={}", known.display()));
    command.args(options).arg(format!("{user}@127.0.0.1")).current_dir(at);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit()).env_remove("SSH_AUTH_SOCK");
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
    child
}

fn all_succeed(clients: Vec<Child>) {
    for mut client in clients {
        assert!(client.wait().unwrap().success(), "a client failed");
    }
}

/// The house's daemon, pinned, with what it serves.
struct Ours {
    server: Server,
    known: PathBuf,
}

impl Ours {
    fn of(house: &mut House) -> Self {
        house.restart_under(&["taskset", "-c", SERVER_CORE]).unwrap();
        let known = house.path("known-by-port");
        let key = fs::read_to_string(house.path("gateway/keys/ssh_host_ed25519.pub")).unwrap();
        fs::write(&known, format!("[127.0.0.1]:{} {key}", house.sftp_port())).unwrap();
        Self { server: Server { name: "egressd", pid: house.pid(), child: None }, known }
    }

    fn sftp(&self, house: &House, batch: &str, options: &[&str]) -> Child {
        let key = house.path("vendors/acme/login");
        client(house.sftp_port(), &key, &self.known, "acme", batch, options, &house.path("peers"))
    }
}

const GCM: &[&str] = &["-o", "Ciphers=aes256-gcm@openssh.com"];
const CHACHA: &[&str] = &["-o", "Ciphers=chacha20-poly1305@openssh.com"];

#[test]
#[ignore = "measures for minutes: tests/bench/side-by-side.sh runs it"]
fn the_gateway_beside_sshd_and_nginx() {
    let mut house = House::configured(|directory| {
        crate::house::edit(&directory.join("egressd.toml"), "ciphers = \"aes\"", "ciphers = \"aes-gcm\"");
    });
    let large = house.ticket(&ticket_file("acme"));
    let small = house.ticket(&ticket_file("acme"));
    eprintln!("preparing {LARGE_BYTES} bytes and {SMALL_FILES} files");
    let apart = house.path("gateway/large.csv");
    write_csv(&apart, LARGE_BYTES);
    fs::create_dir_all(house.staging(&large)).unwrap();
    fs::rename(&apart, house.staging(&large).join("large.csv")).unwrap();
    house.ready(&large);
    for n in 0..SMALL_FILES {
        house.stage(&small, &format!("f{n:05}.csv"), orders(SMALL_ROWS));
    }
    house.ready(&small);
    house.until_released(&format!("{large}/0001"));
    house.until_released(&format!("{small}/0001"));
    // The peers serve the very bytes that the gateway does.
    house.pull("acme", &format!("get /{large}/0001/large.csv.age\nget -r /{small}/0001 small\n"));
    let served = fs::canonicalize(house.pulled("acme", "")).unwrap();
    let sshd = Sshd::start(&house, "aes256-gcm@openssh.com,chacha20-poly1305@openssh.com");
    let ours = Ours::of(&mut house);

    println!("| case | peer | CPU s | peer's | CPU ratio | per s | peer's | wall ratio | targets (CPU at most, wall at least) |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let theirs = format!("get {}/large.csv.age /dev/null\n", served.display());
    let mine = format!("get /{large}/0001/large.csv.age /dev/null\n");
    let gib = LARGE_BYTES as f64 / f64::from(1 << 30);
    for (streams, targets) in [(1, "0.52, 1.3"), (8, "0.42, 1.5")] {
        compare(
            &format!("SFTP, aes256-gcm, {streams} × 1 GiB"),
            gib * f64::from(streams),
            targets,
            (&ours.server, &|| all_succeed((0..streams).map(|_| ours.sftp(&house, &mine, GCM)).collect())),
            (&sshd.server, &|| all_succeed((0..streams).map(|_| sshd.sftp(&theirs, GCM)).collect())),
        );
    }
    let into = house.path("peers/small");
    let fetched = |child: Child| {
        all_succeed(vec![child]);
        assert_eq!(fs::read_dir(&into).unwrap().count(), SMALL_FILES + 2, "all files and two notes");
        fs::remove_dir_all(&into).unwrap();
    };
    compare(
        &format!("SFTP, {SMALL_FILES} files of 4 KiB"),
        SMALL_FILES as f64,
        "0.6, 1.2",
        (&ours.server, &|| fetched(ours.sftp(&house, &format!("get -r /{small}/0001 small\n"), GCM))),
        (&sshd.server, &|| fetched(sshd.sftp(&format!("get -r {}/small small\n", served.display()), GCM))),
    );
    let nginx = Nginx::start(&house, &served);
    let (mine_url, theirs_url) =
        (house.url(&format!("{large}/0001/large.csv.age")), format!("https://localhost:{}/large.csv.age", nginx.port));
    for (streams, targets) in [(1, "0.95, 1.0"), (8, "–")] {
        compare(
            &format!("HTTPS, TLS 1.3 AES-256-GCM, {streams} × 1 GiB"),
            gib * f64::from(streams),
            targets,
            (&ours.server, &|| all_succeed((0..streams).map(|_| curl(&house, &mine_url, &[])).collect())),
            (&nginx.server, &|| all_succeed((0..streams).map(|_| curl(&house, &theirs_url, &[])).collect())),
        );
    }
    // Without a certificate of the client's: the handshake alone, and the shortest answer.
    let knock = |url: &str| {
        for _ in 0..HANDSHAKES {
            let mut command = house.bare_curl("acme");
            command.args(["--http1.1", "-I", "-o", "/dev/null", "--no-fail"]).arg(url).stdout(Stdio::null());
            let mut pinned = Command::new("taskset");
            pinned.args(["-c", CLIENT_CORE]).arg(command.get_program()).args(command.get_args()).stdout(Stdio::null());
            assert!(pinned.status().unwrap().success(), "a handshake failed");
        }
    };
    compare(
        &format!("HTTPS, {HANDSHAKES} handshakes"),
        f64::from(HANDSHAKES),
        "0.9, –",
        (&ours.server, &|| knock(&house.url(""))),
        (&nginx.server, &|| knock(&format!("https://localhost:{}/SHA256SUMS", nginx.port))),
    );
    drop(nginx);
    crate::house::edit(&house.configuration(), "ciphers = \"aes-gcm\"", "ciphers = \"aes-and-chacha20\"");
    let ours = Ours::of(&mut house);
    compare(
        "SFTP, chacha20-poly1305, 1 × 1 GiB",
        gib,
        "0.72, –",
        (&ours.server, &|| all_succeed(vec![ours.sftp(&house, &mine, CHACHA)])),
        (&sshd.server, &|| all_succeed(vec![sshd.sftp(&theirs, CHACHA)])),
    );
    house.terminate();
}
