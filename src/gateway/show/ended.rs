//! What ended a delivery: the revocation of it or of what it rests on, its ticket's end, the purge of all of it.

use super::moments::moment;
use crate::{
    domain::{
        event::{Event, Record, Subject},
        file::DeliveryDossier,
        shown::many,
        ticket::TicketDocument,
    },
    gateway::{
        answers::Moment,
        facts::{Facts, Source},
        outcome::Refused,
        vault::find,
    },
};

/// The oldest first. Empty while nothing has ended it.
pub fn ended_by<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Vec<Moment>, Refused> {
    let ticket = facts.ticket(delivery.ticket)?;
    let (source, rejected) = (facts.source(), ticket.rejection().map(|vote| vote.leaf));
    let mut records: Vec<Record> = Vec::new();
    for subject in [Subject::Delivery(delivery.id), Subject::Ticket(ticket.id), Subject::Vendor(ticket.vendor)] {
        records.extend(
            source.chain(subject)?.iter().filter(|record| ends(&record.event) || rejected == Some(record.index)).cloned(),
        );
    }
    let house = source.chain(Subject::House)?;
    records.extend(house.iter().filter(|record| ends_class(&record.event, ticket.document())).cloned());
    let mut moments: Vec<Moment> = records.iter().map(|record| moment(facts, record)).collect();
    moments.extend(purges(facts, delivery)?);
    moments.sort_by_key(|moment| moment.leaf);
    Ok(moments)
}

fn ends(event: &Event) -> bool {
    matches!(event, Event::DeliveryRevoked | Event::TicketRevoked | Event::TicketWithdrawn | Event::VendorRevoked)
}

fn ends_class(event: &Event, ticket: &TicketDocument) -> bool {
    matches!(event, Event::ClassRevoked { class } if ticket.fields.iter().any(|field| field.class == *class))
}

/// The purges of its files, one moment for those that have one reason. A file that is gone ends nothing while others are left.
fn purges<S: Source>(facts: &Facts<'_, S>, delivery: &DeliveryDossier) -> Result<Vec<Moment>, Refused> {
    if facts.find(|conn| find::files_of(conn, delivery.id))?.iter().any(|row| row.purge_at.is_none()) {
        return Ok(Vec::new());
    }
    let mut told: Vec<(Moment, u64)> = Vec::new();
    for file in &delivery.files {
        if facts.file(*file)?.purge_begun.is_none() {
            continue;
        }
        let records = facts.source().chain(Subject::File(*file))?;
        for record in records.iter().filter(|record| matches!(record.event, Event::PurgeBegun { .. })) {
            let new = moment(facts, record);
            match told.iter_mut().find(|(known, _)| known.what == new.what && known.who == new.who) {
                Some((_, files)) => *files += 1,
                None => told.push((new, 1)),
            }
        }
    }
    Ok(told
        .into_iter()
        .map(|(moment, files)| Moment { what: format!("{}, {}", moment.what, many(files, "file")), ..moment })
        .collect())
}
