//! Who asks about members: somebody of the administration with an access token of theirs, or a
//! server with an API key.

use actix_web::HttpRequest;

use super::problem::Code;
use super::{Program, Refusal, bearer};
use crate::api_key::{ApiKey, Scope, Secret};
use crate::flow::admin::Actor;
use crate::member::{Role, SignedIn};
use crate::web::{Limit, Site};

/// Somebody who may use an address of the administration.
pub(super) enum Caller {
    /// With an access token.
    Staff(Box<SignedIn>),
    /// With an API key.
    Key(ApiKey),
}

impl Caller {
    /// As the administration's stories call them.
    pub(super) fn actor(&self) -> Actor {
        match self {
            Self::Staff(signed_in) => Actor::Staff(signed_in.member.id),
            Self::Key(key) => Actor::Key {
                id: key.id,
                name: key.name.clone(),
            },
        }
    }
}

/// Goes on for members of at least `role`, and for keys with `scope`, from networks where the
/// administration exists.
pub(super) async fn administration(
    site: &Site,
    program: &Program,
    request: &HttpRequest,
    (role, scope): (Role, Scope),
) -> Result<Caller, Refusal> {
    let token = bearer(request)?.ok_or(Code::Unauthorized)?;
    if !site.admits_staff_from(program.0.ip) {
        return Err(Code::Forbidden.because("not from this network"));
    }
    if token.starts_with(Secret::PREFIX) {
        return Ok(Caller::Key(key(site, program, &token, scope).await?));
    }
    let signed_in = site.gate.whose(&token).await?;
    if signed_in.member.role < role {
        return Err(Code::Forbidden.because("the role of the member does not allow this"));
    }
    Ok(Caller::Staff(Box::new(signed_in)))
}

/// The API key of a request, if it may be used for that. Who shows many that do not count waits.
pub(super) async fn server(
    site: &Site,
    program: &Program,
    request: &HttpRequest,
    scope: Scope,
) -> Result<ApiKey, Refusal> {
    let token = bearer(request)?.ok_or(Code::Unauthorized)?;
    key(site, program, &token, scope).await
}

async fn key(site: &Site, program: &Program, token: &str, scope: Scope) -> Result<ApiKey, Refusal> {
    let found = match Secret::parse(token) {
        Some(secret) => site.gate.api_key(&secret).await?,
        None => None,
    };
    let Some(key) = found else {
        site.limits.count(Limit::Post, program.0.ip)?;
        return Err(Code::InvalidToken.because("not an API key that counts"));
    };
    if !key.may(scope) {
        return Err(Code::InsufficientScope.because("the API key is not meant for this"));
    }
    Ok(key)
}
