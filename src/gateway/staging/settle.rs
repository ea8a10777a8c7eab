//! When a file is complete: a pure decision over what was observed. The caller's clock, no I/O.

use super::{identity::Identity, watch::Touch};
use crate::domain::{file_name::FileName, time::Time};
use std::time::Duration;

/// What is known about one entry over several looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    identity: Identity,
    /// When it was first seen in this state. Its own times are no evidence: copying tools set them.
    unchanged_since: Time,
    /// The watcher's last word on this state.
    touch: Option<Touch>,
}

impl Observation {
    pub fn first(identity: Identity, touch: Option<Touch>, now: Time) -> Self {
        Self { identity, unchanged_since: now, touch }
    }

    /// The next look. `touch` is what the watcher said since the last one; a change that it said nothing about makes its
    /// earlier word worthless.
    pub fn again(self, identity: Identity, touch: Option<Touch>, now: Time) -> Self {
        if identity == self.identity { Self { touch: touch.or(self.touch), ..self } } else { Self::first(identity, touch, now) }
    }
}

/// By which sign a file is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    RenamedInto,
    ClosedAfterWriting,
    ListedByManifest,
    Quiet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Complete(Sign),
    /// Not before then, if nothing else happens.
    NotBefore(Time),
    /// Its name says that it is being written; only a rename changes that.
    PartialName,
}

/// Whether the file `name` is complete.
///
/// A manifest is a sign if it is itself complete and was put there after the file's last change: one that comes first
/// says nothing about how far the file is. All signs can err (a second writer, a writer slower than `quiet`), so the
/// copy is checked again after it was made ([`super::Taken::unchanged`]).
pub fn settled(name: &FileName, file: &Observation, manifest: Option<&Observation>, now: Time, quiet: Duration) -> Settled {
    if name.is_partial() {
        return Settled::PartialName;
    }
    if let Some(sign) = by_itself(file, now, quiet) {
        return Settled::Complete(sign);
    }
    let listed = manifest
        .is_some_and(|manifest| manifest.identity.ctime_ns > file.identity.ctime_ns && by_itself(manifest, now, quiet).is_some());
    if listed {
        return Settled::Complete(Sign::ListedByManifest);
    }
    Settled::NotBefore(file.unchanged_since + quiet)
}

fn by_itself(seen: &Observation, now: Time, quiet: Duration) -> Option<Sign> {
    match seen.touch {
        Some(Touch::RenamedInto) => Some(Sign::RenamedInto),
        Some(Touch::ClosedAfterWriting) => Some(Sign::ClosedAfterWriting),
        Some(Touch::BeingWritten) | None => (now >= seen.unchanged_since + quiet).then_some(Sign::Quiet),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::identity::Kind, *};

    const QUIET: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    fn identity(size: u64, ctime_ns: i64) -> Identity {
        Identity { dev: 1, ino: 2, size, mtime_ns: 3, ctime_ns, nlink: 1, kind: Kind::Regular }
    }

    fn verdict(file: &Observation, manifest: Option<&Observation>, now: Time) -> Settled {
        settled(&"a.csv".parse().unwrap(), file, manifest, now, QUIET)
    }

    #[test]
    fn a_file_without_hints_is_complete_when_it_was_quiet_long_enough() {
        let seen = Observation::first(identity(10, 1), None, at(100));
        assert_eq!(verdict(&seen, None, at(129)), Settled::NotBefore(at(130)));
        assert_eq!(verdict(&seen, None, at(130)), Settled::Complete(Sign::Quiet));
    }

    #[test]
    fn every_change_begins_the_quiet_time_anew() {
        let seen = Observation::first(identity(10, 1), None, at(100)).again(identity(11, 1), None, at(125));
        assert_eq!(verdict(&seen, None, at(140)), Settled::NotBefore(at(155)));
        let touched = seen.again(identity(11, 2), None, at(150));
        assert_eq!(verdict(&touched, None, at(160)), Settled::NotBefore(at(180)));
        assert_eq!(verdict(&touched.again(identity(11, 2), None, at(170)), None, at(180)), Settled::Complete(Sign::Quiet));
    }

    #[test]
    fn a_rename_or_a_close_completes_at_once_and_writing_takes_it_back() {
        let renamed = Observation::first(identity(10, 1), Some(Touch::RenamedInto), at(100));
        assert_eq!(verdict(&renamed, None, at(100)), Settled::Complete(Sign::RenamedInto));
        let closed =
            Observation::first(identity(10, 1), None, at(100)).again(identity(12, 2), Some(Touch::ClosedAfterWriting), at(101));
        assert_eq!(verdict(&closed, None, at(101)), Settled::Complete(Sign::ClosedAfterWriting));
        let looked_again = closed.again(identity(12, 2), None, at(102));
        assert_eq!(verdict(&looked_again, None, at(102)), Settled::Complete(Sign::ClosedAfterWriting));
        let opened_again = closed.again(identity(12, 2), Some(Touch::BeingWritten), at(102));
        assert_eq!(verdict(&opened_again, None, at(103)), Settled::NotBefore(at(131)));
        let changed_unseen = closed.again(identity(13, 3), None, at(102));
        assert_eq!(verdict(&changed_unseen, None, at(103)), Settled::NotBefore(at(132)));
    }

    #[test]
    fn a_manifest_completes_its_file_only_if_it_came_after_it_and_is_complete_itself() {
        let file = Observation::first(identity(10, 5), None, at(100));
        let manifest = |ctime_ns, touch| Observation::first(identity(70, ctime_ns), touch, at(101));
        let closed = Some(Touch::ClosedAfterWriting);
        assert_eq!(verdict(&file, Some(&manifest(6, closed)), at(101)), Settled::Complete(Sign::ListedByManifest));
        assert_eq!(verdict(&file, Some(&manifest(4, closed)), at(101)), Settled::NotBefore(at(130)));
        assert_eq!(verdict(&file, Some(&manifest(6, None)), at(101)), Settled::NotBefore(at(130)));
    }

    #[test]
    fn a_partial_name_never_settles() {
        let closed = Observation::first(identity(10, 1), Some(Touch::ClosedAfterWriting), at(0));
        let name = "a.csv.part".parse().unwrap();
        assert_eq!(settled(&name, &closed, None, at(1_000_000), QUIET), Settled::PartialName);
    }
}
