//! Keeping the Kakao tokens of a session useful: a feature that acts for somebody at Kakao gets an
//! access token that works, or learns that they have to sign in with Kakao once more.
//!
//! Refreshing is done by one at a time, however many requests and instances want it: a lease in the
//! session's row says whose turn it is, the others look again until it is done. Only what Kakao
//! says about the refresh token itself makes us forget it; trouble of any other kind keeps it.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use uuid::Uuid;

use super::arrival::{access_token_context, refresh_token_context};
use super::owed::{Revocation, owe};
use super::{Gate, LoginFailure, Why};
use crate::kakao::{self, AccessToken, Kind, RefreshToken, Refreshed};
use crate::member::{EndedBy, MemberId};
use crate::store::outbox;
use crate::store::sessions::SealedTokens;
use crate::store::sessions::tokens::{self, Kept};
use crate::store::{self, AnyConnection};

/// An access token that lives for less is refreshed when somebody needs it.
const AHEAD: time::Duration = time::Duration::minutes(5);

/// An access token that lives for less may end on its way to Kakao.
const LAST: time::Duration = time::Duration::seconds(30);

/// How long it is somebody's turn to refresh: longer than the longest call and the writing of its
/// result take, so that nobody else begins meanwhile.
const LEASE: time::Duration = time::Duration::seconds(20);

/// How long one waits for a refresh that is another's turn.
const PATIENCE: Duration = Duration::from_secs(6);

/// How often one looks whether it is done.
const PEEK: Duration = Duration::from_millis(50);

/// How long nobody tries again after a failure, so that a crowd that waited for one call does not
/// make the same call one after another.
const PAUSE: Duration = Duration::from_secs(5);

/// The same where Kakao limits us and does not say for how long, and the longest that we believe.
const LIMITED: Duration = Duration::from_secs(60);
const LONGEST_LIMIT: Duration = Duration::from_secs(600);

/// How often it is tried to write down what Kakao has answered: it will not answer so again.
const WRITES: u32 = 3;

/// Why nobody can act for a person at Kakao.
#[derive(Clone, Debug)]
pub enum NoAccess {
    /// There is no token that works: the person has to sign in with Kakao once more. Everything
    /// else goes on as before.
    SignInAgain,
    /// Not now; the tokens are kept.
    NotNow(LoginFailure),
}

impl From<store::Error> for NoAccess {
    fn from(error: store::Error) -> Self {
        Self::NotNow(error.into())
    }
}

impl From<kakao::Error> for NoAccess {
    fn from(error: kakao::Error) -> Self {
        Self::NotNow(error.into())
    }
}

/// A session and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    /// Whose it is.
    pub member: MemberId,
    /// The session.
    pub session: Uuid,
}

impl Gate {
    /// An access token with which to act for a person at Kakao. One that is about to expire is
    /// refreshed first.
    ///
    /// # Errors
    /// [`NoAccess`].
    pub async fn kakao_access(&self, holder: Holder) -> Result<AccessToken, NoAccess> {
        self.usable(holder, None).await
    }

    /// Acts for a person at Kakao. When Kakao does not know the access token any more (-401), it
    /// is refreshed once and `call` is made once more; so `call` must be one that may be repeated
    /// when it was refused.
    ///
    /// # Errors
    /// [`NoAccess`].
    pub async fn at_kakao<T>(
        &self,
        holder: Holder,
        call: impl AsyncFn(&AccessToken) -> Result<T, kakao::Error>,
    ) -> Result<T, NoAccess> {
        let token = self.kakao_access(holder).await?;
        match call(&token).await {
            Err(error) if error.kind == Kind::Unauthorized => {}
            done => return Ok(done?),
        }
        let token = self.usable(holder, Some(&token)).await?;
        Ok(call(&token).await?)
    }

    /// A token that lives, and is not the `refused` one.
    async fn usable(
        &self,
        holder: Holder,
        refused: Option<&AccessToken>,
    ) -> Result<AccessToken, NoAccess> {
        let (patience, session) = (Instant::now() + PATIENCE, holder.session);
        loop {
            let now = self.clock.now();
            let kept = self
                .store
                .read(move |connection| tokens::kept(connection, session));
            let kept = kept.await?.ok_or(NoAccess::SignInAgain)?;
            let sealed = kept.sealed.clone();
            let Some((access, refresh)) = self.unseal(session, &sealed) else {
                return self.forget(holder, sealed).await;
            };
            let left = sealed.access_ends_at - now;
            let is_refused = refused.is_some_and(|refused| refused.expose() == access.expose());
            let works = left > LAST && !is_refused;
            if works && left > AHEAD {
                return Ok(access);
            }
            if sealed.refresh_ends_at <= now {
                return if works {
                    Ok(access)
                } else {
                    self.forget(holder, sealed).await
                };
            }
            let Kept {
                refreshing_until,
                refresh_after,
                ..
            } = kept;
            let is_pause = refresh_after.is_some_and(|after| now < after);
            let is_taken = refreshing_until.is_some_and(|until| now < until);
            if works && (is_pause || is_taken) {
                return Ok(access);
            }
            if is_pause {
                return Err(not_now("refreshing failed a moment ago"));
            }
            if !is_taken {
                let refreshed = match self.lease(session, sealed.clone(), now).await {
                    Ok(true) => Some(self.refresh_to_the_end(holder, sealed, refresh).await),
                    Ok(false) => None,
                    Err(error) => Some(Err(error.into())),
                };
                match refreshed {
                    // What it has still works; somebody will come again.
                    Some(Err(NoAccess::NotNow(_))) if works => return Ok(access),
                    Some(outcome) => return outcome,
                    None => {}
                }
            }
            if Instant::now() >= patience {
                return Err(not_now("somebody else refreshes for too long"));
            }
            tokio::time::sleep(PEEK).await;
        }
    }

    async fn lease(
        &self,
        session: Uuid,
        sealed: SealedTokens,
        now: OffsetDateTime,
    ) -> Result<bool, store::Error> {
        self.store
            .write(move |connection| tokens::lease(connection, session, &sealed, now, now + LEASE))
            .await
    }

    /// In a task of its own: a browser that goes away in the middle must not cost the answer, which
    /// may hold the only refresh token that still works.
    async fn refresh_to_the_end(
        &self,
        holder: Holder,
        old: SealedTokens,
        token: RefreshToken,
    ) -> Result<AccessToken, NoAccess> {
        let gate = self.clone();
        let story = async move { gate.refresh(holder, old, &token).await };
        match tokio::spawn(story).await {
            Ok(outcome) => outcome,
            Err(join) => match join.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(NoAccess::NotNow(Why::Unavailable.into())),
            },
        }
    }

    async fn refresh(
        &self,
        holder: Holder,
        old: SealedTokens,
        token: &RefreshToken,
    ) -> Result<AccessToken, NoAccess> {
        // Before the question: a life counted from here is never too long.
        let asked = self.clock.now();
        match self.kakao.refresh(token).await {
            Ok(answer) => {
                self.metrics.kakao_refresh("done");
                self.keep(holder, old, answer, asked).await
            }
            Err(error) if error.kind == Kind::RefreshTokenGone => {
                self.metrics.kakao_refresh("gone");
                tracing::info!(session.id = %holder.session, cause = %error, "Kakao tokens dropped");
                self.forget(holder, old).await
            }
            Err(error) => {
                self.metrics.kakao_refresh("failed");
                tracing::warn!(session.id = %holder.session, cause = %error, "Kakao tokens not refreshed");
                let after = self.clock.now() + pause_after(&error);
                let session = holder.session;
                let put_off = self
                    .store
                    .write(move |connection| tokens::put_off(connection, session, &old, after));
                if let Err(error) = put_off.await {
                    tracing::warn!(%error, "the turn to refresh ends by itself");
                }
                Err(error.into())
            }
        }
    }

    /// Writes down what Kakao has answered.
    async fn keep(
        &self,
        holder: Holder,
        old: SealedTokens,
        answer: Refreshed,
        asked: OffsetDateTime,
    ) -> Result<AccessToken, NoAccess> {
        let new = self.seal_refreshed(holder.session, &old, &answer, asked)?;
        let ends_at = new.access_ends_at;
        for write in 1..=WRITES {
            let (gate, access) = (self.clone(), answer.access.clone());
            let (old, new) = (old.clone(), new.clone());
            let written = self.store.write(move |connection| {
                if tokens::replace(connection, holder.session, &old, &new)? {
                    return Ok(true);
                }
                // An earlier try that seemed to fail and did not.
                let kept = tokens::kept(connection, holder.session)?;
                if kept.is_some_and(|kept| kept.sealed.access == new.access) {
                    return Ok(true);
                }
                gate.give_back_refreshed(connection, holder, &access, ends_at)?;
                Ok(false)
            });
            match written.await {
                Ok(true) => return Ok(answer.access),
                // Ended, or signed in anew, while Kakao was asked.
                Ok(false) => {
                    self.owed.notify_one();
                    return Err(NoAccess::SignInAgain);
                }
                Err(error) if write < WRITES && error.is_unavailable() => {
                    tracing::warn!(%error, "refreshed tokens not written down, trying again");
                    tokio::time::sleep(PEEK).await;
                }
                Err(error) => {
                    let replaced = answer.refresh.is_some();
                    tracing::error!(%error, replaced, "refreshed tokens are lost");
                    return Err(error.into());
                }
            }
        }
        Err(NoAccess::NotNow(Why::Unavailable.into()))
    }

    fn seal_refreshed(
        &self,
        session: Uuid,
        old: &SealedTokens,
        answer: &Refreshed,
        asked: OffsetDateTime,
    ) -> Result<SealedTokens, store::Error> {
        let access = answer.access.expose().as_bytes();
        let (refresh, refresh_ends_at) = match &answer.refresh {
            None => (old.refresh.clone(), old.refresh_ends_at),
            Some(token) => {
                let context = refresh_token_context(session);
                let sealed = self.vault.seal(&context, token.expose().as_bytes())?;
                let life = answer.refresh_expires_in;
                (
                    sealed,
                    life.map_or(old.refresh_ends_at, |life| asked + life),
                )
            }
        };
        Ok(SealedTokens {
            access: self.vault.seal(&access_token_context(session), access)?,
            access_ends_at: asked + answer.access_expires_in,
            refresh,
            refresh_ends_at,
        })
    }

    /// Nobody holds the new token: it is owed back to Kakao. Not where the same person has signed
    /// in anew, whose tokens a logout at Kakao might end as well.
    fn give_back_refreshed(
        &self,
        connection: &mut AnyConnection,
        holder: Holder,
        access: &AccessToken,
        expires_at: OffsetDateTime,
    ) -> Result<(), store::Error> {
        match tokens::ended_by(connection, holder.session)? {
            None | Some(EndedBy::NewLogin) => return Ok(()),
            Some(_) => {}
        }
        let revocation = Revocation {
            kind: outbox::Kind::Logout,
            member: Some(holder.member),
            told: access.expose().as_bytes(),
            expires_at,
        };
        owe(self, connection, &revocation, self.clock.now())?;
        Ok(())
    }

    async fn forget<T>(&self, holder: Holder, sealed: SealedTokens) -> Result<T, NoAccess> {
        let session = holder.session;
        self.store
            .write(move |connection| tokens::forget(connection, session, &sealed))
            .await?;
        Err(NoAccess::SignInAgain)
    }

    /// `None` when they were sealed with a key that is gone.
    fn unseal(&self, session: Uuid, sealed: &SealedTokens) -> Option<(AccessToken, RefreshToken)> {
        let open = |context: String, sealed: &str| {
            let plain = self.vault.open(&context, sealed)?;
            String::from_utf8(plain).ok()
        };
        let access = open(access_token_context(session), &sealed.access)?;
        let refresh = open(refresh_token_context(session), &sealed.refresh)?;
        Some((access.parse().ok()?, refresh.parse().ok()?))
    }
}

fn pause_after(error: &kakao::Error) -> Duration {
    match error.kind {
        Kind::Limited { retry_after } => retry_after.unwrap_or(LIMITED).clamp(PAUSE, LONGEST_LIMIT),
        _ => PAUSE,
    }
}

fn not_now(cause: &str) -> NoAccess {
    NoAccess::NotNow(LoginFailure {
        why: Why::KakaoDown,
        cause: Some(cause.to_owned()),
    })
}
