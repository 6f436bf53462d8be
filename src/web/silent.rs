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
use crate::member::EndedBy;

/// What KakaoTalk's browser says it is.
const IN_APP: &str = "KAKAOTALK";

/// Whether this is KakaoTalk's in-app browser.
pub(super) fn is_in_app(visitor: &Visitor) -> bool {
    visitor.origin().user_agent.contains(IN_APP)
}

/// Whether the session that this browser still holds was ended by somebody, and not by time.
fn was_ended(visitor: &Visitor) -> bool {
    let ended = visitor.ended();
    ended.is_some_and(|(by, _)| by != EndedBy::Expiry)
}

/// Whether it ended for going unused, of somebody in the administration: they are to come back by
/// themselves, or else whoever holds the telephone is in their place.
fn was_idle_staff(visitor: &Visitor) -> bool {
    visitor.ended().is_some_and(|(_, role)| role.is_staff())
}

/// Keeps in mind that somebody ended the session of KakaoTalk's browser, for longer than its row is
/// kept.
pub(super) fn keep_in_mind(site: &Site, visitor: &Visitor, page: &mut HttpResponse) {
    if is_in_app(visitor) && was_ended(visitor) {
        // It could only fail for a name or value that no header takes; both are ours.
        let _ = page.add_cookie(&site.cookies.logged_out());
    }
}

/// The way to Kakao for somebody whom it may know. Nobody is led there who has logged out in this
/// browser, or whose session was ended: that was somebody's will. Nor a second time while the
/// cookie says that it was tried, so that there is no going round in circles; nor past a note that
/// something was lost.
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
    let field = |name| login::field(request.query_string(), name);
    let anew = visitor.signed_in().is_none()
        && !was_ended(visitor)
        && !was_idle_staff(visitor)
        && field("reason").is_none_or(|reason| reason == "expired")
        && field("lost").is_none()
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
