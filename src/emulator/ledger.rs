//! A map that forgets: entries leave from the oldest on, so memory stays bounded however long a
//! load test runs.

use std::collections::{HashMap, VecDeque};

/// Values by an opaque key, at most `capacity` of them.
#[derive(Debug)]
pub(super) struct Ledger<T> {
    entries: HashMap<String, T>,
    /// Keys in order of arrival; may name entries that were removed meanwhile.
    order: VecDeque<String>,
    capacity: usize,
}

impl<T> Ledger<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    /// Adds an entry and forgets those from the oldest on that are `over`, or too many.
    pub(super) fn insert(&mut self, key: String, value: T, over: impl Fn(&T) -> bool) {
        while let Some(oldest) = self.order.front() {
            let gone = self.entries.get(oldest).is_none_or(&over);
            if !gone && self.order.len() < self.capacity {
                break;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
        self.order.push_back(key.clone());
        self.entries.insert(key, value);
    }

    pub(super) fn get(&self, key: &str) -> Option<&T> {
        self.entries.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<T> {
        self.entries.remove(key)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.entries.retain(|_, value| keep(value));
    }

    /// Every entry, the newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&str, &T)> {
        let entry = |key: &'_ String| self.entries.get_key_value(key);
        self.order
            .iter()
            .rev()
            .filter_map(entry)
            .map(|(key, value)| (key.as_str(), value))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_and_the_finished_are_forgotten() {
        let mut ledger = Ledger::new(2);
        let over = |value: &u32| *value == 0;
        ledger.insert("a".into(), 0, over);
        ledger.insert("b".into(), 1, over);
        assert!(ledger.get("a").is_none(), "finished");
        ledger.insert("c".into(), 2, over);
        ledger.insert("d".into(), 3, over);
        assert!(ledger.get("b").is_none(), "oldest of three");
        let left: Vec<_> = ledger.newest().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(left, ["d", "c"]);
        assert!(ledger.order.len() <= 2);
    }
}
