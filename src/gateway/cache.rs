//! A bounded cache of two generations: what was not asked for while a generation filled up is forgotten. The vault keeps rows in it, the
//! room above what was replayed from them.

use std::{collections::HashMap, hash::Hash};

pub struct Cache<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    /// Of the young generation.
    weight: usize,
    /// What one generation may weigh.
    limit: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    pub fn new(limit: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, limit }
    }

    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        if let Some((key, (value, weight))) = self.old.remove_entry(key) {
            self.put(key, value, weight);
        }
        self.young.get_mut(key).map(|(value, _)| value)
    }

    pub fn put(&mut self, key: K, value: V, weight: usize) {
        if self.weight + weight > self.limit {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.old.remove(&key);
        self.weight += weight;
        if let Some((_, replaced)) = self.young.insert(key, (value, weight)) {
            self.weight -= replaced;
        }
    }

    /// A value grew in place.
    pub fn grew(&mut self, key: &K, by: usize) {
        if let Some((_, weight)) = self.young.get_mut(key) {
            *weight += by;
            self.weight += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut cache = Cache::new(10);
        for key in 0..1_000 {
            cache.put(key, key, 1);
            assert_eq!(cache.get(&0), Some(&mut 0));
            assert!(cache.young.len() + cache.old.len() <= 20);
        }
        assert_eq!(cache.get(&500), None);
        assert_eq!(cache.get(&999), Some(&mut 999));
    }

    #[test]
    fn a_replaced_value_weighs_once() {
        let mut cache = Cache::new(10);
        for value in 0..100 {
            cache.put("one", value, 6);
        }
        cache.put("two", 0, 4);
        cache.grew(&"two", 0);
        assert_eq!(cache.get(&"one"), Some(&mut 99));
        assert_eq!(cache.weight, 10);
    }
}
