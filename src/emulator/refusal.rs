//! The two languages in which Kakao's programs say no: KOE codes at kauth, negative numbers at
//! kapi.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use serde::Serialize;

use super::received::Received;

/// Content type of kauth, spelled as observed.
pub(super) const KAUTH_JSON: &str = "application/json;charset=utf-8";
/// Content type of kapi, spelled as documented.
pub(super) const KAPI_JSON: &str = "application/json;charset=UTF-8";

/// A refusal of the token address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KauthError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) description: String,
    /// Absent for the one case for which no code is known: a wrong PKCE verifier.
    pub(super) code: Option<String>,
}

/// A refusal of the user addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KapiError {
    pub(super) status: StatusCode,
    pub(super) code: i32,
    pub(super) msg: String,
    /// What the caller authenticated with, repeated in `WWW-Authenticate` of a 401.
    pub(super) scheme: Scheme,
    /// What accompanies -402.
    missing: Option<MissingScope>,
}

/// How a program authenticates at kapi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Bearer,
    AdminKey,
}

#[derive(Serialize)]
struct KauthBody<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
}

#[derive(Serialize)]
struct KapiBody<'a> {
    msg: &'a str,
    code: i32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    missing: Option<&'a MissingScope>,
}

/// What an app may not ask yet, and what it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct MissingScope {
    api_type: &'static str,
    required_scopes: Vec<String>,
    allowed_scopes: Vec<String>,
}

impl KauthError {
    /// The refusal `code` with its usual status and error name, and this description.
    pub(super) fn new(code: &str, description: impl Into<String>) -> Self {
        let (status, error, _) = kauth_documented(code);
        Self {
            status,
            error,
            description: description.into(),
            code: Some(code.to_owned()),
        }
    }

    /// The refusal `code` with its usual words.
    pub(super) fn documented(code: &str) -> Self {
        let (_, _, description) = kauth_documented(code);
        Self::new(code, description)
    }

    /// No REST API key has this name (KOE101).
    pub(super) fn unknown_client(client_id: Option<&str>) -> Self {
        let shown = client_id.unwrap_or("null");
        Self::new("KOE101", format!("Not exist client_id [{shown}]"))
    }

    /// No authorization code that could be exchanged has this name (KOE320).
    pub(super) fn unknown_code(code: Option<&str>) -> Self {
        let shown = code.unwrap_or("null");
        let words = format!("authorization code not found for code={shown}");
        Self::new("KOE320", words)
    }

    /// The refusal `code` as this request would be given it: Kakao repeats what was sent.
    pub(super) fn told(code: &str, received: &Received) -> Self {
        match code {
            "KOE101" => Self::unknown_client(received.value("client_id")),
            "KOE320" => Self::unknown_code(received.value("code")),
            _ => Self::documented(code),
        }
    }

    pub(super) fn response(&self) -> HttpResponse {
        HttpResponse::build(self.status)
            .content_type(KAUTH_JSON)
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(KauthBody {
                error: self.error,
                error_description: &self.description,
                error_code: self.code.as_deref(),
            })
    }
}

impl KapiError {
    /// The refusal `code` with its usual status and this message.
    pub(super) fn new(code: i32, msg: impl Into<String>) -> Self {
        let (status, _) = kapi_documented(code);
        Self {
            status,
            code,
            msg: msg.into(),
            scheme: Scheme::Bearer,
            missing: None,
        }
    }

    /// The refusal `code` with its usual words.
    pub(super) fn documented(code: i32) -> Self {
        if code == -402 {
            let (required, allowed) = ("account_email", "profile_nickname");
            return Self::insufficient(vec![required.to_owned()], vec![allowed.to_owned()]);
        }
        let (_, msg) = kapi_documented(code);
        Self::new(code, msg)
    }

    /// The person has not agreed to what the call needs (-402).
    pub(super) fn insufficient(required_scopes: Vec<String>, allowed_scopes: Vec<String>) -> Self {
        let (_, msg) = kapi_documented(-402);
        Self {
            missing: Some(MissingScope {
                api_type: "USER_ME",
                required_scopes,
                allowed_scopes,
            }),
            ..Self::new(-402, msg)
        }
    }

    /// Too many calls of the user list, which has a status of its own for that (-10).
    pub(super) fn too_many_lists() -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            ..Self::documented(-10)
        }
    }

    /// The same refusal to a caller with an admin key.
    pub(super) fn for_admin(mut self) -> Self {
        self.scheme = Scheme::AdminKey;
        self
    }

    pub(super) fn response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type(KAPI_JSON);
        response.insert_header((CACHE_CONTROL, "no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = match self.scheme {
                Scheme::Bearer => "Bearer error=invalid_token",
                Scheme::AdminKey => "KakaoAK error=invalid_token",
            };
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.json(KapiBody {
            msg: &self.msg,
            code: self.code,
            missing: self.missing.as_ref(),
        })
    }
}

/// Status, error name and words of a KOE code at the token address. Where no document and no log
/// tells them, they are plausible: see `docs/emulator.md`.
fn kauth_documented(code: &str) -> (StatusCode, &'static str, &'static str) {
    let (status, error, words) = match code {
        "KOE003" => (500, "server_error", "temporary server error"),
        "KOE009" => (
            400,
            "misconfigured",
            "invalid android_key_hash or ios_bundle_id or web_site_url",
        ),
        "KOE010" => (401, "invalid_client", "Bad client credentials"),
        "KOE101" => (401, "invalid_client", "Not exist client_id [null]"),
        "KOE114" => (400, "invalid_grant", "Application ID mismatch"),
        "KOE126" => (400, "misconfigured", "invalid app configuration"),
        "KOE127" => (
            401,
            "unauthorized",
            "ip mismatched! check out registered ips.",
        ),
        "KOE237" => (400, "invalid_request", "token request rate limit exceeded"),
        "KOE303" => (400, "invalid_grant", "Redirect URI mismatch."),
        "KOE310" => (400, "unsupported_grant_type", "unsupported grant type"),
        "KOE319" => (400, "invalid_grant", "refresh_token is missing"),
        "KOE320" => (400, "invalid_grant", "authorization code not found"),
        "KOE322" => (400, "invalid_grant", "expired_or_invalid_refresh_token"),
        "KOE400" => (400, "invalid_token", "malformed ID token"),
        "KOE401" => (400, "invalid_token", "unknown issuer of ID token"),
        "KOE402" => (400, "invalid_token", "invalid signature of ID token"),
        "KOE403" => (400, "invalid_token", "expired ID token"),
        _ => (400, "invalid_request", "invalid request"),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, error, words)
}

/// Status and words of a negative code at kapi.
fn kapi_documented(code: i32) -> (StatusCode, &'static str) {
    let (status, words) = match code {
        -1 => (400, "internal error"),
        -2 => (400, "invalid argument"),
        -3 => (403, "the feature is not enabled for this app"),
        -4 => (403, "blocked account"),
        -5 => (403, "permission denied"),
        -6 => (403, "not allowed"),
        -7 => (400, "under maintenance"),
        -8 => (400, "invalid header"),
        -9 => (400, "deprecated api"),
        -10 => (400, "API limit has been exceeded."),
        -12 => (403, "restricted app"),
        -101 => (400, "NotRegisteredUserException"),
        -102 => (400, "already registered"),
        -103 => (400, "NotExistKakaoAccountException"),
        -401 => (401, "this access token does not exist"),
        -402 => (403, "insufficient scopes."),
        -406 => (401, "not allowed under age 14"),
        -603 => (400, "internal timeout"),
        -9798 => (503, "service under maintenance"),
        _ => (400, "request refused"),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    async fn body(response: HttpResponse) -> serde_json::Value {
        let bytes = to_bytes(response.into_body()).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[actix_web::test]
    async fn a_kauth_refusal_has_the_three_documented_fields() {
        let response = KauthError::documented("KOE010").response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers().get("content-type").unwrap(), KAUTH_JSON);
        assert_eq!(
            body(response).await,
            serde_json::json!({"error": "invalid_client", "error_code": "KOE010",
                "error_description": "Bad client credentials"})
        );
    }

    #[actix_web::test]
    async fn only_a_401_of_kapi_carries_a_challenge() {
        let refused = KapiError::documented(-401).for_admin().response();
        assert_eq!(
            refused.headers().get("www-authenticate").unwrap(),
            "KakaoAK error=invalid_token"
        );
        let outage = KapiError::documented(-1).response();
        assert_eq!(outage.status(), 400);
        assert!(!outage.headers().contains_key("www-authenticate"));
        assert_eq!(
            body(outage).await,
            serde_json::json!({"code": -1, "msg": "internal error"})
        );
    }

    #[actix_web::test]
    async fn a_missing_scope_is_named() {
        let answer = body(KapiError::documented(-402).response()).await;
        assert_eq!(
            answer["required_scopes"],
            serde_json::json!(["account_email"])
        );
    }
}
