//! `POST` and `GET /oauth/token`: codes into tokens, refresh tokens into access tokens.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Data, ReqData};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::Shared;
use super::openid::{self, OPENID, SignIn};
use super::people::Person;
use super::received::Received;
use super::refusal::{KAUTH_JSON, KauthError};
use super::signing::{Alteration, Ring};
use super::state::{
    ACCESS_LIFE, Code, EmailScenario, Link, REFRESH_LIFE, RENEW_BELOW, State, Token,
};

/// Answers both grants. Parameters may come in the body or in the query of an empty body, as many
/// deployed clients send them; HTTP Basic is not looked at.
pub(super) async fn token(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let answer = {
        let mut state = shared.state();
        let answer = exchange(&mut state, &shared, &received, now);
        answer.map(|granted| (granted, state.ring, state.alteration.clone()))
    };
    let answer = match answer {
        Ok((
            Granted {
                tokens,
                claims: None,
            },
            ..,
        )) => Ok(tokens),
        Ok((granted, ring, alteration)) => with_id_token(granted, ring, alteration).await,
        Err(refused) => Err(refused),
    };
    match answer {
        Ok(tokens) => HttpResponse::Ok()
            .content_type(KAUTH_JSON)
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(tokens),
        Err(refused) => refused.response(),
    }
}

#[derive(Debug, Serialize)]
struct Tokens {
    token_type: &'static str,
    access_token: String,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// What a grant brings; the ID token is still to be signed.
struct Granted {
    tokens: Tokens,
    claims: Option<Value>,
}

/// Signs away from the threads that serve.
async fn with_id_token(
    granted: Granted,
    ring: Ring,
    alteration: Option<Alteration>,
) -> Result<Tokens, KauthError> {
    let Granted { mut tokens, claims } = granted;
    let claims = claims.unwrap_or_default();
    let signed = web::block(move || openid::id_token(ring, claims, alteration.as_ref())).await;
    let Ok(Ok(id_token)) = signed else {
        return Err(KauthError::documented("KOE003"));
    };
    tokens.id_token = Some(id_token);
    Ok(tokens)
}

/// The checks in the order seen at Kakao: grant type, client, secret, rate, then code or token.
fn exchange(
    state: &mut State,
    shared: &Shared,
    received: &Received,
    now: OffsetDateTime,
) -> Result<Granted, KauthError> {
    let grant = received.value("grant_type");
    let is_known = matches!(grant, Some("authorization_code" | "refresh_token"));
    if !is_known {
        return Err(KauthError::documented("KOE310"));
    }
    let client_id = authenticate(state, received)?;
    if grant == Some("refresh_token") {
        refresh(state, shared, received, &client_id, now)
    } else {
        redeem(state, shared, received, &client_id, now)
    }
}

/// Checks client id and secret and answers the client id.
fn authenticate(state: &State, received: &Received) -> Result<String, KauthError> {
    let client_id = received.value("client_id");
    let Some(key) = client_id.and_then(|id| state.app.rest_key(id)) else {
        return Err(KauthError::unknown_client(client_id));
    };
    if key.secret_on && received.value("client_secret") != Some(&key.secret) {
        return Err(KauthError::documented("KOE010"));
    }
    Ok(key.key.clone())
}

fn redeem(
    state: &mut State,
    shared: &Shared,
    received: &Received,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<Granted, KauthError> {
    let presented = received.value("code").unwrap_or_default();
    if let Some(user_id) = state.codes.get(presented).map(|code| code.user_id)
        && state.over_quota(user_id, now)
    {
        return Err(KauthError::documented("KOE237"));
    }
    let code = burn(state, received.value("code"), now)?;
    if code.client_id != client_id {
        return Err(KauthError::documented("KOE114"));
    }
    if received.value("redirect_uri") != Some(&code.redirect_uri) {
        return Err(KauthError::documented("KOE303"));
    }
    if let Some(challenge) = &code.challenge {
        let verifier = received.value("code_verifier").unwrap_or_default();
        if challenge_of(verifier) != *challenge {
            return Err(wrong_verifier());
        }
    }
    let login = state.new_login();
    // Off at the exchange, whatever it was before: the console's switch works at once.
    let openid = (code.openid && state.app.openid).then_some(code.authenticated_at);
    let token = |expires_at| Token {
        user_id: code.user_id,
        client_id: client_id.to_owned(),
        login,
        email: code.email,
        openid,
        expires_at,
    };
    let access = state.issue_access(&shared.random, token(now + ACCESS_LIFE), now);
    let refresh = state.issue_refresh(&shared.random, token(now + REFRESH_LIFE), now);
    let about = About {
        user_id: code.user_id,
        email: code.email,
        client_id,
        openid,
        nonce: code.nonce.as_deref(),
    };
    let tokens = Tokens {
        token_type: "bearer",
        access_token: access.map_err(|_| KauthError::documented("KOE003"))?,
        expires_in: ACCESS_LIFE.whole_seconds(),
        refresh_token: Some(refresh.map_err(|_| KauthError::documented("KOE003"))?),
        refresh_token_expires_in: Some(REFRESH_LIFE.whole_seconds()),
        id_token: None,
        scope: about.scope(state),
    };
    let claims = about.claims(state, shared, now);
    Ok(Granted { tokens, claims })
}

/// Whose tokens are issued, and what may be said of them.
struct About<'a> {
    user_id: i64,
    email: EmailScenario,
    client_id: &'a str,
    openid: Option<OffsetDateTime>,
    nonce: Option<&'a str>,
}

impl About<'_> {
    fn person(&self, state: &State) -> Option<(Person, Link)> {
        let mut person = state.person_by_id(self.user_id)?.clone();
        let mut link = state.links.get(&self.user_id)?.clone();
        self.email.apply(&mut person, &mut link);
        Some((person, link))
    }

    /// The `scope` field, in alphabetical order; absent when nothing was granted.
    fn scope(&self, state: &State) -> Option<String> {
        let (_, link) = self.person(state)?;
        let mut scopes = link.scopes;
        if self.openid.is_some() {
            scopes.insert(OPENID.to_owned());
        }
        let scopes: Vec<_> = scopes.into_iter().collect();
        (!scopes.is_empty()).then(|| scopes.join(" "))
    }

    /// The claims of the ID token, when there is to be one.
    fn claims(&self, state: &State, shared: &Shared, now: OffsetDateTime) -> Option<Value> {
        let authenticated_at = self.openid?;
        let (person, link) = self.person(state)?;
        let sign_in = SignIn {
            issuer: &shared.url,
            client_id: self.client_id,
            nonce: self.nonce,
            authenticated_at,
        };
        let hosts = shared.picture_hosts();
        let claims = openid::id_token_claims(&state.app, &person, &link, hosts, &sign_in, now);
        Some(claims)
    }
}

/// Takes the code out of circulation, whatever becomes of this exchange.
fn burn(
    state: &mut State,
    presented: Option<&str>,
    now: OffsetDateTime,
) -> Result<Code, KauthError> {
    let known = state.codes.get_mut(presented.unwrap_or_default());
    let Some(code) = known.filter(|code| !code.used && code.expires_at > now) else {
        return Err(KauthError::unknown_code(presented));
    };
    code.used = true;
    Ok(code.clone())
}

fn refresh(
    state: &mut State,
    shared: &Shared,
    received: &Received,
    client_id: &str,
    now: OffsetDateTime,
) -> Result<Granted, KauthError> {
    let random = &shared.random;
    let presented = received.value("refresh_token").unwrap_or_default();
    let known = state.refresh.get(presented).cloned();
    if let Some(token) = &known
        && state.over_quota(token.user_id, now)
    {
        return Err(KauthError::documented("KOE237"));
    }
    if presented.is_empty() {
        return Err(KauthError::documented("KOE319"));
    }
    let live = known.filter(|token| token.expires_at > now && token.client_id == client_id);
    let old = live.ok_or_else(|| KauthError::documented("KOE322"))?;
    let renewed = Token {
        expires_at: now + ACCESS_LIFE,
        ..old.clone()
    };
    let access = state
        .issue_access(random, renewed, now)
        .map_err(|_| KauthError::documented("KOE003"))?;
    let mut tokens = Tokens {
        token_type: "bearer",
        access_token: access,
        expires_in: ACCESS_LIFE.whole_seconds(),
        refresh_token: None,
        refresh_token_expires_in: None,
        id_token: None,
        scope: None,
    };
    // Without a nonce: nobody has asked for this one (OpenID Connect Core section 12.2).
    let about = About {
        user_id: old.user_id,
        email: old.email,
        client_id,
        openid: old.openid.filter(|_| state.app.openid),
        nonce: None,
    };
    if state.app.scope_of_refresh {
        tokens.scope = about.scope(state);
    }
    let claims = about.claims(state, shared, now);
    if old.expires_at - now < RENEW_BELOW {
        let renewed = Token {
            expires_at: now + REFRESH_LIFE,
            ..old
        };
        let refresh = state
            .issue_refresh(random, renewed, now)
            .map_err(|_| KauthError::documented("KOE003"))?;
        state.refresh.remove(presented);
        tokens.refresh_token = Some(refresh);
        tokens.refresh_token_expires_in = Some(REFRESH_LIFE.whole_seconds());
    }
    Ok(Granted { tokens, claims })
}

/// The S256 challenge of a verifier (RFC 7636 section 4.2).
fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Kakao documents no code for this; `invalid_grant` is RFC 7636 section 4.6.
fn wrong_verifier() -> KauthError {
    KauthError {
        code: None,
        error: "invalid_grant",
        ..KauthError::new("", "code_verifier does not match code_challenge")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 appendix B.
    #[test]
    fn the_challenge_of_the_rfc_verifier_is_the_rfc_challenge() {
        assert_eq!(
            challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
