//! `GET /oauth/logout`: the browser's logout, from the service only or together with the Kakao
//! account.

use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::web::{Data, ReqData};
use askama::Template;

use super::Shared;
use super::ask::{Stop, with_query};
use super::journal::Endpoint;
use super::page::{self, Frame};
use super::received::{Received, first, pairs};
use super::settings::AppSettings;

#[derive(Template)]
#[template(path = "emulator/logout.html")]
struct LogoutPage {
    frame: Frame,
    lead: String,
    request: String,
}

/// Shows the choice, or leads back at once when there is no Kakao account session.
pub(super) async fn account_logout(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let now = shared.clock.now();
    let cookie = received.session.as_deref().unwrap_or_default();
    let (back, person) = {
        let state = shared.state();
        let person = state.session_person(cookie, now);
        let person = person.map(|person| person.nickname.clone());
        (way_back(&state.app, &received.raw_query), person)
    };
    match (back, person) {
        (Err(refused), _) => {
            let asked = (Endpoint::AccountLogout, received.raw_query.as_str());
            page::stop(&shared, &received, asked, &refused)
        }
        (Ok(back), None) => page::redirect(&back),
        (Ok(_), Some(person)) => {
            let texts = received.language.texts();
            let title = texts.logout_title.to_string();
            let page = LogoutPage {
                frame: Frame::new(&shared, received.language, title),
                lead: texts.logout_lead.with(&[("person", &person)]),
                request: received.raw_query.clone(),
            };
            page::render(StatusCode::OK, &page)
        }
    }
}

/// `POST /emulator/logout`: the choice was made; the field is named as Kakao's page names it.
pub(super) async fn choose(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let request = received.field("request").unwrap_or_default();
    let back = way_back(&shared.state().app, request);
    let back = match back {
        Ok(back) => back,
        Err(refused) => {
            let asked = (Endpoint::AccountLogout, request);
            return page::stop(&shared, &received, asked, &refused);
        }
    };
    let mut response = page::redirect(&back);
    if received.field("logout_with_kakao") == Some("true") {
        let session = received.session.as_deref().unwrap_or_default();
        shared.state().sessions.remove(session);
        let mut cookie = Cookie::build(shared.session_cookie.clone(), "")
            .path("/")
            .finish();
        cookie.make_removal();
        if response.add_cookie(&cookie).is_err() {
            return HttpResponse::InternalServerError().finish();
        }
    }
    response
}

/// The registered address to return to, with the state echoed.
fn way_back(app: &AppSettings, raw_query: &str) -> Result<String, Stop> {
    let query = pairs(raw_query.as_bytes());
    let required = |name| first(&query, name).ok_or_else(|| Stop::new("KOE207", name));
    let client_id = required("client_id")?;
    let address = required("logout_redirect_uri")?;
    if app.rest_key(client_id).is_none() {
        return Err(Stop::new("KOE101", client_id));
    }
    if !app
        .logout_redirect_uris
        .iter()
        .any(|known| known == address)
    {
        return Err(Stop::new("KOE007", address));
    }
    let state = first(&query, "state").map(|state| ("state", state));
    let state: Vec<_> = state.into_iter().collect();
    Ok(with_query(address, &state))
}
