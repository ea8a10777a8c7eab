//! The gateway as a whole, from within: what its vault must not be talked into, and what one session may do to the next.

mod accept;
mod awaiting;
mod break_glass;
mod calendar;
mod close;
mod crowd;
mod duties;
mod expiry;
mod explained;
mod index;
mod keys;
mod moving;
mod pace;
mod recovery;
mod reopening;
mod review;
mod risk;
mod sealing;
mod sessions;
mod simulate;
mod spool;
mod squatting;
mod staff;
mod standing;
mod suspend;
mod told;
mod unserved;

use super::{
    Attempt, Line, Offered, Pickup, Refused, Severable,
    fixture::{House, Vendor},
};
use crate::domain::vendor_path::VendorPath;
use std::{net::Ipv4Addr, sync::Arc};

/// A connection that ends when its owner likes.
struct Unplugged;

impl Severable for Unplugged {
    fn sever(&self) {}
}

fn attempt(vendor: &Vendor, address: Ipv4Addr) -> Attempt {
    let (user, key) = (vendor.id.to_string(), vendor.login.public_key().clone());
    Attempt { offered: Offered::SshKey { user, key }, address: address.into() }
}

fn line() -> Line {
    Line { algorithms: String::new(), client: String::new() }
}

async fn log_in(house: &House, vendor: &Vendor) -> Result<Pickup, Refused> {
    house.door().login(attempt(vendor, Ipv4Addr::LOCALHOST), line(), Arc::new(Unplugged)).await
}

fn path(text: &str) -> VendorPath {
    VendorPath::parse(text.as_bytes()).unwrap()
}

/// The refusal's code; panics on anything else.
#[track_caller]
fn code<T>(answer: Result<T, Refused>) -> u16 {
    match answer {
        Err(Refused::Refusal(refusal)) => refusal.code(),
        Err(Refused::Fault(fault)) => panic!("{fault}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// What the fault says; panics on anything else.
#[track_caller]
fn fault<T>(answer: Result<T, Refused>) -> String {
    match answer {
        Err(Refused::Fault(fault)) => fault.to_string(),
        Err(Refused::Refusal(refusal)) => panic!("{refusal}"),
        Ok(_) => panic!("it was done"),
    }
}
