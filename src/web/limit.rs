//! How often one address may do what costs us or Kakao something.

use std::net::IpAddr;
use std::num::NonZeroU32;

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

    /// Forgets addresses that have been quiet, which the counters never do by themselves.
    pub(super) fn forget_quiet(&self) {
        for limiter in [&self.logins, &self.posts].into_iter().flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}
