//! The second page: every request about a ticket, its deliveries and its files, in every situation that a ticket can be in. What is
//! refused changes nothing, and who lacks the role is told the same whatever the state; tests/golden/policy-matrix-by-state.txt shows the rest.

mod asks;
mod page;
mod persons;
mod scene;
mod situations;

use super::{every_request, golden};
use crate::{
    domain::{authority::Act, event::Decision, people::Role, refusal::Refusal},
    endpoints::control::request::Request,
    gateway::{Refused, answers::TicketState, fixture::Enrolled},
};
use asks::Ask;
use scene::{Files, Scene, Subject};
use situations::Situation;
use std::collections::{BTreeMap, BTreeSet};

/// What no ticket's state concerns. The first page has them all.
const ELSEWHERE: [(&str, Act, &str); 26] = [
    ("whoami", Act::Look, "is about whoever asks"),
    ("status", Act::Look, "is about the gateway"),
    ("staff_enroll", Act::EnrolStaff, "is about a person"),
    ("staff_list", Act::Look, "is about persons"),
    ("break_glass_list", Act::Look, "is about the uses of a sealed identity"),
    ("break_glass_review", Act::ReviewBreakGlass, "is about one use of a sealed identity"),
    ("vendor_add", Act::FileVendor, "is about a vendor"),
    ("vendor_confirm", Act::ConfirmVendor, "is about a vendor's revision"),
    ("vendor_token", Act::IssueToken, "is about a vendor's token"),
    ("vendor_confirm_token", Act::ConfirmToken, "is about a vendor's token"),
    ("vendor_list", Act::Look, "is about vendors"),
    ("vendor_show", Act::Look, "is about a vendor"),
    ("key_list", Act::Look, "is about keys"),
    ("key_show_recipient", Act::Look, "is about the gateway's own key"),
    ("ticket_submit", Act::SubmitTicket, "makes a ticket: before it there is none"),
    ("ticket_list", Act::Look, "is about all tickets"),
    ("policy_simulate", Act::Look, "is about all tickets, and records nothing"),
    ("session_list", Act::Look, "is about vendors' sessions"),
    ("session_kill", Act::KillSession, "ends a session and no ticket's standing"),
    ("log_test", Act::TestLog, "is about who is told of events"),
    ("purge", Act::Purge, "does what is due anyway, earlier"),
    ("audit_verify", Act::ReadLog, "is about the log"),
    ("audit_tail", Act::ReadLog, "is about the log"),
    ("audit_checkpoint", Act::ReadLog, "is about the log"),
    ("freeze", Act::Freeze, "is about the house: a table of its own"),
    ("unfreeze", Act::Unfreeze, "is about the house: a table of its own"),
];

/// What somebody was told.
enum Answer {
    Yes,
    No(Refusal),
}

impl Answer {
    fn cell(&self) -> String {
        match self {
            Self::Yes => "yes".to_owned(),
            Self::No(refusal) => format!("{:04}", refusal.code()),
        }
    }
}

/// Everything that was tried.
#[derive(Default)]
struct Tried {
    /// The requests' names on the socket.
    names: BTreeSet<String>,
    /// By the request's place in [`Ask::all`] and who asks.
    cells: BTreeMap<(usize, &'static str), BTreeMap<Situation, String>>,
    /// What whoever lacks the role is told, without the ticket's number.
    words: BTreeMap<(usize, Role), String>,
}

impl Tried {
    /// Puts one request. Whatever is refused has left the log as it was; whatever is done is in it as this person's.
    async fn put(&mut self, scene: &Scene, who: &Enrolled, request: Request, is_look: Looks) -> Answer {
        let name = serde_json::to_value(&request).unwrap()["do"].as_str().unwrap().to_owned();
        let before = scene.house.leaves();
        let answer = scene.ask(who.actor, request).await;
        let recorded = scene.house.recorded_since(before);
        let answer = match answer {
            Ok(_) if is_look == Looks::Yes => Answer::Yes,
            Ok(_) => {
                assert!(
                    recorded.iter().any(|record| record.by == who.actor),
                    "{name} is granted and not on record: {recorded:?}"
                );
                self.names.insert(name);
                return Answer::Yes;
            }
            Err(Refused::Refusal(refusal)) => Answer::No(refusal),
            Err(Refused::Fault(fault)) => panic!("{name}: {fault}"),
        };
        assert!(recorded.is_empty(), "{name} was {} and left behind {recorded:?}", answer.cell());
        self.names.insert(name);
        answer
    }

    /// Everything that can be asked, by everybody, in one situation. `stock` are tickets with files.
    async fn situation(&mut self, scene: &Scene, situation: Situation, mut stock: Vec<Subject>) {
        let mut loose = Vec::new();
        for (at, ask) in Ask::all().into_iter().enumerate() {
            for (asker, role, who) in scene.askers() {
                let may = ask.roles().contains(&role);
                // What is said at a gate makes no difference to whoever does not hold it; the other requester is about requests.
                let says_more = matches!(ask, Ask::Vote(_, said) if said != Decision::Approve);
                // Each role looks in every fourth situation: the first page has each that looks.
                let looks_elsewhere = matches!(ask, Ask::Look(_)) && role as usize % 4 != situation as usize % 4;
                if looks_elsewhere || !may && (says_more || asker != role.name()) {
                    continue;
                }
                let is_stocked = ask.is_about_files() || situation == Situation::UsedUp;
                if !is_stocked && loose.is_empty() {
                    loose.push(scene.fresh(situation, &scene.usual()).await);
                }
                let shelf = if is_stocked { &mut stock } else { &mut loose };
                let subject = shelf.last().unwrap_or_else(|| panic!("more is granted in {situation:?} than there are tickets"));
                scene.heard(who).await;
                let untouched = scene.house.leaves();
                if may {
                    ask.before(scene, subject).await;
                }
                let request = ask.request(scene, who, situation, subject).await;
                let answer = self.put(scene, who, request, ask.looks()).await;
                if may {
                    self.told((at, ask), (asker, role), situation, &answer);
                } else {
                    self.refused((at, ask), role, &subject.ticket.to_string(), answer);
                }
                // Whoever comes next finds a ticket, or a file of it, to which nothing has happened.
                if scene.house.leaves() != untouched {
                    match shelf.last_mut() {
                        Some(subject) if ask.is_about_a_file() => drop(subject.files.pop()),
                        Some(_) if ask == Ask::CloseDelivery => {}
                        _ => drop(shelf.pop()),
                    }
                }
            }
        }
    }

    fn told(&mut self, (at, ask): (usize, Ask), (asker, role): (&'static str, Role), situation: Situation, answer: &Answer) {
        let for_want_of_role = matches!(answer, Answer::No(Refusal::RoleNeeded { .. }));
        assert!(!for_want_of_role, "{role} may not {ask:?}, against the table of authority");
        let is_hidden = matches!((ask, answer), (Ask::Look(_), Answer::No(_)));
        assert!(!is_hidden, "{role} is not shown {ask:?} in {situation:?}");
        self.cells.entry((at, asker)).or_default().insert(situation, answer.cell());
    }

    /// Whoever lacks the role is told that, in the same words whatever the state.
    fn refused(&mut self, (at, ask): (usize, Ask), role: Role, ticket: &str, answer: Answer) {
        let Answer::No(refusal) = answer else { panic!("{role} is granted {ask:?}, against the table of authority") };
        let is_their_own = role == Role::Requester && matches!(ask, Ask::Vote(..));
        let expected = match &refusal {
            Refusal::RoleNeeded { .. } => true,
            Refusal::RequesterMayNotVote { .. } => is_their_own,
            _ => false,
        };
        assert!(expected, "{role} asked for {ask:?} and was told {refusal}");
        let words = format!("{refusal:?}").replace(ticket, "TICKET");
        let before = self.words.entry((at, role)).or_insert_with(|| words.clone());
        assert_eq!(*before, words, "{role} learns from {ask:?} where the ticket stands");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    Yes,
    No,
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_what_in_which_state_is_a_page_that_is_reviewed() {
    let mut scene = Scene::open().await;
    let mut stock: BTreeMap<Situation, Vec<Subject>> = BTreeMap::new();
    for situation in Situation::ALL {
        for _ in 0..situation.stock() {
            let subject = scene.begin(situation, &scene.usual(), Files::Some).await;
            stock.entry(situation).or_default().push(subject);
        }
    }
    scene.rest().await;
    let mut tried = Tried::default();
    let mut order = Situation::ALL;
    order.sort_by_key(|situation| situation.ends_by_date());
    for situation in order {
        let mut subjects = Vec::new();
        for subject in stock.remove(&situation).unwrap_or_default() {
            subjects.push(scene.finish(situation, &scene.usual(), subject).await);
        }
        tried.situation(&scene, situation, subjects).await;
    }
    let persons = persons::table(&scene, &mut tried).await;
    let house = persons::house(&scene, &mut tried).await;
    nothing_is_left_out(&tried);
    golden("policy-matrix-by-state.txt", &page::page(&tried, &persons, &house));
}

fn nothing_is_left_out(tried: &Tried) {
    let elsewhere: BTreeSet<String> = ELSEWHERE.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let house = ["freeze", "unfreeze"].map(str::to_owned).into();
    let twice: BTreeSet<&String> =
        tried.names.intersection(&elsewhere).filter(|name| !BTreeSet::contains(&house, *name)).collect();
    assert!(twice.is_empty(), "{twice:?} concern tickets and are said not to");
    let known: BTreeSet<String> = tried.names.union(&elsewhere).cloned().collect();
    assert_eq!(known, every_request(), "a request that is neither tried in every state nor said to concern none");
    let acts: BTreeSet<Act> = ELSEWHERE.iter().map(|(_, act, _)| *act).chain(Ask::all().into_iter().map(Ask::act)).collect();
    assert_eq!(acts, Act::ALL.into(), "an act of the table of authority that no request here asks for");
    let roles: BTreeSet<Role> = tried.words.keys().map(|(_, role)| *role).collect();
    assert_eq!(roles, Role::ALL.into(), "a role that was refused nothing");
    // A draft is its author's file, and what is submitted is in review or on hold at once.
    let never = [TicketState::Draft, TicketState::Submitted];
    let states: BTreeSet<TicketState> = Situation::ALL.map(Situation::state).into_iter().chain(never).collect();
    assert_eq!(states, TicketState::ALL.iter().copied().collect(), "a state that no situation shows");
}
