//! What is gone with a record of it is no fault; what is gone without one is.

use super::*;

#[test]
fn a_missing_detail_record_needs_an_event_that_erased_it() {
    let mut log = Log::sample(1);
    for index in [0, 3, 6] {
        log.rows[index].detail = None;
    }
    assert_eq!(log.problems().len(), 3);
    log.event(house(), json!({"kind": "details_erased", "runs": [[3, 4]]}), None);
    log.commit();
    assert_eq!(log.problems(), [Problem::DetailMissing { first: 0, past: 1 }]);
    log.event(house(), json!({"kind": "details_erased", "runs": [[0, 1]]}), None);
    log.commit();
    let report = log.verify_with(None).unwrap();
    assert_eq!((report.details, report.details_missing), (1, 3));
}

#[test]
fn an_erasure_excuses_nothing_that_comes_after_it() {
    let mut log = Log::new();
    log.event(house(), json!({"kind": "details_erased", "runs": [[0, 1_000]]}), Some(json!({"reason": "all of them"})));
    let index = log.event(house(), json!({"kind": "x"}), Some(json!({"name": "Jane"})));
    log.commit();
    log.rows[index as usize].detail = None;
    assert_eq!(log.problems(), [Problem::DetailMissing { first: 1, past: 2 }]);
    log.rows[0].detail = None;
    assert_eq!(log.problems(), [Problem::DetailMissing { first: 0, past: 2 }]);
}

/// The sample with a snapshot that keeps leaves 2 and the heads 8, 9, 10, and two leaves after it.
fn with_snapshot() -> Log {
    let mut log = Log::sample(3);
    let mut keeps = Keeps::none();
    [2, 8, 9, 10].iter().for_each(|index| keeps.keep(*index, &log.rows[*index as usize].hash));
    log.event(house(), json!({"kind": "snapshot", "kept": keeps.kept(), "keeps": keeps.digest()}), None);
    log.event(ticket(0), json!({"kind": "x"}), None);
    log.event(house(), json!({"kind": "x"}), None);
    log.commit();
    log
}

impl Log {
    fn expire(&mut self, indexes: &[usize]) {
        for index in indexes {
            self.rows[*index].leaf = None;
            self.rows[*index].detail = None;
        }
    }
}

const EXPIRED: [usize; 8] = [0, 1, 3, 4, 5, 6, 7, 11];

#[test]
fn leaves_that_expired_under_a_snapshot_are_not_missed() {
    let mut log = with_snapshot();
    assert_eq!(log.verify_with(None).unwrap().expired, 0);
    log.expire(&EXPIRED);
    let report = log.verify_with(Some(&log.checkpoint())).unwrap();
    assert_eq!((report.leaves, report.expired, report.details), (15, 8, 1));
    assert_eq!(report.root, log.peaks.root());
}

#[test]
fn a_leaf_that_the_snapshot_keeps_cannot_expire() {
    let mut log = with_snapshot();
    log.expire(&EXPIRED);
    log.expire(&[2]);
    // The chains across expired leaves are in doubt as well once no snapshot vouches for what is left.
    assert_eq!(log.problems()[0], Problem::LeafMissing { index: 0 });
    let mut log = Log::sample(1);
    log.expire(&[6]);
    assert_eq!(log.problems()[0], Problem::LeafMissing { index: 6 });
    let mut log = with_snapshot();
    log.expire(&EXPIRED);
    log.expire(&[13]);
    assert_eq!(log.problems(), [Problem::LeafMissing { index: 13 }]);
}

#[test]
fn an_expired_leaf_leaves_no_detail_record_and_no_wrong_hash_behind() {
    let mut log = with_snapshot();
    let detail = log.rows[3].detail.clone();
    log.expire(&EXPIRED);
    log.rows[3].detail = detail;
    assert_eq!(log.problems(), [Problem::DetailUnbound { index: 3 }]);
    let mut log = with_snapshot();
    log.expire(&EXPIRED);
    log.rows[4].hash = Digest::of(b"x");
    assert_eq!(log.problems(), [Problem::RootMismatch { agreed: 3, size: 6 }]);
}

#[test]
fn after_a_snapshot_no_leaf_may_follow_one_that_expired() {
    let mut log = with_snapshot();
    log.last.insert(ticket(1).to_string(), 5);
    log.event(ticket(1), json!({"kind": "x"}), None);
    log.commit();
    log.expire(&EXPIRED);
    assert_eq!(log.problems(), [Problem::WrongPrev { index: 15, says: Some(5), last: Some(9) }]);
}

#[test]
fn a_snapshot_explains_no_prev_that_an_expired_leaf_cannot() {
    // Only leaf 1 expires. What leaf 3 says of its predecessor lies before the last leaf on its ticket, has not happened yet, or lies before all that expired.
    for (says, last) in [(Some(0), Some(2)), (Some(1), Some(2)), (Some(99), Some(2)), (Some(0), None), (None, Some(2))] {
        let mut log = Log::new();
        log.event(house(), json!({"kind": "x"}), None);
        log.event(ticket(1), json!({"kind": "x"}), None);
        log.event(ticket(2), json!({"kind": "x"}), None);
        let on = if last.is_some() { ticket(2) } else { ticket(3) };
        match says {
            Some(prev) => log.last.insert(on.to_string(), prev),
            None => log.last.remove(&on.to_string()),
        };
        log.event(on, json!({"kind": "x"}), None);
        let mut keeps = Keeps::none();
        [0, 2, 3].iter().for_each(|index| keeps.keep(*index, &log.rows[*index as usize].hash));
        log.event(house(), json!({"kind": "snapshot", "kept": 3, "keeps": keeps.digest()}), None);
        log.commit();
        log.expire(&[1]);
        assert_eq!(log.problems(), [Problem::WrongPrev { index: 3, says, last }]);
    }
}

#[test]
fn a_later_snapshot_replaces_an_earlier_one() {
    let mut log = with_snapshot();
    log.expire(&EXPIRED);
    let mut keeps = Keeps::none();
    [9, 10, 13].iter().for_each(|index| keeps.keep(*index, &log.rows[*index as usize].hash));
    log.event(house(), json!({"kind": "snapshot", "kept": 3, "keeps": keeps.digest()}), None);
    log.commit();
    assert_eq!(log.verify_with(None).unwrap().expired, 8);
    log.expire(&[2, 8, 12, 14]);
    assert_eq!(log.verify_with(None).unwrap().expired, 12);
}
