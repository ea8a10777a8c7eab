//! Late deliveries of a feed, and the clock of a person's request. Time approves nothing.

use super::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn day(text: &str) -> Day {
    Day::try_from(text.to_owned()).unwrap()
}

/// A feed from 2026-11-21 on, with two days of grace.
fn feed(every: &str) -> String {
    World::document("behaviour", "2027-12-31")
        .replace("kind = \"one_off\"", "kind = \"recurring\"")
        .replace("opens = \"2026-11-01\"", "opens = \"2026-11-21\"")
        .replace(
            "[[field]]",
            &format!("[schedule]\nevery = \"{every}\"\nlate_after_hours = 48\n[limits]\nmax_deliveries = 5\n[[field]]"),
        )
}

fn portability(requested_on: &str) -> String {
    World::document("behaviour", "2026-12-31")
        .replace("kind = \"one_off\"", "kind = \"portability\"")
        .replace("[[field]]", &format!("[portability]\nrequested_on = \"{requested_on}\"\ntold = \"by letter\"\n[[field]]"))
}

fn running(document: String) -> World {
    let mut world = World::new();
    world.vendor(1, "2027-12-31");
    world.submit_as(document);
    world.approve();
    world.activate();
    world
}

fn missed(world: &World, released: &[Time], now: Time) -> Vec<String> {
    world.judged(now, |ticket, around| ticket.missed(released, around)).into_iter().map(|late| late.due.to_string()).collect()
}

/// D21, D89: a feed that stands still is noticed.
#[test]
fn a_delivery_is_late_when_its_period_and_its_grace_are_over_and_none_was_released() {
    let world = running(feed("week"));
    let first = day("2026-11-28").begins() + 48 * HOUR;
    assert_eq!(missed(&world, &[], first - HOUR), [""; 0]);
    assert_eq!(missed(&world, &[], first), ["2026-11-28"]);
    assert_eq!(missed(&world, &[], first + days(7)), ["2026-11-28", "2026-12-05"]);
    // Within the grace is in time; a second one in the same week answers for the next.
    let (in_grace, early) = (first - HOUR, day("2026-11-29").begins());
    assert_eq!(missed(&world, &[in_grace], first + days(7)), ["2026-12-05"]);
    assert_eq!(missed(&world, &[early, in_grace], first + days(7)), [""; 0]);
    assert_eq!(missed(&world, &[today()], first + days(7)), ["2026-12-05"], "one release answers for one week");
    assert_eq!(missed(&world, &[first + HOUR], first + days(7)), ["2026-11-28"], "late, and then there");
    // No more than the ticket allows, and nothing after its last day.
    assert_eq!(missed(&world, &[], first + days(300)).len(), 5);
}

#[test]
fn months_and_quarters_are_the_calendars_and_nothing_is_expected_before_it_could_leave() {
    let late = |every: &str, after: u32| missed(&running(feed(every)), &[], today() + days(after));
    assert_eq!(late("month", 70), ["2026-12-21", "2027-01-21"]);
    assert_eq!(late("quarter", 100), ["2027-02-21"]);
    assert_eq!(late("day", 4), ["2026-11-22", "2026-11-23"]);
    let mut world = World::new();
    world.vendor(1, "2027-12-31");
    world.submit_as(feed("week").replace("opens = \"2026-11-21\"", "opens = \"2026-11-01\""));
    world.approve();
    assert_eq!(missed(&world, &[], today() + days(30)), [""; 0], "nobody has activated it");
    world.activate();
    assert_eq!(missed(&world, &[], today() + days(4)), ["2026-11-22"], "of three weeks the one that was not over");
}

#[test]
fn what_is_late_is_said_once_for_each_and_of_a_feed_that_ended_nothing() {
    let mut world = running(feed("week"));
    let now = today() + days(17);
    let due = |world: &World, now: Time| world.judged(now, |ticket, around| ticket.calendar_due(&[], around));
    let said = due(&world, now);
    assert_eq!(said, ["2026-11-28", "2026-12-05"].map(|text| Event::DeliveryLate { due: day(text) }));
    let on = Subject::Ticket(World::ticket_id());
    world.record(Actor::System, on, said[0].clone(), None);
    assert_eq!(due(&world, now), said[1..]);
    world.record(Actor::System, on, said[1].clone(), None);
    assert_eq!(due(&world, now), []);
    let late = |world: &World, released: &[Time]| world.judged(now, |ticket, around| ticket.late_now(released, around));
    assert_eq!(late(&world, &[]).map(|late| late.due), Some(day("2026-12-05")));
    assert_eq!(late(&world, &[now]), None, "it came, if late");
    world.record(World::by(22), on, Event::TicketRevoked, None);
    assert_eq!((due(&world, now + days(30)), late(&world, &[])), (Vec::new(), None));
}

/// D22: thirty days, with notices before and after; and time approves nothing.
#[test]
fn a_persons_request_is_noticed_before_its_thirty_days_are_over_and_after_and_time_approves_nothing() {
    let mut world = World::new();
    world.vendor(1, "2027-12-31");
    world.submit_as(portability("2026-11-10"));
    let until = day("2026-12-10");
    let due =
        |world: &World, released: &[Time], now: Time| world.judged(now, |ticket, around| ticket.calendar_due(released, around));
    assert_eq!(due(&world, &[], until.ends() - days(7) - HOUR), []);
    let on = Subject::Ticket(World::ticket_id());
    for (now, event) in [
        (until.ends() - days(7), Event::PortabilityNear { until, days: 7 }),
        (until.ends() - days(1), Event::PortabilityNear { until, days: 1 }),
        (until.ends(), Event::PortabilityOverdue { until }),
    ] {
        assert_eq!(due(&world, &[], now), std::slice::from_ref(&event));
        assert_eq!(due(&world, &[now - days(20)], now), [], "what is answered is not late");
        world.record(Actor::System, on, event, None);
        assert_eq!(due(&world, &[], now), []);
        assert_eq!(world.judged(now, TicketDossier::state), State::InReview, "time approves nothing");
    }
    assert_eq!(world.judged(until.ends() + days(9), TicketDossier::state), State::InReview);
    assert_eq!(due(&world, &[], until.ends() + days(9)), []);
}

#[test]
fn no_revision_sets_a_persons_clock_back() {
    let mut world = World::new();
    world.vendor(1, "2027-12-31");
    world.submit_as(portability("2026-11-10"));
    world.revise(|_| portability("2026-11-20"));
    let clock = world.ticket().persons_clock(&[]).unwrap();
    assert_eq!((clock.requested_on, clock.until), (day("2026-11-10"), day("2026-12-10")));
    assert_eq!(clock.left(today()), Some(20));
    world.revise(|text| text);
    assert_eq!(world.ticket().persons_clock(&[]), Some(clock), "a request of another kind ends no clock");
    assert!(world.ticket().has_calendar());
    assert!(!clock.is_overdue(clock.until.begins()) && clock.is_overdue(clock.until.ends()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// However long anybody waits, and whatever the calendar says meanwhile: nothing is approved that nobody approved.
    #[test]
    fn no_time_approves(waits in prop::collection::vec(0_u32..400, 1..12), person in any::<bool>()) {
        let mut world = World::new();
        world.vendor(1, "2027-12-31");
        world.submit_as(if person { portability("2026-11-10") } else { feed("week") });
        let mut now = today();
        for wait in waits {
            now = now + days(wait);
            for event in world.judged(now, |ticket, around| ticket.calendar_due(&[], around)) {
                world.record_at(now, Actor::System, Subject::Ticket(World::ticket_id()), event, None);
            }
            let state = world.judged(now, TicketDossier::state);
            prop_assert!(!matches!(state, State::Approved | State::Active), "{state:?}");
        }
    }
}
