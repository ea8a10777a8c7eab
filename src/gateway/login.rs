//! Login: how a vendor's connection becomes a session. Takes the lease first, reads the facts second.

use super::{
    Gateway, MINUTE,
    core::{self, Core},
    facts::{Facts, Source},
    lease::Severable,
    outcome::Refused,
    pickup::Pickup,
};
use crate::domain::{
    credential::Credential,
    digest::Digest,
    event::{Actor, Detail, Event, Fact, SessionEnd, Subject},
    ids::{Slug, VendorId},
    limits, network,
    papers::Visitor,
    refusal::Refusal,
    signature::PublicKey,
};
use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A handle for vendor-facing listeners: admits, and nothing else.
#[derive(Clone)]
pub struct Door {
    pub(super) gateway: Gateway,
}

/// Who says to be whom, by what, from where.
pub struct Attempt {
    pub offered: Offered,
    pub address: IpAddr,
}

/// What a connection offers. The endpoint has verified, or will before it asks to log in, that its peer holds the private half.
pub enum Offered {
    /// A name, and a key that has to be its own.
    SshKey { user: String, key: russh::keys::PublicKey },
    /// The digest of a certificate's key: it says by itself whose it is.
    TlsKey(Digest),
    /// The digest of a token: the same.
    Token(Digest),
}

/// What the connection negotiated, for the record.
pub struct Line {
    /// Key exchange, cipher and what else was agreed.
    pub algorithms: String,
    /// How the client names itself; cleaned by the endpoint.
    pub client: String,
}

/// Why a connection did not get as far as a session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Rejected {
    UnknownOrForeign,
    TooMany,
    GraceExpired,
    Protocol,
}

impl Rejected {
    /// As the record says it, after a number.
    const fn words(self) -> &'static str {
        match self {
            Self::UnknownOrForeign => "by an unknown user, a foreign key or from a foreign address",
            Self::TooMany => "after too many keys",
            Self::GraceExpired => "without a login in time",
            Self::Protocol => "by breaking the protocol",
        }
    }
}

impl Door {
    /// May this key be tried? Unknown user, foreign key, revoked, another network: all of them are no.
    pub fn would_admit(&self, attempt: &Attempt) -> bool {
        self.gateway.look(|facts| visitor(facts, attempt)).is_ok()
    }

    /// Opens a session. The endpoint has verified the signature by `attempt.key`; the session's record is durable before this returns.
    pub async fn login(&self, attempt: Attempt, line: Line, switch: Arc<dyn Severable>) -> Result<Pickup, Refused> {
        // 1. Who is it? Only to name the lease by; the answer counts for nothing yet.
        let claimed = self.gateway.look(|facts| visitor(facts, &attempt))?;
        // 2. The lease. From here on a revocation reaches this connection.
        let session = core::new_session();
        let core = &self.gateway.core;
        if core.leases.of_vendor(claimed.vendor) >= limits::SESSIONS_PER_VENDOR {
            return Err(Refusal::TooManySessions { most: limits::SESSIONS_PER_VENDOR }.into());
        }
        core.logins.count(claimed.vendor, core.clock.elapsed())?;
        let lease = Arc::new(core.leases.take(session, claimed, core.clock.now(), switch));
        // 3. The facts, and the record.
        let (key, protocol) = (claimed.key(), claimed.protocol());
        self.gateway
            .write(move |core, tx| {
                let facts = Facts::read(core, &*tx)?;
                let visitor = visitor(&facts, &attempt)?;
                let vendor = visitor.vendor;
                if vendor != claimed.vendor || visitor.credential != claimed.credential {
                    return Err(Refusal::LoginRefused {}.into());
                }
                let event = Event::SessionOpened { vendor, key, protocol };
                let detail =
                    Detail::Line { address: visitor.address.to_string(), algorithms: line.algorithms, client: line.client };
                tx.append(Fact::new(Actor::Vendor { id: vendor, session }, Subject::Session(session), event).with(detail))?;
                Ok(())
            })
            .await?;
        // 4. A cut between the lease and the record has closed the connection; say so rather than serve into the void.
        let pickup = Pickup::new(self.gateway.clone(), lease);
        if pickup.is_cut() {
            pickup.close(SessionEnd::Severed).await;
            return Err(Refusal::LoginRefused {}.into());
        }
        Ok(pickup)
    }

    /// Counts a rejected connection: one record per address and minute.
    pub fn note_rejected(&self, address: IpAddr, why: Rejected) {
        self.gateway.core.metrics.note_rejected(why);
        self.gateway.core.rejected.count(address, why);
    }
}

/// The visitor that this attempt makes, if everything about it holds.
fn visitor<S: Source>(facts: &Facts<'_, S>, attempt: &Attempt) -> Result<Visitor, Refused> {
    let refused = || Refused::from(Refusal::LoginRefused {});
    let address = network::canonical(attempt.address);
    facts.house.admits(address)?;
    let (dossier, credential) = match &attempt.offered {
        Offered::SshKey { user, key } => {
            let user: Slug = user.parse().map_err(|_| refused())?;
            let key = PublicKey::new(key).map_err(|_| refused())?.fingerprint();
            (facts.vendor_named(&user)?, Credential::SshKey(key))
        }
        Offered::TlsKey(key) => (facts.vendor_with(*key)?, Credential::TlsKey(*key)),
        Offered::Token(digest) => (facts.vendor_with(*digest)?, Credential::Token(*digest)),
    };
    let dossier = dossier.ok_or_else(refused)?;
    dossier.admits(credential, address, &facts.roster, facts.now)?;
    Ok(Visitor { vendor: dossier.id, credential, address })
}

/// Logins by vendor, in the minute that runs.
#[derive(Default)]
pub struct Logins(Mutex<HashMap<VendorId, (Duration, u32)>>);

impl Logins {
    /// Counts one more at `now`, by the monotonic clock; refuses the one too many.
    pub(super) fn count(&self, vendor: VendorId, now: Duration) -> Result<(), Refusal> {
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = logins.entry(vendor).or_insert((now, 0));
        if now.saturating_sub(*since) >= MINUTE {
            (*since, *count) = (now, 0);
        }
        if *count >= limits::LOGINS_PER_VENDOR_MINUTE {
            return Err(Refusal::TooManyLogins { most: limits::LOGINS_PER_VENDOR_MINUTE });
        }
        *count += 1;
        Ok(())
    }
}

/// Rejected logins by address and reason, since they were last recorded.
#[derive(Default)]
pub struct Rejections(Mutex<HashMap<IpAddr, Reasons>>);

type Reasons = BTreeMap<Rejected, u32>;

/// Addresses counted in one minute. Past it further ones share one entry, so that a storm makes no storm of records.
const REJECTED_ADDRESSES: usize = 256;

impl Rejections {
    fn count(&self, address: IpAddr, why: Rejected) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.len() >= REJECTED_ADDRESSES && !counts.contains_key(&address);
        let address = if full { IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED) } else { address };
        let count = counts.entry(address).or_default().entry(why).or_insert(0);
        *count = count.saturating_add(1);
    }

    fn take(&self) -> Vec<(IpAddr, Reasons)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

impl Gateway {
    /// Records what was rejected since the last time. Called once a minute.
    pub(super) async fn record_rejections(&self) -> Result<(), Refused> {
        let counts = self.core.rejected.take();
        if counts.is_empty() {
            return Ok(());
        }
        self.write(move |_: &Core, tx| {
            for (address, reasons) in counts {
                let count = reasons.values().fold(0, |sum: u32, count| sum.saturating_add(*count));
                let told: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {}", why.words())).collect();
                let detail = Detail::Address { network: address.to_string(), reason: told.join(", ") };
                tx.append(Fact::new(Actor::System, Subject::Daemon, Event::LoginsRejected { count }).with(detail))?;
            }
            Ok(())
        })
        .await
    }
}
