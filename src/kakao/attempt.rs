//! One request and its answer: sent, understood, and noted for debugging.

use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::time::Instant;

use super::classify::refusal;
use super::error::{Call, Error, Kind};
use super::transport::{NoReply, Slot};

/// Sends one request, understands its answer and leaves a note for debugging.
pub(super) async fn attempt<T>(
    call: Call,
    slot: &Slot<'_>,
    request: RequestBuilder,
    decode: impl FnOnce(&[u8]) -> Result<T, Kind>,
) -> Result<T, Error> {
    let started = Instant::now();
    let outcome = understood(call, slot, request, decode).await;
    let kind = outcome.as_ref().err().map(|error| &error.kind);
    slot.recent()
        .note(Instant::now(), started.elapsed(), call, kind);
    match &outcome {
        Ok(_) => tracing::debug!(
            call = call.name(),
            outcome = "ok",
            duration_ms = millis(started.elapsed()),
            "Kakao answered"
        ),
        Err(error) => record_failure(error, started.elapsed()),
    }
    outcome
}

async fn understood<T>(
    call: Call,
    slot: &Slot<'_>,
    request: RequestBuilder,
    decode: impl FnOnce(&[u8]) -> Result<T, Kind>,
) -> Result<T, Error> {
    let reply = slot
        .send(request)
        .await
        .map_err(|none| failed(call, none))?;
    let (kind, code) = if (200..300).contains(&reply.status) {
        match decode(&reply.body) {
            Ok(answer) => return Ok(answer),
            Err(kind) => (kind, None),
        }
    } else {
        refusal(call, reply.status, reply.retry_after, &reply.body)
    };
    Err(Error {
        call,
        kind,
        status: Some(reply.status),
        code,
        trouble: None,
    })
}

pub(super) fn failed(call: Call, none: NoReply) -> Error {
    Error {
        call,
        kind: none.kind,
        status: none.status,
        code: None,
        trouble: none.trouble,
    }
}

/// For debugging: whoever made the call puts the failure into the log, once, with the request
/// it belongs to.
pub(super) fn record_failure(error: &Error, took: Duration) {
    tracing::debug!(
        call = error.call.name(),
        outcome = error.kind.name(),
        status = error.status,
        code = error.code.map(tracing::field::display),
        duration_ms = millis(took),
        "{error}"
    );
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
