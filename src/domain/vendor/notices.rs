//! Expiry notices: what a vendor's standing rests on and ends soon, and which notice of it is due.

use super::VendorDossier;
use crate::domain::{
    digest::Digest,
    event::Event,
    limits,
    people::Roster,
    time::{Day, Time, days},
};
use serde::{Deserialize, Serialize};

/// What ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ending {
    Assessment,
    /// Its SOC 2 report no longer counts.
    Soc2,
    /// Its ISO 27001 certificate.
    #[serde(rename = "iso27001")]
    Iso27001,
    /// A bearer token, by its fingerprint.
    Token(Digest),
}

/// A notice that was given: the last day of what ends, and how many days before its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Notice {
    pub ending: Ending,
    pub until: Day,
    pub days: u32,
}

impl Notice {
    pub fn event(self) -> Event {
        Event::ExpiryNear { ending: self.ending, until: self.until, days: self.days }
    }
}

impl VendorDossier {
    /// The notices that are due at `now` and were not given: for each thing that ends the tightest one alone, so that a gateway that
    /// was down for a month catches up with one.
    pub fn due_notices(&self, roster: &Roster, now: Time) -> Vec<Notice> {
        if self.revoked.is_some() {
            return Vec::new();
        }
        self.endings(roster).filter_map(|(ending, until)| self.due(ending, until, now)).collect()
    }

    fn due(&self, ending: Ending, until: Day, now: Time) -> Option<Notice> {
        let ends = until.ends();
        if now >= ends {
            return None;
        }
        let due = limits::NOTICE_DAYS.into_iter().filter(|before| now >= ends - days(*before)).min()?;
        let given = |notice: &&Notice| notice.ending == ending && notice.until == until;
        let tightest = self.notices.iter().filter(given).map(|notice| notice.days).min();
        tightest.is_none_or(|given| due < given).then_some(Notice { ending, until, days: due })
    }

    /// Everything that counts now and ends by itself, with its last day.
    fn endings(&self, roster: &Roster) -> impl Iterator<Item = (Ending, Day)> {
        let assessment = self.current(roster).map(|revision| &revision.document.assessment);
        let of_record = assessment.into_iter().flat_map(|assessment| {
            let soc2 = assessment.soc2.as_ref().map(|soc2| (Ending::Soc2, soc2.counts_until()));
            let iso = assessment.iso27001.as_ref().map(|certificate| (Ending::Iso27001, certificate.expires));
            [Some((Ending::Assessment, assessment.valid_until)), soc2, iso].into_iter().flatten()
        });
        let counts = |token: &&super::VendorToken| token.confirmed() && !self.is_revoked_key(token.digest);
        let tokens = self.tokens.iter().filter(counts).map(|token| (Ending::Token(token.digest), token.until));
        of_record.chain(tokens)
    }
}
