//! What it takes to work with a hundred thousand tickets. `tests/bench/many-tickets.sh` runs this and prints the table of
//! docs/performance.md. Nothing here asserts a time.
#![expect(clippy::disallowed_methods, reason = "starts a process that measures, and reads what memory it takes")]

mod fill;

use super::*;
use crate::{
    domain::{event::SessionEnd, ids::TicketNumber, time::Time},
    gateway::{
        asked::{Awaiting, DeliveryPath, Subject},
        fixture::{self, ManualClock, Staff, csv},
        release,
    },
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, env, fs, path::Path, process::Command, time::Instant};

const POLICY: &str = include_str!("../../../config/policy.toml");
const VENDORS: usize = 20;
/// Deliveries that went the whole way, files and all: what the release check looks at.
const DELIVERIES: usize = 24;
const PLACE: &str = "EGRESSD_CROWD";
const RESULT: &str = "measured.json";

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Time::from_micros(1_795_255_200_000_000)))
}

fn setting(name: &str, or: usize) -> usize {
    env::var(name).map_or(or, |text| text.parse().unwrap())
}

/// What the process that measures has to know of who filled.
#[derive(Serialize, Deserialize)]
struct Told {
    deliveries: Vec<DeliveryPath>,
    vendor: String,
    login: String,
    tickets: usize,
}

/// Times of one thing, in microseconds, sorted.
#[derive(Serialize, Deserialize)]
struct Times {
    what: String,
    took: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Measured {
    times: Vec<Times>,
    /// Resident, in KiB: after the start, and at the end.
    memory: (u64, u64),
}

impl Times {
    fn at(&self, percent: usize) -> f64 {
        self.took[(self.took.len() - 1) * percent / 100] as f64 / 1_000.0
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures for minutes: tests/bench/many-tickets.sh runs it"]
async fn the_gateway_with_many_tickets() {
    let (few, many) = (setting("EGRESSD_FEW", 1_000), setting("EGRESSD_TICKETS", 100_000));
    let mut house = House::with(clock()).await;
    let mut vendors = Vec::new();
    for n in 0..VENDORS {
        vendors.push(house.vendor(&format!("vendor{n:02}")).await);
    }
    let mut deliveries = Vec::new();
    for _ in 0..DELIVERIES {
        let ticket = house.ticket(&vendors[0], "health").await;
        deliveries.push(house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await);
    }
    house.rest().await;
    let login = fixture::private(&vendors[0].login);
    let mut told = Told { deliveries, vendor: vendors[0].id.to_string(), login: login.clone(), tickets: few };
    let names: Vec<String> = vendors.iter().map(|vendor| vendor.id.to_string()).collect();
    let filler = |house: House, count: usize| {
        let vendors = names.iter().map(|name| Vendor::of(name, &login)).collect();
        tokio::task::spawn_blocking(move || {
            fill::fill(&house, vendors, count);
            house
        })
    };
    let began = Instant::now();
    let place = tempfile::tempdir().unwrap();
    let mut house = filler(house, few).await.unwrap();
    house.stop().await;
    house.keep(place.path());
    let with_few = measure(place.path(), &told);
    let mut house = House::kept(place.path(), clock());
    house.open_at_rest().await;
    let mut house = filler(house, many).await.unwrap();
    house.stop().await;
    house.keep(place.path());
    eprintln!("filled and measured within {:?}", began.elapsed());
    told.tickets = many;
    let with_many = measure(place.path(), &told);
    show((few, &with_few), (many, &with_many));
}

/// Measures in a process of its own.
fn measure(place: &Path, told: &Told) -> Measured {
    fs::write(place.join("told.json"), serde_json::to_vec(told).unwrap()).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "--ignored", "gateway::tests::crowd::one_measurement"]);
    assert!(command.env(PLACE, place).status().unwrap().success());
    serde_json::from_slice(&fs::read(place.join(RESULT)).unwrap()).unwrap()
}

fn show((few, with_few): (usize, &Measured), (many, with_many): (usize, &Measured)) {
    println!("| ms | {many} tickets: p50 | p99 | {few} tickets: p50 | p99 | ratio of p50 |");
    println!("|---|---|---|---|---|---|");
    for (large, small) in with_many.times.iter().zip(&with_few.times) {
        assert_eq!(large.what, small.what);
        let ratio = large.at(50) / small.at(50);
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | **{ratio:.1}** |",
            large.what,
            large.at(50),
            large.at(99),
            small.at(50),
            small.at(99)
        );
    }
    let mib = |(start, end): (u64, u64)| format!("{} after the start, {} after all of it", start / 1_024, end / 1_024);
    println!("\nResident MiB: {} with {many}; {} with {few}.", mib(with_many.memory), mib(with_few.memory));
}

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Runs it so many times and notes each.
async fn timed(what: &str, times: usize, mut run: impl AsyncFnMut(usize)) -> Times {
    let mut took = Vec::with_capacity(times);
    for n in 0..times {
        let began = Instant::now();
        run(n).await;
        took.push(u64::try_from(began.elapsed().as_micros()).unwrap());
    }
    took.sort_unstable();
    Times { what: what.to_owned(), took }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of the measurement above, in a process of its own"]
async fn one_measurement() {
    let place = env::var_os(PLACE).expect("the measurement says where the house is kept");
    let place = Path::new(&place);
    let told: Told = serde_json::from_slice(&fs::read(place.join("told.json")).unwrap()).unwrap();
    let mut house = House::kept(place, clock());
    let mut times = Vec::new();
    let began = Instant::now();
    house.open_at_rest().await;
    times.push(timed("start, until it may listen", 1, async |_| ()).await);
    times[0].took = vec![u64::try_from(began.elapsed().as_micros()).unwrap()];
    let after_start = resident();
    // With hours to answer: there is something to look for.
    house.reload_policy(&format!("{POLICY}\n[sla]\nprivacy = 72\nsecurity = 72\n")).await;
    measure_checks(&house, &told, &mut times).await;
    measure_looks(&house, &told, &mut times).await;
    let measured = Measured { times, memory: (after_start, resident()) };
    fs::write(place.join(RESULT), serde_json::to_vec(&measured).unwrap()).unwrap();
    house.stop().await;
    house.keep(place);
}

/// What stands between a vendor and its bytes: each for the first time, with every inclusion proof, and again.
async fn measure_checks(house: &House, told: &Told, times: &mut Vec<Times>) {
    let grant = async |n: usize| {
        let path = told.deliveries[n % told.deliveries.len()];
        let granted = house.gateway().look(|facts| {
            let ticket = facts.ticket_numbered(path.ticket)?;
            let delivery = facts.delivery_numbered(&ticket, path.number)?.unwrap();
            release::grant(facts, &delivery).map(drop)
        });
        granted.unwrap();
    };
    times.push(timed("release check, nothing read before", told.deliveries.len(), grant).await);
    times.push(timed("release check", 500, grant).await);
    let vendor = Vendor::of(&told.vendor, &told.login);
    let pickup = log_in(house, &vendor).await.unwrap();
    let opens = async |n: usize| {
        let delivery = told.deliveries[n % told.deliveries.len()];
        drop(pickup.open(&path(&format!("/{delivery}/orders.csv.age"))).unwrap());
    };
    times.push(timed("a vendor's open", 500, opens).await);
    times.push(timed("a vendor's list of all that it may see", 20, async |_| drop(pickup.list(&path("/")).unwrap())).await);
    pickup.close(SessionEnd::Closed).await;
}

async fn measure_looks(house: &House, told: &Told, times: &mut Vec<Times>) {
    let (desk, pia, olga) = (house.desk(), house.person(Staff::Pia), house.person(Staff::Olga));
    // A stride that meets every kind of ticket.
    let number = |n: usize| TicketNumber { year: 2026, sequence: u32::try_from(1 + n * 7_919 % told.tickets).unwrap() };
    let explain = async |n: usize| drop(desk.explain(olga, Subject::Ticket(number(n))).await.unwrap());
    times.push(timed("explain, nothing read before", 200, explain).await);
    times.push(timed("explain", 200, explain).await);
    let awaiting = async |_: usize| drop(desk.ticket_list(pia, Some(Awaiting::Me), BTreeSet::new()).await.unwrap());
    times.push(timed("ticket list --awaiting me, nothing read before", 1, awaiting).await);
    times.push(timed("ticket list --awaiting me", 40, awaiting).await);
    let operator = async |_: usize| drop(desk.ticket_list(olga, Some(Awaiting::Me), BTreeSet::new()).await.unwrap());
    times.push(timed("the same for an operator", 40, operator).await);
    let all = async |_: usize| drop(desk.ticket_list(olga, None, BTreeSet::new()).await.unwrap());
    times.push(timed("ticket list, nothing read before", 1, all).await);
    times.push(timed("ticket list", 10, all).await);
    times.push(timed("status", 3, async |_| drop(desk.status(olga).await.unwrap())).await);
    times.push(
        timed("the look for what is late, each minute", 3, async |_| {
            tokio::task::block_in_place(|| house.gateway().say_what_is_late()).unwrap()
        })
        .await,
    );
    let counted = desk.status(olga).await.unwrap().tickets;
    eprintln!("{} tickets: {counted:?}", told.tickets);
    eprintln!("{} wait for one reviewer", desk.ticket_list(pia, Some(Awaiting::Me), BTreeSet::new()).await.unwrap().rows.len());
}
