//! A sound log passes; each way of tampering with one is named.

use super::super::{Keeps, Peaks, Signer};
use super::*;
use crate::domain::canonical;
use serde_json::{Value, json};
use std::{collections::HashMap, convert::Infallible};

mod expiry;

/// A log as a ledger would store it.
#[derive(Clone)]
struct Log {
    rows: Vec<Row>,
    heads: Vec<SignedHead>,
    key: std::rc::Rc<Signer>,
    peaks: Peaks,
    last: HashMap<String, u64>,
}

fn ticket(number: u64) -> Value {
    json!({"kind": "ticket", "id": format!("0199f0c2-0000-7000-8000-{number:012}")})
}

fn house() -> Value {
    json!({"kind": "house"})
}

impl Log {
    fn new() -> Self {
        let key = std::rc::Rc::new(Signer::generate("log.example.com".parse().unwrap()).unwrap().0);
        Self { rows: Vec::new(), heads: Vec::new(), key, peaks: Peaks::new(), last: HashMap::new() }
    }

    /// Twelve leaves on three tickets and the house, every third with a detail record, a checkpoint after each `commit` leaves.
    fn sample(commit: u64) -> Self {
        let mut log = Self::new();
        for i in 0..12 {
            let on = if i % 4 == 3 { house() } else { ticket(i % 4) };
            log.event(
                on,
                json!({"kind": "thing_done", "number": i}),
                (i % 3 == 0).then(|| json!({"name": format!("Jane Doe {i}")})),
            );
            if (i + 1) % commit == 0 {
                log.commit();
            }
        }
        log
    }

    fn event(&mut self, on: Value, event: Value, detail: Option<Value>) -> u64 {
        let index = self.peaks.len();
        let detail = detail.map(|record| Detail { salt: [index as u8; 32], bytes: canonical::to_bytes(&record).unwrap() });
        let mut leaf = json!({"v": 1, "at": 1_000 + index, "by": {"kind": "system"}, "on": on, "event": event});
        if let Some(prev) = self.last.insert(on.to_string(), index) {
            leaf["prev"] = json!(prev);
        }
        if let Some(detail) = &detail {
            leaf["detail"] = json!(detail_commitment(&detail.salt, &detail.bytes));
        }
        self.raw(canonical::to_bytes(&leaf).unwrap(), detail)
    }

    fn raw(&mut self, bytes: Vec<u8>, detail: Option<Detail>) -> u64 {
        let index = self.peaks.len();
        let hash = leaf_hash(&bytes);
        self.peaks.push(hash);
        self.rows.push(Row { index, leaf: Some(bytes), hash, detail });
        index
    }

    fn commit(&mut self) {
        self.heads.push(self.key.sign(self.peaks.len(), self.peaks.root()));
    }

    fn checkpoint(&self) -> Checkpoint {
        self.key.verifier().checkpoint(self.heads.last().unwrap())
    }

    fn verify_with(&self, outside: Option<&Checkpoint>) -> Result<Report, Unsound> {
        let rows = self.rows.iter().cloned().map(Ok::<_, Infallible>);
        verify(rows, self.heads.iter().copied().map(Ok), outside, self.key.verifier()).map_err(|failure| match failure {
            Failure::Unsound(unsound) => unsound,
            Failure::Unreadable(never) => match never {},
        })
    }

    fn problems_with(&self, outside: Option<&Checkpoint>) -> Vec<Problem> {
        self.verify_with(outside).expect_err("the log was found sound").problems
    }

    fn problems(&self) -> Vec<Problem> {
        self.problems_with(None)
    }

    fn bytes(&mut self, index: usize) -> &mut Vec<u8> {
        self.rows[index].leaf.as_mut().unwrap()
    }

    /// Changes a leaf and its stored hash together, as somebody would who knows how the log is made.
    fn forge(&mut self, index: usize) {
        let text = String::from_utf8(self.bytes(index).clone()).unwrap().replace("thing_done", "thing_gone");
        *self.bytes(index) = text.into_bytes();
        self.rehash(index);
    }

    fn rehash(&mut self, index: usize) {
        self.rows[index].hash = leaf_hash(&self.bytes(index).clone());
    }

    fn renumber(&mut self) {
        self.rows.iter_mut().enumerate().for_each(|(index, row)| row.index = index as u64);
    }
}

#[test]
fn a_sound_log_is_reported_as_it_is() {
    for commit in [1, 3, 12] {
        let log = Log::sample(commit);
        let report = log.verify_with(Some(&log.checkpoint())).unwrap();
        let expected = Report {
            leaves: 12,
            root: log.peaks.root(),
            checkpoints_checked: 12 / commit,
            last_checkpoint_size: 12,
            outside_size: Some(12),
            details: 4,
            details_missing: 0,
            expired: 0,
            clock_stepped_back: 0,
        };
        assert_eq!(report, expected);
    }
    assert_eq!(Log::new().verify_with(None).unwrap().leaves, 0);
}

#[test]
fn one_flipped_byte_names_its_leaf_wherever_it_is() {
    for commit in [1, 4, 12] {
        let sound = Log::sample(commit);
        for index in 0..12 {
            for byte in (0..sound.rows[index].leaf.as_ref().unwrap().len()).step_by(7) {
                let mut log = sound.clone();
                log.bytes(index)[byte] ^= 1;
                assert_eq!(log.problems(), [Problem::LeafAltered { index: index as u64 }], "leaf {index} byte {byte}");
            }
        }
    }
}

#[test]
fn an_altered_stored_hash_is_told_from_an_altered_leaf() {
    let mut log = Log::sample(4);
    log.rows[6].hash = Digest::of(b"x");
    assert_eq!(log.problems(), [Problem::HashAltered { index: 6 }]);
    log.heads.truncate(1);
    assert_eq!(log.problems(), [Problem::LeafDiffersFromHash { index: 6 }, Problem::Unsigned { first: 4, leaves: 12 }]);
}

#[test]
fn a_leaf_forged_together_with_its_hash_is_caught_by_the_next_checkpoint() {
    let mut log = Log::sample(1);
    log.forge(6);
    assert_eq!(log.problems(), [Problem::RootMismatch { agreed: 6, size: 7 }]);
    let mut log = Log::sample(4);
    log.forge(6);
    let problems = log.problems();
    assert_eq!(problems, [Problem::RootMismatch { agreed: 4, size: 8 }]);
    assert!(problems[0].to_string().contains("4..8"));
}

#[test]
fn a_forged_leaf_does_not_hide_an_altered_one() {
    let mut log = Log::sample(4);
    log.forge(5);
    log.bytes(6)[9] ^= 1;
    assert_eq!(log.problems(), [Problem::LeafDiffersFromHash { index: 6 }, Problem::RootMismatch { agreed: 4, size: 8 }]);
}

#[test]
fn one_dropped_leaf_is_a_gap() {
    for index in 0..11 {
        let mut log = Log::sample(1);
        log.rows.remove(index);
        let index = index as u64;
        assert_eq!(log.problems(), [Problem::Gap { first: index, next: index + 1 }]);
    }
}

#[test]
fn after_a_gap_an_altered_leaf_is_still_named() {
    let mut log = Log::sample(1);
    log.rows.remove(2);
    log.bytes(6)[9] ^= 1;
    assert_eq!(log.problems(), [Problem::Gap { first: 2, next: 3 }, Problem::LeafDiffersFromHash { index: 7 }]);
}

#[test]
fn a_dropped_leaf_whose_gap_was_closed_is_named_all_the_same() {
    let mut log = Log::sample(1);
    log.rows.remove(5);
    log.renumber();
    let problems = log.problems();
    assert!(problems.contains(&Problem::RootMismatch { agreed: 5, size: 6 }), "{problems:?}");
    assert!(problems.contains(&Problem::Truncated { leaves: 11, size: 12 }), "{problems:?}");
}

#[test]
fn two_swapped_leaves_are_named() {
    let mut log = Log::sample(1);
    log.rows.swap(5, 6);
    assert_eq!(log.problems()[..2], [Problem::Gap { first: 5, next: 6 }, Problem::OutOfOrder { index: 5, expected: 7 }]);
    log.renumber();
    // The leaves that follow them on their tickets still point to where they stood.
    let chain =
        [(9, Some(5), Some(6)), (10, Some(6), Some(5))].map(|(index, says, last)| Problem::WrongPrev { index, says, last });
    let problems = log.problems();
    assert_eq!(problems[0], Problem::RootMismatch { agreed: 5, size: 6 });
    assert_eq!(problems[1..], chain);
    let mut log = Log::sample(1);
    let (first, second) = (log.rows[5].leaf.clone(), log.rows[6].leaf.clone());
    (log.rows[5].leaf, log.rows[6].leaf) = (second, first);
    assert_eq!(log.problems()[..2], [Problem::LeafAltered { index: 5 }, Problem::LeafAltered { index: 6 }]);
}

#[test]
fn swapped_leaves_of_one_subject_break_its_chain_too() {
    let mut log = Log::sample(12);
    log.rows.swap(1, 5);
    log.renumber();
    let problems = log.problems();
    assert_eq!(problems[0], Problem::WrongPrev { index: 1, says: Some(1), last: None });
    assert_eq!(problems.last(), Some(&Problem::RootMismatch { agreed: 0, size: 12 }));
}

#[test]
fn a_truncated_log_is_short_of_its_own_checkpoints_and_of_the_outside_one() {
    let mut log = Log::sample(1);
    let outside = log.checkpoint();
    log.rows.truncate(7);
    assert_eq!(log.problems(), [Problem::Truncated { leaves: 7, size: 12 }]);
    // Whoever cuts off the checkpoints as well is caught from outside only.
    log.heads.truncate(7);
    assert!(log.verify_with(None).is_ok());
    assert_eq!(log.problems_with(Some(&outside)), [Problem::TruncatedOutside { leaves: 7, size: 12 }]);
    log.rows.clear();
    log.heads.clear();
    assert_eq!(log.problems_with(Some(&outside)), [Problem::TruncatedOutside { leaves: 0, size: 12 }]);
}

#[test]
fn a_history_rewritten_by_the_keys_holder_is_caught_from_outside() {
    let mut log = Log::sample(1);
    let outside = log.checkpoint();
    log.forge(3);
    let mut peaks = Peaks::new();
    for (row, head) in log.rows.iter().zip(&mut log.heads) {
        peaks.push(row.hash);
        *head = log.key.sign(peaks.len(), peaks.root());
    }
    assert!(log.verify_with(None).is_ok());
    assert_eq!(log.problems_with(Some(&outside)), [Problem::OutsideMismatch { size: 12 }]);
    let stranger = Checkpoint { origin: "other".parse().unwrap(), ..log.checkpoint() };
    assert_eq!(log.problems_with(Some(&stranger)), [Problem::OutsideMismatch { size: 12 }]);
    assert!(log.verify_with(Some(&log.checkpoint())).is_ok());
}

#[test]
fn an_outside_checkpoint_is_compared_at_its_own_size() {
    let mut log = Log::sample(1);
    let outside = log.key.verifier().checkpoint(&log.heads[4]);
    assert_eq!(log.verify_with(Some(&outside)).unwrap().outside_size, Some(5));
    let wrong = Checkpoint { root: Digest::of(b"x"), ..outside.clone() };
    assert_eq!(log.problems_with(Some(&wrong)), [Problem::OutsideMismatch { size: 5 }]);
    // An altered leaf is not taken for another history, even where no stored checkpoint has decided yet.
    log.bytes(4)[9] ^= 1;
    log.heads.remove(4);
    assert_eq!(log.problems_with(Some(&outside)), [Problem::LeafAltered { index: 4 }]);
}

#[test]
fn a_forged_checkpoint_is_named_by_its_size() {
    let mut log = Log::sample(1);
    log.heads[4].signature[10] ^= 1;
    assert_eq!(log.problems(), [Problem::CheckpointSignature { size: 5 }]);
    log.heads[4] = Log::sample(1).heads[4];
    assert_eq!(log.problems(), [Problem::CheckpointSignature { size: 5 }]);
}

#[test]
fn two_signed_roots_are_a_mismatch_though_later_checkpoints_agree() {
    let mut log = Log::sample(1);
    log.heads[4] = log.key.sign(5, Digest::of(b"another history"));
    assert_eq!(log.problems(), [Problem::RootMismatch { agreed: 4, size: 5 }]);
    log.heads[7] = log.key.sign(8, Digest::of(b"another history"));
    assert_eq!(log.problems()[1], Problem::RootMismatch { agreed: 7, size: 8 });
}

#[test]
fn checkpoints_out_of_order_are_named() {
    let mut log = Log::sample(1);
    log.heads.insert(5, log.heads[4]);
    assert_eq!(log.problems(), [Problem::CheckpointOrder { size: 5, after: 5 }]);
}

#[test]
fn leaves_that_nobody_signed_are_named() {
    let mut log = Log::sample(3);
    log.event(ticket(0), json!({"kind": "ticket_approved"}), None);
    assert_eq!(log.problems(), [Problem::Unsigned { first: 12, leaves: 13 }]);
    log.heads.clear();
    assert_eq!(log.problems(), [Problem::Unsigned { first: 0, leaves: 13 }]);
}

#[test]
fn bytes_that_are_not_canonical_or_no_leaf_are_named_though_they_are_signed() {
    let mut log = Log::sample(12);
    log.raw(b"{ }".to_vec(), None);
    log.raw(b"{}".to_vec(), None);
    log.commit();
    let problems = log.problems();
    assert_eq!(problems[0], Problem::NotCanonical { index: 12 });
    assert!(matches!(problems[1], Problem::Malformed { index: 13, why: FrameError::Members(_) }));
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_wrong_prev_is_named_though_it_is_signed() {
    for (says, last) in [(None, Some(8)), (Some(4), Some(8)), (Some(9), Some(8)), (Some(12), Some(8)), (Some(99), Some(8))] {
        let mut log = Log::sample(12);
        match says {
            Some(prev) => log.last.insert(ticket(0).to_string(), prev),
            None => log.last.remove(&ticket(0).to_string()),
        };
        log.event(ticket(0), json!({"kind": "x"}), None);
        log.commit();
        assert_eq!(log.problems(), [Problem::WrongPrev { index: 12, says, last }]);
    }
}

#[test]
fn a_detail_record_that_was_changed_moved_or_added_is_named() {
    let mut log = Log::sample(1);
    log.rows[3].detail.as_mut().unwrap().bytes[3] ^= 1;
    log.rows[6].detail.as_mut().unwrap().salt[3] ^= 1;
    log.rows[7].detail = log.rows[9].detail.clone();
    let expected =
        [Problem::DetailAltered { index: 3 }, Problem::DetailAltered { index: 6 }, Problem::DetailUnbound { index: 7 }];
    assert_eq!(log.problems(), expected);
}

#[test]
fn a_clock_that_steps_back_is_counted_and_no_fault() {
    let mut log = Log::new();
    for at in [5, 3, 4] {
        let mut leaf = json!({"v": 1, "at": at, "by": {"kind": "system"}, "on": house(), "event": {"kind": "x"}});
        if let Some(last) = log.peaks.len().checked_sub(1) {
            leaf["prev"] = json!(last);
        }
        log.raw(canonical::to_bytes(&leaf).unwrap(), None);
    }
    log.commit();
    assert_eq!(log.verify_with(None).unwrap().clock_stepped_back, 1);
}

#[test]
fn a_hopeless_log_is_given_up_and_costs_no_memory() {
    let mut log = Log::new();
    for i in 0..400 {
        log.event(ticket(i), json!({"kind": "x"}), None);
    }
    log.commit();
    for index in 0..400 {
        log.bytes(index)[0] ^= 1;
    }
    let unsound = log.verify_with(None).unwrap_err();
    assert_eq!((unsound.problems.len(), unsound.stopped_at), (LOG_PROBLEMS, Some(LOG_PROBLEMS as u64)));
}

#[test]
fn what_cannot_be_read_is_not_called_unsound() {
    let log = Log::sample(1);
    let rows = vec![Ok(log.rows[0].clone()), Err("disk")];
    let heads = log.heads.iter().copied().map(Ok);
    assert_eq!(verify(rows, heads, None, log.key.verifier()), Err(Failure::Unreadable("disk")));
    let heads = vec![Err("disk")];
    assert_eq!(verify(log.rows.into_iter().map(Ok), heads, None, log.key.verifier()), Err(Failure::Unreadable("disk")));
}
