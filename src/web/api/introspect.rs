//! `/api/v1/auth/introspect`: whether a token counts at this moment (RFC 7662), for services that do
//! not want to wait until it ends.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use super::caller::server;
use super::{Answer, Program, form, personal};
use crate::access;
use crate::api_key::Scope;
use crate::flow::Introspected;
use crate::web::Site;

/// What is told of a token (RFC 7662 section 2.2); nothing more of one that does not count.
#[derive(Serialize)]
pub(in crate::web) struct Introspection {
    active: bool,
    #[serde(flatten)]
    known: Option<Known>,
}

/// What is told of one that counts.
#[derive(Serialize)]
pub(in crate::web) struct Known {
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    sub: String,
    sid: String,
    iss: String,
    aud: String,
    client_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// The member's role now; no claim of the token.
    role: &'static str,
}

impl From<Option<Introspected>> for Introspection {
    fn from(found: Option<Introspected>) -> Self {
        Self {
            active: found.is_some(),
            known: found.map(|found| Known {
                token_type: found.claims.as_ref().map(|_| "Bearer"),
                sub: found.signed_in.member.id.to_string(),
                sid: found.signed_in.session.id.to_string(),
                iss: found.parties.issuer,
                aud: found.parties.audience,
                client_id: access::CLIENT,
                iat: found.claims.as_ref().map(|claims| claims.iat),
                exp: found.ends_at.unix_timestamp(),
                jti: found.claims.as_ref().map(|claims| claims.jti.to_string()),
                role: found.signed_in.member.role.code(),
            }),
        }
    }
}

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
