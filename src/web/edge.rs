//! The outermost layer: what happens to every request, and to every answer whatever made it.
//!
//! actix-web's own header layer is skipped whenever anything inside returns an error, so this
//! one turns errors into answers first and adds the headers then. A panic inside costs one
//! request its answer, not the connection or the process.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderMap, REFERER, USER_AGENT};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, web};
use futures_util::FutureExt as _;

use super::cors::Shared;
use super::error::{ErrorId, Problem};
use super::page::Theme;
use super::visitor::Visitor;
use super::{Site, address, api, cookies, forward_auth, headers};
use crate::flow::{self, Origin};
use crate::i18n::Lang;

/// The longest user agent kept.
const LONGEST_AGENT: usize = 512;

/// What is known of a request before anybody looks at sessions.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) ip: IpAddr,
    pub(super) origin: Origin,
    /// The language asked for by cookie or browser, if any; a member's own comes in between.
    pub(super) lang_cookie: Option<Lang>,
    pub(super) lang_browser: Option<Lang>,
    pub(super) theme: Theme,
    pub(super) wants_json: bool,
    pub(super) path: String,
    /// Where the person is, for links that lead back: the page asked for, or the one with the
    /// form that was sent. Always a path of ours.
    pub(super) here: String,
}

/// The layer, for `App::wrap(from_fn(edge))` as the last wrap.
///
/// # Errors
/// An error that already holds the whole answer, when an inner layer failed.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let Some(site) = request.app_data::<web::Data<Site>>().cloned() else {
        return Err(Problem::from(ErrorId::Server).into());
    };
    let arrived = arrive(&site, &request);
    request.extensions_mut().insert(arrived.clone());
    let method = method_label(request.method());
    let route = request.match_pattern();
    let shared = Shared::with(&site, &request);
    if let Some(answer) = shared.preflight(&request, &arrived.origin.request_id) {
        let mut response = request.into_response(answer);
        shared.tell(response.headers_mut());
        headers::secure(&site, &arrived.origin.request_id, response.headers_mut());
        let status = response.status();
        log(&site, &arrived, method, route.as_deref(), status, began);
        return Ok(response);
    }
    let result = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| {
        Err(Problem::server(format!("panic: {}", panic_text(&*panic))).into())
    });
    match result {
        Ok(response) => {
            let refusal = response.response().error().and_then(refusal_in);
            let mut response = if let Some(refusal) = refusal {
                log_refusal(&arrived, &refusal);
                let answer = refusal.respond(&arrived.origin.request_id);
                response.into_response(answer)
            } else if let Some(problem) = problem_in(&response) {
                let visitor = response.request().extensions().get::<Visitor>().cloned();
                let page = answer(&site, &arrived, visitor.as_ref(), &problem);
                response.into_response(page)
            } else {
                response.map_into_boxed_body()
            };
            shared.tell(response.headers_mut());
            headers::secure(&site, &arrived.origin.request_id, response.headers_mut());
            log(
                &site,
                &arrived,
                method,
                route.as_deref(),
                response.status(),
                began,
            );
            Ok(response)
        }
        Err(error) => {
            let problem = Problem::of(&error);
            let mut page = answer(&site, &arrived, None, &problem);
            shared.tell(page.headers_mut());
            headers::secure(&site, &arrived.origin.request_id, page.headers_mut());
            log(
                &site,
                &arrived,
                method,
                route.as_deref(),
                page.status(),
                began,
            );
            Err(InternalError::from_response(problem.code(), page).into())
        }
    }
}

fn arrive(site: &Site, request: &ServiceRequest) -> Arrived {
    let headers = request.headers();
    let peer = request.peer_addr().map(|peer| peer.ip());
    let ip = address::client(peer, headers, &site.trusted_proxies);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let agent = text(&USER_AGENT).unwrap_or_default();
    let cookie = |name| cookies::value(headers, name);
    Arrived {
        ip,
        origin: Origin {
            ip: ip.to_string(),
            user_agent: agent.chars().take(LONGEST_AGENT).collect(),
            request_id: request_id(site),
        },
        lang_cookie: cookie(site.cookies.lang).and_then(Lang::parse),
        lang_browser: Lang::preferred(None, None, text(&ACCEPT_LANGUAGE)),
        theme: cookie(site.cookies.theme).map_or(Theme::Auto, Theme::parse),
        wants_json: wants_json(request.path(), headers),
        path: request.path().to_owned(),
        here: here(site, request),
    }
}

/// Twelve hex digits: enough to find one line in a day's log, short enough to read out on the
/// telephone.
fn request_id(site: &Site) -> String {
    let bytes = site.gate.random.bytes::<6>().unwrap_or_default();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether errors are told as JSON: programs have addresses of their own, or say so.
fn wants_json(path: &str, headers: &HeaderMap) -> bool {
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    path.starts_with("/health/")
        || api::is_of_it(path)
        || path.starts_with("/webhooks/")
        || (path == forward_auth::ADDRESS && !accept.contains("text/html"))
        || (accept.contains("application/json") && !accept.contains("text/html"))
}

/// What went wrong, if the answer is one of an error that has not been put into words yet.
fn problem_in(response: &ServiceResponse<impl MessageBody>) -> Option<Problem> {
    if let Some(error) = response.response().error() {
        return Some(Problem::of(error));
    }
    let bare = response.headers().get("content-type").is_none();
    let status = response.status();
    (bare && (status.is_client_error() || status.is_server_error()))
        .then(|| Problem::from(ErrorId::of_status(status)))
}

fn answer(
    site: &Site,
    arrived: &Arrived,
    visitor: Option<&Visitor>,
    problem: &Problem,
) -> HttpResponse {
    log_cause(arrived, problem);
    if api::is_of_it(&arrived.path) {
        return api::Refusal::from(problem).respond(&arrived.origin.request_id);
    }
    problem.respond(site, arrived, visitor)
}

/// The page that holds the form sent to `path`, where there is just one.
fn form_page(path: &str) -> Option<&str> {
    match path {
        "/login" | "/logout" | "/reauth" | "/password/forgot" | "/me/password" => Some(path),
        _ => path.starts_with("/me/sessions/").then_some("/me/sessions"),
    }
}

fn here(site: &Site, request: &ServiceRequest) -> String {
    let asked = if request.method().is_safe() {
        request
            .uri()
            .path_and_query()
            .map(|asked| asked.as_str().to_owned())
    } else {
        // The page that the form is on, as far as the browser tells.
        let referer = request.headers().get(REFERER);
        let referer = referer.and_then(|value| value.to_str().ok());
        let referer = referer.and_then(|text| {
            text.strip_prefix(site.public_url.origin())
                .map(str::to_owned)
        });
        referer.or_else(|| form_page(request.path()).map(str::to_owned))
    };
    let ours = |address: &str| flow::Next::same_site(address);
    asked
        // What a proxy asks us on somebody's behalf is no page.
        .filter(|_| request.path() != forward_auth::ADDRESS)
        // Of an address too long to be carried along, the page without its particulars.
        .and_then(|asked| ours(&asked).or_else(|| ours(asked.split('?').next()?)))
        .unwrap_or_else(|| "/".to_owned())
}

/// What a program is told, if it is an address of the API that said it.
fn refusal_in(error: &Error) -> Option<api::Refusal> {
    error.as_error::<api::Refusal>().cloned()
}

fn log_refusal(arrived: &Arrived, refusal: &api::Refusal) {
    let Some(cause) = refusal.cause() else { return };
    let (id, error) = (&arrived.origin.request_id, refusal.code().to_string());
    if refusal.code().status().is_server_error() {
        tracing::error!(request.id = %id, error, ?cause, "request failed");
    } else {
        tracing::warn!(request.id = %id, error, ?cause, "request refused");
    }
}

fn log_cause(arrived: &Arrived, problem: &Problem) {
    let Some(cause) = problem.cause() else { return };
    let (id, error) = (&arrived.origin.request_id, problem.code());
    if problem.status().is_server_error() {
        tracing::error!(request.id = %id, error, ?cause, "request failed");
    } else {
        tracing::warn!(request.id = %id, error, ?cause, "request refused");
    }
}

/// One line a request. The path is the route's pattern: what a visitor typed may hold anything,
/// secrets included.
fn log(
    site: &Site,
    arrived: &Arrived,
    method: &'static str,
    route: Option<&str>,
    status: StatusCode,
    began: Instant,
) {
    let took = began.elapsed();
    let route = route.unwrap_or("unmatched");
    site.gate
        .metrics
        .request(method, route, status.as_u16(), took);
    tracing::info!(
        request.id = %arrived.origin.request_id,
        client.address = %arrived.origin.ip,
        http.method = method,
        http.route = route,
        http.status = status.as_u16(),
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "request"
    );
}

/// Methods anybody can invent: few words for the log and the metrics.
fn method_label(method: &actix_web::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}
