//! Kakao's public keys, kept in memory and fetched anew when that can help.
//!
//! Kakao blocks whoever asks for its keys too often, and anybody can present a token that names a
//! key which does not exist. So a fetch that did not bring the key that was looked for is not
//! repeated for a while, tokens from strangers never use up the patience for tokens that came from
//! Kakao itself, and whoever needs the keys at the same time shares one fetch. Keys that are held
//! serve on for as long as Kakao's do not come.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use jsonwebtoken::DecodingKey;
use time::{Duration, OffsetDateTime};

use super::error::Error;
use super::jwks::Jwks;

/// How long nobody asks again for a key that Kakao did not have.
const FRUITLESS: Duration = Duration::seconds(30);
/// How long nobody asks again after there was no set of keys at all.
const FAILED: Duration = Duration::seconds(5);

/// Whose token names the key that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// The token endpoint's: it came in answer to our own call.
    Kakao,
    /// Anybody's who can reach us.
    Anyone,
}

/// What became of looking for a key.
pub(super) enum Search {
    /// It is there.
    Found(DecodingKey),
    /// Kakao has none of this name.
    Absent,
    /// It is not held, and it is too soon to ask Kakao again.
    TooSoon,
}

impl Search {
    /// The key, for whom it is all one why there is none.
    pub(super) fn found(self) -> Option<DecodingKey> {
        match self {
            Self::Found(key) => Some(key),
            Self::Absent | Self::TooSoon => None,
        }
    }
}

type Fetch = BoxFuture<'static, Result<Jwks, Error>>;
type Flight = Shared<BoxFuture<'static, Result<Arc<Jwks>, Error>>>;

/// The keys held, and what is known about fetching them.
#[derive(Clone, Default)]
pub(super) struct KeyRing(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    keys: Option<Arc<Jwks>>,
    flight: Option<Flight>,
    /// Which key the flight was begun for, if for any, and whose token names it.
    sought: Option<(String, From)>,
    failed: Option<(OffsetDateTime, Error)>,
    fruitless: Option<OffsetDateTime>,
    fruitless_for_anyone: Option<OffsetDateTime>,
}

impl KeyRing {
    /// The key of this name.
    ///
    /// # Errors
    /// The keys could not be fetched.
    pub(super) async fn find(
        &self,
        kid: &str,
        from: From,
        now: OffsetDateTime,
        fetch: impl Fn() -> Fetch,
    ) -> Result<Search, Error> {
        // A fetch that was begun for something else may be older than the key: then one more.
        for _ in 0..2 {
            let (is_ours, flight) = {
                let mut state = self.state();
                if let Some(key) = state.key(kid) {
                    return Ok(Search::Found(key));
                }
                if state.asked_in_vain(from, now) {
                    return Ok(Search::TooSoon);
                }
                match &state.failed {
                    Some((at, error)) if is_within(FAILED, *at, now) => return Err(error.clone()),
                    _ => {
                        let is_first = state.flight.is_none();
                        if is_first {
                            state.sought = Some((kid.to_owned(), from));
                        }
                        let is_ours = state.sought.as_ref().is_some_and(|(one, _)| one == kid);
                        (is_ours, self.board(&mut state, now, &fetch))
                    }
                }
            };
            if let Some(key) = flight.await?.get(kid) {
                return Ok(Search::Found(key.clone()));
            }
            if is_ours {
                break;
            }
        }
        self.state().was_in_vain(from, now);
        Ok(Search::Absent)
    }

    /// Fetches the keys now, so that nobody has to wait for them.
    ///
    /// # Errors
    /// They could not be fetched; those that are held serve on.
    pub(super) async fn renew(
        &self,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> Fetch,
    ) -> Result<(), Error> {
        let flight = {
            let mut state = self.state();
            if state.flight.is_none() {
                state.sought = None;
            }
            self.board(&mut state, now, fetch)
        };
        flight.await.map(drop)
    }

    /// Whether there are keys, because somebody needed them.
    pub(super) fn is_in_use(&self) -> bool {
        self.state().keys.is_some()
    }

    /// The fetch under way, or a new one. It runs by itself: whoever started it may go away.
    fn board(
        &self,
        state: &mut State,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> Fetch,
    ) -> Flight {
        if let Some(flight) = &state.flight {
            return flight.clone();
        }
        let (ring, fetch) = (self.clone(), fetch());
        let landed = tokio::spawn(async move {
            let fetched = fetch.await.map(Arc::new);
            ring.state().land(now, &fetched);
            fetched
        });
        let ring = self.clone();
        let flight = async move {
            match landed.await {
                Ok(fetched) => fetched,
                Err(_) => {
                    // The runtime it flew on is going down, or it panicked.
                    ring.state().flight = None;
                    Err(Error::cut_off())
                }
            }
        };
        let flight = flight.boxed().shared();
        state.flight = Some(flight.clone());
        flight
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is in there is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn key(&self, kid: &str) -> Option<DecodingKey> {
        self.keys.as_ref()?.get(kid).cloned()
    }

    fn asked_in_vain(&self, from: From, now: OffsetDateTime) -> bool {
        let at = match from {
            From::Kakao => self.fruitless,
            From::Anyone => self.fruitless_for_anyone,
        };
        at.is_some_and(|at| is_within(FRUITLESS, at, now))
    }

    fn was_in_vain(&mut self, from: From, now: OffsetDateTime) {
        match from {
            From::Kakao => self.fruitless = Some(now),
            From::Anyone => self.fruitless_for_anyone = Some(now),
        }
    }

    /// In one step: whoever comes next, before those who wait for it are awake, is not to find
    /// that nobody has asked.
    fn land(&mut self, now: OffsetDateTime, fetched: &Result<Arc<Jwks>, Error>) {
        self.flight = None;
        match fetched {
            Ok(keys) => {
                self.keys = Some(keys.clone());
                self.failed = None;
                if let Some((kid, from)) = self.sought.take()
                    && keys.get(&kid).is_none()
                {
                    self.was_in_vain(from, now);
                }
            }
            Err(error) => self.failed = Some((now, error.clone())),
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.state().keys).finish()
    }
}

/// Whether `at` was less than `span` ago. A clock that was set back ends the wait.
fn is_within(span: Duration, at: OffsetDateTime, now: OffsetDateTime) -> bool {
    at <= now && now < at + span
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use time::macros::datetime;

    use super::super::signing::SigningKey;
    use super::*;

    const NOON: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

    /// A ring, and how often Kakao was asked on its behalf.
    #[derive(Default)]
    struct Counted {
        ring: KeyRing,
        asked: Arc<AtomicUsize>,
    }

    impl Counted {
        fn fetch(&self, kids: Option<&[&str]>) -> impl Fn() -> Fetch {
            let asked = self.asked.clone();
            let keys = kids.map(|kids| {
                let keys = kids.iter().map(|kid| SigningKey::new(kid).public());
                json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
            });
            move || {
                asked.fetch_add(1, Ordering::Relaxed);
                let answer = match &keys {
                    Some(keys) => Ok(Jwks::parse(keys.as_bytes()).unwrap()),
                    None => Err(Error::cut_off()),
                };
                async move {
                    tokio::task::yield_now().await;
                    answer
                }
                .boxed()
            }
        }

        async fn find(
            &self,
            kid: &str,
            from: From,
            now: OffsetDateTime,
            kids: Option<&[&str]>,
        ) -> Result<bool, Error> {
            let found = self.ring.find(kid, from, now, self.fetch(kids)).await;
            found.map(|search| search.found().is_some())
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    // OT-6
    #[tokio::test]
    async fn a_fetch_that_began_before_the_key_was_there_is_followed_by_another() {
        let ring = Counted::default();
        let early = ring.fetch(Some(&["a"]));
        let (renewed, found) = tokio::join!(
            ring.ring.renew(NOON, early),
            ring.find("b", From::Kakao, NOON, Some(&["a", "b"])),
        );
        assert_eq!((renewed.is_ok(), found), (true, Ok(true)));
        assert_eq!(ring.asked(), 2);
    }

    // OT-6
    #[tokio::test]
    async fn a_key_that_is_held_is_not_asked_for_and_a_new_one_is_fetched_at_once() {
        let ring = Counted::default();
        for (kid, kids) in [("a", ["a", "b"]), ("b", ["b", "c"]), ("c", ["c", "d"])] {
            assert_eq!(
                ring.find(kid, From::Kakao, NOON, Some(&kids)).await,
                Ok(true)
            );
        }
        assert_eq!(ring.asked(), 2, "b had come with a");
        assert_eq!(
            ring.find("a", From::Kakao, NOON, Some(&["c", "d"])).await,
            Ok(false)
        );
    }

    // OT-5
    #[tokio::test]
    async fn a_key_that_does_not_exist_is_asked_for_once_in_half_a_minute() {
        let ring = Counted::default();
        for second in 0..61 {
            let now = NOON + Duration::seconds(second);
            let kid = format!("junk{second}");
            let found = ring.find(&kid, From::Anyone, now, Some(&["a"])).await;
            assert_eq!(found, Ok(false));
        }
        assert_eq!(ring.asked(), 3);
        let found = ring
            .find("b", From::Kakao, NOON + Duration::MINUTE, Some(&["b"]))
            .await;
        assert_eq!(found, Ok(true), "strangers use up none of Kakao's own");
        let earlier = NOON - Duration::HOUR;
        ring.find("c", From::Anyone, earlier, Some(&["c"]))
            .await
            .unwrap();
        assert_eq!(
            ring.asked(),
            5,
            "a clock set back stops nothing for an hour"
        );
    }

    // OT-5
    #[tokio::test]
    async fn who_comes_before_those_who_waited_are_awake_does_not_ask_again() {
        for from in [From::Kakao, From::Anyone] {
            let ring = Counted::default();
            let mut first = pin!(ring.find("junk", from, NOON, Some(&["a"])));
            assert_eq!(first.as_mut().now_or_never(), None, "under way");
            while ring.ring.state().flight.is_some() {
                tokio::task::yield_now().await;
            }
            let next = ring.find("junk", from, NOON, Some(&["a"])).await;
            assert_eq!((next, first.await), (Ok(false), Ok(false)));
            assert_eq!(ring.asked(), 1);
        }
    }

    // OT-6
    #[tokio::test]
    async fn an_outage_is_asked_about_every_five_seconds_and_unnoticed_with_keys_in_hand() {
        let ring = Counted::default();
        for second in 0..10 {
            let now = NOON + Duration::seconds(second);
            ring.find("a", From::Kakao, now, None).await.unwrap_err();
        }
        assert_eq!(ring.asked(), 2);
        let later = NOON + Duration::MINUTE;
        assert_eq!(
            ring.find("a", From::Kakao, later, Some(&["a"])).await,
            Ok(true)
        );
        ring.ring.renew(later, ring.fetch(None)).await.unwrap_err();
        assert_eq!(ring.find("a", From::Kakao, later, None).await, Ok(true));
    }

    // OT-5
    #[tokio::test]
    async fn all_who_need_the_keys_at_once_share_one_fetch() {
        let ring = Counted::default();
        let all = (0..50).map(|_| ring.find("a", From::Kakao, NOON, Some(&["a"])));
        for found in futures_util::future::join_all(all).await {
            assert_eq!(found, Ok(true));
        }
        assert_eq!(ring.asked(), 1);
    }
}
