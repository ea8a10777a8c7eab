//! Who a connection's peer is: fixed by its certificate at the handshake, else by the token of its first request.
//!
//! A connection has one principal for its whole life. A request that says something else ends it, so that nobody in between
//! can put two vendors onto one connection.

use super::tls::Tls;
use crate::{
    domain::{credential::token_digest, digest::Digest, limits, refusal::Outside},
    endpoints::{listener::Stranger, stream::Switch},
    gateway::{Attempt, Door, Line, Offered, Pickup, Refused, Rejected},
};
use http::{HeaderMap, header};
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    sync::{Mutex, MutexGuard, oneshot},
    task::JoinSet,
};

/// One connection, as its requests see it.
pub(super) struct Connection {
    pub(super) door: Door,
    pub(super) address: IpAddr,
    pub(super) switch: Switch,
    pub(super) tls: Tls,
    /// What was agreed at the handshake, for the record.
    agreed: String,
    /// The key of the peer's certificate.
    certificate: Option<Digest>,
    peer: Mutex<Peer>,
    /// A login that is being recorded goes on when its client has gone. Owned by the session, which awaits it.
    logins: Mutex<JoinSet<()>>,
    logged_in: AtomicBool,
    /// A request was answered that nobody was let in with.
    refused: AtomicBool,
}

enum Peer {
    /// Counted among the strangers as long as this stands.
    Stranger {
        place: Stranger,
    },
    Known {
        pickup: Pickup,
        by: Proof,
    },
    /// Nothing more is heard. Whoever was never let in keeps its place among the strangers for as long as its connection lives: a
    /// refusal must not make room for the next.
    Nobody {
        _place: Option<Stranger>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Certificate(Digest),
    Token(Digest),
}

/// Why a request is not answered as asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NotAdmitted {
    /// Whatever it was: one answer.
    Unauthorized,
    /// The vendor is known, and there are too many of it.
    TryLater,
}

/// The vendor's handle, for one request. Requests of one connection come one after another.
pub(super) struct Admitted<'c>(MutexGuard<'c, Peer>);

impl Admitted<'_> {
    pub(super) fn pickup(&self) -> Option<&Pickup> {
        match &*self.0 {
            Peer::Known { pickup, .. } => Some(pickup),
            Peer::Stranger { .. } | Peer::Nobody { .. } => None,
        }
    }
}

impl Connection {
    pub(super) fn new(
        door: Door,
        address: IpAddr,
        switch: Switch,
        tls: Tls,
        agreed: String,
        certificate: Option<Digest>,
        stranger: Stranger,
    ) -> Self {
        Self {
            door,
            address,
            switch,
            tls,
            agreed,
            certificate,
            peer: Mutex::new(Peer::Stranger { place: stranger }),
            logins: Mutex::default(),
            logged_in: AtomicBool::new(false),
            refused: AtomicBool::new(false),
        }
    }

    pub(super) fn is_logged_in(&self) -> bool {
        self.logged_in.load(Ordering::SeqCst)
    }

    pub(super) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    /// Who asks this. Nothing else of the request has been looked at.
    pub(super) async fn admit(self: &Arc<Self>, headers: &HeaderMap) -> Result<Admitted<'_>, NotAdmitted> {
        let mut peer = self.peer.lock().await;
        let proof = self.proof(headers);
        let same = match (&*peer, proof) {
            (Peer::Known { by, .. }, Some(proof)) => *by == proof,
            (Peer::Stranger { .. }, Some(proof)) => {
                let pickup = match self.log_in(proof, client(headers)).await {
                    Ok(pickup) => pickup,
                    Err(why) => return Err(self.refuse(&mut peer, why)),
                };
                self.switch.admit();
                self.logged_in.store(true, Ordering::SeqCst);
                // The stranger goes, and with it its place among the strangers.
                *peer = Peer::Known { pickup, by: proof };
                true
            }
            _ => false,
        };
        if same { Ok(Admitted(peer)) } else { Err(self.refuse(&mut peer, NotAdmitted::Unauthorized)) }
    }

    fn refuse(&self, peer: &mut Peer, why: NotAdmitted) -> NotAdmitted {
        match std::mem::replace(peer, Peer::Nobody { _place: None }) {
            Peer::Stranger { place } => {
                *peer = Peer::Nobody { _place: Some(place) };
                self.door.note_rejected(self.address, Rejected::UnknownOrForeign);
            }
            other => *peer = other,
        }
        self.refused.store(true, Ordering::SeqCst);
        why
    }

    /// What this request proves: the certificate, or else one bearer token. Both together are not guessed about.
    fn proof(&self, headers: &HeaderMap) -> Option<Proof> {
        let mut fields = headers.get_all(header::AUTHORIZATION).iter();
        match (self.certificate, fields.next(), fields.next()) {
            (Some(key), None, None) => Some(Proof::Certificate(key)),
            (None, Some(field), None) => {
                let (scheme, token) = field.to_str().ok()?.split_once(' ')?;
                // RFC 6750; every other scheme is none.
                scheme.eq_ignore_ascii_case("bearer").then(|| token_digest(token)).flatten().map(Proof::Token)
            }
            _ => None,
        }
    }

    async fn log_in(self: &Arc<Self>, proof: Proof, client: String) -> Result<Pickup, NotAdmitted> {
        let offered = match proof {
            Proof::Certificate(key) => Offered::TlsKey(key),
            Proof::Token(digest) => Offered::Token(digest),
        };
        let attempt = Attempt { offered, address: self.address };
        let line = Line { algorithms: self.agreed.clone(), client };
        let (reply, answer) = oneshot::channel();
        let (door, switch) = (self.door.clone(), Arc::new(self.switch.clone()));
        self.logins.lock().await.spawn(async move {
            let login = door.login(attempt, line, switch).await;
            // Its client has gone in the meantime: the session began, so it ends.
            if let Err(Ok(pickup)) = reply.send(login) {
                pickup.close(crate::domain::event::SessionEnd::Lost).await;
            }
        });
        answer.await.map_err(|_| NotAdmitted::TryLater)?.map_err(|refused| why(&refused))
    }

    /// The session's handle, once no request is being answered any more. None if nobody logged in.
    pub(super) async fn leave(&self) -> Option<Pickup> {
        let mut logins = self.logins.lock().await;
        while logins.join_next().await.is_some() {}
        match std::mem::replace(&mut *self.peer.lock().await, Peer::Nobody { _place: None }) {
            Peer::Known { pickup, .. } => Some(pickup),
            Peer::Stranger { .. } | Peer::Nobody { .. } => None,
        }
    }
}

/// Only of its own crowd a vendor hears: everything else is one answer.
fn why(refused: &Refused) -> NotAdmitted {
    match refused.outside() {
        Outside::TooMany => NotAdmitted::TryLater,
        Outside::NoSuchFile | Outside::Denied | Outside::TryLater => NotAdmitted::Unauthorized,
    }
}

/// How the client names itself: printable ASCII, bounded.
fn client(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let plain = |c: u8| if c.is_ascii_graphic() || c == b' ' { c as char } else { '?' };
    agent.iter().take(limits::HTTPS_AGENT_CHARS).map(|&c| plain(c)).collect()
}
