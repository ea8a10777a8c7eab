//! Show: what the staff sees: lists, views, states, always derived, never decided upon.

mod asked_again;
pub(super) mod deliveries;
pub(super) mod end;
mod ended;
pub(super) mod gates;
mod house;
pub(super) mod moments;
mod review;
pub(super) mod risk;
mod served;
pub(super) mod tickets;
mod transfers;
mod unreleased;
pub(super) mod vendors;
pub(super) mod words;
mod yours;

use super::{
    answers::FileState,
    asked::DeliveryPath,
    facts::{Facts, Source},
    outcome::Refused,
    release::Notes,
};
use crate::domain::{
    event::Item,
    file::FileDossier,
    ids::{DeliveryId, PersonId, Slug, TicketId},
};

pub(super) use ended::ended_by;
pub(super) use moments::timeline;
pub(super) use served::why_not_served;
pub(super) use unreleased::{held, why_not_released};

/// A delivery as people write it.
pub(super) fn delivery_path<S: Source>(facts: &Facts<'_, S>, id: DeliveryId) -> Result<DeliveryPath, Refused> {
    let delivery = facts.delivery(id)?;
    Ok(DeliveryPath { ticket: facts.ticket(delivery.ticket)?.number, number: delivery.number })
}

/// What a transfer reads, as its vendor names it.
pub(super) fn path<S: Source>(
    facts: &Facts<'_, S>,
    ticket: TicketId,
    delivery: DeliveryId,
    item: &Item,
) -> Result<String, Refused> {
    let directory = DeliveryPath { ticket: facts.ticket(ticket)?.number, number: facts.delivery(delivery)?.number };
    let name = match item {
        Item::File(file) => facts.file(*file)?.served_name(),
        Item::Manifest => Notes::MANIFEST.to_owned(),
        Item::Checksums => Notes::CHECKSUMS.to_owned(),
    };
    Ok(format!("/{directory}/{name}"))
}

/// A person's name; their id where nobody of that id is enrolled.
fn name_of<S: Source>(facts: &Facts<'_, S>, id: PersonId) -> String {
    facts.roster.person(id).map_or_else(|| id.to_string(), |person| person.name.to_string())
}

/// [`name_of`] where an answer holds a name and nothing else.
pub(super) fn slug_of<S: Source>(facts: &Facts<'_, S>, id: Option<PersonId>) -> Slug {
    id.and_then(|id| facts.roster.person(id)).map_or_else(unknown, |person| person.name.clone())
}

/// The name of somebody who cannot be named.
pub(super) fn unknown() -> Slug {
    "unknown".parse().expect("a word of lower-case letters is a slug")
}

/// A file's state from its own records; whether it waits or is released is its ticket's and delivery's to say.
pub(super) fn file_state(file: &FileDossier) -> FileState {
    if file.purged.is_some() {
        FileState::Purged
    } else if file.purge_begun.is_some() {
        FileState::Purging
    } else if file.held.is_some() {
        FileState::Held
    } else if file.sealed.is_some() {
        FileState::Sealed
    } else {
        FileState::Staged
    }
}
