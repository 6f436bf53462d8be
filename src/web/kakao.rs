//! `/auth/kakao` and the pages a login can end on.

use actix_web::cookie::time::Duration;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::{self, FailureContext, Notice};
use super::edge::Arrived;
use super::error::{self, ErrorId, Problem};
use super::kakao_consents::ask_address;
use super::login::{begin_address as plain_begin_address, field};
use super::page::Layout;
use super::visitor::Visitor;
use super::{Limit, Site};
use crate::flow::{Begun, LoginFailure, Next, Why};
use crate::i18n::Texts;

/// How long the attempts cookie lives: as long as an attempt is remembered.
pub(super) const ATTEMPTS_LIFE: Duration = Duration::hours(1);

/// Where Kakao sends browsers back to.
pub(super) const CALLBACK: &str = "/auth/kakao/callback";

/// What the vault binds the consent items of a link to.
const ASK: &str = "consent items to ask for";

/// Anyone, within the limit of login starts. Takes a path to return to and nothing else: what
/// Kakao is asked is not for a visitor to choose.
pub(super) async fn begin(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    site.limits.count(Limit::Login, visitor.arrived().ip)?;
    let query = request.query_string();
    let next = field(query, "next").map_or_else(Next::home, |next| Next::parse(&next));
    let ask = field(query, "ask").and_then(|sealed| items_of(&site, &sealed));
    let sealed = cookies::value(request.headers(), site.cookies.attempts);
    lead_to_kakao(
        &site,
        &site.gate.begin_login(sealed, next, ask.as_deref(), None),
    )
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
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, begun.location.as_str()))
        .cookie(cookie)
        .finish())
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
        other => format!("/auth/error?e={}", other.id()),
    }
}

/// Where the person wanted to go.
pub(super) fn next_of(context: &FailureContext) -> Next {
    context.next.as_deref().map_or_else(Next::home, Next::parse)
}

/// The address that begins the login again, back to where the person wanted to go, asking for
/// the consent items that were missing.
pub(super) fn begin_address(site: &Site, context: &FailureContext) -> String {
    let next = next_of(context);
    if context.of_member
        && !context.scopes.is_empty()
        && let Some(address) = ask_address(site, &context.scopes, next.as_str())
    {
        return address;
    }
    let mut address = plain_begin_address(&next);
    if !context.scopes.is_empty()
        && let Some(sealed) = seal_items(site, &context.scopes)
    {
        address.push_str("&ask=");
        address.push_str(&sealed);
    }
    address
}

/// Consent items as an address carries them: what Kakao is asked is not for a visitor to choose.
pub(super) fn seal_items(site: &Site, items: &[String]) -> Option<String> {
    let json = serde_json::to_vec(items).ok()?;
    site.gate.vault.seal(ASK, &json).ok()
}

/// The consent items that an address carries; `None` when they are not ours.
pub(super) fn items_of(site: &Site, sealed: &str) -> Option<Vec<String>> {
    let json = site.gate.vault.open(ASK, sealed)?;
    serde_json::from_slice(&json).ok()
}

/// Leads to the page that says why something did not work at Kakao. `of_member`: whoever is signed
/// in was to do it.
pub(super) fn tell(
    site: &Site,
    visitor: &Visitor,
    failure: &LoginFailure,
    next: Option<&str>,
    of_member: bool,
) -> HttpResponse {
    let (until, wait, scopes) = match &failure.why {
        Why::Suspended { until } => (until.map(|until| until.unix_timestamp()), None, Vec::new()),
        Why::KakaoLimit { retry_after } => (None, Some(retry_after.as_secs()), Vec::new()),
        Why::ConsentMissing { scopes } => (None, None, scopes.clone()),
        _ => (None, None, Vec::new()),
    };
    let notice = Notice::LoginFailed(FailureContext {
        reference: visitor.origin().request_id.clone(),
        until,
        wait,
        scopes,
        of_member,
        next: next.map(str::to_owned),
    });
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, failure_address(&failure.why)));
    if let Some(cookie) = site.cookies.say(&site.gate, &notice) {
        response.cookie(cookie);
    }
    response.finish()
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
