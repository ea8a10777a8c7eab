//! A command on its way through the writer: the closure, its outcome, and the one who waits for it.

use super::{
    fault::{LedgerFault, WriteError},
    tx::Tx,
};
use tokio::sync::oneshot;

/// What the writer does with what a command wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Keep,
    RollBack,
}

/// A command of any type.
pub(super) trait Command: Send {
    /// Runs once.
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict;

    /// Tells the one who waits: its own outcome, now that it is durable, or the fault that undid it.
    fn settle(self: Box<Self>, fault: Option<LedgerFault>);
}

pub(super) type Reply<T, E> = oneshot::Sender<Result<T, WriteError<E>>>;

/// What a command does on the writer's thread once it is durable, before the next batch.
pub(super) type Then = Box<dyn FnOnce() + Send>;

pub(super) struct Job<T, E, F> {
    work: Option<F>,
    outcome: Option<Result<T, E>>,
    then: Option<Then>,
    reply: Reply<T, E>,
}

impl<T, E, F> Job<T, E, F> {
    pub(super) const fn new(work: F, reply: Reply<T, E>) -> Self {
        Self { work: Some(work), outcome: None, then: None, reply }
    }

    pub(super) fn followed_by(self, then: Then) -> Self {
        Self { then: Some(then), ..self }
    }
}

impl<T: Send, E: Send, F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send> Command for Job<T, E, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Verdict {
        let outcome = self.work.take().map(|work| work(tx));
        let verdict = if matches!(outcome, Some(Ok(_))) { Verdict::Keep } else { Verdict::RollBack };
        self.outcome = outcome;
        verdict
    }

    fn settle(self: Box<Self>, fault: Option<LedgerFault>) {
        if fault.is_none()
            && matches!(self.outcome, Some(Ok(_)))
            && let Some(then) = self.then
        {
            then();
        }
        let answer = match (fault, self.outcome) {
            (Some(fault), _) => Err(WriteError::Fault(fault)),
            (None, Some(outcome)) => outcome.map_err(WriteError::Refused),
            (None, None) => Err(WriteError::Fault(LedgerFault::Closed)),
        };
        // Whoever stopped waiting does not need to know.
        drop(self.reply.send(answer));
    }
}
