//! What another policy would make of the tickets there are.

use super::{Show, Tone, ticket_tone};
use crate::{
    ctl::page::Page,
    domain::shown::many,
    gateway::answers::{SimulatedTicket, Simulation},
};

impl Show for Simulation {
    fn show(&self, page: &mut Page) {
        let concerned = self.tickets.rows.len() as u64 + self.tickets.left_off;
        let tone = if concerned == 0 { Tone::Good } else { Tone::Warning };
        page.line(&format!("{concerned} of {} would not stay as they are", many(self.looked_at, "ticket")), tone);
        page.field("would go by", self.policy.short());
        page.field("goes by", self.goes_by.short());
        if self.left_out > 0 {
            page.field("left out", format!("{} older", many(self.left_out, "ticket")));
        }
        if !self.short_of.is_empty() {
            page.heading("More votes than people");
            self.short_of.iter().for_each(|short| page.item(short, Tone::Bad));
        }
        for SimulatedTicket { ticket, vendor, state, would_be, because } in &self.tickets.rows {
            page.heading(&format!("{ticket}, {vendor}"));
            let what = if state == would_be {
                format!("stays {}", state.name())
            } else {
                format!("{}, now {}", would_be.name(), state.name())
            };
            page.toned_field("would be", &what, ticket_tone(*would_be));
            because.iter().for_each(|why| page.item(why, Tone::Plain));
        }
        if self.tickets.left_off > 0 {
            page.line(&format!("… and {} more", self.tickets.left_off), Tone::Warning);
        }
    }
}
