//! What verifiers of our access tokens read: the keys, and where things are (RFC 8414).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Code;
use super::{Answer, KEPT};
use crate::web::Site;

/// Keys that verify access tokens (RFC 7517).
#[derive(Serialize, Deserialize, ToSchema)]
struct KeySet {
    keys: Vec<Key>,
}

/// The public half of a key. Nothing of a key gets out that is not named here.
#[derive(Serialize, Deserialize, ToSchema)]
struct Key {
    /// Which key a token was signed with: the thumbprint (RFC 7638).
    kid: String,
    #[schema(example = "EC")]
    kty: String,
    #[schema(example = "P-256")]
    crv: String,
    x: String,
    y: String,
    #[schema(example = "ES256")]
    alg: String,
    #[schema(example = "sig")]
    r#use: String,
}

#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "keys",
    tag = "Verifying",
    summary = "Get the keys that verify access tokens",
    description = "Keep them for as long as the answer says, and ask again for a `kid` that is not \
        among them. A new key is published a quarter of an hour before it signs.",
    responses((
        status = 200,
        description = "The keys",
        body = KeySet,
        content_type = "application/jwk-set+json",
        headers(("Cache-Control" = String, description = "For how long the keys may be kept")),
    )),
    extensions(("x-problems" = json!([Code::Unavailable]))),
)]
/// Anyone.
pub(in crate::web) async fn keys(site: web::Data<Site>) -> Answer {
    let keys = site.gate.access_keys().await?;
    let keys: KeySet = serde_json::from_value(keys.published()).map_err(|_| Code::Server)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, KEPT))
        .content_type("application/jwk-set+json")
        .json(keys))
}

/// Where things are (RFC 8414).
#[derive(Serialize, ToSchema)]
struct Metadata {
    /// `iss` of the access tokens.
    #[schema(example = "https://login.example.com")]
    issuer: String,
    jwks_uri: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 1],
    userinfo_endpoint: String,
    /// Pages that describe all this.
    service_documentation: String,
    response_types_supported: [String; 0],
    grant_types_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 1],
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    access_token_signing_alg_values_supported: [&'static str; 1],
}

#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    operation_id = "metadata",
    tag = "Verifying",
    summary = "Find out where things are",
    description = "For libraries that read RFC 8414.",
    responses((
        status = 200,
        description = "Addresses, and what they take",
        body = Metadata,
        headers(("Cache-Control" = String, description = "For how long the answer may be kept")),
    )),
    extensions(("x-problems" = json!([]))),
)]
/// Anyone.
pub(in crate::web) async fn metadata(site: web::Data<Site>) -> HttpResponse {
    let issuer = site.gate.parties().issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let metadata = Metadata {
        jwks_uri: at("/.well-known/jwks.json"),
        token_endpoint: at("/api/v1/auth/refresh"),
        revocation_endpoint: at("/api/v1/auth/logout"),
        introspection_endpoint: at("/api/v1/auth/introspect"),
        introspection_endpoint_auth_methods_supported: ["Bearer"],
        userinfo_endpoint: at("/api/v1/me"),
        service_documentation: at("/docs/api"),
        response_types_supported: [],
        grant_types_supported: ["refresh_token"],
        token_endpoint_auth_methods_supported: ["none"],
        revocation_endpoint_auth_methods_supported: ["none"],
        access_token_signing_alg_values_supported: ["ES256"],
        issuer,
    };
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, KEPT))
        .json(metadata)
}
