//! What verifiers of our access tokens read: the keys, and where things are (RFC 8414).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::Answer;
use crate::web::Site;

/// How long the keys may be kept: a new one is published for longer before it signs.
const KEPT: &str = "public, max-age=300";

/// Anyone.
pub(in crate::web) async fn keys(site: web::Data<Site>) -> Answer {
    let keys = site.gate.access_keys().await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, KEPT))
        .content_type("application/jwk-set+json")
        .body(keys.published().to_string()))
}

/// Anyone.
pub(in crate::web) async fn metadata(site: web::Data<Site>) -> HttpResponse {
    let issuer = site.gate.parties().issuer;
    let at = |path: &str| format!("{issuer}{path}");
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, KEPT))
        .json(json!({
            "issuer": issuer,
            "jwks_uri": at("/.well-known/jwks.json"),
            "token_endpoint": at("/api/v1/auth/refresh"),
            "revocation_endpoint": at("/api/v1/auth/logout"),
            "introspection_endpoint": at("/api/v1/auth/introspect"),
            "introspection_endpoint_auth_methods_supported": ["Bearer"],
            "userinfo_endpoint": at("/api/v1/me"),
            "response_types_supported": [],
            "grant_types_supported": ["refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "access_token_signing_alg_values_supported": ["ES256"],
        }))
}
