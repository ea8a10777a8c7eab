//! Sealing side by side: what one ticket's files do to another's, and to whoever watches or stops the gateway.

use super::*;
use crate::{
    domain::{ids::TicketNumber, time::Time},
    gateway::{
        Trouble,
        answers::FileState,
        fixture::{ManualClock, Staff, csv, until},
        progress::Work,
    },
};
use std::time::Duration;

/// The state of a ticket's only file, once it is staged.
async fn state(house: &House, ticket: TicketNumber) -> FileState {
    until("the file is staged", async || {
        let rows = house.desk().file_list(house.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
        rows.iter().map(|row| row.state).find(|state| *state != FileState::Settling)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_of_one_ticket_holds_up_no_other_and_a_stop_ends_its_sealing_where_it_is() {
    let mut house = House::open().await;
    let (acme, umbra) = (house.vendor("acme").await, house.vendor("umbra").await);
    let (large, small) = (house.ticket(&acme, "health").await, house.ticket(&umbra, "health").await);
    house.drop_file(large, "orders.csv", &csv(96 << 20));
    assert_eq!(state(&house, large).await, FileState::Staged);
    house.deliver(small, &[("orders.csv", &csv(1_000))]).await;
    assert_eq!(state(&house, large).await, FileState::Staged, "it was sealed before the small one was released");
    house.stop().await;
    // Nothing was found wrong with what was not read to its end.
    house.start().await;
    assert_eq!(state(&house, large).await, FileState::Staged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stands_still_is_told_to_whoever_watches_and_one_that_moves_slowly_is_not() {
    let clock = Arc::new(ManualClock::at(Time::from_micros(1_795_255_200_000_000)));
    let mut house = House::with(clock.clone()).await;
    // Its own turns are over: nothing else is on its way while time leaps.
    house.rest().await;
    let core = &house.gateway().core;
    let still = || house.observer().trouble().contains(&Trouble::FileStill);
    // A turn of its own may be on its way while time leaps; it ends at once, what is stuck does not.
    let goes_on = || until("nothing stands still", async || (!still()).then_some(()));
    let moving = core.progress.begin(Work::Copy, core.clock.elapsed());
    for _ in 0..10 {
        clock.advance(Duration::from_secs(100));
        core.progress.moved(Work::Copy, core.clock.elapsed());
        goes_on().await;
    }
    clock.advance(Duration::from_secs(121));
    assert!(still());
    assert!(!Trouble::FileStill.blocks(), "vendors are served all the same");
    drop(moving);
    goes_on().await;
}
