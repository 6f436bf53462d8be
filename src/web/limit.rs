//! How often one address may do what costs us or Kakao something.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::address;
use super::error::Problem;
use crate::config;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Starting a login, and coming back from one.
    Login,
    /// Sending a form.
    Post,
}

/// Counters by address; each instance counts for itself.
pub(super) struct Limits {
    logins: Option<DefaultKeyedRateLimiter<IpAddr>>,
    posts: Option<DefaultKeyedRateLimiter<IpAddr>>,
    /// Webhooks that were refused. Those of Kakao are not counted, however many.
    refused: Option<DefaultKeyedRateLimiter<IpAddr>>,
    /// Who had more of them refused than may be, and until when nobody listens.
    unheard: Mutex<HashMap<IpAddr, Instant>>,
    clock: DefaultClock,
}

impl Limits {
    pub(super) fn new(limits: &config::Limits) -> Self {
        let limiter = |per_minute| {
            NonZeroU32::new(per_minute).map(|most| RateLimiter::keyed(Quota::per_minute(most)))
        };
        Self {
            logins: limiter(limits.login_starts),
            posts: limiter(limits.posts),
            refused: limiter(limits.posts),
            unheard: Mutex::default(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one use by `ip`.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn count(&self, what: Limit, ip: IpAddr) -> Result<(), Problem> {
        let limiter = match what {
            Limit::Login => &self.logins,
            Limit::Post => &self.posts,
        };
        let Some(limiter) = limiter else {
            return Ok(());
        };
        limiter
            .check_key(&address::network(ip))
            .map_err(|not_until| {
                let wait = not_until.wait_time_from(self.clock.now());
                Problem::rate(wait.as_secs() + 1)
            })
    }

    /// Counts a webhook by `ip` that was refused.
    pub(super) fn count_refused(&self, ip: IpAddr) {
        let (Some(limiter), network) = (&self.refused, address::network(ip)) else {
            return;
        };
        if let Err(not_until) = limiter.check_key(&network) {
            let wait = not_until.wait_time_from(self.clock.now());
            // A second at least, so that a flood costs nothing but this look.
            let until = Instant::now() + wait.max(Duration::from_secs(1));
            self.unheard().insert(network, until);
        }
    }

    /// Whether a webhook by `ip` is to be looked at.
    ///
    /// # Errors
    /// 429 with the seconds to wait.
    pub(super) fn listens_to(&self, ip: IpAddr) -> Result<(), Problem> {
        let until = self.unheard().get(&address::network(ip)).copied();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if !left.is_zero() => Err(Problem::rate(left.as_secs() + 1)),
            _ => Ok(()),
        }
    }

    fn unheard(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Instant>> {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets addresses that have been quiet, which the counters never do by themselves.
    pub(super) fn forget_quiet(&self) {
        for limiter in [&self.logins, &self.posts, &self.refused]
            .into_iter()
            .flatten()
        {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        let now = Instant::now();
        self.unheard().retain(|_, until| *until > now);
    }
}
