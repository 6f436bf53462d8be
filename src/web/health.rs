//! `/health/live` and `/health/ready`, for whatever starts, stops and balances us (LG-4).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};

use super::Site;

/// How long a finding is good for.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Anyone. The process answers; says nothing of anybody else.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "live" }))
}

/// Anyone. Whether requests can be served: the database takes writes, and the session store
/// answers. Kakao is not asked: that Kakao is down is no reason to take us out.
pub(super) async fn ready(site: web::Data<Site>) -> HttpResponse {
    let found = match site.readiness.recent() {
        Some(found) => found,
        None => site.readiness.keep(look(&site).await),
    };
    let word = |ok: bool| if ok { "ok" } else { "unavailable" };
    let ready = found.database && found.sessions;
    let body = serde_json::json!({
        "status": if ready { "ready" } else { "unavailable" },
        "database": word(found.database),
        "sessions": word(found.sessions),
    });
    if ready {
        return HttpResponse::Ok().json(body);
    }
    HttpResponse::ServiceUnavailable()
        .insert_header((actix_web::http::header::RETRY_AFTER, "5"))
        .json(body)
}

async fn look(site: &Site) -> Found {
    let now = site.gate.clock.now();
    let (database, sessions) =
        futures_util::future::join(site.gate.store.ping(now), site.backend.ping()).await;
    if let Err(error) = &database {
        tracing::warn!(%error, "not ready");
    }
    if let Err(error) = &sessions {
        tracing::warn!(%error, "not ready");
    }
    Found {
        database: database.is_ok(),
        sessions: sessions.is_ok(),
    }
}

/// What was found when somebody last looked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    database: bool,
    sessions: bool,
}

/// The last finding, good for a second: looking costs a write, and anybody may ask.
#[derive(Debug, Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Found)>>);

impl Readiness {
    fn recent(&self) -> Option<Found> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.and_then(|(at, found)| (at.elapsed() < GOOD_FOR).then_some(found))
    }

    fn keep(&self, found: Found) -> Found {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found));
        found
    }
}
