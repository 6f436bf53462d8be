//! `/auth/kakao` and the pages a login can end on.

use actix_web::cookie::time::Duration;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::{self, FailureContext, Notice};
use super::edge::Arrived;
use super::error::{self, ErrorId, Problem};
use super::login::{begin_address as plain_begin_address, field};
use super::me::kakao::LINK;
use super::page::{Layout, see_other};
use super::visitor::Visitor;
use super::{Limit, Site};
use crate::flow::{Begun, LoginFailure, Next, Purpose, Why};
use crate::i18n::Texts;

/// How long the attempts cookie lives: as long as an attempt is remembered.
pub(super) const ATTEMPTS_LIFE: Duration = Duration::hours(1);

/// Where Kakao sends browsers back to.
pub(super) const CALLBACK: &str = "/auth/kakao/callback";

/// What the vault binds the consent items of a link to.
const ASK: &str = "consent items to ask for";

/// Anyone, within the limit of login starts. Takes a path to return to, and whether another of the
/// accounts that Kakao remembers is wanted; what else Kakao is asked is not for a visitor to choose.
pub(super) async fn begin(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    site.limits.count(Limit::Login, visitor.arrived().ip)?;
    let query = request.query_string();
    let next = field(query, "next").map_or_else(Next::home, |next| Next::parse(&next));
    let ask = field(query, "ask").and_then(|sealed| site.gate.vault.open(ASK, &sealed));
    let ask: Option<Vec<String>> = ask.and_then(|json| serde_json::from_slice(&json).ok());
    let purpose = match field(query, "other") {
        Some(_) => Purpose::Choice,
        None => Purpose::Login,
    };
    let sealed = cookies::value(request.headers(), site.cookies.attempts);
    let begun = site.gate.begin_login(sealed, next, ask.as_deref(), purpose);
    lead_to_kakao(&site, &begun)
}

/// Sends the browser to Kakao, with the attempt that it is to bring back.
pub(super) fn lead_to_kakao(
    site: &Site,
    begun: &Result<Begun, LoginFailure>,
) -> Result<HttpResponse, Problem> {
    let begun = begun
        .as_ref()
        .map_err(|failure| Problem::server(failure.cause.clone().unwrap_or_default()))?;
    let attempts = begun.attempts.as_str();
    let cookie = site
        .cookies
        .make(site.cookies.attempts, attempts, ATTEMPTS_LIFE);
    Ok(see_other(begun.location.as_str()).cookie(cookie).finish())
}

/// Anyone: the calm end of a login that the person refused.
pub(super) async fn cancelled(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    page(&site, &visitor, ErrorId::Cancelled)
}

/// Anyone: the end of a login that failed, by the id in `e`.
pub(super) async fn failed(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> HttpResponse {
    let id = field(request.query_string(), "e").and_then(|code| ErrorId::parse(&code));
    match id.filter(|id| id.ends_a_login()) {
        Some(id) => page(&site, &visitor, id),
        None => {
            let mut response = page(&site, &visitor, ErrorId::Server);
            *response.status_mut() = actix_web::http::StatusCode::BAD_REQUEST;
            response
        }
    }
}

fn page(site: &Site, visitor: &Visitor, id: ErrorId) -> HttpResponse {
    let context = match visitor.notice() {
        Some(Notice::LoginFailed(context)) => context.clone(),
        _ => FailureContext {
            reference: visitor.origin().request_id.clone(),
            ..FailureContext::default()
        },
    };
    // Opening this page again would only show it again: the way back is to begin anew.
    let arrived = Arrived {
        here: begin_address(site, &context),
        ..visitor.arrived().clone()
    };
    error::show(site, &arrived, Layout::new(site, visitor), id, &context)
}

/// Where `why` is shown.
pub(super) fn failure_address(why: &Why) -> String {
    match why {
        Why::Cancelled => "/auth/kakao/cancelled".to_owned(),
        other => error::address_of(other.id()),
    }
}

/// Where the person wanted to go.
pub(super) fn next_of(context: &FailureContext) -> Next {
    context.next.as_deref().map_or_else(Next::home, Next::parse)
}

/// The address that begins the login again, back to where the person wanted to go, asking for
/// the consent items that were missing.
pub(super) fn begin_address(site: &Site, context: &FailureContext) -> String {
    if context.linking {
        return LINK.to_owned();
    }
    let next = next_of(context);
    let mut address = plain_begin_address(&next);
    if !context.scopes.is_empty() {
        let json = serde_json::to_vec(&context.scopes).unwrap_or_default();
        if let Ok(sealed) = site.gate.vault.seal(ASK, &json) {
            address.push_str("&ask=");
            address.push_str(&sealed);
        }
    }
    address
}

/// Consent items in words.
pub(super) fn names_of(t: Texts, scopes: &[String]) -> String {
    let name = |scope: &String| match scope.as_str() {
        "profile_nickname" => t.kjoin_nick().to_owned(),
        "profile_image" => t.kjoin_photo().to_owned(),
        "account_email" => t.kjoin_email().to_owned(),
        other => other.to_owned(),
    };
    scopes.iter().map(name).collect::<Vec<_>>().join(", ")
}
