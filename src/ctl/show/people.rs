//! Staff, keys and vendors.

use super::{Cell, Column, Page, Row, Show, Table, Tone, listed, review::show_changes, roles, vendor_tone};
use crate::{
    ctl::text::minute,
    domain::policy::Consequence,
    gateway::answers::{
        AcceptedBy, BrokenGlassRow, FiledKey, KeyRow, KeyState, RecordLine, RedFlagView, StaffRow, StaffState, StagingRecipient,
        TokenIssued, VendorFiled, VendorRow, VendorView,
    },
};

impl Row for StaffRow {
    const NONE: &'static str =
        "Nobody is enrolled yet. The daemon's own user enrols the first two people: egressctl staff enroll --help";

    fn show_all(rows: &[Self], page: &mut Page) {
        let mut table = Table::new(&[Column::Whole("NAME"), Column::Whole("STATE"), Column::Flexible("ROLES")]);
        for row in rows {
            let by = &row.proposed_by;
            let (tone, remark) = match row.state {
                StaffState::Enrolled => (Tone::Good, String::new()),
                StaffState::Expired | StaffState::Revoked => (Tone::Bad, String::new()),
                StaffState::Proposed => {
                    (Tone::Warning, format!(", proposed by {by}: a second person completes it with the same staff enroll"))
                }
            };
            table.row([(&row.name).into(), Cell::toned(row.state.name(), tone), roles(&row.roles).into()]);
            let until = row.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
            table.note(&format!("{}{until}{remark}", row.key));
        }
        page.table(&table);
    }
}

impl Row for BrokenGlassRow {
    const NONE: &'static str = "No sealed identity was ever used.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [Column::Number("LEAF"), Column::Whole("WHO"), Column::Whole("AT"), Column::Flexible("LOOKED INTO BY")];
        let mut table = Table::new(&columns);
        for row in rows {
            let by = match row.reviewed_by.is_empty() {
                true => "nobody".to_owned(),
                false => listed(&row.reviewed_by),
            };
            let tone = if row.open { Tone::Bad } else { Tone::Good };
            table.row([row.leaf.into(), (&row.who).into(), minute(&row.at).into(), Cell::toned(&by, tone)]);
        }
        page.table(&table);
    }
}

impl Row for KeyRow {
    const NONE: &'static str = "No keys.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [Column::Whole("KEY"), Column::Flexible("OWNER"), Column::Whole("KIND"), Column::Whole("STATE")];
        let mut table = Table::new(&columns);
        for row in rows {
            let tone = match row.state {
                KeyState::Active => Tone::Good,
                KeyState::Proposed => Tone::Warning,
                KeyState::Expired | KeyState::Revoked => Tone::Bad,
            };
            table.row([(&row.key).into(), (&row.owner).into(), row.r#use.kind().into(), Cell::toned(row.state.name(), tone)]);
        }
        page.table(&table);
    }
}

impl Show for StagingRecipient {
    fn show(&self, page: &mut Page) {
        page.field("recipient", &self.recipient);
        page.line("A producer encrypts to it and drops the result under a name that ends in .age:", Tone::Plain);
        page.verbatim(&format!("age -r {} -o customers.csv.age customers.csv", self.recipient));
    }
}

impl Row for VendorRow {
    const NONE: &'static str = "No vendors. File one: egressctl vendor add --help";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [
            Column::Whole("VENDOR"),
            Column::Flexible("NAME"),
            Column::Whole("STATE"),
            Column::Number("KEYS"),
            Column::Number("ACTIVE TICKETS"),
            Column::Number("RED FLAGS"),
        ];
        let mut table = Table::new(&columns);
        for row in rows {
            let state = Cell::toned(row.state.name(), vendor_tone(row.state));
            let (keys, tickets, flags) = (row.keys.into(), row.active_tickets.into(), row.red_flags.into());
            table.row([(&row.vendor).into(), (&row.name).into(), state, keys, tickets, flags]);
        }
        page.table(&table);
    }
}

fn show_keys(keys: &[FiledKey], page: &mut Page) {
    for filed in keys {
        page.field(filed.r#use.kind(), &filed.key);
    }
}

/// One line for each, and what the policy makes of it.
pub(super) fn show_red_flags(flags: &[RedFlagView], page: &mut Page) {
    for RedFlagView { flag, consequence, what, accepted } in flags {
        let (stops, tone) = match (consequence, accepted) {
            // No acceptance lets pass what the policy holds for.
            (Consequence::Hold, _) => (" (holds its tickets)".to_owned(), Tone::Bad),
            (_, Some(AcceptedBy { who, until })) => (format!(" (accepted by {who} until {until})"), Tone::Warning),
            (Consequence::Accept, None) => (" (wants an executive's acceptance)".to_owned(), Tone::Warning),
            (Consequence::Note, None) => (String::new(), Tone::Warning),
        };
        page.toned_field("red flag", &format!("{flag}{stops}: {what}"), tone);
    }
}

impl Show for VendorFiled {
    fn show(&self, page: &mut Page) {
        page.line(&format!("{} is filed; it may collect nothing before its keys are confirmed", self.vendor), Tone::Warning);
        page.field("revision", self.revision);
        show_keys(&self.brings, page);
        page.field("recorded", format!("leaf {}", self.leaf));
        page.blockers("Next", &self.next);
    }
}

impl Show for TokenIssued {
    fn show(&self, page: &mut Page) {
        page.line(
            &format!("a token for {}, until {}; it lets nobody in before somebody else confirms it", self.vendor, self.until),
            Tone::Warning,
        );
        page.field("fingerprint", &self.token);
        if let Some(secret) = &self.secret {
            page.line(
                "The token itself, shown this once. Give it to the vendor over a channel that nobody else reads:",
                Tone::Plain,
            );
            page.verbatim(secret);
        }
        page.field("recorded", format!("leaf {}", self.leaf));
        page.blockers("Next", &self.next);
    }
}

impl Show for VendorView {
    fn show(&self, page: &mut Page) {
        page.field("vendor", format!("{} ({})", self.vendor, self.name));
        page.toned_field("state", self.state.name(), vendor_tone(self.state));
        page.field("addresses", listed(&self.addresses));
        let until = self.assessment_until.as_ref().map(|until| format!(", valid until {until}")).unwrap_or_default();
        page.field("assessment", format!("{}{until}", self.assessment));
        for RecordLine { what, says } in &self.record {
            page.field(what, says);
        }
        show_red_flags(&self.red_flags, page);
        page.blockers("Not approved because", &self.why_not_approved);
        for filed in self.revisions.iter().rev() {
            page.heading("Revision");
            page.field("digest", filed.revision);
            page.field("filed", format!("{} by {}", minute(&filed.filed_at), filed.filed_by));
            let confirmed = if filed.confirmed_by.is_empty() { "nobody yet".to_owned() } else { listed(&filed.confirmed_by) };
            page.field("confirmed by", confirmed);
            show_keys(&filed.brings, page);
            if filed.confirm_text.is_some() {
                page.line("It would change, and whoever confirms it answers for this too:", Tone::Plain);
                show_changes(&filed.changes, page);
                page.line("Compare these fingerprints with the vendor over another channel, then:", Tone::Plain);
                page.verbatim(&format!("egressctl vendor confirm {} {}", self.vendor, filed.revision));
            }
        }
        if !self.keys.is_empty() {
            page.heading("Keys");
            KeyRow::show_all(&self.keys, page);
        }
        for token in self.tokens.iter().filter(|token| token.state == KeyState::Proposed) {
            page.line(
                &format!("A token until {}, made by {}, waits for a second person:", token.until, token.issued_by),
                Tone::Plain,
            );
            page.verbatim(&format!("egressctl vendor confirm-token {} {}", self.vendor, token.token));
        }
        page.timeline(&self.timeline);
    }
}
