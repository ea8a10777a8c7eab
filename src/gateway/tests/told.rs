//! What people are told: what holds something, who ended it, and what they can do about it.

use super::*;
use crate::{
    domain::{
        digest::Digest,
        form::{Need, QUESTIONS},
        people::Gate,
        people::Role,
        refusal::Refusal,
        signature::PublicKey,
        time::Day,
    },
    gateway::{
        answers::{Blocker, DeliveryState, FileState, KeyUse},
        asked::{Scope, Subject},
        fixture::{Staff, TlsPair, approval, csv, key, until},
    },
};
use std::fs;

fn commands(blockers: &[Blocker]) -> Vec<&str> {
    blockers.iter().map(|blocker| blocker.command.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_waits_for_its_vendor_advises_the_confirmation_and_no_votes() {
    let house = House::open().await;
    let acme = Vendor { id: "acme".parse().unwrap(), login: key(), recipient: key(), tls: TlsPair::new(&["acme"]) };
    let revision = house.put_forward(&acme).await.unwrap();
    let ticket = house.submit(&acme, "health", "").await;
    let (desk, rita) = (house.desk(), house.person(Staff::Rita));
    let confirm = format!("egressctl vendor confirm acme {revision}");
    let shown = desk.ticket_show(rita, ticket).await.unwrap();
    assert_eq!(commands(&shown.why_not_active), [confirm.as_str()]);
    assert_eq!(desk.explain(rita, Subject::Ticket(ticket)).await.unwrap().commands, std::slice::from_ref(&confirm));
    for staff in [Staff::Olga, Staff::Sam] {
        house.confirm(&acme, revision, staff).await.unwrap();
    }
    let shown = desk.ticket_show(rita, ticket).await.unwrap();
    let mut voting = commands(&shown.why_not_active);
    // The policy puts legal after privacy: it is said, and not advised.
    assert_eq!(voting.pop(), Some(format!("egressctl ticket show {ticket}").as_str()));
    assert!(!voting.is_empty() && voting.iter().all(|command| command.contains("ticket review")), "{voting:?}");
}

/// Whatever a gate's question names stands where its reviewers look.
#[tokio::test(flavor = "multi_thread")]
async fn reviewers_are_shown_every_answer_of_the_form() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.submit(&acme, "health", "max_rows = 7").await;
    let shown = house.desk().ticket_show(house.person(Staff::Rita), ticket).await.unwrap();
    let apart = ["ticket", "title", "vendor", "purpose", "justification", "protocols", "retention_days"];
    let answered: Vec<&str> = shown.answers.iter().map(|answer| answer.path.as_str()).collect();
    for question in QUESTIONS.iter().filter(|question| question.need == Need::Always) {
        let elsewhere = apart.contains(&question.path) || matches!(question.table(), "field" | "window");
        assert!(elsewhere || answered.contains(&question.path), "{} is not shown", question.path);
    }
    let stored = shown.answers.iter().find(|answer| answer.path == "at_vendor.stored_in").unwrap();
    assert_eq!(stored.answer, "s3://lake/raw/orders");
    assert!(shown.fields.iter().all(|field| field.necessity == "the forecast"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_comes_later_takes_no_vote_before_its_time() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.submit(&acme, "health", "").await;
    let early = house.vote(ticket, approval(Gate::Legal)).await;
    assert!(matches!(early, Err(Refused::Refusal(Refusal::GateComesLater { .. }))), "{early:?}");
    house.vote(ticket, approval(Gate::Privacy)).await.unwrap();
    house.vote(ticket, approval(Gate::Legal)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_keys_are_told_with_their_use_and_a_token_that_nobody_confirmed_is_said_to_wait() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    let filed = desk.vendor_show(olga, acme.id.clone()).await.unwrap().revisions.remove(0);
    let uses: Vec<KeyUse> = filed.brings.iter().map(|key| key.r#use).collect();
    assert_eq!(uses, [KeyUse::Login, KeyUse::Tls, KeyUse::Recipient]);
    assert_eq!(filed.brings.iter().map(|key| key.key.clone()).collect::<Vec<_>>(), filed.keys);

    let (token, last): (Digest, Day) = (Digest::of(b"token"), "2026-12-31".to_owned().try_into().unwrap());
    let issued = desk.vendor_token(olga, acme.id.clone(), token, last).await.unwrap();
    let told = desk.explain(olga, Subject::Key(token)).await.unwrap();
    assert_eq!(told.headline, format!("{} is the token of acme (proposed)", issued.token));
    assert_eq!(told.commands, [format!("egressctl vendor confirm-token acme {}", issued.token)]);
    assert!(told.because[0].contains("lets nobody in"), "{told:?}");
    house.confirm_token(Staff::Sam, &acme, token, last).await.unwrap();
    let told = desk.explain(olga, Subject::Key(token)).await.unwrap();
    assert!(told.headline.ends_with("(active)") && told.commands.is_empty(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_ended_says_why_when_and_by_whom() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000)), ("returns.csv", &csv(1_000))]).await;
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    let shown = desk.delivery_show(olga, ticket, delivery.number).await.unwrap();
    assert!(shown.ended_by.is_empty() && shown.delivery.purged_at.is_none(), "{shown:?}");
    house.revoke(Scope::Vendor(acme.id.clone())).await.unwrap();
    desk.purge(olga).await.unwrap();
    let purged = until("the purge", async || {
        let shown = desk.delivery_show(olga, ticket, delivery.number).await.unwrap();
        (shown.delivery.state == DeliveryState::Purged).then_some(shown)
    })
    .await;
    let [revoked, purge] = purged.ended_by.as_slice() else { panic!("{:?}", purged.ended_by) };
    assert_eq!((revoked.what.as_str(), revoked.who.as_str()), ("vendor revoked: a drill", "sam"));
    assert_eq!((purge.what.as_str(), purge.who.as_str()), ("purge begun: what it rested on has ended, 2 files", "egressd"));
    let at = purged.delivery.purged_at.expect("it is purged");
    assert!(at >= purge.at && Some(&at) < purged.delivery.until.as_ref(), "{at}");
    let told = desk.explain(olga, Subject::Delivery(delivery)).await.unwrap();
    assert!(told.because.iter().any(|line| line.starts_with("vendor revoked: a drill, by sam at ")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_whose_name_somebody_has_by_now_is_listed_no_more() {
    let house = House::open().await;
    let (desk, olga, sam) = (house.desk(), house.person(Staff::Olga), house.person(Staff::Sam));
    let keys = [key(), key()].map(|key| PublicKey::new(key.public_key()).unwrap());
    let name = || "nora".parse().unwrap();
    for key in &keys {
        desk.staff_enroll(olga, name(), [Role::Auditor].into(), key.clone(), None).await.unwrap();
    }
    let listed = async || desk.staff_list(olga).await.unwrap().rows.into_iter().filter(|row| row.name.as_str() == "nora").count();
    assert_eq!(listed().await, 2);
    desk.staff_enroll(sam, name(), [Role::Auditor].into(), keys[0].clone(), None).await.unwrap();
    assert_eq!(listed().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_file_is_to_be_checked_again_only_where_that_can_help() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    house.drop_file(ticket, "archive.zip", b"order_id,note\n1,2\n");
    house.drop_file(ticket, "orders.csv.age", b"order_id,note\n1,2\n");
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    for (name, code, recheck) in [("archive.zip", "F3101", 0), ("orders.csv.age", "F3107", 1)] {
        let row = until("the file is held", async || {
            let rows = desk.file_list(olga, Some(ticket)).await.unwrap().rows;
            rows.into_iter().find(|row| row.name == name && row.state == FileState::Held)
        })
        .await;
        let shown = desk.file_show(olga, row.id.unwrap()).await.unwrap();
        assert_eq!(shown.findings[0].code, code);
        let advised = commands(&shown.next);
        assert_eq!(advised.iter().filter(|command| command.contains("recheck")).count(), recheck, "{advised:?}");
        assert!(advised.iter().any(|command| command.contains("discard")), "{advised:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test is its own producer")]
async fn what_never_entered_staging_has_no_id() {
    let house = House::open().await;
    fs::write(house.path("staging").join("lost.csv"), b"x").unwrap();
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    let stray = until("the stray file is shown", async || {
        let rows = desk.file_list(olga, None).await.unwrap().rows;
        rows.into_iter().find(|row| row.name == "lost.csv" && row.state == FileState::Refused)
    })
    .await;
    assert_eq!((stray.id, stray.ticket, stray.directory.as_str()), (None, None, ""));
    assert!(serde_json::to_value(&stray).unwrap().get("id").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_already_and_what_is_unknown_lead_to_where_it_can_be_found() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let (desk, olga) = (house.desk(), house.person(Staff::Olga));
    let advised = |answer: Refused| match answer {
        Refused::Refusal(refusal) => refusal.command(),
        Refused::Fault(fault) => panic!("{fault}"),
    };
    let closed = desk.delivery_close(olga, ticket, None).await.unwrap_err();
    assert_eq!(advised(closed), format!("egressctl delivery list --ticket {ticket}"));
    let delivery = house.deliver(ticket, &[("orders.csv", &csv(1_000))]).await;
    let class = Scope::Class("health".parse().unwrap());
    for (scope, command) in [
        (Scope::Delivery(delivery), format!("egressctl explain {delivery}")),
        (class, "egressctl audit tail".to_owned()),
        (Scope::Vendor(acme.id.clone()), "egressctl explain acme".to_owned()),
    ] {
        let receipt = house.revoke(scope.clone()).await.unwrap();
        assert!(receipt.means.contains("for good") && receipt.next.is_empty(), "{receipt:?}");
        assert_eq!(advised(house.revoke(scope).await.unwrap_err()), command);
    }
    let frozen = desk.freeze(house.person(Staff::Sam), "a drill".into()).await.unwrap();
    assert_eq!(commands(&frozen.next), ["egressctl unfreeze --reason \"WHY\""]);
    let unknown = desk.explain(olga, Subject::Name("nobody".parse().unwrap())).await.unwrap_err();
    assert_eq!(advised(unknown), "egressctl vendor list");
}

/// Confirming is no matter of keys alone: addresses and the assessment are confirmed with them.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_confirms_a_vendors_revision_is_shown_what_it_would_change() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    house.file_assessment(&acme, "dpa = \"none at all\"\n").await;
    let shown = house.desk().vendor_show(house.person(Staff::Sam), acme.id.clone()).await.unwrap();
    let pending = shown.revisions.last().unwrap();
    let told: Vec<_> = pending.changes.iter().map(|change| (change.path.as_str(), change.after.as_deref())).collect();
    assert_eq!(told, [("assessment.dpa", Some("none at all"))]);
    assert!(shown.revisions[0].changes.is_empty(), "what counts changes nothing");
}
