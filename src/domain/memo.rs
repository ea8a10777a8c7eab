//! What was found out the last time somebody asked, and under what: under the same it is not found out again.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// The last answer. It is nobody's fact: a clone has none.
pub struct Memo<K, V>(Mutex<Option<(K, V)>>);

impl<K: PartialEq, V: Clone> Memo<K, V> {
    /// What `find` says, or said the last time, if that was under the same key.
    pub fn get(&self, key: K, find: impl FnOnce() -> V) -> V {
        self.get_while(key, |_| true, find)
    }

    /// The same for an answer that may come to hold no more while its key stays the same.
    pub fn get_while(&self, key: K, holds: impl FnOnce(&V) -> bool, find: impl FnOnce() -> V) -> V {
        let kept = |last: &Option<(K, V)>| match last {
            Some((under, answer)) if *under == key && holds(answer) => Some(answer.clone()),
            _ => None,
        };
        if let Some(answer) = kept(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return answer;
        }
        let answer = find();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, answer.clone()));
        answer
    }
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<K, V> Clone for Memo<K, V> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

/// Which reading of its records a dossier is: what was found out under one holds under no other. A clone of the dossier is another
/// one, since it is cloned to be changed.
#[derive(Default, Debug)]
pub struct Edition(Arc<()>);

impl Edition {
    /// To compare with later. While it is kept no other edition is equal to it.
    pub fn name(&self) -> EditionName {
        EditionName(Arc::clone(&self.0))
    }
}

impl Clone for Edition {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[derive(Debug)]
pub struct EditionName(Arc<()>);

impl PartialEq for EditionName {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_out_again_for_another_key_when_it_holds_no_more_and_in_a_clone() {
        let memo = Memo::default();
        assert_eq!(memo.get("a", || 1), 1);
        assert_eq!(memo.get("a", || unreachable!("it is known")), 1);
        assert_eq!(memo.get_while("a", |answer| *answer > 1, || 2), 2);
        assert_eq!(memo.clone().get("a", || 3), 3);
        assert_eq!(memo.get("b", || 4), 4);
        assert_eq!(memo.get("a", || 5), 5, "only the last one is kept");
    }

    #[test]
    fn an_edition_is_itself_and_no_clone_and_no_later_one() {
        let one = Edition::default();
        let name = one.name();
        assert_eq!(name, one.name());
        assert_ne!(name, one.clone().name());
        drop(one);
        assert!((0..1_000).all(|_| Edition::default().name() != name), "its name is given to nobody while somebody knows it");
    }
}
