//! KakaoTalk's in-app browser: somebody who opens a link there is signed in at Kakao, so the login
//! page first tries without a click, once.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use super::callback::is_prefetch;
use super::cookies;
use super::kakao::lead_to_kakao;
use super::login;
use super::visitor::Visitor;
use super::{Limit, Site};
use crate::flow::{Next, Purpose, Weather};

/// What KakaoTalk's browser says it is.
const IN_APP: &str = "KAKAOTALK";

/// Whether this is KakaoTalk's in-app browser.
pub(super) fn is_in_app(visitor: &Visitor) -> bool {
    visitor.origin().user_agent.contains(IN_APP)
}

/// The way to Kakao for somebody whom it may know. Nobody is led there who has logged out in this
/// browser, or whose session was ended: that was somebody's will. Nor a second time while the
/// cookie says that it was tried, so that there is no going round in circles.
pub(super) fn try_once(
    site: &Site,
    visitor: &Visitor,
    request: &HttpRequest,
    next: &Next,
) -> Option<HttpResponse> {
    let headers = request.headers();
    let asked = request.method() == Method::GET
        && is_in_app(visitor)
        && !is_prefetch(headers)
        && visitor.notice().is_none();
    let anew = !visitor.was_signed_in()
        && login::field(request.query_string(), "reason").is_none()
        && cookies::value(headers, site.cookies.silent).is_none();
    if !asked || !anew || site.gate.weather() == Weather::Failing {
        return None;
    }
    site.limits.count(Limit::Login, visitor.arrived().ip).ok()?;
    let sealed = cookies::value(headers, site.cookies.attempts);
    let begun = site
        .gate
        .begin_login(sealed, next.clone(), None, Purpose::Silent);
    let mut response = lead_to_kakao(site, &begun).ok()?;
    // A browser that keeps no cookies will not come back here: it finds an error page with a way
    // forward, because its attempt is not there either.
    response.add_cookie(&site.cookies.tried_silently()).ok()?;
    Some(response)
}

/// The address of the login page, where the button is, as if nothing had been tried.
pub(super) fn back_to_the_button(next: &Next) -> String {
    login::address(next, None, false)
}
