//! Which pages of other sites may call the API, and read what it answers (CORS).
//!
//! Told at the edge, on refusals too: a page has to learn that its token has ended, or when to try
//! again. Cookies are never allowed along, so that nothing here concerns a browser's session.

use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::{HttpResponse, dev::ServiceRequest};

use super::error::{ErrorId, Problem};
use super::{Site, api, bare_table};

/// What a page may send beside what any form could.
const SENT: HeaderValue = HeaderValue::from_static("authorization, content-type");

/// What a page may read of our headers beside the body.
const READ: HeaderValue =
    HeaderValue::from_static("WWW-Authenticate, Retry-After, Link, X-Request-Id");

/// Seconds that a browser need not ask again.
const KEPT: HeaderValue = HeaderValue::from_static("600");

/// How an address is shared with pages of other sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    /// Not at all.
    No,
    /// With the origins of `API_CORS_ORIGINS`: the one that asks now, if it is among them.
    Listed(Option<HeaderValue>),
    /// With everybody: it is public and the same for all.
    Public,
}

impl Shared {
    /// How whatever a request asks for is shared with whoever sent it.
    pub(super) fn with(site: &Site, request: &ServiceRequest) -> Self {
        // The pattern and not the path: one address can be written in many ways.
        match request.match_pattern().as_deref() {
            // In a browser's own session, for pages of the same site.
            Some("/api/v1/auth/session") | None => Self::No,
            Some(pattern) if pattern.starts_with("/api/v1/") => {
                Self::Listed(listed(site, request.headers()))
            }
            Some("/openapi.json") => Self::Public,
            Some(pattern) if pattern.starts_with("/.well-known/") => Self::Public,
            Some(_) => Self::No,
        }
    }

    /// The answer to a browser that asks before it sends what a page wants sent; `None` for any
    /// other request.
    pub(super) fn preflight(
        &self,
        request: &ServiceRequest,
        reference: &str,
    ) -> Option<HttpResponse> {
        let asks = request.method() == Method::OPTIONS
            && request.headers().contains_key(ORIGIN)
            && request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        match self {
            Self::No => return None,
            Self::Listed(None) => {
                let refused = Problem::from(ErrorId::Forbidden);
                return Some(api::Refusal::from(&refused).respond(reference));
            }
            Self::Listed(Some(_)) | Self::Public => {}
        }
        let pattern = request.match_pattern()?;
        let address = bare_table().into_iter().find(|one| one.path == pattern)?;
        let mut answer = HttpResponse::NoContent();
        answer
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, address.allow()))
            .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, SENT))
            .insert_header((ACCESS_CONTROL_MAX_AGE, KEPT));
        Some(answer.finish())
    }

    /// Tells the browser, whatever the answer is.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let origin = match self {
            Self::No => return,
            Self::Listed(origin) => {
                headers.insert(VARY, HeaderValue::from_static("Origin"));
                origin.clone()
            }
            Self::Public => Some(HeaderValue::from_static("*")),
        };
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ);
        }
    }
}

/// The origin that a request comes from, if it is one of ours letter by letter: browsers write it in
/// one way only.
fn listed(site: &Site, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut origins = headers.get_all(ORIGIN);
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return None;
    };
    let known = site.api_origins.iter();
    let mut known = known.map(|known| known.origin().as_bytes());
    known
        .any(|known| known == origin.as_bytes())
        .then(|| origin.clone())
}
