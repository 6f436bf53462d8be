//! `/webhooks/kakao/unlink` and `/webhooks/kakao/account`: what Kakao tells of its own accord.
//!
//! They answer as soon as what they were told is written down. Whoever is not Kakao is told so,
//! counted, and after a while not listened to.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::Site;
use super::edge::Arrived;
use super::error::{ErrorId, Problem};
use crate::config::UnlinkMethod;
use crate::flow::{LONGEST_EVENT, Unheard};

/// Kakao waits three seconds for an answer, from the first byte of its call.
const PATIENCE: Duration = Duration::from_millis(2_700);

/// As much of it as is left for writing down what came.
const RESERVE: Duration = Duration::from_millis(700);

/// Whoever can reach us; let in by the frame's own record of them.
pub(super) struct Caller(Arrived);

impl FromRequest for Caller {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let arrived = request.extensions().get::<Arrived>().cloned();
        let outside = || Problem::server("a webhook outside its frame").into();
        std::future::ready(arrived.map(Self).ok_or_else(outside))
    }
}

impl Caller {
    fn log(&self, source: &'static str, status: StatusCode, cause: &str) {
        let (ip, id) = (&self.0.origin.ip, &self.0.origin.request_id);
        let status = status.as_u16();
        tracing::warn!(client.address = %ip, request.id = %id, source, status, cause, "a webhook was refused");
    }
}

/// Kakao, by our admin key.
pub(super) async fn unlink_by_get(
    site: web::Data<Site>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if site.unlink_method == UnlinkMethod::Post {
        return Err(Problem::method("POST".to_owned()));
    }
    if !is_kakao(&site, request.headers()) {
        return stranger(&site, &caller);
    }
    let told = form(request.query_string().as_bytes());
    unlink(&site, &caller, told, Instant::now() + PATIENCE).await
}

/// Kakao, by our admin key.
pub(super) async fn unlink_by_post(
    site: web::Data<Site>,
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    if site.unlink_method == UnlinkMethod::Get {
        return Err(Problem::method("GET".to_owned()));
    }
    // Before the body: a stranger's is not read.
    if !is_kakao(&site, request.headers()) {
        return stranger(&site, &caller);
    }
    let by = Instant::now() + PATIENCE;
    let body = body(payload, by).await;
    let told = body.and_then(|body| match is_of_type(&request, "application/json") {
        true => json(&body),
        false => form(&body),
    });
    unlink(&site, &caller, told, by).await
}

/// Kakao, by its signature.
pub(super) async fn account(
    site: web::Data<Site>,
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    if let Err(problem) = site.limits.listens_to(caller.0.ip) {
        site.gate.metrics.webhook_call("account", "limited");
        return Err(problem);
    }
    if !is_of_type(&request, "application/secevent+jwt") {
        return refuse(&site, &caller, "invalid_request", "another content type");
    }
    let by = Instant::now() + PATIENCE;
    let text = body(payload, by).await.map(String::from_utf8);
    let Some(Ok(compact)) = text else {
        return refuse(&site, &caller, "invalid_request", "not a readable token");
    };
    match site.gate.hear_event(compact.trim_ascii(), by).await {
        Ok(_) => Ok(HttpResponse::Accepted().finish()),
        Err(Unheard::Refused(refused)) => {
            refuse(&site, &caller, refused.code(), &refused.to_string())
        }
        Err(Unheard::NotNow(cause)) => Err(not_now(cause)),
        Err(Unheard::Store(error)) => Err(error.into()),
    }
}

/// 503: Kakao is to send it again.
fn not_now(cause: String) -> Problem {
    Problem::from(ErrorId::Unavailable).because(cause)
}

fn is_kakao(site: &Site, headers: &HeaderMap) -> bool {
    let mut keys = headers.get_all(AUTHORIZATION);
    match (keys.next(), keys.next()) {
        (Some(key), None) => site.gate.is_kakao(key.as_bytes()),
        _ => false,
    }
}

/// Whoever has not our key; `Ok` is the refusal, `Err` that there were too many.
fn stranger(site: &Site, caller: &Caller) -> Result<HttpResponse, Problem> {
    let source = "unlink";
    if let Err(problem) = site.limits.listens_to(caller.0.ip) {
        site.gate.metrics.webhook_call(source, "limited");
        return Err(problem);
    }
    site.limits.count_refused(caller.0.ip);
    site.gate.metrics.webhook_call(source, "refused");
    caller.log(source, StatusCode::UNAUTHORIZED, "not our admin key");
    Ok(HttpResponse::Unauthorized()
        .insert_header((WWW_AUTHENTICATE, "KakaoAK"))
        .json(serde_json::json!({ "error": "unauthorized" })))
}

/// The refusal of RFC 8935 section 2.3.
fn refuse(
    site: &Site,
    caller: &Caller,
    code: &'static str,
    description: &str,
) -> Result<HttpResponse, Problem> {
    site.limits.count_refused(caller.0.ip);
    site.gate.metrics.webhook_call("account", "refused");
    caller.log("account", StatusCode::BAD_REQUEST, description);
    Ok(HttpResponse::BadRequest()
        .json(serde_json::json!({ "err": code, "description": description })))
}

async fn unlink(
    site: &Site,
    caller: &Caller,
    told: Option<Map<String, Value>>,
    by: Instant,
) -> Result<HttpResponse, Problem> {
    let unlink = told.and_then(|told| {
        let text = |name: &str| match told.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let referrer = text("referrer_type").unwrap_or_default();
        let (app, user) = (text("app_id")?, text("user_id")?);
        site.gate.read_unlink(&app, &user, &referrer)
    });
    let Some(unlink) = unlink else {
        site.gate.metrics.webhook_call("unlink", "refused");
        let cause = "of another app, or without a person";
        caller.log("unlink", StatusCode::BAD_REQUEST, cause);
        return Ok(HttpResponse::BadRequest().json(serde_json::json!({ "error": "bad_request" })));
    };
    match site.gate.hear_unlink(unlink, by).await {
        Ok(_) => Ok(HttpResponse::Ok().finish()),
        Err(Unheard::Store(error)) => Err(error.into()),
        Err(unheard) => Err(not_now(format!("{unheard:?}"))),
    }
}

fn is_of_type(request: &HttpRequest, wanted: &str) -> bool {
    let sent = request.headers().get(CONTENT_TYPE);
    let sent = sent.and_then(|value| value.to_str().ok());
    let essence = sent.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(wanted))
}

/// The whole of a body that comes in time and is not too large.
async fn body(mut payload: web::Payload, by: Instant) -> Option<Vec<u8>> {
    let reading = async {
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.ok()?;
            if body.len() + chunk.len() > LONGEST_EVENT {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        Some(body)
    };
    tokio::time::timeout_at(by - RESERVE, reading).await.ok()?
}

/// The fields of a form or a query; one that is there twice would be read differently by
/// different readers.
fn form(text: &[u8]) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(text).into_owned() {
        if fields.insert(name, Value::String(value)).is_some() {
            return None;
        }
    }
    Some(fields)
}

fn json(text: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(text).ok()
}
