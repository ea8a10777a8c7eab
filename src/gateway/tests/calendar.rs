//! Feeds that are late and people who wait: said once, shown, counted, and never an approval.

use super::*;
use crate::{
    domain::{
        event::{Actor, Event},
        ids::TicketNumber,
        time::{Time, days},
    },
    gateway::{
        answers::{CalendarView, TicketState},
        fixture::{ManualClock, Staff, csv, ticket_document},
    },
};

/// 2026-11-21T10:00:00Z.
const TODAY: Time = Time::from_micros(1_795_255_200_000_000);

async fn house() -> (House, Arc<ManualClock>, Vendor) {
    let clock = Arc::new(ManualClock::at(TODAY));
    let house = House::with(clock.clone()).await;
    let acme = house.vendor("acme").await;
    (house, clock, acme)
}

/// A ticket of this kind whose window opens today.
async fn submit(house: &House, vendor: &Vendor, kind: &str, table: &str, limits: &str) -> TicketNumber {
    let document = ticket_document(vendor, "business", limits, r#""sftp""#)
        .replace("kind = \"one_off\"", &format!("kind = \"{kind}\""))
        .replace("opens = \"2020-01-01\"", "opens = \"2026-11-21\"")
        .replace("closes = \"2099-12-31\"", "closes = \"2027-11-20\"")
        .replace("[limits]", &format!("{table}\n[limits]"));
    house.desk().ticket_submit(house.person(Staff::Rita), document).await.unwrap().ticket
}

/// What the gateway does every minute, twice.
fn turns(house: &House) {
    for _ in 0..2 {
        tokio::task::block_in_place(|| house.gateway().say_what_is_late()).unwrap();
    }
}

fn said(house: &House) -> Vec<Event> {
    let told = |event: &Event| {
        matches!(event, Event::DeliveryLate { .. } | Event::PortabilityNear { .. } | Event::PortabilityOverdue { .. })
    };
    let records = house.log().into_iter().filter(|record| told(&record.event));
    records.inspect(|record| assert_eq!(record.by, Actor::System)).map(|record| record.event).collect()
}

async fn calendar(house: &House, ticket: TicketNumber) -> CalendarView {
    let rita = house.person(Staff::Rita);
    let shown = house.desk().ticket_show(rita, ticket).await.unwrap().calendar.unwrap();
    let listed = house
        .desk()
        .ticket_list(rita, None, Default::default())
        .await
        .unwrap()
        .rows
        .into_iter()
        .find(|row| row.ticket == ticket)
        .unwrap();
    assert_eq!(listed.calendar.as_ref(), Some(&shown), "the list says the same");
    shown
}

/// D21, D89.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_is_late_is_said_once_for_each_delivery_shown_counted_and_over_when_one_is_released() {
    let (mut house, clock, acme) = house().await;
    let schedule = "[schedule]\nevery = \"week\"\nlate_after_hours = 24";
    let ticket = submit(&house, &acme, "recurring", schedule, "max_deliveries = 9").await;
    house.activated(ticket).await;
    house.deliver(ticket, &[("one.csv", &csv(1_000))]).await;
    house.stop().await;
    house.start().await;
    house.rest().await;
    clock.advance(days(13));
    turns(&house);
    assert_eq!((said(&house), calendar(&house, ticket).await.missed), (Vec::new(), 0), "the first week had one");
    clock.advance(days(2));
    turns(&house);
    assert_eq!(said(&house).len(), 1, "{:?}", said(&house));
    clock.advance(days(7));
    turns(&house);
    assert_eq!(said(&house).len(), 2, "{:?}", said(&house));
    let late = calendar(&house, ticket).await;
    assert_eq!((late.late_since.as_deref(), late.missed), (Some("2026-12-12"), 2));
    let told = house.desk().explain(house.person(Staff::Olga), ticket.to_string().parse().unwrap()).await.unwrap();
    assert!(told.because.iter().any(|line| line.contains("expected by 2026-12-12")), "{told:?}");
    let metrics = house.observer().metrics().unwrap();
    assert!(metrics.contains("egressd_overdue_total{what=\"delivery\"} 2"), "{metrics}");
    house.stop().await;
    house.start().await;
    house.deliver(ticket, &[("late.csv", &csv(1_000))]).await;
    let late = calendar(&house, ticket).await;
    assert_eq!((late.late_since, late.missed), (None, 2), "it came; that it was late stays said");
    house.rest().await;
    turns(&house);
    assert_eq!(said(&house).len(), 2);
}

/// D22.
#[tokio::test(flavor = "multi_thread")]
async fn a_persons_clock_is_shown_and_said_and_approves_nothing() {
    let (mut house, clock, acme) = house().await;
    let asked = "[portability]\nrequested_on = \"2026-11-20\"\ntold = \"by letter, before the end of the month\"";
    let ticket = submit(&house, &acme, "portability", asked, "").await;
    let state = async |house: &House| house.desk().ticket_show(house.person(Staff::Rita), ticket).await.unwrap().state;
    house.rest().await;
    let person = calendar(&house, ticket).await.persons_request.unwrap();
    assert_eq!((person.until.as_str(), person.days_left, person.overdue_days), ("2026-12-20", Some(30), None));
    for (wait, count) in [(22, 0), (1, 1), (6, 2), (2, 3), (30, 3)] {
        clock.advance(days(wait));
        turns(&house);
        assert_eq!(said(&house).len(), count, "{:?}", said(&house));
        assert_eq!(state(&house).await, TicketState::InReview, "time approves nothing");
    }
    assert!(matches!(
        said(&house)[..],
        [Event::PortabilityNear { days: 7, .. }, Event::PortabilityNear { days: 1, .. }, Event::PortabilityOverdue { .. }]
    ));
    let person = calendar(&house, ticket).await.persons_request.unwrap();
    assert_eq!((person.days_left, person.overdue_days), (None, Some(31)));
    house.stop().await;
    house.start().await;
    house.activated(ticket).await;
    house.deliver(ticket, &[("theirs.csv", &csv(1_000))]).await;
    let person = calendar(&house, ticket).await.persons_request.unwrap();
    assert!(person.answered_at.is_some() && person.overdue_days.is_none());
}
