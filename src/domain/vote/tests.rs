//! What may be said at a gate, and how it reads when it is signed.

use super::*;

const TICKET: &str = include_str!("../../../config/ticket.toml");
const POLICY: &str = include_str!("../../../config/policy.toml");

fn asked() -> Asked {
    let digest = Digest::of(b"x");
    Asked { ticket: "EGR-2026-0042".parse().unwrap(), question: digest, revision: digest, policy: digest, after: None }
}

fn ballot(decision: Decision) -> Ballot {
    let because = (decision != Decision::Approve).then(|| "excess_fields".parse().unwrap());
    let comments = match decision {
        Decision::RequestChanges => vec![Comment { on: "purpose".into(), text: "which campaign?".into() }],
        _ => Vec::new(),
    };
    Ballot { gate: Gate::Privacy, decision, because, reason: "the birth date is not needed".into(), comments, terms: Vec::new() }
}

fn checked(ballot: &Ballot) -> Result<(), u16> {
    let (document, policy) = (TicketDocument::parse(TICKET).unwrap(), Policy::parse(POLICY).unwrap());
    ballot.check(&document, &policy).map_err(|refusal| refusal.code())
}

#[test]
fn the_text_of_a_vote_says_all_of_it_one_statement_a_line() {
    let said = Ballot {
        reason: "line one\nline \"two\"\nquestion 0000".into(),
        terms: vec![Term::MaxRows(10), Term::Without("birth date".into())],
        ..ballot(Decision::RequestChanges)
    };
    let digest = Digest::of(b"x");
    let text = format!(
        "egressd vote 2\nticket EGR-2026-0042\ngate privacy\ndecision request_changes\nbecause excess_fields\n\
         reason \"line one\\nline \\\"two\\\"\\nquestion 0000\"\ncomment \"purpose\" \"which campaign?\"\n\
         term \"max_rows=10\"\nterm \"without=birth date\"\nquestion {digest}\nrevision {digest}\npolicy {digest}\n"
    );
    assert_eq!(said.text(&asked()), text);
}

#[test]
fn no_two_votes_have_one_text() {
    let mut texts = std::collections::BTreeSet::new();
    let mut add = |ballot: Ballot, asked: Asked| assert!(texts.insert(ballot.text(&asked)), "{ballot:?}");
    for gate in Gate::ALL {
        for decision in Decision::ALL {
            add(Ballot { gate, ..ballot(decision) }, asked());
        }
    }
    add(Ballot { reason: String::new(), ..ballot(Decision::Approve) }, asked());
    add(Ballot { because: Some("other".parse().unwrap()), ..ballot(Decision::Approve) }, asked());
    add(Ballot { terms: vec![Term::MaxRows(1)], ..ballot(Decision::Approve) }, asked());
    add(Ballot { terms: vec![Term::MaxRows(1), Term::MaxRows(1)], ..ballot(Decision::Approve) }, asked());
    let comment = |on: &str, text: &str| Comment { on: on.into(), text: text.into() };
    add(Ballot { comments: vec![comment("a b", "c")], ..ballot(Decision::Approve) }, asked());
    add(Ballot { comments: vec![comment("a", "b c")], ..ballot(Decision::Approve) }, asked());
    add(Ballot { comments: vec![comment("a", "b"), comment("c", "d")], ..ballot(Decision::Approve) }, asked());
    let other = Digest::of(b"y");
    for changed in [
        Asked { question: other, ..asked() },
        Asked { revision: other, ..asked() },
        Asked { policy: other, ..asked() },
        Asked { after: Some(7), ..asked() },
        Asked { after: Some(8), ..asked() },
        Asked { ticket: "EGR-2026-0043".parse().unwrap(), ..asked() },
    ] {
        add(ballot(Decision::Approve), changed);
    }
}

/// D20: no rejection without a valid reason.
#[test]
fn whoever_does_not_approve_gives_a_known_code_and_a_text_and_whoever_wants_changes_says_where() {
    for decision in Decision::ALL {
        assert_eq!(checked(&ballot(decision)), Ok(()), "{decision:?}");
    }
    for decision in [Decision::Reject, Decision::RequestChanges] {
        assert_eq!(checked(&Ballot { because: None, ..ballot(decision) }), Err(2109));
        assert_eq!(checked(&Ballot { because: Some("mood".parse().unwrap()), ..ballot(decision) }), Err(2110));
        assert_eq!(checked(&Ballot { reason: " ".into(), ..ballot(decision) }), Err(2105));
    }
    assert_eq!(checked(&Ballot { comments: Vec::new(), ..ballot(Decision::RequestChanges) }), Err(2111));
    assert_eq!(checked(&Ballot { reason: String::new(), ..ballot(Decision::Approve) }), Ok(()));
}

#[test]
fn a_comment_stands_on_a_place_of_the_request_and_holds_nothing_unseen() {
    let on = |on: &str| {
        let comments = vec![Comment { on: on.into(), text: "why?".into() }];
        checked(&Ballot { comments, ..ballot(Decision::RequestChanges) })
    };
    let name = TicketDocument::parse(TICKET).unwrap().fields[0].name.clone();
    for place in ["purpose", "at_vendor.backup", &format!("field.{name}"), &format!("field.{name}.treatment")] {
        assert_eq!(on(place), Ok(()), "{place}");
    }
    for nowhere in ["", "field", "field.nothing", "at_vendor", "at_vendor.back", &format!("field.{name}.nothing")] {
        assert_eq!(on(nowhere), Err(2112), "{nowhere}");
    }
    let empty = vec![Comment { on: "purpose".into(), text: " ".into() }];
    assert_eq!(checked(&Ballot { comments: empty, ..ballot(Decision::RequestChanges) }), Err(2111));
    let hidden = Ballot { reason: "fine\u{202e}enif".into(), ..ballot(Decision::Approve) };
    assert_eq!(checked(&hidden), Err(2115));
    let many = vec![Comment { on: "purpose".into(), text: "why?".into() }; limits::VOTE_COMMENTS + 1];
    assert_eq!(checked(&Ballot { comments: many, ..ballot(Decision::RequestChanges) }), Err(2114));
}

#[test]
fn a_term_that_could_bind_nothing_or_let_nothing_leave_is_refused() {
    let tied = |decision, terms: &[&str]| {
        let terms = terms.iter().map(|term| term.parse().unwrap()).collect();
        checked(&Ballot { terms, ..ballot(decision) })
    };
    let document = TicketDocument::parse(TICKET).unwrap();
    let without = format!("without={}", document.fields[0].name);
    let protocol = format!("protocol={}", document.protocols[0].name());
    for term in [
        "max_rows=1",
        "max_bytes=1",
        "max_deliveries=1",
        "max_downloads=1",
        "until=2099-01-01",
        "address=192.0.2.0/24",
        &without,
        &protocol,
    ] {
        assert_eq!(tied(Decision::Approve, &[term]), Ok(()), "{term}");
        assert_eq!(tied(Decision::Reject, &[term]), Err(2113), "{term}");
        assert_eq!(term.parse::<Term>().unwrap().to_string(), term);
    }
    for term in ["max_rows=0", "max_bytes=9007199254740992", "max_deliveries=0", "until=2001-01-01", "without=nothing"] {
        assert_eq!(tied(Decision::Approve, &[term]), Err(2113), "{term}");
    }
    let mut least = document.clone();
    least.limits.min_rows = Some(10);
    let tied_to = |term: &str| {
        let ballot = Ballot { terms: vec![term.parse().unwrap()], ..ballot(Decision::Approve) };
        ballot.check(&least, &Policy::parse(POLICY).unwrap()).map_err(|refusal| refusal.code())
    };
    assert_eq!((tied_to("max_rows=9"), tied_to("max_rows=10")), (Err(2113), Ok(())));
    let all: Vec<String> = document.fields.iter().map(|field| format!("without={}", field.name)).collect();
    assert_eq!(tied(Decision::Approve, &all.iter().map(String::as_str).collect::<Vec<_>>()), Err(2113));
    for nonsense in
        ["", "max_rows", "max_rows=x", "max_rows=-1", "max_subjects=3", "protocol=ftp", "address=192.0.2.1/24", "until=soon"]
    {
        assert!(nonsense.parse::<Term>().is_err(), "{nonsense}");
    }
}
