//! How Kakao has been answering lately.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{Call, Kind};
use super::weather::{Omen, Sky, Weather};

/// How far back "lately" reaches.
pub const WINDOW: Duration = Duration::from_secs(300);

/// The most calls remembered; with more in five minutes, the latest of them.
const MOST: usize = 4_096;

/// A call that takes longer makes people wait.
pub const SLOW: Duration = Duration::from_secs(1);

/// The calls of the last five minutes. Its lock is held for a moment, and never while waiting.
#[derive(Debug, Default)]
pub(super) struct Recent {
    beats: Mutex<VecDeque<Beat>>,
    sky: Sky,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    took: Duration,
    failed: bool,
}

/// Figures over the calls of the last five minutes, as one process has made them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// How many calls ended.
    pub calls: usize,
    /// How many of them came to nothing because of Kakao, the way there, or our settings.
    pub failures: usize,
    /// How long 95 of 100 took at most.
    pub p95: Duration,
}

impl Recent {
    /// Notes a call that ended at `now`; `kind` is what went wrong.
    pub(super) fn note(&self, now: Instant, took: Duration, call: Call, kind: Option<&Kind>) {
        let failed = kind.is_some_and(is_failure);
        if let Some(omen) = Omen::of(took, call, kind) {
            self.sky.note(now, omen);
        }
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut beats, now);
        if beats.len() == MOST {
            beats.pop_front();
        }
        beats.push_back(Beat {
            at: now,
            took,
            failed,
        });
    }

    /// Whether people should be told.
    pub(super) fn weather(&self, now: Instant) -> Weather {
        self.sky.weather(now)
    }

    pub(super) fn pulse(&self, now: Instant) -> Pulse {
        let beats: Vec<Beat> = {
            let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
            forget(&mut beats, now);
            beats.iter().copied().collect()
        };
        let mut times: Vec<Duration> = beats.iter().map(|beat| beat.took).collect();
        times.sort_unstable();
        // The nearest rank: of twenty the nineteenth.
        let rank = (times.len() * 95).div_ceil(100).saturating_sub(1);
        Pulse {
            calls: beats.len(),
            failures: beats.iter().filter(|beat| beat.failed).count(),
            p95: times.get(rank).copied().unwrap_or_default(),
        }
    }
}

fn forget(beats: &mut VecDeque<Beat>, now: Instant) {
    while beats
        .front()
        .is_some_and(|beat| now.duration_since(beat.at) > WINDOW)
    {
        beats.pop_front();
    }
}

/// Whether somebody who operates the service should know: a code used twice, or a consent that
/// was refused, is between Kakao and one person.
pub(super) fn is_failure(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Temporary
            | Kind::Limited { .. }
            | Kind::BadReply(_)
            | Kind::BadClient
            | Kind::Configuration
            | Kind::RedirectMismatch
            | Kind::Sanctioned
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pulse_is_of_the_last_five_minutes_and_of_failures_that_are_kakaos_or_ours() {
        let (recent, then) = (Recent::default(), Instant::now());
        assert_eq!(recent.pulse(then), Pulse::default());
        recent.note(
            then,
            Duration::from_secs(9),
            Call::User,
            Some(&Kind::Temporary),
        );
        assert_eq!(recent.pulse(then + WINDOW).failures, 1);
        let now = then + WINDOW + Duration::from_millis(1);
        for tens in 1..=20 {
            recent.note(now, Duration::from_millis(tens * 10), Call::User, None);
        }
        assert_eq!(recent.pulse(now).p95, Duration::from_millis(190));
        let brief = Duration::from_millis(1);
        recent.note(now, brief, Call::Token, Some(&Kind::CodeUsed));
        recent.note(now, brief, Call::Token, Some(&Kind::BadClient));
        let pulse = recent.pulse(now);
        assert_eq!((pulse.calls, pulse.failures), (22, 1));
    }

    #[test]
    fn a_storm_of_calls_is_remembered_in_bounded_memory() {
        let (recent, now) = (Recent::default(), Instant::now());
        for _ in 0..3 * MOST {
            recent.note(now, Duration::ZERO, Call::User, None);
        }
        assert_eq!(recent.pulse(now).calls, MOST);
    }
}
