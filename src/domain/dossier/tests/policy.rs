//! What a changed policy makes of votes and tickets that it let pass before.

use super::*;

fn plus(more: &str) -> Policy {
    Policy::parse(&format!("{POLICY}\n{more}\n")).unwrap_or_else(|error| panic!("{error}"))
}

/// What a policy asks for in addition holds for what it let pass before: nothing leaves until the request says it.
#[test]
fn a_tightened_condition_suspends_an_active_ticket_that_does_not_answer_it() {
    let mut world = World::active();
    let before = std::mem::replace(&mut world.policy, Policy::parse(POLICY).unwrap());
    let condition = "[[condition]]\nname = \"x\"\nclasses = [\"behaviour\"]\nanswers = [\"limits.max_bytes\"]\n";
    world.policy = plus(condition);
    assert_eq!(world.state(), State::Suspended);
    let blocked = |world: &World| world.judged(today(), TicketDossier::blocked).map(|refusal| refusal.code());
    assert_eq!(blocked(&world), Some(2021));
    // Votes do not replace an answer.
    world.approve();
    assert!(world.judged(today(), |ticket, around| ticket.open_gates(ticket.under_review(), around)).is_empty());
    assert_eq!(world.state(), State::Suspended);
    world.policy = before;
    assert_eq!((world.state(), blocked(&world)), (State::Active, None));
}

/// Whether this person may hold the gate, by the refusal's code.
fn admits(world: &World, by: u128, gate: Gate) -> Result<(), u16> {
    let roster = world.roster();
    let holder = roster.person(person(by)).unwrap();
    world
        .judged(today(), |ticket, around| ticket.admits(holder, ticket.under_review(), gate, around))
        .map_err(|refusal| refusal.code())
}

#[test]
fn a_vote_counts_while_its_voter_is_in_scope_and_a_scope_grants_nothing() {
    let mut world = World::active();
    let scope = |more: &str| plus(&format!("[[scope]]\nrole = \"data_owner\"\n{more}"));
    for (narrowed, holds) in [
        ("people = [\"p3\"]", true),
        ("people = [\"p4\"]", false),
        ("vendors = [\"vendor1\"]", true),
        ("vendors = [\"acme\"]", false),
        ("classes = [\"behaviour\", \"health\"]", true),
        ("classes = [\"health\"]", false),
        // A ticket that names no unit is in no unit's scope.
        ("units = [\"marketing\"]", false),
        ("people = [\"p3\"]\nvendors = [\"acme\"]", false),
        ("vendors = [\"acme\"]\n[[scope]]\nrole = \"data_owner\"\npeople = [\"p3\"]", true),
    ] {
        world.policy = scope(narrowed);
        assert_eq!(admits(&world, 3, Gate::DataOwner), if holds { Ok(()) } else { Err(2121) }, "{narrowed}");
        assert_eq!(world.state(), if holds { State::Active } else { State::Suspended }, "{narrowed}");
    }
    world.policy = scope("people = [\"p4\"]");
    assert_eq!(admits(&world, 4, Gate::DataOwner), Err(1006), "who is named in a scope without the role");
    assert_eq!(admits(&world, 4, Gate::Privacy), Ok(()), "another role is not narrowed");
}

#[test]
fn a_field_of_ones_own_class_lets_nobody_in_a_field_of_anothers() {
    let mut document = TicketDocument::parse(&World::document("behaviour", "2026-12-31")).unwrap();
    let mut foreign = document.fields[0].clone();
    (foreign.name, foreign.class) = ("b".to_owned(), "payment_card".parse().unwrap());
    let policy = plus("[[scope]]\nrole = \"data_owner\"\nclasses = [\"behaviour\"]");
    let world = World::active();
    let (roster, role) = (world.roster(), Role::DataOwner);
    let holder = roster.person(person(3)).unwrap();
    assert!(policy.is_in_scope(role, holder, &document));
    document.fields.push(foreign);
    assert!(!policy.is_in_scope(role, holder, &document));
}

#[test]
fn a_ticket_without_a_unit_is_digested_and_asked_as_before_there_were_any() {
    let plain = TicketDocument::parse(&World::document("behaviour", "2026-12-31")).unwrap();
    assert!(!serde_json::to_string(&plain).unwrap().contains("unit"));
    let mut of_a_unit = plain.clone();
    of_a_unit.unit = Some("marketing".parse().unwrap());
    assert_ne!(of_a_unit.digest(), plain.digest());
    let policy = Policy::parse(POLICY).unwrap();
    let asked = |document: &TicketDocument| document.question(Gate::Privacy, World::vendor_id(1), Digest::of(b"a"), &policy);
    assert_ne!(asked(&of_a_unit), asked(&plain), "a gate is told for whom it is");
    let scope = plus("[[scope]]\nrole = \"data_owner\"\nunits = [\"marketing\"]");
    let world = World::active();
    assert!(scope.is_in_scope(Role::DataOwner, world.roster().person(person(3)).unwrap(), &of_a_unit));
}

/// Person 5 confirmed the vendor and voted at security; 21 activated.
#[test]
fn a_vote_does_not_count_beside_what_the_policy_keeps_apart_from_it() {
    let mut world = World::active();
    for (acts, holds) in [
        ("\"vote\", \"activate\"", true),
        ("\"vote\", \"submit\", \"file_vendor\"", true),
        ("\"confirm_vendor\", \"activate\"", true),
        ("\"vote\", \"confirm_vendor\"", false),
    ] {
        world.policy = plus(&format!("[[apart]]\nacts = [{acts}]"));
        assert_eq!(world.state(), if holds { State::Active } else { State::Suspended }, "{acts}");
        assert_eq!(admits(&world, 5, Gate::Security), if holds { Ok(()) } else { Err(2122) }, "{acts}");
    }
    let kept = |by: u128, deed| world.judged(today(), |ticket, around| ticket.kept_apart(deed, person(by), around).is_err());
    assert!(kept(5, Deed::Vote) && kept(5, Deed::ConfirmVendor) && !kept(5, Deed::Activate) && !kept(4, Deed::Vote));
    world.policy = plus("[[apart]]\nacts = [\"submit\", \"activate\", \"file_vendor\"]");
    let kept = |by: u128, deed| world.judged(today(), |ticket, around| ticket.kept_apart(deed, person(by), around).is_err());
    assert!(kept(1, Deed::Activate) && kept(21, Deed::FileVendor) && kept(20, Deed::Submit) && !kept(5, Deed::Activate));
}

/// A vote as it is recorded at another time than today.
fn vote_at(world: &mut World, at: Time, by: u128, gate: Gate) {
    world.vote(by, gate, Decision::Approve, world.question(gate));
    world.records.last_mut().unwrap().at = at;
}

/// What is late at `now`, put on record.
fn say(world: &mut World, now: Time) -> Vec<Event> {
    let late = world.judged(now, TicketDossier::late);
    for event in &late {
        world.record(Actor::System, Subject::Ticket(World::ticket_id()), event.clone(), None);
    }
    late
}

#[test]
fn an_approval_counts_as_long_as_the_policy_says_and_then_the_gate_is_asked_again() {
    let mut world = World::active();
    world.policy = plus("[review]\nevery_days = { T1 = 30, T3 = 1 }");
    let state = |world: &World, now| world.judged(now, TicketDossier::state);
    let end = today() + days(30);
    assert_eq!(state(&world, end - days(1)), State::Active);
    assert!(say(&mut world, end - days(1)).is_empty());
    assert_eq!(state(&world, end), State::Suspended);
    let told = say(&mut world, end);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|event| matches!(event, Event::ApprovalLapsed { .. })), "{told:?}");
    assert!(say(&mut world, end + days(1)).is_empty(), "once");
    let waits = world.judged(end + days(1), TicketDossier::waits);
    assert!(waits.len() == 4 && waits.iter().all(|wait| wait.asked == end), "{waits:?}");
    // The same people answer the same question anew, and it counts from then.
    for (by, gate) in [(2, Gate::Business), (3, Gate::DataOwner), (4, Gate::Privacy), (5, Gate::Security)] {
        assert_eq!(state(&world, end + days(1)), State::Suspended);
        vote_at(&mut world, end, by, gate);
    }
    assert_eq!(state(&world, end + days(1)), State::Active);
    // A policy that lets approvals count for longer lets the old ones count too: what is recorded decides nothing.
    let mut patient = World::active();
    patient.records.retain(|record| !matches!(record.event, Event::ApprovalLapsed { .. }));
    patient.policy = plus("[review]\nevery_days = { T1 = 31 }");
    assert_eq!(state(&patient, end), State::Active);
}

#[test]
fn a_gate_that_is_late_is_said_once_and_time_never_approves() {
    let mut world = World::new();
    world.vendor(1, "2027-01-31");
    world.submit("behaviour");
    world.policy = plus("[sla]\nprivacy = 72\nsecurity = 24\nlegal = 1\n[gates.security]\nafter = [\"privacy\"]");
    let due = today() + days(3);
    let asked: Vec<Gate> = world.judged(due, TicketDossier::waits).iter().map(|wait| wait.gate).collect();
    assert_eq!(asked, [Gate::Business, Gate::DataOwner, Gate::Privacy], "security is asked when privacy has answered");
    assert!(say(&mut world, due - days(1)).is_empty());
    let told = say(&mut world, due);
    assert!(matches!(told[..], [Event::GateOverdue { gate: Gate::Privacy, asked, .. }] if asked == today()), "{told:?}");
    assert!(say(&mut world, due + days(20)).is_empty(), "once for a question");
    assert_eq!(world.judged(due + days(20), TicketDossier::state), State::InReview);
    vote_at(&mut world, due, 4, Gate::Privacy);
    let told = say(&mut world, due + days(1));
    assert!(matches!(told[..], [Event::GateOverdue { gate: Gate::Security, asked, .. }] if asked == due), "{told:?}");
    // Nobody is asked while something else stops it, or after its end.
    let later = today() + days(100);
    assert!(world.judged(later, TicketDossier::waits).is_empty() && say(&mut world, later).is_empty());
    world.record(World::by(22), Subject::Vendor(World::vendor_id(1)), Event::VendorRevoked, None);
    assert!(world.judged(due, TicketDossier::waits).is_empty());
}
