//! What the policy keeps apart, for acts on a vendor: whoever acted on its tickets is asked about all that have not ended.

use super::{
    facts::{Facts, Source},
    outcome::Refused,
    vault::find,
};
use crate::domain::{eligibility::apart, people::Person, policy::Deed, vendor::VendorDossier};

/// # Errors
/// This person did on a ticket of the vendor what the policy keeps apart from `deed`.
pub fn on_vendor<S: Source>(facts: &Facts<'_, S>, vendor: &VendorDossier, person: &Person, deed: Deed) -> Result<(), Refused> {
    if facts.policy.apart().is_empty() {
        return Ok(());
    }
    let around = facts.around(vendor);
    let mut done = vendor.deeds_of(person.id, &facts.roster);
    for id in facts.find(|conn| find::tickets_of(conn, vendor.id))? {
        let ticket = facts.ticket(id)?;
        if !ticket.state(&around).is_terminal() {
            done.extend(ticket.deeds_of(person.id));
        }
    }
    Ok(apart(&facts.policy, deed, &done)?)
}
