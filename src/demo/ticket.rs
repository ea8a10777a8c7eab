//! The ticket: filed by a requester, approved gate by gate, activated by an operator.

use super::{
    cast::{at, the},
    documents::{TICKET, string, with},
    egressctl::Egressctl,
    place::{self, Place},
    screen::Screen,
    vendors::Vendor,
};
use crate::{
    clock::{Clock, SystemClock},
    domain::{
        ids::TicketNumber,
        people::{Gate, Role},
        time::{Day, days},
    },
    gateway::answers::{DeliveryRow, DeliveryState, Done, Listing, Submitted, TicketRow, TicketState, Voted},
};

/// An active ticket for `vendor`: one of an earlier day on which nothing is left over, or a new one.
pub async fn active(vendor: &Vendor, place: &Place, egressctl: &Egressctl, screen: &Screen) -> anyhow::Result<TicketNumber> {
    screen.heading("The ticket");
    let operator = the(Role::Operator);
    let listed: Listing<TicketRow> = egressctl.ask(operator, &["ticket", "list"]).await?;
    for row in listed.rows.iter().filter(|row| row.vendor.as_str() == vendor.id && row.state == TicketState::Active) {
        if is_free(row.ticket, egressctl).await? {
            screen.done(&format!("{}: active since an earlier day", row.ticket));
            return Ok(row.ticket);
        }
    }
    let submitted = submit(vendor, place, egressctl).await?;
    let number = submitted.ticket;
    let requester = the(Role::Requester);
    screen.done(&format!("{} files {number} for {}: tier {}", requester.name, vendor.id, submitted.tier.name()));
    for gate in submitted.gates {
        vote(number, gate, egressctl).await?;
        screen.done(&format!("{} says yes at the {gate} gate", at(gate).name));
    }
    egressctl.ask::<Done>(operator, &["ticket", "activate", &number.to_string()]).await?;
    screen.done(&format!("{} activates it", operator.name));
    Ok(number)
}

/// Whether every delivery of the ticket is finished. One with a held file would take our file along.
async fn is_free(ticket: TicketNumber, egressctl: &Egressctl) -> anyhow::Result<bool> {
    let arguments = ["delivery", "list", "--ticket", &ticket.to_string()];
    let deliveries: Listing<DeliveryRow> = egressctl.ask(the(Role::Operator), &arguments).await?;
    Ok(!deliveries.rows.iter().any(|row| matches!(row.state, DeliveryState::Open | DeliveryState::Closed)))
}

async fn submit(vendor: &Vendor, place: &Place, egressctl: &Egressctl) -> anyhow::Result<Submitted> {
    let document = place.root().join("ticket.toml");
    place::replace(&document, written(vendor)?.as_bytes())?;
    egressctl.ask(the(Role::Requester), &["ticket", "submit", &document.display().to_string()]).await
}

/// The example ticket for this vendor and the coming months, with room for whatever somebody tries.
fn written(vendor: &Vendor) -> anyhow::Result<String> {
    let now = SystemClock::new().now();
    let mut text = with(TICKET, "vendor", &string(&vendor.id))?;
    text = with(&text, "opens", &string(&Day::of(now).to_string()))?;
    text = with(&text, "closes", &string(&Day::of(now + days(90)).to_string()))?;
    for (key, value) in
        [("max_deliveries", 10_000_u64), ("max_bytes", 1 << 40), ("max_rows", 1 << 40), ("max_downloads", 1 << 20)]
    {
        text = with(&text, key, &value.to_string())?;
    }
    // The comment says what the example's number is in words.
    Ok(text.replace("bytes of one file (1 GiB)", "bytes of one file"))
}

async fn vote(ticket: TicketNumber, gate: Gate, egressctl: &Egressctl) -> anyhow::Result<()> {
    let reason = match gate {
        Gate::Business => "the forecast pays for itself within a season",
        Gate::DataOwner => "these columns and no others; the source is right",
        Gate::Privacy => "pseudonymous, needed for the purpose, gone after 30 days",
        Gate::Security => "sealed to the vendor's own key, pulled from its own networks only",
        Gate::VendorRisk => "the assessment is current",
        Gate::Legal => "covered by the processing agreement",
        Gate::Executive => "worth the risk",
    };
    let arguments = ["ticket", "vote", &ticket.to_string(), "--gate", gate.name(), "--approve", "--reason", reason];
    egressctl.ask::<Voted>(at(gate), &arguments).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{form::lint::lint, policy::Policy, ticket::TicketDocument};
    use std::path::PathBuf;

    #[test]
    fn the_ticket_is_admissible_on_the_day_it_is_played() {
        let [ssh_key, age_identity, tls_cert, tls_key, token_file] = [const { PathBuf::new() }; 5];
        let vendor = Vendor { id: "acme-2".into(), ssh_key, age_identity, tls_cert, tls_key, token_file };
        let text = written(&vendor).unwrap();
        let ticket = TicketDocument::parse(&text).unwrap();
        let policy = Policy::parse(include_str!("../../config/policy.toml")).unwrap();
        let checked = lint(&text, Some(&policy), Some(Day::of(SystemClock::new().now())));
        assert!(checked.is_complete(), "{checked}");
        assert_eq!(ticket.vendor.as_str(), "acme-2");
    }
}
