//! Chance that repeats itself: the same throws from the same seed.

use uuid::Uuid;

/// Sebastiano Vigna's SplitMix64: for people whom nobody has to be unable to guess.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; zero when there is none.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let product = u128::from(self.throw()) * u128::from(end);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// Whether what happens so many times in a thousand happened.
    pub(super) fn per_mille(&mut self, times: u64) -> bool {
        self.below(1_000) < times
    }

    /// One of several, each as likely as its weight.
    pub(super) fn weighted<'a, T>(&mut self, all: &'a [(T, u64)]) -> Option<&'a T> {
        let mut left = self.below(all.iter().map(|(_, weight)| weight).sum());
        for (one, weight) in all {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return Some(one),
            }
        }
        None
    }

    /// One of several, all as likely.
    pub(super) fn one<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(all.len()).unwrap_or_default();
        all.get(usize::try_from(self.below(count)).unwrap_or_default())
    }

    /// The id of something made at `millis` after 1970.
    pub(super) fn id(&mut self, millis: u64) -> Uuid {
        let [a, b, c, d, e, f, g, h] = self.throw().to_be_bytes();
        let [i, j, ..] = self.throw().to_be_bytes();
        let bytes = [a, b, c, d, e, f, g, h, i, j];
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}
