//! Explain: why is it not moving, who can move it, what to type. For whatever has an id.

mod named;
mod ticket;

use ticket::ticket;

use super::{
    answers::{Blocker, Explanation, FileRow, FileState},
    asked::Subject as Asked,
    desk::Desk,
    facts::{Facts, Source},
    outcome::Refused,
    show::{self, deliveries, risk, vendors},
    vault::find,
};
use crate::{
    domain::{
        authority::Act,
        digest::Digest,
        event::{Actor, Subject},
        file_name,
        ids::{DeliveryId, FileId, VendorId},
        refusal::Refusal,
        signature::openssh_fingerprint,
    },
    inspection::FindingCode,
};

impl Desk {
    pub async fn explain(&self, by: Actor, subject: Asked) -> Result<Explanation, Refused> {
        let away = self.turned_away(None);
        self.look(|facts| {
            Act::Look.allowed(facts.person(by)?)?;
            let unknown = || Refused::from(Refusal::UnknownSubject { text: subject.to_string(), list: listed(&subject) });
            match &subject {
                Asked::Code(code) => self::code(code).ok_or_else(unknown),
                Asked::Ticket(number) => ticket(facts, facts.ticket_numbered(*number)?.id),
                Asked::Delivery(path) => {
                    let ticket = facts.ticket_numbered(path.ticket)?;
                    delivery(facts, facts.delivery_numbered(&ticket, path.number)?.ok_or_else(unknown)?.id)
                }
                // What lies in staging now is what is asked about; an earlier file of the name may be recorded as well.
                Asked::Path(path) => match away.iter().find(|row| format!("{}/{}", row.directory, row.name) == *path) {
                    Some(row) => Ok(turned_away(path, row)),
                    None => file(facts, by_path(facts, path)?.ok_or_else(unknown)?),
                },
                Asked::Id(uuid) => named::by_id(facts, *uuid)?.ok_or_else(unknown),
                Asked::Key(digest) => key(facts, *digest)?.ok_or_else(unknown),
                Asked::Name(name) => match facts.vendor_named(name)? {
                    Some(named) => vendor(facts, named.id),
                    None => named::person(facts, name).ok_or_else(unknown),
                },
            }
        })
    }
}

fn plain(subject: String, headline: String, because: Vec<String>) -> Explanation {
    Explanation { subject, headline, because, who: String::new(), commands: Vec::new(), page: None, timeline: Vec::new() }
}

/// An explanation from what stands in the way: whoever can move something of it, and each command once.
fn from_blockers(subject: String, headline: String, blockers: Vec<Blocker>) -> Explanation {
    let (mut who, mut commands): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for blocker in &blockers {
        for (said, all) in [(&blocker.who, &mut who), (&blocker.command, &mut commands)] {
            if !said.is_empty() && !all.contains(said) {
                all.push(said.clone());
            }
        }
    }
    Explanation {
        subject,
        headline,
        who: who.join("; "),
        because: blockers.into_iter().map(|blocker| blocker.what).collect(),
        commands,
        page: None,
        timeline: Vec::new(),
    }
}

/// Whoever asks is told something where nothing stands in the way, too.
fn nothing_stops(told: Explanation, then: impl FnOnce() -> String) -> Explanation {
    let because = if told.because.is_empty() { vec![then()] } else { told.because };
    Explanation { because, ..told }
}

/// The command that lists what somebody may have meant.
const fn listed(subject: &Asked) -> &'static str {
    match subject {
        Asked::Code(_) => "explain --help",
        Asked::Ticket(_) => "ticket list",
        Asked::Delivery(_) => "delivery list",
        Asked::Path(_) | Asked::Id(_) => "file list",
        Asked::Key(_) => "key list",
        Asked::Name(_) => "vendor list",
    }
}

/// A refusal's or a finding's code, whomever it was given to.
pub fn code(code: &str) -> Option<Explanation> {
    if let Some(entry) = Refusal::entry(code) {
        let code = format!("E{:04}", entry.code);
        return Some(Explanation::of_code(&code, entry.means, vec![entry.why.into()], entry.who, entry.to_type()));
    }
    let finding: FindingCode = code.parse().ok()?;
    let commands = vec!["egressctl file list".into(), "egressctl file show FILE_ID".into()];
    let because = vec![finding.fix().into()];
    Some(Explanation::of_code(finding.code(), finding.means(), because, "whoever produces the files", commands))
}

fn delivery<S: Source>(facts: &Facts<'_, S>, id: DeliveryId) -> Result<Explanation, Refused> {
    let delivery = facts.delivery(id)?;
    let path = show::delivery_path(facts, id)?.to_string();
    let state = deliveries::state(facts, &delivery)?.name();
    let mut blockers = show::why_not_released(facts, &delivery)?;
    let not_served = show::why_not_served(facts, &delivery)?;
    let but = if not_served.is_empty() { "" } else { ", and its vendor cannot fetch all of it" };
    blockers.extend(not_served);
    let mut told = from_blockers(path.clone(), format!("{path} is {state}{but}"), blockers);
    let ended = show::ended_by(facts, &delivery)?;
    told.because.extend(deliveries::gone_alone(facts, &delivery)?);
    told.because.extend(ended.iter().map(|end| format!("{}, by {} at {}", end.what, end.who, end.at)));
    let released = delivery.released.as_ref().map(|released| format!("its vendor may fetch it until {}", released.until));
    let mut told = nothing_stops(told, || released.unwrap_or_else(|| "nothing stops it: it goes on by itself".into()));
    told.timeline = show::timeline(facts, Subject::Delivery(id))?;
    Ok(told)
}

/// A file that lies in staging and is not taken, or not yet.
fn turned_away(path: &str, row: &FileRow) -> Explanation {
    let headline = format!("{} is {}", row.name, row.state.name());
    let because = row.reason.clone().into_iter().collect();
    Explanation { because, ..from_blockers(path.to_owned(), headline, deliveries::next(row, &[])) }
}

fn file<S: Source>(facts: &Facts<'_, S>, id: FileId) -> Result<Explanation, Refused> {
    let file = facts.file(id)?;
    let row = deliveries::file_row(facts, &file)?;
    let headline = format!("{} is {}", file.name, row.state.name());
    let mut told = from_blockers(id.to_string(), headline, deliveries::next_of(facts, &file, &row)?);
    let mut because: Vec<String> = Vec::new();
    match &file.held {
        Some(held) => {
            because.extend(held.findings.iter().map(|finding| format!("{}: {} {}", finding.code, finding.what, finding.fix)))
        }
        None => because.extend(row.reason.clone()),
    }
    if row.state == FileState::Sealed
        && let Some(delivery) = file.delivery
    {
        let delivery = facts.delivery(delivery)?;
        because = show::why_not_released(facts, &delivery)?.into_iter().map(|blocker| blocker.what).collect();
    }
    if row.state == FileState::Released
        && let Some(delivery) = file.delivery
    {
        let told_of_it = from_blockers(String::new(), String::new(), show::why_not_served(facts, &*facts.delivery(delivery)?)?);
        because.extend(told_of_it.because);
        (told.who, told.commands) = (told_of_it.who, told_of_it.commands);
    }
    told.because = because;
    let mut told = nothing_stops(told, || match row.state {
        FileState::Released => "its vendor may fetch it".into(),
        _ => "nothing stops it: it goes on by itself".into(),
    });
    told.timeline = show::timeline(facts, Subject::File(id))?;
    Ok(told)
}

fn vendor<S: Source>(facts: &Facts<'_, S>, id: VendorId) -> Result<Explanation, Refused> {
    let vendor = facts.vendor(id)?;
    let (state, _) = vendors::standing(facts, &vendor);
    let headline = format!("{} is {}", vendor.slug, state.name());
    let told = from_blockers(vendor.slug.to_string(), headline, vendors::blockers(facts, &vendor));
    let arrears = vendor.in_arrears(&facts.policy);
    let mut told =
        nothing_stops(told, || "its keys are confirmed and its assessment counts: it may fetch what its tickets release".into());
    told.because
        .extend(risk::red_flags(facts, &vendor).into_iter().map(|raised| format!("red flag {}: {}", raised.flag, raised.what)));
    told.because.extend(arrears.map(|arrears| arrears.what()));
    told.timeline = show::timeline(facts, Subject::Vendor(id))?;
    Ok(told)
}

/// A key or token by its fingerprint: whose it is, for what, and whether it counts. A key may have been filed for several vendors.
fn key<S: Source>(facts: &Facts<'_, S>, key: Digest) -> Result<Option<Explanation>, Refused> {
    let fingerprint = openssh_fingerprint(key);
    if let Some(person) = facts.roster.by_key(key) {
        let roles: Vec<&str> = person.roles.iter().map(|role| role.name()).collect();
        let ended = named::ended(facts, person);
        let but = if ended.is_some() { ", and counts no more" } else { "" };
        let headline = format!("{fingerprint} is {}'s key on the staff{but}", person.name);
        let mut told = from_blockers(fingerprint, headline, ended.into_iter().collect());
        told.because.push(format!("{} is {}", person.name, roles.join(", ")));
        return Ok(Some(told));
    }
    let (mut named, mut blockers) = (Vec::new(), Vec::new());
    for id in facts.find(|conn| find::vendors_of_key(conn, key))? {
        let vendor = facts.vendor(id)?;
        for row in vendors::keys(facts, &vendor).into_iter().filter(|row| row.key == fingerprint) {
            named.push(format!("the {} of {} ({})", row.r#use.kind(), row.owner, row.state.name()));
            blockers.extend(vendors::why_key_does_not_count(facts, &vendor, &row));
        }
    }
    if named.is_empty() {
        return Ok(named::proposed_key(facts, key));
    }
    let headline = format!("{fingerprint} is {}", named.join(" and "));
    let told = from_blockers(fingerprint, headline, blockers);
    Ok(Some(nothing_stops(told, || "it counts: people stand behind it and nothing ends it".into())))
}

fn by_path<S: Source>(facts: &Facts<'_, S>, path: &str) -> Result<Option<FileId>, Refused> {
    let mut parts = path.split('/');
    let Some(Ok(number)) = parts.next().map(str::parse) else { return Ok(None) };
    let ticket = facts.ticket_numbered(number)?.id;
    let rest: Vec<&str> = parts.collect();
    let (delivery, name) = match rest.as_slice() {
        [name] => (None, *name),
        [delivery, name] => (delivery.parse().ok(), *name),
        _ => return Ok(None),
    };
    let name = file_name::served(name);
    let delivery = match delivery {
        Some(number) => facts.find(|conn| find::delivery(conn, ticket, number))?,
        None => None,
    };
    let files = facts.find(|conn| find::files(conn, Some(ticket), crate::domain::limits::LISTED_ROWS as usize))?;
    Ok(files
        .into_iter()
        .find(|row| file_name::served(&row.name) == name && (delivery.is_none() || row.delivery == delivery))
        .map(|row| row.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::CATALOGUE;

    #[test]
    fn every_code_is_explained_in_general_and_sends_nobody_in_a_circle() {
        let refusals = CATALOGUE.iter().map(|entry| format!("E{:04}", entry.code));
        let findings = FindingCode::ALL.iter().map(|code| code.code().to_owned());
        for asked in refusals.chain(findings) {
            let told = code(&asked).unwrap_or_else(|| panic!("{asked} is not explained"));
            let texts = told.because.iter().chain(&told.commands).chain([&told.headline, &told.who]);
            for text in texts {
                assert!(!text.is_empty() && !text.contains(['…', '{', '}', '‹']), "{asked}: {text}");
                assert!(!text.contains("-0000") && !text.contains(&format!("explain {asked}")), "{asked}: {text}");
            }
            assert!(told.commands.iter().any(|command| command.starts_with("egressctl ")), "{asked}: {:?}", told.commands);
        }
    }
}
