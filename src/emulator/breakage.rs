//! How a fault looks on the wire.

use std::io;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, to_bytes};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, LOCATION};
use actix_web::web::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::time::sleep;

use super::ask::{Ask, Stop, list};
use super::authorize::Answer;
use super::fault::Fault;
use super::journal::Endpoint;
use super::received::Received;
use super::refusal::{KAPI_JSON, KapiError, KauthError};
use super::{Shared, page};

/// A request that is never answered is let go after this long, so that an abandoned connection
/// does not stay for ever.
const SILENCE: Duration = Duration::from_secs(600);
/// Long enough for what was written before to leave the buffers.
const FLUSH: Duration = Duration::from_millis(30);
const CHUNK: usize = 64 * 1024;

/// Answers in place of the real work.
pub(super) async fn instead(
    fault: &Fault,
    endpoint: Endpoint,
    shared: &Shared,
    received: &Received,
) -> HttpResponse {
    match fault {
        Fault::Refuse(code) => refuse(code, endpoint, shared, received),
        Fault::RateLimit => rate_limit(endpoint, shared, received),
        Fault::Silence => {
            sleep(SILENCE).await;
            cut()
        }
        Fault::Cut => cut(),
        Fault::Html(status) => HttpResponse::build(valid(*status))
            .content_type("text/html; charset=utf-8")
            .body("<!DOCTYPE html><title>Emulator</title><h1>Emulated gateway error</h1>\n"),
        Fault::Redirect(to) => HttpResponse::Found()
            .insert_header((LOCATION, to.as_str()))
            .finish(),
        Fault::Status(status) => HttpResponse::build(valid(*status)).finish(),
        Fault::Answer {
            status,
            content_type,
            body,
        } => HttpResponse::build(valid(*status))
            .content_type(content_type.as_str())
            .body(body.clone()),
        Fault::Large(bytes) => large(*bytes),
        Fault::Endless => HttpResponse::Ok()
            .content_type(KAPI_JSON)
            .streaming(padding().map(Ok::<_, io::Error>)),
        Fault::Delay(_)
        | Fault::CutBody
        | Fault::WrongLength
        | Fault::Drip(_)
        | Fault::Malformed
        | Fault::AfterEffect(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// Holds back or damages the answer of work that was done.
pub(super) async fn damage(
    fault: Fault,
    real: HttpResponse,
    endpoint: Endpoint,
    shared: &Shared,
    received: &Received,
) -> HttpResponse {
    let mut fault = fault;
    while let Fault::AfterEffect(inner) = fault {
        fault = *inner;
    }
    if let Fault::Delay(time) = fault {
        sleep(time).await;
        return real;
    }
    if !fault.needs_real_answer() {
        return instead(&fault, endpoint, shared, received).await;
    }
    let (head, body) = real.into_parts();
    let Ok(body) = to_bytes(body).await else {
        return cut();
    };
    let length = body.len();
    let half = body.slice(..length / 2);
    match fault {
        Fault::CutBody => with_body(&head, length, half_then_cut(half)),
        Fault::WrongLength => with_body(&head, length + 7, half_then_cut(body)),
        Fault::Drip(pause) => with_body(&head, length, drip(body, pause)),
        _ => head.set_body(BoxBody::new(half)),
    }
}

/// The documented refusal `code` as this address would give it.
fn refuse(code: &str, endpoint: Endpoint, shared: &Shared, received: &Received) -> HttpResponse {
    let (number, scopes) = code.split_once(':').unwrap_or((code, ""));
    if let Ok(number) = number.parse::<i32>() {
        let mut refused = KapiError::documented(number);
        if !scopes.is_empty() {
            let scopes = list(scopes).map(str::to_owned).collect();
            refused = KapiError::insufficient(scopes, Vec::new());
        }
        if number == -10 && endpoint == Endpoint::UserIds {
            refused = KapiError::too_many_lists();
        }
        let scheme = received.credentials().map(|(scheme, _)| scheme);
        return if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("KakaoAK")) {
            refused.for_admin().response()
        } else {
            refused.response()
        };
    }
    if !endpoint.is_page() {
        return KauthError::told(code, received).response();
    }
    let ask = Ask::read(&shared.state().app, &received.raw_query);
    match (Answer::named(code), ask) {
        (Some(answer), Ok(ask)) => page::redirect(&answer.location(&ask)),
        _ => {
            let asked = (endpoint, received.raw_query.as_str());
            page::stop(shared, received, asked, &Stop::new(code, ""))
        }
    }
}

fn rate_limit(endpoint: Endpoint, shared: &Shared, received: &Received) -> HttpResponse {
    if endpoint.is_page() {
        return HttpResponse::TooManyRequests().finish();
    }
    let code = if endpoint.is_kauth() { "KOE237" } else { "-10" };
    refuse(code, endpoint, shared, received)
}

/// A body that fails before its head has left the buffer: not one byte reaches the client.
fn cut() -> HttpResponse {
    let failure = Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted));
    HttpResponse::Ok().streaming(stream::iter([failure]))
}

fn with_body(
    head: &HttpResponse<()>,
    length: usize,
    body: impl Stream<Item = io::Result<Bytes>> + 'static,
) -> HttpResponse {
    let mut answer = HttpResponse::build(head.status());
    for (name, value) in head.headers() {
        if name != CONTENT_LENGTH {
            answer.append_header((name.clone(), value.clone()));
        }
    }
    answer.no_chunking(u64::try_from(length).unwrap_or(u64::MAX));
    answer.streaming(body)
}

fn half_then_cut(part: Bytes) -> impl Stream<Item = io::Result<Bytes>> {
    let end = stream::once(async {
        sleep(FLUSH).await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    stream::iter([Ok(part)]).chain(end)
}

fn drip(body: Bytes, pause: Duration) -> impl Stream<Item = io::Result<Bytes>> {
    stream::iter(0..body.len()).then(move |position| {
        let byte = body.slice(position..=position);
        async move {
            sleep(pause).await;
            Ok(byte)
        }
    })
}

fn large(bytes: u64) -> HttpResponse {
    let chunks = bytes / u64::try_from(CHUNK).unwrap_or(1);
    let chunks = usize::try_from(chunks).unwrap_or(usize::MAX);
    let end = stream::iter([Bytes::from_static(br#""}"#)]);
    let body = padding().take(chunks.saturating_add(1)).chain(end);
    HttpResponse::Ok()
        .content_type(KAPI_JSON)
        .streaming(body.map(Ok::<_, io::Error>))
}

/// The beginning of a JSON object with one string that goes on and on.
fn padding() -> impl Stream<Item = Bytes> {
    let start = stream::iter([Bytes::from_static(br#"{"padding":""#)]);
    let chunk = Bytes::from(vec![b'a'; CHUNK]);
    start.chain(stream::repeat(chunk))
}

fn valid(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
