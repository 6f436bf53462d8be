//! `/api/v1/auth/introspect`: whether a token counts at this moment (RFC 7662), for services that do
//! not want to wait until it ends.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::server;
use super::problem::{BEARER, BODY, Code};
use super::{Answer, Program, form, personal};
use crate::access::Claims;
use crate::api_key::Scope;
use crate::member::SignedIn;
use crate::web::Site;

/// What is told of a token (RFC 7662 section 2.2): its claims, and nothing more of one that does not
/// count.
#[derive(Default, Serialize, ToSchema)]
pub(in crate::web) struct Introspection {
    /// Whether it counts at this moment.
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Bearer")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://login.example.com")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://login.example.com")]
    aud: Option<String>,
    /// The member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "01900000-0000-7000-8000-000000000000")]
    sub: Option<String>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "01900000-0000-7000-8000-000000000000")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "kakao-gate")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1790000000)]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1790000600)]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "01900000-0000-7000-8000-000000000000")]
    jti: Option<String>,
    /// The member's role now, which no token says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "member")]
    role: Option<&'static str>,
}

impl From<Option<(Claims, SignedIn)>> for Introspection {
    fn from(found: Option<(Claims, SignedIn)>) -> Self {
        let Some((claims, signed_in)) = found else {
            return Self::default();
        };
        Self {
            active: true,
            token_type: Some("Bearer"),
            iss: Some(claims.iss),
            aud: Some(claims.aud),
            sub: Some(claims.sub.to_string()),
            sid: Some(claims.sid.to_string()),
            client_id: Some(claims.client_id),
            iat: Some(claims.iat),
            exp: Some(claims.exp),
            jti: Some(claims.jti.to_string()),
            role: Some(signed_in.member.role.code()),
        }
    }
}

/// What is asked about.
#[derive(ToSchema)]
#[schema(as = TokenToCheck)]
#[allow(dead_code, reason = "a form, which is read field by field")]
struct Asked {
    /// An access token of ours.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.e30.c2ln")]
    token: String,
    /// `access_token`; nothing depends on it.
    #[schema(nullable = false)]
    token_type_hint: Option<String>,
}

#[utoipa::path(
    post,
    path = "/api/v1/auth/introspect",
    operation_id = "introspect",
    tag = "Verifying",
    summary = "Ask whether an access token counts now",
    description = "RFC 7662, for servers that do not want to wait until a token ends. Of a token that \
        does not count, whatever the reason, `active` is `false` and nothing else is told.",
    security(("apiKey" = [])),
    request_body(content = Asked, content_type = "application/x-www-form-urlencoded"),
    responses((
        status = 200,
        description = "What is known of it",
        body = Introspection,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([
        BODY,
        BEARER,
        Code::InsufficientScope,
        Code::RateLimited,
        Code::Unavailable,
    ]))),
)]
/// Servers with a key that may introspect. A form, as the RFC has it; the key in the header is what
/// no form of another site can send.
pub(in crate::web) async fn introspect(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    server(&site, &program, &request, Scope::Introspect).await?;
    let token = form(&request, payload, "token").await?;
    let found = site.gate.introspect(&token).await?;
    Ok(personal(&Introspection::from(found)))
}
