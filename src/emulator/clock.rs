//! The emulator's own time, so that a test can let codes, tokens and sessions grow old at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use time::{Duration, OffsetDateTime};

/// A clock in UTC, in whole seconds, the resolution of every time Kakao sends.
///
/// Clones share one offset: moving any of them moves all.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// How far this clock is ahead of the machine's, in milliseconds.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The present moment on this clock.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        #[expect(
            clippy::disallowed_methods,
            reason = "the emulator imports nothing of the crate, hence reads the machine's clock itself"
        )]
        let now = OffsetDateTime::now_utc();
        let moved = now + self.offset();
        moved.replace_nanosecond(0).unwrap_or(moved)
    }

    /// How far this clock is ahead of the machine's.
    #[must_use]
    pub fn offset(&self) -> Duration {
        Duration::milliseconds(self.offset.load(Ordering::Relaxed))
    }

    /// Moves the clock, forwards or (with a negative duration) backwards. A move that would
    /// leave a thousand years either way is ignored.
    pub fn advance(&self, by: Duration) {
        let farthest = Duration::days(365_000);
        let moved = self.offset().saturating_add(by);
        if moved.abs() > farthest {
            return;
        }
        let millis = i64::try_from(by.whole_milliseconds()).unwrap_or(0);
        self.offset.fetch_add(millis, Ordering::Relaxed);
    }

    /// Puts the clock back to the machine's time.
    pub fn reset(&self) {
        self.offset.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_move_together_and_absurd_moves_are_ignored() {
        let clock = Clock::default();
        let before = clock.now();
        let same = clock.clone();
        same.advance(Duration::hours(2));
        assert!(clock.now() - before >= Duration::hours(2));
        clock.advance(Duration::MAX);
        assert_eq!(clock.offset(), Duration::hours(2));
        clock.reset();
        assert_eq!(clock.offset(), Duration::ZERO);
    }
}
