//! Messages read by another implementation of RFC 5424: every kind of event, and what hostile words may not do.

use super::{
    super::catalogue::{CATALOGUE, entry},
    *,
};
use crate::domain::{
    event::{Detail, Event, Item, Protocol, TransferEnd},
    ids::{FileId, ObjectId, PersonId, SessionId, TransferId, VendorId},
    time::Time,
};
use std::collections::HashMap;
use syslog_loose::{Message, ProcId, Variant, parse_message};
use uuid::Uuid;

const HOSTILE: &str = "x\"] [egressd@32473 event=\"purged\"]\n<0>1 - forged - - - - you\0\r\u{1b}[2J\u{85}";

fn speaker() -> Speaker {
    Speaker::new(Facility::LOG_LOCAL0, "gate.example.org", "egressd", DOCUMENTATION_ENTERPRISE)
}

fn record(by: Actor, on: Subject, event: Event) -> Record {
    Record { index: 41, at: Time::from_micros(1_795_000_000_000_000), by, on, event, detail: None }
}

fn hash() -> Digest {
    Digest::of(b"a leaf")
}

fn id<T>(make: fn(Uuid) -> T) -> T {
    make(Uuid::from_u128(7))
}

fn text(speaker: &Speaker, record: &Record) -> String {
    String::from_utf8(speaker.message(record, &hash())).unwrap()
}

/// Of the one element that is ours, unescaped as RFC 5424 section 6.3.3 says.
fn parameters<'a>(message: &'a Message<&'a str>, element: &str) -> HashMap<String, String> {
    let elements: Vec<_> = message.structured_data.iter().filter(|found| found.id == element).collect();
    assert_eq!(elements.len(), 1, "{message}");
    elements[0].params().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn begun() -> Record {
    let session = id(SessionId::from_uuid);
    let event = Event::TransferBegun {
        vendor: id(VendorId::from_uuid),
        ticket: id(crate::domain::ids::TicketId::from_uuid),
        delivery: id(crate::domain::ids::DeliveryId::from_uuid),
        item: Item::File(id(FileId::from_uuid)),
        session,
        key: hash(),
    };
    record(Actor::Vendor { id: id(VendorId::from_uuid), session }, Subject::Transfer(id(TransferId::from_uuid)), event)
}

#[test]
fn a_message_says_what_its_leaf_says_and_another_implementation_reads_it() {
    let text = text(&speaker(), &begun());
    let message = parse_message(&text, Variant::RFC5424);
    assert_eq!(text.split(' ').next(), Some("<133>1"));
    assert_eq!((message.hostname, message.appname, message.msgid), (Some("gate.example.org"), Some("egressd"), Some("1704")));
    assert_eq!(message.procid, Some(ProcId::PID(i32::try_from(std::process::id()).unwrap())));
    assert!(message.timestamp.is_some());
    assert_eq!(parameters(&message, "meta")["sequenceId"], "42");
    let said = parameters(&message, "egressd@32473");
    let uuid = Uuid::from_u128(7).to_string();
    for (name, value) in [
        ("event", "transfer_begun"),
        ("leaf", "41"),
        ("at", "2026-11-18T11:06:40Z"),
        ("hash", &hash().to_string()),
        ("actor", "vendor"),
        ("actor-session", &uuid),
        ("subject", "transfer"),
        ("subject-id", &uuid),
        ("item", &format!("file:{uuid}")),
        ("vendor", &uuid),
    ] {
        assert_eq!(said.get(name).map(String::as_str), Some(value), "{name} in {text}");
    }
    assert_eq!(message.msg, format!("a transfer has begun: transfer {uuid}"));
}

#[test]
fn what_stands_in_a_detail_record_is_told_to_nobody() {
    let mut record = begun();
    let silent = text(&speaker(), &record);
    for detail in [
        Detail::Line { address: HOSTILE.into(), algorithms: HOSTILE.into(), client: HOSTILE.into() },
        Detail::Reason { text: HOSTILE.into() },
        Detail::Source {
            directory: HOSTILE.into(),
            name: HOSTILE.into(),
            device: 987_654,
            inode: 1,
            bytes: 1,
            modified_ns: HOSTILE.into(),
            manifest: Some(HOSTILE.into()),
        },
    ] {
        record.detail = Some(detail);
        let told = text(&speaker(), &record);
        assert!(!told.contains("forged") && !told.contains("987654"), "{told}");
        // All but the header, whose time moves on.
        assert_eq!(told.split_once('[').unwrap().1, silent.split_once('[').unwrap().1);
    }
}

#[test]
fn hostile_words_in_the_header_or_a_value_cannot_forge_a_message_or_break_a_frame() {
    let speaker = Speaker::new(Facility::LOG_AUTH, HOSTILE, HOSTILE, 7);
    let text = text(&speaker, &begun());
    assert!(!text.chars().any(char::is_control), "{text:?}");
    let message = parse_message(&text, Variant::RFC5424);
    assert_eq!((message.msgid, message.structured_data.len()), (Some("1704"), 2), "{text}");
    assert!(!message.hostname.unwrap().contains(' ') && message.appname.unwrap().len() <= 48);
    // No leaf holds such words; a value that did would arrive as itself.
    let elements = BTreeMap::from([("egressd@7".to_owned(), BTreeMap::from([("a".to_owned(), plain(HOSTILE))]))]);
    let mut bytes = Vec::new();
    speaker.formatter.format(&mut bytes, syslog::Severity::LOG_INFO, (1, elements, "text")).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let message = parse_message(&text, Variant::RFC5424);
    assert!(!text.chars().any(char::is_control) && message.structured_data.len() == 1 && message.msg == "text", "{text:?}");
}

#[test]
fn a_sequence_id_is_never_zero_and_begins_again_after_its_largest() {
    assert_eq!([0, 1, SEQUENCE_IDS - 1, SEQUENCE_IDS, SEQUENCE_IDS + 1].map(sequence_id), [1, 2, 2_147_483_647, 1, 2]);
}

#[test]
fn the_longest_leaf_is_a_message_that_every_server_takes() {
    let ranges: Vec<(u64, u64)> = (0..1_000).map(|n| (u64::MAX - n, u64::MAX)).collect();
    let ended = Event::TransferEnded { how: TransferEnd::Closed, bytes: Some(u64::MAX), ranges: Some(ranges) };
    let sealed = Event::FileSealed {
        revision: hash(),
        vendor: id(VendorId::from_uuid),
        header: id(ObjectId::from_uuid),
        payload: id(ObjectId::from_uuid),
        header_bytes: u64::MAX,
        payload_bytes: u64::MAX,
        sha256: hash(),
        recipients: vec![hash(); 32],
    };
    let filed =
        Event::VendorFiled { revision: hash(), assessment: hash(), logins: vec![hash(); 32], recipients: vec![hash(); 32] };
    let by = Actor::Person { id: id(PersonId::from_uuid), key: hash() };
    for event in [ended, sealed, filed] {
        let text = text(&speaker(), &record(by, Subject::File(id(FileId::from_uuid)), event));
        assert!(text.len() <= 2_048, "{} bytes: {text}", text.len());
        let said = parse_message(&text, Variant::RFC5424);
        assert!(parameters(&said, "egressd@32473").values().any(|value| value.contains(",+")), "{text}");
    }
}

/// The event's name in the log is made by serde from the variant's: the catalogue has the same variants.
#[test]
fn no_member_of_an_event_stands_where_a_message_says_something_else() {
    let said: Vec<String> =
        parameters(&parse_message(&text(&speaker(), &begun()), Variant::RFC5424), "egressd@32473").into_keys().collect();
    assert_eq!(said.len(), 15, "{said:?}");
    let opened = Event::SessionOpened { vendor: id(VendorId::from_uuid), key: hash(), protocol: Protocol::Sftp };
    assert_eq!(entry(&opened).name, "SessionOpened");
    assert!(CATALOGUE.iter().any(|known| known == &entry(&opened)));
}
