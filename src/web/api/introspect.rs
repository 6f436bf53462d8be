//! `/api/v1/auth/introspect`: whether a token counts at this moment (RFC 7662), for services that do
//! not want to wait until it ends.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use super::caller::server;
use super::{Answer, Program, form, personal};
use crate::access::Claims;
use crate::api_key::Scope;
use crate::member::SignedIn;
use crate::web::Site;

/// What is told of a token (RFC 7662 section 2.2); nothing more of one that does not count.
#[derive(Serialize)]
pub(in crate::web) struct Introspection {
    active: bool,
    #[serde(flatten)]
    known: Option<Known>,
}

/// What is told of one that counts: its claims, and the member's role now.
#[derive(Serialize)]
pub(in crate::web) struct Known {
    token_type: &'static str,
    #[serde(flatten)]
    claims: Claims,
    role: &'static str,
}

impl From<Option<(Claims, SignedIn)>> for Introspection {
    fn from(found: Option<(Claims, SignedIn)>) -> Self {
        Self {
            active: found.is_some(),
            known: found.map(|(claims, signed_in)| Known {
                token_type: "Bearer",
                claims,
                role: signed_in.member.role.code(),
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
