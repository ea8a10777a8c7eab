//! Review through the desk: what is said at a gate, what becomes of it, and what it binds.

use super::*;
use crate::{
    domain::{
        digest::Digest,
        event::{Actor, Decision},
        ids::TicketNumber,
        limits,
        people::Gate,
        vote::{Asked, Ballot, Comment},
    },
    gateway::{
        answers::{FileState, TicketState, VoteStanding},
        fixture::{Staff, approval, csv, ticket_document, until},
    },
};

fn sent_back(gate: Gate) -> Ballot {
    Ballot {
        decision: Decision::RequestChanges,
        because: Some("excess_fields".parse().unwrap()),
        reason: "the note is not needed".into(),
        comments: vec![Comment { on: "field.note".into(), text: "which forecast reads notes?".into() }],
        ..approval(gate)
    }
}

fn tied(gate: Gate, terms: &[&str]) -> Ballot {
    Ballot { terms: terms.iter().map(|term| term.parse().unwrap()).collect(), ..approval(gate) }
}

async fn state(house: &House, number: TicketNumber) -> TicketState {
    house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_back_with_comments_comes_again_and_keeps_the_votes_that_were_not_asked_about() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "health", "").await;
    house.vote(number, approval(Gate::Business)).await.unwrap();
    house.vote(number, approval(Gate::Security)).await.unwrap();
    let voted = house.vote(number, sent_back(Gate::Privacy)).await.unwrap();
    assert_eq!(voted.state, TicketState::Returned);
    assert!(voted.next[0].command.contains("ticket revise"));

    let (desk, rita, pia) = (house.desk(), house.person(Staff::Rita), house.person(Staff::Pia));
    let told = desk.ticket_show(rita, number).await.unwrap();
    assert!(told.why_not_active[0].what.contains("excess_fields"), "{:?}", told.why_not_active);
    let privacy = told.gates.iter().find(|gate| gate.gate == Gate::Privacy).unwrap();
    assert_eq!(privacy.votes[0].comments[0].on, "field.note");

    let same = ticket_document(&acme, "health", "", r#""sftp", "https""#);
    assert_eq!(code(house.revise(number, same.clone()).await), 2015, "a revision that changes nothing");
    let other = house.vendor("other").await;
    let elsewhere = ticket_document(&other, "health", "", r#""sftp", "https""#);
    assert_eq!(code(house.revise(number, elsewhere).await), 2016);
    let base = told.under_review;
    let sam = house.person(Staff::Sam);
    assert_eq!(code(desk.ticket_revise(sam, number, base, same.clone()).await), 1006);
    assert_eq!(
        code(desk.ticket_revise(rita, number, Digest::of(b"older"), ticket_document(&acme, "health", "", r#""sftp""#)).await),
        2017
    );

    // Only security is asked about the protocols.
    let revised = house.revise(number, ticket_document(&acme, "health", "", r#""sftp""#)).await.unwrap();
    assert_eq!((revised.state, revised.revision_number), (TicketState::InReview, 2));
    assert!(!revised.open_gates.contains(&Gate::Business) && revised.open_gates.contains(&Gate::Security));
    let review = desk.ticket_review(pia, number).await.unwrap();
    assert_eq!(review.compared_with, Some(1));
    assert_eq!(review.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["protocols"]);
    let asked = |gate| review.gates.iter().find(|review| review.gate == gate).unwrap();
    let privacy = asked(Gate::Privacy);
    assert_eq!(privacy.standing.votes[0].standing, VoteStanding::Answered, "it was about the first revision");
    assert!(privacy.commands.iter().any(|command| command.contains("--gate privacy --approve")), "{:?}", privacy.commands);
    assert_eq!(Digest::of(privacy.question_text.as_bytes()), privacy.standing.question);
    assert!(privacy.answers.iter().any(|answer| answer.path == "at_vendor.backup"));
    assert!(privacy.answers.iter().all(|answer| answer.path != "protocols"));
    assert!(asked(Gate::Security).not_you.is_some() && asked(Gate::Security).commands.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_is_refused_by_what_is_wrong_with_its_signature_each_with_its_own_code() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let (number, other) = (house.submit(&acme, "health", "").await, house.submit(&acme, "direct_identifier", "").await);
    let (asked, elsewhere) = (house.asked(number, Gate::Privacy).await, house.asked(other, Gate::Privacy).await);
    let ballot = approval(Gate::Privacy);
    let desk = house.desk();
    let vote = async |by: Actor, asked: Asked, signature: String| desk.ticket_vote(by, asked, ballot.clone(), signature).await;
    let (pia, sign) = (house.person(Staff::Pia), |asked: &Asked| house.sign(Staff::Pia, &ballot.text(asked)));
    assert_eq!(code(vote(pia, asked, String::new()).await), 1003, "nothing that is a signature");
    assert_eq!(code(vote(pia, asked, house.sign(Staff::Sam, &ballot.text(&asked))).await), 1016, "another's key");
    let request = house.sign_for("egressd-request", Staff::Pia, &ballot.text(&asked));
    assert_eq!(code(vote(pia, asked, request).await), 1015, "another namespace");
    assert_eq!(code(vote(pia, asked, sign(&elsewhere)).await), 1003, "replayed from another ticket");
    let replayed = Asked { ticket: number, ..elsewhere };
    assert_eq!(code(vote(pia, replayed, sign(&replayed)).await), 2104, "another question");
    let stranger = Actor::Person { id: crate::domain::ids::PersonId::from_uuid(uuid::Uuid::from_u128(9)), key: Digest::of(b"k") };
    assert_eq!(code(vote(stranger, asked, sign(&asked)).await), 1004, "a key that nobody enrolled");
    vote(pia, asked, sign(&asked)).await.unwrap();
    assert_eq!(code(vote(pia, asked, sign(&asked)).await), 2107, "the same again");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_approved_may_take_it_back_while_nothing_runs() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "business", "").await;
    house.vote(number, approval(Gate::Business)).await.unwrap();
    assert_eq!(house.vote(number, approval(Gate::Security)).await.unwrap().state, TicketState::Approved);
    assert_eq!(house.vote(number, sent_back(Gate::Security)).await.unwrap().state, TicketState::Returned);
    let olga = house.person(Staff::Olga);
    assert_eq!(code(house.desk().ticket_activate(olga, number).await), 2201);
    assert_eq!(house.vote(number, approval(Gate::Security)).await.unwrap().state, TicketState::Approved);
    house.desk().ticket_activate(olga, number).await.unwrap();
    assert_eq!(
        code(house.vote(number, sent_back(Gate::Security)).await),
        2106,
        "what runs is suspended or revoked, not sent back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_their_mind_for_ever_is_heard_no_more_but_for_a_no() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "business", "").await;
    for n in 0..limits::VOTES_EACH {
        let ballot = if n % 2 == 0 { approval(Gate::Security) } else { sent_back(Gate::Security) };
        house.vote(number, ballot).await.unwrap();
    }
    assert_eq!(code(house.vote(number, approval(Gate::Security)).await), 2114);
    house.vote(number, approval(Gate::Business)).await.unwrap();
    let no = Ballot { decision: Decision::Reject, ..sent_back(Gate::Security) };
    assert_eq!(house.vote(number, no).await.unwrap().state, TicketState::Rejected);
}

/// D24: what an approval is tied to holds at inspection, at release and at the vendor's door.
#[tokio::test(flavor = "multi_thread")]
async fn the_terms_of_an_approval_are_checked_on_every_file_delivery_and_login() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "business", "").await;
    let terms = ["max_rows=2", "max_deliveries=1", "max_downloads=1", "address=127.0.0.1", "without=note"];
    house.vote(number, tied(Gate::Business, &terms)).await.unwrap();
    house.vote(number, approval(Gate::Security)).await.unwrap();
    house.desk().ticket_activate(house.person(Staff::Olga), number).await.unwrap();
    let shown = house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap();
    assert!(shown.terms.contains(&"without=note (business)".to_owned()), "{:?}", shown.terms);

    house.drop_file(number, "whole.csv", b"order_id,note\n1,x\n");
    house.drop_file(number, "long.csv", b"order_id\n1\n2\n3\n");
    house.drop_file(number, "right.csv", b"order_id\n1\n2\n");
    let rows = until("all of them are judged", async || {
        let rows = house.desk().file_list(house.person(Staff::Olga), Some(number)).await.unwrap().rows;
        (rows.iter().filter(|row| matches!(row.state, FileState::Held | FileState::Sealed)).count() == 3).then_some(rows)
    })
    .await;
    let held: Vec<&str> = rows.iter().filter(|row| row.state == FileState::Held).map(|row| row.name.as_str()).collect();
    assert!(held.contains(&"whole.csv") && held.contains(&"long.csv") && held.len() == 2, "{held:?}");
    for row in rows.iter().filter(|row| row.state == FileState::Held) {
        house.desk().file_discard(house.person(Staff::Olga), row.id.unwrap(), "not as approved".into()).await.unwrap();
    }
    let delivery = house.release(number, &["right.csv"]).await;
    house.drop_file(number, "second.csv", b"order_id\n1\n");
    until("the second delivery is refused", async || {
        let rows = house.desk().file_list(house.person(Staff::Olga), Some(number)).await.unwrap().rows;
        rows.into_iter().find(|row| row.name == "second.csv" && row.state == FileState::Held)
    })
    .await;
    let pickup = house.door().login(attempt(&acme, Ipv4Addr::LOCALHOST), line(), Arc::new(Unplugged)).await.unwrap();
    let file = path(&format!("/{delivery}/right.csv.age"));
    pickup.open(&file).unwrap();
    let elsewhere = house.door().login(attempt(&acme, Ipv4Addr::new(127, 0, 0, 2)), line(), Arc::new(Unplugged)).await.unwrap();
    assert!(elsewhere.open(&file).is_err(), "not from another of the vendor's addresses");
}

/// What was released before an approval was tied to less is no more served than it would be released now.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_released_under_wider_bounds_is_served_no_longer() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    let delivery = house.deliver(number, &[("two.csv", b"order_id,note\n1,x\n2,y\n")]).await;
    let file = path(&format!("/{delivery}/two.csv.age"));
    let come = async || house.door().login(attempt(&acme, Ipv4Addr::LOCALHOST), line(), Arc::new(Unplugged)).await.unwrap();
    come().await.open(&file).unwrap();

    let policy = include_str!("../../../config/policy.toml");
    house.reload_policy(&format!("{policy}\n[[scope]]\nrole = \"security_reviewer\"\npeople = [\"nobody\"]\n")).await;
    assert_eq!(state(&house, number).await, TicketState::Suspended);
    house.vote(number, tied(Gate::Business, &["max_rows=1"])).await.unwrap();
    house.reload_policy(policy).await;
    house.resume(number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
    assert!(come().await.open(&file).is_err(), "a file of two rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_replaces_what_runs_only_when_it_is_activated_and_purges_what_was_sealed_before() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.ticket(&acme, "business").await;
    let first = house.deliver(number, &[("first.csv", &csv(100))]).await;
    let amended = ticket_document(&acme, "business", "", r#""https""#);
    let revised = house.revise(number, amended).await.unwrap();
    assert_eq!((revised.state, revised.revision_number), (TicketState::Active, 2));
    let shown = house.desk().ticket_show(house.person(Staff::Rita), number).await.unwrap();
    assert_eq!(shown.protocols.len(), 2, "what runs is shown");
    assert_eq!(shown.amendment.unwrap().state, TicketState::InReview);
    let olga = house.person(Staff::Olga);
    assert_eq!(code(house.desk().ticket_activate(olga, number).await), 2201, "its gate is open");
    let pickup = log_in(&house, &acme).await.unwrap();
    pickup.open(&path(&format!("/{first}/first.csv.age"))).unwrap();
    house.vote(number, approval(Gate::Security)).await.unwrap();
    pickup.open(&path(&format!("/{first}/first.csv.age"))).unwrap();
    house.desk().ticket_activate(olga, number).await.unwrap();
    assert_eq!(state(&house, number).await, TicketState::Active);
    assert!(pickup.open(&path(&format!("/{first}/first.csv.age"))).is_err(), "SFTP is no longer approved");
}

/// Judgements that were not made in each other's sight.
#[tokio::test(flavor = "multi_thread")]
async fn blind_approvals_are_shown_to_their_voter_and_to_nobody_else_before_the_gate_has_all() {
    let policy =
        format!("{}\n[gates.privacy]\nvotes = {{ T3 = 2 }}\nblind = true\n", include_str!("../../../config/policy.toml"));
    let house = House::open().await;
    house.reload_policy(&policy).await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "health", "").await;
    let said = Ballot { reason: "I have seen the contract".into(), ..tied(Gate::Privacy, &["max_rows=1000"]) };
    house.vote(number, said).await.unwrap();
    let looks = [(Staff::Pia, 1), (Staff::Rita, 0), (Staff::Sam, 0)];
    for (n, (who, sees)) in looks.into_iter().chain(looks).enumerate() {
        if n == looks.len() {
            // Another revision asks again, and shows nobody what was said of this one.
            let other =
                ticket_document(&acme, "health", "", r#""sftp", "https""#).replace("purpose = \"", "purpose = \"weekly: ");
            house.revise(number, other).await.unwrap();
        }
        let by = house.person(who);
        let shown = house.desk().ticket_show(by, number).await.unwrap();
        let gate = shown.gates.iter().find(|gate| gate.gate == Gate::Privacy).unwrap();
        assert_eq!((gate.votes.len(), gate.hidden), (sees, 1 - sees as u32), "{who:?}");
        let binds = if n < looks.len() { sees } else { 0 };
        assert_eq!(shown.terms.len(), binds, "{who:?} reads {:?}", shown.terms);
        let told = [
            serde_json::to_string(&shown.timeline).unwrap(),
            serde_json::to_string(&house.desk().audit_tail(by, None, 100).await.unwrap()).unwrap(),
            serde_json::to_string(&house.desk().explain(by, number.to_string().parse().unwrap()).await.unwrap()).unwrap(),
        ];
        for told in told {
            assert!(!told.contains("seen the contract"), "{who:?} reads {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_review_of_what_is_over_waits_for_nothing_and_says_how_it_ended() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let review = async |number| house.desk().ticket_review(house.person(Staff::Pia), number).await.unwrap();
    let withdrawn = house.submit(&acme, "health", "").await;
    house.desk().ticket_withdraw(house.person(Staff::Rita), withdrawn, "no need".into()).await.unwrap();
    let told = review(withdrawn).await;
    assert_eq!((told.ticket_state, told.state), (Some(TicketState::Withdrawn), TicketState::InReview));
    assert!(
        matches!(&told.waits_for[..], [end] if end.what.starts_with("withdrawn") && end.what.contains("by rita")),
        "{told:?}"
    );

    let rejected = house.submit(&acme, "health", "").await;
    let no = Ballot { decision: Decision::Reject, ..sent_back(Gate::Privacy) };
    house.vote(rejected, Ballot { comments: Vec::new(), ..no }).await.unwrap();
    let told = review(rejected).await;
    assert_eq!(told.ticket_state, Some(TicketState::Rejected));
    assert!(matches!(&told.waits_for[..], [end] if end.what.starts_with("rejected at the gate privacy")), "{told:?}");

    let active = house.ticket(&acme, "business").await;
    let told = review(active).await;
    assert_eq!((told.ticket_state, told.state), (Some(TicketState::Active), TicketState::Approved));
    assert!(told.waits_for.is_empty() && told.gates.iter().all(|gate| gate.commands.is_empty()), "{told:?}");
    // Its amendment has a review of its own.
    house.revise(active, ticket_document(&acme, "health", "", r#""sftp""#)).await.unwrap();
    let told = review(active).await;
    assert_eq!((told.ticket_state, told.state), (Some(TicketState::Active), TicketState::InReview));
    assert!(told.waits_for.iter().any(|next| next.command.contains("--gate privacy")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shows_the_last_day_that_a_term_leaves() {
    let house = House::open().await;
    let acme = house.vendor("acme").await;
    let number = house.submit(&acme, "health", "").await;
    let until = async || {
        house.desk().ticket_list(house.person(Staff::Rita), None, Default::default()).await.unwrap().rows[0].until.clone()
    };
    let asked_for = until().await;
    house.vote(number, tied(Gate::Privacy, &["until=2098-06-30"])).await.unwrap();
    assert_eq!((asked_for.as_str(), until().await.as_str()), ("2099-12-31", "2098-06-30"));
}
