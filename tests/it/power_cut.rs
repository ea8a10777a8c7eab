//! Power cuts: the gateway's whole directory lies on a file system of its own, which loses at one instant all that it was not
//! asked to keep. `tests/soak/power-cut.sh [rounds] [seed]` runs this; it needs root and a loop device.
//!
//! The cut is ext4's own: FS_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (Linux, fs/ext4/ioctl.c). From then on nothing
//! reaches the image, neither data nor journal; mounting it again replays what had been durable.

use crate::house::{AUDITOR, House, OPERATOR, gate_keeper, orders, run, ticket_file, until};
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const ROUNDS: u64 = 20;
const SEED: u64 = 20_261_121;
/// A round's life in milliseconds, from open doors to the cut.
const LIFE: std::ops::Range<u64> = 100..1_500;
const IMAGE_BYTES: u64 = 1 << 30;
const LARGE_ROWS: usize = 100_000;

/// The file system under the gateway's directory.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    /// Moves `directory` onto a file system of its own.
    fn under(directory: &Path) -> Self {
        let image = directory.with_extension("ext4");
        File::create(&image).unwrap().set_len(IMAGE_BYTES).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        let aside = directory.with_extension("aside");
        fs::rename(directory, &aside).unwrap();
        fs::create_dir(directory).unwrap();
        let disk = Self { image, at: directory.to_owned() };
        disk.mount();
        run(Command::new("cp").args(["-a", "--"]).arg(aside.join(".")).arg(directory));
        run(Command::new("sync").arg("-f").arg(directory));
        disk
    }

    fn mount(&self) {
        run(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.at));
    }

    /// The power is gone.
    fn cut(&self) {
        let shut_down = "open my $f, '<', $ARGV[0] or die $!; my $how = pack('L', 2); ioctl($f, 0x8004587d, $how) or die $!";
        run(Command::new("perl").args(["-e", shut_down]).arg(&self.at));
    }

    /// And comes back: nobody has anything open there any more.
    fn power_up(&self) {
        until("the file system is let go of", || {
            Command::new("umount").arg(&self.at).output().unwrap().status.success().then_some(())
        });
        self.mount();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A test that failed has a daemon there still: lazily, then, so that no mount outlives it.
        Command::new("umount").arg("--lazy").arg(&self.at).output().ok();
    }
}

/// What somebody was told, and may never become untrue.
#[derive(Default)]
struct Told {
    checkpoint: Option<String>,
    /// Tickets, and how many votes on each were acknowledged.
    tickets: Vec<(String, u64)>,
    /// Files that their producer saw safely in staging.
    dropped: Vec<(String, usize)>,
    pulls: u64,
}

struct Play {
    house: House,
    ticket: String,
    large: String,
    told: Mutex<Told>,
}

fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
#[ignore = "needs root and a loop device: tests/soak/power-cut.sh runs it"]
fn a_power_cut_loses_nothing_that_was_acknowledged_and_no_byte_left_without_its_record() {
    let (rounds, seed) = (number("EGRESSD_ROUNDS", ROUNDS), number("EGRESSD_SEED", SEED));
    let mut disk = None;
    let house = House::configured(|directory| disk = Some(Disk::under(directory)));
    let disk = disk.expect("the house was configured");
    let ticket = house.ticket(&ticket_file("acme"));
    let large = house.ticket(&ticket_file("acme"));
    house.release(&large, "large.csv", orders(LARGE_ROWS));
    let mut play = Play { house, ticket, large, told: Mutex::default() };
    let mut random = crate::kills::Random(seed);
    let mut with_bytes = 0;
    for round in 0..rounds {
        with_bytes += play.round(&disk, round, Duration::from_millis(random.within(LIFE)));
    }
    play.end();
    let told = play.told.lock().unwrap();
    let votes: u64 = told.tickets.iter().map(|(_, votes)| votes).sum();
    assert!(told.pulls > 0 && with_bytes > 0 && votes > 0 && !told.dropped.is_empty(), "the players had nothing to do");
    eprintln!(
        "seed {seed}: {rounds} power cuts; {} tickets, {votes} votes and {} files acknowledged and kept, {} pulls complete, {with_bytes} \
         pulled files with bytes, each after its durable beginning; {} leaves",
        told.tickets.len(),
        told.dropped.len(),
        told.pulls,
        play.house.log_size()
    );
    drop(told);
    play.house.terminate();
}

impl Play {
    /// Lives, loses power, comes back. Answers how many pulled files hold bytes.
    fn round(&mut self, disk: &Disk, round: u64, life: Duration) -> usize {
        let before = self.transfers();
        let over = AtomicBool::new(false);
        let this = &*self;
        thread::scope(|scope| {
            scope.spawn(|| until_over(&over, || this.drop_a_file(round)));
            scope.spawn(|| until_over(&over, || this.vote()));
            scope.spawn(|| until_over(&over, || this.take_a_checkpoint()));
            scope.spawn(|| this.pull(&over));
            scope.spawn(|| this.pull_over_https(&over, round));
            thread::sleep(life);
            let cut = std::panic::catch_unwind(|| disk.cut());
            over.store(true, Ordering::SeqCst);
            kill(this.house.pid());
            cut.expect("the power is cut");
        });
        self.house.kill9();
        disk.power_up();
        let [by_sftp, by_https] = ["sftp", "https"].map(|door| self.pulled_with_bytes(door));
        self.house.restart();
        let [sftp, https] = [0, 1].map(|door| self.transfers()[door] - before[door]);
        assert!(by_sftp <= sftp, "round {round}: {by_sftp} files were pulled, {sftp} beginnings are durable");
        assert!(by_https <= https, "round {round}: {by_https} files were fetched, {https} beginnings and joinings are durable");
        let written = by_sftp + by_https;
        self.check();
        self.house.check();
        written
    }

    /// A careful producer: what it dropped stays dropped.
    fn drop_a_file(&self, round: u64) {
        let (name, rows) = {
            let told = self.told.lock().unwrap();
            (format!("f{round:03}-{:05}.csv", told.dropped.len()), 10 + told.dropped.len() % 100)
        };
        let staging = self.house.staging(&self.ticket);
        let apart = staging.with_file_name(format!("apart-{name}"));
        let kept = (|| {
            fs::create_dir_all(&staging)?;
            fs::write(&apart, orders(rows))?;
            File::open(&apart)?.sync_all()?;
            fs::rename(&apart, staging.join(&name))?;
            File::open(&staging)?.sync_all()
        })();
        if kept.is_ok() {
            self.told.lock().unwrap().dropped.push((name, rows));
        }
    }

    fn vote(&self) {
        let submitted = self.house.submit(&ticket_file("umbra"));
        if submitted.code != 0 {
            return;
        }
        let ticket = submitted.json["ticket"].as_str().unwrap().to_owned();
        self.told.lock().unwrap().tickets.push((ticket.clone(), 0));
        for gate in submitted.json["gates"].as_array().unwrap() {
            let gate = gate.as_str().unwrap();
            if self.house.approve(gate_keeper(gate), &ticket, gate).code != 0 {
                return;
            }
            self.told.lock().unwrap().tickets.last_mut().unwrap().1 += 1;
        }
    }

    fn take_a_checkpoint(&self) {
        let mut command = self.house.egressctl();
        let output =
            command.args(["audit", "checkpoint", "--key"]).arg(self.house.path("people").join(AUDITOR)).output().unwrap();
        if output.status.success() {
            self.told.lock().unwrap().checkpoint = Some(String::from_utf8(output.stdout).unwrap());
        }
    }

    /// The large file, again and again, each time under another name.
    fn pull(&self, over: &AtomicBool) {
        for n in 0.. {
            let batch = format!("get /{}/0001/large.csv.age sftp-{n}.age\n", self.large);
            let output = self.house.sftp("acme", &batch, &["-l", "200000"]);
            if over.load(Ordering::SeqCst) {
                return;
            }
            if output.status.success() {
                self.told.lock().unwrap().pulls += 1;
            }
        }
    }

    /// The same by curl.
    fn pull_over_https(&self, over: &AtomicBool, round: u64) {
        let url = self.house.url(&format!("{}/0001/large.csv.age", self.large));
        for n in 0.. {
            let mut curl = self.house.curl("acme");
            let output = curl.args(["--limit-rate", "20M", "-o", &format!("https-{round}-{n}.age")]).arg(&url).output().unwrap();
            if over.load(Ordering::SeqCst) {
                return;
            }
            if output.status.success() {
                self.told.lock().unwrap().pulls += 1;
            }
        }
    }

    /// How many files the vendor has written bytes of that came by this door. They are of no further use.
    fn pulled_with_bytes(&self, door: &str) -> usize {
        let mut written = 0;
        for entry in fs::read_dir(self.house.pulled("acme", "")).unwrap().flatten() {
            if !entry.file_name().to_string_lossy().starts_with(door) {
                continue;
            }
            written += usize::from(entry.metadata().unwrap().len() > 0);
            fs::remove_file(entry.path()).unwrap();
        }
        written
    }

    /// Readings of a file on durable record, by door: SFTP, HTTPS. Over HTTPS a session, of which each client here is one, may
    /// join a transfer that has begun.
    fn transfers(&self) -> [usize; 2] {
        let count = |sql: &str| self.house.sql(sql)[0].parse::<usize>().unwrap();
        let joined = count("SELECT count(*) FROM leaves WHERE instr(bytes, CAST('transfer_joined' AS BLOB)) > 0");
        let [sftp, https] = ["sftp", "https"].map(|door| {
            let begun = "SELECT count(*) FROM transfer JOIN session ON session.id = transfer.session WHERE protocol";
            count(&format!("{begun} = '{door}'"))
        });
        [sftp, https + joined]
    }

    fn check(&self) {
        let told = self.told.lock().unwrap();
        if let Some(checkpoint) = &told.checkpoint {
            let file = self.house.path("checkpoint");
            fs::write(&file, checkpoint).unwrap();
            let verdict = self.house.verify_offline(&self.house.copy(), &["--checkpoint", file.to_str().unwrap()]);
            assert_eq!(verdict.json["verdict"], "sound", "{} {}", verdict.json, verdict.stderr);
        }
        for (ticket, votes) in &told.tickets {
            let shown = self.house.ctl(OPERATOR, ["ticket", "show", ticket]).done();
            let gates = shown["gates"].as_array().unwrap();
            let have: u64 = gates.iter().map(|gate| gate["have"].as_u64().unwrap()).sum();
            assert!(have >= *votes, "{ticket}: {votes} votes were acknowledged, {have} count");
        }
    }

    /// Every file that its producer saw in staging is staged once and released once.
    fn end(&mut self) {
        self.house.ready(&self.ticket);
        let dropped = self.told.lock().unwrap().dropped.len();
        until("all that was dropped is released", || {
            let rows = self.house.sql("SELECT count(*) FROM file WHERE name != 'large.csv' AND released_at IS NOT NULL");
            (rows[0].parse::<usize>().unwrap() >= dropped).then_some(())
        });
        let released = self.house.sql("SELECT name FROM file WHERE released_at IS NOT NULL");
        for (name, _) in &self.told.lock().unwrap().dropped {
            assert_eq!(released.iter().filter(|one| *one == name).count(), 1, "{name}");
        }
        self.house.check();
    }
}

fn until_over(over: &AtomicBool, act: impl Fn()) {
    while !over.load(Ordering::SeqCst) {
        act();
        thread::sleep(Duration::from_millis(5));
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
