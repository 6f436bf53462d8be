//! The calls themselves, one method each.

mod consent;
mod grant;
mod hooks;
pub(super) mod probes;
#[cfg(test)]
mod tests;
pub(super) mod user_ids;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use url::Url;

use super::attempt::{attempt, failed, record_failure};
use super::authorize::{self, Authorize};
use super::credential::{AccessToken, AuthorizationCode};
use super::endpoints::Endpoints;
use super::error::{Call, Code, Error, Kind, Trouble};
use super::id_token::{Expectation, IdToken, IdTokenError, Named, Unverified};
use super::jwks::{self, Jwks};
use super::key_ring::{From, KeyRing};
use super::pulse::Pulse;
use super::rotation::Rotation;
use super::settings::{BuildError, Settings};
use super::transport::{NoReply, Slot, Transport};
use super::user::{self, User};
use super::weather::Weather;
use super::wire::{self, TokenInfo, Tokens};
use crate::config::is_loopback;
use crate::member::KakaoId;
use crate::vault::Secret;

/// Pause before `user` is asked a second time, plus up to [`REPEAT_JITTER`].
const REPEAT_AFTER: Duration = Duration::from_millis(200);
const REPEAT_JITTER: Duration = Duration::from_millis(100);
/// A second attempt with less time than this would only be cut off.
const REPEAT_NEEDS: Duration = Duration::from_millis(500);

const FORM: &str = "application/x-www-form-urlencoded;charset=utf-8";

/// Kakao's two hosts. Clones share one HTTP client and one limit of concurrent calls.
#[derive(Clone)]
pub struct Kakao(Arc<Inner>);

struct Inner {
    settings: Settings,
    endpoints: Endpoints,
    transport: Transport,
    client_secrets: Rotation<Secret>,
    /// `Authorization` values of the admin keys.
    admin_keys: Rotation<HeaderValue>,
    keys: KeyRing,
    /// Issuer of ID tokens: the origin of the authorization server.
    issuer: String,
    /// Whether Kakao is on this machine, and so are its pictures.
    local: bool,
}

impl Kakao {
    /// Builds the client. Opens no connection.
    ///
    /// # Errors
    /// [`BuildError`] naming the setting that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, BuildError> {
        settings.check()?;
        Ok(Self(Arc::new(Inner {
            endpoints: Endpoints::new(&settings)?,
            transport: Transport::new(&settings)?,
            client_secrets: Rotation::new(settings.client_secrets.clone()),
            admin_keys: Rotation::new(admin_headers(&settings.admin_keys)?),
            keys: KeyRing::default(),
            issuer: settings.auth_url.origin().ascii_serialization(),
            local: is_loopback(&settings.api_url),
            settings,
        })))
    }

    /// The address that starts a login in the browser (`GET /oauth/authorize`), with every
    /// parameter exactly once.
    #[must_use]
    pub fn authorize_url(&self, request: &Authorize<'_>) -> Url {
        authorize::authorize_url(&self.0.endpoints.authorize, &self.0.settings, request)
    }

    /// The address that ends the browser's Kakao account session (`GET /oauth/logout`) and comes
    /// back to the logout redirect URI with `state`. Revokes no token: call
    /// [`logout`](Self::logout) for that.
    #[must_use]
    pub fn account_logout_url(&self, state: &str) -> Url {
        authorize::account_logout_url(&self.0.endpoints.account_logout, &self.0.settings, state)
    }

    /// Exchanges the code for tokens (`POST /oauth/token`, RFC 6749 section 4.1.3).
    ///
    /// The request is never sent twice, whatever happens: a code works once, and whether a lost
    /// answer spent it cannot be known. That also holds while the client secret changes: when
    /// Kakao refuses the one in use (KOE010), this call fails and the other secret serves from
    /// the next call on.
    ///
    /// # Errors
    /// [`Kind::CodeUsed`], [`Kind::RedirectMismatch`], [`Kind::BadClient`], [`Kind::Limited`],
    /// [`Kind::Temporary`] or, for an answer without sound tokens, [`Kind::BadReply`].
    pub async fn exchange_code(
        &self,
        code: &AuthorizationCode,
        code_verifier: &str,
    ) -> Result<Tokens, Error> {
        let settings = &self.0.settings;
        let form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", settings.rest_api_key.as_str()),
            ("redirect_uri", &settings.redirect_uri),
            ("code", code.expose()),
            ("code_verifier", code_verifier),
        ];
        self.grant(Call::Token, form, wire::tokens).await
    }

    /// How Kakao has answered the calls of the last five minutes.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.0.transport.recent().pulse(Instant::now())
    }

    /// Whether people who are about to sign in with Kakao should be told that it has trouble.
    #[must_use]
    pub fn weather(&self) -> Weather {
        self.0.transport.recent().weather(Instant::now())
    }

    /// Kakao's issuer identifier (OpenID Connect Discovery section 3).
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Where Kakao's public keys are fetched from.
    #[must_use]
    pub fn keys_address(&self) -> &str {
        self.0.endpoints.jwks.as_str()
    }

    /// Whether logins ask for an ID token, and must get one.
    #[must_use]
    pub fn uses_openid_connect(&self) -> bool {
        self.0.settings.oidc
    }

    /// Verifies an ID token from [`exchange_code`](Self::exchange_code) (OpenID Connect Core
    /// section 3.1.3.7): Kakao's signature, this app, this login. The id must still be compared
    /// with the one of [`User`] (section 5.3.2).
    ///
    /// # Errors
    /// [`Unverified::Refused`] naming the first thing that does not fit, [`Unverified::NoKeys`]
    /// when Kakao's keys could not be had.
    pub async fn verify_id_token(
        &self,
        token: &IdToken,
        nonce: &str,
        now: OffsetDateTime,
    ) -> Result<Named, Unverified> {
        let audiences = [self.0.settings.rest_api_key.as_str()];
        self.verified(token, (&audiences, nonce), From::Kakao, now)
            .await
    }

    /// The same for one that a program hands over, which may be for any key of our app. Whoever
    /// hands it over may be anybody.
    ///
    /// # Errors
    /// As [`verify_id_token`](Self::verify_id_token).
    pub async fn verify_handed_id_token(
        &self,
        token: &IdToken,
        nonce: &str,
        now: OffsetDateTime,
    ) -> Result<Named, Unverified> {
        let audiences: Vec<&str> = self.0.settings.audiences().collect();
        self.verified(token, (&audiences, nonce), From::Anyone, now)
            .await
    }

    async fn verified(
        &self,
        token: &IdToken,
        (audiences, nonce): (&[&str], &str),
        from: From,
        now: OffsetDateTime,
    ) -> Result<Named, Unverified> {
        // The claims first: they cost nothing, and what fails them needs no key.
        let named = token.check(&Expectation {
            issuer: &self.0.issuer,
            audiences,
            nonce,
            now,
        })?;
        let fetch = || self.clone().fetch_keys().boxed();
        let key = self.0.keys.find(token.kid(), from, now, fetch).await?;
        let key = key.found().ok_or(IdTokenError::UnknownKey)?;
        if jwks::has_signed(&key, token.compact()) {
            Ok(named)
        } else {
            Err(IdTokenError::Signature.into())
        }
    }

    /// Fetches Kakao's public keys (`GET /.well-known/jwks.json`) before anybody needs them. Keys
    /// that are held stay in use when it fails.
    ///
    /// # Errors
    /// [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadReply`].
    pub async fn renew_keys(&self, now: OffsetDateTime) -> Result<(), Error> {
        let fetch = || self.clone().fetch_keys().boxed();
        self.0.keys.renew(now, fetch).await
    }

    async fn fetch_keys(self) -> Result<Jwks, Error> {
        let request = self.get(&self.0.endpoints.jwks);
        self.ask(Call::Keys, request, |body| {
            Jwks::parse(body).map_err(Kind::BadReply)
        })
        .await
    }

    /// Whose token this is and how long it lives (`GET /v1/user/access_token_info`).
    ///
    /// # Errors
    /// [`Kind::OtherApp`] for a token of another app, which proves nothing to us;
    /// [`Kind::Unauthorized`] for one that is malformed, expired or unknown;
    /// [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadReply`].
    pub async fn token_info(&self, token: &AccessToken) -> Result<TokenInfo, Error> {
        let ours = self.0.settings.app_id;
        let request = self
            .get(&self.0.endpoints.token_info)
            .bearer_auth(token.expose());
        self.ask(Call::TokenInfo, request, |body| {
            let info = wire::token_info(body).map_err(Kind::BadReply)?;
            if info.app_id == ours {
                Ok(info)
            } else {
                Err(Kind::OtherApp)
            }
        })
        .await
    }

    /// Who the token acts for (`GET /v2/user/me`).
    ///
    /// Asked at most twice: once more after a temporary failure or an unreadable answer, if the
    /// time of the call allows.
    ///
    /// # Errors
    /// [`Kind::Unauthorized`], [`Kind::ConsentMissing`], [`Kind::Under14`], [`Kind::Temporary`],
    /// [`Kind::Limited`], or [`Kind::BadReply`] for an answer without a sound id.
    pub async fn user(&self, token: &AccessToken) -> Result<User, Error> {
        let started = Instant::now();
        let slot = self.slot(Call::User).await?;
        let first = self.user_once(&slot, token).await;
        let passing =
            matches!(&first, Err(e) if matches!(e.kind, Kind::Temporary | Kind::BadReply(_)));
        let pause = REPEAT_AFTER + jitter(started.elapsed());
        if !passing || slot.remaining() < pause + REPEAT_NEEDS {
            return first;
        }
        sleep(pause).await;
        self.user_once(&slot, token).await
    }

    /// Ends the token at Kakao (`POST /v1/user/logout`). The browser's Kakao account session is
    /// not touched.
    ///
    /// A token that is already invalid (-401) or whose person is no longer linked (-101) is
    /// what was wanted: `Ok`.
    ///
    /// # Errors
    /// [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadClient`] (our address is not allowed),
    /// [`Kind::BadReply`]: the token may still work.
    pub async fn logout(&self, token: &AccessToken) -> Result<(), Error> {
        let ended = self
            .act(Call::Logout, &self.0.endpoints.logout, token)
            .await;
        already(ended, |error| {
            // A 401 without Kakao's code is somebody else's and ends nothing.
            error.kind == Kind::NotLinked
                || (error.kind == Kind::Unauthorized && error.code == Some(Code::Api(-401)))
        })
    }

    /// Whether there is an admin key to act by.
    #[must_use]
    pub fn has_admin_key(&self) -> bool {
        self.0.admin_keys.current().is_some()
    }

    /// Ends all tokens of a person in this app, by admin key (`POST /v1/user/logout`).
    ///
    /// Somebody not linked to the app (-101) has none: `Ok`.
    ///
    /// # Errors
    /// [`Kind::BadClient`] for a refused or missing admin key, [`Kind::AccountGone`],
    /// [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadReply`].
    pub async fn logout_everywhere(&self, id: KakaoId) -> Result<(), Error> {
        let ended = self
            .act_by_admin(Call::LogoutEverywhere, &self.0.endpoints.logout, id)
            .await;
        already(ended, |error| error.kind == Kind::NotLinked)
    }

    /// Takes the app's link to the person apart: consents and all tokens end
    /// (`POST /v1/user/unlink`).
    ///
    /// Somebody not linked (-101) is what was wanted: `Ok`. An invalid token (-401) is not: it
    /// may have expired while the link lives, so the caller falls back on
    /// [`unlink_by_admin`](Self::unlink_by_admin).
    ///
    /// # Errors
    /// [`Kind::Unauthorized`] as said, [`Kind::Temporary`], [`Kind::Limited`],
    /// [`Kind::BadReply`].
    pub async fn unlink(&self, token: &AccessToken) -> Result<(), Error> {
        let ended = self
            .act(Call::Unlink, &self.0.endpoints.unlink, token)
            .await;
        already(ended, |error| error.kind == Kind::NotLinked)
    }

    /// As [`unlink`](Self::unlink), by admin key, for when there is no living token.
    ///
    /// # Errors
    /// [`Kind::BadClient`] for a refused or missing admin key, [`Kind::AccountGone`],
    /// [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadReply`].
    pub async fn unlink_by_admin(&self, id: KakaoId) -> Result<(), Error> {
        let ended = self
            .act_by_admin(Call::UnlinkByAdmin, &self.0.endpoints.unlink, id)
            .await;
        already(ended, |error| error.kind == Kind::NotLinked)
    }

    async fn user_once(&self, slot: &Slot<'_>, token: &AccessToken) -> Result<User, Error> {
        let request = self.get(&self.0.endpoints.user).bearer_auth(token.expose());
        attempt(Call::User, slot, request, |body| {
            user::user(body, self.0.local).map_err(Kind::BadReply)
        })
        .await
    }

    async fn act(&self, call: Call, endpoint: &Url, token: &AccessToken) -> Result<(), Error> {
        let request = self.post(endpoint).bearer_auth(token.expose());
        self.ask(call, request, |body| {
            wire::acknowledgement(body)
                .map(drop)
                .map_err(Kind::BadReply)
        })
        .await
    }

    async fn act_by_admin(&self, call: Call, endpoint: &Url, id: KakaoId) -> Result<(), Error> {
        let request = self.post(endpoint).header(CONTENT_TYPE, FORM).form(&[
            ("target_id_type", "user_id"),
            ("target_id", &id.to_string()),
        ]);
        self.ask_by_admin(call, request, |body| {
            let acted_on = wire::acknowledgement(body).map_err(Kind::BadReply)?;
            if acted_on == id {
                Ok(())
            } else {
                Err(Kind::BadReply("the id of somebody else"))
            }
        })
        .await
    }

    /// Makes a call with the admin key in use. When Kakao refuses that key, this call fails and the
    /// other serves from the next call on.
    async fn ask_by_admin<T>(
        &self,
        call: Call,
        request: RequestBuilder,
        decode: impl FnOnce(&[u8]) -> Result<T, Kind>,
    ) -> Result<T, Error> {
        let (place, key) = self.admin_key(call)?;
        let request = request.header(AUTHORIZATION, key);
        let outcome = self.ask(call, request, decode).await;
        if matches!(&outcome, Err(error) if error.kind == Kind::BadClient) {
            self.0.admin_keys.refused(place);
        }
        outcome
    }

    /// Makes a call once.
    async fn ask<T>(
        &self,
        call: Call,
        request: RequestBuilder,
        decode: impl FnOnce(&[u8]) -> Result<T, Kind>,
    ) -> Result<T, Error> {
        let slot = self.slot(call).await?;
        attempt(call, &slot, request, decode).await
    }

    /// The admin key in use, and its place.
    fn admin_key(&self, call: Call) -> Result<(usize, &HeaderValue), Error> {
        let current = self.0.admin_keys.current();
        current
            .ok_or_else(|| no_admin_key(call))
            .inspect_err(|error| record_failure(error, Duration::ZERO))
    }

    async fn slot(&self, call: Call) -> Result<Slot<'_>, Error> {
        let started = Instant::now();
        self.0.transport.slot().await.map_err(|none| {
            let error = failed(call, none);
            let recent = self.0.transport.recent();
            recent.note(Instant::now(), started.elapsed(), call, Some(&error.kind));
            record_failure(&error, started.elapsed());
            error
        })
    }

    fn get(&self, endpoint: &Url) -> RequestBuilder {
        self.0.transport.client().get(endpoint.clone())
    }

    fn post(&self, endpoint: &Url) -> RequestBuilder {
        self.0.transport.client().post(endpoint.clone())
    }
}

fn no_admin_key(call: Call) -> Error {
    let unsent = NoReply {
        kind: Kind::BadClient,
        status: None,
        trouble: Some(Trouble::NoKey),
    };
    failed(call, unsent)
}

impl fmt::Debug for Kakao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kakao").field(&self.0.settings).finish()
    }
}

fn admin_headers(keys: &[Secret]) -> Result<Vec<HeaderValue>, BuildError> {
    let header = |key: &Secret| {
        let mut value = HeaderValue::from_str(&format!("KakaoAK {}", key.expose()))
            .map_err(|_| BuildError::Credential("admin_keys"))?;
        value.set_sensitive(true);
        Ok(value)
    };
    keys.iter().map(header).collect()
}

/// Turns a failure that means "already so" into success.
fn already(outcome: Result<(), Error>, so: impl FnOnce(&Error) -> bool) -> Result<(), Error> {
    match outcome {
        Err(error) if so(&error) => Ok(()),
        other => other,
    }
}

/// Spreads repeats over [`REPEAT_JITTER`]. The microseconds the first attempt took differ
/// between callers enough for that and need no random generator.
fn jitter(took: Duration) -> Duration {
    let span = u32::try_from(REPEAT_JITTER.as_micros()).unwrap_or(1);
    Duration::from_micros(u64::from(took.subsec_micros() % span))
}
