//! Whether people who are about to sign in should be told that Kakao has trouble.
//!
//! A circuit that lets everything through: the note warns, the button stays, and no other page
//! knows of it. Only the calls of a login are looked at: a page of somebody signed in that Kakao
//! refuses something, or a long run of the administration that goes well, says nothing about them.
//! Three bad calls that are at least half of the recent ones bring the note; five good ones in a
//! row, or three minutes without a bad one, take it away. Between the two lies enough that a Kakao
//! which answers every other call leaves the note where it is.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{Call, Fault, Kind};
use super::pulse::{SLOW, WINDOW, is_failure};

/// The most calls that are looked at: the latest.
const LATEST: usize = 20;

/// The fewest bad calls that make a note.
const FEWEST: usize = 3;

/// How many good calls in a row take it away.
const RUN: u32 = 5;

/// How long it stays when nobody calls: a note that keeps people away would otherwise keep itself.
const STAYS: Duration = Duration::from_secs(180);

/// How Kakao is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weather {
    /// Nothing to be told.
    #[default]
    Fair,
    /// It answers, and takes its time.
    Slow,
    /// Calls come to nothing.
    Failing,
}

/// What one call says about the weather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Omen {
    Good,
    Slow,
    Failed,
}

impl Omen {
    /// Nothing for a call that no login makes, since neither its failure nor its success is any
    /// news to whoever wants to sign in; and nothing for what is between Kakao and one person: that
    /// they may not, or have asked for too many tokens (KOE237).
    pub(super) fn of(took: Duration, call: Call, kind: Option<&Kind>) -> Option<Self> {
        if !matches!(call, Call::Token | Call::User | Call::Keys) {
            return None;
        }
        match kind {
            Some(Kind::Limited { .. }) if call == Call::Token => None,
            // Of a person who is known by then.
            Some(Kind::Sanctioned) if call == Call::User => None,
            Some(kind) if kind.fault() == Fault::Person => None,
            Some(kind) if is_failure(kind) => Some(Self::Failed),
            _ if took >= SLOW => Some(Self::Slow),
            _ => Some(Self::Good),
        }
    }
}

/// Its lock is held for a moment, and never while waiting.
#[derive(Debug, Default)]
pub(super) struct Sky(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    weather: Weather,
    /// The latest calls since the weather last turned fair.
    latest: VecDeque<(Instant, Omen)>,
    last_bad: Option<Instant>,
    /// Good calls in a row, and calls in a row that did not fail.
    good: u32,
    answered: u32,
}

impl Sky {
    pub(super) fn note(&self, now: Instant, omen: Omen) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.settle(now);
        seen.note(now, omen);
    }

    pub(super) fn weather(&self, now: Instant) -> Weather {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.settle(now);
        seen.weather
    }
}

impl Seen {
    /// A note that nothing has confirmed for long enough is taken away.
    fn settle(&mut self, now: Instant) {
        let old = |bad: Instant| now.duration_since(bad) > STAYS;
        if self.weather > Weather::Fair && self.last_bad.is_none_or(old) {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.weather = Weather::Fair;
        self.latest.clear();
    }

    fn note(&mut self, now: Instant, omen: Omen) {
        while self
            .latest
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
            || self.latest.len() >= LATEST
        {
            self.latest.pop_front();
        }
        self.latest.push_back((now, omen));
        self.good = if omen == Omen::Good { self.good + 1 } else { 0 };
        self.answered = if omen == Omen::Failed {
            0
        } else {
            self.answered.saturating_add(1)
        };
        if omen > Omen::Good {
            self.last_bad = Some(now);
            self.weather = self.weather.max(self.found());
        }
        if self.weather == Weather::Fair {
            return;
        }
        if self.good >= RUN {
            self.clear();
        } else if self.answered >= RUN {
            self.weather = Weather::Slow;
        }
    }

    /// What the latest calls amount to.
    fn found(&self) -> Weather {
        let at_least = |least: Omen| {
            let bad = self.latest.iter().filter(|(_, omen)| *omen >= least);
            let bad = bad.count();
            bad >= FEWEST && bad * 2 >= self.latest.len()
        };
        if at_least(Omen::Failed) {
            Weather::Failing
        } else if at_least(Omen::Slow) {
            Weather::Slow
        } else {
            Weather::Fair
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The weather after each of these calls, a second apart: `.` good, `s` slow, `x` failed. One
    /// letter each: `.`, `s` or `x` again.
    fn told(sky: &Sky, from: Instant, calls: &str) -> String {
        let mut now = from;
        let letters = calls.chars().map(|call| {
            now += SECOND;
            let omen = match call {
                's' => Omen::Slow,
                'x' => Omen::Failed,
                _ => Omen::Good,
            };
            sky.note(now, omen);
            match sky.weather(now) {
                Weather::Fair => '.',
                Weather::Slow => 's',
                Weather::Failing => 'x',
            }
        });
        letters.collect()
    }

    fn story(calls: &str) -> String {
        told(&Sky::default(), Instant::now(), calls)
    }

    // RL-2
    #[test]
    fn a_few_losses_are_no_news_and_an_outage_is() {
        assert_eq!(story("x.x."), "....");
        assert_eq!(story("........x..x..x"), "...............");
        assert_eq!(story("xxx"), "..x");
        assert_eq!(story("...xxx"), ".....x");
        assert_eq!(story("sss"), "..s");
        assert_eq!(story("ssx"), "..s", "bad, and not all of it lost");
        assert_eq!(story("sssxxx"), "..sssx");
    }

    // RL-2
    #[test]
    fn a_kakao_that_answers_every_other_call_does_not_make_the_note_flap() {
        assert_eq!(story("xxx.x.x.x.x.x"), "..xxxxxxxxxxx");
        assert_eq!(story("xxx....x....x"), "..xxxxxxxxxxx");
        assert_eq!(story("sss.s.s.s.s"), "..sssssssss");
    }

    // RL-2
    #[test]
    fn five_good_calls_in_a_row_take_the_note_away_and_what_was_before_is_forgotten() {
        assert_eq!(story("xxx....."), "..xxxxx.");
        assert_eq!(story("xxxxxxxx.....x.x.x"), "..xxxxxxxxxx.....x");
        assert_eq!(story("xxxsssss....."), "..xxxxxsssss.");
    }

    // RL-2
    #[test]
    fn a_note_that_keeps_everybody_away_does_not_keep_itself() {
        let (sky, start) = (Sky::default(), Instant::now());
        assert_eq!(told(&sky, start, "xxx"), "..x");
        let last = start + 3 * SECOND;
        assert_eq!(sky.weather(last + STAYS), Weather::Failing);
        assert_eq!(sky.weather(last + STAYS + SECOND), Weather::Fair);
        // And the next failure begins from nothing.
        assert_eq!(told(&sky, last + STAYS + SECOND, "xxx"), "..x");
    }

    #[test]
    fn calls_of_long_ago_are_no_part_of_it() {
        let (sky, start) = (Sky::default(), Instant::now());
        assert_eq!(told(&sky, start, "xx"), "..");
        assert_eq!(told(&sky, start + WINDOW + 3 * SECOND, "x"), ".");
    }

    // RL-2
    #[test]
    fn only_calls_of_a_login_count_and_of_those_none_that_one_person_was_refused() {
        let brief = Duration::from_millis(10);
        let omen = |call, kind: Kind| Omen::of(brief, call, Some(&kind));
        let limited = || Kind::Limited { retry_after: None };
        for call in [Call::Token, Call::User, Call::Keys] {
            assert_eq!(omen(call, Kind::Temporary), Some(Omen::Failed), "{call}");
            assert_eq!(Omen::of(brief, call, None), Some(Omen::Good), "{call}");
            assert_eq!(Omen::of(SLOW, call, None), Some(Omen::Slow), "{call}");
        }
        assert_eq!(omen(Call::Token, Kind::BadClient), Some(Omen::Failed));
        assert_eq!(omen(Call::Token, Kind::Sanctioned), Some(Omen::Failed));
        assert_eq!(omen(Call::User, limited()), Some(Omen::Failed));
        for (call, kind) in [
            (Call::Token, Kind::CodeUsed),
            (Call::Token, limited()),
            (Call::User, Kind::Under14),
            (Call::User, Kind::Sanctioned),
            (Call::User, Kind::ConsentMissing { scopes: Vec::new() }),
            (Call::RevokeScopes, Kind::Configuration),
            (Call::UnlinkByAdmin, Kind::BadClient),
            (Call::UserIds, Kind::Temporary),
            (Call::Refresh, Kind::Temporary),
        ] {
            assert_eq!(omen(call, kind.clone()), None, "{call} {}", kind.name());
        }
        assert_eq!(Omen::of(brief, Call::UserIds, None), None);
    }
}
