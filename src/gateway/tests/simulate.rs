//! Another policy, looked at before it is gone by.

use super::*;
use crate::gateway::{
    answers::{Simulation, TicketState},
    fixture::Staff,
};

const POLICY: &str = include_str!("../../../config/policy.toml");

async fn simulated(house: &House, from: &str, to: &str) -> Simulation {
    assert!(POLICY.contains(from), "{from}");
    // Anybody on the staff may look.
    house.desk().policy_simulate(house.person(Staff::Rita), POLICY.replacen(from, to, 1)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_says_which_tickets_would_fall_and_why_and_records_nothing() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (active, submitted) = (house.ticket(&acme, "behaviour").await, house.submit(&acme, "business", "").await);
    let before = house.log().len();

    let same = simulated(&house, "policy = 1", "policy = 1 # the same").await;
    assert_eq!((same.looked_at, same.tickets.rows.len(), same.policy), (2, 0, same.goes_by), "{same:?}");

    const T1: &str = "[tiers.T1]\ngates = [\"business\", \"data_owner\", \"privacy\", \"security\"]";
    let stricter = simulated(&house, T1, &T1.replace("[\"business\"", "[\"legal\", \"business\"")).await;
    let [row] = &stricter.tickets.rows[..] else { panic!("{stricter:?}") };
    assert_eq!((row.ticket, row.state, row.would_be), (active, TicketState::Active, TicketState::Suspended));
    let because = row.because.join("\n");
    assert!(because.contains("the gate legal is asked too") && because.contains("privacy loses 1 of 1 vote"), "{because}");

    let condition = "[[condition]]\nname = \"few\"\nclasses = [\"business\"]\nanswers = [\"limits.max_bytes\"]\n[wording]";
    let asks = simulated(&house, "[wording]", condition).await;
    assert_eq!(asks.tickets.rows.len(), 2, "{asks:?}");
    for (row, would_be) in asks.tickets.rows.iter().zip([TicketState::Returned, TicketState::Suspended]) {
        assert_eq!(row.would_be, would_be);
        assert!(row.because[0].starts_with("E2021"), "{row:?}");
    }
    assert!(asks.tickets.rows.iter().any(|row| row.ticket == submitted));
    assert_eq!(house.log().len(), before, "nothing is recorded");
    let shown = house.desk().ticket_show(house.person(Staff::Rita), active).await.unwrap();
    assert_eq!(shown.state, TicketState::Active, "nothing is changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_counts_the_people_that_a_policy_needs() {
    let house = House::open().await;
    let short = simulated(&house, "policy = 1", "policy = 1 ").await.short_of;
    let two =
        simulated(&house, "votes = { T2 = 2, T3 = 2 }", "votes = { T2 = 9, T3 = 9 }\n[gates.privacy]\nvotes = { T1 = 5 }").await;
    assert!(two.short_of.iter().any(|told| told.starts_with("T1: the gate privacy asks for 5 votes")), "{two:?}");
    assert!(two.short_of.len() > short.len(), "{short:?} {two:?}");
    let scope = "[[scope]]\nrole = \"data_owner\"\npeople = [\"dora\", \"pia\", \"nobody\"]\n[wording]";
    let named = simulated(&house, "[wording]", scope).await.short_of;
    let strangers: Vec<_> = named.iter().filter(|told| told.contains("[[scope]]")).collect();
    assert!(strangers.len() == 2 && strangers[0].contains("nobody") && strangers[1].contains("pia"), "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_policy_is_refused_with_all_that_is_wrong_and_a_stranger_with_nothing() {
    let house = House::open().await;
    let bad =
        POLICY.replacen("quasi_identifiers = 3", "quasi_identifiers = 0", 1).replacen("least_words = 4", "least_words = 99", 1);
    let Err(Refused::Refusal(refusal)) = house.desk().policy_simulate(house.person(Staff::Rita), bad).await else {
        panic!("it was not refused")
    };
    let refused = refusal.what();
    assert!(refused.contains("quasi_identifiers must") && refused.contains("least_words is at most"), "{refused}");
    let stranger = house.desk().policy_simulate(crate::domain::event::Actor::System, POLICY.to_owned()).await;
    assert_eq!(code(stranger), 1002);
}
