//! kill -9 at random moments while files are staged and pulled, tickets are voted on and files are purged, round after round
//! in one house. `tests/soak/kill-loop.sh [rounds] [seed]` does more rounds than the hundred that run here.

use crate::{
    crash::READY_AGAIN,
    house::{House, OPERATOR, RESPONDER, orders, ticket_file, until},
};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    env, fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const ROUNDS: u64 = 100;
const SEED: u64 = 20_261_121;
/// A round's life, from open doors to the kill.
const LIFE_MS: std::ops::Range<u64> = 20..700;
/// Rounds between two looks at everything.
const LOOK_EACH: u64 = 10;
/// Rounds between two closed deliveries, whose files there are then to purge.
const CLOSE_EACH: u64 = 5;
/// In so many rounds everybody has had something to do.
const ENOUGH: u64 = 5 * CLOSE_EACH;
/// Large enough that a pull at this pace spans several lives of the daemon.
const LARGE_ROWS: usize = 400_000;
const LARGE_KBIT_PER_SECOND: &str = "65536";

/// SplitMix64 (Steele, Lea, Flood 2014): small, seeded, good enough to choose moments.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }
}

/// What the players were told, and may never become untrue.
#[derive(Default)]
struct Told {
    /// Names that were dropped into staging, and their rows.
    dropped: BTreeMap<String, usize>,
    /// Files whose purge was answered with a certificate.
    purged: Vec<String>,
    /// Tickets and how many of their gates were voted on.
    votes: BTreeMap<String, u64>,
    /// The newest checkpoint that was handed out: every later log continues it.
    checkpoint: Option<String>,
    /// Pulls that sftp called complete.
    pulls: u64,
    acts: u64,
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
fn killed_at_random_moments_it_loses_nothing_it_told_and_repeats_nothing() {
    let (rounds, seed) = (number("EGRESSD_ROUNDS", ROUNDS), number("EGRESSD_SEED", SEED));
    eprintln!("seed {seed}, {rounds} rounds");
    let mut random = Random(seed);
    let mut play = Play::begin();
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let life = Duration::from_millis(random.within(LIFE_MS));
        let players = random.next();
        play.round(life, players);
        let began = Instant::now();
        play.house.restart();
        slowest = slowest.max(began.elapsed());
        assert!(began.elapsed() < READY_AGAIN, "round {round} of seed {seed}: ready again after {:?}", began.elapsed());
        play.check();
        if round % LOOK_EACH == 0 {
            play.house.check();
        }
        if round % CLOSE_EACH == CLOSE_EACH - 1 {
            play.close_a_delivery();
        }
    }
    play.end();
    let told = play.told.lock().unwrap();
    eprintln!(
        "seed {seed}: {rounds} kills, ready again after at most {slowest:?}; {} acts acknowledged, {} files dropped, {} purged, \
         {} tickets voted on, {} pulls complete, {} leaves",
        told.acts,
        told.dropped.len(),
        told.purged.len(),
        told.votes.len(),
        told.pulls,
        play.house.log_size(),
    );
    // Where nobody had anything to do, the kills have proven nothing.
    let purged: u64 = play.house.sql("SELECT count(*) FROM file WHERE purged_at IS NOT NULL")[0].parse().unwrap();
    let idle = told.acts == 0 || told.votes.is_empty() || told.dropped.is_empty() || purged == 0;
    assert!(!idle || rounds < ENOUGH, "{} acts, {purged} files purged in {rounds} rounds", told.acts);
}

impl Play {
    fn begin() -> Self {
        let house = House::new();
        let ticket = house.ticket(&ticket_file("acme"));
        let large = house.ticket(&ticket_file("acme"));
        house.release(&large, "large.csv", orders(LARGE_ROWS));
        Self { house, ticket, large, told: Mutex::default() }
    }

    /// Everybody plays until the daemon is killed under them.
    fn round(&mut self, life: Duration, players: u64) {
        let over = AtomicBool::new(false);
        let this = &*self;
        thread::scope(|scope| {
            scope.spawn(|| this.until_over(&over, || this.drop_a_file()));
            scope.spawn(|| this.until_over(&over, || this.vote()));
            scope.spawn(|| this.until_over(&over, || this.pull()));
            scope.spawn(|| {
                this.until_over(&over, || if players.is_multiple_of(2) { this.purge() } else { this.take_a_checkpoint() })
            });
            thread::sleep(life);
            kill_process(Pid::from_raw(i32::try_from(this.house.pid()).unwrap()).unwrap(), Signal::KILL).unwrap();
            over.store(true, Ordering::SeqCst);
        });
        self.house.kill9();
    }

    fn until_over(&self, over: &AtomicBool, act: impl Fn() -> Option<()>) {
        while !over.load(Ordering::SeqCst) {
            if act().is_some() {
                self.told.lock().unwrap().acts += 1;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn drop_a_file(&self) -> Option<()> {
        let name = {
            let mut told = self.told.lock().unwrap();
            let n = told.dropped.len();
            let rows = 10 + n % 1_000;
            told.dropped.insert(format!("f{n:05}.csv"), rows);
            (format!("f{n:05}.csv"), rows)
        };
        if name.1.is_multiple_of(3) {
            self.house.stage(&self.ticket, &format!("{}.manifest.toml", name.0), format!("rows = {}\n", name.1));
        }
        self.house.stage(&self.ticket, &name.0, orders(name.1));
        thread::sleep(Duration::from_millis(30));
        None
    }

    /// What was dropped so far goes out, so that there is something to revoke and to purge.
    fn close_a_delivery(&self) {
        let released =
            || self.house.sql("SELECT count(*) FROM delivery WHERE released_at IS NOT NULL")[0].parse::<u64>().unwrap();
        let before = released();
        self.house.ready(&self.ticket);
        until("a delivery is released", || (released() > before).then_some(()));
    }

    /// A ticket, and votes at its gates.
    fn vote(&self) -> Option<()> {
        let submitted = self.house.submit(&ticket_file("umbra"));
        let ticket = (submitted.code == 0).then(|| submitted.json["ticket"].as_str().unwrap().to_owned())?;
        self.told.lock().unwrap().votes.insert(ticket.clone(), 0);
        for gate in submitted.json["gates"].as_array().unwrap() {
            let gate = gate.as_str().unwrap();
            if self.house.approve(crate::house::gate_keeper(gate), &ticket, gate).code != 0 {
                return None;
            }
            *self.told.lock().unwrap().votes.get_mut(&ticket).unwrap() += 1;
        }
        Some(())
    }

    /// Goes on with the large file where the last crash ended it.
    fn pull(&self) -> Option<()> {
        let options = ["-l", LARGE_KBIT_PER_SECOND];
        let output = self.house.sftp("acme", &format!("reget /{}/0001/large.csv.age\n", self.large), &options);
        if !output.status.success() {
            return None;
        }
        assert!(self.house.decrypt("acme", "large.csv.age") == orders(LARGE_ROWS).as_bytes(), "resumed, and not the same bytes");
        fs::remove_file(self.house.pulled("acme", "large.csv.age")).unwrap();
        self.told.lock().unwrap().pulls += 1;
        Some(())
    }

    /// Revokes one of the released files and has it purged.
    fn purge(&self) -> Option<()> {
        let files = self.house.ctl(OPERATOR, ["file", "list"]);
        let rows = files.json["rows"].as_array()?;
        let released = |row: &&serde_json::Value| row["state"] == "released" && row["name"] != "large.csv";
        let file = rows.iter().rev().find(released)?["id"].as_str()?.to_owned();
        (self.house.ctl(RESPONDER, ["revoke", "file", &file, "--reason", "a drill"]).code == 0).then_some(())?;
        let purged = self.house.ctl(OPERATOR, ["purge"]);
        (purged.code == 0).then_some(())?;
        let certificates = purged.json["certificates"]["rows"].as_array().unwrap();
        let names = certificates.iter().map(|certificate| certificate["name"].as_str().unwrap().to_owned());
        self.told.lock().unwrap().purged.extend(names);
        Some(())
    }

    fn take_a_checkpoint(&self) -> Option<()> {
        let mut command = self.house.egressctl();
        command.args(["audit", "checkpoint", "--key"]).arg(self.house.path("people").join(crate::house::AUDITOR));
        let output = command.output().unwrap();
        output.status.success().then_some(())?;
        self.told.lock().unwrap().checkpoint = Some(String::from_utf8(output.stdout).unwrap());
        Some(())
    }

    /// After each start: the log continues every checkpoint that was handed out, and what was told is so.
    fn check(&self) {
        let told = self.told.lock().unwrap();
        if let Some(checkpoint) = &told.checkpoint {
            let file = self.house.path("checkpoint");
            fs::write(&file, checkpoint).unwrap();
            let verdict = self.house.verify_offline(&self.house.copy(), &["--checkpoint", file.to_str().unwrap()]);
            assert_eq!(verdict.json["verdict"], "sound", "{} {}", verdict.json, verdict.stderr);
        }
        let open = self.house.sql(
            "SELECT count(*) FROM transfer WHERE ended_at IS NULL UNION ALL SELECT count(*) FROM session WHERE closed_at IS NULL",
        );
        assert_eq!(open, ["0", "0"], "what the crash interrupted has no end");
        let twice = self.house.sql("SELECT name FROM file GROUP BY name HAVING count(*) > 1");
        assert!(twice.is_empty(), "staged twice: {twice:?}");
        let purged = self.house.sql("SELECT name FROM file WHERE purged_at IS NOT NULL");
        assert!(told.purged.iter().all(|name| purged.contains(name)), "a purge was told and is not on record");
        if let Some((ticket, votes)) = told.votes.last_key_value() {
            let shown = self.house.ctl(OPERATOR, ["ticket", "show", ticket]).done();
            let gates = shown["gates"].as_array().unwrap();
            let have: u64 = gates.iter().map(|gate| gate["have"].as_u64().unwrap()).sum();
            assert!(have >= *votes, "{ticket}: {votes} votes were acknowledged, {have} count");
        }
    }

    /// Nothing more happens: every file that was dropped is released or purged, once, and its vendor can read it.
    fn end(&mut self) {
        self.house.ready(&self.ticket);
        let total = self.told.lock().unwrap().dropped.len();
        until("all that was dropped is staged and moved on", || {
            let rows = self.house.sql(
                "SELECT count(*) FROM file WHERE name != 'large.csv' AND (released_at IS NOT NULL OR purged_at IS NOT NULL)",
            );
            (rows == [total.to_string()]).then_some(())
        });
        let batch: String = {
            let query =
                "SELECT number FROM delivery WHERE released_at IS NOT NULL AND ticket = (SELECT id FROM ticket WHERE number = ";
            let numbers = self.house.sql(&format!("{query}'{}')", self.ticket));
            numbers.iter().map(|number| format!("-get /{}/{number:0>4}/*.age\n", self.ticket)).collect()
        };
        self.house.pull("acme", &batch);
        let told = self.told.lock().unwrap();
        let purged = self.house.sql("SELECT name FROM file WHERE revoked_at IS NOT NULL OR purged_at IS NOT NULL");
        for (name, rows) in told.dropped.iter().filter(|(name, _)| !purged.contains(name)) {
            assert_eq!(self.house.decrypt("acme", &format!("{name}.age")), orders(*rows).as_bytes(), "{name}");
        }
        drop(told);
        self.house.check();
    }
}
