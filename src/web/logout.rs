//! `/logout` and where it leads.

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::Site;
use super::cookies::Notice;
use super::error::Problem;
use super::forms::Post;
use super::login::field;
use super::page::{self, Layout, see_other};
use super::silent;
use super::visitor::{Member, Visitor};
use crate::flow::Reach;
use crate::session::BrowserSession;

#[derive(Template)]
#[template(path = "logout.html")]
struct Choice<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    quick: bool,
}

/// Members: the choice; nothing is done.
pub(super) async fn choose(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> HttpResponse {
    let choice = Choice {
        layout: Layout::new(&site, &member.visitor),
        csrf: member.visitor.csrf(),
        quick: field(request.query_string(), "quick").as_deref() == Some("1"),
    };
    page::show(&site, &member.visitor, &choice)
}

/// What the buttons say.
#[derive(Deserialize)]
pub(super) struct Fields {
    reach: Width,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Width {
    Here,
    Everywhere,
    Kakao,
}

/// Members, with a form of theirs. Whoever has been logged out meanwhile is simply told so.
pub(super) async fn act(
    site: web::Data<Site>,
    session: BrowserSession,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    let (reach, done) = match form.fields.reach {
        Width::Here => (Reach::Here, "/logged-out"),
        Width::Everywhere => (Reach::Everywhere, "/logged-out?done=all"),
        Width::Kakao => (Reach::WithKakao, "/logged-out/kakao"),
    };
    if let Some(signed_in) = form.visitor.signed_in() {
        site.gate
            .sign_out(signed_in, reach, form.visitor.origin())
            .await?;
    }
    session.sign_out();
    let mut response = see_other(done);
    response.insert_header((HeaderName::from_static("clear-site-data"), "\"cache\""));
    if silent::is_in_app(&form.visitor) {
        response.cookie(site.cookies.logged_out());
    }
    if reach == Reach::WithKakao {
        let state = site
            .gate
            .random
            .token()
            .map_err(|error| Problem::server(error.to_string()))?;
        let notice = Notice::ToKakao { state };
        if let Some(cookie) = site.cookies.say(&site.gate, &notice) {
            response.cookie(cookie);
        }
    }
    Ok(response.finish())
}

#[derive(Template)]
#[template(path = "logged-out/kakao.html")]
struct ToKakao<'a> {
    layout: Layout<'a>,
    address: String,
}

/// Anyone who has just logged out here: on to Kakao's logout. A page of our own in between,
/// because the content security policy (`form-action`) blocks a form that ends at another site,
/// at every hop.
pub(super) async fn lead_to_kakao(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let Some(Notice::ToKakao { state }) = visitor.notice() else {
        return see_other("/logged-out").finish();
    };
    let page = ToKakao {
        layout: Layout::new(&site, &visitor),
        address: site.gate.kakao_logout_address(state),
    };
    page::render(actix_web::http::StatusCode::OK, &page)
}

/// Anyone: Kakao sends the browser back. The state says whether it comes from the logout that
/// this browser began.
pub(super) async fn back_from_kakao(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> HttpResponse {
    let returned = field(request.query_string(), "state");
    let ours = match visitor.notice() {
        Some(Notice::ToKakao { state }) => returned.as_ref() == Some(state),
        _ => false,
    };
    let mut response = see_other(if ours {
        "/logged-out?done=kakao"
    } else {
        "/logged-out?done=partial"
    })
    .finish();
    // A cookie that cannot be added stays for its five minutes.
    let _ = response.add_cookie(&site.cookies.forget(site.cookies.notice));
    response
}

#[derive(Template)]
#[template(path = "logged-out/index.html")]
struct Done<'a> {
    layout: Layout<'a>,
    body: &'static str,
}

/// Anyone: it is done. Somebody who is signed in goes to their page.
pub(super) async fn done(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> HttpResponse {
    if visitor.signed_in().is_some() {
        return see_other("/me").finish();
    }
    let layout = Layout::new(&site, &visitor);
    let t = layout.t;
    let body = match field(request.query_string(), "done").as_deref() {
        Some("all") => t.lo_done_all(),
        Some("kakao") => t.lo_done_kakao(),
        Some("partial") => t.lo_done_partial(),
        _ => t.lo_done_service(),
    };
    page::show(&site, &visitor, &Done { layout, body })
}
