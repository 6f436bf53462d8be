//! Joining with Kakao where there are terms to agree to first: between Kakao's answer and the
//! decision nobody is a member, and the database knows nothing of the person.
//!
//! What Kakao told, and the tokens, wait in an encrypted cookie for ten minutes. The database has
//! two rows: the attempt, which leads a doubled callback to the same page, and a debt: giving the
//! token back when the ten minutes are over. Whoever decides takes the debt back first, and of two
//! who try one succeeds; so whoever agrees twice joins once, and nothing is forgotten by a browser
//! that never comes back.

use std::collections::BTreeMap;
use std::time::Duration as StdDuration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::arrival::{Admission, Arrival, Welcome};
use super::{Attempt, Ending, Gate, LoginFailure, Next, Origin, Why};
use crate::kakao::Tokens;
use crate::member::KakaoId;
use crate::session::Token;
use crate::store::members::{self, KakaoProfile};
use crate::store::outbox::{self, Kind};
use crate::store::{self, AnyConnection, attempts};
use crate::vault::Vault;

/// How long a person may take to decide.
pub const LIFE: Duration = Duration::minutes(10);

/// What the vault binds the cookie's content to.
const CONTEXT: &str = "kakao join cookie";

/// The longest content that browsers keep, with the cookie's name and attributes.
const LONGEST: usize = 3_800;

/// Somebody whom Kakao vouched for and who has not decided yet.
#[derive(Clone, Serialize, Deserialize)]
pub struct Undecided {
    /// The seed of the login attempt.
    s: String,
    /// Where to go afterwards.
    n: String,
    /// The debt to be taken back.
    o: Uuid,
    /// Since when, in Unix seconds.
    t: i64,
    app: i64,
    id: KakaoId,
    at: Option<i64>,
    nick: Option<String>,
    pic: Option<String>,
    mail: Option<String>,
    valid: bool,
    verified: bool,
    scopes: String,
    access: String,
    access_ends: i64,
    refresh: String,
    refresh_ends: i64,
}

/// Why somebody did not join.
#[derive(Clone, Debug)]
pub enum Unjoined {
    /// These required items were not agreed to.
    NotAgreed(Vec<String>),
    /// The time is over, or it was decided otherwise.
    Failed(LoginFailure),
}

impl From<store::Error> for Unjoined {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Undecided {
    /// Reads the cookie's content; `None` for what does not open, or when the time is over.
    #[must_use]
    pub fn open(vault: &Vault, sealed: &str, now: OffsetDateTime) -> Option<Self> {
        let undecided: Self = serde_json::from_slice(&vault.open(CONTEXT, sealed)?).ok()?;
        (now < undecided.ends_at()?).then_some(undecided)
    }

    /// The nickname that Kakao told.
    #[must_use]
    pub fn nickname(&self) -> Option<&str> {
        self.nick.as_deref()
    }

    /// The picture that Kakao told.
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        self.pic.as_deref()
    }

    /// The address that Kakao told.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.mail.as_deref()
    }

    /// Whether Kakao vouches for the address.
    #[must_use]
    pub fn is_email_confirmed(&self) -> bool {
        self.valid && self.verified
    }

    /// Where to go afterwards.
    #[must_use]
    pub fn next(&self) -> Next {
        Next::parse(&self.n)
    }

    /// The attempt that brought them here.
    #[must_use]
    pub fn attempt(&self, now: OffsetDateTime) -> Option<Attempt> {
        Some(Attempt::of_seed(self.seed()?, self.next(), now))
    }

    fn ends_at(&self) -> Option<OffsetDateTime> {
        Some(OffsetDateTime::from_unix_timestamp(self.t).ok()? + LIFE)
    }

    fn of(attempt: &Attempt, arrival: &Arrival, debt: Uuid, now: OffsetDateTime) -> Self {
        let Arrival { profile, tokens } = arrival;
        let until = |life: StdDuration| (now + life).unix_timestamp();
        Self {
            s: URL_SAFE_NO_PAD.encode(attempt.seed()),
            n: attempt.next.as_str().to_owned(),
            o: debt,
            t: now.unix_timestamp(),
            app: profile.app_id,
            id: profile.kakao_id,
            at: profile.connected_at.map(OffsetDateTime::unix_timestamp),
            nick: profile.nickname.clone(),
            pic: profile.picture.clone(),
            mail: profile.email.clone(),
            valid: profile.email_valid,
            verified: profile.email_verified,
            scopes: profile.scopes.clone(),
            access: tokens.access.expose().to_owned(),
            access_ends: until(tokens.access_expires_in),
            refresh: tokens.refresh.expose().to_owned(),
            refresh_ends: until(tokens.refresh_expires_in),
        }
    }

    /// The cookie's content. A picture whose address is too long for it is left out; it comes back
    /// with the next login.
    fn seal(mut self, vault: &Vault) -> Result<String, store::Error> {
        loop {
            let plain = serde_json::to_vec(&self)
                .map_err(|_| store::Error::Work("a newcomer could not be written down"))?;
            let sealed = vault.seal(CONTEXT, &plain)?;
            if sealed.len() <= LONGEST {
                return Ok(sealed);
            }
            if self.pic.take().is_none() {
                return Err(store::Error::Work("what Kakao told does not fit a cookie"));
            }
        }
    }

    fn seed(&self) -> Option<[u8; 32]> {
        URL_SAFE_NO_PAD.decode(&self.s).ok()?.try_into().ok()
    }

    fn arrival(&self, now: OffsetDateTime) -> Option<Arrival> {
        let left = |ends: i64| {
            let left = OffsetDateTime::from_unix_timestamp(ends).ok()? - now;
            Some(StdDuration::try_from(left).unwrap_or_default())
        };
        let connected_at = self.at.map(OffsetDateTime::from_unix_timestamp);
        Some(Arrival {
            profile: KakaoProfile {
                app_id: self.app,
                kakao_id: self.id,
                connected_at: connected_at.transpose().ok()?,
                nickname: self.nick.clone(),
                picture: self.pic.clone(),
                email: self.mail.clone(),
                email_valid: self.valid,
                email_verified: self.verified,
                scopes: self.scopes.clone(),
            },
            tokens: Tokens {
                access: self.access.parse().ok()?,
                access_expires_in: left(self.access_ends)?,
                refresh: self.refresh.parse().ok()?,
                refresh_expires_in: left(self.refresh_ends)?,
                scopes: Vec::new(),
                id_token: None,
            },
        })
    }
}

impl Gate {
    /// Lets somebody decide who has come for the first time: the token is owed back to Kakao when
    /// the time is over. The answer is for the browser to keep.
    pub(super) fn let_decide(
        &self,
        connection: &mut AnyConnection,
        arrival: &Arrival,
        attempt: &Attempt,
        now: OffsetDateTime,
    ) -> Result<String, store::Error> {
        let debt = self.owe_back(connection, Kind::Logout, None, &arrival.tokens, now)?;
        outbox::retry_at(connection, debt, now + LIFE, None)?;
        let sealed = Undecided::of(attempt, arrival, debt, now).seal(&self.vault)?;
        attempts::settle(connection, &attempt.state_hash(), &format!("join:{sealed}"))?;
        Ok(sealed)
    }

    /// Makes a member of somebody who agrees to what is required. `ticked` holds the version that
    /// was shown of each item. Done twice it ends in one session of one member.
    ///
    /// # Errors
    /// [`Unjoined`].
    pub async fn agree_and_join(
        &self,
        undecided: Undecided,
        ticked: &BTreeMap<String, String>,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Ending, Unjoined> {
        let agreed = self.rules.agreements.agreed(ticked);
        let agreed = agreed.map_err(Unjoined::NotAgreed)?;
        let now = self.clock.now();
        let over = || Unjoined::Failed(Why::StateExpired.into());
        let (attempt, arrival) = undecided
            .attempt(now)
            .zip(undecided.arrival(now))
            .ok_or_else(over)?;
        let (gate, from, debt) = (self.clone(), origin.clone(), undecided.o);
        let doubled = attempt.clone();
        let (access, kakao_id) = (arrival.tokens.access.clone(), arrival.profile.kakao_id);
        let admitted = self
            .store
            .write(move |connection| {
                if !outbox::take_back(connection, debt)? {
                    return Ok(None);
                }
                // Somebody may have proved the address while the terms were read.
                if let Some(conflict) = gate.stop_at(connection, &arrival, &attempt, &from, now)? {
                    return Ok(Some(conflict));
                }
                let arrived = gate.arrive(connection, &arrival, now)?;
                if arrived.joined {
                    gate.keep_agreed(connection, arrived.member.id, &agreed, now)?;
                }
                let welcome = Welcome {
                    arrived,
                    tokens: &arrival.tokens,
                    attempt: &attempt,
                    current: current.as_ref(),
                    origin: &from,
                };
                gate.welcome(connection, welcome, now).map(Some)
            })
            .await?;
        self.owed.notify_one();
        let Some(admitted) = admitted else {
            return self.joined_already(&doubled).await.ok_or_else(over);
        };
        if let Admission::Signed(member, _) = &admitted {
            self.note_service_terms(member.id, kakao_id, access);
        }
        let ending = self.told(admitted, &doubled, origin);
        let ending = ending.map_err(Unjoined::Failed)?;
        self.count(&ending);
        Ok(ending)
    }

    /// Forgets somebody who does not want to join, and owes Kakao the end of the connection. A
    /// member by now, in another browser, only gives this token back.
    ///
    /// # Errors
    /// The store's.
    pub async fn decline_to_join(&self, undecided: Undecided) -> Result<(), store::Error> {
        let now = self.clock.now();
        let Some((attempt, arrival)) = undecided.attempt(now).zip(undecided.arrival(now)) else {
            return Ok(());
        };
        let (gate, debt) = (self.clone(), undecided.o);
        self.store
            .write(move |connection| {
                if !outbox::take_back(connection, debt)? {
                    return Ok(());
                }
                let (profile, tokens) = (&arrival.profile, &arrival.tokens);
                if let Some(member) = members::of_kakao(connection, profile)? {
                    gate.owe_back(connection, Kind::Logout, Some(member), tokens, now)?;
                } else if gate
                    .owe_unlink_by_id(connection, None, profile.kakao_id, now)?
                    .is_none()
                {
                    gate.owe_back(connection, Kind::Unlink, None, tokens, now)?;
                }
                // With it goes the copy of what Kakao told.
                attempts::settle(connection, &attempt.state_hash(), "error:cancelled")
            })
            .await?;
        self.owed.notify_one();
        Ok(())
    }

    /// Lets somebody who came a second time before they decided, to share more, decide once: the
    /// earlier token is left to expire. Given back it might take the later one with it, because
    /// some accounts of Kakao's logout say that it revokes every token of the person.
    ///
    /// # Errors
    /// The store's.
    pub async fn supersede(&self, earlier: Undecided, sealed: &str) -> Result<(), store::Error> {
        let later = Undecided::open(&self.vault, sealed, self.clock.now());
        if later.is_none_or(|later| later.id != earlier.id || later.o == earlier.o) {
            return Ok(());
        }
        self.store
            .write(move |connection| outbox::take_back(connection, earlier.o))
            .await
            .map(drop)
    }

    /// What a doubled agreement has already come to.
    async fn joined_already(&self, attempt: &Attempt) -> Option<Ending> {
        let hash = attempt.state_hash();
        let outcome = self
            .store
            .read(move |connection| attempts::outcome(connection, &hash))
            .await
            .ok()??;
        self.ending_of(attempt, &outcome).await.ok()
    }
}

impl std::fmt::Debug for Undecided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Undecided(…)")
    }
}
