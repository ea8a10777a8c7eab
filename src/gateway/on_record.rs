//! On record: what its own records name, whatever the index says. No row that somebody removed or re-pointed refuses a revocation, or makes room
//! for a second vendor or ticket of the same name that a revocation would hit instead.

use super::{
    facts::{Facts, Source},
    outcome::Refused,
};
use crate::domain::{
    digest::Digest,
    dossier::TicketDossier,
    ids::{Slug, TicketNumber},
    refusal::Refusal,
    vendor::VendorDossier,
};
use std::sync::Arc;

impl<S: Source> Facts<'_, S> {
    /// A vendor by its name, to file something of it: one whose row is gone is not made a second time.
    pub(super) fn vendor_filed(&self, slug: &Slug) -> Result<Option<Arc<VendorDossier>>, Refused> {
        match self.vendor_named(slug)? {
            None => self.first_on_record(|vendor| vendor.slug == *slug),
            found => Ok(found),
        }
    }

    pub(super) fn vendor_on_record(&self, slug: &Slug) -> Result<Arc<VendorDossier>, Refused> {
        // The index is asked first: somebody else's records may be unreadable, and this one's are not.
        if let Ok(Some(vendor)) = self.vendor_named(slug) {
            return Ok(vendor);
        }
        self.first_on_record(|vendor| vendor.slug == *slug)?
            .ok_or_else(|| Refusal::UnknownVendor { vendor: slug.to_string() }.into())
    }

    pub(super) fn ticket_on_record(&self, number: TicketNumber) -> Result<Arc<TicketDossier>, Refused> {
        let id = self.source().courses(|courses| courses.numbered(number));
        self.ticket(id.ok_or_else(|| Refusal::NoSuchTicket { ticket: number.to_string() })?)
    }

    /// Whether a vendor or somebody on the staff has this key, or had it.
    pub(super) fn is_key_on_record(&self, key: Digest) -> Result<bool, Refused> {
        Ok(self.roster.by_key(key).is_some() || self.first_on_record(|vendor| vendor.has_ever_had(key))?.is_some())
    }

    /// A vendor whose records cannot be read hides none whose records can.
    fn first_on_record(&self, is_it: impl Fn(&VendorDossier) -> bool) -> Result<Option<Arc<VendorDossier>>, Refused> {
        let mut unreadable = None;
        for id in self.source().vendors() {
            match self.vendor(id) {
                Ok(vendor) if is_it(&vendor) => return Ok(Some(vendor)),
                Ok(_) => {}
                Err(refused) => unreadable = Some(refused),
            }
        }
        unreadable.map_or(Ok(None), Err)
    }
}
