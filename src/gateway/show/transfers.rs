//! Transfers and sessions as lists.

use super::path;
use crate::{
    domain::{
        authority::Act,
        event::{Actor, Detail, Event, Item, Protocol, Record, Subject},
        ids::{DeliveryId, Slug, TicketNumber, TransferId},
        limits,
        refusal::Refusal,
        signature::openssh_fingerprint,
    },
    gateway::{
        answers::{Listing, Served, SessionRow, TransferRow},
        desk::Desk,
        facts::{Facts, Source, Underway},
        outcome::Refused,
        release::Notes,
        vault::find,
    },
};

impl Desk {
    pub async fn transfer_list(
        &self,
        by: Actor,
        vendor: Option<Slug>,
        ticket: Option<TicketNumber>,
    ) -> Result<Listing<TransferRow>, Refused> {
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let ticket = ticket.map(|ticket| facts.ticket_numbered(ticket)).transpose()?.map(|ticket| ticket.id);
            let vendor = match vendor {
                Some(slug) => {
                    let named = facts.vendor_named(&slug)?;
                    Some(named.ok_or_else(|| Refusal::UnknownVendor { vendor: slug.to_string() })?.id)
                }
                None => None,
            };
            let most = limits::LISTED_ROWS as usize;
            let transfers = facts.find(|conn| find::transfers(conn, ticket, vendor, most))?;
            Ok(Listing::of(transfers.into_iter().filter_map(|id| row(facts, id).transpose()).collect::<Result<_, _>>()?))
        })
    }

    pub async fn session_list(&self, by: Actor) -> Result<Listing<SessionRow>, Refused> {
        let live = self.gateway.core.leases.live();
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let mut rows = Vec::new();
            for session in live {
                let client = facts.find(|conn| find::client(conn, session.session))?.unwrap_or_default();
                rows.push(SessionRow {
                    session: session.session,
                    vendor: facts.vendor(session.visitor.vendor)?.slug.clone(),
                    address: session.visitor.address.to_string(),
                    protocol: session.visitor.protocol(),
                    key: openssh_fingerprint(session.visitor.key()),
                    client,
                    since: session.since.to_string(),
                    transfers: session.transfers.len() as u64,
                    bytes: session.transfers.iter().map(|(.., bytes)| bytes).sum(),
                });
            }
            Ok(Listing::of(rows))
        })
    }
}

pub fn of_delivery<S: Source>(facts: &Facts<'_, S>, delivery: DeliveryId) -> Result<Listing<TransferRow>, Refused> {
    let most = limits::LISTED_ROWS as usize;
    let transfers = facts.find(|conn| find::transfers_of_delivery(conn, delivery, most))?;
    let rows: Result<_, Refused> = transfers.into_iter().filter_map(|id| row(facts, id).transpose()).collect();
    Ok(Listing::of(rows?))
}

/// One transfer from its records; none where the index names a transfer that the log does not know.
pub fn row<S: Source>(facts: &Facts<'_, S>, id: TransferId) -> Result<Option<TransferRow>, Refused> {
    let records = facts.source().chain(Subject::Transfer(id))?;
    let Some(first) = records.first() else { return Ok(None) };
    let Event::TransferBegun { vendor, ticket, delivery, item, session, key } = &first.event else { return Ok(None) };
    let end = records.iter().find_map(|record| match &record.event {
        Event::TransferEnded { how, bytes, ranges } => Some((record.at, *how, *bytes, ranges.clone())),
        _ => None,
    });
    let of_bytes = size(facts, *ticket, *delivery, item)?;
    let (ended, how, readers, bytes, ranges) = match end {
        Some((at, how, bytes, ranges)) => (Some(at.to_string()), Some(how), 0, bytes, ranges),
        None => match facts.underway(id) {
            Some(Underway { readers, bytes, ranges }) => (None, None, readers, Some(bytes), ranges),
            None => (None, None, 0, None, None),
        },
    };
    let served = match ranges.as_deref() {
        None => Served::Unknown,
        Some([(0, end)]) if *end >= of_bytes => Served::Whole,
        Some([]) => Served::Nothing,
        Some(_) => Served::Part,
    };
    let opened = facts.source().chain(Subject::Session(*session))?;
    let protocol = match opened.first().map(|record| &record.event) {
        Some(Event::SessionOpened { protocol, .. }) => *protocol,
        _ => Protocol::Sftp,
    };
    let (address, algorithms) = match opened.first().and_then(|record| record.detail.clone()) {
        Some(Detail::Line { address, algorithms, .. }) => (address, algorithms),
        _ => Default::default(),
    };
    let (joined, joined_from) = joined(&records, &address);
    Ok(Some(TransferRow {
        transfer: id,
        vendor: facts.vendor(*vendor)?.slug.clone(),
        path: path(facts, *ticket, *delivery, item)?,
        session: *session,
        protocol,
        address,
        algorithms,
        key: openssh_fingerprint(*key),
        joined,
        joined_from,
        readers: readers as u64,
        began: first.at.to_string(),
        ended,
        how,
        bytes,
        of_bytes,
        ranges,
        served,
    }))
}

/// How many sessions joined, and from which other addresses.
fn joined(records: &[Record], first: &str) -> (u64, Vec<String>) {
    let (mut count, mut from) = (0, Vec::new());
    for record in records.iter().filter(|record| matches!(record.event, Event::TransferJoined { .. })) {
        count += 1;
        if let Some(Detail::Address { network, .. }) = &record.detail
            && network != first
            && !from.contains(network)
            && from.len() < limits::LISTED_ADDRESSES
        {
            from.push(network.clone());
        }
    }
    (count, from)
}

fn size<S: Source>(
    facts: &Facts<'_, S>,
    ticket: crate::domain::ids::TicketId,
    delivery: DeliveryId,
    item: &Item,
) -> Result<u64, Refused> {
    let notes = || -> Result<Notes, Refused> { Ok(Notes::of(facts.ticket(ticket)?.number, &*facts.delivery(delivery)?)?) };
    Ok(match item {
        Item::File(file) => facts.file(*file)?.sealed.as_ref().map_or(0, |sealed| sealed.bytes()),
        Item::Manifest => notes()?.manifest.len() as u64,
        Item::Checksums => notes()?.checksums.len() as u64,
    })
}
