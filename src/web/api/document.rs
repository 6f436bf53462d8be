//! `/openapi.json`: the API in the words of OpenAPI 3.1, made from the handlers and from what they
//! read and answer.
//!
//! An address is described by `#[utoipa::path]` on its handler, with the codes of its problems
//! ([`Code`]) in `x-problems`, and by its place in the list below. Tests hold it to the route
//! table, and every answer they see to it.

use std::collections::BTreeMap;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, InfoBuilder, Ref, RefOr, Required, Response,
    ResponseBuilder, ServerBuilder,
};

use super::problem::{Code, Details, PROBLEM};
use super::{KEPT, auth, introspect, me, members, well_known};
use crate::config::PublicUrl;
use crate::web::{Site, forward_auth};

/// Where the document is.
pub(in crate::web) const ADDRESS: &str = "/openapi.json";

/// Where a handler names the codes of its problems, and the lists of codes it shares with others.
const PROBLEMS: &str = "x-problems";

const ABOUT: &str = "\
Kakao Login as a service: an app hands over what Kakao gave it and gets tokens; any program verifies them.

Where GET is answered, HEAD is too, without a body. A path that is not here is answered with the problem \
`not_found`, a method that is not here with `method_not_allowed` and the header `Allow`. A token counts in \
the Authorization header only. What is about a person, and every problem, has \
`Cache-Control: no-store`. Objects may get new fields, and problems new codes: leave aside what you do not know.";

/// Every operation, in the order in which somebody may meet it.
#[derive(OpenApi)]
#[openapi(
    paths(
        auth::kakao,
        auth::refresh,
        auth::logout,
        auth::session,
        me::show,
        me::change,
        me::leave,
        introspect::introspect,
        members::list,
        members::look_up,
        members::show,
        members::suspend,
        members::restore,
        members::log_out,
        members::role,
        well_known::keys,
        well_known::metadata,
        document,
        forward_auth::ask,
    ),
    components(schemas(Code, Details)),
    tags(
        (name = "Tokens", description = "Given for what Kakao gave, replaced, and taken back"),
        (name = "Member", description = "Who a token shows"),
        (name = "Administration", description = "For people of the administration, and for servers with an API key"),
        (name = "Verifying", description = "What services read that verify tokens themselves"),
        (name = "Proxies", description = "Other sites, behind the same login"),
    ),
)]
struct Operations;

/// The document, made once.
pub struct Document {
    text: String,
    value: Value,
    order: Vec<(String, &'static str)>,
}

impl Document {
    /// For a service at this address, whose session cookie has this name.
    #[must_use]
    pub fn new(public_url: &PublicUrl, cookie: &str) -> Self {
        let mut document = Operations::openapi();
        document.info = InfoBuilder::new()
            .title("Kakao Gate")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(ABOUT))
            .build();
        let server = ServerBuilder::new().url(public_url.origin()).build();
        document.servers = Some(vec![server]);
        let components = document.components.get_or_insert_default();
        for (name, scheme) in schemes(cookie) {
            components.add_security_scheme(name, scheme);
        }
        let mut order = Vec::new();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                tell_problems(operation);
                let ways = operation.security.iter().flatten();
                // Whoever may show nothing says in the body who it is, and others need none.
                let instead = ways
                    .into_iter()
                    .any(|way| *way == SecurityRequirement::default());
                if let (true, Some(RefOr::T(body))) = (instead, &mut operation.request_body) {
                    body.required = Some(Required::False);
                }
                order.push((path.clone(), method));
            }
        }
        Self {
            text: serde_json::to_string(&document).unwrap_or_default(),
            value: serde_json::to_value(&document).unwrap_or_default(),
            order,
        }
    }

    /// As it is served.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, for pages that are made of it.
    pub(in crate::web) fn value(&self) -> &Value {
        &self.value
    }

    /// Paths and methods (`get`) of its operations, in order.
    pub(in crate::web) fn order(&self) -> &[(String, &'static str)] {
        &self.order
    }
}

#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "document",
    tag = "Verifying",
    summary = "Get this document",
    description = "OpenAPI 3.1. The pages at `/docs/api` show the same.",
    responses((
        status = 200,
        description = "This document",
        body = Object,
        content_type = "application/json",
        headers(("Cache-Control" = String, description = "For how long the answer may be kept")),
    )),
    extensions(("x-problems" = json!([]))),
)]
/// Anyone.
pub(in crate::web) async fn document(site: web::Data<Site>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, KEPT))
        .content_type("application/json")
        .body(site.document.text().to_owned())
}

/// What somebody may show, each said as who it is that has it.
fn schemes(cookie: &str) -> impl IntoIterator<Item = (&'static str, SecurityScheme)> {
    let bearer = |description: &str| {
        let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        http.description(Some(description))
    };
    let session =
        ApiKeyValue::with_description(cookie, "A member's browser, by its session cookie");
    let kakaos = bearer("An app with an access token of Kakao's, as a bearer token");
    let ours =
        bearer("Whoever has an access token of ours, as a bearer token").bearer_format("JWT");
    let key = bearer("A server with an API key of the administration's, as a bearer token");
    [
        ("kakaoAccessToken", SecurityScheme::Http(kakaos.build())),
        ("accessToken", SecurityScheme::Http(ours.build())),
        ("apiKey", SecurityScheme::Http(key.build())),
        ("session", SecurityScheme::ApiKey(ApiKey::Cookie(session))),
    ]
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Puts the problems that an operation names into its answers, one answer for each status.
fn tell_problems(operation: &mut Operation) {
    let named = operation.extensions.as_mut();
    let Some(named) = named.and_then(|extensions| extensions.remove(PROBLEMS)) else {
        return;
    };
    let mut codes = codes_in(&named);
    // Anything can go wrong here.
    codes.push(Code::Server);
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let same = by_status.entry(code.status().as_str().to_owned());
        let same = same.or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    let responses = &mut operation.responses.responses;
    for (status, codes) in by_status {
        responses.insert(status, RefOr::T(problem(&codes)));
    }
}

/// The codes in a list of codes and lists.
fn codes_in(named: &Value) -> Vec<Code> {
    match named {
        Value::Array(list) => list.iter().flat_map(codes_in).collect(),
        one => serde_json::from_value(one.clone()).into_iter().collect(),
    }
}

/// The answer of one status, with the codes that it can have.
fn problem(codes: &[Code]) -> Response {
    let list: Vec<String> = codes
        .iter()
        .map(|code| format!("`{code}`: {}", code.title()))
        .collect();
    let of_these = ObjectBuilder::new().property(
        "code",
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(codes.iter().map(|code| json!(code)))),
    );
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(of_these);
    let content = ContentBuilder::new()
        .schema(Some(Schema::from(schema)))
        .example(codes.first().map(|code| code.example()))
        .build();
    let mut response = ResponseBuilder::new()
        .description(list.join(". "))
        .content(PROBLEM, content)
        .header("Cache-Control", header("no-store"));
    response = match codes.first().map(|code| code.status().as_u16()) {
        Some(401) => response.header("WWW-Authenticate", header("Bearer (RFC 6750)")),
        Some(429 | 503) => response.header("Retry-After", header("Seconds to wait")),
        _ => response,
    };
    response.build()
}

fn header(description: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new()
        .schema(Some(text))
        .description(Some(description))
        .build()
}
