//! The one route table of the emulator, and what surrounds every request: reading it, writing it
//! down, and letting it fail when asked to.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::ALLOW;
use actix_web::middleware::Next;
use actix_web::web::{self, Bytes, Data, ReqData, ServiceConfig};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};

use super::fault::{Fault, Times, UnknownFault};
use super::journal::{Endpoint, Recorded};
use super::received::{Received, first};
use super::refusal::{KAPI_JSON, KAUTH_JSON};
use super::{Shared, account_logout, assets, breakage, console, page, sign_in, token, user};

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
                .route(web::get().to(sign_in::authorize))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::AccountLogout.path())
                .route(web::get().to(account_logout::account_logout))
                .default_service(only("GET")),
        )
        .service(
            web::resource(Endpoint::Token.path())
                .route(web::post().to(token::token))
                .default_service(only("POST")),
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
                .route(web::post().to(user::logout))
                .default_service(only("POST")),
        )
        .service(
            web::resource(Endpoint::Unlink.path())
                .route(web::post().to(user::unlink))
                .default_service(only("POST")),
        )
        .route("/emulator/account", web::post().to(sign_in::choose))
        .route("/emulator/consent", web::post().to(sign_in::consent))
        .route("/emulator/logout", web::post().to(account_logout::choose))
        .route("/", web::get().to(console::index))
        .route("/emulator/faults", web::post().to(console::add_fault))
        .route(
            "/emulator/faults/clear",
            web::post().to(console::clear_faults),
        )
        .route("/emulator/clock", web::post().to(console::advance_clock))
        .route("/emulator/unlink", web::post().to(console::unlink))
        .route("/emulator/reset", web::post().to(console::reset))
        .route("/emulator/style.css", web::get().to(assets::style))
        .route(
            "/emulator/consent.js",
            web::get().to(assets::consent_script),
        )
        .route("/pictures/{name}", web::get().to(assets::picture))
        .default_service(web::to(unknown_address));
}

/// Reads a request, writes it down and, when a fault is due, lets it fail.
pub(super) async fn observe(
    shared: Data<Shared>,
    body: Bytes,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let received = Received::read(request.request(), &body, &shared.session_cookie);
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
    if received.is_foreign
        && request.path().starts_with("/emulator/")
        && !request.method().is_safe()
    {
        let refused = page::foreign(&shared, &received);
        return Ok(request.into_response(refused));
    }
    let fault = match due_fault(&shared, &request, &received, endpoint) {
        Ok(fault) => fault.zip(endpoint),
        Err(unknown) => {
            let refused = HttpResponse::BadRequest()
                .content_type("text/plain; charset=utf-8")
                .body(format!(
                    "Emulator: {unknown}, see docs/emulator.md
"
                ));
            return Ok(request.into_response(refused));
        }
    };
    let is_withheld = fault
        .as_ref()
        .is_some_and(|(fault, _)| fault.withholds_answer());
    request.extensions_mut().insert(received.clone());
    let answer = match fault {
        None => next.call(request).await?.map_into_boxed_body(),
        Some((fault, _)) if fault.needs_real_answer() => {
            let real = next.call(request).await?.map_into_boxed_body();
            let (request, real) = real.into_parts();
            let broken = breakage::damage(fault, real, endpoint, &shared, &received).await;
            ServiceResponse::new(request, broken)
        }
        Some((fault, endpoint)) => {
            let broken = breakage::instead(&fault, endpoint, &shared, &received).await;
            request.into_response(broken)
        }
    };
    if let Some(number) = number
        && !is_withheld
    {
        let status = answer.status().as_u16();
        shared.state().journal.answered(number, status);
    }
    Ok(answer)
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
    let mut state = shared.state();
    if endpoint == Endpoint::Authorize
        && let Some(text) = first(&received.query, FAULT_PARAMETER)
    {
        let (target, fault) = targeted(text)?;
        state.faults.arm(target, fault, Times::Once);
    }
    Ok(state.faults.take(endpoint))
}

/// Reads `<endpoint>:<fault>`; a fault alone is meant for the authorize address itself.
pub(super) fn targeted(text: &str) -> Result<(Endpoint, Fault), UnknownFault> {
    if let Some((name, fault)) = text.split_once(':')
        && let Some(endpoint) = Endpoint::named(name)
    {
        return Ok((endpoint, fault.parse()?));
    }
    Ok((Endpoint::Authorize, text.parse()?))
}

async fn wrong_method(request: HttpRequest, allowed: &'static str) -> HttpResponse {
    let mut response = HttpResponse::MethodNotAllowed();
    response.insert_header((ALLOW, allowed));
    refuse(&mut response, &request, "method not allowed")
}

async fn unknown_address(
    shared: Data<Shared>,
    request: HttpRequest,
    received: ReqData<Received>,
) -> HttpResponse {
    if !is_kakaos(request.path()) {
        return page::not_found(&shared, &received);
    }
    refuse(&mut HttpResponse::NotFound(), &request, "not found")
}

/// A refusal in the language of the host the path belongs to. Neither host documents one.
fn refuse(
    response: &mut actix_web::HttpResponseBuilder,
    request: &HttpRequest,
    words: &str,
) -> HttpResponse {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_may_name_its_endpoint() {
        let token = Ok((Endpoint::Token, Fault::refuse("KOE320")));
        assert_eq!(targeted("token:KOE320"), token);
        let delay = Fault::Delay(std::time::Duration::from_millis(5));
        assert_eq!(targeted("delay:5"), Ok((Endpoint::Authorize, delay)));
        assert!(targeted("token:soon").is_err());
    }
}
