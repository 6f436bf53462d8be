//! `/api/v1/…` and what belongs to it: for programs, which show a token and never a cookie. Answers
//! are JSON; what did not work is told as a problem (RFC 9457) with a code that stays.

pub(super) mod auth;
mod caller;
pub(super) mod document;
pub(super) mod introspect;
pub(super) mod me;
pub(super) mod members;
mod problem;
pub(super) mod well_known;

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, web,
};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use problem::Code;
pub(super) use problem::Refusal;

use super::Site;
use super::edge::Arrived;
use super::error::Problem;
use crate::member::SignedIn;

/// How long what is the same for everybody may be kept. A new key is published for longer before
/// it signs.
const KEPT: &str = "public, max-age=300";

/// The longest that a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest body read, in bytes.
const LONGEST_BODY: usize = 16 * 1024;

/// The longest token in a header, in bytes.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Whether whoever asks for this path is a program, and is told of problems as one.
pub(super) fn is_of_it(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/.well-known/") || path == document::ADDRESS
}

/// A program; let in by the frame's own record of it.
pub(super) struct Program(pub(super) Arrived);

impl FromRequest for Program {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let arrived = request.extensions().get::<Arrived>().cloned();
        let outside = || Problem::server("the API outside its frame").into();
        std::future::ready(arrived.map(Self).ok_or_else(outside))
    }
}

/// What a handler comes to.
pub(super) type Answer = Result<HttpResponse, Refusal>;

/// JSON that nobody keeps: it is about one person.
fn personal(body: &impl Serialize) -> HttpResponse {
    personal_with(&mut HttpResponse::Ok(), body)
}

/// The same, in an answer that has headers already.
fn personal_with(response: &mut HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(body)
}

/// The bearer token of a request (RFC 6750 section 2.1): in one header, and in nothing else.
fn bearer(request: &HttpRequest) -> Result<Option<String>, Refusal> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let header = match (headers.next(), headers.next()) {
        (None, _) => return Ok(None),
        (Some(header), None) => header,
        _ => return Err(Code::InvalidRequest.because("more than one Authorization header")),
    };
    let malformed =
        || Code::InvalidRequest.because("the Authorization header is not a bearer token");
    let text = header.to_str().map_err(|_| malformed())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(malformed)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let fits = !token.is_empty() && token.len() <= LONGEST_TOKEN && token.bytes().all(is_token);
    if !scheme.eq_ignore_ascii_case("bearer") || !fits {
        return Err(malformed());
    }
    Ok(Some(token.to_owned()))
}

/// Whoever the access token of a request shows.
async fn signed_in(site: &Site, request: &HttpRequest) -> Result<SignedIn, Refusal> {
    let token = bearer(request)?.ok_or(Code::Unauthorized)?;
    Ok(site.gate.whose(&token).await?)
}

/// A body of JSON, called by that name: what a form of another site can send is none.
async fn body<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<T, Refusal> {
    let is_json = matches!(
        media_type(request).as_deref(),
        // RFC 7396 calls a change of some members of an object by the other name.
        Some("application/json" | "application/merge-patch+json")
    );
    if !is_json {
        return Err(Code::UnsupportedMediaType.because("the body must be application/json"));
    }
    let bytes = in_time(payload).await?;
    serde_json::from_slice(&bytes)
        .map_err(|_| Code::InvalidRequest.because("the body is not what this address takes"))
}

/// The one field of that name in a body that is a form, as OAuth has it.
async fn form(request: &HttpRequest, payload: web::Payload, name: &str) -> Result<String, Refusal> {
    if media_type(request).as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(Code::UnsupportedMediaType
            .because("the body must be application/x-www-form-urlencoded"));
    }
    let bytes = in_time(payload).await?;
    let mut fields = url::form_urlencoded::parse(&bytes).filter(|(known, _)| known == name);
    match (fields.next(), fields.next()) {
        (Some((_, value)), None) => Ok(value.into_owned()),
        _ => Err(Code::InvalidRequest.because("a field is missing, or stands there twice")),
    }
}

fn media_type(request: &HttpRequest) -> Option<String> {
    let sent = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(sent.split(';').next()?.trim().to_ascii_lowercase())
}

async fn in_time(mut payload: web::Payload) -> Result<Vec<u8>, Refusal> {
    let bytes = tokio::time::timeout(PATIENCE, whole(&mut payload)).await;
    bytes.map_err(|_| Code::InvalidRequest.because("the body did not come in time"))?
}

async fn whole(payload: &mut web::Payload) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk =
            chunk.map_err(|_| Code::InvalidRequest.because("the body did not come whole"))?;
        if bytes.len() + chunk.len() > LONGEST_BODY {
            return Err(Code::TooLarge.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
