//! `/health/live` and `/health/ready`, for whatever starts, stops and balances us (LG-4).

use actix_web::{HttpResponse, web};

use super::Site;

/// Anyone. The process answers; says nothing of anybody else.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "live" }))
}

/// Anyone. Whether requests can be served: the database takes writes, and the session store
/// answers. Kakao is not asked: that Kakao is down is no reason to take us out.
pub(super) async fn ready(site: web::Data<Site>) -> HttpResponse {
    let (database, sessions) =
        futures_util::future::join(site.gate.store.ping(), site.backend.ping()).await;
    if let Err(error) = &database {
        tracing::warn!(%error, "not ready");
    }
    if let Err(error) = &sessions {
        tracing::warn!(%error, "not ready");
    }
    site.limits.forget_quiet();
    let word = |ok: bool| if ok { "ok" } else { "unavailable" };
    let ready = database.is_ok() && sessions.is_ok();
    let body = serde_json::json!({
        "status": if ready { "ready" } else { "unavailable" },
        "database": word(database.is_ok()),
        "sessions": word(sessions.is_ok()),
    });
    if ready {
        return HttpResponse::Ok().json(body);
    }
    HttpResponse::ServiceUnavailable()
        .insert_header((actix_web::http::header::RETRY_AFTER, "5"))
        .json(body)
}
