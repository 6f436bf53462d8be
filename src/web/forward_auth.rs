//! `/forward-auth`: whether a proxy in front of another site is to let a request through, and as
//! whose.
//!
//! nginx (`auth_request`), Caddy (`forward_auth`) and Traefik (ForwardAuth) send us the head of
//! every request before they pass it on. Who somebody is depends on their session and nothing
//! else: what the proxy tells of the request decides only where they come back to, and counts only
//! from `TRUSTED_PROXIES`.

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use super::Site;
use super::error::{ErrorId, Problem, Told, signed_out};
use super::page::see_other;
use super::visitor::{Member, Visitor};
use super::{address, login};
use crate::member::{self, Role};

/// Where proxies ask.
pub(super) const ADDRESS: &str = "/forward-auth";

/// For nginx, which passes on no redirect: where it is to lead instead of answering 401.
const REDIRECT: HeaderName = HeaderName::from_static("x-auth-redirect");

#[utoipa::path(
    get,
    path = "/forward-auth",
    operation_id = "forwardAuth",
    tag = "Proxies",
    summary = "Ask whether a request may pass, and whose it is",
    description = "For nginx (auth_request), Caddy (forward_auth) and Traefik (ForwardAuth), which send \
        the head of every request to another site here, with the visitor's cookies. What they tell of \
        the request counts from TRUSTED_PROXIES only.",
    security(("session" = [])),
    params(
        ("role" = Option<String>, Query, description = "The least role that may pass: `member`, \
            `viewer`, `admin` or `owner`. Set by the proxy's own configuration; anything else in the query lets \
            nobody pass.", example = "admin"),
    ),
    responses(
        (
            status = 200,
            description = "The request may pass. The headers say whose it is, and are always all there.",
            headers(
                ("X-Auth-Member" = String, description = "The member's id"),
                ("X-Auth-Number" = i64, description = "The member's number"),
                ("X-Auth-Role" = String, description = "member, viewer, admin or owner"),
                ("X-Auth-Name" = String, description = "The name, percent-encoded; may be empty"),
                ("Cache-Control" = String, description = "no-store"),
            ),
        ),
        (
            status = 303,
            description = "Nobody is signed in, and a page was asked for (Caddy, Traefik): to be \
                passed on to the visitor",
            headers(("Location" = String, description = "The login page, which leads back")),
        ),
        (
            status = 401,
            description = "`session_expired`: nobody is signed in",
            body = Told,
            headers(
                ("WWW-Authenticate" = String, description = "Cookie"),
                ("X-Auth-Redirect" = String, description = "The login page, which leads back: \
                    for nginx, and only where a page of a listed site was asked for"),
            ),
        ),
        (
            status = 403,
            description = "`forbidden`: somebody of another role, or a query that is not one role",
            content((Told = "application/json"), (String = "text/html")),
        ),
        (
            status = 500,
            description = "`server`: something went wrong here; nobody may pass",
            content((Told = "application/json"), (String = "text/html")),
        ),
        (
            status = 503,
            description = "`unavailable`: nobody knows who it is; nobody may pass",
            content((Told = "application/json"), (String = "text/html")),
            headers(("Retry-After" = i64, description = "Seconds to wait")),
        ),
    ),
)]
/// Anyone, through a proxy. 200 with who it is, 403 for somebody of another role, 401 or the way to
/// the login page for nobody.
pub(super) async fn ask(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let needed = needed_role(request.query_string())?;
    let Some(signed_in) = visitor.signed_in() else {
        return Ok(turn_away(&site, &visitor, &request));
    };
    if signed_in.member.role < needed {
        return Err(ErrorId::Forbidden.into());
    }
    Ok(identity(&signed_in.member))
}

/// Member: on to the page of a site that they came from.
pub(super) async fn go_back(
    site: web::Data<Site>,
    _: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let wanted = login::field(request.query_string(), "to");
    let page = wanted.and_then(|wanted| site.sites.page(&wanted));
    let page = page.ok_or_else(|| {
        Problem::from(ErrorId::BadRequest).because("a way back to no site of FORWARD_AUTH_HOSTS")
    })?;
    Ok(see_other(&page).finish())
}

/// The role that the proxy's own configuration asks for. The query is its operator's; anything
/// else in it is a mistake there, or a visitor's words that got in, and lets nobody pass.
fn needed_role(query: &str) -> Result<Role, Problem> {
    let mut fields = url::form_urlencoded::parse(query.as_bytes());
    let role = match (fields.next(), fields.next()) {
        (None, _) => Some(Role::default()),
        (Some((name, role)), None) if name == "role" => Role::parse(&role),
        _ => None,
    };
    role.ok_or_else(|| {
        Problem::from(ErrorId::Forbidden)
            .because("forward-auth was asked for something else than one role")
    })
}

/// Who it is, in headers that the proxy passes on. All of them are always there: for one that is
/// not, a proxy may leave the visitor's own in place (Caddy 2.6 puts a placeholder's name there).
fn identity(member: &member::Member) -> HttpResponse {
    let name = member.display_name.as_deref().unwrap_or_default();
    HttpResponse::Ok()
        .insert_header(("x-auth-member", member.id.to_string()))
        .insert_header(("x-auth-number", member.number.to_string()))
        .insert_header(("x-auth-role", member.role.code()))
        .insert_header(("x-auth-name", percent_encoded(name)))
        .finish()
}

/// Text of any kind as a header takes it: UTF-8, all but the unreserved characters of RFC 3986
/// escaped.
fn percent_encoded(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// The answer for nobody: the way to the login page for a page of a listed site, 401 for anything
/// else.
fn turn_away(site: &Site, visitor: &Visitor, request: &HttpRequest) -> HttpResponse {
    let mut refusal = signed_out(site, visitor.arrived());
    let Some(asked) = Asked::told(site, request).filter(Asked::is_page) else {
        return refusal;
    };
    let Some(next) = site.sites.way_back(asked.host, asked.uri) else {
        return refusal;
    };
    let way_in = site.public_url.join(&visitor.way_in(&next, false));
    match asked.dialect {
        Dialect::Redirected => see_other(&way_in).finish(),
        Dialect::Nginx => {
            if let Ok(way_in) = HeaderValue::from_str(&way_in) {
                refusal.headers_mut().insert(REDIRECT, way_in);
            }
            refusal
        }
    }
}

/// How a proxy takes the way to the login page.
#[derive(Clone, Copy)]
enum Dialect {
    /// nginx: in a header of a 401.
    Nginx,
    /// Caddy and Traefik: as the answer itself.
    Redirected,
}

/// The request that a proxy asks about, as far as it tells.
struct Asked<'a> {
    dialect: Dialect,
    method: &'a str,
    host: &'a str,
    uri: &'a str,
    accept: &'a str,
}

impl<'a> Asked<'a> {
    /// `None` when nobody whom we believe tells, or not each thing once.
    fn told(site: &Site, request: &'a HttpRequest) -> Option<Self> {
        let peer = request.peer_addr().map(|peer| peer.ip());
        if !address::is_of(peer, &site.trusted_proxies) {
            return None;
        }
        let headers = request.headers();
        let original = headers.contains_key("x-original-uri");
        let forwarded = headers.contains_key("x-forwarded-uri");
        let (dialect, [method, host, uri]) = match (original, forwarded) {
            (true, false) => (
                Dialect::Nginx,
                ["x-original-method", "x-original-host", "x-original-uri"],
            ),
            (false, true) => (
                Dialect::Redirected,
                ["x-forwarded-method", "x-forwarded-host", "x-forwarded-uri"],
            ),
            // One of the two is the visitor's own.
            _ => return None,
        };
        Some(Self {
            dialect,
            method: only(headers, method)?,
            host: only(headers, host)?,
            uri: only(headers, uri)?,
            accept: only(headers, ACCEPT.as_str())?,
        })
    }

    /// Whether it was for a page, which a person can be led away from and back to.
    fn is_page(&self) -> bool {
        matches!(self.method, "GET" | "HEAD") && self.accept.contains("text/html")
    }
}

/// The header's value, if it is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
