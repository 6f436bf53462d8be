//! Login attempts that wait for Kakao's answer: a short list in an encrypted cookie.
//!
//! Everything an attempt needs grows out of one random seed. No row is written until somebody
//! comes back, so bots that only start logins fill no table; and each attempt is found by its
//! own state, so that two tabs do not undo one another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Next;
use crate::member::MemberId;
use crate::random::{NoRandomness, Random};
use crate::vault::{SealError, Vault, branch, fingerprint};

/// How long a person may take between our page and the callback (KL-4).
const LIFE: Duration = Duration::minutes(10);

/// How long an attempt is remembered at all: past its life it can still be told from one that
/// never was.
const MEMORY: Duration = Duration::hours(1);

/// The most attempts pending in one browser; the oldest makes room.
const MOST: usize = 5;

/// The most consent items remembered of an attempt, so that five attempts fit into a cookie.
const MOST_ASKED: usize = 8;

/// What the vault binds the cookie's content to.
const CONTEXT: &str = "login attempts cookie";

/// What an attempt is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A login of anybody.
    Login,
    /// The same, of somebody who is to choose between the accounts that Kakao remembers.
    Choice,
    /// A login that nobody asked for, and in which nobody is asked anything.
    Silent,
    /// Somebody signed in is to show that it is still them.
    Proof(MemberId),
    /// Somebody signed in is asked for consent items: their session goes on, with tokens that say
    /// what they have agreed to. It is no proof, since Kakao need not ask who they are.
    Consent {
        /// Who.
        member: MemberId,
        /// For what.
        items: Vec<String>,
    },
    /// A Kakao account is to be connected to a member.
    Link(Bound),
}

/// The one session that may bring an attempt back: whoever else does so changes nothing (ID-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Whose it is.
    pub member: MemberId,
    /// Its id.
    pub session: Uuid,
}

/// One login under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    seed: [u8; 32],
    /// Where to go afterwards.
    pub next: Next,
    /// What it is for.
    pub purpose: Purpose,
    started: OffsetDateTime,
}

impl Attempt {
    /// A new attempt.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn begin(
        random: &Random,
        next: Next,
        mut purpose: Purpose,
        now: OffsetDateTime,
    ) -> Result<Self, NoRandomness> {
        if let Purpose::Consent { items, .. } = &mut purpose {
            items.truncate(MOST_ASKED);
        }
        Ok(Self {
            seed: random.bytes()?,
            next,
            purpose,
            started: now,
        })
    }

    /// Whether nobody asked for it.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.purpose == Purpose::Silent
    }

    /// When it began.
    #[must_use]
    pub fn started(&self) -> OffsetDateTime {
        self.started
    }

    /// The attempt that grew out of `seed`, when it has come back already.
    pub(super) fn of_seed(seed: [u8; 32], next: Next, now: OffsetDateTime) -> Self {
        Self {
            seed,
            next,
            purpose: Purpose::Login,
            started: now,
        }
    }

    /// The `state` of RFC 6749 section 10.12.
    #[must_use]
    pub fn state(&self) -> String {
        self.text("state")
    }

    /// The `code_verifier` of RFC 7636, which leaves the server only in the token call.
    #[must_use]
    pub fn code_verifier(&self) -> String {
        self.text("code verifier")
    }

    /// The `nonce` of OpenID Connect.
    #[must_use]
    pub fn nonce(&self) -> String {
        self.text("nonce")
    }

    /// Who is to prove that it is still them.
    #[must_use]
    pub fn proves(&self) -> Option<MemberId> {
        match self.purpose {
            Purpose::Proof(member) => Some(member),
            _ => None,
        }
    }

    /// Who must come back: with the Kakao account of anybody else it ends.
    #[must_use]
    pub fn awaits(&self) -> Option<MemberId> {
        match self.purpose {
            Purpose::Login | Purpose::Choice | Purpose::Silent | Purpose::Link(_) => None,
            Purpose::Proof(member) | Purpose::Consent { member, .. } => Some(member),
        }
    }

    /// The consent items that somebody signed in is asked for; none in any other attempt.
    #[must_use]
    pub fn asks(&self) -> &[String] {
        match &self.purpose {
            Purpose::Consent { items, .. } => items,
            _ => &[],
        }
    }

    /// Whose it is, if somebody signed in began it.
    #[must_use]
    pub fn member(&self) -> Option<MemberId> {
        match self.purpose {
            Purpose::Login | Purpose::Choice | Purpose::Silent => None,
            Purpose::Proof(member) | Purpose::Consent { member, .. } => Some(member),
            Purpose::Link(bound) => Some(bound.member),
        }
    }

    /// What the audit log calls its end.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self.purpose {
            Purpose::Login | Purpose::Choice | Purpose::Silent => "login.kakao",
            Purpose::Proof(_) => "reauth.kakao",
            Purpose::Consent { .. } => "kakao.consent.ask",
            Purpose::Link(_) => "kakao.link",
        }
    }

    /// What the session that grows out of this attempt is derived from.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// What a claim of this attempt is filed under.
    #[must_use]
    pub fn state_hash(&self) -> String {
        fingerprint(self.state().as_bytes())
    }

    /// When the attempt dies.
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.started + LIFE
    }

    /// Whether the attempt may still be completed. One from the future is a clock set back.
    #[must_use]
    pub fn is_alive(&self, now: OffsetDateTime) -> bool {
        now < self.expires_at()
    }

    fn text(&self, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(branch(&self.seed, purpose))
    }
}

/// The attempts of one browser.
#[derive(Clone, Default)]
pub struct Attempts(Vec<Attempt>);

#[derive(Serialize, Deserialize)]
struct Stored {
    s: String,
    n: String,
    t: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<MemberId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l: Option<Bound>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    a: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    q: bool,
}

impl Stored {
    fn purpose(self) -> Purpose {
        match (self.p, self.l) {
            (Some(member), _) if !self.a.is_empty() => Purpose::Consent {
                member,
                items: self.a,
            },
            (Some(member), _) => Purpose::Proof(member),
            (None, Some(bound)) => Purpose::Link(bound),
            (None, None) if self.q => Purpose::Silent,
            (None, None) => Purpose::Login,
        }
    }
}

impl Attempts {
    /// Reads the cookie's content. Whatever does not open, or is older than an hour, is as if it
    /// had never been.
    #[must_use]
    pub fn open(vault: &Vault, sealed: Option<&str>, now: OffsetDateTime) -> Self {
        let plain = sealed.and_then(|sealed| vault.open(CONTEXT, sealed));
        let stored: Vec<Stored> = plain
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .unwrap_or_default();
        let attempts = stored.into_iter().filter_map(|stored| {
            Some(Attempt {
                seed: URL_SAFE_NO_PAD.decode(&stored.s).ok()?.try_into().ok()?,
                next: Next::path(&stored.n)?,
                started: OffsetDateTime::from_unix_timestamp(stored.t).ok()?,
                purpose: stored.purpose(),
            })
        });
        Self(
            attempts
                .filter(|attempt| now - attempt.started < MEMORY)
                .collect(),
        )
    }

    /// The cookie's content.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, vault: &Vault) -> Result<String, SealError> {
        let stored: Vec<Stored> = self
            .0
            .iter()
            .map(|attempt| Stored {
                s: URL_SAFE_NO_PAD.encode(attempt.seed),
                n: attempt.next.as_str().to_owned(),
                t: attempt.started.unix_timestamp(),
                p: attempt.awaits(),
                l: match attempt.purpose {
                    Purpose::Link(bound) => Some(bound),
                    _ => None,
                },
                a: attempt.asks().to_vec(),
                q: attempt.is_silent(),
            })
            .collect();
        let plain = serde_json::to_vec(&stored).map_err(|_| SealError)?;
        vault.seal(CONTEXT, &plain)
    }

    /// Adds an attempt, at the cost of the oldest when there are too many.
    pub fn add(&mut self, attempt: Attempt) {
        self.0.push(attempt);
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
    }

    /// The attempt with this state.
    #[must_use]
    pub fn find(&self, state: &str) -> Option<&Attempt> {
        self.0
            .iter()
            .find(|attempt| attempt.state().as_bytes().ct_eq(state.as_bytes()).into())
    }

    /// The attempts without the one with this state.
    #[must_use]
    pub fn without(&self, state: &str) -> Self {
        Self(
            self.0
                .iter()
                .filter(|attempt| attempt.state() != state)
                .cloned()
                .collect(),
        )
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MasterKey;
    use base64::engine::general_purpose::STANDARD;
    use std::collections::BTreeSet;

    fn vault() -> Vault {
        let bytes = Random::system().bytes::<64>().unwrap();
        Vault::new(&[MasterKey::from_base64(&STANDARD.encode(bytes)).unwrap()]).unwrap()
    }

    fn begin(next: &str, now: OffsetDateTime) -> Attempt {
        Attempt::begin(&Random::system(), Next::parse(next), Purpose::Login, now).unwrap()
    }

    const NOON: OffsetDateTime = time::macros::datetime!(2026-03-02 12:00 UTC);

    // KL-2
    #[test]
    fn state_verifier_and_nonce_are_fresh_and_unrelated() {
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            let attempt = begin("/me", NOON);
            for text in [attempt.state(), attempt.code_verifier(), attempt.nonce()] {
                assert_eq!(
                    text.len(),
                    43,
                    "256 bits, and a verifier by RFC 7636 section 4.1"
                );
                assert!(seen.insert(text));
            }
        }
    }

    // KL-3, KL-4, KL-6
    #[test]
    fn an_attempt_is_found_by_its_state_until_it_is_forgotten() {
        let vault = vault();
        let mut attempts = Attempts::default();
        let (first, second) = (begin("/me?a=1", NOON), begin("/me/sessions", NOON));
        attempts.add(first.clone());
        attempts.add(second.clone());
        let sealed = attempts.seal(&vault).unwrap();
        let at = |minutes| NOON + Duration::minutes(minutes);
        let opened = Attempts::open(&vault, Some(&sealed), at(9));
        assert_eq!(
            opened.find(&first.state()).unwrap().next.as_str(),
            "/me?a=1"
        );
        assert!(opened.find(&second.state()).unwrap().is_alive(at(9)));
        assert!(!opened.find(&second.state()).unwrap().is_alive(at(10)));
        assert!(opened.find("").is_none());
        assert!(
            opened
                .without(&first.state())
                .find(&first.state())
                .is_none()
        );
        assert!(Attempts::open(&vault, Some(&sealed), at(60)).is_empty());
        assert!(Attempts::open(&vault, Some("junk"), NOON).is_empty());
        assert!(Attempts::open(&vault, None, NOON).is_empty());
    }

    // KL-6, SE-9
    #[test]
    fn a_browser_keeps_five_attempts_in_one_storable_cookie() {
        let mut attempts = Attempts::default();
        let first = begin("/me", NOON);
        attempts.add(first.clone());
        for _ in 0..5 {
            attempts.add(begin(&format!("/{}", "a".repeat(399)), NOON));
        }
        assert!(attempts.find(&first.state()).is_none());
        assert!(attempts.seal(&vault()).unwrap().len() < 3_900);
    }
}
