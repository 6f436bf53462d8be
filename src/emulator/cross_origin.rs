//! Which of Kakao's addresses a page of any origin may call, as single-page apps do (Fetch
//! standard, CORS protocol). The browser pages and the emulator's own forms are never among them.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    HeaderMap, HeaderValue,
};

use super::journal::Endpoint;

/// What Kakao's own JavaScript SDK and common HTTP clients add to a request.
const HEADERS: &str = "Authorization, KA, Origin, X-Requested-With, Content-Type, Accept";

/// Whether scripts of other origins may read the answers of this path.
pub(super) fn is_open(path: &str) -> bool {
    path == Endpoint::Token.path() || path.starts_with("/v1/") || path.starts_with("/v2/")
}

/// Whether a browser asks for permission instead of doing the work.
pub(super) fn is_preflight(method: &Method, path: &str) -> bool {
    method == Method::OPTIONS && is_open(path)
}

/// The permission.
pub(super) fn preflight() -> HttpResponse {
    let mut answer = HttpResponse::Ok()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .finish();
    open(answer.headers_mut());
    answer
}

/// Lets a script of any origin read the answer with these headers.
pub(super) fn open(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}
