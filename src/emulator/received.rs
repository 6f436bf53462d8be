//! A request with its parameters decoded once, before anything is decided about it.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{BytesMut, Payload};
use futures_util::StreamExt as _;
use url::form_urlencoded;

use super::texts::Language;

/// Longest body that is read, in bytes; real ones have a few hundred.
const LONGEST_BODY: usize = 256 * 1024;

/// Decoded names and values in the order sent.
pub(super) type Pairs = Vec<(String, String)>;

/// What a handler needs to know of a request.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// The query string as it came.
    pub(super) raw_query: String,
    pub(super) query: Pairs,
    /// Form fields; empty when the body is of another type, or of a GET.
    pub(super) form: Pairs,
    pub(super) authorization: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) user_agent: Option<String>,
    /// The cookie of the emulated Kakao account session.
    pub(super) session: Option<String>,
    pub(super) language: Language,
    /// A browser says that a page of another origin caused this request.
    pub(super) is_foreign: bool,
    /// Only the head of the answer is wanted, and nothing is to change.
    pub(super) is_head: bool,
}

impl Received {
    pub(super) fn read(request: &HttpRequest, body: &[u8], session_cookie: &str) -> Self {
        let text = |name: HeaderName| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let content_type = text(header::CONTENT_TYPE);
        let media = content_type.as_deref().unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        let has_form = media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            && !matches!(*request.method(), Method::GET | Method::HEAD);
        let cookie = request.cookie(session_cookie);
        Self {
            raw_query: request.query_string().to_owned(),
            query: pairs(request.query_string().as_bytes()),
            form: if has_form { pairs(body) } else { Pairs::new() },
            authorization: text(header::AUTHORIZATION),
            content_type,
            user_agent: text(header::USER_AGENT),
            session: cookie.map(|cookie| cookie.value().to_owned()),
            language: Language::preferred(&text(header::ACCEPT_LANGUAGE).unwrap_or_default()),
            is_foreign: is_foreign(request),
            is_head: request.method() == Method::HEAD,
        }
    }

    /// The first value of a query parameter or, failing that, of a form field.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        first(&self.query, name).or_else(|| first(&self.form, name))
    }

    /// Scheme and credentials of the caller: the `Authorization` header or, when there is none,
    /// an `access_token` parameter (RFC 6750 sections 2.2 and 2.3), as deployed clients send it.
    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        let Some(header) = self.authorization.as_deref() else {
            let token = self.value("access_token")?;
            return (!token.is_empty()).then_some(("Bearer", token));
        };
        let (scheme, credentials) = header.trim().split_once(' ')?;
        Some((scheme, credentials.trim_start()))
    }

    /// The first value of a form field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        first(&self.form, name)
    }
}

/// The whole body; `None` for one that is too long. It is read to its end all the same, because a
/// client that is still sending would find its connection reset instead of an answer.
pub(super) async fn read_body(mut payload: Payload) -> Result<Option<BytesMut>, PayloadError> {
    let mut body = Some(BytesMut::new());
    while let Some(part) = payload.next().await {
        let part = part?;
        body = body.filter(|kept| kept.len() + part.len() <= LONGEST_BODY);
        if let Some(kept) = &mut body {
            kept.extend_from_slice(&part);
        }
    }
    Ok(body)
}

/// Decodes `application/x-www-form-urlencoded` text.
pub(super) fn pairs(encoded: &[u8]) -> Pairs {
    form_urlencoded::parse(encoded).into_owned().collect()
}

/// The first value of `name`.
pub(super) fn first<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    let (_, value) = pairs.iter().find(|(known, _)| known == name)?;
    Some(value)
}

/// Programs send neither header, browsers always at least one of them with a POST.
fn is_foreign(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).map(|value| value.as_bytes());
    if let Some(site) = text("sec-fetch-site") {
        return site != b"same-origin" && site != b"none";
    }
    let Some(origin) = text("origin") else {
        return false;
    };
    let host = text("host").unwrap_or_default();
    // https: behind a TLS proxy.
    let own = ["http://", "https://"];
    let is_own = |scheme: &&str| origin.strip_prefix(scheme.as_bytes()) == Some(host);
    !own.iter().any(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_a_form_body_is_read_as_a_form() {
        let form = TestRequest::post()
            .uri("/oauth/token?a=1&a=2")
            .insert_header((
                "content-type",
                "Application/X-WWW-Form-Urlencoded;charset=utf-8",
            ))
            .to_http_request();
        let received = Received::read(&form, b"a=3&b=%EA%B0%80+x", "s");
        assert_eq!(received.value("a"), Some("1"));
        assert_eq!(received.value("b"), Some("가 x"));
        let get = TestRequest::get()
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .to_http_request();
        assert_eq!(Received::read(&get, b"a=3", "s").value("a"), None);
        let json = TestRequest::post()
            .insert_header(("content-type", "application/json"))
            .to_http_request();
        assert_eq!(Received::read(&json, b"a=3", "s").value("a"), None);
    }

    #[test]
    fn a_page_of_another_origin_is_told_apart_from_a_program_and_from_our_own_page() {
        let foreign = |headers: &[(&'static str, &'static str)]| {
            let mut request = TestRequest::post().insert_header(("host", "127.0.0.1:9898"));
            for header in headers {
                request = request.insert_header(*header);
            }
            is_foreign(&request.to_http_request())
        };
        assert!(!foreign(&[]));
        assert!(!foreign(&[("origin", "http://127.0.0.1:9898")]));
        assert!(!foreign(&[("origin", "https://127.0.0.1:9898")]));
        assert!(!foreign(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "null")
        ]));
        assert!(foreign(&[("origin", "http://127.0.0.1:8080")]));
        assert!(foreign(&[("origin", "null")]));
        assert!(foreign(&[("sec-fetch-site", "cross-site")]));
        assert!(foreign(&[("sec-fetch-site", "same-site")]));
    }
}
