//! The last leaf of each subject: what chains begin from, and what a database administrator cannot reach.

use super::courses::Step;
use crate::domain::{
    digest::Digest,
    event::{Event, Subject},
    ids::VendorId,
    time::Time,
};
use std::collections::{BTreeSet, HashMap};

/// Whether more can be recorded on a subject.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Life {
    Open,
    /// A session or transfer is over; its head is forgotten once that is durable.
    Ended,
}

impl Life {
    /// The life of `on` after `event`, which follows `prev` on it.
    pub(super) fn after(on: Subject, event: &Event, prev: Option<u64>) -> Self {
        match (on, event, prev) {
            (Subject::Session(_), Event::SessionClosed { .. }, _) | (Subject::Transfer(_), Event::TransferEnded { .. }, _) => {
                Self::Ended
            }
            // Denied at the door: this session was never opened.
            (Subject::Session(_), Event::SessionDenied { .. }, None) => Self::Ended,
            _ => Self::Open,
        }
    }
}

/// Whether a subject's head is forgotten at its end.
pub(super) const fn is_mortal(on: Subject) -> bool {
    matches!(on, Subject::Session(_) | Subject::Transfer(_))
}

/// A leaf that is written and not yet durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    pub(super) index: u64,
    pub(super) hash: Digest,
    pub(super) on: Subject,
    pub(super) life: Life,
    pub(super) at: Time,
    /// Its index, if it says by what the daemon goes: a start or a reload.
    pub(super) rules: Option<u64>,
    pub(super) step: Option<Step>,
}

/// The leaf's index, if it says by what the daemon goes.
pub(super) fn rules(index: u64, event: &Event) -> Option<u64> {
    matches!(event, Event::Started { .. } | Event::Reloaded { .. }).then_some(index)
}

/// The leaves of the batch that is being written.
#[derive(Default, Debug)]
pub(super) struct Pending {
    leaves: Vec<Appended>,
    /// What each of them says, for whoever counts.
    events: Vec<(Subject, Event)>,
    heads: HashMap<Subject, Appended>,
}

impl Pending {
    pub(super) fn push(&mut self, leaf: Appended, event: Event) {
        self.heads.insert(leaf.on, leaf);
        self.events.push((leaf.on, event));
        self.leaves.push(leaf);
    }

    pub(super) fn head(&self, on: Subject) -> Option<Appended> {
        self.heads.get(&on).copied()
    }

    pub(super) fn last(&self) -> Option<&Appended> {
        self.leaves.last()
    }

    pub(super) fn len(&self) -> usize {
        self.leaves.len()
    }

    pub(super) fn roll_back(&mut self, len: usize) {
        if self.leaves.len() > len {
            self.leaves.truncate(len);
            self.events.truncate(len);
            self.heads = self.leaves.iter().map(|leaf| (leaf.on, *leaf)).collect();
        }
    }

    /// Hands out what the leaves say, oldest first. They are about to become durable, or to be undone.
    pub(super) fn take_events(&mut self) -> Vec<(Subject, Event)> {
        std::mem::take(&mut self.events)
    }

    /// Hands out the leaves, oldest first, and is empty.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Appended> {
        self.heads.clear();
        std::mem::take(&mut self.leaves).into_iter()
    }
}

/// Heads of everything durable.
#[derive(Default, Debug)]
pub(super) struct Heads {
    last: HashMap<Subject, u64>,
    vendors: BTreeSet<VendorId>,
}

impl FromIterator<(Subject, u64)> for Heads {
    fn from_iter<I: IntoIterator<Item = (Subject, u64)>>(heads: I) -> Self {
        let last: HashMap<_, _> = heads.into_iter().collect();
        let vendors = last.keys().copied().filter_map(vendor).collect();
        Self { last, vendors }
    }
}

fn vendor(on: Subject) -> Option<VendorId> {
    if let Subject::Vendor(id) = on { Some(id) } else { None }
}

impl Heads {
    pub(super) fn get(&self, on: Subject) -> Option<u64> {
        self.last.get(&on).copied()
    }

    pub(super) fn set(&mut self, on: Subject, index: u64, life: Life) {
        match life {
            Life::Open => self.last.insert(on, index),
            Life::Ended => self.last.remove(&on),
        };
        self.vendors.extend(vendor(on));
    }

    /// Every vendor that was ever filed.
    pub(super) fn vendors(&self) -> Vec<VendorId> {
        self.vendors.iter().copied().collect()
    }

    /// Every subject that may get another leaf.
    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = (Subject, u64)> + '_ {
        self.last.iter().map(|(on, index)| (*on, *index))
    }

    /// Sessions and transfers that have begun and not ended.
    pub(super) fn live(&self) -> Vec<Subject> {
        let mut live: Vec<Subject> = self.last.keys().copied().filter(|on| is_mortal(*on)).collect();
        live.sort();
        live
    }
}
