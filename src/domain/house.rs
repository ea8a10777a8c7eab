//! The house: what holds for everybody at once: a freeze, revoked networks, revoked classes of data.

use super::{
    digest::Digest,
    event::{Detail, Event, Record},
    ids::{PersonId, Slug},
    limits,
    memo::Edition,
    network::Network,
    people::Person,
    refusal::Refusal,
    signature::openssh_fingerprint,
    time::Time,
};
use std::{collections::BTreeMap, net::IpAddr};

/// Everything recorded about the gateway as a whole.
#[derive(Clone, Default, Debug)]
pub struct HouseDossier {
    pub(super) edition: Edition,
    frozen: Option<Time>,
    /// Who has asked to lift the freeze.
    unfreeze_asked: Option<(PersonId, Time)>,
    networks: Vec<(Network, Time)>,
    /// A revoked network whose detail record is gone can no longer be told from others: everything is refused.
    unreadable_network: bool,
    classes: BTreeMap<Slug, Time>,
    keys: BTreeMap<Digest, Time>,
}

impl HouseDossier {
    /// Replays the house's records, oldest first.
    pub fn replay(records: &[Record]) -> Self {
        let mut house = Self::default();
        for record in records {
            house.apply(record);
        }
        house
    }

    fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::Frozen => self.frozen = self.frozen.or(Some(record.at)),
            Event::UnfreezeAsked => self.unfreeze_asked = record.by.person().map(|person| (person, record.at)),
            // A second person's; one alone lifts nothing, nor does the gateway.
            Event::Unfrozen => {
                let two = self.unfreeze_asked.zip(record.by.person()).is_some_and(|((first, _), second)| first != second);
                if two {
                    self.frozen = None;
                    self.unfreeze_asked = None;
                }
            }
            Event::AddressRevoked => match &record.detail {
                Some(Detail::Address { network, .. }) => match network.parse() {
                    Ok(network) => self.networks.push((network, record.at)),
                    Err(_) => self.unreadable_network = true,
                },
                _ => self.unreadable_network = true,
            },
            Event::KeyRevoked { key } => {
                self.keys.entry(*key).or_insert(record.at);
            }
            Event::ClassRevoked { class } => {
                self.classes.entry(class.clone()).or_insert(record.at);
            }
            _ => {}
        }
    }

    /// The same house, frozen at `now` by the file outside the log.
    pub fn frozen_at(&self, now: Time) -> Self {
        Self { frozen: self.frozen.or(Some(now)), ..self.clone() }
    }

    pub fn frozen_since(&self) -> Option<Time> {
        self.frozen
    }

    /// Who asked to lift the freeze, as long as that is an answer to how things stand.
    pub fn unfreeze_asked_by(&self, now: Time) -> Option<PersonId> {
        self.unfreeze_asked.filter(|(_, at)| now < *at + limits::UNFREEZE_ASKED).map(|(person, _)| person)
    }

    pub fn revoked_networks(&self) -> impl Iterator<Item = Network> {
        self.networks.iter().map(|(network, _)| *network)
    }

    /// Login and recipient keys, whosever they are.
    pub fn revoked_keys(&self) -> &BTreeMap<Digest, Time> {
        &self.keys
    }

    /// Whether what this person's key signed at `at` counts: it is not revoked, whenever that was, and its last day was not over then.
    ///
    /// # Errors
    /// It does not.
    pub fn key_counts(&self, person: &Person, at: Time) -> Result<(), Refusal> {
        let key = person.key.fingerprint();
        if self.keys.contains_key(&key) {
            return Err(Refusal::revoked("key", openssh_fingerprint(key)));
        }
        match person.until.filter(|until| at >= until.ends()) {
            Some(until) => Err(Refusal::StaffKeyExpired { person: person.name.clone(), until: until.to_string() }),
            None => Ok(()),
        }
    }

    pub fn class_revoked(&self, class: &Slug) -> bool {
        self.classes.contains_key(class)
    }

    pub fn is_frozen(&self) -> Result<(), Refusal> {
        if self.frozen.is_some() || self.unreadable_network { Err(Refusal::Frozen {}) } else { Ok(()) }
    }

    pub fn admits(&self, address: IpAddr) -> Result<(), Refusal> {
        self.is_frozen()?;
        match self.networks.iter().find(|(network, _)| network.contains(address)) {
            Some((network, _)) => Err(Refusal::revoked_everywhere("address", network)),
            None => Ok(()),
        }
    }
}
