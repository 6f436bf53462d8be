//! A key with a successor, while one is being exchanged for the other at Kakao.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Keys of which one is in use. When Kakao refuses that one, the next takes its place for later
/// calls; the refused call itself is not repeated.
pub(super) struct Rotation<T> {
    keys: Vec<T>,
    used: AtomicUsize,
}

impl<T> Rotation<T> {
    pub(super) fn new(keys: Vec<T>) -> Self {
        Self {
            keys,
            used: AtomicUsize::new(0),
        }
    }

    /// The key in use and its place; none when there are no keys at all.
    pub(super) fn current(&self) -> Option<(usize, &T)> {
        let place = self.used.load(Ordering::Relaxed);
        self.keys.get(place).map(|key| (place, key))
    }

    /// The key at `place`, whichever is in use.
    pub(super) fn at(&self, place: usize) -> Option<&T> {
        self.keys.get(place)
    }

    /// Every key: Kakao may use either while they change.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.keys.iter()
    }

    /// Kakao refused the key at `place`. Of many calls refused together only the first moves
    /// on, so that they do not skip the good key.
    pub(super) fn refused(&self, place: usize) {
        let next = if place + 1 < self.keys.len() {
            place + 1
        } else {
            0
        };
        // A failed exchange means that another call has already moved on.
        let _ = self
            .used
            .compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_key_gives_way_once_and_the_last_to_the_first() {
        let keys = Rotation::new(vec!["old", "new"]);
        assert_eq!(keys.current(), Some((0, &"old")));
        keys.refused(0);
        keys.refused(0);
        assert_eq!(keys.current(), Some((1, &"new")));
        keys.refused(1);
        assert_eq!(keys.current(), Some((0, &"old")));
    }

    #[test]
    fn a_sole_key_stays_and_none_is_none() {
        let sole = Rotation::new(vec!["only"]);
        sole.refused(0);
        assert_eq!(sole.current(), Some((0, &"only")));
        assert_eq!(Rotation::<&str>::new(vec![]).current(), None);
    }
}
