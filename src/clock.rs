//! What time it is. Passed to whoever needs it, so that a test can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// A clock in UTC with microsecond resolution, the resolution PostgreSQL keeps.
///
/// Clones share one offset: moving any of them moves all.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// How far this clock is ahead of the machine's, in microseconds.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The present moment, truncated to microseconds so that it survives a round trip through
    /// either database unchanged.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the machine's clock"
        )]
        let now = OffsetDateTime::now_utc();
        let moved = now + Duration::microseconds(self.offset.load(Ordering::Relaxed));
        moved
            .replace_nanosecond(moved.microsecond() * 1_000)
            .unwrap_or(moved)
    }

    /// Moves the clock, forwards or (with a negative duration) backwards.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.whole_microseconds()).unwrap_or(i64::MAX);
        self.offset.fetch_add(micros, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_move_together_and_keep_microseconds() {
        let clock = Clock::system();
        let other = clock.clone();
        let before = clock.now();
        other.advance(Duration::hours(1));
        assert!(clock.now() - before >= Duration::hours(1));
        assert_eq!(clock.now().nanosecond() % 1_000, 0);
    }
}
