//! Suspension: who stops a ticket, what is cut by it, that its cause's end alone starts nothing again, and who does.

use super::*;
use crate::{
    domain::{
        event::{Actor, Event, Fact, Subject as On},
        ids::TicketNumber,
        people::{Gate, Role},
        signature::PublicKey,
        time::Time,
    },
    gateway::{
        answers::{Blocker, Completion, Done, TicketState, TicketView},
        fixture::{ManualClock, Staff, approval, csv, key, ticket_document},
    },
};
use std::{collections::BTreeSet, time::Duration};

const POLICY: &str = include_str!("../../../config/policy.toml");

async fn show(house: &House, number: TicketNumber) -> TicketView {
    house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap()
}

async fn state(house: &House, number: TicketNumber) -> TicketState {
    show(house, number).await.state
}

async fn suspend(house: &House, by: Staff, number: TicketNumber) -> Result<Done, Refused> {
    house.desk().ticket_suspend(house.person(by), number, "pulled at night from a new address".into()).await
}

async fn resume(house: &House, by: Staff, number: TicketNumber) -> Result<Done, Refused> {
    house.desk().ticket_resume(house.person(by), number, "the vendor explained it".into()).await
}

/// Somebody with these roles, enrolled by two.
async fn somebody(house: &House, name: &str, roles: &[Role]) -> Actor {
    let public = PublicKey::new(key().public_key()).unwrap();
    for by in [Staff::Olga, Staff::Sam] {
        let roles: BTreeSet<Role> = roles.iter().copied().collect();
        house.desk().staff_enroll(house.person(by), name.parse().unwrap(), roles, public.clone(), None).await.unwrap();
    }
    Actor::Person { id: house.desk().who(&public).await.unwrap().id, key: public.fingerprint() }
}

#[tokio::test(flavor = "multi_thread")]
async fn security_suspends_and_nothing_is_served_or_released_until_two_people_resume() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    let delivery = house.deliver(number, &[("a.csv", &csv(100))]).await;
    let file = path(&format!("/{delivery}/a.csv.age"));
    let come = async || house.door().login(attempt(&acme, Ipv4Addr::LOCALHOST), line(), Arc::new(Unplugged)).await.unwrap();
    let open = come().await;
    open.open(&file).unwrap();
    for staff in [Staff::Rita, Staff::Olga, Staff::Pia, Staff::Vera, Staff::Bela] {
        assert_eq!(code(suspend(&house, staff, number).await), 1006, "{staff:?}");
    }
    assert_eq!(code(house.desk().ticket_suspend(house.person(Staff::Sam), number, " ".into()).await), 2105);
    suspend(&house, Staff::Sam, number).await.unwrap();
    assert_eq!(code(suspend(&house, Staff::Sam, number).await), 2207, "once is enough");
    assert!(open.open(&file).is_err() && come().await.open(&file).is_err());

    let told = show(&house, number).await;
    assert_eq!(told.state, TicketState::Suspended);
    let [why] = &told.why_not_active[..] else { panic!("{:?}", told.why_not_active) };
    assert!(why.what.contains("by sam: pulled at night") && why.command.contains("ticket resume"), "{why:?}");
    let advised = house.desk().ticket_activate(house.person(Staff::Olga), number).await;
    assert_eq!(code(advised), 2206, "it is resumed, not activated");
    assert_eq!(code(house.vote(number, approval(Gate::Business)).await), 2106, "no vote starts it again");

    assert_eq!(resume(&house, Staff::Olga, number).await.unwrap().state, Completion::WaitsForSecond);
    assert_eq!(code(resume(&house, Staff::Olga, number).await), 1011, "one person is one person");
    assert!(show(&house, number).await.why_not_active[0].what.contains("olga has asked"));
    assert!(come().await.open(&file).is_err());
    assert_eq!(resume(&house, Staff::Sam, number).await.unwrap().state, Completion::Done);
    assert_eq!(state(&house, number).await, TicketState::Active);
    come().await.open(&file).unwrap();
    assert_eq!(code(resume(&house, Staff::Sam, number).await), 2208);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_without_security_the_requester_and_an_old_answer_resume_nothing() {
    let clock = Arc::new(ManualClock::at(Time::from_micros(1_795_255_200_000_000)));
    let house = House::with(clock.clone()).await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    suspend(&house, Staff::Sam, number).await.unwrap();
    for staff in [Staff::Rita, Staff::Pia, Staff::Vera, Staff::Bela] {
        assert_eq!(code(resume(&house, staff, number).await), 1006, "{staff:?}");
    }
    let other = somebody(&house, "otto", &[Role::Operator]).await;
    resume(&house, Staff::Olga, number).await.unwrap();
    assert_eq!(code(house.desk().ticket_resume(other, number, "we agree".into()).await), 2209);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(resume(&house, Staff::Sam, number).await.unwrap().state, Completion::WaitsForSecond, "olga's answer is old");
    // Suspended anew, earlier answers count no more.
    resume(&house, Staff::Olga, number).await.unwrap();
    resume(&house, Staff::Olga, number).await.unwrap_err();
    suspend(&house, Staff::Sam, number).await.unwrap();
    assert_eq!(resume(&house, Staff::Sam, number).await.unwrap().state, Completion::WaitsForSecond);

    let both = somebody(&house, "rolf", &[Role::Requester, Role::Operator]).await;
    let own = house.request_of(both, &acme).await;
    house.vote(own, approval(Gate::Business)).await.unwrap();
    house.vote(own, approval(Gate::Security)).await.unwrap();
    suspend(&house, Staff::Sam, own).await.unwrap();
    assert_eq!(code(house.desk().ticket_activate(house.person(Staff::Olga), own).await), 2206, "approved, and suspended");
    assert_eq!(code(house.desk().ticket_resume(both, own, "mine".into()).await), 2210);
    house.resume(own).await.unwrap();
    assert_eq!(state(&house, own).await, TicketState::Approved);
}

/// Whoever can write the ledger writes one record, and it is one person's.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumption_that_nobody_else_asked_for_resumes_nothing() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    suspend(&house, Staff::Sam, number).await.unwrap();
    let by = house.person(Staff::Sam);
    let asked = Event::TicketResumeAsked;
    for (by, event) in
        [(by, Event::TicketResumed), (by, asked), (by, Event::TicketResumed), (Actor::System, Event::TicketResumed)]
    {
        let write = house.gateway().write(move |core, tx| {
            let id = crate::gateway::facts::Facts::read(core, &*tx)?.ticket_numbered(number)?.id;
            tx.append(Fact::new(by, On::Ticket(id), event))?;
            Ok(())
        });
        write.await.unwrap();
        assert_eq!(state(&house, number).await, TicketState::Suspended);
    }
    house.desk().freeze(by, "nobody answers".into()).await.unwrap();
    for (by, event) in
        [(by, Event::Unfrozen), (by, Event::UnfreezeAsked), (by, Event::Unfrozen), (Actor::System, Event::Unfrozen)]
    {
        let write = house.gateway().write(move |core, tx| {
            tx.append(Fact::new(by, On::House, event))?;
            assert!(crate::gateway::facts::Facts::read(core, &*tx)?.house.is_frozen().is_err());
            Ok(())
        });
        write.await.unwrap();
    }
}

/// A stolen key asks; once it is revoked, whoever completes has asked first.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_completes_what_a_key_asked_for_that_is_revoked_since() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    let rex = somebody(&house, "rex", &[Role::SecurityResponder]).await;
    suspend(&house, Staff::Sam, number).await.unwrap();
    house.desk().freeze(house.person(Staff::Sam), "a laptop is gone".into()).await.unwrap();
    house.desk().ticket_resume(rex, number, "all is well".into()).await.unwrap();
    house.desk().unfreeze(rex, "all is well".into()).await.unwrap();
    let Actor::Person { key, .. } = rex else { panic!("{rex:?}") };
    house.revoke(crate::gateway::asked::Scope::Key(key)).await.unwrap();

    assert!(!show(&house, number).await.why_not_active[0].what.contains("rex has"));
    assert_eq!(resume(&house, Staff::Olga, number).await.unwrap().state, Completion::WaitsForSecond);
    let lifts = async |staff| house.desk().unfreeze(house.person(staff), "all is well".into()).await.unwrap().state;
    assert_eq!(lifts(Staff::Olga).await, Completion::WaitsForSecond);
    assert_eq!(resume(&house, Staff::Sam, number).await.unwrap().state, Completion::Done);
    assert_eq!(lifts(Staff::Sam).await, Completion::Done);
}

/// The cause comes after the votes on the amendment, and the amendment takes it away before anybody has looked.
#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_that_takes_the_cause_away_starts_nothing_by_itself() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "behaviour").await;
    house.revise(number, ticket_document(&acme, "business", "", r#""sftp", "https""#)).await.unwrap();
    for view in show(&house, number).await.gates {
        // What is unchanged has its votes.
        if view.have < view.needed {
            house.vote(number, approval(view.gate)).await.unwrap();
        }
    }
    house.revoke(crate::gateway::asked::Scope::Class("behaviour".parse().unwrap())).await.unwrap();
    house.desk().ticket_activate(house.person(Staff::Olga), number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Suspended);
    house.resume(number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_fallen_stays_suspended_though_its_cause_be_gone_and_only_then_goes_on() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    let strict = format!("{POLICY}\n[[scope]]\nrole = \"security_reviewer\"\npeople = [\"nobody\"]\n");
    // Put right before anybody looked, nothing has happened.
    house.reload_policy(&strict).await;
    assert_eq!(state(&house, number).await, TicketState::Suspended);
    house.reload_policy(POLICY).await;
    assert_eq!(state(&house, number).await, TicketState::Active);

    house.reload_policy(&strict).await;
    house.a_minute_passes();
    house.a_minute_passes();
    let fell = |record: &crate::domain::event::Record| matches!(record.event, Event::TicketSuspended { code: Some(2201) });
    let recorded: Vec<_> = house.log().into_iter().filter(fell).collect();
    assert_eq!(recorded.iter().map(|record| record.by).collect::<Vec<_>>(), [Actor::System], "once");
    assert_eq!(code(resume(&house, Staff::Olga, number).await), 2201, "its cause is there still");
    house.reload_policy(POLICY).await;
    assert_eq!(state(&house, number).await, TicketState::Suspended);
    resume(&house, Staff::Olga, number).await.unwrap();
    house.reload_policy(&strict).await;
    assert_eq!(code(resume(&house, Staff::Sam, number).await), 2201, "evaluated again for the second");
    house.reload_policy(POLICY).await;
    resume(&house, Staff::Sam, number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
}

/// No act that takes the cause away is quicker than the record of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_stands_again_and_a_gate_that_answers_again_start_nothing_by_themselves() {
    let house = House::open().await;
    let (acme, other) = (house.vendor("acme").await, house.vendor("other").await);
    let (number, elsewhere) = (house.ticket(&acme, "business").await, house.ticket(&other, "business").await);
    house.flag("no_soc2 = \"hold\"").await;
    assert_eq!(state(&house, number).await, TicketState::Suspended);
    house.assess(&acme, "[assessment.soc2]\ntype = 2\nfrom = \"2025-11-01\"\nuntil = \"2026-10-31\"\n").await;
    let mut last = None;
    for view in show(&house, number).await.gates {
        last = Some(house.vote(number, approval(view.gate)).await.unwrap());
    }
    let next = last.unwrap().next;
    assert!(matches!(&next[..], [resume] if resume.command.contains("ticket resume")), "{next:?}");
    let why = show(&house, number).await.why_not_active;
    let gone = |resume: &Blocker| resume.command.contains("ticket resume") && resume.what.contains("its cause is gone: ");
    assert!(matches!(&why[..], [resume] if gone(resume)), "{why:?}");
    let review = house.desk().ticket_review(house.person(Staff::Pia), number).await.unwrap();
    assert_eq!((review.ticket_state, review.state), (Some(TicketState::Suspended), TicketState::Approved));
    assert_eq!(review.waits_for, why);
    assert_eq!(code(house.desk().ticket_activate(house.person(Staff::Olga), number).await), 2206);
    house.resume(number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
    assert!(!house.log().iter().any(|record| {
        matches!(record.event, Event::TicketSuspended { .. }) && record.on == On::Ticket(id(&house, elsewhere))
    }));
}

fn id(house: &House, number: TicketNumber) -> crate::domain::ids::TicketId {
    let submitted = |record: &crate::domain::event::Record| match (&record.event, record.on) {
        (Event::TicketSubmitted { number: found, .. }, On::Ticket(id)) if *found == number => Some(id),
        _ => None,
    };
    house.log().iter().find_map(submitted).unwrap()
}
