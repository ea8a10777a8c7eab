//! Keys that change: a revoked one stands with the house, a rotated one makes what was sealed to it useless.

use super::*;
use crate::{
    domain::{
        digest::Digest,
        event::{Actor, PurgeReason},
        people::Role,
        signature::{NAMESPACE_VOTE, PublicKey},
        time::{Day, days},
        vendor::{confirmation_text, token_confirmation_text},
    },
    gateway::{
        answers::FileState,
        asked::Scope,
        fixture::{Recipient, Staff, TlsPair, csv, key, signed, until},
    },
};
use russh::keys::PrivateKey;
use std::collections::BTreeSet;

fn login_of(key: &PrivateKey) -> Digest {
    PublicKey::new(key.public_key()).unwrap().fingerprint()
}

fn recipient_of(key: &PrivateKey) -> Digest {
    PublicKey::new(key.public_key()).unwrap().to_string().parse::<Recipient>().unwrap().fingerprint()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_revoked_for_the_vendor_who_files_it_later_too() {
    let mut house = House::open().await;
    let acme = house.vendor("acme").await;
    house.revoke(Scope::Key(recipient_of(&acme.recipient))).await.unwrap();
    let mut umbra =
        Vendor { id: "umbra".parse().unwrap(), login: key(), recipient: acme.recipient.clone(), tls: TlsPair::new(&["umbra"]) };
    house.file_vendor(&umbra).await;
    for _ in 0..2 {
        for vendor in [&acme, &umbra] {
            assert!(!house.door().would_admit(&attempt(vendor, Ipv4Addr::LOCALHOST)), "{}", vendor.id);
        }
        house.stop().await;
        house.start().await;
    }
    // Nothing else is wrong with it: with a recipient of its own it comes in.
    umbra.recipient = key();
    house.file_vendor(&umbra).await;
    assert!(house.door().would_admit(&attempt(&umbra, Ipv4Addr::LOCALHOST)));
    // A login key as well: acme files it again beside another one, and it stays revoked.
    house.revoke(Scope::Key(login_of(&umbra.login))).await.unwrap();
    let old = umbra.login.clone();
    umbra.login = key();
    house.file_vendor(&umbra).await;
    assert!(house.door().would_admit(&attempt(&umbra, Ipv4Addr::LOCALHOST)));
    umbra.login = old;
    house.file_vendor(&umbra).await;
    assert!(!house.door().would_admit(&attempt(&umbra, Ipv4Addr::LOCALHOST)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_sealed_before_a_key_rotation_is_never_released_and_one_staged_again_goes_to_todays_key() {
    let house = House::open().await;
    let mut acme = house.vendor("acme").await;
    let ticket = house.ticket(&acme, "health").await;
    let (desk, olga, content) = (house.desk(), house.person(Staff::Olga), csv(1_000));
    house.drop_file(ticket, "orders.csv", &content);
    let state = async |name: &'static str| {
        desk.file_list(olga, Some(ticket)).await.unwrap().rows.into_iter().find(|row| row.name == name)
    };
    let stale =
        until("the file is sealed", async || state("orders.csv").await.filter(|row| row.state == FileState::Sealed)).await;
    acme.recipient = key();
    house.file_vendor(&acme).await;
    let closed = desk.delivery_close(olga, ticket, None).await.unwrap();
    let first: crate::gateway::asked::DeliveryPath = closed.subject.parse().unwrap();
    let refused = house.try_release(first).await;
    assert!(refused.contains("other keys than the vendor has now"), "{refused}");
    // 1. What nobody can use any more goes, and says why.
    let certificates = desk.purge(olga).await.unwrap().certificates.rows;
    assert_eq!(
        certificates.iter().map(|gone| (gone.file, gone.why)).collect::<Vec<_>>(),
        [(stale.id.unwrap(), PurgeReason::Superseded)]
    );
    // 2. A delivery that lost a file which nobody discarded stays where it is.
    let refused = house.try_release(first).await;
    assert!(refused.contains("E3110"), "{refused}");
    // 3. Staged again, it is sealed to the new key and goes out as the next delivery.
    let second = house.deliver(ticket, &[("again.csv", &content)]).await;
    assert_ne!(second, first);
    let again = house.file(ticket, "again.csv").await;
    let sealed = house.gateway().look(|facts| Ok(facts.file(again)?.sealed.clone().unwrap().recipients)).unwrap();
    assert_eq!(sealed, [recipient_of(&acme.recipient)]);
    let pickup = log_in(&house, &acme).await.unwrap();
    assert!(pickup.open(&path(&format!("/{second}/again.csv.age"))).is_ok());
    assert_eq!(pickup.list(&path(&format!("/{first}"))).err().map(|refused| code::<()>(Err(refused))), Some(4001));
}

/// Whoever stole a reviewer's key has confirmed keys of their own with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_staff_key_confirmed_falls_with_it_until_somebody_else_stands_behind_it() {
    let house = House::open().await;
    let before = house.vendor("acme").await;
    let stolen = key();
    let public = PublicKey::new(stolen.public_key()).unwrap();
    for by in [Staff::Olga, Staff::Sam] {
        let (by, roles) = (house.person(by), BTreeSet::from([Role::SecurityReviewer]));
        house.desk().staff_enroll(by, "stella".parse().unwrap(), roles, public.clone(), None).await.unwrap();
    }
    let stella = Actor::Person { id: house.desk().who(&public).await.unwrap().id, key: public.fingerprint() };
    let acme = Vendor { id: before.id.clone(), login: key(), recipient: key(), tls: TlsPair::new(&["acme"]) };
    let revision = house.put_forward(&acme).await.unwrap();
    house.confirm(&acme, revision, Staff::Olga).await.unwrap();
    let signature = signed(&stolen, NAMESPACE_VOTE, &confirmation_text(&acme.id, revision));
    house.desk().vendor_confirm(stella, acme.id.clone(), revision, Some(signature)).await.unwrap();
    let (token, last) = (Digest::of(b"token"), Day::of(house.gateway().core.clock.now() + days(30)));
    house.desk().vendor_token(house.person(Staff::Vera), acme.id.clone(), token, last).await.unwrap();
    let signature = signed(&stolen, NAMESPACE_VOTE, &token_confirmation_text(&acme.id, token, last));
    house.desk().vendor_confirm_token(stella, acme.id.clone(), token, Some(signature)).await.unwrap();
    let comes = |vendor: &Vendor| house.door().would_admit(&attempt(vendor, Ipv4Addr::LOCALHOST));
    let counts = || {
        let found = house.gateway().look(|facts| Ok(facts.vendor_named(&acme.id)?.unwrap()));
        found.unwrap().token(token).unwrap().confirmed()
    };
    assert!(comes(&acme) && !comes(&before) && counts());

    house.revoke(Scope::Key(public.fingerprint())).await.unwrap();
    assert!(!comes(&acme) && !comes(&before), "what was replaced is not used again");
    assert!(!counts());
    house.confirm(&acme, revision, Staff::Sam).await.unwrap();
    house.confirm_token(Staff::Sam, &acme, token, last).await.unwrap();
    assert!(comes(&acme) && counts());
}
