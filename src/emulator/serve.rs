//! The one route table of the emulator, and what surrounds every request: reading it, writing it
//! down, and letting it fail when asked to.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{self, Data, Payload, ReqData, ServiceConfig};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, Route};

use super::fault::{Fault, UnknownFault};
use super::journal::{Endpoint, Recorded};
use super::received::{Received, first, read_body};
use super::refusal::{KAPI_JSON, KAUTH_JSON};
use super::{
    Shared, account_logout, assets, breakage, consents, console, cross_origin, listing, mail,
    openid, page, sign_in, token, user,
};

/// Header that makes the one request carrying it fail.
const FAULT_HEADER: &str = "x-emulator-fault";
/// Authorize parameter that arms a fault once: `token:KOE320`.
const FAULT_PARAMETER: &str = "emulator_fault";

/// Every address of the emulator.
pub(super) fn routes(config: &mut ServiceConfig) {
    let only = |method: &'static str| web::to(move |request| wrong_method(request, method));
    config
        .service(
            web::resource(Endpoint::Authorize.path())
                .route(page_route().to(sign_in::authorize))
                .default_service(only("GET, HEAD")),
        )
        .service(
            web::resource(Endpoint::AccountLogout.path())
                .route(page_route().to(account_logout::account_logout))
                .default_service(only("GET, HEAD")),
        )
        .service(
            web::resource(Endpoint::Token.path())
                .route(web::get().to(token::token))
                .route(web::post().to(token::token))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource(Endpoint::AccessTokenInfo.path())
                .route(web::get().to(user::access_token_info))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::Me.path())
                .route(web::get().to(user::me))
                .route(web::post().to(user::me))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource(Endpoint::Logout.path())
                .route(web::get().to(user::logout))
                .route(web::post().to(user::logout))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource(Endpoint::Unlink.path())
                .route(web::get().to(user::unlink))
                .route(web::post().to(user::unlink))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource(Endpoint::Discovery.path())
                .route(web::get().to(openid::configuration))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::Jwks.path())
                .route(web::get().to(openid::jwks))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::IdTokenInfo.path())
                .route(web::post().to(openid::tokeninfo))
                .default_service(only("POST")),
        )
        .service(
            web::resource(Endpoint::UserInfo.path())
                .route(web::get().to(user::userinfo))
                .route(web::post().to(user::userinfo))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource(Endpoint::Scopes.path())
                .route(web::get().to(consents::scopes))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::RevokeScopes.path())
                .route(web::post().to(consents::revoke_scopes))
                .default_service(only("POST")),
        )
        .service(
            web::resource(Endpoint::ServiceTerms.path())
                .route(web::get().to(consents::terms))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::RevokeServiceTerms.path())
                .route(web::post().to(consents::revoke_terms))
                .default_service(only("POST")),
        )
        .service(
            web::resource(Endpoint::UpgradeServiceTerms.path())
                .route(web::post().to(consents::upgrade_terms))
                .default_service(only("POST")),
        )
        .service(
            web::resource(Endpoint::UserIds.path())
                .route(web::get().to(listing::user_ids))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::AppUsers.path())
                .route(web::get().to(listing::app_users))
                .default_service(only("GET")),
        )
        .route("/emulator/account", web::post().to(sign_in::choose))
        .route("/emulator/consent", web::post().to(sign_in::consent))
        .route("/emulator/logout", web::post().to(account_logout::choose))
        .route("/", page_route().to(console::index))
        .route("/mail", page_route().to(mail::page::list))
        .route("/mail/{number}", page_route().to(mail::page::show))
        .route("/emulator/faults", web::post().to(console::add_fault))
        .route(
            "/emulator/faults/clear",
            web::post().to(console::clear_faults),
        )
        .route("/emulator/clock", web::post().to(console::advance_clock))
        .route("/emulator/unlink", web::post().to(console::unlink))
        .route("/emulator/openid", web::post().to(console::openid))
        .route("/emulator/reset", web::post().to(console::reset))
        .route("/emulator/style.css", page_route().to(assets::style))
        .route(
            "/emulator/consent.js",
            page_route().to(assets::consent_script),
        )
        .route("/pictures/{name}", page_route().to(assets::picture))
        .default_service(web::to(unknown_address));
}

/// What a browser may ask for by its head alone. Authorizing it then leaves no trace: link
/// previews and monitors send such requests.
fn page_route() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Answers a request, and lets scripts of any origin read what kauth and kapi tell programs.
pub(super) async fn observe(
    shared: Data<Shared>,
    payload: Payload,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if cross_origin::is_preflight(request.method(), request.path()) {
        return Ok(request.into_response(cross_origin::preflight()));
    }
    let is_open = cross_origin::is_open(request.path());
    let mut answer = recorded(&shared, payload, request, next).await?;
    if is_open {
        cross_origin::open(answer.headers_mut());
    }
    Ok(answer)
}

/// Reads a request, writes it down and has it answered.
async fn recorded(
    shared: &Shared,
    payload: Payload,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let body = read_body(payload).await?;
    let bytes = body.as_deref().unwrap_or_default();
    let received = Received::read(request.request(), bytes, &shared.session_cookie);
    let path = request.path().to_owned();
    let endpoint = Endpoint::at(&path);
    let number = is_kakaos(&path).then(|| {
        shared.state().journal.write(Recorded {
            endpoint,
            method: request.method().to_string(),
            path,
            query: received.query.clone(),
            form: received.form.clone(),
            authorization: received.authorization.clone(),
            content_type: received.content_type.clone(),
            user_agent: received.user_agent.clone(),
            status: None,
            at: shared.clock.now(),
        })
    });
    let (answer, is_withheld) = if body.is_none() {
        let words = "request body too large";
        let refused = refuse(StatusCode::PAYLOAD_TOO_LARGE, request.request(), words);
        (request.into_response(refused), false)
    } else {
        answered(shared, &received, endpoint, request, next).await?
    };
    if let Some(number) = number
        && !is_withheld
    {
        let status = answer.status().as_u16();
        shared.state().journal.answered(number, status);
    }
    Ok(answer)
}

/// The answer, made to fail when a fault is due, and whether not even its status reaches the
/// client.
async fn answered(
    shared: &Shared,
    received: &Received,
    endpoint: Option<Endpoint>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<(ServiceResponse<BoxBody>, bool), Error> {
    if received.is_foreign
        && request.path().starts_with("/emulator/")
        && !request.method().is_safe()
    {
        let refused = page::foreign(shared, received);
        return Ok((request.into_response(refused), false));
    }
    let fault = match due_fault(shared, &request, received, endpoint) {
        Ok(fault) => fault.zip(endpoint),
        Err(unknown) => {
            let refused = HttpResponse::BadRequest()
                .content_type("text/plain; charset=utf-8")
                .body(format!("Emulator: {unknown}, see docs/emulator.md\n"));
            return Ok((request.into_response(refused), false));
        }
    };
    request.extensions_mut().insert(received.clone());
    let Some((fault, endpoint)) = fault else {
        return Ok((next.call(request).await?.map_into_boxed_body(), false));
    };
    let is_withheld = fault.withholds_answer();
    let answer = if fault.needs_real_answer() {
        let real = next.call(request).await?.map_into_boxed_body();
        let (request, real) = real.into_parts();
        let broken = breakage::damage(fault, real, endpoint, shared, received).await;
        ServiceResponse::new(request, broken)
    } else {
        let broken = breakage::instead(&fault, endpoint, shared, received).await;
        request.into_response(broken)
    };
    Ok((answer, is_withheld))
}

/// Whether the path would be served by Kakao, rather than by the emulator's own pages.
fn is_kakaos(path: &str) -> bool {
    let prefixes = ["/oauth/", "/.well-known/", "/v1/", "/v2/"];
    prefixes.iter().any(|prefix| path.starts_with(prefix))
}

/// The fault of this request: its own header first, then what is armed. An authorize request may
/// arm one for a later call, because a browser under test cannot reach the server's own calls.
fn due_fault(
    shared: &Shared,
    request: &ServiceRequest,
    received: &Received,
    endpoint: Option<Endpoint>,
) -> Result<Option<Fault>, UnknownFault> {
    let Some(endpoint) = endpoint else {
        return Ok(None);
    };
    if let Some(header) = request.headers().get(FAULT_HEADER) {
        let text = String::from_utf8_lossy(header.as_bytes());
        return text.parse().map(Some);
    }
    if received.is_head {
        return Ok(None);
    }
    let mut state = shared.state();
    if endpoint == Endpoint::Authorize
        && let Some(text) = first(&received.query, FAULT_PARAMETER)
    {
        state.arm_once(text)?;
    }
    Ok(state.faults.take(endpoint))
}

async fn wrong_method(request: HttpRequest, allowed: &'static str) -> HttpResponse {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut response = refuse(status, &request, "method not allowed");
    let allowed = HeaderValue::from_static(allowed);
    response.headers_mut().insert(ALLOW, allowed);
    response
}

async fn unknown_address(
    shared: Data<Shared>,
    request: HttpRequest,
    received: ReqData<Received>,
) -> HttpResponse {
    if !is_kakaos(request.path()) {
        return page::not_found(&shared, &received);
    }
    refuse(StatusCode::NOT_FOUND, &request, "not found")
}

/// A refusal in the language of the host the path belongs to. Neither host documents one.
fn refuse(status: StatusCode, request: &HttpRequest, words: &str) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    let is_kapi = request.path().starts_with("/v");
    if is_kapi {
        let body = serde_json::json!({"msg": words, "code": -2});
        return response.content_type(KAPI_JSON).json(body);
    }
    let body = serde_json::json!({
        "error": "invalid_request", "error_description": words, "error_code": "KOE002",
    });
    response.content_type(KAUTH_JSON).json(body)
}
