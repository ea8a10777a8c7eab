//! Lanes: the tickets whose files are sealed side by side. Each ticket is in one of them at most, and they take turns.

use crate::{
    domain::{
        ids::{FileId, TicketId},
        limits,
    },
    gateway::{Gateway, outcome::Fault},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    num::NonZero,
    thread,
};
use tokio::task::JoinSet;

/// A ticket's files that wait to be sealed, in the order in which they came. None: those of no ticket.
struct Line {
    ticket: Option<TicketId>,
    files: Vec<FileId>,
}

/// What came of a ticket's turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Each file was looked at, and each has to wait for something.
    Nothing,
    /// Each file was looked at, and something moved.
    Done,
    /// Its time was over: others first.
    Unfinished,
}

/// What is due after a turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Deliveries may be ready, or files have come meanwhile.
    Look,
    Nothing,
}

/// Owns the tasks of its lanes.
#[derive(Default)]
pub struct Lanes {
    running: JoinSet<(Option<TicketId>, Turn)>,
    /// With what had been heard when their turn began.
    at_work: BTreeMap<Option<TicketId>, u64>,
    /// Who is next.
    waiting: VecDeque<Line>,
    /// Of these nothing can be sealed until something else is heard.
    resting: BTreeSet<Option<TicketId>>,
    heard: u64,
}

impl Lanes {
    /// Something changed, or time has passed: every file may be looked at again.
    pub fn hear(&mut self) {
        self.heard += 1;
        self.resting.clear();
    }

    /// Takes in what waits now. Whoever was in line stays where it was; whoever is new, or has had a turn, is behind them.
    pub fn line_up(&mut self, unsealed: Vec<(Option<TicketId>, FileId)>) {
        let mut lines: BTreeMap<Option<TicketId>, Vec<FileId>> = BTreeMap::new();
        for (ticket, file) in unsealed {
            lines.entry(ticket).or_default().push(file);
        }
        self.waiting.retain_mut(|line| match lines.remove(&line.ticket) {
            Some(files) => {
                line.files = files;
                true
            }
            None => false,
        });
        for (ticket, files) in lines {
            if !self.at_work.contains_key(&ticket) && !self.resting.contains(&ticket) {
                self.waiting.push_back(Line { ticket, files });
            }
        }
    }

    /// Gives every free lane to who is next.
    pub fn fill(&mut self, gateway: &Gateway) {
        while self.running.len() < side_by_side() {
            let Some(Line { ticket, files }) = self.waiting.pop_front() else { break };
            self.at_work.insert(ticket, self.heard);
            let gateway = gateway.clone();
            self.running.spawn_blocking(move || (ticket, gateway.seal_in_turn(&files)));
        }
    }

    /// Returns at the end of a turn. It waits for ever while there is none.
    ///
    /// # Errors
    /// A turn panicked.
    pub async fn one_ended(&mut self) -> Result<Due, Fault> {
        let Some(ended) = self.running.join_next().await else { return std::future::pending().await };
        let (ticket, turn) = ended.map_err(|error| Fault::new("sealing", error))?;
        let heard_nothing = self.at_work.remove(&ticket) == Some(self.heard);
        if turn != Turn::Unfinished && heard_nothing {
            self.resting.insert(ticket);
        }
        Ok(if turn == Turn::Nothing && heard_nothing { Due::Nothing } else { Due::Look })
    }

    /// Waits for every turn that runs: each sees a stop at the next bytes it reads.
    pub async fn all_ended(mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

/// As many as there are cores; two at least, so that one that is slow never holds up all others.
fn side_by_side() -> usize {
    thread::available_parallelism().map_or(2, NonZero::get).clamp(2, limits::SEALED_SIDE_BY_SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn files(of: &[(u128, u128)]) -> Vec<(Option<TicketId>, FileId)> {
        let id = Uuid::from_u128;
        of.iter().map(|(ticket, file)| (Some(TicketId::from_uuid(id(*ticket))), FileId::from_uuid(id(*file)))).collect()
    }

    fn line(lanes: &Lanes) -> Vec<(u128, usize)> {
        lanes.waiting.iter().map(|line| (line.ticket.unwrap().uuid().as_u128(), line.files.len())).collect()
    }

    /// Gives who is next a turn, as [`Lanes::fill`] and [`Lanes::one_ended`] do.
    async fn turn(lanes: &mut Lanes, turn: Turn) -> (u128, Due) {
        let ticket = lanes.waiting.pop_front().unwrap().ticket;
        lanes.at_work.insert(ticket, lanes.heard);
        lanes.running.spawn(async move { (ticket, turn) });
        (ticket.unwrap().uuid().as_u128(), lanes.one_ended().await.unwrap())
    }

    #[tokio::test]
    async fn tickets_take_turns_and_each_keeps_the_order_of_its_files() {
        let mut lanes = Lanes::default();
        let all = files(&[(1, 1), (2, 2), (1, 3), (3, 4), (1, 5)]);
        lanes.line_up(all.clone());
        assert_eq!(line(&lanes), [(1, 3), (2, 1), (3, 1)]);
        assert!(lanes.waiting[0].files.is_sorted());
        // Its time is over and it has more: behind the others.
        assert_eq!(turn(&mut lanes, Turn::Unfinished).await, (1, Due::Look));
        lanes.line_up(all.clone());
        assert_eq!(line(&lanes), [(2, 1), (3, 1), (1, 3)]);
        // Of one of which nothing can be sealed there is nothing to do until something is heard.
        assert_eq!(turn(&mut lanes, Turn::Nothing).await, (2, Due::Nothing));
        lanes.line_up(all.clone());
        assert_eq!(line(&lanes), [(3, 1), (1, 3)]);
        lanes.hear();
        lanes.line_up(all);
        assert_eq!(line(&lanes), [(3, 1), (1, 3), (2, 1)]);
        lanes.line_up(files(&[(2, 2)]));
        assert_eq!(line(&lanes), [(2, 1)]);
    }

    #[tokio::test]
    async fn what_comes_while_its_ticket_has_its_turn_is_looked_at_after_it() {
        let mut lanes = Lanes::default();
        lanes.line_up(files(&[(1, 1)]));
        let ticket = lanes.waiting.pop_front().unwrap().ticket;
        lanes.at_work.insert(ticket, lanes.heard);
        lanes.hear();
        lanes.line_up(files(&[(1, 1), (1, 2)]));
        assert_eq!(line(&lanes), [], "one ticket has one lane");
        lanes.running.spawn(async move { (ticket, Turn::Nothing) });
        assert_eq!(lanes.one_ended().await.unwrap(), Due::Look);
        lanes.line_up(files(&[(1, 2)]));
        assert_eq!(line(&lanes), [(1, 1)]);
    }

    #[test]
    fn there_are_two_lanes_at_least_and_no_more_than_the_limit() {
        assert!((2..=limits::SEALED_SIDE_BY_SIDE).contains(&side_by_side()));
    }
}
