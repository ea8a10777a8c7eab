//! What leaves: deliveries, files, transfers, sessions; and receipts of what was cut or purged.

use super::{Cell, Column, Page, Row, Show, Table, Tone, delivery_tone, file_tone, listed, tickets::protocol};
use crate::{
    ctl::{
        text::{minute, size},
        trouble::Exit,
    },
    domain::{
        event::{ClosedBy, PurgeReason, TransferEnd},
        shown::many,
    },
    gateway::answers::{
        CutSessionView, DeliveryRow, DeliveryState, DeliveryView, Durable, FileRow, FileView, PurgeCertificate, PurgeReport,
        Receipt, Served, SessionRow, TransferRow,
    },
};

impl Row for DeliveryRow {
    const NONE: &'static str = "No deliveries.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [
            Column::Whole("DELIVERY"),
            Column::Whole("STATE"),
            Column::Flexible("VENDOR"),
            Column::Number("FILES"),
            Column::Number("SIZE"),
            Column::Whole("PURGE (UTC)"),
        ];
        let mut table = Table::new(&columns);
        for row in rows {
            table.row([
                row.delivery.into(),
                Cell::toned(row.state.name(), delivery_tone(row.state)),
                (&row.vendor).into(),
                row.files.into(),
                size(row.bytes).into(),
                row.purge().into(),
            ]);
        }
        page.table(&table);
    }
}

impl DeliveryRow {
    /// The day on which its files are due to be purged, or were: the minute is in `delivery show`.
    fn purge(&self) -> String {
        let day = |at: &str| at.get(..10).unwrap_or(at).to_owned();
        match (&self.purged_at, self.state, &self.until) {
            (Some(at), ..) => format!("done {}", day(at)),
            (None, DeliveryState::Revoked, _) => "due now".to_owned(),
            (None, _, Some(until)) => format!("due {}", day(until)),
            (None, _, None) => "-".to_owned(),
        }
    }
}

const fn closed_by(by: ClosedBy) -> &'static str {
    match by {
        ClosedBy::Ready => "_READY",
        ClosedBy::Command => "command",
        ClosedBy::Quiet => "quiet time",
    }
}

impl Show for DeliveryView {
    fn show(&self, page: &mut Page) {
        let delivery = &self.delivery;
        page.field("delivery", delivery.delivery);
        page.toned_field("state", delivery.state.name(), delivery_tone(delivery.state));
        page.field("vendor", &delivery.vendor);
        page.field("closed by", self.closed_by.map_or("still open", closed_by));
        page.field("released (UTC)", delivery.released_at.as_deref().map_or("-".to_owned(), minute));
        match &delivery.purged_at {
            Some(at) => page.field("purged (UTC)", minute(at)),
            None if delivery.state == DeliveryState::Revoked => page.field("purge", "due now"),
            None => page.field("purge due (UTC)", delivery.until.as_deref().map_or("-".to_owned(), minute)),
        }
        page.blockers("Not released because", &self.why_not_released);
        page.blockers("Not served because", &self.why_not_served);
        if !self.ended_by.is_empty() {
            page.heading("Ended because");
            for end in &self.ended_by {
                page.item(&format!("{}, by {} at {} (leaf {})", end.what, end.who, minute(&end.at), end.leaf), Tone::Warning);
            }
        }
        page.heading("Files");
        match self.files.rows.as_slice() {
            [] if !self.ended_by.is_empty() => page.line("None is left: their bytes are destroyed.", Tone::Faint),
            [] => page.line(FileRow::NONE, Tone::Faint),
            rows => table_of(rows.iter(), page),
        }
        page.heading("Transfers");
        self.transfers.show(page);
        page.timeline(&self.timeline);
    }
}

impl FileRow {
    /// Where people look for it: its delivery, else its ticket, else the directory it was dropped into.
    fn place(&self) -> String {
        match (&self.delivery, &self.ticket) {
            (Some(delivery), _) => delivery.to_string(),
            (None, Some(ticket)) => ticket.to_string(),
            (None, None) if self.directory.is_empty() => "right in staging/, in no ticket's directory".to_owned(),
            (None, None) => format!("staging/{}, which is no ticket", self.directory),
        }
    }
}

impl Row for FileRow {
    const NONE: &'static str = "No files.";

    /// One table for each delivery: its name would otherwise fill every line.
    fn show_all(rows: &[Self], page: &mut Page) {
        let mut sorted: Vec<&Self> = rows.iter().collect();
        sorted.sort_by_key(|row| row.place());
        for group in sorted.chunk_by(|a, b| a.place() == b.place()) {
            page.heading(&group[0].place());
            table_of(group.iter().copied(), page);
        }
    }
}

/// Files of one place. The id has a line of its own: beside the rest it would leave the name no room.
fn table_of<'a>(rows: impl Iterator<Item = &'a FileRow>, page: &mut Page) {
    let columns = [Column::Flexible("NAME"), Column::Whole("STATE"), Column::Number("SIZE"), Column::Whole("SINCE (UTC)")];
    let mut table = Table::new(&columns);
    for row in rows {
        let state = Cell::toned(row.state.name(), file_tone(row.state));
        table.row([(&row.name).into(), state, size(row.bytes).into(), minute(&row.since).into()]);
        if let Some(id) = row.id {
            table.note(&format!("file {id}"));
        }
        if let Some(reason) = &row.reason {
            table.note(reason);
        }
    }
    page.table(&table);
}

impl Show for FileView {
    fn show(&self, page: &mut Page) {
        let file = &self.file;
        page.field("file", file.id.map_or_else(|| "-".to_owned(), |id| id.to_string()));
        page.field("name", &file.name);
        page.field("in", file.place());
        page.toned_field("state", file.state.name(), file_tone(file.state));
        page.field("since (UTC)", minute(&file.since));
        page.field("size", format!("{} ({} bytes)", size(file.bytes), file.bytes));
        let unknown = || "not yet known".to_owned();
        page.field("rows", self.rows.map_or_else(unknown, |rows| rows.to_string()));
        page.field("sha256", self.sha256.map_or_else(unknown, |digest| digest.to_string()));
        if let Some(reason) = &file.reason {
            page.toned_field("because", reason, file_tone(file.state));
        }
        if let Some(sealed) = &self.sealed {
            page.heading("Sealed");
            page.field("path", &sealed.path);
            page.field("size", format!("{} ({} bytes)", size(sealed.bytes), sealed.bytes));
            page.field("sha256", sealed.sha256);
            page.field("revision", sealed.revision);
            page.field("recipients", listed(&sealed.recipients));
        }
        if !self.findings.is_empty() {
            page.heading("Findings");
            for finding in &self.findings {
                page.toned_field(&finding.code, &finding.what, Tone::Bad);
                page.field("", &finding.fix);
            }
        }
        if self.more_findings > 0 {
            page.line(&format!("… and {} more findings", self.more_findings), Tone::Warning);
        }
        page.blockers("Next", &self.next);
        page.timeline(&self.timeline);
    }
}

const fn ended(how: TransferEnd) -> (&'static str, Tone) {
    match how {
        TransferEnd::Closed => ("closed", Tone::Good),
        TransferEnd::SessionEnded => ("session ended", Tone::Warning),
        TransferEnd::Severed => ("severed", Tone::Bad),
        TransferEnd::Damaged => ("damaged", Tone::Bad),
        TransferEnd::Interrupted => ("interrupted", Tone::Warning),
    }
}

/// One without an end that nobody reads may still be gone on with.
fn open(row: &TransferRow) -> (&'static str, Tone) {
    match (row.readers, row.served) {
        (0, Served::Whole) => ("served", Tone::Good),
        (0, _) => ("waiting", Tone::Plain),
        _ => ("running", Tone::Plain),
    }
}

fn others(row: &TransferRow) -> String {
    match (row.joined, row.joined_from.as_slice()) {
        (0, _) => String::new(),
        (joined, []) => format!(" and {} from there", many(joined, "more session")),
        (joined, from) => format!(" and {}, also from {}", many(joined, "more session"), from.join(", ")),
    }
}

const fn served(served: Served) -> &'static str {
    match served {
        Served::Whole => "the whole file was served",
        Served::Part => "part of the file was served",
        Served::Nothing => "nothing was served",
        Served::Unknown => "how much was served is not known",
    }
}

/// `1.0 MiB of 42.5 MiB`, or `4.1 times 42.5 MiB` where ranges were fetched again.
fn how_much(bytes: Option<u64>, of_bytes: u64) -> String {
    match bytes {
        Some(bytes) if of_bytes > 0 && bytes > of_bytes => {
            let tenths = u128::from(bytes) * 10 / u128::from(of_bytes);
            format!("{}.{} times {}", tenths / 10, tenths % 10, size(of_bytes))
        }
        bytes => format!("{} of {}", bytes.map_or("?".into(), size), size(of_bytes)),
    }
}

impl Row for TransferRow {
    const NONE: &'static str = "No transfers.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns =
            [Column::Whole("BEGAN (UTC)"), Column::Flexible("VENDOR"), Column::Whole("STATE"), Column::Number("SERVED")];
        let mut table = Table::new(&columns);
        for row in rows {
            let (state, tone) = row.how.map_or_else(|| open(row), ended);
            table.row([
                minute(&row.began).into(),
                (&row.vendor).into(),
                Cell::toned(state, tone),
                how_much(row.bytes, row.of_bytes).into(),
            ]);
            let line = format!("{} from {}{}, transfer {}", protocol(row.protocol), row.address, others(row), row.transfer);
            let so_far = if row.how.is_none() { " so far" } else { "" };
            table.note(&format!("{}: {}{so_far}; {line}", row.path, served(row.served)));
        }
        page.table(&table);
    }
}

impl Row for SessionRow {
    const NONE: &'static str = "No vendor is connected.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [Column::Whole("SESSION"), Column::Flexible("VENDOR"), Column::Flexible("ADDRESS"), Column::Number("SENT")];
        let mut table = Table::new(&columns);
        for row in rows {
            table.row([row.session.into(), (&row.vendor).into(), (&row.address).into(), size(row.bytes).into()]);
            let since = minute(&row.since);
            let with = format!(
                "{} since {since}, {}, key {}, {}",
                protocol(row.protocol),
                many(row.transfers, "transfer"),
                row.key,
                row.client
            );
            table.note(&with);
        }
        page.table(&table);
    }
}

impl Row for CutSessionView {
    const NONE: &'static str = "No session was open.";

    fn show_all(rows: &[Self], page: &mut Page) {
        for session in rows {
            page.heading(&format!("{} from {}, session {}", session.vendor, session.address, session.session));
            for cut in &session.transfers {
                page.field("path", &cut.path);
                page.field("last offset", format!("{} ({} bytes sent)", cut.last_offset, cut.bytes));
            }
            if session.transfers.is_empty() {
                page.line("It had no transfer open.", Tone::Faint);
            }
        }
    }
}

impl Show for Receipt {
    fn show(&self, page: &mut Page) {
        match self.durable {
            Durable::Yes => page.line(&format!("{}: {}", self.scope, self.means), Tone::Good),
            Durable::No => {
                let line = format!(
                    "{}: CUT, BUT NOT DURABLE: a restart may forget it. Free the disk, then repeat this command",
                    self.scope
                );
                page.line(&line, Tone::Bad);
            }
        }
        page.field("at", &self.at);
        page.field("recorded", self.leaf.map_or("nowhere yet".to_owned(), |leaf| format!("leaf {leaf}")));
        page.field("took", format!("{} ms", self.took_ms));
        page.field("sessions ended", self.sessions.rows.len() as u64 + self.sessions.left_off);
        CutSessionView::show_all(&self.sessions.rows, page);
        for fallback in &self.fallbacks {
            page.field("fallback", fallback);
        }
        page.blockers("Next", &self.next);
    }

    fn exit(&self) -> Exit {
        match self.durable {
            Durable::Yes => Exit::Done,
            Durable::No => Exit::NotDurable,
        }
    }
}

const fn purged_for(why: PurgeReason) -> &'static str {
    match why {
        PurgeReason::Retention => "retention",
        PurgeReason::Discarded => "discarded",
        PurgeReason::TimedOut => "timed out",
        PurgeReason::Superseded => "superseded",
        PurgeReason::Ended => "ended",
    }
}

impl Row for PurgeCertificate {
    const NONE: &'static str = "Nothing was due.";

    fn show_all(rows: &[Self], page: &mut Page) {
        let columns = [Column::Flexible("NAME"), Column::Whole("WHY"), Column::Whole("LEAVES"), Column::Whole("FILE")];
        let mut table = Table::new(&columns);
        for one in rows {
            let leaves = format!("{}, {}", one.leaf_before, one.leaf_after);
            table.row([(&one.name).into(), purged_for(one.why).into(), leaves.into(), one.file.into()]);
        }
        page.table(&table);
    }
}

impl Show for PurgeReport {
    fn show(&self, page: &mut Page) {
        self.certificates.show(page);
        page.blockers("Not destroyed", &self.failed);
    }

    fn exit(&self) -> Exit {
        if self.failed.is_empty() { Exit::Done } else { Exit::Unavailable }
    }
}
