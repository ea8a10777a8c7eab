//! What one person alone proposes keeps nobody else from their key.

use super::*;
use crate::{
    domain::{people::Role, signature::PublicKey},
    gateway::{
        answers::Completion,
        fixture::{Staff, TlsPair, key},
    },
};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_one_person_filed_or_proposed_is_still_free_for_whoever_it_belongs_to() {
    let house = House::open().await;
    let desk = house.desk();
    let acme = Vendor { id: "acme".parse().unwrap(), login: key(), recipient: key(), tls: TlsPair::new(&["x"]) };
    // 1. A vendor of another name and a person of another name are put forward with acme's key: nobody stands behind either.
    let squatter =
        Vendor { id: "squatter".parse().unwrap(), login: acme.login.clone(), recipient: key(), tls: TlsPair::new(&["x"]) };
    let filed = house.put_forward(&squatter).await.unwrap();
    let public = PublicKey::new(acme.login.public_key()).unwrap();
    let roles = BTreeSet::from([Role::Auditor]);
    let enrol = async |by, name: &str| {
        desk.staff_enroll(house.person(by), name.parse().unwrap(), roles.clone(), public.clone(), None).await
    };
    assert_eq!(enrol(Staff::Olga, "mallory").await.unwrap().state, Completion::WaitsForSecond);
    // 2. acme files and is confirmed; from then on the key is acme's.
    house.file_vendor(&acme).await;
    assert!(house.door().would_admit(&attempt(&acme, Ipv4Addr::LOCALHOST)));
    assert_eq!(code(house.confirm(&squatter, filed, Staff::Olga).await), 2304, "a second owner is not confirmed");
    assert_eq!(code(enrol(Staff::Sam, "mallory").await), 1010, "nor enrolled");
    let third = Vendor { id: "third".parse().unwrap(), login: acme.login.clone(), recipient: key(), tls: TlsPair::new(&["x"]) };
    assert_eq!(code(house.put_forward(&third).await), 2304);
    assert!(!house.door().would_admit(&attempt(&squatter, Ipv4Addr::LOCALHOST)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_proposals_with_one_key_the_first_that_two_people_want_is_enrolled() {
    let house = House::open().await;
    let (desk, newcomer) = (house.desk(), key());
    let public = PublicKey::new(newcomer.public_key()).unwrap();
    let roles = BTreeSet::from([Role::Auditor]);
    let enrol = async |by, name: &str| {
        desk.staff_enroll(house.person(by), name.parse().unwrap(), roles.clone(), public.clone(), None).await
    };
    let of_a_vendor =
        Vendor { id: "acme".parse().unwrap(), login: newcomer.clone(), recipient: key(), tls: TlsPair::new(&["x"]) };
    let filed = house.put_forward(&of_a_vendor).await.unwrap();
    assert_eq!(enrol(Staff::Olga, "anna").await.unwrap().state, Completion::WaitsForSecond);
    assert_eq!(enrol(Staff::Sam, "anton").await.unwrap().state, Completion::WaitsForSecond);
    assert_eq!(enrol(Staff::Olga, "anton").await.unwrap().state, Completion::Done);
    assert_eq!(code(enrol(Staff::Sam, "anna").await), 1010);
    assert_eq!(code(house.confirm(&of_a_vendor, filed, Staff::Sam).await), 2304, "it is a person's now");
}
