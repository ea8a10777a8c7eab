//! How each answer looks to a person.

mod audit;
mod end;
mod files;
mod forward;
mod people;
mod policy;
mod review;
mod risk;
mod tickets;

pub use review::Reviewed;

use super::{
    page::Page,
    table::{Cell, Column, Table, Tone},
    text::size,
    trouble::Exit,
};
use crate::{
    domain::people::{Gate, Role},
    gateway::answers::{Completion, DeliveryState, Disk, Done, FileState, Listing, Status, TicketState, VendorState, Who},
};

/// An answer that a person can read.
pub trait Show {
    fn show(&self, page: &mut Page);

    /// The command's exit status, for an answer that came.
    fn exit(&self) -> Exit {
        Exit::Done
    }
}

/// A row of a list.
pub trait Row: Sized {
    /// What an empty list says.
    const NONE: &'static str;

    fn show_all(rows: &[Self], page: &mut Page);
}

impl<T: Row> Show for Listing<T> {
    fn show(&self, page: &mut Page) {
        if self.rows.is_empty() {
            page.line(T::NONE, Tone::Faint);
        } else {
            T::show_all(&self.rows, page);
        }
        if self.left_off > 0 {
            page.line(&format!("… and {} more: narrow the list down", self.left_off), Tone::Warning);
        }
    }
}

/// `a, b, c`
fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn gates(open: &[Gate]) -> String {
    if open.is_empty() { "-".to_owned() } else { listed(open) }
}

fn roles<'a>(roles: impl IntoIterator<Item = &'a Role>) -> String {
    listed(roles)
}

const fn ticket_tone(state: TicketState) -> Tone {
    use TicketState as S;
    match state {
        S::Active | S::Approved => Tone::Good,
        S::Submitted | S::InReview | S::OnHold | S::Returned | S::Suspended => Tone::Warning,
        S::Rejected | S::Revoked => Tone::Bad,
        S::Draft | S::Closing | S::Closed | S::Withdrawn => Tone::Plain,
    }
}

const fn file_tone(state: FileState) -> Tone {
    use FileState as S;
    match state {
        S::Released | S::Sealed => Tone::Good,
        S::Waiting => Tone::Warning,
        S::Held | S::Refused => Tone::Bad,
        S::Detected | S::Settling | S::Staged | S::Inspecting | S::Purging | S::Purged => Tone::Plain,
    }
}

const fn delivery_tone(state: DeliveryState) -> Tone {
    match state {
        DeliveryState::Released => Tone::Good,
        DeliveryState::Revoked => Tone::Bad,
        DeliveryState::Open | DeliveryState::Closed | DeliveryState::Purged => Tone::Plain,
    }
}

const fn vendor_tone(state: VendorState) -> Tone {
    match state {
        VendorState::Approved => Tone::Good,
        VendorState::Filed | VendorState::Suspended => Tone::Warning,
        VendorState::Revoked => Tone::Bad,
    }
}

impl Show for Done {
    fn show(&self, page: &mut Page) {
        let tone = match self.state {
            Completion::Done => Tone::Good,
            Completion::WaitsForSecond => Tone::Warning,
        };
        page.line(&self.headline, tone);
        page.field("recorded", format!("leaf {}", self.leaf));
        page.blockers("Next", &self.next);
    }
}

impl Show for Who {
    fn show(&self, page: &mut Page) {
        match self {
            Self::Owner => {
                page.field("you are", "the daemon's own user: you may enrol the first two people, and nothing else");
            }
            Self::Person { id, name, roles: held, key } => {
                page.field("you are", name);
                page.field("roles", roles(held));
                page.field("key", key);
                page.field("id", id);
            }
        }
    }
}

impl Show for Status {
    fn show(&self, page: &mut Page) {
        match &self.frozen {
            Some(frozen) => page.line(&format!("FROZEN since {}: {}", frozen.since, frozen.reason), Tone::Bad),
            None => page.line("open: files move as their tickets allow", Tone::Good),
        }
        page.field("version", format!("{}, running since {}", self.version, self.since));
        page.field("goes by", format!("configuration {}, policy {}", self.configuration.short(), self.policy.short()));
        if let Some(reload) = &self.reload {
            let outcome = match (&reload.why, reload.leaf) {
                (Some(why), _) => format!("refused at {}: {why}", reload.at),
                (None, leaf) => format!("done at {}, leaf {}", reload.at, leaf.map_or("-".to_owned(), |leaf| leaf.to_string())),
            };
            for (i, line) in outcome.lines().enumerate() {
                page.field(if i == 0 { "last reload" } else { "" }, line);
            }
        }
        page.field("log", format!("{} leaves, root {}", self.log.size, self.log.root.short()));
        page.field("people, vendors", format!("{}, {}", self.people, self.vendors));
        page.field("tickets", counted(self.tickets.iter().map(|(state, n)| (state.name(), *n))));
        page.field("files", counted(self.files.iter().map(|(state, n)| (state.name(), *n))));
        page.field("sessions", self.sessions);
        page.field("transfers", self.transfers);
        for Disk { directory, free_bytes, total_bytes } in &self.disks {
            page.field("disk", format!("{directory}: {} of {} free", size(*free_bytes), size(*total_bytes)));
        }
        for destination in &self.destinations {
            page.field("forwarded", forward::standing(destination));
        }
        page.blockers("Waits for you", &self.waits_for_you);
        page.blockers("Needs somebody", &self.problems);
    }
}

/// `3 active, 1 in_review`
fn counted<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let told = listed(counts.filter(|(_, n)| *n > 0).map(|(state, n)| format!("{n} {state}")));
    if told.is_empty() { "none".to_owned() } else { told }
}
