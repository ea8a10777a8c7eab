//! What makes a difference beside the ticket's state: the part that a person has in it, what their key is worth, and a freeze.

use super::{
    Answer, Tried,
    asks::Ask,
    scene::{Parts, Scene, Subject, VotesFirst},
    situations::Situation,
};
use crate::{
    domain::{
        authority::Act,
        event::{Actor, Decision, Event},
        people::Role,
        signature::PublicKey,
    },
    endpoints::control::request::Request,
    gateway::{
        asked::Scope,
        fixture::{Enrolled, Staff, key},
    },
};
use std::collections::BTreeMap;

/// One of the smaller tables.
pub(super) struct Table {
    pub(super) title: &'static str,
    /// Name and meaning.
    pub(super) columns: Vec<(&'static str, &'static str)>,
    pub(super) rows: Vec<(String, Vec<String>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Column {
    Apart,
    Requested,
    Voted,
    Activated,
    Frozen,
    Sealed,
    Revoked,
    Expired,
    Foreign,
    Unsigned,
    Owner,
}

impl Column {
    const ALL: [Self; 11] = [
        Self::Apart,
        Self::Requested,
        Self::Voted,
        Self::Activated,
        Self::Frozen,
        Self::Sealed,
        Self::Revoked,
        Self::Expired,
        Self::Foreign,
        Self::Unsigned,
        Self::Owner,
    ];

    const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::Apart => ("apart", "has every role but break_glass, and no part in the ticket"),
            Self::Requested => ("requested", "has the same roles, and requested it"),
            Self::Voted => ("voted", "has the same roles, and voted at business"),
            Self::Activated => ("activated", "has the same roles, and activated it, if it was activated"),
            Self::Frozen => ("frozen", "is `apart`, while everything is frozen"),
            Self::Sealed => {
                ("sealed", "a sealed identity; the first request of a use, though refused, leaves one leaf: that it is used")
            }
            Self::Revoked => ("revoked", "has the same roles, and a key that is revoked"),
            Self::Expired => ("expired", "has the same roles, and a key whose last day is over"),
            Self::Foreign => ("foreign", "another key than the one that is enrolled for them"),
            Self::Unsigned => ("unsigned", "a request without a signature"),
            Self::Owner => ("owner", "the machine's owner, once two are enrolled"),
        }
    }
}

/// Everybody whom the second table is about.
struct Persons(BTreeMap<Column, Enrolled>);

impl Persons {
    async fn enrolled(scene: &Scene) -> Self {
        let house = &scene.house;
        let mut persons = BTreeMap::new();
        for column in [Column::Apart, Column::Requested, Column::Voted, Column::Activated, Column::Revoked] {
            persons.insert(column, house.enrolled(column.told().0, Role::DAILY, None).await);
        }
        let Actor::Person { id, key: digest } = persons[&Column::Revoked].actor else { unreachable!("they are enrolled") };
        house.revoke(Scope::Key(digest)).await.unwrap();
        persons.insert(Column::Sealed, house.enrolled("sealed", &[Role::BreakGlass], None).await);
        let foreign = key();
        let actor = Actor::Person { id, key: PublicKey::new(foreign.public_key()).unwrap().fingerprint() };
        persons.insert(Column::Foreign, Enrolled { actor, key: foreign });
        persons.insert(Column::Unsigned, Enrolled { actor: Actor::System, key: key() });
        persons.insert(Column::Owner, Enrolled { actor: Actor::Owner, key: key() });
        Self(persons)
    }

    fn asking<'a>(&'a self, scene: &'a Scene, column: Column) -> &'a Enrolled {
        match column {
            Column::Frozen => &self.0[&Column::Apart],
            Column::Expired => &scene.expired,
            other => &self.0[&other],
        }
    }

    fn parts<'a>(&'a self, scene: &'a Scene, column: Column) -> Parts<'a> {
        let usual = scene.usual();
        let who = self.asking(scene, column);
        match column {
            Column::Requested => Parts { requester: who, ..usual },
            Column::Voted => Parts { business: who, votes_first: VotesFirst::Yes, ..usual },
            Column::Activated => Parts { operator: who.actor, ..usual },
            _ => usual,
        }
    }
}

/// Where the request is granted to somebody: in a situation that many requests share, if it is.
fn granted(tried: &Tried, at: usize) -> Situation {
    let is_granted =
        |situation: &Situation| tried.cells.range((at, "")..(at + 1, "")).any(|(_, cells)| cells[situation] == "yes");
    let shared = [
        Situation::InReview,
        Situation::EveryGate,
        Situation::Approved,
        Situation::Active,
        Situation::Suspended,
        Situation::Revoked,
    ];
    shared.into_iter().chain(Situation::ALL).find(is_granted).expect("a request that nobody is ever granted")
}

pub(super) async fn table(scene: &Scene, tried: &mut Tried) -> Table {
    let persons = Persons::enrolled(scene).await;
    a_sealed_identity_leaves_one_leaf(scene, tried, &persons.0[&Column::Sealed]).await;
    // What is said at a gate, and what becomes of a file, is no matter of a person's part.
    let is_shown = |ask: &Ask| {
        !ask.is_about_files() && !matches!(ask, Ask::Look(_)) && !matches!(ask, Ask::Vote(_, said) if *said != Decision::Approve)
    };
    let asks: Vec<(usize, Ask)> = Ask::all().into_iter().enumerate().filter(|(_, ask)| is_shown(ask)).collect();
    let mut rows: Vec<(String, Vec<String>)> =
        asks.iter().map(|(at, ask)| (row(*ask, granted(tried, *at)), Vec::new())).collect();
    for column in Column::ALL {
        let who = persons.asking(scene, column);
        let parts = persons.parts(scene, column);
        let mut at_hand: BTreeMap<Situation, Subject> = BTreeMap::new();
        for ((at, ask), (_, cells)) in asks.iter().zip(&mut rows) {
            let situation = granted(tried, *at);
            let subject = match at_hand.remove(&situation) {
                Some(subject) => subject,
                None => scene.fresh(situation, &parts).await,
            };
            scene.heard(who).await;
            let untouched = scene.house.leaves();
            ask.before(scene, &subject).await;
            if column == Column::Frozen {
                freeze(scene).await;
            }
            let request = ask.request(scene, who, situation, &subject).await;
            let answer = tried.put(scene, who, request, ask.looks()).await;
            cells.push(answer.cell());
            if column == Column::Frozen {
                thaw(scene).await;
            } else if scene.house.leaves() == untouched {
                at_hand.insert(situation, subject);
            }
        }
    }
    let title = "2. By person. Each row in a situation in which somebody is told yes; whoever has every role is an operator, who waives nothing.";
    Table { title, columns: Column::ALL.map(Column::told).into(), rows }
}

fn row(ask: Ask, situation: Situation) -> String {
    format!("{} ({})", ask.label(), situation.state().name())
}

/// The one exception: what a sealed identity asks for is refused, and that it is used is on record all the same. Once.
async fn a_sealed_identity_leaves_one_leaf(scene: &Scene, tried: &mut Tried, sealed: &Enrolled) {
    let subject = scene.fresh(Situation::Approved, &scene.usual()).await;
    scene.a_use_passes();
    let before = scene.house.leaves();
    scene.heard(sealed).await;
    scene.ask(sealed.actor, Request::TicketActivate { ticket: subject.ticket }).await.unwrap_err();
    let recorded = scene.house.recorded_since(before);
    assert!(matches!(&recorded[..], [one] if one.event == Event::BreakGlassUsed && one.by == sealed.actor), "{recorded:?}");
    scene.heard(sealed).await;
    assert_eq!(scene.house.leaves(), before + 1, "one use is said once");
    let again = Request::TicketActivate { ticket: subject.ticket };
    assert!(matches!(tried.put(scene, sealed, again, super::Looks::No).await, Answer::No(_)));
}

async fn freeze(scene: &Scene) {
    scene.does(scene.house.person(Staff::Sam), Request::Freeze { reason: "a drill".into() }).await;
}

/// Whoever has asked before, two of these two are enough.
async fn thaw(scene: &Scene) {
    for by in [Staff::Sam, Staff::Olga] {
        // Refused to whoever has asked, or if it is lifted.
        scene.ask(scene.house.person(by), Request::Unfreeze { reason: "the drill is over".into() }).await.ok();
    }
}

/// The house of the third table.
const HOUSES: [(&str, &str); 4] = [
    ("open", "nothing is frozen"),
    ("frozen", "everything is"),
    ("operator", "everything is, and an operator has asked to lift it"),
    ("security", "everything is, and a security_responder has asked to lift it"),
];

async fn bring(scene: &Scene, house: &str) {
    thaw(scene).await;
    if house != "open" {
        freeze(scene).await;
    }
    let first = match house {
        "operator" => Staff::Olga,
        "security" => Staff::Sam,
        _ => return,
    };
    scene.does(scene.house.person(first), Request::Unfreeze { reason: "the drill is over".into() }).await;
}

pub(super) async fn house(scene: &Scene, tried: &mut Tried) -> Table {
    let mut rows: BTreeMap<(usize, &str), Vec<String>> = BTreeMap::new();
    let acts = [("freeze", Act::Freeze), ("unfreeze", Act::Unfreeze)];
    for (house, _) in HOUSES {
        bring(scene, house).await;
        for (at, (name, act)) in acts.into_iter().enumerate() {
            for role in Role::ALL {
                let reason = "a drill".to_owned();
                let request = if at == 0 { Request::Freeze { reason } } else { Request::Unfreeze { reason } };
                scene.heard(&scene.only[&role]).await;
                let untouched = scene.house.leaves();
                let answer = tried.put(scene, &scene.only[&role], request, super::Looks::No).await;
                if act.roles().contains(&role) {
                    rows.entry((at, role.name())).or_default().push(answer.cell());
                } else {
                    assert_eq!(answer.cell(), "1006", "{role} asks to {name}");
                }
                if scene.house.leaves() != untouched {
                    bring(scene, house).await;
                }
            }
        }
    }
    thaw(scene).await;
    let rows = rows.into_iter().map(|((at, role), cells)| (format!("{} by {role}", acts[at].0), cells)).collect();
    Table { title: "3. A freeze. Whoever holds none of these roles is refused for want of it.", columns: HOUSES.into(), rows }
}
