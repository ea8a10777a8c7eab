//! The catalogue is in order, and tells outsiders nothing.

use super::*;

#[test]
fn codes_are_unique_and_rise() {
    assert!(CATALOGUE.windows(2).all(|pair| pair[0].code < pair[1].code));
}

#[test]
fn a_frozen_gateway_and_a_foreign_file_tell_a_vendor_nothing_of_others() {
    assert_eq!(Refusal::NotYours {}.outside(), Refusal::revoked("file", "x").outside());
    assert_eq!(Refusal::entry("E2101").map(|entry| entry.name), Some("RequesterMayNotVote"));
    assert!(Refusal::entry("E21010").is_none());
}
