//! `/auth/kakao` and the pages a login can end on.

use actix_web::cookie::time::Duration;
use actix_web::{HttpRequest, HttpResponse, web};

use super::cookies::{self, FailureContext, Notice};
use super::edge::Arrived;
use super::error::{self, ErrorId, Problem};
use super::kakao_consents::ask_address;
use super::login::{begin_address as plain_begin_address, field};
use super::me::kakao::link_address;
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
    let ask = field(query, "ask").and_then(|sealed| items_of(&site, &sealed));
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
        return link_address(site, &context.scopes);
    }
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

/// Leads to the page that says why something did not work at Kakao. `context` tells how it began;
/// what the failure itself tells is added.
pub(super) fn tell(
    site: &Site,
    visitor: &Visitor,
    failure: &LoginFailure,
    context: FailureContext,
) -> HttpResponse {
    let mut context = FailureContext {
        reference: visitor.origin().request_id.clone(),
        ..context
    };
    match &failure.why {
        Why::Suspended { until } => context.until = until.map(|until| until.unix_timestamp()),
        Why::KakaoLimit { retry_after } => context.wait = Some(retry_after.as_secs()),
        Why::ConsentMissing { scopes } => context.scopes.clone_from(scopes),
        _ => {}
    }
    let mut response = see_other(&failure_address(&failure.why));
    if let Some(cookie) = site.cookies.say(&site.gate, &Notice::LoginFailed(context)) {
        response.cookie(cookie);
    }
    response.finish()
}

/// What only an error page can say after acting for somebody signed in: that Kakao wants a consent first, or that it is we who are in
/// trouble. `None` for the trouble that Kakao has.
pub(super) fn refused(
    site: &Site,
    visitor: &Visitor,
    failure: &LoginFailure,
    next: &str,
) -> Result<Option<HttpResponse>, Problem> {
    let cause = failure.cause.as_deref().unwrap_or_default();
    tracing::warn!(
        reason = failure.why.id(),
        cause,
        request.id = %visitor.origin().request_id,
        "nothing was done at Kakao for a member"
    );
    match failure.why {
        Why::ConsentMissing { .. } => {
            let context = FailureContext {
                next: Some(next.to_owned()),
                of_member: true,
                ..FailureContext::default()
            };
            Ok(Some(tell(site, visitor, failure, context)))
        }
        Why::Unavailable => Err(Problem::from(ErrorId::Unavailable).because(cause)),
        Why::Server => Err(Problem::server(cause)),
        _ => Ok(None),
    }
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
