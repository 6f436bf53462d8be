//! The user addresses of kapi: token information, `user/me`, logout and unlink.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, ReqData};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Shared;
use super::openid;
use super::profile::{self, Keys, PictureHosts};
use super::received::Received;
use super::refusal::{KAPI_JSON, KapiError};
use super::state::{EmailScenario, State};

/// Who is calling, and about whom.
pub(super) enum Caller {
    /// The user's own access token, and the sign-in it came from.
    Token {
        user_id: i64,
        login: u64,
        email: EmailScenario,
    },
    /// The admin key, naming a linked user.
    Admin { user_id: i64 },
}

impl Caller {
    pub(super) fn user_id(&self) -> i64 {
        match self {
            Self::Token { user_id, .. } | Self::Admin { user_id } => *user_id,
        }
    }

    /// The same refusal in the scheme the caller used.
    pub(super) fn refused(&self, error: KapiError) -> KapiError {
        match self {
            Self::Token { .. } => error,
            Self::Admin { .. } => error.for_admin(),
        }
    }
}

/// `GET /v1/user/access_token_info`
pub(super) async fn access_token_info(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let now = shared.clock.now();
    respond(token_info(&shared.state(), &received, now))
}

/// `GET` and `POST /v2/user/me`
pub(super) async fn me(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let hosts = shared.picture_hosts();
    respond(about(&shared.state(), &received, hosts, now))
}

/// `GET` and `POST /v1/oidc/userinfo`: for access tokens only.
pub(super) async fn userinfo(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let state = shared.state();
    respond(claims(&state, &received, shared.picture_hosts(), now))
}

/// `POST` and `GET /v1/user/logout`: ends one sign-in, or with the admin key all of the user's.
pub(super) async fn logout(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let mut state = shared.state();
    let answer = caller(&state, &received, now).map(|caller| {
        match caller {
            Caller::Token { login, .. } => state.revoke_login(login),
            Caller::Admin { user_id } => state.revoke_all(user_id),
        }
        json!({"id": caller.user_id()})
    });
    respond(answer)
}

/// `POST` and `GET /v1/user/unlink`
pub(super) async fn unlink(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let mut state = shared.state();
    let answer = caller(&state, &received, now).map(|caller| {
        state.unlink(caller.user_id());
        json!({"id": caller.user_id()})
    });
    respond(answer)
}

/// The answer of a kapi address.
pub(super) fn respond(answer: Result<Value, KapiError>) -> HttpResponse {
    match answer {
        Ok(body) => HttpResponse::Ok()
            .content_type(KAPI_JSON)
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(body),
        Err(refused) => refused.response(),
    }
}

fn token_info(state: &State, received: &Received, now: OffsetDateTime) -> Result<Value, KapiError> {
    let (_, token) = received
        .credentials()
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or_else(no_key)?;
    let is_well_formed = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c);
    if !token.bytes().all(is_well_formed) {
        return Err(KapiError::new(-2, "malformed access token"));
    }
    let caller = bearer(state, token, now)?;
    let expires_at = state
        .access
        .get(token)
        .map_or(now, |token| token.expires_at);
    Ok(json!({
        "id": caller.user_id(),
        "expires_in": (expires_at - now).whole_seconds(),
        "app_id": state.app.app_id,
    }))
}

fn about(
    state: &State,
    received: &Received,
    hosts: PictureHosts<'_>,
    now: OffsetDateTime,
) -> Result<Value, KapiError> {
    let caller = caller(state, received, now)?;
    let argument = |words: &str| caller.refused(KapiError::new(-2, words));
    let secure = match received.value("secure_resource") {
        None | Some("") => false,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        // Python clients send `True`.
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(_) => return Err(argument("secure_resource should be true or false")),
    };
    let keys = match received.value("property_keys") {
        None | Some("") => Keys::everything(),
        Some(text) => serde_json::from_str(text)
            .map(Keys::only)
            .map_err(|_| argument("property_keys should be a JSON array of strings"))?,
    };
    let user_id = caller.user_id();
    let not_linked = || caller.refused(KapiError::documented(-101));
    let person = state.person_by_id(user_id).ok_or_else(not_linked)?;
    let link = state.links.get(&user_id).ok_or_else(not_linked)?;
    let (mut person, mut link) = (person.clone(), link.clone());
    if let Caller::Token { email, .. } = caller {
        email.apply(&mut person, &mut link);
    }
    let is_missing = |scope: &&String| !link.scopes.contains(*scope);
    let missing: Vec<_> = state.app.me_needs.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        let missing = missing.into_iter().cloned().collect();
        let allowed = link.scopes.iter().cloned().collect();
        return Err(caller.refused(KapiError::insufficient(missing, allowed)));
    }
    Ok(profile::answer(
        &state.app, &person, &link, hosts, secure, &keys,
    ))
}

fn claims(
    state: &State,
    received: &Received,
    hosts: PictureHosts<'_>,
    now: OffsetDateTime,
) -> Result<Value, KapiError> {
    let caller = own_token(state, received, now)?;
    let user_id = caller.user_id();
    if !state.app.openid {
        return Err(KapiError::documented(-3));
    }
    let not_linked = || KapiError::documented(-101);
    let person = state.person_by_id(user_id).ok_or_else(not_linked)?;
    let link = state.links.get(&user_id).ok_or_else(not_linked)?;
    let (mut person, mut link) = (person.clone(), link.clone());
    if let Caller::Token { email, .. } = caller {
        email.apply(&mut person, &mut link);
    }
    Ok(openid::userinfo(&state.app, &person, &link, hosts))
}

/// Authenticates an access token, where no admin key is taken.
fn own_token(state: &State, received: &Received, now: OffsetDateTime) -> Result<Caller, KapiError> {
    let (_, token) = received
        .credentials()
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or_else(no_key)?;
    bearer(state, token, now)
}

/// Authenticates either style, in the order of Kakao's answers: key or token first, then the
/// target, then whether it is linked.
pub(super) fn caller(
    state: &State,
    received: &Received,
    now: OffsetDateTime,
) -> Result<Caller, KapiError> {
    let (scheme, credentials) = received.credentials().ok_or_else(no_key)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return bearer(state, credentials, now);
    }
    admin(state, received)?;
    let argument = |words: &str| KapiError::new(-2, words).for_admin();
    if received.value("target_id_type") != Some("user_id") {
        return Err(argument("target_id_type should be user_id"));
    }
    let user_id = received.value("target_id").and_then(|id| id.parse().ok());
    let user_id = user_id.ok_or_else(|| argument("target_id should be a number"))?;
    if !state.links.contains_key(&user_id) {
        return Err(KapiError::documented(-101).for_admin());
    }
    Ok(Caller::Admin { user_id })
}

/// Authenticates an admin key, whatever it is about.
pub(super) fn admin(state: &State, received: &Received) -> Result<(), KapiError> {
    let (scheme, credentials) = received.credentials().ok_or_else(no_key)?;
    if !scheme.eq_ignore_ascii_case("kakaoak") {
        return Err(no_key());
    }
    if !state.app.admin_keys.iter().any(|key| key == credentials) {
        return Err(KapiError::new(-401, "invalid app key.").for_admin());
    }
    Ok(())
}

fn bearer(state: &State, token: &str, now: OffsetDateTime) -> Result<Caller, KapiError> {
    let known = state.access.get(token);
    let token = known.ok_or_else(|| KapiError::documented(-401))?;
    if token.expires_at <= now {
        return Err(KapiError::new(-401, "this access token is already expired"));
    }
    Ok(Caller::Token {
        user_id: token.user_id,
        login: token.login,
        email: token.email,
    })
}

fn no_key() -> KapiError {
    KapiError::new(-401, "no authentication key!")
}
