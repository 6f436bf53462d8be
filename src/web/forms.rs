//! Forms: read in time and in bounds, and only when this visitor was given the form.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, ORIGIN};
use actix_web::{Error, FromRequest, HttpRequest, web};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::error::{ErrorId, Problem};
use super::visitor::Visitor;
use super::{Limit, Site};

/// The largest form read, in bytes.
const LARGEST: usize = 16 * 1024;

/// The longest a form may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// A form that was sent by a page of ours, to this visitor. Every POST handler takes one, which
/// is what keeps other sites from acting for a member (WB-2):
///
/// - the browser says that the request comes from our own site (`Sec-Fetch-Site`, or where that
///   is missing `Origin`), and
/// - the form carries the token of this visitor's session.
pub(super) struct Post<T> {
    pub(super) visitor: Visitor,
    pub(super) fields: T,
}

/// What is wrong with a field, in words: above the field, and word for word at the top of the page.
pub(super) struct Mistake {
    /// The id of the field.
    pub(super) field: Cow<'static, str>,
    /// What is wrong.
    pub(super) text: String,
}

impl Mistake {
    pub(super) fn new(field: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            text: text.into(),
        }
    }
}

/// How a form is answered that is shown, or shown once more because something in it is wrong.
pub(super) fn status_of(is_wrong: bool) -> StatusCode {
    if is_wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

/// What is wrong with a field.
pub(super) fn about<'a>(wrong: &'a [Mistake], field: &str) -> Option<&'a str> {
    let found = wrong.iter().find(|mistake| mistake.field == field)?;
    Some(&found.text)
}

impl<T: DeserializeOwned + 'static> FromRequest for Post<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let visitor = Visitor::extract(&request).await?;
            let site = request.app_data::<web::Data<Site>>().cloned();
            let site = site.ok_or_else(|| Problem::server("a form outside its site"))?;
            site.limits.count(Limit::Post, visitor.arrived().ip)?;
            if !is_same_site(request.headers(), site.public_url.origin()) {
                let refused = Problem::from(ErrorId::Csrf).because("form from another site");
                return Err(refused.into());
            }
            let body = tokio::time::timeout(PATIENCE, read(request.headers(), payload)).await;
            let body = body.map_err(|_| Problem::from(ErrorId::BadRequest))??;
            let pairs: Vec<(String, String)> =
                url::form_urlencoded::parse(&body).into_owned().collect();
            let mut tokens = pairs.iter().filter(|(name, _)| name == "csrf");
            let known = match (tokens.next(), tokens.next()) {
                (Some((_, token)), None) => visitor.is_csrf(&site.gate, token),
                _ => false,
            };
            if !known {
                let refused = Problem::from(ErrorId::Csrf).because("form token does not fit");
                return Err(refused.into());
            }
            let fields = pairs.into_iter().filter(|(name, _)| name != "csrf");
            let fields = fields.map(|(name, value)| (name, value.into()));
            // A map: a field sent twice would be read differently by different parts.
            let object = unique(fields).ok_or_else(|| Problem::from(ErrorId::BadRequest))?;
            let fields = serde_json::from_value(object.into())
                .map_err(|_| Problem::from(ErrorId::BadRequest))?;
            Ok(Self { visitor, fields })
        })
    }
}

fn unique(
    fields: impl Iterator<Item = (String, serde_json::Value)>,
) -> Option<serde_json::Map<String, serde_json::Value>> {
    let mut object = serde_json::Map::new();
    for (name, value) in fields {
        if object.insert(name, value).is_some() {
            return None;
        }
    }
    Some(object)
}

async fn read(headers: &HeaderMap, mut payload: Payload) -> Result<Vec<u8>, Problem> {
    let form = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    if !form {
        return Err(ErrorId::BadRequest.into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::from(ErrorId::BadRequest))?;
        if body.len() + chunk.len() > LARGEST {
            return Err(ErrorId::BadRequest.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether the browser says that our own site sent this. One that says neither where from nor
/// who is not a browser of this decade, and is not believed.
fn is_same_site(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), claimed) => {
            site == "same-origin" && claimed.is_none_or(|claimed| claimed == origin)
        }
        (None, Some(claimed)) => claimed == origin,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    // WB-2
    #[test]
    fn a_form_counts_only_when_the_browser_says_it_is_ours() {
        let ours = "https://a.example";
        for (site, origin, counts) in [
            (Some("same-origin"), Some(ours), true),
            (Some("same-origin"), None, true),
            (None, Some(ours), true),
            (Some("same-site"), Some("https://b.a.example"), false),
            (Some("cross-site"), Some("https://evil.example"), false),
            (Some("none"), None, false),
            (Some("same-origin"), Some("null"), false),
            (None, Some("null"), false),
            (None, Some("https://a.example.evil.example"), false),
            (None, Some("http://a.example"), false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            let mut add = |name: &'static str, value: Option<&'static str>| {
                if let Some(value) = value {
                    let name = HeaderName::from_static(name);
                    headers.insert(name, HeaderValue::from_static(value));
                }
            };
            add("sec-fetch-site", site);
            add("origin", origin);
            assert_eq!(is_same_site(&headers, ours), counts, "{site:?} {origin:?}");
        }
    }
}
