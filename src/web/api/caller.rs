//! Who asks about members: somebody of the administration with an access token of theirs, or a
//! server with an API key.

use actix_web::HttpRequest;

use super::problem::Code;
use super::{Program, Refusal, bearer};
use crate::api_key::{ApiKey, Scope, Secret};
use crate::flow::admin::Actor;
use crate::member::SignedIn;
use crate::web::{Limit, Problem, Site, Who};

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

    /// For the log.
    fn who(&self) -> String {
        match self {
            Self::Staff(signed_in) => format!("member {}", signed_in.member.id),
            Self::Key(key) => format!("key {}", key.id),
        }
    }
}

/// Who asks, if it is somebody for whom the table has the address, from a network where the
/// administration exists.
pub(super) async fn administration(
    site: &Site,
    program: &Program,
    request: &HttpRequest,
) -> Result<Caller, Refusal> {
    let Some(Who::Program(role, scope)) = request.app_data::<Who>().copied() else {
        return Err(Problem::server("an address of the administration outside its frame").into());
    };
    let token = bearer(request)?.ok_or(Code::Unauthorized)?;
    let caller = if token.starts_with(Secret::PREFIX) {
        Caller::Key(key(site, program, &token, scope).await?)
    } else {
        Caller::Staff(Box::new(site.gate.whose(&token).await?))
    };
    if !site.admits_staff_from(program.0.ip) {
        let who = caller.who();
        return Err(Code::Forbidden
            .because("not from this network")
            .caused_by(format!("{who}, not from ADMIN_NETWORKS")));
    }
    if let Caller::Staff(signed_in) = &caller
        && signed_in.member.role < role
    {
        let who = caller.who();
        return Err(Code::Forbidden
            .because("the role of the member does not allow this")
            .caused_by(format!("{who}, of too low a role")));
    }
    Ok(caller)
}

/// The API key of a request, if it may be used for that. Who shows many that do not count is told to
/// wait instead.
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
        return Err(Code::InvalidToken
            .because("not an API key that counts")
            .caused_by("not an API key that counts".to_owned()));
    };
    if !key.may(scope) {
        return Err(Code::InsufficientScope
            .because("the API key is not meant for this")
            .caused_by(format!("key {}, without {}", key.id, scope.code())));
    }
    Ok(key)
}
