//! How tickets end: closing, what a vendor signs then and what not, who may waive it, and what waits meanwhile.

use super::*;
use crate::{
    domain::{
        event::{Actor, Closing, Event, Subject},
        ids::TicketNumber,
        people::Role,
        signature::{NAMESPACE_DELETION, NAMESPACE_VOTE, openssh_fingerprint},
        time::{Day, Time, days},
    },
    gateway::{
        answers::{FileState, TicketState, TicketView},
        asked::Scope,
        fixture::{Clock, ManualClock, Staff, csv, key, signed, ticket_document},
    },
};
use russh::keys::PrivateKey;

/// 2026-11-21T10:00:00Z.
const TODAY: Time = Time::from_micros(1_795_255_200_000_000);

struct Scene {
    house: House,
    clock: Arc<ManualClock>,
    acme: Vendor,
}

impl Scene {
    async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(TODAY));
        let house = House::with(clock.clone()).await;
        let acme = house.vendor("acme").await;
        Self { house, clock, acme }
    }

    /// An active ticket until 2026-11-30, and one released delivery of it, which is kept until 2026-12-05.
    async fn ending() -> (Self, TicketNumber) {
        let scene = Self::open().await;
        let ticket = scene.until("2026-11-30").await;
        scene.house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
        (scene, ticket)
    }

    async fn until(&self, closes: &str) -> TicketNumber {
        let ticket = self.submitted(closes).await.unwrap();
        self.house.activated(ticket).await
    }

    async fn submitted(&self, closes: &str) -> Result<TicketNumber, Refused> {
        let document = ticket_document(&self.acme, "business", "", r#""sftp""#).replace("2099-12-31", closes);
        self.house.desk().ticket_submit(self.house.person(Staff::Rita), document).await.map(|submitted| submitted.ticket)
    }

    /// What the gateway does every minute.
    fn turn(&self) {
        let gateway = self.house.gateway();
        tokio::task::block_in_place(|| {
            gateway.purge_what_is_due().unwrap();
            gateway.say_what_is_late().unwrap();
        });
    }

    async fn show(&self, ticket: TicketNumber) -> TicketView {
        self.house.desk().ticket_show(self.house.person(Staff::Rita), ticket).await.unwrap()
    }

    async fn state(&self, ticket: TicketNumber) -> TicketState {
        self.show(ticket).await.state
    }

    async fn statement(&self, ticket: TicketNumber) -> Result<String, Refused> {
        self.house.desk().ticket_statement(self.house.person(Staff::Olga), ticket, None).await.map(|told| told.text)
    }

    async fn attest(&self, ticket: TicketNumber, key: &PrivateKey, namespace: &str, text: &str) -> Result<(), Refused> {
        let signature = signed(key, namespace, text);
        self.house.desk().ticket_attest(self.house.person(Staff::Olga), ticket, None, signature).await.map(drop)
    }

    async fn waive(&self, by: Actor, ticket: TicketNumber) -> Result<(), Refused> {
        self.house.desk().ticket_waive_deletion(by, ticket, "nothing of it was fetched".into()).await.map(drop)
    }

    /// What is on record of its end, oldest first.
    fn recorded(&self) -> Vec<Event> {
        let of_end = |event: &Event| {
            matches!(
                event,
                Event::TicketClosing { .. }
                    | Event::DeletionAttested { .. }
                    | Event::DeletionWaived
                    | Event::TicketClosed
                    | Event::AttestationOverdue { .. }
                    | Event::AttestationSettled { .. }
            )
        };
        self.house.log().into_iter().map(|record| record.event).filter(of_end).collect()
    }
}

/// D70: their signed attestation.
#[tokio::test(flavor = "multi_thread")]
async fn after_its_last_day_a_ticket_closes_and_is_closed_once_its_bytes_are_gone_and_its_vendor_has_attested() {
    let (mut scene, ticket) = Scene::ending().await;
    let pickup = log_in(&scene.house, &scene.acme).await.unwrap();
    let place = path(&format!("/{ticket}/0001/orders.csv.age"));
    assert!(pickup.open(&place).is_ok());
    scene.clock.advance(days(10));
    assert_eq!(scene.state(ticket).await, TicketState::Closing, "by the clock alone");
    assert!(pickup.open(&place).is_err(), "after the last day nothing is served");
    scene.turn();
    scene.turn();
    assert_eq!(scene.recorded(), [Event::TicketClosing { why: Closing::EndDate }]);
    let end = scene.show(ticket).await.end.unwrap();
    assert_eq!((end.files_left, end.attested, end.overdue_days), (1, None, None));

    let text = scene.statement(ticket).await.unwrap();
    assert!(text.contains("\ndelivery 0001 of 2026-11-21, 1 file, 0 fetched, manifest "), "{text}");
    scene.attest(ticket, &scene.acme.login, NAMESPACE_DELETION, &text).await.unwrap();
    assert_eq!(scene.state(ticket).await, TicketState::Closing, "its file is here until its retention ends");
    assert_eq!(code(scene.attest(ticket, &scene.acme.login, NAMESPACE_DELETION, &text).await), 2221, "once");
    scene.clock.advance(days(5));
    scene.turn();
    assert_eq!(scene.state(ticket).await, TicketState::Closed);
    let last = scene.house.log().pop().unwrap();
    assert_eq!((last.by, last.event), (Actor::System, Event::TicketClosed));
    let attested = scene.show(ticket).await.end.unwrap().attested.unwrap();
    assert_eq!((attested.text, attested.filed_by.as_str()), (text, "olga"));
    drop(pickup);
    scene.house.stop().await;
    scene.house.start().await;
    scene.house.rest().await;
    assert_eq!(scene.state(ticket).await, TicketState::Closed, "replayed it is the same");
    scene.turn();
    assert_eq!(scene.recorded().len(), 3, "nothing is said twice");
    assert_eq!(code(scene.house.revoke(Scope::Ticket(ticket)).await), 2008, "no state leads out of a terminal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_not_the_vendors_for_this_ticket_is_refused_each_way_with_its_code() {
    let (mut scene, ticket) = Scene::ending().await;
    scene.house.rest().await;
    assert_eq!(code(scene.statement(ticket).await), 2221, "it runs");
    scene.clock.advance(days(10));
    let other = scene.until("2026-12-01").await;
    scene.clock.advance(days(2));
    let (text, foreign) = (scene.statement(ticket).await.unwrap(), scene.statement(other).await.unwrap());
    let (login, stranger) = (&scene.acme.login, key());
    assert_eq!(code(scene.attest(ticket, login, NAMESPACE_DELETION, &foreign).await), 2224, "another ticket's");
    assert_eq!(code(scene.attest(ticket, login, NAMESPACE_VOTE, &text).await), 2225);
    assert_eq!(code(scene.attest(ticket, &stranger, NAMESPACE_DELETION, &text).await), 2226);
    let desk = scene.house.desk();
    let olga = scene.house.person(Staff::Olga);
    assert_eq!(code(desk.ticket_attest(olga, ticket, None, "nonsense".into()).await), 1003);
    let on = |text: &str| Some(Day::try_from(text.to_owned()).unwrap());
    for wrong in ["2026-11-30", "2026-12-04"] {
        assert_eq!(code(desk.ticket_statement(olga, ticket, on(wrong)).await), 2223, "{wrong}");
    }
    let dated = desk.ticket_statement(olga, ticket, on("2026-12-01")).await.unwrap().text;
    assert_eq!(code(scene.attest(ticket, login, NAMESPACE_DELETION, &dated).await), 2224, "the date is not named");
    let signature = signed(login, NAMESPACE_DELETION, &dated);
    let rita = scene.house.person(Staff::Rita);
    assert_eq!(code(desk.ticket_attest(rita, ticket, on("2026-12-01"), signature.clone()).await), 1006);
    assert_eq!(scene.recorded(), [], "nothing is recorded of what was refused");
    desk.ticket_attest(olga, ticket, on("2026-12-01"), signature).await.unwrap();
    // A key that had to be revoked states nothing any more.
    let revoked = scene.acme.login.public_key().fingerprint(russh::keys::HashAlg::Sha256);
    let digest = crate::domain::signature::parse_fingerprint(&revoked.to_string()).unwrap();
    scene.house.revoke(Scope::Key(digest)).await.unwrap();
    assert_eq!(code(scene.attest(other, login, NAMESPACE_DELETION, &foreign).await), 2227, "{}", openssh_fingerprint(digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_deliveries_are_used_up_a_ticket_closes_and_what_it_released_is_fetched_until_its_retention() {
    let scene = Scene::open().await;
    let ticket = scene.house.ticket_within(&scene.acme, "business", "max_deliveries = 1").await;
    scene.house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let pickup = log_in(&scene.house, &scene.acme).await.unwrap();
    let place = path(&format!("/{ticket}/0001/orders.csv.age"));
    let log = scene.house.log();
    let at = log.iter().position(|record| record.event == Event::TicketClosing { why: Closing::DeliveriesUsedUp }).unwrap();
    assert!(matches!(log[at - 1].event, Event::DeliveryReleased { .. }), "in the record of the release");
    assert_eq!(scene.state(ticket).await, TicketState::Closing);
    assert!(pickup.open(&place).is_ok(), "what is released stays to be fetched");
    // Security stops that too, and alone nobody lets it go on.
    let (desk, sam, olga) = (scene.house.desk(), scene.house.person(Staff::Sam), scene.house.person(Staff::Olga));
    desk.ticket_suspend(sam, ticket, "odd pulls".into()).await.unwrap();
    assert!(pickup.open(&place).is_err());
    desk.ticket_resume(sam, ticket, "explained".into()).await.unwrap();
    assert!(pickup.open(&place).is_err());
    desk.ticket_resume(olga, ticket, "explained".into()).await.unwrap();
    assert!(pickup.open(&place).is_ok());
    scene.house.drop_file(ticket, "more.csv", &csv(1_000));
    let held = crate::gateway::fixture::until("the file that is held", async || {
        let rows = scene.house.desk().file_list(scene.house.person(Staff::Olga), Some(ticket)).await.unwrap().rows;
        rows.into_iter().find(|row| row.state == FileState::Held).and_then(|row| row.reason)
    })
    .await;
    assert!(held.starts_with("E3103"), "{held}");
    let pia = scene.house.person(Staff::Pia);
    assert_eq!(code(scene.statement(ticket).await), 2222, "who has deleted it could fetch it again");
    assert_eq!(code(scene.waive(pia, ticket).await), 2222);
    scene.clock.advance(days(14));
    assert!(pickup.open(&place).is_err(), "its retention is over");
    for (by, refused) in [(Staff::Olga, 1006), (Staff::Rita, 1006), (Staff::Bela, 1006)] {
        assert_eq!(code(scene.waive(scene.house.person(by), ticket).await), refused, "{by:?}");
    }
    let both = scene.house.executive("otto", &[Role::Operator, Role::PrivacyReviewer]).await;
    assert_eq!(code(scene.waive(both.actor, ticket).await), 2228, "an operator, whatever else");
    assert_eq!(code(desk.ticket_waive_deletion(pia, ticket, " ".into()).await), 2105);
    scene.waive(pia, ticket).await.unwrap();
    assert_eq!(scene.state(ticket).await, TicketState::Closing, "bytes are here");
    scene.turn();
    assert_eq!(scene.state(ticket).await, TicketState::Closed);
    let end = scene.show(ticket).await.end.unwrap();
    assert!(end.waived.unwrap().what.contains("nothing of it was fetched"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_waives_nothing_of_their_own_and_security_revokes_what_closes() {
    let scene = Scene::open().await;
    let both = scene.house.executive("rob", &[Role::Requester, Role::SecurityResponder]).await;
    let own = scene.house.request_of(both.actor, &scene.acme).await;
    scene.house.activated(own).await;
    let desk = scene.house.desk();
    scene.house.revoke(Scope::Ticket(own)).await.unwrap();
    assert_eq!(code(scene.waive(both.actor, own).await), 2228);
    // What was revoked owes an attestation all the same, and stays revoked.
    let text = scene.statement(own).await.unwrap();
    scene.attest(own, &scene.acme.login, NAMESPACE_DELETION, &text).await.unwrap();
    assert_eq!(scene.state(own).await, TicketState::Revoked);
    let ticket = scene.until("2026-11-30").await;
    scene.clock.advance(days(10));
    assert_eq!(scene.state(ticket).await, TicketState::Closing);
    let rita = scene.house.person(Staff::Rita);
    let document = ticket_document(&scene.acme, "business", "max_rows = 5", r#""sftp""#);
    let base = scene.show(ticket).await.under_review;
    assert_eq!(code(desk.ticket_revise(rita, ticket, base, document).await), 2018, "no amendment");
    scene.house.revoke(Scope::Ticket(ticket)).await.unwrap();
    assert_eq!(scene.state(ticket).await, TicketState::Revoked);
}

/// Nobody can fetch what was revoked: its retention is waited for no longer.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_up_and_then_revoked_is_waived_at_once_and_the_receipt_names_the_fallback() {
    let scene = Scene::open().await;
    let ticket = scene.house.ticket_within(&scene.acme, "business", "max_deliveries = 1").await;
    let delivery = scene.house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let pia = scene.house.person(Staff::Pia);
    assert_eq!(code(scene.waive(pia, ticket).await), 2222);
    let receipt = scene.house.revoke(Scope::Delivery(delivery)).await.unwrap();
    let said = crate::domain::ticket::TicketDocument::parse(&ticket_document(&scene.acme, "business", "", r#""sftp""#)).unwrap();
    assert_eq!(receipt.fallbacks, [format!("{ticket}: {}", said.at_vendor.backup)]);
    assert!(scene.statement(ticket).await.is_ok());
    scene.waive(pia, ticket).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_activated_closes_by_itself() {
    let mut scene = Scene::open().await;
    let ticket = scene.submitted("2026-11-30").await.unwrap();
    scene.house.rest().await;
    scene.clock.advance(days(9));
    scene.turn();
    assert_eq!(scene.state(ticket).await, TicketState::InReview);
    scene.clock.advance(days(1));
    assert_eq!(scene.state(ticket).await, TicketState::Closed);
    scene.turn();
    scene.turn();
    assert_eq!(scene.recorded(), [Event::TicketClosed]);
    assert_eq!(code(scene.statement(ticket).await), 2221);
}

/// D70: overdue blocks new tickets.
#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_attestation_is_said_once_and_holds_new_tickets_until_it_is_settled() {
    let (scene, ticket) = Scene::ending().await;
    let (waiting, runs) = (scene.submitted("2099-12-31").await.unwrap(), scene.house.ticket(&scene.acme, "business").await);
    // 90 days that the vendor may keep it, 30 to say so.
    scene.clock.advance(days(9 + 120));
    scene.turn();
    assert_eq!(scene.state(waiting).await, TicketState::InReview);
    scene.clock.advance(days(1));
    scene.turn();
    scene.turn();
    let overdue = |event: &Event| matches!(event, Event::AttestationOverdue { .. });
    let said: Vec<_> = scene.house.log().into_iter().filter(|record| overdue(&record.event)).collect();
    assert!(said.len() == 1 && matches!(said[0].on, Subject::Vendor(_)), "{said:?}");
    assert_eq!(scene.state(waiting).await, TicketState::OnHold);
    assert_eq!(scene.state(runs).await, TicketState::Active, "what runs goes on");
    assert_eq!(code(scene.submitted("2099-12-31").await), 2229);
    let olga = scene.house.person(Staff::Olga);
    for asked in [waiting.to_string(), ticket.to_string(), "acme".to_owned()] {
        let told = scene.house.desk().explain(olga, asked.parse().unwrap()).await.unwrap();
        assert!(told.because.iter().any(|line| line.contains("should have attested by 2027-03-31")), "{asked}: {told:?}");
    }
    assert_eq!(scene.show(ticket).await.end.unwrap().overdue_days, Some(0));
    let text = scene.statement(ticket).await.unwrap();
    scene.attest(ticket, &scene.acme.login, NAMESPACE_DELETION, &text).await.unwrap();
    assert_eq!(scene.state(ticket).await, TicketState::Closed, "in the transaction of the attestation");
    assert_eq!(scene.state(waiting).await, TicketState::InReview);
    assert!(scene.submitted("2099-12-31").await.is_ok());
    assert!(scene.clock.now() > TODAY);
}

/// A second look would take away what waits for a person, and a delivery that is closed now is never released.
#[tokio::test(flavor = "multi_thread")]
async fn under_a_ticket_that_closes_no_file_is_inspected_again_and_no_delivery_is_closed() {
    let mut scene = Scene::open().await;
    let umbra = scene.house.vendor("umbra").await;
    let (ends, stopped) = (scene.until("2026-11-30").await, scene.house.ticket(&umbra, "business").await);
    let (desk, olga) = (scene.house.desk(), scene.house.person(Staff::Olga));
    let held = async |ticket: TicketNumber| {
        scene.house.drop_file(ticket, "wrong.csv", b"order_id,nonsense\n1,x\n");
        crate::gateway::fixture::until("the file that is held", async || {
            let rows = desk.file_list(olga, Some(ticket)).await.unwrap().rows;
            rows.into_iter().find(|row| row.state == FileState::Held).and_then(|row| row.id)
        })
        .await
    };
    let (late, cut) = (held(ends).await, held(stopped).await);
    scene.house.rest().await;
    scene.house.revoke(Scope::Vendor(umbra.id.clone())).await.unwrap();
    scene.clock.advance(days(10));
    let before = scene.house.leaves();
    for (ticket, file, refused) in [(ends, late, 2018), (stopped, cut, 2301)] {
        assert_eq!(code(desk.file_recheck(olga, file).await), refused);
        assert_eq!(code(desk.delivery_close(olga, ticket, None).await), refused);
    }
    assert_eq!(scene.house.leaves(), before);
}
